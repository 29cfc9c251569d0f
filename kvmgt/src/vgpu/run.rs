// SPDX-License-Identifier: GPL-2.0 OR MIT
//! How a workload gets to the host half, when it is the vGPU's turn.

use super::memory::GgttMemory;
use super::submit::status_page;
use super::Vgpu;
use crate::address::{DmaAddress, Gma, MmioOffset, PAGE_SIZE};
use crate::command::{self, audit, Effect, Failure, Setting, Verdict, Work};
use crate::engines::ring::{self, Commands, Places};
use crate::engines::switch::Plan;
use crate::engines::{EngineInfo, HostContext, Out};
use crate::execlist::status;
use crate::execlist::Work as _;
use crate::gtt::ppgtt::{Flush, Root};
use crate::gtt::ranges::Ranges;
use crate::guest::World;
use crate::hardware::Engine;
use crate::message::Complaint;
#[cfg(feature = "mutants")]
use crate::mutant::{self, Mutant};
use crate::schedule::{Submitted, Tag};
use crate::workload::{image, Raises, Workload};
use iface::types::ContextRequest;
use kernel::prelude::*;
use kernel::transmute::AsBytes;

/// Dwords that a context takes at first: more than what i915 has in a ring.
const COMMANDS: u64 = 1 << 13;
/// Bytes of the buffer of a context at first.
const BUFFER: u64 = 4 * PAGE_SIZE;

/// What is ready to be submitted.
struct Launch {
    commands: Commands,
    root: DmaAddress,
    out: Pinned,
    plan: Plan,
    effects: KVVec<Effect>,
    raises: Raises,
}

/// Page tables that are pinned for a workload, and the flush that it begins with.
struct Pinned {
    root: Root,
    flush: Flush,
}

impl Vgpu {
    /// It was woken: starts what it is its turn for.
    pub fn run(&mut self, world: &mut World<'_>) {
        for engine in Engine::ALL {
            self.start(world, engine);
        }
        self.deliver(world);
    }

    /// Starts the next workload of an engine, if there is one and it is the vGPU's turn.
    pub(super) fn start(&mut self, world: &mut World<'_>, engine: Engine) {
        self.tell_ready(world, engine);
        let Some(workload) = self
            .engines
            .get(engine)
            .and_then(|state| state.queue.next())
        else {
            return;
        };
        let workload = *workload;
        if !self.engines.joined || !world.turns.take(engine, self.id) {
            return;
        }
        match self.launch(world, engine, &workload) {
            Ok(submitted) => world.turns.started(submitted),
            Err(failure) => {
                let has_slept = world.turns.gave_up(engine);
                let complaint = match failure {
                    Failure::Refused(refusal) => Some(Complaint::Commands(refusal)),
                    // The host suspends, or did so just now. It is still the next one.
                    Failure::Host(EAGAIN) if has_slept => None,
                    Failure::Host(error) => Some(Complaint::Launch { engine, error }),
                };
                if let Some(complaint) = complaint {
                    Self::complain(world, complaint);
                    self.hang(world, engine);
                }
            }
        }
        self.tell_ready(world, engine);
    }

    /// Submits a workload; says as what.
    fn launch(
        &mut self,
        world: &mut World<'_>,
        engine: Engine,
        workload: &Workload,
    ) -> Result<Submitted, Failure> {
        let info = world.device.engine(engine).ok_or(Failure::Host(ENODEV))?;
        let verdict = self.audit(world, engine, workload)?;
        let launch = self.prepare(world, info, workload, verdict);
        let launch = launch.map_err(Failure::Host)?;
        let tag = Tag {
            id: self.id,
            engine,
            serial: self.engines.next_serial(),
        };
        let Pinned { root, flush } = launch.out;
        let state = self.engines.get_mut(engine).ok_or(Failure::Host(EINVAL))?;
        let Some(host) = state.host.filter(|_| state.queue.next().is_some()) else {
            self.unpin(world, root);
            return Err(Failure::Host(EINVAL));
        };
        let context = host.context.handle;
        let commands = launch.commands.segments();
        let submitted = world
            .host
            .ctx_submit(context, launch.root.0, &commands, tag.raw());
        if let Err(error) = submitted {
            self.unpin(world, root);
            return Err(Failure::Host(error));
        }
        // Not before: what the host half does not take stays the next one.
        state.out = state.queue.start().map(|(ticket, started)| {
            started.raises = launch.raises;
            Out {
                tag,
                ticket,
                root,
                flush,
                lrca: workload.descriptor().lrca(),
                ring: workload.image().ring,
                plan: launch.plan,
                effects: launch.effects,
            }
        });
        self.show_running();
        Ok(Submitted { context, tag })
    }

