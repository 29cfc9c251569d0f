// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Blocks of EDIDs, written from their first byte on.

use super::{sum, Block, BLOCK_SIZE};

/// A block that is being written.
pub(super) struct Writer {
    block: Block,
    at: usize,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            block: [0; BLOCK_SIZE],
            at: 0,
        }
    }
}

impl Writer {
    /// Writes the next bytes. Behind the end there is nothing.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        let places = self.block.iter_mut().skip(self.at);
        places.zip(bytes).for_each(|(place, byte)| *place = *byte);
        self.at = self.at.saturating_add(bytes.len());
    }

    /// How many were written.
    pub(super) fn len(&self) -> usize {
        self.at
    }

    /// What makes the sum of all bytes since `start` zero.
    pub(super) fn checksum(&self, start: usize) -> u8 {
        let written = self.block.get(start..).unwrap_or_default();
        sum(written).wrapping_neg()
    }

    /// The block; the last byte, which nobody has written, makes it whole.
    pub(super) fn finish(mut self) -> Block {
        let checksum = self.checksum(0);
        if let Some(last) = self.block.last_mut() {
            *last = checksum;
        }
        self.block
    }
}
