// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Commands with a GGTT address or a register.

use super::*;

/// Commands with one GGTT address: where it is in them, how many bytes they reach.
const WITH_ADDRESS: [(&[u32], usize, u64); 17] = [
    // MI_STORE_DATA_IMM of a dword, of a qword, by two cores, and of many.
    (&[0x1040_0002, 0, 0, 1], 1, 4),
    (&[0x1060_0003, 0, 0, 1, 2], 1, 8),
    (&[0x1040_0003, 0, 0, 1, 2], 1, 8),
    (&[0x1060_0007, 0, 0, 1, 2, 3, 4, 5, 6], 1, 24),
    // MI_STORE_REGISTER_MEM and MI_LOAD_REGISTER_MEM of a general purpose register.
    (&[0x1240_0002, 0x2600, 0, 0], 2, 4),
    (&[0x14c0_0002, 0x2600, 0, 0], 2, 4),
    // MI_SEMAPHORE_WAIT.
    (&[0x0e40_c002, 1, 0, 0], 2, 4),
    // MI_ATOMIC: a dword, a qword, two, with and without operands.
    (&[0x17c0_0001, 0, 0], 1, 4),
    (&[0x17c8_0001, 0, 0], 1, 8),
    (&[0x17d0_0001, 0, 0], 1, 16),
    (&[0x17cc_0009, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8], 1, 8),
    // MI_FLUSH_DW: a dword, a qword, a timestamp.
    (&[0x1300_4002, 4, 0, 1], 1, 8),
    (&[0x1300_4003, 4, 0, 1, 2], 1, 8),
    (&[0x1300_c002, 4, 0, 1], 1, 8),
    // PIPE_CONTROL: data, depth count, timestamp.
    (&[0x7a00_0004, 0x0100_4000, 0, 0, 1, 2], 2, 8),
    (&[0x7a00_0004, 0x0100_8000, 0, 0, 1, 2], 2, 8),
    (&[0x7a00_0004, 0x0100_c000, 0, 0, 1, 2], 2, 8),
];

/// The commands with an address in them, whose low bits stay.
fn with(commands: &[u32], index: usize, low: u32, high: u32) -> Vec<u32> {
    let mut commands = commands.to_vec();
    commands[index] |= low;
    commands[index + 1] = high;
    commands
}

#[test]
fn ggtt_address_when_all_of_its_bytes_are_own_then_the_command_is_untouched() {
    for (commands, index, bytes) in WITH_ADDRESS {
        for (first, end) in [APERTURE, HIGH] {
            for address in [first, end - bytes] {
                let commands = with(commands, index, address as u32, 0);
                assert_eq!(accepted(&commands), commands);
            }
        }
    }
}

#[test]
fn ggtt_address_when_one_byte_is_not_own_then_refused() {
    for (commands, index, bytes) in WITH_ADDRESS {
        let unit = if bytes % 8 == 0 { 8 } else { 4 };
        for (first, end) in [APERTURE, HIGH] {
            for address in [first - unit, end - bytes + unit, end] {
                let commands = with(commands, index, address as u32, 0);
                assert_eq!(refused(&commands), not_own(address as u32, bytes));
            }
        }
        for address in [0, 0xffff_fff8, FOREIGN] {
            let commands = with(commands, index, address, 0);
            assert_eq!(refused(&commands), not_own(address, bytes));
        }
    }
}

#[test]
fn ggtt_address_when_beyond_4_gib_then_refused() {
    for (commands, index, bytes) in WITH_ADDRESS {
        for high in [1, 0xffff, 0xffff_ffff] {
            let first = Gma(u64::from(high) << 32 | u64::from(OWN));
            let commands = with(commands, index, OWN, high);
            assert_eq!(refused(&commands), Rule::Address { first, bytes });
        }
    }
}

#[test]
fn ppgtt_address_when_it_is_anything_then_the_command_is_untouched() {
    for (commands, index, _) in WITH_ADDRESS {
        let mut commands = with(commands, index, 0xdead_be00, 0xffff_1234);
        match commands[0] >> 16 {
            0x7a00 => commands[1] &= !(1 << 24),
            0x1300 => commands[1] &= !(1 << 2),
            _ => commands[0] &= !(1 << 22),
        }
        assert_eq!(accepted(&commands), commands);
    }
}

