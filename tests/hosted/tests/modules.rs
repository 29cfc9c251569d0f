// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The two halves as modules: any order, any number of times.

use hosted::loader::{path_of, Bus, Loaded, LogLine};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Modules are loaded once a process, so tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// i915, loaded on a machine of its own.
fn i915(bus: &Bus) -> Loaded<'_> {
    let host = Loaded::load(bus, &path_of("hosted-host-so").unwrap()).unwrap();
    host.control("power-on kbl,seed=3").unwrap();
    host
}

fn kvmgt(bus: &Bus) -> Loaded<'_> {
    Loaded::load(bus, &path_of("hosted-kvmgt-so").unwrap()).unwrap()
}

/// Asserts that all that was printed is that kvmgt attached, so often.
#[track_caller]
fn assert_attached(log: &[LogLine], times: usize) {
    assert_eq!(log.len(), times, "{log:#?}");
    for line in log {
        assert!(
            line.text
                .starts_with("kvmgt i915.gvt.0: attached to kbl 8086:5916"),
            "{line:?}"
        );
        assert!(line.text.contains("interface 1.0"));
        assert_eq!(line.level, 6);
    }
}

#[test]
fn kvmgt_after_i915_is_bound_when_it_is_loaded() {
    let _turn = turn();
    let bus = Bus::new();
    let host = i915(&bus);
    host.control("bind 0").unwrap();
    assert_eq!(bus.devices(), [(0, false)]);

    let client = kvmgt(&bus);

    assert_eq!(bus.devices(), [(0, true)]);
    assert_attached(&bus.take_log(), 1);
    assert_eq!(client.unload(), 0);
    assert_eq!(bus.devices(), [(0, false)]);
    assert_eq!(host.unload(), 0);
}

#[test]
fn kvmgt_before_i915_is_bound_when_the_gpu_appears() {
    let _turn = turn();
    let bus = Bus::new();
    let client = kvmgt(&bus);
    let host = i915(&bus);
    assert_eq!(bus.devices(), []);

    host.control("bind 0").unwrap();

    assert_eq!(bus.devices(), [(0, true)]);
    assert_attached(&bus.take_log(), 1);
    assert_eq!(host.unload(), 0, "i915 goes first");
    assert_eq!(bus.devices(), []);
    assert_eq!(client.live_objects(), 0);
    assert_eq!(client.unload(), 0);
}

#[test]
fn i915_unbound_and_bound_again_with_kvmgt_loaded_is_found_again() {
    let _turn = turn();
    let bus = Bus::new();
    let (host, client) = (i915(&bus), kvmgt(&bus));
    host.control("bind 0").unwrap();
    let first = bus.firmware(0).unwrap().unwrap();
    for _ in 0..5 {
        host.control("unbind").unwrap();
        assert_eq!((bus.devices().len(), client.live_objects()), (0, 0));
        host.control("bind 0").unwrap();
        assert!(bus.firmware(0).unwrap().unwrap() == first);
        assert_eq!(host.control("first-bind").unwrap(), 0);
    }
    assert_attached(&bus.take_log(), 6);
    assert_eq!((client.unload(), host.unload()), (0, 0));
}

#[test]
fn device_unbound_and_bound_by_hand_attaches_again() {
    let _turn = turn();
    let bus = Bus::new();
    let (host, client) = (i915(&bus), kvmgt(&bus));
    host.control("bind 0").unwrap();
    for _ in 0..5 {
        assert!(bus.unbind(0));
        assert!(!bus.unbind(0));
        host.control("sleep").unwrap();
        assert_eq!(bus.bind(0), Some(0));
        assert_eq!(bus.bind(0), None, "it has its driver");
    }
    assert_eq!((host.unload(), client.unload()), (0, 0));
}

#[test]
fn hundred_cycles_of_each_half_leave_nothing_behind() {
    let _turn = turn();
    let bus = Bus::new();
    let host = i915(&bus);
    host.control("bind 0").unwrap();
    let at_rest = host.live_objects();
    for _ in 0..100 {
        let client = kvmgt(&bus);
        assert_eq!(client.unload(), 0);
        assert_eq!(host.live_objects(), at_rest);
    }
    assert_eq!(host.unload(), 0);
    let client = kvmgt(&bus);
    for _ in 0..100 {
        let host = i915(&bus);
        host.control("bind 0").unwrap();
        assert_eq!(host.unload(), 0);
        assert_eq!(client.live_objects(), 0);
    }
    assert_eq!(client.unload(), 0);
    assert_attached(&bus.take_log(), 200);
    assert_eq!(bus.devices(), []);
}

#[test]
fn modules_that_are_unloaded_are_gone_from_the_process() {
    let _turn = turn();
    // In a thread of its own: thread-local values pin a library until their thread has ended. The
    // C library unmaps it when the next one is closed.
    let ended = std::thread::spawn(|| {
        let bus = Bus::new();
        let (host, client) = (i915(&bus), kvmgt(&bus));
        host.control("bind 0").unwrap();
        (client.unload(), host.unload())
    });
    assert_eq!(ended.join().unwrap(), (0, 0));
    let bus = Bus::new();
    Loaded::load(&bus, &path_of("hosted-broken-so").unwrap())
        .unwrap()
        .unload();

    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(!maps.contains("hosted_kvmgt_so"), "kvmgt is still mapped");
    assert!(!maps.contains("hosted_host_so"), "i915 is still mapped");
}

#[test]
fn second_client_is_refused_and_attaches_when_the_first_has_gone() {
    let _turn = turn();
    let bus = Bus::new();
    let host = i915(&bus);
    host.control("bind 0").unwrap();
    host.control("occupy").unwrap();

    let client = kvmgt(&bus);

    assert_eq!(bus.devices(), [(0, false)]);
    let log = bus.take_log();
    assert_eq!((log.len(), log[0].level), (1, 3));
    let line = &log[0].text;
    assert!(
        line.contains("i915 offers interface 1.0, this kvmgt needs 1.0"),
        "{line}"
    );
    assert!(
        line.contains("a client already; unload that one first"),
        "{line}"
    );
    assert_eq!(client.live_objects(), 0);
    host.control("vacate").unwrap();
    assert_eq!(bus.bind(0), Some(0));
    assert_attached(&bus.take_log(), 1);
    assert_eq!((client.unload(), host.unload()), (0, 0));
}

#[test]
fn right_table_beside_and_after_a_broken_one_attaches() {
    let _turn = turn();
    let bus = Bus::new();
    let client = kvmgt(&bus);
    let fixture = Loaded::load(&bus, &path_of("hosted-broken-so").unwrap()).unwrap();
    fixture.control("offer other-layout").unwrap();
    let host = i915(&bus);

    host.control("bind 0").unwrap();

    assert_eq!(bus.devices(), [(0, true), (9, false)]);
    assert_eq!(fixture.unload(), 0);
    let log = bus.take_log();
    assert_attached(&log[1..], 1);
    assert_eq!((host.unload(), client.unload()), (0, 0));
}
