// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Runs the checks of a vGPU from the command line.
//!
//! Each check is a line on stdout: `ok: NAME`, `skipped: NAME: WHY` or `FAILED: NAME: WHY`. The
//! exit status is 1 if one failed. Built with `-C target-feature=+crt-static` it is one file.
#![forbid(unsafe_code)]

use std::io::{BufWriter, Write};
use std::num::ParseIntError;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{bail, Context, Result};
use clap::{Args, Parser, Subcommand};
use synthetic_guest::checks::{Check, Verdict, ALL};
use synthetic_guest::dump::Dump;
use synthetic_guest::edid;
use synthetic_guest::plug::Plug;
use synthetic_guest::transport::vfio::{Door, Mdev};
use synthetic_guest::transport::vfio_user::Socket;
use synthetic_guest::{Guest, Opener};

/// Drives a vGPU by the guest contract, and checks what it does.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Name the checks.
    List,
    /// Run checks.
    Run(Run),
    /// Print what the vGPU answers to a long list of accesses, to be compared with another's.
    Dump(Device),
    /// Do the accesses of a trace, and print what those of each kind cost.
    Replay(Replay),
    /// Give all engines work, round by round, and compare what it stores.
    Work(Work),
    /// Print where the vGPU's parts of the GGTT begin and end, a line each.
    Parts(Device),
    /// Print which entries the GPU's GGTT has for a range of addresses, and how often each.
    HostGgtt(HostGgtt),
    /// Open the vGPU, say `open` on stdout, and hold it until stdin ends.
    Hold(Hold),
    /// Plug, unplug or abuse the monitor, as a client of VFIO does it.
    Monitor(Monitor),
    /// Export what the vGPU shows as a dma-buf, close it, say `closed` on stdout, and when stdin ends
    /// compare what the host's GPU reads of the dma-buf.
    Export(Device),
}

#[derive(Args)]
struct Run {
    /// The checks, one after the other; all if none is named.
    names: Vec<String>,
    /// A check that is left out.
    #[arg(long, value_name = "NAME")]
    without: Vec<String>,
    /// The type that the vGPU has, for example V5_8: its sizes are checked.
    #[arg(long = "type", value_name = "T")]
    kind: Option<String>,
    #[command(flatten)]
    device: Device,
}

#[derive(Args)]
struct Work {
    /// How many rounds.
    #[arg(long, default_value_t = 100)]
    rounds: u32,
    #[command(flatten)]
    device: Device,
}

#[derive(Args)]
struct Replay {
    /// The trace, as `bench --classified` prints it.
    trace: PathBuf,
    #[command(flatten)]
    device: Device,
}

#[derive(Args)]
struct HostGgtt {
    /// The GPU's BAR 0: `resource0` of its PCI device.
    bar0: PathBuf,
    /// The first address.
    #[arg(value_parser = hexadecimal)]
    start: u64,
    /// The address behind the last one.
    #[arg(value_parser = hexadecimal)]
    end: u64,
}

#[derive(Args)]
struct Monitor {
    /// `WIDTHxHEIGHT` for another monitor that prefers that resolution, `unplug` for none, or
    /// `nonsense` for what must be refused, with the monitor left as it is.
    #[arg(value_name = "WxH|unplug|nonsense", value_parser = Act::parse)]
    act: Act,
    #[command(flatten)]
    device: Device,
}

/// What is done to a monitor.
#[derive(Clone, Copy)]
enum Act {
    Plug { width: u32, height: u32 },
    Unplug,
    Nonsense,
}

impl Act {
    fn parse(text: &str) -> Result<Self> {
        Ok(match text {
            "unplug" => Self::Unplug,
            "nonsense" => Self::Nonsense,
            _ => {
                let (width, height) = text.split_once('x').context("expected WIDTHxHEIGHT")?;
                Self::Plug {
                    width: width.parse()?,
                    height: height.parse()?,
                }
            }
        })
    }
}

fn hexadecimal(text: &str) -> Result<u64, ParseIntError> {
    u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16)
}

#[derive(Args)]
struct Hold {
    /// When the vGPU is taken away, touch what is mapped of its aperture.
    #[arg(long)]
    touch: bool,
    #[command(flatten)]
    device: Device,
}

#[derive(Args)]
#[group(required = true, multiple = false, id = "way")]
struct Way {
    /// The socket of a vfio-user server.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The UUID of a mediated device.
    #[arg(long, value_name = "UUID")]
    mdev: Option<String>,
}

#[derive(Args)]
struct Device {
    #[command(flatten)]
    way: Way,
    /// Open a mediated device without a KVM.
    #[arg(long, requires = "mdev")]
    no_kvm: bool,
    /// Open a mediated device by its own file and iommufd, not by its group.
    #[arg(long, requires = "mdev")]
    iommufd: bool,
}

impl Device {
    fn opener(&self) -> Result<Box<dyn Opener>> {
        match (&self.way.socket, &self.way.mdev) {
            (Some(path), None) => Ok(Box::new(Socket::new(path))),
            (None, Some(uuid)) => {
                let door = if self.iommufd {
                    Door::Iommufd
                } else {
                    Door::Group
                };
                Ok(Box::new(Mdev::new(uuid, door, !self.no_kvm)))
            }
            _ => bail!("name a socket or a mediated device"),
        }
    }
}