#[test]
fn store_of_two_cores_when_the_second_one_is_not_own_then_refused() {
    let last = APERTURE.1 as u32 - 4;

    assert!(submit(&[STORE_GGTT, last, 0, 1]).is_ok());
    assert_eq!(refused(&[STORE_GGTT, last | 1, 0, 1]), not_own(last, 8));
}

#[test]
fn copy_when_either_side_is_in_the_ggtt_then_that_side_must_be_own() {
    let copy = |header, to, from| [header, to, 0, from, 0, NOOP];

    assert_eq!(
        refused(&copy(0x1760_0003, FOREIGN, OWN)),
        not_own(FOREIGN, 4)
    );
    assert_eq!(
        refused(&copy(0x1760_0003, OWN, FOREIGN)),
        not_own(FOREIGN, 4)
    );
    assert!(submit(&copy(0x1760_0003, OWN, OWN)).is_ok());
    // Source bit 22, destination bit 21.
    assert!(submit(&copy(0x1740_0003, FOREIGN, OWN)).is_ok());
    assert!(submit(&copy(0x1720_0003, OWN, FOREIGN)).is_ok());
    assert!(submit(&copy(0x1700_0003, FOREIGN, FOREIGN)).is_ok());
}

#[test]
fn semaphore_wait_when_it_polls_a_register_then_the_register_must_be_readable() {
    let poll = |register| [0x0e01_c002, 1, register, 0];

    assert!(submit(&poll(0x2358)).is_ok());
    let offset = MmioOffset(0x2080);
    let verb = "read";
    assert_eq!(refused(&poll(0x2080)), Rule::Register { offset, verb });
    // A GPU that did not know the bit would read the GGTT there.
    let header = 0x0e41_c002;
    assert!(
        matches!(refused(&[header, 1, 0x2358, 0]), Rule::Operand { value, .. } if value == header)
    );
}

#[test]
fn registers_when_loaded_from_registers_then_both_must_be_for_that() {
    let copy = |from, to| submit(&[0x1500_0001, from, to, NOOP]);

    assert!(copy(0x2358, 0x2600).is_ok());
    let verb = "load with a value that is not theirs";
    let offset = MmioOffset(0x2358);
    assert_eq!(rule(copy(0x2600, 0x2358)), Rule::Register { offset, verb });
    let offset = MmioOffset(0x7004);
    assert_eq!(rule(copy(0x2600, 0x7004)), Rule::Register { offset, verb });
    let (offset, verb) = (MmioOffset(0x20d0), "read");
    assert_eq!(rule(copy(0x20d0, 0x2600)), Rule::Register { offset, verb });
}

#[test]
fn load_immediate_when_caching_registers_change_then_the_mediator_knows() {
    let verdict = submit(&[0x1100_0003, 0xc804, 0x33, 0xb024, 0x44, NOOP]).unwrap();
    let loaded = |register, value| Effect::Loaded {
        register: MmioOffset(register),
        value,
    };
    let expected = [loaded(0xc804, 0x33), loaded(0xb024, 0x44)];
    assert_eq!(verdict.effects[..], expected);

    // With PIPE_CONTROL too; and never in part.
    let verdict = submit(&[PIPE_CONTROL, 1 << 23, 0xc804, 0, 0x55, 0]).unwrap();
    assert_eq!(verdict.effects[..], [loaded(0xc804, 0x55)]);
    let part = refused(&[LOAD | 1 << 8, 0xc804, 0x33]);
    assert!(matches!(part, Rule::Value { .. }), "{part}");
}

#[test]
fn commands_that_no_vgpu_has_when_submitted_then_refused_with_the_reason() {
    // UPDATE_GTT, STORE_DATA_INDEX, CLFLUSH, REPORT_PERF_COUNT, SEMAPHORE_MBOX,
    // RS_STORE_DATA_IMM, LOAD_URB_MEM, STORE_URB_MEM.
    let commands: [&[u32]; 8] = [
        &[0x1180_0001, OWN, 1],
        &[0x1080_0001, 0x40, 1],
        &[0x1380_0001, OWN, 0],
        &[0x1400_0002, OWN, 0, 0],
        &[0x0b00_0001, 0, OWN],
        &[0x1580_0002, OWN, 0, 0],
        &[0x1600_0002, 0, OWN, 0],
        &[0x1680_0002, 0, OWN, 0],
    ];
    for commands in commands {
        let rule = refused(commands);
        assert!(matches!(rule, Rule::Forbidden(_)), "{rule}");
    }
}
