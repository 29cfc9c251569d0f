// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The ring that a context's commands are in, and what of it is to be executed.

use super::image::Rule;
use crate::address::Gma;
use crate::gtt::ranges::Ranges;
use core::ops::Range;

/// RING_CTL: the ring is enabled (PRM Vol 2c, RING_BUFFER_CTL, bit 0).
const ENABLE: u32 = 1 << 0;
/// RING_CTL: its pages, less one (bits 20:12).
const LENGTH: u32 = 0x001f_f000;
/// Bytes of a dword.
const DWORD: u32 = 4;
/// Bytes of a page, which the length counts in.
const PAGE: u32 = 1 << 12;
/// RING_START: where it begins, at a page boundary (PRM Vol 2c, RING_BUFFER_START, bits 31:12).
const START: u32 = 0xffff_f000;
/// RING_HEAD: where the next command is; a dword (PRM Vol 2c, RING_BUFFER_HEAD, bits 20:2).
const HEAD: u32 = 0x001f_fffc;
/// RING_HEAD: how often it went round (bits 31:21).
const WRAPS: u32 = 0xffe0_0000;
/// [`WRAPS`]: once.
const WRAP: u32 = 0x0020_0000;
/// RING_TAIL: where the commands end; a qword (PRM Vol 2c, RING_BUFFER_TAIL, bits 20:3).
const TAIL: u32 = 0x001f_fff8;

/// The registers of a ring, as a guest has them in a context's image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawRing {
    /// RING_HEAD.
    pub head: u32,
    /// RING_TAIL.
    pub tail: u32,
    /// RING_START.
    pub start: u32,
    /// RING_CTL.
    pub control: u32,
}

/// A ring in the vGPU's own GGTT, with the commands between its head and its tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    start: u32,
    /// From one page to 512.
    size: u32,
    /// Less than the size, as is the tail.
    head: u32,
    tail: u32,
    /// How often the head went round, in the bits where the register has it.
    wraps: u32,
}

impl RawRing {
    /// The ring, if a vGPU may have it.
    ///
    /// # Errors
    ///
    /// The rule that it breaks.
    pub fn check(self, ranges: &Ranges) -> Result<Ring, Rule> {
        if self.control & ENABLE == 0 {
            return Err(Rule::RingDisabled);
        }
        let size = (self.control & LENGTH).saturating_add(PAGE);
        let is_inside = ranges.has(Gma(self.start.into()), size.into());
        if self.start & !START != 0 || !is_inside {
            return Err(Rule::RingRange);
        }
        let head = self.head & !WRAPS;
        if head & !HEAD != 0 || head >= size {
            return Err(Rule::RingHead);
        }
        if self.tail & !TAIL != 0 || self.tail >= size {
            return Err(Rule::RingTail);
        }
        Ok(Ring {
            start: self.start,
            size,
            head,
            tail: self.tail,
            wraps: self.head & WRAPS,
        })
    }
}

impl Ring {
    /// Where it begins.
    pub fn start(&self) -> Gma {
        Gma(self.start.into())
    }

    /// Bytes of it.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// RING_CTL.
    pub fn control(&self) -> u32 {
        self.size.saturating_sub(PAGE) & LENGTH | ENABLE
    }

    /// Where the commands end, in bytes from its begin.
    pub fn tail(&self) -> u32 {
        self.tail
    }

    /// Bytes of commands.
    pub fn len(&self) -> u32 {
        self.distance(self.head, self.tail)
    }

    /// Whether there is no command.
    pub fn is_empty(&self) -> bool {
        self.head == self.tail
    }

    /// Where the commands are, in bytes from its begin: what lies up to its end, and what goes on
    /// from its begin. Either may be empty.
    pub fn commands(&self) -> [Range<u32>; 2] {
        match self.head <= self.tail {
            true => [self.head..self.tail, 0..0],
            false => [self.head..self.size, 0..self.tail],
        }
    }

    /// Where the commands begin, in bytes from its begin.
    pub fn head(&self) -> u32 {
        self.head
    }

    /// RING_HEAD when so many dwords of the commands are executed.
    pub fn head_at(&self, dwords: usize) -> u32 {
        let bytes = u32::try_from(dwords)
            .unwrap_or(u32::MAX)
            .saturating_mul(DWORD);
        let at = self.head.saturating_add(bytes.min(self.len()));
        match at.checked_sub(self.size) {
            Some(behind) => self.wraps.wrapping_add(WRAP) | behind,
            None => self.wraps | at,
        }
    }

    /// RING_HEAD when all commands are executed.
    pub fn head_behind(&self) -> u32 {
        self.wraps_behind() | self.tail
    }

    /// What of it is left when `before` is executed, which is an earlier state of it. A tail that
    /// was set back among what is executed then leaves nothing.
    ///
    /// If it is another ring it stays as it is.
    pub(super) fn after(self, before: &Self) -> Self {
        if (self.start, self.size) != (before.start, before.size) {
            return self;
        }
        let covered = self.distance(before.head, self.tail) <= before.len();
        Self {
            head: before.tail,
            tail: if covered { before.tail } else { self.tail },
            wraps: before.wraps_behind(),
            ..self
        }
    }

    /// Bytes from a place in it to another one.
    fn distance(&self, from: u32, to: u32) -> u32 {
        match to.checked_sub(from) {
            Some(distance) => distance,
            None => self.size.saturating_sub(from.saturating_sub(to)),
        }
    }

    fn wraps_behind(&self) -> u32 {
        match self.head <= self.tail {
            true => self.wraps,
            false => self.wraps.wrapping_add(WRAP),
        }
    }
}
