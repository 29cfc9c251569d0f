// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is refused for its length is really invalid (gvt-linux #60).

use super::*;

fn is_length(rule: Rule) -> bool {
    matches!(rule, Rule::Length { .. })
}

#[test]
fn load_immediate_when_of_97_registers_then_accepted_as_in_gvt_linux_60() {
    // The batch of a Windows guest that ended its vGPU had 195 dwords.
    let mut commands = std::vec![0x1100_0000 | (195 - 2)];
    for index in 0..97 {
        commands.extend([0x2600 + index % 16 * 8, index]);
    }
    assert_eq!(accepted(&commands), commands);
}

#[test]
fn load_immediate_when_of_as_many_registers_as_fit_then_accepted() {
    let mut commands = std::vec![0x1100_0000 | 0xfd];
    for index in 0..127 {
        commands.extend([0x2600, index]);
    }
    assert_eq!(accepted(&commands), commands);
}

#[test]
fn load_immediate_when_the_last_register_has_no_value_then_refused() {
    for length in [0, 2, 0xfe] {
        let mut commands = std::vec![0x2600; length as usize + 2];
        commands[0] = 0x1100_0000 | length;
        assert!(is_length(refused(&commands)), "{length}");
    }
}

#[test]
fn store_when_of_any_number_of_dwords_then_accepted_and_all_are_counted() {
    for dwords in [1, 2, 3, 255, 1022] {
        let mut commands = std::vec![0; dwords + 3];
        commands[0] = 0x1040_0000 | (dwords as u32 + 1);
        commands[1] = APERTURE.1 as u32 - dwords as u32 * 4;
        assert!(submit(&commands).is_ok(), "{dwords}");
        commands[1] += 4;
        let not_own = not_own(commands[1], dwords as u64 * 4);
        assert_eq!(refused(&commands), not_own);
    }
    assert!(is_length(refused(&[0x1040_0001, OWN, 0])));
    assert!(is_length(refused(&[0x1060_0002, OWN, 0, 1])));
    assert!(is_length(refused(&[0x1060_0004, OWN, 0, 1, 2, 3])));
}

#[test]
fn flush_when_it_writes_nothing_then_any_length_up_to_its_longest_is_accepted() {
    for dwords in 2..=5 {
        let mut commands = std::vec![0; dwords];
        commands[0] = 0x1300_0000 | (dwords as u32 - 2);
        assert_eq!(accepted(&commands), commands);
    }
    assert!(is_length(refused(&[0x1300_0004, 0, 0, 0, 0, 0])));
    // A timestamp needs an address, data needs data.
    assert!(submit(&[0x1300_c001, OWN | 4, 0]).is_ok());
    assert!(is_length(refused(&[0x1300_c000, OWN | 4])));
    assert!(is_length(refused(&[0x1300_4001, OWN | 4, 0])));
}

#[test]
fn pipe_control_when_it_writes_nothing_then_any_length_up_to_its_longest_is_accepted() {
    for dwords in 2..=6 {
        let mut commands = std::vec![0; dwords];
        commands[0] = 0x7a00_0000 | (dwords as u32 - 2);
        commands[1] = 1 << 20;
        assert_eq!(accepted(&commands), commands);
    }
    assert!(is_length(refused(&[0x7a00_0005, 0, 0, 0, 0, 0, 0])));
    for flags in [0x0100_4000, 0x0080_0000] {
        let short = [0x7a00_0003, flags, OWN, 0, 0];
        assert!(is_length(refused(&short)), "{flags:#x}");
    }
    let timestamp = [0x7a00_0002, 0x0100_c000, OWN, 0];
    assert!(submit(&timestamp).is_ok());
    assert!(is_length(refused(&[0x7a00_0001, 0x0100_c000, OWN])));
}

#[test]
fn commands_of_one_length_when_of_another_then_refused() {
    // LRM, SRM, LRR, SEMAPHORE_WAIT, COPY_MEM_MEM, BATCH_BUFFER_START, ATOMIC.
    let headers = [
        0x1480_0002_u32,
        0x1200_0002,
        0x1500_0001,
        0x0e00_0002,
        0x1700_0003,
        START_PPGTT,
        0x1780_0001,
    ];
    for header in headers {
        for wrong in [header + 1, header - 1] {
            let rule = refused(&[wrong, 0x2600, 0x2600, 0, 0, 0, 0]);
            assert!(is_length(rule), "{wrong:#x}: {rule}");
        }
    }
    // ATOMIC has operands exactly if it says so.
    let mut atomic = std::vec![0; 11];
    atomic[0] = 0x1780_0009;
    assert!(is_length(refused(&atomic)));
    assert!(is_length(refused(&[0x1784_0001, 0, 0])));
}

#[test]
fn display_flip_when_stereo_then_it_has_a_fourth_dword_and_else_not() {
    let on = |commands: &[u32]| submit_to(&setting(Engine::Bcs), commands);

    assert!(on(&[0x0a00_0002, 0, OWN | 2, OWN]).is_ok());
    assert!(is_length(rule(on(&[0x0a00_0001, 0, OWN | 2]))));
    assert!(is_length(rule(on(&[0x0a00_0002, 0, OWN, OWN]))));
    assert!(is_length(rule(on(&[0x0a00_0000, 0]))));
}
