// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The memory that a client has announced.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::error::code::EFAULT;
use kernel::error::Result;
use kvmgt_core::address::{Gfn, PAGE_SHIFT};
use vfio_user_server::DmaWindow;

/// All windows of the present client, by address. Clones are of the same client.
#[derive(Clone, Default)]
pub struct Windows(Arc<Mutex<BTreeMap<u64, DmaWindow>>>);

impl Windows {
    /// The client has announced memory.
    pub fn add(&self, window: DmaWindow) {
        self.all().insert(window.address, window);
    }

    /// The client has withdrawn it: nothing more of it is pinned.
    pub fn remove(&self, window: DmaWindow) {
        self.all().remove(&window.address);
    }

    /// The client is gone: nothing more is pinned.
    pub fn clear(&self) {
        self.all().clear();
    }

    /// Where a page begins that the device may read and write.
    ///
    /// # Errors
    ///
    /// `EFAULT`: there is no such page.
    pub fn address(&self, gfn: Gfn) -> Result<u64> {
        let address = gfn
            .0
            .checked_mul(1 << PAGE_SHIFT)
            .filter(|address| address >> PAGE_SHIFT == gfn.0)
            .ok_or(EFAULT)?;
        // Windows are whole pages, so one that holds the first byte holds all of the page.
        let all = self.all();
        let below = all.range(..=address).next_back();
        let is_there = below.is_some_and(|(start, window)| {
            address - start < window.size && window.readable && window.writable
        });
        is_there.then_some(address).ok_or(EFAULT)
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, DmaWindow>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(address: u64, size: u64, writable: bool) -> DmaWindow {
        DmaWindow {
            address,
            size,
            readable: true,
            writable,
        }
    }

    #[test]
    fn address_when_page_is_in_a_window_then_that() {
        let windows = Windows::default();
        windows.add(window(0x2000, 0x2000, true));

        assert_eq!(windows.address(Gfn(1)), Err(EFAULT));
        assert_eq!(windows.address(Gfn(2)), Ok(0x2000));
        assert_eq!(windows.address(Gfn(3)), Ok(0x3000));
        assert_eq!(windows.address(Gfn(4)), Err(EFAULT));
    }

    #[test]
    fn address_when_window_is_read_only_or_gone_then_there_is_none() {
        let windows = Windows::default();
        windows.add(window(0, 0x1000, false));
        windows.add(window(0x1000, 0x1000, true));
        windows.remove(window(0x1000, 0x1000, true));

        assert_eq!(windows.address(Gfn(0)), Err(EFAULT));
        assert_eq!(windows.address(Gfn(1)), Err(EFAULT));
    }

    #[test]
    fn address_when_number_of_page_is_too_large_then_there_is_none() {
        let windows = Windows::default();
        windows.add(window(0, 0x1000, true));

        assert_eq!(windows.address(Gfn(1 << (64 - PAGE_SHIFT))), Err(EFAULT));
        assert_eq!(windows.address(Gfn(u64::MAX)), Err(EFAULT));
    }
}
