// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Regions beyond those of PCI: the monitor's EDID, and the OpRegion.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{ensure, Context, Result};
use vfio_bindings::bindings::vfio::{
    VFIO_PCI_NUM_REGIONS, VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE,
    VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION, VFIO_REGION_TYPE_PCI_VENDOR_TYPE,
};

use super::monitor::{self, Line};
use super::{equal, interrupts, until};
use crate::aux::{message, request, Channel, Outcome, BURST};
use crate::edid::{self, Edid, BLOCK};
use crate::event::Event;
use crate::guest::Guest;
use crate::plug::{find, Plug, BLOB, SIZE};
use crate::registers::display::{dpcd, port};
use crate::registers::*;
use crate::transport::Sharing;

/// Type and subtype of the OpRegion's.
pub(super) const OPREGION: (u32, u32) = (
    VFIO_REGION_TYPE_PCI_VENDOR_TYPE | 0x8086,
    VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION,
);

/// Lets pulses on the monitor's port interrupt.
fn listen(guest: &mut Guest<'_>, line: Line) -> Result<Event> {
    let event = Event::new()?;
    guest.connect_msi(&event)?;
    guest.enable_msi()?;
    interrupts::enable(guest, line.group, line.bit)?;
    guest.write32(port::HOTPLUG, port::HOTPLUG_ENABLE << line.shift)?;
    Ok(event)
}

/// A pulse comes, as a driver sees it, and what is the case then.
fn pulse(guest: &mut Guest<'_>, event: &Event, line: Line, there: bool) -> Result<()> {
    interrupts::arrives(guest, event, line.group, line.bit, line.master)?;
    let status = guest.read32(port::HOTPLUG)?;
    let long = port::HOTPLUG_LONG << line.shift;
    equal("the pulse", status & long, long)?;
    guest.write32(port::HOTPLUG, status)?;
    let status = guest.read32(port::HOTPLUG)? & long;
    equal("the pulse that was cleared", status, 0)?;
    let state = guest.read32(line.group)? & line.bit;
    equal(
        "that a monitor is there",
        state,
        if there { line.bit } else { 0 },
    )
}

pub(super) fn edid_region(guest: &mut Guest<'_>) -> Result<()> {
    let most = plug(guest)?.most()?;
    ensure!(
        most as usize >= BLOCK && most as usize % BLOCK == 0 && u64::from(most) <= SIZE - BLOB,
        "an EDID can have {most} bytes"
    );
    let largest = plug(guest)?.largest()?;
    if let Some(share) = guest.share {
        let wanted = monitor::largest(share);
        ensure!(largest == wanted, "the largest resolution is {largest:?}");
    }
    let line = monitor::line(guest.family()?);
    let event = listen(guest, line)?;
    for (width, height) in [(800, 600), (640, 480), (1024, 768)] {
        let new = edid::make(width, height);
        plug(guest)?.unplug()?;
        pulse(guest, &event, line, false)?;
        nobody(guest)?;
        plug(guest)?.give(&new)?;
        equal("the messages meanwhile", event.count()?, 0)?;
        plug(guest)?.connect()?;
        pulse(guest, &event, line, true)?;
        let found = monitor::edid(guest, BURST)?;
        ensure!(found == new, "the EDID is not the new one: {found:x?}");
        let blob = plug(guest)?.blob()?;
        ensure!(blob == new, "the region has not what was written");
        ensure!(plug(guest)?.is_up()?, "the link is not up");
        let described = Edid::parse(&found)?;
        ensure!(described.preferred == (width, height), "{described:?}");
    }
    // It stays over a reset, as a real monitor does.
    let before = monitor::edid(guest, BURST)?;
    guest.transport().reset()?;
    ensure!(
        monitor::edid(guest, BURST)? == before,
        "a reset changed the EDID"
    );
    // Nonsense is refused, and the monitor that there is stays. So it is where there is none.
    plug(guest)?.nonsense()?;
    ensure!(
        monitor::edid(guest, BURST)? == before,
        "nonsense changed the EDID"
    );
    plug(guest)?.unplug()?;
    plug(guest)?.nonsense()?;
    nobody(guest)?;
    let good = edid::make(800, 600);
    plug(guest)?.replace(&good)?;
    ensure!(
        monitor::edid(guest, BURST)? == good,
        "after nonsense the EDID is another one"
    );
    guest.works()
}

/// The client's way to the monitor.
fn plug<'a>(guest: &'a mut Guest<'_>) -> Result<Plug<'a>> {
    Plug::new(guest.transport())
}

/// No monitor answers.
fn nobody(guest: &mut Guest<'_>) -> Result<()> {
    let channel = Channel::of_monitor(guest)?;
    let read = message(request::READ, dpcd::REVISION, 1, &[]);
    let found = channel.exchange(guest, &read)?;
    ensure!(
        found == Outcome::Nobody,
        "a monitor that is not there: {found:x?}"
    );
    Ok(())
}

/// Where things are in an OpRegion (observed: i915, `intel_opregion.c`): signature, size in KiB,
/// version, mailboxes, and the VBT.
mod opregion {
    pub(super) const SIZE: u64 = 8192;
    pub(super) const SIGNATURE: &[u8] = b"IntelGraphicsMem";
    pub(super) const KIB: usize = 16;
    pub(super) const MAJOR: usize = 23;
    pub(super) const MAILBOXES: usize = 88;
    pub(super) const HAS_VBT: u32 = 1 << 3;
    pub(super) const VBT: usize = 0x400;
    pub(super) const VBT_SIGNATURE: &[u8] = b"$VBT";
    pub(super) const VBT_SIZE: usize = 24;
    pub(super) const VBT_BDB: usize = 28;
    pub(super) const BDB_SIGNATURE: &[u8] = b"BIOS_DATA_BLOCK ";
}

