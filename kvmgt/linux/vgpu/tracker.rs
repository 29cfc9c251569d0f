// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Pages of a vGPU's VM whose writes KVM tells.
//!
//! KVM tells of a write from the virtual CPU that did it, while it holds locks of its own that those
//! who change the VM's memory wait for. So what is told is only noted; the core is told before it
//! is called the next time, and thus before anything that the guest does with the vGPU after the
//! write. If a page is written so often that the core will watch it no more, that is soon.

use super::VgpuDevice;
use crate::c::{self, exported, raw};
use core::{mem, ptr};
use kernel::{
    error::{from_err_ptr, to_result},
    page::PAGE_SIZE,
    prelude::*,
    rbtree::RBTreeNode,
    sync::{new_spinlock, SpinLock},
};
use kvmgt_core::{
    address::{Gfn, PAGE_SHIFT},
    gtt::ppgtt::PageTracker,
};

mod pages;

use pages::{News, Page, State};

/// The pages of a vGPU that are watched.
#[pin_data]
pub(super) struct Watch {
    #[pin]
    state: SpinLock<State>,
}

impl Watch {
    /// Nothing is watched.
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            state <- new_spinlock!(State::new(), "kvmgt::watch"),
        })
    }

    /// Has KVM tell `vgpu`, whose this is, of writes from now on. If there is no KVM that can, all
    /// works without.
    ///
    /// # Safety
    ///
    /// VFIO counts the vGPU as open until [`stop`](Self::stop) was called.
    pub(super) unsafe fn start(&self, vgpu: &VgpuDevice<'_>) {
        let this: *const VgpuDevice<'_> = vgpu;
        // SAFETY: by this function's own requirement. What is called with `this` is below.
        match from_err_ptr(unsafe { raw::kvmgt_track_start(vgpu.vdev, this.cast()) }) {
            Ok(track) => self.state.lock().track = track,
            Err(error) if error == ENOTSUPP => {}
            Err(error) => dev_warn!(
                vgpu.printer(),
                "vgpu{}: KVM does not tell writes of page tables: error {}\n",
                vgpu.id,
                error.to_errno()
            ),
        }
    }

    /// Nothing is told any more. Waits for those who tell something.
    pub(super) fn stop(&self) {
        let mut state = self.state.lock();
        let track = mem::replace(&mut state.track, ptr::null_mut());
        let pages = mem::take(&mut state.pages);
        state.first = None;
        drop(state);
        if !track.is_null() {
            // SAFETY: it was started, and nobody else has it any more.
            unsafe { raw::kvmgt_track_stop(track) };
        }
        drop(pages);
    }

    /// Something that the core was not told of.
    pub(super) fn news(&self) -> Option<News> {
        self.state.lock().news()
    }

    /// Notes a write. Says whether the core is to be told soon; `None`: the page is not watched.
    fn written(&self, gfn: u64, offset: usize, length: usize) -> Option<bool> {
        let mut state = self.state.lock();
        let State { pages, first, .. } = &mut *state;
        let page = pages.get_mut(&gfn)?;
        let is_full = page.writes.note(offset, length);
        State::list(first, gfn, page);
        Some(is_full)
    }

    /// Notes that the VM has lost pages, from one to another. Says whether any is watched.
    fn untracked(&self, from: u64, to: u64) -> bool {
        let mut state = self.state.lock();
        let State { pages, first, .. } = &mut *state;
        let mut found = false;
        let mut cursor = pages.cursor_lower_bound_mut(&from);
        while let Some(mut here) = cursor {
            let (gfn, page) = here.current_mut();
            if *gfn > to {
                break;
            }
            page.is_gone = true;
            State::list(first, *gfn, page);
            found = true;
            cursor = here.move_next();
        }
        found
    }
}

/// Who watches for a vGPU; made where the vGPU's lock is held.
pub(super) struct Tracker<'d, 'a>(pub(super) &'d VgpuDevice<'a>);

impl PageTracker for Tracker<'_, '_> {
    fn start(&mut self, gfn: Gfn) -> Result {
        let watch = &self.0.watch;
        if watch.state.lock().track.is_null() {
            return Err(ENOTSUPP);
        }
        let node = RBTreeNode::new(gfn.0, Page::default(), GFP_KERNEL_ACCOUNT)?;
        let mut state = watch.state.lock();
        if state.track.is_null() {
            return Err(ENOTSUPP);
        }
        if state.pages.get(&gfn.0).is_some() {
            return Err(EBUSY);
        }
        // With the lock, so that KVM can't lose the page without our taking note of it. SAFETY: it
        // was started, and is only stopped after it was taken out.
        let added = to_result(unsafe { raw::kvmgt_track_add(state.track, gfn.0) });
        // So says KVM when there is no memory.
        added.map_err(|error| if error == EINVAL { EFAULT } else { error })?;
        state.pages.insert(node);
        Ok(())
    }

    fn stop(&mut self, gfn: Gfn) {
        let mut state = self.0.watch.state.lock();
        state.unlist(gfn.0);
        let page = state.pages.remove(&gfn.0);
        if page.is_some_and(|page| !page.is_gone) {
            // With the lock, as KVM must not be told of a page that it has lost and got again.
            // SAFETY: as in `start`. It can only fail if there is no such page.
            unsafe { raw::kvmgt_track_remove(state.track, gfn.0) };
        }
    }
}

/// A page of the VM was written that somebody watches.
///
/// # Safety
///
/// Called by `track.c` between start and stop for the vGPU that was started.
#[no_mangle]
unsafe extern "C" fn kvmgt_vgpu_written(this: *const c_void, gpa: c_ulonglong, bytes: c_int) {
    // SAFETY: by this function's own requirement.
    let vgpu = unsafe { &*this.cast::<VgpuDevice<'_>>() };
    let Ok(bytes) = u32::try_from(bytes) else {
        return;
    };
    // Less than a page.
    let offset = (gpa & (PAGE_SIZE as u64 - 1)) as usize;
    let length = (bytes as usize).min(PAGE_SIZE - offset);
    if let Some(is_due) = vgpu.watch.written(gpa >> PAGE_SHIFT, offset, length) {
        c::trace_write_tracked(vgpu.id, gpa, bytes);
        if is_due {
            vgpu.job.queue();
        }
    }
}
exported!(kvmgt_vgpu_written);

/// The VM has lost pages.
///
/// # Safety
///
/// As [`kvmgt_vgpu_written`].
#[no_mangle]
unsafe extern "C" fn kvmgt_vgpu_untracked(this: *const c_void, gfn: c_ulonglong, count: c_ulong) {
    // SAFETY: by this function's own requirement.
    let vgpu = unsafe { &*this.cast::<VgpuDevice<'_>>() };
    let Some(more) = count.checked_sub(1) else {
        return;
    };
    if vgpu.watch.untracked(gfn, gfn.saturating_add(more as u64)) {
        vgpu.job.queue();
    }
}
exported!(kvmgt_vgpu_untracked);
