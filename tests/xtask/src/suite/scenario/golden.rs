// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The golden snapshot is the GPU's reset state, taken before i915 programs anything.
//!
//! The proof is in the software GPU's log of register accesses, in its seed, which decides what
//! its registers come up with, and in the secrets that it plants.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{bail, ensure, Context as _, Result};
use gen9_gpu::seed::legal::ENGINE_BASES;
use gen9_gpu::{seed, Gpu, MmioOffset, NoInterrupts, Options, VecMemory};
use iface::registers::{self, Range, Source, DWORD, MMIO_SIZE};

use crate::suite::{Context, Count};

/// The GPU's seeds.
const SEEDS: [u64; 3] = [1, 2, 0xfeed_face_cafe_beef];
/// Kaby Lake GT2 has one video engine.
const VCS1: bool = false;

/// Prints the file that has the golden state.
const SCRIPT: &str = "modprobe kvmgt\ncat /sys/bus/pci/devices/0000:00:02.0/gvt_firmware";
/// Bytes of the file: the header, the configuration space, the registers.
pub const FILE_SIZE: usize = MMIO_OFFSET + MMIO_SIZE as usize;
/// Where the registers begin in the file (observed: i915 of Linux 6.12, `gvt/firmware.c`).
const MMIO_OFFSET: usize = 48 + 4096;

/// Requests to keep a power domain awake (observed: i915 `FORCEWAKE_GT_GEN9`, `_MEDIA_`,
/// `_RENDER_`).
const FORCEWAKE: [u32; 3] = [0xa188, 0xa270, 0xa278];
/// `FPGA_DBG`, whose top bit tells of accesses that nobody claimed.
const UNCLAIMED: u32 = 0x4_2300;
/// `RING_HWSTAM` of an engine, from its base.
const RING_HWSTAM: u32 = 0x98;
/// `RING_RESET_CTL` of an engine, from its base.
const RING_RESET_CTL: u32 = 0xd0;
/// `GDRST`, which resets engines.
const GDRST: u32 = 0x941c;

/// `SFUSE_STRAP`: straps of the board, which are not part of the GPU's own reset.
const SFUSE_STRAP: u32 = 0xc_2014;

/// Error registers that i915 clears when it has found its engines, just before it resets them
/// (observed: i915 `intel_gt_check_and_clear_faults`): `PGTBL_ER`, `IPEIR`, `EIR`,
/// `GEN8_RING_FAULT_REG`.
const ERRORS: [u32; 4] = [0x2024, 0x2064, 0x20b0, 0x4094];

/// Says whether i915 may write a register before the snapshot.
fn is_allowed(offset: u32) -> bool {
    let of_engine = |register| ENGINE_BASES.iter().any(|base| base + register == offset);
    FORCEWAKE.contains(&offset)
        || ERRORS.contains(&offset)
        || [UNCLAIMED, GDRST].contains(&offset)
        || of_engine(RING_HWSTAM)
        || of_engine(RING_RESET_CTL)
}

/// For each seed: the log, the values, the secrets.
pub fn pristine(context: &Context) -> Result<Count> {
    let mut files: Vec<Vec<u8>> = Vec::new();
    for seed in SEEDS {
        let file = one_seed(context, seed).with_context(|| format!("seed {seed:#x}"))?;
        ensure!(
            !files.contains(&file),
            "seed {seed:#x} has the golden state of another seed"
        );
        files.push(file);
    }
    Ok(Count {
        passed: SEEDS.len() as u32,
        failed: 0,
    })
}

/// A golden state with the GPU that it is of.
pub fn file(context: &Context) -> Result<(Options, Vec<u8>)> {
    let shell = context.host()?.check(SCRIPT)?;
    Ok((Options::default(), shell.bytes().to_vec()))
}

fn one_seed(context: &Context, seed: u64) -> Result<Vec<u8>> {
    let options = Options::parse(&format!("kbl,seed={seed}"))?;
    let folder = tempfile::tempdir()?;
    let accesses = folder.path().join("accesses");
    let mut guest = context.host()?.gpu(&format!("kbl,seed={seed}"));
    guest.vm.accesses = Some(accesses.clone());
    let file = guest.check(SCRIPT)?.bytes().to_vec();
    ensure!(
        file.len() == FILE_SIZE,
        "gvt_firmware has {} bytes, not {FILE_SIZE}",
        file.len()
    );

    let snapshot = check_log(&options, &read_log(&accesses)?)?;
    check_values(&options, &file, &snapshot)?;
    check_secrets(&options, &file)?;
    Ok(file)
}

