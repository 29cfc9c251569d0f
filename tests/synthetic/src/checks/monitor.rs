// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The monitor, as a driver finds it on its port.

use anyhow::{ensure, Result};

use super::equal;
use crate::aux::{address_only, answer, message, request, Channel, Outcome, BURST, EDID_ADDRESS};
use crate::edid::{Edid, BLOCK};
use crate::guest::{Family, Guest};
use crate::registers::display::{dpcd, port};
use crate::registers::*;

/// Where a port's monitor is seen, and where its coming and going is told.
#[derive(Clone, Copy)]
pub(super) struct Line {
    /// The group of interrupts; its first register tells what is the case.
    pub(super) group: u64,
    /// The bit there.
    pub(super) bit: u32,
    /// The bit of the group in the master.
    pub(super) master: u32,
    /// Where the port's bits in the register of pulses are.
    pub(super) shift: u32,
}

/// Those of ports B, C and D, as far as there are such.
fn lines(family: Family) -> Vec<Line> {
    let (group, first, master, count) = match family {
        Family::Bxt => (DE_PORT, port::DE_PORT_B_BXT, MASTER_PORT, 2),
        Family::Bdw | Family::Gen9 => (PCH, port::PCH_B, MASTER_PCH, 3),
    };
    let line = |number| Line {
        group,
        bit: first << number,
        master,
        shift: number * port::HOTPLUG_SHIFT,
    };
    (0..count).map(line).collect()
}

/// That of the monitor.
pub(super) fn line(family: Family) -> Line {
    lines(family)[(family.monitor() - port::B) as usize]
}

/// The monitor's EDID, by AUX: all its blocks.
pub(super) fn edid(guest: &mut Guest<'_>, burst: usize) -> Result<Vec<u8>> {
    let channel = Channel::of_monitor(guest)?;
    let mut edid = channel.edid(guest, 0, BLOCK, burst)?;
    let extensions = usize::from(edid[BLOCK - 2]);
    ensure!(
        extensions <= 1,
        "{extensions} extensions do not fit an offset"
    );
    if extensions == 1 {
        edid.extend(channel.edid(guest, BLOCK as u8, BLOCK, burst)?);
    }
    Ok(edid)
}

/// The largest resolution of a type.
pub(super) fn largest(share: u32) -> (u32, u32) {
    match share {
        8 => (1024, 768),
        _ => (1920, 1200),
    }
}

pub(super) fn aux(guest: &mut Guest<'_>) -> Result<()> {
    let channel = Channel::of_monitor(guest)?;
    // What a driver reads first, in one message.
    let receiver = channel.read(guest, dpcd::REVISION, BURST)?;
    ensure!(
        (0x10..=0x14).contains(&receiver[0]),
        "the revision is {:#x}",
        receiver[0]
    );
    ensure!(
        dpcd::RATES.contains(&receiver[1]),
        "the greatest rate is {:#x}",
        receiver[1]
    );
    let lanes = receiver[2] & 0x1f;
    ensure!([1, 2, 4].contains(&lanes), "there are {lanes} lanes");
    // Every number of bytes gives the same bytes.
    for count in 1..=BURST {
        let found = channel.read(guest, dpcd::REVISION, count)?;
        ensure!(
            found == receiver[..count],
            "{count} bytes of the DPCD differ"
        );
    }
    let sinks = channel.read(guest, dpcd::SINK_COUNT, 1)?[0] & 0x3f;
    equal("the number of sinks", sinks, 1)?;
    let whole = edid(guest, BURST)?;
    let described = Edid::parse(&whole)?;
    if let Some(share) = guest.share {
        let (width, height) = largest(share);
        let (found_width, found_height) = described.preferred;
        ensure!(
            found_width <= width && found_height <= height,
            "it prefers {found_width}x{found_height}, which is more than its type has"
        );
    }
    for burst in 1..BURST {
        ensure!(
            edid(guest, burst)? == whole,
            "read by {burst} bytes, the EDID is another one"
        );
    }
    // From anywhere on.
    for offset in [1, 7, 64, 126] {
        let length = BLOCK - usize::from(offset);
        let found = channel.edid(guest, offset, length, BURST)?;
        ensure!(
            found == whole[usize::from(offset)..BLOCK],
            "read from {offset} on, the EDID is another one"
        );
    }
    // The link is trained as drivers do it.
    channel.write(guest, dpcd::POWER, &[dpcd::POWER_ON])?;
    channel.write(guest, dpcd::LINK, &[dpcd::RATES[0], lanes])?;
    for pattern in dpcd::PATTERNS {
        channel.write(guest, dpcd::TRAINING, &[pattern])?;
        channel.read(guest, dpcd::LANES, 6)?;
    }
    let trained = channel.read(guest, dpcd::LANES, 3)?;
    let pairs = usize::from(lanes).div_ceil(2);
    let wanted = match lanes {
        1 => dpcd::LANES_TRAINED & 0xf,
        _ => dpcd::LANES_TRAINED,
    };
    for pair in trained.iter().take(pairs) {
        equal("that lanes are trained", pair & wanted, wanted)?;
    }
    let aligned = trained[2] & dpcd::ALIGNED;
    equal("that lanes are aligned", aligned, dpcd::ALIGNED)?;
    channel.write(guest, dpcd::TRAINING, &[0])
}

