// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What most files start with: `use kernel::prelude::*;`.

pub use core::mem::{align_of, align_of_val, size_of, size_of_val};

pub use crate::ffi::{c_char, c_int, c_uint, c_void, CStr};

pub use crate::alloc::{flags::*, Box, KBox, KVBox, KVVec, KVec, Vec};
pub use crate::error::{code::*, Error, Result};
pub use crate::{pr_debug, pr_err, pr_info, pr_notice, pr_warn};
