// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The address spaces that meet in a vGPU, a type each.

use core::fmt;

/// Base-2 logarithm of the page size that the GGTT, the guest and the host share: 4 KiB.
pub const PAGE_SHIFT: u32 = 12;
/// Bytes of such a page.
pub const PAGE_SIZE: u64 = 1 << PAGE_SHIFT;

/// An offset in register space, the first 2 MiB of BAR 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MmioOffset(pub u32);

impl fmt::Display for MmioOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// A graphics memory address that the GGTT translates; the same in a guest and in the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gma(pub u64);

impl Gma {
    /// The entry of the GGTT that translates it.
    pub const fn page(self) -> GgttPage {
        GgttPage(self.0 >> PAGE_SHIFT)
    }
}

impl fmt::Display for Gma {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// A page of the GGTT, counted from address 0: the index of its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GgttPage(pub u64);

/// A page of a guest's memory, counted from guest-physical address 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gfn(pub u64);

/// An address by which the GPU reaches a pinned page of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DmaAddress(pub u64);
