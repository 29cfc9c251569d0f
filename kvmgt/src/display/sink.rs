// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The sink at the end of a DisplayPort cable, which answers on its AUX channel (VESA DisplayPort
//! 1.2a, section 2.7).
//!
//! A request is a command of four bits, an address of 20, a number of bytes less one, and the bytes
//! that are written. Without that number, it only addresses something on the I²C bus. It is native,
//! for the DPCD, or goes on over I²C. Requests that make no sense get no answer.

use super::dpcd::Dpcd;
use super::i2c::{Bus, Message};
use kernel::prelude::*;

/// Bytes that a request or a reply has, at most.
pub(crate) const MESSAGE_SIZE: usize = 20;
/// Bytes that are read or written at once, at most (section 2.7.4).
const BURST: usize = 16;

/// Command: it is native (bit 3).
const NATIVE: u8 = 1 << 3;
/// Command over I²C: more of the transaction follows (bit 2).
const MIDDLE: u8 = 1 << 2;
/// What it does (bits 1:0): writes, reads, asks what became of a write.
const KIND: u8 = 0x3;
const WRITE: u8 = 0;
const READ: u8 = 1;
const WRITE_STATUS: u8 = 2;

/// Reply: done.
const ACK: u8 = 0x00;
/// Reply to a native request: refused, and of a write, so many bytes were taken: none.
const NACK: [u8; 2] = [0x10, 0];
/// Reply to a request over I²C: the sink has passed it on, and nobody has acknowledged it.
const I2C_NACK: u8 = 0x40;

/// A reply: one byte that says how it went, and what was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    bytes: [u8; MESSAGE_SIZE],
    len: usize,
}

impl Reply {
    /// A reply without data.
    fn of(bytes: &[u8]) -> Self {
        let mut reply = Self {
            bytes: [0; MESSAGE_SIZE],
            len: bytes.len(),
        };
        reply
            .bytes
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        reply
    }

    /// A reply with `count` bytes of data.
    fn with(count: usize, read: impl FnOnce(&mut [u8])) -> Self {
        let mut reply = Self::of(&[ACK]);
        let end = count.saturating_add(1);
        reply.bytes.get_mut(1..end).map(read);
        reply.len = end;
        reply
    }

    /// All of it.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// A sink, but for its EDID.
pub(crate) struct Sink {
    dpcd: Dpcd,
    bus: Bus,
}

impl Sink {
    /// A sink whose power has come.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            dpcd: Dpcd::new()?,
            bus: Bus::default(),
        })
    }

    /// Its power has gone and come.
    pub(crate) fn reset(&mut self) {
        self.dpcd.reset();
        self.bus = Bus::default();
    }

    /// The source's signal has gone.
    pub(crate) fn link_lost(&mut self) {
        self.dpcd.link_lost();
    }

    /// Answers a request; `None` if it makes no sense.
    pub(crate) fn answer(&mut self, edid: &[u8], request: &[u8]) -> Option<Reply> {
        let (header, rest) = request.split_first_chunk()?;
        let [first, middle, low] = *header;
        let address = u32::from_be_bytes([0, first & 0xf, middle, low]);
        let body = match rest.split_first() {
            None => None,
            Some((count, data)) => {
                let count = usize::from(*count).saturating_add(1);
                (count <= BURST).then_some(Some((count, data)))?
            }
        };
        let command = first >> 4;
        match command & NATIVE {
            0 => self.over_i2c(edid, command, address, body),
            _ => self.native(command, address, body?),
        }
    }

    /// A request for the DPCD. What it does not have reads as zero, and can't be written.
    fn native(&mut self, command: u8, address: u32, body: (usize, &[u8])) -> Option<Reply> {
        let (count, data) = body;
        match command & !NATIVE {
            READ => Some(Reply::with(count, |bytes| self.dpcd.read(address, bytes))),
            WRITE => Some(match self.dpcd.write(address, data.get(..count)?) {
                Ok(()) => Reply::of(&[ACK]),
                Err(_) => Reply::of(&NACK),
            }),
            _ => None,
        }
    }

    /// A request for the I²C bus.
    fn over_i2c(
        &mut self,
        edid: &[u8],
        command: u8,
        address: u32,
        body: Option<(usize, &[u8])>,
    ) -> Option<Reply> {
        let mut bytes = [0; BURST];
        let mut count = 0;
        let message = match (command & KIND, body) {
            // Writes are done at once.
            (WRITE_STATUS, _) => return Some(Reply::of(&[ACK])),
            (WRITE | READ, None) => Message::Address,
            (WRITE, Some((count, data))) => Message::Write(data.get(..count)?),
            (READ, Some((wanted, _))) => {
                count = wanted;
                Message::Read(bytes.get_mut(..wanted)?)
            }
            _ => return None,
        };
        let taken = self.bus.transfer(edid, address, message);
        if command & MIDDLE == 0 {
            self.bus.stop();
        }
        Some(match taken {
            true => Reply::with(count, |data| {
                data.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
            }),
            false => Reply::of(&[I2C_NACK]),
        })
    }
}

#[cfg(test)]
mod tests;
