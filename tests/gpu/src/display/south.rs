// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The rest of the PCH: hotplug status, panel power and the side band.

use std::collections::BTreeMap;

use crate::address::MmioOffset;
use crate::interrupt::{IrqGroup, IrqLines};
use crate::platform::PlatformId;
use crate::register_file::RegisterFile;

use super::bits;

/// Where a port's hotplug level and pulse are seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HotplugLine {
    /// Interrupt group with the level in its ISR.
    pub group: IrqGroup,
    /// The port's bit there.
    pub bit: u32,
    /// Register with the kind of pulse.
    pub status: u32,
    /// Position of the port's two status bits there.
    pub shift: u32,
}

/// The hotplug line of `port` (0 for A).
pub fn hotplug_line(platform: PlatformId, port: u32) -> Option<HotplugLine> {
    let (group, bit) = match (platform, port) {
        (PlatformId::Broxton, 0..=2) => (IrqGroup::Port, 1 << (3 + port)),
        (PlatformId::Broxton, _) => return None,
        (PlatformId::Broadwell, 0) => (IrqGroup::Port, 1 << 3),
        (PlatformId::Broadwell, 4) => return None,
        (_, 0) => (IrqGroup::South, 1 << 24),
        (_, 1..=3) => (IrqGroup::South, 1 << (20 + port)),
        (_, 4) => (IrqGroup::South, 1 << 25),
        _ => return None,
    };
    let (status, shift) = match port {
        0 => (bits::PORT_HOTPLUG, 24),
        4 => (bits::PORT_HOTPLUG2, 0),
        _ => (bits::PORT_HOTPLUG, 8 * (port - 1)),
    };
    Some(HotplugLine {
        group,
        bit,
        status,
        shift,
    })
}

impl HotplugLine {
    /// Shows that something is connected, or no longer is; with `pulse` raises the interrupt.
    pub fn set(
        self,
        regs: &mut RegisterFile,
        irq: &mut dyn IrqLines,
        connected: bool,
        pulse: bool,
    ) {
        irq.set_level(self.group, self.bit, connected);
        if pulse {
            let status = MmioOffset(self.status);
            let long = bits::HOTPLUG_LONG << self.shift;
            regs.update(status, long, long);
            irq.raise(self.group, self.bit);
        }
    }
}

/// The side band to the PCH's clock units.
#[derive(Clone, Debug, Default)]
pub struct SideBand {
    registers: BTreeMap<(bool, u32), u32>,
}

impl SideBand {
    /// Runs the operation that was written into the control register.
    fn run(&mut self, regs: &mut RegisterFile, control: u32) {
        /// Control: destination is the mPHY, or else the clock unit.
        const MPHY: u32 = 1 << 16;
        let register = (
            control & MPHY != 0,
            regs.get(MmioOffset(bits::SBI_ADDR)) >> 16,
        );
        if control >> bits::SBI_OPCODE_SHIFT & bits::SBI_OPCODE_WRITE != 0 {
            self.registers
                .insert(register, regs.get(MmioOffset(bits::SBI_DATA)));
        } else {
            let value = self.registers.get(&register).copied().unwrap_or(0);
            regs.set(MmioOffset(bits::SBI_DATA), value);
        }
    }

    /// Handles a write to a register of this file; `false` if `offset` is none.
    pub fn write(&mut self, regs: &mut RegisterFile, offset: u32, value: u32) -> bool {
        match offset {
            bits::SBI_CTL_STAT => {
                if value & bits::SBI_BUSY != 0 {
                    self.run(regs, value);
                }
                // Ready again at once, and successful.
                regs.set(
                    MmioOffset(offset),
                    value & !(bits::SBI_BUSY | bits::SBI_RESPONSE),
                );
            }
            bits::PORT_HOTPLUG | bits::PORT_HOTPLUG2 => {
                let pending = regs.get(MmioOffset(offset)) & bits::PORT_HOTPLUG_STATUS & !value;
                regs.set(
                    MmioOffset(offset),
                    value & !bits::PORT_HOTPLUG_STATUS | pending,
                );
            }
            bits::PP_CONTROL => {
                regs.set(MmioOffset(offset), value);
                let on = value & bits::PP_POWER_ON != 0;
                regs.set(
                    MmioOffset(bits::PP_STATUS),
                    if on { bits::PP_STATUS_ON } else { 0 },
                );
            }
            // Status and straps cannot be written.
            bits::PP_STATUS | bits::SFUSE_STRAP => {}
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hotplug_line_when_asked_for_is_where_drivers_look() {
        let line = |platform, port| hotplug_line(platform, port).map(|l| (l.group, l.bit, l.shift));

        assert_eq!(
            line(PlatformId::Skylake, 1),
            Some((IrqGroup::South, 1 << 21, 0))
        );
        assert_eq!(
            line(PlatformId::Kabylake, 3),
            Some((IrqGroup::South, 1 << 23, 16))
        );
        assert_eq!(
            line(PlatformId::Broxton, 1),
            Some((IrqGroup::Port, 1 << 4, 0))
        );
        assert_eq!(line(PlatformId::Broxton, 3), None);
    }

    #[test]
    fn hotplug_status_when_ones_are_written_clears() {
        let (mut regs, mut south) = (RegisterFile::default(), SideBand::default());
        regs.set(MmioOffset(bits::PORT_HOTPLUG), 0x2 | 0x200);

        assert!(south.write(&mut regs, bits::PORT_HOTPLUG, 0x10 | 0x2));

        assert_eq!(regs.get(MmioOffset(bits::PORT_HOTPLUG)), 0x10 | 0x200);
    }

    #[test]
    fn panel_when_powered_reports_on() {
        let (mut regs, mut south) = (RegisterFile::default(), SideBand::default());

        south.write(&mut regs, bits::PP_CONTROL, 0xabcd_0001);
        assert_eq!(regs.get(MmioOffset(bits::PP_STATUS)), 1 << 31 | 8);
        south.write(&mut regs, bits::PP_CONTROL, 0xabcd_0000);
        assert_eq!(regs.get(MmioOffset(bits::PP_STATUS)), 0);
    }

    #[test]
    fn side_band_when_written_reads_back_and_is_ready() {
        let (mut regs, mut south) = (RegisterFile::default(), SideBand::default());
        regs.set(MmioOffset(bits::SBI_ADDR), 0x0600 << 16);
        regs.set(MmioOffset(bits::SBI_DATA), 0x1234);
        south.write(&mut regs, bits::SBI_CTL_STAT, 7 << 8 | 1);
        regs.set(MmioOffset(bits::SBI_DATA), 0);

        south.write(&mut regs, bits::SBI_CTL_STAT, 6 << 8 | 1);

        assert_eq!(regs.get(MmioOffset(bits::SBI_DATA)), 0x1234);
        assert_eq!(regs.get(MmioOffset(bits::SBI_CTL_STAT)) & bits::SBI_BUSY, 0);
    }
}
