// SPDX-License-Identifier: GPL-2.0 OR MIT
//! GMBUS: the PCH's I²C controller, with a monitor on one of its pin pairs.

use crate::address::MmioOffset;
use crate::platform::PlatformId;
use crate::register_file::RegisterFile;

use super::dpcd::{I2cEeprom, I2cMessage};

/// Clock and pin selection.
pub const GMBUS0: u32 = 0xc_5100;
/// Command.
const GMBUS1: u32 = 0xc_5104;
/// Status.
const GMBUS2: u32 = 0xc_5108;
/// Data, four bytes.
const GMBUS3: u32 = 0xc_510c;
/// Interrupt mask.
const GMBUS4: u32 = 0xc_5110;
/// Two-byte index.
const GMBUS5: u32 = 0xc_5120;

/// GMBUS0: pin pair.
const PIN_MASK: u32 = 0x1f;
/// GMBUS1: resets the controller and its error state.
const SW_CLEAR: u32 = 1 << 31;
/// GMBUS1: the command is ready.
const SW_READY: u32 = 1 << 30;
/// GMBUS1: cycle with a stop at the end.
const CYCLE_STOP: u32 = 4 << 25;
/// GMBUS1: cycle that first sends the index.
const CYCLE_INDEX: u32 = 2 << 25;
/// GMBUS1: a data phase follows; stays in the wait phase at its end.
const CYCLE_WAIT: u32 = 1 << 25;
/// GMBUS1: reads, or else writes.
const READ: u32 = 1;
/// GMBUS2: somebody uses the bus; set by reading, cleared by writing 1.
const IN_USE: u32 = 1 << 15;
/// GMBUS2: the controller waits for the next cycle.
const WAIT_PHASE: u32 = 1 << 14;
/// GMBUS2: data can be read or written.
const READY: u32 = 1 << 11;
/// GMBUS2: nobody acknowledged.
const NO_ACK: u32 = 1 << 10;
/// GMBUS2: a cycle is under way.
const ACTIVE: u32 = 1 << 9;
/// GMBUS5: the index has two bytes.
const TWO_BYTE_INDEX: u32 = 1 << 31;

/// Bits of GMBUS4, in the order of what they let through.
const IRQ_READY: u32 = 1 << 0;
const IRQ_WAIT: u32 = 1 << 1;
const IRQ_IDLE: u32 = 1 << 2;
const IRQ_NAK: u32 = 1 << 3;

/// The pin pair that belongs to a port's monitor (observed: i915's defaults without a VBT).
pub fn pin_of_port(platform: PlatformId, port: u32) -> Option<u32> {
    // Indexed by port, A first.
    let pins = match platform {
        PlatformId::Broadwell | PlatformId::Skylake | PlatformId::Kabylake => {
            [None, Some(5), Some(4), Some(6)]
        }
        PlatformId::Broxton => [None, Some(1), Some(2), None],
        PlatformId::Coffeelake | PlatformId::Cometlake => [None, Some(1), Some(2), Some(4)],
    };
    pins.get(port as usize).copied().flatten()
}

/// What the controller is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Nothing.
    #[default]
    Idle,
    /// These bytes wait to be read.
    Reading(Vec<u8>),
    /// That many bytes are still to be written, these are there.
    Writing(u8, usize, Vec<u8>),
    /// A cycle ended without stop.
    Waiting,
}

/// The controller, and what hangs on it.
#[derive(Clone, Debug)]
pub struct Gmbus {
    phase: Phase,
    /// Pin pair and EEPROM of the monitor.
    monitor: Option<(u32, I2cEeprom)>,
}

impl Gmbus {
    /// A controller with at most one monitor, on the given pin pair.
    pub fn new(monitor: Option<(u32, I2cEeprom)>) -> Self {
        Self {
            phase: Phase::Idle,
            monitor,
        }
    }

    /// Whether the register is the controller's.
    pub fn owns(offset: u32) -> bool {
        (GMBUS0..=GMBUS4).contains(&offset) || offset == GMBUS5
    }

