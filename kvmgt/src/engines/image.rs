// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What of a context's image a guest may supply.
//!
//! All contexts of a guest run in one context of the host on each engine, whose image is theirs in
//! turn. The engine executes an image when it restores it, with privilege: headers of commands,
//! offsets of registers, values. So a guest's image is never taken as it is. What the host's
//! default state has in its place decides what a dword is, and only values are the guest's.
//!
//! Whatever the guest's image holds, the host's then holds the commands of the default state.
//! That needs the default state below: what an engine saved last may have another layout.

use crate::command::{shape, Operands};
use crate::golden::Model;
use crate::hardware::Engine;
use core::ops::Range;
use iface::image::{is_client_writable, STATUS_PAGE};
use kernel::prelude::*;

mod keep;

/// Bytes of a page of an image.
pub const PAGE: usize = STATUS_PAGE as usize;
/// Bytes of a dword.
const DWORD: usize = 4;
/// Dwords of a page.
const PAGE_DWORDS: usize = PAGE / DWORD;
/// Dwords that a word of the map stands for.
const WORD: usize = u64::BITS as usize;

/// Which dwords of an engine's images are values that a guest may supply.
pub struct ImageMap {
    /// A bit for each dword of an image.
    values: KVVec<u64>,
    /// Dwords that are commands whose lower half is their operand, ascending.
    halves: KVVec<usize>,
    /// Bytes of an image.
    size: usize,
    /// Where in it there is nothing more that an engine would restore.
    end: usize,
    complete: bool,
}

impl ImageMap {
    /// Reads the commands of an engine's default state: a whole image, the status page first.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(model: Model, engine: Engine, state: &[u8]) -> Result<Self> {
        let words = state.len().div_ceil(DWORD).div_ceil(WORD);
        let mut map = Self {
            values: KVVec::from_elem(0, words, GFP_KERNEL)?,
            halves: KVVec::new(),
            size: state.len(),
            end: state.len(),
            complete: false,
        };
        map.complete = map.read(model, engine, state)?;
        Ok(map)
    }

    /// Whether all commands of the default state are known.
    ///
    /// If not, all from the first unknown one on stays the host's, and guests lose what their
    /// engine saved there.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The pages that [`merge`](Self::merge) and [`runs`](Self::runs) are for: all that an engine
    /// restores, but not the status page.
    pub fn pages(&self) -> Range<usize> {
        1..self.end.div_ceil(PAGE)
    }

    /// Puts what the guest may supply of a page over the default state's.
    ///
    /// `host` must hold the same page of the default state; bytes that either of both lacks stay.
    pub fn merge(&self, page: usize, guest: &[u8], host: &mut [u8]) {
        let first = page.saturating_mul(PAGE_DWORDS);
        let pairs = Iterator::zip(guest.chunks_exact(DWORD), host.chunks_exact_mut(DWORD));
        for ((guest, host), dword) in pairs.take(PAGE_DWORDS).zip(first..) {
            #[cfg(feature = "mutants")]
            if crate::mutant::is(crate::mutant::Mutant::ImageCommands) {
                host.copy_from_slice(guest);
                continue;
            }
            if self.has(dword) {
                host.copy_from_slice(guest);
            } else if self.halves.binary_search(&dword).is_ok() {
                if let (Some(guest), Some(host)) = (guest.get(..2), host.get_mut(..2)) {
                    host.copy_from_slice(guest);
                }
            }
        }
    }

    /// The bytes of a page that are to be written into a context of the host.
    ///
    /// That is all but what the host half keeps from its client, whether it is the guest's or
    /// not: the context may hold what another one of the guest's has left there.
    pub fn runs(&self, page: usize) -> impl Iterator<Item = Range<usize>> {
        let first = page.saturating_mul(PAGE);
        let bytes = match self.pages().contains(&page) {
            true => self.size.saturating_sub(first).min(PAGE),
            false => 0,
        };
        let writable = move |byte: usize| {
            let offset = u64::try_from(first.saturating_add(byte));
            byte < bytes && offset.is_ok_and(is_client_writable)
        };
        let mut at = 0;
        core::iter::from_fn(move || {
            let mut dwords = (at..bytes).step_by(DWORD);
            let start = dwords.find(|byte| writable(*byte))?;
            let end = dwords.find(|byte| !writable(*byte)).unwrap_or(bytes);
            at = end;
            Some(start..end)
        })
    }

    /// Goes through the commands; says whether all are known.
    fn read(&mut self, model: Model, engine: Engine, state: &[u8]) -> Result<bool> {
        let count = state.len() / DWORD;
        let get = |dword: usize| {
            let bytes = state.get(dword.checked_mul(DWORD)?..)?;
            bytes.first_chunk().copied().map(u32::from_le_bytes)
        };
        let mut at = PAGE_DWORDS;
        while let Some(header) = get(at) {
            let Some(shape) = shape(model.platform, engine, header) else {
                return Ok(false);
            };
            let first = at.saturating_add(1);
            let end = at.saturating_add(usize::try_from(shape.dwords)?);
            if end > count {
                return Ok(false);
            }
            match shape.operands {
                Operands::End => {
                    self.end = end.saturating_mul(DWORD);
                    return Ok(true);
                }
                Operands::Registers => {
                    // A last register without a value would be anybody's guess.
                    if end.saturating_sub(first) % 2 != 0 {
                        return Ok(false);
                    }
                    for value in (first..end).skip(1).step_by(2) {
                        let register = get(value.saturating_sub(1)).unwrap_or_default();
                        if keep::is_guests(model, engine, register) {
                            self.add(value);
                        }
                    }
                }
                Operands::State if first == end => self.halves.push(at, GFP_KERNEL)?,
                Operands::State => (first..end).for_each(|dword| self.add(dword)),
                Operands::Other => {}
            }
            at = end;
        }
        Ok(true)
    }

    /// Makes a dword the guest's, unless the host half keeps it from its client.
    fn add(&mut self, dword: usize) {
        let offset = u64::try_from(dword.saturating_mul(DWORD));
        if offset.is_ok_and(is_client_writable) {
            if let Some(word) = self.values.get_mut(dword / WORD) {
                *word |= bit(dword);
            }
        }
    }

    fn has(&self, dword: usize) -> bool {
        let word = self.values.get(dword / WORD).copied();
        word.is_some_and(|word| word & bit(dword) != 0)
    }
}

/// The bit of a dword in its word of the map.
const fn bit(dword: usize) -> u64 {
    1_u64.rotate_left((dword % WORD) as u32)
}

#[cfg(test)]
mod tests;
