// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The regions of a vGPU's file: those of a PCI device, and those that only such a device has.

use super::{settings::Way, VgpuDevice};
use crate::{
    c::{self, raw},
    uapi,
};
use kernel::{error::to_result, mm::virt::VmaNew, prelude::*};
use kvmgt_core::{address::PAGE_SHIFT, config_space, display::monitor, opregion};

/// Index of the region by which clients give the monitor an EDID.
pub(super) const EDID: u32 = uapi::VFIO_PCI_NUM_REGIONS;
/// Index of the OpRegion.
pub(super) const OPREGION: u32 = EDID + 1;
/// Index of the picture: the last, as it is only there if clients get at the picture that way.
pub(super) const PICTURE: u32 = OPREGION + 1;

/// What a region is, where its index does not say so.
struct Type {
    kind: u32,
    subtype: u32,
}

/// A part of Intel's GPUs.
const INTEL: u32 = uapi::VFIO_REGION_TYPE_PCI_VENDOR_TYPE | uapi::PCI_VENDOR_ID_INTEL;

impl Type {
    const EDID: Self = Self {
        kind: uapi::VFIO_REGION_TYPE_GFX,
        subtype: uapi::VFIO_REGION_SUBTYPE_GFX_EDID,
    };
    const OPREGION: Self = Self {
        kind: INTEL,
        subtype: uapi::VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION,
    };
    const PICTURE: Self = Self {
        kind: INTEL,
        subtype: uapi::REGION_SUBTYPE_PICTURE,
    };

    /// Adds it to the description of a region.
    ///
    /// # Safety
    ///
    /// `caps` is a list of VFIO's.
    unsafe fn add_to(self, caps: *mut raw::vfio_info_cap) -> Result {
        // SAFETY: by this function's own requirement.
        to_result(unsafe { raw::kvmgt_add_region_type(caps, self.kind, self.subtype) })
    }
}

impl VgpuDevice<'_> {
    /// How many regions there are; it does not change while the vGPU is open.
    pub(super) fn region_count(&self) -> u32 {
        match self.settings.way() {
            Way::Region => PICTURE + 1,
            Way::DmaBuf => PICTURE,
        }
    }

    /// Describes a region: VFIO has checked the size of the structure, and copies it.
    ///
    /// # Errors
    ///
    /// `EINVAL` there is no such region; `ENOMEM`.
    ///
    /// # Safety
    ///
    /// `caps` is the list that VFIO's core gave with `info`.
    pub(super) unsafe fn region_info(
        &self,
        info: &mut uapi::vfio_region_info,
        caps: *mut raw::vfio_info_cap,
    ) -> Result {
        let index = c::index_below(info.index.into(), self.region_count()).ok_or(EINVAL)?;
        let read = uapi::VFIO_REGION_INFO_FLAG_READ;
        let write = uapi::VFIO_REGION_INFO_FLAG_WRITE;
        let map = uapi::VFIO_REGION_INFO_FLAG_MMAP;
        let mut kind = None;
        (info.size, info.flags) = match index {
            uapi::VFIO_PCI_CONFIG_REGION_INDEX => (config_space::SIZE as u64, read | write),
            uapi::VFIO_PCI_BAR0_REGION_INDEX => (self.bar0_size, read | write),
            uapi::VFIO_PCI_BAR2_REGION_INDEX => {
                let own = self.window.range();
                // SAFETY: by this function's own requirement.
                to_result(unsafe {
                    raw::kvmgt_add_sparse_area(caps, own.start, own.end - own.start)
                })?;
                (self.bar2_size, read | write | map)
            }
            EDID => {
                kind = Some(Type::EDID);
                (monitor::REGION_SIZE as u64, read | write)
            }
            OPREGION => {
                kind = Some(Type::OPREGION);
                (opregion::SIZE as u64, read)
            }
            PICTURE => {
                kind = Some(Type::PICTURE);
                // All of it can be mapped, which is what is meant without a list of parts.
                (self.screen.picture.size(), read | map)
            }
            _ => (0, 0),
        };
        info.offset = u64::from(index) << uapi::OFFSET_SHIFT;
        match kind {
            // SAFETY: by this function's own requirement.
            Some(kind) => unsafe { kind.add_to(caps) },
            None => Ok(()),
        }
    }
    /// Lets a client map a part of the file.
    ///
    /// # Errors
    ///
    /// `EINVAL` it is not in a region that can be mapped, or not that way; `ENOMEM`; `ENODEV` the
    /// vGPU was taken away.
    pub(super) fn mmap(&self, vma: &VmaNew) -> Result {
        // SAFETY: nobody else knows the mapping yet.
        let page = unsafe { (*vma.as_ptr()).vm_pgoff } as u64;
        let index = page >> (uapi::OFFSET_SHIFT - PAGE_SHIFT);
        let offset = page << PAGE_SHIFT & uapi::OFFSET_MASK;
        let index = c::index_below(index, self.region_count()).ok_or(EINVAL)?;
        if self.is_leaving() {
            return Err(ENODEV);
        }
        match index {
            uapi::VFIO_PCI_BAR2_REGION_INDEX => self.map_aperture(vma, offset),
            PICTURE => self.screen.picture.mmap(vma, offset),
            _ => Err(EINVAL),
        }
    }
}
