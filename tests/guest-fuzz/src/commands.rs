// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Commands: rings, privileged batches, and batches of a restore.
//!
//! An input is one submission, audited alone. All commands that the C GVT-g knows are made, with
//! operands that are mostly addresses and registers. What is accepted is looked at by the second
//! opinion of kvmgt's own tests, which has other tables and other code.

use crate::bytes::Bytes;
use iface::registers::Platform;
use kvmgt_core::command::Work;
use kvmgt_core::hardware::Engine;
use std::sync::OnceLock;

#[path = "../../../kvmgt/src/command/tests/reference.rs"]
mod reference;
#[path = "../../../kvmgt/src/command/tests/scene.rs"]
#[allow(dead_code, reason = "tests of kvmgt use the rest")]
mod scene;
#[path = "../../../kvmgt/src/command/tests/submission.rs"]
mod submission;

use scene::{APERTURE, BATCH_END, FOREIGN, HIGH, OWN};
use submission::{run, Submission, BATCHES};

/// The list of all commands.
const TABLE: &str = include_str!("../../../kvmgt/src/command/tests/commands.tsv");
/// What a stock guest has submitted.
const CAPTURED: &str = include_str!("../../bench/submissions.trace");
/// The most dwords of a ring or batch; a ring has 16,384, and one of them is not used.
const DWORDS: usize = 2000;
/// Registers that commands mostly name: general ones, those of states, those that only a host
/// may write, and those of other engines.
const REGISTERS: [u32; 32] = [
    0x2600, 0x2678, 0x2310, 0x2358, 0x2400, 0x2430, 0x24d0, 0x2500, 0x2580, 0x20c0, 0x7004, 0x7014,
    0xb118, 0xe184, 0xe194, 0xc800, 0x5280, 0x1_2600, 0x2_2600, 0x1_a600, 0x2270, 0x229c, 0x2180,
    0x2080, 0x2230, 0x2244, 0x4_4050, 0x20d4, 0x2094, 0x2_2080, 0xb020, 0x20c8,
];
/// Bits of headers and of second dwords that choose: address spaces, sizes, what is written when.
const BITS: [u32; 16] = [
    1 << 2,
    1 << 8,
    1 << 10,
    1 << 14,
    1 << 15,
    1 << 16,
    1 << 19,
    1 << 20,
    1 << 21,
    1 << 22,
    1 << 23,
    1 << 24,
    1 << 18,
    1 << 7,
    1 << 4,
    1 << 1,
];

/// A command of the list: its header as it is with its shortest, or only, length.
struct Row {
    header: u32,
    /// Dwords; none if the header says how many.
    fixed: Option<usize>,
}

/// All commands of the list.
fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        let row = |line: &str| -> Option<Row> {
            let mut fields = line.split('\t').skip(1);
            let opcode = u32::from_str_radix(fields.next()?.strip_prefix("0x")?, 16).ok()?;
            let low = fields.next()?.split(':').nth(1)?.parse::<u32>().ok()?;
            let mut length = fields.nth(2)?.split(':');
            let (kind, first, second) = (length.next()?, length.next()?, length.next());
            let (bits, fixed) = match kind {
                "fixed" => (0, first.parse().ok()),
                "equal" => {
                    let dwords = second?.parse::<u32>().ok()?;
                    (dwords - 2, Some(dwords as usize))
                }
                _ => (0, None),
            };
            Some(Row {
                header: opcode << low | bits,
                fixed,
            })
        };
        lines.filter_map(row).collect()
    })
}

/// An operand.
fn operand(bytes: &mut Bytes<'_>) -> u32 {
    let edges = || [APERTURE.0, APERTURE.1, HIGH.0, HIGH.1].map(|end| (end as u32).wrapping_sub(8));
    match bytes.u8() {
        0..=79 => 0,
        80..=139 => OWN + u32::from(bytes.u16()) * 4,
        140..=155 => bytes.pick(&edges()) + 4 * u32::from(bytes.u8() % 4),
        156..=163 => FOREIGN,
        164..=211 => bytes.pick(&REGISTERS),
        212..=219 => bytes.pick(&BATCHES),
        220..=235 => bytes.pick(&BITS) | bytes.pick(&BITS) | bytes.pick(&BITS),
        _ => bytes.u32(),
    }
}

/// Adds a command to a ring or batch, or any dwords.
fn command(bytes: &mut Bytes<'_>, dwords: &mut Vec<u32>) {
    let choice = bytes.u8();
    if choice >= 240 {
        let count = 1 + usize::from(bytes.u8());
        dwords.extend((0..count).map(|_| bytes.u32()));
        return;
    }
    let rows = rows();
    let row = &rows[bytes.below(rows.len())];
    let mut header = row.header;
    for _ in 0..choice % 4 {
        header |= bytes.pick(&BITS);
    }
    let length = match row.fixed {
        Some(length) => length,
        None => {
            let more = bytes.u8() % 8;
            header |= u32::from(more);
            usize::from(more) + 2
        }
    };
    if choice >= 224 {
        header ^= u32::from(bytes.u8());
    }
    dwords.push(header);
    dwords.extend((1..length).map(|_| operand(bytes)));
}

