// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Compares the stand-in's public items with the real `kernel` crate's, source with source.
//!
//! Every public name of the stand-in has to exist in the real crate in the same module and with the
//! same shape. The real crate may have more, may have `const` where the stand-in has not, and may
//! implement more traits. What the stand-in keeps for tests (`testing`, and names that begin with
//! `__`) is left out; it is not to be used by shipped code, and a Kbuild compile sees to that.

pub mod api;
pub mod errno;
pub mod shape;

use anyhow::{Context, Result};
use api::{Api, Module, Scope};
use std::path::Path;

/// The module that only the stand-in has.
const TESTS_ONLY: &str = "testing";

/// What a comparison gives.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many names, items and implementations were looked at.
    pub checked: usize,
    /// What the stand-in has and the real crate has not, or has otherwise.
    pub violations: Vec<String>,
}

/// Compares the stand-in whose root file is `standin` with the kernel source tree `kernel`.
pub fn compare(standin: &Path, kernel: &Path) -> Result<Outcome> {
    let ours = api::read(standin, "", Scope::Public, true).context("cannot read the stand-in")?;
    let root = kernel.join("rust/kernel/lib.rs");
    let numbers = errno::read(kernel)?;
    let mut theirs = Api::new();
    let mut outcome = Outcome::default();
    for (path, module) in &ours {
        if path == TESTS_ONLY {
            continue;
        }
        if !theirs.contains_key(path) {
            match api::read(&root, path, Scope::All, false) {
                Ok(found) => theirs.extend(found),
                Err(error) => outcome.violations.push(format!("{path}: {error:#}")),
            }
        }
        if let Some(real) = theirs.get(path) {
            compare_module(path, module, real, &mut outcome);
        }
        for (name, number) in &module.numbers {
            outcome.checked += 1;
            if path == "error::code" && numbers.get(name) != Some(number) {
                let real = numbers.get(name);
                outcome
                    .violations
                    .push(format!("{path}: {name} is {number}, in C it is {real:?}"));
            }
        }
    }
    Ok(outcome)
}

