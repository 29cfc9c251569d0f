// SPDX-License-Identifier: GPL-2.0 OR MIT
//! gvt-linux #60: commands of a valid but unusual length ended a guest's vGPU. What is right is
//! executed, and what is refused is really invalid.

use super::assert_clean;
use isolation::arena::{self, Arena};
use isolation::commands::{batch, batch_end, store};
use isolation::guest::{BATCH, DATA, ENGINES, FIRST};
use kvmgt_core::address::Gfn;
use kvmgt_core::hardware::Engine;

/// What is known of commands, which the core's tests compare its table with.
const FACTS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../kvmgt/src/command/tests/commands.tsv"
));
/// The GPU of the arena, as it is called there.
const GPU: &str = "KBL";
/// Commands that it has of blitter, render, video and video enhancement, but for PIPE_CONTROL.
const KNOWN: usize = 184;
/// What lengths lack of the dwords of a command.
const BIAS: u32 = 2;
/// A few of all lengths that fields can hold: the shortest, odd and even ones, and the longest of
/// fields with 8 bits, which most are.
const LENGTHS: [u32; 6] = [0, 1, 4, 15, 93, 0xff];
/// What is stored behind a command that was executed.
const DONE: u32 = 0x60;

/// What an engine stops at, of what the mediator passes: blits that end before their operands, which
/// it need not know; and a command of the render engine that the others decode as one without an end.
const STOPS: [(&str, u32, Engine); 9] = [
    ("XY_COLOR_BLT", 2, Engine::Bcs),
    ("XY_COLOR_BLT", 3, Engine::Bcs),
    ("XY_COLOR_BLT", 6, Engine::Bcs),
    ("XY_SRC_COPY_BLT", 2, Engine::Bcs),
    ("XY_SRC_COPY_BLT", 3, Engine::Bcs),
    ("XY_SRC_COPY_BLT", 6, Engine::Bcs),
    ("3DSTATE_VF_STATISTICS_GM45", 1, Engine::Bcs),
    ("3DSTATE_VF_STATISTICS_GM45", 1, Engine::Vcs),
    ("3DSTATE_VF_STATISTICS_GM45", 1, Engine::Vecs),
];
/// What is said of that.
const HANGS: &str = "hangs";

/// MI_LOAD_REGISTER_IMM, MI_STORE_DATA_IMM to the GGTT, MI_FLUSH_DW, PIPE_CONTROL, without their
/// lengths (PRM Vol 2a).
const LOAD: u32 = 0x1100_0000;
const STORE: u32 = 0x1040_0000;
const FLUSH: u32 = 0x1300_0000;
const PIPE_CONTROL: u32 = 0x7a00_0000;
/// The first of sixteen general purpose registers of an engine, from its base, and bytes from one to
/// the next.
const CS_GPR: u32 = 0x600;
const GPR_SIZE: u32 = 8;

/// A command that blitter, render, video or video enhancement decode, and its length field.
struct Fact {
    name: &'static str,
    header: u32,
    engines: Vec<Engine>,
    length: Length,
}

enum Length {
    Fixed(u32),
    Field(u32),
}

fn number(text: &str) -> u32 {
    let hex = text.strip_prefix("0x");
    let number = hex.map_or_else(|| text.parse(), |hex| u32::from_str_radix(hex, 16));
    number.expect("it is a number")
}

/// All of those that the GPU has; none of them reaches anything but the PPGTT.
fn facts() -> Vec<Fact> {
    let lines = FACTS.lines().filter(|line| !line.starts_with('#'));
    let fact = |line: &'static str| {
        let fields: Vec<_> = line.split('\t').collect();
        let [name, opcode, bits, engines, platforms, length, _] = fields[..] else {
            panic!("{line}");
        };
        let shift = match bits {
            "31:22" => 22,
            "31:16" => 16,
            _ => return None,
        };
        // A test of its own tells what it may be.
        if name == "PIPE_CONTROL" || !platforms.split('|').any(|known| known == GPU) {
            return None;
        }
        let is_on = |engine: &Engine| engines.split('|').any(|known| known == engine.name());
        let length: Vec<_> = length.split(':').collect();
        Some(Fact {
            name,
            header: number(opcode) << shift,
            engines: ENGINES.into_iter().filter(is_on).collect(),
            length: match length[..] {
                ["fixed", dwords] => Length::Fixed(number(dwords)),
                ["field", mask] => Length::Field(number(mask)),
                _ => panic!("{line}"),
            },
        })
    };
    lines.filter_map(fact).collect()
}

/// A guest executes a command in its ring, or in a batch of the GGTT, and something behind it. What
/// it was told of, unless it was executed.
fn refusal(
    arena: &mut Arena<'_>,
    engine: Engine,
    command: &[u32],
    in_batch: bool,
) -> Option<String> {
    let guest = arena.attacker();
    guest.complaints();
    let (place, data) = (guest.gma(BATCH), guest.gma(DATA));
    guest.store(Gfn(FIRST.0 + DATA), 0, 0);
    let commands = [command, &store(data, DONE)].concat();
    if in_batch {
        let commands = [commands, batch_end()].concat();
        guest.put(BATCH, &commands);
        arena.execute_with(engine, &batch(place));
    } else {
        arena.execute_with(engine, &commands);
    }
    let guest = arena.attacker();
    let done = guest.load(Gfn(FIRST.0 + DATA), 0) == DONE;
    let said = guest.complaints();
    if !done {
        guest.reset_engines();
    }
    (!done).then(|| said.join("; "))
}

