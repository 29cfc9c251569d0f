// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Tables whose entries map pages of 4 KiB: how they follow the guest's.
//!
//! Pages of 64 KiB are always split: the guest's page is 16 pages of 4 KiB that lie anywhere in the
//! host, and a table of the GPU has one page size for all of its entries. So the shadow has 16
//! entries for each 16th of the guest's, and its PDE never says IPS; what the guest has in the 15
//! entries between does not count, as for the hardware.

use super::backing::Backing;
use super::deferred::Deferred;
use super::entry::{Refusal, ShadowEntry, Target};
use super::key::Key;
use super::shadow::Shadow;
use super::{complain, entry_in, Ppgtt, REFUSALS_MAX};
use crate::address::Gfn;
#[cfg(feature = "mutants")]
use crate::mutant::{self, Mutant};
use core::ops::Range;
use kernel::prelude::*;

/// A leaf that is being brought up to date.
struct Leaf<'a> {
    key: Key,
    shadow: &'a mut Shadow,
    deferred: &'a mut Deferred,
    scratch: ShadowEntry,
    /// Pages that could not be pinned this time, but for those that are new and do not exist.
    refusals: u32,
    /// What failed before is tried again.
    retries: bool,
}

impl Ppgtt {
    /// Brings a leaf up to date: with the guest's entries that were just read, and with those that
    /// failed before.
    pub(super) fn sync_leaf(&mut self, backing: &mut Backing<'_>, key: Key, read: Range<usize>) {
        let scratch = self.scratch.entry(key.kind);
        let Some(shadow) = self.tables.get_mut(&key) else {
            return;
        };
        let failed = shadow.failed;
        let mut leaf = Leaf {
            key,
            shadow,
            deferred: &mut self.deferred,
            scratch,
            refusals: 0,
            retries: false,
        };
        for index in read {
            let new = entry_in(&self.buffer, index);
            let old = leaf.shadow.keep(index, new);
            if old != new {
                for slot in key.kind.slots(index) {
                    leaf.replace(backing, slot, old);
                }
            }
        }
        // Those that failed, from where it ended the last time, so that each gets its turn.
        leaf.retries = true;
        let start = leaf.shadow.retry_from;
        let behind = failed.iter().skip_while(|slot| *slot < start);
        let before = failed.iter().take_while(|slot| *slot < start);
        for slot in Iterator::chain(behind, before) {
            if leaf.refusals >= REFUSALS_MAX {
                leaf.shadow.retry_from = slot;
                break;
            }
            if leaf.shadow.failed.get(slot) {
                let entry = leaf.shadow.entry(key.kind.index(slot));
                leaf.replace(backing, slot, entry);
            }
        }
        leaf.shadow.synced();
    }

    /// Makes entries of a leaf lead to scratch whose pages are `chosen`, until a submission tries
    /// again. Gives whether there was one.
    pub(super) fn scratch_leaf(
        &mut self,
        backing: &mut Backing<'_>,
        key: Key,
        chosen: impl Fn(Gfn) -> bool,
    ) -> bool {
        #[cfg(feature = "mutants")]
        if mutant::is(Mutant::PpgttForgotten) {
            return false;
        }
        let scratch = self.scratch.entry(key.kind).raw();
        let Some(shadow) = self.tables.get_mut(&key) else {
            return false;
        };
        let was_restless = shadow.is_restless();
        let mut found = false;
        for slot in shadow.live.iter() {
            let Some(gfn) = mapped(shadow, key, slot).filter(|gfn| chosen(*gfn)) else {
                continue;
            };
            found = true;
            backing.shadow.write(shadow.page, slot, scratch);
            self.deferred.changed();
            shadow.live.put(slot, false);
            shadow.failed.put(slot, true);
            self.deferred.let_go(backing, gfn);
        }
        if found && !was_restless {
            self.tables.disturb(key);
        }
        found
    }
}

/// The page that an entry of a leaf maps.
pub(super) fn mapped(shadow: &Shadow, key: Key, slot: usize) -> Option<Gfn> {
    let entry = shadow.entry(key.kind.index(slot));
    mapped_by(shadow, key, slot, entry)
}

/// The page that an entry of a leaf maps, if it was made of `entry`.
fn mapped_by(shadow: &Shadow, key: Key, slot: usize, entry: u64) -> Option<Gfn> {
    match key.page(entry, slot) {
        Target::Page { gfn, .. } if shadow.live.get(slot) => Some(gfn),
        _ => None,
    }
}

impl Leaf<'_> {
    /// Makes an entry lead to what the guest has now, where it had `old` before.
    fn replace(&mut self, backing: &mut Backing<'_>, slot: usize, old: u64) {
        let was = mapped_by(self.shadow, self.key, slot, old);
        let raw = self.shadow.entry(self.key.kind.index(slot));
        let made = match self.key.page(raw, slot) {
            Target::Page { .. } if self.refusals >= REFUSALS_MAX => Err(None),
            Target::Page { gfn, bits } => self
                .deferred
                .map(backing, gfn, bits)
                .map(Some)
                .map_err(|error| Some(Refusal::Page(error))),
            Target::Refused(why) => {
                complain(backing, self.shadow, self.key, slot, raw, why);
                Ok(None)
            }
            _ => Ok(None),
        };
        self.shadow.failed.put(slot, made.is_err());
        if let Err(Some(why)) = made {
            if self.retries || why != Refusal::Page(EFAULT) {
                self.refusals = self.refusals.saturating_add(1);
            }
            complain(backing, self.shadow, self.key, slot, raw, why);
        }
        let made = made.unwrap_or(None);
        let is_due = made.is_some() || was.is_some();
        #[cfg(feature = "mutants")]
        let is_due = is_due && (made.is_some() || !mutant::is(Mutant::PpgttUnmapped));
        if is_due {
            let entry = made.unwrap_or(self.scratch);
            backing.shadow.write(self.shadow.page, slot, entry.raw());
            self.deferred.changed();
        }
        self.shadow.live.put(slot, made.is_some());
        if let Some(gfn) = was {
            self.deferred.let_go(backing, gfn);
        }
    }
}