pub(super) fn hotplug_state(guest: &mut Guest<'_>) -> Result<()> {
    let family = guest.family()?;
    let all: u32 = lines(family).iter().map(|line| line.bit).sum();
    let monitor = line(family);
    let found = guest.read32(monitor.group)?;
    equal("the ports with a monitor", found & all, monitor.bit)?;
    // It was always there: nothing came or went.
    let pulse = guest.read32(port::HOTPLUG)? >> monitor.shift & 0x3;
    equal("the pulse on the monitor's port", pulse, 0)?;
    let pending = guest.read32(monitor.group + IIR)? & all;
    equal("the pending interrupts of ports", pending, 0)
}

/// Messages to the DPCD and to I²C, of every size, at every edge.
pub(super) fn any_message(guest: &mut Guest<'_>) -> Result<()> {
    let channel = Channel::of_monitor(guest)?;
    let receiver = channel.read(guest, dpcd::REVISION, BURST)?;
    let whole = edid(guest, BURST)?;
    let places = [
        0x000, 0x001, 0x00f, 0x100, 0x102, 0x1ff, 0x200, 0x202, 0x2ff, 0x600, 0x6f0, 0x6ff, 0x700,
        0x701, 0x7ff, 0xfff, 0x1000, 0x2000, 0xf_fff0, 0xf_ffff,
    ];
    for code in 0..16 {
        for place in places {
            for count in [1, 2, 4, 15, 16, 17, 20, 31, 128, 256] {
                let written = vec![0xa5; count.min(BURST)];
                for data in [&[][..], &written] {
                    survives(guest, channel, &message(code, place, count, data))?;
                }
            }
            survives(guest, channel, &address_only(code, place))?;
        }
    }
    // A size that is not the message's, and none at all.
    for size in 0..=AUX_SIZE_MASK {
        for first in [0, AUX_READ, u32::MAX] {
            guest.write32(channel.control() + 4, first)?;
            let more = AUX_DONE | AUX_TIMEOUT | AUX_RECEIVE_ERROR;
            let control = AUX_BUSY | size << AUX_SIZE_SHIFT | more;
            guest.write32(channel.control(), control)?;
            let status = guest.read32(channel.control())?;
            equal("that a message is under way", status & AUX_BUSY, 0)?;
        }
    }
    behind_the_end(guest, channel)?;
    ensure!(
        channel.read(guest, dpcd::REVISION, BURST)? == receiver,
        "what a sink is has been written"
    );
    ensure!(
        edid(guest, BURST)? == whole,
        "the EDID has been written by AUX"
    );
    guest.works()
}

/// Sends a message that may be wrong in any way: something comes of it, at once.
fn survives(guest: &mut Guest<'_>, channel: Channel, message: &[u8]) -> Result<()> {
    let message = &message[..message.len().min(crate::aux::LONGEST)];
    channel.exchange(guest, message).map(drop)
}

/// Seeks to all places of an EDID's address space and reads on, over the end.
fn behind_the_end(guest: &mut Guest<'_>, channel: Channel) -> Result<()> {
    for offset in [0x7f, 0x80, 0xf0, 0xff] {
        let seek = request::I2C_WRITE | request::I2C_MORE;
        let seek = message(seek, EDID_ADDRESS, 1, &[offset]);
        channel.exchange(guest, &seek)?;
        for _ in 0..40 {
            let read = request::I2C_READ | request::I2C_MORE;
            let read = message(read, EDID_ADDRESS, BURST, &[]);
            match channel.exchange(guest, &read)? {
                Outcome::Answer(answer::ACK, _) => {}
                _ => break,
            }
        }
        let stop = address_only(request::I2C_READ, EDID_ADDRESS);
        channel.exchange(guest, &stop)?;
    }
    // Nobody but the EDID is on the bus.
    for address in (0..0x80).filter(|address| *address != EDID_ADDRESS) {
        let read = message(request::I2C_READ, address, 1, &[]);
        let found = channel.exchange(guest, &read)?;
        if let Outcome::Answer(answer::ACK, data) = found {
            // The segment of larger EDIDs takes writes alone.
            ensure!(
                data.is_empty(),
                "something answers on I²C at {address:#x}: {data:x?}"
            );
        }
    }
    Ok(())
}
