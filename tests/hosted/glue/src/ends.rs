// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The ends of submissions, and turns without an order: it is everybody's at any time. The host half
//! executes one after the other.

use crate::card::Card;
use crate::client::{Event, Recorder};
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
pub struct Anytime<'a> {
    card: Option<&'a Card>,
    events: &'a Recorder,
    /// What was submitted, and has not ended.
    out: RefCell<Vec<Tag>>,
    ended: RefCell<Vec<(Tag, Outcome)>>,
    /// Between suspend and resume of the host.
    is_asleep: Cell<bool>,
}

impl<'a> Anytime<'a> {
    /// Those of a GPU whose events are recorded.
    pub fn new(card: &'a Card, events: &'a Recorder) -> Self {
        Self {
            card: Some(card),
            ..Self::apart(events)
        }
    }

    /// The same where only the host half reaches the GPU: an end that is waited for and has not come
    /// by then counts as one of a killed submission.
    pub fn apart(events: &'a Recorder) -> Self {
        Self {
            card: None,
            events,
            out: RefCell::default(),
            ended: RefCell::default(),
            is_asleep: Cell::default(),
        }
    }

    /// Whether the host half still has something that a vGPU has submitted.
    pub fn has_out(&self, id: VgpuId) -> bool {
        self.hear();
        self.out.borrow().iter().any(|tag| tag.id == id)
    }

    /// Looks at what has happened.
    fn hear(&self) {
        for event in self.events.take() {
            match event {
                Event::Suspend => self.is_asleep.set(true),
                Event::Resume => self.is_asleep.set(false),
                // Tags of the host's own contexts are none of a vGPU's.
                Event::Done(_, tag, outcome) => {
                    let Some(tag) = Tag::from_raw(tag) else {
                        continue;
                    };
                    self.out.borrow_mut().retain(|out| *out != tag);
                    self.ended.borrow_mut().push((tag, outcome));
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

impl Ends for Anytime<'_> {
    fn turns(&self) -> &dyn schedule::Turns {
        self
    }

    fn take_ended(&self, id: VgpuId) -> Option<(Tag, Outcome)> {
        self.take(|tag| tag.id == id)
    }
}

impl schedule::Turns for Anytime<'_> {
    fn join(&self, _: VgpuId, _: Weight) -> Result {
        Ok(())
    }

    fn leave(&self, _: VgpuId) {}

    fn ready(&self, _: Engine, _: VgpuId, _: bool) {}

    fn take(&self, _: Engine, _: VgpuId) -> bool {
        self.hear();
        !self.is_asleep.get()
    }

    fn started(&self, submitted: Submitted) {
        // It has not ended: that is only told where engines are run.
        self.out.borrow_mut().push(submitted.tag);
    }

    fn gave_up(&self, _: Engine) -> bool {
        // Nobody else tells the host to suspend.
        false
    }

    fn await_end(&self, wanted: Tag) -> Outcome {
        if let Some(card) = self.card {
            // It was killed, so nothing of it is executed any more.
            card.run_engines();
        }
        let ended = self.take(|tag| tag == wanted);
        ended.map_or(Outcome::Cancelled, |(_, outcome)| outcome)
    }
}
