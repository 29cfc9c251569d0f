// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Running a VM with the software GPU: from an image and a root to an exit status.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::command;
use crate::gpu_server::{Control, GpuServer, Monitor, Seat, Served, Vgpus};
use crate::initramfs;
use crate::kernel::Image;
use crate::prepare::{Bench, Ready};
use crate::progress::say;
use crate::qemu::{Accel, Machine};

mod port;
mod several;

use port::Port;
pub use several::run_together;

/// Exit status of a command that was still running when its time was over.
pub const TIMED_OUT: i32 = 124;
/// Exit status when the VM did not come up, or died.
pub const NOT_UP: i32 = 125;

/// How long i915 may take from `modprobe` to a card in /dev/dri, in seconds of the guest.
const I915_SECONDS: u32 = 300;
/// How long QEMU may take to end after the guest has said how it ended.
const POWER_OFF: Duration = Duration::from_secs(20);
/// How often QEMU is looked at while nothing is heard from the guest.
const POLL: Duration = Duration::from_millis(100);
/// The port on which the guest says how far it is.
const CONTROL: &str = "lab.control";
/// The ports of the command's output.
const STDOUT: &str = "lab.stdout";
/// See [`STDOUT`].
const STDERR: &str = "lab.stderr";

/// What one VM is to be and do.
#[derive(Clone)]
pub struct Vm {
    /// A word for the names of its logs.
    pub name: String,
    /// The kernel.
    pub image: Image,
    /// The Debian tree.
    pub root: PathBuf,
    /// A folder laid over the tree.
    pub overlay: Option<PathBuf>,
    /// A folder that the command may mount over 9p, by the tag `share`.
    pub share: Option<PathBuf>,
    /// Whether to load i915 and wait for its card before the VM counts as up.
    pub i915: bool,
    /// More of the kernel's command line.
    pub append: String,
    /// The text of `--gpu`.
    pub gpu: String,
    /// vGPUs of that GPU, of which the VM gets one in the GPU's place.
    pub vgpus: Option<Vgpus>,
    /// What stands in front of each line that is passed on.
    pub label: Option<String>,
    /// A file for the log of register accesses.
    pub accesses: Option<PathBuf>,
    /// A file for what engines were given to execute.
    pub submissions: Option<PathBuf>,
    /// A file for a PNG of the screen when the command has ended.
    pub screenshot: Option<PathBuf>,
    /// A folder for PNGs of the screen that the command asks for, by names: see `vm/stage.sh`.
    pub pictures: Option<PathBuf>,
    /// Memory, as QEMU writes it.
    pub ram: String,
    /// How code is executed.
    pub accel: Accel,
    /// Whether the VM's clock counts instructions, for [`Accel::Tcg`] only.
    pub counted: bool,
    /// Whether the VM goes on before the GPU has seen what it writes. That is quick, but what is
    /// written to the aperture is not in memory yet when the next instruction looks there, as it is
    /// with a GPU whose aperture is coherent, like those of `has_coherent_ggtt` in i915.
    pub posted: bool,
    /// The kernel's console goes here instead of into a kept log.
    pub console: Option<PathBuf>,
    /// The time it all may take; without one it may take for ever.
    pub timeout: Option<Duration>,
}

/// What the VM runs.
pub enum Task<'a> {
    /// A command whose output goes to this process's stdout and stderr.
    Pass(&'a str),
    /// A command whose output is kept.
    Capture(&'a str),
    /// A command whose stdout is kept, and whose stderr goes to this process's.
    Report(&'a str),
    /// A shell on this process's terminal.
    Terminal,
}

/// How a VM ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The command ended with this status.
    Exit(i32),
    /// The command was still running when the time was over.
    TimedOut,
    /// The VM did not come up, or died; with the reason.
    NotUp(String),
}

impl End {
    /// The exit status that stands for this end.
    pub fn status(&self) -> i32 {
        match self {
            Self::Exit(status) => *status,
            Self::TimedOut => TIMED_OUT,
            Self::NotUp(_) => NOT_UP,
        }
    }
}

/// What is left of a VM.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// The command's stdout, if it was captured.
    pub stdout: Vec<u8>,
    /// The command's stderr, if it was captured.
    pub stderr: Vec<u8>,
    /// The kernel's console.
    pub console: PathBuf,
    /// What the GPU server printed.
    pub gpu_log: PathBuf,
    /// The picture of its screen at the end.
    pub screenshot: Option<PathBuf>,
    /// The folder of the pictures that the command asked for.
    pub pictures: Option<PathBuf>,
}

impl Vm {
    /// A VM with the default GPU that loads i915 and has no time limit.
    pub fn new(name: impl Into<String>, ready: &Ready) -> Self {
        Self {
            name: name.into(),
            image: ready.image.clone(),
            root: ready.root.clone(),
            overlay: None,
            share: None,
            i915: true,
            append: String::new(),
            gpu: "kbl".to_owned(),
            vgpus: None,
            label: None,
            accesses: None,
            submissions: None,
            screenshot: None,
            pictures: None,
            ram: "2G".to_owned(),
            accel: Accel::Tcg,
            counted: false,
            posted: true,
            console: None,
            timeout: None,
        }
    }

