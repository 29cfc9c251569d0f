// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The second opinion notices what it is there for.

use super::reference::check;
use super::*;
use std::string::String;

/// The second opinion on commands that were not audited.
fn opinion(commands: &[u32]) -> Result<(), String> {
    let mut dwords = KVVec::new();
    dwords.extend_from_slice(commands, GFP_KERNEL).unwrap();
    let mut verdict = submit(&[]).unwrap();
    verdict.streams[0].dwords = dwords;
    check(&setting(Engine::Rcs), &verdict)
}

#[test]
fn reference_when_commands_break_a_rule_then_it_notices_each() {
    let hostile: [&[u32]; 16] = [
        &[0x1040_0002, FOREIGN, 0, 1],
        &[0x1240_0002, 0x2600, FOREIGN, 0],
        &[0x1200_0002, 0x2080, 0, 0],
        &[0x14c0_0002, 0x2600, FOREIGN, 0],
        &[LOAD, 0x2270, 0],
        &[LOAD, 0x229c, 0],
        &[LOAD, 0x4_4050, 0],
        &[0x1500_0001, 0x20d0, 0x2600],
        &[0x1300_4003, FOREIGN | 4, 0, 1, 2],
        &[0x1320_4002, 0x40, 0, 1],
        &[PIPE_CONTROL, 0x0100_8000, FOREIGN, 0, 1, 2],
        &[PIPE_CONTROL, 1 << 23, 0x2180, 0, 1, 2],
        &[START_GGTT, OWN, 0],
        &[0x1180_0001, OWN, 1],
        &[0xffff_ffff],
        &[0x1040_0002, OWN, 0],
    ];
    for commands in hostile {
        assert!(opinion(commands).is_err(), "{commands:x?}");
    }
    assert_eq!(opinion(&[STORE_GGTT, OWN, 0, 1]), Ok(()));
}
