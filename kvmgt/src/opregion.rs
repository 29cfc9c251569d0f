// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The OpRegion: what the firmware of a machine tells the driver of its GPU (Intel Graphics Device
//! OpRegion Specification 2.0).
//!
//! A VMM reads it and puts a copy into the guest's memory, where ASLS says that it is. From then on the
//! copy is the guest's own.

use iface::registers::Platform;
use kernel::prelude::*;
use vbt::Vbt;

pub(crate) mod swsci;
mod vbt;

/// Bytes of it.
pub const SIZE: usize = 8192;

/// What it begins with.
const SIGNATURE: &[u8; 16] = b"IntelGraphicsMem";
/// Its size in KiB.
const KIB: u32 = (SIZE >> 10) as u32;
/// Version 2.0, major in the uppermost byte.
const VERSION: u32 = 2 << 24;
/// Mailboxes that there are: the fourth, which is the VBT (bit 3).
const MAILBOXES: u32 = 1 << 3;
/// The lid of the machine is open, said in both bits (observed; Windows believes a zero to be a closed one).
const LID_OPEN: u32 = 0x3;

/// Offset: [`SIGNATURE`].
const AT_SIGNATURE: usize = 0x000;
/// Offset: [`KIB`].
const AT_SIZE: usize = 0x010;
/// Offset: [`VERSION`].
const AT_VERSION: usize = 0x014;
/// Offset: [`MAILBOXES`].
const AT_MAILBOXES: usize = 0x058;
/// Offset: CLID of the first mailbox, whether the lid is open.
const AT_LID: usize = 0x1ac;
/// Offset: the VBT.
const AT_VBT: usize = 0x400;

/// Reads the OpRegion of a vGPU, from byte `offset` on.
///
/// # Errors
///
/// `EINVAL` not inside of it.
pub(crate) fn read(platform: Platform, offset: u64, data: &mut [u8]) -> Result {
    let start = usize::try_from(offset)?;
    let end = start.checked_add(data.len()).ok_or(EINVAL)?;
    if end > SIZE {
        return Err(EINVAL);
    }
    let vbt = Vbt::new(platform);
    let parts: [(usize, &[u8]); 6] = [
        (AT_SIGNATURE, SIGNATURE),
        (AT_SIZE, &KIB.to_le_bytes()),
        (AT_VERSION, &VERSION.to_le_bytes()),
        (AT_MAILBOXES, &MAILBOXES.to_le_bytes()),
        (AT_LID, &LID_OPEN.to_le_bytes()),
        (AT_VBT, vbt.bytes()),
    ];
    data.fill(0);
    for (first, bytes) in parts {
        for (at, byte) in (first..).zip(bytes) {
            let place = at.checked_sub(start);
            if let Some(to) = place.and_then(|place| data.get_mut(place)) {
                *to = *byte;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
