// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Planes of a vGPU as dma-bufs: the pages of its VM that they are in.
//!
//! A plane that a client was told of is remembered, under a number. As long as it is, its pages are
//! pinned through VFIO, which so tells when memory goes away; then the plane is forgotten.
//! A dma-buf has references of its own on the pages, and nothing of the vGPU: it stays what it is
//! when the plane is forgotten, the vGPU closed and removed, and the GPU gone.

use super::{guest::iova, screen::Shown, State, VgpuDevice};
use crate::c::{exported, raw};
use core::{ops::RangeInclusive, ptr};
use kernel::{
    bindings,
    error::to_result,
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{Atomic, Relaxed},
        Arc, UniqueArc,
    },
    uaccess::{UserPtr, UserSlice},
};
use kvmgt_core::{address::Gfn, display::plane::Plane};

/// Planes that are remembered: those that a guest flips between, and cursors.
const REMEMBERED: usize = 16;

/// Pages that all planes and dma-bufs of a vGPU may have together: 256 MiB.
const BUDGET: usize = (256 << 20) / PAGE_SIZE;

/// A plane that a client may ask for.
#[derive(Clone, Copy)]
pub(super) enum Choice {
    Primary,
    Cursor,
}

/// How many more pages a vGPU may have for planes and dma-bufs; may outlive it.
struct Budget {
    left: Atomic<usize>,
}

/// Pages of a VM, which stay as long as this.
///
/// # Invariants
///
/// Each is null, or there is a reference of ours on it. As many were taken from the budget.
struct Pages {
    list: KVVec<*mut bindings::page>,
    budget: Arc<Budget>,
}

// SAFETY: any thread may give references back, and use the list.
unsafe impl Send for Pages {}
// SAFETY: as above.
unsafe impl Sync for Pages {}

impl Pages {
    /// Room for so many pages.
    ///
    /// # Errors
    ///
    /// `ENOSPC` that is over the budget; `ENOMEM`.
    fn new(count: usize, budget: &Arc<Budget>) -> Result<UniqueArc<Self>> {
        // It is called with the vGPU's lock held; what others do only increases it.
        if budget.left.load(Relaxed) < count {
            return Err(ENOSPC);
        }
        let list = KVVec::from_elem(ptr::null_mut(), count, GFP_KERNEL_ACCOUNT)?;
        budget.left.fetch_sub(count, Relaxed);
        // INVARIANT: all are null.
        let pages = Self {
            list,
            budget: budget.clone(),
        };
        Ok(UniqueArc::new(pages, GFP_KERNEL_ACCOUNT)?)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        for page in self.list.iter().filter(|page| !page.is_null()) {
            // SAFETY: by the type's invariant.
            unsafe { raw::kvmgt_page_put(*page) };
        }
        self.budget.left.add(self.list.len(), Relaxed);
    }
}

/// A plane that a client was told of.
struct Picture {
    number: u32,
    /// Where it is not: it does not matter for its pixels.
    plane: Plane,
    gfns: KVVec<Gfn>,
    pages: Arc<Pages>,
}

impl Picture {
    /// Whether a plane that is in these pages is the same, wherever it is shown.
    fn is(&self, plane: &Plane, gfns: &[Gfn]) -> bool {
        let here = Plane {
            position: plane.position,
            ..self.plane
        };
        here == *plane && self.gfns.as_slice() == gfns
    }
}

/// The planes of a vGPU that are remembered.
pub(super) struct Pictures {
    /// Those asked for last at the end.
    list: KVec<Picture>,
    /// Number of the last one.
    last: u32,
    budget: Arc<Budget>,
}

impl Pictures {
    /// None.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new() -> Result<Self> {
        let budget = Budget {
            left: Atomic::new(BUDGET),
        };
        Ok(Self {
            list: KVec::with_capacity(REMEMBERED, GFP_KERNEL)?,
            last: 0,
            budget: Arc::new(budget, GFP_KERNEL)?,
        })
    }

    /// Takes out one that `wanted` says yes to.
    fn take(&mut self, wanted: impl FnMut(&Picture) -> bool) -> Option<Picture> {
        let index = self.list.iter().position(wanted)?;
        self.list.remove(index).ok()
    }

    /// Puts one in, as the one asked for last. There is room.
    fn put(&mut self, picture: Picture) -> Result {
        self.list.push_within_capacity(picture).map_err(|_| ENOMEM)
    }
}

