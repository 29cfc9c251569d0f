// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The contract's dump, what changed in it, its releases and its reference: `cargo xtask abi`.
//!
//! The dump is `iface::layout::Dump`, made by the compiler that builds the modules too, with the
//! contract's numbers behind it. A copy of it is in the tree, so that no change of the interface goes
//! unseen.

use anyhow::{anyhow, bail, ensure, Context, Result};
use diff::{Short, Verdict};
use dump::Dump;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

pub mod diff;
pub mod dump;
pub mod mutate;
pub mod reference;
pub mod release;
pub mod source;

/// Where the dump is kept, from the top of the tree.
pub const DUMP: &str = "docs/abi/layout.txt";
/// Where the reference is kept.
pub const REFERENCE: &str = "docs/abi/reference.md";
/// The document that reviewers read.
pub const DOCUMENT: &str = "docs/abi/README.md";
/// Where releases are kept.
pub const RELEASES: &str = "docs/abi";
/// Where texts and numbers come from.
const SOURCES: &str = "iface/src";

/// The dump of this build, with the numbers of the sources below `top`.
pub fn current(top: &Path) -> Result<String> {
    with_constants(&iface::layout::Dump.to_string(), top)
}

/// What `iface::layout::Dump` printed, with the numbers of the sources below `top` behind it.
pub fn with_constants(layout: &str, top: &Path) -> Result<String> {
    let mut text = format!("{layout}\n");
    for source::Constant { name, ty, value } in source::constants(&top.join(SOURCES))? {
        writeln!(text, "constant {name}: {ty} = {value}")?;
    }
    Ok(text)
}

/// Names of the contract's structures, in the order in which its hash has them.
pub fn structures() -> Vec<String> {
    let structures = iface::layout::STRUCTURES.iter();
    structures.map(|s| s.name.to_owned()).collect()
}

/// Writes dump and reference below `top`, and the matrix into the document that is there.
pub fn doc(top: &Path) -> Result<()> {
    for (name, text) in [
        (DUMP, current(top)?),
        (REFERENCE, reference::text(&top.join(SOURCES))?),
        (DOCUMENT, with_matrix(&read(&top.join(DOCUMENT))?)?),
    ] {
        let path = top.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, text).with_context(|| format!("{} can't be written", path.display()))?;
    }
    Ok(())
}

fn with_matrix(document: &str) -> Result<String> {
    skew::matrix::with_table(document).map_err(|error| anyhow!("{DOCUMENT}: {error}"))
}

/// Compares this build with the last release and with what is kept below `top`, and says what it
/// found.
///
/// # Errors
///
/// What changed, which version that needs, and what to do.
pub fn check(top: &Path) -> Result<String> {
    let said = check_dump(top, &current(top)?)?;
    if read(&top.join(REFERENCE))? != reference::text(&top.join(SOURCES))? {
        bail!("{REFERENCE} is not that of iface's sources: run `cargo xtask abi doc`");
    }
    let document = read(&top.join(DOCUMENT))?;
    if with_matrix(&document)? != document {
        bail!("the matrix in {DOCUMENT} is not that of tests/skew: run `cargo xtask abi doc`");
    }
    Ok(said)
}

/// Compares the dump `current` with the last release and the dump below `top`, and says what it
/// found.
///
/// # Errors
///
/// As for [`check`].
pub fn check_dump(top: &Path, current: &str) -> Result<String> {
    let kept = read(&top.join(DUMP))?;
    let (kept_dump, dump) = (dump::parse(&kept)?, dump::parse(current)?);
    let releases = release::all(&top.join(RELEASES))?;
    let verdict = Verdict::of(releases.last().unwrap_or(&kept_dump), &dump);
    let before = match releases.last() {
        Some(last) => format!("the last release, interface {}", Short(&last.version)),
        None => DUMP.to_owned(),
    };
    let faults = diff::faults(&dump);
    let wrong = if !faults.is_empty() {
        format!("the interface contradicts itself: {}", faults.join("; "))
    } else if !releases.is_empty() && !verdict.is_kept() {
        let claimed = Short(&verdict.claimed);
        format!("the interface says that it is {claimed}, which does not suit what changed")
    } else if kept != current {
        format!("the interface is not the one of {DUMP}")
    } else {
        return Ok(format!("compared with {before}:\n{verdict}"));
    };
    bail!("{wrong}; since {before}:\n{verdict}")
}

/// What changed between two dumps, layouts or releases of the tree at `top`, and which version that
/// needs.
pub fn diff(top: &Path, old: &str, new: &str) -> Result<String> {
    let (old, new) = (named(top, old)?, named(top, new)?);
    Ok(Verdict::of(&old, &new).to_string())
}

/// A dump by its file, or a release by its version.
fn named(top: &Path, name: &str) -> Result<Dump> {
    let release = top.join(RELEASES).join(name).join(release::LAYOUT);
    if release.exists() {
        return release::read_layout(&release);
    }
    let path = Path::new(name);
    if path
        .extension()
        .is_some_and(|extension| extension == "json")
    {
        return release::read_layout(path);
    }
    dump::parse(&read(path)?)
}

/// Freezes this build's interface as a release below `top`, and returns its folder.
///
/// # Errors
///
/// The interface still says that it is unstable, or as for [`release::write`].
pub fn release(top: &Path) -> Result<PathBuf> {
    use iface::version::{CLIENT_NEEDS, FEATURES, FEATURE_UNSTABLE, HOST_NEEDS};
    let features = FEATURES | HOST_NEEDS.features | CLIENT_NEEDS.features;
    ensure!(
        features & FEATURE_UNSTABLE == 0,
        "this is a draft: it offers or needs FEATURE_UNSTABLE (iface/src/version.rs)"
    );
    check(top)?;
    let dump = dump::parse(&current(top)?)?;
    let files = source::read(&top.join(SOURCES))?;
    release::write(&top.join(RELEASES), &dump, &files)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| {
        format!(
            "{} can't be read: `cargo xtask abi doc` makes it",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests;
