// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the registers of pipes and planes do as time goes by.
use super::*;
use crate::display::refresh::RefreshRate;
use crate::hardware::Pipe;
use crate::schedule::time::Span;
use proptest::prelude::*;
use proptest::sample::select;
use std::format;

/// TRANSCONF: on.
const ON: u32 = 1 << 31;
/// The bit of a vertical blank in the registers of a pipe's interrupts.
const VBLANK: u32 = 1 << 0;
/// That of a flip of the primary plane and of the sprite since Skylake.
const PRIMARY: u32 = 1 << 3;
const SPRITE: u32 = 1 << 4;
/// PLANE_CTL: flips are done at once.
const ASYNC: u32 = 1 << 9;
/// A frame of a pipe whose rate nobody knows.
const PERIOD: Span = RefreshRate::USUAL.period();
/// 806 lines, 768 of them shown.
const LINES: u32 = 805 << 16 | 767;

impl Machine {
    /// Time goes by.
    fn wait(&mut self, span: Span) {
        self.vm.now = self.vm.now.after(span);
    }

    /// Time goes by until the alarm, of which the vGPU is told then.
    fn wait_for_alarm(&mut self) {
        self.vm.now = self.alarm().unwrap();
        self.tick();
    }

    /// Unmasks some interrupts of a pipe.
    fn unmask(&mut self, pipe: &str, bits: u32) {
        self.set(&format!("GEN8_DE_PIPE_IMR_PIPE_{pipe}"), !bits);
    }

    /// The pending interrupts of a pipe, which are acknowledged.
    fn pending(&mut self, pipe: &str) -> u32 {
        let name = format!("GEN8_DE_PIPE_IIR_PIPE_{pipe}");
        let pending = self.get(&name);
        self.set(&name, pending);
        pending
    }
}

/// A GPU whose pipes are off, with all of their interrupts enabled and masked.
fn dark(platform: Platform) -> Machine {
    let mut machine = Machine::new(platform);
    machine.vm.now = Time(1_000_000);
    for pipe in ["A", "B", "C"] {
        machine.set(&format!("TRANS_VTOTAL_TRANSCODER_{pipe}"), LINES);
        machine.set(&format!("GEN8_DE_PIPE_IER_PIPE_{pipe}"), u32::MAX);
    }
    machine.set("TRANS_VTOTAL_TRANSCODER_EDP", LINES);
    machine.set("GEN8_MASTER_IRQ", 1 << 31);
    assert!(!machine.mmio.take_interrupt());
    machine
}

/// The same with pipe A on, all of whose interrupts are unmasked.
fn lit(platform: Platform) -> Machine {
    let mut machine = dark(platform);
    machine.set("TRANSCONF_TRANSCODER_A", ON);
    machine.unmask("A", u32::MAX);
    machine
}

#[test]
fn s_24_disabled_pipe_costs_no_timer() {
    let mut machine = dark(Platform::Skl);
    for pipe in ["A", "B", "C"] {
        machine.unmask(pipe, u32::MAX);
        machine.set(&format!("DSPSURF_PIPE_{pipe}"), 0x1000);
    }
    assert_eq!(machine.alarm(), None);

    machine.set("TRANSCONF_TRANSCODER_B", ON);
    assert!(machine.alarm().is_some());
    machine.set("TRANSCONF_TRANSCODER_B", 0);

    assert_eq!(machine.alarm(), None);
    machine.wait(PERIOD.times(10));
    machine.tick();
    assert_eq!(machine.pending("B"), 0);
}

#[test]
fn pipe_that_nobody_listens_to_costs_no_timer() {
    let mut machine = dark(Platform::Skl);
    machine.set("TRANSCONF_TRANSCODER_A", ON);
    assert_eq!(machine.alarm(), None, "it is masked");
    machine.unmask("A", !VBLANK);
    assert_eq!(machine.alarm(), None, "others are not");
    machine.unmask("A", VBLANK);
    assert!(machine.alarm().is_some());
    machine.set("GEN8_DE_PIPE_IER_PIPE_A", !VBLANK);
    assert_eq!(machine.alarm(), None, "it is not enabled");
    machine.set("GEN8_DE_PIPE_IER_PIPE_A", VBLANK);
    assert!(machine.alarm().is_some());
    machine.unmask("A", 0);
    assert_eq!(machine.alarm(), None);
}

