// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The display engine as a driver sees it.

use super::*;

/// Interrupt lines that remember what was raised.
#[derive(Default)]
struct Lines {
    raised: Vec<(IrqGroup, u32)>,
    levels: Vec<(IrqGroup, u32, bool)>,
}

impl IrqLines for Lines {
    fn raise(&mut self, group: IrqGroup, bits: u32) {
        self.raised.push((group, bits));
    }

    fn set_level(&mut self, group: IrqGroup, bits: u32, high: bool) {
        self.levels.push((group, bits, high));
    }
}

/// A display with its registers, at a time.
struct Bed {
    display: Display,
    regs: RegisterFile,
    lines: Lines,
    now: u64,
}

const MS: u64 = 1_000_000;

impl Bed {
    fn new(link: Link) -> Self {
        let monitor = Monitor {
            link,
            ..Monitor::default()
        };
        let platform = Platform::get(PlatformId::Kabylake);
        let mut bed = Self {
            display: Display::with_monitor(platform, true, monitor),
            regs: RegisterFile::default(),
            lines: Lines::default(),
            now: 0,
        };
        bed.with_bus(|display, bus| display.reset(bus));
        bed
    }

    fn with_bus<T>(&mut self, act: impl FnOnce(&mut Display, &mut DisplayBus<'_>) -> T) -> T {
        let mut bus = DisplayBus {
            regs: &mut self.regs,
            irq: &mut self.lines,
            now: Nanos(self.now),
        };
        act(&mut self.display, &mut bus)
    }

    fn read(&mut self, offset: u32) -> u32 {
        self.with_bus(|display, bus| display.read(MmioOffset(offset), bus))
    }

    fn write(&mut self, offset: u32, value: u32) {
        self.with_bus(|display, bus| display.write(MmioOffset(offset), value, bus));
    }

    fn tick(&mut self) {
        self.with_bus(|display, bus| display.tick(bus));
    }

    /// Lights pipe A on port B with 1024×768, as a driver does.
    fn modeset(&mut self) {
        let clock = pll::WrpllConfig::for_clock(65_000).unwrap();
        self.write(bits::DPLL_CTRL1, (bits::DPLL_CTRL1_HDMI_MODE | 1) << 6);
        self.write(bits::DPLL1_CFGCR1, clock.cfgcr1);
        self.write(bits::DPLL1_CFGCR1 + 4, clock.cfgcr2);
        self.write(bits::DPLL_ENABLE[1], bits::ENABLE);
        self.write(bits::DPLL_CTRL2, 1 << 4 | 1 << 3);
        self.write(bits::TRANS_HTOTAL, 1343 << 16 | 1023);
        self.write(bits::TRANS_VTOTAL, 805 << 16 | 767);
        self.write(bits::TRANS_VBLANK, 805 << 16 | 767);
        self.write(bits::PIPESRC, 1023 << 16 | 767);
        self.write(bits::TRANS_DDI_FUNC_CTL, bits::ENABLE | 1 << 28);
        self.write(bits::TRANSCONF, bits::ENABLE);
    }

    /// Lets time pass until the next vertical blank of pipe A.
    fn next_vblank(&mut self) {
        let due = self.display.pipes[0].next_vblank();
        while self.display.pipes[0].next_vblank() == due {
            self.now = self.display.next_event().unwrap().0.max(self.now + 1);
            self.tick();
        }
    }
}

#[test]
fn pipe_when_lit_sends_sixty_frames_a_second() {
    let mut bed = Bed::new(Link::Hdmi);
    assert_eq!(bed.display.active_pipe(), None);
    bed.modeset();

    let before = bed.read(bits::PIPE_FRMCOUNT);
    bed.now += 1000 * MS;
    let after = bed.read(bits::PIPE_FRMCOUNT);

    assert_eq!(bed.display.active_pipe(), Some(0));
    assert_eq!(after - before, 60);
    assert_eq!(bed.read(bits::TRANSCONF), bits::ENABLE | bits::STATE);
}

#[test]
fn vblank_when_it_comes_is_raised_once() {
    let mut bed = Bed::new(Link::Hdmi);
    bed.modeset();
    bed.lines.raised.clear();

    bed.next_vblank();
    bed.tick();

    let vblank = bits::PIPE_VBLANK | bits::PIPE_VSYNC;
    assert_eq!(bed.lines.raised, [(IrqGroup::PipeA, vblank)]);
}

#[test]
fn scanline_when_vblank_is_raised_is_in_the_blank() {
    let mut bed = Bed::new(Link::Hdmi);
    bed.modeset();

    bed.next_vblank();

    // The register lags the beam by two lines.
    assert_eq!(bed.read(bits::PIPEDSL), 766);
    assert_eq!(bed.read(bits::PIPE_FRMCOUNT), 1);
}

#[test]
fn flip_when_armed_takes_effect_at_the_next_vblank() {
    let mut bed = Bed::new(Link::Hdmi);
    bed.modeset();
    bed.write(bits::PLANE_CTL, bits::ENABLE | 4 << 24);

    bed.write(bits::PLANE_SURF, 0x5000);
    assert_eq!(bed.read(bits::PLANE_SURFLIVE), 0);
    bed.next_vblank();

    assert_eq!(bed.read(bits::PLANE_SURFLIVE), 0x5000);
    assert_eq!(bed.read(bits::PIPE_FLIPCOUNT), 1);
    let (group, raised) = *bed.lines.raised.last().unwrap();
    assert_eq!(group, IrqGroup::PipeA);
    assert_ne!(raised & bits::GEN9_PLANE1_FLIP_DONE, 0);
}

#[test]
fn vblank_when_an_update_is_late_waits_and_comes_with_its_end() {
    let mut bed = Bed::new(Link::Hdmi);
    bed.modeset();
    bed.now += 15 * MS;
    bed.read(bits::PIPEDSL);
    let count = bed.read(bits::PIPE_FRMCOUNT);
    bed.lines.raised.clear();

    bed.now += 20 * MS;
    bed.tick();
    bed.write(bits::PLANE_SURF, 0x5000);
    assert_eq!(bed.read(bits::PIPEDSL), 765, "the line before the blank");
    assert!(bed.lines.raised.is_empty());
    assert_eq!(bed.read(bits::PIPE_FRMCOUNT), count);

    assert_eq!(bed.lines.raised.len(), 1, "at once");
    assert_eq!(bed.read(bits::PLANE_SURFLIVE), 0x5000);
    assert_eq!(bed.read(bits::PIPE_FRMCOUNT), count + 2);
}

#[test]
fn scanline_when_registers_are_accessed_a_lot_is_where_the_clock_says() {
    let mut bed = Bed::new(Link::Hdmi);
    bed.modeset();
    let timing = bed.display.pipes[0].timing().unwrap();

    for _ in 0..1000 {
        bed.now += 100_000;
        bed.write(bits::PLANE_CTL, bits::ENABLE | 4 << 24);
        assert_eq!(bed.read(bits::PIPEDSL), timing.scanline(bed.now));
    }
}

#[test]
fn sleeper_when_a_vblank_waits_is_never_late_and_never_spins() {
    let mut bed = Bed::new(Link::Hdmi);
    bed.modeset();
    bed.read(bits::PIPEDSL);
    bed.read(bits::PIPE_FRMCOUNT);
    bed.write(bits::PLANE_CTL, bits::ENABLE | 4 << 24);
    bed.lines.raised.clear();

    let mut looks = 0;
    while bed.lines.raised.is_empty() {
        bed.now = bed.display.next_event().unwrap().0.max(bed.now + 1);
        bed.tick();
        looks += 1;
    }

    assert_eq!(bed.now, 80 * MS, "patience is over");
    assert!(looks <= 80, "{looks}");
}

#[test]
fn flip_when_asynchronous_takes_effect_at_once() {
    let mut bed = Bed::new(Link::Hdmi);
    bed.modeset();
    bed.write(
        bits::PLANE_CTL,
        bits::ENABLE | 4 << 24 | bits::PLANE_CTL_ASYNC,
    );

    bed.write(bits::PLANE_SURF, 0x5000);

    assert_eq!(bed.read(bits::PLANE_SURFLIVE), 0x5000);
    assert_eq!(
        bed.lines.raised.last(),
        Some(&(IrqGroup::PipeA, bits::GEN9_PLANE1_FLIP_DONE))
    );
}

#[test]
fn pipe_when_stopped_sends_nothing_and_keeps_its_count() {
    let mut bed = Bed::new(Link::Hdmi);
    bed.modeset();
    bed.now += 500 * MS;
    let count = bed.read(bits::PIPE_FRMCOUNT);

    bed.write(bits::TRANSCONF, 0);
    bed.now += 500 * MS;

    assert_eq!(bed.read(bits::TRANSCONF), 0);
    assert_eq!(bed.read(bits::PIPE_FRMCOUNT), count);
    assert_eq!(bed.display.next_event(), None);
}

#[test]
fn pipe_when_its_clock_is_off_does_not_run() {
    let mut bed = Bed::new(Link::Hdmi);
    bed.modeset();

    bed.write(bits::DPLL_ENABLE[1], 0);

    assert_eq!(bed.display.active_pipe(), None);
}

#[test]
fn edid_when_hdmi_is_on_gmbus_and_aux_is_silent() {
    let mut bed = Bed::new(Link::Hdmi);
    bed.write(gmbus::GMBUS0, 5);
    bed.write(
        gmbus::GMBUS0 + 4,
        1 << 30 | 3 << 25 | 128 << 16 | 0x50 << 1 | 1,
    );

    assert_eq!(bed.read(gmbus::GMBUS0 + 12), 0xffff_ff00);
    bed.write(bits::AUX_CTL + 0x100, 1 << 31 | 4 << 20);
    assert_eq!(bed.read(bits::AUX_CTL + 0x100) >> 28, 0b0101);
}

#[test]
fn aux_when_display_port_answers_on_its_port_only() {
    let mut bed = Bed::new(Link::DisplayPort);
    for channel in [0x100, 0x200] {
        bed.write(bits::AUX_CTL + channel + 4, 0x9000_0000);
        bed.write(bits::AUX_CTL + channel, 1 << 31 | 1 << 29 | 4 << 20);
    }

    assert_eq!(bed.read(bits::AUX_CTL + 0x104) >> 16, 0x0012);
    assert_eq!(bed.read(bits::AUX_CTL + 0x200) >> 28 & 5, 5);
    assert_eq!(
        bed.lines.raised,
        [(IrqGroup::Port, 1 << 25), (IrqGroup::Port, 1 << 26)]
    );
}

#[test]
fn monitor_when_unplugged_pulses_and_lowers_its_line() {
    let mut bed = Bed::new(Link::Hdmi);
    assert_eq!(
        bed.lines.levels.last(),
        Some(&(IrqGroup::South, 1 << 21, true))
    );

    bed.with_bus(|display, bus| display.set_connected(false, bus));

    assert_eq!(
        bed.lines.levels.last(),
        Some(&(IrqGroup::South, 1 << 21, false))
    );
    assert_eq!(bed.lines.raised, [(IrqGroup::South, 1 << 21)]);
    assert_eq!(bed.read(bits::PORT_HOTPLUG) & 3, bits::HOTPLUG_LONG);
}

#[test]
fn display_when_fused_off_says_so_and_sends_nothing() {
    let mut bed = Bed::new(Link::Hdmi);
    bed.display = Display::new(Platform::get(PlatformId::Kabylake), false);
    bed.with_bus(|display, bus| display.reset(bus));

    bed.modeset();

    assert_eq!(bed.read(bits::DFSM), bits::DFSM_NO_PIPES);
    assert_eq!(bed.display.active_pipe(), None);
}

#[test]
fn fuses_when_written_stay() {
    let mut bed = Bed::new(Link::Hdmi);
    let fuses = bed.read(bits::FUSE_STATUS);

    bed.write(bits::FUSE_STATUS, 0);
    bed.write(bits::DFSM, !0);

    assert_eq!(
        (bed.read(bits::FUSE_STATUS), bed.read(bits::DFSM)),
        (fuses, 0)
    );
    assert_eq!(fuses, bits::FUSE_DOWNLOADED | bits::FUSE_PG0);
}

#[test]
fn ports_when_disabled_are_idle() {
    let mut bed = Bed::new(Link::Hdmi);
    assert_eq!(bed.read(bits::DDI_BUF_CTL + 0x100), bits::DDI_BUF_IDLE);

    bed.write(bits::DDI_BUF_CTL + 0x100, bits::ENABLE);
    assert_eq!(bed.read(bits::DDI_BUF_CTL + 0x100), bits::ENABLE);
    bed.write(bits::DDI_BUF_CTL + 0x100, 0);

    assert_eq!(bed.read(bits::DDI_BUF_CTL + 0x100), bits::DDI_BUF_IDLE);
}

#[test]
fn every_register_when_hit_with_garbage_survives() {
    for link in [Link::Hdmi, Link::DisplayPort] {
        let mut bed = Bed::new(link);
        let mut value = 0x1234_5678u32;
        for offset in (0..0x17_0000)
            .step_by(4)
            .filter(|at| Display::owns(MmioOffset(*at)))
        {
            value = value.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bed.write(offset, value);
            bed.read(offset);
            bed.now += 1000;
        }
        bed.now += 100 * MS;
        bed.tick();
    }
}
