// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Snapshots that are kept for as long as i915 is loaded.
//!
//! The first one of a GPU is the one: later binds find a GPU that an earlier one has programmed.

use kernel::prelude::*;

/// What tells GPUs apart: where one is, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// PCI domain.
    pub domain: u32,
    /// PCI bus.
    pub bus: u8,
    /// PCI device and function.
    pub devfn: u8,
    /// PCI revision.
    pub revision: u8,
    /// PCI vendor, device, subsystem vendor and subsystem ids.
    pub ids: [u16; 4],
}

/// A snapshot, and what was measured with it.
pub struct Kept {
    key: Key,
    /// The snapshot, in the format of [`iface::snapshot`].
    pub blob: KVVec<u8>,
    /// When it was taken, nanoseconds of the boot clock.
    pub time_ns: u64,
    /// How long that took, in nanoseconds.
    pub duration_ns: u64,
    /// Whether no other driver had been using the device.
    pub pristine: bool,
}

/// All that are kept. Nothing is removed before all of it is dropped, and a snapshot's bytes do
/// not move.
pub struct Store {
    kept: KVec<Kept>,
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

impl Store {
    /// An empty store.
    pub const fn new() -> Self {
        Self { kept: KVec::new() }
    }

    /// The snapshot of a GPU.
    pub fn find(&self, key: &Key) -> Option<&Kept> {
        self.kept.iter().find(|kept| kept.key == *key)
    }

    /// Keeps the first snapshot of a GPU.
    ///
    /// # Errors
    ///
    /// `EEXIST`: there is one. `ENOMEM`.
    pub fn keep(
        &mut self,
        key: Key,
        blob: KVVec<u8>,
        (time_ns, duration_ns): (u64, u64),
        pristine: bool,
    ) -> Result {
        if self.find(&key).is_some() {
            return Err(EEXIST);
        }
        self.kept.push(
            Kept {
                key,
                blob,
                time_ns,
                duration_ns,
                pristine,
            },
            GFP_KERNEL,
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key {
        domain: 0,
        bus: 0,
        devfn: 0x10,
        revision: 2,
        ids: [0x8086, 0x5916, 0x8086, 0x2212],
    };

    fn blob(byte: u8) -> KVVec<u8> {
        KVVec::from_elem(byte, 8, GFP_KERNEL).unwrap()
    }

    #[test]
    fn keep_of_second_snapshot_leaves_the_first() {
        let mut store = Store::new();
        store.keep(KEY, blob(1), (5, 1), true).unwrap();
        assert_eq!(store.keep(KEY, blob(2), (6, 1), true), Err(EEXIST));
        assert_eq!(store.find(&KEY).unwrap().blob.as_slice(), [1; 8]);
    }

    #[test]
    fn find_of_another_gpu_at_the_same_place_finds_nothing() {
        let mut store = Store::new();
        store.keep(KEY, blob(1), (5, 1), true).unwrap();
        assert!(store.find(&Key { revision: 3, ..KEY }).is_none());
        assert!(store.find(&Key { devfn: 0x18, ..KEY }).is_none());
    }
}
