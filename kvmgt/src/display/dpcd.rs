// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a DisplayPort sink tells, and takes: its DPCD (VESA DisplayPort 1.2a, section 2.9.3).
//!
//! The link is virtual, and so training it succeeds at the first try, for whatever the sink takes:
//! its link rates, one, two or four lanes, and levels of voltage swing and pre-emphasis that the
//! standard allows together.

use core::ops::Range;
use kernel::prelude::*;

/// Bytes that it has; behind them all reads as zero.
pub(crate) const SIZE: usize = 0x700;

/// Where the receiver's capabilities are.
const CAPABILITIES: Range<usize> = 0x000..0x010;
/// They are: revision 1.2; 5.4 Gbit/s; four lanes, training pattern 3 and enhanced framing; no
/// down-spread; one port; no downstream port; 8b/10b; none; an EDID; and nothing further.
const RECEIVER: [u8; 16] = [
    0x12, 0x14, 0xc4, 0x00, 0x00, 0x00, 0x01, 0x00, 0x02, 0, 0, 0, 0, 0, 0, 0,
];
/// What can be written: configuration of the link, what belongs to the source, and power.
const WRITABLE: [Range<usize>; 3] = [0x100..0x200, 0x300..0x400, 0x600..SIZE];

/// LINK_BW_SET: the rate of the link.
const LINK_RATE: usize = 0x100;
/// Its values: 1.62, 2.7 and 5.4 Gbit/s.
const LINK_RATES: [u8; 3] = [0x06, 0x0a, 0x14];
/// LANE_COUNT_SET: the lanes of the link.
const LANE_COUNT: usize = 0x101;
/// The bits that are their number.
const LANE_COUNT_MASK: u8 = 0x1f;
/// TRAINING_PATTERN_SET: what the source sends.
const PATTERN: usize = 0x102;
/// The bits that choose a pattern.
const PATTERN_MASK: u8 = 0x3;
/// Sends pictures, or nothing.
const PATTERN_NONE: u8 = 0;
/// The pattern by which the clock is recovered.
const PATTERN_CLOCK: u8 = 1;
/// TRAINING_LANE0_SET: how lane 0 is driven; those of the others follow.
const DRIVE: usize = 0x103;
/// The voltage swing (bits 1:0), and the pre-emphasis (bits 4:3).
const LEVEL_MASK: u8 = 0x3;
const PRE_EMPHASIS_SHIFT: u32 = 3;
/// Both levels together may be no more than this (section 3.1.5.2).
const LEVELS: u8 = 3;

/// SINK_COUNT.
const SINK_COUNT: usize = 0x200;
/// LANE0_1_STATUS: four bits for each lane.
const LANES_0_1: usize = 0x202;
/// LANE2_3_STATUS.
const LANES_2_3: usize = 0x203;
/// LANE_ALIGN_STATUS_UPDATED.
const ALIGNMENT: usize = 0x204;
/// All lanes are aligned to each other (bit 0).
const ALIGNED: u8 = 1 << 0;
/// SINK_STATUS.
const SINK_STATUS: usize = 0x205;
/// The port receives pictures (bit 0).
const IN_SYNC: u8 = 1 << 0;
/// ADJUST_REQUEST_LANE0_1: levels that the sink would like to have; four bits for each lane.
const ADJUST_0_1: usize = 0x206;
/// ADJUST_REQUEST_LANE2_3.
const ADJUST_2_3: usize = 0x207;
/// Where in such four bits the pre-emphasis is.
const ADJUST_SHIFT: u32 = 2;
/// Status of a lane: its clock is recovered.
const CLOCK_RECOVERED: u8 = 1 << 0;
/// That, and the channel is equalised, and symbols are locked.
const EQUALISED: u8 = CLOCK_RECOVERED | 1 << 1 | 1 << 2;
/// Bits of the first of two lanes.
const LANE_BITS: u32 = 4;

/// SET_POWER.
const POWER: usize = 0x600;
/// The bits that are a state, and the state in which all is on.
const POWER_MASK: u8 = 0x7;
const POWER_ON: u8 = 1;

/// How far training has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Link {
    /// Not begun.
    #[default]
    Lost,
    /// The clock is recovered.
    Clock,
    /// It is done.
    Trained,
}

/// A DPCD.
pub(crate) struct Dpcd {
    bytes: KVec<u8>,
    link: Link,
}

