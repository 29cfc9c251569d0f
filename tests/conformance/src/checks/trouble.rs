// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Contexts that hang, that are killed, or whose client goes.

use super::buffers::alloc;
use super::contexts::{create, engines, first_engine, of};
use super::submission::{dword, empty_root, run, submit, wait_until};
use crate::commands::Commands;
use crate::table::{ensure, expect, Recorder};
use crate::{Check, Context, Outcome};
use iface::errno::{EBUSY, EIO, ESRCH};
use iface::events::{OUTCOME_CANCELLED, OUTCOME_DONE, OUTCOME_HUNG};
use iface::image::STATUS_PAGE;
use iface::types::{self, Buffer};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "a context that executes is busy",
        run: busy,
    },
    Check {
        name: "a context that is killed, on every engine",
        run: killed,
    },
    Check {
        name: "a kill that is late",
        run: killed_late,
    },
    Check {
        name: "a context that is killed while it waits for another",
        run: killed_in_the_queue,
    },
    Check {
        name: "a context that hangs, on every engine",
        run: hung,
    },
    Check {
        name: "a context that does not come to an end",
        run: endless,
    },
    Check {
        name: "close while contexts execute",
        run: closed,
    },
];

/// Where a context writes that it runs, and where it waits for a dword of 1.
const STARTED: u64 = 0;
const GATE: u64 = 64;
const AFTER: u64 = 128;
/// Where a context writes that follows it.
const NEXT: u64 = 192;

/// Commands that tell that they run, wait until they may go on, and tell that too.
fn wait_at_gate(buffer: &Buffer) -> Commands {
    Commands::new()
        .store(buffer.start + STARTED, 1)
        .wait_for(buffer.start + GATE, 1)
        .store(buffer.start + AFTER, 1)
}

fn has_started(context: &Context<'_>, buffer: &Buffer) -> bool {
    dword(context, buffer, STARTED).is_ok_and(|value| value == 1)
}

/// What [`start`] submits is called.
const TAG: u64 = 0x0123_4567_89ab_cdef;

/// Has a context execute what does not end, and waits until it runs.
fn start(context: &Context<'_>, made: &types::Context, buffer: &Buffer) -> Outcome {
    start_as(context, made, buffer, TAG)
}

/// The same, by a tag of one's own.
fn start_as(context: &Context<'_>, made: &types::Context, buffer: &Buffer, tag: u64) -> Outcome {
    let root = empty_root(context);
    let clear = context.table.buffer_write(buffer.handle, 0, &[0; 256]);
    expect("buffer_write", clear, 0)?;
    submit(context, made, root, &wait_at_gate(buffer), tag)?;
    wait_until(context, "the context runs", || has_started(context, buffer))
}

/// Waits for one more end, which has to be `outcome`.
fn wait_for_end(context: &Context<'_>, recorder: &Recorder, ends: u32, outcome: u32) -> Outcome {
    wait_until(context, "an end", || recorder.ends() == ends + 1)?;
    let got = recorder.last_end().outcome;
    ensure("outcome", got.into(), outcome.into())
}

/// A context that executes nothing any more can be read and destroyed, and that is all.
fn is_dead(context: &Context<'_>, made: &types::Context) -> Outcome {
    let table = &context.table;
    let again = table.ctx_submit(made.handle, empty_root(context), &[0, 0], 0);
    expect("submit to a dead one", again, -EIO)?;
    let write = table.ctx_write(made.handle, 2 * STATUS_PAGE, &[0; 4]);
    expect("write to a dead one", write, -EIO)?;
    let read = table.ctx_read(made.handle, 0, &mut [0; 4]);
    expect("read of a dead one", read, 0)?;
    for tag in [TAG, 0] {
        let kill = table.ctx_kill(made.handle, tag);
        expect("kill of a dead one", kill, -ESRCH)?;
    }
    expect("destroy", table.ctx_destroy(made.handle), 0)
}

