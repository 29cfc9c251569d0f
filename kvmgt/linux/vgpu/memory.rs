// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The memory of a vGPU's VM, through VFIO.

use super::{guest::iova, VgpuDevice};
use crate::c::raw;
use kernel::{error::to_result, page::PAGE_SIZE, prelude::*};
use kvmgt_core::{address::Gfn, gtt::ppgtt::GuestMemory};

/// The memory of a vGPU's VM; made where the vGPU's lock is held.
///
/// The client can stop an access for ever, as it can stop pinning.
pub(super) struct Memory<'d, 'a>(pub(super) &'d VgpuDevice<'a>);

/// Where `size` bytes from `offset` of a page on are, none of which is beyond its end.
fn place(gfn: Gfn, offset: usize, size: usize) -> Result<u64> {
    let end = offset.checked_add(size).ok_or(EFAULT)?;
    if end > PAGE_SIZE {
        return Err(EFAULT);
    }
    iova(gfn)
        .and_then(|iova| iova.checked_add(offset as u64))
        .ok_or(EFAULT)
}

/// What VFIO said, as the core has it.
fn result(returned: c_int) -> Result {
    to_result(returned).map_err(|error| match error {
        // So says VFIO when there is no memory at the address, or none of that kind.
        EINVAL | EPERM => EFAULT,
        error => error,
    })
}

impl GuestMemory for Memory<'_, '_> {
    fn read(&mut self, gfn: Gfn, offset: usize, data: &mut [u8]) -> Result {
        let iova = place(gfn, offset, data.len())?;
        if data.is_empty() {
            return Ok(());
        }
        // SAFETY: the device is valid; VFIO counts it as open, as only operations of an open one
        // read. So many bytes can be written there.
        result(unsafe {
            raw::kvmgt_guest_read(self.0.vdev, iova, data.as_mut_ptr().cast(), data.len())
        })
    }

    fn write(&mut self, gfn: Gfn, offset: usize, data: &[u8]) -> Result {
        let iova = place(gfn, offset, data.len())?;
        if data.is_empty() {
            return Ok(());
        }
        // SAFETY: as in `read`; so many bytes can be read there.
        result(unsafe {
            raw::kvmgt_guest_write(self.0.vdev, iova, data.as_ptr().cast(), data.len())
        })
    }
}
