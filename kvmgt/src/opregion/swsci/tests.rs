// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::testing::FakeMemory;

/// Where the guest has its OpRegion.
const AT: u32 = 0x7fff_e000;

fn memory_with(opregion: u32, question: u32) -> FakeMemory {
    let mut memory = FakeMemory::default();
    let mut mailbox = Mailbox {
        memory: &mut memory,
        opregion: opregion.into(),
    };
    for (at, dword) in (0..).step_by(4).zip(SIGNATURE.chunks(4)) {
        let dword = u32::from_le_bytes(dword.try_into().unwrap());
        mailbox.write(at, dword).unwrap();
    }
    mailbox.write(AT_QUESTION, question).unwrap();
    mailbox.write(AT_PARAMETER, 0x1234).unwrap();
    memory
}

/// SCIC and PARM.
fn mailbox_of(memory: &mut FakeMemory, opregion: u32) -> (u32, u32) {
    let mut mailbox = Mailbox {
        memory,
        opregion: opregion.into(),
    };
    let question = mailbox.read(AT_QUESTION).unwrap();
    (question, mailbox.read(AT_PARAMETER).unwrap())
}

#[test]
fn question_what_can_be_asked_is_answered_with_nothing() {
    // As i915 has them: SWSCI_GBDA_SUPPORTED_CALLS, _REQUESTED_CALLBACKS, SWSCI_SBCB_SUPPORTED_CALLBACKS.
    for function in [4 << 1, 4 << 1 | 1 << 8, 6 << 1] {
        let mut memory = memory_with(AT, function | 1);

        answer(&mut memory, AT).unwrap();

        assert_eq!(mailbox_of(&mut memory, AT), (1 << 5, 0), "{function:#x}");
    }
}

#[test]
fn other_questions_fail_at_once() {
    for function in [0, 4 << 1 | 4 << 8, 6 << 1 | 1 << 8, 0xf << 1 | 0xff << 8] {
        let mut memory = memory_with(AT, function | 1);

        answer(&mut memory, AT).unwrap();

        assert_eq!(mailbox_of(&mut memory, AT), (0, 0x1234), "{function:#x}");
    }
}

#[test]
fn opregion_across_pages_is_answered_too() {
    for opregion in [0x5000_0e00, 0x5000_0dfc, 0x5000_0ff8, 0xffff_fff8] {
        let mut memory = memory_with(opregion, 4 << 1 | 1);

        answer(&mut memory, opregion).unwrap();

        assert_eq!(mailbox_of(&mut memory, opregion), (1 << 5, 0));
    }
}

#[test]
fn memory_without_an_opregion_or_a_question_stays_as_it_is() {
    let no_question = memory_with(AT, 4 << 1);
    let mut damaged = memory_with(AT, 4 << 1 | 1);
    damaged.write(Gfn(u64::from(AT) >> 12), 15, b"M").unwrap();
    let elsewhere = memory_with(0x1000, 4 << 1 | 1);
    for (mut memory, at) in [(no_question, AT), (damaged, AT), (elsewhere, AT + 2)] {
        let before = memory.0.clone();

        answer(&mut memory, at).unwrap();

        memory.0.retain(|gfn, _| before.contains_key(gfn));
        assert_eq!(memory.0, before);
    }
}

#[test]
fn trigger_asks_when_it_rises_with_sci_selected() {
    assert!(asks(0, 0x8001));
    assert!(asks(0x8000, 0x8001));
    assert!(!asks(0x8001, 0x8001));
    assert!(!asks(0x0001, 0x8001));
    assert!(!asks(0, 0x0001));
    assert!(!asks(0x8001, 0x8000));
}
