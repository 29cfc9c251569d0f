// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::guest::Event as GuestEvent;
use crate::mmio::tests::Machine;
use std::collections::BTreeSet;
use std::vec::Vec;

const ENABLE: u32 = 1 << 31;

/// All events of all platforms.
fn events() -> Vec<Event> {
    let mut events = std::vec![
        Event::Gmbus,
        Event::Gse,
        Event::PcuThermal,
        Event::PcuMailbox
    ];
    for engine in Engine::ALL {
        events.extend([
            Event::User(engine),
            Event::Flush(engine),
            Event::ContextSwitch(engine),
        ]);
    }
    for pipe in Pipe::ALL {
        events.extend([
            Event::Vblank(pipe),
            Event::PrimaryFlip(pipe),
            Event::SpriteFlip(pipe),
        ]);
    }
    for port in Port::ALL {
        events.extend([Event::Aux(port), Event::Hotplug(port)]);
    }
    events
}

/// Those that a platform does not have.
fn missing(platform: Platform) -> &'static [Event] {
    const ALL: [Event; 3] = [
        Event::Aux(Port::E),
        Event::Hotplug(Port::D),
        Event::Hotplug(Port::E),
    ];
    match platform {
        Platform::Bxt => &ALL,
        _ => &ALL[..1],
    }
}

/// Names of the registers of a group, and of its bits in the master register.
const GROUP_NAMES: [(Group, &str, &str, &str, u32); 11] = [
    (
        Group::Gt0,
        "GEN8_GT_IMR_0",
        "GEN8_GT_IIR_0",
        "GEN8_GT_IER_0",
        0x3,
    ),
    (
        Group::Gt1,
        "GEN8_GT_IMR_1",
        "GEN8_GT_IIR_1",
        "GEN8_GT_IER_1",
        0xc,
    ),
    (
        Group::Gt2,
        "GEN8_GT_IMR_2",
        "GEN8_GT_IIR_2",
        "GEN8_GT_IER_2",
        0x10,
    ),
    (
        Group::Gt3,
        "GEN8_GT_IMR_3",
        "GEN8_GT_IIR_3",
        "GEN8_GT_IER_3",
        0x40,
    ),
    (
        Group::DePipeA,
        "GEN8_DE_PIPE_IMR_PIPE_A",
        "GEN8_DE_PIPE_IIR_PIPE_A",
        "GEN8_DE_PIPE_IER_PIPE_A",
        1 << 16,
    ),
    (
        Group::DePipeB,
        "GEN8_DE_PIPE_IMR_PIPE_B",
        "GEN8_DE_PIPE_IIR_PIPE_B",
        "GEN8_DE_PIPE_IER_PIPE_B",
        1 << 17,
    ),
    (
        Group::DePipeC,
        "GEN8_DE_PIPE_IMR_PIPE_C",
        "GEN8_DE_PIPE_IIR_PIPE_C",
        "GEN8_DE_PIPE_IER_PIPE_C",
        1 << 18,
    ),
    (
        Group::DePort,
        "GEN8_DE_PORT_IMR",
        "GEN8_DE_PORT_IIR",
        "GEN8_DE_PORT_IER",
        1 << 20,
    ),
    (
        Group::DeMisc,
        "GEN8_DE_MISC_IMR",
        "GEN8_DE_MISC_IIR",
        "GEN8_DE_MISC_IER",
        1 << 22,
    ),
    (
        Group::Pcu,
        "GEN8_PCU_IMR",
        "GEN8_PCU_IIR",
        "GEN8_PCU_IER",
        1 << 30,
    ),
    (Group::Pch, "SDEIMR", "SDEIIR", "SDEIER", 1 << 23),
];

fn names_of(group: Group) -> (&'static str, &'static str, &'static str, u32) {
    let (_, imr, iir, ier, upstream) = *GROUP_NAMES.iter().find(|(g, ..)| *g == group).unwrap();
    (imr, iir, ier, upstream)
}

/// A vGPU whose guest lets one event through.
fn prepared(platform: Platform, event: Event) -> Machine {
    let mut machine = Machine::new(platform);
    prepare(&mut machine, platform, event);
    machine
}

/// Lets one event through; returns its group, and its bit in that.
fn prepare(machine: &mut Machine, platform: Platform, event: Event) -> (Group, u32) {
    let (group, bit) = event.place(platform).unwrap();
    let (imr, _, ier, _) = names_of(group);
    machine.set(imr, !(1 << bit));
    machine.set(ier, 1 << bit);
    machine.set("GEN8_MASTER_IRQ", ENABLE);
    assert!(!machine.mmio.take_interrupt());
    machine.vm.guest.events.clear();
    (group, 1 << bit)
}