pub(super) fn opregion(guest: &mut Guest<'_>) -> Result<()> {
    use opregion::*;
    let (region, info) = find(guest.transport(), OPREGION)?.context("there is no such region")?;
    equal("the size of the OpRegion", info.size, SIZE)?;
    let access = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
    equal(
        "the access of the OpRegion",
        info.flags & access,
        VFIO_REGION_INFO_FLAG_READ,
    )?;
    let mut whole = vec![0; SIZE as usize];
    guest.transport().read(region, 0, &mut whole)?;
    let word = |at: usize| {
        let bytes = whole.get(at..).and_then(<[u8]>::first_chunk::<4>);
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    };
    ensure!(whole.starts_with(SIGNATURE), "no OpRegion begins like that");
    equal("its size in KiB", word(KIB), (SIZE >> 10) as u32)?;
    equal("its major version", whole[MAJOR], 2)?;
    equal("that it has a VBT", word(MAILBOXES) & HAS_VBT, HAS_VBT)?;
    let vbt = &whole[VBT..];
    ensure!(vbt.starts_with(VBT_SIGNATURE), "no VBT begins like that");
    let size = (word(VBT + VBT_SIZE) & 0xffff) as usize;
    ensure!(size <= vbt.len(), "the VBT has {size} bytes");
    let sum = vbt[..size]
        .iter()
        .fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    equal("the sum of the VBT", sum, 0)?;
    let bdb = word(VBT + VBT_BDB) as usize;
    ensure!(
        vbt.get(bdb..)
            .is_some_and(|bdb| bdb.starts_with(BDB_SIGNATURE)),
        "the VBT has no data blocks"
    );
    // It can't be changed, and every piece is the same.
    for offset in [0, VBT as u64, SIZE - 4] {
        let written = guest.transport().write(region, offset, &[0xff; 4]);
        ensure!(written.is_err(), "the OpRegion takes writes at {offset:#x}");
    }
    for (offset, length) in [(0, 1), (1, 2), (3, 4), (0x3ff, 3), (0x400, 64), (8191, 1)] {
        let mut piece = vec![0; length];
        guest.transport().read(region, offset as u64, &mut piece)?;
        ensure!(
            piece == whole[offset..offset + length],
            "{length} bytes of the OpRegion at {offset:#x} differ"
        );
    }
    let mapped = guest
        .transport()
        .map_region(region, 0, PAGE as usize, Sharing::Shared);
    ensure!(mapped.is_err(), "the OpRegion can be mapped to be written");
    Ok(())
}

/// Accesses that are not inside, of all regions beyond PCI's.
pub(super) fn bounds(guest: &mut Guest<'_>) -> Result<()> {
    let last = guest.transport().info()?.regions;
    for region in VFIO_PCI_NUM_REGIONS..last {
        let size = guest.transport().region(region)?.size;
        let wrap = 1_u64 << 32;
        for (offset, count) in [
            (size, 1),
            (size - 1, 2),
            (size - 3, 4),
            (0, size as usize + 1),
            (4, size as usize),
            (size.next_multiple_of(1 << 16), 4),
            (size.next_multiple_of(1 << 16) + 20, 4),
            (wrap, 4),
            (wrap + 20, 4),
            (wrap - 4, 8),
            ((1 << 40) - 4, 4),
        ] {
            let mut data = vec![0; count];
            let read = guest.transport().read(region, offset, &mut data);
            ensure!(
                read.is_err(),
                "a read of {count} bytes at {offset:#x} of region {region} is no error"
            );
            let written = guest.transport().write(region, offset, &data);
            ensure!(
                written.is_err(),
                "a write of {count} bytes at {offset:#x} of region {region} is no error"
            );
        }
    }
    guest.works()
}

/// A client plugs and unplugs the monitor while another thread does what a guest does.
pub(super) fn beside_accesses(guest: &mut Guest<'_>) -> Result<()> {
    /// How often.
    const ROUNDS: usize = 300;
    /// After so many the monitor stays until the guest has read an EDID.
    const STAYS: usize = 50;
    let mut twin = guest.transport().twin()?;
    let edids = [edid::make(800, 600), edid::make(1024, 768)];
    let read = &AtomicUsize::new(0);
    std::thread::scope(|scope| -> Result<()> {
        let client = scope.spawn(move || -> Result<()> {
            let mut plug = Plug::new(&mut *twin)?;
            for (round, edid) in (1..=ROUNDS).zip(edids.iter().cycle()) {
                plug.replace(edid)?;
                ensure!(plug.is_up()?, "the link is not up");
                if round % STAYS == 0 {
                    let before = read.load(Ordering::Relaxed);
                    until("an EDID was read", || {
                        read.load(Ordering::Relaxed) != before
                    })?;
                }
            }
            Ok(())
        });
        let line = monitor::line(guest.family()?);
        while !client.is_finished() {
            guest.write32(port::HOTPLUG, u32::MAX)?;
            guest.read32(line.group)?;
            // A monitor that goes while its EDID is read is no fault.
            if let Ok(edid) = monitor::edid(guest, BURST) {
                if Edid::parse(&edid).is_ok() {
                    read.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        client
            .join()
            .map_err(|_| anyhow::anyhow!("the client's thread failed"))?
    })?;
    let edid = monitor::edid(guest, BURST)?;
    ensure!(
        edids_has(&edids, &edid),
        "in the end the EDID is none of those that were written"
    );
    guest.works()
}

fn edids_has(edids: &[[u8; BLOCK]], found: &[u8]) -> bool {
    edids.iter().any(|edid| edid == found)
}
