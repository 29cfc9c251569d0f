// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vGPU's configuration space.
//!
//! It starts as the host's, as the golden state has it, less what is the host's own. A guest can
//! change the bits that are defined as writable, and no others: one mask for all 256 bytes decides,
//! so an access of any size at any place means the same as its bytes one by one.

use crate::device::Device;
use kernel::prelude::*;

/// Bytes of it: what a device without the PCI Express capability has.
pub const SIZE: usize = 256;

/// Offsets (PCI Local Bus Specification 3.0, section 6.1; PRM Vol 2c, device 2).
mod at {
    pub(super) const COMMAND: usize = 0x04;
    pub(super) const STATUS: usize = 0x06;
    pub(super) const STATUS_UPPER: usize = 0x07;
    pub(super) const CACHE_LINE_SIZE: usize = 0x0c;
    /// BAR 0 and its upper half: registers and GGTT.
    pub(super) const BAR0: usize = 0x10;
    /// BAR 2 and its upper half: the aperture.
    pub(super) const BAR2: usize = 0x18;
    /// BAR 4, I/O ports, and BAR 5.
    pub(super) const BAR4: usize = 0x20;
    /// BAR of an expansion ROM.
    pub(super) const ROM: usize = 0x30;
    /// Where the list of capabilities begins.
    pub(super) const CAPABILITIES: usize = 0x34;
    pub(super) const INTERRUPT_LINE: usize = 0x3c;
    /// GGC: GMS, the size of stolen memory, in its upper byte; GGMS, that of the GGTT, below.
    pub(super) const GMS: usize = 0x51;
    /// BDSM, base of stolen memory.
    pub(super) const BDSM: usize = 0x5c;
    /// SWSCI, a request to the firmware.
    pub(super) const SWSCI: usize = 0xe8;
    /// ASLS, address of the OpRegion.
    pub(super) const ASLS: usize = 0xfc;
}

/// COMMAND: the bits that exist in PCI.
const COMMAND_WRITABLE: u16 = 0x07ff;
/// STATUS: INTx is pending.
const STATUS_INTX: u16 = 1 << 3;
/// STATUS: there is a list of capabilities.
const STATUS_CAPABILITIES: u16 = 1 << 4;
/// STATUS: errors, all in its upper byte; each is cleared by writing a one.
const STATUS_ERRORS: u16 = 0xf900;
/// A BAR's type: memory, 64 bits.
const BAR_MEMORY_64: u64 = 0x4;
/// A BAR's type: memory, 64 bits, prefetchable.
const BAR_PREFETCHABLE_64: u64 = 0xc;
/// SWSCI is a word: SCI or SMI, and the trigger.
const SWSCI_WRITABLE: u16 = 0xffff;

/// The smallest size of a memory BAR that Linux maps page by page.
const LEAST_BAR: u64 = 1 << 12;

/// Where capabilities may begin, behind the header.
const FIRST_CAPABILITY: usize = 0x40;
/// As many capabilities have room behind the header, at four bytes each.
const MOST_CAPABILITIES: usize = 48;

/// The power management capability (PCI Bus Power Management 1.2, section 3.2).
mod pm {
    pub(super) const ID: u8 = 0x01;
    pub(super) const LENGTH: usize = 8;
    /// PMCSR, control and status, from the capability's start.
    pub(super) const CONTROL: usize = 4;
    /// PMCSR: the power state.
    pub(super) const STATE: u16 = 0x3;
    /// PMCSR: a return from D3hot does not reset the device. The rest of PMCSR is about PME.
    pub(super) const NO_SOFT_RESET: u16 = 1 << 3;
    /// States: D0 is 0.
    pub(super) const D3_HOT: u16 = 0x3;
}

