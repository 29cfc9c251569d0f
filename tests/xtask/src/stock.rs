// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Debian's own kernels, unpacked and not installed.

use std::fs;
use std::path::Path;

use anyhow::{bail, Context, Result};
use walkdir::WalkDir;

use crate::archive::{self, Archive};
use crate::cache::{Cache, Key};
use crate::command;
use crate::kernel::{Image, Version};
use crate::progress::Step;

/// Debian's name of kernel packages, without the version.
const PACKAGE: &str = "linux-image-";
/// The plain kernel of 64-bit PCs: not cloud, not real-time.
const ARCHITECTURE: &str = "-amd64";
/// What newer kernels are split into; the image package depends on them. The base has the list of
/// what is built in, without which modprobe misses it.
const PARTS: &[&str] = &["linux-base-", "linux-binary-", "linux-modules-"];
/// Disk space of one kernel.
const MIB: u64 = 1000;

/// The newest stock kernel of a version, fetched on first use.
pub fn kernel(cache: &Cache, version: Version) -> Result<Image> {
    let key = Key::new().add("version", version.to_string());
    let place = cache.artefact(&format!("stock-{version}"), &key, MIB, |part| {
        fetch(cache, version, part)
    })?;
    Image::open(place)
}

fn fetch(cache: &Cache, version: Version, part: &Path) -> Result<()> {
    let archive = Archive::open(cache)?;
    let mut names = archive.names(&format!("{PACKAGE}{version}"))?;
    names.retain(|name| number(name, version).is_some());
    names.sort_by_key(|name| number(name, version));
    // A name without a version is only mentioned by other packages.
    let mut chosen = None;
    for name in names.iter().rev() {
        if let Some(newest) = archive.newest(name)? {
            chosen = Some((name, newest));
            break;
        }
    }
    let Some((name, newest)) = chosen else {
        bail!("missing package: no release has {PACKAGE}{version}…{ARCHITECTURE}");
    };
    let tree = part.join("tree");
    let mut wanted = vec![(name.clone(), newest.clone())];
    for depended in archive.depends(name, &newest)? {
        if PARTS.iter().any(|prefix| depended.starts_with(prefix)) {
            let newest = archive
                .newest(&depended)?
                .with_context(|| format!("missing package: no release has {depended}"))?;
            wanted.push((depended, newest));
        }
    }
    for (name, newest) in &wanted {
        let file = archive.download(name, newest, part)?;
        archive::unpack(&file, &tree)?;
        fs::remove_file(&file)?;
    }
    let step = Step::start(format!("unpacking {name}"));
    arrange(&tree, part)?;
    command::remove_tree(&tree)?;
    step.done();
    Ok(())
}

/// Puts an unpacked kernel into the form that [`Image::open`] reads.
fn arrange(tree: &Path, image: &Path) -> Result<()> {
    let find = |wanted: &dyn Fn(&Path, &str) -> bool| {
        WalkDir::new(tree)
            .into_iter()
            .filter_map(Result::ok)
            .find(|e| wanted(e.path(), &e.file_name().to_string_lossy()))
            .map(walkdir::DirEntry::into_path)
    };
    let kernel = find(&|path, name| name.starts_with("vmlinuz") && path.is_file())
        .context("the kernel package has no vmlinuz")?;
    let modules = find(&|path, _| path.parent().is_some_and(|p| p.ends_with("lib/modules")))
        .context("the kernel package has no modules")?;
    let release = modules
        .file_name()
        .and_then(|name| name.to_str())
        .context("a kernel's release is UTF-8")?
        .to_owned();
    let place = image.join("lib/modules");
    fs::create_dir_all(&place)?;
    fs::rename(&kernel, image.join("vmlinuz"))?;
    fs::rename(&modules, place.join(&release))?;
    command::output(
        command::new("/sbin/depmod")
            .arg("--basedir")
            .arg(image)
            .arg(&release),
    )?;
    fs::write(image.join("release"), release)?;
    Ok(())
}

/// The numbers in a package name of the plain kernel of a version, or nothing for another.
fn number(name: &str, version: Version) -> Option<Vec<u32>> {
    let release = name.strip_prefix(PACKAGE)?.strip_suffix(ARCHITECTURE)?;
    let rest = release.strip_prefix(&version.to_string())?;
    if !rest.starts_with('.') {
        return None;
    }
    let words = release.split(|c: char| !c.is_ascii_alphanumeric());
    let mut numbers = Vec::new();
    for word in words {
        let digits = word.strip_prefix("deb").unwrap_or(word);
        numbers.push(digits.parse().ok()?);
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIX_ONE: Version = Version { major: 6, minor: 1 };
    const SIX_TWELVE: Version = Version {
        major: 6,
        minor: 12,
    };

    #[test]
    fn number_when_cloud_or_real_time_or_unsigned_then_none() {
        assert_eq!(number("linux-image-6.1.0-50-cloud-amd64", SIX_ONE), None);
        assert_eq!(number("linux-image-6.1.0-50-rt-amd64", SIX_ONE), None);
        assert_eq!(number("linux-image-6.1.0-50-amd64-unsigned", SIX_ONE), None);
    }

    #[test]
    fn number_when_minor_only_begins_alike_then_none() {
        assert_eq!(number("linux-image-6.12.117+deb13-amd64", SIX_ONE), None);
    }

    #[test]
    fn number_when_later_then_greater() {
        let older = number("linux-image-6.12.99+deb13-amd64", SIX_TWELVE);
        let newer = number("linux-image-6.12.117+deb13-amd64", SIX_TWELVE);
        assert!(older.is_some() && older < newer);
    }
}
