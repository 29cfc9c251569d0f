// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The copy of the GPU's configuration space, taken before i915 touches the device.

use iface::snapshot::CONFIG_SIZE;

/// Offsets in configuration space (PCI Local Bus Specification 3.0, section 6.1; PRM Vol 2c).
mod at {
    pub(super) const COMMAND: usize = 0x04;
    pub(super) const STATUS: usize = 0x06;
    pub(super) const BARS: core::ops::Range<usize> = 0x10..0x28;
    pub(super) const ROM: core::ops::Range<usize> = 0x30..0x34;
    pub(super) const CAPABILITIES: usize = 0x34;
    /// Line that firmware routed the interrupt to.
    pub(super) const INTERRUPT_LINE: usize = 0x3c;
    /// BDSM, base of stolen memory.
    pub(super) const BDSM: core::ops::Range<usize> = 0x5c..0x60;
    /// BGSM, base of the GGTT's own memory.
    pub(super) const BGSM: core::ops::Range<usize> = 0x70..0x74;
    /// SWSCI, and the driver's scratch around it.
    pub(super) const SWSCI: core::ops::Range<usize> = 0xe0..0xec;
    /// ASLS, address of the OpRegion.
    pub(super) const ASLS: core::ops::Range<usize> = 0xfc..0x100;
}

/// COMMAND: the device may master the bus.
const COMMAND_MASTER: u8 = 1 << 2;
/// COMMAND: the bits that a driver sets to use the device (I/O, memory, bus master).
const COMMAND_ENABLES: u8 = 0b111;
/// STATUS: there is a list of capabilities.
const STATUS_CAPABILITIES: u8 = 1 << 4;
/// A BAR's type bits; the rest is the address.
const BAR_TYPE: u8 = 0xf;
/// An I/O BAR's type bits.
const BAR_TYPE_IO: u8 = 0x3;
/// A BAR's lowest bit: it is for I/O ports.
const BAR_IO: u8 = 1 << 0;
/// A BAR's type: 64 bits wide.
const BAR_64: u8 = 0b100;

/// Capability id of message-signalled interrupts.
const MSI: u8 = 0x05;
/// Bytes of an MSI capability behind its id and next pointer that hold control, address and data.
const MSI_LENGTH: usize = 24;
/// MSI control: enabled.
const MSI_ENABLE: u8 = 1 << 0;
/// Capabilities begin behind the standard header and are four bytes at least.
const MOST_CAPABILITIES: usize = (CONFIG_SIZE - 0x40) / 4;

/// A copy of configuration space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigCopy {
    bytes: [u8; CONFIG_SIZE],
    pristine: bool,
}

impl ConfigCopy {
    /// Copies configuration space dword by dword, and takes out what could betray the host:
    /// addresses of BARs, stolen memory and OpRegion, MSI address and data, and the driver's
    /// scratch.
    pub fn take(mut read: impl FnMut(u8) -> u32) -> Self {
        let mut bytes = [0; CONFIG_SIZE];
        for (offset, dword) in (0..=u8::MAX).step_by(4).zip(bytes.chunks_exact_mut(4)) {
            dword.copy_from_slice(&read(offset).to_le_bytes());
        }
        let mut copy = Self {
            bytes,
            pristine: true,
        };
        let msi = copy.capability(MSI);
        let mastering = copy.byte(at::COMMAND) & COMMAND_MASTER != 0;
        let msi_enabled = msi.is_some_and(|msi| copy.byte(msi + 2) & MSI_ENABLE != 0);
        copy.pristine = !mastering && !msi_enabled;
        copy.scrub(msi);
        copy
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8; CONFIG_SIZE] {
        &self.bytes
    }

    /// Whether no driver had been using the device: neither bus mastering nor MSI was enabled.
    pub fn is_pristine(&self) -> bool {
        self.pristine
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// Where capabilities are. The list comes from the device: it may be damaged, so the number of
    /// steps is bounded.
    fn capabilities(&self) -> impl Iterator<Item = usize> + '_ {
        let listed = self.byte(at::STATUS) & STATUS_CAPABILITIES != 0;
        let mut link = listed.then_some(at::CAPABILITIES);
        core::iter::from_fn(move || {
            let place = usize::from(self.byte(link?) & !3);
            link = Some(place + 1);
            (place >= 0x40).then_some(place)
        })
        .take(MOST_CAPABILITIES)
    }

    /// Where the capability is.
    fn capability(&self, id: u8) -> Option<usize> {
        self.capabilities().find(|place| self.byte(*place) == id)
    }

    fn clear(&mut self, range: core::ops::Range<usize>) {
        self.bytes
            .iter_mut()
            .take(range.end)
            .skip(range.start)
            .for_each(|byte| *byte = 0);
    }

    fn scrub(&mut self, msi: Option<usize>) {
        self.scrub_bars();
        for range in [at::ROM, at::BDSM, at::SWSCI, at::ASLS] {
            self.clear(range);
        }
        // From Skylake on the PCI Express capability is there, and the list goes on behind it.
        let taken = self.capabilities().any(|place| at::BGSM.contains(&place));
        if !taken {
            self.clear(at::BGSM);
        }
        self.clear(at::INTERRUPT_LINE..at::INTERRUPT_LINE + 1);
        if let Some(command) = self.bytes.get_mut(at::COMMAND) {
            *command &= !COMMAND_ENABLES;
        }
        if let Some(msi) = msi {
            // The control word stays, as it says what the device can; whether it is on does not.
            let control = msi + 2;
            if let Some(byte) = self.bytes.get_mut(control) {
                *byte &= !MSI_ENABLE;
            }
            self.clear(control + 2..msi + MSI_LENGTH.min(self.msi_length(control)));
        }
    }

    /// Bytes of the MSI capability, by what its control word says it has (PCI 3.0, section 6.8.1).
    fn msi_length(&self, control: usize) -> usize {
        const CAN_64: u8 = 1 << 7;
        /// In the control word's high byte.
        const CAN_MASK: u8 = 1 << 0;
        let address = if self.byte(control) & CAN_64 != 0 {
            14
        } else {
            10
        };
        let masks = if self.byte(control + 1) & CAN_MASK != 0 {
            10
        } else {
            0
        };
        address + masks
    }

    /// Clears the BARs' addresses and keeps what they are.
    fn scrub_bars(&mut self) {
        let mut upper = false;
        let bars = self
            .bytes
            .iter_mut()
            .take(at::BARS.end)
            .skip(at::BARS.start);
        for (n, byte) in bars.enumerate() {
            if n % 4 != 0 {
                *byte = 0;
                continue;
            }
            if upper {
                *byte = 0;
                upper = false;
            } else if *byte & BAR_IO != 0 {
                *byte &= BAR_TYPE_IO;
            } else {
                *byte &= BAR_TYPE;
                upper = *byte & BAR_64 != 0;
            }
        }
    }
}

#[cfg(test)]
mod tests;
