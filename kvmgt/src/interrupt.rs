// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The interrupt hierarchy of a vGPU, from events to the one message that a guest gets.
//!
//! Each group of events has four registers: ISR (what is the case; memory here), IMR (masks what
//! becomes pending), IIR (pending, cleared by writing ones) and IER (lets what is pending
//! through to the master register). The master register says which groups have something, and its
//! topmost bit lets messages out. A message is due whenever an event comes, or a guest changes
//! what is masked, enabled or let out, and something is pending then; not when it only
//! acknowledges.
//!
//! An event that comes while it is pending is pending once more when that is cleared (observed: i915 clears
//! IIR twice to be sure that it is empty). i915's handler reads IIR, lets a tasklet look at what has happened,
//! which may be at it on another processor already, and clears IIR: what came in between would be lost.

use crate::address::MmioOffset;
use crate::guest;
use crate::hardware::{Engine, Pipe, Port};
use crate::mmio::context::Context;
use crate::mmio::pipe;
use crate::mmio::registers::named;
use crate::mmio::written::Written;
use iface::registers::Platform;

/// GEN8_MASTER_IRQ: which groups have something pending and enabled.
const MASTER: MmioOffset = named("GEN8_MASTER_IRQ");
/// GEN8_MASTER_IRQ: messages are let out (PRM Vol 2c, Master Interrupt Control, bit 31).
const MASTER_ENABLE: u32 = 1 << 31;

/// The lower half of a group, which belongs to one engine.
const LOWER: u32 = 0x0000_ffff;
/// The upper half, which belongs to another one.
const UPPER: u32 = 0xffff_0000;

/// A group of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Render, and blitter.
    Gt0,
    /// Video engines.
    Gt1,
    /// Power management; nothing in it happens to a vGPU.
    Gt2,
    /// Video enhancement.
    Gt3,
    /// Pipe A.
    DePipeA,
    /// Pipe B.
    DePipeB,
    /// Pipe C.
    DePipeC,
    /// Ports and AUX channels.
    DePort,
    /// The rest of the display engine.
    DeMisc,
    /// The power controller.
    Pcu,
    /// The PCH: south display engine.
    Pch,
}

/// The registers of a group, and its bits in the master register.
struct Wiring {
    group: Group,
    imr: &'static str,
    iir: &'static str,
    ier: &'static str,
    pending: MmioOffset,
    masked: MmioOffset,
    enabled: MmioOffset,
    /// Bits of the group, and the bit of the master register that tells of them (PRM Vol 2c,
    /// Master Interrupt Control).
    upstream: &'static [(u32, u32)],
}

macro_rules! wiring {
    ($group:ident, $imr:literal, $iir:literal, $ier:literal, $upstream:expr) => {
        Wiring {
            group: Group::$group,
            imr: $imr,
            iir: $iir,
            ier: $ier,
            pending: named($iir),
            masked: named($imr),
            enabled: named($ier),
            upstream: $upstream,
        }
    };
}

#[rustfmt::skip]
static GROUPS: [Wiring; 11] = [
    wiring!(Gt0, "GEN8_GT_IMR_0", "GEN8_GT_IIR_0", "GEN8_GT_IER_0", &[(LOWER, 1 << 0), (UPPER, 1 << 1)]),
    wiring!(Gt1, "GEN8_GT_IMR_1", "GEN8_GT_IIR_1", "GEN8_GT_IER_1", &[(LOWER, 1 << 2), (UPPER, 1 << 3)]),
    wiring!(Gt2, "GEN8_GT_IMR_2", "GEN8_GT_IIR_2", "GEN8_GT_IER_2", &[(LOWER, 1 << 4)]),
    wiring!(Gt3, "GEN8_GT_IMR_3", "GEN8_GT_IIR_3", "GEN8_GT_IER_3", &[(LOWER, 1 << 6)]),
    wiring!(DePipeA, "GEN8_DE_PIPE_IMR_PIPE_A", "GEN8_DE_PIPE_IIR_PIPE_A", "GEN8_DE_PIPE_IER_PIPE_A", &[(u32::MAX, 1 << 16)]),
    wiring!(DePipeB, "GEN8_DE_PIPE_IMR_PIPE_B", "GEN8_DE_PIPE_IIR_PIPE_B", "GEN8_DE_PIPE_IER_PIPE_B", &[(u32::MAX, 1 << 17)]),
    wiring!(DePipeC, "GEN8_DE_PIPE_IMR_PIPE_C", "GEN8_DE_PIPE_IIR_PIPE_C", "GEN8_DE_PIPE_IER_PIPE_C", &[(u32::MAX, 1 << 18)]),
    wiring!(DePort, "GEN8_DE_PORT_IMR", "GEN8_DE_PORT_IIR", "GEN8_DE_PORT_IER", &[(u32::MAX, 1 << 20)]),
    wiring!(DeMisc, "GEN8_DE_MISC_IMR", "GEN8_DE_MISC_IIR", "GEN8_DE_MISC_IER", &[(u32::MAX, 1 << 22)]),
    wiring!(Pcu, "GEN8_PCU_IMR", "GEN8_PCU_IIR", "GEN8_PCU_IER", &[(u32::MAX, 1 << 30)]),
    wiring!(Pch, "SDEIMR", "SDEIIR", "SDEIER", &[(u32::MAX, 1 << 23)]),
];

