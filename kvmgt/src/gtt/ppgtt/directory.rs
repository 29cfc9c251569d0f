// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Tables whose entries lead to tables, or map 2 MiB: how they follow the guest's.
//!
//! A 2 MiB page is mapped whole if its 512 pages lie one behind the other for the GPU, from a
//! multiple of 2 MiB on, and the GPU has such pages; else by a table of ours. It is not looked at
//! again as long as the guest's entry stays and nothing of it fails.

use super::backing::{Backing, ShadowPage};
use super::entry::{is_large, Modes, PageBits, Refusal, ShadowEntry, Target, PAGES_2M};
use super::key::{Key, Kind};
use super::shadow::Shadow;
use super::tables::Link;
use super::{complain, entry_in, Ppgtt, REFUSALS_MAX};
use crate::address::{DmaAddress, Gfn, PAGE_SIZE};
use core::ops::Range;
use kernel::prelude::*;
use kernel::rbtree::RBTreeNodeReservation;

/// What an entry of a directory's shadow leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Child {
    /// Scratch.
    None,
    /// A shadow.
    Table(Key),
    /// 2 MiB of the guest, from this page on.
    Whole(Gfn),
}

/// What an entry of a directory leads to.
pub(super) fn child(shadow: &Shadow, key: Key, index: usize, modes: Modes) -> Child {
    child_by(shadow, key, index, shadow.entry(index), modes)
}

/// What an entry of a directory leads to, if it was made of `entry`.
fn child_by(shadow: &Shadow, key: Key, index: usize, entry: u64, modes: Modes) -> Child {
    if !shadow.live.get(index) {
        return Child::None;
    }
    match key.kind.target(entry, modes) {
        Target::Table { key, .. } => Child::Table(key),
        Target::Large { gfn, .. } if shadow.whole.get(index) => Child::Whole(gfn),
        Target::Large { gfn, bits } => Child::Table(split(gfn, bits)),
        _ => Child::None,
    }
}

/// The table of ours that maps a 2 MiB page.
fn split(gfn: Gfn, bits: PageBits) -> Key {
    let kind = Kind::Split(bits);
    Key { gfn, kind }
}

/// The pages of a 2 MiB page.
pub(super) fn pages(first: Gfn) -> impl Iterator<Item = Gfn> {
    (first.0..first.0.saturating_add(PAGES_2M)).map(Gfn)
}

impl Ppgtt {
    /// Brings a directory up to date: with the guest's entries that were just read, and with those
    /// that failed before. What it leads to may have to be brought up to date then.
    pub(super) fn sync_directory(
        &mut self,
        backing: &mut Backing<'_>,
        key: Key,
        read: Range<usize>,
    ) {
        let Some(shadow) = self.tables.get(&key) else {
            return;
        };
        let (failed, start) = (shadow.failed, shadow.retry_from);
        let mut refusals = 0_u32;
        for index in read {
            let new = entry_in(&self.buffer, index);
            let Some(shadow) = self.tables.get(&key) else {
                return;
            };
            if shadow.entry(index) != new && !self.set_entry(backing, key, index, new) {
                refusals = refusals.saturating_add(1);
            }
        }
        // The kernel crate has a `chain` for everything, so this one is named in full.
        let behind = failed.iter().skip_while(|index| *index < start);
        let before = failed.iter().take_while(|index| *index < start);
        for index in Iterator::chain(behind, before) {
            let Some(shadow) = self.tables.get_mut(&key) else {
                return;
            };
            if refusals >= REFUSALS_MAX {
                shadow.retry_from = index;
                break;
            }
            let entry = shadow.entry(index);
            if shadow.failed.get(index) && !self.set_entry(backing, key, index, entry) {
                refusals = refusals.saturating_add(1);
            }
        }
        if let Some(shadow) = self.tables.get_mut(&key) {
            shadow.synced();
        }
    }

    /// The guest's entry is `new` from now on: makes the shadow's follow. Gives whether it could.
    fn set_entry(&mut self, backing: &mut Backing<'_>, key: Key, index: usize, new: u64) -> bool {
        let modes = self.modes;
        let scratch = self.scratch.entry(key.kind);
        let Some(shadow) = self.tables.get_mut(&key) else {
            return true;
        };
        let old = shadow.keep(index, new);
        let had = child_by(shadow, key, index, old, modes);
        let made = match key.kind.target(new, modes) {
            Target::Nothing | Target::Page { .. } => Ok(None),
            Target::Refused(why) => {
                complain(backing, shadow, key, index, new, why);
                Ok(None)
            }
            Target::Table { key: child, bits } => self
                .link(backing, key, index, child, had)
                .map(|page| Some((ShadowEntry::table(page, bits), Child::Table(child)))),
            Target::Large { gfn, bits } => self
                .make_large(backing, key, index, (gfn, bits), had)
                .map(Some),
        };
        let failed = made.is_err();
        let error = made.err();
        let (entry, child) = made.unwrap_or(None).unwrap_or((scratch, Child::None));
        let restless = match child {
            Child::Table(key) => self.tables.get(&key).is_some_and(Shadow::is_restless),
            _ => false,
        };
        let Some(shadow) = self.tables.get_mut(&key) else {
            return true;
        };
        if child != Child::None || had != Child::None {
            backing.shadow.write(shadow.page, index, entry.raw());
            self.deferred.changed();
        }
        shadow.live.put(index, child != Child::None);
        shadow.whole.put(index, matches!(child, Child::Whole(_)));
        shadow.below.put(index, restless);
        shadow.failed.put(index, failed);
        if let Some(error) = error {
            complain(backing, shadow, key, index, new, Refusal::Table(error));
        }
        match had {
            Child::Table(table) if had != child => {
                let link = Link {
                    child: table,
                    parent: key,
                    index,
                };
                self.unlink(backing, &link);
            }
            // If it is mapped again it was counted again.
            Child::Whole(first) => pages(first).for_each(|gfn| self.deferred.let_go(backing, gfn)),
            _ => {}
        }
        !failed
    }

