// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The memory that a vGPU's picture is drawn into for clients: a region that they map and read.
//!
//! It is memory of the kernel that belongs to nobody but this vGPU, and to the client that has it
//! open now. What a client has mapped of it holds the pages by itself, and so may stay.

use core::mem;
use kernel::{
    mm::virt::{flags, VmaNew},
    page::{AsPageIter, PAGE_SHIFT, PAGE_SIZE},
    prelude::*,
    sync::{new_mutex, Mutex},
};
use kvmgt_core::display::{picture::Canvas, Resolution};

/// Bytes of a pixel.
const PIXEL: usize = size_of::<u32>();

/// How many bytes a picture has from one row to the next.
pub(super) const fn stride(size: Resolution) -> u32 {
    size.width.saturating_mul(PIXEL as u32)
}

/// How many bytes a picture has, in whole pages.
pub(super) fn bytes(size: Resolution) -> u32 {
    let bytes = stride(size).saturating_mul(size.height);
    bytes
        .checked_next_multiple_of(PAGE_SIZE as u32)
        .unwrap_or(0)
}

/// The memory.
#[pin_data]
pub(super) struct Picture {
    /// Bytes of it: whole pages.
    size: usize,
    /// All of its pixels, or none as long as nobody needs them. The lock is taken under that of
    /// the client's memory map, and never held while the client's memory is touched.
    #[pin]
    pixels: Mutex<VVec<u32>>,
}

impl Picture {
    /// Room for pictures of up to that size.
    pub(super) fn new(largest: Resolution) -> impl PinInit<Self> {
        pin_init!(Self {
            size: bytes(largest) as usize,
            pixels <- new_mutex!(VVec::new(), "kvmgt::picture"),
        })
    }

    /// Bytes of it.
    pub(super) fn size(&self) -> u64 {
        self.size as u64
    }

    /// Whether there is room for a picture of that size.
    pub(super) fn has_room(&self, size: Resolution) -> bool {
        let bytes = u64::from(size.width) * u64::from(size.height);
        bytes <= (self.size / PIXEL) as u64
    }

    /// Calls `act` with all of the pixels.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; those of `act`.
    fn with<R>(&self, act: impl FnOnce(&mut VVec<u32>) -> Result<R>) -> Result<R> {
        let mut pixels = self.pixels.lock();
        if pixels.is_empty() {
            // Whole pages, so that there is no byte that was not written.
            *pixels = VVec::from_elem(0, self.size / PIXEL, GFP_KERNEL_ACCOUNT)?;
        }
        act(&mut pixels)
    }

    /// Sees to it that there is memory.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn prepare(&self) -> Result {
        self.with(|_| Ok(()))
    }

    /// Gives the memory back, so that nobody reads the picture who opens the vGPU next.
    pub(super) fn forget(&self) {
        let pixels = mem::replace(&mut *self.pixels.lock(), VVec::new());
        drop(pixels);
    }

    /// Reads a few bytes; what nobody has drawn yet is zero.
    pub(super) fn read(&self, offset: u64, data: &mut [u8]) {
        let pixels = self.pixels.lock();
        for (offset, byte) in (offset as usize..).zip(data) {
            let pixel = pixels.get(offset / PIXEL).copied().unwrap_or(0);
            *byte = pixel.to_le_bytes()[offset % PIXEL];
        }
    }

    /// Lets a client map what is from `offset` on, to look at.
    ///
    /// # Errors
    ///
    /// `EINVAL` anything else than a shared mapping of nothing but that, which can only be read;
    /// `ENOMEM`.
    pub(super) fn mmap(&self, vma: &VmaNew, offset: u64) -> Result {
        let first = usize::try_from(offset).map_err(|_| EINVAL)?;
        let length = vma.end().checked_sub(vma.start()).ok_or(EINVAL)?;
        let end = first.checked_add(length).ok_or(EINVAL)?;
        if vma.flags() & flags::SHARED == 0 || length == 0 || end > self.size {
            return Err(EINVAL);
        }
        vma.try_clear_maywrite()?;
        vma.try_clear_mayexec()?;
        vma.set_dontexpand();
        vma.set_dontdump();
        let area = vma.set_mixedmap();
        let addresses = (vma.start()..vma.end()).step_by(PAGE_SIZE);
        self.with(|pixels| {
            let pages = pixels.page_iter().skip(first >> PAGE_SHIFT);
            for (address, page) in addresses.zip(pages) {
                // It takes a reference on the page.
                area.vm_insert_page(address, &page)?;
            }
            Ok(())
        })
    }
}

/// Draws pictures of a size into the memory; only what differs is written.
pub(super) struct Brush<'p> {
    pub(super) picture: &'p Picture,
    pub(super) size: Resolution,
}

impl Canvas for Brush<'_> {
    fn put(&mut self, y: u32, row: &[u32]) {
        let width = self.size.width as usize;
        if y >= self.size.height {
            return;
        }
        let start = y as usize * width;
        let mut pixels = self.picture.pixels.lock();
        // It may have been given back, and a row may be shorter than the picture.
        let place = pixels.get_mut(start..start + width.min(row.len()));
        if let (Some(place), Some(row)) = (place, row.get(..width.min(row.len()))) {
            if place != row {
                place.copy_from_slice(row);
            }
        }
    }
}