#[test]
fn vertical_blanks_come_at_the_rate_of_the_mode_and_interrupt() {
    let mut machine = lit(Platform::Kbl);
    let start = machine.vm.now;
    let mut last = None;
    for _ in 0..10 {
        machine.wait_for_alarm();
        assert!(machine.mmio.take_interrupt());
        assert_eq!(machine.pending("A"), VBLANK);
        let now = machine.vm.now;
        assert!(last.is_none_or(|last: Time| now.since(last) == PERIOD));
        last = Some(now);
        // Nothing comes twice.
        machine.tick();
        assert_eq!(machine.pending("A"), 0);
    }
    // The first came after the lines that are shown.
    let shown = PERIOD.times(768).part(806);
    assert_eq!(last, Some(start.after(shown).after(PERIOD.times(9))));
}

#[test]
fn vertical_blank_is_not_pending_for_who_has_not_waited_for_it() {
    let mut machine = dark(Platform::Skl);
    machine.set("TRANSCONF_TRANSCODER_A", ON);
    machine.wait(PERIOD.times(100));

    machine.unmask("A", VBLANK);
    machine.tick();

    assert_eq!(machine.pending("A"), 0);
    let alarm = machine.alarm().unwrap();
    assert!(alarm > machine.vm.now && alarm.since(machine.vm.now) <= PERIOD);
}

#[test]
fn tick_that_is_late_tells_of_one_vertical_blank() {
    let mut machine = lit(Platform::Skl);
    machine.wait(PERIOD.times(50));

    machine.tick();

    machine.set("GEN8_DE_PIPE_IIR_PIPE_A", VBLANK);
    assert_eq!(machine.pending("A"), 0, "it was pending once");
    assert!(machine.alarm().unwrap() > machine.vm.now);
    assert_eq!(machine.get("PIPE_FRMCOUNT_G4X_PIPE_A"), 50);
}

#[test]
fn tick_that_is_early_does_nothing() {
    let mut machine = lit(Platform::Skl);
    let due = machine.alarm();
    machine.vm.now = Time(due.unwrap().0 - 1);

    machine.tick();

    assert_eq!(machine.alarm(), due);
    assert!(!machine.mmio.take_interrupt());
}

#[test]
fn counters_advance_with_time_and_rest_while_the_pipe_is_off() {
    for (pipe, platform) in [
        ("A", Platform::Bdw),
        ("B", Platform::Cml),
        ("C", Platform::Bxt),
    ] {
        let mut machine = dark(platform);
        let of = |register: &str| format!("{register}_PIPE_{pipe}");
        let control = format!("TRANSCONF_TRANSCODER_{pipe}");
        let (frames, line) = (of("PIPE_FRMCOUNT_G4X"), of("PIPEDSL"));
        assert_eq!((machine.get(&frames), machine.get(&line)), (0, 0));

        machine.set(&control, ON);
        assert_eq!((machine.get(&frames), machine.get(&line)), (0, 805));
        machine.wait(PERIOD.part(2));
        assert_eq!((machine.get(&frames), machine.get(&line)), (0, 402));
        machine.wait(PERIOD.part(2));
        // Half a frame later 768 lines are over.
        assert_eq!((machine.get(&frames), machine.get(&line)), (1, 804));
        machine.wait(PERIOD.times(1_000));
        assert_eq!(machine.get(&frames), 1_001);

        machine.set(&control, 0);
        machine.wait(PERIOD.times(1_000));
        assert_eq!((machine.get(&frames), machine.get(&line)), (1_001, 804));
        machine.set(&control, ON);
        assert_eq!((machine.get(&frames), machine.get(&line)), (1_001, 805));
        machine.wait(PERIOD);
        assert_eq!(machine.get(&frames), 1_002);
    }
}

#[test]
fn counters_cannot_be_written() {
    let mut machine = lit(Platform::Skl);
    for name in [
        "PIPE_FRMCOUNT_G4X_PIPE_A",
        "PIPEDSL_PIPE_A",
        "PIPEDSL_PIPE_B",
    ] {
        let before = machine.get(name);
        assert_eq!(machine.exchange(name, 0x55), before, "{name}");
    }
}

#[test]
fn frame_counter_does_not_jump_when_the_timing_changes() {
    let mut machine = lit(Platform::Skl);
    let frames = "PIPE_FRMCOUNT_G4X_PIPE_A";
    machine.wait(PERIOD.times(5));
    assert_eq!(machine.get(frames), 5);

    // Port B, 540 MHz, and half of that are pixels: as fast as can be.
    machine.set("REG_60400", 1 << 28);
    machine.set("TRANS_HTOTAL_TRANSCODER_A", 1055 << 16 | 1023);
    machine.set("PIPE_LINK_M1_TRANSCODER_A", 1);
    machine.set("PIPE_LINK_N1_TRANSCODER_A", 2);
    assert_eq!(machine.get(frames), 5);
    machine.wait(PERIOD);

    assert_eq!(machine.get(frames), 9);
    let alarm = machine.alarm().unwrap();
    assert!(alarm.since(machine.vm.now) <= RefreshRate::HIGHEST.period());
}

