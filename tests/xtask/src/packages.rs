// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The packages of this machine's own release that the lab needs installed.

use std::collections::BTreeSet;

use anyhow::{bail, Context, Result};

use crate::cache::Cache;
use crate::command;
use crate::progress::Step;

/// What a fresh Debian 12 machine lacks for VMs: a kernel toolchain with Rust, and what unpacks
/// and assembles roots.
pub const TOOLCHAIN: &[&str] = &[
    "bc",
    "bison",
    "busybox-static",
    "clang-19",
    "debian-archive-keyring",
    "flex",
    "gcc",
    "kmod",
    "libclang-19-dev",
    "libelf-dev",
    "libssl-dev",
    "make",
    "mmdebstrap",
    "patch",
    "perl",
    "python3",
    "rust-web-src",
    "rustc-web",
    "xz-utils",
    "zstd",
];
/// What it lacks beyond that to build a kernel with clang.
pub const LLVM: &[&str] = &["lld-19", "llvm-19"];
/// What the workspace's own tests run: the judge of EDIDs.
pub const TESTS: &[&str] = &["edid-decode"];
/// Disk space that installing all of them takes.
const MIB: u64 = 3000;

/// Installs what is missing; does nothing else, and quickly, when nothing is.
pub fn install(cache: &Cache, needed: &[&str]) -> Result<()> {
    let missing = missing(needed)?;
    if missing.is_empty() {
        return Ok(());
    }
    let _lock = cache.lock("packages")?;
    cache.need_space("installing packages", MIB)?;
    let mut step = Step::start(format!("installing {}", missing.join(" ")));
    let log = cache.log("apt")?;
    let why = "installing packages (once)";
    let mut apt = |what: &str, args: &[&str]| {
        let mut command = command::privileged("apt-get", why)?;
        command.env("DEBIAN_FRONTEND", "noninteractive").args(args);
        command::fetched(&mut command, &log, what, |line| step.line(line))
    };
    apt(
        "no network, or the package mirror does not answer",
        &["update"],
    )?;
    for package in &missing {
        let known = command::output(command::new("apt-cache").args(["policy", package]))?;
        if !known.contains("Candidate: ") || known.contains("Candidate: (none)") {
            bail!("missing package: this machine's archive has no {package} (Debian 12 with its updates has)");
        }
    }
    let mut args = vec!["install", "--yes", "--no-install-recommends"];
    args.extend(missing.iter().map(String::as_str));
    apt("apt-get cannot install what the lab needs", &args)?;
    step.done();
    Ok(())
}

/// The packages that are not installed.
fn missing(needed: &[&str]) -> Result<Vec<String>> {
    let mut query = command::new("dpkg-query");
    query.args(["--show", "--showformat=${Package} ${db:Status-Status}\n"]);
    let listed = command::output(&mut query)
        .context("this machine is no Debian: dpkg-query does not work")?;
    Ok(not_installed(needed, &listed))
}

/// Those of `needed` that dpkg's list does not have as installed.
fn not_installed(needed: &[&str], listed: &str) -> Vec<String> {
    let installed: BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.strip_suffix(" installed"))
        .collect();
    needed
        .iter()
        .filter(|name| !installed.contains(*name))
        .map(|name| (*name).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_installed_when_only_configuration_is_left_then_counts_as_missing() {
        let listed = "bc installed\nflex config-files\n";
        assert_eq!(
            not_installed(&["bc", "flex", "bison"], listed),
            ["flex", "bison"]
        );
    }
}
