// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The first root of a VM: busybox, the modules it takes to reach the real root, and a
//! script that lays a tmpfs over the Debian tree shared by the machine outside.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

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
        archive.add(folder, DIRECTORY, b"");
    }
    let busybox = fs::read(BUSYBOX).with_context(|| format!("cannot read {BUSYBOX}"))?;
    archive.add("bin/busybox", PROGRAM, &busybox);
    archive.add("init", PROGRAM, INIT.as_bytes());
    archive.add("stage", PROGRAM, STAGE.as_bytes());
    if let Some(command) = command {
        archive.add("command", PLAIN, command.as_bytes());
    }
    for (place, module) in early_modules(image)?.iter().enumerate() {
        // The number keeps the order that dependencies need.
        archive.add(
            &format!("modules/{place:02}.ko"),
            PLAIN,
            &uncompressed(module)?,
        );
    }
    fs::write(to, archive.finish()).with_context(|| format!("cannot write {}", to.display()))
}

/// The files of the early modules and of all they depend on, in the order of loading.
fn early_modules(image: &Image) -> Result<Vec<PathBuf>> {
    let mut seen = BTreeSet::new();
    let mut files = Vec::new();
    for name in EARLY {
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

/// A cpio archive in the `newc` form (kernel documentation, early-userspace/buffer-format).
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    inode: u32,
}

impl Archive {
    fn add(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.inode += 1;
        let links = 1;
        let (owner, group, time, device) = (0, 0, 0, 0);
        // Files of an initramfs are far below the 4 GiB that the field could not hold.
        let size = content.len() as u32;
        let name_size = name.len() as u32 + 1;
        let fields = [
            self.inode, mode, owner, group, links, time, size, device, device, device, device,
            name_size, 0,
        ];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes
                .extend_from_slice(format!("{field:08X}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend_from_slice(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.add("TRAILER!!!", 0, b"");
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the format's description says that a reader does; a fresh machine has no program for it.
    fn read_back(mut bytes: &[u8]) -> Vec<(String, u32, Vec<u8>)> {
        const HEADER: usize = 6 + 13 * 8;
        let mut files = Vec::new();
        loop {
            let field = |n: usize| {
                let text = std::str::from_utf8(&bytes[6 + 8 * n..][..8]).unwrap();
                u32::from_str_radix(text, 16).unwrap()
            };
            assert_eq!(bytes[..6], *b"070701");
            let (mode, size, name_size) = (field(1), field(6) as usize, field(11) as usize);
            let name = bytes[HEADER..][..name_size].strip_suffix(b"\0").unwrap();
            let content = (HEADER + name_size).next_multiple_of(4);
            if name == b"TRAILER!!!" {
                return files;
            }
            let name = String::from_utf8(name.to_vec()).unwrap();
            files.push((name, mode, bytes[content..][..size].to_vec()));
            bytes = &bytes[(content + size).next_multiple_of(4)..];
        }
    }

    #[test]
    fn archive_when_read_back_then_has_files_with_content() {
        let mut archive = Archive::default();
        archive.add("folder", DIRECTORY, b"");
        archive.add("folder/odd", PROGRAM, b"12345");

        let files = read_back(&archive.finish());

        let wanted = [
            ("folder".to_owned(), DIRECTORY, Vec::new()),
            ("folder/odd".to_owned(), PROGRAM, b"12345".to_vec()),
        ];
        assert_eq!(files, wanted);
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
