// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::dump::parse;

const OLD: &str = "interface 1.0\nlayout of minor 0: 0x1\nregister table: 9 rows\n\n\
    Table: 64 bytes, alignment 8\n      0   48  since 1.0  header: Header\n     \
    48    8  since 1.0  first: u64\n     \
    56    8  since 1.0  second: fn(a: *const Plain) -> c_int\n\n\
    Plain: 8 bytes, alignment 8\n      0    8  since 1.0  value: u64\n\n\
    constant GOOD: u32 = 1 << 0\nconstant MAX_GOODS: u32 = 1 << 3\n";
/// What a new minor version of [`OLD`] has besides.
const HASH_OF_MINOR_1: &str = "0x1\nlayout of minor 1: 0x3\n";

fn verdict(replaced: &[(&str, &str)]) -> Verdict {
    let mut new = OLD.to_owned();
    for (from, to) in replaced {
        assert!(new.contains(from));
        new = new.replace(from, to);
    }
    Verdict::of(&parse(OLD).unwrap(), &parse(&new).unwrap())
}

fn needs(from: &str, to: &str) -> Bump {
    verdict(&[(from, to)]).bump
}

/// A field appended to the table.
fn appended(since: u16) -> (&'static str, String) {
    let field = format!("-> c_int\n     64    8  since 1.{since}  third: u64\n");
    ("-> c_int\n", field)
}

#[test]
fn of_when_equal_then_unchanged() {
    let verdict = verdict(&[]);
    assert_eq!((verdict.bump, verdict.is_kept()), (Bump::Unchanged, true));
    assert_eq!(
        verdict.to_string(),
        "unchanged: interface 1.0; nothing to do\n"
    );
}

#[test]
fn of_when_register_table_is_another_then_patch() {
    let verdict = verdict(&[("9 rows", "10 rows")]);
    assert_eq!((verdict.bump, verdict.is_kept()), (Bump::Patch, true));
    assert!(verdict
        .to_string()
        .contains("\npatch: it stays interface 1.0"));
}

#[test]
fn of_when_appended_with_its_version_then_minor_and_kept() {
    let (from, to) = appended(1);
    let version = ("interface 1.0", "interface 1.1");
    let verdict = verdict(&[version, ("0x1\n", HASH_OF_MINOR_1), (from, &to)]);
    assert_eq!((verdict.bump, verdict.is_kept()), (Bump::Minor, true));
    assert!(verdict.to_string().contains("set MINOR to 1"), "{verdict}");
}

#[test]
fn of_when_appended_without_its_version_then_minor_and_not_kept() {
    let (from, to) = appended(1);
    let verdict = verdict(&[(from, &to)]);
    assert_eq!((verdict.bump, verdict.is_kept()), (Bump::Minor, false));
    assert_eq!(verdict.needed(), Version::new(1, 1, 0));
}

#[test]
fn of_when_appended_to_the_old_minor_then_major() {
    let (from, to) = appended(0);
    assert_eq!(needs(from, &to), Bump::Major);
}

#[test]
fn of_when_appended_to_what_has_no_size_then_major() {
    let field = "value: u64\n      8    8  since 1.1  more: u64\n";
    let verdict = verdict(&[("value: u64\n", field)]);
    assert_eq!(verdict.bump, Bump::Major);
    assert!(verdict.changes[0].what.contains("Plain.more"));
}

#[test]
fn of_when_put_between_then_major() {
    let inserted = "first: u64\n     52    4  since 1.1  half: u32\n";
    assert_eq!(needs("first: u64\n", inserted), Bump::Major);
}

#[test]
fn of_when_signature_is_another_then_major_and_both_are_named() {
    let verdict = verdict(&[("a: *const Plain", "a: *mut Plain")]);
    assert_eq!(verdict.bump, Bump::Major);
    assert_eq!(
        verdict.changes[0].what,
        "Table.second is fn(a: *mut Plain) -> c_int, was fn(a: *const Plain) -> c_int"
    );
}

#[test]
fn of_when_moved_removed_or_renamed_then_major() {
    assert_eq!(needs("     48    8", "     52    8"), Bump::Major);
    assert_eq!(needs("first", "other"), Bump::Major);
    assert_eq!(needs("Plain: 8", "Other: 8"), Bump::Major);
}

#[test]
fn of_when_header_changes_then_other_magics_are_asked_for() {
    let header = "Header: 8 bytes, alignment 8\n      0    8  since 1.0  magic: u64\n";
    let old = parse(header).unwrap();
    let new = parse(&header.replace("magic", "mark")).unwrap();
    let verdict = Verdict::of(&old, &new);
    assert!(verdict.to_string().contains("other magics"), "{verdict}");
}

#[test]
fn of_when_limit_is_raised_then_minor_and_when_lowered_then_major() {
    assert_eq!(needs("1 << 3", "16"), Bump::Minor);
    assert_eq!(needs("1 << 3", "1 << 4"), Bump::Minor);
    assert_eq!(needs("1 << 3", "7"), Bump::Major);
    assert_eq!(
        needs("GOODS: u32 = 1 << 3", "GOODS: u64 = 1 << 4"),
        Bump::Major
    );
}

#[test]
fn of_when_constant_is_another_then_major_and_when_new_then_minor() {
    assert_eq!(needs("1 << 0", "1 << 1"), Bump::Major);
    assert_eq!(needs("GOOD: u32", "GOOD: u64"), Bump::Major);
    let more = "1 << 0\nconstant MORE: u32 = 1 << 1\n";
    assert_eq!(needs("1 << 0\n", more), Bump::Minor);
}

#[test]
fn of_when_only_the_hash_is_another_then_major() {
    assert_eq!(needs("0x1\n", "0x2\n"), Bump::Major);
}

#[test]
fn is_kept_when_a_step_further_then_true_and_two_then_false() {
    for (claimed, kept) in [("1.1", true), ("2.0", true), ("1.2", false), ("2.1", false)] {
        let version = format!("interface {claimed}");
        let verdict = verdict(&[("interface 1.0", &version), ("9 rows", "10 rows")]);
        assert_eq!(verdict.is_kept(), kept, "{claimed}");
    }
}

#[test]
fn faults_when_since_a_version_that_is_none_then_named() {
    let (from, to) = appended(1);
    let dump = parse(&OLD.replace(from, &to)).unwrap();
    assert_eq!(
        faults(&dump),
        ["Table.third is there since 1.1, and this is 1.0"]
    );
}
