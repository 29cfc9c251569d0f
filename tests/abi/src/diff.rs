// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What changed between two dumps, and which version that needs.

use crate::dump::{version, Dump, Field, Structure};
use crate::source::Constant;
use semver::Version;
use std::fmt;

/// What a change needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bump {
    /// Nothing: neither side sees it.
    Unchanged,
    /// No new version: both sides go on as they are.
    Patch,
    /// A new minor version.
    Minor,
    /// A new major version.
    Major,
}

impl Bump {
    /// The first version after `was` that may have such a change. A patch has no version of its own:
    /// the interface's third number is always 0.
    pub fn after(self, was: &Version) -> Version {
        match self {
            Self::Unchanged | Self::Patch => was.clone(),
            Self::Minor => Version::new(was.major, was.minor + 1, 0),
            Self::Major => Version::new(was.major + 1, 0, 0),
        }
    }
}

impl fmt::Display for Bump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unchanged => "unchanged",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        })
    }
}

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What changed.
    pub what: String,
    /// What it needs.
    pub needs: Bump,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needs = match self.needs {
            Bump::Unchanged | Bump::Patch => "needs no new version",
            Bump::Minor => "needs a new minor version",
            Bump::Major => "needs a new major version",
        };
        write!(f, "{}: {needs}", self.what)
    }
}

/// All that changed, and what it needs together; its `Display` says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The changes.
    pub changes: Vec<Change>,
    /// What they need together.
    pub bump: Bump,
    /// The version before them.
    pub was: Version,
    /// The version that they claim to be.
    pub claimed: Version,
}

impl Verdict {
    /// Judges what changed from `old` to `new`.
    pub fn of(old: &Dump, new: &Dump) -> Self {
        let changes = between(old, new);
        let needed = changes.iter().map(|change| change.needs).max();
        Self {
            changes,
            bump: needed.unwrap_or(Bump::Unchanged),
            was: old.version.clone(),
            claimed: new.version.clone(),
        }
    }

    /// The version that the changes need.
    pub fn needed(&self) -> Version {
        self.bump.after(&self.was)
    }

    /// Whether the claimed version is the needed one, or a step further than it has to be.
    ///
    /// A step further is not wrong: not all that a minor or major version is made for is layout.
    pub fn is_kept(&self) -> bool {
        let steps = [self.bump, Bump::Minor, Bump::Major];
        steps
            .iter()
            .any(|step| *step >= self.bump && step.after(&self.was) == self.claimed)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            writeln!(f, "  {change}")?;
        }
        let Self { bump, was, .. } = self;
        let (was, is) = (Short(was), self.needed());
        match bump {
            Bump::Unchanged => {
                writeln!(f, "{bump}: interface {was}; nothing to do")
            }
            Bump::Patch => {
                writeln!(f, "{bump}: it stays interface {was}; run `cargo xtask abi doc`")
            }
            Bump::Minor => writeln!(
                f,
                "{bump}: interface {was} becomes {}; set MINOR to {} in iface/src/version.rs, write \
                 `since {}` at what is new, and run `cargo xtask abi doc`",
                Short(&is), is.minor, is.minor
            ),
            Bump::Major => writeln!(
                f,
                "{bump}: interface {was} becomes {}; take the change back, or set MAJOR to {} and MINOR \
                 to 0 in iface/src/version.rs, write `since 0` everywhere, and run `cargo xtask abi doc`",
                Short(&is), is.major
            ),
        }
    }
}

/// A version as the interface has it, without the third number.
pub struct Short<'v>(pub &'v Version);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.major, self.0.minor)
    }
}

/// What both sides read before they know the other's version.
const HEADER: &str = "Header";

/// What changed from `old` to `new`.
pub fn between(old: &Dump, new: &Dump) -> Vec<Change> {
    let mut changes = Changes(Vec::new());
    if old.version != new.version {
        let (was, is) = (Short(&old.version), Short(&new.version));
        changes.add(Bump::Unchanged, format!("the version is {is}, was {was}"));
    }
    if old.registers != new.registers {
        let (was, is) = (&old.registers, &new.registers);
        changes.add(
            Bump::Patch,
            format!("the register table is {is}, was {was}"),
        );
    }
    // In a new major version nothing is older than it.
    let newest = match old.version.major == new.version.major {
        true => old.version.minor,
        false => new.version.minor,
    };
    for structure in &old.structures {
        match new.structure(&structure.name) {
            Some(now) => changes.structure(structure, now, old.may_grow(structure), newest),
            None => changes.add(Bump::Major, format!("{} is gone", structure.name)),
        }
    }
    for structure in &new.structures {
        if old.structure(&structure.name).is_none() {
            changes.add(Bump::Minor, format!("{} is new", structure.name));
        }
    }
    changes.constants(old, new);
    changes.hashes(old, new);
    changes.0
}

struct Changes(Vec<Change>);

impl Changes {
    fn add(&mut self, needs: Bump, what: String) {
        self.0.push(Change { what, needs });
    }

