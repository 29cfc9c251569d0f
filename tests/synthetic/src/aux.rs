// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Messages on DisplayPort's AUX channels, as a driver sends them (DisplayPort 1.2, 2.7).

use anyhow::{bail, ensure, Result};

use crate::guest::{Family, Guest};
use crate::registers::display::{dpcd, port};
use crate::registers::{
    AUX_BUSY, AUX_DONE, AUX_RECEIVE_ERROR, AUX_SIZE_MASK, AUX_SIZE_SHIFT, AUX_TIMEOUT,
};

/// Bytes of the longest message, in either direction.
pub const LONGEST: usize = 20;
/// Bytes that a message carries at most.
pub const BURST: usize = 16;
/// Where EDIDs answer on I²C.
pub const EDID_ADDRESS: u32 = 0x50;

/// Requests, in the upper half of a message's first byte.
pub mod request {
    /// Writes to an I²C device.
    pub const I2C_WRITE: u8 = 0x0;
    /// Reads from one.
    pub const I2C_READ: u8 = 0x1;
    /// I²C: more of the same transaction follows.
    pub const I2C_MORE: u8 = 0x4;
    /// Writes the DPCD.
    pub const WRITE: u8 = 0x8;
    /// Reads it.
    pub const READ: u8 = 0x9;
}

/// Answers, in the upper half of a reply's first byte.
pub mod answer {
    /// It was done.
    pub const ACK: u8 = 0x0;
    /// The sink has no such thing.
    pub const NACK: u8 = 0x1;
    /// Nobody has acknowledged on I²C.
    pub const I2C_NACK: u8 = 0x4;
}

/// What came of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nobody answered.
    Nobody,
    /// The answer was garbled.
    Garbled,
    /// An answer: what it says, and the bytes behind.
    Answer(u8, Vec<u8>),
}

/// A channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    control: u64,
}

impl Channel {
    /// All that a GPU has, by the numbers of their ports.
    pub fn all(family: Family) -> Vec<Self> {
        let (places, count) = match family {
            Family::Bdw => (port::AUX_BDW, port::AUX_BDW.len()),
            Family::Bxt => (port::AUX, port::COUNT_BXT),
            Family::Gen9 => (port::AUX, port::AUX.len()),
        };
        let places = places.into_iter().take(count);
        places.map(|control| Self { control }).collect()
    }

    /// That of the monitor.
    ///
    /// # Errors
    /// The GPU can't be told.
    pub fn of_monitor(guest: &mut Guest<'_>) -> Result<Self> {
        let family = guest.family()?;
        Ok(Self::all(family)[family.monitor() as usize])
    }

    /// Its control register.
    pub fn control(self) -> u64 {
        self.control
    }

    /// Sends a message, with more bits of the control register.
    ///
    /// # Errors
    /// What the device said; the message is not done at once.
    pub fn send(self, guest: &mut Guest<'_>, message: &[u8], more: u32) -> Result<()> {
        for (place, piece) in (1..).zip(message.chunks(4)) {
            let mut dword = [0; 4];
            dword[..piece.len()].copy_from_slice(piece);
            guest.write32(self.control + place * 4, u32::from_be_bytes(dword))?;
        }
        let clear = AUX_DONE | AUX_TIMEOUT | AUX_RECEIVE_ERROR;
        let size = (message.len() as u32) << AUX_SIZE_SHIFT;
        guest.write32(self.control, AUX_BUSY | clear | size | more)
    }

