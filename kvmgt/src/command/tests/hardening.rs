// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What broke in the C GVT-g, by the numbers of the project's hardening list.

use super::*;

#[test]
fn s_21_index_of_a_status_page_that_was_never_set_is_refused() {
    let unset = Setting {
        status_page: None,
        ..setting(Engine::Rcs)
    };
    let flush = [0x1300_4002 | 1 << 21, 0x40 | 4, 0, 7];
    let control = [PIPE_CONTROL, 0x0120_4000, 0x40, 0, 7, 0];
    for commands in [&flush[..], &control[..]] {
        assert!(submit(commands).is_ok());
        let rule = rule(submit_to(&unset, commands));
        assert!(matches!(rule, Rule::Forbidden(_)), "{rule}");
    }
}

#[test]
fn s_22_force_to_nonpriv_takes_only_registers_of_the_list_by_any_command() {
    let loads = |slot, value| -> [Vec<u32>; 2] {
        [
            std::vec![LOAD, slot, value, NOOP],
            std::vec![PIPE_CONTROL, 1 << 23, slot, 0, value, 0],
        ]
    };
    for slot in (0x24d0..0x2500).step_by(4) {
        for value in [0xe48c, 0x7300, 0x2094, 0xb118] {
            for commands in loads(slot, value) {
                assert!(submit(&commands).is_ok(), "{value:#x}");
            }
        }
        for value in [0x229c, 0x2080, 0x4_4050, 0x2270, 0xe48c + 4] {
            for commands in loads(slot, value) {
                let offset = MmioOffset(slot);
                assert_eq!(refused(&commands), Rule::Value { offset, value });
            }
        }
        // Half a value makes another one of what is there; what is in memory nobody knows.
        assert!(matches!(
            refused(&[LOAD | 1 << 8, slot, 0xe48c]),
            Rule::Value { .. }
        ));
        assert!(matches!(
            refused(&[0x14c0_0002, slot, OWN, 0]),
            Rule::Register { .. }
        ));
        assert!(matches!(
            refused(&[0x1500_0001, 0x2600, slot]),
            Rule::Register { .. }
        ));
    }
}

#[test]
fn s_50_ring_whose_tail_or_head_is_beyond_it_is_refused_and_nothing_is_read() {
    let (mut ram, work) = ring(&[NOOP; 2]);
    let size = RING_PAGES * 4096;
    let wrong = [
        Work {
            ring_tail: 0x1f_fff8,
            ..work
        },
        Work {
            ring_tail: size,
            ..work
        },
        Work {
            ring_head: size,
            ..work
        },
        Work {
            ring_tail: 4,
            ..work
        },
        Work {
            ring_start: RING + 4,
            ..work
        },
    ];
    for work in wrong {
        let rule = rule(audit(&setting(Engine::Rcs), &mut ram, &work));
        assert!(matches!(rule, Rule::Operand { .. }), "{rule}");
    }
    assert!(ram.reads.is_empty());
}

#[test]
fn s_50_ring_that_is_not_in_the_vgpus_own_ggtt_is_refused() {
    let (mut ram, work) = ring(&[NOOP; 2]);
    for ring_start in [0, FOREIGN, APERTURE.0 as u32 - 4096, APERTURE.1 as u32] {
        let work = Work { ring_start, ..work };
        let rule = rule(audit(&setting(Engine::Rcs), &mut ram, &work));
        assert_eq!(rule, not_own(ring_start, 8));
    }
    // What is filled counts, wherever the ring's other end is.
    let ring_start = APERTURE.1 as u32 - 4096;
    let work = Work {
        ring_start,
        ring_head: 0xff8,
        ring_tail: 0x1008,
        ..work
    };
    assert_eq!(
        rule(audit(&setting(Engine::Rcs), &mut ram, &work)),
        not_own(ring_start + 0xff8, 16)
    );
}

#[test]
fn s_51_flush_that_writes_a_qword_is_audited_like_any() {
    let flush = |address, high| refused(&[0x1300_4003, address | 4, high, 1, 2]);

    assert_eq!(flush(FOREIGN, 0), not_own(FOREIGN, 8));
    assert_eq!(flush(APERTURE.1 as u32, 0), not_own(APERTURE.1 as u32, 8));
    assert!(matches!(flush(OWN, 1), Rule::Address { .. }));
}

