// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What becomes of a workload when the host half lets go of it.

use super::memory::GgttMemory;
use super::submit::status_page;
use super::Vgpu;
use crate::address::{Gma, PAGE_SIZE};
use crate::command::Effect;
use crate::engines::switch::Plan;
use crate::engines::{EngineInfo, EngineState, Out};
use crate::execlist::status;
use crate::gtt::ranges::Ranges;
use crate::guest::World;
use crate::hardware::Engine;
use crate::host::Host;
use crate::interrupt::Event;
use crate::message::Complaint;
use crate::schedule::Tag;
use crate::workload::{image, Saved};
use iface::client::Outcome;
use iface::image::STATUS_PAGE;
use iface::types::{mmio, MmioOp};
use kernel::prelude::*;

/// Bytes of a dword.
const DWORD: u64 = 4;
/// Bytes of the ring context, behind which the engine saves what is its own.
const RING_CONTEXT: usize = image::DWORDS * DWORD as usize;
/// Dword of the status page where the engine reports its head (PRM Vol 2a, MI_REPORT_HEAD).
const PAGE_HEAD: u64 = 4;

impl EngineState {
    /// Has the host half end what it executes.
    pub(super) fn kill(&self, host: &dyn Host) {
        if let (Some(out), Some(context)) = (&self.out, &self.host) {
            // It fails if that has ended by now; or if the host half was closed, and has killed it.
            let _ = host.ctx_kill(context.context.handle, out.tag.raw());
        }
    }

    /// Gives the host half's context back. It executes nothing.
    pub(super) fn drop_host(&mut self, host: &dyn Host) {
        if let Some(context) = self.host.take() {
            // Should the host half be closed, they are gone.
            let _ = host.ctx_destroy(context.context.handle);
            let _ = host.buffer_free(context.buffer.handle);
        }
    }
}

impl Vgpu {
    /// The host half says how a submission ended.
    pub fn ended(&mut self, world: &mut World<'_>, tag: Tag, outcome: Outcome) {
        let engine = tag.engine;
        let Some(out) = self.take_out(world, tag) else {
            return;
        };
        let done = match outcome {
            Outcome::Done => self.save(world, &out, engine),
            Outcome::Hung | Outcome::Cancelled => {
                self.fail(world, &out, engine, outcome == Outcome::Hung);
                None
            }
        };
        if let Some(saved) = done {
            self.complete(world, &out, engine, saved);
        }
        self.start(world, engine);
        self.deliver(world);
    }

    /// Ends all that is executed, waits for that, and forgets what the guest has submitted.
    pub(super) fn stop(&mut self, world: &mut World<'_>) {
        for engine in Engine::ALL {
            let Some(state) = self.engines.get_mut(engine) else {
                continue;
            };
            state.queue.reset();
            if let (Some(out), Some(host)) = (&state.out, &state.host) {
                let tag = out.tag;
                match world.host.ctx_kill(host.context.handle, tag.raw()) {
                    // Told when it has ended, or about to be, as it has.
                    Ok(()) | Err(ESRCH) => {
                        world.turns.await_end(tag);
                    }
                    // The host half was closed: nothing is told any more.
                    Err(_) => {}
                }
                if let Some(out) = self.take_out(world, tag) {
                    self.fail(world, &out, engine, false);
                }
            }
            self.tell_ready(world, engine);
            if let Some(state) = self.engines.get_mut(engine) {
                state.drop_host(world.host);
            }
        }
    }

    /// Takes back what the host half had, if it is what a tag says: its page tables are not used
    /// any more.
    fn take_out(&mut self, world: &mut World<'_>, tag: Tag) -> Option<Out> {
        let state = self.engines.get_mut(tag.engine)?;
        let out = state.out.take_if(|out| out.tag == tag)?;
        self.show_running();
        // Each engine has flushed its TLBs when its workload began, and has no other ones: what was
        // let go before the oldest that runs is in none any more.
        let oldest = self.engines.oldest_flush();
        self.with_ppgtt(world, |ppgtt, backing| {
            let flush = oldest.unwrap_or_else(|| ppgtt.begin_flush());
            ppgtt.flushed(backing, flush);
            ppgtt.unpin(backing, out.root);
        });
        Some(out)
    }

    /// A workload was not executed, or not all of it.
    fn fail(&mut self, world: &mut World<'_>, out: &Out, engine: Engine, by_itself: bool) {
        let Some(state) = self.engines.get_mut(engine) else {
            return;
        };
        // The context is dead, and what it was to switch back may not have been.
        state.drop_host(world.host);
        if let Some(info) = world.device.engine(engine) {
            for (register, value) in info.switch.restore(&out.plan) {
                let mut ops = [MmioOp {
                    kind: mmio::WRITE,
                    offset: register.0,
                    value,
                    ..MmioOp::default()
                }];
                // It is awake, or has lost them all.
                let _ = world.host.mmio_exec(&mut ops);
            }
        }
        if state.queue.fail(out.ticket) {
            Self::complain(world, Complaint::Hung { engine, by_itself });
        }
    }

