// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The Gen8 interrupt hierarchy: sources, groups, master, and the message or pin to the CPU.
//!
//! Each group has ISR (levels), IMR (mask), IIR (pending, write 1 to clear) and IER (enable).
//! An event sets its IIR bit unless IMR masks it. One that comes while the bit is set is not lost: IIR
//! has room for a second one of each, which shows when the first is cleared (observed: i915, "IIR can
//! theoretically queue up two events"). So a driver that clears what it has read misses nothing that came
//! in between. A group asks for attention while any bit is in
//! both IIR and IER. The master register shows the groups that ask; with its enable bit set their
//! union is the device's interrupt. The message is sent on the rising edge.

use crate::address::MmioOffset;
use crate::config_space::Routing;
use crate::register_file::RegisterFile;

/// Where interrupts leave the device.
pub trait InterruptSink: Send {
    /// Sends the device's one MSI message. Called on a rising edge, MSI enabled.
    fn message(&mut self);

    /// Sets the level of the INTA pin. Called when it changes and MSI is not enabled.
    fn pin(&mut self, asserted: bool);
}

/// A sink that drops everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoInterrupts;

impl InterruptSink for NoInterrupts {
    fn message(&mut self) {}
    fn pin(&mut self, _asserted: bool) {}
}

/// A group of sources with its own ISR, IMR, IIR and IER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IrqGroup {
    /// Render and blitter engines.
    Gt0,
    /// Video decode engines.
    Gt1,
    /// Power management and GuC.
    Gt2,
    /// Video enhancement engine.
    Gt3,
    /// Pipe A.
    PipeA,
    /// Pipe B.
    PipeB,
    /// Pipe C.
    PipeC,
    /// Digital ports and AUX channels.
    Port,
    /// Other display events.
    Misc,
    /// Power control unit.
    Pcu,
    /// South display (PCH): hotplug, GMBUS.
    South,
}

/// What a unit needs to raise interrupts.
pub trait IrqLines {
    /// Signals an event: `bits` become pending in `group` unless its IMR masks them.
    fn raise(&mut self, group: IrqGroup, bits: u32);

    /// Sets the level of `bits` in the group's ISR, without making them pending.
    fn set_level(&mut self, group: IrqGroup, bits: u32, high: bool);
}

/// Master interrupt control (PRM Vol 2c, GFX_MSTR_CTL; observed: i915 GEN8_MASTER_IRQ).
pub const MASTER_CONTROL: MmioOffset = MmioOffset(0x4_4200);
/// Enables the device's interrupt.
pub const MASTER_ENABLE: u32 = 1 << 31;

const ISR: u32 = 0x0;
const IMR: u32 = 0x4;
const IIR: u32 = 0x8;
const IER: u32 = 0xc;
const LOW_HALF: u32 = 0x0000_ffff;
const HIGH_HALF: u32 = 0xffff_0000;

/// Groups with the offset of their ISR (PRM Vol 2c, GT_INTERRUPT, DE_PIPE_INTERRUPT, …).
const GROUPS: [(IrqGroup, u32); 11] = [
    (IrqGroup::Gt0, 0x4_4300),
    (IrqGroup::Gt1, 0x4_4310),
    (IrqGroup::Gt2, 0x4_4320),
    (IrqGroup::Gt3, 0x4_4330),
    (IrqGroup::PipeA, 0x4_4400),
    (IrqGroup::PipeB, 0x4_4410),
    (IrqGroup::PipeC, 0x4_4420),
    (IrqGroup::Port, 0x4_4440),
    (IrqGroup::Misc, 0x4_4460),
    (IrqGroup::Pcu, 0x4_44e0),
    (IrqGroup::South, 0xc_4000),
];

/// Bits of the master register: group, the half of it that counts, master bit.
const MASTER_BITS: [(IrqGroup, u32, u32); 13] = [
    (IrqGroup::Gt0, LOW_HALF, 1 << 0),
    (IrqGroup::Gt0, HIGH_HALF, 1 << 1),
    (IrqGroup::Gt1, LOW_HALF, 1 << 2),
    (IrqGroup::Gt1, HIGH_HALF, 1 << 3),
    (IrqGroup::Gt2, u32::MAX, 1 << 4),
    (IrqGroup::Gt3, u32::MAX, 1 << 6),
    (IrqGroup::PipeA, u32::MAX, 1 << 16),
    (IrqGroup::PipeB, u32::MAX, 1 << 17),
    (IrqGroup::PipeC, u32::MAX, 1 << 18),
    (IrqGroup::Port, u32::MAX, 1 << 20),
    (IrqGroup::Misc, u32::MAX, 1 << 22),
    (IrqGroup::South, u32::MAX, 1 << 23),
    (IrqGroup::Pcu, u32::MAX, 1 << 30),
];

