// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Register accesses end to end: from the bytes of a vfio-user request to those of its answer.
//!
//! The socket is not part of it: its system calls are the kernel's, and callgrind sees none of
//! them.

use std::hint::black_box;

use anyhow::{ensure, Result};
use gen9_gpu::Options;
use hosted_front::{device, Machine};
use vfio_bindings::bindings::vfio::VFIO_PCI_BAR0_REGION_INDEX;
use vfio_user_server::fuzz::generate::{encode, version};
use vfio_user_server::protocol::Command;
use vfio_user_server::script::{Chunk, Script};
use vfio_user_server::{Bus, Device, Errno, Region, Session, SessionStats};

use crate::trace::{Access, Trace};

/// The GPU, which is the one of the trace.
const GPU: &str = "kbl";
/// Bytes of BAR 0.
const BAR0_SIZE: u64 = 16 << 20;

/// A device that does nothing.
struct Idle([Region; 1]);

impl Device for Idle {
    fn regions(&self) -> &[Region] {
        &self.0
    }

    fn read(&mut self, _: u32, _: u64, data: &mut [u8]) -> Result<(), Errno> {
        black_box(data);
        Ok(())
    }

    fn write(&mut self, _: u32, _: u64, data: &[u8]) -> Result<(), Errno> {
        black_box(data);
        Ok(())
    }

    fn reset(&mut self) -> Result<(), Errno> {
        Ok(())
    }
}

/// The request for an access.
fn request(id: u16, access: &Access) -> Chunk {
    let mut payload = access.offset.to_ne_bytes().to_vec();
    payload.extend(VFIO_PCI_BAR0_REGION_INDEX.to_ne_bytes());
    payload.extend((access.size as u32).to_ne_bytes());
    let command = match access.value {
        None => Command::RegionRead,
        Some(value) => {
            payload.extend(&value.to_le_bytes()[..access.size]);
            Command::RegionWrite
        }
    };
    encode(id, command as u16, 0, &payload).into()
}

/// How many accesses the trace has.
pub fn count() -> Result<u64> {
    Ok(Trace::boot()?.0.len() as u64)
}

/// A session's answers to all its requests, and callgrind counts it.
#[inline(never)]
fn counted_session<D: Device>(session: Session<'_, D, Script>) -> SessionStats {
    let (_, stats) = session.run();
    black_box(stats)
}

/// Does all accesses of the trace so often, in one session.
fn play<D: Device>(device: &mut D, bus: &Bus, rounds: u32) -> Result<()> {
    let Trace(accesses) = Trace::boot()?;
    let all = (0..rounds).flat_map(|_| &accesses);
    let requests = all
        .zip((0..=u16::MAX).cycle())
        .map(|(access, id)| request(id, access));
    let (script, _) = Script::new(std::iter::once(version().into()).chain(requests));
    let stats = counted_session(Session::new(device, bus, script));
    let done = 1 + accesses.len() as u64 * u64::from(rounds);
    ensure!(
        (stats.done, stats.refused) == (done, 0),
        "of {done} requests {} were refused",
        stats.refused
    );
    Ok(())
}

/// To a vGPU of the smallest type.
pub fn vgpu(rounds: u32) -> Result<()> {
    let machine = Machine::new(Options::parse(GPU)?);
    let gpu = machine.attach()?;
    let mut vgpu = gpu.create(gpu.smallest_kind())?;
    let bus = vgpu.bus().clone();
    play(&mut vgpu, &bus, rounds)
}

/// To a device that does nothing.
pub fn idle(rounds: u32) -> Result<()> {
    let bus = Bus::new(&device::irqs());
    play(&mut Idle([Region::trapped(BAR0_SIZE)]), &bus, rounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn play_when_device_is_a_vgpu_then_each_request_is_done() {
        vgpu(1).unwrap();
    }

    #[test]
    fn play_when_device_does_nothing_then_each_request_is_done() {
        idle(1).unwrap();
    }
}
