// SPDX-License-Identifier: GPL-2.0 OR MIT
//! kvmgt as a Linux module: what the core needs of the kernel, and the kernel of the core.
//!
//! The module is an auxiliary driver. It binds to the device `i915.gvt.N` that i915's host half
//! publishes for each GPU, at whatever time either of them appears.
//!
//! | module | holds |
//! |---|---|
//! | `driver` | the driver: probe and unbind |
//! | `attachment` | a GPU from bind to unbind, and the order in which it is let go |
//! | `listener` | events of the host half: counted, traced, passed on |
//! | `gpu` | what vGPUs use of their GPU |
//! | `turns` | which vGPU has which engine |
//! | `mdev` | the types of vGPUs that it offers |
//! | `vgpu` | a vGPU as a device of VFIO |
//! | `golden_file` | `gvt_firmware`, and the administrator's file in its place |
//! | `debugfs` | the folder `gvt` in the card's debugfs |
//! | `presence` | what is said when there is no GPU at load time |
//! | `interface` | what it offers to i915 and needs of it, in `modinfo` and sysfs |
//! | `job`, `irq_lock` | work that can be stopped; a spinlock for interrupts |
//! | `c`, `uapi` | the C helpers; VFIO's interface for user space |
//!
//! # Locks
//!
//! In the order in which they may be taken; what stands in brackets is not ours. Those from 7 on
//! are spinlocks, the others sleep.
//!
//! 1. (VFIO's lock of a set of devices, around open and close)
//! 2. the lock of a vGPU's drawing, while its picture is drawn for a client
//! 3. the lock of a vGPU, around all calls of the core
//! 4. (locks of VFIO's IOMMU, of the client's memory map, of the host half)
//! 5. the lock of a vGPU's mappings, around inserting pages and taking them away; and that of its
//!    picture's memory. Neither is taken under the other
//! 6. the lock of a device, around what its vGPUs have taken; nothing is taken under it
//! 7. the eventfds of a vGPU, its settings, and who holds it: never taken in interrupts
//! 8. the pages that KVM watches for a vGPU: never taken in interrupts; (KVM's MMU lock)
//! 9. (locks of i915's scheduler)
//! 10. the turns of a device: held with interrupts off; (locks of workqueues and timers)
//!
//! A vGPU's work takes the vGPU's lock, so that nobody waits for it with that lock held. It may be
//! queued under the turns' lock, and is only queued for a vGPU that has its seat there; closing takes
//! the seat away, stops the work, and stops KVM from telling writes, in this order.
//!
//! Three callers never take the lock of a vGPU, because its client can have that held for ever, or
//! because of what they hold themselves: the host half telling the end of a submission, i915's
//! scheduler telling of a context, and a virtual CPU telling a write. The last one holds locks of
//! KVM (SRCU) that whoever changes the VM's memory waits for. All three leave a note, and queue the
//! work of the vGPU that it is for.
//!
//! VFIO calls for memory that goes away with a lock held that it also takes under the lock of its
//! IOMMU, which the driver needs to pin and to unpin. It does so itself for every driver that
//! unpins when it is told to, so that no order of ours could avoid it.

mod attachment;
mod c;
mod debugfs;
mod driver;
mod golden_file;
mod gpu;
mod interface;
mod irq_lock;
mod job;
mod listener;
mod mdev;
mod presence;
mod turns;
mod uapi;
mod vgpu;

use kernel::prelude::*;

module! {
    type: Kvmgt,
    name: "kvmgt",
    authors: ["The kvmgt authors"],
    description: "Intel GVT-g: virtual GPUs of one real GPU",
    license: "Dual MIT/GPL",
}

/// The module while it is loaded.
#[pin_data]
struct Kvmgt {
    // Unregistered first: it unbinds the GPUs, which take their vGPUs with them.
    #[pin]
    driver: driver::Registration,
    mdev: mdev::Driver,
}

impl kernel::InPlaceModule for Kvmgt {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        // Probes of the GPUs that are there run inside the registration, so that what is said
        // about none comes after them.
        try_pin_init!(Self {
            mdev: mdev::Driver::register()?,
            driver <- driver::registration(module),
            _: { presence::report() },
        })
    }
}
