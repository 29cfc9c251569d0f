// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The machine's IOMMU: which memory a DMA address of the GPU leads to.
//!
//! Addresses that entries of the GGTT can name are cut into equal windows. The first is the
//! machine's own memory. Each other one belongs to the VM of one vGPU, and leads to the pages of
//! its client that are pinned, and to nothing else. So a wrong address is a fault, never the memory
//! of another.
//!
//! Memory that a client does not share by descriptor is asked for by messages, while the GPU's lock
//! is held: such a client is slow, and makes the others wait.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gen9_gpu::{DmaAddress, DmaFault, DmaMemory, VecMemory};
use hosted_glue::machine::MEMORY_SIZE;
use kvmgt_core::address::{self, Gfn, PAGE_SHIFT, PAGE_SIZE};
use kvmgt_core::vgpu::shares::{VgpuId, MAX_VGPUS};
use vfio_user_server::GuestMemory;

/// Bytes of a window; eight of them are what an entry of the GGTT can name.
const WINDOW: u64 = MEMORY_SIZE;
/// Pages of a window.
const PAGES: u64 = WINDOW >> PAGE_SHIFT;

/// All memory that the GPU reaches.
pub struct Memory {
    own: VecMemory,
    vms: Vec<VmWindow>,
}

/// The window of one VM.
struct VmWindow {
    client: Arc<GuestMemory>,
    pinned: Mutex<BTreeSet<Gfn>>,
}

impl VmWindow {
    fn pinned(&self) -> MutexGuard<'_, BTreeSet<Gfn>> {
        self.pinned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where an access goes.
enum Target<'a> {
    Own,
    Vm(&'a GuestMemory, u64),
}

impl Memory {
    /// Memory with a window for each vGPU that there can be; `clients` has the memory of their
    /// clients, that of the vGPU with the lowest number first.
    pub fn new(clients: impl IntoIterator<Item = Arc<GuestMemory>>) -> Self {
        let vms = clients
            .into_iter()
            .take(MAX_VGPUS as usize)
            .map(|client| VmWindow {
                client,
                pinned: Mutex::default(),
            })
            .collect();
        Self {
            own: VecMemory::new(MEMORY_SIZE),
            vms,
        }
    }

    /// Lets the GPU reach a page of a VM, and tells by which address; `None` if the page is behind
    /// the end of the window.
    ///
    /// # Panics
    ///
    /// If it is reached already: the core pins a page once.
    pub fn pin(&self, id: VgpuId, gfn: Gfn) -> Option<address::DmaAddress> {
        if gfn.0 >= PAGES {
            return None;
        }
        let new = self.vm(id)?.pinned().insert(gfn);
        assert!(new, "{id}: {gfn:?} is pinned twice");
        Some(address::DmaAddress(
            u64::from(id.number()) * WINDOW + (gfn.0 << PAGE_SHIFT),
        ))
    }

    /// Undoes [`pin`](Self::pin).
    ///
    /// # Panics
    ///
    /// If the page is not pinned.
    pub fn unpin(&self, id: VgpuId, gfn: Gfn) {
        let known = self.vm(id).is_some_and(|vm| vm.pinned().remove(&gfn));
        assert!(known, "{id}: {gfn:?} is unpinned that was not pinned");
    }

    /// How many pages of a VM are pinned.
    pub fn pinned(&self, id: VgpuId) -> usize {
        self.vm(id).map_or(0, |vm| vm.pinned().len())
    }

    fn vm(&self, id: VgpuId) -> Option<&VmWindow> {
        let place = id.number().checked_sub(1)?;
        self.vms.get(place as usize)
    }

    fn find(&self, address: DmaAddress, length: usize) -> Result<Target<'_>, DmaFault> {
        let fault = DmaFault { address, length };
        let (window, offset) = (address.0 / WINDOW, address.0 % WINDOW);
        let Some(place) = window.checked_sub(1) else {
            return Ok(Target::Own);
        };
        let vm = self.vms.get(place as usize).ok_or(fault)?;
        let end = offset + length as u64;
        let pinned = vm.pinned();
        let mut pages = offset / PAGE_SIZE..end.div_ceil(PAGE_SIZE);
        match pages.all(|page| pinned.contains(&Gfn(page))) {
            true => Ok(Target::Vm(&vm.client, offset)),
            false => Err(fault),
        }
    }
}

impl DmaMemory for Memory {
    fn read(&self, address: DmaAddress, data: &mut [u8]) -> Result<(), DmaFault> {
        let length = data.len();
        match self.find(address, length)? {
            Target::Own => self.own.read(address, data),
            Target::Vm(client, offset) => client
                .read(offset, data)
                .map_err(|_| DmaFault { address, length }),
        }
    }

    fn write(&self, address: DmaAddress, data: &[u8]) -> Result<(), DmaFault> {
        let length = data.len();
        match self.find(address, length)? {
            Target::Own => self.own.write(address, data),
            Target::Vm(client, offset) => client
                .write(offset, data)
                .map_err(|_| DmaFault { address, length }),
        }
    }
}
