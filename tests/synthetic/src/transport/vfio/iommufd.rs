// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The requests of iommufd, and those of VFIO that belong to it, as safe functions.
//!
//! Layouts and numbers are those of the kernel's user interface (`include/uapi/linux/iommufd.h`,
//! `include/uapi/linux/vfio.h`), which never change.
#![allow(unsafe_code, reason = "requests to a device have no other form")]

use std::fs::File;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno;
use rustix::ioctl::{opcode, Opcode};

use super::kernel::{request, vfio};
use crate::ram::Ram;

const BIND_IOMMUFD: Opcode = vfio(18);
const ATTACH_IOMMUFD_PT: Opcode = vfio(19);
const IOAS_ALLOC: Opcode = opcode::none(b';', 0x81);
const IOAS_MAP: Opcode = opcode::none(b';', 0x85);
const IOAS_UNMAP: Opcode = opcode::none(b';', 0x86);

/// `IOMMU_IOAS_MAP_FIXED_IOVA`, `…_WRITEABLE` and `…_READABLE`.
const MAP_FLAGS: u32 = 1 << 0 | 1 << 1 | 1 << 2;

/// `struct vfio_device_bind_iommufd`, as far as it is needed.
#[repr(C)]
struct Bind {
    argsz: u32,
    flags: u32,
    iommufd: i32,
    device: u32,
}

/// `struct vfio_device_attach_iommufd_pt`, as far as it is needed.
#[repr(C)]
struct Attach {
    argsz: u32,
    flags: u32,
    table: u32,
}

/// `struct iommu_ioas_alloc`.
#[repr(C)]
struct Alloc {
    size: u32,
    flags: u32,
    ioas: u32,
}

/// `struct iommu_ioas_map`.
#[repr(C)]
struct Map {
    size: u32,
    flags: u32,
    ioas: u32,
    reserved: u32,
    address: u64,
    length: u64,
    iova: u64,
}

/// `struct iommu_ioas_unmap`.
#[repr(C)]
struct Unmap {
    size: u32,
    ioas: u32,
    iova: u64,
    length: u64,
}

const _: () = {
    assert!(size_of::<Bind>() == 16);
    assert!(size_of::<Attach>() == 12);
    assert!(size_of::<Alloc>() == 12);
    assert!(size_of::<Map>() == 40);
    assert!(size_of::<Unmap>() == 24);
};

/// An address space of the guest's.
pub struct Ioas {
    iommufd: File,
    id: u32,
}

impl Ioas {
    /// Makes one, and lets a device use it.
    pub fn with(iommufd: File, device: &File) -> Result<Self, Errno> {
        let mut bind = Bind {
            argsz: size_of::<Bind>() as u32,
            flags: 0,
            iommufd: iommufd.as_raw_fd(),
            device: 0,
        };
        // SAFETY: the request takes such a structure of `argsz` bytes, borrowed for the call.
        unsafe { request(device.as_fd(), BIND_IOMMUFD, (&raw mut bind).cast()) }?;
        let mut alloc = Alloc {
            size: size_of::<Alloc>() as u32,
            flags: 0,
            ioas: 0,
        };
        // SAFETY: the request takes such a structure of `size` bytes, borrowed for the call.
        unsafe { request(iommufd.as_fd(), IOAS_ALLOC, (&raw mut alloc).cast()) }?;
        let mut attach = Attach {
            argsz: size_of::<Attach>() as u32,
            flags: 0,
            table: alloc.ioas,
        };
        // SAFETY: the request takes such a structure of `argsz` bytes, borrowed for the call.
        unsafe { request(device.as_fd(), ATTACH_IOMMUFD_PT, (&raw mut attach).cast()) }?;
        Ok(Self {
            iommufd,
            id: alloc.ioas,
        })
    }

    /// Lets devices reach a part of the guest's memory, which the caller has found to be inside of
    /// it.
    pub fn map(&self, ram: &Ram, part: &Range<u64>) -> Result<(), Errno> {
        let mut map = Map {
            size: size_of::<Map>() as u32,
            flags: MAP_FLAGS,
            ioas: self.id,
            reserved: 0,
            address: ram.address().checked_add(part.start).ok_or(Errno::INVAL)?,
            length: part.end.saturating_sub(part.start),
            iova: part.start,
        };
        // SAFETY: the request takes such a structure of `size` bytes. What devices do to the
        // memory that it names, no reference of this program sees: it is a file's, and reached as
        // one.
        unsafe { request(self.iommufd.as_fd(), IOAS_MAP, (&raw mut map).cast()) }?;
        Ok(())
    }

    /// Takes it back.
    pub fn unmap(&self, part: &Range<u64>) -> Result<(), Errno> {
        let mut unmap = Unmap {
            size: size_of::<Unmap>() as u32,
            ioas: self.id,
            iova: part.start,
            length: part.end.saturating_sub(part.start),
        };
        // SAFETY: the request takes such a structure of `size` bytes, borrowed for the call.
        unsafe { request(self.iommufd.as_fd(), IOAS_UNMAP, (&raw mut unmap).cast()) }?;
        Ok(())
    }
}
