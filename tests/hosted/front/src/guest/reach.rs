// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The client's memory, as the core reads and writes it.

use std::sync::Arc;

use kernel::error::code::EFAULT;
use kernel::error::Result;
use kvmgt_core::address::{Gfn, PAGE_SIZE};
use kvmgt_core::gtt::ppgtt;
use vfio_user_server::GuestMemory;

use super::Windows;

/// The pages of a client's memory that the device may read and write.
pub struct Reach {
    memory: Arc<GuestMemory>,
    windows: Windows,
}

impl Reach {
    /// That memory, as far as the windows show it.
    pub fn new(memory: Arc<GuestMemory>, windows: Windows) -> Self {
        Self { memory, windows }
    }

    /// Where so many bytes of a page are.
    fn place(&self, gfn: Gfn, offset: usize, length: usize) -> Result<u64> {
        let end = offset.checked_add(length).map(|end| end as u64);
        if end.is_none_or(|end| end > PAGE_SIZE) {
            return Err(EFAULT);
        }
        Ok(self.windows.address(gfn)? + offset as u64)
    }
}

impl ppgtt::GuestMemory for Reach {
    fn read(&mut self, gfn: Gfn, offset: usize, data: &mut [u8]) -> Result {
        let place = self.place(gfn, offset, data.len())?;
        // The client may have withdrawn it meanwhile, or not answer.
        self.memory.read(place, data).map_err(|_| EFAULT)
    }

    fn write(&mut self, gfn: Gfn, offset: usize, data: &[u8]) -> Result {
        let place = self.place(gfn, offset, data.len())?;
        self.memory.write(place, data).map_err(|_| EFAULT)
    }
}
