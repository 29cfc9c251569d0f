// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What of the guest's memory the GPU reaches, by both kinds of page tables.

use super::Vgpu;
use crate::address::{Gfn, Gma, PAGE_SIZE};
use crate::command;
use crate::display::picture;
use crate::gtt::ggtt::Ggtt;
use crate::gtt::pins::Pins;
use crate::gtt::ppgtt::{Backing, GuestMemory, Limits, Ppgtt, Tlbs};
use crate::guest::{Event, World};
use crate::hardware::Engine;
use crate::host::Host;
use crate::message::Complaint;
use crate::mmio::registers::named;
use iface::types::{mmio, MmioOp};
use kernel::prelude::*;
use kernel::transmute::AsBytes;

// Dwords are copied as they are: those of the guest, of the GPU and of the CPU are the same bytes.
const _: () = assert!(cfg!(target_endian = "little"));

/// TLB_CTL: invalidate, and busy doing so (PRM Vol 2c, bit 0).
const INVALIDATE: u32 = 1 << 0;
/// How long that may take, in microseconds: what i915 allows for all engines together.
const INVALIDATE_US: u32 = 1000 / Engine::ALL.len() as u32;

/// The guest's memory, as its GGTT shows it.
pub(super) struct GgttMemory<'a> {
    pub(super) ggtt: &'a Ggtt,
    pub(super) memory: &'a mut dyn GuestMemory,
}

impl GgttMemory<'_> {
    /// Reads from an address on.
    ///
    /// # Errors
    ///
    /// `EFAULT` it is not mapped; others of [`GuestMemory::read`].
    pub(super) fn read(&mut self, from: Gma, data: &mut [u8]) -> Result {
        let mut at = from;
        let mut rest = data;
        while !rest.is_empty() {
            let (gfn, offset, count) = self.place(at, rest.len())?;
            let (now, behind) = rest.split_at_mut_checked(count).ok_or(EINVAL)?;
            self.memory.read(gfn, offset, now)?;
            rest = behind;
            at = Gma(at.0.saturating_add(u64::try_from(count)?));
        }
        Ok(())
    }

    /// Writes from an address on.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub(super) fn write(&mut self, to: Gma, data: &[u8]) -> Result {
        let mut at = to;
        let mut rest = data;
        while !rest.is_empty() {
            let (gfn, offset, count) = self.place(at, rest.len())?;
            let (now, behind) = rest.split_at_checked(count).ok_or(EINVAL)?;
            self.memory.write(gfn, offset, now)?;
            rest = behind;
            at = Gma(at.0.saturating_add(u64::try_from(count)?));
        }
        Ok(())
    }

    /// Reads dwords from an address on.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub(super) fn read_dwords(&mut self, from: Gma, into: &mut [u32]) -> Result {
        self.read(from, AsBytes::as_bytes_mut(into))
    }

    /// The page of an address, the place in it, and how much of `len` bytes is inside.
    fn place(&self, at: Gma, len: usize) -> Result<(Gfn, usize, usize)> {
        let gfn = self.ggtt.gfn(at).ok_or(EFAULT)?;
        let offset = at.0 & (PAGE_SIZE - 1);
        let room = PAGE_SIZE.saturating_sub(offset);
        Ok((
            gfn,
            usize::try_from(offset)?,
            len.min(usize::try_from(room)?),
        ))
    }
}

impl picture::Pages for GgttMemory<'_> {
    fn read(&mut self, page: Gma, into: &mut [u8]) -> Result {
        GgttMemory::read(self, page, into)
    }
}

impl command::Memory for GgttMemory<'_> {
    fn copy(&mut self, from: Gma, into: &mut [u32]) -> Result {
        self.read_dwords(from, into)
    }
}

/// The GPU's TLBs, as one vGPU uses them.
pub(super) struct HostTlbs<'a> {
    host: &'a dyn Host,
    /// Whether anything of the vGPU is executed. What is executed later begins with a flush.
    busy: bool,
}

