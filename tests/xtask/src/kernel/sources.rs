// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Where things are in a tree of this project.

use std::path::PathBuf;

/// A tree whose modules are built.
pub struct Sources {
    /// Its root.
    pub tree: PathBuf,
}

impl Sources {
    /// The patch to i915.
    pub fn patch(&self) -> PathBuf {
        self.tree.join("i915-gvt-host/linux/i915.patch")
    }

    /// Folders copied into the kernel's `drivers/gpu/drm/i915/gvt_host`, by name there.
    pub fn in_tree(&self) -> [(&'static str, PathBuf); 3] {
        [
            ("src", self.tree.join("i915-gvt-host/src")),
            ("linux", self.tree.join("i915-gvt-host/linux")),
            ("iface", self.tree.join("iface/src")),
        ]
    }

    /// Folders copied beside each other for the modules built out of tree.
    pub fn out_of_tree(&self) -> [(&'static str, PathBuf); 6] {
        [
            ("kvmgt", self.tree.join("kvmgt")),
            ("iface", self.tree.join("iface")),
            ("tests/fixture", self.tree.join("tests/fixture")),
            ("tests/conformance", self.tree.join("tests/conformance")),
            ("tests/reader", self.tree.join("tests/reader")),
            // As the interface's document has it: beside the client, in a folder.
            ("tests/reader/iface", self.tree.join("iface/src")),
        ]
    }
}
