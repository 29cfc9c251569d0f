// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is shipped at another commit that claims the same version of the interface.
//!
//! That is the commit by which the version's release came into the tree. Where a folder has not changed
//! since, or there is no release yet, a patch to it makes another build of it: one that says so in the
//! kernel's log.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use iface::version::{MAJOR, MINOR};
use skew::SHIPPED;

use super::source::patch;
use crate::cache::{Cache, Key};
use crate::command;

/// Disk space of a tree, in MiB.
const MIB: u64 = 50;
/// The file, in such a tree, that names the folders which were patched.
const STAND_INS: &str = "stand-ins";
/// What one of them compiles, with its patch.
const HALVES: [(&str, &str); 2] = [
    (
        "i915-gvt-host",
        "tests/xtask/kernel/stand-in/i915-gvt-host.patch",
    ),
    ("kvmgt", "tests/xtask/kernel/stand-in/kvmgt.patch"),
];

/// The other tree.
pub struct Other {
    /// Its root.
    pub tree: PathBuf,
    /// The commit, if there is a release.
    pub commit: Option<String>,
    /// The folders of which a patched copy stands in, by their names.
    pub stand_ins: String,
}

/// Finds the other commit and puts what is shipped there into the cache.
pub fn ensure(cache: &Cache) -> Result<Other> {
    let top = command::work_tree();
    let commit = released(&top)?;
    let mut key = Key::new().add("commit", commit.as_deref().unwrap_or_default());
    for folder in SHIPPED {
        key = key.files(&top.join(folder))?;
    }
    for (_, file) in HALVES {
        key = key.files(&top.join(file))?;
    }
    let tree = cache.artefact("other-tree", &key, MIB, |part| {
        match &commit {
            Some(commit) => check_out(&top, commit, part)?,
            None => copy(&top, part)?,
        }
        let mut patched = Vec::new();
        for (folder, file) in unchanged(&top, part)? {
            patch(part, &top.join(file))?;
            patched.push(folder);
        }
        Ok(fs::write(part.join(STAND_INS), patched.join(" "))?)
    })?;
    let stand_ins = fs::read_to_string(tree.join(STAND_INS))?;
    Ok(Other {
        tree,
        commit,
        stand_ins,
    })
}

/// The commit that added the release of this version.
fn released(top: &Path) -> Result<Option<String>> {
    let mut git = command::new("git");
    git.args(["log", "--diff-filter=A", "--format=%H", "--"])
        .arg(format!("docs/abi/{MAJOR}.{MINOR}"))
        .current_dir(top);
    Ok(command::output(&mut git)?.lines().last().map(str::to_owned))
}

/// Writes what is shipped at a commit to a folder.
fn check_out(top: &Path, commit: &str, to: &Path) -> Result<()> {
    let archive = to.join("archive.tar");
    let mut git = command::new("git");
    git.arg("archive")
        .arg(format!("--output={}", archive.display()))
        .arg(commit)
        .args(SHIPPED)
        .current_dir(top);
    command::output(&mut git)?;
    let mut tar = command::new("tar");
    tar.arg("--extract").arg("--file").arg(&archive);
    command::output(tar.arg("--directory").arg(to))?;
    fs::remove_file(&archive)?;
    Ok(())
}

/// Copies what is shipped as it is here to a folder.
fn copy(top: &Path, to: &Path) -> Result<()> {
    let mut copy = command::new("cp");
    copy.arg("--archive").args(SHIPPED).arg(to);
    command::output(copy.current_dir(top)).map(drop)
}

/// The halves that a tree has as this one has them, with their patches.
fn unchanged(top: &Path, tree: &Path) -> Result<Vec<(&'static str, &'static str)>> {
    let mut found = Vec::new();
    for (folder, file) in HALVES {
        let [here, there] = [top, tree].map(|root| Key::new().files(&root.join(folder)));
        if here?.digits() == there?.digits() {
            found.push((folder, file));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What both modules compile; nothing stands in for another one.
    const SHARED: &str = "iface";

    #[test]
    fn patches_when_applied_then_each_changes_its_half_alone() {
        let top = command::work_tree();
        for (half, file) in HALVES {
            let folder = tempfile::tempdir().unwrap();
            copy(&top, folder.path()).unwrap();
            patch(folder.path(), &top.join(file)).unwrap();
            let same = unchanged(&top, folder.path()).unwrap();
            assert!(same.iter().all(|(name, _)| *name != half), "{half}");
            assert_eq!(same.len(), HALVES.len() - 1);
            let [here, there] = [&top, folder.path()].map(|root| {
                let key = Key::new().files(&root.join(SHARED));
                key.unwrap().digits()
            });
            assert_eq!(here, there);
        }
    }

    #[test]
    fn check_out_when_commit_is_given_then_what_is_shipped_is_there() {
        let top = command::work_tree();
        let folder = tempfile::tempdir().unwrap();
        check_out(&top, "HEAD", folder.path()).unwrap();
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["i915-gvt-host", "iface", "kvmgt"]);
        assert!(folder.path().join("kvmgt/Kbuild").exists());
    }

    #[test]
    fn released_when_a_release_came_then_the_commit_that_added_it() {
        let folder = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| {
            let mut command = command::new("git");
            command.args(["-c", "user.name=lab", "-c", "user.email=lab"]);
            command::output(command.args(args).current_dir(folder.path())).unwrap()
        };
        let release = folder.path().join(format!("docs/abi/{MAJOR}.{MINOR}"));
        git(&["init", "--quiet"]);
        git(&["commit", "--quiet", "--allow-empty", "--message=before"]);
        assert_eq!(released(folder.path()).unwrap(), None);

        fs::create_dir_all(&release).unwrap();
        fs::write(release.join("layout.json"), "{}").unwrap();
        git(&["add", "."]);
        git(&["commit", "--quiet", "--message=release"]);
        let added = git(&["rev-parse", "HEAD"]).trim().to_owned();
        git(&["commit", "--quiet", "--allow-empty", "--message=after"]);

        assert_eq!(released(folder.path()).unwrap(), Some(added));
    }
}
