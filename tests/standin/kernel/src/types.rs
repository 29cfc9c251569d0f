// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Types of general use.

use core::ops::{Deref, DerefMut};

/// Runs a function on its data when it goes out of scope, unless it was dismissed.
pub struct ScopeGuard<T, F: FnOnce(T)>(Option<(T, F)>);

impl<T, F: FnOnce(T)> ScopeGuard<T, F> {
    /// Guards `data` with `cleanup_func`.
    pub fn new_with_data(data: T, cleanup_func: F) -> Self {
        Self(Some((data, cleanup_func)))
    }

    /// Gives the data back; the function will not run.
    pub fn dismiss(mut self) -> T {
        match self.0.take() {
            Some((data, _)) => data,
            None => unreachable!("only this function and drop take the data, and each runs last"),
        }
    }
}

impl ScopeGuard<(), fn(())> {
    /// Runs `cleanup` when the guard goes out of scope.
    pub fn new(cleanup: impl FnOnce()) -> ScopeGuard<(), impl FnOnce(())> {
        ScopeGuard::new_with_data((), move |()| cleanup())
    }
}

impl<T, F: FnOnce(T)> Deref for ScopeGuard<T, F> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.0 {
            Some((data, _)) => data,
            None => unreachable!("the data is there until drop"),
        }
    }
}

impl<T, F: FnOnce(T)> DerefMut for ScopeGuard<T, F> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.0 {
            Some((data, _)) => data,
            None => unreachable!("the data is there until drop"),
        }
    }
}

impl<T, F: FnOnce(T)> Drop for ScopeGuard<T, F> {
    fn drop(&mut self) {
        if let Some((data, cleanup)) = self.0.take() {
            cleanup(data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn scope_guard_runs_once_when_it_goes_out_of_scope() {
        let runs = Cell::new(0);
        {
            let _guard = ScopeGuard::new(|| runs.set(runs.get() + 1));
            assert_eq!(runs.get(), 0);
        }
        assert_eq!(runs.get(), 1);
    }

    #[test]
    fn scope_guard_does_not_run_when_dismissed() {
        let runs = Cell::new(0);
        let guard = ScopeGuard::new_with_data(7, |_| runs.set(runs.get() + 1));
        assert_eq!(guard.dismiss(), 7);
        assert_eq!(runs.get(), 0);
    }
}
