// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The host kernel: Linux with i915-gvt-host linked into i915, and kvmgt beside it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{bail, Context, Result};

use crate::cache::{Cache, Key};
use crate::command;
use crate::progress::Step;
use crate::tools;
use sources::Sources;

mod build;
pub mod other;
mod source;
mod sources;
mod sync;
pub mod variant;
mod warning;

/// Changes when the way of building changes, so that old images are not taken for new ones.
const RECIPE: &str = "2";
/// Disk space of source, build folder and image together, in MiB.
const MIB: u64 = 5000;
/// The same when source and build folder are there already.
const MIB_AGAIN: u64 = 300;

/// The modules that an image keeps with debug information, too: both halves of GVT-g.
pub const DEBUG_MODULES: [&str; 2] = ["i915", "kvmgt"];

/// Where an image keeps such a module.
fn debug_module(image: &Path, name: &str) -> PathBuf {
    image.join("debug").join(format!("{name}.ko"))
}

/// A kernel's major and minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Major version.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
}

impl Version {
    /// The kernel of record.
    pub const RECORD: Self = Self { major: 7, minor: 2 };
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Version {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = text
            .split_once('.')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        match parsed {
            Some((major, minor)) => Ok(Self { major, minor }),
            None => bail!("a kernel version is MAJOR.MINOR, for example 7.2"),
        }
    }
}

/// A kernel that can be booted: ours or a stock one.
#[derive(Clone, Debug)]
pub struct Image {
    /// The folder that holds `lib/modules`.
    pub root: PathBuf,
    /// The compressed kernel.
    pub kernel: PathBuf,
    /// What `uname -r` says in it.
    pub release: String,
}

impl Image {
    /// Opens an image folder as `build` and `stock` fill it: `vmlinuz`, `release`, `lib/modules`.
    pub fn open(root: PathBuf) -> Result<Self> {
        let file = root.join("release");
        let release = fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?
            .trim()
            .to_owned();
        let kernel = root.join("vmlinuz");
        Ok(Self {
            root,
            kernel,
            release,
        })
    }

    /// The folder of its modules.
    pub fn modules(&self) -> PathBuf {
        self.root.join("lib/modules").join(&self.release)
    }

    /// One of [`DEBUG_MODULES`].
    pub fn debug_module(&self, name: &str) -> PathBuf {
        debug_module(&self.root, name)
    }
}

/// Which checks are compiled into the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// As a distribution would have it.
    Plain,
    /// With lockdep, atomic-sleep checks, kmemleak and KASAN. Built by clang: with gcc a kernel has
    /// either KASAN or Rust.
    Debug,
    /// With the GVT-g in C of the same source in place of ours.
    InC,
}

impl Flavour {
    /// What is added to names of things of this flavour.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Debug => "-debug",
            Self::InC => "-in-c",
        }
    }

    /// The flavour from whose source it is built: it must not change while another one is built
    /// from it, and those of one source are built one after the other.
    fn source(self) -> Self {
        match self {
            Self::Debug => Self::Debug,
            Self::Plain | Self::InC => Self::Plain,
        }
    }

    /// The C compiler, and its flag that prints the version in full.
    fn compiler(self) -> (&'static str, &'static str) {
        match self {
            Self::Plain | Self::InC => ("gcc", "-dumpfullversion"),
            Self::Debug => (build::CLANG, "-dumpversion"),
        }
    }

    /// What make's `LLVM=` is set to, if clang builds it.
    fn llvm(self) -> Option<&'static str> {
        match self {
            Self::Plain | Self::InC => None,
            Self::Debug => Some(build::LLVM),
        }
    }

    /// The fragments of configuration below `tests/xtask/kernel`.
    fn fragments(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &["host.config"],
            Self::Debug => &["host.config", "debug.config"],
            Self::InC => &["host.config", "in_c.config"],
        }
    }
}