#[test]
fn raise_of_each_event_reaches_the_guest_and_can_be_acknowledged() {
    for platform in Platform::ALL {
        let mut machine = Machine::new(platform);
        for event in events() {
            if missing(platform).contains(&event) {
                continue;
            }
            machine.reset();
            let (group, bit) = prepare(&mut machine, platform, event);
            let (_, iir, _, upstream) = names_of(group);

            machine.raise(event);

            assert!(machine.mmio.take_interrupt(), "{event:?}");
            assert_eq!(machine.get(iir), bit);
            let master = machine.get("GEN8_MASTER_IRQ");
            assert_ne!(master & upstream, 0);
            assert_eq!(master & !upstream, ENABLE);
            let told = GuestEvent::Interrupt {
                name: event.name(),
                bit: bit.trailing_zeros(),
            };
            assert_eq!(machine.vm.guest.events, [told]);

            machine.set(iir, bit);
            assert_eq!(machine.get(iir), 0);
            assert_eq!(machine.get("GEN8_MASTER_IRQ"), ENABLE);
            assert!(!machine.mmio.take_interrupt());
        }
    }
}

#[test]
fn each_event_has_a_name_and_a_place_of_its_own() {
    for platform in Platform::ALL {
        let mut places = BTreeSet::new();
        let mut names = BTreeSet::new();
        for event in events() {
            assert!(names.insert(event.name()), "{event:?}");
            if let Some((group, bit)) = event.place(platform) {
                assert!(places.insert((names_of(group).0, bit)), "{event:?}");
            }
        }
        assert_eq!(places.len() + missing(platform).len(), names.len());
    }
}

#[test]
fn broxton_has_all_of_its_ports_in_one_group() {
    let place = |event: Event| event.place(Platform::Bxt);
    for (port, bit) in [(Port::A, 3), (Port::B, 4), (Port::C, 5)] {
        assert_eq!(place(Event::Hotplug(port)), Some((Group::DePort, bit)));
    }
    assert_eq!(place(Event::Gmbus), Some((Group::DePort, 1)));
    for event in missing(Platform::Bxt) {
        assert_eq!(place(*event), None);
    }
}

#[test]
fn engines_of_a_group_have_halves_and_bits_of_their_own() {
    for (event, group, bit, master) in [
        (Event::User(Engine::Rcs), Group::Gt0, 0, 1 << 0),
        (Event::Flush(Engine::Rcs), Group::Gt0, 4, 1 << 0),
        (Event::ContextSwitch(Engine::Bcs), Group::Gt0, 24, 1 << 1),
        (Event::Flush(Engine::Vcs), Group::Gt1, 4, 1 << 2),
        (Event::User(Engine::Vcs1), Group::Gt1, 16, 1 << 3),
        (Event::ContextSwitch(Engine::Vecs), Group::Gt3, 8, 1 << 6),
    ] {
        assert_eq!(event.place(Platform::Skl), Some((group, bit)));
        let mut machine = prepared(Platform::Skl, event);
        machine.raise(event);
        assert_eq!(machine.get("GEN8_MASTER_IRQ"), ENABLE | master);
    }
}

#[test]
fn masked_event_is_lost() {
    let event = Event::Vblank(Pipe::B);
    let mut machine = prepared(Platform::Skl, event);
    machine.set("GEN8_DE_PIPE_IMR_PIPE_B", u32::MAX);

    machine.raise(event);
    machine.set("GEN8_DE_PIPE_IMR_PIPE_B", 0);

    assert_eq!(machine.get("GEN8_DE_PIPE_IIR_PIPE_B"), 0);
    assert!(!machine.mmio.take_interrupt());
}

#[test]
fn event_that_is_not_enabled_waits_until_it_is() {
    let event = Event::Gse;
    let mut machine = prepared(Platform::Skl, event);
    machine.set("GEN8_DE_MISC_IER", 0);

    machine.raise(event);
    assert_eq!(machine.get("GEN8_DE_MISC_IIR"), 1);
    assert_eq!(machine.get("GEN8_MASTER_IRQ"), ENABLE);
    assert!(!machine.mmio.take_interrupt());

    machine.set("GEN8_DE_MISC_IER", 1);
    assert!(machine.mmio.take_interrupt());
    assert_eq!(machine.get("GEN8_MASTER_IRQ"), ENABLE | 1 << 22);
}

#[test]
fn event_waits_until_messages_are_let_out() {
    let event = Event::User(Engine::Rcs);
    let mut machine = prepared(Platform::Skl, event);
    machine.set("GEN8_MASTER_IRQ", 0);

    machine.raise(event);
    assert!(!machine.mmio.take_interrupt());
    assert_eq!(machine.get("GEN8_GT_IIR_0"), 1);

    machine.set("GEN8_MASTER_IRQ", ENABLE);
    assert!(machine.mmio.take_interrupt());
    // As i915's handler does it: off, acknowledge, on again. Nothing is left.
    machine.set("GEN8_MASTER_IRQ", 0);
    machine.set("GEN8_GT_IIR_0", 1);
    machine.set("GEN8_MASTER_IRQ", ENABLE);
    assert!(!machine.mmio.take_interrupt());
}

