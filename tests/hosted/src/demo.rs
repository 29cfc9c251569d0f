// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The main job, without a kernel: i915 takes the snapshot and uses the GPU, kvmgt comes later.

use crate::loader::{path_of, Bus, Loaded};
use anyhow::{ensure, Context, Result};
use std::fmt;
use std::io::Write;
use std::time::{Duration, Instant};

/// The N of the one device.
const DEVICE: u32 = 0;

/// What the demonstration found.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The GPU, as it was asked for.
    pub gpu: String,
    /// Registers in the golden snapshot.
    pub registers: u64,
    /// Bytes of it.
    pub bytes: u64,
    /// How long it took to take.
    pub took: Duration,
    /// Register accesses between the snapshot and kvmgt, all by i915.
    pub accesses: u64,
    /// How long after the snapshot kvmgt was loaded.
    pub later: Duration,
    /// Major and minor version of the interface that both agreed on.
    pub interface: (u64, u64),
    /// Bytes and checksum of the golden state that kvmgt shows.
    pub firmware: (usize, u32),
    /// How often i915 was bound anew, and the golden state was the same.
    pub rebinds: u32,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.interface;
        let (length, checksum) = self.firmware;
        let rows = [
            ("GPU", self.gpu.clone()),
            (
                "golden snapshot",
                format!(
                    "{} registers, {} bytes, {:?}",
                    self.registers, self.bytes, self.took
                ),
            ),
            (
                "kvmgt loaded",
                format!(
                    "{:?} and {} register accesses later",
                    self.later, self.accesses
                ),
            ),
            ("interface", format!("{major}.{minor}, agreed")),
            (
                "gvt_firmware",
                format!("{length} bytes, CRC-32 {checksum:08x}"),
            ),
            (
                "rebinds of i915",
                format!("{}, golden state the same", self.rebinds),
            ),
        ];
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in rows {
            writeln!(f, "| {name:width$} | {value}")?;
        }
        Ok(())
    }
}

/// Prints what modules have logged since.
fn show(bus: &Bus, began: Instant, out: &mut dyn Write) -> std::io::Result<()> {
    for line in bus.take_log() {
        writeln!(out, "[{:9.6}] {}", began.elapsed().as_secs_f64(), line.text)?;
    }
    Ok(())
}

/// Runs the demonstration on a machine with the GPU that `gpu` describes (`kbl,seed=1`), and prints
/// what happens to `out`.
///
/// # Errors
///
/// A module that is not built, a GPU that is not known, or what did not end as it should.
pub fn run(gpu: &str, out: &mut dyn Write) -> Result<Summary> {
    let began = Instant::now();
    let step = |out: &mut dyn Write, text: &str| {
        writeln!(out, "[{:9.6}] {text}", began.elapsed().as_secs_f64())
    };
    let bus = Bus::new();
    let host = Loaded::load(&bus, &path_of("hosted-host-so")?)?;
    host.control(&format!("power-on {gpu}"))
        .with_context(|| format!("`{gpu}` describes no GPU of this machine"))?;
    step(out, &format!("i915: loaded; the GPU is {gpu}"))?;
    host.control(&format!("bind {DEVICE}"))?;
    let (registers, bytes) = (
        host.control("snapshot-registers")?,
        host.control("snapshot-bytes")?,
    );
    let took = Duration::from_nanos(host.control("snapshot-ns")?);
    let bound = Instant::now();
    let count = || Ok::<u64, anyhow::Error>(host.control("reads")? + host.control("writes")?);
    let accesses = count()?;
    step(
        out,
        &format!("i915: bound, {registers} registers in the snapshot; i915.gvt.{DEVICE} is there"),
    )?;

    for what in ["reset", "reset-engine rcs0", "sleep", "reset"] {
        host.control(what)?;
        step(out, &format!("i915: {what}"))?;
    }

    let later = bound.elapsed();
    let accesses = count()? - accesses;
    step(out, "modprobe kvmgt")?;
    let kvmgt = Loaded::load(&bus, &path_of("hosted-kvmgt-so")?)?;
    show(&bus, began, out)?;
    ensure!(bus.devices() == [(DEVICE, true)], "kvmgt did not attach");
    let golden = golden(&bus)?;

    const REBINDS: u32 = 2;
    for _ in 0..REBINDS {
        host.control("unbind")?;
        step(out, "i915: unbound")?;
        host.control(&format!("bind {DEVICE}"))?;
        step(out, "i915: bound again")?;
        show(&bus, began, out)?;
        ensure!(
            self::golden(&bus)? == golden,
            "the golden state is another one after a rebind"
        );
    }
    let interface = (
        host.control("interface-major")?,
        host.control("interface-minor")?,
    );
    ensure!(kvmgt.unload() == 0, "kvmgt leaks");
    step(out, "rmmod kvmgt")?;
    ensure!(host.unload() == 0, "i915 leaks");
    step(out, "rmmod i915")?;
    Ok(Summary {
        gpu: gpu.to_owned(),
        registers,
        bytes,
        took,
        accesses,
        later,
        interface,
        firmware: (golden.len(), crc32fast::hash(&golden)),
        rebinds: REBINDS,
    })
}

/// Reads `gvt_firmware`.
fn golden(bus: &Bus) -> Result<Vec<u8>> {
    bus.firmware(DEVICE)
        .context("kvmgt is not bound")?
        .map_err(|errno| anyhow::anyhow!("reading gvt_firmware failed with errno {errno}"))
}
