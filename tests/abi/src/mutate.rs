// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The contract with one thing changed, as somebody might change it without a new version, or with one.

use crate::source::{Declaration, Field, File, Function};
use std::collections::BTreeSet;
use std::fmt;
use syn::{parse_quote, FnArg, Ident, ReturnType, Type};

/// The minor version that mutants add things in.
pub const NEXT_MINOR: u16 = iface::version::MINOR + 1;

/// What kind of change it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Two neighbours change places.
    Reorder,
    /// A number gets another width, or an array another length.
    Resize,
    /// A type of the same size, or another result.
    Retype,
    /// Something new between others, with the next minor version.
    Insert,
    /// Something new behind all others, with the next minor version.
    Append,
    /// Something new behind all others, without a version.
    AppendUnsaid,
    /// Something new behind all others, and a new structure that it needs, with the next minor version.
    AppendWithStructure,
    /// Something is not there any more.
    Remove,
    /// Another name of a field, a function, or an argument.
    Rename,
    /// The same type by another name.
    Respell,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reorder => "reorder",
            Self::Resize => "resize",
            Self::Retype => "retype",
            Self::Insert => "insert",
            Self::Append => "append",
            Self::AppendUnsaid => "append unsaid",
            Self::AppendWithStructure => "append with a structure",
            Self::Remove => "remove",
            Self::Rename => "rename",
            Self::Respell => "respell",
        })
    }
}

/// The contract with one thing changed.
#[derive(Clone)]
pub struct Mutant {
    /// What kind of change it is.
    pub kind: Kind,
    /// The structure that is changed.
    pub structure: String,
    /// What of it.
    pub item: String,
    /// All declarations, the changed one among them.
    pub contract: Vec<Declaration>,
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}.{}", self.kind, self.structure, self.item)
    }
}

impl Mutant {
    /// The minor version that the mutant claims to be.
    pub fn minor(&self) -> u16 {
        match self.kind {
            Kind::Insert | Kind::Append | Kind::AppendWithStructure => NEXT_MINOR,
            _ => iface::version::MINOR,
        }
    }

    /// Names of the structures that are laid out otherwise than in the contract: the changed one, and
    /// those that it is a part of.
    pub fn containing(&self) -> BTreeSet<String> {
        self.closure(Declaration::contains)
    }

    /// Names of the structures that lead to the changed one by whatever way, itself among them.
    pub fn leading(&self) -> BTreeSet<String> {
        self.closure(Declaration::mentions)
    }

    fn closure(&self, leads: fn(&Declaration, &str) -> bool) -> BTreeSet<String> {
        let mut closure = BTreeSet::from([self.structure.clone()]);
        loop {
            let more: Vec<String> = self
                .contract
                .iter()
                .filter(|d| closure.iter().any(|name| leads(d, name)))
                .map(|d| d.name.to_string())
                .filter(|name| !closure.contains(name))
                .collect();
            if more.is_empty() {
                return closure;
            }
            closure.extend(more);
        }
    }
}

/// Every mutant of a contract.
pub fn all(files: &[File]) -> Vec<Mutant> {
    let contract: Vec<Declaration> = files.iter().flat_map(|f| f.declarations.clone()).collect();
    let mut mutants = Vec::new();
    for (index, declaration) in contract.iter().enumerate() {
        for (kind, item, changed) in changes(declaration) {
            let mut contract = contract.clone();
            contract[index] = changed;
            if kind == Kind::AppendWithStructure {
                contract.push(new_structure());
            }
            mutants.push(Mutant {
                kind,
                structure: declaration.name.to_string(),
                item,
                contract,
            });
        }
    }
    mutants
}

/// The structure that [`Kind::AppendWithStructure`] brings.
pub const NEW_STRUCTURE: &str = "Brought";

fn new_structure() -> Declaration {
    let name = Ident::new(NEW_STRUCTURE, proc_macro2::Span::call_site());
    let field = Field {
        since: NEXT_MINOR,
        ..new_field("value", parse_quote!(u64))
    };
    Declaration {
        attributes: Vec::new(),
        name,
        fields: vec![field],
        functions: None,
    }
}

