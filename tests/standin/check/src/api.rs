// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a crate offers: names and shapes, read from its source.

use crate::shape;
use anyhow::{Context, Result};
use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::parse::{Parse, ParseStream};
use syn::{ImplItem, Item, TraitItem, UseTree, Visibility};

/// One public thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape {
    /// Its signature in comparable form.
    pub text: String,
    /// Whether it is a `const fn`.
    pub is_const: bool,
}

/// What one module offers.
#[derive(Debug, Default)]
pub struct Module {
    /// Names that can be imported from here: defined here, or re-exported.
    pub names: BTreeSet<String>,
    /// Definitions by kind and name (`fn to_result`, `method Vec::push`), one shape for each `cfg`.
    pub items: BTreeMap<String, BTreeSet<Shape>>,
    /// Implementations and derives, as `Trait for Type`, with the bounds of each.
    pub impls: BTreeMap<String, BTreeSet<String>>,
    /// Errno constants with their numbers, where the source says them.
    pub numbers: BTreeMap<String, i64>,
}

/// A crate's modules by path (`alloc::kvec`; the root is empty).
pub type Api = BTreeMap<String, Module>;

/// Which things of a module count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What a user of the crate can name. Names that begin with `__` are nobody's.
    Public,
    /// Everything: visibility is then up to the `pub use` that names it.
    All,
}

/// Reads the module at `path` (such as `alloc::kvec`) of the crate whose root file is `root`, and
/// with `recurse` all its child modules.
pub fn read(root: &Path, path: &str, scope: Scope, recurse: bool) -> Result<Api> {
    let file = file_of(root, path)?;
    let source = std::fs::read_to_string(&file)
        .with_context(|| format!("module `{path}` is not at {}", file.display()))?;
    let Parsed {
        modules: mut api,
        children,
    } = parse(path, &source, scope).with_context(|| format!("in {}", file.display()))?;
    if recurse {
        for child in children {
            api.extend(read(root, &child, scope, true)?);
        }
    }
    Ok(api)
}

/// What one file holds.
#[derive(Debug)]
pub struct Parsed {
    /// The file's module and the modules written inside of it.
    pub modules: Api,
    /// The paths of child modules with files of their own.
    pub children: Vec<String>,
}

/// Collects the module `path` from its source.
pub fn parse(path: &str, source: &str, scope: Scope) -> Result<Parsed> {
    let mut parsed = Parsed {
        modules: Api::new(),
        children: Vec::new(),
    };
    let file = syn::parse_file(source)?;
    module(
        &mut parsed.modules,
        path,
        &file.items,
        scope,
        &mut parsed.children,
    )?;
    Ok(parsed)
}

/// The file of a module; this project and the kernel have no `mod.rs`.
fn file_of(root: &Path, path: &str) -> Result<PathBuf> {
    if path.is_empty() {
        return Ok(root.to_owned());
    }
    let folder = root
        .parent()
        .context("a crate's root file is in a folder")?;
    // The kernel's C types are a crate of their own, beside `kernel`.
    if path == "ffi" && !folder.join("ffi.rs").exists() {
        return Ok(folder.with_file_name("ffi.rs"));
    }
    Ok(folder.join(path.replace("::", "/")).with_extension("rs"))
}

/// The path of `name` inside of `path`.
fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}::{name}")
    }
}

/// Whether attributes say that an item exists in tests only.
fn is_test(item: &Item) -> bool {
    let attributes = match item {
        Item::Mod(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => return false,
    };
    attributes
        .iter()
        .any(|a| a.to_token_stream().to_string().contains("cfg (test)"))
}

/// Collects one module, and the paths of its child modules that are files.
fn module(
    api: &mut Api,
    path: &str,
    items: &[Item],
    scope: Scope,
    children: &mut Vec<String>,
) -> Result<()> {
    let mut here = Module::default();
    for item in items.iter().filter(|item| !is_test(item)) {
        for item in expand(item)? {
            if let Item::Mod(inner) = &item {
                let name = join(path, &inner.ident.to_string());
                here.names.insert(inner.ident.to_string());
                match &inner.content {
                    Some((_, items)) => module(api, &name, items, scope, children)?,
                    None => children.push(name),
                }
            } else {
                here.add(&item, scope);
            }
        }
    }
    api.insert(path.to_owned(), here);
    Ok(())
}

/// `NAME, "text"` or `NAME = number` of the macros that declare error codes.
struct Code(syn::Ident, Option<syn::LitInt>);

impl Parse for Code {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        let number = if input.parse::<Option<syn::Token![=]>>()?.is_some() {
            Some(input.parse()?)
        } else {
            input.parse::<syn::Token![,]>()?;
            input.parse::<syn::LitStr>()?;
            None
        };
        Ok(Code(name, number))
    }
}

