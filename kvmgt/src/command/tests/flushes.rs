// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Status pages and notification of `MI_FLUSH_DW` and `PIPE_CONTROL`.

use super::*;

const INDEX: u32 = 1 << 21;
const NOTIFY: u32 = 1 << 8;

#[test]
fn flush_with_an_index_when_of_the_engine_then_it_writes_the_vgpus_status_page() {
    let flush = accepted(&[0x1300_4002 | INDEX, 0x40 | 4, 0, 7]);

    assert_eq!(flush, [0x1300_4002, STATUS_PAGE as u32 + 0x44, 0, 7]);
}

#[test]
fn flush_with_an_index_when_of_the_context_then_it_writes_the_guests_copy() {
    // What i915 uses as scratch: dword 0x34.
    let flush = accepted(&[0x1300_4002 | INDEX, 0xd0, 0, 7]);

    assert_eq!(flush, [0x1300_4002, CONTEXT_PAGE as u32 + 0xd4, 0, 7]);
}

#[test]
fn pipe_control_with_an_index_when_of_either_page_then_it_writes_that_of_the_vgpu() {
    let engine = accepted(&[PIPE_CONTROL, 0x0100_4000 | INDEX, 0x40, 0, 7, 0]);
    let own = [
        PIPE_CONTROL,
        0x0100_4000,
        STATUS_PAGE as u32 + 0x40,
        0,
        7,
        0,
    ];
    assert_eq!(engine, own);

    let context = accepted(&[PIPE_CONTROL, 0x0000_c000 | INDEX, 0xd0, 0, 0, 0]);
    let own = [
        PIPE_CONTROL,
        0x0100_c000,
        CONTEXT_PAGE as u32 + 0xd0,
        0,
        0,
        0,
    ];
    assert_eq!(context, own);
}

#[test]
fn index_when_it_leaves_the_page_then_refused() {
    assert!(submit(&[0x1300_4002 | INDEX, 0xff8 | 4, 0, 7]).is_ok());
    for (index, high) in [(0x1000, 0), (0xffff_fff8, 0), (0, 1), (0, 0xffff_ffff)] {
        let flush = refused(&[0x1300_4002 | INDEX, index | 4, high, 7]);
        assert!(matches!(flush, Rule::Address { .. }), "{flush}");
        let control = refused(&[PIPE_CONTROL, 0x4000 | INDEX, index, high, 7, 0]);
        assert!(matches!(control, Rule::Address { .. }), "{control}");
    }
}

#[test]
fn index_when_nothing_is_written_then_it_means_nothing() {
    let commands = [0x1300_0002 | INDEX, FOREIGN | 4, 0, 7];
    assert_eq!(accepted(&commands), commands);
}

#[test]
fn notify_when_of_any_form_then_it_is_due_and_the_gpu_raises_none() {
    // The C GVT-g loses that of the form with a qword.
    let forms: [&[u32]; 4] = [
        &[0x1300_4002 | NOTIFY, OWN | 4, 0, 1],
        &[0x1300_4003 | NOTIFY, OWN | 4, 0, 1, 2],
        &[0x1300_0002 | NOTIFY, 0, 0, 0],
        &[PIPE_CONTROL, 0x0100_4000 | NOTIFY, OWN, 0, 1, 2],
    ];
    for form in forms {
        let verdict = submit(form).unwrap();
        assert!(verdict.notify && !verdict.user_interrupt);
        let patched = &verdict.streams[0].dwords[..2];
        assert_eq!((patched[0] | patched[1]) & NOTIFY, 0, "{form:x?}");
    }
}

#[test]
fn pipe_control_when_it_resets_clocks_or_contradicts_itself_then_refused() {
    for flags in [1 << 19, 1 << 23 | 1 << 14] {
        let rule = refused(&[PIPE_CONTROL, flags, 0x2600, 0, 0, 0]);
        assert!(matches!(rule, Rule::Operand { value, .. } if value == flags));
    }
}