impl Dpcd {
    /// That of a sink whose power has come.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        let mut dpcd = Self {
            bytes: KVec::from_elem(0, SIZE, GFP_KERNEL)?,
            link: Link::Lost,
        };
        dpcd.reset();
        Ok(dpcd)
    }

    /// Its power has gone and come.
    pub(crate) fn reset(&mut self) {
        self.bytes.fill(0);
        for (at, value) in CAPABILITIES.zip(RECEIVER) {
            self.set(at, value);
        }
        self.set(SINK_COUNT, 1);
        self.set(POWER, POWER_ON);
        self.link = Link::Lost;
    }

    /// The source's signal has gone.
    pub(crate) fn link_lost(&mut self) {
        self.link = Link::Lost;
    }

    /// Reads `bytes.len()` bytes.
    pub(crate) fn read(&self, address: u32, bytes: &mut [u8]) {
        let first = usize::try_from(address).unwrap_or(SIZE);
        for (at, byte) in (first..).zip(bytes) {
            *byte = self.byte(at);
        }
    }

    /// Writes bytes. What can't be written stays as it is.
    ///
    /// # Errors
    ///
    /// `EINVAL` not all of them are inside, and nothing was written.
    pub(crate) fn write(&mut self, address: u32, bytes: &[u8]) -> Result {
        let first = usize::try_from(address)?;
        let end = first.checked_add(bytes.len()).ok_or(EINVAL)?;
        if end > SIZE {
            return Err(EINVAL);
        }
        for (at, byte) in (first..end).zip(bytes) {
            if WRITABLE.iter().any(|range| range.contains(&at)) {
                self.set(at, *byte);
            }
            match at {
                LINK_RATE | LANE_COUNT => self.link = Link::Lost,
                PATTERN => self.train(byte & PATTERN_MASK),
                POWER if byte & POWER_MASK != POWER_ON => self.link = Link::Lost,
                _ => (),
            }
        }
        Ok(())
    }

    fn train(&mut self, pattern: u8) {
        self.link = match (pattern, self.link) {
            (PATTERN_NONE, reached) => reached,
            (PATTERN_CLOCK, _) => Link::Clock,
            (_, Link::Lost) => Link::Lost,
            (_, Link::Clock | Link::Trained) => Link::Trained,
        };
    }

    fn byte(&self, at: usize) -> u8 {
        match at {
            LANES_0_1 => pair(self.lane(0), self.lane(1)),
            LANES_2_3 => pair(self.lane(2), self.lane(3)),
            ALIGNMENT if self.is_trained() => ALIGNED,
            SINK_STATUS if self.is_trained() && self.sends_no_pattern() => IN_SYNC,
            ADJUST_0_1 => pair(self.adjust(0), self.adjust(1)),
            ADJUST_2_3 => pair(self.adjust(2), self.adjust(3)),
            _ => self.get(at),
        }
    }

    /// The lanes of the link; none if it has a rate or a number of them that there is not.
    fn lanes(&self) -> usize {
        let lanes = self.get(LANE_COUNT) & LANE_COUNT_MASK;
        match LINK_RATES.contains(&self.get(LINK_RATE)) && matches!(lanes, 1 | 2 | 4) {
            true => lanes.into(),
            false => 0,
        }
    }

    /// Status of a lane.
    fn lane(&self, lane: usize) -> u8 {
        let (swing, pre_emphasis) = self.levels(lane);
        match self.link {
            _ if lane >= self.lanes() || swing.saturating_add(pre_emphasis) > LEVELS => 0,
            Link::Lost => 0,
            Link::Clock => CLOCK_RECOVERED,
            Link::Trained => EQUALISED,
        }
    }

    fn is_trained(&self) -> bool {
        let lanes = self.lanes();
        lanes > 0 && (0..lanes).all(|lane| self.lane(lane) == EQUALISED)
    }

    fn sends_no_pattern(&self) -> bool {
        self.get(PATTERN) & PATTERN_MASK == PATTERN_NONE
    }

    /// Levels that the sink would like a lane to have: those that it has.
    fn adjust(&self, lane: usize) -> u8 {
        let (swing, pre_emphasis) = self.levels(lane);
        swing | pre_emphasis << ADJUST_SHIFT
    }

    /// Voltage swing and pre-emphasis of a lane.
    fn levels(&self, lane: usize) -> (u8, u8) {
        let drive = self.get(DRIVE.saturating_add(lane));
        let pre_emphasis = drive >> PRE_EMPHASIS_SHIFT & LEVEL_MASK;
        (drive & LEVEL_MASK, pre_emphasis)
    }

    fn get(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn set(&mut self, at: usize, value: u8) {
        if let Some(byte) = self.bytes.get_mut(at) {
            *byte = value;
        }
    }
}

/// A byte with four bits for each of two lanes.
fn pair(first: u8, second: u8) -> u8 {
    first | second << LANE_BITS
}

#[cfg(test)]
mod tests;
