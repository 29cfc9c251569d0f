// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A small PCI device to test the server with: a scratch register and a DMA copy engine.
//!
//! BAR0 holds the registers below. BAR2 is memory, of which clients may map the upper half. A copy
//! reads `LENGTH` bytes at `SOURCE`, writes them to `TARGET`, sets `STATUS` and interrupts.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;

use rustix::fs::{memfd_create, MemfdFlags};
use rustix::io::Errno;
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_INFO_AUTOMASKED, VFIO_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_MASKABLE,
    VFIO_IRQ_INFO_NORESIZE, VFIO_PCI_BAR0_REGION_INDEX, VFIO_PCI_BAR2_REGION_INDEX,
    VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX,
    VFIO_PCI_NUM_IRQS, VFIO_PCI_NUM_REGIONS,
};

use crate::device::{Bus, Device, Mappable, Region};
use crate::irq::IrqIndex;

/// PCI vendor id; belongs to no vendor of hardware.
pub const VENDOR_ID: u16 = 0x1234;
/// PCI device id.
pub const DEVICE_ID: u16 = 0x7e57;
/// Value of the identity register.
pub const IDENTITY: u32 = u32::from_le_bytes(*b"TOY0");

/// Offsets of the registers in BAR0; all are 4 bytes.
pub mod reg {
    /// Reads as [`super::IDENTITY`].
    pub const ID: u64 = 0x00;
    /// Reads back what was written.
    pub const SCRATCH: u64 = 0x04;
    /// DMA address to copy from, low dword first.
    pub const SOURCE: u64 = 0x08;
    /// DMA address to copy to, low dword first.
    pub const TARGET: u64 = 0x10;
    /// Bytes to copy, at most [`super::MAX_COPY`].
    pub const LENGTH: u64 = 0x18;
    /// A write starts the copy.
    pub const START: u64 = 0x1c;
    /// 0 idle, 1 done, 2 failed.
    pub const STATUS: u64 = 0x20;
    /// A write lowers the interrupt line and clears the status.
    pub const ACKNOWLEDGE: u64 = 0x24;
    /// End of the registers.
    pub const END: u64 = 0x28;
}

/// Status after a copy.
pub const STATUS_DONE: u32 = 1;
/// Status after a copy that could not be made.
pub const STATUS_FAILED: u32 = 2;
/// Most bytes of one copy.
pub const MAX_COPY: usize = 64 << 10;
/// Size of BAR0.
pub const BAR0_SIZE: u64 = 4096;
/// Size of BAR2.
pub const BAR2_SIZE: u64 = 8192;

const CONFIG_SIZE: usize = 256;
const REGISTERS: usize = (reg::END / 4) as usize;
/// PCI configuration space offsets (PCI Local Bus Specification 3.0, 6.1 and 6.8.1).
const CONFIG_COMMAND: usize = 0x04;
const CONFIG_STATUS: usize = 0x06;
const CONFIG_CLASS: usize = 0x0b;
const CONFIG_BAR0: usize = 0x10;
const CONFIG_BAR2: usize = 0x18;
/// The bytes of the BARs in which their sizes end.
const CONFIG_BAR0_SECOND: usize = CONFIG_BAR0 + 1;
const CONFIG_BAR2_SECOND: usize = CONFIG_BAR2 + 1;
const CONFIG_BAR_END: usize = 0x28;
const CONFIG_CAPABILITIES: usize = 0x34;
const CONFIG_IRQ_LINE: usize = 0x3c;
const CONFIG_IRQ_PIN: usize = 0x3d;
const MSI_AT: usize = 0x50;
const MSI_END: usize = MSI_AT + 14;
const MSI_CAPABILITY: u8 = 0x05;
const MSI_64BIT: u8 = 0x80;
const STATUS_HAS_CAPABILITIES: u8 = 0x10;
const CLASS_OTHER: u8 = 0xff;
const BAR_64BIT_PREFETCHABLE: u8 = 0x0c;

/// The interrupts of the device: one INTx line, one MSI message.
pub fn irqs() -> [IrqIndex; VFIO_PCI_NUM_IRQS as usize] {
    let mut irqs = [IrqIndex {
        count: 0,
        flags: VFIO_IRQ_INFO_EVENTFD,
    }; 5];
    irqs[VFIO_PCI_INTX_IRQ_INDEX as usize] = IrqIndex {
        count: 1,
        flags: VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED,
    };
    irqs[VFIO_PCI_MSI_IRQ_INDEX as usize] = IrqIndex {
        count: 1,
        flags: VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE,
    };
    irqs
}

