// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The benchmarks.

use crate::engine;
use crate::null::{config, Null, VARIANT};
use crate::replay::{self, Chosen, Class};
use crate::scan;
use crate::screen;
use crate::shadow;
use crate::vblank;
use crate::wire;
use anyhow::{anyhow, Result};
use gvt_host::capture;
use iface::client::{Direction, Events, Host, Offer, Outcome};
use iface::types::{mmio, GgttRequest, MmioOp, GGTT_PAGE_SHIFT, PTE_PRESENT, REGION_HIGH};
use iface::HostTable;
use kvmgt_core::device::Device;
use kvmgt_core::display::plane::Tiling;
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
    /// What is counted.
    pub counted: Counted,
}

/// The part of a run that is counted.
#[derive(Clone, Copy)]
pub enum Counted {
    /// All of it.
    All,
    /// What happens inside of functions whose name begins with `counted_`: `replay` and `wire` have
    /// them.
    Marked,
}

/// All of them.
pub const CASES: &[Case] = &[
    Case {
        name: "snapshot",
        what: "golden snapshot of a Kaby Lake",
        unit: "registers",
        count: || Ok(cost()?.reads as u64),
        rounds: snapshot,
        counted: Counted::All,
    },
    Case {
        name: "attach",
        what: "kvmgt attaches to a GPU and lets go",
        unit: "GPUs",
        count: || Ok(1),
        rounds: attach,
        counted: Counted::All,
    },
    Case {
        name: "mmio-read",
        what: "`mmio_exec` of reads",
        unit: "entries",
        count: || Ok(BATCH),
        rounds: |rounds| mmio_exec(rounds, mmio::READ),
        counted: Counted::All,
    },
    Case {
        name: "mmio-write",
        what: "`mmio_exec` of writes",
        unit: "entries",
        count: || Ok(BATCH),
        rounds: |rounds| mmio_exec(rounds, mmio::WRITE),
        counted: Counted::All,
    },
    Case {
        name: "ggtt-write",
        what: "`ggtt_write`",
        unit: "entries",
        count: || Ok(ENTRIES),
        rounds: ggtt_write,
        counted: Counted::All,
    },
    Case {
        name: "gvt-firmware",
        what: "`gvt_firmware` read by pages",
        unit: "bytes",
        count: || Ok(FILE_SIZE as u64),
        rounds: gvt_firmware,
        counted: Counted::All,
    },
    marked(
        "trace",
        "register accesses of a booting guest: all",
        "accesses",
        || replay::count(ALL),
        |rounds| replay::boot(rounds, ALL),
    ),
    marked(
        "trace-untracked-read",
        "register accesses of a booting guest: reads, untracked",
        "accesses",
        || replay::count(UNTRACKED_READS),
        |rounds| replay::boot(rounds, UNTRACKED_READS),
    ),
    marked(
        "trace-untracked-write",
        "register accesses of a booting guest: writes, untracked",
        "accesses",
        || replay::count(UNTRACKED_WRITES),
        |rounds| replay::boot(rounds, UNTRACKED_WRITES),
    ),
    marked(
        "trace-plain-read",
        "register accesses of a booting guest: reads, plain",
        "accesses",
        || replay::count(PLAIN_READS),
        |rounds| replay::boot(rounds, PLAIN_READS),
    ),
    marked(
        "trace-plain-write",
        "register accesses of a booting guest: writes, plain",
        "accesses",
        || replay::count(PLAIN_WRITES),
        |rounds| replay::boot(rounds, PLAIN_WRITES),
    ),
    marked(
        "trace-handled-read",
        "register accesses of a booting guest: reads, handled",
        "accesses",
        || replay::count(HANDLED_READS),
        |rounds| replay::boot(rounds, HANDLED_READS),
    ),
    marked(
        "trace-handled-write",
        "register accesses of a booting guest: writes, handled",
        "accesses",
        || replay::count(HANDLED_WRITES),
        |rounds| replay::boot(rounds, HANDLED_WRITES),
    ),
    marked(
        "trace-nothing",
        "the same without a vGPU: what counting costs",
        "accesses",
        || replay::count(ALL),
        replay::nothing,
    ),
    marked(
        "ggtt-map",
        "GGTT entries that map a page each: pin, write, flush",
        "entries",
        || Ok(ENTRIES),
        |rounds| replay::ggtt(rounds, |_| 0, own_page, ENTRIES),
    ),
    marked(
        "ggtt-same-page",
        "GGTT entries that all map one page, pinned before: write, flush",
        "entries",
        || Ok(ENTRIES),
        |rounds| replay::ggtt(rounds, |_| 0, |_| PTE_PRESENT, ENTRIES),
    ),
    marked(
        "ggtt-remap",
        "GGTT entries that map another page: pin, write, flush, unpin",
        "entries",
        || Ok(ENTRIES),
        |rounds| replay::ggtt(rounds, own_page, |n| own_page(n + ENTRIES), ENTRIES),
    ),
    marked(
        "ggtt-unmap",
        "GGTT entries that map nothing any more: write, flush, unpin",
        "entries",
        || Ok(ENTRIES),
        |rounds| replay::ggtt(rounds, own_page, |_| 0, ENTRIES),
    ),
    marked(
        "ggtt-again",
        "GGTT entries written as they are",
        "entries",
        || Ok(ENTRIES),
        |rounds| replay::ggtt(rounds, own_page, own_page, ENTRIES),
    ),
    marked(
        "vfio-user",
        "vfio-user requests for the register accesses, to a vGPU",
        "requests",
        wire::count,
        wire::vgpu,
    ),
    marked(
        "vfio-user-idle",
        "the same to a device that does nothing",
        "requests",
        wire::count,
        wire::idle,
    ),
    marked(
        "scan",
        "audit of rings that a guest submitted",
        "dwords",
        scan::dwords,
        scan::captured,
    ),
    marked(
        "scan-submissions",
        "the same, for each submission",
        "submissions",
        scan::submissions,
        scan::captured,
    ),
    marked(
        "scan-loads",
        "audit of a long ring of register loads",
        "dwords",
        scan::long,
        scan::loads,
    ),
    marked(
        "shadow-build",
        "PPGTT entries that are shadowed for the first time: read, pin, write",
        "entries",
        || Ok(shadow::MAPPED),
        shadow::build,
    ),
    marked(
        "shadow-compare",
        "PPGTT entries of tables that are compared and have not changed",
        "entries",
        || Ok(shadow::COMPARED),
        shadow::compare,
    ),
    marked(
        "shadow-change",
        "PPGTT entries of tables that are compared, all changed: pin, write, let go",
        "entries",
        || Ok(shadow::MAPPED),
        shadow::change,
    ),
    marked(
        "shadow-rest",
        "submissions whose tables are watched and were not written",
        "submissions",
        || Ok(shadow::MAPPED),
        shadow::rest,
    ),
    marked(
        "shadow-told",
        "writes to a watched table, told",
        "writes",
        || Ok(shadow::MAPPED),
        |rounds| shadow::tracked(rounds, true),
    ),
    marked(
        "shadow-update",
        "submissions behind one such write: read, pin, write, let go",
        "submissions",
        || Ok(shadow::MAPPED),
        |rounds| shadow::tracked(rounds, false),
    ),
    marked(
        "shadow-hot",
        "submissions that compare one hot table, which has not changed",
        "submissions",
        || Ok(shadow::HOT),
        shadow::hot,
    ),
    marked(
        "submit",
        "submissions of a request, from the guest's writes to the hand-over",
        "submissions",
        || Ok(1),
        |rounds| engine::submissions(rounds, false),
    ),
    marked(
        "submit-end",
        "ends of such a submission, from the news to the guest's interrupt",
        "submissions",
        || Ok(1),
        |rounds| engine::submissions(rounds, true),
    ),
    marked(
        "switch",
        "commands that switch a render engine to a vGPU and back, made",
        "dwords",
        engine::switch_dwords,
        engine::switches,
    ),
    marked(
        "vblank",
        "vertical blanks, from the alarm to the guest's interrupt",
        "blanks",
        || Ok(vblank::COUNT),
        vblank::blanks,
    ),
    marked(
        "vblank-flip",
        "the same, with a flip that has waited for each",
        "blanks",
        || Ok(vblank::COUNT),
        vblank::blanks_with_flips,
    ),
    marked(
        "flip",
        "flips, the guest's write",
        "flips",
        || Ok(vblank::COUNT),
        vblank::flips,
    ),
    marked(
        "scan-line",
        "reads of the scan line",
        "reads",
        || Ok(vblank::COUNT),
        vblank::scan_lines,
    ),
    marked(
        "frame-linear",
        "pictures of 1920x1200 that are drawn: a plane without tiles",
        "pixels",
        || Ok(screen::PIXELS),
        |rounds| screen::primary(rounds, Tiling::Linear),
    ),
    marked(
        "frame-x",
        "the same with X tiles",
        "pixels",
        || Ok(screen::PIXELS),
        |rounds| screen::primary(rounds, Tiling::X),
    ),
    marked(
        "frame-y",
        "the same with Y tiles",
        "pixels",
        || Ok(screen::PIXELS),
        |rounds| screen::primary(rounds, Tiling::Y),
    ),
    marked(
        "frame-yf",
        "the same with Yf tiles",
        "pixels",
        || Ok(screen::PIXELS),
        |rounds| screen::primary(rounds, Tiling::Yf),
    ),
    marked(
        "frame-blended",
        "the same with X tiles, a sprite on a quarter of it, and a cursor of 256x256",
        "pixels",
        || Ok(screen::PIXELS),
        screen::blended,
    ),
    marked(
        "frame-unchanged",
        "the same with X tiles, when it is as before",
        "pixels",
        || Ok(screen::PIXELS),
        screen::unchanged,
    ),
];

