// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What registers ask of the rest of the vGPU: done when the access is.

use crate::gtt::ppgtt::Root;
use crate::hardware::Engine;

/// The most that an access of two dwords can ask for.
const MOST: usize = 2;

/// A set of engines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EngineSet(u8);

impl EngineSet {
    /// All of them.
    pub(crate) fn all() -> Self {
        Engine::ALL.into_iter().collect()
    }

    /// Whether an engine is in it.
    pub(crate) fn has(self, engine: Engine) -> bool {
        self.0 & bit(engine) != 0
    }
}

impl FromIterator<Engine> for EngineSet {
    fn from_iter<I: IntoIterator<Item = Engine>>(engines: I) -> Self {
        let bits = engines
            .into_iter()
            .fold(0, |bits, engine| bits | bit(engine));
        Self(bits)
    }
}

fn bit(engine: Engine) -> u8 {
    1_u8.wrapping_shl(engine.index() as u32)
}

/// Something that a register asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// A dword for an engine's submit port.
    Submit(Engine, u32),
    /// Engines are reset.
    Reset(EngineSet),
    /// The guest announces an address space, or withdraws it.
    AddressSpace(Root, Notice),
    /// The guest has switched pages of 64 KiB on or off.
    Pages64k(bool),
}

/// What a guest says of an address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// It is there.
    Created,
    /// It goes.
    Destroyed,
}

/// What an access asks for, in its order.
#[derive(Default)]
pub(crate) struct Requests([Option<Request>; MOST]);

impl Requests {
    /// Asks for something. No access asks for more than there is room for.
    pub(crate) fn push(&mut self, request: Request) {
        if let Some(slot) = self.0.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(request);
        }
    }

    /// Whether nothing was asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// What was asked for since this was last called.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = Request> {
        core::mem::take(&mut self.0).into_iter().flatten()
    }
}
