// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Contexts that execute nothing: making them, and their images.

use super::{open, refused, NO_HANDLE};
use crate::table::{ensure, expect};
use crate::{Check, Context, Failure, Outcome};
use iface::errno::{EBADF, EFAULT, EINVAL, ENOSPC, EPERM, ERANGE, ESRCH};
use iface::image::{is_client_writable, STATUS_PAGE};
use iface::types::{self, ContextRequest, Engine, MAX_COMMANDS};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "ctx_create called wrongly",
        run: wrong_requests,
    },
    Check {
        name: "a new context has the default state",
        run: fresh,
    },
    Check {
        name: "an image keeps what was written to it",
        run: written,
    },
    Check {
        name: "ctx_read and ctx_write called wrongly",
        run: wrong_copies,
    },
    Check {
        name: "default_state_read called wrongly",
        run: wrong_default_state,
    },
    Check {
        name: "ctx_destroy leaves a stale handle",
        run: destroyed,
    },
    Check {
        name: "contexts end where handles do, and close gives them back",
        run: exhausted,
    },
];

/// Bytes of an image that are looked at together.
const PART: usize = 256;
/// Bytes of a dword.
const DWORD: u64 = 4;
/// CTX_TIMESTAMP: nobody else's, and it stands behind the ring context of every engine.
const TIMESTAMP: u64 = STATUS_PAGE + 0x23 * DWORD;
/// RING_TAIL of a context.
const RING_TAIL: u64 = STATUS_PAGE + 0x07 * DWORD;

/// The engines of the GPU.
pub(super) fn engines(context: &Context<'_>) -> impl Iterator<Item = Engine> {
    let (engines, count) = match context.table.info() {
        Ok(info) => (info.engines, info.engine_count as usize),
        Err(_) => Default::default(),
    };
    engines.into_iter().take(count)
}

/// The first engine, which every GPU has.
pub(crate) fn first_engine(context: &Context<'_>) -> Result<Engine, Failure> {
    engines(context).next().ok_or(Failure {
        what: "an engine",
        got: 0,
        wanted: 1,
    })
}

/// Asks for a context of an engine.
pub(crate) fn of(engine: &Engine) -> ContextRequest {
    ContextRequest {
        engine: engine.mask,
        reserved: 0,
        commands: crate::commands::ROOM as u64,
    }
}

/// Makes a context for a check.
pub(crate) fn create(
    context: &Context<'_>,
    request: &ContextRequest,
) -> Result<types::Context, Failure> {
    context.table.ctx_create(request).map_err(|error| Failure {
        what: "ctx_create",
        got: error.into(),
        wanted: 0,
    })
}

fn wrong_requests(context: &Context<'_>) -> Outcome {
    open(context)?;
    let table = &context.table;
    let all = engines(context).fold(0, |all, engine| all | engine.mask);
    let right = of(&first_engine(context)?);
    expect(
        "to nowhere",
        table.ctx_create_nowhere(Some(&right)),
        -EFAULT,
    )?;
    expect("of nothing", table.ctx_create_nowhere(None), -EFAULT)?;
    for engine in [0, u32::MAX, 1 << 31, right.engine | 1 << 31] {
        let request = ContextRequest { engine, ..right };
        refused("no engine", table.ctx_create(&request), -EINVAL)?;
    }
    if all.count_ones() > 1 {
        let request = ContextRequest {
            engine: all,
            ..right
        };
        refused("many engines", table.ctx_create(&request), -EINVAL)?;
    }
    for commands in [0, MAX_COMMANDS + 1, u64::MAX] {
        let request = ContextRequest { commands, ..right };
        refused("no size", table.ctx_create(&request), -EINVAL)?;
    }
    let request = ContextRequest {
        reserved: 1,
        ..right
    };
    refused("reserved", table.ctx_create(&request), -EINVAL)
}

/// Whether the host half may have put something else into the dword at an offset of an image.
fn is_hosts(offset: u64) -> bool {
    // What stands between the registers of the ring context is batches, which the host's
    // workarounds are, and the time stamp, which begins anew.
    const RING_CONTEXT_END: u64 = STATUS_PAGE + 0x34 * DWORD;
    // R_PWR_CLK_STATE says which slices are on, and MI_MODE that the ring does not stop; the latter
    // stands in one of two places.
    const POWER_AND_MODE: [u64; 3] = [0x43, 0x55, 0x59];
    offset < RING_CONTEXT_END
        || POWER_AND_MODE
            .iter()
            .any(|dword| offset == STATUS_PAGE + dword * DWORD)
        || !is_client_writable(offset)
}

fn fresh(context: &Context<'_>) -> Outcome {
    open(context)?;
    let table = &context.table;
    for engine in engines(context) {
        let made = create(context, &of(&engine))?;
        ensure("image", made.image as i64, engine.context_size.into())?;
        ensure(
            "room for commands",
            (made.commands >= crate::commands::ROOM as u64).into(),
            1,
        )?;
        let mut offset = 0;
        while offset < made.image {
            let [mut image, mut state] = [[1; PART]; 2];
            let read = table.ctx_read(made.handle, offset, &mut image);
            expect("ctx_read", read, 0)?;
            let read = table.default_state_read(engine.mask, offset, &mut state);
            expect("default_state_read", read, 0)?;
            if offset < STATUS_PAGE {
                ensure("the status page", (state == [0; PART]).into(), 1)?;
            }
            let different = image
                .chunks_exact(DWORD as usize)
                .zip(state.chunks_exact(DWORD as usize))
                .zip((offset..).step_by(DWORD as usize))
                .find(|((image, state), at)| image != state && !is_hosts(*at));
            ensure(
                "the first that is not the default",
                different.map_or(0, |(_, at)| at as i64),
                0,
            )?;
            offset += PART as u64;
        }
        expect("ctx_destroy", table.ctx_destroy(made.handle), 0)?;
    }
    Ok(())
}

