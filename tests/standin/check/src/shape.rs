// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Signatures in a form in which equal means equal.
//!
//! Paths lose all but their last segment (`crate::ffi::c_int` is `c_int`), attributes and the names
//! of arguments are dropped, and bounds are a set, wherever they were written.

use quote::ToTokens;
use std::collections::BTreeSet;
use syn::visit_mut::{self, VisitMut};
use syn::{FnArg, GenericParam, Generics, Path, ReturnType, Signature, Type, WherePredicate};

/// Drops attributes and leading path segments.
struct Shorten;

impl VisitMut for Shorten {
    fn visit_path_mut(&mut self, path: &mut Path) {
        visit_mut::visit_path_mut(self, path);
        // `T::Output` and `Self::Item` keep their first segment: it is a type, not a module.
        let is_module = |name: &str| name.starts_with(|c: char| c.is_lowercase());
        let kept: Vec<_> = path
            .segments
            .iter()
            .enumerate()
            .filter(|(i, s)| i + 1 == path.segments.len() || !is_module(&s.ident.to_string()))
            .map(|(_, s)| s.clone())
            .collect();
        path.leading_colon = None;
        path.segments = kept.into_iter().collect();
    }

    fn visit_attribute_mut(&mut self, _: &mut syn::Attribute) {}
}

/// The text of a type.
pub fn of_type(ty: &Type) -> String {
    let mut ty = ty.clone();
    Shorten.visit_type_mut(&mut ty);
    ty.to_token_stream().to_string()
}

/// The text of a path.
pub fn of_path(path: &Path) -> String {
    let mut path = path.clone();
    Shorten.visit_path_mut(&mut path);
    path.to_token_stream().to_string()
}

/// Parameters and bounds, each a line of its own.
pub fn of_generics(generics: &Generics) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for param in &generics.params {
        match param {
            GenericParam::Type(param) => {
                lines.insert(format!("type {}", param.ident));
                lines.extend(param.bounds.iter().map(|b| bound(&param.ident, b)));
            }
            GenericParam::Lifetime(param) => {
                lines.insert(format!("lifetime {}", param.lifetime));
                lines.extend(param.bounds.iter().map(|b| bound(&param.lifetime, b)));
            }
            GenericParam::Const(param) => {
                lines.insert(format!("const {}: {}", param.ident, of_type(&param.ty)));
            }
        }
    }
    for predicate in generics
        .where_clause
        .iter()
        .flat_map(|clause| &clause.predicates)
    {
        match predicate {
            WherePredicate::Type(p) => {
                let bounded = of_type(&p.bounded_ty);
                lines.extend(p.bounds.iter().map(|b| bound(&bounded, b)));
            }
            WherePredicate::Lifetime(p) => {
                lines.extend(p.bounds.iter().map(|b| bound(&p.lifetime, b)));
            }
            other => {
                lines.insert(other.to_token_stream().to_string());
            }
        }
    }
    lines
}

/// One bound of one parameter.
fn bound(of: &dyn std::fmt::Display, bound: &impl ToTokens) -> String {
    let tokens = bound.to_token_stream();
    let text = match syn::parse2::<syn::TypeParamBound>(tokens.clone()) {
        Ok(mut bound) => {
            Shorten.visit_type_param_bound_mut(&mut bound);
            bound.to_token_stream().to_string()
        }
        Err(_) => tokens.to_string(),
    };
    format!("{of}: {text}")
}

/// A function: its arguments' types, its result and its bounds; `const` is not part of it.
pub fn of_fn(sig: &Signature) -> String {
    let arguments: Vec<String> = sig
        .inputs
        .iter()
        .map(|argument| match argument {
            FnArg::Receiver(receiver) => {
                let and = receiver.reference.as_ref().map(|_| "&").unwrap_or_default();
                let mutable = and == "&" && receiver.mutability.is_some();
                format!("{and}{}self", if mutable { "mut " } else { "" })
            }
            FnArg::Typed(argument) => of_type(&argument.ty),
        })
        .collect();
    let result = match &sig.output {
        ReturnType::Default => "()".to_owned(),
        ReturnType::Type(_, ty) => of_type(ty),
    };
    let safety = sig.unsafety.as_ref().map(|_| "unsafe ").unwrap_or_default();
    let bounds: Vec<String> = of_generics(&sig.generics).into_iter().collect();
    format!(
        "{safety}fn({}) -> {result} where {{{}}}",
        arguments.join(", "),
        bounds.join(", ")
    )
}
