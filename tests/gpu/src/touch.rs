// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Every physical page that engines reach: who, in which direction, through which tables.
//!
//! Beside the pages of [`crate::log`], which are for people, this is for a judge of what contexts
//! may reach: it forgets nothing, and has what an engine reaches by itself, too: images of contexts,
//! status pages, page tables. It is off until somebody asks for it.

use std::collections::BTreeSet;

use crate::address::DmaAddress;
use crate::platform::EngineId;

/// Through what a page was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Through {
    /// The global table.
    Ggtt,
    /// The tables of the context.
    Ppgtt,
    /// It is one of the context's tables.
    Walk,
}

/// An engine reached a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Touch {
    /// The engine.
    pub engine: EngineId,
    /// The context that it was for: its logical ring context address. `None` is the engine itself,
    /// which tells of contexts in its status page.
    pub lrca: Option<u32>,
    /// The page.
    pub page: DmaAddress,
    /// Whether it was written; else it was read.
    pub written: bool,
    /// Through what.
    pub through: Through,
}

/// The pages that engines have reached since the last [`take`](Self::take).
#[derive(Debug, Default)]
pub struct TouchLog {
    touches: Option<BTreeSet<Touch>>,
}

impl TouchLog {
    /// Begins to note what engines reach.
    pub fn enable(&mut self) {
        self.touches.get_or_insert_default();
    }

    /// What was noted, which is forgotten; nothing if it is off.
    pub fn take(&mut self) -> BTreeSet<Touch> {
        self.touches
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Whether anything is noted.
    pub fn is_enabled(&self) -> bool {
        self.touches.is_some()
    }

    /// Notes an access.
    pub fn note(&mut self, touch: Touch) {
        if let Some(touches) = &mut self.touches {
            touches.insert(Touch {
                page: touch.page.page(),
                ..touch
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOUCH: Touch = Touch {
        engine: EngineId::Bcs0,
        lrca: Some(0x1000),
        page: DmaAddress(0x5008),
        written: true,
        through: Through::Ggtt,
    };

    #[test]
    fn note_when_off_then_nothing_is_kept() {
        let mut log = TouchLog::default();

        log.note(TOUCH);

        assert!(!log.is_enabled() && log.take().is_empty());
    }

    #[test]
    fn take_when_a_page_was_reached_twice_then_once_and_forgotten() {
        let mut log = TouchLog::default();
        log.enable();
        log.note(TOUCH);
        log.note(Touch {
            page: DmaAddress(0x5ff8),
            ..TOUCH
        });

        let page = DmaAddress(0x5000);
        assert_eq!(Vec::from_iter(log.take()), [Touch { page, ..TOUCH }]);
        assert!(log.is_enabled() && log.take().is_empty());
    }
}
