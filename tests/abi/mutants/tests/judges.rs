// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The contract's own rule, `abi_stable` and debug information judge hundreds of contracts with one thing
//! changed; they agree, but for three classes. Of the first two the stricter one is right, and
//! `abi check` says so too.

#[path = "judges/dwarf.rs"]
mod dwarf;
#[path = "judges/rule.rs"]
mod rule;

use abi::diff::{Bump, Verdict};
use abi::dump::Dump;
use abi_mutants::{Build, Mutant, CONTRACT, MUTANTS};
use abi_stable::abi_stability::abi_checking::{
    check_layout_compatibility_with_globals, CheckingGlobals,
};
use dwarf::{Claimed, Dwarf};
use iface::version::{Mismatch, Version, MAJOR, MINOR};
use rule::{Offered, Ours};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Whether `abi_stable` lets a user of one build use what a maker of another made.
fn theirs(maker: Build, user: Build) -> bool {
    // What it has seen before would count too.
    let fresh = CheckingGlobals::new();
    let (maker, user) = ((maker.layouts)(), (user.layouts)());
    let mut pairs = user.into_iter().zip(maker);
    pairs.all(|(user, maker)| check_layout_compatibility_with_globals(user, maker, &fresh).is_ok())
}

/// What the compiler says of the structures of all builds.
static DWARF: LazyLock<Dwarf> =
    LazyLock::new(|| Dwarf::of_this_test(MUTANTS.iter().map(|m| m.build).chain([CONTRACT])));

/// Whether the judges accept a pair of maker and user: by the contract's rule, by `abi_stable`, and by
/// debug information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Judged {
    ours: Ours,
    theirs: bool,
    dwarf: bool,
}

impl Judged {
    /// Whether all accept it, or all refuse it.
    fn agree(self) -> bool {
        match self.ours {
            Ours::Accepted => self.theirs && self.dwarf,
            Ours::Refused(_) => !self.theirs && !self.dwarf,
            Ours::Astray => false,
        }
    }

    /// Whether the contract's rule and `abi_stable` accept it.
    fn stricter(self) -> bool {
        self.ours == Ours::Accepted && self.theirs
    }
}

/// The contract as it is uses what the mutant made.
fn made_by(mutant: &Mutant) -> Judged {
    let maker = Offered::of(mutant.build, version(mutant.minor));
    Judged {
        ours: rule::judge(&maker, CONTRACT, MINOR),
        theirs: theirs(mutant.build, CONTRACT),
        dwarf: DWARF.accepts(claimed(mutant), PLAIN, abi_grows),
    }
}

/// The mutant uses what the contract as it is made, and needs all that itself has.
fn used_by(mutant: &Mutant) -> Judged {
    let maker = Offered::of(CONTRACT, version(MINOR));
    Judged {
        ours: rule::judge(&maker, mutant.build, mutant.minor),
        theirs: theirs(CONTRACT, mutant.build),
        dwarf: DWARF.accepts(PLAIN, claimed(mutant), abi_grows),
    }
}

/// The contract as it is.
const PLAIN: Claimed = Claimed {
    build: CONTRACT,
    minor: MINOR,
};

/// A mutant with what it claims to be.
fn claimed(mutant: &Mutant) -> Claimed {
    Claimed {
        build: mutant.build,
        minor: mutant.minor,
    }
}

fn version(minor: u16) -> Version {
    Version {
        major: MAJOR,
        minor,
    }
}

/// The dump of a build.
fn dump(build: Build, minor: u16) -> Dump {
    Dump {
        version: abi::dump::version(MAJOR, minor),
        layouts: (0..=minor)
            .map(|minor| format!("{:#018x}", abi_mutants::hash(build.structures, minor)))
            .collect(),
        structures: build.structures.iter().map(Into::into).collect(),
        ..Dump::default()
    }
}

/// What `abi check` says of a mutant.
fn verdict(mutant: &Mutant) -> Verdict {
    Verdict::of(&dump(CONTRACT, MINOR), &dump(mutant.build, mutant.minor))
}

/// Where the judges do not agree, and why not; docs/abi/README.md tells more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Our hash is over the source. So it sees another name of the same type: ours is stricter. Names of
    /// arguments are in no debug information.
    Source,
    /// A later minor version appends to what is passed without its size, which the hash of the older
    /// one does not cover: theirs is stricter.
    NoSize,
    /// The header lies otherwise, so that our rule does not even find what it compares.
    Header,
}

/// The class of a mutant that the judges may not agree about.
fn class(mutant: &Mutant) -> Option<Class> {
    match (mutant.kind, mutant.structure) {
        ("respell", _) => Some(Class::Source),
        (_, "Header") => Some(Class::Header),
        ("append", structure) if !abi_grows(structure) => Some(Class::NoSize),
        ("rename", _) if mutant.name.ends_with(" argument") => Some(Class::Source),
        _ => None,
    }
}

fn abi_grows(structure: &str) -> bool {
    let dump = dump(CONTRACT, MINOR);
    dump.structure(structure).is_some_and(|s| dump.may_grow(s))
}

