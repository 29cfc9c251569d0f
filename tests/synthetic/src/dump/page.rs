// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The page by which a guest finds that its GPU is a virtual one.

use anyhow::Result;

use super::{values, Dump, DWORD};
use crate::registers::{pvinfo, PAGE};

/// What a guest notifies of: page tables made or gone, contexts (`g2v_notify`).
const NOTIFY: u64 = pvinfo::BASE + 0x810;
/// A notification that there is not.
const NO_NOTIFICATION: u32 = 0x7fff;
/// Where a guest hands over what it notifies of, and tells of its cursor: all that it may write.
const WRITABLE: std::ops::Range<u64> = pvinfo::CURSOR_X_HOT..pvinfo::BASE + 0x850;

/// Whether a register is on the page.
pub(super) fn contains(offset: u64) -> bool {
    (pvinfo::BASE..pvinfo::BASE + PAGE).contains(&offset)
}

pub(super) fn dump(dump: &mut Dump<'_, '_>) -> Result<()> {
    let dwords = || (pvinfo::BASE..pvinfo::BASE + PAGE).step_by(DWORD as usize);
    for offset in dwords().filter(|offset| *offset != pvinfo::ID) {
        let value = dump.read(offset);
        let text = dump.value(value);
        dump.line(&format!("page reset {offset:#07x}"), &text)?;
    }
    for width in [1, 2, 8] {
        for at in (pvinfo::MAGIC..pvinfo::ID).step_by(width) {
            let mut data = vec![0; width];
            let region = vfio_bindings::bindings::vfio::VFIO_PCI_BAR0_REGION_INDEX;
            let read = dump.guest.transport().read(region, at, &mut data);
            let text = read.map_or("refused".to_owned(), |()| format!("{data:02x?}"));
            dump.line(&format!("page read {at:#07x} r{width}"), &text)?;
        }
    }
    let told = [pvinfo::DISPLAY_READY, NOTIFY, pvinfo::INSUFFICIENT];
    for offset in dwords().filter(|offset| *offset != pvinfo::ID && !told.contains(offset)) {
        let writable = WRITABLE.contains(&offset);
        let values = if writable { values::MANY } else { values::FEW };
        for (number, value) in values.iter().enumerate() {
            let key = format!("page write {offset:#07x} w4 #{number} {value:#010x}");
            dump.write(&key, offset, &value.to_le_bytes(), &[offset])?;
        }
    }
    for (offset, values) in [
        (pvinfo::DISPLAY_READY, [1, 0]),
        (NOTIFY, [0, NO_NOTIFICATION]),
        // The last: from here on the guest is given up.
        (pvinfo::INSUFFICIENT, [0, 1]),
    ] {
        for value in values {
            let key = format!("page told {offset:#07x} {value:#x}");
            dump.write(&key, offset, &value.to_le_bytes(), &[offset])?;
        }
    }
    Ok(())
}
