// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The VBT: what outputs a machine has. Drivers know its layout from each other (i915:
//! `intel_vbt_defs.h`); it has two headers and then blocks.

use crate::hardware::Port;
use iface::registers::Platform;

/// What it begins with; drivers look at four letters.
const SIGNATURE: &[u8; 20] = b"$VBT GVT-g          ";
/// Version of the first header.
const VERSION: u16 = 155;
/// Bytes of that header.
const HEADER: u16 = 48;
/// Where in it the checksum is.
const AT_CHECKSUM: usize = 26;

/// What the second header begins with.
const BLOCKS_SIGNATURE: &[u8; 16] = b"BIOS_DATA_BLOCK ";
/// Version of the blocks: the last whose outputs are described in 33 bytes, as Windows' driver expects.
const BLOCKS_VERSION: u16 = 186;
/// Bytes of that header.
const BLOCKS_HEADER: u16 = 22;

/// A block: its number and its length are in front of it.
const BLOCK_HEADER: u16 = 3;
/// Block: general features, of which there is none: neither analog output nor TV.
const FEATURES: u8 = 1;
/// Bytes of that.
const FEATURES_SIZE: u16 = 5;
/// Block: general definitions, among them the outputs.
const DEFINITIONS: u8 = 2;
/// Bytes of that in front of the outputs; the last of them is the length of an output.
const DEFINITIONS_SIZE: u16 = 5;

/// Bytes that describe an output.
const OUTPUT_SIZE: u16 = 33;
/// An output's kind: DisplayPort and nothing else. That is digital (bit 1), DisplayPort (2), a fast link
/// (6), with content protection (7), not HDMI (11), with hotplug (13) and power management (14).
const DISPLAY_PORT: u16 = 1 << 14 | 1 << 13 | 1 << 11 | 1 << 7 | 1 << 6 | 1 << 2 | 1 << 1;
/// What an output can be: DisplayPort (bit 1).
const CAN_DISPLAY_PORT: u8 = 1 << 1;
/// An output's encoder is in the GPU (bit 5).
const INTEGRATED: u8 = 1 << 5;
/// Bytes of an output between its kind and its port, between that and what it can be, and behind.
const REST: [usize; 3] = [12, 7, 5];

/// Most outputs.
const OUTPUTS: u16 = 4;
/// Bytes of the largest.
const MOST: usize = size(OUTPUTS) as usize;

/// Bytes of one with so many outputs.
const fn size(outputs: u16) -> u16 {
    HEADER.saturating_add(blocks_size(outputs))
}

/// Bytes of what is behind its first header.
const fn blocks_size(outputs: u16) -> u16 {
    BLOCKS_HEADER
        .saturating_add(BLOCK_HEADER)
        .saturating_add(FEATURES_SIZE)
        .saturating_add(BLOCK_HEADER)
        .saturating_add(definitions_size(outputs))
}

/// Bytes of the block with the outputs.
const fn definitions_size(outputs: u16) -> u16 {
    DEFINITIONS_SIZE.saturating_add(outputs.saturating_mul(OUTPUT_SIZE))
}

/// A VBT.
pub(super) struct Vbt {
    bytes: [u8; MOST],
    len: usize,
}

impl Vbt {
    /// That of a vGPU: each port of the platform is DisplayPort, the monitor's among them.
    pub(super) fn new(platform: Platform) -> Self {
        let ports: &[Port] = match platform {
            Platform::Bxt => &[Port::A, Port::B, Port::C],
            _ => &[Port::A, Port::B, Port::C, Port::D],
        };
        let outputs = ports.len() as u16;
        let mut vbt = Self {
            bytes: [0; MOST],
            len: 0,
        };
        vbt.put(SIGNATURE);
        vbt.put_words([VERSION, HEADER, size(outputs)]);
        // The checksum, and a byte that is reserved; then where the blocks are.
        vbt.skip(2);
        vbt.put(&u32::from(HEADER).to_le_bytes());
        vbt.skip(usize::from(HEADER).saturating_sub(vbt.len));

        vbt.put(BLOCKS_SIGNATURE);
        vbt.put_words([BLOCKS_VERSION, BLOCKS_HEADER, blocks_size(outputs)]);

        vbt.put(&[FEATURES]);
        vbt.put_words([FEATURES_SIZE]);
        vbt.skip(FEATURES_SIZE.into());

        vbt.put(&[DEFINITIONS]);
        vbt.put_words([definitions_size(outputs)]);
        vbt.skip(usize::from(DEFINITIONS_SIZE).saturating_sub(1));
        vbt.put(&[OUTPUT_SIZE as u8]);
        for port in ports {
            vbt.put_output(*port);
        }
        vbt.seal();
        vbt
    }

    /// It.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// An output at a port.
    fn put_output(&mut self, port: Port) {
        let Some(output) = Output::at(port) else {
            return;
        };
        let [behind_kind, behind_port, behind_all] = REST;
        self.put_words([output.handle, DISPLAY_PORT]);
        self.skip(behind_kind);
        self.put(&[output.port]);
        self.skip(behind_port);
        self.put(&[CAN_DISPLAY_PORT, output.aux_channel, 0, INTEGRATED]);
        self.skip(behind_all);
    }

    fn put(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        if let Some(to) = self.bytes.get_mut(self.len..end) {
            for (to, from) in to.iter_mut().zip(bytes) {
                *to = *from;
            }
            self.len = end;
        }
    }

    fn put_words<const N: usize>(&mut self, words: [u16; N]) {
        for word in words {
            self.put(&word.to_le_bytes());
        }
    }

    /// Leaves bytes zero.
    fn skip(&mut self, count: usize) {
        self.len = self.len.saturating_add(count).min(MOST);
    }

    /// Makes the sum of all bytes zero.
    fn seal(&mut self) {
        let sum = self
            .bytes
            .iter()
            .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        if let Some(checksum) = self.bytes.get_mut(AT_CHECKSUM) {
            *checksum = sum.wrapping_neg();
        }
    }
}

/// What differs from output to output.
struct Output {
    /// What the driver calls it: external flat panel 1 to 4.
    handle: u16,
    /// The number of the port.
    port: u8,
    /// The number of its AUX channel.
    aux_channel: u8,
}

impl Output {
    /// The one at a port, if that is digital.
    fn at(port: Port) -> Option<Self> {
        let (handle, port, aux_channel) = match port {
            Port::A => (0x04, 10, 0x40),
            Port::B => (0x40, 7, 0x10),
            Port::C => (0x20, 8, 0x20),
            Port::D => (0x10, 9, 0x30),
            Port::E => return None,
        };
        Some(Self {
            handle,
            port,
            aux_channel,
        })
    }
}
