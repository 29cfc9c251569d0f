// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The sources of a variant: copies of this tree's, patched.

use crate::variant::{Needs, Registers, Variant};
use anyhow::{ensure, Context, Result};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is shipped.
pub const SHIPPED: [&str; 3] = ["iface", "i915-gvt-host", "kvmgt"];

/// What makes another version: the folder that is changed, which a tree may lack, and the change.
const PATCHES: [(&str, &str, &str); 3] = [
    ("1.1", SHIPPED[0], include_str!("../patches/1.1.patch")),
    ("1.1", GLUE, include_str!("../patches/1.1-hosted.patch")),
    ("2.0", SHIPPED[0], include_str!("../patches/2.0.patch")),
];
/// What the halves are given in place of Linux.
const GLUE: &str = "tests/hosted/glue";
/// The file with the numbers that both halves state.
const VERSION: &str = "iface/src/version.rs";
/// The file with the register table, one of its rows, and one that it does not have.
const REGISTERS: &str = "iface/src/registers/table.rs";
const ROW: &str = r#"reg("REG_0003C", 0x00003c, 4, ALL, NONE, HW)"#;
const OTHER_ROW: &str = r#"reg("REG_00040", 0x000040, 4, ALL, NONE, HW)"#;

/// A variant's sources in a folder.
pub struct Tree {
    path: PathBuf,
}

impl Tree {
    /// Writes the sources of `variant` to the folder `to`, which is empty or not there: `folders` of the
    /// tree at `top`, what is [`SHIPPED`] among them.
    ///
    /// # Errors
    ///
    /// A file can't be copied, or is not as the patches expect it: then it was changed, and they have to
    /// be.
    pub fn write(variant: &Variant, top: &Path, folders: &[&str], to: &Path) -> Result<Self> {
        for folder in folders {
            copy(&top.join(folder), &to.join(folder))?;
        }
        let tree = Self { path: to.into() };
        let version = variant.version.to_string();
        for (_, folder, patch) in PATCHES.iter().filter(|(name, ..)| *name == version) {
            if folders.contains(folder) {
                tree.patch(patch)?;
            }
        }
        let needs = |name: &str, Needs { minor, features }| {
            format!("pub const {name}: Needs = Needs {{\n    minor: {minor},\n    features: {features},\n}};")
        };
        let features = |features| format!("pub const FEATURES: u64 = {features};");
        let Variant {
            host_needs,
            client_needs,
            ..
        } = *variant;
        let plain = Variant::V1_0;
        tree.edit(
            VERSION,
            &features(plain.features),
            &features(variant.features),
        )?;
        for (name, from, to) in [
            ("HOST_NEEDS", plain.host_needs, host_needs),
            ("CLIENT_NEEDS", plain.client_needs, client_needs),
        ] {
            tree.edit(VERSION, &needs(name, from), &needs(name, to))?;
        }
        if variant.registers == Registers::Others {
            tree.edit(REGISTERS, ROW, OTHER_ROW)?;
        }
        Ok(tree)
    }

    /// Its root.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Changes a text that a file has once.
    fn edit(&self, file: &str, from: &str, to: &str) -> Result<()> {
        let path = self.path.join(file);
        let text = fs::read_to_string(&path)?;
        ensure!(
            text.matches(from).count() == 1,
            "{file} has no `{from}`, or many"
        );
        Ok(fs::write(&path, text.replace(from, to))?)
    }

    fn patch(&self, patch: &str) -> Result<()> {
        let mut command = Command::new("patch");
        command.args([
            "--strip=1",
            "--silent",
            "--fuzz=0",
            "--no-backup-if-mismatch",
        ]);
        command.arg("--directory").arg(&self.path);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start patch")?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(patch.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "a patch in tests/skew/patches does not apply: {said}"
        );
        Ok(())
    }
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let entries = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let to = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &to)?,
            false => drop(fs::copy(entry.path(), &to)?),
        }
    }
    Ok(())
}
