// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the core asks of the host half: a trait, so that tests can stand in for it.

use iface::client;
use iface::types::Info;
use kernel::prelude::*;

/// A GPU as its host half shows it to a client.
pub trait Host {
    /// Describes the GPU; what it says does not change.
    ///
    /// # Errors
    ///
    /// What the host half returned.
    fn info(&self) -> Result<Info>;

    /// The golden snapshot in the format of [`iface::snapshot`], unchecked.
    ///
    /// # Errors
    ///
    /// `EIO` if none could be taken.
    fn snapshot(&self) -> Result<&[u8]>;
}

impl Host for client::Host<'_> {
    fn info(&self) -> Result<Info> {
        client::Host::info(self).map_err(error)
    }

    fn snapshot(&self) -> Result<&[u8]> {
        match client::Host::snapshot(self) {
            Ok(golden) => Ok(golden.bytes()),
            Err(errno) => Err(error(errno)),
        }
    }
}

/// An error of the contract as one of the kernel's; both have the same numbers.
fn error(errno: client::Errno) -> Error {
    Error::from_errno(errno.number().saturating_neg())
}
