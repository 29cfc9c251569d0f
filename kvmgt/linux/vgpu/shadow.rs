// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Pages for the shadows of a guest's page tables.

use crate::{c::raw, gpu::Gpu};
use core::{mem, ptr::NonNull, slice};
use iface::registers::Platform;
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sync::atomic::{Atomic, Release},
};
use kvmgt_core::{
    address::DmaAddress,
    gtt::ppgtt::{ShadowMemory, ShadowPage, ENTRIES},
};

/// A page, mapped for the GPU.
///
/// # Invariants
///
/// `memory` is a page that was allocated for the GPU at `address`.
struct Table {
    memory: NonNull<[Atomic<u64>; ENTRIES]>,
    address: DmaAddress,
}

const _: () = assert!(size_of::<[Atomic<u64>; ENTRIES]>() == PAGE_SIZE);

/// A place for a table.
enum Place {
    Used(Table),
    /// Not used; leads to the next one that is not.
    Free(Option<usize>),
}

/// The pages that a vGPU has; a page is known by its place.
pub(super) struct Shadows<'a> {
    gpu: &'a Gpu<'a>,
    places: KVVec<Place>,
    /// The first place that is not used.
    free: Option<usize>,
}

// SAFETY: the pages are memory of the kernel, which any thread may use.
unsafe impl Send for Shadows<'_> {}

impl<'a> Shadows<'a> {
    /// No pages.
    pub(super) fn new(gpu: &'a Gpu<'a>) -> Self {
        Self {
            gpu,
            places: KVVec::new(),
            free: None,
        }
    }

    /// The entries of a page.
    fn entries(&self, page: ShadowPage) -> &[Atomic<u64>] {
        match self.places.get(page.handle) {
            // SAFETY: by the invariant of `Table`.
            Some(Place::Used(table)) => unsafe { table.memory.as_ref() },
            _ => &[],
        }
    }

    /// Has the GPU see what was written to entries.
    fn flush(&self, entries: &[Atomic<u64>]) {
        if snoops(self.gpu.device.model().platform) {
            return;
        }
        // SAFETY: it is memory of the kernel.
        unsafe {
            raw::kvmgt_table_flush(entries.as_ptr().cast_mut().cast(), size_of_val(entries));
        }
    }

    /// Gives a page back to the kernel.
    fn release(&self, table: Table) {
        let Table { memory, address } = table;
        // SAFETY: by the invariant of `Table`, which is gone.
        unsafe {
            raw::kvmgt_table_free(self.gpu.parent, memory.as_ptr().cast(), address.0);
        }
    }
}

impl ShadowMemory for Shadows<'_> {
    fn allocate(&mut self) -> Result<ShadowPage> {
        let handle = match self.free {
            Some(free) => free,
            None => {
                let last = self.places.len();
                self.places.push(Place::Free(None), GFP_KERNEL)?;
                self.free = Some(last);
                last
            }
        };
        let mut address = 0;
        // SAFETY: the device is valid as long as the host half is open.
        let memory = unsafe { raw::kvmgt_table_alloc(self.gpu.parent, &raw mut address) };
        let memory = NonNull::new(memory.cast()).ok_or(ENOMEM)?;
        // INVARIANT: it was allocated.
        let table = Table {
            memory,
            address: DmaAddress(address),
        };
        let page = ShadowPage {
            handle,
            address: table.address,
        };
        match self.places.get_mut(handle) {
            Some(place) => {
                if let Place::Free(next) = mem::replace(place, Place::Used(table)) {
                    self.free = next;
                }
            }
            None => {
                self.release(table);
                return Err(EINVAL);
            }
        }
        // It is zeroed in the processor's cache.
        self.flush(self.entries(page));
        Ok(page)
    }

    fn write(&mut self, page: ShadowPage, index: usize, entry: u64) {
        if let Some(place) = self.entries(page).get(index) {
            // One store; what was written before to other tables is there when the GPU sees it.
            place.store(entry, Release);
            self.flush(slice::from_ref(place));
        }
    }

    fn fill(&mut self, page: ShadowPage, entry: u64) {
        let entries = self.entries(page);
        for place in entries {
            place.store(entry, Release);
        }
        self.flush(entries);
    }

    fn free(&mut self, page: ShadowPage) {
        let Some(place) = self.places.get_mut(page.handle) else {
            return;
        };
        match mem::replace(place, Place::Free(self.free)) {
            Place::Used(table) => {
                self.free = Some(page.handle);
                self.release(table);
            }
            unused => *place = unused,
        }
    }
}

impl Drop for Shadows<'_> {
    fn drop(&mut self) {
        // The core has given all of them back by now, if nothing failed.
        for place in mem::take(&mut self.places) {
            if let Place::Used(table) = place {
                self.release(table);
            }
        }
    }
}

/// Whether the GPU looks into the processor's cache when it reads page tables.
const fn snoops(platform: Platform) -> bool {
    !matches!(platform, Platform::Bxt)
}
