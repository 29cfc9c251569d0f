// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Buffers.

use super::{aperture, open, refused, reserve, NO_HANDLE};
use crate::table::{ensure, expect};
use crate::{Check, Context, Failure, Outcome};
use iface::errno::{EBADF, EFAULT, EINVAL, ENOSPC, ERANGE};
use iface::types::{
    Buffer, GgttRange, GgttRequest, GGTT_PAGE_SHIFT, GGTT_PAGE_SIZE, PTE_PRESENT, REGION_HIGH,
};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "buffer_alloc called wrongly",
        run: wrong_requests,
    },
    Check {
        name: "a new buffer is zero, mapped, and in no range",
        run: fresh,
    },
    Check {
        name: "a buffer keeps what was written to it",
        run: written,
    },
    Check {
        name: "buffer_read and buffer_write called wrongly",
        run: wrong_copies,
    },
    Check {
        name: "buffer_free leaves a stale handle",
        run: freed,
    },
    Check {
        name: "buffers end where handles do, and close gives them back",
        run: exhausted,
    },
];

/// Bytes of a part of a buffer that is looked at.
const PART: usize = 64;

/// Allocates a buffer of so many pages for a check.
pub(crate) fn alloc(context: &Context<'_>, pages: u64) -> Result<Buffer, Failure> {
    context
        .table
        .buffer_alloc(pages << GGTT_PAGE_SHIFT)
        .map_err(|error| Failure {
            what: "buffer_alloc",
            got: error.into(),
            wanted: 0,
        })
}

fn wrong_requests(context: &Context<'_>) -> Outcome {
    open(context)?;
    let table = &context.table;
    expect(
        "to nowhere",
        table.buffer_alloc_nowhere(GGTT_PAGE_SIZE),
        -EFAULT,
    )?;
    refused("of no size", table.buffer_alloc(0), -EINVAL)?;
    refused(
        "of an odd size",
        table.buffer_alloc(GGTT_PAGE_SIZE + 4),
        -EINVAL,
    )?;
    for size in [1 << 40, !(GGTT_PAGE_SIZE - 1)] {
        refused("of more than there is", table.buffer_alloc(size), -ENOSPC)?;
    }
    Ok(())
}

fn apart(buffer: &Buffer, range: &GgttRange) -> bool {
    buffer.start + buffer.size <= range.start || range.start + range.size <= buffer.start
}

fn fresh(context: &Context<'_>) -> Outcome {
    const PAGES: u64 = 16;
    open(context)?;
    let low = reserve(context, &aperture(PAGES))?;
    let high = reserve(
        context,
        &GgttRequest {
            region: REGION_HIGH,
            ..aperture(PAGES)
        },
    )?;
    let buffer = alloc(context, PAGES)?;
    ensure("handle", (buffer.handle != 0).into(), 1)?;
    ensure("size", buffer.size as i64, (PAGES * GGTT_PAGE_SIZE) as i64)?;
    ensure("start", (buffer.start % GGTT_PAGE_SIZE) as i64, 0)?;
    ensure("outside of a range", apart(&buffer, &low).into(), 1)?;
    ensure("outside of a high range", apart(&buffer, &high).into(), 1)?;
    for page in 0..PAGES {
        let entry = context
            .bench
            .ggtt_entry((buffer.start >> GGTT_PAGE_SHIFT) + page);
        ensure("an entry", (entry & PTE_PRESENT) as i64, PTE_PRESENT as i64)?;
        let mut part = [1; PART];
        let offset = page * GGTT_PAGE_SIZE;
        let read = context.table.buffer_read(buffer.handle, offset, &mut part);
        expect("buffer_read", read, 0)?;
        ensure("zero", part.iter().map(|byte| i64::from(*byte)).sum(), 0)?;
    }
    expect("free", context.table.buffer_free(buffer.handle), 0)
}

fn written(context: &Context<'_>) -> Outcome {
    const AT: u64 = GGTT_PAGE_SIZE - 13;
    open(context)?;
    let table = &context.table;
    let [first, second] = [alloc(context, 2)?, alloc(context, 1)?];
    let mut bytes = [0; PART];
    for (byte, value) in bytes.iter_mut().zip(1u8..) {
        *byte = value;
    }
    expect("write", table.buffer_write(first.handle, AT, &bytes), 0)?;
    // Whether or not this world can: nothing may change.
    context.bench.put_to_sleep();
    let mut back = [0; PART];
    expect("read", table.buffer_read(first.handle, AT, &mut back), 0)?;
    ensure("what was written", (back == bytes).into(), 1)?;
    let mut before = [1];
    let read = table.buffer_read(first.handle, AT - 1, &mut before);
    expect("read before", read, 0)?;
    ensure("before it", before[0].into(), 0)?;
    let read = table.buffer_read(second.handle, 0, &mut back);
    expect("read of the other", read, 0)?;
    ensure("in the other", (back == [0; PART]).into(), 1)
}

fn wrong_copies(context: &Context<'_>) -> Outcome {
    open(context)?;
    let table = &context.table;
    let buffer = alloc(context, 1)?;
    let mut part = [0; PART];
    for handle in [0, NO_HANDLE] {
        let read = table.buffer_read(handle, 0, &mut part);
        expect("read of no buffer", read, -EBADF)?;
        let write = table.buffer_write(handle, 0, &part);
        expect("write to no buffer", write, -EBADF)?;
    }
    for offset in [
        GGTT_PAGE_SIZE - PART as u64 + 1,
        GGTT_PAGE_SIZE,
        u64::MAX - 1,
    ] {
        let read = table.buffer_read(buffer.handle, offset, &mut part);
        expect("read beyond", read, -ERANGE)?;
        let write = table.buffer_write(buffer.handle, offset, &part);
        expect("write beyond", write, -ERANGE)?;
    }
    for copy in table.buffer_copy_nowhere(buffer.handle) {
        expect("copy to nowhere", copy, -EFAULT)?;
    }
    Ok(())
}

fn freed(context: &Context<'_>) -> Outcome {
    open(context)?;
    let table = &context.table;
    let buffer = alloc(context, 1)?;
    expect("free", table.buffer_free(buffer.handle), 0)?;
    expect("free again", table.buffer_free(buffer.handle), -EBADF)?;
    expect("free of nothing", table.buffer_free(0), -EBADF)?;
    let next = alloc(context, 1)?;
    let mut byte = [0];
    let read = table.buffer_read(buffer.handle, 0, &mut byte);
    expect("read with the old handle", read, -EBADF)?;
    expect("free of the next", table.buffer_free(next.handle), 0)
}

fn exhausted(context: &Context<'_>) -> Outcome {
    /// More than any host half has room for.
    const MANY: usize = 4096;
    let mut counts = [0, 0];
    for count in &mut counts {
        open(context)?;
        let refusal = (0..MANY).find_map(|n| {
            *count = n as i64;
            context.table.buffer_alloc(GGTT_PAGE_SIZE).err()
        });
        expect("one too many", refusal.unwrap_or(0), -ENOSPC)?;
        expect("close", context.table.close(), 0)?;
    }
    let [first, second] = counts;
    ensure("as many after close", second, first)
}
