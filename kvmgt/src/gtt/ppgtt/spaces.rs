// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The address spaces of a guest: which there are, and who needs them.

use super::entry::reaches;
use super::key::{Key, Kind};
use super::top::Top;
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

/// What the GPU has of an address space. It stays the same as long as it is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Built {
    /// The page map level 4.
    pub(super) root: DmaAddress,
    /// What is above the guest's page directories, if its root consists of them.
    pub(super) top: Option<Top>,
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
    /// There are shadows of its root. Set by [`Spaces::set_built`] alone.
    built: Option<Built>,
    /// The preparation that it was used in last.
    pub(super) used: u64,
}

impl Space {
    /// What the GPU has of it, if there are shadows of its root.
    pub(super) fn built(&self) -> Option<Built> {
        self.built
    }
}

/// The address spaces.
pub(super) struct Spaces {
    spaces: KVec<Space>,
    /// Pages of all that have a [`Top`].
    top_pages: usize,
}

impl Spaces {
    pub(super) fn new() -> Self {
        Self {
            spaces: KVec::new(),
            top_pages: 0,
        }
    }

    /// Pages above the page directories of guests.
    pub(super) fn top_pages(&self) -> usize {
        self.top_pages
    }

    /// Says what the GPU has of an address space from now on; gives what it had before.
    pub(super) fn set_built(&mut self, index: usize, built: Option<Built>) -> Option<Built> {
        let space = self.get_mut(index)?;
        let before = core::mem::replace(&mut space.built, built);
        let pages =
            |built: Option<Built>| built.and_then(|built| built.top).map_or(0, |_| Top::PAGES);
        let rest = self.top_pages.saturating_sub(pages(before));
        self.top_pages = rest.saturating_add(pages(built));
        before
    }

    pub(super) fn len(&self) -> usize {
        self.spaces.len()
    }

    /// The number of an address space, good until one is removed.
    pub(super) fn find(&self, root: &Root) -> Option<usize> {
        self.spaces.iter().position(|space| space.root == *root)
    }

    pub(super) fn get(&self, index: usize) -> Option<&Space> {
        self.spaces.get(index)
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Space> {
        self.spaces.get_mut(index)
    }

    /// Adds one, of which nobody knows yet; gives its number.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn add(&mut self, root: Root, used: u64) -> Result<usize> {
        let index = self.spaces.len();
        let space = Space {
            root,
            announced: false,
            withdrawn: false,
            pins: 0,
            built: None,
            used,
        };
        self.spaces.push(space, GFP_KERNEL_ACCOUNT)?;
        Ok(index)
    }

    /// Removes one; another may take its number.
    pub(super) fn remove(&mut self, index: usize) {
        if let Some(last) = self.spaces.pop() {
            if let Some(slot) = self.spaces.get_mut(index) {
                *slot = last;
            }
        }
    }

    /// The one of those that nobody pins and that `fits` which was not used for the longest time.
    pub(super) fn idlest(&self, fits: impl Fn(&Space) -> bool) -> Option<usize> {
        let idle = self.spaces.iter().enumerate();
        let idle = idle.filter(|(_, space)| space.pins == 0 && fits(space));
        idle.min_by_key(|(_, space)| space.used)
            .map(|(index, _)| index)
    }
}