#[test]
fn edp_transcoder_drives_the_pipe_that_it_has_as_input() {
    for (input, pipe) in [(0, "A"), (4, "A"), (5, "B"), (6, "C")] {
        let mut machine = dark(Platform::Skl);
        machine.set("REG_6F400", input << 12);
        machine.unmask(pipe, VBLANK);
        machine.set("TRANSCONF_TRANSCODER_EDP", ON);

        machine.wait_for_alarm();

        assert_eq!(machine.pending(pipe), VBLANK);
        assert_eq!(machine.get(&format!("PIPE_FRMCOUNT_G4X_PIPE_{pipe}")), 1);
        machine.set("TRANSCONF_TRANSCODER_EDP", 0);
        assert_eq!(machine.alarm(), None);
    }
}

/// The surface that a plane shows.
fn live(machine: &mut Machine, plane: &str) -> u32 {
    machine.get(&format!("{plane}SURFLIVE_PIPE_A"))
}

#[test]
fn flip_by_a_register_waits_for_the_vertical_blank() {
    for (plane, flipped, done) in [
        ("DSP", "REG_50080_PIPE_A_PLANE_PRIMARY", PRIMARY),
        ("SPR", "REG_50080_PIPE_A_PLANE_SPRITE0", SPRITE),
    ] {
        for name in [&format!("{plane}SURF_PIPE_A"), flipped] {
            let mut machine = lit(Platform::Skl);
            machine.unmask("A", !VBLANK);
            machine.set(name, 0x5000);
            assert_eq!(live(&mut machine, plane), 0);
            assert_eq!(machine.get("PIPE_FLIPCOUNT_G4X_PIPE_A"), 0);
            assert_eq!(machine.pending("A"), 0);

            machine.wait_for_alarm();

            assert_eq!(live(&mut machine, plane), 0x5000, "{name}");
            assert_eq!(machine.get(&format!("{plane}SURF_PIPE_A")), 0x5000);
            assert_eq!(machine.pending("A"), done);
            let flips = machine.get("PIPE_FLIPCOUNT_G4X_PIPE_A");
            assert_eq!(flips, u32::from(plane == "DSP"));
            assert!(machine.mmio.take_interrupt());
            assert_eq!(machine.alarm(), None, "nobody waits any more");
        }
    }
}

#[test]
fn flips_before_the_vertical_blank_are_one_and_the_last_surface_counts() {
    let mut machine = lit(Platform::Bdw);
    machine.set("DSPSURF_PIPE_A", 0x5000);
    machine.set("REG_50080_PIPE_A_PLANE_PRIMARY", 0x6000);
    machine.set("DSPSURF_PIPE_A", 0x7000);

    machine.wait_for_alarm();

    assert_eq!(live(&mut machine, "DSP"), 0x7000);
    assert_eq!(machine.get("PIPE_FLIPCOUNT_G4X_PIPE_A"), 1);
    assert_eq!(machine.pending("A"), VBLANK | 1 << 4);
    machine.wait_for_alarm();
    assert_eq!(machine.pending("A"), VBLANK);
}

#[test]
fn flip_at_once_overtakes_one_that_waits() {
    for (platform, primary, sprite) in [
        (Platform::Bdw, 1 << 4, 1 << 5),
        (Platform::Skl, PRIMARY, SPRITE),
    ] {
        let mut machine = lit(platform);
        machine.set("DSPSURF_PIPE_A", 0x5000);
        machine.set("SPRSURF_PIPE_A", 0x5000);
        machine.set("DSPCNTR_PIPE_A", ASYNC);
        machine.set("DSPSURF_PIPE_A", 0x6000);
        assert_eq!(machine.pending("A"), primary);
        machine.set("REG_50080_PIPE_A_PLANE_SPRITE0", 0x7001);
        assert_eq!(machine.pending("A"), sprite);
        assert_eq!(live(&mut machine, "DSP"), 0x6000);
        assert_eq!(live(&mut machine, "SPR"), 0x7000);

        machine.wait_for_alarm();

        assert_eq!(machine.pending("A"), VBLANK, "both are done");
        assert_eq!(live(&mut machine, "DSP"), 0x6000);
        assert_eq!(live(&mut machine, "SPR"), 0x7000);
    }
}

