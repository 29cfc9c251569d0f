// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Logical contexts of the client, and what they execute.

use crate::session::State;
use crate::slots::Handle;
use crate::world::{Awake, World};
use iface::events::{OUTCOME_CANCELLED, OUTCOME_DONE};
use iface::image::{is_client_writable, DWORD};
use iface::types::{self, ContextRequest, Info, MAX_COMMANDS, PTE_ADDRESS};
use kernel::prelude::*;

/// A place of a context.
pub(crate) enum Context<W: World> {
    /// Its handle is taken, and the world makes it.
    Making,
    /// It is there.
    Made(Made<W>),
}

/// A context that is there.
pub(crate) struct Made<W: World> {
    context: W::Context,
    /// Bytes of its image.
    image: u64,
    /// Dwords of the longest submission.
    commands: u64,
    phase: Phase,
}

/// What a context does.
#[derive(Clone, Copy)]
enum Phase {
    Idle,
    /// The world has what it executes, or is about to get it.
    Submitted {
        tag: u64,
        killed: bool,
    },
    /// It executes nothing any more.
    Dead,
}

impl<W: World> Made<W> {
    fn check_idle_or_dead(&self) -> Result {
        match self.phase {
            Phase::Idle | Phase::Dead => Ok(()),
            Phase::Submitted { .. } => Err(EBUSY),
        }
    }

    fn check_idle(&self) -> Result {
        match self.phase {
            Phase::Idle => Ok(()),
            Phase::Submitted { .. } => Err(EBUSY),
            Phase::Dead => Err(EIO),
        }
    }

    fn check_inside(&self, offset: u64, size: usize) -> Result {
        match offset.checked_add(size as u64) {
            Some(end) if end <= self.image => Ok(()),
            _ => Err(ERANGE),
        }
    }
}

/// A context that was made, by its handle.
fn find<W: World>(state: &mut State<W>, handle: u64) -> Result<&mut Made<W>> {
    match state.contexts.get_mut(Handle::from_raw(handle)) {
        Some(Context::Made(made)) => Ok(made),
        Some(Context::Making) | None => Err(EBADF),
    }
}

/// Makes a context.
///
/// # Errors
///
/// As `ctx_create` of the contract.
pub fn create<W: World>(world: &W, request: &ContextRequest) -> Result<types::Context> {
    world.with_state(|state| state.check_open())?;
    let size_is_good = (1..=MAX_COMMANDS).contains(&request.commands);
    if !has_engine(&world.info(), request.engine) || !size_is_good || request.reserved != 0 {
        return Err(EINVAL);
    }
    let _awake = Awake::new(world)?;
    // The handle comes first: the world tells of the context by it.
    let handle = world.with_state(|state| {
        state.check_open()?;
        state.contexts.insert(Context::Making).map_err(|_| ENOSPC)
    })?;
    let made = match world.context_create(request.engine, request.commands, handle.raw()) {
        Ok(made) => made,
        Err(error) => {
            // Nothing is in there that needs to be given back.
            let _ = world.with_state(|state| state.contexts.take(handle));
            return Err(error);
        }
    };
    let kept = world.with_state(|state| match state.contexts.get_mut(handle) {
        Some(place) => {
            *place = Context::Made(Made {
                context: made.context,
                image: made.image,
                commands: made.commands,
                phase: Phase::Idle,
            });
            true
        }
        None => false,
    });
    if !kept {
        // Closed meanwhile.
        world.context_destroy(made.context);
        return Err(ENODEV);
    }
    Ok(types::Context {
        handle: handle.raw(),
        image: made.image,
        commands: made.commands,
    })
}

/// Whether the GPU has the engine with that mask.
fn has_engine(info: &Info, mask: u32) -> bool {
    let engines = info.engines.iter().take(info.engine_count as usize);
    mask.is_power_of_two() && engines.into_iter().any(|engine| engine.mask == mask)
}

/// Destroys a context.
///
/// # Errors
///
/// As `ctx_destroy` of the contract.
pub fn destroy<W: World>(world: &W, handle: u64) -> Result {
    // Before the GPU is woken: a wrong handle costs nothing.
    with(world, handle, |made| made.check_idle_or_dead())?;
    let _awake = Awake::new(world)?;
    let context = world.with_state(|state| {
        state.check_open()?;
        find(state, handle)?.check_idle_or_dead()?;
        match state.contexts.take(Handle::from_raw(handle)) {
            Some(Context::Made(made)) => Ok(made.context),
            Some(Context::Making) | None => Err(EBADF),
        }
    })?;
    world.context_destroy(context);
    Ok(())
}

/// Reads a context's image.
///
/// # Errors
///
/// As `ctx_read` of the contract.
pub fn read<W: World>(world: &W, handle: u64, offset: u64, data: &mut [u8]) -> Result {
    with(world, handle, |made| {
        made.check_idle_or_dead()?;
        made.check_inside(offset, data.len())?;
        world.context_read(made.context, offset, data);
        Ok(())
    })
}

/// Writes a context's image.
///
/// # Errors
///
/// As `ctx_write` of the contract.
pub fn write<W: World>(world: &W, handle: u64, offset: u64, data: &[u8]) -> Result {
    with(world, handle, |made| {
        made.check_idle()?;
        made.check_inside(offset, data.len())?;
        check_writable(offset, data.len())?;
        world.context_write(made.context, offset, data);
        Ok(())
    })
}

