// SPDX-License-Identifier: GPL-2.0 OR MIT
//! PCI configuration space: 256 bytes, with the write masks of each field.

use crate::options::Options;
use crate::platform::Platform;
use crate::seed;

/// Bytes of configuration space; the GPU is no PCI Express endpoint to software.
pub const CONFIG_SPACE_SIZE: usize = 256;

/// Bytes of BAR0: 8 MiB of registers, then 8 MiB of GGTT entries.
pub const BAR0_SIZE: u64 = 16 << 20;
/// Bytes of BAR4, the I/O ports.
pub const BAR4_SIZE: u64 = 64;

/// Offsets of fields (PCI Local Bus 3.0 §6.1; PRM Vol 2d, device 2 configuration registers).
pub mod field {
    /// Vendor id.
    pub const VENDOR: usize = 0x00;
    /// Device id.
    pub const DEVICE: usize = 0x02;
    /// Command register.
    pub const COMMAND: usize = 0x04;
    /// Status register.
    pub const STATUS: usize = 0x06;
    /// Revision id.
    pub const REVISION: usize = 0x08;
    /// Sub-class; the base class follows.
    pub const SUBCLASS: usize = 0x0a;
    /// GTTMMADR: registers and GGTT.
    pub const BAR0: usize = 0x10;
    /// GMADR: the aperture.
    pub const BAR2: usize = 0x18;
    /// I/O ports.
    pub const BAR4: usize = 0x20;
    /// Subsystem vendor id; the subsystem id follows.
    pub const SUBSYSTEM: usize = 0x2c;
    /// First capability.
    pub const CAPABILITIES: usize = 0x34;
    /// Interrupt line, a scratch byte.
    pub const INTERRUPT_LINE: usize = 0x3c;
    /// Interrupt pin.
    pub const INTERRUPT_PIN: usize = 0x3d;
    /// GMCH graphics control: size of stolen memory and of the GGTT.
    pub const GGC: usize = 0x50;
    /// Base of stolen memory.
    pub const BDSM: usize = 0x5c;
    /// Multi-size aperture control.
    pub const MSAC: usize = 0x62;
    /// MSI capability.
    pub const MSI: usize = 0xac;
    /// MSI message control.
    pub const MSI_CONTROL: usize = 0xae;
    /// MSI message address, 32 bits.
    pub const MSI_ADDRESS: usize = 0xb0;
    /// MSI message data.
    pub const MSI_DATA: usize = 0xb4;
    /// Power management capability.
    pub const PM: usize = 0xd0;
    /// Power management control and status.
    pub const PM_CONTROL: usize = 0xd4;
    /// Software SMI (SWSCI trigger).
    pub const SWSCI: usize = 0xe8;
    /// Address of the OpRegion.
    pub const ASLS: usize = 0xfc;
}

const INTEL: u16 = 0x8086;
const SUBSYSTEM_ID: u16 = 0x2212;
const CLASS_DISPLAY: u8 = 0x03;
const STATUS_CAPABILITY_LIST: u16 = 1 << 4;
const COMMAND_WRITABLE: u16 = COMMAND_IO | COMMAND_MEMORY | COMMAND_BUS_MASTER | COMMAND_INTX_OFF;
const COMMAND_IO: u16 = 1 << 0;
const COMMAND_MEMORY: u16 = 1 << 1;
const COMMAND_BUS_MASTER: u16 = 1 << 2;
const COMMAND_INTX_OFF: u16 = 1 << 10;
const BAR_MEMORY_64: u32 = 0x4;
const BAR_MEMORY_64_PREFETCH: u32 = 0xc;
const BAR_IO: u32 = 0x1;
const PIN_INTA: u8 = 1;
/// GGMS = 3: 8 MiB of GGTT entries; GMS = 0: no stolen memory.
const GGC_8MIB_GGTT_NO_STOLEN: u16 = 3 << 6;
const CAPABILITY_MSI: u8 = 0x05;
const CAPABILITY_PM: u8 = 0x01;
const MSI_ENABLE: u16 = 1 << 0;
const MSI_CONTROL_WRITABLE: u16 = MSI_ENABLE | 0x70;
const MSI_ADDRESS_WRITABLE: u32 = !0x3;
const PM_VERSION_2: u16 = 2;
const PM_STATE_MASK: u16 = 0x3;
const D3_HOT: u16 = 0x3;
/// MSAC values (PRM Vol 2d, MSAC): each set bit frees one more address bit above 128 MiB.
const MSAC_UNIT: u64 = 128 << 20;