impl VgpuDevice<'_> {
    /// Shows a plane as a dma-buf. `None`: it is off, or can't be had as one.
    ///
    /// # Errors
    ///
    /// `ENOSPC` too many pages; `ENOMEM`; `ENODEV` the vGPU was taken away.
    pub(super) fn offer(&self, choice: Choice) -> Result<Option<Shown>> {
        let mut state = self.state.lock();
        if state.open.is_none() || self.is_leaving() {
            return Err(ENODEV);
        }
        let State {
            vgpu: owned,
            pictures,
            ..
        } = &mut *state;
        let found = self.act(owned, |vgpu, world| {
            let frame = vgpu.frame(world.device)?;
            let plane = match choice {
                Choice::Primary => frame.primary?,
                Choice::Cursor => frame.cursor?,
            };
            let hot_spot = match choice {
                Choice::Primary => None,
                Choice::Cursor => vgpu.hot_spot(plane.size),
            };
            Some((plane, hot_spot, vgpu.pages(&plane)))
        });
        let Some((plane, hot_spot, pages)) = found else {
            return Ok(None);
        };
        let gfns = match pages {
            Ok(gfns) if gfns.is_empty() => return Ok(None),
            Ok(gfns) => gfns,
            // It does not begin where its surface does, or the guest is about to change it.
            Err(error) if error == EINVAL || error == EFAULT => return Ok(None),
            Err(error) => return Err(error),
        };
        let bytes = u32::try_from(gfns.len() * PAGE_SIZE).map_err(|_| ENOSPC)?;
        let picture = match pictures.take(|picture| picture.is(&plane, &gfns)) {
            Some(known) => known,
            None => match self.remember(pictures, plane, gfns) {
                Ok(picture) => picture,
                Err(error) if error == EFAULT => return Ok(None),
                Err(error) => return Err(error),
            },
        };
        let place = picture.number;
        pictures.put(picture)?;
        Ok(Some(Shown {
            fourcc: plane.fourcc,
            modifier: plane.modifier(),
            size: plane.size,
            stride: plane.stride,
            bytes,
            position: plane.position,
            hot_spot,
            place,
        }))
    }

    /// Makes a picture of a plane, and room for it among those that are remembered.
    ///
    /// # Errors
    ///
    /// `ENOSPC` too many pages; `EFAULT` not all of them are there; `ENOMEM`.
    fn remember(&self, pictures: &mut Pictures, plane: Plane, gfns: KVVec<Gfn>) -> Result<Picture> {
        if pictures.list.len() >= REMEMBERED {
            self.forget_picture(pictures, |_| true);
        }
        let pages = loop {
            match Pages::new(gfns.len(), &pictures.budget) {
                // What is exported stays on the budget, what is only remembered does not.
                Err(error) if error == ENOSPC && self.forget_picture(pictures, |_| true) => {}
                other => break other?,
            }
        };
        let pages = self.pin_all(pages, &gfns)?;
        // From 1 on, and anew when all numbers were used.
        pictures.last = pictures.last.checked_add(1).unwrap_or(1);
        Ok(Picture {
            number: pictures.last,
            plane,
            gfns,
            pages,
        })
    }

    /// Pins pages, and takes references on them.
    fn pin_all(&self, mut pages: UniqueArc<Pages>, gfns: &[Gfn]) -> Result<Arc<Pages>> {
        for (done, (page, gfn)) in pages.list.iter_mut().zip(gfns).enumerate() {
            if let Err(error) = self.pin_page(*gfn, page) {
                self.unpin_all(gfns.get(..done).unwrap_or(&[]));
                return Err(error);
            }
        }
        Ok(pages.into())
    }

    /// Pins a page, and puts it to `place`, with a reference on it.
    ///
    /// # Errors
    ///
    /// `EFAULT` there is none that can be written; `ENOMEM`.
    fn pin_page(&self, gfn: Gfn, place: &mut *mut bindings::page) -> Result {
        let iova = iova(gfn).ok_or(EFAULT)?;
        // SAFETY: the device is valid; VFIO counts the vGPU as open, as only operations of an open
        // one pin.
        let pinned = to_result(unsafe { raw::kvmgt_page_pin(self.vdev, iova, place) });
        match pinned {
            Ok(()) => {
                self.pinned.add(1_usize, Relaxed);
                Ok(())
            }
            // So says VFIO when there is no memory at the address, or none that can be written.
            Err(error) if error == EINVAL || error == EPERM => Err(EFAULT),
            Err(error) => Err(error),
        }
    }

    /// Undoes `pin_page`, but for the references.
    fn unpin_all(&self, gfns: &[Gfn]) {
        for iova in gfns.iter().filter_map(|gfn| iova(*gfn)) {
            // SAFETY: as in `pin_page`; each pin is undone once.
            unsafe { raw::kvmgt_page_unpin(self.vdev, iova) };
            self.pinned.fetch_sub(1_usize, Relaxed);
        }
    }

    /// Forgets the plane not asked for the longest that `wanted` says yes to. Says whether there was
    /// one.
    fn forget_picture(
        &self,
        pictures: &mut Pictures,
        wanted: impl FnMut(&Picture) -> bool,
    ) -> bool {
        let forgotten = pictures.take(wanted);
        if let Some(picture) = &forgotten {
            self.unpin_all(&picture.gfns);
        }
        forgotten.is_some()
    }

    /// Memory goes away: forgets all planes that have pages there.
    pub(super) fn forget_pictures(&self, pictures: &mut Pictures, gone: RangeInclusive<u64>) {
        while self.forget_picture(pictures, |picture| {
            picture.gfns.iter().any(|gfn| gone.contains(&gfn.0))
        }) {}
    }

    /// Forgets all of them.
    pub(super) fn forget_all_pictures(&self, pictures: &mut Pictures) {
        while self.forget_picture(pictures, |_| true) {}
    }

    /// Makes a dma-buf of a plane whose number a client was told. Returns its descriptor in the
    /// calling process.
    ///
    /// # Errors
    ///
    /// `EINVAL` no such plane is remembered; `EFAULT`; `ENODEV` the vGPU was taken away; what the
    /// kernel says when it has no descriptor or memory.
    pub(super) fn export(&self, argument: UserPtr) -> Result<usize> {
        let number: u32 = UserSlice::new(argument, size_of::<u32>()).reader().read()?;
        let state = self.state.lock();
        if state.open.is_none() || self.is_leaving() {
            return Err(ENODEV);
        }
        let known = state.pictures.list.iter();
        let pages = known
            .filter(|picture| picture.number == number)
            .map(|picture| picture.pages.clone())
            .next()
            .ok_or(EINVAL)?;
        drop(state);
        let (list, count) = (pages.list.as_ptr(), pages.list.len());
        // SAFETY: the list has that length, and stays as long as there is a reference on it, which
        // the call takes over: it is given back by `kvmgt_pages_put`.
        let fd = unsafe { raw::kvmgt_dmabuf_export(list, count, Arc::into_raw(pages).cast()) };
        to_result(fd)?;
        usize::try_from(fd).map_err(|_| EINVAL)
    }
}

/// The pages of a dma-buf are not used any more.
///
/// # Safety
///
/// Called by `dmabuf.c` once for each reference that [`VgpuDevice::export`] gave to it.
#[no_mangle]
unsafe extern "C" fn kvmgt_pages_put(pages: *const c_void) {
    // SAFETY: by this function's own requirement.
    drop(unsafe { Arc::from_raw(pages.cast::<Pages>()) });
}
exported!(kvmgt_pages_put);