/// The MSI capability (PCI 3.0, section 6.8.1).
mod msi {
    pub(super) const ID: u8 = 0x05;
    /// Message control, address, its upper half if there is one, and data follow each other.
    pub(super) const CONTROL: usize = 2;
    pub(super) const ADDRESS: usize = 4;
    pub(super) const UPPER_ADDRESS: usize = 8;
    pub(super) const DATA_32: usize = 8;
    pub(super) const DATA_64: usize = 12;
    pub(super) const DATA_SIZE: usize = 2;
    /// Control: messages are sent.
    pub(super) const ENABLE: u16 = 1 << 0;
    /// Control: addresses have 64 bits.
    pub(super) const ADDRESS_64: u16 = 1 << 7;
    /// Addresses are those of dwords.
    pub(super) const ADDRESS_WRITABLE: u32 = !0x3;
}

/// The bytes, and what of them a guest may change.
struct Fields {
    bytes: [u8; SIZE],
    /// Bits that take what is written.
    writable: [u8; SIZE],
}

/// The configuration space of a vGPU.
pub struct ConfigSpace {
    // Boxed, since a vGPU is moved and kernel stacks are small.
    fields: KBox<Fields>,
    bar0_size: u64,
    bar2_size: u64,
    /// Where PMCSR is.
    power: Option<usize>,
    /// Where the control word of MSI is.
    msi: Option<usize>,
    entered_d3: bool,
}

impl ConfigSpace {
    /// One that still has to be reset.
    ///
    /// # Errors
    ///
    /// `EINVAL` the host half tells of BARs that can't be; `ENOMEM`.
    pub fn new(device: &Device) -> Result<Self> {
        let geometry = device.geometry();
        for size in [geometry.bar0_size, geometry.aperture_size] {
            if !size.is_power_of_two() || size < LEAST_BAR {
                return Err(EINVAL);
            }
        }
        let fields = Fields {
            bytes: [0; SIZE],
            writable: [0; SIZE],
        };
        Ok(Self {
            fields: KBox::new(fields, GFP_KERNEL)?,
            bar0_size: geometry.bar0_size,
            bar2_size: geometry.aperture_size,
            power: None,
            msi: None,
            entered_d3: false,
        })
    }

    /// The state of reset.
    pub fn reset(&mut self, device: &Device) {
        let golden = device.golden().config();
        for (byte, golden) in self.fields.bytes.iter_mut().zip(golden) {
            *byte = *golden;
        }
        self.fields.writable.fill(0);
        self.entered_d3 = false;

        let status = self.word(at::STATUS) & !(STATUS_ERRORS | STATUS_INTX | STATUS_CAPABILITIES);
        let listed = self.reset_capabilities();
        let status = status | if listed { STATUS_CAPABILITIES } else { 0 };
        self.set(at::STATUS, status.to_le_bytes(), [0; 2]);
        self.set(at::COMMAND, [0; 2], COMMAND_WRITABLE.to_le_bytes());
        self.set(at::CACHE_LINE_SIZE, [0], [u8::MAX]);
        self.set_bar(at::BAR0, BAR_MEMORY_64, self.bar0_size);
        self.set_bar(at::BAR2, BAR_PREFETCHABLE_64, self.bar2_size);
        self.set(at::BAR4, [0; 8], [0; 8]);
        self.set(at::ROM, [0; 4], [0; 4]);
        self.set(at::INTERRUPT_LINE, [0], [u8::MAX]);
        self.set(at::GMS, [0], [0]);
        self.set(at::BDSM, [0; 4], [0; 4]);
        self.set(at::SWSCI, [0; 2], SWSCI_WRITABLE.to_le_bytes());
        self.set(at::ASLS, [0; 4], [u8::MAX; 4]);
    }

    /// Keeps of the golden list of capabilities what a vGPU has, power management and MSI, at its
    /// place; whether something is left of it.
    fn reset_capabilities(&mut self) -> bool {
        (self.power, self.msi) = (None, None);
        let mut link = at::CAPABILITIES;
        let mut golden = Walk::new(&self.fields.bytes);
        while let Some((place, id)) = golden.next(&self.fields.bytes) {
            let kept = match id {
                pm::ID if self.power.is_none() => self.reset_power(place),
                msi::ID if self.msi.is_none() => self.reset_msi(place),
                _ => false,
            };
            if kept {
                self.set(link, [u8::try_from(place).unwrap_or(0)], [0]);
                link = place.saturating_add(1);
            }
        }
        self.set(link, [0], [0]);
        link != at::CAPABILITIES
    }

