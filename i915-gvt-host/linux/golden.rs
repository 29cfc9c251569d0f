// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The golden snapshots of all GPUs, for as long as i915 is loaded.

use crate::shim::{self, PciDevice, I915};
use gvt_host::capture;
use gvt_host::config::ConfigCopy;
use gvt_host::store::{Key, Store};
use iface::registers::Platform;
use iface::types::Snapshot;
use kernel::prelude::*;

/// A GPU that i915 has probed.
struct Seen {
    key: Key,
    /// Its configuration space as it was at the first probe, until the snapshot is taken.
    config: Option<ConfigCopy>,
    /// How often its registers could have been taken.
    binds: u32,
}

/// All that is kept.
struct Golden {
    seen: KVec<Seen>,
    store: Store,
}

impl Golden {
    const fn new() -> Self {
        Self {
            seen: KVec::new(),
            store: Store::new(),
        }
    }

    fn seen(&mut self, key: &Key) -> Option<&mut Seen> {
        self.seen.iter_mut().find(|seen| seen.key == *key)
    }
}

kernel::sync::global_lock! {
    // SAFETY: initialised by `init` before anything else here is called.
    unsafe(uninit) static GOLDEN: Mutex<Golden> = Golden::new();
}

/// Makes the store usable.
///
/// # Safety
///
/// To be called once, before all other functions of this module.
pub(crate) unsafe fn init() {
    // SAFETY: the caller's promise.
    unsafe { GOLDEN.init() };
}

/// Frees all snapshots. No GPU may be left.
pub(crate) fn clear() {
    *GOLDEN.lock() = Golden::new();
}

/// Copies configuration space, if this is the first probe of that GPU.
pub(crate) fn capture_config(pdev: PciDevice, key: Key) -> Result {
    let mut golden = GOLDEN.lock();
    if golden.seen(&key).is_some() {
        return Ok(());
    }
    let config = ConfigCopy::take(|offset| pdev.read_config(offset));
    golden.seen.push(
        Seen {
            key,
            config: Some(config),
            binds: 0,
        },
        GFP_KERNEL,
    )?;
    Ok(())
}

/// Takes the snapshot, if there is none of that GPU yet.
pub(crate) fn capture_mmio(i915: I915, key: Key, platform: Platform, vcs1: bool) -> Result {
    let mut golden = GOLDEN.lock();
    let seen = golden.seen(&key).ok_or(ENODEV)?;
    seen.binds = seen.binds.saturating_add(1);
    let Some(config) = seen.config.clone() else {
        dev_dbg!(
            i915.device(),
            "GVT-g: the snapshot of the first probe is kept\n"
        );
        return Ok(());
    };
    // If the snapshot failed at the first probe, i915 itself has used the GPU since.
    let pristine = config.is_pristine() && seen.binds == 1;
    let begin = shim::boot_ns();
    let blob = i915.with_forcewake(|registers| {
        capture::capture(platform, vcs1, &config, |offset| registers.read(offset))
    })?;
    i915.clear_unclaimed();
    let took = shim::boot_ns().saturating_sub(begin);
    let cost = capture::cost(platform, vcs1)?;
    golden.store.keep(key, blob, (begin, took), pristine)?;
    if let Some(seen) = golden.seen(&key) {
        seen.config = None;
    }
    dev_info!(
        i915.device(),
        "GVT-g: snapshot of {}: {} registers, {} bytes, {} us{}\n",
        platform.name(),
        cost.reads,
        cost.bytes,
        took / 1000,
        if pristine {
            ""
        } else {
            ", not pristine: the GPU may have been used before"
        }
    );
    Ok(())
}

/// A snapshot that is kept.
#[derive(Clone, Copy)]
pub(crate) struct Found {
    /// Where it is, until [`clear`].
    pub(crate) snapshot: Snapshot,
    /// When it was taken, nanoseconds of the boot clock.
    pub(crate) time_ns: u64,
    /// Whether no other driver can have used the GPU before.
    pub(crate) pristine: bool,
}

/// The snapshot of a GPU.
pub(crate) fn find(key: &Key) -> Option<Found> {
    let golden = GOLDEN.lock();
    let kept = golden.store.find(key)?;
    Some(Found {
        snapshot: Snapshot {
            data: kept.blob.as_ptr(),
            size: kept.blob.len() as u64,
        },
        time_ns: kept.time_ns,
        pristine: kept.pristine,
    })
}