fn busy(context: &Context<'_>) -> Outcome {
    context.table.recorded(|recorder| {
        let table = &context.table;
        let buffer = alloc(context, 1)?;
        let root = empty_root(context);
        let made = create(context, &of(&first_engine(context)?))?;
        start(context, &made, &buffer)?;
        // Another one waits for the engine.
        let next = create(context, &of(&first_engine(context)?))?;
        let commands = Commands::new().store(buffer.start + NEXT, 1);
        submit(context, &next, root, &commands, 2)?;
        let read = table.ctx_read(made.handle, 0, &mut [0; 4]);
        expect("read", read, -EBUSY)?;
        let write = table.ctx_write(made.handle, 2 * STATUS_PAGE, &[0; 4]);
        expect("write", write, -EBUSY)?;
        expect("destroy", table.ctx_destroy(made.handle), -EBUSY)?;
        let submit = table.ctx_submit(made.handle, root, &[0, 0], 0);
        expect("submit", submit, -EBUSY)?;
        ensure("ends", recorder.ends().into(), 0)?;
        // Many time slices, of which nobody else gets one.
        for _ in 0..100 {
            context.bench.wait();
        }
        ensure("ends after a while", recorder.ends().into(), 0)?;
        let waits = dword(context, &buffer, NEXT)?;
        ensure("it stays on the engine", waits.into(), 0)?;
        let open = table.buffer_write(buffer.handle, GATE, &1u32.to_le_bytes());
        expect("buffer_write", open, 0)?;
        wait_until(context, "both ends", || recorder.ends() == 2)?;
        ensure("done", recorder.done().into(), 2)?;
        ensure("went on", dword(context, &buffer, AFTER)?.into(), 1)?;
        ensure("the next ran", dword(context, &buffer, NEXT)?.into(), 1)?;
        run(
            context,
            recorder,
            &made,
            root,
            &Commands::new().store(buffer.start, 2),
        )
    })
}

fn killed(context: &Context<'_>) -> Outcome {
    context.table.recorded(|recorder| {
        let table = &context.table;
        let buffer = alloc(context, 1)?;
        let root = empty_root(context);
        for engine in engines(context) {
            let made = create(context, &of(&engine))?;
            start(context, &made, &buffer)?;
            let ends = recorder.ends();
            expect("kill", table.ctx_kill(made.handle, TAG), 0)?;
            wait_for_end(context, recorder, ends, OUTCOME_CANCELLED)?;
            ensure("did not go on", dword(context, &buffer, AFTER)?.into(), 0)?;
            is_dead(context, &made)?;
            let next = create(context, &of(&engine))?;
            let commands = Commands::new().store(buffer.start + AFTER, 7);
            run(context, recorder, &next, root, &commands)?;
            ensure("the next ran", dword(context, &buffer, AFTER)?.into(), 7)?;
        }
        Ok(())
    })
}

fn killed_late(context: &Context<'_>) -> Outcome {
    context.table.recorded(|recorder| {
        let table = &context.table;
        let buffer = alloc(context, 1)?;
        let made = create(context, &of(&first_engine(context)?))?;
        for tag in 1..4 {
            start_as(context, &made, &buffer, tag)?;
            let ends = recorder.ends();
            for other in [tag - 1, tag + 1] {
                let kill = table.ctx_kill(made.handle, other);
                expect("kill of another", kill, -ESRCH)?;
            }
            // Long enough for a kill to be seen.
            for _ in 0..10 {
                context.bench.wait();
            }
            ensure("goes on", recorder.ends().into(), ends.into())?;
            let open = table.buffer_write(buffer.handle, GATE, &1u32.to_le_bytes());
            expect("buffer_write", open, 0)?;
            wait_for_end(context, recorder, ends, OUTCOME_DONE)?;
            ensure("went on", dword(context, &buffer, AFTER)?.into(), 1)?;
            let kill = table.ctx_kill(made.handle, tag);
            expect("kill of what is done", kill, -ESRCH)?;
        }
        start(context, &made, &buffer)?;
        let ends = recorder.ends();
        expect("kill", table.ctx_kill(made.handle, TAG), 0)?;
        wait_for_end(context, recorder, ends, OUTCOME_CANCELLED)?;
        ensure("its tag", (recorder.last_end().tag == TAG).into(), 1)?;
        is_dead(context, &made)
    })
}

