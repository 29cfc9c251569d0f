// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What tests share: the cache, and VMs that are prepared once.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{bail, ensure, Context as _, Result};

use crate::cache::Cache;
use crate::command;
use crate::gpu_server;
use crate::kernel::{Flavour, Version};
use crate::picture::Picture;
use crate::prepare::{self, Boot, Ready};
use crate::progress::Step;
use crate::vm::{self, End, Outcome, Task, Vm};

/// How long one scenario may take.
const PATIENCE: Duration = Duration::from_secs(900);
/// How long one may take in a debug kernel, whose checks cost several times the code itself.
const DEBUG_PATIENCE: Duration = Duration::from_secs(5400);
/// Memory of a VM with a debug kernel: KASAN takes an eighth, and kmemleak's notes a good part.
const DEBUG_RAM: &str = "4G";

/// Defines `file NAME PATH` in a script: [`Shell::file`] gives what the file holds.
pub const FILE: &str = r#"
file() {
	printf '\nfile=%s %s\n' "$1" "$(stat -c %s "$2")"
	cat "$2"
	echo
}
"#;

/// What a test gets.
pub struct Context {
    /// The cache.
    pub cache: Cache,
    /// Version of the host kernel.
    pub version: Version,
    ready: RefCell<Vec<(Boot, Ready)>>,
}

impl Context {
    /// A context in which nothing is prepared yet.
    pub fn new(cache: &Cache, version: Version) -> Self {
        Self {
            cache: cache.clone(),
            version,
            ready: RefCell::new(Vec::new()),
        }
    }

    /// Runs a step of a test with its output in a kept log.
    pub fn step(
        &self,
        name: &str,
        command: &mut Command,
        mut line: impl FnMut(&str),
    ) -> Result<PathBuf> {
        let log = self.cache.log(name)?;
        let mut step = Step::start(name);
        command::logged(command, &log, |text| {
            step.line(text);
            line(text);
        })?;
        Ok(log)
    }

    /// Prepares what a VM boots, at most once.
    pub fn prepare(&self, boot: Boot) -> Result<Ready> {
        if let Some((_, ready)) = self.ready.borrow().iter().find(|(b, _)| *b == boot) {
            return Ok(ready.clone());
        }
        let ready = prepare::prepare(&self.cache, boot)?;
        self.ready.borrow_mut().push((boot, ready.clone()));
        Ok(ready)
    }

    /// The host VM with our kernel.
    pub fn host(&self) -> Result<Guest> {
        self.guest(Boot::Host(self.version, Flavour::Plain))
    }

    /// A VM with a kernel of that kind.
    pub fn guest(&self, boot: Boot) -> Result<Guest> {
        let ready = self.prepare(boot)?;
        let name = match boot {
            Boot::Host(version, flavour) => format!("host-{version}{}", flavour.suffix()),
            Boot::Guest(version) => format!("guest-{version}"),
            Boot::Igt(version) => format!("igt-{version}"),
            Boot::Desktop(version) => format!("desktop-{version}"),
        };
        let mut vm = Vm {
            timeout: Some(PATIENCE),
            ..Vm::new(name, &ready)
        };
        if let Boot::Host(_, Flavour::Debug) = boot {
            vm.timeout = Some(DEBUG_PATIENCE);
            DEBUG_RAM.clone_into(&mut vm.ram);
        }
        Ok(Guest { vm, ready })
    }
}

/// A VM about to run a scenario's script.
pub struct Guest {
    /// The VM, to be changed as the scenario needs.
    pub vm: Vm,
    ready: Ready,
}

impl Guest {
    /// The GPU instead of the default one, in the words of `--gpu`.
    pub fn gpu(mut self, gpu: &str) -> Self {
        gpu.clone_into(&mut self.vm.gpu);
        self
    }

    /// Does not load i915 before the script.
    pub fn without_i915(mut self) -> Self {
        self.vm.i915 = false;
        self
    }

    /// Boots, runs a script as root, and powers off.
    pub fn run(&self, script: &str) -> Result<Shell> {
        let outcome = self.vm.run(&self.ready.bench, &Task::Capture(script))?;
        Ok(Shell { outcome })
    }

    /// Like [`Guest::run`], and every command of the script must succeed.
    pub fn check(&self, script: &str) -> Result<Shell> {
        let shell = self.run(&format!("set -e\n{script}"))?;
        shell.expect_status(0)?;
        Ok(shell)
    }
}