fn main() -> Result<ExitCode> {
    match Arguments::parse().command {
        Command::List => {
            for check in ALL {
                println!("{}: {}", check.name, check.what);
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Run(run) => checks(&run),
        Command::Dump(device) => dumped(&device),
        Command::Replay(replay) => replayed(&replay),
        Command::Work(work) => worked(&work),
        Command::Parts(device) => parts(&device),
        Command::HostGgtt(ggtt) => host_ggtt(&ggtt),
        Command::Hold(hold) => held(&hold),
        Command::Monitor(monitor) => plugged(&monitor),
        Command::Export(device) => exported(&device),
    }
}

fn checks(run: &Run) -> Result<ExitCode> {
    let mut chosen = chosen(&run.names)?;
    let without: Vec<_> = run.without.iter().map(find).collect::<Result<_>>()?;
    chosen.retain(|check| !without.iter().any(|out| out.name == check.name));
    let share = run.kind.as_deref().map(share).transpose()?;
    let opener = run.device.opener()?;
    let mut guest = Guest::open(opener.as_ref(), share)?;
    let mut failed = false;
    for check in chosen {
        match check.run(&mut guest) {
            Verdict::Ok => println!("ok: {}", check.name),
            Verdict::Skipped(why) => println!("skipped: {}: {why}", check.name),
            Verdict::Failed(why) => {
                failed = true;
                println!("FAILED: {}: {why}", check.name);
            }
        }
    }
    Ok(ExitCode::from(u8::from(failed)))
}

fn chosen(names: &[String]) -> Result<Vec<&'static Check>> {
    if names.is_empty() {
        return Ok(ALL.iter().collect());
    }
    names.iter().map(find).collect()
}

fn find(name: &String) -> Result<&'static Check> {
    let found = ALL.iter().find(|check| check.name == name);
    found.with_context(|| format!("no check is called {name}"))
}

/// The `n` of a type's name, as mdev or the short form has it.
fn share(name: &str) -> Result<u32> {
    let last = name.rsplit('_').next().unwrap_or(name);
    last.parse()
        .with_context(|| format!("`{name}` names no type: its end is no number"))
}

fn dumped(device: &Device) -> Result<ExitCode> {
    let opener = device.opener()?;
    let mut guest = Guest::open(opener.as_ref(), None)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    Dump::run(&mut guest, &mut out)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn replayed(replay: &Replay) -> Result<ExitCode> {
    let file = &replay.trace;
    let trace =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let opener = replay.device.opener()?;
    let mut guest = Guest::open(opener.as_ref(), None)?;
    synthetic_guest::replay::replay(&mut guest, &trace, &mut std::io::stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}

fn worked(work: &Work) -> Result<ExitCode> {
    let opener = work.device.opener()?;
    let mut guest = Guest::open(opener.as_ref(), None)?;
    let done = synthetic_guest::work::run(&mut guest, work.rounds)?;
    println!(
        "ok: {} submissions, {} values compared",
        done.submissions, done.values
    );
    Ok(ExitCode::SUCCESS)
}

fn parts(device: &Device) -> Result<ExitCode> {
    let opener = device.opener()?;
    let mut guest = Guest::open(opener.as_ref(), None)?;
    for part in [guest.aperture()?, guest.high()?] {
        println!("{:#x} {:#x}", part.start, part.end);
    }
    Ok(ExitCode::SUCCESS)
}

fn host_ggtt(ggtt: &HostGgtt) -> Result<ExitCode> {
    let path = &ggtt.bar0;
    let mut options = std::fs::OpenOptions::new();
    let bar0 = options.read(true).write(true).open(path);
    let bar0 = bar0.with_context(|| format!("cannot open {}", path.display()))?;
    let entries = synthetic_guest::host_ggtt::entries(&bar0, &(ggtt.start..ggtt.end))?;
    for (entry, count) in entries {
        println!("{entry:#018x} {count}");
    }
    Ok(ExitCode::SUCCESS)
}

fn held(hold: &Hold) -> Result<ExitCode> {
    let opener = hold.device.opener()?;
    let mut guest = Guest::open(opener.as_ref(), None)?;
    synthetic_guest::hold::hold(&mut guest, hold.touch)?;
    Ok(ExitCode::SUCCESS)
}

fn plugged(monitor: &Monitor) -> Result<ExitCode> {
    let mut transport = monitor.device.opener()?.open()?;
    let mut plug = Plug::new(&mut *transport)?;
    match monitor.act {
        Act::Plug { width, height } => plug.replace(&edid::make(width, height))?,
        Act::Unplug => plug.unplug()?,
        Act::Nonsense => plug.nonsense()?,
    }
    Ok(ExitCode::SUCCESS)
}

fn exported(device: &Device) -> Result<ExitCode> {
    let opener = device.opener()?;
    let guest = Guest::open(opener.as_ref(), None)?;
    synthetic_guest::checks::export(guest)?;
    Ok(ExitCode::SUCCESS)
}
