// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The register table: every register that GVT-g tracks, as data.
//!
//! Both sides read it. The host half builds the ranges of its snapshot from it, and the list of
//! registers that a client may write; kvmgt attaches its handlers to it by name. It says nothing
//! of what a register does. Names, offsets and platforms are those that the i915 driver of Linux
//! 7.2 knows; where they come from besides is said at the constants.

use core::fmt;

mod platform;
mod table;

pub use platform::{Platform, Platforms};
pub use table::TABLE;

/// Bytes of register space in front of the GGTT's page-table entries, of which registers use the
/// first part; the table has none beyond (PRM: GTTMMADR, 2 MiB of MMIO).
pub const MMIO_SIZE: u32 = 2 << 20;

/// Bytes of a register.
pub const DWORD: u32 = 4;

/// Offset at which the display engine's registers begin, the first being the master interrupt
/// control (`GEN8_MASTER_IRQ`).
pub const DISPLAY_START: u32 = 0x4_4200;

/// The mirror of the memory controller's registers (MCHBAR) in the GPU's register space.
pub const MCHBAR_MIRROR: Range = Range {
    offset: 0x14_0000,
    size: 0x4_0000,
};

/// What i915 was seen to read of the memory controller's mirror, in the access logs of native
/// probes, and on which GPUs; the rest of the mirror is not taken into snapshots.
///
/// `docs/architecture.md` lists who reads what.
static MCHBAR_KEPT: &[(Platforms, Range)] = &[
    // DRP0 of Broxton's memory units: BXT_D_CR_DRP0_DUNIT8 to 11.
    kept(rows::BXT, 0x14_1000, 4),
    kept(rows::BXT, 0x14_1200, 4),
    kept(rows::BXT, 0x14_1400, 4),
    kept(rows::BXT, 0x14_1600, 4),
    // Memory channel layout of Skylake and its successors: MAD_INTER_CHANNEL, MAD_DIMM_CH0/CH1.
    kept(rows::ALL, 0x14_5000, 4),
    kept(rows::ALL, 0x14_500c, 8),
    // GT performance status and the limits of the render frequency (RP_STATE_CAP).
    kept(rows::ALL, 0x14_5948, 4),
    kept(rows::ALL, 0x14_5998, 4),
    // SSKPD, memory latency (Broadwell), and MC_BIOS_DATA, memory frequency.
    kept(rows::ALL, 0x14_5d10, 8),
    kept(rows::ALL, 0x14_5e04, 4),
];

/// A row of [`MCHBAR_KEPT`].
const fn kept(platforms: Platforms, offset: u32, size: u32) -> (Platforms, Range) {
    (platforms, Range { offset, size })
}

/// What a snapshot of a GPU of `platform` has of [`MCHBAR_MIRROR`], sorted, but for the rows of the
/// table that lie inside.
pub fn mchbar_kept(platform: Platform) -> impl Iterator<Item = Range> {
    MCHBAR_KEPT
        .iter()
        .filter(move |(platforms, _)| platforms.contains(platform))
        .map(|(_, range)| *range)
}

/// A run of registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Offset of the first byte in register space.
    pub offset: u32,
    /// Bytes.
    pub size: u32,
}

impl Range {
    /// The first offset behind the run.
    pub const fn end(self) -> u32 {
        self.offset + self.size
    }

    /// Whether `offset` lies in the run.
    pub const fn contains(self, offset: u32) -> bool {
        offset >= self.offset && offset - self.offset < self.size
    }
}

/// Properties of a register that both sides act upon; a set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// No property.
    pub const NONE: Self = Self(0);
    /// A large area that is handled as a whole.
    pub const BLOCK: Self = Self(1 << 0);
    /// Only there where the GPU has a second video engine.
    pub const VCS1: Self = Self(1 << 1);
    /// Guests may load it by a command.
    pub const COMMAND: Self = Self(1 << 2);
    /// The high half of a written value selects the bits of the low half that change.
    pub const MASKED: Self = Self(1 << 3);
    /// Holds a graphics address.
    pub const GMADR: Self = Self(1 << 4);
    /// The hardware saves and restores it with a logical context.
    pub const IN_CONTEXT: Self = Self(1 << 5);
    /// A value that a guest loads by a command passes the register's write handler first.
    pub const PATCHED: Self = Self(1 << 6);
    /// Some or all of its bits can't be written.
    pub const READ_ONLY: Self = Self(1 << 7);
    /// Must be written again after the host was suspended.
    pub const PM_SAVE: Self = Self(1 << 8);
    /// May be read at any alignment.
    pub const UNALIGNED: Self = Self(1 << 9);
    /// Belongs to whoever runs on the engine: switched between owners.
    pub const SWITCHED: Self = Self(1 << 10);
    /// Requests a TLB invalidation.
    pub const TLB: Self = Self(1 << 11);

    /// Both sets together.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in the set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is in the set.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The set as a bit mask.
    pub const fn bits(self) -> u16 {
        self.0
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 12] = [
            "BLOCK",
            "VCS1",
            "COMMAND",
            "MASKED",
            "GMADR",
            "IN_CONTEXT",
            "PATCHED",
            "READ_ONLY",
            "PM_SAVE",
            "UNALIGNED",
            "SWITCHED",
            "TLB",
        ];
        let mut separator = "";
        for (bit, name) in NAMES.iter().enumerate() {
            if self.0 & (1 << bit) != 0 {
                write!(f, "{separator}{name}")?;
                separator = "|";
            }
        }
        if self.0 == 0 {
            f.write_str("-")?;
        }
        Ok(())
    }
}

