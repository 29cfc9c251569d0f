// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Safe names for the C functions of `shim.h`.

mod context;
mod memory;

pub(crate) use context::Context;
pub(crate) use memory::Memory;

use crate::bindings;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use gvt_host::world::Registers;
use kernel::device::Device;
use kernel::prelude::*;

/// What the C side knows of a GPU: platform, geometry, engines.
pub(crate) type Platform = bindings::gvt_shim_platform;
/// A node of the GGTT's allocator.
pub(crate) type Node = NonNull<bindings::gvt_shim_node>;
/// A fence register of i915.
pub(crate) type Fence = NonNull<bindings::i915_fence_reg>;

/// Nanoseconds of the boot clock.
pub(crate) fn boot_ns() -> u64 {
    // SAFETY: without condition.
    unsafe { bindings::gvt_shim_boot_ns() }
}

/// A PCI device on its way through i915's probe.
#[derive(Clone, Copy)]
pub(crate) struct PciDevice(NonNull<bindings::pci_dev>);

impl PciDevice {
    /// # Safety
    ///
    /// `pdev` is a PCI device that stays valid as long as the result is used.
    pub(crate) unsafe fn new(pdev: *mut bindings::pci_dev) -> Option<Self> {
        NonNull::new(pdev).map(Self)
    }

    /// Reads a dword of configuration space.
    pub(crate) fn read_config(self, offset: u8) -> u32 {
        // SAFETY: the device is valid.
        unsafe { bindings::gvt_shim_config_read(self.0.as_ptr(), u32::from(offset)) }
    }
}

/// An i915 device whose registers are mapped.
#[derive(Clone, Copy)]
pub(crate) struct I915(NonNull<bindings::drm_i915_private>);

impl I915 {
    /// # Safety
    ///
    /// `i915` is a device behind its register probe, and stays one as long as the result is used.
    pub(crate) unsafe fn new(i915: *mut bindings::drm_i915_private) -> Option<Self> {
        NonNull::new(i915).map(Self)
    }

    /// The PCI device, for messages.
    pub(crate) fn device(&self) -> &Device {
        // SAFETY: i915 holds a reference to its device; the layout is that of the C type.
        unsafe { Device::from_raw(bindings::gvt_shim_device(self.0.as_ptr()).cast()) }
    }

    /// Describes the GPU, which must be behind its hardware probe.
    pub(crate) fn platform(self) -> Platform {
        let mut platform = MaybeUninit::<Platform>::zeroed();
        // SAFETY: the device is valid; all zero is a value of the structure, which holds numbers
        // and pointers only.
        unsafe {
            bindings::gvt_shim_platform(self.0.as_ptr(), platform.as_mut_ptr());
            platform.assume_init()
        }
    }

    /// Runs `f` with forcewake held. For a GPU that is kept awake by i915's probe.
    pub(crate) fn with_forcewake<R>(self, f: impl FnOnce(&mut dyn Registers) -> R) -> R {
        // SAFETY: the device is valid.
        unsafe { bindings::gvt_shim_forcewake_get(self.0.as_ptr()) };
        let result = f(&mut Raw(self));
        // SAFETY: as above; taken above.
        unsafe { bindings::gvt_shim_forcewake_put(self.0.as_ptr()) };
        result
    }

    /// Makes i915 forget that an access hit no register.
    pub(crate) fn clear_unclaimed(self) {
        // SAFETY: the device is valid.
        unsafe { bindings::gvt_shim_clear_unclaimed(self.0.as_ptr()) };
    }
}

/// The registers of a GPU that is awake, with forcewake held.
struct Raw(I915);

impl Registers for Raw {
    fn read(&mut self, offset: u32) -> u32 {
        // SAFETY: the device is valid and awake; offsets were checked to be in register space.
        unsafe { bindings::gvt_shim_mmio_read32(self.0 .0.as_ptr(), offset) }
    }

    fn write(&mut self, offset: u32, value: u32) {
        // SAFETY: as above.
        unsafe { bindings::gvt_shim_mmio_write32(self.0 .0.as_ptr(), offset, value) };
    }

    fn delay_us(&mut self, microseconds: u32) {
        // SAFETY: without condition.
        unsafe { bindings::gvt_shim_delay_us(microseconds) };
    }
}

/// The C side of a GPU that is offered to kvmgt.
#[derive(Clone, Copy)]
pub(crate) struct Host {
    host: NonNull<bindings::gvt_host>,
    i915: I915,
}

impl Host {
    /// # Safety
    ///
    /// `host` belongs to `i915`, which is behind all of its probe, and both stay valid as long as
    /// the result is used.
    pub(crate) unsafe fn new(host: *mut bindings::gvt_host, i915: I915) -> Option<Self> {
        let host = NonNull::new(host)?;
        Some(Self { host, i915 })
    }

    fn as_ptr(self) -> *mut bindings::gvt_host {
        self.host.as_ptr()
    }

    /// Wakes the GPU; counted. May sleep.
    pub(crate) fn wake_get(self) {
        // SAFETY: the host is valid.
        unsafe { bindings::gvt_shim_wake_get(self.as_ptr()) };
    }

