// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Registers that every engine has, as offsets from the engine's base.
//!
//! Source: PRM Vol 2c (SKL), registers of the command streamers; observed: i915's use of them.

use std::collections::HashMap;

use super::Behaviour;
use crate::address::MmioOffset;
use crate::platform::EngineId;

/// Bytes of an engine's register range.
pub const RANGE: u32 = 0x1000;

/// Exclusive event control.
pub const EXCC: u32 = 0x28;
/// Ring tail.
pub const TAIL: u32 = 0x30;
/// Ring head.
pub const HEAD: u32 = 0x34;
/// Ring start, a GGTT address.
pub const START: u32 = 0x38;
/// Ring control: size and enable.
pub const CONTROL: u32 = 0x3c;
/// High half of the address of the command in execution.
pub const ACTHD_HIGH: u32 = 0x5c;
/// Instruction parser error header: the last command header.
pub const IPEHR: u32 = 0x68;
/// Units that are done.
pub const INSTDONE: u32 = 0x6c;
/// Address of the command in execution.
pub const ACTHD: u32 = 0x74;
/// Hardware status page, a GGTT address.
pub const HWS_PGA: u32 = 0x80;
/// A register without function that anybody may write.
pub const NOPID: u32 = 0x94;
/// Hardware status mask.
pub const HWSTAM: u32 = 0x98;
/// MI mode: stop and idle.
pub const MI_MODE: u32 = 0x9c;
/// The engine's own interrupt mask, bits as in its group.
pub const IMR: u32 = 0xa8;
/// Error identity.
pub const EIR: u32 = 0xb0;
/// Error mask.
pub const EMR: u32 = 0xb4;
/// Instruction parser mode.
pub const INSTPM: u32 = 0xc0;
/// Power clock state (render only).
pub const R_PWR_CLK_STATE: u32 = 0xc8;
/// Reset control.
pub const RESET_CONTROL: u32 = 0xd0;
/// State of the first-level batch.
pub const BB_STATE: u32 = 0x110;
/// Address of the second-level batch.
pub const SBB_ADDR: u32 = 0x114;
/// State of the second-level batch.
pub const SBB_STATE: u32 = 0x118;
/// High half of the address of the second-level batch.
pub const SBB_ADDR_HIGH: u32 = 0x11c;
/// Address of the first-level batch.
pub const BB_ADDR: u32 = 0x140;
/// High half of the address of the first-level batch.
pub const BB_ADDR_HIGH: u32 = 0x168;
/// Batch run after each context restore.
pub const BB_PER_CTX: u32 = 0x1c0;
/// Batch run during the context restore.
pub const INDIRECT_CTX: u32 = 0x1c4;
/// Where in the restore the indirect batch runs.
pub const INDIRECT_CTX_OFFSET: u32 = 0x1c8;
/// Blitter software control: tile walk of XY blits (blitter engine only).
pub const BCS_SWCTRL: u32 = 0x200;
/// Execlist submit port.
pub const ELSP: u32 = 0x230;
/// Execlist status, low dword.
pub const EXECLIST_STATUS: u32 = 0x234;
/// Execlist status, high dword: id of the context on the engine.
pub const EXECLIST_STATUS_HIGH: u32 = 0x238;
/// Context save/restore control.
pub const CONTEXT_CONTROL: u32 = 0x244;
/// Page directory pointer 0, low dword; the others follow, 8 bytes each.
pub const PDP0: u32 = 0x270;
/// Graphics mode.
pub const MODE: u32 = 0x29c;
/// Time stamp.
pub const TIMESTAMP: u32 = 0x358;
/// Time stamp, high dword.
pub const TIMESTAMP_HIGH: u32 = 0x35c;
/// Context status buffer, six entries of two dwords.
pub const CSB: u32 = 0x370;
/// Context status buffer pointers.
pub const CSB_POINTER: u32 = 0x3a0;
/// Context time stamp.
pub const CTX_TIMESTAMP: u32 = 0x3a8;
/// Predicate source 0, low dword; then high dword, source 1 low, high.
pub const PREDICATE_SRC0: u32 = 0x400;
/// Predicate data, low and high.
pub const PREDICATE_DATA: u32 = 0x410;
/// Predicate result.
pub const PREDICATE_RESULT: u32 = 0x418;
/// First of the registers that name what unprivileged batches may write (render only).
pub const FORCE_TO_NONPRIV: u32 = 0x4d0;
/// Number of them.
pub const FORCE_TO_NONPRIV_SLOTS: u32 = 12;
/// General purpose register 0, low dword; sixteen of 8 bytes.
pub const GPR0: u32 = 0x600;
/// Number of general purpose registers.
pub const GPR_COUNT: u32 = 16;

