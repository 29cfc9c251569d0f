// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What contexts execute, when all goes well.

use super::buffers::alloc;
use super::contexts::{create, engines, first_engine, of, render};
use super::NO_HANDLE;
use crate::commands::{Commands, RENDER_GPR, ROOM};
use crate::table::{ensure, expect, End, Recorder};
use crate::{Check, Context, Failure, Outcome};
use iface::errno::{E2BIG, EBADF, EFAULT, EINVAL};
use iface::events::OUTCOME_DONE;
use iface::image::STATUS_PAGE;
use iface::registers::Platform;
use iface::types::{self, Buffer, MAX_SEGMENTS, PTE_PRESENT};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "ctx_submit called wrongly",
        run: wrong_submissions,
    },
    Check {
        name: "every engine executes what is submitted",
        run: executed,
    },
    Check {
        name: "segments are executed in their order",
        run: in_order,
    },
    Check {
        name: "a ring that wraps",
        run: again_and_again,
    },
    Check {
        name: "contexts at the same time",
        run: side_by_side,
    },
    Check {
        name: "an image is saved, and loaded",
        run: saved,
    },
    Check {
        name: "each submission has its own page tables",
        run: page_tables,
    },
    Check {
        name: "what others execute is told of too",
        run: others,
    },
];

/// How often a check lets a moment pass before it gives up.
const PATIENCE: usize = 6000;

/// Waits until `condition` is true.
pub(crate) fn wait_until(
    context: &Context<'_>,
    what: &'static str,
    condition: impl Fn() -> bool,
) -> Outcome {
    for _ in 0..PATIENCE {
        if condition() {
            return Ok(());
        }
        context.bench.wait();
    }
    ensure(what, condition().into(), 1)
}

/// The dword at `offset` of a buffer.
pub(crate) fn dword(context: &Context<'_>, buffer: &Buffer, offset: u64) -> Result<u32, Failure> {
    let mut bytes = [0; 4];
    let read = context.table.buffer_read(buffer.handle, offset, &mut bytes);
    expect("buffer_read", read, 0)?;
    Ok(u32::from_le_bytes(bytes))
}

/// A root of page tables in which nothing is mapped.
pub(crate) fn empty_root(context: &Context<'_>) -> u64 {
    context.bench.dma_address(EMPTY)
}

/// Submits commands for a check.
pub(crate) fn submit(
    context: &Context<'_>,
    made: &types::Context,
    root: u64,
    commands: &Commands,
    tag: u64,
) -> Outcome {
    let submitted = context
        .table
        .ctx_submit(made.handle, root, commands.dwords(), tag);
    expect("ctx_submit", submitted, 0)
}

/// Submits commands, waits for their end, and says how that has to be.
pub(super) fn run(
    context: &Context<'_>,
    recorder: &Recorder,
    made: &types::Context,
    root: u64,
    commands: &Commands,
) -> Outcome {
    let ends = recorder.ends();
    let tag = u64::MAX - u64::from(ends);
    submit(context, made, root, commands, tag)?;
    wait_until(context, "an end", || recorder.ends() == ends + 1)?;
    let end = recorder.last_end();
    ensure("outcome", end.outcome.into(), OUTCOME_DONE.into())?;
    let whole = End {
        context: made.handle,
        tag,
        outcome: OUTCOME_DONE,
    };
    ensure("context and tag", (end == whole).into(), 1)
}

fn wrong_submissions(context: &Context<'_>) -> Outcome {
    context.table.recorded(|recorder| {
        let table = &context.table;
        let made = create(context, &of(&first_engine(context)?))?;
        let root = empty_root(context);
        for handle in [0, NO_HANDLE] {
            let submit = table.ctx_submit(handle, root, &[0, 0], 0);
            expect("to no context", submit, -EBADF)?;
        }
        for returned in table.ctx_submit_nowhere(made.handle, root) {
            expect("from nowhere", returned, -EFAULT)?;
        }
        let submit = table.ctx_submit(made.handle, root, &[], 0);
        expect("no commands", submit, -EINVAL)?;
        let submit = table.ctx_submit(made.handle, root, &[0], 0);
        expect("an odd number", submit, -EINVAL)?;
        let segments = |commands| table.ctx_submit_segments(made.handle, root, commands, 0);
        expect("no segments", segments(&[]), -EINVAL)?;
        expect("empty segments", segments(&[&[], &[]]), -EINVAL)?;
        expect("an odd sum", segments(&[&[0, 0], &[0]]), -EINVAL)?;
        let many = [&[0, 0][..]; MAX_SEGMENTS + 1];
        expect("too many segments", segments(&many), -E2BIG)?;
        for returned in table.ctx_submit_endless(made.handle, root) {
            expect("without an end", returned, -E2BIG)?;
        }
        for wrong in [root | 1, root | PTE_PRESENT, root | 1 << 46, u64::MAX] {
            let submit = table.ctx_submit(made.handle, wrong, &[0, 0], 0);
            expect("no root", submit, -EINVAL)?;
        }
        // The ring is asked for as small as can be, so it is not larger than this.
        static MANY: [u32; 1 << 16] = [0; 1 << 16];
        ensure(
            "room for commands",
            (made.commands < MANY.len() as u64).into(),
            1,
        )?;
        let submit = table.ctx_submit(made.handle, root, &MANY, 0);
        expect("too many", submit, -E2BIG)?;
        let sum = MANY.split_at(MANY.len() / 2);
        expect("too many in all", segments(&[sum.0, sum.1]), -E2BIG)?;
        expect("ctx_destroy", table.ctx_destroy(made.handle), 0)?;
        ensure("ends", recorder.ends().into(), 0)
    })
}

