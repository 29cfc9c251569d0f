// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;

const KBL: Variant = Variant {
    platform: Platform::Kbl,
    vcs1: false,
};
/// `RCS_TLB_CTL`, which a client may write.
const TLB: u32 = 0x4260;
/// `RCS_RING_START`, which it may not.
const RING_START: u32 = 0x2038;

fn op(kind: u32, offset: u32) -> MmioOp {
    MmioOp {
        kind,
        offset,
        ..MmioOp::default()
    }
}

fn poll_of(timeout_us: u32) -> MmioOp {
    MmioOp {
        timeout_us,
        ..op(POLL, TLB)
    }
}

#[test]
fn check_of_reads_and_of_allowed_writes_passes() {
    let ops = [
        op(READ, RING_START),
        op(WRITE, TLB),
        op(WRITE, 0xc800),
        poll_of(50),
    ];
    assert_eq!(check(KBL, &ops), Ok(()));
}

#[test]
fn check_of_write_outside_the_allow_list_fails() {
    for offset in [RING_START, 0x2230, 0x941c, 0x78000, 0x10_0000, 0x7019c, 0] {
        assert_eq!(check(KBL, &[op(WRITE, offset)]), Err(EPERM), "{offset:#x}");
    }
}

#[test]
fn check_of_write_to_the_missing_engine_fails() {
    // TLB control of the second video engine exists on all; its ring registers only with the engine.
    let ring = [op(WRITE, 0x1_c028)];
    assert_eq!(check(KBL, &ring), Err(EPERM));
    assert_eq!(check(Variant { vcs1: true, ..KBL }, &ring), Ok(()));
}

#[test]
fn check_of_odd_or_outlying_offset_fails() {
    for offset in [1, 2, 3, TLB + 2, MMIO_SIZE, MMIO_SIZE + 4, u32::MAX - 3] {
        assert_eq!(check(KBL, &[op(READ, offset)]), Err(EINVAL), "{offset:#x}");
    }
}

#[test]
fn check_of_unknown_kind_or_reserved_fails() {
    assert_eq!(check(KBL, &[op(POLL + 1, TLB)]), Err(EINVAL));
    assert_eq!(
        check(
            KBL,
            &[MmioOp {
                reserved: 1,
                ..op(READ, TLB)
            }]
        ),
        Err(EINVAL)
    );
}

#[test]
fn check_of_polls_that_take_too_long_together_fails() {
    assert_eq!(check(KBL, &[poll_of(MAX_POLL_US)]), Ok(()));
    assert_eq!(check(KBL, &[poll_of(MAX_POLL_US), poll_of(1)]), Err(EINVAL));
    assert_eq!(
        check(KBL, &[poll_of(u32::MAX), poll_of(u32::MAX)]),
        Err(EINVAL)
    );
}

#[test]
fn check_looks_at_the_whole_batch_first() {
    let ops = [op(WRITE, TLB), op(WRITE, RING_START)];
    assert_eq!(check(KBL, &ops), Err(EPERM));
}

/// A register that holds `ready` after so many reads.
struct Late {
    reads: u32,
    ready_after: u32,
    waited: u32,
}

impl Registers for Late {
    fn read(&mut self, _: u32) -> u32 {
        self.reads += 1;
        u32::from(self.reads > self.ready_after)
    }

    fn write(&mut self, _: u32, _: u32) {}

    fn delay_us(&mut self, microseconds: u32) {
        self.waited += microseconds;
    }
}

#[test]
fn poll_of_bit_that_comes_in_time_succeeds() {
    let mut late = Late {
        reads: 0,
        ready_after: 5,
        waited: 0,
    };
    let mut op = MmioOp {
        value: 1,
        mask: 1,
        ..poll_of(50)
    };
    assert_eq!(poll(&mut late, &mut op), Ok(()));
    assert_eq!((late.waited, op.value), (5, 1));
}

#[test]
fn poll_of_bit_that_never_comes_ends_in_its_time() {
    let mut late = Late {
        reads: 0,
        ready_after: u32::MAX,
        waited: 0,
    };
    let mut op = MmioOp {
        value: 1,
        mask: 1,
        ..poll_of(50)
    };
    assert_eq!(poll(&mut late, &mut op), Err(ETIMEDOUT));
    assert_eq!((late.waited, op.value), (50, 0));
}
