// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The folder of a vGPU in debugfs: `dri/<N>/gvt/vgpu<ID>`.

use super::VgpuDevice;
use crate::debugfs::{name, Debugfs};
use kernel::{
    bindings,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    str::CString,
    sync::atomic::{Atomic, Relaxed},
};

/// Everybody who may look into debugfs may read, nobody may write.
const READ_ONLY: bindings::umode_t = 0o444;

/// `status`: the bits that it has always had for a vGPU that is open.
const STATUS_OPEN: u64 = 0x3;

/// The folder; gone, and no longer read by anybody, when it is dropped.
pub(super) struct Folder(*mut bindings::dentry);

// SAFETY: the dentry is only removed, and made the parent of others, which any thread may do.
unsafe impl Send for Folder {}
// SAFETY: as above.
unsafe impl Sync for Folder {}

impl Folder {
    /// No folder.
    pub(super) const fn none() -> Self {
        Self(core::ptr::null_mut())
    }

    /// Makes the folder of a vGPU in that of its GPU. That debugfs refuses is no error.
    ///
    /// # Safety
    ///
    /// The vGPU stays where it is, and valid, until this was dropped.
    pub(super) unsafe fn new(parent: &Debugfs, vgpu: &VgpuDevice<'_>) -> Self {
        let Some(parent) = parent.folder() else {
            return Self::none();
        };
        let Ok(text) = CString::try_from_fmt(fmt!("vgpu{}", vgpu.id)) else {
            return Self::none();
        };
        let vgpu = core::ptr::from_ref(vgpu).cast_mut().cast();
        // SAFETY: the parent is a folder or an error; the file's operations read the vGPU, which
        // is valid until they are gone.
        unsafe {
            let folder = bindings::debugfs_create_dir(text.as_char_ptr(), parent);
            bindings::debugfs_create_file_full(
                name(c"status"),
                READ_ONLY,
                folder,
                vgpu,
                core::ptr::null(),
                &raw const STATUS.0,
            );
            Self(folder)
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // SAFETY: the folder is ours; null and errors are accepted. It waits for readers.
        unsafe { bindings::debugfs_remove(self.0) };
    }
}

/// The file `kvmgt_nr_cache_entries`, which is there while a vGPU is open: pages of the VM that
/// are pinned.
pub(super) struct PinnedFile(*mut bindings::dentry);

// SAFETY: the dentry is only removed, which any thread may do.
unsafe impl Send for PinnedFile {}

impl PinnedFile {
    /// Makes it.
    ///
    /// # Safety
    ///
    /// `pinned` stays where it is, and valid, until this was dropped.
    pub(super) unsafe fn new(folder: &Folder, pinned: &Atomic<usize>) -> Self {
        if folder.0.is_null() {
            return Self(core::ptr::null_mut());
        }
        let file = name(c"kvmgt_nr_cache_entries");
        // SAFETY: the folder is one, or an error, which makes this do nothing. The number is an
        // aligned `usize`, which is C's `unsigned long`, and is only accessed whole.
        unsafe {
            bindings::debugfs_create_ulong(file, READ_ONLY, folder.0, pinned.as_ptr());
            Self(bindings::debugfs_lookup(file, folder.0))
        }
    }
}

impl Drop for PinnedFile {
    fn drop(&mut self) {
        // SAFETY: the file is ours, and a reference on it, which `debugfs_lookup` took. Null and
        // errors are accepted. It waits for readers.
        unsafe {
            bindings::debugfs_remove(self.0);
            bindings::dput(self.0);
        }
    }
}

/// Operations of a file.
struct Operations(bindings::file_operations);

// SAFETY: they are constant.
unsafe impl Sync for Operations {}

/// The file `status`.
static STATUS: Operations = Operations(bindings::file_operations {
    open: Some(open_status),
    read: Some(bindings::seq_read),
    llseek: Some(bindings::seq_lseek),
    release: Some(bindings::single_release),
    ..pin_init::zeroed()
});

/// Opens the file `status`.
///
/// # Safety
///
/// Called by debugfs for a file whose inode's private data is that of [`Folder::new`].
unsafe extern "C" fn open_status(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // SAFETY: by this function's own requirement.
    unsafe { bindings::single_open(file, Some(show_status), (*inode).i_private) }
}

/// Shows the file `status`.
///
/// # Safety
///
/// Called for a file that [`open_status`] opened.
unsafe extern "C" fn show_status(file: *mut bindings::seq_file, _: *mut c_void) -> c_int {
    // SAFETY: `open_status` stored the vGPU, which is valid until the file was removed.
    let vgpu = unsafe { &*(*file).private.cast::<VgpuDevice<'_>>() };
    // SAFETY: the file is valid, and ours during the call.
    let file = unsafe { SeqFile::from_raw(file) };
    let status = if vgpu.is_open.load(Relaxed) {
        STATUS_OPEN
    } else {
        0
    };
    seq_print!(file, "{status:#x}\n");
    0
}
