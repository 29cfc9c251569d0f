// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a shadow is known by.

use super::entry::{Modes, PageBits, Pde, Pdpe, Pml4e, Pte, Target, PAGES_64K};
use super::ENTRIES;
use crate::address::{Gfn, PAGE_SHIFT};
use core::ops::Range;

/// What a page of the guest is read as. The same page may be a table of several kinds at a time;
/// each is a shadow of its own.
///
/// A table leads only to kinds further down in this list, so there are no circles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Page map level 4: leads to page directory pointer tables.
    Pml4,
    /// Page directory pointer table: leads to page directories.
    Pdp,
    /// Page directory: leads to page tables, or maps 2 MiB pages.
    Pd,
    /// Page table of 4 KiB pages.
    Pt,
    /// Page table of 64 KiB pages. Its shadow maps them as 16 pages of 4 KiB each.
    Pt64k,
    /// No table of the guest: one of ours that maps one 2 MiB page of the guest as 512 of 4 KiB,
    /// all with these bits. The key's page is the first of them.
    Split(PageBits),
}

impl Kind {
    /// Whether its entries map pages, and nothing else.
    pub fn is_leaf(self) -> bool {
        matches!(self, Self::Pt | Self::Pt64k | Self::Split(_))
    }

    /// Whether there is a page of the guest behind it.
    pub fn is_guest_table(self) -> bool {
        !matches!(self, Self::Split(_))
    }

    /// log2 of the bytes that an entry translates.
    pub(super) fn shift(self) -> u32 {
        match self {
            Self::Pml4 => 39,
            Self::Pdp => 30,
            Self::Pd => 21,
            _ => PAGE_SHIFT,
        }
    }

    /// What an entry of a directory leads to. A leaf's entry leads nowhere by itself; see
    /// [`Key::page`].
    pub(super) fn target(self, raw: u64, modes: Modes) -> Target {
        match self {
            Self::Pml4 => Pml4e(raw).target(),
            Self::Pdp => Pdpe(raw).target(),
            Self::Pd => Pde(raw).target(modes),
            _ => Target::Nothing,
        }
    }

    /// The shadow's entries that depend on one of the guest's.
    pub(super) fn slots(self, index: usize) -> Range<usize> {
        let count = match self {
            Self::Pt64k if index & PAGES_64K.saturating_sub(1) == 0 => PAGES_64K,
            Self::Pt64k => 0,
            _ => 1,
        };
        index..index.saturating_add(count).min(ENTRIES)
    }

    /// The guest's entry that one of the shadow's depends on.
    pub(super) fn index(self, slot: usize) -> usize {
        match self {
            Self::Pt64k => slot & !PAGES_64K.saturating_sub(1),
            _ => slot,
        }
    }
}

/// What a shadow is known by: a page of the guest, and what it is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The guest's page.
    pub gfn: Gfn,
    /// What it is read as.
    pub kind: Kind,
}

impl Key {
    /// The least of all with that page.
    pub(super) fn first(gfn: Gfn) -> Self {
        let kind = Kind::Pml4;
        Self { gfn, kind }
    }

    /// The next larger one.
    pub(super) fn after(self) -> Option<Self> {
        let kind = match self.kind {
            Kind::Pml4 => Some(Kind::Pdp),
            Kind::Pdp => Some(Kind::Pd),
            Kind::Pd => Some(Kind::Pt),
            Kind::Pt => Some(Kind::Pt64k),
            Kind::Pt64k => Some(Kind::Split(PageBits::MIN)),
            Kind::Split(bits) => bits.after().map(Kind::Split),
        };
        match kind {
            Some(kind) => Some(Self { kind, ..self }),
            None => Some(Self::first(Gfn(self.gfn.0.checked_add(1)?))),
        }
    }

    /// The page that entry `slot` of a leaf's shadow is to map, if the guest's entry behind it is
    /// `raw`.
    pub(super) fn page(self, raw: u64, slot: usize) -> Target {
        match self.kind {
            Kind::Pt => Pte(raw).target(),
            Kind::Pt64k => Pte(raw).target_64k(slot),
            Kind::Split(bits) => Target::Page {
                gfn: Gfn(self.gfn.0.saturating_add(slot as u64)),
                bits,
            },
            _ => Target::Nothing,
        }
    }
}