fn executed(context: &Context<'_>) -> Outcome {
    const VALUE: u32 = 0x600d_0000;
    context.table.recorded(|recorder| {
        let buffer = alloc(context, 1)?;
        let root = empty_root(context);
        for (engine, n) in engines(context).zip(0u32..) {
            let made = create(context, &of(&engine))?;
            let at = 8 * u64::from(n);
            let commands = Commands::new().store(buffer.start + at, VALUE + n);
            run(context, recorder, &made, root, &commands)?;
            let found = dword(context, &buffer, at)?;
            ensure("what was stored", found.into(), (VALUE + n).into())?;
            expect("ctx_destroy", context.table.ctx_destroy(made.handle), 0)?;
        }
        ensure("all done", recorder.done().into(), recorder.ends().into())
    })
}

fn in_order(context: &Context<'_>) -> Outcome {
    const VALUE: u32 = 0x5e60_0000;
    /// Dwords of the first segment, which ends amid a command, and of the others.
    const FIRST: usize = 3;
    const EACH: usize = 9;
    context.table.recorded(|recorder| {
        let table = &context.table;
        let buffer = alloc(context, 1)?;
        let root = empty_root(context);
        let made = create(context, &of(&first_engine(context)?))?;
        let slots = 1..=(ROOM / 8) as u32;
        let mut commands = Commands::new();
        for n in slots.clone() {
            commands = commands
                .store(buffer.start + 4 * u64::from(n), VALUE + n)
                .store(buffer.start, VALUE + n);
        }
        let (first, rest) = commands.dwords().split_at(FIRST);
        let mut segments = [first; MAX_SEGMENTS];
        let others = segments.iter_mut().skip(1).zip(rest.chunks(EACH));
        others.for_each(|(segment, commands)| *segment = commands);
        let submitted = table.ctx_submit_segments(made.handle, root, &segments, 0);
        expect("ctx_submit", submitted, 0)?;
        wait_until(context, "an end", || recorder.ends() == 1)?;
        let outcome = recorder.last_end().outcome;
        ensure("outcome", outcome.into(), OUTCOME_DONE.into())?;
        for n in slots.clone() {
            let found = dword(context, &buffer, 4 * u64::from(n))?;
            ensure("of each", found.into(), (VALUE + n).into())?;
        }
        let last = VALUE + slots.end();
        ensure("last", dword(context, &buffer, 0)?.into(), last.into())
    })
}

fn again_and_again(context: &Context<'_>) -> Outcome {
    const TIMES: u32 = 100;
    context.table.recorded(|recorder| {
        let buffer = alloc(context, 1)?;
        let root = empty_root(context);
        let made = create(context, &of(&first_engine(context)?))?;
        for n in 1..=TIMES {
            let mut commands = Commands::new();
            // As many as fit.
            for slot in 0..(ROOM / 4) as u64 {
                commands = commands.store(buffer.start + 4 * slot, n);
            }
            run(context, recorder, &made, root, &commands)?;
            let last = (ROOM - 4) as u64;
            ensure("first", dword(context, &buffer, 0)?.into(), n.into())?;
            ensure("last", dword(context, &buffer, last)?.into(), n.into())?;
        }
        Ok(())
    })
}

fn side_by_side(context: &Context<'_>) -> Outcome {
    context.table.recorded(|recorder| {
        let table = &context.table;
        let buffer = alloc(context, 1)?;
        let root = empty_root(context);
        let mut made = 0;
        for (engine, n) in engines(context).zip(0u64..) {
            // Two on each engine: one has to wait for the other.
            for slot in [2 * n, 2 * n + 1] {
                let context_made = create(context, &of(&engine))?;
                let commands = Commands::new().store(buffer.start + 4 * slot, 1);
                submit(context, &context_made, root, &commands, slot)?;
                made += 1;
            }
        }
        wait_until(context, "all ends", || recorder.ends() == made)?;
        for slot in 0..u64::from(made) {
            let found = dword(context, &buffer, 4 * slot)?;
            ensure("what was stored", found.into(), 1)?;
        }
        expect("close", table.close(), 0)
    })
}

