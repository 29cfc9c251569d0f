// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a contender for an engine owes to the others.

use super::time::Span;

/// Fractions of a nanosecond that debts are counted in, for weights that divide nothing.
const FRACTION: u64 = 1 << 14;

/// How much of an engine's time somebody gets, against the weights of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight(u32);

impl Weight {
    /// The largest.
    pub const MOST: Self = Self(16);

    /// So much: 1 to 16.
    pub const fn new(weight: u32) -> Option<Self> {
        match weight {
            1..=16 => Some(Self(weight)),
            _ => None,
        }
    }

    pub(super) fn get(self) -> u64 {
        self.0.into()
    }
}

/// The time that a contender had while others wanted it, over its weight, above that of the
/// contender who had least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Debt(u64);

/// A weight with a debt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    weight: Weight,
    debt: Debt,
}

impl Account {
    pub(super) fn new(weight: Weight) -> Self {
        Self {
            weight,
            debt: Debt::default(),
        }
    }

    pub(super) fn weight(&self) -> Weight {
        self.weight
    }

    pub(super) fn debt(&self) -> Debt {
        self.debt
    }

    /// It had the engine for `span` while others wanted it. It never owes more than what it gets
    /// for `most`.
    pub(super) fn charge(&mut self, span: Span, most: Span) {
        let debt = self.debt.0.saturating_add(self.weighted(span));
        self.debt = Debt(debt.min(self.weighted(most)));
    }

    /// The one who had least owes so much: that is nothing from now on.
    pub(super) fn forgive(&mut self, least: Debt) {
        self.debt = Debt(self.debt.0.saturating_sub(least.0));
    }

    /// How long it may have the engine until it owes as much as somebody else; nothing if it does
    /// already.
    pub(super) fn until(&self, other: Debt) -> Span {
        let missing = other.0.saturating_sub(self.debt.0);
        Span(missing.saturating_mul(self.weight.get()).div_ceil(FRACTION))
    }

    /// What it owes, as time of its own.
    pub(super) fn owes(&self) -> Span {
        Self::new(self.weight).until(self.debt)
    }

    fn weighted(&self, span: Span) -> u64 {
        span.times(FRACTION).part(self.weight.get()).0
    }
}
