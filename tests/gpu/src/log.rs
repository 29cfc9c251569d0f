// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What happened: every register access, and every physical page that a context touched.
//!
//! Memory is bounded. The first accesses since power-on are kept for good, since that is where a
//! driver's probe is; of the later ones the most recent are kept.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::io;
use std::io::Write;

use crate::address::DmaAddress;
use crate::address::MmioOffset;
use crate::clock::Nanos;
use crate::engine::ContextKey;

const FIRST_CAPACITY: usize = 1 << 18;
const RECENT_CAPACITY: usize = 1 << 18;
const PAGES_PER_CONTEXT: usize = 1 << 16;
const CONTEXTS: usize = 1 << 10;

/// Direction of an access, as the CPU sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The CPU read.
    Read,
    /// The CPU wrote.
    Write,
}

/// What was accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// Configuration space.
    Config,
    /// Registers.
    Register,
}

/// One access by the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Number of the access since power-on of the model, counted over resets.
    pub sequence: u64,
    /// Virtual time.
    pub time: Nanos,
    /// Read or write.
    pub direction: Direction,
    /// What was accessed.
    pub space: Space,
    /// Offset of the first byte.
    pub offset: MmioOffset,
    /// Bytes.
    pub size: u8,
    /// Value read or written.
    pub value: u64,
}

/// Pages that a context touched.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    /// Pages read.
    pub read: BTreeSet<DmaAddress>,
    /// Pages written.
    pub written: BTreeSet<DmaAddress>,
    /// Whether there were more pages than are kept.
    pub overflowed: bool,
}

/// The log of a GPU.
#[derive(Debug, Default)]
pub struct AccessLog {
    sequence: u64,
    first: Vec<Access>,
    recent: VecDeque<Access>,
    pages: BTreeMap<ContextKey, Pages>,
    lost_contexts: bool,
}

impl AccessLog {
    /// Notes an access by the CPU.
    pub fn note(
        &mut self,
        time: Nanos,
        direction: Direction,
        space: Space,
        offset: MmioOffset,
        data: &[u8],
    ) {
        let mut value = [0; 8];
        let size = data.len().min(value.len());
        value[..size].copy_from_slice(&data[..size]);
        let access = Access {
            sequence: self.sequence,
            time,
            direction,
            space,
            offset,
            size: size as u8,
            value: u64::from_le_bytes(value),
        };
        self.sequence += 1;
        if self.first.len() < FIRST_CAPACITY {
            self.first.push(access);
            return;
        }
        if self.recent.len() == RECENT_CAPACITY {
            self.recent.pop_front();
        }
        self.recent.push_back(access);
    }

    /// Notes that a context read or wrote a page.
    pub fn touch(&mut self, context: ContextKey, address: DmaAddress, written: bool) {
        let known = self.pages.contains_key(&context);
        if !known && self.pages.len() >= CONTEXTS {
            self.lost_contexts = true;
            return;
        }
        let pages = self.pages.entry(context).or_default();
        let set = if written {
            &mut pages.written
        } else {
            &mut pages.read
        };
        if set.len() < PAGES_PER_CONTEXT {
            set.insert(address.page());
        } else if !set.contains(&address.page()) {
            pages.overflowed = true;
        }
    }

    /// Accesses that are kept, oldest first.
    pub fn accesses(&self) -> impl Iterator<Item = &Access> {
        self.first.iter().chain(&self.recent)
    }

    /// Number of accesses since power-on of the model, kept or not.
    pub fn count(&self) -> u64 {
        self.sequence
    }

    /// Accesses that were dropped between the first and the recent ones.
    pub fn dropped(&self) -> u64 {
        self.sequence - (self.first.len() + self.recent.len()) as u64
    }

