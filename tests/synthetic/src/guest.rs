// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vGPU and some memory: what the checks work on.

use std::ops::Range;

use anyhow::{bail, ensure, Context, Result};
use rustix::io::Errno;
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_DATA_NONE,
    VFIO_PCI_BAR0_REGION_INDEX as BAR0, VFIO_PCI_BAR2_REGION_INDEX as BAR2,
    VFIO_PCI_CONFIG_REGION_INDEX as CONFIG, VFIO_PCI_MSI_IRQ_INDEX as MSI,
};

use crate::event::Event;
use crate::ram::Ram;
use crate::registers::display::port;
use crate::registers::{config, pvinfo, GGTT, PAGE_SHIFT, PTE_PRESENT};
use crate::transport::{IrqData, IrqRequest, Opener, Transport};

/// Bytes of the guest's memory.
const RAM: u64 = 16 << 20;
/// The most capabilities that fit.
const MOST_CAPABILITIES: usize = 48;

/// Which GPU it is, as far as that makes a difference to a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Broadwell.
    Bdw,
    /// Broxton.
    Bxt,
    /// Skylake, Kaby Lake, Coffee Lake and Comet Lake.
    Gen9,
}

impl Family {
    /// The number of the port that the monitor is on: A is 0.
    pub fn monitor(self) -> u32 {
        match self {
            Self::Bdw | Self::Bxt => port::B,
            Self::Gen9 => port::D,
        }
    }
}

/// An open vGPU, with memory that it reaches from address 0 on.
pub struct Guest<'a> {
    opener: &'a dyn Opener,
    transport: Option<Box<dyn Transport>>,
    /// The memory.
    pub ram: Ram,
    /// What the vGPU's type is expected to be, if the user said it: the `n` of its name.
    pub share: Option<u32>,
}

impl<'a> Guest<'a> {
    /// Opens a vGPU.
    ///
    /// # Errors
    /// What went wrong, at which step.
    pub fn open(opener: &'a dyn Opener, share: Option<u32>) -> Result<Self> {
        let mut guest = Self {
            opener,
            transport: None,
            ram: Ram::new(RAM)?,
            share,
        };
        guest.reopen()?;
        Ok(guest)
    }

