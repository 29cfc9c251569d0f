// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The auxiliary bus, the log and the machine's memory.

use hosted_abi::{Driver, Kernel};
use memmap2::{MmapOptions, MmapRaw};
use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of the machine's memory. Hardly any of them is ever touched.
const MEMORY_SIZE: usize = 1 << 36;

/// A line that a module printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its level, as in `printk`: 3 is an error.
    pub level: u8,
    /// What it says.
    pub text: String,
}

/// A device on the bus.
#[derive(Clone, Copy)]
struct Device {
    platform_data: *const c_void,
    /// Whether the driver is bound to it.
    bound: bool,
}

/// What the bus knows.
#[derive(Default)]
struct State {
    devices: BTreeMap<u32, Device>,
    driver: Option<*const Driver>,
    log: Vec<LogLine>,
}

// SAFETY: the pointers are those of modules, which may be called from any thread, and the lock
// around this hands them to one thread at a time.
unsafe impl Send for State {}

/// The bus: devices `i915.gvt.N`, at most one driver, and the log; and the machine's memory.
///
/// The lock is never held while a module is called, since modules call back: a device is added from
/// inside of a probe, and lines are printed from anywhere.
pub struct Bus {
    state: Mutex<State>,
    kernel: Kernel,
    // What `kernel` points to.
    _memory: MmapRaw,
}

impl Bus {
    /// An empty bus, and memory of zeroes. It has to stay where it is: modules keep its address.
    ///
    /// # Panics
    ///
    /// If this process cannot have so many addresses.
    pub fn new() -> Box<Self> {
        let mut options = MmapOptions::new();
        options.len(MEMORY_SIZE).no_reserve_swap();
        let memory = options.map_anon().map(MmapRaw::from);
        let memory = memory.expect("there are addresses for the machine's memory");
        let mut bus = Box::new(Bus {
            state: Mutex::default(),
            kernel: Kernel {
                context: std::ptr::null_mut(),
                device_add,
                device_remove,
                log,
                memory: memory.as_mut_ptr().cast(),
                memory_size: memory.len() as u64,
            },
            _memory: memory,
        });
        bus.kernel.context = std::ptr::from_ref::<Bus>(&bus).cast_mut().cast();
        bus
    }

    /// What modules are given.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lines printed since this was last called.
    pub fn take_log(&self) -> Vec<LogLine> {
        std::mem::take(&mut self.state().log)
    }

    /// The devices that are there, and whether each has a driver.
    pub fn devices(&self) -> Vec<(u32, bool)> {
        self.state()
            .devices
            .iter()
            .map(|(id, device)| (*id, device.bound))
            .collect()
    }

    /// Registers a driver and binds it to all devices.
    ///
    /// # Safety
    ///
    /// `driver` and its functions are valid until it was unregistered.
    pub(super) unsafe fn register(&self, driver: *const Driver) {
        self.state().driver = Some(driver);
        for (id, _) in self.devices() {
            self.bind(id);
        }
    }

    /// Unbinds the driver from all devices and forgets it.
    pub(super) fn unregister(&self) {
        for (id, _) in self.devices() {
            self.unbind(id);
        }
        self.state().driver = None;
    }

    /// Offers a device to the driver, as writing to `bind` does; gives what its probe returned, or
    /// nothing if there is no driver, no such device, or it has its driver already.
    pub fn bind(&self, id: u32) -> Option<c_int> {
        let (driver, platform_data) = {
            let state = self.state();
            let device = state.devices.get(&id).filter(|device| !device.bound)?;
            (state.driver?, device.platform_data)
        };
        // SAFETY: the driver is registered, so its module is loaded; the device is on the bus, so
        // its platform data is valid. Nobody unregisters or removes meanwhile: that is done by this
        // thread, as modules are called from one at a time.
        let returned = unsafe { ((*driver).probe)(id, platform_data) };
        if let Some(device) = self.state().devices.get_mut(&id) {
            device.bound = returned == 0;
        }
        Some(returned)
    }

    /// Takes a device from its driver, as writing to `unbind` does; whether it had one.
    pub fn unbind(&self, id: u32) -> bool {
        let driver = {
            let state = self.state();
            match (state.driver, state.devices.get(&id)) {
                (Some(driver), Some(device)) if device.bound => driver,
                _ => return false,
            }
        };
        // SAFETY: as in `bind`.
        unsafe { ((*driver).remove)(id) };
        if let Some(device) = self.state().devices.get_mut(&id) {
            device.bound = false;
        }
        true
    }

    /// Reads all of the file `gvt_firmware` of a device; nothing if it has no driver.
    ///
    /// # Errors
    ///
    /// The errno that the driver gives.
    pub fn firmware(&self, id: u32) -> Option<Result<Vec<u8>, c_int>> {
        let driver = {
            let state = self.state();
            state.devices.get(&id).filter(|device| device.bound)?;
            state.driver?
        };
        let mut file = Vec::new();
        let mut piece = vec![0; FIRMWARE_PIECE];
        loop {
            let offset = file.len() as u64;
            // SAFETY: as in `bind`; the buffer is as long as said.
            let got = unsafe { ((*driver).firmware)(id, offset, piece.as_mut_ptr(), piece.len()) };
            match usize::try_from(got) {
                Ok(0) => return Some(Ok(file)),
                Ok(count) => file.extend_from_slice(piece.get(..count).unwrap_or_default()),
                Err(_) => return Some(Err(c_int::try_from(got).unwrap_or(c_int::MIN))),
            }
        }
    }
}

/// Bytes of a file read at a time, as `sysfs` does.
const FIRMWARE_PIECE: usize = 4096;

/// The bus of a context pointer.
///
/// # Safety
///
/// `context` is that of a [`Bus`] that is still there.
unsafe fn bus<'a>(context: *mut c_void) -> &'a Bus {
    // SAFETY: the caller's promise; a bus is only used by shared reference.
    unsafe { &*context.cast::<Bus>() }
}

unsafe extern "C" fn device_add(context: *mut c_void, id: u32, platform_data: *const c_void) {
    // SAFETY: modules hand back the context that they were given.
    let bus = unsafe { bus(context) };
    bus.state().devices.insert(
        id,
        Device {
            platform_data,
            bound: false,
        },
    );
    bus.bind(id);
}

unsafe extern "C" fn device_remove(context: *mut c_void, id: u32) {
    // SAFETY: as in `device_add`.
    let bus = unsafe { bus(context) };
    bus.unbind(id);
    bus.state().devices.remove(&id);
}

unsafe extern "C" fn log(context: *mut c_void, level: u8, text: *const u8, len: usize) {
    // SAFETY: as in `device_add`.
    let bus = unsafe { bus(context) };
    // SAFETY: modules pass a text of that length.
    let text = unsafe { std::slice::from_raw_parts(text, len) };
    let text = String::from_utf8_lossy(text).into_owned();
    bus.state().log.push(LogLine { level, text });
}
