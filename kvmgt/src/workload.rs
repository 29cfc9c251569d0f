// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a guest wants executed: a context with the commands in its ring, from submission to
//! completion.
//!
//! A [`Queue`](queue::Queue) is what an engine of a vGPU has to do. It takes submissions, gives
//! one workload at a time to the host half, and says what the guest is to see of each that is
//! done.

use crate::address::{Gma, PAGE_SIZE};
use crate::execlist::{Descriptor, Events, Refused, Work};
use core::fmt;
use image::{dword, Image};

pub mod image;
pub mod queue;
pub mod ring;

/// Bytes of a dword.
const DWORD: u64 = 4;

/// What a workload's commands raise, as whoever audits them has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Raises {
    /// `MI_USER_INTERRUPT`.
    pub user: bool,
    /// `PIPE_CONTROL` or `MI_FLUSH_DW` that notifies.
    pub flush: bool,
}

/// One context of a submission. Nothing of it is read from the guest again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    descriptor: Descriptor,
    image: Image,
    /// What its commands raise when it is done.
    pub raises: Raises,
}

impl Workload {
    /// The work of a context whose image was read.
    pub fn new(descriptor: Descriptor, image: Image) -> Self {
        Self {
            descriptor,
            image,
            raises: Raises::default(),
        }
    }

    /// What is to be executed.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// What the guest finds in the context's image behind it, when the engine has saved `saved`.
    fn write_back(&self, saved: Saved) -> [ImageWrite; 3] {
        let registers = self.descriptor.lrca().0.saturating_add(PAGE_SIZE);
        let write = |dword: usize, value| {
            let dword = u64::try_from(dword).unwrap_or_default();
            let at = Gma(registers.saturating_add(dword.saturating_mul(DWORD)));
            ImageWrite { at, value }
        };
        [
            write(dword::HEAD, self.image.ring.head_behind()),
            write(dword::CONTEXT_CONTROL, saved.context_control),
            write(dword::TIMESTAMP, saved.timestamp),
        ]
    }

    /// The engine has saved the image that it was read from. Its ring is right already.
    fn saved(&mut self, saved: Saved) {
        self.image.context_control = saved.context_control;
        self.image.timestamp = saved.timestamp;
    }
}

impl Work for Workload {
    fn descriptor(&self) -> Descriptor {
        self.descriptor
    }

    fn after(self, started: &Self) -> Self {
        let image = Image {
            ring: self.image.ring.after(&started.image.ring),
            ..self.image
        };
        Self { image, ..self }
    }

    fn is_empty(&self) -> bool {
        self.image.ring.is_empty()
    }
}

/// What an engine has saved of a context whose workload is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// CTX_CONTEXT_CONTROL.
    pub context_control: u32,
    /// CTX_TIMESTAMP.
    pub timestamp: u32,
}

/// A dword of a context's image to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageWrite {
    /// Where, in the vGPU's own GGTT.
    pub at: Gma,
    /// What.
    pub value: u32,
}

/// What a guest is to see of a workload that is done, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// In the context's image.
    pub writes: [ImageWrite; 3],
    /// In context status; with an interrupt if there is any.
    pub events: Events,
    /// What its commands raise.
    pub raises: Raises,
}

/// Why a submission is ignored. The guest sees an engine that hangs, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The submission itself.
    Submission(Refused),
    /// What is in a context's image.
    Image {
        /// The image.
        lrca: Gma,
        /// The rule that it breaks.
        rule: image::Rule,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Submission(refused) => write!(f, "{refused}"),
            Self::Image { lrca, rule } => write!(f, "context at {lrca}: {rule}"),
        }
    }
}

#[cfg(test)]
mod tests;