/// Bits of [`CONTROL`].
pub mod control {
    /// Size of the ring in pages, less one.
    pub const PAGES: u32 = 0x001f_f000;
    /// The ring is enabled.
    pub const VALID: u32 = 1 << 0;
}

/// Bits of [`MI_MODE`].
pub mod mi_mode {
    /// Request to stop.
    pub const STOP: u32 = 1 << 8;
    /// The engine stands still.
    pub const IDLE: u32 = 1 << 9;
}

/// Bits of [`RESET_CONTROL`].
pub mod reset_control {
    /// Software wants to reset the engine.
    pub const REQUEST: u32 = 1 << 0;
    /// The engine may be reset.
    pub const READY: u32 = 1 << 1;
}

/// Bits of [`CONTEXT_CONTROL`].
pub mod context_control {
    /// Restore only the ring, not the engine's registers.
    pub const RESTORE_INHIBIT: u32 = 1 << 0;
    /// Do not save.
    pub const SAVE_INHIBIT: u32 = 1 << 2;
}

/// Bits of [`EIR`] and [`EMR`].
pub mod error {
    /// An instruction was not understood.
    pub const INSTRUCTION: u32 = 1 << 0;
}

/// Bits of an engine's interrupts, before the shift into its group (observed: i915 GT_*).
pub mod interrupt {
    /// MI_USER_INTERRUPT.
    pub const USER: u32 = 1 << 0;
    /// An error in EIR.
    pub const ERROR: u32 = 1 << 3;
    /// PIPE_CONTROL or MI_FLUSH_DW with notify.
    pub const NOTIFY: u32 = 1 << 4;
    /// A context status event.
    pub const CONTEXT_SWITCH: u32 = 1 << 8;
    /// A semaphore wait was not satisfied.
    pub const WAIT_SEMAPHORE: u32 = 1 << 11;
}

const CSB_DWORDS: u32 = 12;

/// Adds the behaviours of one engine's registers.
pub fn add_behaviours(engine: EngineId, map: &mut HashMap<MmioOffset, Behaviour>) {
    let base = engine.mmio_base();
    let mut put = |offset, behaviour| {
        map.insert(base.add(offset), behaviour);
    };
    for masked in [INSTPM, CONTEXT_CONTROL, MODE, CSB_POINTER, 0xd4] {
        put(masked, Behaviour::Masked);
    }
    if engine == EngineId::Bcs0 {
        put(BCS_SWCTRL, Behaviour::Masked);
    }
    put(MI_MODE, Behaviour::MiMode(engine));
    put(RESET_CONTROL, Behaviour::ResetControl);
    put(ELSP, Behaviour::ExeclistSubmit(engine));
    put(EXECLIST_STATUS, Behaviour::ReadOnly);
    put(EXECLIST_STATUS_HIGH, Behaviour::ReadOnly);
    for dword in 0..CSB_DWORDS {
        put(CSB + 4 * dword, Behaviour::ReadOnly);
    }
    for read_only in [ACTHD, ACTHD_HIGH, INSTDONE, IPEHR] {
        put(read_only, Behaviour::ReadOnly);
    }
    put(EIR, Behaviour::WriteOneToClear);
    put(TIMESTAMP, Behaviour::Timestamp);
    put(TIMESTAMP_HIGH, Behaviour::TimestampHigh);
    put(CTX_TIMESTAMP, Behaviour::ContextTimestamp(engine));
}