    /// Closes the vGPU and opens it again, which resets nothing by itself.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn reopen(&mut self) -> Result<()> {
        self.close();
        let mut transport = self.opener.open()?;
        transport
            .map_memory(&self.ram, 0..RAM)
            .context("cannot give the device memory")?;
        self.transport = Some(transport);
        Ok(())
    }

    /// Closes the vGPU.
    pub fn close(&mut self) {
        self.transport = None;
    }

    /// Resets the vGPU and clears the memory.
    ///
    /// # Errors
    /// What the device said.
    pub fn restart(&mut self) -> Result<()> {
        self.transport().reset().context("cannot reset")?;
        for page in 0..RAM >> PAGE_SHIFT {
            self.ram.fill(page, 0)?;
        }
        Ok(())
    }

    /// The way to the device.
    ///
    /// # Panics
    /// If it is closed.
    pub fn transport(&mut self) -> &mut dyn Transport {
        self.transport
            .as_deref_mut()
            .expect("checks leave the device open")
    }

    /// The memory, and the way to the device.
    ///
    /// # Panics
    /// If it is closed.
    pub fn ram_and_transport(&mut self) -> (&Ram, &mut dyn Transport) {
        let transport = self.transport.as_deref_mut();
        let transport = transport.expect("checks leave the device open");
        (&self.ram, transport)
    }

    /// Which GPU it is.
    ///
    /// # Errors
    /// Its configuration space can't be read.
    pub fn family(&mut self) -> Result<Family> {
        // The device ids of Intel's public lists (`include/drm/intel/pciids.h`).
        Ok(match self.config16(config::DEVICE)? {
            0x1600..=0x163f => Family::Bdw,
            0x0a84 | 0x1a84 | 0x1a85 | 0x5a84 | 0x5a85 => Family::Bxt,
            _ => Family::Gen9,
        })
    }

    /// Reads configuration space.
    ///
    /// # Errors
    /// What the device said; so do the functions below.
    pub fn config<const N: usize>(&mut self, offset: u64) -> Result<[u8; N]> {
        let mut data = [0; N];
        let result = self.transport().read(CONFIG, offset, &mut data);
        result.with_context(|| format!("cannot read {N} bytes of configuration at {offset:#x}"))?;
        Ok(data)
    }

    /// Reads a word of it.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn config16(&mut self, offset: u64) -> Result<u16> {
        Ok(u16::from_le_bytes(self.config(offset)?))
    }

    /// Reads a dword of it.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn config32(&mut self, offset: u64) -> Result<u32> {
        Ok(u32::from_le_bytes(self.config(offset)?))
    }

    /// Writes it.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn set_config(&mut self, offset: u64, data: &[u8]) -> Result<()> {
        let result = self.transport().write(CONFIG, offset, data);
        let count = data.len();
        result
            .with_context(|| format!("cannot write {count} bytes of configuration at {offset:#x}"))
    }

    /// Where a capability is.
    ///
    /// # Errors
    /// The list is none, or has none of that id.
    pub fn capability(&mut self, id: u8) -> Result<u64> {
        let list = self.capabilities()?;
        let found = list.iter().find(|(found, _)| *found == id);
        let (_, at) = found.with_context(|| format!("there is no capability {id:#x}"))?;
        Ok(*at)
    }

    /// All capabilities: their ids and places.
    ///
    /// # Errors
    /// The list is none.
    pub fn capabilities(&mut self) -> Result<Vec<(u8, u64)>> {
        let status = self.config16(config::STATUS)?;
        ensure!(
            status & config::STATUS_CAPABILITIES != 0,
            "the status tells of no capabilities"
        );
        let [mut next] = self.config(config::CAPABILITIES)?;
        let mut list = Vec::new();
        while next != 0 {
            ensure!(
                next >= config::CAPABILITIES_FIRST && next & 3 == 0,
                "a capability is at {next:#x}"
            );
            ensure!(list.len() < MOST_CAPABILITIES, "the list has no end");
            let at = u64::from(next);
            let [id, following] = self.config(at)?;
            list.push((id, at));
            next = following;
        }
        Ok(list)
    }

    /// Reads BAR 0.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn bar0<const N: usize>(&mut self, offset: u64) -> Result<[u8; N]> {
        let mut data = [0; N];
        let result = self.transport().read(BAR0, offset, &mut data);
        result.with_context(|| format!("cannot read {N} bytes of BAR 0 at {offset:#x}"))?;
        Ok(data)
    }

    /// Reads a register.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn read32(&mut self, offset: u64) -> Result<u32> {
        Ok(u32::from_le_bytes(self.bar0(offset)?))
    }

    /// Reads two registers at once, or an entry of the GGTT.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn read64(&mut self, offset: u64) -> Result<u64> {
        Ok(u64::from_le_bytes(self.bar0(offset)?))
    }

    /// Writes BAR 0.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn set_bar0(&mut self, offset: u64, data: &[u8]) -> Result<()> {
        let result = self.transport().write(BAR0, offset, data);
        let count = data.len();
        result.with_context(|| format!("cannot write {count} bytes of BAR 0 at {offset:#x}"))
    }

    /// Writes a register.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn write32(&mut self, offset: u64, value: u32) -> Result<()> {
        self.set_bar0(offset, &value.to_le_bytes())
    }

    /// Writes two registers at once, or an entry of the GGTT.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn write64(&mut self, offset: u64, value: u64) -> Result<()> {
        self.set_bar0(offset, &value.to_le_bytes())
    }

    /// Writes bits of a register whose high half says which of the low half change.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn write_masked(&mut self, offset: u64, mask: u32, value: u32) -> Result<()> {
        self.write32(offset, mask << 16 | value)
    }

    /// The vGPU's part of the aperture, in bytes of the GGTT's addresses.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn aperture(&mut self) -> Result<Range<u64>> {
        self.range(pvinfo::APERTURE)
    }

    /// The vGPU's part behind the aperture.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn high(&mut self) -> Result<Range<u64>> {
        self.range(pvinfo::HIGH)
    }

    fn range(&mut self, offset: u64) -> Result<Range<u64>> {
        let start = u64::from(self.read32(offset)?);
        Ok(start..start + u64::from(self.read32(offset + 4)?))
    }

    /// Bytes of the whole aperture.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn bar2_size(&mut self) -> Result<u64> {
        Ok(self.transport().region(BAR2)?.size)
    }

    /// Where in BAR 0 the entry is that translates an address.
    pub fn entry_of(gma: u64) -> u64 {
        GGTT + (gma >> PAGE_SHIFT) * 8
    }

    /// The entry that translates an address.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn entry(&mut self, gma: u64) -> Result<u64> {
        self.read64(Self::entry_of(gma))
    }

    /// Writes it.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn set_entry(&mut self, gma: u64, entry: u64) -> Result<()> {
        self.write64(Self::entry_of(gma), entry)
    }

    /// Lets an address lead to a page of the guest's memory.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn map(&mut self, gma: u64, page: u64) -> Result<()> {
        self.set_entry(gma, page << PAGE_SHIFT | PTE_PRESENT)
    }

    /// Reads a dword through the aperture.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn aperture32(&mut self, gma: u64) -> Result<u32> {
        let mut data = [0; 4];
        let result = self.transport().read(BAR2, gma, &mut data);
        result.with_context(|| format!("cannot read the aperture at {gma:#x}"))?;
        Ok(u32::from_le_bytes(data))
    }

    /// Writes a dword through the aperture, and waits until it is there: writes are posted, and
    /// have arrived when a read by the same way returns.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn set_aperture32(&mut self, gma: u64, value: u32) -> Result<()> {
        let result = self.transport().write(BAR2, gma, &value.to_le_bytes());
        result.with_context(|| format!("cannot write the aperture at {gma:#x}"))?;
        self.aperture32(gma).map(drop)
    }

    /// Connects an event to the MSI message.
    ///
    /// # Errors
    /// What the device said.
    pub fn connect_msi(&mut self, event: &Event) -> Result<()> {
        let request = IrqRequest {
            flags: VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
            index: MSI,
            start: 0,
            count: 1,
            data: IrqData::Files(&[event.fd()]),
        };
        let result = self.transport().set_irqs(&request);
        result.context("cannot connect the MSI message")
    }

    /// Fires the MSI message from outside.
    ///
    /// # Errors
    /// What the device said.
    pub fn fire_msi(&mut self) -> Result<(), Errno> {
        self.transport().set_irqs(&IrqRequest {
            flags: VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
            index: MSI,
            start: 0,
            count: 1,
            data: IrqData::Bytes(&[]),
        })
    }

    /// Disconnects the MSI message.
    ///
    /// # Errors
    /// What the device said.
    pub fn disconnect_msi(&mut self) -> Result<()> {
        let request = IrqRequest {
            flags: VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER,
            index: MSI,
            start: 0,
            count: 0,
            data: IrqData::Bytes(&[]),
        };
        let result = self.transport().set_irqs(&request);
        result.context("cannot disconnect the MSI message")
    }

    /// Turns on MSI as a driver does: address, data, then the control word.
    ///
    /// # Errors
    /// See [`config`](Self::config).
    pub fn enable_msi(&mut self) -> Result<()> {
        let at = self.capability(config::CAP_MSI)?;
        self.set_config(at + config::MSI_ADDRESS, &config::MSI_TARGET.to_le_bytes())?;
        let control = self.config16(at + config::MSI_CONTROL)?;
        let enabled = control | config::MSI_ENABLE;
        self.set_config(at + config::MSI_CONTROL, &enabled.to_le_bytes())?;
        match self.config16(at + config::MSI_CONTROL)? & config::MSI_ENABLE {
            0 => bail!("MSI does not turn on"),
            _ => Ok(()),
        }
    }

    /// What the device does if nothing is wrong with it: it is found again as a guest looks for it.
    ///
    /// # Errors
    /// It is not.
    pub fn works(&mut self) -> Result<()> {
        let magic = self.read64(pvinfo::MAGIC)?;
        ensure!(
            magic == pvinfo::MAGIC_VALUE,
            "afterwards the magic number is {magic:#x}"
        );
        self.write32(crate::registers::SCRATCH, 0x600d_600d)?;
        let scratch = self.read32(crate::registers::SCRATCH)?;
        ensure!(
            scratch == 0x600d_600d,
            "afterwards a register reads {scratch:#x}"
        );
        Ok(())
    }
}
