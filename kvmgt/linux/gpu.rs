// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A GPU as its vGPUs see it.

use crate::{
    c::raw,
    debugfs::Debugfs,
    job::Job,
    turns::{Clock, Turns},
};
use core::ptr;
use iface::{client::Host, types::Info};
use kernel::{
    bindings, container_of, device,
    prelude::*,
    sync::{new_mutex, Arc, Mutex},
    workqueue::new_work,
};
use kvmgt_core::{
    device::Device,
    message::NotMade,
    schedule::Submitted,
    vgpu::{
        kind::Kind,
        shares::{Shares, VgpuId},
    },
};

/// A GPU whose host half is open.
///
/// The fields are dropped in their order: the host half last.
#[pin_data]
pub(crate) struct Gpu<'a> {
    /// Its folder in debugfs, in which vGPUs have theirs.
    pub(crate) debugfs: Debugfs,
    /// Has orders about turns followed.
    _clock: Clock,
    /// Kills what the turns' orders say.
    #[pin]
    killer: Job,
    /// What kvmgt knows of it.
    pub(crate) device: Device,
    /// Its host half.
    pub(crate) host: Host<'a>,
    turns: Arc<Turns>,
    /// Whose name is in front of what is printed about it.
    pub(crate) printer: &'a device::Device,
    /// The GPU on its bus, which guests' pages are mapped for, as long as the host half is open; null
    /// where there is none.
    pub(crate) parent: *mut bindings::device,
    /// The device of the card's primary node, or null.
    pub(crate) card: *mut bindings::device,
    /// Physical address of the aperture.
    pub(crate) aperture_base: u64,
    /// What vGPUs may still take: the lock of the device.
    #[pin]
    shares: Mutex<Shares>,
}

// SAFETY: the pointers lead to reference counted structures of the kernel, which the host half
// keeps, and which any thread may use.
unsafe impl Send for Gpu<'_> {}
// SAFETY: as above; the rest is constant, locked, or may be used from any thread by its contract.
unsafe impl Sync for Gpu<'_> {}

impl<'a> Gpu<'a> {
    /// A GPU of which nothing is taken.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(
        debugfs: Debugfs,
        device: Device,
        host: Host<'a>,
        info: &Info,
        printer: &'a device::Device,
        turns: Arc<Turns>,
    ) -> Result<Pin<KBox<Self>>> {
        let shares = Shares::new(info);
        KBox::pin_init(
            pin_init!(&this in Self {
                debugfs,
                // SAFETY: it is the field of that name, and dropped before what it uses.
                killer <- unsafe { Job::new(new_work!("kvmgt::killer"), kill) },
                // SAFETY: the job was initialised, and is dropped later.
                _clock: unsafe {
                    let killer = &raw mut (*this.as_ptr()).killer;
                    (*killer).start();
                    Turns::begin(&turns, info, ptr::NonNull::new_unchecked(killer))
                },
                device,
                host,
                turns,
                printer,
                parent: info.parent.cast(),
                card: info.card.cast(),
                aperture_base: info.aperture_base,
                shares <- new_mutex!(shares, "kvmgt::shares"),
            }),
            GFP_KERNEL,
        )
    }

    /// Its turns.
    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Calls `visit` with each type of vGPUs that it has. Sleeps.
    pub(crate) fn for_each_kind(&self, visit: impl FnMut(&'static Kind)) {
        self.shares.lock().kinds().for_each(visit);
    }

    /// How many more vGPUs of a type there can be. Sleeps.
    pub(crate) fn available(&self, kind: &Kind) -> u32 {
        self.shares.lock().available(kind)
    }

    /// Takes what a vGPU of a type needs; or says what is not left. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOSPC`.
    pub(crate) fn take(&'a self, kind: &'static Kind) -> Result<Share<'a>> {
        let taken = self.shares.lock().take(kind);
        match taken {
            Ok(id) => Ok(Share {
                gpu: self,
                id,
                kind,
            }),
            Err(shortage) => {
                let name = kind.name(self.device.model().platform);
                Err(self.not_made(&NotMade::Shortage(name, shortage)))
            }
        }
    }

    /// Says why there is no vGPU, and returns the error for whoever wanted one.
    pub(crate) fn not_made(&self, why: &NotMade) -> Error {
        dev_err!(self.printer, "{}\n", format_args!("{why}"));
        why.error()
    }
}

/// Kills what the turns' orders say.
///
/// # Safety
///
/// The job is the field of a GPU, whose host half and turns are there until it was stopped.
unsafe fn kill(job: *const Job) {
    // SAFETY: by this function's own requirement. No more than the two fields is borrowed, as what
    // stands before them may be about to go.
    let (turns, host) = unsafe {
        let gpu = container_of!(job, Gpu<'_>, killer);
        (&(*gpu).turns, &(*gpu).host)
    };
    turns.kill(|Submitted { context, tag }| {
        // It fails if what was to be killed has ended meanwhile.
        let _ = host.ctx_kill(context, tag.raw());
    });
}

/// A part of a GPU; given back when it is dropped.
pub(crate) struct Share<'a> {
    gpu: &'a Gpu<'a>,
    /// Which vGPU it is the part of.
    pub(crate) id: VgpuId,
    /// So much of everything.
    pub(crate) kind: &'static Kind,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.gpu.shares.lock().give_back(self.id, self.kind);
    }
}

/// The module of the driver that a GPU is bound to, which can't be removed as long as this lives.
///
/// # Invariants
///
/// The module is valid, and a reference on it is ours.
pub(crate) struct Driver(ptr::NonNull<bindings::module>);

// SAFETY: any thread may give a reference back.
unsafe impl Send for Driver {}

impl Driver {
    /// Holds the driver of `gpu`. `None`: it is about to go.
    pub(crate) fn hold(gpu: &Gpu<'_>) -> Option<Self> {
        // SAFETY: the parent is valid, and bound to its driver, as long as the host half is open.
        let module = unsafe { raw::kvmgt_get_driver(gpu.parent) };
        // INVARIANT: it is not null, so that it was referenced.
        ptr::NonNull::new(module).map(Self)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // SAFETY: by the type's invariant.
        unsafe { bindings::module_put(self.0.as_ptr()) };
    }
}
