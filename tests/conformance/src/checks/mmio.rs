// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `mmio_exec`.

use super::open;
use crate::table::{ensure, expect};
use crate::{Check, Context, Failure, Outcome};
use iface::errno::{E2BIG, EAGAIN, EFAULT, EINVAL, EPERM, ETIMEDOUT};
use iface::registers::{Platform, MMIO_SIZE};
use iface::types::mmio::{MAX_OPS, MAX_POLL_US, POLL, READ, WRITE};
use iface::types::MmioOp;

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "mmio_exec called wrongly",
        run: wrong,
    },
    Check {
        name: "mmio_exec writes nothing that it may not",
        run: forbidden,
    },
    Check {
        name: "mmio_exec reads and writes",
        run: right,
    },
    Check {
        name: "mmio_exec polls",
        run: polls,
    },
    Check {
        name: "mmio_exec with a spin lock held",
        run: locked,
    },
    Check {
        name: "mmio_exec of a GPU that sleeps",
        run: asleep,
    },
];

/// A register that belongs to whoever runs on the render engine, and that nothing minds being
/// written for a moment: the last of LNCFCMOCS on Gen9 (PRM Vol 2c), the context preemption control
/// on Broadwell, which has not those.
const SCRATCH_GEN9: u32 = 0xb020 + 31 * 4;
const SCRATCH_BDW: u32 = 0x2248;
/// `RCS_RING_HWS_PGA`, which a client may not write. i915 writes it too, but the same value each time:
/// what is executed meanwhile does not change it.
const STATUS_PAGE: u32 = 0x2080;
/// `RCS_TLB_CTL`, whose request bit clears itself (PRM Vol 2c, RCS TLB control).
const TLB: u32 = 0x4260;

fn op(kind: u32, offset: u32, value: u32) -> MmioOp {
    MmioOp {
        kind,
        offset,
        value,
        ..MmioOp::default()
    }
}

/// Opens and wakes the GPU; gives the register to write to.
fn awake(context: &Context<'_>) -> Result<u32, Failure> {
    open(context)?;
    expect("wake_get", context.table.wake_get(), 0)?;
    let platform = context.table.info().map_or(0, |info| info.platform);
    Ok(if platform == Platform::Bdw as u32 {
        SCRATCH_BDW
    } else {
        SCRATCH_GEN9
    })
}

fn value(context: &Context<'_>, offset: u32) -> u32 {
    let mut read = [op(READ, offset, 0)];
    context.table.mmio_exec(&mut read);
    read[0].value
}

fn wrong(context: &Context<'_>) -> Outcome {
    let scratch = awake(context)?;
    let table = &context.table;
    expect("nowhere", table.mmio_exec_counted(None, 1), -EFAULT)?;
    let mut first = op(READ, scratch, 0);
    expect(
        "too many",
        table.mmio_exec_counted(Some(&mut first), MAX_OPS + 1),
        -E2BIG,
    )?;
    expect(
        "far too many",
        table.mmio_exec_counted(Some(&mut first), u32::MAX),
        -E2BIG,
    )?;
    let wrong = [
        ("unknown kind", op(POLL + 1, scratch, 0)),
        ("odd offset", op(READ, scratch + 2, 0)),
        ("offset behind the registers", op(READ, MMIO_SIZE, 0)),
        ("offset that wraps", op(READ, u32::MAX - 3, 0)),
        (
            "reserved",
            MmioOp {
                reserved: 1,
                ..op(READ, scratch, 0)
            },
        ),
        (
            "poll too long",
            MmioOp {
                timeout_us: MAX_POLL_US + 1,
                ..op(POLL, scratch, 0)
            },
        ),
    ];
    for (what, op) in wrong {
        expect(what, table.mmio_exec(&mut [op]), -EINVAL)?;
    }
    expect("nothing to do", table.mmio_exec(&mut []), 0)
}

fn forbidden(context: &Context<'_>) -> Outcome {
    let scratch = awake(context)?;
    let (page, before) = (value(context, STATUS_PAGE), value(context, scratch));
    let mut ops = [op(WRITE, scratch, !before), op(WRITE, STATUS_PAGE, !page)];
    let returned = context.table.mmio_exec(&mut ops);
    expect("forbidden write", returned, -EPERM)?;
    ensure(
        "what may not be written",
        value(context, STATUS_PAGE).into(),
        page.into(),
    )?;
    // The whole batch was looked at first.
    ensure(
        "what stood before it",
        value(context, scratch).into(),
        before.into(),
    )
}

fn right(context: &Context<'_>) -> Outcome {
    let scratch = awake(context)?;
    let old = value(context, scratch);
    let mut ops = [
        op(WRITE, scratch, 0x0030_0030),
        op(READ, scratch, 0),
        op(WRITE, scratch, 0x0030_0010),
        op(READ, scratch, 0),
        op(WRITE, scratch, old),
    ];
    expect("batch", context.table.mmio_exec(&mut ops), 0)?;
    ensure("what was written", ops[1].value.into(), 0x0030_0030)?;
    ensure("what was written then", ops[3].value.into(), 0x0030_0010)?;
    ensure("what was there", value(context, scratch).into(), old.into())
}

fn polls(context: &Context<'_>) -> Outcome {
    let scratch = awake(context)?;
    let old = value(context, scratch);
    let poll = |value, timeout_us| MmioOp {
        mask: 1,
        timeout_us,
        ..op(POLL, TLB, value)
    };
    let mut cleared = [op(WRITE, TLB, 1), poll(0, MAX_POLL_US)];
    expect(
        "poll for what comes",
        context.table.mmio_exec(&mut cleared),
        0,
    )?;
    let mut never = [
        op(WRITE, scratch, old ^ 0x10),
        poll(1, 20),
        op(WRITE, scratch, old ^ 0x20),
    ];
    expect(
        "poll for what never comes",
        context.table.mmio_exec(&mut never),
        -ETIMEDOUT,
    )?;
    ensure("what the poll read last", (never[1].value & 1).into(), 0)?;
    let now = value(context, scratch);
    expect(
        "write",
        context.table.mmio_exec(&mut [op(WRITE, scratch, old)]),
        0,
    )?;
    ensure(
        "before it executed, behind it not",
        now.into(),
        (old ^ 0x10).into(),
    )
}

fn locked(context: &Context<'_>) -> Outcome {
    let scratch = awake(context)?;
    let mut returned = i32::MIN;
    context.bench.with_lock_held(&mut || {
        let mut ops = [
            op(READ, scratch, 0),
            op(WRITE, TLB, 1),
            op(READ, STATUS_PAGE, 0),
        ];
        returned = context.table.mmio_exec(&mut ops);
    });
    expect("batch", returned, 0)
}

fn asleep(context: &Context<'_>) -> Outcome {
    open(context)?;
    if !context.bench.put_to_sleep() {
        return Ok(());
    }
    expect(
        "asleep",
        context.table.mmio_exec(&mut [op(READ, STATUS_PAGE, 0)]),
        -EAGAIN,
    )?;
    expect("wake_get", context.table.wake_get(), 0)?;
    expect(
        "awake",
        context.table.mmio_exec(&mut [op(READ, STATUS_PAGE, 0)]),
        0,
    )
}
