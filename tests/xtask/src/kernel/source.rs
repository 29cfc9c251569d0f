// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The kernel's source: fetched from Debian, patched, with our crates laid into it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

use super::sync::{self, write_if_changed};
use super::{make_parent, Flavour, Sources, Version};
use crate::archive::{self, Archive};
use crate::cache::Cache;
use crate::command;
use crate::progress::{say, Step};

/// Debian's name of the source package, without the version.
const PACKAGE: &str = "linux-source-";
/// Where our crates go in the kernel's source.
const GVT_HOST: &str = "drivers/gpu/drm/i915/gvt_host";
/// Disk space of the package and of the unpacked tree.
const MIB: u64 = 2600;

/// A kernel source in the cache.
pub struct Source {
    /// The folder that holds the tree and what belongs to it.
    pub folder: PathBuf,
}

impl Source {
    /// The kernel's tree.
    pub fn tree(&self) -> PathBuf {
        self.folder.join("linux")
    }

    /// The files that the patch changes, as Debian has them.
    fn originals(&self) -> PathBuf {
        self.folder.join("originals")
    }
}

/// The name of a source's folder, and of its lock.
pub fn name(version: Version, flavour: Flavour) -> String {
    format!("source-{version}{}", flavour.source().suffix())
}

/// Fetches and unpacks the source unless that was done before.
///
/// See [`Flavour::source`] for which flavours share one.
pub fn ensure(cache: &Cache, version: Version, flavour: Flavour) -> Result<Source> {
    let name = name(version, flavour);
    let folder = cache.path(&name);
    if folder.is_dir() {
        return Ok(Source { folder });
    }
    cache.need_space("the kernel's source", MIB)?;
    let part = cache.path(&format!("{name}.part"));
    command::remove_tree(&part)?;
    fs::create_dir_all(&part)?;
    let archive = Archive::open(cache)?;
    let (package, found) = choose(&archive.names(PACKAGE)?, version)?;
    if found != version {
        say(&format!(
            "Linux {version} has left the archives: taking {found}"
        ));
    }
    let newest = archive
        .newest(&package)?
        .with_context(|| format!("missing package: no release has {package}"))?;
    let file = archive.download(&package, &newest, &part)?;
    let step = Step::start(format!("unpacking {package}"));
    let unpacked = part.join("package");
    archive::unpack(&file, &unpacked)?;
    fs::remove_file(&file)?;
    let mut tar = command::new("tar");
    tar.arg("--extract")
        .arg("--file")
        .arg(unpacked.join(format!("usr/src/{package}.tar.xz")))
        .arg("--directory")
        .arg(&part);
    command::output(&mut tar)?;
    fs::rename(part.join(&package), part.join("linux"))?;
    command::remove_tree(&unpacked)?;
    fs::write(part.join("version"), &newest)?;
    fs::rename(&part, &folder)?;
    step.done();
    Ok(Source { folder })
}

/// The lowest source package that is not below a version.
fn choose(names: &[String], wanted: Version) -> Result<(String, Version)> {
    names
        .iter()
        .filter_map(|name| Some((name, name.strip_prefix(PACKAGE)?.parse::<Version>().ok()?)))
        .filter(|(_, version)| *version >= wanted)
        .min_by_key(|(_, version)| *version)
        .map(|(name, version)| (name.clone(), version))
        .with_context(|| format!("missing package: no release has {PACKAGE}{wanted} or later"))
}

/// Applies our patch and copies our crates; files that stay the same keep their times.
pub fn bring_up_to_date(source: &Source, sources: &Sources) -> Result<()> {
    apply_patch(&source.tree(), &source.originals(), &sources.patch())?;
    for (name, from) in sources.in_tree() {
        sync::mirror(&from, &source.tree().join(GVT_HOST).join(name))?;
    }
    for (name, from) in sources.out_of_tree() {
        sync::mirror(&from, &source.folder.join("modules").join(name))?;
    }
    Ok(())
}

/// Makes the tree what Debian's is with the patch applied, whatever patch it had before.
fn apply_patch(tree: &Path, originals: &Path, patch: &Path) -> Result<()> {
    let text =
        fs::read_to_string(patch).with_context(|| format!("cannot read {}", patch.display()))?;
    let touched = touched_files(&text)?;
    for file in &touched {
        let kept = originals.join(file);
        if !kept.exists() {
            make_parent(&kept)?;
            let part = originals.join("part");
            // A file that the patch creates has an empty original.
            match fs::read(tree.join(file)) {
                Ok(content) => fs::write(&part, content)?,
                Err(_) => fs::write(&part, "")?,
            }
            fs::rename(&part, &kept)?;
        }
    }
    let work = tempfile::tempdir()?;
    for file in &touched {
        let content = fs::read(originals.join(file))?;
        if !content.is_empty() {
            make_parent(&work.path().join(file))?;
            fs::write(work.path().join(file), content)?;
        }
    }
    self::patch(work.path(), patch)?;
    for file in all_files(originals)? {
        let content = match touched.contains(&file) {
            true => fs::read(work.path().join(&file)).unwrap_or_default(),
            false => fs::read(originals.join(&file))?,
        };
        let place = tree.join(&file);
        if content.is_empty() {
            command::remove_tree(&place)?;
        } else {
            make_parent(&place)?;
            write_if_changed(&place, &content)?;
        }
    }
    Ok(())
}