#[derive(Clone, Copy, Debug, Default)]
struct Group {
    isr: u32,
    imr: u32,
    iir: u32,
    /// Events that wait behind those in `iir`.
    second: u32,
    ier: u32,
}

impl Group {
    /// Events.
    fn raise(&mut self, bits: u32) {
        let bits = bits & !self.imr;
        self.second |= bits & self.iir;
        self.iir |= bits;
    }

    /// Those that wait behind bits that were cleared.
    fn take_second(&mut self, cleared: u32) -> u32 {
        let next = self.second & cleared;
        self.second &= !cleared;
        next
    }
}

/// The interrupt controller of the GPU.
pub struct Interrupts {
    groups: [Group; GROUPS.len()],
    enabled: bool,
    level: bool,
    routing: Routing,
    sink: Box<dyn InterruptSink>,
    sent: u64,
}

impl Interrupts {
    /// A controller in reset.
    pub fn new(sink: Box<dyn InterruptSink>) -> Self {
        Self {
            groups: [Group::default(); GROUPS.len()],
            enabled: false,
            level: false,
            routing: Routing::None,
            sink,
            sent: 0,
        }
    }

    /// Takes the reset values of its registers from `regs`; nothing is delivered.
    pub fn reset(&mut self, regs: &RegisterFile, routing: Routing) {
        for (state, (_, base)) in self.groups.iter_mut().zip(GROUPS) {
            *state = Group {
                isr: regs.get(MmioOffset(base + ISR)),
                imr: regs.get(MmioOffset(base + IMR)),
                iir: regs.get(MmioOffset(base + IIR)),
                second: 0,
                ier: regs.get(MmioOffset(base + IER)),
            };
        }
        self.enabled = false;
        self.set_level_out(false);
        self.routing = routing;
    }

    /// Follows a change of the interrupt bits in configuration space.
    pub fn set_routing(&mut self, routing: Routing) {
        if self.routing == routing {
            return;
        }
        if self.routing == Routing::Pin && self.level {
            self.sink.pin(false);
        }
        self.routing = routing;
        self.level = false;
        self.update();
    }

    /// Messages sent since power-on.
    pub fn messages_sent(&self) -> u64 {
        self.sent
    }

    /// Whether the register at `offset` is one of the controller's.
    pub fn owns(offset: MmioOffset) -> bool {
        offset == MASTER_CONTROL || decode(offset).is_some()
    }

    /// Reads one of the controller's registers.
    pub fn read(&self, offset: MmioOffset) -> u32 {
        if offset == MASTER_CONTROL {
            return self.master();
        }
        match decode(offset) {
            Some((index, ISR)) => self.groups[index].isr,
            Some((index, IMR)) => self.groups[index].imr,
            Some((index, IIR)) => self.groups[index].iir,
            Some((index, IER)) => self.groups[index].ier,
            _ => 0,
        }
    }

    /// Writes one of the controller's registers.
    pub fn write(&mut self, offset: MmioOffset, value: u32) {
        if offset == MASTER_CONTROL {
            self.enabled = value & MASTER_ENABLE != 0;
        }
        match decode(offset) {
            Some((index, IMR)) => self.groups[index].imr = value,
            Some((index, IIR)) => {
                self.groups[index].iir &= !value;
                // The bit is low for a moment, so that the next event is an edge.
                self.update();
                let group = &mut self.groups[index];
                group.iir |= group.take_second(value);
            }
            Some((index, IER)) => self.groups[index].ier = value,
            _ => {}
        }
        self.update();
    }

    fn master(&self) -> u32 {
        let mut value = if self.enabled { MASTER_ENABLE } else { 0 };
        for (group, half, bit) in MASTER_BITS {
            let state = self.groups[group as usize];
            if state.iir & state.ier & half != 0 {
                value |= bit;
            }
        }
        value
    }

    fn update(&mut self) {
        let level = self.enabled && self.master() & !MASTER_ENABLE != 0;
        self.set_level_out(level);
    }

