// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The registers that commands of the ring and of privileged batches may reach: a fixed list.
//!
//! A register is on it for one of the reasons of [`Class`], and on no list that a guest, or a
//! host's own context, could add to. Not on it, among others: whatever holds a GGTT address
//! (`CCID`, status page addresses), page-directory pointers, ring control and context control,
//! what switches protection off (`GFX_MODE`), and clocks, to be written.

use super::refusal::Rule;
use super::table::{Engines, BLIT, ENHANCE, EVERY, GEN9, RENDER};
use crate::address::MmioOffset;
use crate::hardware::Engine;
use crate::mmio::nonpriv;
use core::ops::BitOr;
use iface::registers::{named, Platform, Platforms};

/// Bits of a register's offset in a command (PRM Vol 2a, MI_LOAD_REGISTER_IMM, bits 22:2).
const OFFSET: u32 = 0x007f_fffc;
/// Position of the half of a masked register's value that selects bits.
const SELECT_SHIFT: u32 = 16;
/// Bytes of the registers that each engine has at the same place from its base.
pub(crate) const ENGINE_SIZE: u32 = 0x800;
/// Offset of an engine's `RING_TAIL` from its base (PRM Vol 2c).
const RING_TAIL: u32 = 0x30;

/// What a command does with a register; a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Access(u8);

impl Access {
    /// Loads a value that the command holds.
    pub(super) const LOAD: Self = Self(1 << 0);
    /// Loads a value that nobody knows yet, from memory or from another register.
    pub(super) const LOAD_UNKNOWN: Self = Self(1 << 1);
    /// Reads it.
    pub(super) const READ: Self = Self(1 << 2);

    /// Everything.
    const ANY: Self = Self(0b111);

    const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn verb(self) -> &'static str {
        match self {
            Self::LOAD => "load",
            Self::READ => "read",
            _ => "load with a value that is not theirs",
        }
    }
}

impl BitOr for Access {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Why a register is on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Operands of commands (arithmetic, predicates, draw and dispatch parameters): saved with the
    /// context, mean nothing to anyone else.
    Operand,
    /// Counts of what the context does, stream output's among them: saved with it.
    Statistics,
    /// A clock that everybody may read and nobody may set.
    Clock,
    /// How the pipeline works around its defects, or is divided: saved with the context. i915 loads
    /// them in the ring of each new one.
    ContextState,
    /// A workaround that is not saved: the bits that i915 itself loads at each context restore, and
    /// no others.
    Workaround,
    /// How accesses are cached: switched between owners of the engine, so the mediator must know.
    Caching,
    /// Names a register that the context's unprivileged batches may write.
    Slot,
    /// One of those registers: what the guest may let all its programs do, it may do itself.
    Nonprivileged,
}

/// What may be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Values {
    /// Anything.
    Any,
    /// Anything that selects, in its upper half, no bits but these.
    Selecting(u32),
    /// What a slot of `FORCE_TO_NONPRIV` may name.
    Slot,
}

/// Registers that are on the list for the same reason.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The first one's offset: from the front of register space, or from the engine's base.
    first: u32,
    /// Bytes of them.
    bytes: u32,
    /// Engines whose commands may reach them.
    engines: Engines,
    /// GPUs where they may.
    platforms: Platforms,
    /// What they may do.
    access: Access,
    /// What they may load.
    values: Values,
    /// Why.
    class: Class,
}

impl Entry {
    fn contains(&self, offset: u32) -> bool {
        offset
            .checked_sub(self.first)
            .is_some_and(|inside| inside < self.bytes)
    }

    const fn on(self, platforms: Platforms) -> Self {
        Self { platforms, ..self }
    }
}

const fn entry(class: Class, engines: Engines, first: u32, bytes: u32) -> Entry {
    let access = match class {
        Class::Operand | Class::Statistics | Class::Nonprivileged => Access::ANY,
        Class::Clock => Access::READ,
        Class::ContextState => Access(Access::LOAD.0 | Access::READ.0),
        Class::Workaround | Class::Caching | Class::Slot => Access::LOAD,
    };
    Entry {
        first,
        bytes,
        engines,
        platforms: Platforms::ALL,
        access,
        values: match class {
            Class::Slot => Values::Slot,
            _ => Values::Any,
        },
        class,
    }
}

