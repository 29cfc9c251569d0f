// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Buffers of the client: memory in the host's part of the GGTT.

use crate::slots::Handle;
use crate::world::{Allocated, Awake, World};
use iface::types::{self, GGTT_PAGE_SHIFT, GGTT_PAGE_SIZE};
use kernel::prelude::*;

/// A buffer.
pub(crate) struct Buffer<W: World> {
    memory: W::Memory,
    /// All of them are less than the GGTT has, so 32 bits are enough.
    pages: u32,
}

impl<W: World> Buffer<W> {
    /// Fails unless `size` bytes from `offset` on are inside.
    fn check_inside(&self, offset: u64, size: usize) -> Result {
        let end = offset.checked_add(size as u64).ok_or(ERANGE)?;
        match end <= u64::from(self.pages) << GGTT_PAGE_SHIFT {
            true => Ok(()),
            false => Err(ERANGE),
        }
    }
}

/// Allocates a buffer.
///
/// # Errors
///
/// As `buffer_alloc` of the contract.
pub fn alloc<W: World>(world: &W, size: u64) -> Result<types::Buffer> {
    world.with_state(|state| state.check_open())?;
    if size == 0 || size % GGTT_PAGE_SIZE != 0 {
        return Err(EINVAL);
    }
    // Before anything is allocated by a size that can't be had.
    if size > world.info().ggtt_size {
        return Err(ENOSPC);
    }
    let pages = size >> GGTT_PAGE_SHIFT;
    let counted = u32::try_from(pages).map_err(|_| ENOSPC)?;
    let _awake = Awake::new(world)?;
    let Allocated { memory, first } = world.memory_alloc(pages)?;
    let buffer = Buffer::<W> {
        memory,
        pages: counted,
    };
    let kept = world.with_state(|state| {
        if state.check_open().is_err() {
            return Err((ENODEV, buffer));
        }
        state
            .buffers
            .insert(buffer)
            .map_err(|buffer| (ENOSPC, buffer))
    });
    match kept {
        Ok(handle) => Ok(types::Buffer {
            handle: handle.raw(),
            start: first.0 << GGTT_PAGE_SHIFT,
            size,
        }),
        Err((error, buffer)) => {
            give_back(world, buffer);
            Err(error)
        }
    }
}

/// Frees a buffer.
///
/// # Errors
///
/// As `buffer_free` of the contract.
pub fn free<W: World>(world: &W, handle: u64) -> Result {
    // Before the GPU is woken: a wrong handle costs nothing.
    with(world, handle, |_| Ok(()))?;
    let _awake = Awake::new(world)?;
    let buffer = world.with_state(|state| {
        state.check_open()?;
        state.buffers.take(Handle::from_raw(handle)).ok_or(EBADF)
    })?;
    give_back(world, buffer);
    Ok(())
}

/// Gives back a buffer that nobody can find any more.
pub(crate) fn give_back<W: World>(world: &W, buffer: Buffer<W>) {
    world.memory_free(buffer.memory);
}

/// Reads a buffer.
///
/// # Errors
///
/// As `buffer_read` of the contract.
pub fn read<W: World>(world: &W, handle: u64, offset: u64, data: &mut [u8]) -> Result {
    with(world, handle, |buffer| {
        buffer.check_inside(offset, data.len())?;
        world.memory_read(&buffer.memory, offset, data);
        Ok(())
    })
}

/// Writes a buffer.
///
/// # Errors
///
/// As `buffer_write` of the contract.
pub fn write<W: World>(world: &W, handle: u64, offset: u64, data: &[u8]) -> Result {
    with(world, handle, |buffer| {
        buffer.check_inside(offset, data.len())?;
        world.memory_write(&buffer.memory, offset, data);
        Ok(())
    })
}

/// Runs `f` on a buffer, with the device's state locked.
fn with<W: World>(world: &W, handle: u64, f: impl FnOnce(&mut Buffer<W>) -> Result) -> Result {
    world.with_state(|state| {
        state.check_open()?;
        f(state
            .buffers
            .get_mut(Handle::from_raw(handle))
            .ok_or(EBADF)?)
    })
}