/// Fails unless the bytes, which are inside of the image, are dwords that a client may write.
fn check_writable(offset: u64, size: usize) -> Result {
    let size = size as u64;
    if offset % DWORD != 0 || size % DWORD != 0 {
        return Err(EINVAL);
    }
    let dwords = 0..size / DWORD;
    match dwords
        .map(|dword| offset.saturating_add(dword.saturating_mul(DWORD)))
        .all(is_client_writable)
    {
        true => Ok(()),
        false => Err(EPERM),
    }
}

/// Has a context execute commands.
///
/// # Errors
///
/// As `ctx_submit` of the contract.
pub fn submit<W: World>(
    world: &W,
    handle: u64,
    root: u64,
    commands: &[&[u32]],
    tag: u64,
) -> Result {
    with(world, handle, |made| made.check_idle())?;
    let dwords = dwords_of(commands)?;
    if root & !PTE_ADDRESS != 0 || dwords == 0 || dwords % 2 != 0 {
        return Err(EINVAL);
    }
    let _awake = Awake::new(world)?;
    let mut result = Err(ENODEV);
    // As a call-back: `close` waits until this is over, so it finds all that executes. Without a
    // client this does nothing.
    world.with_client(|_| result = submit_now(world, handle, root, (commands, dwords), tag));
    result
}

/// How many dwords there are in all segments.
///
/// # Errors
///
/// `E2BIG`: more than can be counted.
fn dwords_of(commands: &[&[u32]]) -> Result<u64> {
    let mut sizes = commands.iter().map(|segment| segment.len() as u64);
    sizes.try_fold(0, u64::checked_add).ok_or(E2BIG)
}

/// Submits commands, of which there are so many dwords.
fn submit_now<W: World>(
    world: &W,
    handle: u64,
    root: u64,
    (commands, dwords): (&[&[u32]], u64),
    tag: u64,
) -> Result {
    let context = world.with_state(|state| {
        state.check_open()?;
        let suspended = state.suspended;
        let made = find(state, handle)?;
        made.check_idle()?;
        if suspended {
            return Err(EAGAIN);
        }
        if dwords > made.commands {
            return Err(E2BIG);
        }
        // The end may be told before the world returns.
        made.phase = Phase::Submitted { tag, killed: false };
        Ok(made.context)
    })?;
    let Err(error) = world.context_submit(context, root, commands) else {
        return Ok(());
    };
    // Nobody tells an end of it, so nobody else has changed the phase but by a kill.
    world.with_state(|state| {
        if let Ok(made) = find(state, handle) {
            made.phase = match made.phase {
                Phase::Submitted { killed: false, .. } | Phase::Idle => Phase::Idle,
                Phase::Submitted { killed: true, .. } | Phase::Dead => Phase::Dead,
            };
        }
    });
    Err(error)
}

/// Ends the submission with that tag, if it is what a context executes.
///
/// # Errors
///
/// As `ctx_kill` of the contract.
pub fn kill<W: World>(world: &W, handle: u64, wanted: u64) -> Result {
    with(world, handle, |made| match made.phase {
        Phase::Submitted { tag, .. } if tag == wanted => {
            kill_in_state(world, made);
            Ok(())
        }
        // It has ended, and was told or is about to be, before the lock was there to be taken.
        Phase::Submitted { .. } | Phase::Idle | Phase::Dead => Err(ESRCH),
    })
}

fn kill_in_state<W: World>(world: &W, made: &mut Made<W>) {
    if let Phase::Submitted { killed, .. } = &mut made.phase {
        if !core::mem::replace(killed, true) {
            world.context_kill(made.context);
        }
    }
}

/// Notes that a submission has ended; gives its tag, and the outcome to be told.
pub(crate) fn ended<W: World>(world: &W, handle: u64, outcome: u32) -> Option<(u64, u32)> {
    world.with_state(|state| {
        let made = find(state, handle).ok()?;
        let Phase::Submitted { tag, killed } = made.phase else {
            return None;
        };
        // The world executes nothing more in what was killed, so it is dead, however it ended.
        let outcome = if killed { OUTCOME_CANCELLED } else { outcome };
        made.phase = match outcome {
            OUTCOME_DONE => Phase::Idle,
            _ => Phase::Dead,
        };
        Some((tag, outcome))
    })
}

/// Kills and destroys all contexts of a client that has gone, and waits for what they execute.
pub(crate) fn give_all_back<W: World>(world: &W) {
    // All of them first, so that their ends are waited for together.
    world.with_state(|state| {
        for context in state.contexts.iter_mut() {
            if let Context::Made(made) = context {
                kill_in_state(world, made);
            }
        }
    });
    while let Some(context) = world.with_state(|state| state.contexts.take_any()) {
        match context {
            Context::Made(made) => world.context_destroy(made.context),
            // Whoever makes it finds that its place is gone, and destroys it.
            Context::Making => {}
        }
    }
}

/// Runs `f` on a context that was made, with the device's state locked.
fn with<W: World>(world: &W, handle: u64, f: impl FnOnce(&mut Made<W>) -> Result) -> Result {
    world.with_state(|state| {
        state.check_open()?;
        f(find(state, handle)?)
    })
}
