// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a VM's kernel says that it should not: messages at error and warning level.
//!
//! A script that has [`SCRIPT`] in front calls `messages`, which prints all that the kernel has said
//! since its log was cleared. [`check`] accepts what is known, and nothing else.

use anyhow::{ensure, Result};

use super::context::Shell;
use crate::kernel::Version;

/// Defines `messages` in a script, which may be one for busybox.
pub const SCRIPT: &str = r"
messages() {
	dmesg -r | sed -n 's/^<[0-3]>/error=/p; s/^<4>/warning=/p'
}
";

/// A message at warning level that a kernel may print, and its cause.
pub struct Known {
    /// What the line contains.
    text: &'static str,
    /// Why it is there although nothing is wrong; for readers only.
    #[expect(
        dead_code,
        reason = "stands beside the text so that none is without a cause"
    )]
    cause: &'static str,
}

/// All messages at warning level that are accepted of a stock kernel, wherever its i915 finds its
/// GPU: five at the most. None is at error level.
pub const STOCK: &[Known] = &[
    Known {
        text: "Direct firmware load for i915/kbl_dmc",
        cause:
            "the root has no firmware; without this one i915 only gives up runtime power management",
    },
    Known {
        text: "Setting dangerous option dmc_firmware_path",
        cause: "we set it for 6.1: see `quiet`",
    },
    Known {
        text: "hrtimer: interrupt took",
        cause: "the VM is emulated, and what it runs on was busy",
    },
    Known {
        text: "clocksource: Long readout interval",
        cause: "as above",
    },
];
/// How many kinds of messages may be known.
const STOCK_MAX: usize = 5;
const _: () = assert!(STOCK.len() <= STOCK_MAX);

/// Tells i915 of 6.1 not to ask for firmware: the firmware loader that Debian has there reports a
/// missing file at error level, and the file is not part of Debian's main archive.
const NO_FIRMWARE: &str = "i915.dmc_firmware_path=";

/// What a stock kernel is booted with so that it says nothing at error level for want of firmware.
pub fn quiet(version: Version) -> &'static str {
    if version < (Version { major: 6, minor: 2 }) {
        NO_FIRMWARE
    } else {
        ""
    }
}

/// Nothing at error level, and at warning level only what is known.
///
/// # Errors
///
/// Shows all other lines.
pub fn check(shell: &Shell, known: &[Known]) -> Result<()> {
    let stdout = shell.stdout();
    let unexpected: Vec<&str> = stdout
        .lines()
        .filter(|line| is_unexpected(line, known))
        .collect();
    ensure!(
        unexpected.is_empty(),
        "the kernel says what it should not:\n{}",
        unexpected.join("\n")
    );
    Ok(())
}

fn is_unexpected(line: &str, known: &[Known]) -> bool {
    match line.split_once('=') {
        Some(("error", _)) => true,
        Some(("warning", text)) => !known.iter().any(|known| text.contains(known.text)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_unexpected_when_warning_is_not_known_then_yes() {
        for (line, wanted) in [
            ("warning=[    1.0] WARNING: something new", true),
            (
                "error=Direct firmware load for i915/kbl_dmc_ver1_04.bin failed with error -2",
                true,
            ),
            ("rcs: stored a value: ok", false),
            (
                "warning=i915 0000:00:02.0: Direct firmware load for i915/kbl_dmc_ver1_04.bin failed with error -2",
                false,
            ),
        ] {
            assert_eq!(is_unexpected(line, STOCK), wanted, "{line}");
        }
    }

    #[test]
    fn quiet_when_kernel_is_old_then_no_firmware() {
        assert_eq!(quiet(Version { major: 6, minor: 1 }), NO_FIRMWARE);
        assert_eq!(quiet(Version { major: 7, minor: 3 }), "");
    }
}