/// Where the golden value of a register comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Read from the GPU before i915 programmed it.
    Hardware,
    /// The stated default: firmware programs the display, so the GPU can't tell.
    Display,
    /// The stated default: it could hold an address or data of the host.
    Scrubbed,
    /// The stated default: i915 writes it before the snapshot is taken (forcewake, the
    /// unclaimed-access bit, `RING_HWSTAM`, `RING_RESET_CTL`, `GDRST`, and the error registers that
    /// it clears: `PGTBL_ER`, `EIR`, `RING_FAULT`).
    ProgrammedEarly,
    /// The stated default: a counter or a mailbox, whose value is no state.
    Volatile,
    /// The stated default: what real hardware has there is not the page that guests look for.
    Pvinfo,
    /// The stated default, but for [`mchbar_kept`] and the rows that lie inside: registers of the
    /// memory controller.
    MemoryController,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    /// The field's name for it; unique on a platform.
    pub name: &'static str,
    /// Offset of the first byte in register space.
    pub offset: u32,
    /// Bytes; a multiple of [`DWORD`].
    pub size: u32,
    /// Value of each of its dwords where `source` is not [`Source::Hardware`], and where a
    /// snapshot lacks it.
    pub default: u32,
    /// GPUs that have it.
    pub platforms: Platforms,
    /// Properties.
    pub flags: Flags,
    /// Where its golden value comes from.
    pub source: Source,
}

impl Register {
    /// The register's bytes.
    pub const fn range(&self) -> Range {
        Range {
            offset: self.offset,
            size: self.size,
        }
    }

    /// Whether a GPU of `platform` with or without a second video engine has it.
    pub const fn is_on(&self, platform: Platform, vcs1: bool) -> bool {
        self.platforms.contains(platform) && (vcs1 || !self.flags.contains(Flags::VCS1))
    }

    /// Whether a client may write it through `mmio_exec`: what is switched between the owners of
    /// an engine, TLB invalidation, and what must be written again after a suspend.
    pub const fn is_client_writable(&self) -> bool {
        self.flags
            .intersects(Flags::SWITCHED.and(Flags::TLB).and(Flags::PM_SAVE))
    }
}

/// The rows of a GPU, sorted by offset.
pub fn rows(platform: Platform, vcs1: bool) -> impl Iterator<Item = &'static Register> {
    TABLE.iter().filter(move |r| r.is_on(platform, vcs1))
}

/// The row that `offset` belongs to on a GPU; inside the memory-controller mirror the smaller row.
pub fn find(platform: Platform, vcs1: bool, offset: u32) -> Option<&'static Register> {
    let behind = TABLE.partition_point(|r| r.offset <= offset);
    // Rows do not overlap but in the mirror, whose own row is the first of those that begin
    // there: what is met first, going down, is the smallest.
    TABLE
        .get(..behind)?
        .iter()
        .rev()
        .take_while(|r| r.offset >= MCHBAR_MIRROR.offset || offset < MCHBAR_MIRROR.offset)
        .find(|r| r.range().contains(offset) && r.is_on(platform, vcs1))
}

/// The offset of the register of that name, for constants: the same on all platforms that have it.
///
/// # Panics
///
/// There is no register of that name; in a constant that is a compile-time error.
pub const fn named(name: &str) -> u32 {
    let mut i = 0;
    while i < TABLE.len() {
        if same(TABLE[i].name.as_bytes(), name.as_bytes()) {
            return TABLE[i].offset;
        }
        i += 1;
    }
    panic!("no such register")
}

/// `==`, which constants can't use on slices.
const fn same(left: &[u8], right: &[u8]) -> bool {
    let mut i = 0;
    while i < left.len() && i < right.len() && left[i] == right[i] {
        i += 1;
    }
    i == left.len() && i == right.len()
}

/// The runs that a snapshot of a GPU reads from hardware, sorted, neighbours joined.
pub fn hardware_ranges(platform: Platform, vcs1: bool) -> impl Iterator<Item = Range> {
    let of_rows = rows(platform, vcs1)
        .filter(|r| matches!(r.source, Source::Hardware))
        .map(Register::range);
    Joined {
        ranges: Merged {
            left: of_rows.peekable(),
            right: mchbar_kept(platform).peekable(),
        },
        held: None,
    }
}

