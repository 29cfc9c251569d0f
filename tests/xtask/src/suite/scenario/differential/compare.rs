// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Compares two dumps line by line.

use std::collections::BTreeMap;

use anyhow::{ensure, Context as _, Result};

/// The last line of every dump.
const END: &str = "end";
/// What an entry begins with that need not differ each time.
const SOMETIMES: char = '~';
/// What stands for the value of a key that a dump lacks.
const ABSENT: &str = "absent";

/// What a driver answered.
pub struct Dump<'a> {
    /// Keys and values, in the order of the accesses.
    lines: Vec<(&'a str, &'a str)>,
}

impl<'a> Dump<'a> {
    /// Reads a dump.
    ///
    /// # Errors
    ///
    /// It is none, it has a key twice, or it does not come to its end.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes).context("a dump is no text")?;
        let lines = text
            .lines()
            .map(|line| line.split_once('\t').context("a line has no value"))
            .collect::<Result<Vec<_>>>()?;
        ensure!(
            lines.last().is_some_and(|(key, _)| *key == END),
            "the dump has no end"
        );
        let dump = Self { lines };
        ensure!(dump.map().len() == dump.lines.len(), "a key is there twice");
        Ok(dump)
    }

    fn map(&self) -> BTreeMap<&'a str, &'a str> {
        self.lines.iter().copied().collect()
    }
}

/// A difference that is expected.
struct Entry {
    /// Which keys: `*` stands for anything.
    keys: String,
    /// What the documentation's row begins with.
    reason: String,
    /// Whether it may also not differ, as what depends on the time does.
    sometimes: bool,
}

/// All differences that are expected.
pub struct Expected(Vec<Entry>);

impl Expected {
    /// Reads the list: keys and the reason, with a tab between; a `~` in front of what differs
    /// only sometimes.
    ///
    /// # Errors
    ///
    /// A line is of another form, or `reasons` has no row of a table that begins so.
    pub fn parse(list: &str, reasons: &str) -> Result<Self> {
        let mut entries = Vec::new();
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            let entry = line.split_once('\t');
            let (keys, reason) = entry.with_context(|| format!("no reason: {line}"))?;
            let row = format!("| {reason}");
            ensure!(
                reasons.lines().any(|line| line.starts_with(&row)),
                "no row of the documentation begins with `{row}`"
            );
            let sometimes = keys.strip_prefix(SOMETIMES);
            entries.push(Entry {
                keys: sometimes.unwrap_or(keys).to_owned(),
                reason: reason.to_owned(),
                sometimes: sometimes.is_some(),
            });
        }
        Ok(Self(entries))
    }
}

/// What came of a comparison.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Keys of both.
    pub lines: usize,
    /// How many of them differ as expected.
    pub expected: usize,
    /// Those that differ unexpectedly, with both values.
    pub unexpected: Vec<String>,
    /// Entries of the list for which nothing differed.
    pub stale: Vec<String>,
}

/// Compares the dump of the C driver with ours.
pub fn compare(theirs: &Dump<'_>, ours: &Dump<'_>, expected: &Expected) -> Outcome {
    let (their_map, our_map) = (theirs.map(), ours.map());
    let only_theirs = theirs
        .lines
        .iter()
        .filter(|(key, _)| !our_map.contains_key(key));
    let mut outcome = Outcome::default();
    let mut met = vec![false; expected.0.len()];
    for (key, _) in ours.lines.iter().chain(only_theirs) {
        outcome.lines += 1;
        let of =
            |map: &BTreeMap<&str, &str>| map.get(key).map_or(ABSENT.to_owned(), |v| (*v).into());
        let (c, rust) = (of(&their_map), of(&our_map));
        if c == rust {
            continue;
        }
        match expected.0.iter().position(|entry| fits(&entry.keys, key)) {
            Some(entry) => {
                met[entry] = true;
                outcome.expected += 1;
            }
            None => outcome
                .unexpected
                .push(format!("{key}: C has {c}, ours {rust}")),
        }
    }
    outcome.stale = expected
        .0
        .iter()
        .zip(met)
        .filter(|(entry, met)| !met && !entry.sometimes)
        .map(|(entry, _)| format!("{}: {}", entry.keys, entry.reason))
        .collect();
    outcome
}

/// Whether a key fits a pattern in which `*` stands for any characters.
fn fits(pattern: &str, key: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| key.strip_prefix(first)) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const REASONS: &str = "| what | C |\n|---|---|\n| a reason | that |\n";

    fn dump(text: &'static str) -> Dump<'static> {
        Dump::parse(text.as_bytes()).unwrap()
    }

    fn expect(list: &str) -> Expected {
        Expected::parse(list, REASONS).unwrap()
    }

    #[test]
    fn parse_when_dump_has_no_end_or_a_key_twice_then_error() {
        assert!(Dump::parse(b"a\t1\n").is_err());
        assert!(Dump::parse(b"a\t1\na\t1\nend\treached\n").is_err());
        assert!(Dump::parse(b"a 1\nend\treached\n").is_err());
    }

    #[test]
    fn parse_when_reason_is_not_documented_then_error() {
        assert!(Expected::parse("a*\tanother", REASONS).is_err());
        assert!(Expected::parse("a*", REASONS).is_err());
    }

    #[test]
    fn compare_when_a_line_differs_or_lacks_then_it_is_unexpected() {
        let theirs = dump("a\t1\nb\t2\nend\treached\n");
        let ours = dump("a\t3\nend\treached\n");

        let outcome = compare(&theirs, &ours, &expect(""));

        assert_eq!(
            outcome.unexpected,
            ["a: C has 1, ours 3", "b: C has 2, ours absent"]
        );
        assert_eq!(outcome.lines, 3);
    }

    #[test]
    fn compare_when_difference_is_expected_then_counted() {
        let theirs = dump("a 1\t1\nb\t2\nend\treached\n");
        let ours = dump("a 1\t3\nb\t2\nend\treached\n");

        let outcome = compare(&theirs, &ours, &expect("a *\ta reason"));

        assert_eq!(outcome.expected, 1);
        assert!(outcome.unexpected.is_empty() && outcome.stale.is_empty());
    }

    #[test]
    fn compare_when_expected_difference_is_gone_then_stale() {
        let both = "a\t1\nend\treached\n";

        let outcome = compare(&dump(both), &dump(both), &expect("a\ta reason"));

        assert_eq!(outcome.stale, ["a: a reason"]);
    }

    #[test]
    fn compare_when_difference_is_expected_sometimes_then_never_stale() {
        let (one, other) = ("a\t1\nend\treached\n", "a\t2\nend\treached\n");

        let same = compare(&dump(one), &dump(one), &expect("~a\ta reason"));
        let differs = compare(&dump(one), &dump(other), &expect("~a\ta reason"));

        assert!(same.stale.is_empty() && differs.unexpected.is_empty());
        assert_eq!((same.expected, differs.expected), (0, 1));
    }

    #[test]
    fn fits_when_pattern_has_stars_then_they_are_anything() {
        assert!(fits("a*c*e", "abcde") && fits("*", "") && fits("ab*", "ab") && fits("a", "a"));
        assert!(!fits("a*c", "abcd") && !fits("a", "ab") && !fits("b*", "ab"));
    }
}
