// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is said of a guest that did what it must not.

use crate::address::{Gma, MmioOffset};
use crate::command;
use crate::gtt::entry::GuestEntry;
use crate::gtt::ppgtt::{self, Key, Kind};
use crate::hardware::Engine;
use crate::workload;
use core::fmt;
use kernel::prelude::*;

/// A guest did what it must not, or something failed for it. Level: warning, with a limit on the
/// rate; the vGPU's name stands in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// A fence that the host half did not take.
    Fence {
        /// Its number in the vGPU.
        index: u32,
        /// What the host half said.
        error: Error,
    },
    /// An entry of the GGTT that names no page that can be mapped.
    GgttEntry {
        /// What it translates.
        address: Gma,
        /// What the guest wrote.
        entry: GuestEntry,
        /// Why the page can't be mapped.
        error: Error,
    },
    /// An entry of the GGTT that the host half did not take.
    GgttWrite {
        /// What it translates.
        address: Gma,
        /// What the host half said; `ENOMEM`: there was no memory to keep it.
        error: Error,
    },
    /// An entry of a PPGTT that leads to scratch though it is present.
    PpgttEntry {
        /// The table.
        table: Key,
        /// The entry's number.
        index: usize,
        /// What the guest wrote.
        entry: u64,
        /// Why it leads there.
        why: ppgtt::Refusal,
    },
    /// A table of a PPGTT that can't be read.
    PpgttTable {
        /// The table.
        table: Key,
        /// What the guest's memory said.
        error: Error,
    },
    /// The guest announced an address space for which there is no room.
    PpgttSpace {
        /// What there is none of.
        error: Error,
    },
    /// A fence that would detile what is not the vGPU's; it is off.
    FenceRange {
        /// Its number in the vGPU.
        index: u32,
        /// What was written.
        value: u64,
    },
    /// A fence that the vGPU does not have was read or written.
    FenceIndex {
        /// Which one.
        index: u32,
        /// How many it has.
        count: u32,
    },
    /// A value that a register does not take.
    Register {
        /// The register's name.
        name: &'static str,
        /// Its offset.
        offset: MmioOffset,
        /// What was written.
        value: u32,
        /// The rule that it breaks, and what became of it.
        rule: &'static str,
    },
    /// A part of PVINFO was read in which there is nothing.
    PvinfoRead {
        /// The register.
        offset: MmioOffset,
    },
    /// A part of PVINFO was written that is not for writing.
    PvinfoWrite {
        /// The register.
        offset: MmioOffset,
        /// What was written.
        value: u32,
    },
    /// A notification that nobody knows.
    Notification(u32),
    /// A submission to an engine that is ignored.
    Submission {
        /// The engine.
        engine: Engine,
        /// The rule that it breaks.
        refusal: workload::Refusal,
    },
    /// Commands that are not executed, and with them all of their submission.
    Commands(command::Refusal),
    /// A submission that can't be executed for another reason.
    Launch {
        /// The engine.
        engine: Engine,
        /// What failed.
        error: Error,
    },
    /// A submission that was executed in part: the engine hung in it, or it was cancelled.
    Hung {
        /// The engine.
        engine: Engine,
        /// Whether the engine hung, or i915 took it for hung. Otherwise others waited for it for too
        /// long, and it was killed; or the host suspended, or has lost its GPU.
        by_itself: bool,
    },
    /// The vGPU does nothing more until it is reset.
    Failsafe(Failsafe),
}

/// Why a guest can't be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failsafe {
    /// Its driver does not know that it has a vGPU, or what a vGPU can't do.
    UnsupportedGuest,
    /// It says that its share of the GPU is too small.
    InsufficientResources,
}