#[test]
fn flips_of_a_pipe_that_is_off_are_done_at_once() {
    for (platform, primary, sprite) in [(Platform::Bdw, 4, 5), (Platform::Skl, 3, 4)] {
        for pipe in ["A", "B", "C"] {
            let mut machine = dark(platform);
            machine.unmask(pipe, u32::MAX);
            let of = |register: &str| format!("{register}_PIPE_{pipe}");
            machine.set(&of("DSPSURF"), 0x1000);
            machine.set(&format!("REG_50080_PIPE_{pipe}_PLANE_PRIMARY"), 0x2000);
            assert_eq!(machine.get(&of("DSPSURFLIVE")), 0x2000);
            assert_eq!(machine.get(&of("PIPE_FLIPCOUNT_G4X")), 2);
            machine.set(&of("SPRSURF"), 0x3000);
            machine.set(&format!("REG_50080_PIPE_{pipe}_PLANE_SPRITE0"), 0x4000);
            assert_eq!(machine.get(&of("SPRSURFLIVE")), 0x4000);
            assert_eq!(machine.get(&of("PIPE_FLIPCOUNT_G4X")), 2);
            assert_eq!(machine.pending(pipe), 0, "nobody has asked to be told");

            machine.set(&of("DSPCNTR"), ASYNC);
            machine.set(&of("DSPSURF"), 0x1000);
            machine.set(&format!("REG_50080_PIPE_{pipe}_PLANE_SPRITE0"), 0x1002);
            assert_eq!(machine.pending(pipe), 1 << primary);
            machine.set(&format!("REG_50080_PIPE_{pipe}_PLANE_SPRITE0"), 0x1001);
            assert_eq!(machine.pending(pipe), 1 << sprite);
        }
    }
}

#[test]
fn flips_that_wait_are_done_when_the_pipe_is_switched_off() {
    let mut machine = lit(Platform::Skl);
    machine.set("DSPSURF_PIPE_A", 0x5000);
    machine.set("SPRSURF_PIPE_A", 0x6000);

    machine.set("TRANSCONF_TRANSCODER_A", 0);

    assert_eq!(machine.pending("A"), PRIMARY | SPRITE);
    assert_eq!(live(&mut machine, "DSP"), 0x5000);
    assert_eq!(live(&mut machine, "SPR"), 0x6000);
    assert_eq!(machine.alarm(), None);
}

impl Machine {
    fn flip(&mut self, flip: Flip) {
        let mut world = self.vm.world(&self.device, &self.host);
        self.mmio.flip(&mut world, &mut self.fences, &flip);
    }
}

/// A command that flips the primary plane of pipe A.
const COMMAND: Flip = Flip {
    pipe: Pipe::A,
    plane: 0,
    stride: 0x7b,
    tiling: 1,
    surface: crate::address::Gma(0x9000),
    asynchronous: false,
};

#[test]
fn flip_by_a_command_takes_stride_and_tiling_along() {
    for (platform, stride, control) in [
        (Platform::Bdw, 0x7b << 6 | 0x10_003f, 1 << 10),
        (Platform::Skl, 0x10_007b, 1 << 10),
    ] {
        for (plane, number, name) in [("DSP", 0, "DSPCNTR"), ("SPR", 1, "SPRCTL")] {
            let mut machine = lit(platform);
            machine.set(&format!("{plane}STRIDE_PIPE_A"), 0x10_003f);
            machine.flip(Flip {
                plane: number,
                ..COMMAND
            });
            assert_eq!(live(&mut machine, plane), 0, "it waits");
            assert_eq!(machine.get(&format!("{plane}STRIDE_PIPE_A")), stride);
            assert_eq!(machine.get(&format!("{name}_PIPE_A")), control);

            machine.wait_for_alarm();

            assert_eq!(live(&mut machine, plane), 0x9000);
        }
    }
}

#[test]
fn flip_by_a_command_that_does_not_wait_changes_only_the_surface() {
    let mut machine = lit(Platform::Skl);
    machine.set("DSPSTRIDE_PIPE_A", 5);
    machine.flip(Flip {
        asynchronous: true,
        ..COMMAND
    });

    assert_eq!(live(&mut machine, "DSP"), 0x9000);
    assert_eq!(machine.pending("A"), PRIMARY);
    assert_eq!(machine.get("DSPSTRIDE_PIPE_A"), 5);
    assert_eq!(machine.get("DSPCNTR_PIPE_A"), 0);
}