    /// Power management: the state can be changed, there is no PME. False if it has no room.
    fn reset_power(&mut self, place: usize) -> bool {
        if place.saturating_add(pm::LENGTH) > SIZE {
            return false;
        }
        let control = place.saturating_add(pm::CONTROL);
        let value = self.word(control) & pm::NO_SOFT_RESET;
        self.set(control, value.to_le_bytes(), pm::STATE.to_le_bytes());
        self.power = Some(control);
        true
    }

    /// MSI: one message that can be enabled and aimed, not masked. False if it has no room.
    fn reset_msi(&mut self, place: usize) -> bool {
        let control = place.saturating_add(msi::CONTROL);
        let address = place.saturating_add(msi::ADDRESS);
        let upper = place.saturating_add(msi::UPPER_ADDRESS);
        let value = self.word(control) & msi::ADDRESS_64;
        let wide = value != 0;
        let data = place.saturating_add(if wide { msi::DATA_64 } else { msi::DATA_32 });
        if data.saturating_add(msi::DATA_SIZE) > SIZE {
            return false;
        }
        self.set(control, value.to_le_bytes(), msi::ENABLE.to_le_bytes());
        self.set(address, [0; 4], msi::ADDRESS_WRITABLE.to_le_bytes());
        if wide {
            self.set(upper, [0; 4], [u8::MAX; 4]);
        }
        self.set(data, [0; 2], [u8::MAX; 2]);
        self.msi = Some(control);
        true
    }

    /// Bytes of BAR 0.
    pub fn bar0_size(&self) -> u64 {
        self.bar0_size
    }

    /// Bytes of BAR 2.
    pub fn bar2_size(&self) -> u64 {
        self.bar2_size
    }

    /// Whether the guest wants MSI messages.
    pub fn msi_enabled(&self) -> bool {
        self.msi
            .is_some_and(|control| self.word(control) & msi::ENABLE != 0)
    }

    /// The message that the guest wants as an interrupt: the lower half of its address, and its
    /// data. `None`: it wants none.
    pub fn msi_message(&self) -> Option<(u32, u16)> {
        let control = self.msi.filter(|_| self.msi_enabled())?;
        let word = |offset: usize| {
            let at = offset.saturating_sub(msi::CONTROL);
            self.word(control.saturating_add(at))
        };
        let [a, b] = word(msi::ADDRESS).to_le_bytes();
        let [c, d] = word(msi::ADDRESS.saturating_add(msi::DATA_SIZE)).to_le_bytes();
        let wide = self.word(control) & msi::ADDRESS_64 != 0;
        let data = word(if wide { msi::DATA_64 } else { msi::DATA_32 });
        Some((u32::from_le_bytes([a, b, c, d]), data))
    }

    /// SWSCI, by which a guest asks the firmware for something.
    pub(crate) fn swsci(&self) -> u16 {
        self.word(at::SWSCI)
    }

    /// ASLS, where the guest's copy of the OpRegion is; `None` if it was not told.
    pub(crate) fn opregion(&self) -> Option<u32> {
        let bytes = self.fields.bytes.get(at::ASLS..)?;
        let address = u32::from_le_bytes(*bytes.first_chunk()?);
        (address != 0).then_some(address)
    }

    /// Whether the guest has put the device to sleep (D3hot) since the last reset; a guest that
    /// suspends itself does so.
    pub fn entered_d3(&self) -> bool {
        self.entered_d3
    }

    /// Reads.
    ///
    /// # Errors
    ///
    /// `EINVAL` not 1, 2, 4 or 8 bytes, or not inside of it.
    pub fn read(&self, offset: u64, data: &mut [u8]) -> Result {
        let start = place(offset, data.len())?;
        let inside = self.fields.bytes.get(start..).ok_or(EINVAL)?;
        for (to, from) in data.iter_mut().zip(inside) {
            *to = *from;
        }
        Ok(())
    }

