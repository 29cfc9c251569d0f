// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Registers that answer at once where hardware takes its time.

use anyhow::{ensure, Result};

use super::equal;
use crate::guest::{Family, Guest};
use crate::registers::*;

pub(super) fn forcewake(guest: &mut Guest<'_>) -> Result<()> {
    let domains: &[(u64, u64)] = match guest.family()? {
        Family::Bdw => &FORCEWAKE_GEN8,
        Family::Bxt | Family::Gen9 => &FORCEWAKE_GEN9,
    };
    for (request, acknowledge) in domains {
        let what = format!("the acknowledge of {request:#x}");
        for value in [1, 0, 1] {
            guest.write_masked(*request, 1, value)?;
            equal(&what, guest.read32(*acknowledge)? & 1, value)?;
        }
        // Bits of another user stay.
        guest.write_masked(*request, 2, 2)?;
        equal(&what, guest.read32(*acknowledge)? & 3, 3)?;
        guest.write_masked(*request, 1, 0)?;
        equal(&what, guest.read32(*acknowledge)? & 3, 2)?;
        guest.write_masked(*request, 2, 0)?;
    }
    Ok(())
}

pub(super) fn gdrst(guest: &mut Guest<'_>) -> Result<()> {
    let gma = guest.aperture()?.start;
    guest.map(gma, 0x50)?;
    let entry = guest.entry(gma)?;
    for domain in GDRST_DOMAINS {
        guest.write32(GDRST, domain)?;
        equal("GDRST", guest.read32(GDRST)?, 0)?;
    }
    equal("an entry of the GGTT", guest.entry(gma)?, entry)?;
    guest.works()
}

pub(super) fn reset_ctl(guest: &mut Guest<'_>) -> Result<()> {
    for base in ENGINES {
        let at = base + RESET_CTL;
        let what = format!("RESET_CTL of the engine at {base:#x}");
        guest.write_masked(at, RESET_REQUEST, RESET_REQUEST)?;
        let ready = guest.read32(at)? & RESET_READY;
        equal(&format!("{what}, asked,"), ready, RESET_READY)?;
        guest.write_masked(at, RESET_REQUEST, 0)?;
        let ready = guest.read32(at)? & (RESET_READY | RESET_REQUEST);
        equal(&format!("{what}, not asked any more,"), ready, 0)?;
    }
    Ok(())
}

/// Gives the mailbox a command; what it answers.
fn mailbox(guest: &mut Guest<'_>, command: u32, data: u32) -> Result<u32> {
    guest.write32(PCODE_DATA, data)?;
    guest.write32(PCODE_MAILBOX, PCODE_BUSY | command)?;
    let mailbox = guest.read32(PCODE_MAILBOX)?;
    equal("the mailbox's busy bit", mailbox & PCODE_BUSY, 0)?;
    equal("the mailbox's error", mailbox & PCODE_ERROR, 0)?;
    guest.read32(PCODE_DATA)
}

pub(super) fn pcode(guest: &mut Guest<'_>) -> Result<()> {
    let latencies = match guest.family()? {
        Family::Gen9 => Some(PCODE_LATENCIES),
        Family::Bxt => Some(PCODE_LATENCIES_BXT),
        Family::Bdw => None,
    };
    for (set, latency) in (0..).zip(latencies.into_iter().flatten()) {
        let found = mailbox(guest, PCODE_READ_LATENCY, set)?;
        equal("latencies of memory", found, latency)?;
    }
    if guest.family()? == Family::Gen9 {
        let ready = mailbox(guest, PCODE_CDCLK, 3)?;
        equal("readiness for another clock", ready, 1)?;
        let disabled = mailbox(guest, PCODE_SAGV, 0)?;
        equal("absence of voltage changes", disabled, 1)?;
    }
    // A command that there is not.
    mailbox(guest, 0, 0)?;
    Ok(())
}

