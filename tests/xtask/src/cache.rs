// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The folder outside the work tree where everything fetched or built is kept.
//!
//! Every artefact is a folder named by a hash of what went into it. It is made in a
//! temporary folder beside its place and renamed when complete, under a file lock, so a
//! folder that has its final name is whole and an interrupted run leaves only a `.part`
//! folder, which the next one removes.

use std::env;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{bail, Context, Result};
use rustix::fs::FlockOperation;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use crate::command;

/// How many finished artefacts of one name are kept, those that were used last.
const KEPT: usize = 3;
/// How long one is kept in any case: another run, of another work tree, may be using it.
const IN_USE: Duration = Duration::from_secs(4 * 3600);
/// How many logs are kept.
const KEPT_LOGS: usize = 200;
/// Hexadecimal digits of the key that go into a folder's name.
const KEY_DIGITS: usize = 16;

/// One mebibyte in bytes.
pub const MIB: u64 = 1 << 20;

/// The cache folder.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

/// A file lock that is held as long as the value lives.
#[must_use]
pub struct Lock {
    _file: File,
}

impl Cache {
    /// Opens the cache where the environment says, creating it if it is not there.
    ///
    /// `$KVMGT_CACHE`, else `$XDG_CACHE_HOME/kvmgt`, else `~/.cache/kvmgt`.
    pub fn open() -> Result<Self> {
        let var = |name| {
            env::var_os(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        let root = var("KVMGT_CACHE")
            .or_else(|| var("XDG_CACHE_HOME").map(|d| d.join("kvmgt")))
            .or_else(|| var("HOME").map(|d| d.join(".cache/kvmgt")))
            .context("none of KVMGT_CACHE, XDG_CACHE_HOME and HOME is set")?;
        Self::open_at(root)
    }

    /// Opens the cache in a given folder.
    pub fn open_at(root: PathBuf) -> Result<Self> {
        fs::create_dir_all(&root)
            .with_context(|| format!("cannot create the cache folder {}", root.display()))?;
        let root = root.canonicalize()?;
        Ok(Self { root })
    }

    /// The path of something in the cache.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The path of a folder in the cache, which is created if it is not there.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }

    /// A fresh path for a kept log; the oldest logs make room.
    pub fn log(&self, name: &str) -> Result<PathBuf> {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let folder = self.folder("logs")?;
        keep_newest(&folder, |_| true, KEPT_LOGS, Duration::ZERO)?;
        let seconds = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |d| d.as_secs());
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        Ok(folder.join(format!("{name}-{seconds}-{process}-{serial}.log")))
    }

    /// Takes the lock of a name, waiting for whoever holds it.
    pub fn lock(&self, name: &str) -> Result<Lock> {
        let path = self.folder("locks")?.join(name);
        let file = File::create(&path)
            .with_context(|| format!("cannot create the lock {}", path.display()))?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive)
            .with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(Lock { _file: file })
    }

    /// Fails in one line if less than `mib` mebibytes are free for `what`.
    pub fn need_space(&self, what: &str, mib: u64) -> Result<()> {
        let stat = rustix::fs::statvfs(&self.root)?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize) / MIB;
        if free < mib {
            bail!(
                "disk full: {what} needs {mib} MiB, {free} MiB are free in {} (set KVMGT_CACHE to use another disk)",
                self.root.display()
            );
        }
        Ok(())
    }

    /// Says whether an artefact is there.
    pub fn has(&self, name: &str, key: &Key) -> bool {
        self.place(name, key).is_dir()
    }

    /// Where an artefact is when it is complete.
    fn place(&self, name: &str, key: &Key) -> PathBuf {
        self.path(&format!("{name}-{}", key.digits()))
    }

    /// Returns the folder of an artefact, calling `build` to fill it if there is none yet.
    ///
    /// `build` gets an empty folder; `mib` is the disk space that it needs.
    pub fn artefact(
        &self,
        name: &str,
        key: &Key,
        mib: u64,
        build: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let place = self.place(name, key);
        if place.is_dir() {
            return used(place);
        }
        let _lock = self.lock(name)?;
        if place.is_dir() {
            return used(place);
        }
        self.need_space(name, mib)?;
        let part = self.path(&format!("{name}.part"));
        command::remove_tree(&part)?;
        fs::create_dir(&part).with_context(|| format!("cannot create {}", part.display()))?;
        build(&part)?;
        fs::rename(&part, &place)
            .with_context(|| format!("cannot rename {} into its place", part.display()))?;
        keep_newest(&self.root, |file| is_artefact(file, name), KEPT, IN_USE)?;
        Ok(place)
    }
}

/// Notes that an artefact is used now.
fn used(place: PathBuf) -> Result<PathBuf> {
    let time = File::open(&place).and_then(|folder| folder.set_modified(SystemTime::now()));
    // In somebody else's cache it stays as old as it is.
    match time {
        Err(error) if error.kind() != ErrorKind::PermissionDenied => {
            Err(error).with_context(|| format!("cannot use {}", place.display()))
        }
        _ => Ok(place),
    }
}

