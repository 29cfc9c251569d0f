// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A GPU that costs nothing: registers read zero, entries and fences go nowhere.

use gvt_host::mmio::Variant;
use gvt_host::store::{Key, Store};
use gvt_host::table::{self, Client, Device};
use gvt_host::world::{no_default_state, Allocated, GgttPage, Made, Placed, Registers, World};
use gvt_host::{capture, config::ConfigCopy, State};
use iface::registers::Platform;
use iface::types::{Info, Snapshot};
use iface::HostTable;
use kernel::error::Result;
use std::sync::{Mutex, PoisonError};

/// The platform that is measured.
pub const VARIANT: Variant = Variant {
    platform: Platform::Kbl,
    vcs1: false,
};

const KEY: Key = Key {
    domain: 0,
    bus: 0,
    devfn: 2 << 3,
    revision: 2,
    ids: [0x8086, 0x5916, 0x8086, 0x2212],
};

/// A configuration space with nothing in it but the ids.
pub fn config() -> ConfigCopy {
    let [vendor, device, ..] = KEY.ids;
    ConfigCopy::take(|offset| match offset {
        0 => u32::from(device) << 16 | u32::from(vendor),
        8 => u32::from(KEY.revision),
        _ => 0,
    })
}

/// The GPU.
pub struct Null {
    client: Mutex<Option<Client>>,
    state: Mutex<State<Null>>,
    store: Store,
}

struct NoRegisters;

impl Registers for NoRegisters {
    fn read(&mut self, _: u32) -> u32 {
        0
    }

    fn write(&mut self, _: u32, _: u32) {}

    fn delay_us(&mut self, _: u32) {}
}

impl Null {
    /// A GPU with a snapshot.
    pub fn new() -> Result<Box<Self>> {
        let mut store = Store::new();
        let blob = capture::capture(VARIANT.platform, VARIANT.vcs1, &config(), |_| 0)?;
        store.keep(KEY, blob, (0, 0), true)?;
        Ok(Box::new(Self {
            client: Mutex::new(None),
            state: Mutex::new(State::new()),
            store,
        }))
    }

    /// Its table, which is good as long as it lives.
    pub fn table(&self) -> HostTable {
        // SAFETY: whoever uses the table drops it before the GPU, which is in a box.
        unsafe { table::of(self) }
    }
}

impl Device for Null {
    fn snapshot(&self) -> Result<Snapshot> {
        let kept = self.store.find(&KEY).ok_or(kernel::error::code::EIO)?;
        Ok(Snapshot {
            data: kept.blob.as_ptr(),
            size: kept.blob.len() as u64,
        })
    }

    fn variant(&self) -> Variant {
        VARIANT
    }
}

impl World for Null {
    type Node = ();
    type Fence = ();
    type Memory = ();
    type Context = ();

    fn info(&self) -> Info {
        let [vendor, device, ..] = KEY.ids;
        Info {
            platform: VARIANT.platform as u32,
            vendor,
            device,
            revision: KEY.revision.into(),
            drm_minor: 0,
            ggtt_size: 4 << 30,
            aperture_size: 256 << 20,
            aperture_base: 0,
            gttmmadr_size: 16 << 20,
            fence_count: 32,
            page_sizes: 0,
            engine_count: 0,
            reserved: 0,
            engines: Default::default(),
            parent: std::ptr::null_mut(),
            card: std::ptr::null_mut(),
            debugfs: std::ptr::null_mut(),
        }
    }

    fn with_state<R>(&self, f: impl FnOnce(&mut State<Self>) -> R) -> R {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_client(&self, client: Option<Client>) {
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = client;
    }

    fn with_client(&self, f: impl FnOnce(&Client)) {
        // Copied out: what runs in there may come here again.
        let client = *self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &client {
            f(client);
        }
    }

    fn has_client(&self) -> bool {
        self.client.lock().is_ok_and(|client| client.is_some())
    }

    fn wake_get(&self) -> Result {
        Ok(())
    }

    fn wake_put(&self) {}

    fn with_registers<R>(&self, f: impl FnOnce(&mut dyn Registers) -> R) -> Result<R> {
        Ok(f(&mut NoRegisters))
    }

    fn ggtt_insert(&self, _: u64, _: u64, (first, _): (GgttPage, GgttPage)) -> Result<Placed<()>> {
        Ok(Placed { node: (), first })
    }

    fn ggtt_remove(&self, (): ()) {}

    fn ggtt_write(&self, _: GgttPage, _: &[u64]) {}

    fn ggtt_flush(&self) {}

    fn scratch_entry(&self) -> u64 {
        iface::types::PTE_PRESENT
    }

    fn fence_reserve(&self) -> Result {
        Ok(())
    }

    fn fence_unreserve(&self, (): ()) {}

    fn fence_write(&self, (): &(), _: u64) {}

    fn memory_alloc(&self, _: u64) -> Result<Allocated<()>> {
        Ok(Allocated {
            memory: (),
            first: GgttPage(0),
        })
    }

    fn memory_free(&self, (): ()) {}

    fn memory_read(&self, (): &(), _: u64, _: &mut [u8]) {}

    fn memory_write(&self, (): &(), _: u64, _: &[u8]) {}

    // It has no engines, so there are no contexts either.

    fn context_create(&self, _: u32, _: u64, _: u64) -> Result<Made<()>> {
        Err(no_default_state())
    }

    fn context_destroy(&self, (): ()) {}

    fn context_read(&self, (): (), _: u64, _: &mut [u8]) {}

    fn context_write(&self, (): (), _: u64, _: &[u8]) {}

    fn context_submit(&self, (): (), _: u64, _: &[&[u32]]) -> Result {
        Err(kernel::error::code::EIO)
    }

    fn context_kill(&self, (): ()) {}
}
