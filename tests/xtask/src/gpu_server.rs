// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The software GPU, or vGPUs of one, served to QEMU over vfio-user by a process of its own.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::cache::Cache;
use crate::command;
use crate::progress::Step;

mod counts;
mod monitor;

pub use counts::nothing_lost;
pub use monitor::Monitor;

/// The program that serves a GPU.
const GPU: &str = "gen9-gpu";
/// The program that serves vGPUs: kvmgt and the host half, hosted, over the same GPU.
const VGPU: &str = "vgpu-server";
/// The program that plugs and unplugs the monitors of vGPUs.
const PLUG: &str = "synthetic-guest";
/// How long the server may take until its socket is there.
const START: Duration = Duration::from_secs(10);
/// How long a server may take to end when it is asked to.
const END: Duration = Duration::from_secs(5);
/// How often files and children are looked at.
const POLL: Duration = Duration::from_millis(20);

/// The servers' programs, and that of a client beside VMs.
#[derive(Clone)]
pub struct Programs {
    gpu: PathBuf,
    vgpu: PathBuf,
    plug: PathBuf,
}

/// Builds the programs.
pub fn build(cache: &Cache) -> Result<Programs> {
    let mut step = Step::start("the software GPU");
    let log = cache.log("gpu-build")?;
    let mut command = command::cargo();
    command
        .args(["build", "--release", "--workspace"])
        .args(["--bin", GPU, "--bin", VGPU, "--bin", PLUG])
        .args(["--message-format=json-render-diagnostics"]);
    let mut programs = Vec::new();
    command::logged(&mut command, &log, |line| {
        step.line("cargo build");
        programs.extend(executable(line));
    })?;
    step.done();
    Ok(Programs {
        gpu: named(&programs, GPU)?,
        vgpu: named(&programs, VGPU)?,
        plug: named(&programs, PLUG)?,
    })
}

/// The program of that name among those that cargo named.
pub fn named(programs: &[PathBuf], name: &str) -> Result<PathBuf> {
    let found = programs
        .iter()
        .find(|path| path.file_name().is_some_and(|file| file == name));
    found
        .cloned()
        .with_context(|| format!("cargo named no program {name}"))
}

/// The program in a line of cargo's JSON messages.
pub fn executable(line: &str) -> Option<PathBuf> {
    let rest = line.split_once("\"executable\":\"")?.1;
    let path = rest.split_once('"')?.0;
    Some(PathBuf::from(path))
}

/// A server under way; it ends with the value.
pub struct GpuServer {
    child: Child,
    sockets: Vec<PathBuf>,
    controls: Vec<PathBuf>,
    /// Of vGPUs.
    monitors: Vec<Monitor>,
    /// What the server printed.
    log: PathBuf,
    /// Of the sockets, which go with it.
    _folder: TempDir,
}

/// What a server serves.
pub struct Served<'a> {
    /// The GPU: the text of `--gpu`, which the server itself reads and checks.
    pub gpu: &'a str,
    /// The vGPUs, if it is those that are served and not the GPU.
    pub vgpus: Option<&'a Vgpus>,
    /// A file for the log of register accesses, written when the server ends. Only of a GPU.
    pub accesses: Option<&'a Path>,
    /// The same for what its engines were given to execute.
    pub submissions: Option<&'a Path>,
}

/// vGPUs of a GPU.
#[derive(Clone, Debug)]
pub struct Vgpus {
    /// Their types with commas between, the last for all that follow, which the server itself reads and
    /// checks; the smallest if none is named.
    pub kind: Option<String>,
    /// The resolutions that their monitors prefer, in the same way; the largest of their types if none
    /// is named.
    pub resolution: Option<String>,
    /// How many.
    pub count: u32,
}

impl Vgpus {
    /// So many of the smallest type.
    pub fn smallest(count: u32) -> Self {
        Self {
            kind: None,
            resolution: None,
            count,
        }
    }
}

/// Where one VM gets its GPU.
#[derive(Clone)]
pub struct Seat {
    /// Where QEMU connects.
    pub socket: PathBuf,
    /// The control socket of the GPU, or of this vGPU.
    pub control: Control,
    /// The monitor of this vGPU, if it is one.
    pub monitor: Option<Monitor>,
    /// What the server printed.
    pub log: PathBuf,
}

