// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The monitor, as a guest's driver finds it in the registers.
use super::*;
use crate::mmio::hotplug;

/// Where a GPU has its monitor.
struct Place {
    platform: Platform,
    aux: &'static str,
    aux_pending: (&'static str, u32),
    live: (&'static str, u32),
    pending: &'static str,
    status: u32,
    strap: u32,
}

const fn gen9(platform: Platform) -> Place {
    Place {
        platform,
        aux: "DP_AUX_CH_CTL_AUX_CH_D",
        aux_pending: ("GEN8_DE_PORT_IIR", 1 << 27),
        live: ("SDEISR", 1 << 23),
        pending: "SDEIIR",
        status: 2 << 16,
        strap: 1 << 0,
    }
}

const PLACES: [Place; 6] = [
    Place {
        platform: Platform::Bdw,
        aux: "PCH_DP_AUX_CH_CTL_AUX_CH_B",
        aux_pending: ("SDEIIR", 1 << 25),
        live: ("SDEISR", 1 << 21),
        pending: "SDEIIR",
        status: 2,
        strap: 1 << 2,
    },
    gen9(Platform::Skl),
    gen9(Platform::Kbl),
    Place {
        platform: Platform::Bxt,
        aux: "DP_AUX_CH_CTL_AUX_CH_B",
        aux_pending: ("GEN8_DE_PORT_IIR", 1 << 25),
        live: ("GEN8_DE_PORT_ISR", 1 << 4),
        pending: "GEN8_DE_PORT_IIR",
        status: 2,
        strap: 1 << 2,
    },
    gen9(Platform::Cfl),
    gen9(Platform::Cml),
];

const SEND: u32 = 1 << 31;
const DONE: u32 = 1 << 30;
const TIMED_OUT: u32 = 1 << 28;

impl Machine {
    /// Sends a request on an AUX channel. Returns the control register, and the reply.
    fn ask(&mut self, channel: &str, request: &[u8]) -> (u32, Vec<u8>) {
        let control = named(channel);
        for (at, bytes) in (control + 4..).step_by(4).zip(request.chunks(4)) {
            let mut dword = [0; 4];
            dword[..bytes.len()].copy_from_slice(bytes);
            self.write32(at, u32::from_be_bytes(dword));
        }
        // What i915 writes: status is cleared, the interrupt is enabled.
        let size = request.len() as u32;
        let value = SEND | DONE | 1 << 29 | TIMED_OUT | 3 << 26 | 1 << 25 | size << 20 | 0x3ff;
        self.write32(control, value);
        let status = self.read32(control);
        assert_eq!(status & SEND, 0);
        let size = (status >> 20 & 0x1f) as usize;
        let data = (control + 4..).step_by(4).take(5);
        let data = data.flat_map(|at| self.read32(at).to_be_bytes());
        (status, data.take(size).collect())
    }

    fn plug(&mut self, is_connected: bool) {
        let mut world = self.vm.world(&self.device, &self.host);
        self.mmio
            .with_display(&mut world, &mut self.fences, |context| {
                hotplug::plug(context, is_connected);
            });
    }
}

#[test]
fn monitor_is_there_after_a_reset_and_nobody_else_is() {
    for place in PLACES {
        let machine = Machine::with(place.platform, false, |_| u32::MAX);
        assert_eq!(machine.peek(place.live.0), place.live.1);
        assert_eq!(machine.peek("PCH_PORT_HOTPLUG"), 0, "it has not just come");
        let straps = machine.peek("SFUSE_STRAP");
        assert_eq!(straps & 7, place.strap, "{}", place.platform);
        assert_eq!(straps & (1 << 7 | 1 << 6), 1 << 6);
        for transcoder in ["A", "B", "C", "EDP"] {
            let name = std::format!("TRANSCONF_TRANSCODER_{transcoder}");
            assert_eq!(machine.peek(&name), 0, "its display is off");
        }
    }
}

#[test]
fn monitor_answers_on_the_channel_of_its_port() {
    for place in PLACES {
        let mut machine = Machine::new(place.platform);
        let (status, reply) = machine.ask(place.aux, &[0x90, 0, 0, 15]);
        // Other bits stay.
        assert_eq!(status, DONE | 1 << 29 | 3 << 26 | 17 << 20 | 0x3ff);
        assert_eq!(reply[..4], [0, 0x12, 0x14, 0xc4]);
        let (status, reply) = machine.ask(place.aux, &[0x80, 0, 1, 0, 0xff]);
        assert_eq!((status >> 20 & 0x1f, reply), (1, vec![0]));
        let (_, reply) = machine.ask(place.aux, &[0x80, 0, 7, 0, 0xff]);
        assert_eq!(reply.len(), 1);
        let (_, reply) = machine.ask(place.aux, &[0x80, 7, 0, 0, 0xff]);
        assert_eq!(reply, [0x10, 0], "behind the end");
    }
}

#[test]
fn monitor_tells_its_edid() {
    for place in PLACES {
        let mut machine = Machine::new(place.platform);
        assert_eq!(machine.ask(place.aux, &[0x40, 0, 0x50, 0, 0]).1, [0]);
        let edid: Vec<u8> = (0..8)
            .flat_map(|_| machine.ask(place.aux, &[0x50, 0, 0x50, 15]).1.split_off(1))
            .collect();
        assert_eq!(crate::display::edid::check(&edid), Ok(()));
    }
}

#[test]
fn other_channels_time_out() {
    for place in PLACES {
        let mut machine = Machine::new(place.platform);
        for row in iface::registers::rows(place.platform, false) {
            if !row.name.contains("DP_AUX_CH_CTL") || row.name == place.aux {
                continue;
            }
            let (status, reply) = machine.ask(row.name, &[0x90, 0, 0, 0]);
            assert_eq!(status & (DONE | TIMED_OUT), DONE | TIMED_OUT);
            assert_eq!(reply, [], "{}", row.name);
        }
    }
}

#[test]
fn monitor_that_is_unplugged_does_not_answer() {
    let mut machine = Machine::new(Platform::Kbl);
    let down = 2_u32.to_le_bytes();
    let monitor = &mut machine.mmio.display_mut().monitor;
    assert_eq!(monitor.write_region(20, &down), Ok(Some(false)));
    let (status, _) = machine.ask("DP_AUX_CH_CTL_AUX_CH_D", &[0x90, 0, 0, 0]);
    assert_eq!(status & (DONE | TIMED_OUT), DONE | TIMED_OUT);
    // It stays unplugged over a reset.
    machine.reset();
    assert_eq!(machine.peek("SDEISR"), 0);
    let (status, _) = machine.ask("DP_AUX_CH_CTL_AUX_CH_D", &[0x90, 0, 0, 0]);
    assert_eq!(status & (DONE | TIMED_OUT), DONE | TIMED_OUT);
}

#[test]
fn s_25_each_size_of_a_message_ends_within_the_registers() {
    let mut machine = Machine::new(Platform::Skl);
    let control = named("DP_AUX_CH_CTL_AUX_CH_D");
    machine.write32(control + 24, 0x1234_5678);
    for size in 0..32 {
        for first in [
            0x9000_000f,
            0x8001_000f,
            0x5000_500f,
            0x4000_500f,
            0xffff_ffff,
            0,
        ] {
            machine.write32(control + 4, first);
            machine.write32(control, SEND | size << 20);
            let status = machine.read32(control);
            assert_eq!(status & DONE, DONE);
            assert!((status >> 20 & 0x1f) <= 17, "{size} {first:#x}");
            if !(3..=20).contains(&size) {
                assert_eq!(status & TIMED_OUT, TIMED_OUT, "{size} {first:#x}");
            }
        }
    }
    assert_eq!(machine.read32(control + 24), 0x1234_5678, "what is behind");
}

#[test]
fn answer_interrupts_where_it_is_enabled() {
    for place in PLACES {
        let mut machine = display::interruptible(place.platform);
        machine.ask(place.aux, &[0x90, 0, 0, 0]);
        assert!(machine.mmio.take_interrupt());
        assert_eq!(machine.get(place.aux_pending.0), place.aux_pending.1);
    }
}

#[test]
fn monitor_that_comes_or_goes_is_seen_and_interrupts() {
    for place in PLACES {
        let mut machine = display::interruptible(place.platform);
        for is_connected in [false, true, true] {
            machine.plug(is_connected);

            assert!(machine.mmio.take_interrupt(), "{}", place.platform);
            assert_eq!(machine.get(place.pending), place.live.1);
            let live = if is_connected { place.live.1 } else { 0 };
            assert_eq!(machine.peek(place.live.0), live);
            // What i915 does: it reads the status, and writes it again.
            let status = machine.get("PCH_PORT_HOTPLUG");
            assert_eq!(status, place.status);
            assert_eq!(machine.exchange("PCH_PORT_HOTPLUG", status), 0);
            machine.set(place.pending, u32::MAX);
            assert!(!machine.mmio.take_interrupt());
        }
    }
}

#[test]
fn hotplug_status_is_cleared_by_ones_and_the_rest_is_memory() {
    let mut machine = Machine::new(Platform::Skl);
    let at = named("PCH_PORT_HOTPLUG");
    assert_eq!(machine.exchange("PCH_PORT_HOTPLUG", u32::MAX), 0xfcfc_fcfc);
    machine.plug(true);
    assert_eq!(machine.read32(at), 0xfcfe_fcfc);
    // Zeros, other bytes, and the other bit of its status do not clear it.
    machine.write32(at, 0x1010_1010);
    machine.write(at, &[0xff]);
    machine.write(at + 2, &[0x11]);
    assert_eq!(machine.read32(at), 0x1012_10fc);
    machine.write(at + 2, &[0x12]);
    assert_eq!(machine.read32(at), 0x1010_10fc);
}

#[test]
fn link_is_lost_when_the_port_is_switched_off() {
    for place in PLACES {
        let mut machine = Machine::new(place.platform);
        let port = if place.strap == 1 { "D" } else { "B" };
        let buffer = std::format!("DDI_BUF_CTL_PORT_{port}");
        machine.set(&buffer, 1 << 31);
        machine.ask(place.aux, &[0x80, 1, 0, 1, 0x0a, 0x84]);
        for pattern in [1, 3, 0] {
            machine.ask(place.aux, &[0x80, 1, 2, 0, pattern]);
        }
        let status = &[0x90, 2, 2, 3];
        assert_eq!(machine.ask(place.aux, status).1, [0, 0x77, 0x77, 1, 1]);
        machine.set("DDI_BUF_CTL_PORT_C", 0);
        assert_eq!(machine.ask(place.aux, status).1, [0, 0x77, 0x77, 1, 1]);
        machine.set(&buffer, 0);
        assert_eq!(machine.ask(place.aux, status).1, [0; 5]);
    }
}

#[test]
fn gmbus_reaches_no_monitor_as_that_is_one_of_displayport() {
    for place in PLACES {
        let mut machine = Machine::new(place.platform);
        let bus = named("PCH_GMBUS0");
        for pins in 1..8 {
            for address in [0x50, 0x30] {
                machine.write32(bus, pins);
                machine.write32(bus + 4, 1 << 30 | 3 << 25 | 128 << 16 | address << 1 | 1);
                // Nobody acknowledges: i915's SATOER.
                assert_eq!(machine.read32(bus + 8) & 1 << 10, 1 << 10);
                assert_eq!(machine.read32(bus + 12), 0);
                machine.write32(bus + 4, 1 << 31);
                machine.write32(bus + 4, 0);
            }
        }
    }
}
