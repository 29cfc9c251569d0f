// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `MI_FLUSH_DW` and `PIPE_CONTROL`: flushes, and what they write when they are done.
//!
//! An address may be an index in a status page. In the GGTT form that is the engine's page, which
//! is not the vGPU's, and in the other form that of the context, which is not the guest's copy: the
//! command gets the address of the page that the guest means, in the vGPU's part of the GGTT.

use super::address::{self, ggtt, QWORDS};
use super::audit::Scene;
use super::cursor::Operands;
use super::load;
use super::refusal::{Fault, Rule};
use crate::address::{Gma, PAGE_SIZE};

/// Both: the operation after the flush (bits 15:14).
const POST_SYNC: u32 = 0x3 << 14;
/// Both: the operation stores what the command holds.
const POST_SYNC_DATA: u32 = 0x1 << 14;
/// Both: the address is an index in a status page (bit 21).
const STORE_INDEX: u32 = 1 << 21;
/// Both: raises an interrupt (bit 8).
const NOTIFY: u32 = 1 << 8;
/// Both: bytes that the operation writes at most.
const WRITTEN: u64 = 8;

/// MI_FLUSH_DW: the address is one of the GGTT (dword 1, bit 2).
const FLUSH_GGTT: u32 = 1 << 2;
/// MI_FLUSH_DW: its dwords: none but the header are used without an operation; an operation has an
/// address, and data of a dword or a qword.
const FLUSH_DWORDS: Dwords = Dwords {
    plain: 2,
    address: 3,
    data: 4,
    most: 5,
};

/// PIPE_CONTROL: the address is one of the GGTT (dword 1, bit 24).
const PIPE_GGTT: u32 = 1 << 24;
/// PIPE_CONTROL: the operation loads a register (dword 1, bit 23).
const PIPE_LOAD: u32 = 1 << 23;
/// PIPE_CONTROL: clocks and counters begin anew, those of others too (dword 1, bit 19).
const PIPE_RESET_COUNTERS: u32 = 1 << 19;
/// PIPE_CONTROL: its dwords: the flags are always used, the rest by operations.
const PIPE_DWORDS: Dwords = Dwords {
    plain: 2,
    address: 4,
    data: 6,
    most: 6,
};

/// How many dwords a command must have.
struct Dwords {
    /// At least.
    plain: u32,
    /// If there is an address.
    address: u32,
    /// If there is data.
    data: u32,
    /// At most.
    most: u32,
}

impl Dwords {
    fn check(&self, command: &Operands<'_>, operation: u32) -> Result<(), Rule> {
        let least = match operation {
            0 => self.plain,
            POST_SYNC_DATA => self.data,
            _ => self.address,
        };
        command.expect_within(least, self.most)
    }
}

/// `MI_FLUSH_DW`.
pub(super) fn flush_dw(scene: &mut Scene<'_>, command: &mut Operands<'_>) -> Result<(), Rule> {
    let header = command.header();
    let operation = header & POST_SYNC;
    FLUSH_DWORDS.check(command, operation)?;
    if operation != 0 {
        let (low, high) = command.pair(1)?;
        let in_ggtt = low & FLUSH_GGTT != 0;
        let address = ggtt(low, high, QWORDS);
        if header & STORE_INDEX != 0 {
            let page_address = indexed(scene, in_ggtt, address)?;
            command.set(0, header & !STORE_INDEX)?;
            command.set(1, page_address | FLUSH_GGTT)?;
            command.set(2, 0)?;
        } else {
            scene.check(in_ggtt, address, WRITTEN)?;
        }
    }
    if header & NOTIFY != 0 {
        scene.verdict.notify = true;
        command.set(0, command.header() & !NOTIFY)?;
    }
    Ok(())
}

/// `PIPE_CONTROL`.
pub(super) fn pipe_control(scene: &mut Scene<'_>, command: &mut Operands<'_>) -> Result<(), Fault> {
    let flags = command.get(1)?;
    let refuse = |rule| Err(Rule::Operand { value: flags, rule }.into());
    if flags & PIPE_RESET_COUNTERS != 0 {
        return refuse("it resets clocks that others read");
    }
    let operation = flags & POST_SYNC;
    let mut patched = flags & !NOTIFY;
    if flags & PIPE_LOAD != 0 {
        if operation != 0 {
            return refuse("it loads a register and writes memory");
        }
        PIPE_DWORDS.check(command, POST_SYNC_DATA)?;
        load::one(scene, command.get(2)?, command.get(4)?, true)?;
    } else {
        PIPE_DWORDS.check(command, operation)?;
    }
    if operation != 0 {
        let in_ggtt = flags & PIPE_GGTT != 0;
        let (low, high) = command.pair(2)?;
        let address = ggtt(low, high, QWORDS);
        if flags & STORE_INDEX != 0 {
            let page_address = indexed(scene, in_ggtt, address)?;
            patched = patched & !STORE_INDEX | PIPE_GGTT;
            command.set(2, page_address)?;
            command.set(3, 0)?;
        } else {
            scene.check(in_ggtt, address, WRITTEN)?;
        }
    }
    scene.verdict.notify |= flags & NOTIFY != 0;
    Ok(command.set(1, patched)?)
}

/// The GGTT address that an index in a status page means: always below 4 GiB.
fn indexed(scene: &Scene<'_>, engine: bool, index: Gma) -> Result<u32, Rule> {
    let page = match engine {
        true => scene.setting.status_page.ok_or(Rule::Forbidden(
            "the vGPU has set no status page for the engine",
        ))?,
        false => scene.setting.context_page,
    };
    let wrong = Rule::Address {
        first: index,
        bytes: WRITTEN,
    };
    let inside = index
        .0
        .checked_add(WRITTEN)
        .is_some_and(|end| end <= PAGE_SIZE);
    let first = page.0.checked_add(index.0).filter(|_| inside);
    let first = first.ok_or(wrong)?;
    address::check(&scene.setting.reach, Gma(first), WRITTEN)?;
    u32::try_from(first).map_err(|_| wrong)
}
