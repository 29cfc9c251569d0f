// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vGPU as a device of VFIO.
//!
//! | module | holds |
//! |---|---|
//! | `access` | reads and writes of its file |
//! | `aperture` | its part of the aperture, mapped by clients and by us |
//! | `calls` | what C calls |
//! | `folder` | its folder in debugfs |
//! | `guest` | what it does to its VM |
//! | `ioctl` | ioctls of its file |
//! | `irq` | the eventfds that stand for its interrupts |
//! | `mmio_diff` | its registers beside those of the GPU |

mod access;
mod aperture;
mod calls;
mod folder;
mod guest;
mod ioctl;
mod irq;
mod mmio_diff;

use crate::{
    c::raw,
    gpu::{Driver, Gpu, Share},
};
use aperture::Window;
use core::mem::ManuallyDrop;
use folder::{Folder, PinnedFile};
use guest::Vm;
use iface::client::Wake;
use irq::Irqs;
use kernel::{
    bindings, device,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Relaxed, Release},
        new_mutex, new_spinlock, Mutex, SpinLock,
    },
};
use kvmgt_core::{
    address::{Gfn, PAGE_SHIFT},
    guest::World,
    message::NotMade,
    vgpu::{kind::Kind, Vgpu},
};

/// A vGPU from its creation to its removal.
#[pin_data]
pub(crate) struct VgpuDevice<'a> {
    /// The first to go: its files read what stands below.
    folder: Folder,
    gpu: &'a Gpu<'a>,
    /// The device of mdev, valid as long as this.
    mdev: *mut bindings::device,
    /// The device of VFIO, valid as long as this.
    vdev: *mut raw::vfio_device,
    id: u32,
    bar0_size: u64,
    bar2_size: u64,
    window: Window,
    /// Whoever has it open shall let go of it; set once, never cleared.
    leaving: Atomic<bool>,
    /// Whether it is open, for debugfs.
    is_open: Atomic<bool>,
    /// Pages of the VM that are pinned, for debugfs.
    pinned: Atomic<usize>,
    #[pin]
    holder: SpinLock<Option<Holder>>,
    #[pin]
    irqs: SpinLock<Irqs>,
    /// Held while pages of the aperture are mapped, and while all of them are taken away.
    #[pin]
    mappings: Mutex<()>,
    #[pin]
    state: Mutex<State<'a>>,
}

/// What the lock of a vGPU protects.
struct State<'a> {
    open: Option<Open<'a>>,
    vgpu: Owned<'a>,
}

/// What is held while a vGPU is open.
struct Open<'a> {
    _file: PinnedFile,
    _wake: Wake<'a>,
    _driver: Driver,
}

/// The vGPU and its part of the GPU; given back when it is dropped.
struct Owned<'a> {
    vgpu: ManuallyDrop<Vgpu>,
    share: Share<'a>,
    gpu: &'a Gpu<'a>,
}

impl<'a> Owned<'a> {
    fn new(gpu: &'a Gpu<'a>, kind: &'static Kind) -> Result<Self> {
        let share = gpu.take(kind)?;
        let vgpu = Vgpu::new(&gpu.device, &gpu.host, share.id, kind).map_err(|refusal| {
            let name = kind.name(gpu.device.model().platform);
            gpu.not_made(&NotMade::Refusal(name, refusal))
        })?;
        Ok(Self {
            vgpu: ManuallyDrop::new(vgpu),
            share,
            gpu,
        })
    }
}

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        // SAFETY: it is not used afterwards.
        let vgpu = unsafe { ManuallyDrop::take(&mut self.vgpu) };
        vgpu.destroy(&self.gpu.host);
    }
}

/// The process that opened a vGPU.
#[derive(Clone, Copy)]
struct Holder {
    pid: c_int,
    name: [c_char; raw::KVMGT_TASK_NAME as usize],
}

impl Holder {
    /// The process that calls.
    fn current() -> Self {
        let mut name = [0; raw::KVMGT_TASK_NAME as usize];
        // SAFETY: the array has the size that the function fills.
        let pid = unsafe { raw::kvmgt_current_process(name.as_mut_ptr()) };
        Self { pid, name }
    }

    /// The process' name.
    fn name(&self) -> &CStr {
        // SAFETY: the kernel ends the name with a zero inside the array.
        unsafe { CStr::from_char_ptr(self.name.as_ptr()) }
    }
}

