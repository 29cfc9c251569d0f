// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The auxiliary driver.

use crate::attachment::Attachment;
use kernel::{
    auxiliary,
    device::Core,
    device_id, driver,
    prelude::*,
    sync::{new_mutex, Mutex},
};

/// The driver while it is registered.
pub(crate) type Registration = driver::Registration<auxiliary::Adapter<Driver>>;

/// Registers the driver; GPUs that are there are probed before it returns.
pub(crate) fn registration(module: &'static ThisModule) -> impl PinInit<Registration, Error> {
    Registration::new(c"kvmgt", module)
}

/// The devices that the driver binds to: `i915.gvt.N`.
///
/// It is deliberately no module device table: modpost would make an alias of it, by which the
/// module would be loaded as soon as i915 is. What lets guests at the GPU is loaded because
/// somebody asked for it.
const ID_TABLE: device_id::IdArray<auxiliary::DeviceId, (), 1> =
    device_id::IdArray::new([(auxiliary::DeviceId::new(c"i915", c"gvt"), ())]);

/// The driver.
pub(crate) struct Driver;

/// A device that the driver is bound to.
#[pin_data]
pub(crate) struct Bound<'a> {
    /// Taken by unbind, so that all of it is gone when that returns.
    #[pin]
    attachment: Mutex<Option<Attachment<'a>>>,
}

impl auxiliary::Driver for Driver {
    type IdInfo = ();
    type Data<'bound> = Bound<'bound>;
    const ID_TABLE: auxiliary::IdTable<Self::IdInfo> = &ID_TABLE;

    fn probe<'bound>(
        device: &'bound auxiliary::Device<Core<'_>>,
        _info: &'bound (),
    ) -> impl PinInit<Bound<'bound>, Error> + 'bound {
        // SAFETY: the device matched `ID_TABLE`, whose names are those of the contract, and unbind
        // drops the attachment before it returns.
        let attachment = unsafe { Attachment::new(device) };
        try_pin_init!(Bound {
            attachment <- new_mutex!(Some(attachment?)),
        })
    }

    fn unbind<'bound>(_device: &'bound auxiliary::Device<Core<'_>>, bound: Pin<&Bound<'bound>>) {
        let attachment = bound.attachment.lock().take();
        // Without the lock: what is dropped waits for readers and for call-backs.
        drop(attachment);
    }
}
