// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The software GPU, or a vGPU of one, served to QEMU over vfio-user by a process of its own.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, Context, Result};
use rustix::process::{Pid, Signal};

use crate::cache::Cache;
use crate::command;
use crate::progress::Step;

/// The program that serves a GPU.
const GPU: &str = "gen9-gpu";
/// The program that serves a vGPU: kvmgt and the host half, hosted, over the same GPU.
const VGPU: &str = "vgpu-server";
/// How long the server may take until its socket is there.
const START: Duration = Duration::from_secs(10);
/// How long a server may take to end when it is asked to.
const END: Duration = Duration::from_secs(5);
/// How often files and children are looked at.
const POLL: Duration = Duration::from_millis(20);

/// The servers' programs.
#[derive(Clone)]
pub struct Programs {
    gpu: PathBuf,
    vgpu: PathBuf,
}

/// Builds the servers.
pub fn build(cache: &Cache) -> Result<Programs> {
    let mut step = Step::start("the software GPU");
    let log = cache.log("gpu-build")?;
    let mut command = command::cargo();
    command
        .args(["build", "--release", "--workspace"])
        .args(["--bin", GPU, "--bin", VGPU])
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
    /// Where QEMU connects.
    pub socket: PathBuf,
    /// What the server printed.
    pub log: PathBuf,
    control: PathBuf,
}

/// What a server serves.
pub struct Served<'a> {
    /// The GPU: the text of `--gpu`, which the server itself reads and checks.
    pub gpu: &'a str,
    /// The type of the vGPU, if it is one that is served and not the GPU.
    pub vgpu: Option<&'a str>,
    /// A file for the log of register accesses, written when the server ends. Only of a GPU.
    pub accesses: Option<&'a Path>,
}

impl GpuServer {
    /// Starts a server and waits until its socket is there.
    pub fn start(
        programs: &Programs,
        served: &Served<'_>,
        folder: &Path,
        log: PathBuf,
    ) -> Result<Self> {
        let (socket, control) = (folder.join("gpu"), folder.join("gpu-control"));
        let kept = File::create(&log)
            .with_context(|| format!("cannot create the log {}", log.display()))?;
        let program = match served.vgpu {
            Some(_) => &programs.vgpu,
            None => &programs.gpu,
        };
        let mut command = command::tied(program);
        command
            .arg("--socket")
            .arg(&socket)
            .args(["--gpu", served.gpu]);
        match served.vgpu {
            Some(kind) => command.args(["--type", kind]),
            None => command.arg("--control").arg(&control),
        };
        if let Some(file) = served.accesses {
            command.arg("--log").arg(file);
        }
        let child = command
            .stdout(kept.try_clone()?)
            .stderr(kept)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let mut server = Self {
            child,
            socket,
            log,
            control,
        };
        let start = Instant::now();
        while !server.socket.exists() {
            if server.child.try_wait()?.is_some() || start.elapsed() > START {
                let text = std::fs::read_to_string(&server.log).unwrap_or_default();
                bail!("the software GPU does not start: {}", command::tail(&text));
            }
            thread::sleep(POLL);
        }
        Ok(server)
    }

    /// The control socket, as long as the server lives.
    pub fn control(&self) -> Control {
        Control(self.control.clone())
    }

    /// Ends the server so that it can write what it writes at its end.
    pub fn finish(mut self) -> Result<()> {
        // A child that has ended already has an id still, until it is waited for.
        rustix::process::kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let start = Instant::now();
        while start.elapsed() < END && self.child.try_wait()?.is_none() {
            thread::sleep(POLL);
        }
        Ok(())
    }
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