/// Of each group the events that came while they were pending.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seconds([u32; GROUPS.len()]);

impl Seconds {
    /// Events come that are pending.
    fn add(&mut self, group: Group, bits: u32) {
        if let Some(seconds) = self.0.get_mut(group as usize) {
            *seconds |= bits;
        }
    }

    /// Events are cleared; returns those of them that are pending once more.
    fn take(&mut self, group: Group, cleared: u32) -> u32 {
        let Some(seconds) = self.0.get_mut(group as usize) else {
            return 0;
        };
        let next = *seconds & cleared;
        *seconds &= !cleared;
        next
    }
}

impl Group {
    fn wiring(self) -> Option<&'static Wiring> {
        GROUPS.iter().find(|wiring| wiring.group == self)
    }
}

/// Something that a guest can be interrupted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A command `MI_USER_INTERRUPT`.
    User(Engine),
    /// A command `PIPE_CONTROL` (render) or `MI_FLUSH_DW` that notifies.
    Flush(Engine),
    /// The engine has switched its context.
    ContextSwitch(Engine),
    /// Vertical blank.
    Vblank(Pipe),
    /// The primary plane shows its new surface.
    PrimaryFlip(Pipe),
    /// The sprite plane shows its new surface.
    SpriteFlip(Pipe),
    /// A transaction on the AUX channel of a port is over; port E has none.
    Aux(Port),
    /// A monitor came or went; port E stands for the analog output.
    Hotplug(Port),
    /// A transaction on the GMBUS is over.
    Gmbus,
    /// The guest's BIOS has something to say.
    Gse,
    /// The GPU is hot.
    PcuThermal,
    /// The power controller has something to say.
    PcuMailbox,
}