    fn structure(&mut self, old: &Structure, new: &Structure, may_grow: bool, newest: u64) {
        let before = self.0.len();
        let name = &old.name;
        if old.align != new.align {
            self.add(
                Bump::Major,
                format!("{name} is aligned to {}, was {}", new.align, old.align),
            );
        }
        for field in &old.fields {
            match new.fields.iter().find(|f| f.name == field.name) {
                Some(now) => self.field(name, field, now),
                None => self.add(Bump::Major, format!("{name}.{} is gone", field.name)),
            }
        }
        let is_new = |field: &&Field| !old.fields.iter().any(|f| f.name == field.name);
        for field in new.fields.iter().filter(is_new) {
            self.new_field(old, field, may_grow, newest);
        }
        if *name == HEADER && self.0.len() != before {
            self.add(
                Bump::Major,
                format!("{name} is read before any version is known, and now lies otherwise; it needs other magics too"),
            );
        }
    }

    fn new_field(&mut self, old: &Structure, field: &Field, may_grow: bool, newest: u64) {
        let what = format!("{}.{}", old.name, field.name);
        let at = field.offset;
        // What is new must stand behind all that was, also behind its padding.
        if field.offset < old.size {
            self.add(
                Bump::Major,
                format!("{what} is put between others, at {at}"),
            );
        } else if !may_grow {
            self.add(
                Bump::Major,
                format!("{what} is appended, at {at}, to what is passed without its size"),
            );
        } else if u64::from(field.since) <= newest {
            self.add(
                Bump::Major,
                format!(
                    "{what} is appended, at {at}, to minor version {}, which is there already",
                    field.since
                ),
            );
        } else {
            self.add(Bump::Minor, format!("{what} is appended, at {at}"));
        }
    }

    fn field(&mut self, structure: &str, old: &Field, new: &Field) {
        let name = &old.name;
        if (old.offset, old.size) != (new.offset, new.size) {
            let (was, is) = ((old.offset, old.size), (new.offset, new.size));
            let place = |(offset, size)| format!("{size} bytes at {offset}");
            self.add(
                Bump::Major,
                format!("{structure}.{name} is {}, was {}", place(is), place(was)),
            );
        }
        if old.signature != new.signature {
            self.add(
                Bump::Major,
                format!(
                    "{structure}.{name} is {}, was {}",
                    new.signature, old.signature
                ),
            );
        }
        if old.since != new.since {
            self.add(
                Bump::Major,
                format!(
                    "{structure}.{name} is there since .{}, was .{}",
                    new.since, old.since
                ),
            );
        }
    }

    fn constants(&mut self, old: &Dump, new: &Dump) {
        for constant in &old.constants {
            let name = &constant.name;
            match new.constants.iter().find(|c| c.name == *name) {
                Some(now) if now == constant => {}
                // Who is older is told by an error that there is less.
                Some(now) if now.ty == constant.ty && is_raised(constant, now) => {
                    let (was, is) = (&constant.value, &now.value);
                    self.add(Bump::Minor, format!("{name} is raised to {is}, was {was}"));
                }
                Some(now) => self.add(
                    Bump::Major,
                    format!(
                        "{name} is {}: {}, was {}: {}",
                        now.value, now.ty, constant.value, constant.ty
                    ),
                ),
                None => self.add(Bump::Major, format!("{name} is gone")),
            }
        }
        for constant in &new.constants {
            if !old.constants.iter().any(|c| c.name == constant.name) {
                self.add(Bump::Minor, format!("{} is new", constant.name));
            }
        }
    }

    /// Other hashes of minor versions that were there, if nothing else says why: one of these is
    /// refused when kvmgt loads, whatever the version says.
    fn hashes(&mut self, old: &Dump, new: &Dump) {
        if self.0.iter().any(|change| change.needs == Bump::Major) {
            return;
        }
        for (minor, (was, is)) in old.layouts.iter().zip(&new.layouts).enumerate() {
            if was != is {
                self.add(
                    Bump::Major,
                    format!(
                        "the layout hash of minor {minor} is another, though none of its fields is"
                    ),
                );
            }
        }
        if old.layouts.len() > new.layouts.len() {
            self.add(
                Bump::Major,
                "a minor version has no layout hash any more".to_owned(),
            );
        }
    }
}

/// What is wrong with a dump by itself.
pub fn faults(dump: &Dump) -> Vec<String> {
    let fields = dump
        .structures
        .iter()
        .flat_map(|s| s.fields.iter().map(move |f| (s, f)));
    let mut faults = Vec::new();
    for (structure, field) in fields {
        let what = format!("{}.{}", structure.name, field.name);
        if u64::from(field.since) > dump.version.minor {
            let since = version(dump.version.major as u16, field.since);
            let is = Short(&dump.version);
            faults.push(format!(
                "{what} is there since {}, and this is {is}",
                Short(&since)
            ));
        }
        if field.since > 0 && !dump.may_grow(structure) {
            faults.push(format!(
                "{what} is later than what is passed without its size"
            ));
        }
    }
    faults
}

/// Whether both are limits, and the second one allows more.
fn is_raised(was: &Constant, is: &Constant) -> bool {
    let limits = was.limit().zip(is.limit());
    limits.is_some_and(|(was, is)| is > was)
}

#[cfg(test)]
mod tests;
