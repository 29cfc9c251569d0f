// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vGPU with what surrounds it, for the threads that use it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hosted_glue::lacking::Unwatched;
use hosted_glue::shadow::MachinePages;
use hosted_glue::turns::Life;
use kernel::error::code::ENODEV;
use kernel::error::Result;
use kvmgt_core::guest::World;
use kvmgt_core::schedule::time::Time;
use kvmgt_core::vgpu::shares::VgpuId;
use kvmgt_core::vgpu::Vgpu;
use vfio_user_server::Bus;

use crate::gpu::Gpu;
use crate::guest::{Client, Reach, Windows};

/// A vGPU, for one thread at a time.
pub(crate) struct Locked<'a> {
    gpu: &'a Gpu<'a>,
    id: VgpuId,
    life: Life,
    parts: Mutex<Parts<'a>>,
}

/// What the lock is around.
struct Parts<'a> {
    /// `None` once it was taken away.
    vgpu: Option<Vgpu>,
    /// A client has it open.
    is_open: bool,
    client: Client,
    memory: Reach,
    shadow: MachinePages<'a>,
    /// When the worker is to tell it of the time.
    alarm: Option<Time>,
}

impl<'a> Locked<'a> {
    pub(crate) fn new(gpu: &'a Gpu<'a>, vgpu: Vgpu, bus: &Bus, windows: &Windows) -> Self {
        let id = vgpu.id();
        let parts = Parts {
            vgpu: Some(vgpu),
            is_open: false,
            client: Client::new(id, bus.clone(), gpu.memory().clone(), windows.clone()),
            memory: Reach::new(bus.memory.clone(), windows.clone()),
            shadow: gpu.shadow().of(gpu.machine().memory()),
            alarm: None,
        };
        Self {
            gpu,
            id,
            life: gpu.turns().open(id),
            parts: Mutex::new(parts),
        }
    }

