// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Writes the mutants as Rust: each twice, by iface's own macros, and as `abi_stable` wants it.

use abi::mutate::{self, Kind, Mutant};
use abi::source::{self, Declaration, File};
use anyhow::{Context, Result};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};
use syn::visit_mut::{visit_type_mut, VisitMut};
use syn::{parse_quote, Ident, Type};

/// iface's sources, from this package.
const SOURCES: &str = "../../../iface/src";
/// Structures that may grow: `abi_stable` has prefix types for them.
const PREFIXES: [&str; 3] = ["HostTable", "ClientTable", "Info"];

/// So many mutants of one structure and kind are compiled at the most: each takes time.
const MOST: usize = 8;

fn main() -> Result<()> {
    let sources = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join(SOURCES);
    println!("cargo::rerun-if-changed={}", sources.display());
    println!("cargo::rerun-if-changed=build.rs");
    let layout = fs::read_to_string(sources.join("layout.rs"))?;
    let files = source::read(&sources)?;
    let mut text = String::new();
    text += between(
        &layout,
        "macro_rules! structure",
        "pub(crate) use structure;",
    )?;
    text += between(&layout, "macro_rules! table", "pub(crate) use table;")?;
    let folder = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(
        folder.join("contract.rs"),
        text + &as_written(&contract(&files)),
    )?;
    fs::write(folder.join("mutants.rs"), as_written(&mutants(&files)))?;
    Ok(())
}

/// Rust as people write it, since `stringify!` gives the blanks too.
fn as_written(tokens: &TokenStream) -> String {
    let text = tokens.to_string();
    text.replace("* mut ", "*mut ")
        .replace("* const ", "*const ")
}

fn between<'t>(text: &'t str, from: &str, to: &str) -> Result<&'t str> {
    let found = text.find(from).zip(text.find(to));
    let (start, end) = found.with_context(|| format!("layout.rs has no `{from}`"))?;
    Ok(&text[start..end])
}

/// A module for the contract.
fn contract(files: &[File]) -> TokenStream {
    let contract: Vec<Declaration> = files.iter().flat_map(|f| f.declarations.clone()).collect();
    let names = contract.iter().map(|d| d.name.to_string()).collect();
    module("contract", &contract, &names)
}