impl Event {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::User(Engine::Rcs) => "RCS_MI_USER_INTERRUPT",
            Self::User(Engine::Bcs) => "BCS_MI_USER_INTERRUPT",
            Self::User(Engine::Vcs) => "VCS_MI_USER_INTERRUPT",
            Self::User(Engine::Vcs1) => "VCS2_MI_USER_INTERRUPT",
            Self::User(Engine::Vecs) => "VECS_MI_USER_INTERRUPT",
            Self::Flush(Engine::Rcs) => "RCS_PIPE_CONTROL",
            Self::Flush(Engine::Bcs) => "BCS_MI_FLUSH_DW",
            Self::Flush(Engine::Vcs) => "VCS_MI_FLUSH_DW",
            Self::Flush(Engine::Vcs1) => "VCS2_MI_FLUSH_DW",
            Self::Flush(Engine::Vecs) => "VECS_MI_FLUSH_DW",
            Self::ContextSwitch(Engine::Rcs) => "RCS_AS_CONTEXT_SWITCH",
            Self::ContextSwitch(Engine::Bcs) => "BCS_AS_CONTEXT_SWITCH",
            Self::ContextSwitch(Engine::Vcs) => "VCS_AS_CONTEXT_SWITCH",
            Self::ContextSwitch(Engine::Vcs1) => "VCS2_AS_CONTEXT_SWITCH",
            Self::ContextSwitch(Engine::Vecs) => "VECS_AS_CONTEXT_SWITCH",
            Self::Vblank(Pipe::A) => "PIPE_A_VBLANK",
            Self::Vblank(Pipe::B) => "PIPE_B_VBLANK",
            Self::Vblank(Pipe::C) => "PIPE_C_VBLANK",
            Self::PrimaryFlip(Pipe::A) => "PRIMARY_A_FLIP_DONE",
            Self::PrimaryFlip(Pipe::B) => "PRIMARY_B_FLIP_DONE",
            Self::PrimaryFlip(Pipe::C) => "PRIMARY_C_FLIP_DONE",
            Self::SpriteFlip(Pipe::A) => "SPRITE_A_FLIP_DONE",
            Self::SpriteFlip(Pipe::B) => "SPRITE_B_FLIP_DONE",
            Self::SpriteFlip(Pipe::C) => "SPRITE_C_FLIP_DONE",
            Self::Aux(Port::A) => "AUX_CHANNEL_A",
            Self::Aux(Port::B) => "AUX_CHANNEL_B",
            Self::Aux(Port::C) => "AUX_CHANNEL_C",
            Self::Aux(Port::D) => "AUX_CHANNEL_D",
            Self::Aux(Port::E) => "AUX_CHANNEL_E",
            Self::Hotplug(Port::A) => "DP_A_HOTPLUG",
            Self::Hotplug(Port::B) => "DP_B_HOTPLUG",
            Self::Hotplug(Port::C) => "DP_C_HOTPLUG",
            Self::Hotplug(Port::D) => "DP_D_HOTPLUG",
            Self::Hotplug(Port::E) => "CRT_HOTPLUG",
            Self::Gmbus => "GMBUS",
            Self::Gse => "GSE",
            Self::PcuThermal => "PCU_THERMAL",
            Self::PcuMailbox => "PCU_PCODE2DRIVER_MAILBOX",
        }
    }

    /// Its group and its bit in the registers of that (PRM Vol 2c, GT, DE and SDE Interrupt Bit
    /// Definition); `None` where a GPU has no such thing.
    pub(crate) fn place(self, platform: Platform) -> Option<(Group, u32)> {
        let broadwell = platform == Platform::Bdw;
        let broxton = platform == Platform::Bxt;
        Some(match self {
            Self::User(engine) => of_engine(engine, 0),
            Self::Flush(engine) => of_engine(engine, 4),
            Self::ContextSwitch(engine) => of_engine(engine, 8),
            Self::Vblank(pipe) => (of_pipe(pipe), 0),
            Self::PrimaryFlip(pipe) => (of_pipe(pipe), if broadwell { 4 } else { 3 }),
            Self::SpriteFlip(pipe) => (of_pipe(pipe), if broadwell { 5 } else { 4 }),
            Self::Aux(Port::A) => (Group::DePort, 0),
            Self::Aux(Port::B) => (of_aux(broadwell), 25),
            Self::Aux(Port::C) => (of_aux(broadwell), 26),
            Self::Aux(Port::D) => (of_aux(broadwell), 27),
            Self::Aux(Port::E) => return None,
            Self::Hotplug(Port::A) => (Group::DePort, 3),
            Self::Hotplug(Port::B) if broxton => (Group::DePort, 4),
            Self::Hotplug(Port::C) if broxton => (Group::DePort, 5),
            Self::Hotplug(Port::D | Port::E) if broxton => return None,
            Self::Hotplug(Port::B) => (Group::Pch, 21),
            Self::Hotplug(Port::C) => (Group::Pch, 22),
            Self::Hotplug(Port::D) => (Group::Pch, 23),
            Self::Hotplug(Port::E) => (Group::Pch, 19),
            Self::Gmbus if broxton => (Group::DePort, 1),
            Self::Gmbus => (Group::Pch, 17),
            Self::Gse => (Group::DeMisc, 0),
            Self::PcuThermal => (Group::Pcu, 24),
            Self::PcuMailbox => (Group::Pcu, 25),
        })
    }
}

/// Where an engine's events are; `bit` is that of the first engine of a group.
fn of_engine(engine: Engine, bit: u32) -> (Group, u32) {
    /// Bits from the first engine of a group to the second.
    const SECOND: u32 = 16;
    match engine {
        Engine::Rcs => (Group::Gt0, bit),
        Engine::Bcs => (Group::Gt0, bit.saturating_add(SECOND)),
        Engine::Vcs => (Group::Gt1, bit),
        Engine::Vcs1 => (Group::Gt1, bit.saturating_add(SECOND)),
        Engine::Vecs => (Group::Gt3, bit),
    }
}

fn of_pipe(pipe: Pipe) -> Group {
    match pipe {
        Pipe::A => Group::DePipeA,
        Pipe::B => Group::DePipeB,
        Pipe::C => Group::DePipeC,
    }
}

/// The group of all AUX channels but the first.
fn of_aux(broadwell: bool) -> Group {
    match broadwell {
        true => Group::Pch,
        false => Group::DePort,
    }
}

