// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Why commands are refused.

use super::stream::Origin;
use crate::address::{Gma, MmioOffset};
use crate::hardware::Engine;
use core::fmt;
use kernel::prelude::*;

/// A command that does not reach the GPU, and with it all that was submitted together.
///
/// Formats as one line: the engine, the command, where the guest has it, and the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The engine that it was for.
    pub engine: Engine,
    /// What it stands in.
    pub origin: Origin,
    /// Where in that, in bytes from its front.
    pub offset: u64,
    /// Its name; none if it is no command, or if nothing can be executed at all.
    pub command: Option<&'static str>,
    /// The rule that it breaks.
    pub rule: Rule,
}

/// A rule that a command breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The engine has no command with such a header.
    Unknown {
        /// The header.
        header: u32,
    },
    /// No vGPU has that command.
    Forbidden(&'static str),
    /// It is too long, too short, or what it says of its length contradicts itself.
    Length {
        /// Its dwords.
        dwords: u32,
        /// What is wrong about that.
        rule: &'static str,
    },
    /// What it stands in ends before it does.
    Truncated {
        /// Its dwords.
        dwords: u32,
    },
    /// It reaches memory of the GGTT that is not the vGPU's own.
    Address {
        /// The first byte.
        first: Gma,
        /// So many.
        bytes: u64,
    },
    /// What it stands in can't be read from the guest's memory.
    Unreadable {
        /// The first byte.
        first: Gma,
        /// Why.
        error: Error,
    },
    /// It reaches a register that is not for commands, or not so.
    Register {
        /// The register.
        offset: MmioOffset,
        /// What it would do with it.
        verb: &'static str,
    },
    /// It loads a value that the register must not get.
    Value {
        /// The register.
        offset: MmioOffset,
        /// The value.
        value: u32,
    },
    /// A dword of it says what it must not.
    Operand {
        /// The dword.
        value: u32,
        /// What is wrong about it.
        rule: &'static str,
    },
    /// It is more than one submission may bring.
    Budget {
        /// How much that is.
        limit: u32,
        /// Of what.
        unit: &'static str,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            engine,
            origin,
            offset,
            command,
            rule,
        } = self;
        write!(f, "{} refused: ", engine.name())?;
        if let Some(command) = command {
            write!(f, "{command} ")?;
        }
        write!(f, "at {offset:#x} of {origin}: {rule}")
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { header } => write!(f, "{header:#x} is no command"),
            Self::Forbidden(reason) => f.write_str(reason),
            Self::Length { dwords, rule } => write!(f, "{dwords} dwords: {rule}"),
            Self::Truncated { dwords } => write!(f, "its {dwords} dwords reach beyond the end"),
            Self::Address { first, bytes } => {
                write!(
                    f,
                    "{bytes} bytes at GGTT address {first} are not the vGPU's"
                )
            }
            Self::Unreadable { first, error } => write!(
                f,
                "GGTT address {first} can't be read: error {}",
                error.to_errno()
            ),
            Self::Register { offset, verb } => {
                write!(f, "register {offset} is not for commands to {verb}")
            }
            Self::Value { offset, value } => {
                write!(f, "{value:#x} is not for register {offset}")
            }
            Self::Operand { value, rule } => write!(f, "{value:#x}: {rule}"),
            Self::Budget { limit, unit } => {
                write!(f, "one submission has at most {limit} {unit}")
            }
        }
    }
}

/// Why the audit stopped before a rule was broken, or because one was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The guest's commands are not for the GPU.
    Refused(Refusal),
    /// The host can't go on; the guest has done nothing wrong.
    Host(Error),
}

/// The same, before it is known which command it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A rule is broken.
    Rule(Rule),
    /// The host can't go on.
    Host(Error),
}

impl From<Rule> for Fault {
    fn from(rule: Rule) -> Self {
        Self::Rule(rule)
    }
}

impl From<kernel::alloc::AllocError> for Fault {
    fn from(error: kernel::alloc::AllocError) -> Self {
        Self::Host(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(command: Option<&'static str>, origin: Origin, rule: Rule) -> String {
        let refusal = Refusal {
            engine: Engine::Rcs,
            origin,
            offset: 0x40,
            command,
            rule,
        };
        refusal.to_string()
    }

    #[test]
    fn refusal_names_engine_command_place_and_rule() {
        let rule = Rule::Address {
            first: Gma(0x1000),
            bytes: 8,
        };

        assert_eq!(
            line(Some("PIPE_CONTROL"), Origin::Ring, rule),
            "RCS refused: PIPE_CONTROL at 0x40 of the ring: 8 bytes at GGTT address 0x1000 are \
             not the vGPU's"
        );
    }

    #[test]
    fn refusal_of_no_command_names_the_header() {
        let batch = Origin::Batch {
            address: Gma(0x8000),
            second: true,
        };

        assert_eq!(
            line(
                None,
                batch,
                Rule::Unknown {
                    header: 0xdead_beef
                }
            ),
            "RCS refused: at 0x40 of the second-level batch at 0x8000: 0xdeadbeef is no command"
        );
    }

    #[test]
    fn every_refusal_is_one_line() {
        let (first, offset) = (Gma(0), MmioOffset(0x2000));
        let rules = [
            Rule::Forbidden("no"),
            Rule::Length {
                dwords: 3,
                rule: "no",
            },
            Rule::Truncated { dwords: 3 },
            Rule::Unreadable {
                first,
                error: EFAULT,
            },
            Rule::Register {
                offset,
                verb: "load",
            },
            Rule::Value { offset, value: 1 },
            Rule::Operand {
                value: 1,
                rule: "no",
            },
            Rule::Budget {
                limit: 1,
                unit: "batches",
            },
        ];
        for rule in rules {
            let line = line(Some("MI_NOOP"), Origin::Ring, rule);
            assert!(line.starts_with("RCS refused: MI_NOOP at 0x40 of the ring: "));
            assert!(!line.contains('\n') && !line.ends_with('.'), "{line}");
        }
    }
}
