// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A second opinion: decodes what the audit lets through, by other tables and other code.
//!
//! Lengths come from `commands.tsv`; registers from the register table's flags and plain ranges;
//! which bits choose the GGTT is written down here again, from the PRM.

use super::scene::{APERTURE, BATCH_END, HIGH};
use iface::registers::{find, Flags};
use kvmgt_core::command::{Origin, Setting, Verdict};
use kvmgt_core::hardware::Engine;
use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::sync::OnceLock;

type Lengths = BTreeMap<(u32, &'static str), &'static str>;

/// Length rules by opcode (right-aligned, its client in front) and engine.
fn lengths() -> &'static Lengths {
    static LENGTHS: OnceLock<Lengths> = OnceLock::new();
    LENGTHS.get_or_init(|| {
        let lines = include_str!("commands.tsv").lines();
        let mut lengths = Lengths::new();
        for line in lines.filter(|line| !line.starts_with('#')) {
            let fields: Vec<_> = line.split('\t').collect();
            let opcode = u32::from_str_radix(&fields[1][2..], 16).unwrap();
            for engine in fields[3].split('|') {
                lengths.insert((opcode, engine), fields[5]);
            }
        }
        lengths
    })
}

fn length(engine: Engine, header: u32) -> Option<usize> {
    let opcode = match header >> 29 {
        0 => header >> 23,
        2 => header >> 22,
        3 => header >> 16,
        _ => return None,
    };
    let rule = lengths().get(&(opcode, engine.name()))?;
    let mut parts = rule.split(':');
    let (kind, value) = (parts.next()?, parts.next()?);
    if kind == "fixed" {
        return value.parse().ok();
    }
    let mask = u32::from_str_radix(&value[2..], 16).ok()?;
    Some((header & mask) as usize + 2)
}

/// The engine's own block of registers.
fn block(engine: Engine) -> u32 {
    match engine {
        Engine::Rcs => 0x2000,
        Engine::Vcs => 0x1_2000,
        Engine::Vecs => 0x1_a000,
        Engine::Vcs1 => 0x1_c000,
        Engine::Bcs => 0x2_2000,
    }
}

/// Registers that unprivileged batches may be let write; the list of the C GVT-g.
const NONPRIVILEGED: [u32; 31] = [
    0xd80, 0x20ec, 0x2248, 0x2340, 0x2348, 0x2350, 0x2580, 0x2690, 0x2694, 0x2698, 0x2754, 0x28a0,
    0x4de0, 0x4de4, 0x4dfc, 0x7010, 0x7014, 0x7300, 0x7304, 0x7700, 0x7704, 0x7708, 0x770c, 0x83a8,
    0xb110, 0xb118, 0xe100, 0xe18c, 0xe48c, 0xe5f4, 0x6_4844,
];

/// Whether a command may load a register.
fn may_load(setting: &Setting, offset: u32) -> bool {
    let engine = setting.engine;
    if engine == Engine::Rcs && (NONPRIVILEGED.contains(&offset) || offset == 0x2094) {
        return true;
    }
    if offset > 0x4_0000 {
        return false;
    }
    let inside = offset.wrapping_sub(block(engine));
    match inside {
        // Page-directory pointers, protection, and what the ring is.
        0x270..=0x28f | 0x29c | 0x244 | 0x30..=0x87 => return false,
        // General purpose registers, which no table has.
        0x600..=0x67f => return true,
        // Predicates, draws and dispatches.
        0x290..=0x297 | 0x3bc | 0x400..=0x443 | 0x500..=0x50b if engine == Engine::Rcs => {
            return true
        }
        0x200 if engine == Engine::Bcs => return true,
        _ => {}
    }
    let others = Engine::ALL.into_iter().filter(|other| *other != engine);
    let of_others = |other| offset.wrapping_sub(block(other)) < 0x800;
    if others.into_iter().any(of_others) {
        return false;
    }
    if engine == Engine::Rcs && offset == 0x7034 {
        return true;
    }
    find(setting.platform, true, offset)
        .is_some_and(|row| row.flags.contains(Flags::COMMAND) && !row.flags.contains(Flags::GMADR))
}

/// Whether a command may read a register: what it may load, and clocks.
fn may_read(setting: &Setting, offset: u32) -> bool {
    let inside = offset.wrapping_sub(block(setting.engine));
    matches!(inside, 0x358..=0x35f | 0x3a8) || may_load(setting, offset)
}

struct Checker<'a> {
    setting: &'a Setting,
    verdict: &'a Verdict,
}