    /// Copies what the engine has saved to the guest's image, unless the guest has forgotten it.
    fn save(&mut self, world: &mut World<'_>, out: &Out, engine: Engine) -> Option<Saved> {
        let info = world.device.engine(engine)?;
        let context = self.engines.get(engine)?.host?.context.handle;
        match self.try_save(world, info, out, context) {
            Ok(saved) => Some(saved),
            Err(error) => {
                // The guest's context is not what it should be: it is lost, as if it had hung.
                Self::complain(world, Complaint::Launch { engine, error });
                let state = self.engines.get_mut(engine)?;
                state.queue.fail(out.ticket);
                None
            }
        }
    }

    fn try_save(
        &mut self,
        world: &mut World<'_>,
        info: &EngineInfo,
        out: &Out,
        context: u64,
    ) -> Result<Saved> {
        let map = &info.default.as_ref().ok_or(ENODEV)?.map;
        let state = self.engines.get(info.engine).ok_or(EINVAL)?;
        if state.queue.is_cancelled(out.ticket) {
            // The guest has forgotten it, and its registers are as after a reset.
            return Ok(Saved::default());
        }
        let host = state.host.ok_or(EINVAL)?;
        self.save_registers(world, info, &out.plan, host.buffer.handle)?;
        let mut page = KVVec::from_elem(0_u8, usize::try_from(PAGE_SIZE)?, GFP_KERNEL)?;
        for number in map.pages() {
            let offset = u64::try_from(number)?.saturating_mul(PAGE_SIZE);
            let skip = match offset == STATUS_PAGE {
                true => RING_CONTEXT,
                false => 0,
            };
            let offset = offset.saturating_add(u64::try_from(skip)?);
            let bytes = page.get_mut(skip..).ok_or(EINVAL)?;
            world.host.ctx_read(context, offset, bytes)?;
            let mut memory = GgttMemory {
                ggtt: &self.ggtt,
                memory: &mut *world.memory,
            };
            let at = Gma(out.lrca.0.saturating_add(offset));
            // A guest that has taken its image away does not want it back.
            let _ = memory.write(at, bytes);
        }
        let dword = |number: usize| -> Result<u32> {
            let at = u64::try_from(number)?.saturating_mul(DWORD);
            let mut bytes = [0; DWORD as usize];
            let at = at.saturating_add(STATUS_PAGE);
            world.host.ctx_read(context, at, &mut bytes)?;
            Ok(u32::from_le_bytes(bytes))
        };
        Ok(Saved {
            context_control: dword(image::dword::CONTEXT_CONTROL)?,
            timestamp: dword(image::dword::TIMESTAMP)?,
        })
    }

    /// Takes over what the guest has made of the registers that are switched.
    fn save_registers(
        &mut self,
        world: &mut World<'_>,
        info: &EngineInfo,
        plan: &Plan,
        buffer: u64,
    ) -> Result {
        let mut saved = KVVec::from_elem(0_u8, info.switch.bytes(), GFP_KERNEL)?;
        world.host.buffer_read(buffer, 0, &mut saved)?;
        let dword = |number: usize| {
            let bytes = saved.get(number.saturating_mul(DWORD as usize)..);
            let bytes = bytes.and_then(|bytes| bytes.first_chunk());
            bytes.copied().map_or(0, u32::from_le_bytes)
        };
        let mmio = &mut self.mmio;
        info.switch
            .read_back(plan, dword, |register, value| mmio.poke(register, value));
        Ok(())
    }

    /// A workload is done: the guest gets to know.
    fn complete(&mut self, world: &mut World<'_>, out: &Out, engine: Engine, saved: Saved) {
        let Some(state) = self.engines.get_mut(engine) else {
            return;
        };
        let Some(done) = state.queue.complete(out.ticket, saved) else {
            return;
        };
        let mut memory = GgttMemory {
            ggtt: &self.ggtt,
            memory: &mut *world.memory,
        };
        for write in done.writes {
            // As in `try_save`.
            let _ = memory.write(write.at, &write.value.to_le_bytes());
        }
        for effect in &out.effects {
            self.emulate(world, out, engine, *effect);
        }
        if done.raises.user {
            self.raise(world, Event::User(engine));
        }
        if done.raises.flush {
            self.raise(world, Event::Flush(engine));
        }
        self.tell(world, engine, done.events);
    }

    /// Does what a command would have done.
    fn emulate(&mut self, world: &mut World<'_>, out: &Out, engine: Engine, effect: Effect) {
        match effect {
            Effect::Loaded { register, value } => self.mmio.poke(register, value),
            Effect::ReportHead { dwords } => {
                let head = out.ring.head_at(dwords);
                let page = self.mmio.peek(status_page(engine));
                let Some(page) = status::status_page(page, &Ranges::of(&self.ggtt)) else {
                    return;
                };
                let mut memory = GgttMemory {
                    ggtt: &self.ggtt,
                    memory: &mut *world.memory,
                };
                let at = Gma(page.0.saturating_add(PAGE_HEAD.saturating_mul(DWORD)));
                // As in `try_save`.
                let _ = memory.write(at, &head.to_le_bytes());
            }
            Effect::Flip(flip) => self.mmio.flip(world, &mut self.fences, &flip),
        }
    }
}
