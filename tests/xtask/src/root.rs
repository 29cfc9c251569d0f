// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Debian trees made by mmdebstrap: one to run QEMU from, others as roots of VMs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::archive;
use crate::cache::{Cache, Key};
use crate::command;
use crate::progress::Step;

/// What root is needed for.
const WHY: &str = "making a Debian root (once)";

/// A tree that the lab uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// A QEMU with the vfio-user client (10.1 or later), run through its own loader.
    Qemu,
    /// The host VM's root, with a QEMU for nested guests.
    Host,
    /// The root of guests that drive the software GPU themselves.
    Guest,
    /// The root of guests that run IGT, the test suite of DRM drivers.
    Igt,
    /// The root of guests that have a desktop.
    Desktop,
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
            Self::Igt => Recipe {
                name: "root-igt",
                // The only one with the programs of all drivers and Intel's lists (since 2.5).
                releases: &["sid"],
                variant: "essential",
                packages: &["igt-gpu-tools-tests", "kmod", "procps"],
                mib: 900,
            },
            Self::Desktop => Recipe {
                name: "root-desktop",
                releases: &["trixie"],
                variant: "essential",
                packages: &[
                    "kmod",
                    "procps",
                    "twm",
                    "x11-apps",
                    "x11-xserver-utils",
                    "xdotool",
                    "xfonts-base",
                    "xserver-xorg-core",
                    "xterm",
                ],
                mib: 1200,
            },
        }
    }

    /// Fails in one line if the tree is not there and this user cannot make it.
    pub fn may_be_made(self, cache: &Cache) -> Result<()> {
        let recipe = self.recipe();
        if !cache.has(recipe.name, &recipe.key()) {
            command::privileged("unshare", WHY)?;
        }
        Ok(())
    }

    /// The tree's folder, which is made on first use.
    pub fn ensure(self, cache: &Cache) -> Result<PathBuf> {
        let recipe = self.recipe();
        let place = cache.artefact(recipe.name, &recipe.key(), recipe.mib, |part| {
            let packages = recipe.packages.join(" ");
            let mut step = Step::start(format!("{} ({packages})", recipe.name));
            recipe.make(cache, part, |line| step.line(line))?;
            step.done();
            Ok(())
        })?;
        Ok(place.join("root"))
    }
}

impl Recipe {
    fn key(&self) -> Key {
        Key::new()
            .add("releases", self.releases.join(" "))
            .add("variant", self.variant)
            .add("packages", self.packages.join(" "))
    }

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
        // What it mounts in the tree goes with it, also if it is killed.
        let mut command = command::privileged("unshare", WHY)?;
        command
            .args(["--mount", "--", "mmdebstrap"])
            .arg(format!("--variant={}", self.variant))
            .arg(format!("--include={}", self.packages.join(",")))
            .arg(format!("--aptopt=APT::Default-Release \"{preferred}\""))
            .args([
                // The index of sid may be past its date on a mirror that lags.
                "--aptopt=Acquire::Check-Valid-Until \"false\"",
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
            let mut command = command::privileged("chown", WHY)?;
            command::output(
                command
                    .args(["--recursive", "--no-dereference", &owner])
                    .arg(&root),
            )?;
        }
        Ok(())
    }
}