#[test]
fn s_52_pipe_control_that_writes_counts_or_timestamps_is_audited_like_any() {
    for operation in 1..=3 {
        let flags = 1 << 24 | operation << 14;
        let rule = refused(&[PIPE_CONTROL, flags, FOREIGN, 0, 1, 2]);
        assert_eq!(rule, not_own(FOREIGN, 8));
    }
}

#[test]
fn s_53_pipe_control_loads_no_register_that_load_register_imm_does_not() {
    for offset in (0..0x20_0000).step_by(4) {
        for value in [0, 0x229c, 0xffff_ffff] {
            let load = submit(&[LOAD, offset, value, NOOP]);
            let control = submit(&[PIPE_CONTROL, 1 << 23, offset, 0, value, 0]);
            assert_eq!(load.is_ok(), control.is_ok(), "{offset:#x} {value:#x}");
        }
    }
}

#[test]
fn s_54_page_directory_pointers_are_loaded_by_no_command() {
    for engine in Engine::ALL {
        for base in [0x2000, 0x1_2000, 0x1_c000, 0x1_a000, 0x2_2000] {
            for offset in (base + 0x270..base + 0x290).step_by(4) {
                let commands: [&[u32]; 4] = [
                    &[LOAD, offset, OWN, NOOP],
                    &[0x14c0_0002, offset, OWN, 0],
                    &[0x1500_0001, base + 0x600, offset, NOOP],
                    &[0x1240_0002, offset, OWN, 0],
                ];
                for commands in commands {
                    let rule = rule(submit_to(&setting(engine), commands));
                    assert!(matches!(rule, Rule::Register { .. }), "{rule}");
                }
            }
        }
    }
}

#[test]
fn s_55_per_context_batch_is_audited_without_an_indirect_context() {
    let (mut ram, mut work) = ring(&[]);
    work.per_context = BATCH | 1;
    ram.put(BATCH, &[STORE_GGTT, FOREIGN, 0, 7, BATCH_END]);

    let result = audit(&setting(Engine::Rcs), &mut ram, &work);

    let Err(Failure::Refused(refusal)) = result else {
        panic!("{result:?}");
    };
    assert_eq!(refusal.origin, Origin::PerContext(Gma(BATCH.into())));
    assert_eq!(refusal.rule, not_own(FOREIGN, 4));
}

/// Memory that is harmless when it is read first, and hostile from then on.
struct Changing(Ram);

impl Memory for Changing {
    fn copy(&mut self, from: Gma, into: &mut [u32]) -> Result {
        self.0.copy(from, into)?;
        for at in (from.0..).step_by(4).take(into.len()) {
            self.0.dwords.insert(at, 0xffff_ffff);
        }
        Ok(())
    }
}

#[test]
fn s_56_batches_of_the_restore_are_read_once_at_the_place_that_was_checked() {
    let (mut ram, mut work) = ring(&[]);
    work.indirect_context = BATCH | 1;
    // Another batch that overlaps it is another copy.
    work.per_context = (BATCH + 0x1000) | 1;
    ram.put(BATCH, &[NOOP; 16]);
    ram.put(BATCH + 0x1000, &[BATCH_END]);
    let mut changing = Changing(ram);

    let verdict = audit(&setting(Engine::Rcs), &mut changing, &work).unwrap();

    assert_eq!(verdict.streams[1].dwords[..], [NOOP; 16]);
    assert_eq!(verdict.streams[2].dwords[0], BATCH_END);
    assert!(changing.0.reads.values().all(|reads| *reads == 1));
}

#[test]
fn s_58_batches_are_read_once_so_no_length_can_change_behind_the_audit() {
    let (mut ram, work) = ring(&[START_GGTT, BATCH, 0, START_GGTT, BATCH, 0]);
    // The end of the batch is on another page than its front, and a command on both.
    let mut batch = std::vec![NOOP; 1022];
    batch.extend([STORE_GGTT, OWN, 0, 7]);
    batch.extend([START_GGTT | SECOND, BATCH + 0x4000, 0, BATCH_END]);
    ram.put(BATCH, &batch);
    ram.put(BATCH + 0x4000, &[LOAD, 0x2600, 1, BATCH_END]);
    let mut changing = Changing(ram);

    let verdict = audit(&setting(Engine::Rcs), &mut changing, &work).unwrap();

    assert_eq!(verdict.streams.len(), 3);
    assert_eq!(verdict.streams[1].dwords[..1026], batch[..1026]);
    assert!(changing.0.reads.values().all(|reads| *reads == 1));
}

