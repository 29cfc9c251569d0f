// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Errors are errno values.

use crate::alloc::AllocError;
use crate::ffi::c_int;
use crate::fmt;
use crate::prelude::CStr;
use core::alloc::LayoutError;
use core::num::{NonZeroI32, TryFromIntError};
use core::str::Utf8Error;

/// The largest errno (`include/linux/err.h`).
const MAX_ERRNO: c_int = 4095;

/// The codes the kernel crate declares, and no others.
///
/// C knows more (`EPROTO`, `EOPNOTSUPP`, …); code that names one of those would not compile under
/// Kbuild, so it must not compile here.
pub mod code {
    use super::{CStr, NonZeroI32};

    macro_rules! declare_codes {
        ($($name:ident = $number:literal,)*) => {
            $(
                #[doc = concat!("The errno `", stringify!($name), "`.")]
                pub const $name: super::Error = super::Error(NonZeroI32::new(-$number).unwrap());
            )*

            /// The name of errno `number`.
            pub(super) fn name(number: i32) -> Option<&'static CStr> {
                match number {
                    $($number => CStr::from_bytes_with_nul(
                        concat!(stringify!($name), "\0").as_bytes()).ok(),)*
                    _ => None,
                }
            }
        };
    }

    declare_codes! {
        EPERM = 1,
        ENOENT = 2,
        ESRCH = 3,
        EINTR = 4,
        EIO = 5,
        ENXIO = 6,
        E2BIG = 7,
        ENOEXEC = 8,
        EBADF = 9,
        ECHILD = 10,
        EAGAIN = 11,
        ENOMEM = 12,
        EACCES = 13,
        EFAULT = 14,
        ENOTBLK = 15,
        EBUSY = 16,
        EEXIST = 17,
        EXDEV = 18,
        ENODEV = 19,
        ENOTDIR = 20,
        EISDIR = 21,
        EINVAL = 22,
        ENFILE = 23,
        EMFILE = 24,
        ENOTTY = 25,
        ETXTBSY = 26,
        EFBIG = 27,
        ENOSPC = 28,
        ESPIPE = 29,
        EROFS = 30,
        EMLINK = 31,
        EPIPE = 32,
        EDOM = 33,
        ERANGE = 34,
        EOVERFLOW = 75,
        EMSGSIZE = 90,
        ETIMEDOUT = 110,
        ERESTARTSYS = 512,
        EPROBE_DEFER = 517,
        ENOTSUPP = 524,
    }
}

/// An errno, negative as C returns it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(NonZeroI32);

/// A result whose error is an errno.
pub type Result<T = (), E = Error> = core::result::Result<T, E>;

impl Error {
    /// The error of a negative errno; anything that is none becomes `EINVAL`.
    pub fn from_errno(errno: c_int) -> Error {
        match NonZeroI32::new(errno) {
            Some(number) if (-MAX_ERRNO..0).contains(&errno) => Error(number),
            _ => {
                crate::pr_warn!("attempted to create `Error` with out of range `errno`: {errno}\n");
                code::EINVAL
            }
        }
    }

    /// The negative errno.
    pub fn to_errno(self) -> c_int {
        self.0.get()
    }

    /// The C name, if there is one.
    pub fn name(&self) -> Option<&'static CStr> {
        code::name(-self.0.get())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name().and_then(|name| name.to_str().ok()) {
            Some(name) => f.write_str(name),
            None => f.debug_tuple("Error").field(&-self.0).finish(),
        }
    }
}

impl From<AllocError> for Error {
    fn from(_: AllocError) -> Error {
        code::ENOMEM
    }
}

impl From<TryFromIntError> for Error {
    fn from(_: TryFromIntError) -> Error {
        code::EINVAL
    }
}

impl From<Utf8Error> for Error {
    fn from(_: Utf8Error) -> Error {
        code::EINVAL
    }
}

impl From<LayoutError> for Error {
    fn from(_: LayoutError) -> Error {
        code::ENOMEM
    }
}

impl From<fmt::Error> for Error {
    fn from(_: fmt::Error) -> Error {
        code::EINVAL
    }
}

impl From<core::convert::Infallible> for Error {
    fn from(never: core::convert::Infallible) -> Error {
        match never {}
    }
}

#[cfg(test)]
mod tests {
    use super::code::*;
    use super::*;

    #[test]
    fn from_errno_when_in_range_keeps_the_number() {
        assert_eq!(Error::from_errno(-22), EINVAL);
        assert_eq!(Error::from_errno(-4095).to_errno(), -4095);
    }

    #[test]
    fn from_errno_when_out_of_range_is_einval() {
        for errno in [0, 1, -4096, i32::MIN, i32::MAX] {
            assert_eq!(Error::from_errno(errno), EINVAL);
        }
    }

    #[test]
    fn debug_prints_the_name_or_the_number() {
        assert_eq!(format!("{ETIMEDOUT:?}"), "ETIMEDOUT");
        assert_eq!(format!("{:?}", Error::from_errno(-4000)), "Error(4000)");
    }
}
