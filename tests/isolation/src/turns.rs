// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Whose turn it is: everybody's at any time. The host half executes one after the other.

use hosted_glue::card::Card;
use hosted_glue::client::{Event, Recorder};
use iface::client::Outcome;
use kernel::error::Result;
use kvmgt_core::hardware::Engine;
use kvmgt_core::schedule::{self, Submitted, Tag, Weight};
use kvmgt_core::vgpu::shares::VgpuId;
use std::cell::{Cell, RefCell};

/// Whose turn it is, for one vGPU, and the ends of submissions.
pub trait Ends {
    /// Whose turn it is.
    fn turns(&self) -> &dyn schedule::Turns;

    /// A submission of a vGPU's that has ended, if there is one that it was not told of.
    fn take_ended(&self, id: VgpuId) -> Option<(Tag, Outcome)>;
}

/// Turns without an order, and the ends of submissions that no vGPU was told of.
pub struct Turns<'a> {
    card: &'a Card,
    events: &'a Recorder,
    ended: RefCell<Vec<(Tag, Outcome)>>,
    /// Between suspend and resume of the host.
    is_asleep: Cell<bool>,
}

impl<'a> Turns<'a> {
    /// Those of a GPU whose events are recorded.
    pub fn new(card: &'a Card, events: &'a Recorder) -> Self {
        Self {
            card,
            events,
            ended: RefCell::default(),
            is_asleep: Cell::default(),
        }
    }

    /// Looks at what has happened.
    fn hear(&self) {
        for event in self.events.take() {
            match event {
                Event::Suspend => self.is_asleep.set(true),
                Event::Resume => self.is_asleep.set(false),
                // Tags of the host's own contexts are none of a vGPU's.
                Event::Done(_, tag, outcome) => {
                    let tag = Tag::from_raw(tag);
                    let ended = tag.map(|tag| (tag, outcome));
                    self.ended.borrow_mut().extend(ended);
                }
                _ => {}
            }
        }
    }

    fn take(&self, wanted: impl Fn(Tag) -> bool) -> Option<(Tag, Outcome)> {
        self.hear();
        let mut ended = self.ended.borrow_mut();
        let place = ended.iter().position(|(tag, _)| wanted(*tag))?;
        Some(ended.remove(place))
    }
}

impl Ends for Turns<'_> {
    fn turns(&self) -> &dyn schedule::Turns {
        self
    }

    fn take_ended(&self, id: VgpuId) -> Option<(Tag, Outcome)> {
        self.take(|tag| tag.id == id)
    }
}

impl schedule::Turns for Turns<'_> {
    fn join(&self, _: VgpuId, _: Weight) -> Result {
        Ok(())
    }

    fn leave(&self, _: VgpuId) {}

    fn ready(&self, _: Engine, _: VgpuId, _: bool) {}

    fn take(&self, _: Engine, _: VgpuId) -> bool {
        self.hear();
        !self.is_asleep.get()
    }

    fn started(&self, _: Submitted) {}

    fn gave_up(&self, _: Engine) -> bool {
        // Nobody else tells the host to suspend.
        false
    }

    fn await_end(&self, wanted: Tag) -> Outcome {
        // It was killed, so nothing of it is executed any more.
        self.card.run_engines();
        let ended = self.take(|tag| tag == wanted);
        ended.map_or(Outcome::Cancelled, |(_, outcome)| outcome)
    }
}