/// A table of a PPGTT, by what it is and where.
struct Table<'a>(&'a Key);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0.kind {
            Kind::Pml4 => "page map level 4",
            Kind::Pdp => "page directory pointer table",
            Kind::Pd => "page directory",
            Kind::Pt => "page table",
            Kind::Pt64k => "page table of 64 KiB pages",
            Kind::Split(_) => "2 MiB page",
        };
        write!(f, "{name} at page {:#x}", self.0.gfn.0)
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fence { index, error } => {
                write!(
                    f,
                    "fence {index} is not written: error {}",
                    error.to_errno()
                )
            }
            Self::GgttEntry {
                address,
                entry,
                error,
            } => write!(
                f,
                "the GGTT entry of {address} leads nowhere: {entry} is not mapped: error {}",
                error.to_errno()
            ),
            Self::GgttWrite { address, error } => write!(
                f,
                "the GGTT entry of {address} is not written: error {}",
                error.to_errno()
            ),
            Self::PpgttEntry {
                table,
                index,
                entry,
                why,
            } => {
                write!(f, "entry {index} of the {} leads nowhere: ", Table(table))?;
                match why {
                    ppgtt::Refusal::Reach => write!(f, "{entry:#018x} is beyond the GPU's reach"),
                    ppgtt::Refusal::Gigabyte => write!(f, "{entry:#018x} maps 1 GiB"),
                    ppgtt::Refusal::Page(error) => {
                        write!(f, "{entry:#018x} is not mapped: error {}", error.to_errno())
                    }
                    ppgtt::Refusal::Table(error) => {
                        write!(f, "{entry:#018x} has no shadow: error {}", error.to_errno())
                    }
                }
            }
            Self::PpgttTable { table, error } => write!(
                f,
                "the {} leads nowhere: it is not read: error {}",
                Table(table),
                error.to_errno()
            ),
            Self::PpgttSpace { error } => write!(
                f,
                "an address space is not kept in mind: error {}",
                error.to_errno()
            ),
            Self::FenceRange { index, value } => write!(
                f,
                "fence {index} is off: {value:#x} is not inside the vGPU's aperture"
            ),
            Self::FenceIndex { index, count } => {
                write!(
                    f,
                    "there is no fence {index}: the vGPU has the first {count}"
                )
            }
            Self::Register {
                name,
                offset,
                value,
                rule,
            } => write!(f, "{value:#x} to register {name} ({offset}): {rule}"),
            Self::PvinfoRead { offset } => {
                write!(f, "PVINFO has nothing to read at register {offset}")
            }
            Self::PvinfoWrite { offset, value } => write!(
                f,
                "{value:#x} to register {offset} of PVINFO is ignored: it is not for writing"
            ),
            Self::Notification(number) => {
                write!(f, "notification {number} of PVINFO is unknown")
            }
            Self::Submission { engine, refusal } => {
                write!(f, "a submission to {} is ignored: {refusal}", engine.name())
            }
            Self::Commands(refusal) => write!(f, "{refusal}"),
            Self::Launch { engine, error } => write!(
                f,
                "a submission to {} is not executed: error {}",
                engine.name(),
                error.to_errno()
            ),
            Self::Hung { engine, by_itself } => write!(
                f,
                "a submission to {} {}",
                engine.name(),
                match by_itself {
                    true => "hangs",
                    false => "was cancelled: others waited for too long, or the host suspended",
                }
            ),
            Self::Failsafe(reason) => {
                f.write_str(match reason {
                    Failsafe::UnsupportedGuest => "the guest's driver does not know GVT-g",
                    Failsafe::InsufficientResources => "the guest needs a larger type of vGPU",
                })?;
                f.write_str(": the vGPU is failsafe and does nothing until it is reset")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Gfn;

    #[test]
    fn register_names_itself_the_value_and_the_rule() {
        let complaint = Complaint::Register {
            name: "TRTTE",
            offset: MmioOffset(0x4df4),
            value: 0x1,
            rule: "ignored, the table must have a virtual address",
        };

        assert_eq!(
            complaint.to_string(),
            "0x1 to register TRTTE (0x4df4): ignored, the table must have a virtual address"
        );
    }

    #[test]
    fn every_complaint_about_page_tables_is_one_line_that_names_the_table() {
        let table = Key {
            gfn: Gfn(0x123),
            kind: Kind::Pd,
        };
        let reasons = [
            ppgtt::Refusal::Reach,
            ppgtt::Refusal::Gigabyte,
            ppgtt::Refusal::Page(ENOMEM),
            ppgtt::Refusal::Table(ENOSPC),
        ];
        let entries = reasons.map(|why| Complaint::PpgttEntry {
            table,
            index: 7,
            entry: 0x5001,
            why,
        });
        let error = EFAULT;
        let of_table = Complaint::PpgttTable { table, error };
        for complaint in entries.into_iter().chain([of_table]) {
            let line = complaint.to_string();
            assert!(
                line.contains("page directory at page 0x123 leads nowhere"),
                "{line}"
            );
            assert!(!line.contains('\n'), "{line}");
        }
        assert!(!Complaint::PpgttSpace { error }.to_string().contains('\n'));
    }

    #[test]
    fn every_complaint_about_registers_is_one_line() {
        let offset = MmioOffset(0x7_8014);
        let complaints = [
            Complaint::Fence {
                index: 1,
                error: EBADF,
            },
            Complaint::FenceRange { index: 1, value: 1 },
            Complaint::FenceIndex { index: 4, count: 4 },
            Complaint::PvinfoRead { offset },
            Complaint::PvinfoWrite { offset, value: 1 },
            Complaint::Notification(9),
            Complaint::Failsafe(Failsafe::UnsupportedGuest),
            Complaint::Failsafe(Failsafe::InsufficientResources),
        ];
        for complaint in complaints {
            let line = complaint.to_string();
            assert!(!line.is_empty() && !line.contains('\n'), "{line}");
        }
    }
}
