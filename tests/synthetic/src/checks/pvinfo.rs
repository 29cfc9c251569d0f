// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The page by which a guest finds that its GPU is a virtual one.

use anyhow::{ensure, Result};
use vfio_bindings::bindings::vfio::VFIO_PCI_BAR2_REGION_INDEX;

use super::equal;
use crate::guest::Guest;
use crate::registers::{pvinfo, GGTT_SIZE, PAGE};

/// The most vGPUs of a GPU.
const MAX_VGPUS: u32 = 7;
/// Fences of every type.
const FENCES: u32 = 4;
/// Share, and bytes of the aperture and behind it, of each type.
const TYPES: [(u32, u64, u64); 4] = [
    (8, 64 << 20, 384 << 20),
    (4, 128 << 20, 512 << 20),
    (2, 256 << 20, 1 << 30),
    (1, 512 << 20, 2 << 30),
];

pub(super) fn discovery(guest: &mut Guest<'_>) -> Result<()> {
    equal(
        "the magic number",
        guest.read64(pvinfo::MAGIC)?,
        pvinfo::MAGIC_VALUE,
    )?;
    let halves = [pvinfo::MAGIC, pvinfo::MAGIC + 4];
    for (offset, half) in halves.into_iter().zip([
        pvinfo::MAGIC_VALUE as u32,
        (pvinfo::MAGIC_VALUE >> 32) as u32,
    ]) {
        equal("half of the magic number", guest.read32(offset)?, half)?;
    }
    for (offset, byte) in (pvinfo::MAGIC..).zip(pvinfo::MAGIC_VALUE.to_le_bytes()) {
        let [found] = guest.bar0(offset)?;
        equal("a byte of the magic number", found, byte)?;
    }
    let mut word = |offset| -> Result<u16> { Ok(u16::from_le_bytes(guest.bar0(offset)?)) };
    equal("the major version", word(pvinfo::VERSION_MAJOR)?, 1)?;
    equal("the minor version", word(pvinfo::VERSION_MINOR)?, 0)?;
    let id = guest.read32(pvinfo::ID)?;
    ensure!((1..=MAX_VGPUS).contains(&id), "the vGPU's number is {id}");
    equal(
        "what it can",
        guest.read32(pvinfo::CAPS)?,
        pvinfo::CAPS_VALUE,
    )
}

pub(super) fn balloon(guest: &mut Guest<'_>) -> Result<()> {
    let (aperture, high) = (guest.aperture()?, guest.high()?);
    let bar2 = guest.transport().region(VFIO_PCI_BAR2_REGION_INDEX)?;
    let table = GGTT_SIZE / 8 * PAGE;
    for address in [aperture.start, aperture.end, high.start, high.end] {
        equal("the offset of a range in its page", address % PAGE, 0)?;
    }
    // What a guest looks at before it goes on.
    ensure!(
        aperture.end <= bar2.size,
        "{aperture:#x?} is not inside of the aperture"
    );
    ensure!(
        high.start >= bar2.size && high.end <= table,
        "{high:#x?} is not behind the aperture"
    );
    let sizes = (aperture.end - aperture.start, high.end - high.start);
    let kind = TYPES
        .iter()
        .find(|(_, low, behind)| sizes == (*low, *behind));
    ensure!(kind.is_some(), "no type has the sizes {sizes:x?}");
    if let (Some(wanted), Some((share, _, _))) = (guest.share, kind) {
        equal("the share that the sizes are of", *share, wanted)?;
    }
    if !bar2.areas.is_empty() {
        ensure!(
            bar2.areas == [aperture.clone()],
            "what can be mapped, {:#x?}, is not {aperture:#x?}",
            bar2.areas
        );
    }
    Ok(())
}

pub(super) fn fences(guest: &mut Guest<'_>) -> Result<()> {
    equal(
        "the number of fences",
        guest.read32(pvinfo::FENCES)?,
        FENCES,
    )
}

pub(super) fn written(guest: &mut Guest<'_>) -> Result<()> {
    equal(
        "the cursor's hot spot after reset",
        guest.read32(pvinfo::CURSOR_X_HOT)?,
        u32::MAX,
    )?;
    for value in [1, 0] {
        guest.write32(pvinfo::DISPLAY_READY, value)?;
    }
    guest.write32(pvinfo::CURSOR_X_HOT, 5)?;
    equal(
        "the cursor's hot spot",
        guest.read32(pvinfo::CURSOR_X_HOT)?,
        5,
    )?;
    guest.write32(pvinfo::PDP0, 0x1234_5000)?;
    guest.write32(pvinfo::PDP0 + 4, 0x1)?;
    equal(
        "the root of a page table",
        guest.read64(pvinfo::PDP0)?,
        0x1_1234_5000,
    )?;
    guest.works()
}

pub(super) fn read_only(guest: &mut Guest<'_>) -> Result<()> {
    let (aperture, high) = (guest.aperture()?, guest.high()?);
    let read_only = [
        pvinfo::MAGIC,
        pvinfo::MAGIC + 4,
        pvinfo::VERSION_MAJOR,
        pvinfo::ID,
        pvinfo::CAPS,
        pvinfo::APERTURE,
        pvinfo::APERTURE + 4,
        pvinfo::HIGH,
        pvinfo::HIGH + 4,
        pvinfo::FENCES,
    ];
    for value in [0, u32::MAX] {
        for offset in read_only {
            // It may be refused, or ignored.
            let _ = guest.write32(offset, value);
            let _ = guest.set_bar0(offset, &value.to_le_bytes()[..1]);
        }
    }
    ensure!(
        guest.aperture()? == aperture,
        "the aperture's range changed"
    );
    ensure!(guest.high()? == high, "the range behind it changed");
    discovery(guest)?;
    fences(guest)?;
    // A guest that says that it has too little is given up, until it is reset.
    guest.write32(pvinfo::INSUFFICIENT, 1)?;
    guest.restart()?;
    ensure!(guest.aperture()? == aperture, "a reset lost the range");
    discovery(guest)?;
    guest.works()
}
