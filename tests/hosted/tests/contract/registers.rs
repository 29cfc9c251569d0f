// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Batches of register accesses.

use hosted_glue::bed::Bed;
use hosted_glue::raw::Raw;
use iface::errno::{E2BIG, EAGAIN, EINVAL, EPERM, ETIMEDOUT};
use iface::registers::{self, Flags, Register, MMIO_SIZE};
use iface::types::{mmio, MmioOp};
use kernel::testing::{in_atomic_context, Ledger};

/// A register of the GPU that a client may write and that keeps what is written; and one that it may
/// not write.
fn writable_and_not() -> (&'static Register, &'static Register) {
    let rows = || registers::rows(registers::Platform::Kbl, false).filter(|row| row.size == 4);
    let writable = rows()
        .find(|row| row.flags.contains(Flags::SWITCHED) && !row.flags.contains(Flags::MASKED))
        .unwrap();
    (
        writable,
        rows().find(|row| !row.is_client_writable()).unwrap(),
    )
}

/// An access.
fn op(kind: u32, offset: u32) -> MmioOp {
    MmioOp {
        kind,
        offset,
        ..MmioOp::default()
    }
}

#[test]
fn mmio_exec_with_an_entry_that_is_none_returns_its_error_and_executes_nothing() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let (writable, other) = writable_and_not();
    let timeout_us = mmio::MAX_POLL_US;
    let wrong = [
        ("kind", EINVAL, op(mmio::POLL + 1, writable.offset)),
        ("odd offset", EINVAL, op(mmio::READ, writable.offset + 2)),
        ("offset beyond", EINVAL, op(mmio::READ, MMIO_SIZE)),
        ("offset far beyond", EINVAL, op(mmio::READ, u32::MAX - 3)),
        (
            "reserved",
            EINVAL,
            MmioOp {
                reserved: 1,
                ..op(mmio::READ, writable.offset)
            },
        ),
        (
            "poll",
            EINVAL,
            MmioOp {
                timeout_us: timeout_us + 1,
                ..op(mmio::POLL, 0x2034)
            },
        ),
        (
            "poll",
            EINVAL,
            MmioOp {
                timeout_us: u32::MAX,
                ..op(mmio::POLL, 0x2034)
            },
        ),
        ("write", EPERM, op(mmio::WRITE, other.offset)),
        ("untracked", EPERM, op(mmio::WRITE, MMIO_SIZE - 4)),
    ];
    let right = MmioOp {
        value: 0x55,
        ..op(mmio::WRITE, writable.offset)
    };
    let before = raw.accesses();

    for (what, errno, wrong) in wrong {
        assert_eq!(raw.mmio(&mut [right, wrong]), -errno, "{what}");
    }
    let halves = MmioOp {
        timeout_us: timeout_us / 2 + 1,
        ..op(mmio::POLL, 0x2034)
    };
    assert_eq!(
        raw.mmio(&mut [right, halves, halves]),
        -EINVAL,
        "polls add up"
    );
    assert_eq!(
        raw.mmio(&mut vec![right; mmio::MAX_OPS as usize + 1]),
        -E2BIG
    );

    assert_eq!(raw.accesses(), before, "the GPU was accessed");
}

#[test]
fn mmio_exec_reads_and_writes_in_order() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let at = writable_and_not().0.offset;
    let mut ops = [
        MmioOp {
            value: 0x1234_5678,
            ..op(mmio::WRITE, at)
        },
        op(mmio::READ, at),
        MmioOp {
            value: 0x1234_0078,
            ..op(mmio::WRITE, at)
        },
        op(mmio::READ, at),
    ];

    assert_eq!(raw.mmio(&mut ops), 0);

    assert_eq!(ops[1].value, 0x1234_5678);
    assert_eq!(ops[3].value, 0x1234_0078);
    assert_eq!(raw.mmio(&mut []), 0, "an empty batch");
}

#[test]
fn mmio_exec_in_atomic_context_neither_sleeps_nor_allocates() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let at = writable_and_not().0.offset;
    let ledger = Ledger::current();
    ledger.fail_at(usize::MAX - 1, false);

    let returned =
        in_atomic_context(|| raw.mmio(&mut [op(mmio::READ, at); mmio::MAX_OPS as usize]));

    assert_eq!(returned, 0);
    assert_eq!(ledger.tried(), 0);
}

#[test]
fn mmio_exec_when_the_gpu_sleeps_returns_eagain() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let at = writable_and_not().0.offset;
    assert!(bed.card().runtime_suspend());
    assert_eq!(raw.mmio(&mut [op(mmio::READ, at)]), -EAGAIN);

    assert_eq!(raw.wake_get(), 0);
    assert_eq!(raw.mmio(&mut [op(mmio::READ, at)]), 0);
    assert!(
        !bed.card().runtime_suspend(),
        "asleep in spite of the wakeref"
    );
    assert_eq!(raw.wake_put(), 0);
}

#[test]
fn mmio_exec_when_a_poll_runs_out_of_time_has_executed_what_stands_before() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let at = writable_and_not().0.offset;
    let mut ops = [
        MmioOp {
            value: 7,
            ..op(mmio::WRITE, at)
        },
        MmioOp {
            value: 8,
            mask: 0xff,
            timeout_us: 3,
            ..op(mmio::POLL, at)
        },
        MmioOp {
            value: 9,
            ..op(mmio::WRITE, at)
        },
    ];

    assert_eq!(raw.mmio(&mut ops), -ETIMEDOUT);

    let mut poll = [MmioOp {
        value: 7,
        mask: 0xff,
        ..op(mmio::POLL, at)
    }];
    assert_eq!(
        raw.mmio(&mut poll),
        0,
        "a poll that holds at once needs no time"
    );
    assert_eq!(poll[0].value, 7);
}