    /// Gives back what one `wake_get` took.
    pub(crate) fn wake_put(self) {
        // SAFETY: the host is valid.
        unsafe { bindings::gvt_shim_wake_put(self.as_ptr()) };
    }

    /// Runs `f` alone with the GPU awake and forcewake held, interrupts off. Any context.
    pub(crate) fn with_registers<R>(self, f: impl FnOnce(&mut dyn Registers) -> R) -> Result<R> {
        let mut section = bindings::gvt_shim_section {
            flags: 0,
            wakeref: ptr::null_mut(),
        };
        // SAFETY: the host is valid.
        if !unsafe { bindings::gvt_shim_mmio_enter(self.as_ptr(), &mut section) } {
            return Err(EAGAIN);
        }
        let result = f(&mut Raw(self.i915));
        // SAFETY: the host is valid; entered above, on this CPU.
        unsafe { bindings::gvt_shim_mmio_leave(self.as_ptr(), &section) };
        Ok(result)
    }

    /// Takes `size` bytes out of the addresses `between`. May sleep, and wait for the GPU.
    pub(crate) fn ggtt_insert(
        self,
        size: u64,
        align: u64,
        between: (u64, u64),
    ) -> Result<(Node, u64)> {
        let mut node = ptr::null_mut();
        let mut offset = 0;
        // SAFETY: the host is valid; the two results are written.
        to_result(unsafe {
            bindings::gvt_shim_ggtt_insert(
                self.as_ptr(),
                size,
                align,
                between.0,
                between.1,
                &mut node,
                &mut offset,
            )
        })?;
        Ok((NonNull::new(node).ok_or(EINVAL)?, offset))
    }

    /// Gives addresses back. May sleep.
    pub(crate) fn ggtt_remove(self, node: Node) {
        // SAFETY: the host is valid; a node comes from `ggtt_insert` of the same host, and goes
        // here once, as it is not copied by `gvt_host`.
        unsafe { bindings::gvt_shim_ggtt_remove(self.as_ptr(), node.as_ptr()) };
    }

    /// Writes PTEs, the first for page `first`, all of them inside the GGTT.
    pub(crate) fn pte_write(self, first: u64, ptes: &[u64]) {
        // SAFETY: the host is valid, and so is the slice; pages come from `ggtt_insert`.
        unsafe {
            bindings::gvt_shim_pte_write(self.as_ptr(), first, ptes.as_ptr(), ptes.len() as u64)
        };
    }

    /// Makes the GPU see PTEs that were written.
    pub(crate) fn ggtt_invalidate(self) {
        // SAFETY: the host is valid.
        unsafe { bindings::gvt_shim_ggtt_invalidate(self.as_ptr()) };
    }

    /// The PTE of the scratch page.
    pub(crate) fn scratch_pte(self) -> u64 {
        // SAFETY: the host is valid.
        unsafe { bindings::gvt_shim_scratch_pte(self.as_ptr()) }
    }

    /// Takes a fence register. May sleep, and wait for the GPU.
    pub(crate) fn fence_reserve(self) -> Result<Fence> {
        let mut fence = ptr::null_mut();
        // SAFETY: the host is valid; the result is written.
        to_result(unsafe { bindings::gvt_shim_fence_reserve(self.as_ptr(), &mut fence) })?;
        NonNull::new(fence).ok_or(EINVAL)
    }

    /// Gives a fence register back. May sleep.
    pub(crate) fn fence_release(self, fence: Fence) {
        // SAFETY: the host is valid; a fence comes from `fence_reserve` of the same host, and goes
        // here once, as it is not copied by `gvt_host`.
        unsafe { bindings::gvt_shim_fence_release(self.as_ptr(), fence.as_ptr()) };
    }

    /// Writes a fence register of a GPU that is awake.
    pub(crate) fn fence_write(self, fence: Fence, value: u64) {
        // SAFETY: the host is valid, and so is the fence register: it lives as long as i915.
        unsafe { bindings::gvt_shim_fence_write(self.as_ptr(), fence.as_ptr(), value) };
    }
}

/// As long as one lives, [`drain_callbacks`] waits. It stays in the context that made it.
pub(crate) struct Callback(kernel::ffi::c_int, PhantomData<*mut ()>);

impl Callback {
    /// Any context.
    pub(crate) fn enter() -> Self {
        // SAFETY: without condition.
        Self(unsafe { bindings::gvt_shim_callback_enter() }, PhantomData)
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        // SAFETY: entered, and left once, in the same context: it is not `Send`.
        unsafe { bindings::gvt_shim_callback_leave(self.0) };
    }
}

/// Waits for all that were entered before. Sleeps; not from inside of one.
pub(crate) fn drain_callbacks() {
    // SAFETY: without condition but those above.
    unsafe { bindings::gvt_shim_callback_drain() };
}

/// 0 or a negative errno.
fn to_result(returned: kernel::ffi::c_int) -> Result {
    kernel::error::to_result(returned)
}
