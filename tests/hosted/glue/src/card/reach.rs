// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Where the card has what its engines use, for whoever watches what they reach.

use super::describe::ggtt_size;
use super::engines::{Context, ContextId, Engines};
use super::regions::{Region, PAGES};
use super::{locked, Card, SCRATCH_PAGE};
use crate::machine::Machine;
use gen9_gpu::clock::{Cycles, Nanos};
use gen9_gpu::engine::ContextKey;
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

    /// Cycles that the GPU has counted for the context with that handle since this was last asked;
    /// none of one that is not there.
    pub fn take_busy(&self, handle: u64) -> u64 {
        let mut state = locked(&self.engines.0);
        let mut contexts = state.contexts.values_mut();
        let Some(context) = contexts.find(|context| context.handle == handle) else {
            return 0;
        };
        let now = busy(&self.machine, context.engine, &context.image);
        let before = std::mem::replace(&mut context.counted, now);
        now.0.saturating_sub(before.0)
    }

    /// How many contexts of clients there are.
    pub fn contexts(&self) -> usize {
        locked(&self.engines.0).contexts.len()
    }

    /// The GPU's own time.
    pub fn gpu_time(&self) -> Nanos {
        self.machine.gpu().uncore().clock.now()
    }

    /// Where a context is that was made without a client.
    pub fn own_context_places(&self, context: ContextId) -> Option<ContextPlaces> {
        self.engines.own_places(context)
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
        Some(places(context))
    }

    fn own_places(&self, ContextId(id): ContextId) -> Option<ContextPlaces> {
        locked(&self.0)
            .contexts
            .get(&id)
            .map(|context| places(context))
    }

    fn status_page(&self, id: EngineId) -> Option<u64> {
        let state = locked(&self.0);
        let unit = state.units.iter().find(|unit| unit.id() == id)?;
        Some(unit.status_page())
    }
}

/// What the GPU has counted for the contexts that were at that address, on an engine.
pub(super) fn busy(machine: &Machine, engine: EngineId, image: &Region) -> Cycles {
    let lrca = image.address() as u32;
    machine.gpu().uncore().busy.of(ContextKey { engine, lrca })
}

fn places(context: &Context) -> ContextPlaces {
    ContextPlaces {
        engine: context.engine,
        image: addresses(&context.image),
        ring: addresses(&context.ring),
    }
}

fn addresses(region: &Region) -> Range<u64> {
    region.address()..region.address() + region.size()
}
