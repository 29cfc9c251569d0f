// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The address spaces of a guest: which there are, and who needs them.

use super::entry::reaches;
use super::key::{Key, Kind};
use crate::address::{DmaAddress, Gfn, PAGE_SHIFT};
use kernel::prelude::*;

/// Where the tables of an address space begin in the guest's memory; names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// 48 bits: a page map level 4.
    FourLevel(Gfn),
    /// 32 bits: four page directories.
    ThreeLevel([Gfn; 4]),
}

impl Root {
    /// That of a context or notification with a page map level 4 at a guest-physical address. What
    /// is below a page of it does not count. `None` if the GPU can't reach so far.
    pub fn four_level(pml4: u64) -> Option<Self> {
        page(pml4).map(Self::FourLevel)
    }

    /// The same with four page directories.
    pub fn three_level([first, second, third, fourth]: [u64; 4]) -> Option<Self> {
        let directories = [page(first)?, page(second)?, page(third)?, page(fourth)?];
        Some(Self::ThreeLevel(directories))
    }

    /// The tables that it consists of, by number.
    pub(super) fn key(&self, number: usize) -> Option<Key> {
        let (gfn, kind) = match self {
            Self::FourLevel(pml4) => ((number == 0).then_some(*pml4)?, Kind::Pml4),
            Self::ThreeLevel(directories) => (*directories.get(number)?, Kind::Pd),
        };
        Some(Key { gfn, kind })
    }

    /// All of them.
    pub(super) fn keys(self) -> impl Iterator<Item = Key> {
        (0..4).map_while(move |number| self.key(number))
    }
}

fn page(address: u64) -> Option<Gfn> {
    let page = address >> PAGE_SHIFT;
    reaches(DmaAddress(page << PAGE_SHIFT)).then_some(Gfn(page))
}

/// What the GPU gets in place of a [`Root`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostRoot {
    /// The shadow of a page map level 4.
    FourLevel(DmaAddress),
    /// The shadows of four page directories.
    ThreeLevel([DmaAddress; 4]),
}

/// An address space.
#[derive(Clone, Copy, Debug)]
pub(super) struct Space {
    pub(super) root: Root,
    /// The guest has announced it, and holds its one reference.
    pub(super) announced: bool,
    /// The guest has withdrawn it while it was pinned: it goes with the last pin.
    pub(super) withdrawn: bool,
    /// Workloads that need it.
    pub(super) pins: u32,
    /// There are shadows of its root.
    pub(super) built: bool,
    /// The preparation that it was used in last.
    pub(super) used: u64,
}

/// The address spaces.
pub(super) struct Spaces(KVec<Space>);

impl Spaces {
    pub(super) fn new() -> Self {
        Self(KVec::new())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The number of an address space, good until one is removed.
    pub(super) fn find(&self, root: &Root) -> Option<usize> {
        self.0.iter().position(|space| space.root == *root)
    }

    pub(super) fn get(&self, index: usize) -> Option<&Space> {
        self.0.get(index)
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Space> {
        self.0.get_mut(index)
    }

    /// Adds one, of which nobody knows yet; gives its number.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn add(&mut self, root: Root, used: u64) -> Result<usize> {
        let index = self.0.len();
        let space = Space {
            root,
            announced: false,
            withdrawn: false,
            pins: 0,
            built: false,
            used,
        };
        self.0.push(space, GFP_KERNEL_ACCOUNT)?;
        Ok(index)
    }

    /// Removes one; another may take its number.
    pub(super) fn remove(&mut self, index: usize) {
        if let Some(last) = self.0.pop() {
            if let Some(slot) = self.0.get_mut(index) {
                *slot = last;
            }
        }
    }

    /// The one of those that nobody pins and that `fits` which was not used for the longest time.
    pub(super) fn idlest(&self, fits: impl Fn(&Space) -> bool) -> Option<usize> {
        let idle = self.0.iter().enumerate();
        let idle = idle.filter(|(_, space)| space.pins == 0 && fits(space));
        idle.min_by_key(|(_, space)| space.used)
            .map(|(index, _)| index)
    }
}