#[test]
fn gvt_linux_60_every_length_that_a_command_can_have_is_executed() {
    let facts = facts();
    assert_eq!(facts.len(), KNOWN);
    let mut stopped = Vec::new();
    let verdict = arena::run(|arena| {
        for fact in facts {
            let lengths: Vec<(u32, u32)> = match fact.length {
                Length::Fixed(dwords) => vec![(fact.header, dwords)],
                Length::Field(mask) => LENGTHS
                    .into_iter()
                    .map(|length| (fact.header | length & mask, (length & mask) + BIAS))
                    .collect(),
            };
            for (number, (header, dwords)) in lengths.into_iter().enumerate() {
                let mut command = vec![0; dwords as usize];
                command[0] = header;
                for engine in &fact.engines {
                    let refusal = refusal(arena, *engine, &command, number % 2 == 1);
                    let name = fact.name;
                    if refusal.as_ref().is_some_and(|why| why.ends_with(HANGS)) {
                        stopped.push((name, dwords, *engine));
                        continue;
                    }
                    assert_eq!(refusal, None, "{name} of {dwords} dwords on {engine:?}");
                }
            }
        }
        arena.check_work();
    });
    assert_eq!(stopped, STOPS);
    assert_clean(&verdict, "all in all");
}

/// Loads of so many registers as `dwords` are enough for.
fn load(engine: Engine, dwords: u32) -> Vec<u32> {
    let base = isolation::host::engine_id(engine).mmio_base().0;
    let pairs = (0..dwords / 2).flat_map(|index| {
        let register = base + CS_GPR + index % 16 * GPR_SIZE;
        [register, index]
    });
    let mut command = vec![LOAD | (dwords - BIAS)];
    command.extend(pairs);
    command.resize(dwords as usize, base + CS_GPR);
    command
}

/// A command with that many dwords, which are zero but for those.
fn of(header: u32, dwords: u32, operands: &[u32]) -> Vec<u32> {
    let mut command = vec![header | (dwords - BIAS)];
    command.extend(operands);
    command.resize(dwords as usize, 0);
    command
}

#[test]
fn gvt_linux_60_privileged_commands_of_unusual_lengths_are_executed_if_they_are_right() {
    let verdict = arena::run(|arena| {
        let data = arena.guests[0].gma(DATA) as u32;
        for engine in ENGINES {
            // The batch of a Windows guest that ended its vGPU had 195 dwords, for 97 registers.
            let loads = [3, 5, 195, 255].map(|dwords| load(engine, dwords));
            let stores = [4, 5, 99, 900].map(|dwords| of(STORE, dwords, &[data]));
            let flushes = [2, 3, 4, 5].map(|dwords| of(FLUSH, dwords, &[]));
            let mut right: Vec<_> = loads.into_iter().chain(stores).chain(flushes).collect();
            if engine == Engine::Rcs {
                right.extend([2, 3, 4, 5, 6].map(|dwords| of(PIPE_CONTROL, dwords, &[1 << 20])));
            }
            for command in right {
                for in_batch in [false, true] {
                    let refusal = refusal(arena, engine, &command, in_batch);
                    assert_eq!(refusal, None, "{:#x} on {engine:?}", command[0]);
                }
            }
        }
    });
    assert_clean(&verdict, "all in all");
}

#[test]
fn gvt_linux_60_what_is_refused_for_its_length_is_invalid_and_hurts_nobody_else() {
    let verdict = arena::run(|arena| {
        let data = arena.guests[0].gma(DATA) as u32;
        for engine in ENGINES {
            let mut wrong = vec![
                // A register without a value.
                load(engine, 4),
                load(engine, 256),
                // No value at all, and half of one that has 64 bits.
                of(STORE, 3, &[data]),
                of(STORE | 1 << 21, 4, &[data]),
                // Longer than the command is.
                of(FLUSH, 6, &[]),
                // No place for the immediate data that it is to store.
                of(FLUSH | 1 << 14, 3, &[data | 1 << 2, 0]),
            ];
            if engine == Engine::Rcs {
                wrong.push(of(PIPE_CONTROL, 7, &[]));
            }
            for command in wrong {
                for in_batch in [false, true] {
                    let refusal = refusal(arena, engine, &command, in_batch);
                    let said = refusal.unwrap_or_else(|| panic!("{:#x} passed", command[0]));
                    let dwords = format!("{} dwords: ", command.len());
                    assert!(said.contains(&dwords), "{:#x}: {said}", command[0]);
                }
            }
            arena.check_work();
        }
    });
    assert_clean(&verdict, "all in all");
}