/// How interrupts reach the CPU at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// Neither way is enabled.
    None,
    /// By the INTA pin.
    Pin,
    /// By the MSI message.
    Message,
}

/// Configuration space of the GPU.
#[derive(Clone, Debug)]
pub struct ConfigSpace {
    bytes: [u8; CONFIG_SPACE_SIZE],
    writable: [u8; CONFIG_SPACE_SIZE],
}

impl ConfigSpace {
    /// Configuration space as firmware leaves it: with addresses that are nobody's business.
    pub fn new(platform: &Platform, options: &Options) -> Self {
        let mut space = Self {
            bytes: [0; CONFIG_SPACE_SIZE],
            writable: [0; CONFIG_SPACE_SIZE],
        };
        space.set16(field::VENDOR, INTEL, 0);
        space.set16(field::DEVICE, options.device_id, 0);
        space.set16(field::COMMAND, 0, COMMAND_WRITABLE);
        space.set16(field::STATUS, STATUS_CAPABILITY_LIST, 0);
        space.bytes[field::REVISION] = platform.revision;
        space.bytes[field::SUBCLASS + 1] = CLASS_DISPLAY;
        space.set_bar64(field::BAR0, BAR0_SIZE, BAR_MEMORY_64);
        space.set_bar64(field::BAR2, options.aperture, BAR_MEMORY_64_PREFETCH);
        space.set32(field::BAR4, BAR_IO, !(BAR4_SIZE as u32 - 1) & 0xffff);
        space.set16(field::SUBSYSTEM, INTEL, 0);
        space.set16(field::SUBSYSTEM + 2, SUBSYSTEM_ID, 0);
        space.bytes[field::CAPABILITIES] = field::MSI as u8;
        space.writable[field::INTERRUPT_LINE] = u8::MAX;
        space.bytes[field::INTERRUPT_PIN] = PIN_INTA;
        space.set16(field::GGC, GGC_8MIB_GGTT_NO_STOLEN, 0);
        space.bytes[field::MSAC] = (options.aperture / MSAC_UNIT - 1) as u8;
        space.bytes[field::MSI] = CAPABILITY_MSI;
        space.bytes[field::MSI + 1] = field::PM as u8;
        space.set16(field::MSI_CONTROL, 0, MSI_CONTROL_WRITABLE);
        space.set32(field::MSI_ADDRESS, 0, MSI_ADDRESS_WRITABLE);
        space.set16(field::MSI_DATA, 0, u16::MAX);
        space.bytes[field::PM] = CAPABILITY_PM;
        space.set16(field::PM + 2, PM_VERSION_2, 0);
        space.set16(field::PM_CONTROL, 0, PM_STATE_MASK);
        space.set32(field::SWSCI, 0, u32::MAX);
        space.set32(field::ASLS, 0, u32::MAX);
        for (offset, secret) in seed::config_secrets(options.seed) {
            space.bytes[offset..offset + 4].copy_from_slice(&secret.to_le_bytes());
        }
        space
    }

    /// Reads from `offset` on; bytes outside read 0.
    pub fn read(&self, offset: u64, data: &mut [u8]) {
        data.fill(0);
        let inside = usize::try_from(offset)
            .ok()
            .and_then(|start| self.bytes.get(start..));
        for (byte, value) in data.iter_mut().zip(inside.unwrap_or_default()) {
            *byte = *value;
        }
    }