fn new_field(name: &str, ty: Type) -> Field {
    Field {
        attributes: Vec::new(),
        since: 0,
        name: Ident::new(name, proc_macro2::Span::call_site()),
        ty,
    }
}

fn new_function(name: &str) -> Function {
    Function {
        attributes: Vec::new(),
        since: 0,
        name: Ident::new(name, proc_macro2::Span::call_site()),
        arguments: parse_quote!(dev: *mut HostDevice, value: u32),
        returns: parse_quote!(-> c_int),
    }
}

type Changes = Vec<(Kind, String, Declaration)>;

/// Every change of a declaration.
fn changes(declaration: &Declaration) -> Changes {
    let mut changes = Vec::new();
    let mut add = |kind, item: &dyn fmt::Display, change: &dyn Fn(&mut Declaration)| {
        let mut changed = declaration.clone();
        change(&mut changed);
        changes.push((kind, item.to_string(), changed));
    };
    let fields = &declaration.fields;
    for (i, field) in fields.iter().enumerate() {
        let name = &field.name;
        if i + 1 < fields.len() {
            add(Kind::Reorder, name, &|d| d.fields.swap(i, i + 1));
        }
        if let Some(ty) = resized(&field.ty) {
            add(Kind::Resize, name, &|d| d.fields[i].ty = ty.clone());
        }
        if let Some(ty) = retyped(&field.ty) {
            add(Kind::Retype, name, &|d| d.fields[i].ty = ty.clone());
        }
        add(Kind::Insert, name, &|d| {
            d.fields.insert(i, new_field("inserted", parse_quote!(u64)));
            d.fields[i].since = NEXT_MINOR;
        });
        add(Kind::Remove, name, &|d| drop(d.fields.remove(i)));
        add(Kind::Rename, name, &|d| d.fields[i].name = renamed(name));
    }
    match &declaration.functions {
        Some(functions) => function_changes(functions, &mut |kind, item, change| {
            let change = |d: &mut Declaration| change(d.functions.get_or_insert_default());
            add(kind, item, &change);
        }),
        None => {
            let appended = |d: &mut Declaration, since| {
                d.fields.push(new_field("appended", parse_quote!(u64)));
                d.fields.last_mut().expect("just pushed").since = since;
            };
            add(Kind::Append, &"appended", &|d| appended(d, NEXT_MINOR));
            add(Kind::AppendUnsaid, &"appended", &|d| appended(d, 0));
        }
    }
    changes
}

type Add<'a> = dyn FnMut(Kind, &dyn fmt::Display, &dyn Fn(&mut Vec<Function>)) + 'a;

