// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vGPU as a device of VFIO.
//!
//! | module | holds |
//! |---|---|
//! | `access` | reads and writes of its file |
//! | `alarm` | the timer by which its display goes on |
//! | `aperture` | its part of the aperture, mapped by clients and by us |
//! | `calls` | what C calls |
//! | `dmabuf` | planes of its screen as dma-bufs |
//! | `folder` | its folder in debugfs |
//! | `guest` | what it does to its VM |
//! | `ioctl` | ioctls of its file |
//! | `irq` | the eventfds that stand for its interrupts |
//! | `memory` | its VM's memory |
//! | `mmio_diff` | its registers beside those of the GPU |
//! | `picture` | what its screen is drawn into for clients |
//! | `regions` | the regions of its file |
//! | `screen` | its screen, as clients ask for it |
//! | `settings` | what root sets of it |
//! | `shadow` | pages for the shadows of its page tables |
//! | `tracker` | writes of its VM to page tables, as KVM tells them |
//! | `work` | what it does when nobody asks it to |

mod access;
mod alarm;
mod aperture;
mod calls;
mod dmabuf;
mod folder;
mod guest;
mod ioctl;
mod irq;
mod memory;
mod mmio_diff;
mod picture;
mod regions;
mod screen;
mod settings;
mod shadow;
mod tracker;
mod work;

use crate::{
    c::raw,
    gpu::{Driver, Gpu, Share},
    job::Job,
    turns::Seat,
};
use alarm::Alarm;
use aperture::Window;
use core::{mem::ManuallyDrop, ptr::NonNull};
use dmabuf::Pictures;
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
    workqueue::new_work,
};
use kvmgt_core::{
    address::{Gfn, PAGE_SHIFT},
    guest::World,
    message::NotMade,
    vgpu::{kind::Kind, Vgpu},
};
use memory::Memory;
use screen::Screen;
use settings::Settings;
use shadow::Shadows;
use tracker::{Tracker, Watch};
use work::Account;

/// A vGPU from its creation to its removal.
#[pin_data]
pub(crate) struct VgpuDevice<'a> {
    /// The first to go: its files read what stands below.
    folder: Folder,
    /// Its work; stopped unless it is open.
    #[pin]
    job: Job,
    gpu: &'a Gpu<'a>,
    /// Its place among the turns of its GPU.
    seat: Seat<'a>,
    /// The device of mdev, valid as long as this.
    mdev: *mut bindings::device,
    /// The device of VFIO, valid as long as this.
    vdev: *mut raw::vfio_device,
    id: u32,
    bar0_size: u64,
    bar2_size: u64,
    window: Window,
    /// What root sets of it.
    #[pin]
    settings: Settings,
    /// What is on its screen.
    #[pin]
    screen: Screen,
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
    #[pin]
    watch: Watch,
    /// Held while pages of the aperture are mapped, and while all of them are taken away.
    #[pin]
    mappings: Mutex<()>,
    #[pin]
    state: Mutex<State<'a>>,
}

/// What the lock of a vGPU protects.
struct State<'a> {
    open: Option<Open<'a>>,
    /// What of its screen clients were told of.
    pictures: Pictures,
    vgpu: Owned<'a>,
}

/// What is held while a vGPU is open.
struct Open<'a> {
    account: Account,
    _file: PinnedFile,
    _wake: Wake<'a>,
    _driver: Driver,
}

