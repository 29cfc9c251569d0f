// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vGPU as the vfio-user server drives it.

use std::ops::Range;
use std::sync::Arc;

use kernel::error::Error;
use kvmgt_core::address::{Gfn, PAGE_SHIFT, PAGE_SIZE};
use kvmgt_core::display::{monitor, Resolution};
use kvmgt_core::guest::World;
use kvmgt_core::vgpu::shares::VgpuId;
use kvmgt_core::vgpu::{self, Vgpu};
use kvmgt_core::{config_space, opregion};
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_INFO_AUTOMASKED, VFIO_IRQ_INFO_EVENTFD, VFIO_IRQ_INFO_MASKABLE,
    VFIO_IRQ_INFO_NORESIZE, VFIO_PCI_BAR0_REGION_INDEX, VFIO_PCI_BAR2_REGION_INDEX,
    VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX,
    VFIO_PCI_NUM_IRQS, VFIO_PCI_NUM_REGIONS, VFIO_REGION_SUBTYPE_GFX_EDID,
    VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION, VFIO_REGION_TYPE_GFX, VFIO_REGION_TYPE_PCI_VENDOR_TYPE,
};
use vfio_user_server::{Bus, Device, DmaWindow, Errno, IrqIndex, Region};

use crate::gpu::Gpu;
use crate::guest::Windows;
use crate::screen::Screen;

pub(crate) mod locked;
mod monitor_device;

pub use locked::Worker;
pub use monitor_device::MonitorDevice;

use locked::Locked;

/// Bytes of the largest piece in which configuration space and the other regions are reached.
const CONFIG_PIECE: usize = 4;
const PIECE: usize = 8;

/// Index of the region by which clients give the monitor an EDID, as kvmgt.ko has it.
const EDID_REGION: u32 = VFIO_PCI_NUM_REGIONS;
/// Index of the OpRegion, as there.
const OPREGION_REGION: u32 = EDID_REGION + 1;
/// How many regions there are.
const REGIONS: u32 = OPREGION_REGION + 1;
/// Vendor id of Intel's devices (PCI).
const INTEL: u32 = 0x8086;

/// The interrupts of a vGPU: one MSI message, and an INTA pin on which nothing ever comes.
pub fn irqs() -> [IrqIndex; VFIO_PCI_NUM_IRQS as usize] {
    let mut irqs = [IrqIndex {
        count: 0,
        flags: VFIO_IRQ_INFO_EVENTFD,
    }; VFIO_PCI_NUM_IRQS as usize];
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

/// A vGPU with its client; dropping it destroys the vGPU.
pub struct VgpuDevice<'a> {
    gpu: &'a Gpu<'a>,
    locked: Arc<Locked<'a>>,
    windows: Windows,
    bus: Bus,
    regions: Vec<Region>,
    aperture: Range<u64>,
    id: VgpuId,
}

impl<'a> VgpuDevice<'a> {
    pub(crate) fn new(gpu: &'a Gpu<'a>, vgpu: Vgpu, bus: Bus) -> Self {
        let regions = (0..REGIONS)
            .map(|index| match index {
                VFIO_PCI_BAR0_REGION_INDEX => Region::trapped(vgpu.bar0_size()),
                // The aperture of the software GPU is no memory that could be mapped.
                VFIO_PCI_BAR2_REGION_INDEX => Region::trapped(vgpu.bar2_size()),
                VFIO_PCI_CONFIG_REGION_INDEX => Region::trapped(config_space::SIZE as u64),
                EDID_REGION => edid_region(),
                OPREGION_REGION => Region {
                    writable: false,
                    kind: Some((
                        VFIO_REGION_TYPE_PCI_VENDOR_TYPE | INTEL,
                        VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION,
                    )),
                    ..Region::trapped(opregion::SIZE as u64)
                },
                _ => Region::default(),
            })
            .collect();
        let windows = Windows::default();
        Self {
            id: vgpu.id(),
            aperture: vgpu.aperture(),
            locked: Arc::new(Locked::new(gpu, vgpu, &bus, &windows)),
            windows,
            gpu,
            bus,
            regions,
        }
    }

    /// Which one it is.
    pub fn id(&self) -> VgpuId {
        self.id
    }

    /// Its part of BAR 2.
    pub fn aperture(&self) -> Range<u64> {
        self.aperture.clone()
    }

    /// What it is served with.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// What somebody else has to do for it.
    pub fn worker(&self) -> Worker<'a> {
        Worker(Arc::clone(&self.locked))
    }

    /// Its monitor's region, for somebody beside its client.
    pub fn monitor(&self) -> MonitorDevice<'a> {
        MonitorDevice::new(Arc::clone(&self.locked))
    }

    /// What its guest shows.
    pub fn screen(&self) -> Screen<'a> {
        Screen(Arc::clone(&self.locked))
    }

    /// Lets its monitor prefer a resolution, from the next client on.
    ///
    /// # Errors
    ///
    /// Its type has none such; the error tells the largest.
    pub fn set_resolution(&self, resolution: Resolution) -> Result<(), Resolution> {
        let set = self.locked.with(|vgpu, _| {
            let largest = vgpu.largest_resolution();
            Ok(vgpu.set_resolution(resolution).map_err(|_| largest))
        });
        // It is taken away only when this is dropped.
        set.unwrap_or(Ok(()))
    }

    /// Lets the core do something that can't fail.
    fn let_it(&self, act: impl FnOnce(&mut Vgpu, &mut World<'_>)) {
        // If nobody has it open there is nothing to be undone.
        let _ = self.locked.with_open(|vgpu, world| {
            act(vgpu, world);
            Ok(())
        });
    }

    /// Whether an access to BAR 2 is inside of its own part.
    fn is_own(&self, offset: u64, length: usize) -> bool {
        let end = offset.checked_add(length as u64);
        offset >= self.aperture.start && end.is_some_and(|end| end <= self.aperture.end)
    }
}