fn written(context: &Context<'_>) -> Outcome {
    const VALUE: [u8; 4] = [1, 2, 3, 4];
    open(context)?;
    let table = &context.table;
    let request = of(&first_engine(context)?);
    let [first, second] = [create(context, &request)?, create(context, &request)?];
    for offset in [TIMESTAMP, first.image - DWORD] {
        let [mut before, mut back] = [[0; 4]; 2];
        let read = table.ctx_read(second.handle, offset, &mut before);
        expect("read of the other", read, 0)?;
        let write = table.ctx_write(first.handle, offset, &VALUE);
        expect("write", write, 0)?;
        let read = table.ctx_read(first.handle, offset, &mut back);
        expect("read", read, 0)?;
        ensure("what was written", (back == VALUE).into(), 1)?;
        let read = table.ctx_read(second.handle, offset, &mut back);
        expect("read of the other again", read, 0)?;
        ensure("in the other", (back == before).into(), 1)?;
    }
    Ok(())
}

fn wrong_copies(context: &Context<'_>) -> Outcome {
    open(context)?;
    let table = &context.table;
    let made = create(context, &of(&first_engine(context)?))?;
    let mut dwords = [0; 8];
    for handle in [0, NO_HANDLE] {
        let read = table.ctx_read(handle, 0, &mut dwords);
        expect("read of no context", read, -EBADF)?;
        let write = table.ctx_write(handle, TIMESTAMP, &dwords);
        expect("write to no context", write, -EBADF)?;
    }
    for offset in [made.image - DWORD, made.image, u64::MAX - 3] {
        let read = table.ctx_read(made.handle, offset, &mut dwords);
        expect("read beyond", read, -ERANGE)?;
        let write = table.ctx_write(made.handle, offset, &dwords);
        expect("write beyond", write, -ERANGE)?;
    }
    let write = table.ctx_write(made.handle, TIMESTAMP + 1, &[0; 4]);
    expect("write of parts of dwords", write, -EINVAL)?;
    let write = table.ctx_write(made.handle, TIMESTAMP, &[0; 3]);
    expect("write of a part of a dword", write, -EINVAL)?;
    let hosts = [
        0,
        STATUS_PAGE - DWORD,
        RING_TAIL,
        RING_TAIL - DWORD,
        TIMESTAMP + DWORD,
    ];
    for offset in hosts {
        let write = table.ctx_write(made.handle, offset, &dwords);
        expect("write of what is the host's", write, -EPERM)?;
    }
    Ok(())
}

fn wrong_default_state(context: &Context<'_>) -> Outcome {
    open(context)?;
    let table = &context.table;
    let engine = first_engine(context)?;
    let mut dword = [0; 4];
    for mask in [0, 1 << 31, engine.mask | 1 << 31] {
        let read = table.default_state_read(mask, 0, &mut dword);
        expect("no engine", read, -EINVAL)?;
    }
    let end = u64::from(engine.context_size);
    for offset in [end - 3, end, u64::MAX] {
        let read = table.default_state_read(engine.mask, offset, &mut dword);
        expect("beyond", read, -ERANGE)?;
    }
    let read = table.default_state_read(engine.mask, end - DWORD, &mut dword);
    expect("the last dword", read, 0)
}

fn destroyed(context: &Context<'_>) -> Outcome {
    open(context)?;
    let table = &context.table;
    let request = of(&first_engine(context)?);
    let made = create(context, &request)?;
    expect(
        "kill of an idle one",
        table.ctx_kill(made.handle, 0),
        -ESRCH,
    )?;
    let write = table.ctx_write(made.handle, TIMESTAMP, &[0; 4]);
    expect("which stays as it is", write, 0)?;
    expect("destroy", table.ctx_destroy(made.handle), 0)?;
    expect("destroy again", table.ctx_destroy(made.handle), -EBADF)?;
    expect("destroy of nothing", table.ctx_destroy(0), -EBADF)?;
    expect("kill", table.ctx_kill(made.handle, 0), -EBADF)?;
    let submit = table.ctx_submit(made.handle, 0, &[0, 0], 0);
    expect("submit", submit, -EBADF)?;
    let next = create(context, &request)?;
    let read = table.ctx_read(made.handle, 0, &mut [0]);
    expect("read with the old handle", read, -EBADF)?;
    expect("destroy of the next", table.ctx_destroy(next.handle), 0)
}

fn exhausted(context: &Context<'_>) -> Outcome {
    /// More than any host half has room for.
    const MANY: usize = 1024;
    let mut counts = [0, 0];
    for count in &mut counts {
        open(context)?;
        let request = of(&first_engine(context)?);
        let refusal = (0..MANY).find_map(|n| {
            *count = n as i64;
            context.table.ctx_create(&request).err()
        });
        expect("one too many", refusal.unwrap_or(0), -ENOSPC)?;
        expect("close", context.table.close(), 0)?;
    }
    let [first, second] = counts;
    ensure("as many after close", second, first)
}