    /// Register writes before the first read of the register at `offset`.
    ///
    /// None if it was not read, or if what came before is no longer known in full.
    pub fn writes_before_read_of(&self, offset: MmioOffset) -> Option<Vec<Access>> {
        let is_register = |access: &&Access| access.space == Space::Register;
        let read = self.first.iter().filter(is_register).find(|access| {
            let end = access.offset.0 + u32::from(access.size);
            access.direction == Direction::Read && (access.offset.0..end).contains(&offset.0)
        })?;
        let before = self
            .first
            .iter()
            .take_while(|access| access.sequence < read.sequence);
        let writes = before
            .filter(is_register)
            .filter(|a| a.direction == Direction::Write);
        Some(writes.copied().collect())
    }

    /// Pages that each context touched.
    pub fn pages(&self) -> &BTreeMap<ContextKey, Pages> {
        &self.pages
    }

    /// Whether some contexts were not recorded because there were too many.
    pub fn lost_contexts(&self) -> bool {
        self.lost_contexts
    }

    /// Forgets everything; numbering goes on.
    pub fn clear(&mut self) {
        *self = Self {
            sequence: self.sequence,
            ..Self::default()
        };
    }

    /// Writes the accesses as tab-separated lines under a heading.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_tsv(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "#sequence\ttime_ns\tspace\tdirection\toffset\tsize\tvalue"
        )?;
        for access in self.accesses() {
            let space = match access.space {
                Space::Config => "config",
                Space::Register => "register",
            };
            let direction = match access.direction {
                Direction::Read => "read",
                Direction::Write => "write",
            };
            let Access {
                sequence,
                time,
                offset,
                size,
                value,
                ..
            } = access;
            writeln!(
                out,
                "{sequence}\t{}\t{space}\t{direction}\t{:#08x}\t{size}\t{value:#x}",
                time.0, offset.0
            )?;
        }
        if self.dropped() > 0 {
            writeln!(out, "#dropped\t{}", self.dropped())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::EngineId;

    fn note(log: &mut AccessLog, direction: Direction, offset: u32) {
        log.note(
            Nanos(0),
            direction,
            Space::Register,
            MmioOffset(offset),
            &[1, 0, 0, 0],
        );
    }

    #[test]
    fn writes_before_read_when_both_happened_then_only_earlier_ones() {
        let mut log = AccessLog::default();
        note(&mut log, Direction::Write, 0xa188);
        note(&mut log, Direction::Read, 0x2000);
        note(&mut log, Direction::Read, 0x4000);
        note(&mut log, Direction::Write, 0x2080);

        let writes = log.writes_before_read_of(MmioOffset(0x4000)).unwrap();

        assert_eq!(writes.len(), 1);
        assert_eq!(writes[0].offset, MmioOffset(0xa188));
        assert!(log.writes_before_read_of(MmioOffset(0x8000)).is_none());
    }

    #[test]
    fn note_when_full_then_first_stay_and_recent_move() {
        let mut log = AccessLog::default();
        let total = FIRST_CAPACITY + RECENT_CAPACITY + 10;

        for offset in 0..total as u32 {
            note(&mut log, Direction::Read, offset);
        }

        assert_eq!(log.count(), total as u64);
        assert_eq!(log.dropped(), 10);
        assert_eq!(log.accesses().next().unwrap().sequence, 0);
        assert_eq!(log.accesses().last().unwrap().sequence, total as u64 - 1);
    }

    #[test]
    fn touch_when_twice_then_one_page() {
        let mut log = AccessLog::default();
        let context = ContextKey {
            engine: EngineId::Bcs0,
            lrca: 0x1000,
        };

        log.touch(context, DmaAddress(0x5010), true);
        log.touch(context, DmaAddress(0x5ff0), true);

        assert_eq!(log.pages()[&context].written.len(), 1);
        assert!(log.pages()[&context].read.is_empty());
    }

    #[test]
    fn write_tsv_when_one_access_then_one_line() {
        let mut log = AccessLog::default();
        note(&mut log, Direction::Write, 0x2030);
        let mut text = Vec::new();

        log.write_tsv(&mut text).unwrap();

        let text = String::from_utf8(text).unwrap();
        assert!(
            text.ends_with("0\t0\tregister\twrite\t0x002030\t4\t0x1\n"),
            "{text}"
        );
    }
}
