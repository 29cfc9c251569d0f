// SPDX-License-Identifier: GPL-2.0 OR MIT
//! BAR 0: registers, and the GGTT behind them.
//!
//! An access is cut into dwords. Each finds its rule in constant time ([`dispatch`]), and the rule
//! says what the register does; a file below for each unit of the hardware does it. Bytes of a dword
//! that an access does not write stay as they are, but for registers in which a one means "do":
//! there they mean nothing.

use crate::address::{MmioOffset, PAGE_SHIFT};
use crate::command::Flip;
use crate::device::{Device, Geometry};
use crate::display::Display;
use crate::fences::Fences;
use crate::gtt::entry::ENTRY_SIZE;
use crate::gtt::ggtt::Ggtt;
use crate::gtt::pins::Pins;
use crate::guest::World;
use crate::hardware::Engine;
use crate::interrupt::{self, Event};
use crate::schedule::time::Time;
use crate::vgpu::kind::Kind;
use crate::vgpu::shares::VgpuId;
use behaviour::Behaviour;
use context::{Context, Share, State};
use iface::registers::{DWORD, MMIO_SIZE};
use kernel::prelude::*;
use registers::RegisterFile;
use request::{EngineSet, Request};
use written::Written;

mod aux_channel;
mod behaviour;
mod bxt_phy;
pub(crate) mod context;
mod ddi;
pub mod dispatch;
mod engine;
mod fdi;
mod fence;
mod forcewake;
mod gmbus;
mod gt;
pub(crate) mod hotplug;
pub(crate) mod nonpriv;
mod panel;
mod pch;
mod pcode;
pub(crate) mod pipe;
mod pll;
mod power;
pub(crate) mod registers;
pub(crate) mod request;
mod reset;
mod sbi;
pub(crate) mod written;

/// Where in BAR 0 the GGTT begins (PRM Vol 2c, GTTMMADR: the upper half of 16 MiB).
const GGTT_START: u64 = 8 << 20;

/// What of its vGPU a register reaches beyond the registers.
pub struct Reach<'a> {
    /// The GGTT.
    pub ggtt: &'a mut Ggtt,
    /// The fences.
    pub fences: &'a mut Fences,
    /// The pages of the guest that are pinned.
    pub pins: &'a mut Pins,
}

/// The registers of a vGPU.
pub struct Mmio {
    id: VgpuId,
    registers: RegisterFile,
    state: State,
    display: Display,
    share: Share,
}

/// What an access is to.
enum Target {
    /// The registers.
    Registers(MmioOffset),
    /// What is between them and the GGTT, and behind that: nothing.
    Hole,
    /// The GGTT, at an offset in its table.
    Ggtt(u64),
}

impl Target {
    /// What an access of `len` bytes is to.
    ///
    /// # Errors
    ///
    /// As those of [`Mmio::read`].
    fn new(device: &Device, offset: u64, len: usize) -> Result<Self> {
        let (size, low_bits) = match len {
            1 => (1, 0),
            2 => (2, 1),
            4 => (4, 3),
            8 => (8, 7),
            _ => return Err(EINVAL),
        };
        let aligned = offset & low_bits == 0;
        let end = offset.checked_add(size).ok_or(EINVAL)?;
        let geometry = device.geometry();
        if end > geometry.bar0_size {
            return Err(EINVAL);
        }
        let (target, allowed) = match (u32::try_from(offset), offset.checked_sub(GGTT_START)) {
            (Ok(at), _) if at < MMIO_SIZE => {
                let at = MmioOffset(at);
                let any = || device.dispatch().rule(at).unaligned && end <= MMIO_SIZE.into();
                (Self::Registers(at), aligned || any())
            }
            (_, Some(at)) if at < table_size(&geometry) => (Self::Ggtt(at), aligned),
            _ => (Self::Hole, aligned),
        };
        match allowed {
            true => Ok(target),
            false => Err(EINVAL),
        }
    }
}

/// Bytes of the GGTT's table.
fn table_size(geometry: &Geometry) -> u64 {
    (geometry.ggtt_size >> PAGE_SHIFT).saturating_mul(ENTRY_SIZE)
}