/// `name = type` of the macro that declares C types.
struct Alias(syn::Ident, syn::Type);

impl Parse for Alias {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        input.parse::<syn::Token![=]>()?;
        Ok(Alias(name, input.parse()?))
    }
}

/// `type`, or `{<generics>} type`, of the macros that say which types are bytes.
struct Implementor(syn::Generics, syn::Type);

impl Parse for Implementor {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let generics = if input.peek(syn::token::Brace) {
            let inside;
            syn::braced!(inside in input);
            inside.parse()?
        } else {
            syn::Generics::default()
        };
        Ok(Implementor(generics, input.parse()?))
    }
}

/// The implementations of a trait that a macro makes for a list of types.
fn implementations(call: &syn::Macro, name: &str) -> Result<Vec<Item>> {
    type Types = syn::punctuated::Punctuated<Implementor, syn::Token![,]>;
    let implemented: syn::Ident = syn::parse_str(name)?;
    let types = call.parse_body_with(Types::parse_terminated)?;
    let items = types.into_iter().map(|Implementor(generics, ty)| {
        syn::parse_quote!(unsafe impl #generics #implemented for #ty {})
    });
    Ok(items.collect())
}

/// What an item stands for: itself, or what the few macros that declare public things make of it.
fn expand(item: &Item) -> Result<Vec<Item>> {
    let Item::Macro(call) = item else {
        return Ok(vec![item.clone()]);
    };
    let name = call
        .mac
        .path
        .segments
        .last()
        .map(|s| s.ident.to_string())
        .unwrap_or_default();
    Ok(match name.as_str() {
        "declare_err" | "declare_codes" => {
            type Codes = syn::punctuated::Punctuated<Code, syn::Token![,]>;
            let codes = call.mac.parse_body_with(Codes::parse_terminated)?;
            codes
                .into_iter()
                .map(|Code(name, number)| {
                    let value = number.unwrap_or_else(|| syn::parse_quote!(0));
                    syn::parse_quote!(pub const #name: super::Error = #value;)
                })
                .collect()
        }
        "alias" => {
            type Aliases = syn::punctuated::Punctuated<Alias, syn::Token![;]>;
            let aliases = call.mac.parse_body_with(Aliases::parse_terminated)?;
            aliases
                .into_iter()
                .map(|Alias(name, ty)| syn::parse_quote!(pub type #name = #ty;))
                .collect()
        }
        "impl_frombytes" => implementations(&call.mac, "FromBytes")?,
        "impl_asbytes" => implementations(&call.mac, "AsBytes")?,
        _ => vec![item.clone()],
    })
}

impl Module {
    /// Notes an item, unless it is out of scope.
    fn add(&mut self, item: &Item, scope: Scope) {
        match item {
            Item::Const(item) if seen(scope, &item.vis, &item.ident) => {
                self.define("const", &item.ident, &shape::of_type(&item.ty), false);
                if let syn::Expr::Lit(syn::ExprLit {
                    lit: syn::Lit::Int(number),
                    ..
                }) = &*item.expr
                {
                    let number = number.base10_parse().unwrap_or_default();
                    self.numbers.insert(item.ident.to_string(), number);
                }
            }
            Item::Fn(item) if seen(scope, &item.vis, &item.sig.ident) => {
                let is_const = item.sig.constness.is_some();
                self.define("fn", &item.sig.ident, &shape::of_fn(&item.sig), is_const);
            }
            Item::Struct(item) if seen(scope, &item.vis, &item.ident) => {
                let open = item.fields.iter().filter(|field| is_pub(&field.vis));
                let fields: Vec<String> = open.map(|field| shape::of_type(&field.ty)).collect();
                let text = format!("{:?} of {fields:?}", shape::of_generics(&item.generics));
                self.define("struct", &item.ident, &text, false);
                self.derives(&item.attrs, &item.ident);
            }
            Item::Enum(item) if seen(scope, &item.vis, &item.ident) => {
                let variants = item.variants.iter().map(|v| v.ident.to_string());
                let text = format!(
                    "{:?} of {:?}",
                    shape::of_generics(&item.generics),
                    variants.collect::<Vec<_>>()
                );
                self.define("enum", &item.ident, &text, false);
                self.derives(&item.attrs, &item.ident);
            }
            Item::Type(item) if seen(scope, &item.vis, &item.ident) => {
                let generics = shape::of_generics(&item.generics);
                let text = format!("{generics:?} is {}", shape::of_type(&item.ty));
                self.define("type", &item.ident, &text, false);
            }
            Item::Trait(item) if seen(scope, &item.vis, &item.ident) => self.add_trait(item),
            Item::Macro(item) => {
                if let Some(name) = &item.ident {
                    let exported = item.attrs.iter().any(|a| a.path().is_ident("macro_export"));
                    if exported && !name.to_string().starts_with("__") {
                        self.define("macro", name, "", false);
                    }
                }
            }
            Item::Use(item) if is_pub(&item.vis) => flatten(&item.tree, None, &mut self.names),
            Item::Impl(item) => self.add_impl(item, scope),
            _ => {}
        }
    }

    fn define(&mut self, kind: &str, name: &dyn std::fmt::Display, text: &str, is_const: bool) {
        self.names.insert(name.to_string());
        let shape = Shape {
            text: text.to_owned(),
            is_const,
        };
        self.items
            .entry(format!("{kind} {name}"))
            .or_default()
            .insert(shape);
    }

    fn derives(&mut self, attributes: &[syn::Attribute], name: &syn::Ident) {
        for attribute in attributes.iter().filter(|a| a.path().is_ident("derive")) {
            // A derive that cannot be read is no claim of either side.
            let _ = attribute.parse_nested_meta(|meta| {
                let derived = format!("{} for {name}", shape::of_path(&meta.path));
                self.impls.entry(derived).or_default();
                Ok(())
            });
        }
    }

    fn add_trait(&mut self, item: &syn::ItemTrait) {
        let safety = if item.unsafety.is_some() {
            "unsafe "
        } else {
            ""
        };
        let text = format!("{safety}{:?}", shape::of_generics(&item.generics));
        self.define("trait", &item.ident, &text, false);
        for member in &item.items {
            match member {
                TraitItem::Fn(f) if !f.sig.ident.to_string().starts_with("__") => {
                    let name = format!("{}::{}", item.ident, f.sig.ident);
                    self.define("method", &name, &shape::of_fn(&f.sig), false);
                }
                TraitItem::Const(c) if !c.ident.to_string().starts_with("__") => {
                    let name = format!("{}::{}", item.ident, c.ident);
                    self.define("const", &name, &shape::of_type(&c.ty), false);
                }
                _ => {}
            }
        }
    }

    fn add_impl(&mut self, item: &syn::ItemImpl, scope: Scope) {
        let ty = shape::of_type(&item.self_ty);
        let bounds = shape::of_generics(&item.generics);
        if let Some((_, path, _)) = &item.trait_ {
            let implemented = shape::of_path(path);
            // What happens on drop is no promise to the user.
            if implemented != "Drop" {
                let name = format!("{implemented} for {ty}");
                self.impls
                    .entry(name)
                    .or_default()
                    .insert(format!("{bounds:?}"));
            }
            return;
        }
        for member in &item.items {
            let ImplItem::Fn(method) = member else {
                continue;
            };
            if seen(scope, &method.vis, &method.sig.ident) {
                let name = format!("{ty}::{}", method.sig.ident);
                let text = format!("{} in impl {bounds:?}", shape::of_fn(&method.sig));
                self.define("method", &name, &text, method.sig.constness.is_some());
            }
        }
    }
}

/// Whether the visibility is plain `pub`.
fn is_pub(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Whether an item is in scope.
fn seen(scope: Scope, visibility: &Visibility, name: &syn::Ident) -> bool {
    match scope {
        Scope::All => true,
        Scope::Public => is_pub(visibility) && !name.to_string().starts_with("__"),
    }
}

/// The names that a `use` brings in; a glob is `*` with the name of what it opens.
fn flatten(tree: &UseTree, parent: Option<&syn::Ident>, names: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => flatten(&path.tree, Some(&path.ident), names),
        UseTree::Name(name) => {
            names.insert(name.ident.to_string());
        }
        UseTree::Rename(rename) => {
            names.insert(rename.rename.to_string());
        }
        UseTree::Glob(_) => {
            names.insert(format!(
                "{}::*",
                parent.map(ToString::to_string).unwrap_or_default()
            ));
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, parent, names);
            }
        }
    }
}