fn function_changes(functions: &[Function], add: &mut Add<'_>) {
    for (i, function) in functions.iter().enumerate() {
        let name = &function.name;
        if i + 1 < functions.len() {
            add(Kind::Reorder, name, &|f| f.swap(i, i + 1));
        }
        if let Some(changed) = with_argument(function, resized) {
            add(Kind::Resize, name, &|f| f[i] = changed.clone());
        }
        if let Some(changed) = with_argument(function, turned) {
            add(Kind::Retype, name, &|f| f[i] = changed.clone());
        }
        add(Kind::Retype, &format!("{name} result"), &|f| {
            f[i].returns = match &f[i].returns {
                ReturnType::Default => parse_quote!(-> c_int),
                ReturnType::Type(..) => ReturnType::Default,
            };
        });
        add(Kind::Insert, name, &|f| {
            f.insert(i, new_function("inserted"));
            f[i].since = NEXT_MINOR;
        });
        add(Kind::Remove, name, &|f| drop(f.remove(i)));
        add(Kind::Rename, name, &|f| f[i].name = renamed(name));
        add(Kind::Rename, &format!("{name} argument"), &|f| {
            if let Some(FnArg::Typed(argument)) = f[i].arguments.last_mut() {
                argument.pat = parse_quote!(other);
            }
        });
        if let Some(changed) = with_argument(function, respelled) {
            add(Kind::Respell, name, &|f| f[i] = changed.clone());
        }
    }
    let appended = |functions: &mut Vec<Function>, since| {
        functions.push(new_function("appended"));
        functions.last_mut().expect("just pushed").since = since;
    };
    add(Kind::Append, &"appended", &|f| appended(f, NEXT_MINOR));
    add(Kind::Append, &"appended twice", &|f| {
        appended(f, NEXT_MINOR);
        f.push(f[f.len() - 1].clone());
        f.last_mut().expect("just pushed").name = parse_quote!(appended_next);
    });
    add(Kind::AppendUnsaid, &"appended", &|f| appended(f, 0));
    let name = Ident::new(NEW_STRUCTURE, proc_macro2::Span::call_site());
    add(Kind::AppendWithStructure, &"appended", &|f| {
        appended(f, NEXT_MINOR);
        f.last_mut().expect("just pushed").arguments = parse_quote!(out: *mut #name);
    });
}

fn renamed(name: &Ident) -> Ident {
    quote::format_ident!("{name}_2")
}

/// The function with its first argument changed that can be.
fn with_argument(function: &Function, change: fn(&Type) -> Option<Type>) -> Option<Function> {
    let mut changed = function.clone();
    for argument in &mut changed.arguments {
        if let FnArg::Typed(argument) = argument {
            if let Some(ty) = change(&argument.ty) {
                *argument.ty = ty;
                return Some(changed);
            }
        }
    }
    None
}

/// A type of another size for the same purpose.
fn resized(ty: &Type) -> Option<Type> {
    match ty {
        Type::Array(array) => {
            let (element, length) = (&array.elem, &array.len);
            Some(parse_quote!([#element; #length + 1]))
        }
        _ => number(ty, &[("u16", "u32"), ("u32", "u64"), ("u64", "u32")]),
    }
}

/// A type of the same size for another purpose.
fn retyped(ty: &Type) -> Option<Type> {
    match ty {
        Type::Array(array) => {
            let (element, length) = (retyped(&array.elem)?, &array.len);
            Some(parse_quote!([#element; #length]))
        }
        Type::Ptr(_) => turned(ty),
        _ => number(ty, &[("u16", "i16"), ("u32", "i32"), ("u64", "i64")]),
    }
}

/// A pointer that lets what it points to be written, or no more.
fn turned(ty: &Type) -> Option<Type> {
    let Type::Ptr(pointer) = ty else {
        return None;
    };
    let element = &pointer.elem;
    Some(match pointer.mutability {
        Some(_) => parse_quote!(*const #element),
        None => parse_quote!(*mut #element),
    })
}

/// The same type by another name.
fn respelled(ty: &Type) -> Option<Type> {
    match ty {
        Type::Ptr(pointer) if *pointer.elem == parse_quote!(c_void) => {
            Some(parse_quote!(*mut core::ffi::c_void))
        }
        _ => None,
    }
}

fn number(ty: &Type, others: &[(&str, &str)]) -> Option<Type> {
    let Type::Path(path) = ty else {
        return None;
    };
    let (_, other) = others.iter().find(|(name, _)| path.path.is_ident(name))?;
    syn::parse_str(other).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutants() -> Vec<Mutant> {
        all(&crate::source::read(&crate::tests::sources()).unwrap())
    }

    #[test]
    fn all_when_iface_then_more_than_200_and_every_kind_of_every_table() {
        let mutants = mutants();
        assert!(mutants.len() > 200, "{}", mutants.len());
        for table in ["HostTable", "ClientTable"] {
            let of_table = mutants.iter().filter(|m| m.structure == table);
            let kinds: BTreeSet<Kind> = of_table.map(|m| m.kind).collect();
            assert_eq!(kinds.len(), 10, "{table}");
        }
    }

    #[test]
    fn containing_and_leading_when_nested_then_by_value_and_by_pointer_too() {
        let mutants = mutants();
        let find = |name: &str| mutants.iter().find(|m| m.structure == name).unwrap();
        let names = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(names(find("Engine").containing()), "Engine Info");
        assert_eq!(names(find("Engine").leading()), "Engine HostTable Info");
        assert_eq!(names(find("Segment").containing()), "Segment");
        assert_eq!(
            names(find("Header").containing()),
            "ClientTable Header HostTable"
        );
    }

    #[test]
    fn all_when_compared_then_no_two_are_alike() {
        let names: BTreeSet<String> = mutants().iter().map(Mutant::to_string).collect();
        assert_eq!(names.len(), mutants().len());
    }
}