    /// Reads a register; the data register hands out the next four bytes.
    pub fn read(&mut self, regs: &mut RegisterFile, offset: u32) -> u32 {
        if offset == GMBUS3 {
            if let Phase::Reading(bytes) = &mut self.phase {
                let count = bytes.len().min(4);
                let mut word = [0; 4];
                word.iter_mut()
                    .zip(bytes.drain(..count))
                    .for_each(|(slot, byte)| *slot = byte);
                if bytes.is_empty() {
                    self.phase = Phase::Waiting;
                }
                self.show(regs, false);
                regs.set(MmioOffset(offset), u32::from_le_bytes(word));
            }
        }
        let value = regs.get(MmioOffset(offset));
        if offset == GMBUS2 {
            regs.set(MmioOffset(GMBUS2), value | IN_USE);
        }
        value
    }

    /// Writes a register; returns whether an interrupt is due.
    pub fn write(
        &mut self,
        regs: &mut RegisterFile,
        offset: u32,
        value: u32,
        connected: bool,
    ) -> bool {
        match offset {
            GMBUS1 => {
                regs.set(MmioOffset(offset), value);
                self.command(regs, value, connected);
            }
            GMBUS2 => {
                let status = regs.get(MmioOffset(GMBUS2));
                regs.set(MmioOffset(GMBUS2), status & !(value & IN_USE));
            }
            GMBUS3 => {
                regs.set(MmioOffset(offset), value);
                self.data(regs, value);
            }
            _ => regs.set(MmioOffset(offset), value),
        }
        Self::interrupt_due(regs)
    }

    /// Runs the command in GMBUS1.
    fn command(&mut self, regs: &mut RegisterFile, value: u32, connected: bool) {
        if value & SW_CLEAR != 0 {
            self.phase = Phase::Idle;
            return self.show(regs, false);
        }
        if value & SW_READY == 0 {
            return;
        }
        if value & (CYCLE_WAIT | CYCLE_INDEX) == 0 {
            if value & CYCLE_STOP != 0 {
                if let Some((_, eeprom)) = &mut self.monitor {
                    eeprom.stop();
                }
                self.phase = Phase::Idle;
                self.show(regs, false);
            }
            return;
        }
        let address = (value >> 1 & 0x7f) as u8;
        let count = (value >> 16 & 0x1ff) as usize;
        let pin = regs.get(MmioOffset(GMBUS0)) & PIN_MASK;
        let eeprom = match &mut self.monitor {
            Some((at, eeprom)) if connected && *at == pin && I2cEeprom::answers(address) => eeprom,
            _ => {
                self.phase = Phase::Idle;
                return self.show(regs, true);
            }
        };
        if value & CYCLE_INDEX != 0 {
            let index = [(value >> 8) as u8];
            eeprom.transfer(address, I2cMessage::Write(&index));
        } else if regs.get(MmioOffset(GMBUS5)) & TWO_BYTE_INDEX != 0 {
            let index = (regs.get(MmioOffset(GMBUS5)) as u16).to_be_bytes();
            eeprom.transfer(address, I2cMessage::Write(&index));
        }
        self.phase = if value & READ != 0 {
            match eeprom.transfer(address, I2cMessage::Read(count)) {
                Some(bytes) if !bytes.is_empty() => Phase::Reading(bytes),
                _ => Phase::Waiting,
            }
        } else {
            // The first bytes were put into the data register before the command.
            Phase::Writing(address, count, Vec::new())
        };
        if matches!(self.phase, Phase::Writing(..)) {
            let first = regs.get(MmioOffset(GMBUS3));
            self.data(regs, first);
        } else {
            self.show(regs, false);
        }
    }

    /// Takes the bytes of the data register into a write.
    fn data(&mut self, regs: &mut RegisterFile, value: u32) {
        if let Phase::Writing(address, count, bytes) = &mut self.phase {
            let missing = count.saturating_sub(bytes.len()).min(4);
            bytes.extend_from_slice(&value.to_le_bytes()[..missing]);
            if bytes.len() >= *count {
                if let Some((_, eeprom)) = &mut self.monitor {
                    eeprom.transfer(*address, I2cMessage::Write(bytes));
                }
                self.phase = Phase::Waiting;
            }
        }
        self.show(regs, false);
    }

    /// Shows the phase in the status register.
    fn show(&self, regs: &mut RegisterFile, refused: bool) {
        let phase = match self.phase {
            _ if refused => NO_ACK,
            Phase::Idle => 0,
            Phase::Reading(_) | Phase::Writing(..) => ACTIVE | READY,
            Phase::Waiting => ACTIVE | READY | WAIT_PHASE,
        };
        regs.update(
            MmioOffset(GMBUS2),
            ACTIVE | READY | WAIT_PHASE | NO_ACK,
            phase,
        );
    }