const fn workaround(platforms: Platforms, first: u32, bits: u32) -> Entry {
    Entry {
        values: Values::Selecting(bits),
        ..entry(Class::Workaround, RENDER, first, 4).on(platforms)
    }
}

const BDW: Platforms = Platforms::only(Platform::Bdw);
const VCS: Engines = Engines::only(Engine::Vcs);
const VCS1: Engines = Engines::only(Engine::Vcs1);

/// Registers that engines have at the same place from their bases, sorted (PRM Vol 2c).
#[rustfmt::skip]
static ENGINE: [Entry; 16] = [
    // FF_SLICE_CHICKEN: the provoking vertex of clipping.
    workaround(GEN9, 0x088, 1 << 1),
    // 3D_CHICKEN3: the provoking vertex of the strips and fans unit.
    workaround(GEN9, 0x090, 1 << 12),
    // MI_MODE: flips that do not wait cost less.
    workaround(BDW, 0x09c, 1 << 14),
    // INSTPM.
    entry(Class::ContextState, RENDER, 0x0c0, 4),
    // BCS_SWCTRL: whether surfaces are Y-tiled.
    entry(Class::ContextState, BLIT, 0x200, 4),
    // GPGPU_THREADS_DISPATCHED.
    entry(Class::Statistics, RENDER, 0x290, 8),
    // HS, DS, IA, VS, GS, CL, PS: invocations, primitives, vertices, depth count.
    entry(Class::Statistics, RENDER, 0x300, 0x58),
    // TIMESTAMP.
    entry(Class::Clock, EVERY, 0x358, 8),
    // CTX_TIMESTAMP.
    entry(Class::Clock, EVERY, 0x3a8, 4),
    // MI_PREDICATE_RESULT_2.
    entry(Class::Operand, RENDER, 0x3bc, 4),
    // MI_PREDICATE_SRC0, SRC1, DATA, RESULT, RESULT_1.
    entry(Class::Operand, RENDER, 0x400, 0x20),
    // 3DPRIM_END_OFFSET.
    entry(Class::Operand, RENDER, 0x420, 4),
    // 3DPRIM_START_VERTEX, VERTEX_COUNT, INSTANCE_COUNT, START_INSTANCE, BASE_VERTEX.
    entry(Class::Operand, RENDER, 0x430, 0x14),
    // FORCE_TO_NONPRIV.
    entry(Class::Slot, RENDER, 0x4d0, 0x30),
    // GPGPU_DISPATCHDIMX, Y, Z.
    entry(Class::Operand, RENDER, 0x500, 0xc),
    // CS_GPR 0 to 15, what MI_MATH calculates with.
    entry(Class::Operand, EVERY, 0x600, 0x80),
];

/// All others, sorted (PRM Vol 2c), but for those that [`nonpriv`] lists.
#[rustfmt::skip]
static SHARED: [Entry; 18] = [
    // SO_NUM_PRIMS_WRITTEN.
    entry(Class::Statistics, RENDER, 0x5200, 0x20),
    // SO_PRIM_STORAGE_NEEDED.
    entry(Class::Statistics, RENDER, 0x5240, 0x20),
    // SO_WRITE_OFFSET.
    entry(Class::Statistics, RENDER, 0x5280, 0x10),
    // WM_CHICKEN3: the clear value of hierarchical depth.
    workaround(GEN9, 0x5588, 1 << 9),
    // CACHE_MODE_0, CACHE_MODE_1, GT_MODE.
    entry(Class::ContextState, RENDER, 0x7000, 0xc),
    // L3CNTLREG: the division of the L3 cache.
    entry(Class::ContextState, RENDER, 0x7034, 4),
    // L3CC: how the L3 caches what MOCS entries name.
    entry(Class::Caching, RENDER, 0xb020, 0x80).on(GEN9),
    // MOCS, a table for each engine.
    entry(Class::Caching, RENDER, 0xc800, 0x100).on(GEN9),
    entry(Class::Caching, VCS, 0xc900, 0x100).on(GEN9),
    entry(Class::Caching, VCS1, 0xca00, 0x100).on(GEN9),
    entry(Class::Caching, ENHANCE, 0xcb00, 0x100).on(GEN9),
    entry(Class::Caching, BLIT, 0xcc00, 0x100).on(GEN9),
    // HALF_SLICE_CHICKEN2.
    entry(Class::ContextState, RENDER, 0xe180, 4).on(GEN9),
    // HALF_SLICE_CHICKEN3.
    entry(Class::ContextState, RENDER, 0xe184, 4),
    // HALF_SLICE_CHICKEN5.
    entry(Class::ContextState, RENDER, 0xe188, 4).on(GEN9),
    // HALF_SLICE_CHICKEN7.
    entry(Class::ContextState, RENDER, 0xe194, 4).on(GEN9),
    // ROW_CHICKEN.
    entry(Class::ContextState, RENDER, 0xe4f0, 4),
    // ROW_CHICKEN2: clock gating.
    workaround(BDW, 0xe4f4, 1 << 0),
];

