// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Contexts that execute nothing: making them, and their images.

use super::buffers::alloc;
use super::submission::{empty_root, run};
use super::{open, refused, NO_HANDLE};
use crate::commands::Commands;
use crate::table::{ensure, expect};
use crate::{Check, Context, Failure, Outcome};
use iface::errno::{EBADF, EFAULT, EINVAL, ENOSPC, EPERM, ERANGE, ESRCH};
use iface::image::{is_client_writable, STATUS_PAGE};
use iface::types::{self, ContextRequest, Engine, ENGINE_RENDER, MAX_COMMANDS, MAX_CONTEXTS};

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

/// The render engine, which every GPU has.
pub(crate) fn render(context: &Context<'_>) -> Result<Engine, Failure> {
    let found = engines(context).find(|engine| engine.class == ENGINE_RENDER);
    found.ok_or(Failure {
        what: "a render engine",
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

/// The first dword of two parts of images at `offset` that differs, though it is the client's.
fn different(offset: u64, one: &[u8; PART], other: &[u8; PART]) -> Option<u64> {
    let size = DWORD as usize;
    let places = (offset..).step_by(size);
    let pairs = one.chunks_exact(size).zip(other.chunks_exact(size));
    let mut differing = places.zip(pairs).filter(|(_, (one, other))| one != other);
    differing
        .find(|(at, _)| is_client_writable(*at))
        .map(|(at, _)| at)
}

/// Looks at each part of the images of two contexts.
fn compare(
    context: &Context<'_>,
    [one, other]: [&types::Context; 2],
    mut look: impl FnMut(u64, &[u8; PART], &[u8; PART]) -> Outcome,
) -> Outcome {
    for offset in (0..one.image).step_by(PART) {
        let [mut first, mut second] = [[1; PART], [2; PART]];
        for (made, part) in [(one, &mut first), (other, &mut second)] {
            let read = context.table.ctx_read(made.handle, offset, part);
            expect("ctx_read", read, 0)?;
        }
        look(offset, &first, &second)?;
    }
    Ok(())
}

fn fresh(context: &Context<'_>) -> Outcome {
    const VALUE: [u8; 4] = [1, 2, 3, 4];
    context.table.recorded(|recorder| {
        let table = &context.table;
        let buffer = alloc(context, 1)?;
        for engine in engines(context) {
            let [used, first] = [
                create(context, &of(&engine))?,
                create(context, &of(&engine))?,
            ];
            ensure("image", used.image as i64, engine.context_size as i64)?;
            ensure(
                "room for commands",
                (used.commands >= crate::commands::ROOM as u64).into(),
                1,
            )?;
            let write = table.ctx_write(used.handle, TIMESTAMP, &VALUE);
            expect("ctx_write", write, 0)?;
            let commands = Commands::new().store(buffer.start, engine.mask);
            run(context, recorder, &used, empty_root(context), &commands)?;
            // What the one has executed is nothing to one that is made then.
            let second = create(context, &of(&engine))?;
            let (mut saved, mut used_parts) = (false, 0);
            compare(context, [&first, &second], |offset, first, second| {
                if offset < STATUS_PAGE {
                    ensure("the status page", (first == &[0; PART]).into(), 1)?;
                } else {
                    saved |= first != &[0; PART];
                }
                ensure(
                    "the first that is not the default",
                    different(offset, first, second).map_or(0, |at| at as i64),
                    0,
                )
            })?;
            ensure("a state that was saved", saved.into(), 1)?;
            compare(context, [&used, &second], |offset, used, second| {
                used_parts += i64::from(different(offset, used, second).is_some());
                Ok(())
            })?;
            ensure("parts that were used", (used_parts > 0).into(), 1)?;
            for made in [used, first, second] {
                expect("ctx_destroy", table.ctx_destroy(made.handle), 0)?;
            }
        }
        Ok(())
    })
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
    let mut counts = [0, 0];
    for count in &mut counts {
        open(context)?;
        let request = of(&first_engine(context)?);
        let refusal = (0..=MAX_CONTEXTS).find_map(|n| {
            *count = n as i64;
            context.table.ctx_create(&request).err()
        });
        expect("one too many", refusal.unwrap_or(0), -ENOSPC)?;
        expect("close", context.table.close(), 0)?;
    }
    let [first, second] = counts;
    ensure("as many as can be", first, MAX_CONTEXTS as i64)?;
    ensure("as many after close", second, first)
}