/// Compares one module with its namesake.
fn compare_module(path: &str, ours: &Module, real: &Module, outcome: &mut Outcome) {
    let mut complain = |what: String| outcome.violations.push(format!("{path}: {what}"));
    for name in ours.names.iter().filter(|name| name.as_str() != TESTS_ONLY) {
        outcome.checked += 1;
        // A name of two parts is a method, and an item below, unless it is a glob.
        let importable = !name.contains("::") || name.ends_with("::*");
        if importable && !real.names.contains(name) {
            complain(format!("no name `{name}` in the real crate"));
        }
    }
    for (name, shapes) in &ours.items {
        outcome.checked += 1;
        let Some(candidates) = real.items.get(name) else {
            complain(format!("no `{name}` in the real crate"));
            continue;
        };
        for shape in shapes {
            let same = |c: &&api::Shape| c.text == shape.text && (c.is_const || !shape.is_const);
            if !candidates.iter().any(|candidate| same(&candidate)) {
                complain(format!(
                    "`{name}` is\n    {shape:?}\n  but really\n    {candidates:?}"
                ));
            }
        }
    }
    for (name, bounds) in &ours.impls {
        outcome.checked += 1;
        match real.impls.get(name) {
            None => complain(format!("no `{name}` in the real crate")),
            // A derive has no bounds of its own to compare.
            Some(candidates) => {
                if !candidates.is_empty() && !bounds.is_subset(candidates) {
                    complain(format!(
                        "`{name}` has {bounds:?}, but really {candidates:?}"
                    ));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The real crate of these tests.
    const REAL: &str = "
        pub use core::fmt::Write;
        pub struct Vec<T, A: Allocator> { len: usize }
        impl<T, A> Vec<T, A> where A: Allocator {
            pub const fn len(&self) -> usize { 0 }
            pub fn push(&mut self, v: T, flags: super::Flags) -> Result<(), AllocError> {}
            fn hidden(&self) {}
        }
        #[derive(Clone, Copy)]
        pub struct Error(i32);
        impl fmt::Debug for Error {}
        pub fn to_result(err: crate::ffi::c_int) -> Result {}
        declare_err!(EPERM, \"Operation not permitted.\");
        impl_asbytes! { u8, {<T: AsBytes>} [T], }
    ";

    /// What comparing `ours` with [`REAL`] finds, each as one line.
    fn violations(ours: &str) -> Vec<String> {
        let ours = api::parse("", ours, Scope::Public).unwrap().modules;
        let real = api::parse("", REAL, Scope::All).unwrap().modules;
        let mut outcome = Outcome::default();
        compare_module("m", &ours[""], &real[""], &mut outcome);
        outcome.violations
    }

    #[test]
    fn same_shape_written_otherwise_passes() {
        let ours = "
            pub use std::fmt::Write;
            pub struct Vec<T, A: Allocator> { inner: u8 }
            impl<T, A: Allocator> Vec<T, A> {
                pub fn len(&self) -> usize { 1 }
                pub fn push(&mut self, value: T, f: Flags) -> Result<(), AllocError> {}
            }
            #[derive(Clone)]
            pub struct Error(i32);
            impl core::fmt::Debug for Error {}
            pub fn to_result(number: c_int) -> Result {}
            declare_codes! { EPERM = 1 }
        ";
        assert_eq!(violations(ours), [] as [String; 0]);
    }

    #[test]
    fn name_that_the_real_crate_lacks_is_found() {
        assert_eq!(violations("pub fn from_result() {}").len(), 2);
        assert_eq!(violations("pub use core::fmt::Debug;").len(), 1);
        assert_eq!(violations("declare_codes! { EPROTO = 71 }").len(), 2);
    }

    #[test]
    fn other_signature_is_found() {
        assert_eq!(
            violations("pub fn to_result(err: c_long) -> Result {}").len(),
            1
        );
        assert_eq!(
            violations("pub const fn to_result(err: c_int) -> Result {}").len(),
            1
        );
        assert_eq!(
            violations("pub unsafe fn to_result(err: c_int) -> Result {}").len(),
            1
        );
    }

    #[test]
    fn method_with_weaker_bounds_is_found() {
        let ours = "impl<T, A> Vec<T, A> { pub fn len(&self) -> usize { 0 } }";
        assert_eq!(violations(ours).len(), 1);
    }

    #[test]
    fn method_that_takes_another_receiver_is_found() {
        let ours = "impl<T, A: Allocator> Vec<T, A> { pub fn len(&mut self) -> usize { 0 } }";
        assert_eq!(violations(ours).len(), 1);
    }

    #[test]
    fn trait_that_the_real_type_lacks_is_found() {
        assert_eq!(
            violations("#[derive(Default)] pub struct Error(i32);").len(),
            1
        );
        assert_eq!(
            violations("pub struct Error(i32); impl Ord for Error {}").len(),
            1
        );
    }

    #[test]
    fn trait_that_a_macro_implements_is_known_with_its_bounds() {
        let ours = "unsafe impl AsBytes for u8 {} unsafe impl<T: AsBytes> AsBytes for [T] {}";
        assert_eq!(violations(ours), [] as [String; 0]);
        assert_eq!(violations("unsafe impl AsBytes for u16 {}").len(), 1);
        assert_eq!(violations("unsafe impl<T> FromBytes for [T] {}").len(), 1);
        assert_eq!(
            violations("unsafe impl<T: Copy> AsBytes for [T] {}").len(),
            1
        );
    }

    #[test]
    fn private_and_test_items_are_nobodys_business() {
        let ours = "fn secret() {} #[cfg(test)] mod tests { pub fn f() {} } pub fn __emit() {}";
        assert_eq!(violations(ours), [] as [String; 0]);
    }
}
