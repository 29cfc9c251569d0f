// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The auxiliary driver.
//!
//! The kernel crate's adapter would name it `kvmgt.kvmgt`, in sysfs and in front of each message.
//! So the registration is its, and the adapter ours.

use crate::{attachment::Attachment, interface, presence};
use core::mem::offset_of;
use kernel::{
    auxiliary, bindings,
    device::CoreInternal,
    device_id::{IdArray, IdTable},
    driver,
    error::{from_result, to_result},
    prelude::*,
    sync::{new_mutex, Mutex},
    types::Opaque,
};

/// The driver while it is registered.
pub(crate) type Registration = driver::Registration<Adapter>;

/// Registers the driver; GPUs that are there are probed before it returns.
pub(crate) fn registration(module: &'static ThisModule) -> impl PinInit<Registration, Error> {
    Registration::new(c"kvmgt", module)
}

/// The table of the devices that the driver binds to: `i915.gvt.N`.
///
/// It is deliberately no module device table: modpost would make an alias of it, by which the
/// module would be loaded as soon as i915 is. What lets guests at the GPU is loaded because
/// somebody asked for it.
///
/// Its type is for the compiler to find: beside each id Linux 7.2 wants some data, 7.3 a reference
/// to some.
fn id_table() -> *const bindings::auxiliary_device_id {
    let table = const { &IdArray::new([(auxiliary::DeviceId::new(c"i915", c"gvt"), &())]) };
    table.as_ptr()
}

/// A device that the driver is bound to.
#[pin_data]
pub(crate) struct Bound<'a> {
    /// Taken by remove, so that all of it is gone when that returns.
    #[pin]
    attachment: Mutex<Option<Attachment<'a>>>,
}

impl<'a> Bound<'a> {
    /// Attaches to a device that matched [`id_table`].
    ///
    /// # Safety
    ///
    /// Its remove takes the attachment.
    unsafe fn new(
        device: &'a auxiliary::Device<CoreInternal<'_>>,
    ) -> impl PinInit<Self, Error> + 'a {
        // SAFETY: the names of the table are those of the contract, which says what the platform
        // data of such a device is; the rest is this function's own requirement.
        let attachment = unsafe { Attachment::new(device) };
        try_pin_init!(Self {
            attachment <- new_mutex!(Some(attachment?)),
        })
    }
}

/// What registers the driver and takes the driver core's calls.
pub(crate) struct Adapter;

// SAFETY: `auxiliary_driver` is a C type with a `device_driver` at that offset, and `probe` stores
// a `Bound` as the data of a device.
unsafe impl driver::DriverLayout for Adapter {
    type DriverType = bindings::auxiliary_driver;
    type DriverData<'bound> = Bound<'bound>;
    const DEVICE_DRIVER_OFFSET: usize = offset_of!(bindings::auxiliary_driver, driver);
}

// SAFETY: what `register` did `unregister` undoes.
unsafe impl driver::RegistrationOps for Adapter {
    unsafe fn register(
        driver: &Opaque<bindings::auxiliary_driver>,
        name: &'static CStr,
        module: &'static ThisModule,
    ) -> Result {
        let driver = driver.get();
        // SAFETY: the driver is ours until it is registered. It has no name of its own, so that it
        // gets that of the module.
        unsafe {
            (*driver).probe = Some(probe);
            (*driver).remove = Some(remove);
            (*driver).id_table = id_table();
            (*driver).driver.groups = interface::attributes();
        }
        // SAFETY: the driver stays where it is until `unregister`, name and module are static.
        to_result(unsafe {
            bindings::__auxiliary_driver_register(driver, module.as_ptr(), name.as_char_ptr())
        })
    }

    unsafe fn unregister(driver: &Opaque<bindings::auxiliary_driver>) {
        // SAFETY: by the trait's requirement the driver is registered.
        unsafe { bindings::auxiliary_driver_unregister(driver.get()) };
    }
}

/// Binds to a device.
///
/// # Safety
///
/// Called by the auxiliary bus for a device that matched [`id_table`].
unsafe extern "C" fn probe(
    device: *mut bindings::auxiliary_device,
    _id: *const bindings::auxiliary_device_id,
) -> c_int {
    // SAFETY: the bus gives a valid device, whose Rust type is a transparent wrapper of it.
    let device = unsafe { &*device.cast::<auxiliary::Device<CoreInternal<'_>>>() };
    presence::probed();
    from_result(|| {
        // SAFETY: `remove` takes the attachment.
        let bound = unsafe { Bound::new(device) };
        device.as_ref().set_drvdata(bound)?;
        Ok(0)
    })
}

/// Lets go of a device; whoever unbinds it may take the table away afterwards.
///
/// # Safety
///
/// Called by the auxiliary bus for a device that `probe` was successful with.
unsafe extern "C" fn remove(device: *mut bindings::auxiliary_device) {
    // SAFETY: as in `probe`.
    let device = unsafe { &*device.cast::<auxiliary::Device<CoreInternal<'_>>>() };
    // SAFETY: `probe` has stored a `Bound`.
    let bound = unsafe { device.as_ref().drvdata_borrow::<Bound<'_>>() };
    let attachment = bound.attachment.lock().take();
    // Without the lock: what is dropped waits for readers and for call-backs.
    drop(attachment);
}
