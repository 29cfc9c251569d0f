// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What changed between two dumps, and which version that needs.

use crate::dump::{Dump, Field, Structure};
use std::fmt;

/// What a change needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bump {
    /// No new version.
    None,
    /// A new minor version.
    Minor,
    /// A new major version.
    Major,
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
            Bump::None => "needs no new version",
            Bump::Minor => "needs a new minor version",
            Bump::Major => "needs a new major version",
        };
        write!(f, "{}: {needs}", self.what)
    }
}

/// The changes as text, with what they need together.
pub fn explain(changes: &[Change]) -> String {
    let mut text: String = changes
        .iter()
        .map(|change| format!("  {change}\n"))
        .collect();
    text += match changes.iter().map(|change| change.needs).max() {
        None => "nothing changed\n",
        Some(Bump::None) => "together: no new version\n",
        Some(Bump::Minor) => "together: a new minor version\n",
        Some(Bump::Major) => "together: a new major version\n",
    };
    text
}

/// What changed from `old` to `new`.
pub fn between(old: &Dump, new: &Dump) -> Vec<Change> {
    let mut changes = Changes(Vec::new());
    if old.version != new.version {
        let ((a, b), (c, d)) = (old.version, new.version);
        changes.add(Bump::None, format!("the version is {c}.{d}, was {a}.{b}"));
    }
    if old.registers != new.registers {
        let (was, is) = (&old.registers, &new.registers);
        changes.add(Bump::None, format!("the register table is {is}, was {was}"));
    }
    for structure in &old.structures {
        match new.structures.iter().find(|s| s.name == structure.name) {
            Some(now) => changes.structure(structure, now),
            None => changes.add(Bump::Major, format!("{} is gone", structure.name)),
        }
    }
    for structure in &new.structures {
        if !old.structures.iter().any(|s| s.name == structure.name) {
            changes.add(Bump::Minor, format!("{} is new", structure.name));
        }
    }
    if changes.0.iter().all(|c| c.needs == Bump::None) && old.layouts != new.layouts {
        changes.add(
            Bump::Major,
            "a layout hash is another, with the same fields".to_owned(),
        );
    }
    changes.0
}

struct Changes(Vec<Change>);

impl Changes {
    fn add(&mut self, needs: Bump, what: String) {
        self.0.push(Change { what, needs });
    }

    fn structure(&mut self, old: &Structure, new: &Structure) {
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
        for field in &new.fields {
            if old.fields.iter().any(|f| f.name == field.name) {
                continue;
            }
            // What is new must stand behind all that was, also behind its padding.
            let appended = field.offset >= old.size;
            let needs = if appended { Bump::Minor } else { Bump::Major };
            let place = if appended {
                "appended"
            } else {
                "put between others"
            };
            self.add(
                needs,
                format!("{name}.{} is {place}, at {}", field.name, field.offset),
            );
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
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "interface 1.0\nlayout of minor 0: 0x1\nregister table: 9 rows\n\n\
        Table: 16 bytes, alignment 8\n      0    8  since 1.0  first: u64\n      \
        8    8  since 1.0  second: fn(a: u32) -> c_int\n";

    fn changes(from: &str, to: &str) -> Vec<Change> {
        let new = OLD.replace(from, to).replace("0x1\n", "0x2\n");
        between(
            &crate::dump::parse(OLD).unwrap(),
            &crate::dump::parse(&new).unwrap(),
        )
    }

    fn needs(from: &str, to: &str) -> Bump {
        changes(from, to).iter().map(|c| c.needs).max().unwrap()
    }

    #[test]
    fn between_equal_dumps_is_nothing() {
        let dump = crate::dump::parse(OLD).unwrap();
        assert_eq!(between(&dump, &dump), []);
    }

    #[test]
    fn appended_field_needs_a_minor_version() {
        let appended = "c_int\n     16    8  since 1.1  third: u64\n";
        assert_eq!(needs("c_int\n", appended), Bump::Minor);
    }

    #[test]
    fn field_between_others_needs_a_major_version() {
        let inserted = "first: u64\n      4    4  since 1.1  half: u32\n";
        assert_eq!(needs("first: u64\n", inserted), Bump::Major);
    }

    #[test]
    fn changed_signature_names_both_and_needs_a_major_version() {
        let changes = changes("a: u32", "a: u64");
        assert_eq!(changes[0].needs, Bump::Major);
        assert_eq!(
            changes[0].what,
            "Table.second is fn(a: u64) -> c_int, was fn(a: u32) -> c_int"
        );
    }

    #[test]
    fn moved_and_removed_fields_need_a_major_version() {
        assert_eq!(needs("      8    8", "     16    8"), Bump::Major);
        assert_eq!(needs("first", "other"), Bump::Major);
    }

    #[test]
    fn changed_hash_alone_is_not_overlooked() {
        assert_eq!(needs("0x1\n", "0x2\n"), Bump::Major);
    }

    #[test]
    fn register_table_needs_no_version() {
        let new = OLD.replace("9 rows", "10 rows");
        let changes = between(
            &crate::dump::parse(OLD).unwrap(),
            &crate::dump::parse(&new).unwrap(),
        );
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].needs, Bump::None);
    }
}