/// A module for each mutant, and the list of them.
fn mutants(files: &[File]) -> TokenStream {
    let mutants = chosen(mutate::all(files));
    let mut seen = BTreeSet::new();
    let modules = mutants.iter().enumerate().map(|(i, mutant)| {
        // The first mutant of each structure shows that the table leads to it. That takes a table
        // each, so the others are judged by themselves and by what they are a part of.
        let mut declared = match seen.insert(&mutant.structure) {
            true => mutant.leading(),
            false => mutant.containing(),
        };
        declared.insert(mutate::NEW_STRUCTURE.to_owned());
        module(&format!("mutant{i}"), &mutant.contract, &declared)
    });
    let modules: Vec<TokenStream> = modules.collect();
    let list = mutants
        .iter()
        .enumerate()
        .map(|(i, m)| entry(&format!("mutant{i}"), m));
    quote! {
        #(#modules)*
        /// Every mutant.
        pub static MUTANTS: &[Mutant] = &[#(#list),*];
    }
}

/// The mutants that are compiled: of a structure and a kind [`MOST`], evenly out of all.
fn chosen(all: Vec<Mutant>) -> Vec<Mutant> {
    let mut groups: BTreeMap<(String, Kind), Vec<Mutant>> = BTreeMap::new();
    for mutant in all {
        let group = (mutant.structure.clone(), mutant.kind);
        groups.entry(group).or_default().push(mutant);
    }
    let chosen = groups.into_values().flat_map(|group| {
        let step = group.len().div_ceil(MOST);
        group.into_iter().step_by(step)
    });
    chosen.collect()
}

fn entry(module: &str, mutant: &Mutant) -> TokenStream {
    let module = format_ident!("{module}");
    let (name, kind, structure) = (
        mutant.to_string(),
        mutant.kind.to_string(),
        &mutant.structure,
    );
    let minor = mutant.minor();
    quote!(Mutant { name: #name, kind: #kind, structure: #structure, minor: #minor, build: #module::BUILD })
}

/// A module with the structures `declared` of a contract; the others are the original's.
fn module(name: &str, contract: &[Declaration], declared: &BTreeSet<String>) -> TokenStream {
    let name = format_ident!("{name}");
    let here = || {
        contract
            .iter()
            .filter(|d| declared.contains(&d.name.to_string()))
    };
    let ours = here().map(|declaration| {
        let mut declaration = declaration.clone();
        strip(&mut declaration);
        match declaration.functions {
            Some(_) => quote!(table! { #declaration }),
            None => quote!(structure! { #declaration }),
        }
    });
    let theirs = here().map(stable);
    // In the order of iface's list, as the hash depends on it; what is new comes last.
    let order = |d: &&Declaration| {
        let place = iface_order().position(|name| d.name == name);
        place.unwrap_or(usize::MAX)
    };
    let mut ordered: Vec<&Declaration> = contract.iter().collect();
    ordered.sort_by_key(order);
    let all = ordered.iter().map(|d| &d.name);
    let shown = all.clone();
    let roots = ordered.iter().map(|d| reference(&d.name));
    let inherited = if declared.len() == contract.len() {
        quote!(
            use super::super::stable::*;
        )
    } else {
        quote!(
            use super::super::stable::*;
            use super::super::contract::theirs::*;
        )
    };
    quote! {
        mod #name {
            pub mod ours {
                use super::super::plain::*;
                #(#ours)*
                pub const STRUCTURES: &[Structure] = &[#(#all::LAYOUT),*];
                pub const PATH: &str = module_path!();
                pub fn shown() {
                    #(let _shown: *const #shown = core::ptr::null();)*
                    // What no instruction follows is not described.
                    let _end = 0;
                }
            }
            pub mod theirs {
                #inherited
                #(#theirs)*
                pub fn layouts() -> Vec<&'static TypeLayout> {
                    vec![#(#roots::LAYOUT),*]
                }
            }
            pub const BUILD: super::Build = super::Build {
                structures: ours::STRUCTURES,
                path: ours::PATH,
                shown: ours::shown,
                layouts: theirs::layouts,
            };
        }
    }
}

/// Structures in the order of iface's list.
fn iface_order() -> impl Iterator<Item = String> {
    abi::structures().into_iter()
}

/// Without texts and derives, which say nothing about layout.
fn strip(declaration: &mut Declaration) {
    declaration.attributes.clear();
    declaration
        .fields
        .iter_mut()
        .for_each(|f| f.attributes.clear());
    for function in declaration.functions.iter_mut().flatten() {
        function.attributes.clear();
    }
}

fn is_prefix(name: &Ident) -> bool {
    PREFIXES.iter().any(|prefix| name == prefix)
}

/// What `abi_stable` judges: the structure, or the pointer to what may grow.
fn reference(name: &Ident) -> Ident {
    match is_prefix(name) {
        true => format_ident!("{name}_Ref"),
        false => name.clone(),
    }
}

/// A declaration as `abi_stable` wants it.
fn stable(declaration: &Declaration) -> TokenStream {
    let name = &declaration.name;
    let mut members: Vec<(u16, TokenStream)> = Vec::new();
    for field in &declaration.fields {
        let (name, ty) = (&field.name, &field.ty);
        members.push((field.since, quote!(pub #name: #ty,)));
    }
    for function in declaration.functions.iter().flatten() {
        let (name, returns) = (&function.name, &function.returns);
        let mut arguments = function.arguments.clone();
        arguments
            .iter_mut()
            .for_each(|argument| ByReference.visit_fn_arg_mut(argument));
        let ty = quote!(Option<unsafe extern "C" fn(#arguments) #returns>);
        members.push((function.since, quote!(pub #name: #ty,)));
    }
    let is_prefix = is_prefix(name);
    let last = members.iter().rposition(|(since, _)| *since == 0);
    let members = members.iter().enumerate().map(|(i, (_, member))| {
        let marked = is_prefix && Some(i) == last;
        let mark = marked.then(|| quote!(#[sabi(last_prefix_field)]));
        quote!(#mark #member)
    });
    let kind = is_prefix.then(|| quote!(#[sabi(kind(Prefix))]));
    quote! {
        #[repr(C)]
        #[derive(Clone, Copy, StableAbi)]
        #kind
        pub struct #name { #(#members)* }
    }
}

/// What may grow is passed as the prefix type's pointer; a table in the other direction is judged by
/// itself.
struct ByReference;

impl VisitMut for ByReference {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::Ptr(pointer) = ty {
            if let Type::Path(path) = &*pointer.elem {
                if path.path.is_ident("Info") {
                    *ty = parse_quote!(Info_Ref);
                    return;
                }
                if path.path.is_ident("ClientTable") {
                    *ty = parse_quote!(*const c_void);
                    return;
                }
            }
        }
        visit_type_mut(self, ty);
    }
}
