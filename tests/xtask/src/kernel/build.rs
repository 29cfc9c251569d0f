// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Configuring and compiling the kernel and the modules beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use super::warning::Finder;
use super::{debug_module, make_parent, Sources, Version, DEBUG_MODULES};
use crate::command;
use anyhow::{bail, Context, Result};

/// Debian's compiler, which comes with the library source that the kernel needs; rustup's
/// is first in PATH.
pub const RUSTC: &str = "/usr/bin/rustc";
/// Where Debian's `libclang1-19` puts libclang.
const LIBCLANG: &str = "/usr/lib/llvm-19/lib";
/// The suffix of Debian's LLVM tools, as make's `LLVM=` takes it.
pub const LLVM: &str = "-19";
/// The C compiler that it names.
pub const CLANG: &str = "clang-19";
/// Makes the compiler describe types and functions of our crates. It is taken out again of what is
/// installed.
const DEBUG_INFO: &str = "-Cdebuginfo=2";
/// Time, user and machine that a build states: fixed, so that equal sources build equal.
const STATED: &[(&str, &str)] = &[
    ("KBUILD_BUILD_TIMESTAMP", "Thu Jan  1 00:00:00 UTC 1970"),
    ("KBUILD_BUILD_USER", "lab"),
    ("KBUILD_BUILD_HOST", "lab"),
];
/// Our objects in the kernel's tree; a patched file of i915 counts as ours too.
const OUR_OBJECTS: &str = "drivers/gpu/drm/i915/gvt_host";
/// The modules built out of tree, below the folder of copied sources.
const MODULES: &[&str] = &["kvmgt", "tests/fixture", "tests/conformance"];
/// The client that the interface's document shows: for one version, as the kernel crate changes.
const CLIENT: &str = "tests/reader";

/// One kernel build.
pub struct Build {
    /// The kernel's source.
    pub source: PathBuf,
    /// The folder for objects, kept from build to build.
    pub output: PathBuf,
    /// The copies of our out-of-tree modules, if they are built too.
    pub modules: Option<PathBuf>,
    /// What make's `LLVM=` is set to, or nothing for gcc and binutils.
    pub llvm: Option<&'static str>,
    /// The program.
    pub bindgen: PathBuf,
    /// Where all output goes.
    pub log: PathBuf,
}

impl Build {
    /// Builds all and installs it into `image`.
    pub fn run(
        &self,
        sources: &Sources,
        config: &str,
        image: &Path,
        mut line: impl FnMut(&str),
    ) -> Result<()> {
        self.configure(config, &mut line)?;
        let patch = fs::read_to_string(sources.patch())?;
        let mut ours: Vec<&str> = patch
            .lines()
            .filter_map(|l| l.strip_prefix("+++ b/"))
            .collect();
        ours.push(OUR_OBJECTS);
        self.kernel(&ours, &mut line)?;
        self.install(image, &mut line)?;
        let release = fs::read_to_string(self.output.join("include/config/kernel.release"))?;
        if let Some(folder) = &self.modules {
            let is_record = release.starts_with(&format!("{}.", Version::RECORD));
            let client = is_record.then_some(&CLIENT);
            for name in MODULES.iter().chain(client) {
                self.module(&folder.join(name), image, &mut line)?;
            }
            self.keep_debug(folder, image)?;
        }
        fs::write(image.join("release"), &release)?;
        command::output(
            command::new("/sbin/depmod")
                .arg("--basedir")
                .arg(image)
                .arg(release.trim()),
        )?;
        Ok(())
    }

    fn make(&self) -> Command {
        let mut command = command::new("make");
        let jobs = thread::available_parallelism().map_or(1, usize::from);
        command
            .arg(format!("--jobs={jobs}"))
            .arg("--directory")
            .arg(&self.source)
            .arg(format!("O={}", self.output.display()))
            .arg(format!("RUSTC={RUSTC}"))
            .arg(format!("BINDGEN={}", self.bindgen.display()))
            .arg(format!("LIBCLANG_PATH={LIBCLANG}"))
            .arg(format!("GVT_HOST_RUSTFLAGS={DEBUG_INFO}"));
        if let Some(llvm) = self.llvm {
            command.arg(format!("LLVM={llvm}"));
        }
        for (name, value) in STATED {
            command.env(name, value);
        }
        command
    }

    /// Writes `.config` from the fragment and checks that every line of it was taken.
    fn configure(&self, config: &str, line: &mut impl FnMut(&str)) -> Result<()> {
        let fragment = self.output.join("lab.config");
        let current = self.output.join(".config");
        make_parent(&fragment)?;
        fs::write(&fragment, config)?;
        command::logged(self.make().arg("rustavailable"), &self.log, &mut *line)
            .context("the kernel's build finds no usable Rust toolchain")?;
        let mut command = self.make();
        command
            .env("KCONFIG_ALLCONFIG", &fragment)
            .arg("allnoconfig");
        command::logged(&mut command, &self.log, line)?;
        let refused = refused_lines(config, &fs::read_to_string(&current)?);
        if !refused.is_empty() {
            bail!(
                "the kernel did not take these lines of its configuration: {}",
                refused.join(", ")
            );
        }
        Ok(())
    }