#[test]
fn second_event_behind_an_unacknowledged_one_sends_again() {
    let event = Event::User(Engine::Rcs);
    let mut machine = prepared(Platform::Skl, event);
    for _ in 0..2 {
        machine.raise(event);
        assert!(machine.mmio.take_interrupt());
    }
    // Looking again is not enough; changing a mask with something pending is.
    machine.get("GEN8_GT_IIR_0");
    assert!(!machine.mmio.take_interrupt());
    machine.set("RCS_RING_IMR", 0);
    assert!(machine.mmio.take_interrupt());
}

#[test]
fn event_that_came_while_it_was_pending_is_pending_once_more() {
    let event = Event::ContextSwitch(Engine::Rcs);
    let mut machine = prepared(Platform::Skl, event);
    machine.raise(event);
    assert!(machine.mmio.take_interrupt());
    // What comes between the two that i915's handler does with IIR.
    machine.set("GEN8_MASTER_IRQ", 0);
    let read = machine.get("GEN8_GT_IIR_0");
    for _ in 0..2 {
        machine.raise(event);
    }
    machine.set("GEN8_GT_IIR_0", read);
    assert!(!machine.mmio.take_interrupt());
    machine.set("GEN8_MASTER_IRQ", ENABLE);

    assert!(machine.mmio.take_interrupt());
    assert_eq!(machine.get("GEN8_GT_IIR_0"), read);
    machine.set("GEN8_GT_IIR_0", read);
    assert_eq!(machine.get("GEN8_GT_IIR_0"), 0);
    assert!(!machine.mmio.take_interrupt());
}

#[test]
fn second_event_that_is_cleared_while_messages_are_let_out_sends() {
    let event = Event::User(Engine::Vecs);
    let mut machine = prepared(Platform::Skl, event);
    machine.raise(event);
    machine.raise(event);
    assert!(machine.mmio.take_interrupt());

    machine.set("GEN8_GT_IIR_3", 1);

    assert!(machine.mmio.take_interrupt());
    assert_eq!(machine.get("GEN8_GT_IIR_3"), 1);
}

#[test]
fn acknowledging_one_of_two_events_sends_nothing_and_keeps_the_group() {
    let mut machine = prepared(Platform::Skl, Event::Gmbus);
    machine.set("SDEIMR", 0);
    machine.set("SDEIER", u32::MAX);
    machine.raise(Event::Gmbus);
    machine.raise(Event::Hotplug(Port::B));
    assert!(machine.mmio.take_interrupt());

    machine.set("SDEIIR", 1 << 17);
    assert_eq!(machine.get("GEN8_MASTER_IRQ"), ENABLE | 1 << 23);
    machine.set("SDEIIR", 1 << 21);
    assert_eq!(machine.get("GEN8_MASTER_IRQ"), ENABLE);

    assert!(!machine.mmio.take_interrupt());
}

#[test]
fn master_register_takes_only_its_topmost_bit() {
    let mut machine = Machine::new(Platform::Bdw);
    assert_eq!(machine.exchange("GEN8_MASTER_IRQ", u32::MAX), ENABLE);
    assert!(!machine.mmio.take_interrupt());
    machine.write(MASTER.0, &[0xff]);
    assert_eq!(machine.get("GEN8_MASTER_IRQ"), ENABLE);
    machine.write(MASTER.0 + 3, &[0x7f]);
    assert_eq!(machine.get("GEN8_MASTER_IRQ"), 0);
}

#[test]
fn iir_clears_only_bytes_that_are_written() {
    let mut machine = Machine::new(Platform::Skl);
    machine.set("SDEIMR", 0);
    for port in [Port::B, Port::D] {
        machine.raise(Event::Hotplug(port));
    }
    machine.raise(Event::Gmbus);
    let iir = registers_at("SDEIIR");
    machine.write(iir, &[0xff, 0xff]);
    assert_eq!(machine.get("SDEIIR"), 1 << 17 | 1 << 21 | 1 << 23);
    machine.write(iir + 2, &[0x20]);
    assert_eq!(machine.get("SDEIIR"), 1 << 17 | 1 << 23);
}

fn registers_at(name: &str) -> u32 {
    iface::registers::named(name)
}

#[test]
fn writes_are_traced_with_what_was_before() {
    let mut machine = Machine::new(Platform::Skl);
    machine.set("SDEIER", 0x11);
    machine.write(registers_at("SDEIER") + 1, &[0x22]);
    machine.set("GEN8_MASTER_IRQ", ENABLE);

    let trace = |name, kind, written, before| GuestEvent::InterruptRegister {
        offset: MmioOffset(registers_at(name)),
        kind,
        written,
        before,
    };
    assert_eq!(
        machine.vm.guest.events,
        [
            trace("SDEIER", "IER", 0x11, 0),
            trace("SDEIER", "IER", 0x2200, 0x11),
            trace("GEN8_MASTER_IRQ", "MASTER", ENABLE, 0),
        ]
    );
    assert_eq!(machine.get("SDEIER"), 0x2211);
}
