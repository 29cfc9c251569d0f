// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is shipped, with another version of the interface.

use std::path::PathBuf;

use anyhow::Result;
use skew::{Tree, Variant};

use crate::cache::{Cache, Key};
use crate::command;

/// Disk space of a tree, in MiB.
const MIB: u64 = 50;
/// What makes other versions.
const SKEW: [&str; 2] = ["tests/skew/patches", "tests/skew/src"];

/// Puts the sources of a variant into the cache.
pub fn ensure(cache: &Cache, variant: &Variant) -> Result<PathBuf> {
    let top = command::work_tree();
    let mut key = Key::new().add("variant", variant.name);
    for folder in skew::SHIPPED.into_iter().chain(SKEW) {
        key = key.files(&top.join(folder))?;
    }
    cache.artefact("variant-tree", &key, MIB, |part| {
        Tree::write(variant, &top, &skew::SHIPPED, part).map(drop)
    })
}
