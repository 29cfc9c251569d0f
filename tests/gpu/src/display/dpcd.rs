// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A DisplayPort sink: its DPCD, link training and the EDID behind its I²C bus.
//!
//! Addresses and bits are those of the VESA DisplayPort standard, version 1.2.

use super::edid::BLOCK_SIZE;

/// Bytes of DPCD that have a value; everything else reads 0, as sinks do.
const DPCD_SIZE: usize = 0x700;

/// Link rate 2.7 Gb/s in units of 270 Mb/s.
const RATE_2_7: u8 = 0x0a;
/// Four lanes, enhanced framing, training pattern 3.
const LANES_4_ENHANCED: u8 = 0x80 | 0x40 | 4;
/// DPCD revision 1.2.
const REVISION_1_2: u8 = 0x12;
/// Link configuration: chosen lane count.
const LANE_COUNT_SET: usize = 0x101;
/// Link configuration: which training pattern the source sends.
const TRAINING_PATTERN_SET: usize = 0x102;
/// Number of sinks behind this port.
const SINK_COUNT: usize = 0x200;
/// Training status of lanes 0 and 1; lanes 2 and 3 follow.
const LANE0_1_STATUS: usize = 0x202;
/// Whether lanes are aligned.
const LANE_ALIGN_STATUS: usize = 0x204;
/// Power state: 1 is on, 2 is off.
const SET_POWER: usize = 0x600;
/// Lane status: clock recovered, channel equalised, symbols locked; one nibble a lane.
const CLOCK_RECOVERED: u8 = 1;
const EQUALISED_AND_LOCKED: u8 = 7;
/// Lane alignment is done.
const ALIGNED: u8 = 1;

/// I²C address of the EDID.
const EDID_ADDRESS: u8 = 0x50;
/// I²C address of the EDID's segment pointer.
const SEGMENT_ADDRESS: u8 = 0x30;

/// What a sink does with an AUX request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Done; holds what was read.
    Ack(Vec<u8>),
    /// The I²C device did not answer.
    I2cNack,
}

/// The sink at the end of a DisplayPort cable.
#[derive(Clone, Debug)]
pub struct Sink {
    dpcd: Vec<u8>,
    i2c: I2cEeprom,
}

impl Sink {
    /// A sink that has just got power.
    pub fn new(edid: [u8; BLOCK_SIZE]) -> Self {
        let mut dpcd = vec![0; DPCD_SIZE];
        dpcd[..4].copy_from_slice(&[REVISION_1_2, RATE_2_7, LANES_4_ENHANCED, 0]);
        dpcd[6] = 1; // Main link channel coding: 8b/10b.
        dpcd[SINK_COUNT] = 1;
        dpcd[SET_POWER] = 1;
        Self {
            dpcd,
            i2c: I2cEeprom::new(edid),
        }
    }

    /// Reads from `address` on.
    pub fn read(&self, address: u32, length: usize) -> Vec<u8> {
        let byte = |at: usize| self.dpcd.get(at).copied().unwrap_or(0);
        (0..length).map(|n| byte(address as usize + n)).collect()
    }

    /// Writes from `address` on; capabilities and status stay.
    pub fn write(&mut self, address: u32, data: &[u8]) {
        for (n, byte) in data.iter().enumerate() {
            let at = address as usize + n;
            let writable = (0x100..SINK_COUNT).contains(&at) || (0x300..DPCD_SIZE).contains(&at);
            if let Some(slot) = self.dpcd.get_mut(at).filter(|_| writable) {
                *slot = *byte;
            }
            match at {
                TRAINING_PATTERN_SET => self.train(byte & 0xf),
                SET_POWER if byte & 7 != 1 => self.link_lost(),
                _ => {}
            }
        }
    }

    /// The source's signal is gone: nothing is locked any more.
    pub fn link_lost(&mut self) {
        self.set_lane_status(0);
        self.dpcd[LANE_ALIGN_STATUS] = 0;
    }

    /// One I²C transaction; `stop` ends the sequence of messages that belong together.
    pub fn i2c(&mut self, address: u8, message: I2cMessage<'_>, stop: bool) -> Reply {
        let reply = self.i2c.transfer(address, message);
        if stop {
            self.i2c.stop();
        }
        reply.map_or(Reply::I2cNack, Reply::Ack)
    }

    /// The source sends a training pattern; this sink needs no more than one look at it.
    fn train(&mut self, pattern: u8) {
        match pattern {
            0 => {} // Normal operation: what was reached stays.
            1 => self.set_lane_status(CLOCK_RECOVERED),
            _ => {
                self.set_lane_status(EQUALISED_AND_LOCKED);
                self.dpcd[LANE_ALIGN_STATUS] = ALIGNED;
            }
        }
    }