impl Tlbs for HostTlbs<'_> {
    fn flush(&mut self) -> Result {
        if !self.busy {
            return Ok(());
        }
        let registers = [
            const { named("RCS_TLB_CTL") },
            const { named("VCS_TLB_CTL") },
            const { named("VCS1_TLB_CTL") },
            const { named("BCS_TLB_CTL") },
            const { named("VECS_TLB_CTL") },
        ];
        for register in registers {
            let mut ops = [
                MmioOp {
                    kind: mmio::WRITE,
                    offset: register.0,
                    value: INVALIDATE,
                    ..MmioOp::default()
                },
                MmioOp {
                    kind: mmio::POLL,
                    offset: register.0,
                    mask: INVALIDATE,
                    timeout_us: INVALIDATE_US,
                    ..MmioOp::default()
                },
            ];
            match self.host.mmio_exec(&mut ops) {
                // An engine that the GPU does not have.
                Err(error) if error == EPERM => {}
                result => result?,
            }
        }
        Ok(())
    }
}

/// What stands behind the shadows of a vGPU.
pub(super) fn backing<'b>(
    world: &'b mut World<'_>,
    pins: &'b mut Pins,
    tlbs: &'b mut HostTlbs<'_>,
) -> Backing<'b> {
    Backing {
        guest: &mut *world.guest,
        pins,
        memory: &mut *world.memory,
        tracker: &mut *world.tracker,
        shadow: &mut *world.shadow,
        tlbs,
    }
}

impl Vgpu {
    /// The guest has written `size` bytes of its memory, from byte `offset` of a watched page on.
    pub fn written(&mut self, world: &mut World<'_>, gfn: Gfn, offset: u64, size: u64) {
        if let Some(ppgtt) = &mut self.ppgtt {
            ppgtt.written(world.tracker, gfn, offset, size);
        }
    }

    /// The guest's memory goes away from page `first` on, `count` pages of it. Nothing that the
    /// GPU uses leads there when it returns, and none of it is pinned.
    pub fn forget_memory(&mut self, world: &mut World<'_>, first: Gfn, count: u64) {
        let Some(more) = count.checked_sub(1) else {
            return;
        };
        let last = Gfn(first.0.saturating_add(more));
        self.ggtt.forget_memory(world, &mut self.pins, first, last);
        let forget = |ppgtt: &mut Ppgtt, backing: &mut Backing<'_>| {
            ppgtt.forget_memory(backing, first, count)
        };
        if let Some(Err(_)) = self.with_ppgtt(world, forget) {
            // The GPU does not say that it has forgotten: nothing may run that could remember.
            self.stop(world);
            self.with_ppgtt(world, forget);
        }
    }

    /// Lets go of all of the guest's memory. Nothing of it is executed by now.
    pub(super) fn drop_memory(&mut self, world: &mut World<'_>) {
        self.ggtt.clear(world, &mut self.pins);
        if self.with_ppgtt(world, Ppgtt::clear).is_some() {
            if let Some(ppgtt) = self.ppgtt.take() {
                ppgtt.destroy(world.shadow);
            }
        }
    }

    /// Calls `act` with the page tables, if there are any.
    pub(super) fn with_ppgtt<R>(
        &mut self,
        world: &mut World<'_>,
        act: impl FnOnce(&mut Ppgtt, &mut Backing<'_>) -> R,
    ) -> Option<R> {
        let mut tlbs = HostTlbs {
            host: world.host,
            busy: self.engines.is_busy(),
        };
        let ppgtt = self.ppgtt.as_mut()?;
        Some(act(ppgtt, &mut backing(world, &mut self.pins, &mut tlbs)))
    }

    /// The same, and makes them if there are none.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; others of [`ShadowMemory::allocate`](crate::gtt::ppgtt::ShadowMemory::allocate).
    pub(super) fn with_new_ppgtt<R>(
        &mut self,
        world: &mut World<'_>,
        act: impl FnOnce(&mut Ppgtt, &mut Backing<'_>) -> R,
    ) -> Result<R> {
        if self.ppgtt.is_none() {
            let mut ppgtt = Ppgtt::new(world.shadow, Limits::DEFAULT, world.device.has_pages_2m())?;
            let mut tlbs = HostTlbs {
                host: world.host,
                busy: false,
            };
            let enabled = self.mmio.has_pages_64k();
            ppgtt.set_pages_64k(&mut backing(world, &mut self.pins, &mut tlbs), enabled);
            self.ppgtt = Some(ppgtt);
        }
        self.with_ppgtt(world, act).ok_or(EINVAL)
    }

    /// Says that something failed.
    pub(super) fn complain(world: &mut World<'_>, complaint: Complaint) {
        world.guest.note(Event::Complaint(complaint));
    }
}
