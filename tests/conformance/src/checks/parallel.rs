// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Operations at the same time.

use super::{aperture, open};
use crate::table::ensure;
use crate::{Check, Context, Outcome};
use core::sync::atomic::{AtomicI64, Ordering};
use iface::errno::{EAGAIN, EBADF, EBUSY, ENODEV, ENOSPC};
use iface::types::{mmio, MmioOp, GGTT_PAGE_SHIFT, PTE_PRESENT};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "ranges written in parallel do not mix",
        run: ranges,
    },
    Check {
        name: "operations while others open and close",
        run: lifecycle,
    },
];

const THREADS: u32 = 4;
const ROUNDS: u64 = 50;

const TAKEN: i32 = -EBUSY;
const CLOSED: i32 = -ENODEV;
const GONE: i32 = -EBADF;
const FULL: i32 = -ENOSPC;
const ASLEEP: i32 = -EAGAIN;

/// Counts what is not as it should be.
struct Count(AtomicI64);

impl Count {
    fn new() -> Self {
        Self(AtomicI64::new(0))
    }

    fn unless(&self, fine: bool) {
        if !fine {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn ranges(context: &Context<'_>) -> Outcome {
    open(context)?;
    let wrong = Count::new();
    let bench = context.bench;
    let table = context.table;
    bench.in_parallel(THREADS, &|thread| {
        for round in 0..ROUNDS {
            let Ok(range) = table.ggtt_reserve(&aperture(4)) else {
                wrong.unless(false);
                continue;
            };
            let page = (u64::from(thread) + 1) << 24 | round << 12 | PTE_PRESENT;
            wrong.unless(table.ggtt_write(range.handle, 0, &[page; 4]) == 0);
            for n in 0..4 {
                wrong.unless(bench.ggtt_entry((range.start >> GGTT_PAGE_SHIFT) + n) == page);
            }
            wrong.unless(table.ggtt_release(range.handle) == 0);
        }
    });
    ensure("what went wrong", wrong.get(), 0)
}

fn lifecycle(context: &Context<'_>) -> Outcome {
    let wrong = Count::new();
    let table = context.table;
    context.bench.in_parallel(THREADS, &|thread| {
        for _ in 0..ROUNDS {
            if thread == 0 {
                wrong.unless(matches!(table.open(), 0 | TAKEN));
                wrong.unless(matches!(table.close(), 0 | CLOSED));
                continue;
            }
            let reserved = table.ggtt_reserve(&aperture(2));
            match reserved {
                // Closing takes it away.
                Ok(range) => {
                    let released = table.ggtt_release(range.handle);
                    wrong.unless(matches!(released, 0 | CLOSED | GONE));
                }
                Err(error) => wrong.unless(matches!(error, CLOSED | FULL)),
            }
            if table.wake_get() == 0 {
                let mut ops = [MmioOp {
                    kind: mmio::READ,
                    ..MmioOp::default()
                }];
                let returned = table.mmio_exec(&mut ops);
                // It was closed meanwhile: then the GPU may sleep, too.
                wrong.unless(matches!(returned, 0 | CLOSED | ASLEEP));
                table.wake_put();
            }
        }
    });
    ensure("what went wrong", wrong.get(), 0)
}