/// The device.
#[derive(Debug)]
pub struct Toy {
    bus: Bus,
    regions: Vec<Region>,
    memory: File,
    config: [u8; CONFIG_SIZE],
    registers: [u32; REGISTERS],
    status: Arc<AtomicU32>,
    buffer: Vec<u8>,
    in_background: bool,
}

impl Toy {
    /// A device after power-on.
    ///
    /// # Errors
    /// That of creating the memory behind BAR2.
    pub fn new(bus: Bus) -> std::io::Result<Self> {
        let memory = File::from(memfd_create("toy-bar2", MemfdFlags::CLOEXEC)?);
        memory.set_len(BAR2_SIZE)?;
        let mut regions: Vec<Region> = (0..VFIO_PCI_NUM_REGIONS)
            .map(|_| Region::default())
            .collect();
        regions[VFIO_PCI_BAR0_REGION_INDEX as usize] = Region::trapped(BAR0_SIZE);
        let upper_half = BAR2_SIZE / 2..BAR2_SIZE;
        let mappable = Mappable {
            file: memory.try_clone()?,
            offset: 0,
            areas: vec![upper_half],
        };
        regions[VFIO_PCI_BAR2_REGION_INDEX as usize] = Region {
            mappable: Some(mappable),
            ..Region::trapped(BAR2_SIZE)
        };
        regions[VFIO_PCI_CONFIG_REGION_INDEX as usize] = Region::trapped(CONFIG_SIZE as u64);
        let mut toy = Self {
            bus,
            regions,
            memory,
            config: [0; CONFIG_SIZE],
            registers: [0; REGISTERS],
            status: Arc::default(),
            buffer: vec![0; MAX_COPY],
            in_background: false,
        };
        toy.power_on();
        Ok(toy)
    }

    /// Lets copies run on a thread of their own, as a real device would work beside its bus.
    ///
    /// QEMU answers DMA messages only while it does not wait for a register access, so a device
    /// that asks for memory inside of an access would wait in vain.
    pub fn copying_in_background(mut self) -> Self {
        self.in_background = true;
        self
    }

    fn power_on(&mut self) {
        self.status.store(0, Ordering::Release);
        self.registers = [0; REGISTERS];
        self.config = [0; CONFIG_SIZE];
        self.config[0..2].copy_from_slice(&VENDOR_ID.to_le_bytes());
        self.config[2..4].copy_from_slice(&DEVICE_ID.to_le_bytes());
        self.config[CONFIG_STATUS] = STATUS_HAS_CAPABILITIES;
        self.config[CONFIG_CLASS] = CLASS_OTHER;
        self.config[CONFIG_BAR2] = BAR_64BIT_PREFETCHABLE;
        self.config[CONFIG_CAPABILITIES] = MSI_AT as u8;
        self.config[CONFIG_IRQ_PIN] = 1;
        self.config[MSI_AT] = MSI_CAPABILITY;
        self.config[MSI_AT + 2] = MSI_64BIT;
    }

    fn register(&self, offset: u64) -> u32 {
        self.registers
            .get((offset / 4) as usize)
            .copied()
            .unwrap_or(0)
    }

    fn set_register(&mut self, offset: u64, value: u32) {
        if let Some(register) = self.registers.get_mut((offset / 4) as usize) {
            *register = value;
        }
    }

    fn address(&self, offset: u64) -> u64 {
        u64::from(self.register(offset)) | u64::from(self.register(offset + 4)) << 32
    }

    fn write_register(&mut self, offset: u64, value: u32) {
        match offset {
            reg::START => self.copy(),
            reg::ACKNOWLEDGE => {
                self.status.store(0, Ordering::Release);
                self.bus
                    .interrupts
                    .set_level(VFIO_PCI_INTX_IRQ_INDEX, 0, false);
            }
            reg::ID | reg::STATUS => {}
            _ => self.set_register(offset, value),
        }
    }

    fn copy(&mut self) {
        let job = Copy {
            source: self.address(reg::SOURCE),
            target: self.address(reg::TARGET),
            length: self.register(reg::LENGTH) as usize,
            bus: self.bus.clone(),
            status: Arc::clone(&self.status),
        };
        if self.in_background {
            self.status.store(0, Ordering::Release);
            std::thread::spawn(move || job.run(&mut vec![0; MAX_COPY]));
        } else {
            job.run(&mut self.buffer);
        }
    }