/// Applies a patch to the files in a folder.
pub fn patch(folder: &Path, patch: &Path) -> Result<()> {
    let mut command = command::new("patch");
    command
        .args([
            "--strip=1",
            "--force",
            "--no-backup-if-mismatch",
            "--directory",
        ])
        .arg(folder)
        .arg("--input")
        .arg(patch);
    let output = command.output().context("cannot run patch")?;
    if !output.status.success() {
        let report = String::from_utf8_lossy(&output.stdout);
        bail!(
            "{} does not apply to {}:\n{}",
            patch.display(),
            folder.display(),
            report.trim_end()
        );
    }
    Ok(())
}

/// The files that a patch changes, creates or removes.
fn touched_files(patch: &str) -> Result<BTreeSet<PathBuf>> {
    let mut files = BTreeSet::new();
    for line in patch.lines() {
        for mark in ["--- a/", "+++ b/"] {
            if let Some(name) = line.strip_prefix(mark) {
                let name = Path::new(name.split('\t').next().unwrap_or(name));
                if name
                    .components()
                    .any(|c| !matches!(c, std::path::Component::Normal(_)))
                {
                    bail!(
                        "the patch names a file outside of the tree: {}",
                        name.display()
                    );
                }
                files.insert(name.to_path_buf());
            }
        }
    }
    Ok(files)
}

/// All files below a folder, by relative path.
fn all_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry?;
        if entry.file_type().is_file() {
            files.push(entry.path().strip_prefix(folder)?.to_path_buf());
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADD_LINE: &str = "--- a/one.c\n+++ b/one.c\n@@ -1 +1,2 @@\n first\n+second\n";
    const ADD_FILE: &str = "--- /dev/null\n+++ b/new/two.c\n@@ -0,0 +1 @@\n+hello\n";

    #[test]
    fn choose_when_wanted_has_left_then_takes_the_lowest_above() {
        let names = [
            "linux-source-7.10",
            "linux-source-7.3",
            "linux-source-6.12",
            "linux-source-",
        ]
        .map(str::to_owned);
        let (name, _) = choose(&names, Version::RECORD).unwrap();
        assert_eq!(name, "linux-source-7.3");
    }

    #[test]
    fn choose_when_all_are_older_then_says_what_is_missing() {
        let error = choose(&["linux-source-6.1".to_owned()], Version::RECORD).unwrap_err();
        assert!(error.to_string().contains("linux-source-7.2"));
    }

    #[test]
    fn apply_patch_when_applied_twice_then_result_and_times_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, originals) = (folder.path().join("tree"), folder.path().join("originals"));
        let patch = folder.path().join("p");
        fs::create_dir_all(&tree).unwrap();
        fs::write(tree.join("one.c"), "first\n").unwrap();
        fs::write(&patch, ADD_LINE).unwrap();

        apply_patch(&tree, &originals, &patch).unwrap();
        let time = fs::metadata(tree.join("one.c"))
            .unwrap()
            .modified()
            .unwrap();
        apply_patch(&tree, &originals, &patch).unwrap();

        assert_eq!(
            fs::read_to_string(tree.join("one.c")).unwrap(),
            "first\nsecond\n"
        );
        assert_eq!(
            fs::metadata(tree.join("one.c"))
                .unwrap()
                .modified()
                .unwrap(),
            time
        );
    }

    #[test]
    fn apply_patch_when_replaced_by_another_then_first_is_undone() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, originals) = (folder.path().join("tree"), folder.path().join("originals"));
        let patch = folder.path().join("p");
        fs::create_dir_all(&tree).unwrap();
        fs::write(tree.join("one.c"), "first\n").unwrap();

        fs::write(&patch, ADD_FILE).unwrap();
        apply_patch(&tree, &originals, &patch).unwrap();
        assert_eq!(
            fs::read_to_string(tree.join("new/two.c")).unwrap(),
            "hello\n"
        );
        fs::write(&patch, ADD_LINE).unwrap();
        apply_patch(&tree, &originals, &patch).unwrap();

        assert!(!tree.join("new/two.c").exists());
        assert_eq!(
            fs::read_to_string(tree.join("one.c")).unwrap(),
            "first\nsecond\n"
        );
    }

    #[test]
    fn touched_files_when_a_path_climbs_then_refused() {
        assert!(touched_files("+++ b/../../etc/passwd\n").is_err());
    }
}
