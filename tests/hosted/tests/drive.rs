// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vGPU through both modules, which share nothing but the machine's memory and the contract.

use hosted::loader::{path_of, Bus, Error, Loaded};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Engines that the guest has work for.
const ENGINES: u64 = 4;
const EIO: i64 = -5;
const EBUSY: i64 = -16;
const ENODEV: i64 = -19;
const EINVAL: i64 = -22;
const ENOSPC: i64 = -28;

/// Modules are loaded once a process, so tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// i915 on a machine with that GPU, and kvmgt, which is bound to it.
fn bound<'a>(bus: &'a Bus, gpu: &str) -> (Loaded<'a>, Loaded<'a>) {
    let host = Loaded::load(bus, &path_of("hosted-host-so").unwrap()).unwrap();
    host.control(&format!("power-on {gpu}")).unwrap();
    host.control("bind 0").unwrap();
    let client = Loaded::load(bus, &path_of("hosted-kvmgt-so").unwrap()).unwrap();
    assert_eq!(bus.devices(), [(0, true)]);
    bus.take_log();
    (host, client)
}

/// The errno that a command fails with.
#[track_caller]
fn errno(module: &Loaded<'_>, command: &str) -> i64 {
    match module.control(command) {
        Err(Error::Control(_, errno)) => errno,
        other => panic!("`{command}` did not fail: {other:?}"),
    }
}

/// The guest of a vGPU works, and finds what it expects.
#[track_caller]
fn work(bus: &Bus, host: &Loaded<'_>, client: &Loaded<'_>, number: u64) {
    let submitted = client.control(&format!("submit {number}"));
    assert_eq!(submitted.unwrap(), ENGINES);
    host.control("run").unwrap();
    let checked = client.control(&format!("check {number}"));
    assert_eq!(checked.ok(), Some(ENGINES), "{:#?}", bus.take_log());
}

#[test]
fn vgpu_on_any_platform_when_driven_then_all_engines_work() {
    let _turn = turn();
    for gpu in ["bdw", "skl", "kbl", "bxt", "cfl", "cml"] {
        let bus = Bus::new();
        let (host, client) = bound(&bus, gpu);

        let number = client.control("create").unwrap();
        work(&bus, &host, &client, number);

        assert_eq!((client.unload(), host.unload()), (0, 0), "{gpu}");
    }
}

#[test]
fn vgpu_when_removed_then_nothing_is_left_and_there_can_be_another() {
    let _turn = turn();
    let bus = Bus::new();
    let (host, client) = bound(&bus, "kbl,seed=3");
    let at_rest = client.live_objects();
    let mut hosts = Vec::new();
    for _ in 0..2 {
        let number = client.control("create V5_8").unwrap();
        assert_eq!(number, 1);
        for _ in 0..3 {
            work(&bus, &host, &client, number);
        }

        client.control("remove").unwrap();

        assert_eq!(client.live_objects(), at_rest);
        hosts.push(host.live_objects());
    }
    assert_eq!(hosts[0], hosts[1], "the host half keeps something");
    assert_eq!(bus.take_log(), []);
    assert_eq!((client.unload(), host.unload()), (0, 0));
}

#[test]
fn gpu_with_a_vgpu_when_unbound_then_the_vgpu_goes_first() {
    let _turn = turn();
    let bus = Bus::new();
    let (host, client) = bound(&bus, "kbl,seed=3");
    for is_busy in [false, true, true] {
        let number = client.control("create").unwrap();
        work(&bus, &host, &client, number);
        if is_busy {
            client.control("submit").unwrap();
        }

        host.control("unbind").unwrap();

        assert_eq!((bus.devices().len(), client.live_objects()), (0, 0));
        assert_eq!(errno(&client, "check"), ENODEV);
        host.control("bind 0").unwrap();
        assert_eq!(errno(&client, "check"), ENODEV, "there is no vGPU");
    }
    let number = client.control("create").unwrap();
    work(&bus, &host, &client, number);
    assert_eq!(client.unload(), 0, "with a vGPU");
    assert_eq!(host.unload(), 0);
}

#[test]
fn vgpus_when_there_is_room_for_no_more_then_creating_fails_and_all_work() {
    let _turn = turn();
    let bus = Bus::new();
    let (host, client) = bound(&bus, "kbl,aperture=512M");
    assert_eq!(client.control("create GVTg_V5_4").unwrap(), 1);
    assert_eq!(client.control("create V5_8").unwrap(), 2);
    assert_eq!(client.control("create V5_4").unwrap(), 3);

    assert_eq!(errno(&client, "create V5_4"), ENOSPC);

    assert_eq!(errno(&client, "create V5_3"), EINVAL);
    assert_eq!(errno(&client, "submit"), EINVAL, "which one?");
    for number in [1, 2, 3] {
        client.control(&format!("submit {number}")).unwrap();
    }
    host.control("run").unwrap();
    for number in [1, 2, 3] {
        assert_eq!(client.control(&format!("check {number}")).unwrap(), ENGINES);
    }
    assert_eq!((client.unload(), host.unload()), (0, 0));
}

#[test]
fn vgpu_when_nothing_has_run_then_check_and_remove_fail_until_it_has() {
    let _turn = turn();
    let bus = Bus::new();
    let (host, client) = bound(&bus, "kbl");
    client.control("create").unwrap();
    assert_eq!(errno(&client, "check"), EINVAL, "nothing was submitted");
    client.control("submit").unwrap();

    assert_eq!(errno(&client, "check"), EIO);
    assert_eq!(errno(&client, "submit"), EBUSY);
    assert_eq!(errno(&client, "remove"), EBUSY);

    assert!(!bus.take_log().is_empty(), "it is said what is wrong");
    host.control("run").unwrap();
    assert_eq!(client.control("check").unwrap(), ENGINES);
    client.control("remove").unwrap();
    assert_eq!(bus.take_log(), []);
    assert_eq!((client.unload(), host.unload()), (0, 0));
}
