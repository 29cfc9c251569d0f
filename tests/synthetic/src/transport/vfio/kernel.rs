// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The requests of VFIO and KVM that this program makes, and mappings, as safe functions.
//!
//! Layouts and numbers are those of the kernel's user interface (`include/uapi/linux/vfio.h`,
//! `include/uapi/linux/kvm.h`), which never change.
#![allow(
    unsafe_code,
    reason = "requests to a device and mapped registers have no other form"
)]

use std::ffi::{c_void, CString};
use std::fs::{File, OpenOptions};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::{null_mut, NonNull};

use rustix::io::Errno;
use rustix::ioctl::{ioctl, opcode, Ioctl, IoctlOutput, Opcode};
use rustix::mm::{mmap, mremap, munmap, MapFlags, MremapFlags, ProtFlags};
use vfio_bindings::bindings::vfio::{
    vfio_device_info, vfio_group_status, vfio_iommu_type1_dma_map, vfio_iommu_type1_dma_unmap,
    vfio_irq_info, vfio_irq_set, vfio_region_info, VFIO_TYPE1v2_IOMMU, VFIO_DMA_MAP_FLAG_READ,
    VFIO_DMA_MAP_FLAG_WRITE, VFIO_GROUP_FLAGS_VIABLE, VFIO_REGION_INFO_CAP_SPARSE_MMAP,
    VFIO_REGION_INFO_CAP_TYPE, VFIO_REGION_INFO_FLAG_CAPS,
};

use crate::ram::Ram;
use crate::transport::{DeviceInfo, IrqInfo, IrqRequest, Mapped, RegionInfo, Sharing};

/// The version of VFIO's interface.
pub const API_VERSION: i32 = 0;

/// A number of VFIO: they carry no size.
pub(super) const fn vfio(number: u8) -> Opcode {
    opcode::none(b';', 100 + number)
}

/// A number of KVM that carries no size.
const fn kvm(number: u8) -> Opcode {
    opcode::none(0xae, number)
}

const GET_API_VERSION: Opcode = vfio(0);
const SET_IOMMU: Opcode = vfio(2);
const GROUP_GET_STATUS: Opcode = vfio(3);
const GROUP_SET_CONTAINER: Opcode = vfio(4);
const GROUP_GET_DEVICE_FD: Opcode = vfio(6);
const DEVICE_GET_INFO: Opcode = vfio(7);
const DEVICE_GET_REGION_INFO: Opcode = vfio(8);
const DEVICE_GET_IRQ_INFO: Opcode = vfio(9);
const DEVICE_SET_IRQS: Opcode = vfio(10);
const DEVICE_RESET: Opcode = vfio(11);
const IOMMU_MAP_DMA: Opcode = vfio(13);
const IOMMU_UNMAP_DMA: Opcode = vfio(14);
const KVM_CREATE_VM: Opcode = kvm(0x01);
const KVM_CREATE_DEVICE: Opcode = opcode::read_write::<KvmDevice>(0xae, 0xe0);
const KVM_SET_DEVICE_ATTR: Opcode = opcode::write::<KvmAttribute>(0xae, 0xe1);

/// `KVM_DEV_TYPE_VFIO`: the device by which a KVM learns of VFIO files.
const KVM_DEVICE_VFIO: u32 = 4;
/// `KVM_DEV_VFIO_FILE`, whose attribute `KVM_DEV_VFIO_FILE_ADD` takes one.
const KVM_VFIO_FILE: u32 = 1;
/// See [`KVM_VFIO_FILE`].
const KVM_VFIO_FILE_ADD: u64 = 1;

/// `struct kvm_create_device`.
#[repr(C)]
struct KvmDevice {
    kind: u32,
    fd: u32,
    flags: u32,
}

/// `struct kvm_device_attr`.
#[repr(C)]
struct KvmAttribute {
    flags: u32,
    group: u32,
    attribute: u64,
    address: u64,
}

/// Any request: a number and one word, which is a pointer or not.
struct Request {
    opcode: Opcode,
    argument: *mut c_void,
}

// SAFETY: opcode and argument are what the caller of `request` gave, who promises that they fit.
// What the kernel returns is a number. That the call may write is said.
unsafe impl Ioctl for Request {
    type Output = i32;

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        self.opcode
    }

    fn as_ptr(&mut self) -> *mut c_void {
        self.argument
    }

    unsafe fn output_from_ptr(output: IoctlOutput, _: *mut c_void) -> Result<i32, Errno> {
        Ok(output)
    }
}

