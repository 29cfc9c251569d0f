// SPDX-License-Identifier: GPL-2.0 OR MIT
//! All tests, in the order in which they run.

use super::{cargo, scenario, Half, Test, CI};

/// Every test that there is.
pub const ALL: &[Test] = &[
    hosted("rustfmt", cargo::rustfmt),
    hosted("clippy", cargo::clippy),
    hosted("rustdoc", cargo::rustdoc),
    hosted("cargo-test", cargo::tests),
    hosted("abi-check", cargo::abi_check),
    kernel(CI, "standin-check", cargo::standin_check),
    kernel(CI, "kernel-build", scenario::boot::builds),
    kernel(CI, "vm-contract", scenario::boot::contract),
    kernel(CI, "host-boots", scenario::boot::host),
    kernel(CI, "guest-6.12-native", scenario::boot::guest_6_12),
    kernel(
        "stock-kernels",
        "guest-6.1-native",
        scenario::boot::guest_6_1,
    ),
    kernel(
        "stock-kernels",
        "guest-7.3-native",
        scenario::boot::guest_7_3,
    ),
    kernel("debug-kernel", "debug-kernel-boots", scenario::boot::debug),
    kernel("kernel-7.3", "host-7.3-boots", scenario::boot::host_7_3),
];

/// The names of the parts of `--full`, in the order in which they run.
pub fn parts() -> Vec<&'static str> {
    let mut parts: Vec<&str> = ALL.iter().map(|test| test.part).collect();
    parts.dedup();
    parts
}

const fn hosted(
    name: &'static str,
    run: fn(&super::Context) -> anyhow::Result<super::Count>,
) -> Test {
    Test {
        name,
        half: Half::Hosted,
        part: CI,
        run,
    }
}

const fn kernel(
    part: &'static str,
    name: &'static str,
    run: fn(&super::Context) -> anyhow::Result<super::Count>,
) -> Test {
    Test {
        name,
        half: Half::Kernel,
        part,
        run,
    }
}
