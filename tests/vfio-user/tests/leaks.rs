// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Descriptors and mappings of a process that serves many bad clients. Alone in its process, so
//! that nothing else opens or maps.

use vfio_user_server::fuzz::fuzz_session;
use vfio_user_server::fuzz::generate::{session, Random};

/// Open descriptors, and mapped memory areas of memfds.
fn held() -> (usize, usize) {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().count();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    (
        descriptors,
        maps.lines().filter(|line| line.contains("memfd:")).count(),
    )
}

#[test]
fn sessions_when_many_have_ended_then_nothing_is_held() {
    // The first few open what all share.
    for seed in 0..20 {
        fuzz_session(&session(&mut Random::new(seed), 60));
    }
    let before = held();

    for seed in 0..500 {
        fuzz_session(&session(&mut Random::new(seed), 60));
    }

    assert_eq!(held(), before);
}
