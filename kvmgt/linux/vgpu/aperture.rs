// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vGPU's part of the aperture: clients map it, or read and write it through us.

use super::VgpuDevice;
use crate::{c::raw, uapi};
use core::ops::Range;
use kernel::{bindings, mm::virt::VmaNew, prelude::*};
use kvmgt_core::address::PAGE_SHIFT;

/// Where BAR 2 begins in the device's file.
const BAR2: u64 = (uapi::VFIO_PCI_BAR2_REGION_INDEX as u64) << uapi::OFFSET_SHIFT;

/// The part of the aperture, mapped write-combined for the kernel.
///
/// # Invariants
///
/// `memory` is a mapping of `range`, which is in bytes from the start of the aperture.
pub(super) struct Window {
    base: u64,
    range: Range<u64>,
    memory: *mut c_void,
}

// SAFETY: it is I/O memory, which any thread may read and write.
unsafe impl Send for Window {}
// SAFETY: as above.
unsafe impl Sync for Window {}

impl Window {
    /// Maps the part `range` of the aperture, which begins at the physical address `base`.
    ///
    /// # Errors
    ///
    /// `EINVAL` it is no part of memory; `ENOMEM`.
    pub(super) fn new(base: u64, range: Range<u64>) -> Result<Self> {
        let start = base.checked_add(range.start).ok_or(EINVAL)?;
        let size = range.end.checked_sub(range.start).ok_or(EINVAL)?;
        // SAFETY: the host half says that the aperture is there, and the vGPU's part of it is not
        // used by the host.
        let memory = unsafe { bindings::ioremap_wc(start, size as usize) };
        if memory.is_null() {
            return Err(ENOMEM);
        }
        // INVARIANT: it was mapped.
        Ok(Self {
            base,
            range,
            memory,
        })
    }

    /// What it is of the aperture, in bytes from the start of that.
    pub(super) fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// The place of `size` bytes at `offset` of the aperture.
    fn place(&self, offset: u64, size: usize) -> Result<*mut c_void> {
        let end = offset.checked_add(size as u64).ok_or(EINVAL)?;
        if offset < self.range.start || end > self.range.end {
            return Err(EINVAL);
        }
        Ok(self
            .memory
            .wrapping_byte_add((offset - self.range.start) as usize))
    }

    /// Reads 1, 2, 4 or 8 bytes at a multiple of that.
    ///
    /// # Errors
    ///
    /// `EINVAL`.
    pub(super) fn read(&self, offset: u64, data: &mut [u8]) -> Result {
        let from = self.place(offset, data.len())?;
        // SAFETY: `place` found that so many bytes from there on are mapped.
        unsafe {
            match data.len() {
                1 => data.copy_from_slice(&bindings::readb(from).to_le_bytes()),
                2 => data.copy_from_slice(&bindings::readw(from).to_le_bytes()),
                4 => data.copy_from_slice(&bindings::readl(from).to_le_bytes()),
                8 => data.copy_from_slice(&bindings::readq(from).to_le_bytes()),
                _ => return Err(EINVAL),
            }
        }
        Ok(())
    }

    /// Writes 1, 2, 4 or 8 bytes at a multiple of that. They have arrived when it returns.
    ///
    /// # Errors
    ///
    /// `EINVAL`.
    pub(super) fn write(&self, offset: u64, data: &[u8]) -> Result {
        let to = self.place(offset, data.len())?;
        // SAFETY: `place` found that so many bytes from there on are mapped.
        unsafe {
            match *data {
                [a] => bindings::writeb(a, to),
                [a, b] => bindings::writew(u16::from_le_bytes([a, b]), to),
                [a, b, c, d] => bindings::writel(u32::from_le_bytes([a, b, c, d]), to),
                [a, b, c, d, e, f, g, h] => {
                    bindings::writeq(u64::from_le_bytes([a, b, c, d, e, f, g, h]), to);
                }
                _ => return Err(EINVAL),
            }
            // Reading pushes out what the CPU and the bus still hold of what was written.
            bindings::readb(to);
        }
        Ok(())
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: by the type's invariant it is mapped, and nobody uses it any more.
        unsafe { bindings::iounmap(self.memory) };
    }
}

impl VgpuDevice<'_> {
    /// Lets a client map its part of the aperture, from an offset in BAR 2 on; pages are inserted
    /// when they are touched.
    ///
    /// # Errors
    ///
    /// `EINVAL` anything else than a shared mapping of nothing but that part.
    pub(super) fn map_aperture(&self, vma: &VmaNew, start: u64) -> Result {
        let raw = vma.as_ptr();
        let size = vma.end().checked_sub(vma.start()).ok_or(EINVAL)?;
        let end = start.checked_add(size as u64).ok_or(EINVAL)?;
        let range = self.window.range();
        if vma.flags() & kernel::mm::virt::flags::SHARED == 0
            || size == 0
            || start < range.start
            || end > range.end
        {
            return Err(EINVAL);
        }
        // SAFETY: nobody else knows the mapping yet. It holds a reference on the device's file, so
        // that the vGPU stays as long as the mapping does.
        unsafe {
            raw::kvmgt_prepare_vma(raw);
            (*raw).vm_private_data = core::ptr::from_ref(self).cast_mut().cast();
            (*raw).vm_ops = &raw const VM_OPS.0;
        }
        Ok(())
    }

    /// Inserts a page into a mapping of a client's.
    ///
    /// # Safety
    ///
    /// `fault` is one of a mapping that [`map_aperture`](Self::map_aperture) prepared.
    unsafe fn fault(&self, fault: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        // SAFETY: by this function's own requirement.
        let (vma, page, address) = unsafe {
            let fault = &(*fault).__bindgen_anon_1;
            (fault.vma, fault.pgoff as u64, fault.address)
        };
        let range = self.window.range();
        let offset = (page << PAGE_SHIFT).wrapping_sub(BAR2);
        let _mappings = self.mappings.lock();
        if self.is_leaving() || !range.contains(&offset) {
            return bindings::vm_fault_reason_VM_FAULT_SIGBUS;
        }
        let frame = (self.window.base + offset) >> PAGE_SHIFT;
        // SAFETY: the mapping is one for inserting pages, which belongs to the part of the
        // aperture that is the vGPU's own; the address is inside of it.
        unsafe { bindings::vmf_insert_pfn(vma, address, frame as usize) }
    }

    /// Takes all mappings of clients away, for good: `leaving` is set.
    pub(super) fn revoke(&self) {
        let _mappings = self.mappings.lock();
        // SAFETY: the device is valid.
        unsafe { raw::kvmgt_unmap(self.vdev, BAR2, self.bar2_size) };
    }
}

/// The operations of clients' mappings.
static VM_OPS: VmOps = VmOps(bindings::vm_operations_struct {
    fault: Some(fault),
    ..pin_init::zeroed()
});

/// Operations in a static.
#[repr(transparent)]
struct VmOps(bindings::vm_operations_struct);

// SAFETY: they are constant.
unsafe impl Sync for VmOps {}

/// A page of a mapping was touched.
///
/// # Safety
///
/// Called by the memory management for a mapping with [`VM_OPS`].
unsafe extern "C" fn fault(fault: *mut bindings::vm_fault) -> bindings::vm_fault_t {
    // SAFETY: by this function's own requirement; `map_aperture` stored the vGPU, which is there as long
    // as the mapping.
    unsafe {
        let vma = (*fault).__bindgen_anon_1.vma;
        (*(*vma).vm_private_data.cast::<VgpuDevice<'_>>()).fault(fault)
    }
}