#[test]
fn third_plane_remembers() {
    let mut machine = lit(Platform::Skl);
    assert_eq!(machine.exchange("PLANE_SURF_PIPE_A_2", 0x5000), 0x5000);
    machine.unmask("A", !VBLANK);
    assert_eq!(machine.alarm(), None);
}

#[test]
fn failsafe_guest_hears_of_no_time() {
    let mut machine = lit(Platform::Skl);
    machine.set("DSPSURF_PIPE_A", 0x5000);
    machine.mmio.state.failsafe = true;
    assert_eq!(machine.alarm(), None);

    machine.wait(PERIOD.times(3));
    machine.tick();
    machine.flip(Flip {
        asynchronous: true,
        ..COMMAND
    });

    assert_eq!(machine.peek("GEN8_DE_PIPE_IIR_PIPE_A"), 0);
    assert_eq!(machine.peek("DSPSURFLIVE_PIPE_A"), 0);
    assert!(!machine.mmio.take_interrupt());
}

#[test]
fn reset_switches_all_pipes_off() {
    let mut machine = lit(Platform::Skl);
    machine.set("DSPSURF_PIPE_A", 0x5000);

    machine.reset();

    assert_eq!(machine.alarm(), None);
    machine.wait(PERIOD);
    assert_eq!(machine.get("PIPE_FRMCOUNT_G4X_PIPE_A"), 0);
    assert_eq!(machine.get("DSPSURFLIVE_PIPE_A"), 0);
}

/// What a guest that wants to keep the host busy does.
#[derive(Clone, Debug)]
enum Step {
    /// Writes a register of those that pipes go by.
    Write(&'static str, u32),
    /// Lets time go by, in nanoseconds.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let registers = std::vec![
        "TRANSCONF_TRANSCODER_A",
        "TRANSCONF_TRANSCODER_B",
        "TRANSCONF_TRANSCODER_C",
        "TRANSCONF_TRANSCODER_EDP",
        "REG_6F400",
        "REG_60400",
        "REG_61400",
        "REG_62400",
        "TRANS_VTOTAL_TRANSCODER_A",
        "TRANS_VTOTAL_TRANSCODER_B",
        "TRANS_HTOTAL_TRANSCODER_A",
        "PIPE_LINK_M1_TRANSCODER_A",
        "PIPE_LINK_N1_TRANSCODER_A",
        "DSPSURF_PIPE_A",
        "DSPSURF_PIPE_B",
        "SPRSURF_PIPE_C",
        "GEN8_DE_PIPE_IMR_PIPE_A",
        "GEN8_DE_PIPE_IMR_PIPE_B",
        "GEN8_DE_PIPE_IMR_PIPE_C",
        "GEN8_DE_PIPE_IIR_PIPE_A",
        "PIPEDSL_PIPE_A",
        "DPLL_CTRL1",
    ];
    let value = prop_oneof![
        3 => Just(0), 2 => Just(u32::MAX), 2 => Just(ON), 1 => any::<u32>(),
        1 => Just(8191 << 16),
    ];
    prop_oneof![
        3 => (select(registers), value).prop_map(|(name, value)| Step::Write(name, value)),
        2 => (0..2_000_000_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn s_24_three_pipes_together_alarm_no_more_than_240_times_a_second(
        steps in proptest::collection::vec(step(), 1..400),
        platform in select(Platform::ALL.to_vec()),
    ) {
        let mut machine = dark(platform);
        for pipe in ["A", "B", "C"] {
            machine.set(&format!("TRANSCONF_TRANSCODER_{pipe}"), ON);
            machine.unmask(pipe, u32::MAX);
        }
        let mut alarms = std::vec![];
        for step in steps {
            let now = machine.vm.now;
            let until = match step {
                Step::Write(name, value) => {
                    machine.set(name, value);
                    now
                }
                Step::Wait(nanos) => now.after(Span(nanos)),
            };
            while let Some(due) = machine.alarm().filter(|due| *due <= until) {
                machine.vm.now = now.max(due);
                machine.tick();
                alarms.push(due);
                prop_assert!(machine.alarm().is_none_or(|next| next > due), "it is done");
            }
            machine.vm.now = until;
        }
        for pair in alarms.windows(2) {
            let apart = pair[1].since(pair[0]);
            prop_assert!(apart >= RefreshRate::HIGHEST.period(), "{apart}");
        }
    }
}
