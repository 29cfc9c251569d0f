// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A GPU from bind to unbind.

use crate::{
    c,
    debugfs::Debugfs,
    golden_file::{self, GoldenFile},
    gpu::Gpu,
    listener::Listener,
    mdev::Parent,
    turns::Turns,
};
use iface::client::Offer;
use kernel::{
    auxiliary, bindings,
    device::{self, Core},
    prelude::*,
};
use kvmgt_core::{device::Device, message};

/// A GPU whose host half is open.
///
/// The fields are dropped in their order: first vGPUs, which may wait for whoever has one open,
/// and what else users of the machine can reach; then the host half, which waits for call-backs
/// that run; then what these use.
pub(crate) struct Attachment<'a> {
    _mdev: Option<Parent<'a>>,
    _golden_file: GoldenFile,
    _gpu: Pin<KBox<Gpu<'a>>>,
    listener: KBox<Listener>,
}

impl<'a> Attachment<'a> {
    /// Attaches to the GPU behind `adev`, and says so; or says why not, and leaves nothing.
    ///
    /// # Errors
    ///
    /// `ENODEV` if GPU and kvmgt do not fit, after one line at error level. Others if the kernel
    /// lacks memory or the like; the driver core prints those.
    ///
    /// # Safety
    ///
    /// `adev` is an `i915.gvt` device as the contract has it: its platform data fulfils
    /// [`Offer::from_platform_data`] until its driver is unbound. What is returned is dropped
    /// before that.
    pub(crate) unsafe fn new(adev: &'a auxiliary::Device<Core<'_>>) -> Result<Self> {
        let printer: &'a device::Device<Core<'_>> = adev.as_ref();
        let raw: *mut bindings::device = as_raw(printer);
        // SAFETY: `raw` is a valid device while `adev` is borrowed.
        let (platform_data, parent) = unsafe { ((*raw).platform_data, (*raw).parent) };
        // SAFETY: by this function's own requirement.
        let offer = unsafe { Offer::from_platform_data(platform_data) }.map_err(|refusal| {
            dev_err!(adev, "{}\n", format_args!("{refusal}"));
            ENODEV
        })?;
        let (version, features) = (offer.version(), offer.features());
        let turns = Turns::new()?;
        let listener = Listener::new(adev.as_ref().name(), turns.clone())?;
        let listener = KBox::new(listener, GFP_KERNEL)?;
        // SAFETY: the listener does not move, as it has a box of its own. It is dropped after the
        // host, here as well as in `Attachment`.
        let host = unsafe { offer.open(&raw const *listener) }.map_err(|refusal| {
            dev_err!(adev, "{}\n", format_args!("{refusal}"));
            ENODEV
        })?;
        let mut device = Device::new(&host, version, features).map_err(|failure| {
            let error = failure.error();
            if error == ENODEV {
                dev_err!(adev, "{}\n", format_args!("{failure}"));
            }
            error
        })?;
        // SAFETY: the parent of a bound auxiliary device is valid, and stays so.
        unsafe { use_administrators_file(adev, parent, &mut device) };
        let lacking = device.golden().lacking();
        if lacking != 0 {
            dev_warn!(adev, "{}\n", format_args!("{}", message::Lacking(lacking)));
        }
        for engine in device.unknown_states() {
            dev_warn!(adev, "{}\n", format_args!("{}", message::UnknownState(engine)));
        }
        let tracked = device.model().tracked();
        listener.track(tracked);
        let info = host.info().map_err(|_| ENODEV)?;
        // SAFETY: the contract: null, or the card's folder or an error, valid until unbind. The
        // listener is in a box of its own, and the folder is dropped before it.
        let debugfs = unsafe { Debugfs::new(info.debugfs.cast(), &listener) };
        let gpu = Gpu::new(debugfs, device, host, &info, printer, turns)?;
        // SAFETY: the device is pinned with the GPU, and the file is dropped before it.
        let golden_file = unsafe { GoldenFile::new(parent, &raw const gpu.device) }?;
        dev_info!(adev, "{}\n", format_args!("{}", gpu.device.attached()));
        // SAFETY: the GPU is pinned, and dropped after the parent.
        let mdev = unsafe { Parent::register(gpu.as_ref()) }?;
        c::trace_attach(listener.name(), &gpu.device);
        Ok(Self {
            _mdev: mdev,
            _golden_file: golden_file,
            _gpu: gpu,
            listener,
        })
    }
}

impl Drop for Attachment<'_> {
    fn drop(&mut self) {
        c::trace_detach(self.listener.name());
    }
}

/// Takes the golden state out of the administrator's file, if there is one, and says so.
///
/// # Safety
///
/// `parent` is a valid device.
unsafe fn use_administrators_file(
    adev: &auxiliary::Device<Core<'_>>,
    parent: *mut bindings::device,
    device: &mut Device,
) {
    let name = device.file_name();
    // SAFETY: by this function's own requirement.
    let Some(file) = (unsafe { golden_file::request(name, parent) }) else {
        return;
    };
    match device.use_file(file.data()) {
        Ok(()) => dev_info!(adev, "{}\n", format_args!("{}", message::FileUsed(name))),
        Err(error) => {
            let line = message::FileIgnored(name, error);
            dev_err!(adev, "{}\n", format_args!("{line}"));
        }
    }
}

/// The C structure of a device.
fn as_raw(device: &device::Device<Core<'_>>) -> *mut bindings::device {
    // CAST: `Device` is a transparent wrapper of an `Opaque<struct device>`.
    core::ptr::from_ref(device).cast_mut().cast()
}
