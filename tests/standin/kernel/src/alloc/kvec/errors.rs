// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What can go wrong with a vector, beside allocation.

use crate::error::{code::EINVAL, Error};
use crate::fmt;

/// The vector was full; gives the element back.
pub struct PushError<T>(pub T);

impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Not enough capacity")
    }
}

impl<T> From<PushError<T>> for Error {
    fn from(_: PushError<T>) -> Error {
        // As in the kernel: the caller was wrong about the capacity.
        EINVAL
    }
}

/// There is no element of that index.
pub struct RemoveError;

impl fmt::Debug for RemoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Index out of bounds")
    }
}

impl From<RemoveError> for Error {
    fn from(_: RemoveError) -> Error {
        EINVAL
    }
}
