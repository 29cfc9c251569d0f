// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Error numbers of the contract, as Linux has them.
//!
//! Operations return 0, or one of these negated.

use core::ffi::c_int;

/// A register or range may not be written.
pub const EPERM: c_int = 1;
/// What is to be ended is not executed, or not any more.
pub const ESRCH: c_int = 3;
/// A signal came to the calling thread while it waited; nothing has changed.
pub const EINTR: c_int = 4;
/// The hardware did not do what was asked.
pub const EIO: c_int = 5;
/// Too many entries in one call.
pub const E2BIG: c_int = 7;
/// A handle that is not, or no longer, one of this client's.
pub const EBADF: c_int = 9;
/// The device sleeps; take a wakeref first.
pub const EAGAIN: c_int = 11;
/// Out of memory.
pub const ENOMEM: c_int = 12;
/// A pointer is null or not aligned.
pub const EFAULT: c_int = 14;
/// There is a client already, or something still uses what is to go.
pub const EBUSY: c_int = 16;
/// The device is not open.
pub const ENODEV: c_int = 19;
/// An argument has no meaning.
pub const EINVAL: c_int = 22;
/// No room of the size and kind that was asked for.
pub const ENOSPC: c_int = 28;
/// An index or address is outside of what the handle stands for.
pub const ERANGE: c_int = 34;
/// What is asked for is not there, and will not be.
pub const ENODATA: c_int = 61;
/// The other side is older, and has no such operation.
pub const EOPNOTSUPP: c_int = 95;
/// A poll ran out of time.
pub const ETIMEDOUT: c_int = 110;