impl Device for VgpuDevice<'_> {
    fn regions(&self) -> &[Region] {
        &self.regions
    }

    fn read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> Result<(), Errno> {
        if region == VFIO_PCI_BAR2_REGION_INDEX && self.is_own(offset, data.len()) {
            self.gpu.machine().gpu().bar2_read(offset, data);
            return Ok(());
        }
        read(&self.locked, region, offset, data)
    }

    fn write(&mut self, region: u32, offset: u64, data: &[u8]) -> Result<(), Errno> {
        if region == VFIO_PCI_BAR2_REGION_INDEX && self.is_own(offset, data.len()) {
            self.gpu.machine().gpu().bar2_write(offset, data);
            return Ok(());
        }
        write(&self.locked, region, offset, data)
    }

    fn reset(&mut self) -> Result<(), Errno> {
        let reset = self.locked.with_open(|vgpu, world| {
            vgpu.reset(world);
            Ok(())
        });
        reset.map_err(errno)
    }

    fn dma_mapped(&mut self, window: DmaWindow) {
        self.windows.add(window);
    }

    fn dma_unmapped(&mut self, window: DmaWindow) {
        // First: the worker pins nothing of it any more.
        self.windows.remove(window);
        let first = Gfn(window.address >> PAGE_SHIFT);
        let count = window.size.div_ceil(PAGE_SIZE);
        self.let_it(|vgpu, world| vgpu.forget_memory(world, first, count));
    }

    fn client_came(&mut self) {
        if let Err(error) = self.locked.open() {
            tracing::warn!("{}: cannot be opened: {error:?}", self.id);
        }
    }

    fn client_gone(&mut self) {
        self.windows.clear();
        self.locked.close();
    }
}

impl Drop for VgpuDevice<'_> {
    fn drop(&mut self) {
        if let Some(vgpu) = self.locked.take() {
            let kind = vgpu.kind();
            vgpu.destroy(self.gpu.attachment().host());
            self.gpu.shares().give_back(self.id, kind);
        }
    }
}

/// The region of the monitor's EDID.
fn edid_region() -> Region {
    Region {
        kind: Some((VFIO_REGION_TYPE_GFX, VFIO_REGION_SUBTYPE_GFX_EDID)),
        ..Region::trapped(monitor::REGION_SIZE as u64)
    }
}

/// Which of the core's regions that is, and the largest piece in which it is reached.
fn part(region: u32) -> Result<(vgpu::Region, usize), Errno> {
    Ok(match region {
        VFIO_PCI_CONFIG_REGION_INDEX => (vgpu::Region::Config, CONFIG_PIECE),
        VFIO_PCI_BAR0_REGION_INDEX => (vgpu::Region::Bar0, PIECE),
        EDID_REGION => (vgpu::Region::Edid, PIECE),
        OPREGION_REGION => (vgpu::Region::OpRegion, PIECE),
        _ => return Err(Errno::INVAL),
    })
}

/// Reads a region of the core's.
fn read(locked: &Locked<'_>, region: u32, offset: u64, data: &mut [u8]) -> Result<(), Errno> {
    let (part, largest) = part(region)?;
    let done = locked.with_open(|vgpu, world| {
        pieces(offset, data.len(), largest).try_for_each(|(at, range)| {
            let data = data.get_mut(range).unwrap_or_default();
            vgpu.read(world, part, at, data)
        })
    });
    done.map_err(errno)
}

/// Writes a region of the core's.
fn write(locked: &Locked<'_>, region: u32, offset: u64, data: &[u8]) -> Result<(), Errno> {
    let (part, largest) = part(region)?;
    let done = locked.with_open(|vgpu, world| {
        pieces(offset, data.len(), largest).try_for_each(|(at, range)| {
            let data = data.get(range).unwrap_or_default();
            vgpu.write(world, part, at, data)
        })
    });
    done.map_err(errno)
}

/// Cuts an access as Linux does: into aligned pieces of 1, 2, 4 … bytes, `largest` at the most.
/// Gives the offset of each piece, and the part of the data that belongs to it.
fn pieces(offset: u64, length: usize, largest: usize) -> impl Iterator<Item = (u64, Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let left = length - done;
        let at = offset + done as u64;
        let mut size = largest;
        while size > left || at % size as u64 != 0 {
            if size <= 1 {
                return None;
            }
            size /= 2;
        }
        let range = done..done + size;
        done = range.end;
        Some((at, range))
    })
}

/// An error of the core as one of the protocol's; both have the numbers of Linux.
fn errno(error: Error) -> Errno {
    Errno::from_raw_os_error(error.to_errno().saturating_neg())
}

#[cfg(test)]
mod tests {
    use super::pieces;

    fn sizes(offset: u64, length: usize, largest: usize) -> Vec<(u64, usize)> {
        pieces(offset, length, largest)
            .map(|(at, range)| (at, range.len()))
            .collect()
    }

    #[test]
    fn pieces_when_access_is_aligned_then_one() {
        assert_eq!(sizes(8, 8, 8), [(8, 8)]);
        assert_eq!(sizes(4, 4, 8), [(4, 4)]);
    }

    #[test]
    fn pieces_when_access_is_odd_then_each_is_aligned() {
        assert_eq!(sizes(1, 9, 4), [(1, 1), (2, 2), (4, 4), (8, 2)]);
        assert_eq!(sizes(4, 8, 8), [(4, 4), (8, 4)]);
    }

    #[test]
    fn pieces_when_length_is_zero_then_none() {
        assert_eq!(sizes(3, 0, 8), []);
    }
}
