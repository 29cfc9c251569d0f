// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Prints three registers of the snapshot.

use iface::client::{Direction, Events, Offer, Outcome};
use kernel::{auxiliary, bindings, device::Core, prelude::*};

/// Does nothing about anything.
struct Deaf;

impl Events for Deaf {
    fn suspend(&self) {}
    fn resume(&self) {}
    fn host_context(&self, _: u32, _: Direction) {}
    fn submit_done(&self, _: u64, _: u64, _: Outcome) {}
}

static EVENTS: Deaf = Deaf;

struct Reader;

kernel::auxiliary_device_table!(
    TABLE,
    MODULE_TABLE,
    <Reader as auxiliary::Driver>::IdInfo,
    [(auxiliary::DeviceId::new(c"i915", c"gvt"), ())]
);

impl auxiliary::Driver for Reader {
    type IdInfo = ();
    type Data<'bound> = Self;

    const ID_TABLE: auxiliary::IdTable<Self::IdInfo> = &TABLE;

    fn probe<'bound>(
        adev: &'bound auxiliary::Device<Core<'_>>,
        _: &'bound Self::IdInfo,
    ) -> impl PinInit<Self, Error> + 'bound {
        let device: *const bindings::device = core::ptr::from_ref(adev.as_ref()).cast();
        // SAFETY: the device is valid, and `i915.gvt` devices have the contract's platform data,
        // valid while they are bound.
        let offer = unsafe { Offer::from_platform_data((*device).platform_data) };
        let offer = offer.map_err(|refusal| {
            dev_err!(adev, "{}\n", format_args!("{refusal}"));
            ENODEV
        })?;
        // SAFETY: `EVENTS` is static; the host is dropped, and so closed, before probe returns.
        let host = unsafe { offer.open(&raw const EVENTS) }.map_err(|refusal| {
            dev_err!(adev, "{}\n", format_args!("{refusal}"));
            ENODEV
        })?;
        let golden = host.snapshot().map_err(|_| EIO)?;
        let blob = golden.blob().map_err(|_| EINVAL)?;
        for (offset, value) in blob.registers().take(3) {
            dev_info!(adev, "{offset:#08x} = {value:#010x}\n");
        }
        Ok(Self)
    }
}

kernel::module_auxiliary_driver! {
    type: Reader,
    name: "gvt_reader",
    authors: ["You"],
    description: "Reads a golden snapshot",
    license: "GPL",
}
