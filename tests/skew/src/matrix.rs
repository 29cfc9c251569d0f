// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What happens to each i915 with each kvmgt.

use crate::variant::{Variant, COUNTS};
use std::fmt::{self, Write};

/// What i915 is built as: the rows.
pub const HOSTS: [Variant; 10] = [
    Variant::V1_0,
    Variant::V1_0.offering("1.0-feature", "1.0, optional feature"),
    Variant::V1_1,
    Variant::V1_1.offering("1.1-feature", "1.1, optional feature"),
    Variant::V1_1.needing_minor("1.1-needs-minor", "1.1, needs minor 1"),
    Variant::V1_0.needing_feature("1.0-needs-feature", "1.0, needs a feature that kvmgt lacks"),
    Variant::V1_1.needing_feature("1.1-needs-feature", "1.1, needs a feature that kvmgt lacks"),
    Variant::V2_0,
    Variant::DRAFT,
    Variant::REGISTERS,
];

/// What kvmgt is built as: the columns.
pub const CLIENTS: [Variant; 5] = [
    Variant::V1_0,
    Variant::V1_0.needing_feature("1.0-needs-feature", "1.0, needs the feature"),
    Variant::V1_1,
    Variant::V1_1.needing_minor("1.1-needs-minor", "1.1, needs minor 1"),
    Variant::V2_0,
];

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// kvmgt attaches, and vGPUs work.
    Works(Note),
    /// kvmgt refuses, with that line.
    Refused(Line),
}

/// What is to be said of a pair that works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Nothing.
    Plain,
    /// i915 is the older one.
    Absent,
    /// kvmgt is the older one.
    Unused,
    /// The snapshot has other registers.
    Defaults,
}

/// A line by which kvmgt refuses, by its letter in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "LINES has what they say")]
pub enum Line {
    A,
    B,
    C,
    D,
    E,
    J,
}

use Line::{A, B, C, D, E, J};

const PLAIN: Outcome = Outcome::Works(Note::Plain);
const ABSENT: Outcome = Outcome::Works(Note::Absent);
const UNUSED: Outcome = Outcome::Works(Note::Unused);
const DEFAULTS: Outcome = Outcome::Works(Note::Defaults);

const fn no(line: Line) -> Outcome {
    Outcome::Refused(line)
}

/// What happens, in the order of [`HOSTS`] and [`CLIENTS`].
#[rustfmt::skip]
const OUTCOMES: [[Outcome; CLIENTS.len()]; HOSTS.len()] = [
    [PLAIN,    no(J),    ABSENT,   no(A),  no(B)],
    [PLAIN,    PLAIN,    ABSENT,   no(A),  no(B)],
    [UNUSED,   no(J),    PLAIN,    PLAIN,  no(B)],
    [UNUSED,   UNUSED,   PLAIN,    PLAIN,  no(B)],
    [no(C),    no(J),    PLAIN,    PLAIN,  no(B)],
    [no(D),    no(J),    no(D),    no(A),  no(B)],
    [no(D),    no(J),    no(D),    no(D),  no(B)],
    [no(E),    no(E),    no(E),    no(E),  PLAIN],
    [no(D),    no(J),    no(D),    no(A),  no(B)],
    [DEFAULTS, no(J),    DEFAULTS, no(A),  no(B)],
];

/// What refused pairs say: letter, what kvmgt says behind both versions, with `…` for numbers.
const LINES: [(Line, char, &str); 6] = [
    (A, 'a', "minor version 1 is missing; load an i915 that offers interface 1.1 or later, or an older kvmgt"),
    (B, 'b', "another major version; load an i915 that offers interface 2.0, or a kvmgt built for interface 1.x"),
    (C, 'c', "i915 needs minor version 1 of kvmgt; load a newer kvmgt"),
    (D, 'd', "i915 needs features 0x… that this kvmgt lacks (it needs 0x…); load a newer kvmgt"),
    (E, 'e', "another major version; load a kvmgt built for interface 2.x"),
    (J, 'j', "features 0x… are missing; load an i915 that has them, or an older kvmgt"),
];

impl Line {
    fn entry(self) -> (char, &'static str) {
        let found = LINES.iter().find(|(line, ..)| *line == self);
        let (_, letter, text) = found.expect("each line has an entry");
        (*letter, text)
    }
}

/// An i915 and a kvmgt.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// What i915 is built as.
    pub host: Variant,
    /// What kvmgt is built as.
    pub client: Variant,
    /// What happens.
    pub outcome: Outcome,
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "i915 {} and kvmgt {}", self.host.name, self.client.name)
    }
}