/// The entry of registers that unprivileged batches may be let write.
static NONPRIVILEGED: Entry = entry(Class::Nonprivileged, RENDER, 0, 0);

/// The base of an engine's registers.
pub(crate) const fn base(engine: Engine) -> u32 {
    const fn of(tail: &str) -> u32 {
        named(tail).saturating_sub(RING_TAIL)
    }
    const RCS: u32 = of("RCS_RING_TAIL");
    const BCS: u32 = of("BCS_RING_TAIL");
    const VCS: u32 = of("VCS_RING_TAIL");
    const VCS1: u32 = of("VCS1_RING_TAIL");
    const VECS: u32 = of("VECS_RING_TAIL");
    match engine {
        Engine::Rcs => RCS,
        Engine::Bcs => BCS,
        Engine::Vcs => VCS,
        Engine::Vcs1 => VCS1,
        Engine::Vecs => VECS,
    }
}

/// Who reaches for registers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    pub(super) platform: Platform,
    pub(super) engine: Engine,
}

impl Gate {
    /// The entry of a register, in constant time.
    fn find(self, offset: u32) -> Option<&'static Entry> {
        let inside = offset
            .checked_sub(base(self.engine))
            .filter(|inside| *inside < ENGINE_SIZE);
        let (table, key) = match inside {
            Some(inside) => (&ENGINE[..], inside),
            None => (&SHARED[..], offset),
        };
        let behind = table.partition_point(|entry| entry.first <= key);
        let entry = table.get(..behind).and_then(<[Entry]>::last);
        let listed = entry.filter(|entry| {
            entry.contains(key)
                && entry.engines.contains(self.engine)
                && entry.platforms.contains(self.platform)
        });
        let nonprivileged = self.engine == Engine::Rcs && nonpriv::is_allowed(offset);
        listed.or(nonprivileged.then_some(&NONPRIVILEGED))
    }

    /// The register that a dword of a command names, if it may be reached so.
    ///
    /// # Errors
    ///
    /// It may not, or the dword has more bits than an offset.
    pub(super) fn check(self, dword: u32, access: Access) -> Result<MmioOffset, Rule> {
        self.entry(dword, access).map(|(offset, _)| offset)
    }

    /// The register that a dword of a command names, if that value may be loaded into it; and
    /// whether the mediator must know. `whole` says that no byte of the value is left out.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check), or the value may not.
    pub(super) fn check_load(
        self,
        dword: u32,
        value: u32,
        whole: bool,
    ) -> Result<(MmioOffset, bool), Rule> {
        let (offset, entry) = self.entry(dword, Access::LOAD)?;
        let caching = entry.class == Class::Caching;
        let allowed = match entry.values {
            Values::Any => whole || !caching,
            Values::Selecting(bits) => value >> SELECT_SHIFT & !bits == 0,
            Values::Slot => whole && nonpriv::is_allowed(value),
        };
        match allowed {
            true => Ok((offset, caching)),
            false => Err(Rule::Value { offset, value }),
        }
    }

    fn entry(self, dword: u32, access: Access) -> Result<(MmioOffset, &'static Entry), Rule> {
        if dword & !OFFSET != 0 {
            return Err(Rule::Operand {
                value: dword,
                rule: "it is no register",
            });
        }
        let offset = MmioOffset(dword);
        match self.find(dword) {
            Some(entry) if entry.access.contains(access) => Ok((offset, entry)),
            _ => Err(Rule::Register {
                offset,
                verb: access.verb(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
