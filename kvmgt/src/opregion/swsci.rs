// SPDX-License-Identifier: GPL-2.0 OR MIT
//! SWSCI: a driver asks the firmware for something. The question is in the OpRegion's second mailbox, in the
//! guest's memory; writing SWSCI in configuration space asks it.
//!
//! There is no firmware, so whatever is asked fails, but for the question what can be asked for: nothing.

use super::SIGNATURE;
use crate::address::{Gfn, PAGE_SHIFT, PAGE_SIZE};
use crate::gtt::ppgtt::GuestMemory;
use kernel::prelude::*;

/// Bytes of a dword.
const DWORD: usize = 4;
/// The bits of an address that those of dwords do not have.
const ALIGNMENT: u64 = 0x3;

/// SWSCI: an interrupt for ACPI is meant, not one for system management (PRM Vol 2c, SWSCI, bit 15).
const SELECT_SCI: u16 = 1 << 15;
/// SWSCI: the interrupt (bit 0).
const TRIGGER: u16 = 1 << 0;

/// Offset in the OpRegion: SCIC, what is asked, and the answer.
const AT_QUESTION: u64 = 0x200;
/// Offset in the OpRegion: PARM, what belongs to either.
const AT_PARAMETER: u64 = 0x204;
/// SCIC: an answer is expected (bit 0).
const EXPECTED: u32 = 1 << 0;
/// SCIC: the function (bits 4:1) and the one below it (15:8).
const FUNCTION: u32 = 0xf << 1 | 0xff << 8;
/// "Get BIOS data": which of its functions there are.
const DATA_SUPPORTED: u32 = 4 << 1;
/// "Get BIOS data": which call-backs are wanted.
const DATA_CALLBACKS: u32 = 4 << 1 | 1 << 8;
/// "System BIOS call-backs": which there are.
const CALLBACKS_SUPPORTED: u32 = 6 << 1;
/// SCIC: it was done (bits 7:5).
const DONE: u32 = 1 << 5;
/// SCIC: it failed.
const FAILED: u32 = 0 << 5;
/// PARM: a bit for each function there is.
const NOTHING: u32 = 0;

/// Whether a write that has changed SWSCI asks.
pub(crate) fn asks(before: u16, now: u16) -> bool {
    before & TRIGGER == 0 && now & TRIGGER != 0 && now & SELECT_SCI != 0
}

/// Answers the question in the OpRegion at a guest-physical address. Where no OpRegion with a question is, nothing
/// happens: the address is the guest's.
///
/// # Errors
///
/// Those of the guest's memory.
pub(crate) fn answer(memory: &mut dyn GuestMemory, opregion: u32) -> Result {
    let mut mailbox = Mailbox {
        memory,
        opregion: opregion.into(),
    };
    if !mailbox.is_opregion()? {
        return Ok(());
    }
    let question = mailbox.read(AT_QUESTION)?;
    if question & EXPECTED == 0 {
        return Ok(());
    }
    let status = match question & FUNCTION {
        DATA_SUPPORTED | DATA_CALLBACKS | CALLBACKS_SUPPORTED => {
            mailbox.write(AT_PARAMETER, NOTHING)?;
            DONE
        }
        _ => FAILED,
    };
    // Last, since it says that all of the answer is there.
    mailbox.write(AT_QUESTION, status)
}

/// The guest's copy of the OpRegion.
struct Mailbox<'a> {
    memory: &'a mut dyn GuestMemory,
    opregion: u64,
}

impl Mailbox<'_> {
    /// Whether it is one.
    fn is_opregion(&mut self) -> Result<bool> {
        // Then no dword is in two pages.
        if self.opregion & ALIGNMENT != 0 {
            return Ok(false);
        }
        for (at, dword) in (0..).step_by(DWORD).zip(SIGNATURE.chunks(DWORD)) {
            if self.read(at)?.to_le_bytes() != *dword {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn read(&mut self, at: u64) -> Result<u32> {
        let (gfn, offset) = self.place(at)?;
        let mut dword = [0; DWORD];
        self.memory.read(gfn, offset, &mut dword)?;
        Ok(u32::from_le_bytes(dword))
    }

    fn write(&mut self, at: u64, value: u32) -> Result {
        let (gfn, offset) = self.place(at)?;
        self.memory.write(gfn, offset, &value.to_le_bytes())
    }

    /// The page of an offset, and the place in it.
    fn place(&self, at: u64) -> Result<(Gfn, usize)> {
        let address = self.opregion.saturating_add(at);
        let offset = usize::try_from(address & (PAGE_SIZE - 1))?;
        Ok((Gfn(address >> PAGE_SHIFT), offset))
    }
}

#[cfg(test)]
mod tests;