impl Checker<'_> {
    fn own(&self, low: u32, high: u32, bytes: u64) -> Result<(), String> {
        let first = u64::from(high) << 32 | u64::from(low & !3);
        let within = |(start, end): (u64, u64)| first >= start && first + bytes <= end;
        match within(APERTURE) || within(HIGH) {
            true => Ok(()),
            false => Err(format!("GGTT address {first:#x}")),
        }
    }

    fn load(&self, offset: u32) -> Result<(), String> {
        match may_load(self.setting, offset) {
            true => Ok(()),
            false => Err(format!("loads register {offset:#x}")),
        }
    }

    fn read(&self, offset: u32) -> Result<(), String> {
        match may_read(self.setting, offset) {
            true => Ok(()),
            false => Err(format!("reads register {offset:#x}")),
        }
    }

    fn mi(&self, stream: usize, at: usize, d: &[u32]) -> Result<(), String> {
        let bit = |n: u32| d[0] & 1 << n != 0;
        match d[0] >> 23 {
            // Commands for the mediator, and those that nobody may use.
            0x02 | 0x03 | 0x07 | 0x12 | 0x14 | 0x16 | 0x21 | 0x23 | 0x27 | 0x28 => {
                Err("reaches the GPU".into())
            }
            0x1c if bit(16) => self.read(d[2]),
            0x1c if bit(22) => self.own(d[2], d[3], 4),
            0x36 if bit(22) => self.own(d[2], d[3], if bit(19) { 8 } else { 4 }),
            0x20 if bit(22) => {
                let cores = u64::from(d[1] & 1) + 1;
                self.own(d[1], d[2], (d.len() as u64 - 3) * 4 * cores)
            }
            0x22 => {
                if d.len() % 2 == 0 {
                    return Err("half a register".into());
                }
                d[1..].chunks(2).try_for_each(|pair| self.load(pair[0]))
            }
            0x24 => {
                self.read(d[1])?;
                if bit(22) {
                    self.own(d[2], d[3], 4)?;
                }
                Ok(())
            }
            0x29 => {
                self.load(d[1])?;
                if bit(22) {
                    self.own(d[2], d[3], 4)?;
                }
                Ok(())
            }
            0x2a => self.read(d[1]).and(self.load(d[2])),
            0x2e => {
                if bit(21) {
                    self.own(d[1], d[2], 4)?;
                }
                if bit(22) {
                    self.own(d[3], d[4], 4)?;
                }
                Ok(())
            }
            0x2f if bit(22) => self.own(d[1], d[2], 4 << (d[0] >> 19 & 3)),
            0x26 => self.flush(d[0] >> 14 & 3, bit(21), d[1] & 4 != 0, d, 1),
            0x31 if !bit(8) => {
                let links = self.verdict.links.iter();
                let mut own = links.filter(|link| (link.stream, link.dword) == (stream, at + 1));
                match (own.next(), own.next(), d[1], d[2]) {
                    (Some(link), None, 0, 0) if link.target < self.verdict.streams.len() => Ok(()),
                    _ => Err("starts what was not audited".into()),
                }
            }
            _ => Ok(()),
        }
    }

    fn flush(
        &self,
        operation: u32,
        index: bool,
        ggtt: bool,
        d: &[u32],
        low: usize,
    ) -> Result<(), String> {
        match (operation, index) {
            (0, _) => Ok(()),
            (_, true) => Err("writes a status page".into()),
            (_, false) if ggtt => self.own(d[low] & !7, d[low + 1], 8),
            _ => Ok(()),
        }
    }

    fn command(&self, stream: usize, at: usize, d: &[u32]) -> Result<(), String> {
        match d[0] >> 16 {
            mi if mi < 0x2000 => self.mi(stream, at, d),
            0x7a00 => {
                if d[1] & 1 << 23 != 0 {
                    self.load(d[2])?;
                }
                let bit = |n: u32| d[1] & 1 << n != 0;
                self.flush(d[1] >> 14 & 3, bit(21), bit(24), d, 2)
            }
            _ => Ok(()),
        }
    }

    fn stream(&self, index: usize, dwords: &[u32]) -> Result<(), String> {
        let mut at = 0;
        while at < dwords.len() {
            let header = dwords[at];
            let length = length(self.setting.engine, header);
            let length = length.ok_or(format!("{header:#x} is no command"))?;
            let end = at + length;
            let command = dwords.get(at..end).ok_or("it is cut off")?;
            self.command(index, at, command)
                .map_err(|error| format!("{command:x?} at {at} of {index}: {error}"))?;
            at = end;
        }
        Ok(())
    }
}

/// What the audit should not have let through, if there is anything.
pub fn check(setting: &Setting, verdict: &Verdict) -> Result<(), String> {
    let checker = Checker { setting, verdict };
    for (index, stream) in verdict.streams.iter().enumerate() {
        checker.stream(index, &stream.dwords)?;
        let batch = !matches!(stream.origin, Origin::Ring | Origin::IndirectContext(_));
        if batch && stream.dwords.last() != Some(&BATCH_END) {
            return Err(format!("stream {index} has no end"));
        }
    }
    Ok(())
}