    /// Runs the VM to its end.
    pub fn run(&self, bench: &Bench, task: &Task<'_>) -> Result<Outcome> {
        let server = self.serve(bench)?;
        let outcome = self.run_at(bench, task, &server.seat(0)?)?;
        server.finish()?;
        Ok(outcome)
    }

    /// Starts what serves the VM's GPU.
    fn serve(&self, bench: &Bench) -> Result<GpuServer> {
        let served = Served {
            gpu: &self.gpu,
            vgpus: self.vgpus.as_ref(),
            accesses: self.accesses.as_deref(),
            submissions: self.submissions.as_deref(),
        };
        let log = bench.cache.log(&format!("{}-gpu", self.name))?;
        GpuServer::start(&bench.servers, &served, log)
    }

    /// Runs the VM with a GPU that is served.
    fn run_at(&self, bench: &Bench, task: &Task<'_>, gpu: &Seat) -> Result<Outcome> {
        let start = Instant::now();
        // Not in the cache: a socket's path may have 107 bytes at most.
        let folder = tempfile::Builder::new().prefix("kvmgt-").tempdir()?;
        let console = match &self.console {
            Some(file) => file.clone(),
            None => bench.cache.log(&format!("{}-console", self.name))?,
        };
        let script = match task {
            Task::Pass(text) | Task::Capture(text) | Task::Report(text) => Some(*text),
            Task::Terminal => None,
        };
        let initramfs = folder.path().join("initramfs");
        initramfs::write(&self.image, script, &initramfs)?;

        let (sender, control) = mpsc::channel();
        if let Some(folder) = &self.pictures {
            fs::create_dir_all(folder)?;
        }
        let screen = Screen {
            gpu: gpu.control.clone(),
            monitor: gpu.monitor.clone(),
            last: self.screenshot.clone(),
            folder: self.pictures.clone(),
        };
        let control_port = Port::open(CONTROL, folder.path(), move |stream| {
            read_control(stream, &sender, screen)
        })?;
        let keep_errors = matches!(task, Task::Capture(_));
        let keep_output = keep_errors || matches!(task, Task::Report(_));
        let (path, label) = (folder.path(), self.label.as_deref());
        let stdout_port = port::output(STDOUT, path, keep_output, label, std::io::stdout)?;
        let stderr_port = port::output(STDERR, path, keep_errors, label, std::io::stderr)?;
        let ports = [&control_port, &stdout_port, &stderr_port].map(|p| (p.name, p.socket.clone()));
        let machine = Machine {
            qemu: &bench.qemu,
            image: &self.image,
            initramfs: &initramfs,
            root: &self.root,
            overlay: self.overlay.as_deref(),
            share: self.share.as_deref(),
            append: &self.append(),
            ram: &self.ram,
            accel: self.accel,
            counted: self.counted,
            gpu: &gpu.socket,
            posted: self.posted,
            console: &console,
            ports: &ports,
            terminal: matches!(task, Task::Terminal),
        };
        let errors = bench.cache.log(&format!("{}-qemu", self.name))?;
        let mut command = machine.command();
        if machine.terminal {
            command.stdin(Stdio::inherit());
        } else {
            command.stdout(Stdio::null());
        }
        let child = command
            .stderr(fs::File::create(&errors)?)
            .spawn()
            .context("cannot run QEMU")?;
        let mut guard = Guard(child);
        let deadline = self.timeout.and_then(|timeout| start.checked_add(timeout));
        let mut end = watch(&mut guard.0, &control, deadline, || {
            if matches!(task, Task::Pass(_)) {
                let seconds = start.elapsed().as_secs_f64();
                self.say(&format!("the VM is up after {seconds:.0} s"));
            }
        })?;
        drop(guard);
        control_port.close()?;
        let stdout = stdout_port.close()?;
        let stderr = stderr_port.close()?;
        if let End::NotUp(reason) = &mut end {
            let text = fs::read_to_string(&errors).unwrap_or_default();
            if !text.trim().is_empty() {
                *reason += &format!(": {}", command::tail(&text));
            }
        }
        Ok(Outcome {
            end,
            stdout,
            stderr,
            console,
            gpu_log: gpu.log.clone(),
            screenshot: self.screenshot.clone(),
            pictures: self.pictures.clone(),
        })
    }

    /// Prints a line that is about this VM.
    fn say(&self, line: &str) {
        match &self.label {
            Some(label) => say(&format!("{label}: {line}")),
            None => say(line),
        }
    }

    fn append(&self) -> String {
        let mut words = Vec::new();
        if self.i915 {
            words.push(format!("lab.i915={I915_SECONDS}"));
        }
        if self.screenshot.is_some() {
            words.push("lab.screenshot".to_owned());
        }
        words.push(self.append.clone());
        words.join(" ")
    }
}