fn killed_in_the_queue(context: &Context<'_>) -> Outcome {
    context.table.recorded(|recorder| {
        let table = &context.table;
        let [first_buffer, second_buffer] = [alloc(context, 1)?, alloc(context, 1)?];
        let root = empty_root(context);
        let request = of(&first_engine(context)?);
        let [first, second] = [create(context, &request)?, create(context, &request)?];
        start(context, &first, &first_buffer)?;
        let commands = Commands::new().store(second_buffer.start, 1);
        submit(context, &second, root, &commands, 2)?;
        expect("kill", table.ctx_kill(second.handle, 2), 0)?;
        // It may be told now or when its turn comes.
        for _ in 0..10 {
            context.bench.wait();
        }
        let open = table.buffer_write(first_buffer.handle, GATE, &1u32.to_le_bytes());
        expect("buffer_write", open, 0)?;
        wait_until(context, "both ends", || recorder.ends() == 2)?;
        ensure(
            "the first went on",
            dword(context, &first_buffer, AFTER)?.into(),
            1,
        )?;
        ensure(
            "the second did nothing",
            dword(context, &second_buffer, 0)?.into(),
            0,
        )?;
        ensure("cancelled", recorder.cancelled().into(), 1)?;
        is_dead(context, &second)?;
        run(context, recorder, &first, root, &commands)
    })
}

fn hung(context: &Context<'_>) -> Outcome {
    context.table.recorded(|recorder| {
        let buffer = alloc(context, 1)?;
        let root = empty_root(context);
        for engine in engines(context) {
            let made = create(context, &of(&engine))?;
            let ends = recorder.ends();
            let commands = Commands::new()
                .store(buffer.start + STARTED, 3)
                .hang()
                .store(buffer.start + AFTER, 3);
            submit(context, &made, root, &commands, 0)?;
            wait_for_end(context, recorder, ends, OUTCOME_HUNG)?;
            ensure("it ran", dword(context, &buffer, STARTED)?.into(), 3)?;
            ensure("did not go on", dword(context, &buffer, AFTER)?.into(), 0)?;
            is_dead(context, &made)?;
            let next = create(context, &of(&engine))?;
            let commands = Commands::new().store(buffer.start + GATE, 7);
            run(context, recorder, &next, root, &commands)?;
            ensure("the next ran", dword(context, &buffer, GATE)?.into(), 7)?;
        }
        Ok(())
    })
}

fn endless(context: &Context<'_>) -> Outcome {
    if !context.bench.has_watchdog() {
        return Ok(());
    }
    context.table.recorded(|recorder| {
        let buffer = alloc(context, 1)?;
        let made = create(context, &of(&first_engine(context)?))?;
        start(context, &made, &buffer)?;
        wait_for_end(context, recorder, 0, OUTCOME_HUNG)?;
        ensure("did not go on", dword(context, &buffer, AFTER)?.into(), 0)?;
        is_dead(context, &made)
    })
}

fn closed(context: &Context<'_>) -> Outcome {
    context.table.recorded(|recorder| {
        let buffer = alloc(context, 1)?;
        let root = empty_root(context);
        let request = of(&first_engine(context)?);
        let [first, second] = [create(context, &request)?, create(context, &request)?];
        start(context, &first, &buffer)?;
        let commands = Commands::new().store(buffer.start + AFTER, 1);
        submit(context, &second, root, &commands, 2)?;
        expect("close", context.table.close(), 0)?;
        ensure("nothing is told any more", recorder.ends().into(), 0)
    })?;
    // Nothing is left on the engine.
    context.table.recorded(|recorder| {
        let buffer = alloc(context, 1)?;
        let root = empty_root(context);
        let made = create(context, &of(&first_engine(context)?))?;
        let commands = Commands::new().store(buffer.start, 5);
        run(context, recorder, &made, root, &commands)?;
        ensure("what was stored", dword(context, &buffer, 0)?.into(), 5)
    })
}
