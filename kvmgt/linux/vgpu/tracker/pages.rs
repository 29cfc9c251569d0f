// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The pages of a VM that are watched, and what there is to tell of them.

use crate::c::raw;
use core::{mem, ptr};
use kernel::{page::PAGE_SIZE, rbtree::RBTree};
use kvmgt_core::{address::Gfn, gtt::ppgtt::HOT_WRITES};

/// So many writes of a page are noted one by one.
const NOTED: usize = HOT_WRITES as usize;

/// What the lock protects.
pub(super) struct State {
    /// What KVM knows of us; null if it tells nothing.
    pub(super) track: *mut raw::kvmgt_track,
    pub(super) pages: RBTree<u64, Page>,
    /// The first page of which there is something to tell.
    pub(super) first: Option<u64>,
}

// SAFETY: any thread may use what KVM knows of us.
unsafe impl Send for State {}

/// A page that is watched.
#[derive(Default)]
pub(super) struct Page {
    pub(super) writes: Writes,
    /// The VM has lost it: KVM watches it no more.
    pub(super) is_gone: bool,
    /// Whether it is in the list of those of which there is something to tell.
    is_listed: bool,
    /// The next one in that.
    next: Option<u64>,
}

/// Writes of a page.
#[derive(Default)]
pub(super) struct Writes {
    /// Where each begins, and how many bytes it has.
    noted: [(usize, usize); NOTED],
    count: usize,
}

impl Writes {
    /// Notes one more. Says whether there is no room for another one.
    pub(super) fn note(&mut self, offset: usize, length: usize) -> bool {
        match self.noted.get_mut(self.count) {
            Some(place) => {
                *place = (offset, length);
                self.count += 1;
            }
            // The last one stands for all that come behind it.
            None => {
                if let Some(last) = self.noted.last_mut() {
                    *last = (0, PAGE_SIZE);
                }
            }
        }
        self.count == NOTED
    }
}

/// What there is to tell of a page.
pub(in crate::vgpu) struct News {
    /// The page.
    pub(in crate::vgpu) gfn: Gfn,
    /// Whether the VM has lost it.
    pub(in crate::vgpu) is_gone: bool,
    writes: Writes,
}

impl News {
    /// The writes to it, each with its first byte and its length.
    pub(in crate::vgpu) fn writes(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.writes.noted.iter().take(self.writes.count).copied()
    }
}

impl State {
    /// Nothing is watched.
    pub(super) fn new() -> Self {
        Self {
            track: ptr::null_mut(),
            pages: RBTree::new(),
            first: None,
        }
    }

    /// Takes what there is to tell of a page.
    pub(super) fn news(&mut self) -> Option<News> {
        let gfn = self.first.take()?;
        let page = self.pages.get_mut(&gfn)?;
        page.is_listed = false;
        self.first = page.next.take();
        Some(News {
            gfn: Gfn(gfn),
            is_gone: page.is_gone,
            writes: mem::take(&mut page.writes),
        })
    }

    /// Puts a page into the list.
    pub(super) fn list(first: &mut Option<u64>, gfn: u64, page: &mut Page) {
        if !mem::replace(&mut page.is_listed, true) {
            page.next = first.replace(gfn);
        }
    }

    /// Takes a page out of the list.
    pub(super) fn unlist(&mut self, gfn: u64) {
        let Some(page) = self.pages.get_mut(&gfn) else {
            return;
        };
        if !mem::replace(&mut page.is_listed, false) {
            return;
        }
        let next = page.next.take();
        if self.first == Some(gfn) {
            self.first = next;
            return;
        }
        let mut place = self.first;
        while let Some(page) = place.and_then(|gfn| self.pages.get_mut(&gfn)) {
            if page.next == Some(gfn) {
                page.next = next;
                return;
            }
            place = page.next;
        }
    }
}
