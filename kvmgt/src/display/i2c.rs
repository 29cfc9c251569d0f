// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The I²C bus behind a monitor's AUX channel: a memory with the EDID, and nothing else.
//!
//! The memory has one byte of address, so sources reach what is behind the first 256 bytes by a
//! segment (VESA E-DDC 1.2): they write its number to an address of its own, and it counts until
//! the transaction ends.

/// Address of the memory (E-DDC 1.2, section 2.2.5).
const MEMORY: u32 = 0x50;
/// Address of the segment (the same).
const SEGMENT: u32 = 0x30;
/// What is read where the memory has nothing.
const NOTHING: u8 = 0xff;

/// A message on the bus.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    /// Only the address.
    Address,
    /// Bytes from the source.
    Write(&'a [u8]),
    /// Bytes to the source.
    Read(&'a mut [u8]),
}

/// What the bus remembers.
#[derive(Debug, Default)]
pub(crate) struct Bus {
    /// Number of the 256 bytes that are read.
    segment: u8,
    /// The next byte in them.
    offset: u8,
}

impl Bus {
    /// Somebody takes a message, or nobody has that address.
    ///
    /// The first byte that is written to the memory is an address in it; it is not writable.
    #[must_use]
    pub(crate) fn transfer(&mut self, edid: &[u8], address: u32, message: Message<'_>) -> bool {
        match (address, message) {
            (MEMORY | SEGMENT, Message::Address) => true,
            (MEMORY, Message::Write(bytes)) => {
                self.offset = bytes.first().copied().unwrap_or(self.offset);
                true
            }
            (SEGMENT, Message::Write(bytes)) => {
                self.segment = bytes.first().copied().unwrap_or(self.segment);
                true
            }
            (MEMORY, Message::Read(bytes)) => {
                bytes.iter_mut().for_each(|byte| *byte = self.next(edid));
                true
            }
            _ => false,
        }
    }

    /// The transaction ends.
    pub(crate) fn stop(&mut self) {
        self.segment = 0;
    }

    fn next(&mut self, edid: &[u8]) -> u8 {
        let at = u16::from_le_bytes([self.offset, self.segment]);
        self.offset = self.offset.wrapping_add(1);
        edid.get(usize::from(at)).copied().unwrap_or(NOTHING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// An EDID of three blocks, each byte of which tells where it is.
    fn edid() -> Vec<u8> {
        (0..384).map(|at| (at % 251) as u8).collect()
    }

    fn read(bus: &mut Bus, count: usize) -> Vec<u8> {
        let mut bytes = std::vec![0; count];
        assert!(bus.transfer(&edid(), MEMORY, Message::Read(&mut bytes)));
        bytes
    }

    fn write(bus: &mut Bus, address: u32, byte: u8) {
        assert!(bus.transfer(&edid(), address, Message::Write(&[byte])));
    }

    #[test]
    fn memory_is_read_from_the_address_on_in_pieces_of_any_size() {
        let mut bus = Bus::default();
        for size in 1..=16 {
            write(&mut bus, MEMORY, 3);
            let mut bytes = Vec::new();
            while bytes.len() < 200 {
                bytes.extend(read(&mut bus, size));
            }
            assert_eq!(bytes[..200], edid()[3..203]);
        }
    }

    #[test]
    fn segment_counts_until_the_transaction_ends() {
        let mut bus = Bus::default();
        write(&mut bus, SEGMENT, 1);
        write(&mut bus, MEMORY, 0);
        assert_eq!(read(&mut bus, 4), edid()[256..260]);
        bus.stop();
        write(&mut bus, MEMORY, 0);
        assert_eq!(read(&mut bus, 4), edid()[..4]);
    }

    #[test]
    fn memory_wraps_within_a_segment() {
        let mut bus = Bus::default();
        write(&mut bus, MEMORY, 254);
        assert_eq!(read(&mut bus, 4), [edid()[254], edid()[255], 0, 1]);
    }

    #[test]
    fn behind_the_edid_there_is_nothing() {
        let mut bus = Bus::default();
        for segment in 2..=255 {
            write(&mut bus, SEGMENT, segment);
            write(&mut bus, MEMORY, 0);
            assert_eq!(read(&mut bus, 256), [0xff; 256]);
        }
        write(&mut bus, SEGMENT, 1);
        write(&mut bus, MEMORY, 127);
        assert_eq!(read(&mut bus, 2), [edid()[383], 0xff]);
    }

    #[test]
    fn nobody_else_is_on_the_bus() {
        let mut bus = Bus::default();
        for address in (0..0x400).filter(|address| !matches!(address, 0x30 | 0x50)) {
            assert!(!bus.transfer(&edid(), address, Message::Address));
            assert!(!bus.transfer(&edid(), address, Message::Write(&[0])));
            assert!(!bus.transfer(&edid(), address, Message::Read(&mut [0])));
        }
        assert!(!bus.transfer(&edid(), SEGMENT, Message::Read(&mut [0])));
        assert!(bus.transfer(&edid(), SEGMENT, Message::Address));
        assert!(bus.transfer(&edid(), MEMORY, Message::Address));
    }
}