/// A register of the hierarchy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Register {
    /// The master register.
    Master,
    /// Masks, of a group or of an engine.
    Imr(Option<Group>),
    /// What is pending in a group.
    Iir(Group),
    /// What of a group is enabled.
    Ier(Group),
}

impl Register {
    /// The register of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        if name == "GEN8_MASTER_IRQ" {
            return Some(Self::Master);
        }
        if matches!(Engine::split(name), Some((_, "RING_IMR"))) {
            return Some(Self::Imr(None));
        }
        GROUPS.iter().find_map(|wiring| match name {
            _ if name == wiring.imr => Some(Self::Imr(Some(wiring.group))),
            _ if name == wiring.iir => Some(Self::Iir(wiring.group)),
            _ if name == wiring.ier => Some(Self::Ier(wiring.group)),
            _ => None,
        })
    }

    /// Its kind, for the trace.
    fn kind(self) -> &'static str {
        match self {
            Self::Master => "MASTER",
            Self::Imr(_) => "IMR",
            Self::Iir(_) => "IIR",
            Self::Ier(_) => "IER",
        }
    }

    /// Writes it.
    pub(crate) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        let before = context.registers.get(at);
        context.guest.note(guest::Event::InterruptRegister {
            offset: at,
            kind: self.kind(),
            written: written.value(),
            before,
        });
        match self {
            Self::Master => {
                // All other bits are status.
                context.store(at, written.without(!MASTER_ENABLE));
                check(context);
            }
            Self::Imr(group) => {
                context.store(at, written);
                group.into_iter().for_each(|group| listen(context, group));
                check(context);
            }
            Self::Iir(group) => {
                let next = context.state.seconds.take(group, written.value());
                context.registers.set(at, before & !written.value() | next);
                propagate(context, group);
                if next != 0 {
                    check(context);
                }
            }
            Self::Ier(group) => {
                context.store(at, written);
                listen(context, group);
                propagate(context, group);
                check(context);
            }
        }
    }
}

/// An event happens.
pub(crate) fn raise(context: &mut Context<'_>, event: Event) {
    let platform = context.device.model().platform;
    let place = event.place(platform);
    let Some((wiring, bit)) = place.and_then(|(group, bit)| Some((group.wiring()?, bit))) else {
        return;
    };
    let mask = 1_u32.wrapping_shl(bit);
    if context.registers.get(wiring.masked) & mask == 0 {
        context.guest.note(guest::Event::Interrupt {
            name: event.name(),
            bit,
        });
        let pending = context.registers.get(wiring.pending) & mask;
        context.state.seconds.add(wiring.group, pending);
        context.registers.update(wiring.pending, 0, mask);
    }
    check(context);
}

/// Whether the guest is interrupted for an event as soon as messages are let out.
pub(crate) fn is_wanted(context: &Context<'_>, event: Event) -> bool {
    let platform = context.device.model().platform;
    let place = event.place(platform);
    place
        .and_then(|(group, bit)| Some((group.wiring()?, bit)))
        .is_some_and(|(wiring, bit)| {
            let enabled = context.registers.get(wiring.enabled);
            let wanted = enabled & !context.registers.get(wiring.masked);
            wanted & 1_u32.wrapping_shl(bit) != 0
        })
}

/// What of a group the guest wants to hear of has changed. Vertical blanks come only if it does.
fn listen(context: &mut Context<'_>, group: Group) {
    match group {
        Group::DePipeA => pipe::follow(context, Pipe::A),
        Group::DePipeB => pipe::follow(context, Pipe::B),
        Group::DePipeC => pipe::follow(context, Pipe::C),
        _ => {}
    }
}

/// What of a group is pending and enabled.
fn active(context: &Context<'_>, wiring: &Wiring) -> u32 {
    context.registers.get(wiring.pending) & context.registers.get(wiring.enabled)
}

/// Tells the master register what is pending and enabled in a group.
fn propagate(context: &mut Context<'_>, group: Group) {
    let Some(wiring) = group.wiring() else {
        return;
    };
    let active = active(context, wiring);
    for (bits, upstream) in wiring.upstream {
        context
            .registers
            .set_if(active & bits != 0, MASTER, *upstream);
    }
}

/// Sees whether a message is due.
fn check(context: &mut Context<'_>) {
    if context.registers.get(MASTER) & MASTER_ENABLE == 0 {
        return;
    }
    for wiring in &GROUPS {
        if active(context, wiring) != 0 {
            propagate(context, wiring.group);
        }
    }
    if context.registers.get(MASTER) & !MASTER_ENABLE != 0 {
        context.state.interrupt = true;
    }
}

#[cfg(test)]
mod tests;
