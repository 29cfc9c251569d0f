// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The numbers that a schedule goes by.

use super::account::Weight;
use super::time::Span;

/// What a schedule goes by.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What is divided into slices: after so long, everybody had a turn.
    pub period: Span,
    /// The shortest slice.
    pub slice_least: Span,
    /// How long others wait for a workload at most. At least as long as the period.
    pub deadline: Span,
    /// The longest time that anybody owes to the others.
    pub owed_most: Span,
    /// How long the first offence keeps a vGPU from the engine.
    pub held: Span,
    /// How long the later ones do at most.
    pub held_most: Span,
    /// How long a vGPU has to behave until its next offence is a first one.
    pub forgives_after: Span,
    /// The host's weight.
    pub host_weight: Weight,
    /// How long the host is believed to want the engine again when it had it.
    pub host_stays: Span,
}

impl Settings {
    /// What is used.
    ///
    /// The period is short enough for desktops: two of them switch every 12 ms. The deadline is a
    /// compromise between those who wait and those with long batches. The longest hold is less than
    /// what a guest's i915 takes an engine for dead after, so that it finds a slow one.
    pub const USUAL: Self = Self {
        period: Span::from_millis(24),
        slice_least: Span::from_millis(1),
        deadline: Span::from_millis(1000),
        owed_most: Span::from_millis(2000),
        held: Span::from_millis(1000),
        held_most: Span::from_millis(8000),
        forgives_after: Span::from_millis(60_000),
        host_weight: Weight::MOST,
        host_stays: Span::from_millis(1000),
    };
}
