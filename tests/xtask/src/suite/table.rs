// SPDX-License-Identifier: GPL-2.0 OR MIT
//! All tests, in the order in which they run.

use super::{cargo, dwarf, scenario, Half, Test, CI};
use crate::kernel::{Flavour, Version};
use crate::prepare::GUEST_KERNEL;

/// Every test that there is.
pub const ALL: &[Test] = &[
    hosted("rustfmt", cargo::rustfmt),
    hosted("clippy", cargo::clippy),
    hosted("rustdoc", cargo::rustdoc),
    hosted("cargo-test", cargo::tests),
    hosted("isolation-mutants", cargo::mutants),
    hosted("abi-check", cargo::abi_check),
    kernel(CI, "standin-check", cargo::standin_check),
    kernel(CI, "kernel-build", scenario::boot::builds),
    kernel(CI, "dwarf", dwarf::modules),
    kernel(CI, "vfio-user-qemu", cargo::vfio_user_qemu),
    kernel(CI, "vm-contract", scenario::boot::contract),
    kernel(CI, "host-boots", scenario::boot::host),
    kernel(CI, "golden-at-any-time", |c| {
        scenario::anytime::same_golden_state(c, Flavour::Plain)
    }),
    kernel(CI, "any-order", |c| {
        scenario::order::any_order(c, Flavour::Plain)
    }),
    kernel(CI, "refusals", |c| {
        scenario::refusals::one_line_each(c, Flavour::Plain)
    }),
    kernel(CI, "contract-kept", |c| {
        scenario::contract::kept(c, Flavour::Plain)
    }),
    kernel(CI, "abi-reader", |c| {
        scenario::reader::reads(c, Flavour::Plain)
    }),
    kernel(CI, "abi-skew", scenario::skew::some),
    kernel(CI, "power-and-status", |c| {
        scenario::power::states(c, Flavour::Plain)
    }),
    kernel(CI, "override-file", |c| {
        scenario::override_file::checked(c, Flavour::Plain)
    }),
    kernel(CI, "mdev", |c| {
        scenario::mdev::as_users_know_it(c, Flavour::Plain, 100)
    }),
    kernel(CI, "mdev-512M", |c| scenario::mdev::types(c, 512)),
    kernel(CI, "mdev-1G", |c| scenario::mdev::types(c, 1024)),
    kernel(CI, "vgpu-synthetic-guest", |c| {
        scenario::synthetic::checks_hold(c, Flavour::Plain)
    }),
    kernel(CI, "vgpu-taken-away", |c| {
        scenario::taken_away::from_its_holder(c, Flavour::Plain)
    }),
    kernel(CI, "vgpu-killed", |c| {
        scenario::killed::at_any_point(c, Flavour::Plain, 10)
    }),
    kernel(CI, "vgpu-in-nested-qemu", scenario::vgpu::in_nested_qemu),
    kernel(CI, "vgpu-nested-guest", |c| {
        scenario::guest::nested(c, Flavour::Plain, GUEST_KERNEL)
    }),
    kernel(CI, "hosted-vgpu-in-qemu", scenario::vgpu::hosted),
    kernel(CI, "guest-6.12", scenario::guest::debian_6_12),
    kernel(CI, "guests-two", scenario::guest::two),
    kernel(CI, "igt-fast", scenario::igt::fast),
    kernel(CI, "golden-is-pristine", scenario::golden::pristine),
    kernel(CI, "native-6.12", scenario::native::debian_6_12),
    kernel("stock-kernels", "native-6.1", scenario::native::debian_6_1),
    kernel("stock-kernels", "native-7.3", scenario::native::debian_7_3),
    kernel("stock-guests", "guests-6.1", |c| {
        scenario::guest::every_type(c, Version { major: 6, minor: 1 })
    }),
    kernel("stock-guests", "guests-6.12", |c| {
        scenario::guest::every_type(c, GUEST_KERNEL)
    }),
    kernel("stock-guests", "guests-7.3", |c| {
        scenario::guest::every_type(c, Version { major: 7, minor: 3 })
    }),
    kernel("modes", "modes-6.1", |c| {
        scenario::guest::modes(c, Version { major: 6, minor: 1 })
    }),
    kernel("modes", "modes-6.12", |c| {
        scenario::guest::modes(c, GUEST_KERNEL)
    }),
    kernel("modes", "modes-7.3", |c| {
        scenario::guest::modes(c, Version { major: 7, minor: 3 })
    }),
    kernel("desktop", "desktop-6.12", |c| {
        scenario::desktop::hosted(c, GUEST_KERNEL)
    }),
    kernel("desktop", "desktop-nested", scenario::desktop::nested),
    kernel("many-guests", "guests-seven", scenario::guest::seven),
    kernel("many-guests", "guests-mixed", scenario::guest::mixed),
    kernel("many-guests", "synthetic-seven", |c| {
        scenario::synthetic::seven(c, 200)
    }),
    kernel("nested-guests", "nested-guest-7.3", |c| {
        scenario::guest::nested(c, Flavour::Plain, Version { major: 7, minor: 3 })
    }),
    kernel(
        "nested-guests",
        "nested-guest-suspend",
        scenario::guest::nested_suspend,
    ),
    kernel(
        "c-gvt",
        "c-gvt-accepts-our-file",
        scenario::c_gvt::accepts_our_file,
    ),
    kernel(
        "c-gvt",
        "c-gvt-own-states-differ",
        scenario::c_gvt::own_states_differ,
    ),
    kernel(
        "c-gvt",
        "c-gvt-nested-guest",
        scenario::c_gvt::nested_guest_works,
    ),
    kernel(
        "c-gvt",
        "c-gvt-same-answers",
        scenario::differential::same_answers,
    ),
    kernel(
        "beside-c",
        "beside-c-accesses",
        scenario::beside_c::accesses,
    ),
    kernel("beside-c", "beside-c-work", scenario::beside_c::work),
    kernel("skew", "skew-all", scenario::skew::all),
    kernel(
        "two-commits",
        "two-commits",
        scenario::two_commits::work_together,
    ),
    kernel("debug-kernel", "debug-kernel-boots", scenario::boot::debug),
    kernel("debug-kernel", "debug-kernel-sees", scenario::debug::sees),
    kernel("debug-kernel", "debug-golden-at-any-time", |c| {
        scenario::anytime::same_golden_state(c, Flavour::Debug)
    }),
    kernel("debug-kernel", "debug-any-order", |c| {
        scenario::order::any_order(c, Flavour::Debug)
    }),
    kernel("debug-kernel", "debug-refusals", |c| {
        scenario::refusals::one_line_each(c, Flavour::Debug)
    }),
    kernel("debug-kernel", "debug-contract-kept", |c| {
        scenario::contract::kept(c, Flavour::Debug)
    }),
    kernel("debug-kernel", "debug-abi-reader", |c| {
        scenario::reader::reads(c, Flavour::Debug)
    }),
    kernel("debug-kernel", "debug-power-and-status", |c| {
        scenario::power::states(c, Flavour::Debug)
    }),
    kernel("debug-kernel", "debug-override-file", |c| {
        scenario::override_file::checked(c, Flavour::Debug)
    }),
    kernel("debug-kernel", "debug-mdev", |c| {
        scenario::mdev::as_users_know_it(c, Flavour::Debug, 20)
    }),
    kernel("debug-kernel", "debug-vgpu-synthetic-guest", |c| {
        scenario::synthetic::checks_hold(c, Flavour::Debug)
    }),
    kernel("debug-kernel", "debug-vgpu-taken-away", |c| {
        scenario::taken_away::from_its_holder(c, Flavour::Debug)
    }),
    kernel("debug-kernel", "debug-vgpu-killed", |c| {
        scenario::killed::at_any_point(c, Flavour::Debug, 10)
    }),
    kernel("debug-kernel", "debug-vgpu-nested-guest", |c| {
        scenario::guest::nested(c, Flavour::Debug, GUEST_KERNEL)
    }),
    kernel("vgpu-cycles", "mdev-1000-cycles", |c| {
        scenario::mdev::as_users_know_it(c, Flavour::Plain, 1000)
    }),
    kernel("vgpu-cycles", "vgpu-killed-100", |c| {
        scenario::killed::at_any_point(c, Flavour::Plain, 100)
    }),
    kernel("kernel-7.3", "host-7.3-boots", scenario::boot::host_7_3),
    Test {
        name: "field-for-minutes",
        half: Half::Hosted,
        part: "field",
        run: cargo::field,
    },
    Test {
        name: "fuzz-vfio-user",
        half: Half::Hosted,
        part: "fuzz",
        run: cargo::fuzz,
    },
    Test {
        name: "fuzz-vgpu",
        half: Half::Hosted,
        part: "fuzz",
        run: cargo::fuzz_vgpu,
    },
    Test {
        name: "fuzz-guests",
        half: Half::Hosted,
        part: "fuzz",
        run: cargo::fuzz_guests,
    },
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