    fn set_lane_status(&mut self, status: u8) {
        let lanes = usize::from(self.dpcd[LANE_COUNT_SET] & 0x1f).min(4);
        self.dpcd[LANE0_1_STATUS..LANE0_1_STATUS + 2].fill(0);
        for lane in 0..lanes {
            self.dpcd[LANE0_1_STATUS + lane / 2] |= status << (4 * (lane % 2));
        }
    }
}

/// An I²C message.
#[derive(Clone, Copy, Debug)]
pub enum I2cMessage<'a> {
    /// Reads that many bytes.
    Read(usize),
    /// Writes these.
    Write(&'a [u8]),
}

/// The EEPROM that holds the EDID, with the segment pointer of E-DDC.
#[derive(Clone, Debug)]
pub struct I2cEeprom {
    edid: [u8; BLOCK_SIZE],
    segment: u8,
    offset: u8,
}

impl I2cEeprom {
    /// An EEPROM with these contents.
    pub fn new(edid: [u8; BLOCK_SIZE]) -> Self {
        Self {
            edid,
            segment: 0,
            offset: 0,
        }
    }

    /// Whether something answers at this address.
    pub fn answers(address: u8) -> bool {
        matches!(address, EDID_ADDRESS | SEGMENT_ADDRESS)
    }

    /// One message; `None` if nothing answers at the address.
    pub fn transfer(&mut self, address: u8, message: I2cMessage<'_>) -> Option<Vec<u8>> {
        match (address, message) {
            (SEGMENT_ADDRESS, I2cMessage::Write(data)) => {
                self.segment = data.last().copied().unwrap_or(self.segment);
                Some(Vec::new())
            }
            (EDID_ADDRESS, I2cMessage::Write(data)) => {
                self.offset = data.last().copied().unwrap_or(self.offset);
                Some(Vec::new())
            }
            (EDID_ADDRESS, I2cMessage::Read(length)) => {
                Some((0..length).map(|_| self.next_byte()).collect())
            }
            _ => None,
        }
    }

    /// End of a sequence: the segment pointer returns to the first segment.
    pub fn stop(&mut self) {
        self.segment = 0;
    }

    fn next_byte(&mut self) -> u8 {
        let at = usize::from(self.segment) * 256 + usize::from(self.offset);
        self.offset = self.offset.wrapping_add(1);
        self.edid.get(at).copied().unwrap_or(0xff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::edid::{build, Mode};

    fn sink() -> Sink {
        Sink::new(build("test", &[Mode::XGA]))
    }

    #[test]
    fn training_when_patterns_are_sent_succeeds_step_by_step() {
        let mut sink = sink();
        sink.write(0x100, &[RATE_2_7, 0x84]);

        sink.write(0x102, &[0x21]);
        assert_eq!(sink.read(0x202, 3), [0x11, 0x11, 0]);
        sink.write(0x102, &[0x22]);
        assert_eq!(sink.read(0x202, 3), [0x77, 0x77, 1]);
        sink.write(0x102, &[0]);
        assert_eq!(sink.read(0x202, 3), [0x77, 0x77, 1]);
    }

    #[test]
    fn lanes_when_unused_do_not_train() {
        let mut sink = sink();
        sink.write(0x100, &[RATE_2_7, 0x82]);

        sink.write(0x102, &[0x22]);

        assert_eq!(sink.read(0x202, 2), [0x77, 0]);
    }

    #[test]
    fn link_when_signal_is_lost_must_be_trained_again() {
        let mut sink = sink();
        sink.write(0x101, &[0x84, 0x22]);

        sink.link_lost();

        assert_eq!(sink.read(0x202, 3), [0, 0, 0]);
    }

    #[test]
    fn capabilities_when_written_stay() {
        let mut sink = sink();

        sink.write(0, &[0xff; 16]);
        sink.write(0x6fe, &[1, 2, 3, 4]);

        assert_eq!(sink.read(0, 3), [REVISION_1_2, RATE_2_7, LANES_4_ENHANCED]);
        assert_eq!(sink.read(0xf_ffff, 2), [0, 0]);
    }

    #[test]
    fn edid_when_read_over_i2c_is_whole() {
        let mut sink = sink();
        sink.i2c(0x50, I2cMessage::Write(&[0]), false);

        let Reply::Ack(first) = sink.i2c(0x50, I2cMessage::Read(16), false) else {
            panic!("no answer")
        };

        assert_eq!(first[..8], [0, 255, 255, 255, 255, 255, 255, 0]);
        assert_eq!(sink.i2c(0x37, I2cMessage::Read(1), true), Reply::I2cNack);
    }
}