impl GpuServer {
    /// Starts a server and waits until its sockets are there.
    pub fn start(programs: &Programs, served: &Served<'_>, log: PathBuf) -> Result<Self> {
        // Not in the cache: a socket's path may have 107 bytes at most.
        let folder = tempfile::Builder::new().prefix("kvmgt-").tempdir()?;
        let (socket, control) = (folder.path().join("gpu"), folder.path().join("gpu-control"));
        let monitor = folder.path().join("monitor");
        let kept = File::create(&log)
            .with_context(|| format!("cannot create the log {}", log.display()))?;
        let program = match served.vgpus {
            Some(_) => &programs.vgpu,
            None => &programs.gpu,
        };
        let mut command = command::tied(program);
        command
            .arg("--socket")
            .arg(&socket)
            .arg("--control")
            .arg(&control)
            .args(["--gpu", served.gpu]);
        if let Some(vgpus) = served.vgpus {
            command.args(["--vgpus", &vgpus.count.to_string(), "--verbose"]);
            command.arg("--monitor").arg(&monitor);
            if let Some(kind) = &vgpus.kind {
                command.args(["--type", kind]);
            }
            if let Some(resolution) = &vgpus.resolution {
                command.args(["--resolution", resolution]);
            }
        }
        let count = served.vgpus.map_or(1, |vgpus| vgpus.count);
        let monitors = match served.vgpus {
            Some(_) => sockets(&monitor, count),
            None => Vec::new(),
        };
        let monitors = monitors.into_iter().map(|socket| Monitor {
            program: programs.plug.clone(),
            socket,
        });
        if let Some(file) = served.accesses {
            command.arg("--log").arg(file);
        }
        if let Some(file) = served.submissions {
            command.arg("--submissions").arg(file);
        }
        let child = command
            .stdout(kept.try_clone()?)
            .stderr(kept)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let mut server = Self {
            child,
            sockets: sockets(&socket, count),
            controls: sockets(&control, count),
            monitors: monitors.collect(),
            log,
            _folder: folder,
        };
        let start = Instant::now();
        let all = |server: &Self| {
            let mut paths = server.sockets.iter().chain(&server.controls);
            paths.all(|path| path.exists())
        };
        while !all(&server) {
            if server.child.try_wait()?.is_some() || start.elapsed() > START {
                bail!("the software GPU does not start: {}", server.last_words());
            }
            thread::sleep(POLL);
        }
        Ok(server)
    }

    /// Where the VM in that place gets its GPU.
    pub fn seat(&self, place: usize) -> Result<Seat> {
        let paths = self.sockets.get(place).zip(self.controls.get(place));
        let (socket, control) = paths.context("there is no GPU for one more VM")?;
        Ok(Seat {
            socket: socket.clone(),
            control: Control(control.clone()),
            monitor: self.monitors.get(place).cloned(),
            log: self.log.clone(),
        })
    }

    /// Ends the server so that it can write what it writes at its end.
    ///
    /// # Errors
    ///
    /// It had failed, or does not end; the error shows its last words.
    pub fn finish(mut self) -> Result<()> {
        // A child that has ended already has an id still, until it is waited for.
        rustix::process::kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let start = Instant::now();
        let status = loop {
            match self.child.try_wait()? {
                None if start.elapsed() < END => thread::sleep(POLL),
                status => break status,
            }
        };
        if status.is_some_and(|status| status.success()) {
            return Ok(());
        }
        let how = match status {
            Some(status) => format!("ended with {status}"),
            None => "does not end".to_owned(),
        };
        bail!(
            "the software GPU {how}: {}\nits log: {}",
            self.last_words(),
            self.log.display()
        )
    }

    fn last_words(&self) -> String {
        command::tail(&std::fs::read_to_string(&self.log).unwrap_or_default())
    }
}

/// The sockets of a server of so many vGPUs, by the name that it was given for them.
fn sockets(socket: &Path, count: u32) -> Vec<PathBuf> {
    if count == 1 {
        return vec![socket.to_owned()];
    }
    let numbered = |number| {
        let mut name = socket.as_os_str().to_owned();
        name.push(format!("-{number}"));
        name.into()
    };
    (1..=count).map(numbered).collect()
}

/// The server's control socket: lines in, lines out.
#[derive(Clone)]
pub struct Control(PathBuf);

impl Control {
    /// Has a PNG of the screen written.
    pub fn screenshot(&self, file: &Path) -> Result<()> {
        let mut stream = UnixStream::connect(&self.0)?;
        // The server may have another working folder, some day.
        let file = std::path::absolute(file)?;
        writeln!(stream, "screenshot {}", file.display())?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        if !answer.starts_with("ok") {
            bail!("no screenshot: {}", answer.trim());
        }
        Ok(())
    }
}

impl Drop for GpuServer {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executable_when_message_has_none_then_none() {
        assert_eq!(executable(r#"{"executable":null}"#), None);
    }

    #[test]
    fn executable_when_message_has_one_then_its_path() {
        let line =
            r#"{"reason":"compiler-artifact","executable":"/t/release/gen9-gpu","fresh":true}"#;
        assert_eq!(executable(line), Some(PathBuf::from("/t/release/gen9-gpu")));
    }
}
