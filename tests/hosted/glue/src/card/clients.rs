// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The client of a card, and waiting until nobody calls it any more: what SRCU is to the kernel.

use gvt_host::table::Client;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The client, and how many calls of it are running.
#[derive(Default)]
struct State {
    client: Option<Client>,
    running: usize,
}

/// A place for a client.
#[derive(Default)]
pub(super) struct Clients {
    state: Mutex<State>,
    idle: Condvar,
}

impl Clients {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the client; without one, returns when nothing runs in [`Clients::with`] any more.
    pub(super) fn set(&self, client: Option<Client>) {
        let mut state = self.state();
        state.client = client;
        while state.client.is_none() && state.running > 0 {
            state = self
                .idle
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Runs `f` with the client, if there is one; no lock is held meanwhile.
    pub(super) fn with(&self, f: impl FnOnce(&Client)) {
        let client = {
            let mut state = self.state();
            let Some(client) = state.client else { return };
            state.running += 1;
            client
        };
        f(&client);
        self.state().running -= 1;
        self.idle.notify_all();
    }

    /// Whether there is a client.
    pub(super) fn any(&self) -> bool {
        self.state().client.is_some()
    }
}
