// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Every register that does something, written at each width; and what that changed elsewhere.

use anyhow::Result;
use iface::registers::Platform;

use super::handled::{self, Handled};
use super::{values, Dump, DWORD};
use crate::registers::*;

/// What takes contexts: whatever is written starts work that there is no memory for.
const SUBMISSION: &str = "elsp_mmio_write";
/// The page that has lines of its own.
const PAGE_OF_GUESTS: &str = "pvinfo_mmio_read+pvinfo_mmio_write";
/// Those by which a guest is given up that turns on what it can't have: only the first of each gets
/// all values, and they come last.
const GIVEN_UP: [&str; 2] = ["csfe_chicken1_mmio_write", "ring_mode_mmio_write"];
/// A write of the address of a status page.
const STATUS_PAGE: &str = "hws_pga_write";

/// A plane's surface, whose flip is done at once, as commands and drivers write it (PRM, 0x50080).
const FLIP_A: u64 = 0x5_0080;
/// See [`FLIP_A`].
const FLIP_AT_ONCE: u32 = 1;
/// The group of pipe A.
const PIPE_A: u64 = 0x4_4400;
/// A register that commands may write without privilege, by the list of the C driver.
const NONPRIV: u64 = 0x24d0;
/// What may be in such a slot: CS_CHICKEN1, HDC_CHICKEN0, and the register that stands for none.
const NONPRIV_ALLOWED: [u32; 3] = [0x2580, 0x7300, 0x2094];
/// SBI_ADDR, SBI_DATA and SBI_CTL_STAT, the way to registers of the PCH.
const SBI: [u64; 3] = [0xc_6000, 0xc_6004, 0xc_6008];
/// SBI: write, read; the interface is busy.
const SBI_WRITE: u32 = 7 << 8 | 1;
/// See [`SBI_WRITE`].
const SBI_READ: u32 = 6 << 8 | 1;
/// TRTTE: tables by virtual address, and on.
const TRTTE: u64 = 0x4df4;
/// GAMW_ECO_DEV_RW_IA: 64 KiB pages, for all engines.
const GAMW: u64 = 0x4080;
/// See [`GAMW`].
const GAMW_ALL: u32 = 0xf;
/// AUX_CTL: a request of four bytes is sent.
const AUX_SEND: u32 = AUX_BUSY | 4 << AUX_SIZE_SHIFT;
/// AUX: the first data register of channel A, where no monitor is; a native read, a native write.
const AUX_DATA: u64 = AUX_A + 4;
/// See [`AUX_DATA`].
const AUX_READ: u32 = 9 << 28;
/// See [`AUX_DATA`].
const AUX_WRITE: u32 = 8 << 28;
/// GMBUS0: pin pair of port B, where no monitor is.
const GMBUS_PORT_B: u32 = 5;
/// A step of a longer conversation: where, and what.
type Step = (u64, u32);

pub(super) fn dump(dump: &mut Dump<'_, '_>) -> Result<()> {
    let groups = groups(dump.platform);
    let dangerous: Vec<u64> = groups
        .iter()
        .filter(|(name, _)| GIVEN_UP.contains(&name.as_str()))
        .flat_map(|(_, rows)| rows.iter().flat_map(Handled::dwords))
        .collect();
    // A reset of the C driver writes all of the vGPU's GGTT, so there are few.
    dump.reset()?;
    let mut sweep = Sweep::new(dump);
    for (name, rows) in &groups {
        let what = format!("handled {name}");
        let is_given_up = GIVEN_UP.contains(&name.as_str());
        for row in rows.iter().rev() {
            if name == STATUS_PAGE {
                status_page(dump, row.offset)?;
            }
            let values = match is_given_up && row.offset != rows[0].offset {
                true => values::HARMLESS,
                false => values::MANY,
            };
            for offset in row.dwords() {
                let pair = offset % 8 == 0 && !dangerous.contains(&(offset + DWORD));
                dump.write_whole(&what, offset, values, pair && !is_given_up)?;
            }
        }
        sweep.changes(dump, name)?;
        if is_given_up {
            dump.reset()?;
            sweep = Sweep::new(dump);
        }
    }
    conversations(dump, &mut sweep)?;
    // What the C driver does with pieces is not defined, so nothing is looked at behind them.
    dump.reset()?;
    for (name, rows) in &groups {
        for offset in rows.iter().flat_map(Handled::dwords) {
            dump.write_pieces(&format!("handled {name}"), offset)?;
        }
    }
    Ok(())
}

/// The registers by their handlers.
fn groups(platform: Platform) -> Vec<(String, Vec<Handled>)> {
    let mut groups: Vec<(String, Vec<Handled>)> = Vec::new();
    for row in handled::list(platform) {
        if [SUBMISSION, PAGE_OF_GUESTS].contains(&row.handlers.as_str()) {
            continue;
        }
        match groups.iter_mut().find(|(name, _)| *name == row.handlers) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((row.handlers.clone(), vec![row])),
        }
    }
    groups.sort_by_key(|(name, _)| GIVEN_UP.contains(&name.as_str()));
    groups
}

/// A status page that the vGPU has, and none.
fn status_page(dump: &mut Dump<'_, '_>, offset: u64) -> Result<()> {
    let [(aperture, _), (high, _)] = dump.places;
    for (what, value) in [("aperture", aperture), ("high", high), ("none", 0)] {
        let key = format!("handled {STATUS_PAGE} {offset:#08x} {what}");
        dump.write(&key, offset, &value.to_le_bytes(), &[offset])?;
    }
    Ok(())
}