    /// Audits the commands of a workload.
    fn audit(
        &mut self,
        world: &mut World<'_>,
        engine: Engine,
        workload: &Workload,
    ) -> Result<Verdict, Failure> {
        let reach = Ranges::of(&self.ggtt);
        let page = self.mmio.peek(status_page(engine));
        let setting = Setting {
            platform: world.device.model().platform,
            engine,
            status_page: status::status_page(page, &reach),
            reach,
            context_page: workload.descriptor().lrca(),
            limits: command::Limits::default(),
        };
        let mut memory = GgttMemory {
            ggtt: &self.ggtt,
            memory: &mut *world.memory,
        };
        audit(&setting, &mut memory, &work_of(workload.image()))
    }

    /// Prepares all that a workload needs of the host half.
    fn prepare(
        &mut self,
        world: &mut World<'_>,
        info: &EngineInfo,
        workload: &Workload,
        mut verdict: Verdict,
    ) -> Result<Launch> {
        let switched = info.switch.bytes();
        let places = Places::new(&verdict, Gma(0))?;
        let buffer_size = switched.saturating_add(places.size);
        let switching = info.switch.max_dwords();
        let others = verdict.dwords().saturating_add(ring::MORE);
        let needed = switching.saturating_mul(2).saturating_add(others);
        let host = self.host_context(world, info, needed, buffer_size)?;

        self.load_image(world, info, workload, host.context.handle)?;

        let batches = Gma(host.buffer.start.saturating_add(u64::try_from(switched)?));
        let places = Places::new(&verdict, batches)?;
        verdict.link(&places.starts)?;
        self.place_batches(world, host, &verdict, &places)?;
        let save = Gma(host.buffer.start);
        let guest = |register| self.mmio.peek(register);
        let loads = |wanted: MmioOffset| {
            let is_it = |effect: &Effect| matches!(effect, Effect::Loaded { register, .. } if *register == wanted);
            verdict.effects.iter().any(is_it)
        };
        let plan = info.switch.plan(guest, loads);
        let mut enter = KVVec::with_capacity(switching, GFP_KERNEL)?;
        info.switch.enter(&plan, guest, save, &mut enter)?;
        let size = switching.saturating_add(ring::MORE);
        let mut leave = KVVec::with_capacity(size, GFP_KERNEL)?;
        ring::flush(&mut leave, info.engine)?;
        info.switch.leave(&plan, save, &mut leave)?;
        let commands = Commands::new(enter, verdict.streams, &places, leave)?;

        let root = root_of(workload.image().root);
        let prepared = self.with_new_ppgtt(world, |ppgtt, backing| {
            ppgtt.pin(backing, root)?;
            match ppgtt.prepare(backing, root) {
                // The submission begins with a flush.
                Ok(host_root) => Ok((host_root, ppgtt.begin_flush())),
                Err(error) => {
                    ppgtt.unpin(backing, root);
                    Err(error)
                }
            }
        });
        let (host_root, flush) = prepared??;
        #[cfg(feature = "mutants")]
        let host_root = match root {
            Root::FourLevel(pml4) => mutant::address(Mutant::PpgttRoot, pml4).unwrap_or(host_root),
            Root::ThreeLevel(_) => host_root,
        };
        Ok(Launch {
            commands,
            root: host_root,
            out: Pinned { root, flush },
            plan,
            raises: Raises {
                user: verdict.user_interrupt,
                flush: verdict.notify,
            },
            effects: verdict.effects,
        })
    }

