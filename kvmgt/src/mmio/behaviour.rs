// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a register does besides to remember what was written.
//!
//! Each unit of the hardware has a file with the registers of its own: it finds them by the names
//! of the register table, reads them, and writes them.

use super::context::Context;
use super::written::Written;
use super::{
    aux_channel, bxt_phy, ddi, engine, fdi, fence, forcewake, gmbus, gt, hotplug, nonpriv, panel,
    pch, pcode, pipe, pll, power, reset, sbi,
};
use crate::address::MmioOffset;
use crate::golden::Model;
use crate::interrupt;
use crate::pvinfo;

/// What a register does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// It remembers.
    Plain,
    /// A command streamer.
    Engine(engine::Register),
    /// The GT: memory interface, GuC, clocks and chicken bits.
    Gt(gt::Register),
    /// Reset of engines and of the GPU.
    Reset(reset::Register),
    /// What keeps parts of the GT awake.
    Forcewake(forcewake::Register),
    /// A slot of the list of registers that unprivileged batches may write.
    Nonpriv,
    /// The interrupt hierarchy.
    Interrupt(interrupt::Register),
    /// A half of a fence.
    Fence(fence::Register),
    /// The page that tells a guest that it has a vGPU.
    Pvinfo(pvinfo::Field),
    /// Power wells of the display engine, and its buffer.
    Power(power::Register),
    /// Clocks of the display engine.
    Pll(pll::Register),
    /// Broxton's PHYs.
    BxtPhy(bxt_phy::Register),
    /// Mailbox of the power controller.
    Pcode(pcode::Register),
    /// Sideband of the PCH.
    Sbi(sbi::Register),
    /// The bus that monitors are identified by.
    Gmbus(gmbus::Register),
    /// Monitors that come and go.
    Hotplug(hotplug::Register),
    /// DisplayPort's AUX channels.
    Aux(aux_channel::Register),
    /// Power sequence of the panel.
    Panel(panel::Register),
    /// Digital ports.
    Ddi(ddi::Register),
    /// Link between CPU and PCH.
    Fdi(fdi::Register),
    /// Odds and ends of the PCH.
    Pch(pch::Register),
    /// Pipes, transcoders, planes, scalers.
    Pipe(pipe::Register),
}

impl Behaviour {
    /// What the dword number `index` of the register of that name does on a GPU.
    pub(super) fn named(name: &str, index: u32, model: Model) -> Self {
        let platform = model.platform;
        interrupt::Register::named(name)
            .map(Self::Interrupt)
            .or_else(|| engine::Register::named(name, platform).map(Self::Engine))
            .or_else(|| reset::Register::named(name).map(Self::Reset))
            .or_else(|| forcewake::Register::named(name).map(Self::Forcewake))
            .or_else(|| nonpriv::is_slot(name).then_some(Self::Nonpriv))
            .or_else(|| gt::Register::named(name, platform).map(Self::Gt))
            .or_else(|| fence::Register::named(name, index).map(Self::Fence))
            .or_else(|| pvinfo::Field::named(name, index).map(Self::Pvinfo))
            .or_else(|| power::Register::named(name, platform).map(Self::Power))
            .or_else(|| pll::Register::named(name).map(Self::Pll))
            .or_else(|| bxt_phy::Register::named(name).map(Self::BxtPhy))
            .or_else(|| pcode::Register::named(name).map(Self::Pcode))
            .or_else(|| sbi::Register::named(name).map(Self::Sbi))
            .or_else(|| gmbus::Register::named(name, index).map(Self::Gmbus))
            .or_else(|| aux_channel::Register::named(name, index).map(Self::Aux))
            .or_else(|| hotplug::Register::named(name).map(Self::Hotplug))
            .or_else(|| panel::Register::named(name).map(Self::Panel))
            .or_else(|| ddi::Register::named(name).map(Self::Ddi))
            .or_else(|| fdi::Register::named(name).map(Self::Fdi))
            .or_else(|| pch::Register::named(name).map(Self::Pch))
            .or_else(|| pipe::Register::named(name).map(Self::Pipe))
            .unwrap_or(Self::Plain)
    }

    /// Reads the register.
    pub(super) fn read(self, context: &mut Context<'_>, at: MmioOffset) -> u32 {
        match self {
            Self::Engine(register) => register.read(context, at),
            Self::Gt(register) => register.read(context, at),
            Self::Fence(register) => register.read(context, at),
            Self::Pvinfo(field) => field.read(context, at),
            Self::Pll(register) => register.read(context, at),
            Self::BxtPhy(register) => register.read(context, at),
            Self::Sbi(register) => register.read(context, at),
            Self::Gmbus(register) => register.read(context, at),
            Self::Pch(register) => register.read(context, at),
            Self::Pipe(register) => register.read(context, at),
            Self::Plain
            | Self::Reset(_)
            | Self::Forcewake(_)
            | Self::Nonpriv
            | Self::Interrupt(_)
            | Self::Power(_)
            | Self::Pcode(_)
            | Self::Hotplug(_)
            | Self::Aux(_)
            | Self::Panel(_)
            | Self::Ddi(_)
            | Self::Fdi(_) => context.registers.get(at),
        }
    }

    /// Writes the register.
    pub(super) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        match self {
            Self::Plain => context.store(at, written),
            Self::Engine(register) => register.write(context, at, written),
            Self::Gt(register) => register.write(context, at, written),
            Self::Reset(register) => register.write(context, at, written),
            Self::Forcewake(register) => register.write(context, at, written),
            Self::Nonpriv => nonpriv::write(context, at, written),
            Self::Interrupt(register) => register.write(context, at, written),
            Self::Fence(register) => register.write(context, at, written),
            Self::Pvinfo(field) => field.write(context, at, written),
            Self::Power(register) => register.write(context, at, written),
            Self::Pll(register) => register.write(context, at, written),
            Self::BxtPhy(register) => register.write(context, at, written),
            Self::Pcode(register) => register.write(context, at, written),
            Self::Sbi(register) => register.write(context, at, written),
            Self::Gmbus(register) => register.write(context, at, written),
            Self::Hotplug(register) => register.write(context, at, written),
            Self::Aux(register) => register.write(context, at, written),
            Self::Panel(register) => register.write(context, at, written),
            Self::Ddi(register) => register.write(context, at, written),
            Self::Fdi(register) => register.write(context, at, written),
            Self::Pch(register) => register.write(context, at, written),
            Self::Pipe(register) => register.write(context, at, written),
        }
    }
}