/// Says whether a folder's name is that of an artefact `name` with some key.
fn is_artefact(file: &str, name: &str) -> bool {
    file.strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|key| key.len() == KEY_DIGITS && key.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Removes all entries of `folder` that `wanted` names but the `count` newest, and those of the last `age`.
fn keep_newest(
    folder: &Path,
    wanted: impl Fn(&str) -> bool,
    count: usize,
    age: Duration,
) -> Result<()> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(&wanted) {
            // An entry that another process has just removed is no longer ours to count.
            if let Ok(time) = entry.metadata().and_then(|m| m.modified()) {
                entries.push((time, entry.path()));
            }
        }
    }
    entries.sort();
    let surplus = entries.len().saturating_sub(count);
    let now = SystemTime::now();
    for (time, path) in entries.into_iter().take(surplus) {
        // One that is of the future counts as new.
        if now.duration_since(time).is_ok_and(|past| past >= age) {
            command::remove_tree(&path)?;
        }
    }
    Ok(())
}

/// A hash over the inputs of an artefact.
#[derive(Clone, Default)]
pub struct Key {
    hash: Sha256,
}

impl Key {
    /// A key of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a named value.
    pub fn add(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        for part in [name.as_bytes(), value] {
            // The length goes first, so that no two lists of parts read alike.
            self.hash.update((part.len() as u64).to_le_bytes());
            self.hash.update(part);
        }
        self
    }

    /// Adds a file, or every file below a folder, by relative name and content.
    ///
    /// What does not exist counts as an empty folder.
    pub fn files(mut self, path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(self.add("absent", b""));
        }
        for entry in WalkDir::new(path).sort_by_file_name() {
            let entry = entry?;
            if entry.file_type().is_file() {
                let name = entry
                    .path()
                    .strip_prefix(path)?
                    .to_string_lossy()
                    .into_owned();
                let content = fs::read(entry.path())
                    .with_context(|| format!("cannot read {}", entry.path().display()))?;
                self = self.add(&name, content);
            }
        }
        Ok(self)
    }

    /// The first digits of the hash in hexadecimal.
    pub fn digits(&self) -> String {
        let hash = self.hash.clone().finalize();
        let mut digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        digits.truncate(KEY_DIGITS);
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_when_parts_move_between_name_and_value_then_differs() {
        let one = Key::new().add("ab", "c");
        let other = Key::new().add("a", "bc");
        assert_ne!(one.digits(), other.digits());
    }

    #[test]
    fn files_when_content_changes_then_key_changes() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "1").unwrap();
        let before = Key::new().files(folder.path()).unwrap().digits();
        fs::write(folder.path().join("a"), "2").unwrap();
        let after = Key::new().files(folder.path()).unwrap().digits();
        assert_ne!(before, after);
    }

    #[test]
    fn artefact_when_build_fails_then_next_call_starts_from_an_empty_folder() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open_at(folder.path().join("cache")).unwrap();
        let key = Key::new().add("v", "1");

        let failed = cache.artefact("thing", &key, 0, |part| {
            fs::write(part.join("half"), "x")?;
            bail!("interrupted")
        });
        let place = cache
            .artefact("thing", &key, 0, |part| {
                assert!(!part.join("half").exists());
                Ok(fs::write(part.join("whole"), "x")?)
            })
            .unwrap();

        assert!(failed.is_err());
        assert!(place.join("whole").exists());
        assert!(!place.join("half").exists());
    }

    #[test]
    fn artefact_when_present_then_is_not_built_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open_at(folder.path().join("cache")).unwrap();
        let key = Key::new().add("v", "1");
        let first = cache.artefact("thing", &key, 0, |_| Ok(())).unwrap();
        let second = cache
            .artefact("thing", &key, 0, |_| bail!("built twice"))
            .unwrap();
        assert_eq!(first, second);
    }

    /// Makes as many artefacts as are kept, all of them long ago, and one more; counts what is left.
    fn kept(between: impl Fn(&Cache)) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open_at(folder.path().join("cache")).unwrap();
        for round in 0..KEPT {
            let key = Key::new().add("v", round.to_string());
            let place = cache.artefact("thing", &key, 0, |_| Ok(())).unwrap();
            let then = SystemTime::now() - IN_USE - IN_USE;
            File::open(place).unwrap().set_modified(then).unwrap();
        }
        between(&cache);
        let key = Key::new().add("v", "last");
        cache.artefact("thing", &key, 0, |_| Ok(())).unwrap();
        fs::read_dir(cache.path(""))
            .unwrap()
            .filter(|e| is_artefact(&e.as_ref().unwrap().file_name().to_string_lossy(), "thing"))
            .count()
    }

    #[test]
    fn artefact_when_many_keys_then_only_the_newest_are_kept() {
        assert_eq!(kept(|_| ()), KEPT);
    }

    #[test]
    fn artefact_when_used_of_late_then_is_kept() {
        let all_are_used = |cache: &Cache| {
            for round in 0..KEPT {
                let key = Key::new().add("v", round.to_string());
                let present = cache.artefact("thing", &key, 0, |_| bail!("built twice"));
                assert!(present.is_ok());
            }
        };
        assert_eq!(kept(all_are_used), KEPT + 1);
    }

    #[test]
    fn need_space_when_more_than_any_disk_then_says_disk_full_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open_at(folder.path().join("cache")).unwrap();
        let message = cache
            .need_space("the moon", u64::MAX)
            .unwrap_err()
            .to_string();
        assert!(message.starts_with("disk full: the moon needs"));
        assert_eq!(message.lines().count(), 1);
    }

    #[test]
    fn is_artefact_when_name_is_only_a_prefix_then_false() {
        assert!(is_artefact("root-0123456789abcdef", "root"));
        assert!(!is_artefact("root-host-0123456789abcdef", "root"));
        assert!(!is_artefact("root.part", "root"));
    }
}