    /// The host half's context of an engine, large enough for what is to be submitted.
    fn host_context(
        &mut self,
        world: &mut World<'_>,
        info: &EngineInfo,
        commands: usize,
        buffer: usize,
    ) -> Result<HostContext> {
        let (commands, buffer) = (u64::try_from(commands)?, u64::try_from(buffer)?);
        let state = self.engines.get_mut(info.engine).ok_or(EINVAL)?;
        if let Some(host) = state.host {
            if host.context.commands >= commands && host.buffer.size >= buffer {
                return Ok(host);
            }
        }
        state.drop_host(world.host);
        let size = buffer.max(BUFFER);
        let size = size.checked_next_multiple_of(PAGE_SIZE).ok_or(EOVERFLOW)?;
        let buffer = world.host.buffer_alloc(size)?;
        let context = world.host.ctx_create(&ContextRequest {
            engine: info.mask,
            commands: commands.max(COMMANDS),
            ..ContextRequest::default()
        });
        match context {
            Ok(context) => {
                let host = HostContext { context, buffer };
                state.host = Some(host);
                Ok(host)
            }
            Err(error) => {
                let _ = world.host.buffer_free(buffer.handle);
                Err(error)
            }
        }
    }

    /// Puts what the guest may supply of its context's image into that of the host half.
    fn load_image(
        &mut self,
        world: &mut World<'_>,
        info: &EngineInfo,
        workload: &Workload,
        context: u64,
    ) -> Result {
        let default = info.default.as_ref().ok_or(ENODEV)?;
        // A context that never ran has nothing in its image, and finds the default state.
        let is_new = workload.image().inhibits_restore();
        let size = usize::try_from(PAGE_SIZE)?;
        let mut guest = KVVec::from_elem(0_u8, size, GFP_KERNEL)?;
        for page in default.map.pages() {
            let mut host = KVVec::with_capacity(size, GFP_KERNEL)?;
            host.extend_from_slice(default.page(page), GFP_KERNEL)?;
            let offset = u64::try_from(page)?.saturating_mul(PAGE_SIZE);
            if !is_new {
                let at = Gma(workload.descriptor().lrca().0.saturating_add(offset));
                let mut memory = GgttMemory {
                    ggtt: &self.ggtt,
                    memory: &mut *world.memory,
                };
                memory.read(at, &mut guest)?;
                default.map.merge(page, &guest, &mut host);
            }
            for run in default.map.runs(page) {
                let at = offset.saturating_add(u64::try_from(run.start)?);
                let bytes = host.get(run).ok_or(EINVAL)?;
                world.host.ctx_write(context, at, bytes)?;
            }
        }
        Ok(())
    }

    /// Copies batches to where their places are.
    fn place_batches(
        &self,
        world: &mut World<'_>,
        host: HostContext,
        verdict: &Verdict,
        places: &Places,
    ) -> Result {
        for (stream, place) in Iterator::zip(verdict.streams.iter(), places.starts.iter()) {
            if !ring::is_batch(stream.origin) {
                continue;
            }
            let offset = place.0.checked_sub(host.buffer.start).ok_or(EINVAL)?;
            let bytes = AsBytes::as_bytes(&*stream.dwords);
            world.host.buffer_write(host.buffer.handle, offset, bytes)?;
        }
        Ok(())
    }

    /// A workload needs its page tables no more.
    pub(super) fn unpin(&mut self, world: &mut World<'_>, root: Root) {
        self.with_ppgtt(world, |ppgtt, backing| ppgtt.unpin(backing, root));
    }

    /// Shows registers of the GPU where the vGPU runs.
    pub(super) fn show_running(&mut self) {
        let runs = |engine: &Engine| {
            self.engines
                .get(*engine)
                .is_some_and(|state| state.out.is_some())
        };
        self.mmio
            .set_running(Engine::ALL.into_iter().filter(runs).collect());
    }
}

/// The registers of an image that say what is executed, as the audit reads them.
fn work_of(image: &image::Image) -> Work {
    let low = |address: Gma| u32::try_from(address.0).unwrap_or_default();
    let ring = &image.ring;
    Work {
        ring_start: low(ring.start()),
        ring_control: ring.control(),
        ring_head: ring.head(),
        ring_tail: ring.tail(),
        indirect_context: image.indirect.map_or(0, |batch| batch.register()),
        per_context: image
            .per_context
            .map_or(0, |start| low(start) | image::PER_CONTEXT_VALID),
    }
}

/// Where the page tables of a context begin.
fn root_of(root: image::Root) -> Root {
    match root {
        image::Root::FourLevel(pml4) => Root::FourLevel(pml4),
        image::Root::ThreeLevel(directories) => Root::ThreeLevel(directories),
    }
}
