// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Packages of other Debian releases, through an apt state of our own.
//!
//! Nothing here touches the machine's apt: lists, caches and sources are in the cache. The
//! mirror is the one that the machine itself uses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{bail, Context, Result};

use crate::cache::Cache;
use crate::command;
use crate::progress::Step;

/// The releases that together have every kernel and QEMU that the lab runs.
const RELEASES: &[&str] = &["bookworm", "trixie", "trixie-backports", "sid"];
/// Keyring of package `debian-archive-keyring`.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// How old package lists may be before they are fetched again.
const FRESH: Duration = Duration::from_secs(6 * 3600);
/// Disk space of the package lists.
const MIB: u64 = 500;

/// The apt state with the lists of all releases.
pub struct Archive {
    cache: Cache,
    state: PathBuf,
}

impl Archive {
    /// Opens the state, fetching the package lists if they are missing or old.
    pub fn open(cache: &Cache) -> Result<Self> {
        let archive = Self {
            cache: cache.clone(),
            state: cache.folder("apt")?,
        };
        let _lock = cache.lock("apt")?;
        let stamp = archive.state.join("updated");
        let age = fs::metadata(&stamp)
            .and_then(|data| data.modified())
            .ok()
            .and_then(|time| SystemTime::now().duration_since(time).ok());
        if age.is_none_or(|age| age > FRESH) {
            archive.update()?;
            fs::write(&stamp, "")?;
        }
        Ok(archive)
    }

    fn update(&self) -> Result<()> {
        self.cache.need_space("the package lists", MIB)?;
        for folder in ["lists/partial", "archives/partial"] {
            fs::create_dir_all(self.state.join(folder))?;
        }
        let mirror = mirror()?;
        let sources: String = RELEASES
            .iter()
            .map(|release| source_line(&mirror, release))
            .collect();
        fs::write(self.state.join("sources.list"), sources)?;
        let mut step = Step::start("package lists of other releases");
        let log = self.cache.log("apt-update")?;
        let mut command = self.apt("apt-get");
        command
            .arg("update")
            .args(["-o", "APT::Update::Error-Mode=any"]);
        let what = "no network, or the package mirror does not answer";
        command::fetched(&mut command, &log, what, |line| step.line(line))?;
        step.done();
        Ok(())
    }

    /// An apt program that uses our state and nothing of the machine's lists.
    fn apt(&self, program: &str) -> Command {
        let state = self.state.display();
        let mut command = command::new(program);
        for option in [
            format!("Dir::State={state}"),
            format!("Dir::State::lists={state}/lists"),
            "Dir::State::status=/dev/null".to_owned(),
            format!("Dir::Cache={state}"),
            format!("Dir::Cache::archives={state}/archives"),
            format!("Dir::Etc::sourcelist={state}/sources.list"),
            "Dir::Etc::sourceparts=-".to_owned(),
            "Dir::Etc::preferences=-".to_owned(),
            "Dir::Etc::preferencesparts=-".to_owned(),
            "Acquire::Languages=none".to_owned(),
            // The index of sid may be past its date on a mirror that lags.
            "Acquire::Check-Valid-Until=false".to_owned(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
            "APT::Sandbox::User=root".to_owned(),
        ] {
            command.arg("-o").arg(option);
        }
        command
    }

    /// The names of all packages that begin with one of `prefixes`.
    pub fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let text = command::output(self.apt("apt-cache").args(["pkgnames", prefix]))?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// The highest version of a package, or nothing if no release has it.
    pub fn newest(&self, package: &str) -> Result<Option<String>> {
        let text = command::output(self.apt("apt-cache").args(["madison", package]))?;
        // madison sorts by version, the highest first.
        Ok(text
            .lines()
            .find(|line| line.contains(" Packages"))
            .and_then(|line| line.split('|').nth(1))
            .map(|version| version.trim().to_owned()))
    }

    /// The packages that one version of a package depends on directly.
    pub fn depends(&self, package: &str, version: &str) -> Result<Vec<String>> {
        let wanted = format!("{package}={version}");
        let text = command::output(self.apt("apt-cache").args(["show", &wanted]))?;
        Ok(text
            .lines()
            .find_map(|line| line.strip_prefix("Depends: "))
            .unwrap_or_default()
            .split(',')
            .filter_map(|one| one.split_whitespace().next())
            .map(str::to_owned)
            .collect())
    }

    /// Fetches one version of a package into a folder and returns the file.
    pub fn download(&self, package: &str, version: &str, into: &Path) -> Result<PathBuf> {
        let mut step = Step::start(format!("fetching {package} {version}"));
        let log = self.cache.log("apt-download")?;
        let folder = into.join("download");
        fs::create_dir_all(&folder)?;
        let mut command = self.apt("apt-get");
        command
            .args(["download", &format!("{package}={version}")])
            .current_dir(&folder);
        let what = format!(
            "cannot fetch {package} {version}: no network, or it has just left the archive (remove {} to look again)",
            self.state.display()
        );
        command::fetched(&mut command, &log, &what, |line| step.line(line))?;
        let file = fs::read_dir(&folder)?
            .next()
            .with_context(|| format!("apt-get said it fetched {package}, but there is no file"))??
            .path();
        let place = into.join(file.file_name().unwrap_or_default());
        fs::rename(&file, &place)?;
        fs::remove_dir(&folder)?;
        step.done();
        Ok(place)
    }
}

/// One line of a sources list.
pub fn source_line(mirror: &str, release: &str) -> String {
    format!("deb [signed-by={KEYRING}] {mirror} {release} main\n")
}

/// The address of the Debian mirror that this machine's apt uses.
pub fn mirror() -> Result<String> {
    let targets = command::output(command::new("apt-get").args([
        "indextargets",
        "--format",
        "$(RELEASE) $(COMPONENT) $(SITE)",
        "Created-By: Packages",
    ]))?;
    let release = fs::read_to_string("/etc/os-release")
        .ok()
        .and_then(|text| {
            text.lines()
                .find_map(|line| line.strip_prefix("VERSION_CODENAME=").map(str::to_owned))
        })
        .unwrap_or_default();
    match main_site(&targets, &release) {
        Some(site) => Ok(site),
        None => bail!("this machine's apt sources name no Debian mirror for {release} main"),
    }
}

/// The site that serves component `main` of the release itself, not its updates.
fn main_site(targets: &str, release: &str) -> Option<String> {
    targets.lines().find_map(|line| {
        let mut words = line.split(' ');
        let (name, component, site) = (words.next()?, words.next()?, words.next()?);
        ((name == release || name == "stable") && component == "main").then(|| site.to_owned())
    })
}

/// Unpacks a package without running any of its scripts.
pub fn unpack(package: &Path, into: &Path) -> Result<()> {
    command::output(
        command::new("dpkg-deb")
            .arg("--extract")
            .arg(package)
            .arg(into),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn main_site_when_updates_come_first_then_takes_the_release_itself() {
        let targets = "bookworm-updates main http://a/debian\nbookworm main http://b/debian\n";
        assert_eq!(
            main_site(targets, "bookworm").as_deref(),
            Some("http://b/debian")
        );
    }

    #[test]
    fn main_site_when_only_foreign_sources_then_none() {
        assert_eq!(main_site("nodistro main http://c/x\n", "bookworm"), None);
    }
}