/// One line of the log that is about a register.
#[derive(Clone, Copy, Debug)]
struct Access {
    is_read: bool,
    offset: u32,
    size: u32,
    value: u32,
}

/// The same GPU as the VM's, before anybody drives it.
fn power_on(options: &Options) -> Gpu {
    Gpu::new(
        options.clone(),
        Arc::new(VecMemory::new(0)),
        Box::new(NoInterrupts),
    )
}

fn read_log(file: &Path) -> Result<Vec<Access>> {
    let text = std::fs::read_to_string(file).context("the software GPU left no log")?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| parse(line).with_context(|| format!("a line of the log reads {line}")))
        .filter_map(Result::transpose)
        .collect()
}

/// Understands a line of the log; one about another space is nothing.
fn parse(line: &str) -> Result<Option<Access>> {
    let words: Vec<&str> = line.split('\t').collect();
    let [_, _, space, direction, offset, size, value] = words[..] else {
        bail!("expected seven words");
    };
    let hex = |word: &str| u64::from_str_radix(word.trim_start_matches("0x"), 16);
    if space != "register" {
        return Ok(None);
    }
    Ok(Some(Access {
        is_read: direction == "read",
        offset: hex(offset)? as u32,
        size: size.parse()?,
        // Registers of more than a dword are not part of the snapshot.
        value: hex(value)? as u32,
    }))
}

/// The offsets that the snapshot reads, in its order.
fn expected_reads(options: &Options) -> Vec<u32> {
    registers::hardware_ranges(seed::contract_platform(options.platform), VCS1)
        .flat_map(dwords)
        .collect()
}

/// The registers that the snapshot reads, in its order, with the values that a GPU comes up with.
pub fn come_up(options: &Options) -> impl Iterator<Item = (u32, u32)> {
    let gpu = power_on(options);
    expected_reads(options).into_iter().map(move |offset| {
        let value = gpu.uncore().reset_value(MmioOffset(offset));
        (offset, value)
    })
}

fn dwords(range: Range) -> impl Iterator<Item = u32> {
    (range.offset..range.end()).step_by(DWORD as usize)
}

/// Finds the snapshot in the log, looks at the writes before its end, and returns it.
fn check_log(options: &Options, log: &[Access]) -> Result<Vec<Access>> {
    let expected = expected_reads(options);
    let (snapshot, end) = find_snapshot(&expected, log)?;
    let wrong: BTreeSet<u32> = log[..end]
        .iter()
        .filter(|access| !access.is_read)
        .map(|access| access.offset)
        // What is written must not count as a reset state, either.
        .filter(|offset| !is_allowed(*offset) || expected.contains(offset))
        .collect();
    ensure!(
        wrong.is_empty(),
        "i915 wrote {wrong:#x?} before the last read of the snapshot"
    );
    Ok(snapshot)
}

/// The first reads of exactly the expected registers in their order, none in between, and where
/// in the log they end.
fn find_snapshot(expected: &[u32], log: &[Access]) -> Result<(Vec<Access>, usize)> {
    let reads: Vec<usize> = (0..log.len()).filter(|place| log[*place].is_read).collect();
    let mut longest = 0;
    for first in 0..reads.len() {
        let matching = reads[first..]
            .iter()
            .zip(expected)
            .take_while(|(place, offset)| {
                log[**place].offset == **offset && log[**place].size == DWORD
            })
            .count();
        if matching == expected.len() {
            let places = &reads[first..first + matching];
            let snapshot = places.iter().map(|place| log[*place]).collect();
            let end = places.last().map_or(0, |place| place + 1);
            return Ok((snapshot, end));
        }
        longest = longest.max(matching);
    }
    bail!(
        "no run of reads in the log is the snapshot: the longest has {longest} of {}",
        expected.len()
    )
}