    /// Lets the core do something.
    ///
    /// # Errors
    ///
    /// What that says; `ENODEV` the vGPU was taken away.
    pub(crate) fn with<R>(
        &self,
        act: impl FnOnce(&mut Vgpu, &mut World<'_>) -> Result<R>,
    ) -> Result<R> {
        self.act(&mut self.parts(), act)
    }

    fn act<R>(
        &self,
        parts: &mut Parts<'a>,
        act: impl FnOnce(&mut Vgpu, &mut World<'_>) -> Result<R>,
    ) -> Result<R> {
        let vgpu = parts.vgpu.as_mut().ok_or(ENODEV)?;
        let attachment = self.gpu.attachment();
        let mut world = World {
            device: attachment.device(),
            host: attachment.host(),
            guest: &mut parts.client,
            memory: &mut parts.memory,
            tracker: &mut Unwatched,
            shadow: &mut parts.shadow,
            turns: &self.gpu.turns().seat(self.id, attachment.host()),
            now: self.gpu.turns().now(),
        };
        let result = act(vgpu, &mut world);
        let alarm = vgpu.alarm();
        if alarm != parts.alarm {
            parts.alarm = alarm;
            self.gpu.turns().set_alarm(self.id, alarm);
        }
        result
    }

    /// A client opens it.
    ///
    /// # Errors
    ///
    /// What the core says; `ENODEV` the vGPU was taken away.
    pub(super) fn open(&self) -> Result {
        self.with(Vgpu::open)?;
        self.parts().is_open = true;
        Ok(())
    }

    /// That client closes it.
    pub(super) fn close(&self) {
        // Nobody else has it open: there is nothing to be undone.
        let _ = self.with_open(|vgpu, world| {
            vgpu.close(world);
            Ok(())
        });
        self.parts().is_open = false;
    }

    /// Lets the core do something for a client.
    ///
    /// # Errors
    ///
    /// Those of [`with`](Self::with); `ENODEV` nobody has it open.
    pub(super) fn with_open<R>(
        &self,
        act: impl FnOnce(&mut Vgpu, &mut World<'_>) -> Result<R>,
    ) -> Result<R> {
        let mut parts = self.parts();
        match parts.is_open {
            true => self.act(&mut parts, act),
            false => Err(ENODEV),
        }
    }

    /// Takes the vGPU away: nobody finds it any more.
    pub(crate) fn take(&self) -> Option<Vgpu> {
        self.gpu.turns().close(self.id);
        self.parts().vgpu.take()
    }

    /// Tells the vGPU what has ended and what time it is, and starts what is its turn, whenever there
    /// is something, until it was taken away.
    fn work(&self) {
        let turns = self.gpu.turns();
        while turns.wait(self.id, self.life) {
            let done = self.with(|vgpu, world| {
                while let Some((tag, outcome)) = turns.take_ended(self.id) {
                    vgpu.ended(world, tag, outcome);
                }
                vgpu.tick(world);
                vgpu.run(world);
                Ok(())
            });
            if done.is_err() {
                return;
            }
        }
    }

    fn parts(&self) -> MutexGuard<'_, Parts<'a>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a vGPU does while none of its client's accesses is handled.
pub struct Worker<'a>(pub(super) Arc<Locked<'a>>);

impl Worker<'_> {
    /// Does it until the vGPU is dropped. A thread's whole work.
    pub fn run(&self) {
        self.0.work();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use gen9_gpu::Options;
    use iface::registers::named;
    use kvmgt_core::vgpu::Region;

    use super::Locked;
    use crate::Machine;

    /// How long anything may take on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn machine() -> Machine {
        Machine::new(Options::parse("kbl,display=off").unwrap())
    }

    #[test]
    fn worker_when_vgpu_is_dropped_then_ends() {
        let machine = machine();
        let gpu = machine.attach().unwrap();
        let vgpu = gpu.create(gpu.smallest_kind()).unwrap();
        let worker = vgpu.worker();

        // The scope waits for it.
        std::thread::scope(|scope| {
            scope.spawn(|| worker.run());
            drop(vgpu);
        });

        assert_eq!(gpu.available(gpu.smallest_kind()), 2);
    }

    #[test]
    fn worker_when_vgpu_is_gone_already_then_ends_and_next_one_has_its_own() {
        let machine = machine();
        let gpu = machine.attach().unwrap();
        let first = gpu.create(gpu.smallest_kind()).unwrap();
        let (id, worker) = (first.id(), first.worker());
        drop(first);
        let next = gpu.create(gpu.smallest_kind()).unwrap();
        assert_eq!(next.id(), id);

        std::thread::scope(|scope| {
            let own = next.worker();
            scope.spawn(move || own.run());
            worker.run();
            drop(next);
        });
    }

    /// Writes a register.
    fn set(locked: &Locked<'_>, register: &str, value: u32) {
        let at = named(register).into();
        let write =
            locked.with(|vgpu, world| vgpu.write(world, Region::Bar0, at, &value.to_le_bytes()));
        write.unwrap();
    }

    /// Reads one.
    fn get(locked: &Locked<'_>, register: &str) -> u32 {
        let at = named(register).into();
        let mut value = [0; 4];
        let read = locked.with(|vgpu, world| vgpu.read(world, Region::Bar0, at, &mut value));
        read.unwrap();
        u32::from_le_bytes(value)
    }

    #[test]
    fn worker_when_a_guest_waits_for_vertical_blanks_then_tells_it_of_each() {
        let machine = machine();
        let gpu = machine.attach().unwrap();
        let vgpu = gpu.create(gpu.smallest_kind()).unwrap();
        let locked = &*Arc::clone(&vgpu.locked);
        locked.with(|vgpu, world| vgpu.open(world)).unwrap();
        let worker = vgpu.worker();

        std::thread::scope(|scope| {
            scope.spawn(|| worker.run());
            set(locked, "TRANSCONF_TRANSCODER_A", 1 << 31);
            set(locked, "GEN8_DE_PIPE_IER_PIPE_A", 1);
            set(locked, "GEN8_DE_PIPE_IMR_PIPE_A", !1);
            let start = Instant::now();
            for _ in 0..3 {
                while get(locked, "GEN8_DE_PIPE_IIR_PIPE_A") == 0 {
                    assert!(start.elapsed() < PATIENCE);
                    std::thread::sleep(Duration::from_millis(1));
                }
                set(locked, "GEN8_DE_PIPE_IIR_PIPE_A", 1);
            }
            drop(vgpu);
        });
    }

    #[test]
    fn clerk_when_ended_then_returns_and_so_does_one_that_comes_later() {
        let machine = machine();
        let gpu = machine.attach().unwrap();

        std::thread::scope(|scope| {
            scope.spawn(|| gpu.clerk());
            gpu.end();
        });

        gpu.clerk();
    }
}
