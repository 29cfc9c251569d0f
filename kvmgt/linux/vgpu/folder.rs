// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The folder of a vGPU in debugfs: `dri/<N>/gvt/vgpu<ID>`.

use super::{mmio_diff, VgpuDevice};
use crate::debugfs::{name, Debugfs};
use kernel::{
    bindings,
    error::from_result,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    str::CString,
    sync::atomic::{Atomic, Relaxed},
};

/// Everybody who may look into debugfs may read, nobody may write.
const READ_ONLY: bindings::umode_t = 0o444;
/// Only root may read the registers of the host's GPU.
const ROOT_ONLY: bindings::umode_t = 0o400;

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
        // SAFETY: the parent is a folder or an error.
        let folder = unsafe { bindings::debugfs_create_dir(text.as_char_ptr(), parent) };
        let files = [
            (c"status", READ_ONLY, &STATUS),
            (c"mmio_diff", ROOT_ONLY, &MMIO_DIFF),
        ];
        for (file, mode, operations) in files {
            // SAFETY: the folder is one, or an error, which makes this do nothing. The operations
            // read the vGPU, which is valid until the files are gone.
            unsafe {
                bindings::debugfs_create_file_full(
                    name(file),
                    mode,
                    folder,
                    vgpu,
                    core::ptr::null(),
                    &raw const operations.0,
                );
            }
        }
        Self(folder)
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
pub(super) struct PinnedFile {
    folder: *mut bindings::dentry,
}

/// Its name.
const PINNED: &CStr = c"kvmgt_nr_cache_entries";

// SAFETY: the file is only removed, which any thread may do.
unsafe impl Send for PinnedFile {}

impl PinnedFile {
    /// Makes it.
    ///
    /// # Safety
    ///
    /// Folder and `pinned` stay where they are, and valid, until this was dropped.
    pub(super) unsafe fn new(folder: &Folder, pinned: &Atomic<usize>) -> Self {
        let folder = folder.0;
        if !folder.is_null() {
            // SAFETY: the folder is one, or an error, which makes this do nothing. The number is
            // an aligned `usize`, which is C's `unsigned long`, and is only accessed whole.
            unsafe {
                bindings::debugfs_create_ulong(name(PINNED), READ_ONLY, folder, pinned.as_ptr());
            }
        }
        Self { folder }
    }
}

impl Drop for PinnedFile {
    fn drop(&mut self) {
        if !self.folder.is_null() {
            // SAFETY: the folder is one, or an error, in which nothing is found. It waits for
            // readers.
            unsafe { bindings::debugfs_lookup_and_remove(name(PINNED), self.folder) };
        }
    }
}

/// Operations of a file.
struct Operations(bindings::file_operations);

// SAFETY: they are constant.
unsafe impl Sync for Operations {}

/// The file `status`.
static STATUS: Operations = operations(open_status);
/// The file `mmio_diff`.
static MMIO_DIFF: Operations = operations(open_mmio_diff);

/// How a file is opened.
type Open = unsafe extern "C" fn(*mut bindings::inode, *mut bindings::file) -> c_int;
/// How a file is shown.
type Show = unsafe extern "C" fn(*mut bindings::seq_file, *mut c_void) -> c_int;

/// Operations of a file that is shown as a whole.
const fn operations(open: Open) -> Operations {
    Operations(bindings::file_operations {
        open: Some(open),
        read: Some(bindings::seq_read),
        llseek: Some(bindings::seq_lseek),
        release: Some(bindings::single_release),
        ..pin_init::zeroed()
    })
}

/// Opens a file.
///
/// # Safety
///
/// Called by debugfs for a file that [`Folder::new`] made.
unsafe fn open(inode: *mut bindings::inode, file: *mut bindings::file, show: Show) -> c_int {
    // SAFETY: by this function's own requirement.
    unsafe { bindings::single_open(file, Some(show), (*inode).i_private) }
}

/// Opens the file `status`.
///
/// # Safety
///
/// As [`open`].
unsafe extern "C" fn open_status(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
    // SAFETY: by this function's own requirement.
    unsafe { open(inode, file, show_status) }
}

/// Opens the file `mmio_diff`.
///
/// # Safety
///
/// As [`open`].
unsafe extern "C" fn open_mmio_diff(
    inode: *mut bindings::inode,
    file: *mut bindings::file,
) -> c_int {
    // SAFETY: by this function's own requirement.
    unsafe { open(inode, file, show_mmio_diff) }
}

/// The vGPU that a file is about, and the file to print to.
///
/// # Safety
///
/// Called to show a file that [`open`] opened; what is returned is only used for that.
unsafe fn shown<'d>(file: *mut bindings::seq_file) -> (&'d VgpuDevice<'d>, &'d SeqFile) {
    // SAFETY: the private data is the vGPU, which is valid until the file was removed, and that
    // waits for readers. The file is valid, and ours during the call.
    unsafe { (&*(*file).private.cast(), SeqFile::from_raw(file)) }
}

/// Shows the file `status`.
///
/// # Safety
///
/// As [`shown`].
unsafe extern "C" fn show_status(file: *mut bindings::seq_file, _: *mut c_void) -> c_int {
    // SAFETY: by this function's own requirement.
    let (vgpu, file) = unsafe { shown(file) };
    let open = vgpu.is_open.load(Relaxed);
    seq_print!(file, "{:#x}\n", if open { STATUS_OPEN } else { 0 });
    0
}

/// Shows the file `mmio_diff`.
///
/// # Safety
///
/// As [`shown`].
unsafe extern "C" fn show_mmio_diff(file: *mut bindings::seq_file, _: *mut c_void) -> c_int {
    // SAFETY: by this function's own requirement.
    let (vgpu, file) = unsafe { shown(file) };
    from_result(|| mmio_diff::show(vgpu, file).map(|()| 0))
}