    fn kernel(&self, ours: &[&str], line: &mut impl FnMut(&str)) -> Result<()> {
        let mut finder = Finder::new(ours);
        command::logged(
            self.make().args(["bzImage", "modules"]),
            &self.log,
            |text| {
                finder.line(text);
                line(text);
            },
        )?;
        let found = finder.found();
        if !found.is_empty() {
            // What was compiled with a warning must warn again next time.
            command::remove_tree(&self.output.join(OUR_OBJECTS))?;
            for name in ours.iter().filter(|name| name.ends_with(".c")) {
                command::remove_tree(&self.output.join(name).with_extension("o"))?;
            }
            bail!(
                "warnings about our objects (log {}):\n{}",
                self.log.display(),
                found.join("\n")
            );
        }
        Ok(())
    }

    fn install(&self, image: &Path, line: &mut impl FnMut(&str)) -> Result<()> {
        command::logged(&mut self.modules_install(image), &self.log, line)?;
        fs::copy(
            self.output.join("arch/x86/boot/bzImage"),
            image.join("vmlinuz"),
        )?;
        Ok(())
    }

    /// Installs what was built, without debug information.
    fn modules_install(&self, image: &Path) -> Command {
        let mut command = self.make();
        // We run depmod ourselves when all modules are there.
        command
            .arg(format!("INSTALL_MOD_PATH={}", image.display()))
            .args(["INSTALL_MOD_STRIP=1", "DEPMOD=true", "modules_install"]);
        command
    }

    /// Keeps both halves of GVT-g as they were linked, with the debug information of our crates.
    fn keep_debug(&self, modules: &Path, image: &Path) -> Result<()> {
        for (name, built) in DEBUG_MODULES.iter().zip([
            self.output.join("drivers/gpu/drm/i915/i915.ko"),
            modules.join("kvmgt/kvmgt.ko"),
        ]) {
            let kept = debug_module(image, name);
            make_parent(&kept)?;
            fs::copy(&built, kept).with_context(|| format!("cannot copy {}", built.display()))?;
        }
        Ok(())
    }

    /// Builds one folder of modules against the kernel and adds its modules to the image.
    fn module(&self, folder: &Path, image: &Path, line: &mut impl FnMut(&str)) -> Result<()> {
        if !folder.join("Kbuild").exists() && !folder.join("Makefile").exists() {
            return Ok(());
        }
        let mut finder = Finder::new(&[]);
        let mut command = self.make();
        let place = format!("M={}", folder.display());
        command
            .arg(&place)
            .arg(format!("KRUSTFLAGS={DEBUG_INFO}"))
            .arg("modules");
        command::logged(&mut command, &self.log, |text| {
            finder.line(text);
            line(text);
        })?;
        let found = finder.found();
        if !found.is_empty() {
            let mut clean = self.make();
            clean.arg(&place).arg("clean");
            command::logged(&mut clean, &self.log, |_| {})?;
            bail!(
                "warnings in {} (log {}):\n{}",
                folder.display(),
                self.log.display(),
                found.join("\n")
            );
        }
        command::logged(self.modules_install(image).arg(&place), &self.log, line)?;
        Ok(())
    }
}

/// The lines of a fragment that a `.config` does not have.
///
/// Where a fragment names an option twice, the last line counts.
fn refused_lines(fragment: &str, config: &str) -> Vec<String> {
    let wanted: Vec<(&str, Option<&str>)> = fragment.lines().filter_map(setting).collect();
    let taken: Vec<(&str, Option<&str>)> = config.lines().filter_map(setting).collect();
    let mut refused = Vec::new();
    for (place, (name, value)) in wanted.iter().enumerate() {
        if wanted[place + 1..].iter().any(|(later, _)| later == name) {
            continue;
        }
        let got = taken.iter().find(|(n, _)| n == name).and_then(|(_, v)| *v);
        if got != *value {
            refused.push(format!(
                "{name}={} (is {})",
                value.unwrap_or("n"),
                got.unwrap_or("n")
            ));
        }
    }
    refused
}

/// An option's name and value; no value for "is not set".
fn setting(line: &str) -> Option<(&str, Option<&str>)> {
    if let Some(name) = line
        .strip_prefix("# ")
        .and_then(|l| l.strip_suffix(" is not set"))
    {
        return Some((name, None));
    }
    let (name, value) = line.split_once('=')?;
    name.starts_with("CONFIG_").then_some((name, Some(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_lines_when_an_option_is_dropped_then_named() {
        let refused = refused_lines(
            "CONFIG_A=y\nCONFIG_B=m\n",
            "CONFIG_A=y\n# CONFIG_B is not set\n",
        );
        assert_eq!(refused, ["CONFIG_B=m (is n)"]);
    }

    #[test]
    fn refused_lines_when_not_set_is_wanted_and_absent_then_none() {
        assert!(refused_lines("# CONFIG_A is not set\n", "CONFIG_B=y\n").is_empty());
    }

    #[test]
    fn refused_lines_when_not_set_is_wanted_but_selected_then_named() {
        assert_eq!(
            refused_lines("# CONFIG_A is not set\n", "CONFIG_A=y\n"),
            ["CONFIG_A=n (is y)"]
        );
    }

    #[test]
    fn refused_lines_when_a_later_fragment_overrides_then_last_counts() {
        assert!(refused_lines("CONFIG_A=m\nCONFIG_A=y\n", "CONFIG_A=y\n").is_empty());
    }
}
