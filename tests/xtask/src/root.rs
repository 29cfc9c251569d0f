// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Debian trees made by mmdebstrap: one to run QEMU from, others as roots of VMs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::archive;
use crate::cache::{Cache, Key};
use crate::command;
use crate::progress::Step;

/// A tree that the lab uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// A QEMU with the vfio-user client (10.1 or later), run through its own loader.
    Qemu,
    /// The host VM's root, with a QEMU for nested guests.
    Host,
    /// The root of guests that drive the software GPU themselves.
    Guest,
}

/// How a tree is made.
struct Recipe {
    name: &'static str,
    /// Releases, the one that is preferred last.
    releases: &'static [&'static str],
    variant: &'static str,
    packages: &'static [&'static str],
    mib: u64,
}

impl Root {
    fn recipe(self) -> Recipe {
        match self {
            Self::Qemu => Recipe {
                name: "root-qemu",
                releases: &["trixie", "trixie-backports"],
                // Nothing in it is ever configured or run as a system.
                variant: "extract",
                packages: &["qemu-system-x86"],
                mib: 900,
            },
            Self::Host => Recipe {
                name: "root-host",
                releases: &["bookworm"],
                variant: "essential",
                packages: &["kmod", "mdevctl", "procps", "qemu-system-x86"],
                mib: 1200,
            },
            Self::Guest => Recipe {
                name: "root-guest",
                releases: &["trixie"],
                variant: "essential",
                packages: &["kmod", "libdrm-tests", "procps"],
                mib: 800,
            },
        }
    }

    /// The tree's folder, which is made on first use.
    pub fn ensure(self, cache: &Cache) -> Result<PathBuf> {
        let recipe = self.recipe();
        let key = Key::new()
            .add("releases", recipe.releases.join(" "))
            .add("variant", recipe.variant)
            .add("packages", recipe.packages.join(" "));
        let place = cache.artefact(recipe.name, &key, recipe.mib, |part| {
            let mut step = Step::start(format!("{} ({})", recipe.name, recipe.packages.join(" ")));
            recipe.make(cache, part, |line| step.line(line))?;
            step.done();
            Ok(())
        })?;
        Ok(place.join("root"))
    }
}

impl Recipe {
    fn make(&self, cache: &Cache, part: &Path, line: impl FnMut(&str)) -> Result<()> {
        let mirror = archive::mirror()?;
        let list = part.join("sources.list");
        let lines: String = self
            .releases
            .iter()
            .map(|release| archive::source_line(&mirror, release))
            .collect();
        fs::write(&list, lines)?;
        let suite = self.releases.first().context("a recipe names a release")?;
        let preferred = self.releases.last().unwrap_or(suite);
        let root = part.join("root");
        let log = cache.log(self.name)?;
        let mut command = command::privileged("mmdebstrap", "making a Debian root (once)")?;
        command
            .arg(format!("--variant={}", self.variant))
            .arg(format!("--include={}", self.packages.join(",")))
            .arg(format!("--aptopt=APT::Default-Release \"{preferred}\""))
            .args([
                "--dpkgopt=path-exclude=/usr/share/doc/*",
                "--dpkgopt=path-exclude=/usr/share/man/*",
            ])
            .arg(suite)
            .args([&root, &list]);
        let what = format!(
            "cannot make {}: no network, or the mirror lacks a package",
            self.name
        );
        command::fetched(&mut command, &log, &what, line)?;
        if !command::is_root() {
            let owner = rustix::process::getuid().as_raw().to_string();
            let mut command = command::privileged("chown", "making a Debian root (once)")?;
            command::output(
                command
                    .args(["--recursive", "--no-dereference", &owner])
                    .arg(&root),
            )?;
        }
        Ok(())
    }
}
