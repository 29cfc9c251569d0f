// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Printing to the kernel log, which here is what [`testing`] makes of it.

use crate::{fmt, testing};

/// Hands a formatted message to the log; only for the macros of this file.
///
/// The kernel's function of this purpose is called otherwise, and is hidden too.
#[doc(hidden)]
pub fn __emit(level: testing::Level, prefix: &[u8], args: fmt::Arguments<'_>) {
    let prefix = core::ffi::CStr::from_bytes_with_nul(prefix)
        .ok()
        .and_then(|prefix| prefix.to_str().ok())
        .expect("__LOG_PREFIX is UTF-8 and ends with its only NUL");
    testing::log(level, &format!("{prefix}: {args}"));
}

/// One message; as in the kernel, the crate that prints has to have a `__LOG_PREFIX`.
#[doc(hidden)]
#[macro_export]
#[expect(
    clippy::crate_in_macro_def,
    reason = "the prefix is that of the crate that prints"
)]
macro_rules! __print {
    ($level:ident, $($arg:tt)+) => {
        $crate::print::__emit(
            $crate::testing::Level::$level,
            crate::__LOG_PREFIX,
            ::core::format_args!($($arg)+),
        )
    };
}

/// Prints an error.
#[macro_export]
macro_rules! pr_err {
    ($($arg:tt)*) => { $crate::__print!(Err, $($arg)*) };
}

/// Prints a warning.
#[macro_export]
macro_rules! pr_warn {
    ($($arg:tt)*) => { $crate::__print!(Warn, $($arg)*) };
}

/// Prints a normal, but significant message.
#[macro_export]
macro_rules! pr_notice {
    ($($arg:tt)*) => { $crate::__print!(Notice, $($arg)*) };
}

/// Prints an informational message.
#[macro_export]
macro_rules! pr_info {
    ($($arg:tt)*) => { $crate::__print!(Info, $($arg)*) };
}

/// Prints a debug message, in builds with debug assertions only.
#[macro_export]
macro_rules! pr_debug {
    ($($arg:tt)*) => {
        if cfg!(debug_assertions) {
            $crate::__print!(Debug, $($arg)*)
        }
    };
}
