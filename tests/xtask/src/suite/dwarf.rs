// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The debug information of the two modules against the contract's dump.
//!
//! The dump comes from `iface`'s own macros, under Cargo. What a module believes of a structure its
//! compiler says in DWARF: a judge that shares nothing with those macros.

use std::fs;
use std::path::Path;

use abi::dump::{self, Structure};
use anyhow::{ensure, Context as _, Result};

use super::{Context, Count};
use crate::command;
use crate::kernel::{Flavour, DEBUG_MODULES};
use crate::prepare::Boot;
use crate::progress::say;

/// Where the contract's structures are.
const CONTRACT: &str = "iface::";

/// Every structure of the dump is laid out in both modules as the dump says.
pub fn modules(context: &Context) -> Result<Count> {
    let image = context
        .prepare(Boot::Host(context.version, Flavour::Plain))?
        .image;
    let layout = command::work_tree().join(abi::DUMP);
    let text =
        fs::read_to_string(&layout).with_context(|| format!("cannot read {}", layout.display()))?;
    let contract = dump::parse(&text)?.structures;
    let mut count = Count::default();
    for name in DEBUG_MODULES {
        count = count.plus(module(name, &image.debug_module(name), &contract)?);
    }
    Ok(count)
}

/// Compares one module, a check for each structure.
fn module(name: &str, file: &Path, contract: &[Structure]) -> Result<Count> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let compiled = abi_dwarf::structures(&bytes, |path| path.starts_with(CONTRACT))
        .with_context(|| format!("{} can't be judged", file.display()))?;
    ensure!(!compiled.is_empty(), "{name} has nothing of the contract");
    let mut count = Count::default();
    for structure in contract {
        let found = compiled
            .iter()
            .find(|(path, _)| path.rsplit("::").next() == Some(&structure.name));
        let wrong = match found {
            Some((_, compiled)) => differences(structure, compiled),
            None => vec!["is not there".to_owned()],
        };
        for wrong in &wrong {
            say(&format!("    FAILED: {name}: {}: {wrong}", structure.name));
        }
        count = count.plus(if wrong.is_empty() {
            Count::ONE
        } else {
            Count::FAILED
        });
    }
    Ok(count)
}

/// Where what was compiled is not what the dump says.
fn differences(structure: &Structure, compiled: &abi_dwarf::Structure) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut compare = |what: &str, said: Option<u64>, found: Option<u64>| {
        if said != found {
            wrong.push(format!("{what} is {found:?}, the dump says {said:?}"));
        }
    };
    let number = |number: usize| Some(number as u64);
    compare("its size", number(structure.size), Some(compiled.size));
    if compiled.align.is_some() {
        compare("its alignment", number(structure.align), compiled.align);
    }
    for field in &structure.fields {
        let found = compiled.fields.iter().find(|f| f.name == field.name);
        let name = &field.name;
        let (offset, size) = (found.map(|f| f.offset), found.map(|f| f.size));
        compare(
            &format!("the offset of {name}"),
            number(field.offset),
            offset,
        );
        compare(&format!("the size of {name}"), number(field.size), size);
    }
    let fields = number(structure.fields.len());
    compare(
        "its number of fields",
        fields,
        number(compiled.fields.len()),
    );
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A structure as the dump has it, and the same as a compiler says it.
    fn header() -> (Structure, abi_dwarf::Structure) {
        let structure = Structure::from(&iface::Header::LAYOUT);
        let fields = structure.fields.iter().map(|field| abi_dwarf::Field {
            name: field.name.clone(),
            offset: field.offset as u64,
            size: field.size as u64,
            ty: field.signature.clone(),
        });
        let compiled = abi_dwarf::Structure {
            size: structure.size as u64,
            align: Some(structure.align as u64),
            fields: fields.collect(),
        };
        (structure, compiled)
    }

    #[test]
    fn differences_when_both_agree_then_none() {
        let (structure, compiled) = header();
        assert!(differences(&structure, &compiled).is_empty());
    }

    #[test]
    fn differences_when_two_fields_change_places_then_both_are_named() {
        let (structure, mut compiled) = header();
        let first = compiled.fields[1].offset;
        compiled.fields[1].offset = compiled.fields[2].offset;
        compiled.fields[2].offset = first;
        let wrong = differences(&structure, &compiled).join("; ");
        assert!(
            wrong.contains("offset of major") && wrong.contains("offset of minor"),
            "{wrong}"
        );
    }

    #[test]
    fn differences_when_a_field_is_missing_then_it_and_the_number() {
        let (structure, mut compiled) = header();
        compiled.fields.remove(0);
        let wrong = differences(&structure, &compiled).join("; ");
        assert!(
            wrong.contains("offset of magic") && wrong.contains("number of fields"),
            "{wrong}"
        );
    }
}
