// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Where the card has what its engines use, for whoever watches what they reach.

use super::describe::ggtt_size;
use super::engines::Engines;
use super::regions::{Region, PAGES};
use super::{locked, Card, SCRATCH_PAGE};
use gen9_gpu::EngineId;
use iface::types::GGTT_PAGE_SHIFT;
use std::ops::Range;

/// Where a context of a client is, in addresses of the GGTT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextPlaces {
    /// Its engine.
    pub engine: EngineId,
    /// Its image, which begins with the logical ring context address.
    pub image: Range<u64>,
    /// Its ring.
    pub ring: Range<u64>,
}

impl Card {
    /// Where the context with that handle is, if it is there.
    pub fn context_places(&self, handle: u64) -> Option<ContextPlaces> {
        self.engines.places(handle)
    }

    /// Where an engine tells of its contexts, in addresses of the GGTT, if it was used.
    pub fn status_page(&self, id: EngineId) -> Option<u64> {
        self.engines.status_page(id)
    }

    /// Pages of the GGTT.
    pub fn ggtt_pages(&self) -> u64 {
        ggtt_size(&self.machine) >> GGTT_PAGE_SHIFT
    }

    /// Whether a page of the GGTT is of the card's own part.
    pub fn owns_page(&self, page: u64) -> bool {
        (self.ggtt_pages() - PAGES..self.ggtt_pages()).contains(&page)
    }

    /// The page of memory that entries lead to which nobody has mapped.
    pub fn scratch_page(&self) -> u64 {
        SCRATCH_PAGE
    }
}

impl Engines {
    fn places(&self, handle: u64) -> Option<ContextPlaces> {
        let state = locked(&self.0);
        let mut contexts = state.contexts.values();
        let context = contexts.find(|context| context.handle == handle)?;
        Some(ContextPlaces {
            engine: context.engine,
            image: addresses(&context.image),
            ring: addresses(&context.ring),
        })
    }

    fn status_page(&self, id: EngineId) -> Option<u64> {
        let state = locked(&self.0);
        let unit = state.units.iter().find(|unit| unit.id() == id)?;
        Some(unit.status_page())
    }
}

fn addresses(region: &Region) -> Range<u64> {
    region.address()..region.address() + region.size()
}