/// The configuration of a flavour, all fragments in one text.
fn config(flavour: Flavour) -> Result<String> {
    let mut text = String::new();
    for name in flavour.fragments() {
        let file = command::work_tree().join("tests/xtask/kernel").join(name);
        text += &fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
    }
    Ok(text)
}

/// Returns the host kernel, building what is not up to date.
pub fn host(cache: &Cache, version: Version, flavour: Flavour) -> Result<Image> {
    host_of(cache, version, flavour, command::work_tree())
}

/// Returns the host kernel with all that is ours from another tree, but configured by this one.
pub fn host_of(cache: &Cache, version: Version, flavour: Flavour, tree: PathBuf) -> Result<Image> {
    let sources = Sources { tree };
    let config = config(flavour)?;
    let bindgen = tools::bindgen(cache)?;
    let (compiler, print_version) = flavour.compiler();
    let mut key = Key::new()
        .add("recipe", RECIPE)
        .add("version", version.to_string())
        .add("config", &config)
        .add("bindgen", bindgen.to_string_lossy().as_bytes())
        .add(
            "rustc",
            command::output(command::new(build::RUSTC).arg("--version"))?,
        )
        .add(
            compiler,
            command::output(command::new(compiler).arg(print_version))?,
        );
    for (name, folder) in sources.in_tree().iter().chain(&sources.out_of_tree()) {
        key = key.add("folder", name).files(folder)?;
    }
    let name = format!("kernel-{version}{}", flavour.suffix());
    let mib = if cache.path(&name).is_dir() {
        MIB_AGAIN
    } else {
        MIB
    };
    let place = cache.artefact(&format!("image-{name}"), &key, mib, |part| {
        if flavour == Flavour::InC {
            start_from_ours(cache, version, &name)?;
        }
        let mut step = Step::start(format!("kernel {version}{}", flavour.suffix()));
        let log = cache.log(&name)?;
        // Only one work tree at a time may bring the source up to date and build.
        let _lock = cache.lock(&source::name(version, flavour))?;
        let source = source::ensure(cache, version, flavour)?;
        source::bring_up_to_date(&source, &sources)?;
        let build = build::Build {
            source: source.tree(),
            output: cache.folder(&name)?,
            modules: (flavour != Flavour::InC).then(|| source.folder.join("modules")),
            llvm: flavour.llvm(),
            bindgen: bindgen.clone(),
            log,
        };
        build.run(&sources, &config, part, |line| step.line(line))?;
        step.done();
        Ok(())
    })?;
    Image::open(place)
}

/// Fills the folder for objects of the kernel with the GVT-g in C by those of ours: only i915 and
/// what it selects differ.
fn start_from_ours(cache: &Cache, version: Version, name: &str) -> Result<()> {
    let folder = cache.path(name);
    if folder.is_dir() {
        return Ok(());
    }
    host(cache, version, Flavour::Plain)?;
    let _lock = cache.lock(&source::name(version, Flavour::Plain))?;
    let part = cache.path(&format!("{name}.part"));
    command::remove_tree(&part)?;
    let ours = cache.path(&format!("kernel-{version}{}", Flavour::Plain.suffix()));
    command::output(command::new("cp").arg("--archive").arg(ours).arg(&part))?;
    fs::rename(&part, &folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// The tree of a kernel's source, fetched on first use.
pub fn source(cache: &Cache, version: Version) -> Result<PathBuf> {
    let _lock = cache.lock(&source::name(version, Flavour::Plain))?;
    Ok(source::ensure(cache, version, Flavour::Plain)?.tree())
}

/// Makes the path of a file's folder.
fn make_parent(file: &Path) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_when_text_is_no_version_then_says_what_one_is() {
        let error = "7".parse::<Version>().unwrap_err().to_string();
        assert!(error.contains("MAJOR.MINOR"));
    }

    #[test]
    fn version_when_minor_has_two_digits_then_is_greater() {
        let six_one: Version = "6.1".parse().unwrap();
        let six_twelve: Version = "6.12".parse().unwrap();
        assert!(six_one < six_twelve);
    }
}