/// Where the value of a register is in an image.
pub(crate) fn value_of(
    context: &Context<'_>,
    made: &types::Context,
    register: u32,
) -> Result<Option<u64>, Failure> {
    const PAIR: u64 = 8;
    const PART: usize = 256;
    let mut part = [0; PART];
    let mut offset = STATUS_PAGE;
    while offset < made.image {
        let read = context.table.ctx_read(made.handle, offset, &mut part);
        expect("ctx_read", read, 0)?;
        let found = part
            .chunks_exact(4)
            .position(|dword| dword == register.to_le_bytes());
        if let Some(index) = found {
            return Ok(Some(offset + 4 * index as u64 + PAIR / 2));
        }
        offset += PART as u64;
    }
    Ok(None)
}

fn saved(context: &Context<'_>) -> Outcome {
    const SAVED: u32 = 0x5a7e_d001;
    const LOADED: u32 = 0x10ad_ed02;
    context.table.recorded(|recorder| {
        let table = &context.table;
        let buffer = alloc(context, 1)?;
        let root = empty_root(context);
        let engine = render(context)?;
        let made = create(context, &of(&engine))?;
        let register = RENDER_GPR;
        let commands = Commands::new().load_register(register, SAVED);
        run(context, recorder, &made, root, &commands)?;
        let Some(at) = value_of(context, &made, register)? else {
            // The oldest does not save these.
            let platform = table.info().map_or(0, |info| info.platform);
            return ensure("a platform without", platform.into(), Platform::Bdw as i64);
        };
        let mut value = [0; 4];
        expect("read", table.ctx_read(made.handle, at, &mut value), 0)?;
        ensure(
            "what was saved",
            u32::from_le_bytes(value).into(),
            SAVED.into(),
        )?;
        // Somebody else has the engine between.
        let other = create(context, &of(&engine))?;
        let commands = Commands::new().load_register(register, 0);
        run(context, recorder, &other, root, &commands)?;
        let store = Commands::new().store_register(register, buffer.start);
        run(context, recorder, &made, root, &store)?;
        let found = dword(context, &buffer, 0)?;
        ensure("what was loaded", found.into(), SAVED.into())?;
        let write = table.ctx_write(made.handle, at, &LOADED.to_le_bytes());
        expect("write", write, 0)?;
        run(context, recorder, &made, root, &store)?;
        let found = dword(context, &buffer, 0)?;
        ensure("what was written", found.into(), LOADED.into())
    })
}

/// Tables of one address space, and the page that is mapped.
const PAGE_TABLE_PAGES: usize = 5;
/// The page behind those of two spaces, which nothing is written to.
const EMPTY: usize = 2 * PAGE_TABLE_PAGES;
/// An entry of a table: there, and to be written through (PRM Vol 5, PPGTT entries).
const PRESENT_AND_WRITABLE: u64 = 3;

/// Makes page tables of the pages from `first` on that map the last one at address 0; gives the root.
fn map(context: &Context<'_>, first: usize) -> u64 {
    let bench = context.bench;
    for page in first..first + PAGE_TABLE_PAGES - 1 {
        let next = bench.dma_address(page + 1);
        bench.dma_write(page, 0, next | PRESENT_AND_WRITABLE);
    }
    bench.dma_address(first)
}

fn page_tables(context: &Context<'_>) -> Outcome {
    const FIRST: u32 = 0xf125_7000;
    const SECOND: u32 = 0x5ec0_0000;
    const INDEX: usize = 3;
    context.table.recorded(|recorder| {
        let bench = context.bench;
        let roots = [0, PAGE_TABLE_PAGES].map(|first| map(context, first));
        for (engine, n) in engines(context).zip(0u32..) {
            let made = create(context, &of(&engine))?;
            // The same address, each time in another space, and back.
            let [first, second] = roots;
            for (root, value) in [(first, FIRST + n), (second, SECOND + n), (first, FIRST - n)] {
                let commands = Commands::new().store_ppgtt(8 * INDEX as u64, value);
                run(context, recorder, &made, root, &commands)?;
            }
            let found = bench.dma_read(PAGE_TABLE_PAGES - 1, INDEX);
            ensure("in the first", found as i64, (FIRST - n).into())?;
            let found = bench.dma_read(2 * PAGE_TABLE_PAGES - 1, INDEX);
            ensure("in the second", found as i64, (SECOND + n).into())?;
            expect("ctx_destroy", context.table.ctx_destroy(made.handle), 0)?;
        }
        ensure("all done", recorder.done().into(), recorder.ends().into())
    })
}

fn others(context: &Context<'_>) -> Outcome {
    context.table.recorded(|recorder| {
        let buffer = alloc(context, 1)?;
        let made = create(context, &of(&first_engine(context)?))?;
        let commands = Commands::new().store(buffer.start, 1);
        run(context, recorder, &made, empty_root(context), &commands)?;
        if context.bench.put_to_sleep() && context.bench.has_idle_contexts() {
            ensure("events of others", (recorder.foreign() > 0).into(), 1)?;
        }
        Ok(())
    })
}