    /// Sends a message and takes the answer.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn exchange(self, guest: &mut Guest<'_>, message: &[u8]) -> Result<Outcome> {
        self.send(guest, message, 0)?;
        let status = guest.read32(self.control)?;
        ensure!(status & AUX_BUSY == 0, "a message on AUX is under way");
        ensure!(status & AUX_DONE != 0, "a message on AUX is not done");
        if status & AUX_TIMEOUT != 0 {
            return Ok(Outcome::Nobody);
        }
        if status & AUX_RECEIVE_ERROR != 0 {
            return Ok(Outcome::Garbled);
        }
        let length = (status >> AUX_SIZE_SHIFT & AUX_SIZE_MASK) as usize;
        ensure!(
            (1..=LONGEST).contains(&length),
            "an answer on AUX has {length} bytes"
        );
        let mut reply = Vec::new();
        for place in 1..=length.div_ceil(4) as u64 {
            let dword = guest.read32(self.control + place * 4)?;
            reply.extend(dword.to_be_bytes());
        }
        let data = reply[1..length].to_vec();
        Ok(Outcome::Answer(reply[0] >> 4, data))
    }

    /// Reads so many bytes of the DPCD.
    ///
    /// # Errors
    /// It is not acknowledged, or answered with another number of bytes.
    pub fn read(self, guest: &mut Guest<'_>, at: u32, count: usize) -> Result<Vec<u8>> {
        let message = message(request::READ, at, count, &[]);
        match self.exchange(guest, &message)? {
            Outcome::Answer(answer::ACK, data) if data.len() == count => Ok(data),
            other => bail!("{count} bytes of the DPCD at {at:#x}: {other:x?}"),
        }
    }

    /// Writes bytes of the DPCD.
    ///
    /// # Errors
    /// It is not acknowledged.
    pub fn write(self, guest: &mut Guest<'_>, at: u32, data: &[u8]) -> Result<()> {
        let message = message(request::WRITE, at, data.len(), data);
        match self.exchange(guest, &message)? {
            Outcome::Answer(answer::ACK, data) if data.is_empty() => Ok(()),
            other => bail!("written to the DPCD at {at:#x}: {other:x?}"),
        }
    }

    /// Reads `length` bytes of the EDID from `offset` on, `burst` with each message.
    ///
    /// # Errors
    /// It is not acknowledged, or answered with another number of bytes.
    pub fn edid(
        self,
        guest: &mut Guest<'_>,
        offset: u8,
        length: usize,
        burst: usize,
    ) -> Result<Vec<u8>> {
        let seek = request::I2C_WRITE | request::I2C_MORE;
        let found = self.exchange(guest, &message(seek, EDID_ADDRESS, 1, &[offset]))?;
        ensure!(
            found == Outcome::Answer(answer::ACK, Vec::new()),
            "the address in the EDID: {found:x?}"
        );
        let read = request::I2C_READ | request::I2C_MORE;
        let mut edid = Vec::new();
        while edid.len() < length {
            let count = burst.min(length - edid.len());
            let found = self.exchange(guest, &message(read, EDID_ADDRESS, count, &[]))?;
            match found {
                // A sink may give less than was asked for, but for nothing.
                Outcome::Answer(answer::ACK, data) if (1..=count).contains(&data.len()) => {
                    edid.extend(data);
                }
                other => bail!("{count} bytes of the EDID at {}: {other:x?}", edid.len()),
            }
        }
        let stop = address_only(request::I2C_READ, EDID_ADDRESS);
        let found = self.exchange(guest, &stop)?;
        ensure!(
            matches!(found, Outcome::Answer(answer::ACK, _)),
            "the end of the EDID: {found:x?}"
        );
        Ok(edid)
    }
}

/// A message: what is asked for, where, of how many bytes, and those that are written.
pub fn message(request: u8, at: u32, count: usize, data: &[u8]) -> Vec<u8> {
    let mut message = address_only(request, at);
    message.push((count as u8).wrapping_sub(1));
    message.extend_from_slice(data);
    message
}

/// A message that only names a place, which ends a transaction on I²C.
pub fn address_only(request: u8, at: u32) -> Vec<u8> {
    let at = at & (dpcd::END - 1);
    vec![request << 4 | (at >> 16) as u8, (at >> 8) as u8, at as u8]
}
