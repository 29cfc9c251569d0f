// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The benchmarks.

use crate::null::{config, Null, VARIANT};
use anyhow::{anyhow, Result};
use gvt_host::capture;
use iface::client::{Events, Host, Offer, ResetPhase};
use iface::types::{mmio, GgttRequest, MmioOp, PTE_PRESENT, REGION_HIGH};
use iface::HostTable;
use kvmgt_core::device::Device;
use kvmgt_core::golden::FILE_SIZE;
use std::fmt::Debug;
use std::hint::black_box;

/// A benchmark.
pub struct Case {
    /// Its name on the command line.
    pub name: &'static str,
    /// What a round does.
    pub what: &'static str,
    /// What a round does several of.
    pub unit: &'static str,
    /// How many of them.
    count: fn() -> Result<u64>,
    rounds: fn(u32) -> Result<()>,
}

/// All of them.
pub const CASES: &[Case] = &[
    Case {
        name: "snapshot",
        what: "golden snapshot of a Kaby Lake",
        unit: "registers",
        count: || Ok(cost()?.reads as u64),
        rounds: snapshot,
    },
    Case {
        name: "attach",
        what: "kvmgt attaches to a GPU and lets go",
        unit: "GPUs",
        count: || Ok(1),
        rounds: attach,
    },
    Case {
        name: "mmio-read",
        what: "`mmio_exec` of reads",
        unit: "entries",
        count: || Ok(BATCH),
        rounds: |rounds| mmio_exec(rounds, mmio::READ),
    },
    Case {
        name: "mmio-write",
        what: "`mmio_exec` of writes",
        unit: "entries",
        count: || Ok(BATCH),
        rounds: |rounds| mmio_exec(rounds, mmio::WRITE),
    },
    Case {
        name: "ggtt-write",
        what: "`ggtt_write`",
        unit: "entries",
        count: || Ok(ENTRIES),
        rounds: ggtt_write,
    },
    Case {
        name: "gvt-firmware",
        what: "`gvt_firmware` read by pages",
        unit: "bytes",
        count: || Ok(FILE_SIZE as u64),
        rounds: gvt_firmware,
    },
];

/// Entries of a batch: about what a switch between the owners of an engine takes.
const BATCH: u64 = 128;
/// Entries of the GGTT written at once: those of a page of entries.
const ENTRIES: u64 = 512;
/// `GEN9_GFX_MOCS`, which a client may write.
const MOCS: u32 = 0xc800;

impl Case {
    /// How many units a round has.
    pub fn units(&self) -> Result<u64> {
        (self.count)()
    }

    /// Runs it so often.
    pub fn run(&self, rounds: u32) -> Result<()> {
        (self.rounds)(rounds)
    }
}

/// An error of the shipped code as one of this program's.
fn plain<E: Debug>(error: E) -> anyhow::Error {
    anyhow!("{error:?}")
}

fn cost() -> Result<capture::Cost> {
    capture::cost(VARIANT.platform, VARIANT.vcs1).map_err(plain)
}

fn snapshot(rounds: u32) -> Result<()> {
    let config = config();
    for _ in 0..rounds {
        let blob = capture::capture(VARIANT.platform, VARIANT.vcs1, &config, black_box);
        black_box(blob.map_err(plain)?);
    }
    Ok(())
}

struct Deaf;

impl Events for Deaf {
    fn gpu_reset(&self, _: u32, _: ResetPhase) {}
    fn suspend(&self) {}
    fn resume(&self) {}
}

fn open(table: &HostTable) -> Result<(Offer<'_>, Host<'_>)> {
    // SAFETY: a whole table, whose GPU the caller drops after it.
    let offer = unsafe { Offer::from_platform_data(std::ptr::from_ref(table).cast()) };
    let offer = offer.map_err(|refusal| anyhow!("{refusal}"))?;
    // SAFETY: `Deaf` is a constant.
    let host = unsafe { offer.open(&Deaf) }.map_err(|refusal| anyhow!("{refusal}"))?;
    Ok((offer, host))
}

fn attach(rounds: u32) -> Result<()> {
    let gpu = Null::new().map_err(plain)?;
    let table = gpu.table();
    for _ in 0..rounds {
        let (offer, host) = open(&table)?;
        let device = Device::new(&host, offer.version(), offer.features());
        black_box(device.map_err(|failure| anyhow!("{failure}"))?);
    }
    Ok(())
}

fn mmio_exec(rounds: u32, kind: u32) -> Result<()> {
    let gpu = Null::new().map_err(plain)?;
    let table = gpu.table();
    let (_, host) = open(&table)?;
    let op = |n| MmioOp {
        kind,
        offset: MOCS + 4 * n,
        ..MmioOp::default()
    };
    let mut ops: Vec<MmioOp> = (0..BATCH as u32).map(op).collect();
    for _ in 0..rounds {
        host.mmio_exec(black_box(&mut ops), false).map_err(plain)?;
    }
    Ok(())
}

fn ggtt_write(rounds: u32) -> Result<()> {
    let gpu = Null::new().map_err(plain)?;
    let table = gpu.table();
    let (_, host) = open(&table)?;
    let request = GgttRequest {
        region: REGION_HIGH,
        size: 4 << 20,
        align: 4 << 10,
        ..GgttRequest::default()
    };
    let range = host.ggtt_reserve(&request).map_err(plain)?;
    let entries = [PTE_PRESENT; ENTRIES as usize];
    for _ in 0..rounds {
        host.ggtt_write(range.handle, 0, black_box(&entries))
            .map_err(plain)?;
    }
    Ok(())
}

fn gvt_firmware(rounds: u32) -> Result<()> {
    let gpu = Null::new().map_err(plain)?;
    let table = gpu.table();
    let (offer, host) = open(&table)?;
    let device = Device::new(&host, offer.version(), offer.features())
        .map_err(|failure| anyhow!("{failure}"))?;
    let mut page = vec![0; 4096];
    for _ in 0..rounds {
        for offset in (0..FILE_SIZE as u64).step_by(page.len()) {
            black_box(device.golden().read(offset, &mut page));
        }
    }
    Ok(())
}
