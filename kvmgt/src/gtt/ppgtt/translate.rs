// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Where an address of an address space is in the guest's memory.
//!
//! The answer comes from the shadows alone, so it is what the GPU sees, whatever the guest has
//! written into its tables since.

use super::directory::{child, Child};
use super::entry::{Target, PAGES_2M};
use super::key::{Key, Kind};
use super::leaf::mapped;
use super::spaces::Root;
use super::{Ppgtt, ENTRIES};
use crate::address::{Gfn, PAGE_SHIFT, PAGE_SIZE};
use core::fmt;

/// A graphics memory address that a PPGTT translates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PpgttAddress(pub u64);

impl fmt::Display for PpgttAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// Bits of an address with four levels. Commands have it sign-extended, or not.
const FOUR_LEVEL_BITS: u32 = 48;
/// Bits of an address with three levels.
const THREE_LEVEL_BITS: u32 = 32;

/// Where an address is in the guest's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The page.
    pub gfn: Gfn,
    /// The byte in the page.
    pub offset: u64,
    /// How many bytes from there on lie in one piece in the guest's memory, for sure. At least to
    /// the end of the page.
    pub len: u64,
    /// Whether the GPU may write there, as far as the last level says.
    pub writable: bool,
}

impl Ppgtt {
    /// Translates an address of an address space as the GPU does since it was last prepared.
    ///
    /// `None` if the address has too many bits, or leads to scratch.
    pub fn translate(&self, root: &Root, address: PpgttAddress) -> Option<Place> {
        let space = self.spaces.get(self.spaces.find(root)?)?;
        space.built()?;
        let (mut key, at) = self.start(root, address)?;
        loop {
            let index = usize::try_from(at.checked_shr(key.kind.shift())?).ok()?;
            let index = index & ENTRIES.saturating_sub(1);
            let shadow = self.tables.get(&key)?;
            if key.kind.is_leaf() {
                let gfn = mapped(shadow, key, index)?;
                let entry = shadow.entry(key.kind.index(index));
                let writable = match key.page(entry, index) {
                    Target::Page { bits, .. } => bits.is_writable(),
                    _ => return None,
                };
                return place(gfn, at, PAGE_SIZE, writable);
            }
            match child(shadow, key, index, self.modes) {
                Child::None => return None,
                Child::Table(child) => key = child,
                Child::Whole(gfn) => {
                    let writable = match key.kind.target(shadow.entry(index), self.modes) {
                        Target::Large { bits, .. } => bits.is_writable(),
                        _ => return None,
                    };
                    return place(gfn, at, PAGES_2M << PAGE_SHIFT, writable);
                }
            }
        }
    }

    /// The table where a walk begins, and the bits of the address that count.
    fn start(&self, root: &Root, address: PpgttAddress) -> Option<(Key, u64)> {
        let PpgttAddress(at) = address;
        match root {
            Root::FourLevel(_) => {
                let rest = u64::BITS.saturating_sub(FOUR_LEVEL_BITS);
                let plain = at.checked_shl(rest)?.checked_shr(rest)?;
                let high = at.checked_shr(FOUR_LEVEL_BITS.saturating_sub(1))?;
                let is_extended = high == u64::MAX >> (FOUR_LEVEL_BITS - 1);
                (plain == at || is_extended).then_some((root.key(0)?, plain))
            }
            Root::ThreeLevel(_) => {
                if at.checked_shr(THREE_LEVEL_BITS)? != 0 {
                    return None;
                }
                let number = at.checked_shr(Kind::Pdp.shift())?;
                Some((root.key(usize::try_from(number).ok()?)?, at))
            }
        }
    }
}

/// The place of an address in a page of `size` bytes.
fn place(first: Gfn, at: u64, size: u64, writable: bool) -> Option<Place> {
    let within = at & size.checked_sub(1)?;
    Some(Place {
        gfn: Gfn(first.0.checked_add(within >> PAGE_SHIFT)?),
        offset: within & PAGE_SIZE.checked_sub(1)?,
        len: size.checked_sub(within)?,
        writable,
    })
}
