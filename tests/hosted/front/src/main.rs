// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Serves vGPUs of a software GPU over vfio-user.
//!
//! ```text
//!   session thread of vgpu1 ─┬─ core (vgpu1's lock) ──┐
//!           worker of vgpu1 ─┘                        ├── host half (its locks) ── software GPU (one lock)
//!   session thread of vgpu2 ─┬─ core (vgpu2's lock) ──┘       │                       │
//!           worker of vgpu2 ─┘        │                       │ ends of submissions   │
//!                                turns (one lock) ◀───────────┘                       │
//!   clerk ── time, kills ─────────────┘                                               │
//!   engine thread ──────────────────────────────────────────── slices of execution ───┘
//! ```
//!
//! There is one more thread for each control socket, which looks at a vGPU's screen under its lock, and
//! one for each monitor's socket, whose client plugs the monitor under the same lock.
//! A session thread does what its client asks for, the worker of the same vGPU what others have left
//! for it: to hear of the end of a submission, and to start the next one when it is its turn. The
//! lock of the turns is the innermost: whoever has it waits for nothing.
#![forbid(unsafe_code)]

use std::fmt;
use std::io::{IsTerminal, Write};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail, ensure, Context, Result};
use clap::{ArgAction, Parser};
use hosted_front::{Choice, Gpu, Machine, MonitorDevice, Screen, VgpuDevice};
use hosted_glue::turns::Tally;
use kvmgt_core::display::Resolution;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing::Level;
use vfio_user_server::{Server, Stopper};

