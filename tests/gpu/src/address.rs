// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Address spaces of the GPU, one type each, so that they cannot be mixed up.

use std::fmt;

/// Bytes of a page in every address space of the GPU.
pub const PAGE_SIZE: u64 = 4096;
/// log2 of [`PAGE_SIZE`].
pub const PAGE_SHIFT: u32 = 12;

macro_rules! address {
    ($(#[$doc:meta])* $name:ident($raw:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $raw);

        impl $name {
            /// The address `bytes` further on; wraps at the end of the number range.
            pub const fn add(self, bytes: $raw) -> Self {
                Self(self.0.wrapping_add(bytes))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:#x})", stringify!($name), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }
    };
}

address! {
    /// Byte offset of a register in the register half of BAR0.
    MmioOffset(u32)
}
address! {
    /// Address as the GPU puts it on the bus: what a page table entry or a device's DMA holds.
    DmaAddress(u64)
}
address! {
    /// Graphics memory address translated by the global table (GGTT).
    GgttAddress(u64)
}
address! {
    /// Graphics memory address translated by a context's own page tables (PPGTT).
    PpgttAddress(u64)
}

impl MmioOffset {
    /// The offset of the dword that holds this byte.
    pub const fn dword(self) -> Self {
        Self(self.0 & !3)
    }
}

impl DmaAddress {
    /// The first byte of the page that holds this byte.
    pub const fn page(self) -> Self {
        Self(self.0 & !(PAGE_SIZE - 1))
    }
}