#[test]
fn s_59_commands_that_the_end_of_the_ring_cuts_off_are_refused_whole() {
    let whole = [0x1040_0002, OWN, 0, 7, 0x0a00_0001, 0, OWN, NOOP];
    assert!(submit(&whole).is_ok());
    for dwords in [2, 6] {
        let cut = if dwords == 2 { 4 } else { 3 };
        assert_eq!(refused(&whole[..dwords]), Rule::Truncated { dwords: cut });
    }
    // Lengths up to what the field holds.
    assert_eq!(refused(&[0x1100_00ff, 0]), Rule::Truncated { dwords: 257 });
    assert_eq!(
        refused(&[0x7000_ffff, 0]),
        Rule::Truncated { dwords: 65537 }
    );
}

#[test]
fn s_59_commands_that_the_end_of_the_indirect_context_cuts_off_are_refused() {
    let (mut ram, mut work) = ring(&[]);
    let mut lines = std::vec![NOOP; 16];
    lines[14..].copy_from_slice(&[LOAD, 0x2600]);
    ram.put(BATCH, &lines);
    ram.put(BATCH + 64, &[1]);
    work.indirect_context = BATCH | 1;

    let rule = rule(audit(&setting(Engine::Rcs), &mut ram, &work));

    assert_eq!(rule, Rule::Truncated { dwords: 3 });
}

#[test]
fn s_60_batch_that_chains_to_itself_is_copied_once() {
    let (mut ram, work) = ring(&[START_GGTT, BATCH, 0]);
    ram.put(BATCH, &[START_GGTT, BATCH, 0]);

    let verdict = audit(&setting(Engine::Rcs), &mut ram, &work).unwrap();

    assert_eq!((verdict.streams.len(), verdict.commands), (2, 3));
    let link = Link {
        stream: 1,
        dword: 1,
        target: 1,
    };
    assert_eq!(verdict.links[1], link);
}

#[test]
fn s_60_more_than_the_budget_of_anything_is_refused() {
    let limits = Limits {
        dwords: 64,
        commands: 40,
        batches: 3,
        effects: 2,
    };
    let small = Setting {
        limits,
        ..setting(Engine::Rcs)
    };
    let budget = |unit, limit| Rule::Budget { limit, unit };

    assert_eq!(rule(submit_to(&small, &[NOOP; 66])), budget("dwords", 64));
    assert_eq!(rule(submit_to(&small, &[NOOP; 42])), budget("commands", 40));
    let reports = [0x0380_0000; 3];
    assert!(submit_to(&small, &reports[..2]).is_ok());
    let result = submit_to(&small, &reports);
    assert_eq!(rule(result), budget("commands to emulate", 2));
    // Each starts the next, and all of them lie in a page.
    let chain = |batches: u32| {
        let (mut ram, work) = ring(&[START_GGTT, BATCH + 0xf00, 0]);
        for batch in 0..batches {
            let at = BATCH + 0xf00 + batch * 16;
            ram.put(at, &[START_GGTT, at + 16, 0]);
        }
        ram.put(BATCH + 0xf00 + batches * 16, &[BATCH_END]);
        let many = Limits {
            dwords: 1024,
            ..limits
        };
        let small = Setting {
            limits: many,
            ..small.clone()
        };
        audit(&small, &mut ram, &work)
    };
    assert!(chain(2).is_ok());
    assert_eq!(rule(chain(3)), budget("privileged batches", 3));
}

#[test]
fn s_60_batch_without_an_end_stops_at_the_budget() {
    let (mut ram, work) = ring(&[START_GGTT, HIGH.0 as u32, 0]);
    for at in (HIGH.0..HIGH.1).step_by(4) {
        ram.dwords.insert(at, NOOP);
    }
    let rule = rule(audit(&setting(Engine::Rcs), &mut ram, &work));

    assert!(
        matches!(rule, Rule::Budget { unit: "dwords", .. }),
        "{rule}"
    );
    assert!(ram.reads.len() <= 1 << 20);
}

