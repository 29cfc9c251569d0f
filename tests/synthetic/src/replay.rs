// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What accesses cost from end to end: those of a trace, and entries of the GGTT.
//!
//! Costs are in nanoseconds of the monotonic clock. In a VM whose clock advances by one nanosecond an
//! instruction (QEMU's `-icount shift=0`) these are instructions: all that the kernel and this
//! program execute between two looks at the clock. The line `nothing` says what the looks cost.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use anyhow::{bail, ensure, Context, Result};
use vfio_bindings::bindings::vfio::VFIO_PCI_BAR0_REGION_INDEX as BAR0;

use crate::guest::Guest;
use crate::registers::{GDRST, GDRST_DOMAINS, PAGE_SHIFT};

/// Entries of the GGTT that are written.
const ENTRIES: u64 = 512;
/// How often nothing is done.
const NOTHING: usize = 4096;
/// Bytes of the largest access.
const LARGEST: usize = 8;

/// An access of a trace, and the kind that it counts for.
struct Access<'a> {
    kind: &'a str,
    offset: u64,
    size: usize,
    value: Option<u64>,
}

impl<'a> Access<'a> {
    /// Understands `KIND r SIZE OFFSET` and `KIND w SIZE OFFSET VALUE`; the last two are hexadecimal.
    fn parse(line: &'a str) -> Result<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let (kind, size, offset, value) = match words[..] {
            [kind, "r", size, offset] => (kind, size, offset, None),
            [kind, "w", size, offset, value] => {
                (kind, size, offset, Some(u64::from_str_radix(value, 16)?))
            }
            _ => bail!("it is neither a read nor a write"),
        };
        let size = size.parse()?;
        ensure!(matches!(size, 1..=LARGEST), "no access has {size} bytes");
        Ok(Self {
            kind,
            offset: u64::from_str_radix(offset, 16)?,
            size,
            value,
        })
    }
}

/// The costs of one kind of access.
#[derive(Default)]
struct Costs(Vec<u64>);

impl Costs {
    fn add(&mut self, since: Instant) {
        let cost = since.elapsed().as_nanos();
        self.0.push(u64::try_from(cost).unwrap_or(u64::MAX));
    }

    /// The middle one, and the average.
    fn summary(&mut self) -> (u64, u64) {
        let Self(costs) = self;
        costs.sort_unstable();
        let middle = costs.get(costs.len() / 2).copied().unwrap_or_default();
        let sum: u128 = costs.iter().copied().map(u128::from).sum();
        let average = sum / costs.len().max(1) as u128;
        (middle, u64::try_from(average).unwrap_or(u64::MAX))
    }
}

/// Does the accesses of a trace, then writes entries of the GGTT, and prints for each kind a line
/// `KIND COUNT MEDIAN AVERAGE`.
///
/// # Errors
///
/// The trace or an access is wrong; the vGPU has ceased to serve its guest on the way, so that what was
/// counted is nothing.
pub fn replay(guest: &mut Guest<'_>, trace: &str, out: &mut impl Write) -> Result<()> {
    let accesses: Vec<Access<'_>> = trace
        .lines()
        .map(|line| Access::parse(line).with_context(|| format!("the trace has a line {line}")))
        .collect::<Result<_>>()?;
    let mut costs: BTreeMap<&str, Costs> = BTreeMap::new();
    for _ in 0..NOTHING {
        let start = Instant::now();
        costs.entry("nothing").or_default().add(start);
    }
    for access in &accesses {
        let cost = costs.entry(access.kind).or_default();
        one(guest, access, cost).with_context(|| format!("{:#x}", access.offset))?;
    }
    let [everything, ..] = GDRST_DOMAINS;
    guest.write32(GDRST, everything)?;
    ensure!(
        guest.read32(GDRST)? == 0,
        "the vGPU does not reset: it serves its guest no more"
    );
    // A guest's driver starts with empty tables.
    guest.restart()?;
    entries(guest, &mut costs)?;
    for (kind, costs) in &mut costs {
        let (median, average) = costs.summary();
        writeln!(out, "{kind} {} {median} {average}", costs.0.len())?;
    }
    Ok(())
}

/// Does one access.
fn one(guest: &mut Guest<'_>, access: &Access<'_>, cost: &mut Costs) -> Result<()> {
    let transport = guest.transport();
    let mut data = access.value.unwrap_or_default().to_le_bytes();
    let data = &mut data[..access.size];
    let start = Instant::now();
    let result = match access.value {
        None => transport.read(BAR0, access.offset, data),
        Some(_) => transport.write(BAR0, access.offset, data),
    };
    cost.add(start);
    black_box(data);
    Ok(result?)
}

/// Maps pages, one an entry, and then takes them out again.
fn entries(guest: &mut Guest<'_>, costs: &mut BTreeMap<&str, Costs>) -> Result<()> {
    let part = guest.aperture()?;
    let gma = |number: u64| part.start + (number << PAGE_SHIFT);
    for number in 0..ENTRIES {
        let start = Instant::now();
        guest.map(gma(number), number)?;
        costs.entry("entries-that-map").or_default().add(start);
    }
    for number in 0..ENTRIES {
        let start = Instant::now();
        guest.set_entry(gma(number), 0)?;
        costs.entry("entries-that-unmap").or_default().add(start);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_when_line_is_a_write_then_its_value() {
        let access = Access::parse("handled w 4 a188 10001").unwrap();
        assert_eq!(
            (access.kind, access.size, access.offset, access.value),
            ("handled", 4, 0xa188, Some(0x1_0001))
        );
    }

    #[test]
    fn parse_when_size_is_too_large_then_error() {
        assert!(Access::parse("plain r 9 0").is_err());
    }

    #[test]
    fn summary_when_one_is_far_off_then_median_is_not() {
        assert_eq!(Costs(vec![2, 1000, 1]).summary(), (2, 334));
    }
}
