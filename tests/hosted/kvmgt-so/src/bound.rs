// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A GPU that kvmgt is bound to, and its vGPUs.

use crate::driven::Driven;
use hosted_glue::client::Attachment;
use hosted_glue::ends::Anytime;
use hosted_glue::guest::Place;
use hosted_glue::lent::Lent;
use kernel::error::code::{EBUSY, EINVAL, ENODEV, ENOSPC};
use kernel::error::Result;
use kvmgt_core::device::Device;
use kvmgt_core::host::Host;
use kvmgt_core::vgpu::kind::Kind;
use kvmgt_core::vgpu::shares::Shares;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// What names of types begin with, which may be left out.
const FAMILY: &str = "GVTg_";

/// A GPU that kvmgt is bound to; dropping it takes its vGPUs away, and lets go of it.
pub struct Bound {
    // In the order in which they have to go: each refers to some that follow.
    vgpus: BTreeMap<u32, Driven>,
    shares: Shares,
    turns: Rc<Anytime<'static>>,
    attachment: Rc<Attachment<'static>>,
    memory: Arc<Lent>,
}

// SAFETY: all that is counted or referred to without a lock inside is only reached through it, so
// that it goes to another thread as a whole; the host half may be called from any.
unsafe impl Send for Bound {}

/// What is behind a pointer, as long as that is kept.
///
/// # Safety
///
/// The pointer is dropped behind the reference.
unsafe fn lasting<T>(kept: &Rc<T>) -> &'static T {
    // SAFETY: it does not move, and is only used by shared reference; the caller sees to the rest.
    unsafe { &*Rc::as_ptr(kept) }
}

impl Bound {
    /// A GPU without vGPUs.
    pub fn new(attachment: Attachment<'static>, memory: Arc<Lent>) -> Result<Self> {
        let attachment = Rc::new(attachment);
        let shares = Shares::new(&Host::info(attachment.host())?);
        // SAFETY: `turns`, which has it, goes before `attachment`.
        let events = unsafe { lasting(&attachment) }.events();
        Ok(Self {
            vgpus: BTreeMap::new(),
            shares,
            turns: Rc::new(Anytime::apart(events)),
            attachment,
            memory,
        })
    }

    /// What kvmgt knows of the GPU.
    pub fn device(&self) -> &Device {
        self.attachment.device()
    }

    /// The numbers of its vGPUs.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.vgpus.keys().copied()
    }

    /// Makes a vGPU; gives its number.
    pub fn create(&mut self, name: &str) -> Result<u32> {
        let kind = self.kind(name).ok_or(EINVAL)?;
        let id = self.shares.take(kind).map_err(|_| ENOSPC)?;
        // SAFETY: vGPUs, which have these three, go before all of them.
        let (attachment, turns, memory) = unsafe {
            let memory = &*Arc::as_ptr(&self.memory);
            (lasting(&self.attachment), lasting(&self.turns), memory)
        };
        let place = Place {
            memory,
            device: attachment.device(),
            turns,
        };
        match Driven::new(place, attachment.host(), (id, kind)) {
            Ok(vgpu) => {
                self.vgpus.insert(id.number(), vgpu);
                Ok(id.number())
            }
            Err(error) => {
                self.shares.give_back(id, kind);
                Err(error)
            }
        }
    }

    /// The type of that name, or the smallest one.
    fn kind(&self, name: &str) -> Option<&'static Kind> {
        let platform = self.device().model().platform;
        let short = name.strip_prefix(FAMILY).unwrap_or(name);
        let wanted = format!("{FAMILY}{short}");
        let is_wanted = |kind: &&Kind| kind.name(platform).to_string() == wanted;
        match name {
            "" => self.shares.kinds().next(),
            _ => self.shares.kinds().find(is_wanted),
        }
    }

    /// A vGPU's guest submits something to each engine; gives how many those are.
    pub fn submit(&mut self, number: u32) -> Result<u64> {
        let vgpu = self.vgpus.get_mut(&number).ok_or(ENODEV)?;
        if self.turns.has_out(vgpu.id()) {
            return Err(EBUSY);
        }
        Ok(vgpu.submit())
    }

    /// It looks what has come of it.
    pub fn check(&mut self, number: u32) -> Result<u64> {
        self.vgpus.get_mut(&number).ok_or(ENODEV)?.check()
    }

    /// Takes a vGPU away.
    pub fn remove(&mut self, number: u32) -> Result {
        let vgpu = self.vgpus.get(&number).ok_or(ENODEV)?;
        if self.turns.has_out(vgpu.id()) {
            return Err(EBUSY);
        }
        let (id, kind) = (vgpu.id(), vgpu.kind());
        let vgpu = self.vgpus.remove(&number).ok_or(ENODEV)?;
        let is_clean = vgpu.go();
        self.shares.give_back(id, kind);
        match is_clean {
            true => Ok(()),
            false => Err(EBUSY),
        }
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        while let Some((_, vgpu)) = self.vgpus.pop_first() {
            // What still executes is killed, and goes when the host half is closed.
            vgpu.go();
        }
    }
}
