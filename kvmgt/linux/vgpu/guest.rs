// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a vGPU does to its VM, and what it tells those who watch.

use super::{irq, VgpuDevice};
use crate::c::{self, raw};
use kernel::{bindings, error::to_result, prelude::*, str::CString, sync::atomic::Relaxed};
use kvmgt_core::{
    address::{DmaAddress, Gfn, PAGE_SHIFT},
    guest::{Event, Guest},
};

/// The VM of a vGPU; made where the vGPU's lock is held.
pub(super) struct Vm<'d, 'a>(pub(super) &'d VgpuDevice<'a>);

/// The address by which VFIO knows a page.
pub(super) fn iova(gfn: Gfn) -> Option<u64> {
    let address = gfn.0 << PAGE_SHIFT;
    (address >> PAGE_SHIFT == gfn.0).then_some(address)
}

impl Guest for Vm<'_, '_> {
    fn pin(&mut self, gfn: Gfn) -> Result<DmaAddress> {
        let iova = iova(gfn).ok_or(EFAULT)?;
        let mut address = 0;
        // SAFETY: both devices are valid; VFIO counts the vGPU as open, as only operations of an
        // open one pin.
        let pinned = to_result(unsafe {
            raw::kvmgt_pin(self.0.vdev, self.0.gpu.parent, iova, &raw mut address)
        });
        match pinned {
            Ok(()) => {
                self.0.pinned.add(1_usize, Relaxed);
                Ok(DmaAddress(address))
            }
            // So says VFIO when there is no memory at the address, or none that can be written.
            Err(error) if error == EINVAL || error == EPERM => Err(EFAULT),
            Err(error) => Err(error),
        }
    }

    fn unpin(&mut self, gfn: Gfn, address: DmaAddress) {
        let Some(iova) = iova(gfn) else {
            return;
        };
        // SAFETY: as in `pin`; the core undoes each pin once, with what it returned.
        unsafe { raw::kvmgt_unpin(self.0.vdev, self.0.gpu.parent, iova, address.0) };
        self.0.pinned.fetch_sub(1_usize, Relaxed);
    }

    fn send_msi(&mut self) {
        self.0.irqs.lock().signal(irq::MSI);
    }

    fn note(&mut self, event: Event) {
        let id = self.0.id;
        match event {
            Event::Complaint(complaint) => self.complain(format_args!("{complaint}")),
            Event::DisplayReady(ready) => self.display_ready(ready),
            Event::InterruptRegister {
                offset,
                kind,
                written,
                before,
            } => c::trace_write_ir(id, kind, offset.0, written, before),
            Event::Interrupt { name, bit } => c::trace_propagate_event(id, name, bit),
            Event::Msi { address, data } => c::trace_inject_msi(id, address, data.into()),
        }
    }
}

impl Vm<'_, '_> {
    /// Prints what a guest did, unless there were too many such lines.
    fn complain(&self, what: core::fmt::Arguments<'_>) {
        // SAFETY: the device is valid.
        if unsafe { raw::kvmgt_may_complain(self.0.vdev) } {
            dev_warn!(self.0.printer(), "vgpu{}: {}\n", self.0.id, what);
        }
    }

    /// Tells user space by a uevent of the card, as the C GVT-g does.
    fn display_ready(&self, ready: bool) {
        let card = self.0.gpu.card;
        if card.is_null() {
            return;
        }
        let text = (
            CString::try_from_fmt(fmt!("GVT_DISPLAY_READY={}", u32::from(ready))),
            CString::try_from_fmt(fmt!("VMID={}", self.0.id)),
        );
        let (Ok(ready), Ok(vmid)) = text else {
            return;
        };
        let mut environment = [
            ready.as_char_ptr().cast_mut(),
            vmid.as_char_ptr().cast_mut(),
            core::ptr::null_mut(),
        ];
        // SAFETY: the card's device is valid as long as the host half is open; the strings are only
        // read. An event that nobody gets is no error of the guest's.
        unsafe {
            bindings::kobject_uevent_env(
                &raw mut (*card).kobj,
                bindings::kobject_action_KOBJ_ADD,
                environment.as_mut_ptr(),
            );
        }
    }
}
