// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Modules with other versions of the interface, each i915 with each kvmgt, in one boot.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use skew::matrix::{Outcome, Pair};
use skew::Variant;

use super::synthetic::PROGRAM;
use super::two_commits::MODULES;
use super::{checks, program};
use crate::kernel::{self, variant, Flavour};
use crate::program::GEM_WORK;
use crate::suite::{Context, Count};

/// The folder of all modules in the VM, one folder each.
const FOLDER: &str = "skew";

/// Three pairs: kvmgt is newer, i915 is newer, and both are.
pub fn some(context: &Context) -> Result<Count> {
    let (old, new) = (Variant::V1_0, Variant::V1_1);
    let pairs = [(old, new), (new, old), (new, new)];
    let found = pairs.map(|(host, client)| Pair::of(host, client));
    let found = found.into_iter().collect::<Option<Vec<_>>>();
    run(context, &found.context("the matrix has these")?)
}

/// All of the matrix.
pub fn all(context: &Context) -> Result<Count> {
    run(context, &Pair::all().collect::<Vec<_>>())
}

fn run(context: &Context, pairs: &[Pair]) -> Result<Count> {
    let overlay = program::overlay(context, &[PROGRAM, GEM_WORK])?;
    let mut variants = BTreeMap::new();
    for pair in pairs {
        for variant in [pair.host, pair.client] {
            variants.entry(variant.name).or_insert(variant);
        }
    }
    for variant in variants.values() {
        put_modules(context, variant, &overlay.path().join(FOLDER))?;
    }
    // With a display i915 could not be unloaded: the console has it then.
    let mut guest = checks::host(context, Flavour::Plain, checks::HEADLESS)?;
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    let mut script = String::from("cat >/run/lab/pairs <<'PAIRS'\n");
    for pair in pairs {
        // Writing to a string cannot fail.
        let _ = writeln!(script, "{}", line(pair));
    }
    script += "PAIRS\n";
    script += include_str!("../../../vm/scenario/skew.sh");
    checks::run(&guest, &script)
}

/// Puts both modules of a variant into a folder of its own.
fn put_modules(context: &Context, variant: &Variant, to: &Path) -> Result<()> {
    let image = if *variant == Variant::V1_0 {
        kernel::host(&context.cache, context.version, Flavour::Plain)?
    } else {
        let tree = variant::ensure(&context.cache, variant)?;
        kernel::host_of(&context.cache, context.version, Flavour::Plain, tree)?
    };
    let folder = to.join(variant.name);
    fs::create_dir_all(&folder)?;
    for name in MODULES {
        let module = image.modules().join(name);
        let place = folder.join(module.file_name().unwrap_or_default());
        fs::copy(&module, place).with_context(|| format!("cannot copy {}", module.display()))?;
    }
    Ok(())
}

/// A pair for the script: both folders; what is to happen; whether what 1.1 added is there; and what
/// kvmgt is to say, as a regular expression.
fn line(pair: &Pair) -> String {
    let (what, said) = match pair.outcome {
        Outcome::Works(_) => ("works", pair.attached()),
        Outcome::Refused(_) => ("refused", pair.refusal()),
    };
    let added = match pair.has_added() {
        true => "added",
        false => "absent",
    };
    let said = expression(&said.unwrap_or_default());
    format!(
        "{} {} {what} {added} {said}",
        pair.host.name, pair.client.name
    )
}

/// A pattern as an extended regular expression.
fn expression(pattern: &str) -> String {
    let mut out = String::new();
    for c in pattern.chars() {
        match c {
            '…' => out += ".*",
            '(' | ')' | '.' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_when_i915_needs_a_feature_then_numbers_may_be_any() {
        let pairs = Pair::all().map(|pair| line(&pair));
        let lines: Vec<String> = pairs.collect();
        let wanted = "1.0-needs-feature 1.0 refused absent i915 offers interface 1\\.0, \
                      this kvmgt needs 1\\.0: i915 needs features 0x.* that this kvmgt lacks \
                      \\(it needs 0x.*\\); load a newer kvmgt";
        assert!(lines.iter().any(|line| line == wanted), "{lines:#?}");
    }
}
