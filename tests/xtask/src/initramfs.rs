// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The first root of a VM: busybox, the modules it takes to reach the real root, and a
//! script that lays a tmpfs over the Debian tree shared by the machine outside.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};
use cpio::newc::{trailer, Builder};

use crate::command;
use crate::kernel::Image;

/// The statically linked busybox of package `busybox-static`.
const BUSYBOX: &str = "/bin/busybox";
/// Modules without which the real root cannot be mounted, where they are modules.
const EARLY: &[&str] = &[
    "virtio_pci",
    "virtio_console",
    "9pnet_virtio",
    "9p",
    "overlay",
];
/// First stage: mounts the real root and goes there.
const INIT: &str = include_str!("../vm/init.sh");
/// Second stage, in the real root: brings up what was asked for and runs the command.
const STAGE: &str = include_str!("../vm/stage.sh");

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const PLAIN: u32 = 0o100_644;

/// Writes the initramfs of an image; `command` is what the second stage runs, if anything.
pub fn write(image: &Image, command: Option<&str>, to: &Path) -> Result<()> {
    let mut archive = Archive::default();
    for folder in [
        "bin", "dev", "proc", "sys", "modules", "new", "lower", "over", "base",
    ] {
        archive.add(folder, DIRECTORY, b"")?;
    }
    let busybox = fs::read(BUSYBOX).with_context(|| format!("cannot read {BUSYBOX}"))?;
    archive.add("bin/busybox", PROGRAM, &busybox)?;
    archive.add("init", PROGRAM, INIT.as_bytes())?;
    archive.add("stage", PROGRAM, STAGE.as_bytes())?;
    if let Some(command) = command {
        archive.add("command", PLAIN, command.as_bytes())?;
    }
    for (name, module) in modules(image, EARLY)? {
        archive.add(&format!("modules/{name}"), PLAIN, &module)?;
    }
    fs::write(to, archive.finish()?).with_context(|| format!("cannot write {}", to.display()))
}

/// Modules and all that they depend on, uncompressed. The names of the files, sorted, are in the order
/// of loading.
pub fn modules(image: &Image, names: &[&str]) -> Result<Vec<(String, Vec<u8>)>> {
    let numbered = |(place, file): (usize, &PathBuf)| -> Result<(String, Vec<u8>)> {
        Ok((format!("{place:02}.ko"), uncompressed(file)?))
    };
    files(image, names)?
        .iter()
        .enumerate()
        .map(numbered)
        .collect()
}

/// The files of modules and of all that they depend on, in the order of loading.
fn files(image: &Image, names: &[&str]) -> Result<Vec<PathBuf>> {
    let mut seen = BTreeSet::new();
    let mut files = Vec::new();
    for name in names {
        let mut modprobe = command::new("/sbin/modprobe");
        modprobe.arg("--dirname").arg(&image.root).args([
            "--set-version",
            &image.release,
            "--show-depends",
            name,
        ]);
        for file in insmod_lines(&command::output(&mut modprobe)?) {
            if seen.insert(file.clone()) {
                files.push(file);
            }
        }
    }
    Ok(files)
}

/// The files in the output of `modprobe --show-depends`; built-in modules have none.
fn insmod_lines(text: &str) -> Vec<PathBuf> {
    text.lines()
        .filter_map(|line| line.strip_prefix("insmod "))
        .filter_map(|line| line.split_whitespace().next())
        .map(PathBuf::from)
        .collect()
}

/// A module's bytes; busybox can only load what is not compressed.
fn uncompressed(module: &Path) -> Result<Vec<u8>> {
    let program = match module.extension().and_then(|e| e.to_str()) {
        Some("ko") => return Ok(fs::read(module)?),
        Some("xz") => "xz",
        Some("zst") => "zstd",
        _ => bail!("{} is compressed in an unknown way", module.display()),
    };
    let output = command::new(program)
        .args(["--decompress", "--stdout"])
        .arg(module)
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        bail!("{program} cannot unpack {}", module.display());
    }
    Ok(output.stdout)
}

/// A cpio archive in the `newc` form, which the kernel unpacks (kernel documentation,
/// early-userspace/buffer-format).
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    inode: u32,
}

impl Archive {
    fn add(&mut self, name: &str, mode: u32, content: &[u8]) -> Result<()> {
        self.inode += 1;
        let size = u32::try_from(content.len()).with_context(|| format!("{name} is too large"))?;
        let mut file = Builder::new(name)
            .ino(self.inode)
            .mode(mode)
            .nlink(1)
            .write(&mut self.bytes, size);
        file.write_all(content)?;
        file.finish()?;
        Ok(())
    }

    fn finish(self) -> Result<Vec<u8>> {
        Ok(trailer(self.bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use cpio::newc;

    use super::*;

    #[test]
    fn archive_when_read_then_has_files_with_content() {
        let mut archive = Archive::default();
        archive.add("folder", DIRECTORY, b"").unwrap();
        archive.add("folder/odd", PROGRAM, b"12345").unwrap();
        let bytes = archive.finish().unwrap();

        let folder = newc::Reader::new(bytes.as_slice()).unwrap();
        assert_eq!(
            (folder.entry().name(), folder.entry().mode()),
            ("folder", DIRECTORY)
        );
        let mut file = newc::Reader::new(folder.finish().unwrap()).unwrap();
        assert_eq!(
            (file.entry().name(), file.entry().mode()),
            ("folder/odd", PROGRAM)
        );
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert_eq!(content, b"12345");
        let end = newc::Reader::new(file.finish().unwrap()).unwrap();
        assert!(end.entry().is_trailer());
    }

    #[test]
    fn insmod_lines_when_module_is_built_in_then_skipped() {
        let text = "builtin overlay\ninsmod /lib/modules/1/9p.ko.xz \n";
        assert_eq!(
            insmod_lines(text),
            [PathBuf::from("/lib/modules/1/9p.ko.xz")]
        );
    }
}