/// The vGPU and its part of the GPU; given back when it is dropped.
struct Owned<'a> {
    vgpu: ManuallyDrop<Vgpu>,
    /// When its core wants to be told the time; there is one while it is open.
    alarm: Option<Alarm>,
    shadows: Shadows<'a>,
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
            alarm: None,
            shadows: Shadows::new(gpu),
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
        let pictures = Pictures::new()?;
        let window = Window::new(gpu.aperture_base, owned.vgpu.aperture())?;
        let seat = Seat {
            turns: gpu.turns(),
            id: owned.share.id,
        };
        let mut this = KBox::pin_init(
            pin_init!(Self {
                folder: Folder::none(),
                // SAFETY: it is the field of that name, and is stopped when the vGPU is closed.
                job <- unsafe { Job::new(new_work!("kvmgt::vgpu_work"), work::work) },
                gpu,
                seat,
                mdev,
                vdev,
                id: owned.share.id.number(),
                bar0_size: owned.vgpu.bar0_size(),
                bar2_size: owned.vgpu.bar2_size(),
                window,
                settings <- Settings::new(kind, owned.vgpu.resolution()),
                screen <- Screen::new(owned.vgpu.largest_resolution()),
                leaving: Atomic::new(false),
                is_open: Atomic::new(false),
                pinned: Atomic::new(0),
                holder <- new_spinlock!(None, "kvmgt::holder"),
                irqs <- new_spinlock!(Irqs::new(), "kvmgt::irqs"),
                watch <- Watch::new(),
                mappings <- new_mutex!((), "kvmgt::mappings"),
                state <- new_mutex!(
                    State { open: None, pictures, vgpu: owned },
                    "kvmgt::vgpu"
                ),
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
        self.act(&mut state.vgpu, act)
    }

    /// Calls `act` with a vGPU whose lock is held, after it was told what its VM did to page tables,
    /// and sets its alarm.
    fn act<R>(&self, owned: &mut Owned<'_>, act: impl FnOnce(&mut Vgpu, &mut World<'_>) -> R) -> R {
        let (mut vm, mut memory, mut tracker) = (Vm(self), Memory(self), Tracker(self));
        let mut world = World {
            device: &self.gpu.device,
            host: &self.gpu.host,
            guest: &mut vm,
            memory: &mut memory,
            tracker: &mut tracker,
            shadow: &mut owned.shadows,
            turns: &self.seat,
            now: self.seat.turns.now(),
        };
        self.tell(&mut owned.vgpu, &mut world);
        let result = act(&mut owned.vgpu, &mut world);
        if let Some(alarm) = &mut owned.alarm {
            // Of one that was taken away nothing goes on.
            let due = owned.vgpu.alarm().filter(|_| !self.is_leaving());
            alarm.set(due, world.now);
        }
        result
    }

    /// Somebody opens it, with a KVM or without.
    ///
    /// # Errors
    ///
    /// `ENODEV` it, or i915, is about to go; `EIO` the GPU does not wake; those of the core.
    fn open(&self) -> Result {
        if self.is_leaving() {
            return Err(ENODEV);
        }
        let open = Open {
            account: Account::current(),
            _driver: Driver::hold(self.gpu).ok_or(ENODEV)?,
            _wake: self.gpu.host.wake().map_err(|_| EIO)?,
            // SAFETY: what is open is closed before the vGPU goes.
            _file: unsafe { PinnedFile::new(&self.folder, &self.pinned) },
        };
        // SAFETY: the job is a part of the vGPU; the alarm goes when it is closed, or could not be
        // opened.
        let alarm = unsafe { Alarm::new(NonNull::from(&self.job)) }?;
        let resolution = self.settings.freeze();
        *self.holder.lock() = Some(Holder::current());
        // SAFETY: `rest` undoes both, when it is closed or could not be opened. The job is a part of
        // the vGPU, and VFIO counts that as open.
        unsafe {
            self.watch.start(self);
            self.seat.sit(NonNull::from(&self.job));
        }
        // What it does before the vGPU is open waits for that.
        self.job.start();
        let mut state = self.state.lock();
        state.vgpu.alarm = Some(alarm);
        let opened = self.act(&mut state.vgpu, |vgpu, world| {
            vgpu.set_resolution(resolution)?;
            vgpu.open(world)
        });
        if let Err(error) = opened {
            state.vgpu.alarm = None;
            drop(state);
            self.rest();
            return Err(error);
        }
        state.open = Some(open);
        self.is_open.store(true, Relaxed);
        Ok(())
    }

    /// Whoever had it open lets go of it.
    fn close(&self) {
        let mut state = self.state.lock();
        self.is_open.store(false, Relaxed);
        self.act(&mut state.vgpu, |vgpu, world| vgpu.close(world));
        self.forget_all_pictures(&mut state.pictures);
        state.vgpu.alarm = None;
        let open = state.open.take();
        drop(state);
        self.rest();
        self.screen.picture.forget();
        // Without the lock: it waits for readers of debugfs.
        drop(open);
        let irqs = core::mem::replace(&mut *self.irqs.lock(), Irqs::new());
        drop(irqs);
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

    /// Nothing is done for it any more, but what it is told to. Called without the lock: it waits
    /// for its work, which takes that.
    fn rest(&self) {
        self.seat.rise();
        self.job.stop();
        self.watch.stop();
        *self.holder.lock() = None;
        self.settings.release();
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
        let State {
            open,
            pictures,
            vgpu,
        } = &mut *state;
        // Before and behind that nothing is pinned.
        if open.is_some() {
            self.forget_pictures(pictures, first..=last);
            self.act(vgpu, |vgpu, world| {
                vgpu.forget_memory(world, Gfn(first), last - first + 1);
            });
        }
    }
}