pub(super) fn power_wells(guest: &mut Guest<'_>) -> Result<()> {
    let requests = match guest.family()? {
        Family::Bdw => POWER_REQUESTS_BDW,
        Family::Bxt => POWER_REQUESTS_BXT,
        Family::Gen9 => POWER_REQUESTS_GEN9,
    };
    for request in (0..32)
        .map(|bit| 1 << bit)
        .filter(|bit| bit & requests != 0)
    {
        guest.write32(POWER_WELLS, request)?;
        let found = guest.read32(POWER_WELLS)?;
        equal(
            "a power well that is asked for",
            found,
            request | request >> 1,
        )?;
    }
    guest.write32(POWER_WELLS, requests)?;
    let all = requests | requests >> 1;
    equal("all power wells", guest.read32(POWER_WELLS)?, all)?;
    guest.write32(POWER_WELLS, 0)?;
    equal("no power well", guest.read32(POWER_WELLS)?, 0)
}

pub(super) fn plls(guest: &mut Guest<'_>) -> Result<()> {
    if guest.family()? == Family::Bdw {
        guest.write32(LCPLL_BDW, LCPLL_BDW_DISABLE)?;
        equal("the lock of LCPLL", guest.read32(LCPLL_BDW)? & LOCKED, 0)?;
        guest.write32(LCPLL_BDW, 0)?;
        let lock = guest.read32(LCPLL_BDW)? & LOCKED;
        return equal("the lock of LCPLL", lock, LOCKED);
    }
    for at in LCPLLS {
        guest.write32(at, ENABLE)?;
        let found = guest.read32(at)?;
        equal(
            "a PLL that is on",
            found & (ENABLE | LOCKED),
            ENABLE | LOCKED,
        )?;
        guest.write32(at, 0)?;
        equal("a PLL that is off", guest.read32(at)? & LOCKED, 0)?;
    }
    let mut locks = 0;
    for (place, at) in LCPLLS.into_iter().chain(WRPLLS).enumerate() {
        guest.write32(at, ENABLE)?;
        locks |= 1 << (8 * place);
        equal("the locks of all PLLs", guest.read32(DPLL_STATUS)?, locks)?;
    }
    Ok(())
}

pub(super) fn dbuf(guest: &mut Guest<'_>) -> Result<()> {
    guest.write32(DBUF, ENABLE)?;
    equal("DBUF that is on", guest.read32(DBUF)? & LOCKED, LOCKED)?;
    guest.write32(DBUF, 0)?;
    equal("DBUF that is off", guest.read32(DBUF)? & LOCKED, 0)
}

pub(super) fn ddi_idle(guest: &mut Guest<'_>) -> Result<()> {
    for port in 0..5 {
        let at = DDI_BUF + DDI_STRIDE * port;
        guest.write32(at, ENABLE)?;
        equal("a DDI buffer that is on", guest.read32(at)? & DDI_IDLE, 0)?;
        guest.write32(at, 0)?;
        let idle = guest.read32(at)? & DDI_IDLE;
        equal("a DDI buffer that is off", idle, DDI_IDLE)?;
    }
    Ok(())
}

pub(super) fn widths(guest: &mut Guest<'_>) -> Result<()> {
    let at = SCRATCH;
    let bytes = [0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe];
    guest.write64(at, u64::from_le_bytes(bytes))?;
    for width in [1, 2, 4, 8] {
        for (offset, part) in (at..).step_by(width).zip(bytes.chunks_exact(width)) {
            let mut found = vec![0; width];
            let region = vfio_bindings::bindings::vfio::VFIO_PCI_BAR0_REGION_INDEX;
            guest.transport().read(region, offset, &mut found)?;
            ensure!(
                found == part,
                "{width} bytes at {offset:#x} are {found:x?}, not {part:x?}"
            );
        }
    }
    for width in [1, 2, 4, 8] {
        guest.write64(at, 0)?;
        for (offset, part) in (at..).step_by(width).zip(bytes.chunks_exact(width)) {
            guest.set_bar0(offset, part)?;
        }
        let found: [u8; 8] = guest.bar0(at)?;
        ensure!(
            found == bytes,
            "written in {width} bytes it is {found:x?}, not {bytes:x?}"
        );
    }
    Ok(())
}