/// The tracked registers as they were when last looked at.
struct Sweep {
    offsets: Vec<u64>,
    values: Vec<Option<u32>>,
}

impl Sweep {
    fn new(dump: &mut Dump<'_, '_>) -> Self {
        let offsets = dump.tracked();
        let values = offsets.iter().map(|at| dump.read(*at)).collect();
        Self { offsets, values }
    }

    /// Prints what has changed since.
    fn changes(&mut self, dump: &mut Dump<'_, '_>, after: &str) -> Result<()> {
        for (offset, value) in self.offsets.iter().zip(&mut self.values) {
            let now = dump.read(*offset);
            if now != *value {
                *value = now;
                let key = format!("after {after} {}", dump.name(*offset));
                let text = dump.value(now);
                dump.line(&key, &text)?;
            }
        }
        Ok(())
    }
}

/// What takes more than one register.
fn conversations(dump: &mut Dump<'_, '_>, sweep: &mut Sweep) -> Result<()> {
    let masked = |offset: u64| -> Vec<Step> {
        let steps = [1, 2, 4, 0x8000].map(|bit| [(offset, bit << 16 | bit), (offset, bit << 16)]);
        steps.concat()
    };
    let mailbox =
        |data: u32, command: u32| [(PCODE_DATA, data), (PCODE_MAILBOX, PCODE_BUSY | command)];
    let sbi = |place: u32, data: u32, command: u32| {
        [(SBI[0], place << 16), (SBI[1], data), (SBI[2], command)]
    };
    let interrupts = |first: Step, second: Step| {
        vec![
            (MASTER, MASTER_ENABLE),
            first,
            second,
            (FLIP_A, FLIP_AT_ONCE),
            (PIPE_A + IIR, 0),
            (PIPE_A + IMR, u32::MAX),
            (PIPE_A + IER, 0),
            (PIPE_A + IER, u32::MAX),
            (PIPE_A + IIR, u32::MAX),
            (MASTER, 0),
        ]
    };
    let (unmask, enable) = ((PIPE_A + IMR, 0), (PIPE_A + IER, u32::MAX));
    let forcewake = FORCEWAKE_GEN9.iter().flat_map(|(at, _)| masked(*at));
    let reset_ctl = ENGINES.iter().flat_map(|base| masked(base + RESET_CTL));
    let talks: Vec<(&str, Vec<Step>)> = vec![
        ("forcewake", forcewake.collect()),
        ("reset-ctl", reset_ctl.collect()),
        ("gdrst", (0..8).map(|bit| (GDRST, 1 << bit)).collect()),
        (
            "nonpriv",
            NONPRIV_ALLOWED
                .iter()
                .map(|value| (NONPRIV, *value))
                .collect(),
        ),
        ("trtte", vec![(TRTTE, 0b11), (TRTTE, 0b01), (TRTTE, 0)]),
        ("64k-pages", vec![(GAMW, GAMW_ALL), (GAMW, 0)]),
        (
            "pcode",
            [
                mailbox(0, PCODE_READ_LATENCY),
                mailbox(1, PCODE_READ_LATENCY),
                mailbox(3, PCODE_CDCLK),
                mailbox(2, 0x5),
                mailbox(7, 0xff),
            ]
            .concat(),
        ),
        (
            "sbi",
            [
                sbi(0x2080, 0x1234_5678, SBI_WRITE),
                sbi(0x2088, 0x9abc_def0, SBI_WRITE),
                sbi(0x2080, 0, SBI_READ),
                sbi(0x2088, 0, SBI_READ),
                sbi(0x2090, 0, SBI_READ),
            ]
            .concat(),
        ),
        (
            "aux",
            vec![
                (AUX_DATA, AUX_READ),
                (AUX_A, AUX_SEND),
                (AUX_DATA, AUX_WRITE),
                (AUX_A, AUX_SEND),
            ],
        ),
        (
            "gmbus",
            vec![
                (GMBUS0, GMBUS_PORT_B),
                (GMBUS1, GMBUS1_READ),
                (GMBUS1, GMBUS1_CLEAR),
                (GMBUS1, 0),
                (GMBUS0, 0),
            ],
        ),
        ("interrupt-enabled", interrupts(unmask, enable)),
        (
            "interrupt-masked",
            interrupts((PIPE_A + IMR, u32::MAX), enable),
        ),
        (
            "interrupt-not-enabled",
            interrupts(unmask, (PIPE_A + IER, 0)),
        ),
    ];
    for (name, steps) in talks {
        let group: Vec<u64> = match name {
            _ if name.starts_with("interrupt") => {
                vec![PIPE_A, PIPE_A + IMR, PIPE_A + IIR, PIPE_A + IER, MASTER]
            }
            "forcewake" => FORCEWAKE_GEN9.iter().map(|(_, ack)| *ack).collect(),
            "gdrst" => vec![GUC_STATUS],
            "pcode" => vec![PCODE_DATA],
            "sbi" => SBI.to_vec(),
            "aux" => vec![AUX_DATA, AUX_A],
            "gmbus" => vec![GMBUS1, GMBUS2],
            _ => Vec::new(),
        };
        for (number, (offset, value)) in steps.into_iter().enumerate() {
            let key = format!(
                "talk {name} {number:02} {} {value:#010x}",
                dump.name(offset)
            );
            let mut then = vec![offset];
            then.extend(&group);
            dump.write(&key, offset, &value.to_le_bytes(), &then)?;
        }
        sweep.changes(dump, name)?;
    }
    Ok(())
}