/// The file has the reset value of what is taken from hardware, and the default of all else.
fn check_values(options: &Options, file: &[u8], snapshot: &[Access]) -> Result<()> {
    let table = seed::contract_platform(options.platform);
    let gpu = power_on(options);
    let hardware: BTreeSet<u32> = snapshot.iter().map(|access| access.offset).collect();
    let mut wrong = Vec::new();
    for offset in (0..MMIO_SIZE).step_by(DWORD as usize) {
        let expected = if offset == SFUSE_STRAP {
            gpu.uncore().peek(MmioOffset(offset))
        } else if hardware.contains(&offset) {
            gpu.uncore().reset_value(MmioOffset(offset))
        } else {
            registers::find(table, VCS1, offset)
                .filter(|row| row.source != Source::Hardware)
                .map_or(0, |row| row.default)
        };
        let found = register(file, offset);
        if found != expected {
            wrong.push(format!("{offset:#x}: {found:#x}, not {expected:#x}"));
        }
    }
    ensure!(
        wrong.is_empty(),
        "{} registers are not as they come up: {}",
        wrong.len(),
        wrong.join("; ")
    );
    let differs = snapshot
        .iter()
        .find(|access| register(file, access.offset) != access.value);
    ensure!(
        differs.is_none(),
        "the file has not what was read: {differs:x?}"
    );
    Ok(())
}

/// The register at `offset` in a file.
pub fn register(file: &[u8], offset: u32) -> u32 {
    word(&file[MMIO_OFFSET + offset as usize..])
}

/// The dword that bytes begin with.
fn word(bytes: &[u8]) -> u32 {
    let (low, _) = bytes.split_at(DWORD as usize);
    low.iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

/// The GPU has its secrets, and the file has none of them, at any byte.
///
/// A secret of eight bytes is two of four, so that these are found as well.
fn check_secrets(options: &Options, file: &[u8]) -> Result<()> {
    let gpu = power_on(options);
    let planted: Vec<_> = seed::secrets(options.platform, options.seed).collect();
    let missing: Vec<_> = planted
        .iter()
        .filter(|(offset, value)| gpu.uncore().peek(*offset) != *value)
        .map(|(offset, _)| offset.0)
        .collect();
    ensure!(
        !planted.is_empty() && missing.is_empty(),
        "the GPU does not come up with {} of {} secrets: {missing:#x?}",
        missing.len(),
        planted.len()
    );
    let secrets: BTreeSet<u32> = planted
        .into_iter()
        .map(|(_, value)| value)
        .chain(seed::config_secrets(options.seed).map(|(_, value)| value))
        .collect();
    for (place, bytes) in file.windows(DWORD as usize).enumerate() {
        let value = word(bytes);
        let aligned = place % DWORD as usize == 0;
        let is_secret = secrets.contains(&value) || (aligned && seed::is_secret(value));
        ensure!(
            !is_secret,
            "the secret {value:#x} is in the file at {place:#x}"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(is_read: bool, offset: u32) -> Access {
        Access {
            is_read,
            offset,
            size: DWORD,
            value: 0,
        }
    }

    #[test]
    fn parse_when_line_is_about_configuration_space_then_nothing() {
        assert!(parse("0\t5\tconfig\tread\t0x000000\t4\t0x59168086")
            .unwrap()
            .is_none());
        assert!(parse("0\t5\tregister").is_err());
    }

    #[test]
    fn parse_when_line_is_a_write_then_offset_and_value() {
        let access = parse("7\t5\tregister\twrite\t0x00a188\t4\t0x10001")
            .unwrap()
            .unwrap();

        assert!(!access.is_read);
        assert_eq!(
            (access.offset, access.size, access.value),
            (0xa188, 4, 0x1_0001)
        );
    }

    #[test]
    fn find_snapshot_when_a_write_is_between_then_found_behind_it() {
        let log = [
            access(true, 4),
            access(true, 4),
            access(false, 0xa188),
            access(true, 8),
            access(false, 4),
        ];

        let (snapshot, end) = find_snapshot(&[4, 8], &log).unwrap();

        assert_eq!((snapshot.len(), end), (2, 4));
    }

    #[test]
    fn find_snapshot_when_a_foreign_read_is_between_then_error() {
        let log = [access(true, 4), access(true, 0x2000), access(true, 8)];

        assert!(find_snapshot(&[4, 8], &log).is_err());
    }

    #[test]
    fn is_allowed_when_register_is_a_ring_start_then_no() {
        assert!(is_allowed(0x2_2098) && is_allowed(0x20d0) && is_allowed(GDRST));
        assert!(!is_allowed(0x2038));
    }
}
