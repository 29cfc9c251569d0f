// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What igt_runner writes, understood.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::runner::WARNING;
use super::select;

/// How a test ended that was under way when the VM died, or whose program left no result.
pub const INCOMPLETE: &str = "incomplete";
/// How it ended when it passed.
pub const PASS: &str = "pass";
/// How it ended when what it needs is not there.
pub const SKIP: &str = "skip";
/// How it ended when it passed and wrote to stderr. What the kernel warns of has a word of its own.
const WARN: &str = "warn";
/// What a subtest says that passed, behind its name.
const SUCCESS: &str = ": SUCCESS (";
/// How it ended when igt_runner ended it.
const TIMEOUT: &str = "timeout";
/// How it ended when it was not begun.
pub const NOT_RUN: &str = "notrun";
/// What stands in front of the condition that a test needs.
const REQUIREMENT: &str = "Test requirement: ";
/// What stands in front of the condition that did not hold.
const ASSERTION: &str = "Failed assertion: ";
/// How the line begins that ends a subtest.
const SUBTEST: &str = "Subtest ";
/// How lines begin that end the explanation of either.
const ENDS: [&str; 6] = [
    "Last errno",
    SUBTEST,
    "Dynamic subtest ",
    "Test requirement not met",
    "Stack trace",
    "No dynamic tests",
];
/// How many characters of a reason are kept.
const REASON: usize = 140;

/// One test's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Its name, without `igt@`.
    pub name: String,
    /// igt_runner's word for how it ended.
    pub word: String,
    /// Why, if it did not pass.
    pub why: String,
}

/// A document of the stream that comes from the guest: a program that begins, or its results.
#[derive(Deserialize)]
struct Document {
    program: Option<String>,
    #[serde(default)]
    tests: BTreeMap<String, Entry>,
}

/// What igt_runner has of a test.
#[derive(Deserialize)]
struct Entry {
    result: String,
    #[serde(default)]
    out: String,
    #[serde(default)]
    err: String,
    #[serde(default)]
    dmesg: String,
}

/// What came from one VM.
#[derive(Default)]
pub struct Stream {
    /// The programs that have begun.
    pub begun: Vec<String>,
    /// The results of those that have ended.
    pub ran: Vec<Ran>,
}

/// Reads what a VM has sent, which ends anywhere if the VM has died.
///
/// # Errors
///
/// It is not in igt_runner's format.
pub fn read(bytes: &[u8]) -> Result<Stream> {
    let mut stream = Stream::default();
    let mut results = BTreeMap::new();
    for document in serde_json::Deserializer::from_slice(bytes).into_iter::<Document>() {
        let document = match document {
            Err(error) if error.is_eof() => break,
            document => document.context("igt_runner's results are not what they were")?,
        };
        stream.begun.extend(document.program);
        // What was run again is in two of them: the later counts.
        let ran = document.tests.into_iter().map(|(name, entry)| Ran {
            name: select::own_name(&name).to_owned(),
            why: entry.why(),
            word: entry.word(),
        });
        results.extend(ran.map(|ran| (ran.name.clone(), ran)));
    }
    stream.ran = results.into_values().collect();
    Ok(stream)
}

impl Ran {
    /// A test that was asked for and of which nothing was heard.
    pub fn incomplete(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            word: INCOMPLETE.to_owned(),
            why: "the program or the VM died".to_owned(),
        }
    }

    /// A test that was asked for, and for which no VM was left.
    pub fn not_run(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            word: NOT_RUN.to_owned(),
            why: "the time was over, or no VM came up".to_owned(),
        }
    }

    /// Says whether this is the result of a test that was asked for by that name.
    ///
    /// What a name's third part chooses is reported under the first two, and a program may have a
    /// subtest although it was asked for as a whole.
    pub fn answers(&self, asked: &str) -> bool {
        // igt_runner's results have all names in lower case.
        let (ran, asked) = (&self.name.to_lowercase(), &asked.to_lowercase());
        let within = |name: &str, start: &str| {
            name.strip_prefix(start)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
        };
        within(ran, asked) || within(asked, ran)
    }

    /// Says whether something went wrong: it neither passed nor lacked what it needs.
    pub fn is_bad(&self) -> bool {
        is_bad(&self.word)
    }
}

/// Says whether that word stands for something that went wrong.
pub fn is_bad(word: &str) -> bool {
    ![PASS, SKIP, NOT_RUN].contains(&word)
}

impl Entry {
    /// igt_runner's word; but who passed passed, whatever it wrote to stderr.
    fn word(self) -> String {
        let last = self.out.lines().rfind(|line| line.starts_with(SUBTEST));
        let has_passed = last.is_some_and(|line| line.contains(SUCCESS));
        match self.result == WARN && has_passed {
            true => PASS.to_owned(),
            false => self.result,
        }
    }