/// A thread's whole work.
type Work<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Serves vGPUs of a software GPU over vfio-user.
///
/// QEMU 10.1 or later connects with
/// `-device '{"driver":"vfio-user-pci","addr":"02.0","socket":{"type":"unix","path":PATH}}'`; guest
/// memory must be a `memory-backend-memfd` with `share=on`. For each vGPU a line `vgpuN TYPE PATH`
/// is printed, and `ready` when all listen; at the end `vgpuN had S submissions, T us, C cycles`, with
/// the time that it had engines for, and what the GPU has counted for its contexts; then `taken before:`
/// and `taken after:`, with what is taken of the GPU. SIGTERM and SIGINT end the server in order.
#[derive(Debug, Parser)]
#[command(name = "vgpu-server", version)]
struct Arguments {
    /// Socket that VMMs connect to; with several vGPUs PATH-1, PATH-2 and so on.
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// Which GPU: `kbl[,aperture=256M|512M|1G][,seed=N][,id=HEX][,display=off]`. Without an
    /// aperture it has the smallest that the vGPUs fit on.
    #[arg(long, default_value = "kbl", value_parser = Choice::parse)]
    gpu: Choice,
    /// How many vGPUs.
    #[arg(long, value_name = "N", default_value_t = 1)]
    vgpus: u32,
    /// Their types, for example `V5_8` or `GVTg_V5_2,GVTg_V5_8`, the last for all that follow; the
    /// smallest if none is named.
    #[arg(long = "type", value_name = "T,…", value_delimiter = ',')]
    kinds: Vec<String>,
    /// The resolutions that their monitors prefer, for example `1024x768` or `800x600,1024x768`, the
    /// last for all that follow; the largest of their types if none is named.
    #[arg(long, value_name = "WxH,…", value_delimiter = ',', value_parser = resolution)]
    resolution: Vec<Resolution>,
    /// Socket for control lines, `screenshot FILE` for a PNG of what the guest shows; with several
    /// vGPUs PATH-1, PATH-2 and so on.
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,
    /// Socket for a client that plugs and unplugs the monitor while the VMM has the vGPU: of all
    /// regions it has that of the EDID; with several vGPUs PATH-1, PATH-2 and so on.
    #[arg(long, value_name = "PATH")]
    monitor: Option<PathBuf>,
    /// End a vGPU when its first client has left, and the server with the last of them.
    #[arg(long)]
    once: bool,
    /// Say more; twice for every event and refused request.
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let level = match arguments.verbose {
        0 => Level::WARN,
        1 => Level::INFO,
        _ => Level::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_max_level(level)
        .init();
    log_kernel_lines();
    let machine = arguments.gpu.machine(&arguments.kinds, arguments.vgpus);
    let gpu = machine.attach()?;
    serve(&arguments, &machine, &gpu)
}

fn serve<'a>(arguments: &Arguments, machine: &'a Machine, gpu: &'a Gpu<'a>) -> Result<()> {
    // Before the sockets are there: whoever sees them may send signals.
    let signals = Signals::new([SIGINT, SIGTERM]).context("cannot take signals")?;
    let kinds = match arguments.kinds.as_slice() {
        [] => vec![gpu.smallest_kind()],
        names => names
            .iter()
            .map(|name| gpu.kind(name))
            .collect::<Result<_>>()?,
    };
    let before = gpu.counts();
    let mut served: Vec<(Server, VgpuDevice<'a>)> = Vec::new();
    let mut controls: Vec<(Server, Screen<'a>)> = Vec::new();
    let mut monitors: Vec<(Server, MonitorDevice<'a>)> = Vec::new();
    for (number, kind) in (1..=arguments.vgpus).zip(lasting(&kinds)) {
        let which = || format!("vGPU {number} of {}", arguments.vgpus);
        let vgpu = gpu.create(kind).with_context(which)?;
        let resolution = lasting(&arguments.resolution).nth(number as usize - 1);
        if let Some(wanted) = resolution {
            vgpu.set_resolution(*wanted)
                .map_err(|largest| anyhow!("its type shows no {wanted}: {largest} at most"))
                .with_context(which)?;
        }
        let bind = |path: &Path| {
            let path = socket(path, number, arguments.vgpus);
            let listening = || format!("cannot listen on {}", path.display());
            let server = Server::bind(&path).with_context(listening)?;
            anyhow::Ok((server, path))
        };
        let (server, path) = bind(&arguments.socket)?;
        println!("{} {} {}", vgpu.id(), gpu.name(kind), path.display());
        if let Some(path) = &arguments.control {
            controls.push((bind(path)?.0, vgpu.screen()));
        }
        if let Some(path) = &arguments.monitor {
            monitors.push((bind(path)?.0, vgpu.monitor()));
        }
        served.push((server, vgpu));
    }
    let beside: Vec<_> = controls
        .iter()
        .map(|(server, _)| server)
        .chain(monitors.iter().map(|(server, _)| server))
        .map(Server::stopper)
        .collect();
    let stoppers: Vec<_> = served.iter().map(|(server, _)| server.stopper()).collect();
    stop_on_signals(signals, stoppers.clone())?;
    println!("ready");
    std::io::stdout().flush()?;

    let ids: Vec<_> = served.iter().map(|(_, vgpu)| vgpu.id()).collect();
    let outcome = std::thread::scope(|scope| {
        // What stands still for ever would look like a fault of the guest's.
        let spawn = |work: Work<'a>| {
            let stoppers = &stoppers;
            scope.spawn(move || {
                let ended = catch_unwind(AssertUnwindSafe(work));
                if ended.is_err() {
                    gpu.end();
                    stoppers.iter().for_each(Stopper::stop);
                }
                ended.is_ok()
            })
        };
        let mut helpers = vec![
            spawn(Box::new(|| machine.run_engines())),
            spawn(Box::new(|| gpu.clerk())),
        ];
        for (_, vgpu) in &served {
            let worker = vgpu.worker();
            helpers.push(spawn(Box::new(move || worker.run())));
        }
        for (server, screen) in controls {
            helpers.push(spawn(Box::new(move || {
                let ended = server.serve_lines(|line| screen.answer(line));
                ended.unwrap_or_else(|error| tracing::warn!("no control any more: {error}"));
            })));
        }
        for (server, mut monitor) in monitors {
            helpers.push(spawn(Box::new(move || {
                let bus = monitor.bus().clone();
                let ended = server.serve(&mut monitor, &bus, false);
                ended.unwrap_or_else(|error| tracing::warn!("no monitor any more: {error}"));
            })));
        }
        let sessions: Vec<_> = served
            .into_iter()
            .map(|(server, mut vgpu)| {
                scope.spawn(move || {
                    let bus = vgpu.bus().clone();
                    server.serve(&mut vgpu, &bus, arguments.once)
                })
            })
            .collect();
        // By then the vGPUs are gone, and their workers with them.
        let results: Vec<_> = sessions.into_iter().map(|thread| thread.join()).collect();
        gpu.end();
        machine.stop_engines();
        beside.iter().for_each(Stopper::stop);
        let ended = helpers
            .into_iter()
            .all(|thread| thread.join().unwrap_or(false));
        for result in results {
            match result {
                Ok(result) => result.context("cannot wait for clients")?,
                Err(_) => bail!("the thread of a vGPU failed"),
            }
        }
        ensure!(ended, "a thread of the GPU failed");
        Ok(())
    });
    for id in ids {
        let Tally {
            submissions,
            time,
            cycles,
        } = gpu.tally(id);
        let time = time.as_micros();
        tell(format_args!(
            "{id} had {submissions} submissions, {time} us, {cycles} cycles"
        ));
    }
    tell(format_args!("taken before: {before}"));
    tell(format_args!("taken after: {}", gpu.counts()));
    outcome
}

/// Prints a line, unless whoever started the server does not listen any more.
fn tell(line: fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The members of a list, the last one for ever.
fn lasting<T>(list: &[T]) -> impl Iterator<Item = &T> {
    list.iter().chain(list.last().into_iter().cycle())
}

/// Understands a resolution.
fn resolution(text: &str) -> Result<Resolution, &'static str> {
    Resolution::parse(text).map_err(|_| "expected a width and a height, such as 1024x768")
}

/// The socket of one of `count` vGPUs.
fn socket(path: &Path, number: u32, count: u32) -> PathBuf {
    if count == 1 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!("-{number}"));
    name.into()
}

/// What the two halves print in the kernel's log goes to ours.
fn log_kernel_lines() {
    use kernel::testing::Level;
    kernel::testing::set_log_sink(Some(Box::new(|level, text| match level {
        Level::Err => tracing::error!("{text}"),
        Level::Warn => tracing::warn!("{text}"),
        _ => tracing::info!("{text}"),
    })));
}

fn stop_on_signals(mut signals: Signals, stoppers: Vec<Stopper>) -> Result<()> {
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for _ in signals.forever() {
                stoppers.iter().for_each(Stopper::stop);
            }
        })?;
    Ok(())
}