/// Follows what the guest says until it has ended, QEMU has, or the time is over.
fn watch(
    child: &mut Child,
    control: &Receiver<String>,
    deadline: Option<Instant>,
    mut on_up: impl FnMut(),
) -> Result<End> {
    let mut up = false;
    let mut end = None;
    let mut gone = false;
    let mut power_off = None;
    loop {
        match control.recv_timeout(POLL) {
            Ok(line) => {
                if line == "up" {
                    up = true;
                    on_up();
                } else if end.is_none() {
                    end = read_end(&line);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => thread::sleep(POLL),
        }
        // One more round after QEMU has gone, for the last line that it passed on.
        if gone {
            let died = || {
                End::NotUp(
                    if up {
                        "the VM died"
                    } else {
                        "the VM ended while booting"
                    }
                    .into(),
                )
            };
            return Ok(end.unwrap_or_else(died));
        }
        gone = child.try_wait()?.is_some();
        let now = Instant::now();
        if let Some(end) = &end {
            if now > *power_off.get_or_insert(now + POWER_OFF) {
                return Ok(end.clone());
            }
        } else if deadline.is_some_and(|deadline| now > deadline) {
            return Ok(match up {
                true => End::TimedOut,
                false => End::NotUp("the VM was not up in time".into()),
            });
        }
    }
}

/// Understands a line of the control port that says how the VM ended.
fn read_end(line: &str) -> Option<End> {
    if let Some(status) = line.strip_prefix("exit ") {
        return status.trim().parse().ok().map(End::Exit);
    }
    line.strip_prefix("down ")
        .map(|reason| End::NotUp(reason.to_owned()))
}

/// QEMU, ended with the value.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where pictures of the screen come from and go to.
struct Screen {
    gpu: Control,
    /// What shows them, if it can be unplugged.
    monitor: Option<Monitor>,
    /// The picture at the end.
    last: Option<PathBuf>,
    /// Where those go that the guest asks for.
    folder: Option<PathBuf>,
}

impl Screen {
    /// Takes a picture that the guest asks for, and says to it how that went.
    fn take(&self, name: &str) -> String {
        let Some(folder) = &self.folder else {
            return "nobody wants pictures".to_owned();
        };
        match self.gpu.screenshot(&folder.join(name)) {
            Ok(()) => GO.to_owned(),
            Err(error) => format!("{error:#}"),
        }
    }

    /// Does to the monitor what the guest asks for, and says to it how that went.
    fn act(&self, act: &str) -> String {
        let Some(monitor) = &self.monitor else {
            return "the monitor cannot be unplugged".to_owned();
        };
        match monitor.act(act) {
            Ok(()) => GO.to_owned(),
            Err(error) => format!("{error:#}"),
        }
    }
}

/// What the guest is told when it may go on.
const GO: &str = "go";

/// Passes on what the guest says. When it says how it ended, or asks for a picture or another monitor, it
/// waits for a line from here, so that the screen can be taken before it changes.
fn read_control(stream: UnixStream, to: &Sender<String>, screen: Screen) -> Result<Vec<u8>> {
    let mut answer = stream.try_clone()?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if let Some(name) = line.strip_prefix("picture ") {
            writeln!(answer, "{}", screen.take(name))?;
            continue;
        }
        if let Some(act) = line.strip_prefix("monitor ") {
            writeln!(answer, "{}", screen.act(act))?;
            continue;
        }
        let ended = read_end(&line).is_some();
        // Nobody listens any more when the time was over.
        if to.send(line).is_err() {
            break;
        }
        if ended {
            let taken = screen.last.as_ref().map(|file| screen.gpu.screenshot(file));
            writeln!(answer, "{GO}")?;
            taken.transpose()?;
        }
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_end_when_status_is_given_then_exit() {
        assert_eq!(read_end("exit 3"), Some(End::Exit(3)));
    }

    #[test]
    fn read_end_when_guest_gives_up_then_not_up_with_reason() {
        let end = read_end("down i915 does not load").unwrap();
        assert_eq!(end.status(), NOT_UP);
        assert_eq!(end, End::NotUp("i915 does not load".into()));
    }

    #[test]
    fn watch_when_vm_ends_without_a_word_then_not_up() {
        let mut child = command::new("true").spawn().unwrap();
        let (_sender, control) = mpsc::channel();
        let end = watch(&mut child, &control, None, || {}).unwrap();
        assert_eq!(end.status(), NOT_UP);
    }

    #[test]
    fn watch_when_command_outlives_its_time_then_timed_out() {
        let mut guard = Guard(command::new("sleep").arg("60").spawn().unwrap());
        let (sender, control) = mpsc::channel();
        sender.send("up".to_owned()).unwrap();
        let deadline = Some(Instant::now() + POLL);
        let end = watch(&mut guard.0, &control, deadline, || {}).unwrap();
        assert_eq!(end.status(), TIMED_OUT);
    }
}