impl<'a> VgpuDevice<'a> {
    /// Makes a vGPU that nobody has open.
    ///
    /// # Errors
    ///
    /// `ENOSPC` the GPU has no room for it, after a line that says of what; what else the host
    /// half said; `ENOMEM`.
    ///
    /// # Safety
    ///
    /// Both devices are valid until it is dropped.
    unsafe fn new(
        gpu: &'a Gpu<'a>,
        kind: &'static Kind,
        mdev: *mut bindings::device,
        vdev: *mut raw::vfio_device,
    ) -> Result<Pin<KBox<Self>>> {
        let owned = Owned::new(gpu, kind)?;
        let window = Window::new(gpu.aperture_base, owned.vgpu.aperture())?;
        let mut this = KBox::pin_init(
            pin_init!(Self {
                folder: Folder::none(),
                gpu,
                mdev,
                vdev,
                id: owned.share.id.number(),
                bar0_size: owned.vgpu.bar0_size(),
                bar2_size: owned.vgpu.bar2_size(),
                window,
                leaving: Atomic::new(false),
                is_open: Atomic::new(false),
                pinned: Atomic::new(0),
                holder <- new_spinlock!(None, "kvmgt::holder"),
                irqs <- new_spinlock!(Irqs::new(), "kvmgt::irqs"),
                mappings <- new_mutex!((), "kvmgt::mappings"),
                state <- new_mutex!(State { open: None, vgpu: owned }, "kvmgt::vgpu"),
            }),
            GFP_KERNEL,
        )?;
        // SAFETY: the vGPU is pinned in its box, and drops the folder before anything else.
        let folder = unsafe { Folder::new(&gpu.debugfs, &this) };
        *this.as_mut().project().folder = folder;
        Ok(this)
    }

    /// Whose name is in front of what is printed about it.
    fn printer(&self) -> &device::Device {
        // SAFETY: `new`'s caller promised that it is valid.
        unsafe { device::Device::from_raw(self.mdev) }
    }

    fn is_leaving(&self) -> bool {
        self.leaving.load(Acquire)
    }

    /// Calls `act` with the vGPU, its lock held.
    ///
    /// # Errors
    ///
    /// `ENODEV` nobody has it open, or it was taken away; those of `act`.
    fn with<R>(&self, act: impl FnOnce(&mut Vgpu, &mut World<'_>) -> Result<R>) -> Result<R> {
        let mut state = self.state.lock();
        if state.open.is_none() || self.is_leaving() {
            return Err(ENODEV);
        }
        self.act(&mut state, act)
    }

    /// Calls `act` with a vGPU whose lock is held.
    fn act<R>(&self, state: &mut State<'_>, act: impl FnOnce(&mut Vgpu, &mut World<'_>) -> R) -> R {
        let mut vm = Vm(self);
        let mut world = World {
            device: &self.gpu.device,
            host: &self.gpu.host,
            guest: &mut vm,
        };
        act(&mut state.vgpu.vgpu, &mut world)
    }

    /// Somebody opens it, with a KVM or without.
    ///
    /// # Errors
    ///
    /// `ENODEV` it, or i915, is about to go; `EIO` the GPU does not wake.
    fn open(&self) -> Result {
        if self.is_leaving() {
            return Err(ENODEV);
        }
        let open = Open {
            _driver: Driver::hold(self.gpu).ok_or(ENODEV)?,
            _wake: self.gpu.host.wake().map_err(|_| EIO)?,
            // SAFETY: what is open is closed before the vGPU goes.
            _file: unsafe { PinnedFile::new(&self.folder, &self.pinned) },
        };
        *self.holder.lock() = Some(Holder::current());
        let mut state = self.state.lock();
        self.act(&mut state, |vgpu, world| vgpu.open(world));
        state.open = Some(open);
        self.is_open.store(true, Relaxed);
        Ok(())
    }

    /// Whoever had it open lets go of it.
    fn close(&self) {
        let mut state = self.state.lock();
        self.is_open.store(false, Relaxed);
        self.act(&mut state, |vgpu, world| vgpu.close(world));
        let open = state.open.take();
        drop(state);
        // Without the lock: it waits for readers of debugfs.
        drop(open);
        let irqs = core::mem::replace(&mut *self.irqs.lock(), Irqs::new());
        drop(irqs);
        *self.holder.lock() = None;
        let pinned = self.pinned.load(Relaxed);
        if pinned != 0 {
            dev_err!(
                self.printer(),
                "vgpu{}: {} pages stay pinned\n",
                self.id,
                pinned
            );
        }
    }

    /// It shall go, and somebody has it open: called at once, and then every ten seconds.
    ///
    /// Takes no lock that is held while something waits for a client: a vGPU goes as soon as its
    /// client does, whatever the client has stopped in the middle of.
    fn request(&self, count: c_uint) {
        if count == 0 {
            self.leaving.store(true, Release);
            self.revoke();
        }
        let asked = self.irqs.lock().signal(irq::REQUEST);
        let holder = *self.holder.lock();
        let how = if asked {
            "and was asked to let go"
        } else {
            "and did not arm the request interrupt"
        };
        match holder {
            Some(holder) => dev_warn!(
                self.printer(),
                "vgpu{}: shall go, but is held by {} ({}), which opened it {}\n",
                self.id,
                holder.name(),
                holder.pid,
                how
            ),
            None => dev_warn!(
                self.printer(),
                "vgpu{}: shall go, but its file is held by a process that did not open it\n",
                self.id
            ),
        }
    }

    /// The VM's memory at `iova` goes away.
    fn forget_memory(&self, iova: u64, length: u64) {
        let Some(more) = length.checked_sub(1) else {
            return;
        };
        let first = iova >> PAGE_SHIFT;
        let last = iova.saturating_add(more) >> PAGE_SHIFT;
        let mut state = self.state.lock();
        // Before and behind that nothing is pinned.
        if state.open.is_some() {
            self.act(&mut state, |vgpu, world| {
                vgpu.forget_memory(world, Gfn(first), last - first + 1);
            });
        }
    }
}
