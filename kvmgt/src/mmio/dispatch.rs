// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Which register does what on a GPU, found in constant time.
//!
//! The register space is cut into pages; those in which no register does more than to remember
//! share one leaf that says so for all of them. A leaf has the number of a rule for each register.
//! All of it takes some 40 KiB, once a GPU.

use super::behaviour::Behaviour;
use crate::address::MmioOffset;
use crate::golden::Model;
use iface::registers::{self, Flags, Register, DWORD, MMIO_SIZE};
use kernel::prelude::*;

/// Registers of a page.
const PAGE: u32 = 256;
/// Pages of the register space.
const PAGES: usize = (MMIO_SIZE / DWORD / PAGE) as usize;
/// Entries of a leaf.
const LEAF: usize = PAGE as usize;

/// What happens when a register is read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// What it does.
    pub(super) behaviour: Behaviour,
    /// The bits that can't be written.
    pub(super) read_only: u32,
    /// Whether the upper half of what is written selects the bits that change.
    pub(super) masked: bool,
    /// Whether it takes accesses at any alignment.
    pub(super) unaligned: bool,
}

/// A register that remembers what was written: also all those that nobody knows.
pub(super) const PLAIN: Rule = Rule {
    behaviour: Behaviour::Plain,
    read_only: 0,
    masked: false,
    unaligned: false,
};

impl Rule {
    /// The rule of the dword number `index` of a row of the table.
    pub(super) fn of(row: &Register, index: u32, model: Model) -> Self {
        let has = |flag| row.flags.contains(flag);
        Self {
            behaviour: Behaviour::named(row.name, index, model),
            read_only: match has(Flags::READ_ONLY) {
                true => read_only(row.name),
                false => 0,
            },
            masked: has(Flags::MASKED),
            unaligned: has(Flags::UNALIGNED),
        }
    }
}

/// The bits of `RING_RESET_CTL` that can be written: the request, and what selects it.
const RESET_CTL_WRITABLE: u32 = 0x0001_0001;

/// The bits that can't be written of a register with such bits.
fn read_only(name: &str) -> u32 {
    match name {
        // Its status is cleared by writing ones.
        "PCH_PORT_HOTPLUG" => 0,
        _ if name.ends_with("_RING_RESET_CTL") => !RESET_CTL_WRITABLE,
        _ => u32::MAX,
    }
}

/// The rules of all registers of a GPU. It is built once, and constant.
pub struct Dispatch {
    rules: KVec<Rule>,
    /// Numbers of rules, a leaf after the other.
    leaves: KVec<u16>,
    /// The leaf of each page.
    pages: KVec<u16>,
}

impl Dispatch {
    /// Attaches behaviours to the registers of a GPU, by name.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(model: Model) -> Result<Self> {
        let mut dispatch = Self {
            rules: KVec::new(),
            leaves: KVec::from_elem(0, LEAF, GFP_KERNEL)?,
            pages: KVec::from_elem(0, PAGES, GFP_KERNEL)?,
        };
        dispatch.rules.push(PLAIN, GFP_KERNEL)?;
        for row in registers::rows(model.platform, model.vcs1) {
            // A row in which registers differ begins with one that does something. Names are looked
            // up letter by letter: not for each register of a block that only remembers.
            if Rule::of(row, 0, model) == PLAIN {
                continue;
            }
            let range = row.range();
            for (index, offset) in (range.offset..range.end())
                .step_by(DWORD as usize)
                .enumerate()
            {
                let rule = Rule::of(row, u32::try_from(index)?, model);
                if rule != PLAIN {
                    dispatch.attach(MmioOffset(offset), rule)?;
                }
            }
        }
        Ok(dispatch)
    }

    /// The rule of the register at an offset.
    pub(crate) fn rule(&self, offset: MmioOffset) -> &Rule {
        self.find(offset).unwrap_or(&PLAIN)
    }

    /// Whether a register does no more than to remember what is written, as all do that nobody
    /// knows.
    pub fn is_plain(&self, offset: MmioOffset) -> bool {
        self.rule(offset).behaviour == Behaviour::Plain
    }

    /// Leaves and rules.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize) {
        (self.leaves.len() / LEAF, self.rules.len())
    }

    fn find(&self, offset: MmioOffset) -> Option<&Rule> {
        let leaf = *self.pages.get(page(offset))?;
        let rule = *self.leaves.get(place(leaf, offset))?;
        self.rules.get(usize::from(rule))
    }

    fn attach(&mut self, offset: MmioOffset, rule: Rule) -> Result {
        let number = match self.rules.iter().position(|known| *known == rule) {
            Some(number) => number,
            None => {
                self.rules.push(rule, GFP_KERNEL)?;
                self.rules.len().saturating_sub(1)
            }
        };
        let number = u16::try_from(number)?;
        let leaf = self.pages.get_mut(page(offset)).ok_or(EINVAL)?;
        if *leaf == 0 {
            // The first leaf is that of pages without such registers.
            *leaf = u16::try_from(self.leaves.len() / LEAF)?;
            self.leaves.extend_from_slice(&[0; LEAF], GFP_KERNEL)?;
        }
        let place = place(*leaf, offset);
        *self.leaves.get_mut(place).ok_or(EINVAL)? = number;
        Ok(())
    }
}

fn page(offset: MmioOffset) -> usize {
    (offset.0 / DWORD / PAGE) as usize
}

fn place(leaf: u16, offset: MmioOffset) -> usize {
    let first = usize::from(leaf).saturating_mul(LEAF);
    first.saturating_add((offset.0 / DWORD % PAGE) as usize)
}
