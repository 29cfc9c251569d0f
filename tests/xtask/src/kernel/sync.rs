// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Copying sources so that make rebuilds only what really changed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use walkdir::WalkDir;

use super::make_parent;
use crate::command;

/// The list, in a copy, of what was copied; make's own files beside it are not ours.
const LIST: &str = ".copied";

/// Makes the files of `from` appear in `to`, leaving those that are the same untouched.
///
/// What an earlier copy put there and `from` no longer has is removed.
pub fn mirror(from: &Path, to: &Path) -> Result<()> {
    let mut files = BTreeSet::new();
    if from.is_dir() {
        for entry in WalkDir::new(from) {
            let entry = entry?;
            if entry.file_type().is_file() {
                files.insert(entry.path().strip_prefix(from)?.to_path_buf());
            }
        }
    }
    let list = to.join(LIST);
    let before = fs::read_to_string(&list).unwrap_or_default();
    for old in before.lines().map(PathBuf::from) {
        if !files.contains(&old) {
            command::remove_tree(&to.join(old))?;
        }
    }
    if files.is_empty() && before.is_empty() {
        return Ok(());
    }
    // The list goes first: what is copied after it is always known.
    let text: String = files.iter().map(|f| format!("{}\n", f.display())).collect();
    make_parent(&list)?;
    fs::write(&list, text)?;
    for file in &files {
        let content = fs::read(from.join(file))
            .with_context(|| format!("cannot read {}", from.join(file).display()))?;
        let place = to.join(file);
        make_parent(&place)?;
        write_if_changed(&place, &content)?;
    }
    Ok(())
}

/// Writes a file unless it has that content already.
pub fn write_if_changed(file: &Path, content: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|now| now == content) {
        return Ok(());
    }
    fs::write(file, content).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirror_when_a_source_goes_then_its_copy_goes_and_objects_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("sub")).unwrap();
        fs::write(from.join("a.c"), "a").unwrap();
        fs::write(from.join("sub/b.c"), "b").unwrap();
        mirror(&from, &to).unwrap();
        fs::write(to.join("a.o"), "object").unwrap();

        fs::remove_file(from.join("sub/b.c")).unwrap();
        mirror(&from, &to).unwrap();

        assert!(to.join("a.c").exists());
        assert!(to.join("a.o").exists());
        assert!(!to.join("sub/b.c").exists());
    }

    #[test]
    fn mirror_when_nothing_changed_then_times_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(&from).unwrap();
        fs::write(from.join("a.c"), "a").unwrap();
        mirror(&from, &to).unwrap();
        let time = fs::metadata(to.join("a.c")).unwrap().modified().unwrap();
        mirror(&from, &to).unwrap();
        assert_eq!(
            fs::metadata(to.join("a.c")).unwrap().modified().unwrap(),
            time
        );
    }
}
