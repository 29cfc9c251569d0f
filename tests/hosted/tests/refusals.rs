// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Tables with one thing wrong, published by a module of its own: kvmgt refuses each with one clear
//! line, calls nothing in it, keeps nothing, and attaches to the right one afterwards.

use hosted::loader::{path_of, Bus, Loaded};
use iface::host::HostTable;
use std::sync::{Mutex, PoisonError};

/// The errno that tells the driver core to say nothing more.
const ENODEV: i32 = -19;
/// The level of an error.
const ERROR: u8 = 3;
/// The device of the fixture.
const BROKEN: u32 = 9;

/// Modules are loaded once a process, so tests take turns.
static TURN: Mutex<()> = Mutex::new(());

/// Offers a case to a kvmgt that is loaded, and gives the line that it prints.
#[track_caller]
fn refusal(case: &str) -> String {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let bus = Bus::new();
    let kvmgt = Loaded::load(&bus, &path_of("hosted-kvmgt-so").unwrap()).unwrap();
    let fixture = Loaded::load(&bus, &path_of("hosted-broken-so").unwrap()).unwrap();

    fixture.control(&format!("offer {case}")).unwrap();

    assert_eq!(bus.devices(), [(BROKEN, false)]);
    let log = bus.take_log();
    assert_eq!(log.len(), 1, "not one line: {log:#?}");
    assert_eq!(log[0].level, ERROR);
    assert_eq!(
        fixture.control("calls").unwrap(),
        0,
        "it called into the table"
    );
    assert_eq!(kvmgt.live_objects(), 0);
    assert_eq!(
        bus.bind(BROKEN),
        Some(ENODEV),
        "binding by hand ends otherwise"
    );
    assert_eq!(bus.take_log(), log);
    assert_eq!(fixture.unload(), 0);
    assert_eq!(bus.devices(), []);
    assert_eq!(kvmgt.unload(), 0);
    let line = log[0].text.clone();
    assert!(!line.contains('\n'));
    line.strip_prefix("kvmgt i915.gvt.9: ")
        .expect("the device is named")
        .to_owned()
}

/// Asserts that a case is refused by a line that says what both sides are and what is wrong, and
/// ends with what to load instead.
#[track_caller]
fn assert_refused(case: &str, versions: &str, wrong: &str, load: &str) {
    let line = refusal(case);
    println!("{case:20} {line}");
    assert!(line.starts_with(versions), "{line}");
    assert!(line.contains(wrong), "{line}");
    assert!(line.contains(load), "{line}");
}

/// How a line begins if the host's version could be read.
const SAME: &str = "i915 offers interface 1.0, this kvmgt needs 1.0: ";
/// How it begins if there is no table.
const NONE: &str = "i915 offers no interface, this kvmgt needs 1.0: ";
/// What to do about halves of different builds.
const REBUILD: &str = "load the i915 and the kvmgt of one build";

#[test]
fn table_that_is_not_there_is_refused() {
    assert_refused("no-table", NONE, "there is no table", REBUILD);
}

#[test]
fn table_at_an_odd_address_is_refused() {
    assert_refused("odd-pointer", NONE, "there is no table", REBUILD);
}

#[test]
fn table_with_another_magic_is_refused() {
    assert_refused(
        "wrong-magic",
        NONE,
        "begins with 0x0123456789abcdef",
        REBUILD,
    );
}

#[test]
fn table_of_a_newer_major_is_refused() {
    let versions = "i915 offers interface 2.0, this kvmgt needs 1.0: ";
    assert_refused(
        "newer-major",
        versions,
        "another major",
        "load a kvmgt built for interface 2.x",
    );
}

#[test]
fn table_of_an_older_major_is_refused() {
    let versions = "i915 offers interface 0.0, this kvmgt needs 1.0: ";
    assert_refused(
        "older-major",
        versions,
        "another major",
        "load an i915 that offers interface 1.0",
    );
}

#[test]
fn host_that_needs_a_newer_minor_is_refused() {
    assert_refused(
        "needs-newer-minor",
        SAME,
        "needs minor version 1",
        "load a newer kvmgt",
    );
}

#[test]
fn host_that_needs_a_feature_is_refused() {
    assert_refused(
        "needs-feature",
        SAME,
        "features 0x10000000000",
        "load a newer kvmgt",
    );
}

#[test]
fn table_that_is_too_short_is_refused() {
    let whole = size_of::<HostTable>();
    assert_refused(
        "short",
        SAME,
        &format!("has {} bytes of {whole}", whole - 8),
        REBUILD,
    );
    assert_refused(
        "header-only",
        SAME,
        &format!("has 48 bytes of {whole}"),
        REBUILD,
    );
}

#[test]
fn table_of_the_same_version_with_another_layout_is_refused() {
    assert_refused(
        "other-layout",
        SAME,
        "the layout of minor version 0 differs",
        REBUILD,
    );
    assert_refused(
        "no-layout",
        SAME,
        "the layout of minor version 0 differs",
        REBUILD,
    );
}

#[test]
fn table_with_a_null_function_is_refused_whichever_it_is() {
    let functions = HostTable::LAYOUT
        .fields
        .iter()
        .filter(|f| f.signature.starts_with("fn"));
    for function in functions {
        let wrong = format!("the operation {} is missing", function.name);
        assert_refused(&format!("null {}", function.name), SAME, &wrong, REBUILD);
    }
}