    fn write_config(&mut self, offset: usize, data: &[u8]) {
        for (at, byte) in (offset..).zip(data) {
            let Some(old) = self.config.get_mut(at) else {
                return;
            };
            match at {
                CONFIG_COMMAND..CONFIG_STATUS | CONFIG_IRQ_LINE => *old = *byte,
                // The low bits of a BAR tell its kind, and its size is a power of two.
                CONFIG_BAR0 | CONFIG_BAR2 => {}
                CONFIG_BAR0_SECOND => *old = byte & !((BAR0_SIZE - 1) >> 8) as u8,
                CONFIG_BAR2_SECOND => *old = byte & !((BAR2_SIZE - 1) >> 8) as u8,
                CONFIG_BAR0..CONFIG_BAR_END => *old = *byte,
                at if (MSI_AT + 2..MSI_END).contains(&at) => {
                    *old = if at == MSI_AT + 2 {
                        byte | MSI_64BIT
                    } else {
                        *byte
                    };
                }
                _ => {}
            }
        }
    }
}

/// One copy of client memory.
struct Copy {
    source: u64,
    target: u64,
    length: usize,
    bus: Bus,
    status: Arc<AtomicU32>,
}

impl Copy {
    fn run(&self, buffer: &mut [u8]) {
        let status = match self.copy(buffer) {
            Ok(()) => STATUS_DONE,
            Err(cause) => {
                tracing::debug!("copy failed: {cause}");
                STATUS_FAILED
            }
        };
        self.status.store(status, Ordering::Release);
        let interrupts = &self.bus.interrupts;
        if interrupts.is_connected(VFIO_PCI_MSI_IRQ_INDEX, 0) {
            interrupts.trigger(VFIO_PCI_MSI_IRQ_INDEX, 0);
        } else {
            interrupts.set_level(VFIO_PCI_INTX_IRQ_INDEX, 0, true);
        }
    }

    fn copy(&self, buffer: &mut [u8]) -> Result<(), String> {
        let data = buffer.get_mut(..self.length).ok_or("too long")?;
        self.bus
            .memory
            .read(self.source, data)
            .map_err(|error| error.to_string())?;
        self.bus
            .memory
            .write(self.target, data)
            .map_err(|error| error.to_string())
    }
}

impl Device for Toy {
    fn regions(&self) -> &[Region] {
        &self.regions
    }

    fn read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> Result<(), Errno> {
        match region {
            VFIO_PCI_CONFIG_REGION_INDEX => {
                let start = offset as usize;
                let bytes = self
                    .config
                    .get(start..start + data.len())
                    .ok_or(Errno::INVAL)?;
                data.copy_from_slice(bytes);
            }
            VFIO_PCI_BAR0_REGION_INDEX => {
                for (at, byte) in (offset..).zip(data) {
                    let value = match at & !3 {
                        reg::ID => IDENTITY,
                        reg::STATUS => self.status.load(Ordering::Acquire),
                        register => self.register(register),
                    };
                    *byte = value.to_le_bytes()[(at % 4) as usize];
                }
            }
            VFIO_PCI_BAR2_REGION_INDEX => {
                self.memory
                    .read_exact_at(data, offset)
                    .map_err(|_| Errno::IO)?;
            }
            _ => return Err(Errno::INVAL),
        }
        Ok(())
    }

    fn write(&mut self, region: u32, offset: u64, data: &[u8]) -> Result<(), Errno> {
        match region {
            VFIO_PCI_CONFIG_REGION_INDEX => self.write_config(offset as usize, data),
            VFIO_PCI_BAR0_REGION_INDEX => {
                // Registers take whole dwords only.
                if offset % 4 == 0 {
                    for (at, chunk) in (offset..).step_by(4).zip(data.chunks_exact(4)) {
                        let value = u32::from_le_bytes(chunk.try_into().unwrap_or_default());
                        self.write_register(at, value);
                    }
                }
            }
            VFIO_PCI_BAR2_REGION_INDEX => {
                self.memory
                    .write_all_at(data, offset)
                    .map_err(|_| Errno::IO)?;
            }
            _ => return Err(Errno::INVAL),
        }
        Ok(())
    }

    fn reset(&mut self) -> Result<(), Errno> {
        self.power_on();
        self.bus
            .interrupts
            .set_level(VFIO_PCI_INTX_IRQ_INDEX, 0, false);
        Ok(())
    }
}