/// What an input submits.
fn submission(bytes: &mut Bytes<'_>) -> Submission {
    let engine = bytes.pick(&Engine::ALL);
    let platform = bytes.pick(&Platform::ALL);
    let flags = bytes.u8();
    let restore = |bytes: &mut Bytes<'_>, is_there: bool| match is_there {
        true => bytes.pick(&BATCHES) | u32::from(bytes.u8() % 4),
        false => 0,
    };
    let work = Work {
        indirect_context: restore(bytes, flags & 2 != 0),
        per_context: restore(bytes, flags & 4 != 0),
        ..Work::default()
    };
    let mut parts = vec![Vec::new()];
    while !bytes.is_empty() {
        // A part ends here; the last one has the rest.
        if bytes.is_below(24) && parts.len() <= BATCHES.len() {
            parts.push(Vec::new());
        }
        if let Some(part) = parts.last_mut() {
            command(bytes, part);
        }
    }
    let mut parts = parts.into_iter().map(|mut part| {
        part.truncate(DWORDS);
        part
    });
    let ring = parts.next().unwrap_or_default();
    let mut batches: Vec<Vec<u32>> = parts.collect();
    if flags & 8 == 0 {
        batches.iter_mut().for_each(|batch| batch.push(BATCH_END));
    }
    Submission {
        engine,
        platform,
        ring,
        batches,
        work,
        has_status_page: flags & 1 == 0,
    }
}

/// An input whose ring holds these dwords, on the render engine of a Kaby Lake.
pub fn input_of(engine: Engine, dwords: &[u32]) -> Vec<u8> {
    let place = |at: Option<usize>| at.unwrap_or_default() as u8;
    let mut input = vec![
        place(Engine::ALL.iter().position(|other| *other == engine)),
        place(
            Platform::ALL
                .iter()
                .position(|other| *other == Platform::Kbl),
        ),
        0,
    ];
    for run in dwords.chunks(256) {
        // No new part; any dwords, so many.
        input.extend([u8::MAX, u8::MAX, (run.len() - 1) as u8]);
        input.extend(run.iter().flat_map(|dword| dword.to_le_bytes()));
    }
    input
}

/// Inputs that are what a stock guest has submitted, as benchmarks have it: engine, place, dwords.
pub fn captured() -> Vec<Vec<u8>> {
    let lines = CAPTURED.lines().filter(|line| !line.starts_with('#'));
    let input = |line: &str| {
        let mut words = line.split(' ');
        let engine = match words.next()? {
            "rcs0" => Engine::Rcs,
            "bcs0" => Engine::Bcs,
            "vcs0" => Engine::Vcs,
            _ => Engine::Vecs,
        };
        let dwords = words.skip(1).map(|word| u32::from_str_radix(word, 16));
        let dwords: Vec<u32> = dwords.collect::<Result<_, _>>().ok()?;
        Some(input_of(engine, &dwords))
    };
    lines.filter_map(input).collect()
}

/// Audits a submission.
///
/// # Panics
///
/// Something reaches the GPU that should not.
pub fn check(input: &[u8]) {
    let submission = submission(&mut Bytes::new(input));
    if let Err(why) = run(&submission) {
        panic!("{why}: {submission:x?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vfio_user_server::fuzz::generate::Random;

    #[test]
    fn rows_are_all_commands_of_the_list() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(rows().len(), lines.count());
        assert!(rows().len() >= 225);
    }

    #[test]
    fn generated_submissions_are_often_accepted() {
        let target = crate::Target::named("commands").unwrap();
        let mut random = Random::new(3);
        let accepted = (0..2000).filter(|_| {
            let input = target.generate(&mut random);
            run(&submission(&mut Bytes::new(&input[..input.len().min(40)]))).unwrap()
        });

        let accepted = accepted.count();
        // Of commands with operands at random one in ten or so breaks no rule.
        assert!(accepted > 100, "only {accepted}");
    }

    #[test]
    fn captured_inputs_are_there() {
        assert!(captured().len() >= 10);
    }

    #[test]
    fn input_of_dwords_is_a_ring_with_them() {
        let dwords: Vec<u32> = (0..600).collect();

        let submission = submission(&mut Bytes::new(&input_of(Engine::Bcs, &dwords)));

        assert_eq!(submission.ring, dwords);
        assert_eq!(
            (submission.engine, submission.platform),
            (Engine::Bcs, Platform::Kbl)
        );
    }
}