#[test]
fn s_61_memory_that_can_not_be_read_is_no_content() {
    let (mut ram, work) = ring(&[START_GGTT, BATCH, 0]);
    ram.missing.insert(BATCH.into(), EFAULT);
    let unreadable = Rule::Unreadable {
        first: Gma(BATCH.into()),
        error: EFAULT,
    };
    assert_eq!(
        rule(audit(&setting(Engine::Rcs), &mut ram, &work)),
        unreadable
    );

    ram.missing.insert(BATCH.into(), ENOMEM);
    let result = audit(&setting(Engine::Rcs), &mut ram, &work);
    assert!(matches!(result, Err(Failure::Host(ENOMEM))), "{result:?}");

    ram.missing = std::collections::BTreeMap::from([(RING.into(), EFAULT)]);
    let unreadable = Rule::Unreadable {
        first: Gma(RING.into()),
        error: EFAULT,
    };
    assert_eq!(
        rule(audit(&setting(Engine::Rcs), &mut ram, &work)),
        unreadable
    );
}

#[test]
fn s_62_batch_that_leaves_the_vgpus_own_ggtt_is_refused_not_accepted_in_part() {
    let last_page = HIGH.1 as u32 - 4096;
    let (mut ram, work) = ring(&[START_GGTT, last_page, 0]);
    ram.put(last_page, &[NOOP; 1024]);
    let result = audit(&setting(Engine::Rcs), &mut ram, &work);
    assert_eq!(rule(result), not_own(HIGH.1 as u32, 4096));

    // Up to the last dword it may go.
    ram.put(HIGH.1 as u32 - 4, &[BATCH_END]);
    assert!(audit(&setting(Engine::Rcs), &mut ram, &work).is_ok());
    for address in [FOREIGN, 0, 0xffff_fffc] {
        assert_eq!(refused(&[START_GGTT, address, 0]), not_own(address, 4));
    }
}

#[test]
fn s_63_registers_that_reach_memory_are_those_of_the_list_alone() {
    // What the mediator switches or protects is neither read nor loaded from memory.
    for offset in [
        0x2080, 0x229c, 0x20d0, 0x2230, 0x2030, 0x4_4050, 0xa188, 0x14_5000,
    ] {
        for header in [0x1240_0002, 0x14c0_0002, 0x1200_0002, 0x1480_0002] {
            let rule = refused(&[header, offset, OWN, 0]);
            assert!(matches!(rule, Rule::Register { .. }), "{rule}");
        }
    }
    for offset in [0x80_0000, 0x2601, 0xffff_fffc] {
        let rule = refused(&[LOAD, offset, 0]);
        assert!(matches!(rule, Rule::Operand { .. }), "{rule}");
    }
}

#[test]
fn s_64_registers_that_hold_ggtt_addresses_are_loaded_by_no_command() {
    use iface::registers::{rows, Flags};

    let mut registers = BTreeSet::new();
    for platform in Platform::ALL {
        for row in rows(platform, true).filter(|row| row.flags.contains(Flags::GMADR)) {
            registers.insert(row.offset);
        }
    }
    assert!([0x2148, 0x2180, 0x1_2198, 0x4180, 0x4280, 0x4380]
        .iter()
        .all(|known| registers.contains(known)));
    for engine in Engine::ALL {
        for offset in &registers {
            let rule = rule(submit_to(&setting(engine), &[LOAD, *offset, OWN, NOOP]));
            assert!(matches!(rule, Rule::Register { .. }), "{rule}");
        }
    }
}

#[test]
fn s_65_batches_that_the_hardware_keeps_in_are_the_only_ones_that_are_not_read() {
    // Whatever else its header says: without this bit a batch is privileged.
    for flags in [0, 1 << 10, 1 << 13, 1 << 15, 1 << 9, 1 << 20] {
        let (mut ram, work) = ring(&[START_GGTT | flags, BATCH, 0]);
        ram.put(BATCH, &[STORE_GGTT, FOREIGN, 0, 7, BATCH_END]);
        let result = audit(&setting(Engine::Rcs), &mut ram, &work);
        assert_eq!(rule(result), not_own(FOREIGN, 4));
    }
}

#[test]
fn s_66_registers_are_those_of_a_fixed_list_whatever_was_submitted_before() {
    // A register of the host's default context, and one of another engine.
    for offset in [0x2244, 0x1_2600, 0x940c, 0xb004] {
        for _ in 0..3 {
            let rule = refused(&[LOAD, offset, 0]);
            assert!(matches!(rule, Rule::Register { .. }), "{rule}");
        }
    }
}
