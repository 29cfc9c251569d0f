// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The accesses of a booting guest to BAR 0, as `boot.trace` has them.
//!
//! A line is one access, or says that accesses come once more:
//!
//! ```text
//! r 4 44200          reads 4 bytes at 0x44200
//! w 4 a188 10001     writes 0x10001 there
//! = 2 6              six accesses as those that begin two accesses back
//! ```
//!
//! A driver that polls, or moves the lines of a bus, makes few lines so.
//!
//! What a read gave is not kept: it is the vGPU that answers.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use anyhow::{bail, ensure, Context, Error, Result};

/// The trace of the tree. `cargo xtask bench --capture` makes it.
const BOOT: &str = include_str!("../boot.trace");
/// So many accesses are worth a line that says that they come once more.
const AGAIN: usize = 3;
/// The most accesses of such a line, against damaged files.
const AGAIN_MAX: usize = 1 << 20;

/// What the software GPU's log says where it has left something out.
const GAP: &str = "#dropped";

/// One access to BAR 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// Offset in BAR 0.
    pub offset: u64,
    /// Bytes: 1, 2, 4 or 8.
    pub size: usize,
    /// What is written; nothing if it is a read.
    pub value: Option<u64>,
}

impl Access {
    /// Whether it is a write.
    pub fn is_write(&self) -> bool {
        self.value.is_some()
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offset, size, .. } = self;
        match self.value {
            None => write!(f, "r {size} {offset:x}"),
            Some(value) => write!(f, "w {size} {offset:x} {value:x}"),
        }
    }
}

/// Accesses in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace(pub Vec<Access>);

impl Trace {
    /// That of the guest in the tree.
    pub fn boot() -> Result<Self> {
        BOOT.parse().context("boot.trace")
    }

    /// The accesses to BAR 0 in a log of the software GPU.
    ///
    /// # Errors
    ///
    /// It is no log, or a log with a gap.
    pub fn of_log(log: &str) -> Result<Self> {
        ensure!(!log.contains(GAP), "the log has a gap");
        let lines = log.lines().filter(|line| !line.starts_with('#'));
        let accesses = lines
            .map(|line| logged(line).with_context(|| format!("a line of the log reads {line}")))
            .filter_map(Result::transpose);
        accesses.collect::<Result<_>>().map(Self)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(accesses) = self;
        // Where the accesses that a key has were seen last.
        let mut seen = HashMap::new();
        let mut at = 0;
        while let Some(access) = accesses.get(at) {
            let key = |place: usize| accesses.get(place..place + AGAIN);
            let before = key(at).and_then(|key| seen.get(key).copied());
            let count = match before {
                None => {
                    writeln!(f, "{access}")?;
                    1
                }
                Some(before) => {
                    let pairs = accesses[before..].iter().zip(&accesses[at..]);
                    let alike = pairs.take(AGAIN_MAX).take_while(|(old, new)| old == new);
                    let count = alike.count();
                    writeln!(f, "= {} {count}", at - before)?;
                    count
                }
            };
            seen.extend((at..at + count).filter_map(|place| Some((key(place)?, place))));
            at += count;
        }
        Ok(())
    }
}

impl FromStr for Trace {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut accesses = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            add(&mut accesses, line)
                .with_context(|| format!("a line of the trace reads {line}"))?;
        }
        Ok(Self(accesses))
    }
}

/// Adds what a line of a trace says.
fn add(accesses: &mut Vec<Access>, line: &str) -> Result<()> {
    let words: Vec<&str> = line.split(' ').collect();
    let (size, offset, value) = match words[..] {
        ["r", size, offset] => (size, offset, None),
        ["w", size, offset, value] => (size, offset, Some(hex(value)?)),
        ["=", back, count] => return repeat(accesses, back.parse()?, count.parse()?),
        _ => bail!("it is none of the three kinds"),
    };
    let size = size.parse()?;
    ensure!(matches!(size, 1 | 2 | 4 | 8), "no access has {size} bytes");
    accesses.push(Access {
        offset: hex(offset)?,
        size,
        value,
    });
    Ok(())
}

/// Adds `count` accesses as those from `back` accesses back on; they may be among what is added.
fn repeat(accesses: &mut Vec<Access>, back: usize, count: usize) -> Result<()> {
    ensure!(count <= AGAIN_MAX, "{count} accesses are too many");
    let first = accesses.len().checked_sub(back);
    let first = first
        .filter(|_| back > 0)
        .context("there is no such access")?;
    for place in first..first + count {
        accesses.push(accesses[place]);
    }
    Ok(())
}

/// Understands a line of the software GPU's log; one about configuration space is nothing.
fn logged(line: &str) -> Result<Option<Access>> {
    let words: Vec<&str> = line.split('\t').collect();
    let [_, _, space, direction, offset, size, value] = words[..] else {
        bail!("expected seven words");
    };
    if space != "register" {
        return Ok(None);
    }
    let value = match direction {
        "read" => None,
        "write" => Some(hex(value)?),
        other => bail!("{other} is no direction"),
    };
    Ok(Some(Access {
        offset: hex(offset)?,
        size: size.parse()?,
        value,
    }))
}

fn hex(word: &str) -> Result<u64> {
    let digits = word.strip_prefix("0x").unwrap_or(word);
    u64::from_str_radix(digits, 16).with_context(|| format!("{word} is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(size: usize, offset: u64, value: u64) -> Access {
        Access {
            offset,
            size,
            value: Some(value),
        }
    }

    fn read(offset: u64) -> Access {
        Access {
            offset,
            size: 4,
            value: None,
        }
    }

    #[test]
    fn display_when_accesses_come_again_then_few_lines_that_parse_to_the_same() {
        let mut accesses = vec![write(4, 0xa188, 0x1_0001)];
        accesses.extend([read(0x13_0044); 7]);
        for _ in 0..5 {
            accesses.extend([read(0xc_5024), write(4, 0xc_5024, 1), write(8, 8, u64::MAX)]);
        }
        let trace = Trace(accesses);

        let text = trace.to_string();

        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "w 4 a188 10001",
                "r 4 130044",
                "= 1 6",
                "r 4 c5024",
                "w 4 c5024 1",
                "w 8 8 ffffffffffffffff",
                "= 3 12",
            ]
        );
        assert_eq!(text.parse::<Trace>().unwrap(), trace);
    }

    #[test]
    fn parse_when_line_is_damaged_then_error() {
        for line in ["x 4 0", "r 3 0", "w 4 0", "r 4 0 7", "= 1 1"] {
            assert!(line.parse::<Trace>().is_err(), "{line}");
        }
        for line in ["= 0 1", "= 2 1", "= 1 9999999"] {
            assert!(format!("r 4 0\n{line}").parse::<Trace>().is_err(), "{line}");
        }
    }

    #[test]
    fn of_log_when_lines_are_about_both_spaces_then_only_registers() {
        let log = "#sequence\n\
            0\t5\tconfig\tread\t0x000000\t4\t0x59168086\n\
            1\t5\tregister\tread\t0x044200\t4\t0x1\n\
            2\t5\tregister\twrite\t0x00a188\t4\t0x10001\n";

        let trace = Trace::of_log(log).unwrap();

        assert_eq!(trace.0, [read(0x44200), write(4, 0xa188, 0x1_0001)]);
        assert!(Trace::of_log("0\t5\tregister").is_err());
        assert!(Trace::of_log(&format!("{log}#dropped\t4\n")).is_err());
    }
}
