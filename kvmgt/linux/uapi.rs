// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The interface of VFIO for user space, `include/uapi/linux/vfio.h`.

/// What bindgen makes of the header.
#[allow(
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    reason = "generated"
)]
mod raw {
    include!(concat!(env!("KVMGT_OBJ"), "/linux/vfio_generated.rs"));
}

pub(crate) use raw::*;

use kernel::ioctl::_IO;

/// An ioctl of VFIO; bindgen can't read the macros that name them.
const fn vfio(number: u32) -> u32 {
    _IO(VFIO_TYPE as u32, VFIO_BASE + number)
}

/// What kind of device it is, and what it has.
pub(crate) const VFIO_DEVICE_GET_INFO: u32 = vfio(7);
/// What interrupts of an index there are.
pub(crate) const VFIO_DEVICE_GET_IRQ_INFO: u32 = vfio(9);
/// Arms, disarms and fires interrupts.
pub(crate) const VFIO_DEVICE_SET_IRQS: u32 = vfio(10);
/// Resets the device.
pub(crate) const VFIO_DEVICE_RESET: u32 = vfio(11);

/// Shows a plane of the screen, or says by which ways it could.
pub(crate) const VFIO_DEVICE_QUERY_GFX_PLANE: u32 = vfio(14);
/// Makes a dma-buf of a plane that was shown.
pub(crate) const VFIO_DEVICE_GET_GFX_DMABUF: u32 = vfio(15);

/// Who made the GPU, as PCI has it.
pub(crate) const PCI_VENDOR_ID_INTEL: u32 = 0x8086;
/// What of Intel's GPUs the region of the picture is. VFIO's header has no number for it, and counts
/// from 1 on; clients learn the region's index from the ioctl that shows a plane.
pub(crate) const REGION_SUBTYPE_PICTURE: u32 = 1 << 16;

/// There is no hot spot, or it is not known.
pub(crate) const NO_HOT_SPOT: u32 = u32::MAX;

/// Planes, `include/uapi/drm/drm_mode.h`: none in particular. QEMU asks for the picture of a region so.
pub(crate) const DRM_PLANE_TYPE_OVERLAY: u32 = 0;
/// The one that the others are above.
pub(crate) const DRM_PLANE_TYPE_PRIMARY: u32 = 1;
/// The cursor.
pub(crate) const DRM_PLANE_TYPE_CURSOR: u32 = 2;

/// Where in a position of the device's file the index of the region begins: the convention of
/// vfio-pci, which clients learn from each region's description.
pub(crate) const OFFSET_SHIFT: u32 = 40;
/// The part of a position that is the offset in its region.
pub(crate) const OFFSET_MASK: u64 = (1 << OFFSET_SHIFT) - 1;
