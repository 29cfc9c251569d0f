// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The engines: what is the same for all vGPUs of a GPU, and what a vGPU has of each.

use crate::address::Gma;
use crate::command::Effect;
use crate::golden::Model;
use crate::gtt::ppgtt::{Flush, Root};
use crate::hardware::Engine;
use crate::host::Host;
use crate::schedule::Tag;
use crate::workload::queue::{Queue, Ticket};
use crate::workload::ring::Ring;
use iface::errno;
use iface::types::{Buffer, Context, ContextRequest, Info};
use image::ImageMap;
use kernel::prelude::*;
use switch::{Plan, SwitchList};

pub mod image;
pub mod ring;
pub mod switch;

/// What an engine of a GPU is.
pub struct EngineInfo {
    /// Which one.
    pub engine: Engine,
    /// Its bit in the masks of the contract.
    pub mask: u32,
    /// Bytes of a context's image, the status page included.
    pub context_size: u64,
    /// What contexts begin with; none if the host half has recorded nothing.
    pub default: Option<DefaultState>,
    /// What is switched between the host and a vGPU.
    pub switch: SwitchList,
}

impl EngineInfo {
    /// All engines of a GPU.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; others that the host half says.
    pub(crate) fn all(host: &impl Host, info: &Info, model: Model) -> Result<KVec<Self>> {
        let count = usize::try_from(info.engine_count)?;
        let mut all = KVec::with_capacity(Engine::ALL.len(), GFP_KERNEL)?;
        for described in info.engines.iter().take(count) {
            let Some(engine) = Engine::from_class(described.class, described.instance) else {
                continue;
            };
            let context_size = described.context_size;
            let state = read_default_state(host, described.mask, context_size)?;
            all.push(
                Self {
                    engine,
                    mask: described.mask,
                    context_size,
                    default: state
                        .map(|image| DefaultState::new(model, engine, image))
                        .transpose()?,
                    switch: SwitchList::new(host, model, engine)?,
                },
                GFP_KERNEL,
            )?;
        }
        Ok(all)
    }
}

/// An engine's default state.
pub struct DefaultState {
    /// A whole image, the status page first.
    pub image: KVVec<u8>,
    /// What of an image a guest may supply.
    pub map: ImageMap,
}

impl DefaultState {
    fn new(model: Model, engine: Engine, image: KVVec<u8>) -> Result<Self> {
        let map = ImageMap::new(model, engine, &image)?;
        Ok(Self { image, map })
    }

    /// The bytes of a page.
    pub(crate) fn page(&self, page: usize) -> &[u8] {
        let first = page.saturating_mul(image::PAGE);
        let rest = self.image.get(first..).unwrap_or_default();
        rest.get(..image::PAGE).unwrap_or(rest)
    }
}

/// Dwords of the longest submission of a context that is only looked at: the fewest that can be asked
/// for.
const FEWEST_COMMANDS: u64 = 1;

/// An engine's default state: the image of a context that has executed nothing. None if the host half
/// has recorded none.
fn read_default_state(host: &impl Host, mask: u32, size: u64) -> Result<Option<KVVec<u8>>> {
    let mut state = KVVec::from_elem(0, usize::try_from(size)?, GFP_KERNEL)?;
    let request = ContextRequest {
        engine: mask,
        commands: FEWEST_COMMANDS,
        ..ContextRequest::default()
    };
    let context = match host.ctx_create(&request) {
        Ok(context) => context.handle,
        Err(error) if error.to_errno() == errno::ENODATA.saturating_neg() => return Ok(None),
        Err(error) => return Err(error),
    };
    let read = host.ctx_read(context, 0, &mut state);
    host.ctx_destroy(context)?;
    read.map(|()| Some(state))
}

/// What the host half has of a vGPU's engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostContext {
    /// Where the guest's contexts run, one after the other.
    pub(crate) context: Context,
    /// For what is switched, and for copies of batches.
    pub(crate) buffer: Buffer,
}

/// A workload that the host half executes.
pub(crate) struct Out {
    /// What it is called there.
    pub(crate) tag: Tag,
    /// What it is called here.
    pub(crate) ticket: Ticket,
    /// Its page tables, which are pinned.
    pub(crate) root: Root,
    /// The flush of the TLBs that it begins with.
    pub(crate) flush: Flush,
    /// The guest's image.
    pub(crate) lrca: Gma,
    /// The guest's ring.
    pub(crate) ring: Ring,
    /// What was switched for it.
    pub(crate) plan: Plan,
    /// What is to be emulated when it is done.
    pub(crate) effects: KVVec<Effect>,
}

/// A vGPU's engine.
#[derive(Default)]
pub(crate) struct EngineState {
    /// What the guest has submitted.
    pub(crate) queue: Queue,
    /// Where it runs; made when it is first needed.
    pub(crate) host: Option<HostContext>,
    /// What runs.
    pub(crate) out: Option<Out>,
}

/// The engines of a vGPU.
pub(crate) struct Engines {
    states: KVec<EngineState>,
    serial: u64,
    /// Whether the vGPU contends for them.
    pub(crate) joined: bool,
}

impl Engines {
    /// Idle engines.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        let mut states = KVec::with_capacity(Engine::ALL.len(), GFP_KERNEL)?;
        for _ in Engine::ALL {
            states.push(EngineState::default(), GFP_KERNEL)?;
        }
        Ok(Self {
            states,
            serial: 0,
            joined: false,
        })
    }

    /// One of them.
    pub(crate) fn get(&self, engine: Engine) -> Option<&EngineState> {
        self.states.get(engine.index())
    }

    /// One of them.
    pub(crate) fn get_mut(&mut self, engine: Engine) -> Option<&mut EngineState> {
        self.states.get_mut(engine.index())
    }

    /// Whether the host half executes anything of the vGPU.
    pub(crate) fn is_busy(&self) -> bool {
        self.states.iter().any(|state| state.out.is_some())
    }

    /// The flush that the oldest of what runs began with.
    pub(crate) fn oldest_flush(&self) -> Option<Flush> {
        let running = self.states.iter().filter_map(|state| state.out.as_ref());
        running.map(|out| out.flush).min()
    }

    /// A number that no submission had before.
    pub(crate) fn next_serial(&mut self) -> u64 {
        self.serial = self.serial.wrapping_add(1);
        self.serial
    }
}