    /// Whether the status has something that GMBUS4 lets through.
    fn interrupt_due(regs: &RegisterFile) -> bool {
        let (status, mask) = (regs.get(MmioOffset(GMBUS2)), regs.get(MmioOffset(GMBUS4)));
        status & READY != 0 && mask & IRQ_READY != 0
            || status & WAIT_PHASE != 0 && mask & IRQ_WAIT != 0
            || status & ACTIVE == 0 && mask & IRQ_IDLE != 0
            || status & NO_ACK != 0 && mask & IRQ_NAK != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::display::edid::{build, Mode};

    const EDID_SLAVE: u32 = 0x50 << 1;

    fn bus() -> (Gmbus, RegisterFile) {
        let eeprom = I2cEeprom::new(build("test", &[Mode::XGA]));
        (Gmbus::new(Some((5, eeprom))), RegisterFile::default())
    }

    fn status(bus: &mut Gmbus, regs: &mut RegisterFile) -> u32 {
        bus.read(regs, GMBUS2)
    }

    /// Reads the EDID with an index cycle, as drivers do.
    fn read_edid(bus: &mut Gmbus, regs: &mut RegisterFile, pin: u32) -> Option<Vec<u8>> {
        bus.write(regs, GMBUS0, pin, true);
        let command = SW_READY | CYCLE_INDEX | CYCLE_WAIT | 128 << 16 | EDID_SLAVE | READ;
        bus.write(regs, GMBUS1, command, true);
        let mut bytes = Vec::new();
        while bytes.len() < 128 {
            if status(bus, regs) & READY == 0 {
                return None;
            }
            bytes.extend(bus.read(regs, GMBUS3).to_le_bytes());
        }
        Some(bytes)
    }

    #[test]
    fn edid_when_read_with_index_cycle_is_whole() {
        let (mut bus, mut regs) = bus();

        let edid = read_edid(&mut bus, &mut regs, 5).unwrap();

        assert_eq!(edid, build("test", &[Mode::XGA]));
        assert_ne!(status(&mut bus, &mut regs) & WAIT_PHASE, 0);
    }

    #[test]
    fn edid_when_read_after_an_offset_write_begins_there() {
        let (mut bus, mut regs) = bus();
        bus.write(&mut regs, GMBUS0, 5, true);
        bus.write(&mut regs, GMBUS3, 8, true);
        bus.write(
            &mut regs,
            GMBUS1,
            SW_READY | CYCLE_WAIT | 1 << 16 | EDID_SLAVE,
            true,
        );
        assert_ne!(status(&mut bus, &mut regs) & WAIT_PHASE, 0);

        bus.write(
            &mut regs,
            GMBUS1,
            SW_READY | CYCLE_WAIT | 4 << 16 | EDID_SLAVE | READ,
            true,
        );

        assert_eq!(
            bus.read(&mut regs, GMBUS3).to_le_bytes()[..2],
            build("test", &[Mode::XGA])[8..10]
        );
    }

    #[test]
    fn slave_when_absent_is_not_acknowledged_until_cleared() {
        let (mut bus, mut regs) = bus();

        assert_eq!(read_edid(&mut bus, &mut regs, 4), None);
        assert_ne!(status(&mut bus, &mut regs) & NO_ACK, 0);
        assert_eq!(status(&mut bus, &mut regs) & ACTIVE, 0);

        bus.write(&mut regs, GMBUS1, SW_CLEAR, true);
        assert_eq!(status(&mut bus, &mut regs) & NO_ACK, 0);
    }

    #[test]
    fn bus_when_stopped_is_idle() {
        let (mut bus, mut regs) = bus();
        read_edid(&mut bus, &mut regs, 5);

        bus.write(&mut regs, GMBUS1, SW_READY | CYCLE_STOP, true);

        assert_eq!(
            status(&mut bus, &mut regs) & (ACTIVE | READY | WAIT_PHASE),
            0
        );
    }

    #[test]
    fn interrupt_when_masked_in_is_due() {
        let (mut bus, mut regs) = bus();
        bus.write(&mut regs, GMBUS4, IRQ_NAK, true);
        bus.write(&mut regs, GMBUS0, 6, true);

        let command = SW_READY | CYCLE_WAIT | 1 << 16 | EDID_SLAVE | READ;

        assert!(bus.write(&mut regs, GMBUS1, command, true));
    }
}
