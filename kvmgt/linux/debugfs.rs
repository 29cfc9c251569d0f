// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The folder `gvt` in the debugfs folder of the card: `dri/<N>/gvt`.
//!
//! The kernel crate's abstraction only makes folders in debugfs' root, so the bindings are used.

use crate::listener::Listener;
use kernel::{bindings, prelude::*};

/// Everybody who may look into debugfs may read, nobody may write.
const READ_ONLY: bindings::umode_t = 0o444;

/// The folder; gone, and no longer read by anybody, when it is dropped.
pub(crate) struct Debugfs(*mut bindings::dentry);

// SAFETY: the dentry is only removed, and made the parent of others, which any thread may do.
unsafe impl Send for Debugfs {}
// SAFETY: as above.
unsafe impl Sync for Debugfs {}

impl Debugfs {
    /// Makes the folder in that of the card. Without that there is none, which is no error.
    ///
    /// # Safety
    ///
    /// `card` is null, an error, or a folder in debugfs; it, and `listener`, stay valid where they
    /// are until this is dropped.
    pub(crate) unsafe fn new(card: *mut bindings::dentry, listener: &Listener) -> Self {
        if card.is_null() {
            return Self(core::ptr::null_mut());
        }
        // SAFETY: debugfs takes any parent but null, which would be its root.
        let folder = unsafe { bindings::debugfs_create_dir(name(c"gvt"), card) };
        let tracked = listener.tracked.as_ptr();
        // SAFETY: the folder is valid or an error, which makes this do nothing. The number is an
        // aligned `usize`, which is C's `unsigned long`, that outlives the file and is only
        // accessed whole.
        unsafe {
            bindings::debugfs_create_ulong(name(c"num_tracked_mmio"), READ_ONLY, folder, tracked);
        }
        let counters = [
            (c"host_suspend", &listener.suspend),
            (c"host_resume", &listener.resume),
        ];
        for (file, counter) in counters {
            // SAFETY: as above, with a `u32`.
            unsafe {
                bindings::debugfs_create_u32(name(file), READ_ONLY, folder, counter.as_ptr());
            }
        }
        Self(folder)
    }

    /// The folder, to make others in, if there is one.
    pub(crate) fn folder(&self) -> Option<*mut bindings::dentry> {
        (!self.0.is_null()).then_some(self.0)
    }
}

impl Drop for Debugfs {
    fn drop(&mut self) {
        // SAFETY: the folder is ours; null and errors are accepted. It waits for readers.
        unsafe { bindings::debugfs_remove(self.0) };
    }
}

/// A constant name as C takes it.
pub(crate) fn name(name: &'static CStr) -> *const c_char {
    name.as_char_ptr()
}
