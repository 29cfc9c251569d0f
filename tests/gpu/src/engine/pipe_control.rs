// SPDX-License-Identifier: GPL-2.0 OR MIT
//! PIPE_CONTROL and MI_FLUSH_DW: post-sync writes, notification, TLB invalidation.
//!
//! Caches are not modelled, so there is nothing to flush: commands before have taken effect.

use super::batch::Place;
use super::command::mi;
use super::Engine;
use super::Outcome;
use crate::regs::engine::interrupt;
use crate::uncore::Uncore;

/// Post-sync operation of both commands.
const POST_SYNC: u32 = 3 << 14;
const POST_SYNC_WRITE: u32 = 1 << 14;
const POST_SYNC_DEPTH_COUNT: u32 = 2 << 14;
const POST_SYNC_TIMESTAMP: u32 = 3 << 14;
/// The address is an offset in the status page.
const STORE_INDEX: u32 = 1 << 21;
/// Raise the notify interrupt when done.
const NOTIFY: u32 = 1 << 8;
/// PIPE_CONTROL: the address is in the GGTT.
const PIPE_CONTROL_GGTT: u32 = 1 << 24;
/// MI_FLUSH_DW: the address is in the GGTT; a bit of the address dword.
const FLUSH_GGTT: u32 = 1 << 2;
/// Dwords of an MI_FLUSH_DW that writes a qword.
const FLUSH_QWORD_LENGTH: usize = 5;
const QWORD: u32 = !0x7;
/// Number of pixels that passed the depth test; render engine.
const PS_DEPTH_COUNT: crate::address::MmioOffset = crate::address::MmioOffset(0x2350);

impl Engine {
    /// Executes PIPE_CONTROL.
    pub(super) fn execute_pipe_control(&mut self, uncore: &mut Uncore, d: &[u32]) -> Outcome {
        let operand = |index: usize| d.get(index).copied().unwrap_or(0);
        let flags = operand(1);
        self.tlb.clear();
        let place = self.post_sync_place(
            flags & STORE_INDEX != 0,
            flags & PIPE_CONTROL_GGTT != 0,
            operand(2),
            operand(3),
        );
        let value = match flags & POST_SYNC {
            POST_SYNC_WRITE => Some(u64::from(operand(5)) << 32 | u64::from(operand(4))),
            POST_SYNC_DEPTH_COUNT => {
                let high = u64::from(uncore.regs.get(PS_DEPTH_COUNT.add(4)));
                Some(high << 32 | u64::from(uncore.regs.get(PS_DEPTH_COUNT)))
            }
            POST_SYNC_TIMESTAMP => Some(uncore.timestamp()),
            _ => None,
        };
        if let (Some(place), Some(value)) = (place, value) {
            self.write_u64(uncore, place, value);
        }
        if flags & NOTIFY != 0 {
            self.raise(uncore, interrupt::NOTIFY);
        }
        Outcome::Next
    }

    /// Executes MI_FLUSH_DW.
    pub(super) fn execute_flush(&mut self, uncore: &mut Uncore, d: &[u32]) {
        let operand = |index: usize| d.get(index).copied().unwrap_or(0);
        let (flags, low) = (operand(0), operand(1));
        self.tlb.clear();
        let place = self.post_sync_place(
            flags & STORE_INDEX != 0,
            low & FLUSH_GGTT != 0,
            low & QWORD,
            operand(2),
        );
        if let Some(place) = place {
            match flags & POST_SYNC {
                POST_SYNC_WRITE if d.len() >= FLUSH_QWORD_LENGTH => {
                    let value = u64::from(operand(4)) << 32 | u64::from(operand(3));
                    self.write_u64(uncore, place, value);
                }
                POST_SYNC_WRITE => self.write_u32(uncore, place, operand(3)),
                POST_SYNC_TIMESTAMP => self.write_u64(uncore, place, uncore.timestamp()),
                _ => {}
            }
        }
        if flags & NOTIFY != 0 {
            self.raise(uncore, interrupt::NOTIFY);
        }
    }

    fn post_sync_place(&self, index: bool, ggtt: bool, low: u32, high: u32) -> Option<Place> {
        if index {
            Some(self.status_place(low & mi::STATUS_PAGE_OFFSET))
        } else {
            self.address_in(ggtt, low, high)
        }
    }
}
