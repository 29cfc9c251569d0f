// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fence registers that belong to the client.

use crate::session::State;
use crate::slots::Handle;
use crate::world::{Awake, World};
use iface::fence;
use kernel::prelude::*;

/// A set of fence registers.
pub(crate) struct FenceSet<W: World> {
    fences: KVec<Fence<W>>,
}

struct Fence<W: World> {
    register: W::Fence,
    value: u64,
    /// The range that it lies in.
    range: u64,
}

/// Takes fences.
///
/// # Errors
///
/// As `fences_reserve` of the contract.
pub fn reserve<W: World>(world: &W, count: u32) -> Result<u64> {
    world.with_state(|state| state.check_open())?;
    if count == 0 {
        return Err(EINVAL);
    }
    if count > world.info().fence_count {
        return Err(ENOSPC);
    }
    let count = count as usize;
    let _awake = Awake::new(world)?;
    let mut set = FenceSet::<W> {
        fences: KVec::with_capacity(count, GFP_KERNEL)?,
    };
    while set.fences.len() < count {
        let reserved = world.fence_reserve().and_then(|register| {
            set.fences.push(
                Fence {
                    register,
                    value: 0,
                    range: 0,
                },
                GFP_KERNEL,
            )?;
            Ok(())
        });
        if let Err(error) = reserved {
            give_back(world, set);
            return Err(error);
        }
    }
    let kept = world.with_state(|state| {
        if state.check_open().is_err() {
            return Err((ENODEV, set));
        }
        set.fences
            .iter()
            .for_each(|fence| world.fence_write(&fence.register, 0));
        state.fences.insert(set).map_err(|set| (ENOSPC, set))
    });
    match kept {
        Ok(handle) => Ok(handle.raw()),
        Err((error, set)) => {
            give_back(world, set);
            Err(error)
        }
    }
}

/// Gives fences back.
///
/// # Errors
///
/// As `fences_release` of the contract.
pub fn release<W: World>(world: &W, handle: u64) -> Result {
    world.with_state(|state| {
        state.check_open()?;
        state
            .fences
            .get_mut(Handle::from_raw(handle))
            .map(|_| ())
            .ok_or(EBADF)
    })?;
    let _awake = Awake::new(world)?;
    let set = world.with_state(|state| {
        state.check_open()?;
        state.fences.take(Handle::from_raw(handle)).ok_or(EBADF)
    })?;
    give_back(world, set);
    Ok(())
}

/// Disables fences that nobody can find any more, and gives them back.
pub(crate) fn give_back<W: World>(world: &W, mut set: FenceSet<W>) {
    while let Some(fence) = set.fences.pop() {
        world.fence_write(&fence.register, 0);
        world.fence_unreserve(fence.register);
    }
}

/// Writes a fence.
///
/// # Errors
///
/// As `fence_write` of the contract.
pub fn write<W: World>(world: &W, handle: u64, index: u32, value: u64, range: u64) -> Result {
    world.with_state(|state| state.check_open())?;
    let _awake = Awake::new(world)?;
    world.with_state(|state| {
        state.check_open()?;
        let valid = value & fence::VALID != 0;
        let fits = if valid {
            check_inside(state, value, range)
        } else {
            Ok(())
        };
        let set = state
            .fences
            .get_mut(Handle::from_raw(handle))
            .ok_or(EBADF)?;
        let fence = set.fences.get_mut(index as usize).ok_or(ERANGE)?;
        fits?;
        (fence.value, fence.range) = if valid { (value, range) } else { (0, 0) };
        world.fence_write(&fence.register, fence.value);
        Ok(())
    })
}

/// Fails unless all that the fence reaches lies inside the range, and that in the aperture.
fn check_inside<W: World>(state: &mut State<W>, value: u64, range: u64) -> Result {
    let range = state.ranges.get_mut(Handle::from_raw(range)).ok_or(EBADF)?;
    let (reach, (start, end)) = (fence::reach(value), range.addresses());
    if reach.is_empty() {
        return Err(EINVAL);
    }
    if reach.start < start || reach.end > end || !range.is_aperture() {
        return Err(ERANGE);
    }
    Ok(())
}

/// Disables all fences that lie in a range.
pub(crate) fn disable_inside<W: World>(world: &W, state: &mut State<W>, range: u64) {
    for fence in state
        .fences
        .iter_mut()
        .flat_map(|set| set.fences.iter_mut())
    {
        if fence.range == range && fence.value != 0 {
            (fence.value, fence.range) = (0, 0);
            world.fence_write(&fence.register, 0);
        }
    }
}

/// Writes all fences again, after something may have lost them. The GPU is awake.
pub(crate) fn restore<W: World>(world: &W) {
    world.with_state(|state| {
        for fence in state
            .fences
            .iter_mut()
            .flat_map(|set| set.fences.iter_mut())
        {
            world.fence_write(&fence.register, fence.value);
        }
    });
}
