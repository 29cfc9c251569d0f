// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The registers that are contested, and what each side has in them.
//!
//! The list is made of the register table, not of what the mediator switches.

use iface::registers::{self, Flags, Platform, Register, DWORD};
use kvmgt_core::hardware::Engine;

/// The half of a masked register's value that selects bits: all.
const SELECT_ALL: u32 = 0xffff_0000;
/// Bits of a masked register that make a vGPU failsafe where a guest sets them (CSFE_CHICKEN1, bits
/// 3 and 4).
const REFUSED: u32 = 0x18;
/// Who has it, in the lowest bits of a value; the host is 1.
const SIDE: u32 = 3;
/// Registers that slots of FORCE_TO_NONPRIV may name, those of each side by turns.
const NAMED: [u32; 9] = [
    0x2580, 0x7010, 0x7014, 0x7300, 0x7304, 0xb118, 0xe100, 0xe18c, 0xe48c,
];
/// Bytes of a MOCS table (PRM Vol 2c, GFX_MOCS and its like), and their engines in their order.
const MOCS_SIZE: u32 = 0x100;
const MOCS_ORDER: [Engine; 5] = [
    Engine::Rcs,
    Engine::Vcs,
    Engine::Vcs1,
    Engine::Vecs,
    Engine::Bcs,
];
/// Registers that all engines have in common, or that say how the engine submits: no guest gets its
/// own value into them, ever (`kvmgt/src/engines/switch/entry.rs` has the reasons).
const ALWAYS_THE_HOSTS: [&str; 12] = [
    "RING_MODE",
    "RING_HWSTAM",
    "RING_MI_MODE",
    "RING_028",
    "GEN8_PRIVATE_PAT_LO",
    "GEN8_PRIVATE_PAT_HI",
    "GEN9_GAMT_ECO_REG_RW_IA",
    "GAMT_CHKN_BIT_REG",
    "GEN7_UCGCTL4",
    "GEN8_GARBCNTL",
    "GEN9_SCRATCH_LNCF1",
    "BDW_SCRATCH1",
];
/// Of them, one that shows whether the engine is idle.
const CHANGES: &str = "RING_MI_MODE";
/// Registers that batches without privilege may write, of those that are switched.
const NONPRIVILEGED: [&str; 3] = [
    "GEN9_CS_DEBUG_MODE1",
    "GEN9_CTX_PREEMPT_REG",
    "GEN8_L3SQCREG4",
];

/// How a register takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As it is.
    Plain,
    /// Its upper half selects bits.
    Masked,
    /// It names a register.
    Slot,
}

/// A register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contested {
    /// Where it is.
    pub offset: u32,
    /// How it takes a value.
    pub kind: Kind,
    /// Whether a guest's ring may load it; else only its CPU writes it.
    pub by_ring: bool,
}

/// The registers of an engine that each side has its own value in.
pub fn contested(platform: Platform, engine: Engine) -> Vec<Contested> {
    let rows = registers::rows(platform, false).filter(|row| {
        let switched = row.flags.contains(Flags::SWITCHED);
        switched && !row.flags.contains(Flags::IN_CONTEXT) && !is_hosts(row)
    });
    rows.flat_map(|row| {
        offsets(row, engine).map(move |offset| Contested {
            offset,
            kind: match row.name {
                "FORCE_TO_NONPRIV" => Kind::Slot,
                _ if row.flags.contains(Flags::MASKED) => Kind::Masked,
                _ => Kind::Plain,
            },
            by_ring: row.range().size > DWORD || NONPRIVILEGED.contains(&row.name),
        })
    })
    .collect()
}

/// The registers of an engine that are the host's whoever runs.
pub fn always_the_hosts(platform: Platform, engine: Engine) -> Vec<u32> {
    let rows = registers::rows(platform, false)
        .filter(|row| is_hosts(row) && !row.name.ends_with(CHANGES));
    rows.flat_map(|row| offsets(row, engine)).collect()
}

fn is_hosts(row: &Register) -> bool {
    let name = Engine::split(row.name).map_or(row.name, |(_, rest)| rest);
    ALWAYS_THE_HOSTS.contains(&name)
}

/// The dwords of a row that are of an engine.
fn offsets(row: &'static Register, engine: Engine) -> impl Iterator<Item = u32> {
    let (start, size) = match row.name {
        "GEN9_GFX_MOCS" => {
            let order = MOCS_ORDER.iter().zip(0_u32..);
            let found = order.filter(|(of, _)| **of == engine).last();
            let number = found.map_or(0, |(_, number)| number);
            (row.offset + number * MOCS_SIZE, MOCS_SIZE)
        }
        name => {
            let owner = Engine::split(name).map_or(Engine::Rcs, |(owner, _)| owner);
            let size = row.range().size;
            (row.offset, if owner == engine { size } else { 0 })
        }
    };
    (start..start + size).step_by(DWORD as usize)
}

impl Contested {
    /// What a side has there for the `generation`th time: never what another side ever has.
    pub fn value(self, side: u32, generation: u32) -> u32 {
        let mixed = (self.offset ^ generation << 12)
            .wrapping_mul(0x9e37_79b1)
            .rotate_left(11);
        let own = mixed & !SIDE | side;
        match self.kind {
            Kind::Plain => own,
            Kind::Masked => own & !SELECT_ALL & !REFUSED,
            Kind::Slot => {
                let sides = 3;
                let mine = NAMED.len() as u32 / sides;
                NAMED[((mixed >> 8) % mine * sides + side - 1) as usize]
            }
        }
    }

    /// What is written so that it has a value.
    pub fn written(self, value: u32) -> u32 {
        match self.kind {
            Kind::Masked => value | SELECT_ALL,
            _ => value,
        }
    }
}
