// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The eventfds that stand for a vGPU's interrupts.

use crate::{c::raw, uapi};
use kernel::{error::from_err_ptr, prelude::*};

/// Index of the pin's interrupt. It can be armed as clients expect of a device with a pin, and is
/// never asserted: the guest's driver uses MSI.
pub(super) const INTX: u32 = uapi::VFIO_PCI_INTX_IRQ_INDEX;
/// Index of the message.
pub(super) const MSI: u32 = uapi::VFIO_PCI_MSI_IRQ_INDEX;
/// Index of the interrupt that asks the client to let go.
pub(super) const REQUEST: u32 = uapi::VFIO_PCI_REQ_IRQ_INDEX;
/// Indexes that there are.
const COUNT: usize = uapi::VFIO_PCI_NUM_IRQS as usize;

/// A reference on an eventfd.
///
/// # Invariants
///
/// The pointer came from `kvmgt_eventfd_get`, and its reference is ours.
pub(super) struct EventFd(*mut raw::eventfd_ctx);

// SAFETY: any thread may signal an eventfd, and give a reference back.
unsafe impl Send for EventFd {}

impl EventFd {
    /// The eventfd that the calling process knows by a number.
    ///
    /// # Errors
    ///
    /// `EBADF`, `EINVAL` it is none.
    pub(super) fn get(fd: i32) -> Result<Self> {
        // SAFETY: any number may be asked for.
        let event = from_err_ptr(unsafe { raw::kvmgt_eventfd_get(fd) })?;
        // INVARIANT: it was no error.
        Ok(Self(event))
    }

    fn signal(&self) {
        // SAFETY: by the type's invariant.
        unsafe { raw::kvmgt_eventfd_signal(self.0) };
    }
}

impl Drop for EventFd {
    fn drop(&mut self) {
        // SAFETY: by the type's invariant.
        unsafe { raw::kvmgt_eventfd_put(self.0) };
    }
}

/// The eventfd of each index, if the client armed it.
pub(super) struct Irqs([Option<EventFd>; COUNT]);

impl Irqs {
    /// None is armed.
    pub(super) const fn new() -> Self {
        Self([const { None }; COUNT])
    }

    /// Arms an index, or disarms it, and returns what was there: to be dropped without the lock.
    pub(super) fn set(&mut self, index: u32, event: Option<EventFd>) -> Option<EventFd> {
        let place = self.0.get_mut(index as usize)?;
        core::mem::replace(place, event)
    }

    /// Fires an index. Returns whether it is armed.
    pub(super) fn signal(&self, index: u32) -> bool {
        let event = self.0.get(index as usize).and_then(Option::as_ref);
        event.inspect(|event| event.signal()).is_some()
    }
}

/// How many interrupts of an index there are, and its flags; `None`: the index is not known.
///
/// As vfio-pci has it for a device without MSI-X and without PCI Express.
pub(super) fn describe(index: u32) -> Option<(u32, u32)> {
    let event = uapi::VFIO_IRQ_INFO_EVENTFD;
    let fixed = event | uapi::VFIO_IRQ_INFO_NORESIZE;
    match index {
        INTX => Some((
            1,
            event | uapi::VFIO_IRQ_INFO_MASKABLE | uapi::VFIO_IRQ_INFO_AUTOMASKED,
        )),
        MSI | REQUEST => Some((1, fixed)),
        uapi::VFIO_PCI_MSIX_IRQ_INDEX => Some((0, fixed)),
        _ => None,
    }
}
