// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The contract's dump, what changed in it, and its reference: `cargo xtask abi`.
//!
//! The dump is `iface::layout::Dump`, made by the compiler that builds the modules too. A copy of
//! it is in the tree, so that no change of the interface goes unseen.

use anyhow::{bail, Context, Result};
use std::fs;
use std::path::Path;

pub mod diff;
pub mod dump;
pub mod reference;

/// Where the dump is kept, from the top of the tree.
pub const DUMP: &str = "docs/abi/layout.txt";
/// Where the reference is kept.
pub const REFERENCE: &str = "docs/abi/reference.md";
/// Where the reference's texts come from.
const SOURCES: &str = "iface/src";

/// The dump of this build.
pub fn current() -> String {
    iface::layout::Dump.to_string()
}

/// Writes dump and reference below `top`.
pub fn doc(top: &Path) -> Result<()> {
    for (name, text) in [
        (DUMP, current()),
        (REFERENCE, reference::text(&top.join(SOURCES))?),
    ] {
        let path = top.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text).with_context(|| format!("{} can't be written", path.display()))?;
    }
    Ok(())
}

/// Fails if dump or reference below `top` are not those of this build, and says what changed.
pub fn check(top: &Path) -> Result<()> {
    let kept = read(&top.join(DUMP))?;
    let current = current();
    if kept != current {
        let changes = diff::between(&dump::parse(&kept)?, &dump::parse(&current)?);
        bail!(
            "the interface is not the one of {DUMP}:\n{}\
             If that is meant, change the version in iface/src/version.rs as said and run \
             `cargo xtask abi doc` in the same commit.",
            diff::explain(&changes)
        );
    }
    if read(&top.join(REFERENCE))? != reference::text(&top.join(SOURCES))? {
        bail!("{REFERENCE} is not that of iface's sources: run `cargo xtask abi doc`");
    }
    Ok(())
}

/// What changed between two dumps, and which version that needs.
pub fn diff(old: &Path, new: &Path) -> Result<String> {
    let (old, new) = (dump::parse(&read(old)?)?, dump::parse(&read(new)?)?);
    Ok(diff::explain(&diff::between(&old, &new)))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| {
        format!(
            "{} can't be read: `cargo xtask abi doc` makes it",
            path.display()
        )
    })
}