/// Two sorted sequences of ranges as one.
struct Merged<L: Iterator<Item = Range>, R: Iterator<Item = Range>> {
    left: core::iter::Peekable<L>,
    right: core::iter::Peekable<R>,
}

impl<L: Iterator<Item = Range>, R: Iterator<Item = Range>> Iterator for Merged<L, R> {
    type Item = Range;

    fn next(&mut self) -> Option<Range> {
        match (self.left.peek(), self.right.peek()) {
            (Some(l), Some(r)) if r.offset < l.offset => self.right.next(),
            (Some(_), _) => self.left.next(),
            (None, _) => self.right.next(),
        }
    }
}

/// A sorted sequence of ranges with neighbours joined.
struct Joined<I> {
    ranges: I,
    held: Option<Range>,
}

impl<I: Iterator<Item = Range>> Iterator for Joined<I> {
    type Item = Range;

    fn next(&mut self) -> Option<Range> {
        loop {
            let next = self.ranges.next();
            match (self.held, next) {
                (Some(held), Some(next)) if held.end() == next.offset => {
                    self.held = Some(Range {
                        offset: held.offset,
                        size: held.size + next.size,
                    });
                }
                (Some(held), next) => {
                    self.held = next;
                    return Some(held);
                }
                (None, Some(next)) => self.held = Some(next),
                (None, None) => return None,
            }
        }
    }
}

/// Revision of the table: changes with every row.
pub const REVISION: u32 = revision();

const fn revision() -> u32 {
    let mut hash = crate::hash::Hash::new();
    let mut i = 0;
    while i < TABLE.len() {
        let row = &TABLE[i];
        hash = hash
            .bytes(row.name.as_bytes())
            .number(row.offset as u64)
            .number(row.size as u64)
            .number(row.default as u64)
            .number(row.platforms.bits() as u64)
            .number(row.flags.bits() as u64)
            .number(row.source as u64);
        i += 1;
    }
    hash.folded()
}

/// Short forms that keep a row of the table on one line.
mod rows {
    use super::{Flags, Platform, Platforms, Register, Source};

    pub(super) const NONE: Flags = Flags::NONE;
    pub(super) const BLOCK: Flags = Flags::BLOCK;
    pub(super) const VCS1: Flags = Flags::VCS1;
    pub(super) const COMMAND: Flags = Flags::COMMAND;
    pub(super) const MASKED: Flags = Flags::MASKED;
    pub(super) const GMADR: Flags = Flags::GMADR;
    pub(super) const IN_CONTEXT: Flags = Flags::IN_CONTEXT;
    pub(super) const PATCHED: Flags = Flags::PATCHED;
    pub(super) const READ_ONLY: Flags = Flags::READ_ONLY;
    pub(super) const PM_SAVE: Flags = Flags::PM_SAVE;
    pub(super) const UNALIGNED: Flags = Flags::UNALIGNED;
    pub(super) const SWITCHED: Flags = Flags::SWITCHED;
    pub(super) const TLB: Flags = Flags::TLB;

    pub(super) const ALL: Platforms = Platforms::ALL;
    pub(super) const GEN9: Platforms = Platforms::ALL.without(Platform::Bdw);
    pub(super) const BDW: Platforms = Platforms::only(Platform::Bdw);
    pub(super) const BXT: Platforms = Platforms::only(Platform::Bxt);
    pub(super) const KBL_CFL: Platforms = Platforms::only(Platform::Kbl)
        .with(Platform::Cfl)
        .with(Platform::Cml);
    pub(super) const SKL_KBL_CFL: Platforms = KBL_CFL.with(Platform::Skl);

    /// A source and the default that goes with it.
    pub(super) struct From(Source, u32);

    pub(super) const HW: From = From(Source::Hardware, 0);
    pub(super) const SCRUBBED: From = From(Source::Scrubbed, 0);
    pub(super) const EARLY: From = From(Source::ProgrammedEarly, 0);
    pub(super) const VOLATILE: From = From(Source::Volatile, 0);
    pub(super) const PVINFO_PAGE: From = From(Source::Pvinfo, 0);
    pub(super) const MEMORY_CONTROLLER: From = From(Source::MemoryController, 0);

    pub(super) const fn display(default: u32) -> From {
        From(Source::Display, default)
    }

    pub(super) const fn reg(
        name: &'static str,
        offset: u32,
        size: u32,
        platforms: Platforms,
        flags: Flags,
        from: From,
    ) -> Register {
        Register {
            name,
            offset,
            size,
            default: from.1,
            platforms,
            flags,
            source: from.0,
        }
    }
}

#[cfg(test)]
mod tests;