    /// Writes. Bits that are not writable stay as they are.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn write(&mut self, offset: u64, data: &[u8]) -> Result {
        let start = place(offset, data.len())?;
        let state = self.power_state();
        let Fields { bytes, writable } = &mut *self.fields;
        let fields = bytes.iter_mut().zip(writable).enumerate().skip(start);
        for ((at, (byte, writable)), new) in fields.zip(data) {
            *byte = (*byte & !*writable | new & *writable) & !(new & clearable(at));
        }
        self.settle_power_state(state);
        Ok(())
    }

    fn power_state(&self) -> u16 {
        self.power
            .map_or(0, |control| self.word(control) & pm::STATE)
    }

    /// D1 and D2 don't exist here: a write of them leaves the state as it was.
    fn settle_power_state(&mut self, before: u16) {
        let state = self.power_state();
        if state == pm::D3_HOT {
            self.entered_d3 = true;
        } else if state != 0 {
            if let Some(control) = self.power {
                let value = self.word(control) & !pm::STATE | before;
                self.set(control, value.to_le_bytes(), pm::STATE.to_le_bytes());
            }
        }
    }

    fn word(&self, at: usize) -> u16 {
        self.fields
            .bytes
            .get(at..)
            .and_then(|bytes| bytes.first_chunk())
            .map_or(0, |bytes| u16::from_le_bytes(*bytes))
    }

    /// Sets a field and its writable bits.
    fn set<const N: usize>(&mut self, at: usize, value: [u8; N], writable: [u8; N]) {
        bytes_mut(&mut self.fields.bytes, at)
            .iter_mut()
            .zip(value)
            .for_each(|(byte, value)| *byte = value);
        bytes_mut(&mut self.fields.writable, at)
            .iter_mut()
            .zip(writable)
            .for_each(|(byte, mask)| *byte = mask);
    }

    /// Sets a BAR of 64 bits to no address. What is below its size can't be written, so a write
    /// of all ones reads back as the size.
    fn set_bar(&mut self, at: usize, kind: u64, size: u64) {
        let writable = !size.saturating_sub(1);
        self.set(at, kind.to_le_bytes(), writable.to_le_bytes());
    }
}

/// Where an access begins, if it is one.
fn place(offset: u64, len: usize) -> Result<usize> {
    let start = usize::try_from(offset)?;
    let end = start.checked_add(len).ok_or(EINVAL)?;
    match len {
        1 | 2 | 4 | 8 if end <= SIZE => Ok(start),
        _ => Err(EINVAL),
    }
}

/// What is from `at` on.
fn bytes_mut(bytes: &mut [u8; SIZE], at: usize) -> &mut [u8] {
    bytes.get_mut(at..).unwrap_or_default()
}

/// The bits of a byte that a written one clears.
fn clearable(at: usize) -> u8 {
    let [_, errors] = STATUS_ERRORS.to_le_bytes();
    match at {
        at::STATUS_UPPER => errors,
        _ => 0,
    }
}

/// A walk over a list of capabilities, which may be damaged: it ends where the list leaves the
/// space for capabilities, and after as many as have room there.
///
/// Links are read one step ahead, so those of places that were walked over may be changed.
struct Walk {
    next: u8,
    left: usize,
}

impl Walk {
    fn new(bytes: &[u8; SIZE]) -> Self {
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
        let listed = u16::from(byte(at::STATUS)) & STATUS_CAPABILITIES != 0;
        Self {
            next: byte(at::CAPABILITIES),
            left: if listed { MOST_CAPABILITIES } else { 0 },
        }
    }

    /// Place and id of the next capability.
    fn next(&mut self, bytes: &[u8; SIZE]) -> Option<(usize, u8)> {
        // The lowest two bits are reserved.
        let place = usize::from(self.next & !0x3);
        self.left = self.left.checked_sub(1)?;
        let (id, next) = match bytes.get(place..)? {
            [id, next, ..] if place >= FIRST_CAPABILITY => (*id, *next),
            _ => return None,
        };
        self.next = next;
        Some((place, id))
    }
}

#[cfg(test)]
mod tests;