/// Runs a script in VMs side by side, each on a vGPU of the GPU that the first one is to have.
pub fn run_together(guests: &[Guest], script: &str) -> Result<Vec<Shell>> {
    let first = guests.first().context("there are guests")?;
    let vms: Vec<Vm> = (1..)
        .zip(guests)
        .map(|(number, guest)| guest.vm.numbered(number))
        .collect();
    let outcomes = vm::run_together(&vms, &first.ready.bench, &Task::Capture(script))?;
    let shells = outcomes.into_iter().map(|outcome| Shell { outcome });
    Ok(shells.collect())
}

/// What a script left behind.
pub struct Shell {
    outcome: Outcome,
}

impl Shell {
    /// Fails unless the script ended with that status; the error shows its last words.
    pub fn expect_status(&self, status: i32) -> Result<()> {
        if self.outcome.end == End::Exit(status) {
            return Ok(());
        }
        bail!(
            "the script ended with {:?}, not {status}\n{}\n{}\nconsole {}, GPU {}",
            self.outcome.end,
            command::tail(&self.stdout()),
            command::tail(&self.stderr()),
            self.outcome.console.display(),
            self.outcome.gpu_log.display()
        )
    }

    /// How the script ended.
    pub fn end(&self) -> &End {
        &self.outcome.end
    }

    /// The script's stdout.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.outcome.stdout).into_owned()
    }

    /// The script's stdout, where it is no text.
    pub fn bytes(&self) -> &[u8] {
        &self.outcome.stdout
    }

    /// The file that the script handed over under that name, by [`FILE`].
    pub fn file(&self, name: &str) -> Result<&[u8]> {
        find_file(&self.outcome.stdout, name)
            .with_context(|| format!("the script handed over no file {name}"))
    }

    /// The script's stderr.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.outcome.stderr).into_owned()
    }

    /// Keeps stdout and stderr beside the console's log.
    pub fn keep(&self) -> Result<PathBuf> {
        let path = self.outcome.console.with_extension("script.log");
        let both = [&*self.outcome.stdout, &*self.outcome.stderr].concat();
        fs::write(&path, both).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Fails unless all that vGPUs took of the GPU has been given back.
    pub fn nothing_lost(&self) -> Result<()> {
        gpu_server::nothing_lost(&self.outcome.gpu_log)
    }

    /// What the GPU's server printed.
    pub fn gpu_log(&self) -> Result<String> {
        let path = &self.outcome.gpu_log;
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// The picture that the script asked for under that name.
    pub fn picture(&self, name: &str) -> Result<Picture> {
        let folder = self.outcome.pictures.as_ref();
        Picture::read(&folder.context("nobody wanted pictures")?.join(name))
    }

    /// The value of the line `name=value` that the script printed.
    pub fn value(&self, name: &str) -> Result<String> {
        let stdout = self.stdout();
        let found = stdout
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(str::to_owned);
        ensure!(
            found.is_some(),
            "the script printed no {name}=:\n{}",
            command::tail(&stdout)
        );
        Ok(found.unwrap_or_default())
    }
}

/// The bytes of a file that was handed over in a script's stdout.
fn find_file<'a>(stdout: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mark = format!("\nfile={name} ");
    let place = stdout
        .windows(mark.len())
        .position(|bytes| bytes == mark.as_bytes())?;
    let rest = &stdout[place + mark.len()..];
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let size: usize = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    rest.get(end + 1..)?.get(..size)
}

#[cfg(test)]
mod tests {
    use super::find_file;

    #[test]
    fn find_file_when_two_are_there_then_that_of_the_name() {
        let stdout = b"x=1\n\nfile=a 3\n\x00\n\x01\n\nfile=ab 2\nyz\nend\n";

        assert_eq!(find_file(stdout, "a"), Some(&b"\0\n\x01"[..]));
        assert_eq!(find_file(stdout, "ab"), Some(&b"yz"[..]));
        assert_eq!(find_file(stdout, "b"), None);
    }

    #[test]
    fn find_file_when_short_then_none() {
        assert_eq!(find_file(b"\nfile=a 3\nxy", "a"), None);
        assert_eq!(find_file(b"\nfile=a 3", "a"), None);
    }
}
