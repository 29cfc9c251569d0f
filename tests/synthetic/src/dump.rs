// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a vGPU answers to one long list of accesses, a line for each: two drivers of the same GPU,
//! given the same golden state, are compared by it.
//!
//! A line is a key and a value with a tab between. The accesses, their order and the values written
//! are the same on every run. Only what belongs to one vGPU differs between two, where it is in the
//! GGTT and its number: that is printed by name.
//!
//! ```text
//! handled ring_reset_ctl_write 0x0020d0 w4 +0 #4 0x00010001⇥0x00000003
//! ```

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::{Context, Result};
use iface::registers::{self, Flags, Platform, Register};
use vfio_bindings::bindings::vfio::{
    VFIO_PCI_BAR0_REGION_INDEX as BAR0, VFIO_PCI_NUM_IRQS, VFIO_PCI_NUM_REGIONS,
};

use crate::guest::{Family, Guest};

mod behaviours;
mod config;
mod handled;
mod page;
mod values;

/// One of so many registers that are not tracked is looked at.
const SAMPLE: u64 = 61;
/// Bytes of a register.
const DWORD: u64 = registers::DWORD as u64;

/// A vGPU that is asked, and where the answers go.
pub struct Dump<'a, 'g> {
    guest: &'a mut Guest<'g>,
    out: &'a mut dyn Write,
    platform: Platform,
    /// Where the vGPU's ranges of the GGTT begin, and what that is called in answers.
    places: [(u32, &'static str); 2],
}

impl<'a, 'g> Dump<'a, 'g> {
    /// Writes all lines.
    ///
    /// # Errors
    /// The vGPU can't be reset or described, or nobody takes the lines.
    pub fn run(guest: &'a mut Guest<'g>, out: &'a mut dyn Write) -> Result<()> {
        guest.transport().reset().context("cannot reset")?;
        let platform = match guest.family()? {
            Family::Bdw => Platform::Bdw,
            Family::Bxt => Platform::Bxt,
            Family::Gen9 => Platform::Kbl,
        };
        // The ranges are read first of all: the C GVT-g takes who does not look at them for a guest
        // that knows nothing of it.
        let places = [
            (guest.aperture()?.start as u32, "aperture"),
            (guest.high()?.start as u32, "high"),
        ];
        let mut dump = Self {
            guest,
            out,
            platform,
            places,
        };
        dump.device()?;
        config::dump(&mut dump)?;
        dump.reset()?;
        page::dump(&mut dump)?;
        dump.reset()?;
        dump.registers()?;
        behaviours::dump(&mut dump)?;
        dump.plain()?;
        dump.line("end", "reached")
    }

    /// Regions and interrupts.
    fn device(&mut self) -> Result<()> {
        let info = self.guest.transport().info()?;
        self.line("device flags", &format!("{:#x}", info.flags))?;
        self.line("device regions", &info.regions.to_string())?;
        self.line("device irqs", &info.irqs.to_string())?;
        let start = u64::from(self.places[0].0);
        for index in 0..VFIO_PCI_NUM_REGIONS {
            let text = match self.guest.transport().region(index) {
                Ok(region) => {
                    let areas = region.areas.iter();
                    let areas: Vec<String> = areas
                        .map(|area| match area.start.checked_sub(start) {
                            Some(offset) => {
                                format!("aperture+{offset:#x}, {:#x} bytes", area.end - area.start)
                            }
                            None => format!("{area:#x?}"),
                        })
                        .collect();
                    let (flags, size) = (region.flags, region.size);
                    format!("flags {flags:#x}, {size:#x} bytes, {areas:?}")
                }
                Err(error) => error.to_string(),
            };
            self.line(&format!("device region {index}"), &text)?;
        }
        for index in 0..VFIO_PCI_NUM_IRQS {
            let text = match self.guest.transport().irq(index) {
                Ok(irq) => format!("flags {:#x}, {} vectors", irq.flags, irq.count),
                Err(error) => error.to_string(),
            };
            self.line(&format!("device irq {index}"), &text)?;
        }
        Ok(())
    }

    /// Every tracked register, and a sample of the others, that is not zero after a reset.
    fn registers(&mut self) -> Result<()> {
        let rows = registers::rows(self.platform, false);
        let tracked: BTreeSet<u64> = rows.flat_map(dwords).collect();
        for offset in (0..u64::from(registers::MMIO_SIZE)).step_by(DWORD as usize) {
            let is_read = tracked.contains(&offset) || (offset / DWORD) % SAMPLE == 0;
            if !is_read || page::contains(offset) {
                continue;
            }
            let value = self.read(offset);
            if value != Some(0) {
                let key = format!("reset {}", self.name(offset));
                let text = self.value(value);
                self.line(&key, &text)?;
            }
        }
        Ok(())
    }

    /// Every tracked register that does nothing, written at each width.
    fn plain(&mut self) -> Result<()> {
        let handled = handled::offsets(self.platform);
        self.reset()?;
        for offset in self.tracked() {
            // Two registers, of which the second may do something, are none of 8 bytes.
            let pair = offset % 8 == 0 && !handled.contains(&(offset + DWORD));
            if !handled.contains(&offset) {
                self.write_whole("plain", offset, values::FEW, pair)?;
                self.write_pieces("plain", offset)?;
            }
        }
        Ok(())
    }

    /// Writes a register whole, alone and with its neighbour, and tells what it reads then.
    fn write_whole(&mut self, what: &str, offset: u64, dwords: &[u32], pair: bool) -> Result<()> {
        let name = self.name(offset);
        for (number, value) in dwords.iter().enumerate() {
            let key = format!("{what} {name} w4 +0 #{number} {value:#010x}");
            self.write(&key, offset, &value.to_le_bytes(), &[offset])?;
        }
        let then = [offset, offset + DWORD];
        for (number, value) in values::WIDE.iter().enumerate().filter(|_| pair) {
            let key = format!("{what} {name} w8 +0 #{number} {value:#018x}");
            self.write(&key, offset, &value.to_le_bytes(), &then)?;
        }
        Ok(())
    }

    /// Writes a register in pieces of two bytes and of one.
    fn write_pieces(&mut self, what: &str, offset: u64) -> Result<()> {
        let name = self.name(offset);
        for width in [2, 1] {
            for (number, value) in values::NARROW.iter().enumerate() {
                for (at, part) in value.to_le_bytes().chunks_exact(width).enumerate() {
                    let at = (at * width) as u64;
                    let key = format!("{what} {name} w{width} +{at} #{number} {value:#010x}");
                    self.write(&key, offset + at, part, &[offset])?;
                }
            }
        }
        Ok(())
    }

    /// The tracked registers of this GPU but those of the large areas.
    fn tracked(&self) -> Vec<u64> {
        let rows = registers::rows(self.platform, false);
        rows.filter(|row| !row.flags.contains(Flags::BLOCK))
            .flat_map(dwords)
            .collect()
    }

    /// Resets the vGPU, and lets it see that this guest knows what it is.
    fn reset(&mut self) -> Result<()> {
        self.guest.transport().reset().context("cannot reset")?;
        self.guest.read64(crate::registers::pvinfo::MAGIC)?;
        Ok(())
    }

    /// What a register is called.
    fn name(&self, offset: u64) -> String {
        let row = u32::try_from(offset)
            .ok()
            .and_then(|offset| registers::find(self.platform, false, offset));
        match row {
            Some(row) => format!("{offset:#08x} {}", row.name),
            None => format!("{offset:#08x} -"),
        }
    }

    /// Reads a register; nothing if that is refused.
    fn read(&mut self, offset: u64) -> Option<u32> {
        let mut data = [0; 4];
        let result = self.guest.transport().read(BAR0, offset, &mut data);
        result.ok().map(|()| u32::from_le_bytes(data))
    }

    /// Writes, and prints the registers that are asked for.
    fn write(&mut self, key: &str, offset: u64, data: &[u8], then: &[u64]) -> Result<()> {
        let refused = self.guest.transport().write(BAR0, offset, data).is_err();
        let mut text = String::new();
        if refused {
            text.push_str("refused, ");
        }
        for (number, at) in then.iter().enumerate() {
            if number != 0 {
                text.push(' ');
            }
            let value = self.read(*at);
            text.push_str(&self.value(value));
        }
        self.line(key, &text)
    }

    /// The text for a value that was read.
    fn value(&self, value: Option<u32>) -> String {
        let Some(value) = value else {
            return "refused".to_owned();
        };
        let place = self.places.iter().find(|(start, _)| *start == value);
        match place {
            Some((start, name)) if *start != 0 => (*name).to_owned(),
            _ => format!("{value:#010x}"),
        }
    }

    fn line(&mut self, key: &str, value: &str) -> Result<()> {
        writeln!(self.out, "{key}\t{value}").context("nobody takes the lines")
    }
}

/// Offsets of all dwords of a row.
fn dwords(row: &Register) -> impl Iterator<Item = u64> {
    let range = row.range();
    (u64::from(range.offset)..u64::from(range.end())).step_by(DWORD as usize)
}