/// Makes a request.
///
/// # Safety
/// `argument` is what the kernel takes for `opcode` on that file: if it is an address, the kernel
/// may read and write there what it does for that request.
pub(super) unsafe fn request(
    fd: BorrowedFd<'_>,
    opcode: Opcode,
    argument: *mut c_void,
) -> Result<i32, Errno> {
    // SAFETY: the caller's promise.
    unsafe { ioctl(fd, Request { opcode, argument }) }
}

/// Makes a request that takes a number and no address.
fn with_number(fd: BorrowedFd<'_>, opcode: Opcode, number: usize) -> Result<i32, Errno> {
    // SAFETY: only used with requests that take a number: the kernel follows no address.
    unsafe { request(fd, opcode, std::ptr::without_provenance_mut(number)) }
}

/// A new descriptor that a request returned.
pub(super) fn new_file(fd: i32) -> Result<OwnedFd, Errno> {
    if fd < 0 {
        return Err(Errno::BADF);
    }
    // SAFETY: only called with what a request returned that makes a descriptor, which nobody else
    // has yet.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The version of the interface.
pub fn api_version(container: &File) -> Result<i32, Errno> {
    with_number(container.as_fd(), GET_API_VERSION, 0)
}

/// Whether all devices of a group are VFIO's.
pub fn group_is_viable(group: &File) -> Result<bool, Errno> {
    let mut status = vfio_group_status {
        argsz: size_of::<vfio_group_status>() as u32,
        ..Default::default()
    };
    // SAFETY: the request takes a `vfio_group_status`, which is borrowed for the call.
    unsafe { request(group.as_fd(), GROUP_GET_STATUS, (&raw mut status).cast()) }?;
    Ok(status.flags & VFIO_GROUP_FLAGS_VIABLE != 0)
}

/// Puts a group into a container.
pub fn set_container(group: &File, container: &File) -> Result<(), Errno> {
    let mut fd: RawFd = container.as_raw_fd();
    // SAFETY: the request reads the number of a descriptor, which is borrowed for the call.
    unsafe { request(group.as_fd(), GROUP_SET_CONTAINER, (&raw mut fd).cast()) }?;
    Ok(())
}

/// Chooses the kind of IOMMU.
pub fn set_type1(container: &File) -> Result<(), Errno> {
    with_number(container.as_fd(), SET_IOMMU, VFIO_TYPE1v2_IOMMU as usize)?;
    Ok(())
}

/// Opens a device of a group.
pub fn device(group: &File, name: &str) -> Result<File, Errno> {
    let name = CString::new(name).map_err(|_| Errno::INVAL)?;
    let address = name.as_ptr().cast_mut().cast();
    // SAFETY: the request reads a C string, which lives until it returns.
    let fd = unsafe { request(group.as_fd(), GROUP_GET_DEVICE_FD, address) }?;
    Ok(File::from(new_file(fd)?))
}

/// Describes a device.
pub fn device_info(device: &File) -> Result<DeviceInfo, Errno> {
    let mut info = vfio_device_info {
        argsz: size_of::<vfio_device_info>() as u32,
        ..Default::default()
    };
    // SAFETY: the request takes a `vfio_device_info` and writes `argsz` bytes at most.
    unsafe { request(device.as_fd(), DEVICE_GET_INFO, (&raw mut info).cast()) }?;
    Ok(DeviceInfo {
        flags: info.flags,
        regions: info.num_regions,
        irqs: info.num_irqs,
    })
}

/// Describes a region.
pub fn region_info(device: &File, index: u32) -> Result<RegionInfo, Errno> {
    let mut space = vec![0_u64; 512];
    let header = size_of::<vfio_region_info>();
    let argsz = size_of_val(space.as_slice());
    let first = vfio_region_info {
        argsz: argsz as u32,
        index,
        ..Default::default()
    };
    let at = space.as_mut_ptr().cast::<vfio_region_info>();
    // SAFETY: the buffer is larger than the structure and aligned to 8, as that is.
    unsafe { at.write(first) };
    // SAFETY: the request takes a `vfio_region_info` with `argsz` bytes for it and what follows,
    // which are all of the buffer.
    unsafe { request(device.as_fd(), DEVICE_GET_REGION_INFO, at.cast()) }?;
    // SAFETY: as above; any bytes are a `vfio_region_info`.
    let info = unsafe { at.read() };
    let bytes: Vec<u8> = space.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let (mut areas, mut kind) = (Vec::new(), None);
    let mut next = match info.flags & VFIO_REGION_INFO_FLAG_CAPS {
        0 => 0,
        _ => info.cap_offset as usize,
    };
    // Each capability is behind the one before it, or the list is none.
    while next >= header {
        let id = word(&bytes, next)? & 0xffff;
        if id == VFIO_REGION_INFO_CAP_TYPE {
            kind = Some((word(&bytes, next + 8)?, word(&bytes, next + 12)?));
        }
        if id == VFIO_REGION_INFO_CAP_SPARSE_MMAP {
            for area in 0..word(&bytes, next + 8)? as usize {
                let at = next + 16 + 16 * area;
                let start = quad(&bytes, at)?;
                areas.push(start..start.saturating_add(quad(&bytes, at + 8)?));
            }
        }
        let following = word(&bytes, next + 4)? as usize;
        if following <= next {
            break;
        }
        next = following;
    }
    Ok(RegionInfo {
        flags: info.flags,
        size: info.size,
        offset: info.offset,
        areas,
        kind,
    })
}

fn word(bytes: &[u8], at: usize) -> Result<u32, Errno> {
    let found = bytes.get(at..).and_then(<[u8]>::first_chunk);
    found
        .map(|found| u32::from_ne_bytes(*found))
        .ok_or(Errno::PROTO)
}

fn quad(bytes: &[u8], at: usize) -> Result<u64, Errno> {
    let found = bytes.get(at..).and_then(<[u8]>::first_chunk);
    found
        .map(|found| u64::from_ne_bytes(*found))
        .ok_or(Errno::PROTO)
}

/// Describes an interrupt index.
pub fn irq_info(device: &File, index: u32) -> Result<IrqInfo, Errno> {
    let mut info = vfio_irq_info {
        argsz: size_of::<vfio_irq_info>() as u32,
        index,
        ..Default::default()
    };
    // SAFETY: the request takes a `vfio_irq_info` and writes `argsz` bytes at most.
    unsafe { request(device.as_fd(), DEVICE_GET_IRQ_INFO, (&raw mut info).cast()) }?;
    Ok(IrqInfo {
        flags: info.flags,
        count: info.count,
    })
}

/// Connects, masks or fires interrupts.
pub fn set_irqs(device: &File, set: &IrqRequest<'_>, data: &[u8]) -> Result<(), Errno> {
    let size = size_of::<vfio_irq_set>() + data.len();
    let argsz = u32::try_from(size).map_err(|_| Errno::TOOBIG)?;
    let head = [argsz, set.flags, set.index, set.start, set.count];
    let mut bytes: Vec<u8> = head.iter().flat_map(|word| word.to_ne_bytes()).collect();
    bytes.extend_from_slice(data);
    // The kernel reads so much of the data as count and flags tell, and no more than `argsz`.
    // SAFETY: the request reads `argsz` bytes, which are those of the vector.
    unsafe { request(device.as_fd(), DEVICE_SET_IRQS, bytes.as_mut_ptr().cast()) }?;
    Ok(())
}

/// Resets a device.
pub fn reset(device: &File) -> Result<(), Errno> {
    with_number(device.as_fd(), DEVICE_RESET, 0)?;
    Ok(())
}

/// Lets the devices of a container reach a part of the guest's memory, which the caller has found
/// to be inside of it.
pub fn map_dma(container: &File, ram: &Ram, part: &Range<u64>) -> Result<(), Errno> {
    let mut map = vfio_iommu_type1_dma_map {
        argsz: size_of::<vfio_iommu_type1_dma_map>() as u32,
        flags: VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
        vaddr: ram.address().checked_add(part.start).ok_or(Errno::INVAL)?,
        iova: part.start,
        size: part.end.saturating_sub(part.start),
    };
    // SAFETY: the request takes a `vfio_iommu_type1_dma_map`. What devices do to the memory that
    // it names, no reference of this program sees: it is a file's, and reached as one.
    unsafe { request(container.as_fd(), IOMMU_MAP_DMA, (&raw mut map).cast()) }?;
    Ok(())
}

/// Takes it back.
pub fn unmap_dma(container: &File, part: &Range<u64>) -> Result<(), Errno> {
    // The structure ends in an array without elements, which the size counts as nothing.
    let mut unmap = vfio_iommu_type1_dma_unmap {
        argsz: size_of::<vfio_iommu_type1_dma_unmap>() as u32,
        iova: part.start,
        size: part.end.saturating_sub(part.start),
        ..Default::default()
    };
    // SAFETY: the request takes a `vfio_iommu_type1_dma_unmap`, and writes nothing behind it.
    unsafe { request(container.as_fd(), IOMMU_UNMAP_DMA, (&raw mut unmap).cast()) }?;
    Ok(())
}

/// A KVM that knows of a VFIO file, as a VMM has it.
pub struct Kvm {
    #[expect(dead_code, reason = "held open: it tells the KVM of the file")]
    device: OwnedFd,
    #[expect(dead_code, reason = "held open as long as the device")]
    vm: OwnedFd,
}

impl Kvm {
    /// Makes a KVM and tells it of a file.
    pub fn with(file: BorrowedFd<'_>) -> Result<Self, Errno> {
        let kvm = OpenOptions::new().read(true).write(true).open("/dev/kvm");
        let kvm = kvm.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        let vm = new_file(with_number(kvm.as_fd(), KVM_CREATE_VM, 0)?)?;
        let mut created = KvmDevice {
            kind: KVM_DEVICE_VFIO,
            fd: 0,
            flags: 0,
        };
        // SAFETY: the request takes a `kvm_create_device`, which is borrowed for the call.
        unsafe { request(vm.as_fd(), KVM_CREATE_DEVICE, (&raw mut created).cast()) }?;
        let device = new_file(i32::try_from(created.fd).map_err(|_| Errno::BADF)?)?;
        let mut number = file.as_raw_fd();
        let mut attribute = KvmAttribute {
            flags: 0,
            group: KVM_VFIO_FILE,
            attribute: KVM_VFIO_FILE_ADD,
            address: (&raw mut number).expose_provenance() as u64,
        };
        // SAFETY: the request reads a `kvm_device_attr`, and at its address the number of a
        // descriptor; both are borrowed for the call.
        unsafe {
            request(
                device.as_fd(),
                KVM_SET_DEVICE_ATTR,
                (&raw mut attribute).cast(),
            )
        }?;
        Ok(Self { device, vm })
    }
}

/// A mapped part of a device's file.
pub struct Mapping {
    start: NonNull<c_void>,
    length: usize,
}

impl Mapping {
    /// Maps `length` bytes from `offset` on.
    pub fn new(device: &File, offset: u64, length: usize, sharing: Sharing) -> Result<Self, Errno> {
        let both = ProtFlags::READ | ProtFlags::WRITE;
        let (protection, flags) = match sharing {
            Sharing::Shared => (both, MapFlags::SHARED),
            Sharing::ReadOnly => (ProtFlags::READ, MapFlags::SHARED),
            Sharing::Private => (both, MapFlags::PRIVATE),
        };
        // SAFETY: the kernel chooses a place that nothing uses.
        let start = unsafe { mmap(null_mut(), length, protection, flags, device, offset) }?;
        let start = NonNull::new(start).ok_or(Errno::NOMEM)?;
        Ok(Self { start, length })
    }

    /// The address of a dword or a qword at a byte offset.
    ///
    /// # Panics
    /// If that is not a multiple of its size inside of the mapping.
    fn at<T>(&self, offset: usize) -> *mut T {
        let size = size_of::<T>();
        let end = offset.checked_add(size);
        let inside = end.is_some_and(|end| end <= self.length);
        assert!(inside && offset % size == 0, "{offset:#x} of a mapping");
        // SAFETY: found to be inside of the mapping.
        unsafe { self.start.as_ptr().cast::<u8>().add(offset).cast() }
    }
}

impl Mapped for Mapping {
    fn read32(&self, offset: usize) -> u32 {
        let at = self.at::<u32>(offset);
        // SAFETY: inside of the mapping and aligned; the memory is a device's, so there is no
        // reference to it, and it is read as such.
        unsafe { at.read_volatile() }
    }

    fn read64(&self, offset: usize) -> u64 {
        let at = self.at::<u64>(offset);
        // SAFETY: as in `read32`.
        unsafe { at.read_volatile() }
    }

    fn write32(&mut self, offset: usize, value: u32) {
        let at = self.at::<u32>(offset);
        // SAFETY: as in `read32`. Where it is mapped to be read alone, the process ends here.
        unsafe { at.write_volatile(value) }
    }

    fn grow(&mut self, length: usize) -> Result<(), Errno> {
        let old = self.start.as_ptr();
        // SAFETY: the mapping is this value's alone; nothing points into it.
        let new = unsafe { mremap(old, self.length, length, MremapFlags::MAYMOVE) }?;
        self.start = NonNull::new(new).ok_or(Errno::NOMEM)?;
        self.length = length;
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's alone. It can't fail for a range that is mapped.
        let _ = unsafe { munmap(self.start.as_ptr(), self.length) };
    }
}