    /// Writes from `offset` on; read-only bits and bytes outside stay as they are.
    pub fn write(&mut self, offset: u64, data: &[u8]) {
        let start = usize::try_from(offset)
            .unwrap_or(CONFIG_SPACE_SIZE)
            .min(CONFIG_SPACE_SIZE);
        let fields = self.bytes[start..].iter_mut().zip(&self.writable[start..]);
        for (byte, (old, mask)) in data.iter().zip(fields) {
            *old = (*old & !mask) | (byte & mask);
        }
    }

    /// How interrupts reach the CPU at present.
    pub fn routing(&self) -> Routing {
        if self.get16(field::MSI_CONTROL) & MSI_ENABLE != 0 {
            Routing::Message
        } else if self.get16(field::COMMAND) & COMMAND_INTX_OFF == 0 {
            Routing::Pin
        } else {
            Routing::None
        }
    }

    /// Whether the device is in its lowest power state.
    pub fn in_d3(&self) -> bool {
        self.get16(field::PM_CONTROL) & PM_STATE_MASK == D3_HOT
    }

    fn get16(&self, offset: usize) -> u16 {
        u16::from_le_bytes([self.bytes[offset], self.bytes[offset + 1]])
    }

    fn set16(&mut self, offset: usize, value: u16, writable: u16) {
        self.bytes[offset..offset + 2].copy_from_slice(&value.to_le_bytes());
        self.writable[offset..offset + 2].copy_from_slice(&writable.to_le_bytes());
    }

    fn set32(&mut self, offset: usize, value: u32, writable: u32) {
        self.bytes[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        self.writable[offset..offset + 4].copy_from_slice(&writable.to_le_bytes());
    }

    fn set_bar64(&mut self, offset: usize, size: u64, flags: u32) {
        let writable = !(size - 1);
        self.set32(offset, flags, writable as u32);
        self.set32(offset + 4, 0, (writable >> 32) as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::PlatformId;

    fn space(aperture: u64) -> ConfigSpace {
        let options = Options {
            aperture,
            ..Options::for_platform(PlatformId::Kabylake)
        };
        ConfigSpace::new(Platform::get(options.platform), &options)
    }

    fn read32(space: &ConfigSpace, offset: usize) -> u32 {
        let mut data = [0; 4];
        space.read(offset as u64, &mut data);
        u32::from_le_bytes(data)
    }

    #[test]
    fn identity_when_kabylake_then_as_configured_and_read_only() {
        let mut space = space(256 << 20);

        space.write(0, &[0xff; 4]);

        assert_eq!(read32(&space, field::VENDOR), 0x5916_8086);
        assert_eq!(read32(&space, field::GGC) & 0xffff, 0x00c0);
    }

    #[test]
    fn bar2_when_sized_then_answers_the_aperture() {
        let mut space = space(512 << 20);

        space.write(field::BAR2 as u64, &[0xff; 8]);

        assert_eq!(read32(&space, field::BAR2), 0xe000_000c);
        assert_eq!(read32(&space, field::BAR2 + 4), 0xffff_ffff);
        assert_eq!(space.bytes[field::MSAC], 3);
    }

    #[test]
    fn routing_when_msi_enabled_then_message() {
        let mut space = space(256 << 20);
        assert_eq!(space.routing(), Routing::Pin);

        space.write(field::MSI_CONTROL as u64, &[1, 0]);

        assert_eq!(space.routing(), Routing::Message);
    }

    #[test]
    fn access_when_outside_then_zero_and_ignored() {
        let mut space = space(256 << 20);
        let mut data = [1; 8];

        space.write(0xfe, &[0xff; 8]);
        space.read(u64::MAX - 2, &mut data[..2]);
        space.read(0x100, &mut data[2..]);

        assert_eq!(data, [0; 8]);
    }
}
