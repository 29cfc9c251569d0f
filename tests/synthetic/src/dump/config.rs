// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Configuration space: as it is after a reset, BARs as they are sized, and every dword written at
//! every width.

use anyhow::Result;
use vfio_bindings::bindings::vfio::VFIO_PCI_CONFIG_REGION_INDEX as CONFIG;

use super::{values, Dump, DWORD};
use crate::registers::config;

/// The most bytes that are read at once.
const WHOLE: usize = config::SIZE as usize;

pub(super) fn dump(dump: &mut Dump<'_, '_>) -> Result<()> {
    let whole: [u8; WHOLE] = dump.guest.config(0)?;
    for (offset, byte) in whole.iter().enumerate() {
        dump.line(
            &format!("config reset {offset:#04x}"),
            &format!("{byte:#04x}"),
        )?;
    }
    for bar in [config::BAR0, config::BAR2, config::BAR4] {
        for at in [bar, bar + DWORD] {
            write(dump, &format!("config size {at:#04x}"), at, &[0xff; 4])?;
        }
    }
    for offset in (0..config::SIZE).step_by(DWORD as usize) {
        for value in values::NARROW {
            for width in [4, 2, 1] {
                for (at, part) in value.to_le_bytes().chunks_exact(width).enumerate() {
                    let at = (at * width) as u64;
                    let key = format!("config write {offset:#04x} w{width} +{at} {value:#010x}");
                    write(dump, &key, offset + at, part)?;
                }
            }
        }
    }
    Ok(())
}

/// Writes, and prints the dword that was written to.
fn write(dump: &mut Dump<'_, '_>, key: &str, offset: u64, data: &[u8]) -> Result<()> {
    let refused = dump.guest.transport().write(CONFIG, offset, data).is_err();
    let dword = dump.guest.config32(offset & !(DWORD - 1))?;
    let refused = if refused { "refused, " } else { "" };
    dump.line(key, &format!("{refused}{dword:#010x}"))
}