/// Entries of a batch: about what a switch between the owners of an engine takes.
const BATCH: u64 = 128;
/// Entries of the GGTT written at once: those of a page of entries.
const ENTRIES: u64 = 512;
/// `GEN9_GFX_MOCS`, which a client may write.
const MOCS: u32 = 0xc800;

/// Accesses of the trace by class and direction.
const ALL: Chosen = |_, _| true;
const UNTRACKED_READS: Chosen = |class, access| class == Class::Untracked && !access.is_write();
const UNTRACKED_WRITES: Chosen = |class, access| class == Class::Untracked && access.is_write();
const PLAIN_READS: Chosen = |class, access| class == Class::Plain && !access.is_write();
const PLAIN_WRITES: Chosen = |class, access| class == Class::Plain && access.is_write();
const HANDLED_READS: Chosen = |class, access| class == Class::Handled && !access.is_write();
const HANDLED_WRITES: Chosen = |class, access| class == Class::Handled && access.is_write();

/// An entry of the GGTT that maps a page which no other entry maps.
pub fn own_page(number: u64) -> u64 {
    (number + 1) << GGTT_PAGE_SHIFT | PTE_PRESENT
}

/// A benchmark of which only marked functions are counted.
const fn marked(
    name: &'static str,
    what: &'static str,
    unit: &'static str,
    count: fn() -> Result<u64>,
    rounds: fn(u32) -> Result<()>,
) -> Case {
    Case {
        name,
        what,
        unit,
        count,
        rounds,
        counted: Counted::Marked,
    }
}

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
pub(crate) fn plain<E: Debug>(error: E) -> anyhow::Error {
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
    fn suspend(&self) {}
    fn resume(&self) {}
    fn host_context(&self, _: u32, _: Direction) {}
    fn submit_done(&self, _: u64, _: u64, _: Outcome) {}
}

pub(crate) fn open(table: &HostTable) -> Result<(Offer<'_>, Host<'_>)> {
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
        host.mmio_exec(black_box(&mut ops)).map_err(plain)?;
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