impl Mmio {
    /// Registers that still have to be reset.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(id: VgpuId, kind: &Kind) -> Result<Self> {
        Ok(Self {
            id,
            registers: RegisterFile::new()?,
            state: State::default(),
            display: Display::new(kind)?,
            share: Share::default(),
        })
    }

    /// The state of reset: all registers are golden, and the guest is a new one.
    pub fn reset(&mut self, device: &Device, kind: &Kind, ggtt: &Ggtt) {
        let share = Share {
            aperture: ggtt.aperture(),
            aperture_handle: ggtt.aperture_handle(),
            high: ggtt.high(),
            fences: kind.fences,
        };
        self.reset_with(device, share);
    }

    fn reset_with(&mut self, device: &Device, share: Share) {
        self.share = share;
        let id = self.id.number();
        reset::reset_device(
            &mut self.registers,
            &mut self.state,
            device,
            id,
            &self.share,
        );
        self.display.reset(device, &mut self.registers);
    }

    /// Whether an access since this was last asked wants a message to be sent.
    pub fn take_interrupt(&mut self) -> bool {
        core::mem::take(&mut self.state.interrupt)
    }

    /// Whether accesses have asked for something, as few do.
    pub(crate) fn has_requests(&self) -> bool {
        !self.state.requests.is_empty()
    }

    /// What accesses since this was last called ask for.
    pub(crate) fn requests(&mut self) -> impl Iterator<Item = Request> {
        self.state.requests.take()
    }

    /// Whether the guest has switched pages of 64 KiB on.
    pub(crate) fn has_pages_64k(&self) -> bool {
        gt::has_pages_64k(&self.registers)
    }

    /// Says on which engines the vGPU runs now.
    pub(crate) fn set_running(&mut self, engines: EngineSet) {
        self.state.running = engines;
    }

    /// Changes what a register holds, without what writing it does.
    pub(crate) fn poke(&mut self, offset: MmioOffset, value: u32) {
        self.registers.set(offset, value);
    }

    /// Whether an engine takes contexts.
    pub(crate) fn takes_contexts(&self, engine: Engine) -> bool {
        engine::takes_contexts(&self.registers, engine)
    }

    /// Whether the guest can't be served: its registers are memory and its GGTT stays as it is,
    /// until reset.
    pub fn is_failsafe(&self) -> bool {
        self.state.failsafe
    }

    /// Whether the guest has read PVINFO since the last reset: it knows what it runs on.
    pub fn is_aware(&self) -> bool {
        self.state.aware
    }

    /// Says that it has, or that it has not.
    pub fn set_aware(&mut self, aware: bool) {
        self.state.aware = aware;
    }

    /// What the register at an offset holds, without reading it as a guest does.
    pub fn peek(&self, offset: MmioOffset) -> u32 {
        self.registers.get(offset)
    }

    /// An event happens; [`take_interrupt`](Self::take_interrupt) tells whether the guest wants to
    /// know.
    pub fn raise(&mut self, world: &mut World<'_>, fences: &mut Fences, event: Event) {
        interrupt::raise(&mut self.context(world, fences), event);
    }

    /// When [`tick`](Self::tick) has something to do.
    pub(crate) fn alarm(&self) -> Option<Time> {
        match self.state.failsafe {
            true => None,
            false => self.display.pipes.alarm(),
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, world: &mut World<'_>, fences: &mut Fences) {
        self.with_display(world, fences, pipe::tick);
    }

    /// The display: its monitor, its pipes.
    pub(crate) fn display(&self) -> &Display {
        &self.display
    }

    /// The same, for those who change it.
    pub(crate) fn display_mut(&mut self) -> &mut Display {
        &mut self.display
    }

    /// What the registers hold.
    pub(crate) fn registers(&self) -> &RegisterFile {
        &self.registers
    }

    /// Calls `act` with the display, as registers reach it.
    pub(crate) fn with_display<R>(
        &mut self,
        world: &mut World<'_>,
        fences: &mut Fences,
        act: impl FnOnce(&mut Context<'_>) -> R,
    ) -> R {
        act(&mut self.context(world, fences))
    }

    /// A command shows another surface on a plane.
    pub(crate) fn flip(&mut self, world: &mut World<'_>, fences: &mut Fences, flip: &Flip) {
        pipe::flip_by_command(&mut self.context(world, fences), flip);
    }

    /// Reads BAR 0.
    ///
    /// # Errors
    ///
    /// `EINVAL` not 1, 2, 4 or 8 bytes, not at a multiple of that (but for registers that take
    /// any), or not inside of BAR 0.
    pub fn read(
        &mut self,
        world: &mut World<'_>,
        reach: &mut Reach<'_>,
        offset: u64,
        data: &mut [u8],
    ) -> Result {
        match Target::new(world.device, offset, data.len())? {
            Target::Registers(offset) => {
                self.read_registers(world, reach.fences, offset, data);
                Ok(())
            }
            Target::Hole => {
                data.fill(u8::MAX);
                Ok(())
            }
            Target::Ggtt(offset) => reach.ggtt.read(offset, data),
        }
    }

    /// Writes BAR 0.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn write(
        &mut self,
        world: &mut World<'_>,
        reach: &mut Reach<'_>,
        offset: u64,
        data: &[u8],
    ) -> Result {
        match Target::new(world.device, offset, data.len())? {
            Target::Registers(offset) => {
                self.write_registers(world, reach.fences, offset, data);
                Ok(())
            }
            Target::Hole => Ok(()),
            // What a guest that can't be served maps is not mapped.
            Target::Ggtt(_) if self.state.failsafe => Ok(()),
            Target::Ggtt(offset) => reach.ggtt.write(world, reach.pins, offset, data),
        }
    }

    fn context<'a>(&'a mut self, world: &'a mut World<'_>, fences: &'a mut Fences) -> Context<'a> {
        Context {
            device: world.device,
            host: world.host,
            guest: &mut *world.guest,
            fences,
            share: &self.share,
            vgpu: self.id.number(),
            registers: &mut self.registers,
            state: &mut self.state,
            display: &mut self.display,
            now: world.now,
            fence: None,
        }
    }

    fn read_registers(
        &mut self,
        world: &mut World<'_>,
        fences: &mut Fences,
        offset: MmioOffset,
        data: &mut [u8],
    ) {
        let mut context = self.context(world, fences);
        let mut rest = data;
        let mut at = offset.0;
        while !rest.is_empty() {
            let skip = (at % DWORD) as usize;
            let bytes = read_dword(&mut context, dword(at)).to_le_bytes();
            let bytes = bytes.get(skip..).unwrap_or_default();
            let count = bytes.len().min(rest.len());
            let (now, behind) = rest.split_at_mut_checked(count).unwrap_or_default();
            now.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            rest = behind;
            at = next_dword(at);
        }
    }

    fn write_registers(
        &mut self,
        world: &mut World<'_>,
        fences: &mut Fences,
        offset: MmioOffset,
        data: &[u8],
    ) {
        let mut context = self.context(world, fences);
        let mut rest = data;
        let mut at = offset.0;
        while !rest.is_empty() {
            let next = next_dword(at);
            let count = rest.len().min(next.wrapping_sub(at) as usize);
            let (now, behind) = rest.split_at_checked(count).unwrap_or_default();
            let skip = (at % DWORD) as usize;
            write_dword(&mut context, dword(at), Written::new(skip, now));
            rest = behind;
            at = next;
        }
        fence::settle(&mut context);
    }
}

/// The offset of the dword that `offset` is in.
fn dword(offset: u32) -> MmioOffset {
    MmioOffset(offset & !(DWORD - 1))
}

/// The first offset behind the dword that `offset` is in.
fn next_dword(offset: u32) -> u32 {
    dword(offset).0.saturating_add(DWORD)
}

fn read_dword(context: &mut Context<'_>, at: MmioOffset) -> u32 {
    if context.state.failsafe {
        return context.registers.get(at);
    }
    let behaviour = context.device.dispatch().rule(at).behaviour;
    behaviour.read(context, at)
}

fn write_dword(context: &mut Context<'_>, at: MmioOffset, written: Written) {
    if context.state.failsafe {
        return context.store(at, written);
    }
    let device = context.device;
    let rule = device.dispatch().rule(at);
    let written = written.without(rule.read_only);
    match (rule.behaviour, rule.masked) {
        (Behaviour::Plain, true) => context.store_masked(at, written),
        (behaviour, _) => behaviour.write(context, at, written),
    }
}

#[cfg(test)]
pub(crate) mod tests;