    /// Why the test ended as it did, if it did not pass, in the words of the test or the kernel.
    fn why(&self) -> String {
        let word = self.result.as_str();
        if word == PASS {
            return String::new();
        }
        let found = match word {
            TIMEOUT => Some("took longer than it may".to_owned()),
            SKIP => explained(&self.out, REQUIREMENT),
            _ if word.starts_with("dmesg") => warning(&self.dmesg),
            _ => explained(&self.err, ASSERTION).or_else(|| explained(&self.out, ASSERTION)),
        };
        let found = found.or_else(|| warning(&self.dmesg));
        let text = found.unwrap_or_default();
        text.chars().take(REASON).collect()
    }
}

/// The condition that stands behind `mark`, and in parentheses what the test says of it.
fn explained(text: &str, mark: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| !line.contains(mark));
    let (_, condition) = lines.next()?.split_once(mark)?;
    let more = lines
        .next()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !ENDS.iter().any(|end| line.starts_with(end)));
    Some(match more {
        Some(more) => format!("{condition} ({more})"),
        None => condition.to_owned(),
    })
}

/// The first of the kernel's messages that is a warning or worse; each begins with `<LEVEL> [TIME]`.
fn warning(messages: &str) -> Option<String> {
    messages.lines().find_map(|line| {
        let (level, rest) = line.strip_prefix('<')?.split_once('>')?;
        let serious = level.parse::<u32>().is_ok_and(|level| level <= WARNING);
        let text = rest.split_once("] ").map_or(rest, |(_, text)| text);
        serious.then(|| text.trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(name: &str) -> Ran {
        Ran::incomplete(name)
    }

    #[test]
    fn read_when_stream_breaks_off_then_has_what_was_whole() {
        let text = r#"{"program":"gem_a"}
            {"tests":{"igt@gem_a@x":{"result":"pass","out":"","time":{"end":0.1}}}}
            {"program":"gem_b"} {"tests":{"igt@gem_b@y":{"res"#;
        let stream = read(text.as_bytes()).unwrap();
        assert_eq!(stream.begun, ["gem_a", "gem_b"]);
        let [ran] = stream.ran.as_slice() else {
            panic!("one test has ended")
        };
        assert_eq!((ran.name.as_str(), ran.word.as_str()), ("gem_a@x", PASS));
    }

    #[test]
    fn read_when_a_test_was_run_twice_then_the_later_result() {
        let text = r#"{"tests":{"igt@gem_a@x":{"result":"notrun"}}}
            {"tests":{"igt@gem_a@x":{"result":"pass"}}}"#;
        let stream = read(text.as_bytes()).unwrap();
        assert_eq!(stream.ran.len(), 1);
        assert_eq!(stream.ran[0].word, PASS);
    }

    #[test]
    fn read_when_a_test_passed_and_wrote_to_stderr_then_passed() {
        let text = r#"{"tests":{
            "igt@gem_a@x":{"result":"warn","err":"odd","out":"Subtest x: SUCCESS (0.1s)\n"},
            "igt@gem_a@y":{"result":"warn","err":"odd","out":"Subtest y: FAIL (0.1s)\n"}}}"#;
        let stream = read(text.as_bytes()).unwrap();
        let words: Vec<_> = stream.ran.iter().map(|ran| ran.word.as_str()).collect();
        assert_eq!(words, [PASS, WARN]);
    }

    #[test]
    fn read_when_it_is_no_json_then_error() {
        assert!(read(b"{]").is_err());
    }

    #[test]
    fn why_when_skipped_then_requirement_and_what_is_said_of_it() {
        let entry = Entry {
            result: SKIP.to_owned(),
            out: "Test requirement not met in function f, file t.c:1:\n\
                  Test requirement: !(err)\nno firmware\nLast errno: 95\n"
                .to_owned(),
            err: String::new(),
            dmesg: String::new(),
        };
        assert_eq!(entry.why(), "!(err) (no firmware)");
    }

    #[test]
    fn why_when_kernel_warned_then_its_message() {
        let entry = Entry {
            result: "dmesg-warn".to_owned(),
            out: String::new(),
            err: String::new(),
            dmesg: "<6> [1.0] fine\n<4> [2.0] i915: not fine\n".to_owned(),
        };
        assert_eq!(entry.why(), "i915: not fine");
    }

    #[test]
    fn answers_when_names_differ_in_depth_then_still() {
        assert!(ran("gem_busy@busy").answers("gem_busy@busy@all-engines"));
        assert!(ran("gem_pread@basic").answers("gem_pread"));
        assert!(!ran("gem_pread@basic").answers("gem_pread@basic-2"));
        assert!(ran("gem_mmap_gtt@copy-xy").answers("gem_mmap_gtt@copy-XY"));
    }
}