    fn set_level_out(&mut self, level: bool) {
        if level == self.level {
            return;
        }
        self.level = level;
        match self.routing {
            Routing::Message if level => {
                self.sent += 1;
                self.sink.message();
            }
            Routing::Pin => self.sink.pin(level),
            Routing::Message | Routing::None => {}
        }
    }
}

impl IrqLines for Interrupts {
    fn raise(&mut self, group: IrqGroup, bits: u32) {
        self.groups[group as usize].raise(bits);
        self.update();
    }

    fn set_level(&mut self, group: IrqGroup, bits: u32, high: bool) {
        let state = &mut self.groups[group as usize];
        state.isr = if high {
            state.isr | bits
        } else {
            state.isr & !bits
        };
    }
}

/// Group and register of the group at `offset`.
fn decode(offset: MmioOffset) -> Option<(usize, u32)> {
    GROUPS.iter().enumerate().find_map(|(index, (_, base))| {
        let register = offset.0.checked_sub(*base)?;
        (register <= IER).then_some((index, register & !3))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::sync::atomic::Ordering;
    use std::sync::Arc;

    use super::*;

    struct Counter(Arc<AtomicU32>);

    impl InterruptSink for Counter {
        fn message(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        fn pin(&mut self, asserted: bool) {
            self.0
                .fetch_add(if asserted { 100 } else { 1000 }, Ordering::Relaxed);
        }
    }

    fn controller(routing: Routing) -> (Interrupts, Arc<AtomicU32>) {
        let count = Arc::new(AtomicU32::new(0));
        let mut irq = Interrupts::new(Box::new(Counter(count.clone())));
        irq.set_routing(routing);
        (irq, count)
    }

    const GT0_IIR: MmioOffset = MmioOffset(0x4_4308);
    const GT0_IMR: MmioOffset = MmioOffset(0x4_4304);
    const GT0_IER: MmioOffset = MmioOffset(0x4_430c);

    #[test]
    fn raise_when_enabled_then_one_message_until_acknowledged() {
        let (mut irq, count) = controller(Routing::Message);
        irq.write(GT0_IER, 1);
        irq.write(MASTER_CONTROL, MASTER_ENABLE);

        irq.raise(IrqGroup::Gt0, 1);

        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert_eq!(irq.read(MASTER_CONTROL), MASTER_ENABLE | 1);
        irq.write(GT0_IIR, 1);
        irq.raise(IrqGroup::Gt0, 1);
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn clear_when_it_came_three_times_then_pending_once_more() {
        let (mut irq, count) = controller(Routing::Message);
        irq.write(GT0_IER, 1);
        irq.write(MASTER_CONTROL, MASTER_ENABLE);
        for _ in 0..3 {
            irq.raise(IrqGroup::Gt0, 1);
        }
        assert_eq!(count.load(Ordering::Relaxed), 1);

        irq.write(GT0_IIR, 1);
        assert_eq!(irq.read(GT0_IIR), 1);
        assert_eq!(count.load(Ordering::Relaxed), 2);
        irq.write(GT0_IIR, 1);
        assert_eq!(irq.read(GT0_IIR), 0);
    }

    #[test]
    fn raise_when_masked_then_not_pending() {
        let (mut irq, count) = controller(Routing::Message);
        irq.write(GT0_IER, u32::MAX);
        irq.write(GT0_IMR, 1);
        irq.write(MASTER_CONTROL, MASTER_ENABLE);

        irq.raise(IrqGroup::Gt0, 1);

        assert_eq!(irq.read(GT0_IIR), 0);
        assert_eq!(count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn master_when_enabled_with_pending_then_message_at_once() {
        let (mut irq, count) = controller(Routing::Message);
        irq.write(GT0_IER, 1 << 16);
        irq.raise(IrqGroup::Gt0, 1 << 16);
        assert_eq!(irq.read(MASTER_CONTROL), 2);

        irq.write(MASTER_CONTROL, MASTER_ENABLE);

        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn pin_when_routed_then_follows_level() {
        let (mut irq, count) = controller(Routing::Pin);
        irq.write(GT0_IER, 1);
        irq.write(MASTER_CONTROL, MASTER_ENABLE);

        irq.raise(IrqGroup::Gt0, 1);
        irq.write(GT0_IIR, 1);

        assert_eq!(count.load(Ordering::Relaxed), 1100);
    }

    #[test]
    fn groups_when_indexed_by_value_then_in_order() {
        for (index, (group, _)) in GROUPS.iter().enumerate() {
            assert_eq!(*group as usize, index);
        }
    }
}