    /// Has an entry lead to a shadow, unless it does already; gives the shadow's page.
    fn link(
        &mut self,
        backing: &mut Backing<'_>,
        parent: Key,
        index: usize,
        child: Key,
        had: Child,
    ) -> Result<ShadowPage> {
        if had != Child::Table(child) {
            self.make_room_for_link(backing)?;
            let node = RBTreeNodeReservation::new(GFP_KERNEL_ACCOUNT)?;
            if self.tables.get(&child).is_none() {
                self.create(backing, child)?;
            }
            let link = Link {
                child,
                parent,
                index,
            };
            self.tables.connect(node, link);
        }
        self.tables
            .get(&child)
            .map(|shadow| shadow.page)
            .ok_or(EINVAL)
    }

    /// An entry leads to a shadow no more.
    pub(super) fn unlink(&mut self, backing: &mut Backing<'_>, link: &Link) {
        self.tables.disconnect(link);
        self.release(backing, link.child);
    }

    /// Makes an entry that maps 2 MiB.
    fn make_large(
        &mut self,
        backing: &mut Backing<'_>,
        key: Key,
        index: usize,
        (gfn, bits): (Gfn, PageBits),
        had: Child,
    ) -> Result<(ShadowEntry, Child)> {
        if self.modes.pages_2m {
            if let Some(entry) = self.map_whole(backing, gfn, bits) {
                return Ok((entry, Child::Whole(gfn)));
            }
        }
        let table = split(gfn, bits);
        let page = self.link(backing, key, index, table, had)?;
        // A table of ours is as open as the guest's entry; its own entries say the same again.
        Ok((ShadowEntry::open(page), Child::Table(table)))
    }

    /// Pins 2 MiB that lie in one piece; gives the entry that maps them. `None`, and nothing is
    /// pinned, if they don't, or a page can't be pinned.
    fn map_whole(
        &mut self,
        backing: &mut Backing<'_>,
        first: Gfn,
        bits: PageBits,
    ) -> Option<ShadowEntry> {
        let mut start = None;
        let mut expected: Option<DmaAddress> = None;
        for (taken, gfn) in pages(first).enumerate() {
            let fits = match (self.deferred.take(backing, gfn), expected) {
                (Ok(address), None) => {
                    start = Some(address);
                    is_large(address).then_some(address)
                }
                (Ok(address), Some(expected)) => (address == expected).then_some(address),
                (Err(_), _) => {
                    self.give_back(backing, first, taken);
                    return None;
                }
            };
            let Some(address) = fits else {
                self.give_back(backing, first, taken.saturating_add(1));
                return None;
            };
            expected = Some(DmaAddress(address.0.saturating_add(PAGE_SIZE)));
        }
        let entry = start.and_then(|start| ShadowEntry::large(start, bits));
        if entry.is_none() {
            self.give_back(backing, first, usize::MAX);
        }
        entry
    }

    /// Gives back pages that no entry has mapped yet.
    fn give_back(&mut self, backing: &mut Backing<'_>, first: Gfn, count: usize) {
        for gfn in pages(first).take(count) {
            backing.pins.give_back(backing.guest, gfn);
        }
    }

    /// Makes the 2 MiB entries of a directory lead to scratch of whose pages one is in `first` to
    /// `last`, until a submission tries again. Gives whether there was one.
    pub(super) fn scratch_large(
        &mut self,
        backing: &mut Backing<'_>,
        key: Key,
        first: Gfn,
        last: Gfn,
    ) -> bool {
        let scratch = self.scratch.entry(key.kind).raw();
        let Some(shadow) = self.tables.get_mut(&key) else {
            return false;
        };
        let was_restless = shadow.is_restless();
        let mut found = false;
        for index in shadow.whole.iter() {
            let Child::Whole(large) = child(shadow, key, index, self.modes) else {
                continue;
            };
            if last < large || large.0.saturating_add(PAGES_2M) <= first.0 {
                continue;
            }
            found = true;
            backing.shadow.write(shadow.page, index, scratch);
            self.deferred.changed();
            shadow.live.put(index, false);
            shadow.whole.put(index, false);
            shadow.failed.put(index, true);
            pages(large).for_each(|gfn| self.deferred.let_go(backing, gfn));
        }
        if found && !was_restless {
            self.tables.disturb(key);
        }
        found
    }
}