#[test]
fn contract_when_written_like_the_mutants_then_the_same_as_iface() {
    let own: Vec<abi::dump::Structure> = iface::layout::STRUCTURES.iter().map(Into::into).collect();
    assert_eq!(dump(CONTRACT, MINOR).structures, own);
    assert_eq!(
        abi_mutants::hash(CONTRACT.structures, MINOR),
        iface::layout::hash(MINOR)
    );
    assert!(theirs(CONTRACT, CONTRACT));
    assert!(DWARF.accepts(PLAIN, PLAIN, |_| false));
    let offered = Offered::of(CONTRACT, version(MINOR));
    assert_eq!(rule::judge(&offered, CONTRACT, MINOR), Ours::Accepted);
}

#[test]
fn judges_when_anything_is_changed_then_they_agree_but_for_three_classes() {
    let mut classes: BTreeMap<Class, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    for mutant in MUTANTS {
        let (made, used) = (made_by(mutant), used_by(mutant));
        if made.agree() && used.agree() {
            continue;
        }
        match class(mutant) {
            Some(class) => *classes.entry(class).or_default() += 1,
            None => failures.push(format!("{}: made {made:?}, used {used:?}", mutant.name)),
        }
    }
    println!("{} mutants, not of one mind: {classes:?}", MUTANTS.len());
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(MUTANTS.len() >= 200);
    assert_eq!(classes.len(), 3);
}

#[test]
fn dwarf_when_it_refuses_then_another_judge_does_too() {
    for mutant in MUTANTS {
        for judged in [made_by(mutant), used_by(mutant)] {
            assert!(judged.dwarf || !judged.stricter(), "{}", mutant.name);
        }
    }
}

#[test]
fn dwarf_when_asked_for_any_structure_of_any_build_then_has_what_our_macros_say() {
    let builds = MUTANTS.iter().map(|mutant| mutant.build);
    for build in builds.chain([CONTRACT]) {
        for structure in build.structures {
            let compiled = DWARF.structure(build, structure.name);
            let fields = compiled.fields.iter();
            let fields = fields.map(|f| (&*f.name, f.offset, f.size));
            let said = structure.fields.iter();
            let said = said.map(|f| (f.name, f.offset as u64, f.size as u64));
            let place = format!("{}::{}", build.path, structure.name);
            assert_eq!(compiled.size, structure.size as u64, "{place}");
            assert!(fields.eq(said), "{place}: {compiled:?}");
        }
    }
}

/// The verdicts on a mutant that the contract is to use, and what `abi check` makes of it.
fn verdicts(name: &str) -> (Ours, bool, bool, Bump) {
    let mutant = MUTANTS.iter().find(|m| m.name == name).unwrap();
    let Judged {
        ours,
        theirs,
        dwarf,
    } = made_by(mutant);
    (ours, theirs, dwarf, verdict(mutant).bump)
}

#[test]
fn source_when_a_type_has_another_name_then_ours_refuses() {
    let other = Ours::Refused(Mismatch::Layout { minor: MINOR });
    assert_eq!(
        verdicts("respell HostTable.open"),
        (other, true, true, Bump::Major)
    );
}

#[test]
fn tables_when_a_later_function_brings_a_structure_then_both_accept() {
    for table in ["HostTable", "ClientTable"] {
        let name = format!("append with a structure {table}.appended");
        assert_eq!(verdicts(&name), (Ours::Accepted, true, true, Bump::Minor));
    }
}

#[test]
fn no_size_when_a_range_gets_longer_then_theirs_refuses() {
    let judged = verdicts("append GgttRange.appended");
    assert_eq!(judged, (Ours::Accepted, false, false, Bump::Major));
}

#[test]
fn header_when_the_hashes_are_elsewhere_then_ours_goes_astray() {
    let judged = verdicts("reorder Header.features");
    assert_eq!(judged, (Ours::Astray, false, false, Bump::Major));
}

#[test]
fn unsaid_when_a_table_gets_longer_without_a_version_then_all_refuse() {
    let other = Ours::Refused(Mismatch::Layout { minor: MINOR });
    let judged = verdicts("append unsaid HostTable.appended");
    assert_eq!(judged, (other, false, false, Bump::Major));
}

#[test]
fn tables_and_info_when_appended_to_then_all_accept() {
    for structure in ["HostTable", "ClientTable", "Info"] {
        let judged = verdicts(&format!("append {structure}.appended"));
        assert_eq!(judged, (Ours::Accepted, true, true, Bump::Minor));
    }
}

#[test]
fn bump_when_put_to_semver_then_the_stricter_verdict() {
    let ours = semver::VersionReq::parse(&format!("^{MAJOR}.{MINOR}")).unwrap();
    for mutant in MUTANTS {
        let verdict = verdict(mutant);
        let needed = verdict.needed();
        assert!(verdict.bump > Bump::Patch, "{}", mutant.name);
        let accepted = ours.matches(&needed);
        assert_eq!(
            accepted,
            made_by(mutant).stricter(),
            "{}\n{verdict}",
            mutant.name
        );
        let said = Version {
            major: needed.major.try_into().unwrap(),
            minor: needed.minor.try_into().unwrap(),
        };
        let offered = Offered::of(mutant.build, said);
        let judged = rule::judge(&offered, CONTRACT, MINOR) == Ours::Accepted;
        assert_eq!(judged, accepted, "{} as {said}", mutant.name);
    }
}

#[test]
fn verdict_when_anything_is_changed_then_names_it() {
    for mutant in MUTANTS {
        let text = verdict(mutant).to_string();
        assert!(text.contains(mutant.structure), "{}\n{text}", mutant.name);
    }
}