impl Pair {
    /// All pairs.
    pub fn all() -> impl Iterator<Item = Self> {
        HOSTS.iter().zip(OUTCOMES).flat_map(|(host, outcomes)| {
            let cells = CLIENTS.iter().zip(outcomes);
            cells.map(|(client, outcome)| Self {
                host: *host,
                client: *client,
                outcome,
            })
        })
    }

    /// The pair of these variants.
    pub fn of(host: Variant, client: Variant) -> Option<Self> {
        Self::all().find(|pair| pair.host == host && pair.client.name == client.name)
    }

    /// The line by which kvmgt refuses, behind the name of the device, with `…` for numbers.
    pub fn refusal(&self) -> Option<String> {
        let Outcome::Refused(line) = self.outcome else {
            return None;
        };
        let (major, minor) = (self.client.version.0, self.client.client_needs.minor);
        let (_, text) = line.entry();
        Some(format!(
            "i915 offers interface {}, this kvmgt needs {major}.{minor}: {text}",
            self.host.version
        ))
    }

    /// What kvmgt says when it attaches, behind the name of the device, with `…` for what is not of
    /// the interface.
    pub fn attached(&self) -> Option<String> {
        let Outcome::Works(_) = self.outcome else {
            return None;
        };
        // What 1.1 added to the line, where both sides have it and the feature is there.
        let counted = match self.has_added() && self.host.features & COUNTS != 0 {
            true => ", 1 wakerefs",
            false => "",
        };
        Some(format!(
            "attached to …: interface {}, features {:#x}, … in the golden state{counted}",
            self.host.version, self.host.features
        ))
    }

    /// Whether they work together, and both have what 1.1 added.
    pub fn has_added(&self) -> bool {
        let has = |variant: Variant| variant.version == Variant::V1_1.version;
        let works = matches!(self.outcome, Outcome::Works(_));
        works && has(self.host) && has(self.client)
    }
}

/// Whether `text` is `pattern`, where each `…` stands for anything.
pub fn is_like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What stands in front of [`table`] in the document.
pub const BEGIN: &str =
    "<!-- The matrix of tests/skew, by `cargo xtask abi doc`; do not edit. -->\n";
/// What stands behind it.
pub const END: &str = "<!-- The end of the matrix. -->\n";

/// The table for the document, as Markdown.
pub fn table() -> String {
    let mut text = String::from("| i915 |");
    for client in CLIENTS {
        // Writing to a string cannot fail.
        let _ = write!(text, " kvmgt {} |", client.title);
    }
    text += "\n|---|";
    text += &"---|".repeat(CLIENTS.len());
    for (host, outcomes) in HOSTS.iter().zip(OUTCOMES) {
        let _ = write!(text, "\n| {} |", host.title);
        for outcome in outcomes {
            let _ = match outcome {
                Outcome::Works(note) => write!(text, " works{} |", note.words()),
                Outcome::Refused(line) => write!(text, " refused ({}) |", line.entry().0),
            };
        }
    }
    text.push('\n');
    text
}

impl Note {
    fn words(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Absent => "; what 1.1 added is absent",
            Self::Unused => "; what 1.1 added is not used",
            Self::Defaults => "; registers that the snapshot lacks take their default",
        }
    }
}

/// A document with the present table in the place of the one that it has.
///
/// # Errors
///
/// It has no place for one.
pub fn with_table(document: &str) -> Result<String, &'static str> {
    let place = document
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, behind) = place.ok_or("the document has no place for the matrix")?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{behind}", table()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_like_when_numbers_differ_then_like() {
        let (_, pattern) = D.entry();
        let said =
            "i915 needs features 0x100 that this kvmgt lacks (it needs 0x100); load a newer kvmgt";
        assert!(is_like(said, pattern));
        assert!(!is_like(&said[1..], pattern));
        assert!(!is_like(said.trim_end_matches('t'), pattern));
        assert!(!is_like(&said.replace("lacks", "has"), pattern));
        assert!(is_like("plain", "plain"));
        assert!(!is_like("plainer", "plain"));
    }

    #[test]
    fn lines_when_the_document_lists_them_then_word_for_word() {
        let document = include_str!("../../../docs/abi/README.md");
        for (_, letter, text) in LINES {
            let row = format!("| ({letter}) | `{text}` |");
            assert!(document.contains(&row), "{row}");
        }
    }

    #[test]
    fn table_when_in_the_document_then_this_one() {
        let document = include_str!("../../../docs/abi/README.md");
        assert_eq!(with_table(document).as_deref(), Ok(document));
    }

    #[test]
    fn pairs_when_a_name_is_there_twice_then_of_the_same_sources() {
        for host in HOSTS {
            for client in CLIENTS.iter().filter(|client| client.name == host.name) {
                let titled = Variant {
                    title: host.title,
                    ..*client
                };
                assert_eq!(titled, host);
            }
        }
    }
}
