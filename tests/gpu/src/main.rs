// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Serves a software GPU to a VMM over vfio-user.
//!
//! ```text
//!   session thread   accesses of the guest ──┐
//!   engine thread    slices of execution  ───┼── Shared (one lock) ── Gpu
//!   control thread   screenshots, log …   ───┘
//! ```
#![forbid(unsafe_code)]

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::{ArgAction, Parser};
use gen9_gpu::{Gpu, Options, Shared};
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use tracing::Level;
use vfio_user_server::{Bus, Server, Stopper};

mod server;

use server::control::Control;
use server::device::{self, GpuDevice};
use server::links::{IrqLink, MemoryLink};
use server::shared::{run_engines, write_log, write_screenshot, write_submissions};

/// Serves a software Gen9 GPU over vfio-user.
///
/// QEMU 10.1 or later connects with
/// `-device '{"driver":"vfio-user-pci","addr":"02.0","socket":{"type":"unix","path":PATH}}'`; guest
/// memory must be a `memory-backend-memfd` with `share=on`.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Socket that VMMs connect to.
    #[arg(long)]
    socket: PathBuf,
    /// Which GPU: `kbl[,aperture=256M|512M|1G][,seed=N][,id=HEX][,display=off][,vgpu=on]`.
    #[arg(long, default_value = "kbl", value_parser = Options::parse)]
    gpu: Options,
    /// File for the log of register accesses, written at the end.
    #[arg(long)]
    log: Option<PathBuf>,
    /// File for what engines were given to execute with privilege, written at the end.
    #[arg(long)]
    submissions: Option<PathBuf>,
    /// File for a PNG of the screen, written on SIGUSR1.
    #[arg(long)]
    screenshot: Option<PathBuf>,
    /// Socket for control lines; `help` lists them.
    #[arg(long)]
    control: Option<PathBuf>,
    /// End when the first client has left.
    #[arg(long)]
    once: bool,
    /// Say more; twice for every refused request.
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
    serve(&arguments)
}

fn serve(arguments: &Arguments) -> Result<()> {
    // Before the sockets are there: whoever sees them may send signals.
    let signals = Signals::new([SIGINT, SIGTERM, SIGUSR1]).context("cannot take signals")?;
    let bus = Bus::new(&device::irqs());
    let memory = Arc::new(MemoryLink::new(&bus));
    let gpu = Gpu::new(arguments.gpu.clone(), memory, Box::new(IrqLink::new(&bus)));
    let shared = Arc::new(Shared::new(gpu));
    if arguments.submissions.is_some() {
        shared.access(|gpu| gpu.uncore_mut().submissions.enable());
    }
    let listening = || format!("cannot listen on {}", arguments.socket.display());
    let server = Server::bind(&arguments.socket).with_context(listening)?;
    let control = match &arguments.control {
        Some(path) => Some(
            Control::start(path, Arc::clone(&shared))
                .with_context(|| format!("cannot listen on {}", path.display()))?,
        ),
        None => None,
    };
    handle_signals(
        signals,
        server.stopper(),
        Arc::clone(&shared),
        arguments.screenshot.clone(),
    )?;
    let stopper = server.stopper();
    let engines =
        run_engines(&shared, move || stopper.stop()).context("cannot start the engine thread")?;
    tracing::info!(gpu = ?arguments.gpu, socket = %arguments.socket.display(), "serving");

    let served = server.serve(
        &mut GpuDevice::new(Arc::clone(&shared)),
        &bus,
        arguments.once,
    );

    shared.stop();
    let ended = engines.join().unwrap_or(false);
    drop(control);
    if let Some(path) = &arguments.log {
        write_log(&shared, path).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = &arguments.submissions {
        write_submissions(&shared, path)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    served.context("cannot wait for clients")?;
    anyhow::ensure!(ended, "the engine thread failed");
    Ok(())
}

/// SIGTERM and SIGINT end the server in order; SIGUSR1 takes a screenshot.
fn handle_signals(
    mut signals: Signals,
    stopper: Stopper,
    shared: Arc<Shared>,
    screenshot: Option<PathBuf>,
) -> Result<()> {
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                match (signal, &screenshot) {
                    (SIGUSR1, Some(path)) => take_screenshot(&shared, path),
                    (SIGUSR1, None) => tracing::warn!("SIGUSR1 without --screenshot"),
                    _ => stopper.stop(),
                }
            }
        })?;
    Ok(())
}

fn take_screenshot(shared: &Shared, path: &Path) {
    match write_screenshot(shared, path) {
        Ok(()) => tracing::info!(file = %path.display(), "screenshot"),
        Err(error) => tracing::warn!("no screenshot: {error:#}"),
    }
}
