// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Which registers are switched, and how.

use crate::address::MmioOffset;
use crate::golden::Model;
use crate::hardware::Engine;
use crate::mmio::nonpriv;
use iface::registers::{self, Flags, Range, Register, DWORD};

/// The lower half of a masked register: its value.
const MASKED_VALUE: u32 = 0x0000_ffff;
/// The upper half: all bits of the lower one change.
const SELECT_ALL: u32 = 0xffff_0000;

/// Registers that belong to whoever runs and are left as the host has them, by their names without
/// the engine's.
#[rustfmt::skip]
static LEFT: [&str; 12] = [
    // How rings are executed: what submits would go on in another way than it began.
    "RING_MODE",
    // Which interrupts reach the status page: that is the host's.
    "RING_HWSTAM",
    // Stops the ring that loads it.
    "RING_MI_MODE",
    // EXCC, which all images have (observed: i915's layouts): switched with the context.
    "RING_028",
    // All engines have them in common, and others run the host's work meanwhile: cacheability by
    // page, arbitration, clock gating.
    "GEN8_PRIVATE_PAT_LO", "GEN8_PRIVATE_PAT_HI",
    "GEN9_GAMT_ECO_REG_RW_IA", "GAMT_CHKN_BIT_REG",
    "GEN7_UCGCTL4",
    // How the L3 cache arbitrates: no command of a guest may load them, the host has set them for
    // the same GPU, and wrong bits hang it.
    "GEN8_GARBCNTL", "GEN9_SCRATCH_LNCF1", "BDW_SCRATCH1",
];

/// How the L3 caches what MOCS entries name, of the render engine alone.
const L3: &str = "GEN7_L3CNTLREG2";
/// The MOCS tables of all engines.
const MOCS: &str = "GEN9_GFX_MOCS";
/// Bytes of a MOCS table: 64 entries (PRM Vol 2c, GFX_MOCS and its like).
const MOCS_SIZE: u32 = 0x100;

/// How a register is switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As a whole.
    Plain,
    /// Its upper half selects the bits of the lower half that change.
    Masked,
    /// A slot of FORCE_TO_NONPRIV, which names a register.
    Slot,
    /// An entry of a table of how accesses are cached. Only commands of the ring change it.
    Caching,
}

/// A register that is switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) offset: MmioOffset,
    pub(super) kind: Kind,
    /// What the host has there.
    pub(super) host: u32,
}

impl Entry {
    /// What is loaded so that the register has `value`, which may be anything of a guest's.
    pub(super) fn loaded(self, value: u32) -> u32 {
        match self.kind {
            Kind::Plain | Kind::Caching => value,
            Kind::Masked => value | SELECT_ALL,
            Kind::Slot => nonpriv::confined(value),
        }
    }

    /// The register's value in what it reads as.
    pub(super) fn value(self, read: u32) -> u32 {
        match self.kind {
            Kind::Masked => read & MASKED_VALUE,
            _ => read,
        }
    }
}

/// The registers of an engine that are switched, in ascending order.
pub(super) fn all(model: Model, engine: Engine) -> impl Iterator<Item = (MmioOffset, Kind)> {
    let rows = registers::rows(model.platform, model.vcs1);
    rows.filter(|row| is_switched(row))
        .flat_map(move |row| part(row, engine).map(move |part| (row, part)))
        .flat_map(|(row, part)| {
            let offsets = (part.offset..part.end()).step_by(DWORD as usize);
            offsets.map(move |offset| (MmioOffset(offset), kind(row)))
        })
}

fn is_switched(row: &Register) -> bool {
    let rest = Engine::split(row.name).map_or(row.name, |(_, rest)| rest);
    row.flags.contains(Flags::SWITCHED)
        && !row.flags.contains(Flags::IN_CONTEXT)
        && !LEFT.contains(&rest)
}

/// What of a row belongs to an engine.
fn part(row: &Register, engine: Engine) -> Option<Range> {
    if row.name == MOCS {
        // In the order of the tables: GFX, MFX0, MFX1, VEBOX, BLT. There is nothing behind them.
        let table: u32 = match engine {
            Engine::Rcs => 0,
            Engine::Vcs => 1,
            Engine::Vcs1 => 2,
            Engine::Vecs => 3,
            Engine::Bcs => 4,
        };
        return Some(Range {
            offset: row.offset.saturating_add(table.saturating_mul(MOCS_SIZE)),
            size: MOCS_SIZE,
        });
    }
    let owner = Engine::split(row.name).map_or(Engine::Rcs, |(owner, _)| owner);
    (owner == engine).then_some(row.range())
}

fn kind(row: &Register) -> Kind {
    match row.name {
        L3 | MOCS => Kind::Caching,
        name if nonpriv::is_slot(name) => Kind::Slot,
        _ if row.flags.contains(Flags::MASKED) => Kind::Masked,
        _ => Kind::Plain,
    }
}
