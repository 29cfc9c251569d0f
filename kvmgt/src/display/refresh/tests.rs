// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Rates that guests ask for, and what they can make of the registers besides.

use super::*;
use crate::mmio::registers::named;
use iface::registers::rows;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::vec::Vec;

/// LINKN as i915 has it.
const N: u32 = 0x8_0000;

/// 1920x1200 with reduced blanking (CVT): pixels and lines with the blank, and the pixel clock.
const COLUMNS: u32 = 2080;
const LINES: (u32, u32) = (1200, 1235);
const CLOCK: u64 = 154_000;
/// How often a second.
const WUXGA: RefreshRate = RefreshRate(59_950);

/// Whether it is that, but for what is lost where M is rounded.
fn is_wuxga(rate: RefreshRate) -> bool {
    rate.0.abs_diff(WUXGA.0) <= 1
}

fn registers() -> RegisterFile {
    RegisterFile::new().unwrap()
}

fn set(registers: &mut RegisterFile, name: &str, value: u32) {
    registers.set(named(name), value);
}

/// A register that holds a total and what is shown of it.
fn extent(shown: u32, total: u32) -> u32 {
    (total - 1) << 16 | (shown - 1)
}

/// Switches a transcoder on with the mode above, on a link with so many symbols.
fn enable(registers: &mut RegisterFile, letter: &str, symbols: u64) {
    let of = |register: &str| std::format!("{register}_TRANSCODER_{letter}");
    let m = u64::from(N) * CLOCK / symbols;
    set(registers, &of("TRANSCONF"), 1 << 31);
    set(registers, &of("TRANS_HTOTAL"), extent(1920, COLUMNS));
    set(registers, &of("TRANS_VTOTAL"), extent(LINES.0, LINES.1));
    // Above the values is the size of the transfer unit.
    set(registers, &of("PIPE_LINK_M1"), m as u32 | 0x3f << 25);
    set(registers, &of("PIPE_LINK_N1"), N);
}

fn timing(pipe: Pipe, platform: Platform, registers: &RegisterFile) -> Timing {
    Timing::of_pipe(pipe, platform, registers).unwrap()
}

#[test]
fn pipe_when_no_transcoder_sends_it_has_no_timing() {
    for platform in Platform::ALL {
        for pipe in Pipe::ALL {
            assert_eq!(Timing::of_pipe(pipe, platform, &registers()), None);
        }
    }
}

#[test]
fn rate_since_skylake_follows_the_pll_that_the_port_has() {
    /// Codes of DPLL_CTRL1, and symbols a second in kHz.
    const RATES: [(u32, u64); 6] = [
        (0, 540_000),
        (1, 270_000),
        (2, 162_000),
        (3, 324_000),
        (4, 216_000),
        (5, 432_000),
    ];
    for platform in [Platform::Skl, Platform::Kbl, Platform::Cfl, Platform::Cml] {
        for (port, pll) in [(1, 0), (2, 3), (3, 1), (4, 2)] {
            for (code, symbols) in RATES {
                let mut registers = registers();
                enable(&mut registers, "A", symbols);
                set(&mut registers, "REG_60400", port << 28);
                set(&mut registers, "DPLL_CTRL2", pll << (port * 3 + 1));
                set(&mut registers, "DPLL_CTRL1", code << (pll * 6 + 1));

                let timing = timing(Pipe::A, platform, &registers);

                assert!(is_wuxga(timing.rate), "{platform} {port} {symbols}");
                assert_eq!((timing.shown, timing.lines), LINES);
            }
        }
    }
}

#[test]
fn rate_on_broadwell_follows_the_clock_that_the_port_has() {
    let wrpll = |reference: u32, n: u32, p: u32, r: u32| reference << 28 | n << 16 | p << 8 | r;
    let clocks = [
        (0, "SPLL_CTL", 0, 540_000),
        (1, "SPLL_CTL", 0, 270_000),
        (2, "SPLL_CTL", 0, 162_000),
        (3, "SPLL_CTL", 0 << 26, 162_000),
        (3, "SPLL_CTL", 1 << 26, 270_000),
        (3, "SPLL_CTL", 2 << 26, 540_000),
        // 2700 MHz · 40 / (5 · 20 · 4).
        (4, "REG_46040", wrpll(3, 40, 20, 4), 270_000),
        // 135 MHz · 48 / (5 · 4 · 2).
        (5, "REG_46060", wrpll(1, 48, 4, 2), 162_000),
        (5, "REG_46060", wrpll(2, 48, 4, 2), 162_000),
    ];
    for (port, letter) in [(1, "B"), (2, "C"), (3, "D"), (4, "E")] {
        for (select, pll, value, symbols) in clocks {
            let mut registers = registers();
            enable(&mut registers, "B", symbols);
            set(&mut registers, "REG_61400", port << 28);
            let clock = std::format!("PORT_CLK_SEL_PORT_{letter}");
            set(&mut registers, &clock, select << 29);
            set(&mut registers, pll, value);

            let rate = timing(Pipe::B, Platform::Bdw, &registers).rate;

            assert!(is_wuxga(rate), "{letter} {select} {symbols}");
        }
    }
}

#[test]
fn rate_on_broxton_follows_the_pll_of_the_ports_channel() {
    /// Dividers as i915 has them: P1, P2, integer and fraction of M2, and symbols in kHz.
    const DIVIDERS: [(u32, u32, u32, u32, u64); 3] = [
        (4, 2, 32, 0x19_999a, 162_000),
        (4, 1, 27, 0, 270_000),
        (2, 1, 27, 0, 540_000),
    ];
    for (port, channel) in [(1, "DPIO_PHY0_DPIO_CH0"), (2, "DPIO_PHY0_DPIO_CH1")] {
        for (p1, p2, m2, fraction, symbols) in DIVIDERS {
            let mut registers = registers();
            enable(&mut registers, "C", symbols);
            set(&mut registers, "REG_62400", port << 28);
            let of = |part: u32| std::format!("BXT_PORT_PLL_{channel}_{part}");
            set(
                &mut registers,
                &std::format!("BXT_PORT_PLL_EBB_0_{channel}"),
                p1 << 13 | p2 << 8,
            );
            set(&mut registers, &of(0), m2);
            set(&mut registers, &of(1), 1 << 8);
            set(&mut registers, &of(2), fraction);
            set(&mut registers, &of(3), u32::from(fraction != 0) << 16);

            let rate = timing(Pipe::C, Platform::Bxt, &registers).rate;

            assert!(is_wuxga(rate), "{symbols}: {rate:?}");
            // Without a fraction it is slower.
            set(&mut registers, &of(3), 0);
            let whole = timing(Pipe::C, Platform::Bxt, &registers).rate;
            assert_eq!(whole < rate, fraction != 0);
        }
    }
}

#[test]
fn edp_transcoder_sends_the_pipe_that_it_has_as_input_through_port_a() {
    for (input, pipe) in [
        (0, Some(Pipe::A)),
        (4, Some(Pipe::A)),
        (5, Some(Pipe::B)),
        (6, Some(Pipe::C)),
        (7, None),
    ] {
        let mut registers = registers();
        enable(&mut registers, "EDP", 162_000);
        set(&mut registers, "REG_6F400", input << 12 | 3 << 28);
        set(&mut registers, "DPLL_CTRL2", 3 << 1);
        set(&mut registers, "DPLL_CTRL1", 2 << 19);
        for other in Pipe::ALL {
            let found = Timing::of_pipe(other, Platform::Skl, &registers);
            assert_eq!(found.is_some(), pipe == Some(other), "{input} {other:?}");
            assert!(found.is_none_or(|timing| is_wuxga(timing.rate)));
        }
    }
}

#[test]
fn pipes_own_transcoder_comes_before_edp() {
    let mut registers = registers();
    enable(&mut registers, "EDP", 270_000);
    enable(&mut registers, "A", 270_000);
    set(
        &mut registers,
        "TRANS_VTOTAL_TRANSCODER_A",
        extent(768, 806),
    );

    assert_eq!(timing(Pipe::A, Platform::Skl, &registers).lines, 806);
    set(&mut registers, "TRANSCONF_TRANSCODER_A", 0);
    assert_eq!(timing(Pipe::A, Platform::Skl, &registers).lines, LINES.1);
}

#[test]
fn s_23_rate_that_cannot_be_computed_is_60_hz() {
    for platform in Platform::ALL {
        // On Skylake and Broadwell the rate would be the fastest, and the port is none.
        for port in [0, 1, 5, 7] {
            let mut registers = registers();
            enable(&mut registers, "A", 540_000);
            set(&mut registers, "REG_60400", port << 28);
            set(&mut registers, "PIPE_LINK_M1_TRANSCODER_A", 0);
            let rate = |registers: &RegisterFile| timing(Pipe::A, platform, registers).rate;
            assert_eq!(rate(&registers), RefreshRate::USUAL, "M is zero");
            set(&mut registers, "PIPE_LINK_M1_TRANSCODER_A", N);
            set(&mut registers, "PIPE_LINK_N1_TRANSCODER_A", 0);
            assert_eq!(rate(&registers), RefreshRate::USUAL, "N is zero");
        }
    }
}

#[test]
fn s_23_dividers_that_are_zero_divide_nothing() {
    let mut registers = registers();
    enable(&mut registers, "A", 540_000);
    set(&mut registers, "REG_60400", 1 << 28);
    let rate = |platform, registers: &RegisterFile| timing(Pipe::A, platform, registers).rate;

    assert_eq!(rate(Platform::Bxt, &registers), RefreshRate::USUAL);
    for (name, select) in [("REG_46040", 4), ("REG_46060", 5)] {
        set(&mut registers, "PORT_CLK_SEL_PORT_B", select << 29);
        // P, or R, or both.
        for control in [3 << 28 | 40 << 16 | 4, 3 << 28 | 40 << 16 | 4 << 8, 3 << 28] {
            set(&mut registers, name, control);
            assert_eq!(rate(Platform::Bdw, &registers), RefreshRate::USUAL);
        }
    }
}

#[test]
fn s_24_rate_is_between_1_and_240_hz() {
    let mut registers = registers();
    enable(&mut registers, "A", 540_000);
    set(&mut registers, "REG_60400", 1 << 28);
    set(&mut registers, "PIPE_LINK_M1_TRANSCODER_A", 0xff_ffff);
    set(&mut registers, "PIPE_LINK_N1_TRANSCODER_A", 1);
    set(&mut registers, "TRANS_HTOTAL_TRANSCODER_A", 0);
    set(&mut registers, "TRANS_VTOTAL_TRANSCODER_A", 0);
    let rate = |registers: &RegisterFile| timing(Pipe::A, Platform::Skl, registers).rate;
    assert_eq!(rate(&registers), RefreshRate::HIGHEST);

    set(&mut registers, "PIPE_LINK_M1_TRANSCODER_A", 1);
    set(&mut registers, "PIPE_LINK_N1_TRANSCODER_A", N);
    set(&mut registers, "TRANS_HTOTAL_TRANSCODER_A", u32::MAX);
    set(&mut registers, "TRANS_VTOTAL_TRANSCODER_A", u32::MAX);
    assert_eq!(rate(&registers), RefreshRate::LOWEST);
}

#[test]
fn s_24_period_is_never_shorter_than_the_rate_allows() {
    for rate in [1_000, 59_950, 60_000, 143_981, 239_999, 240_000] {
        let period = RefreshRate(rate).period();
        assert!(u128::from(period.0) * u128::from(rate) >= 1_000_000_000_000);
        assert!(u128::from(period.0 - 1) * u128::from(rate) < 1_000_000_000_000);
    }
}

/// The registers that say anything of timing, on any GPU.
fn sources() -> Vec<u32> {
    let sources = [
        "TRANSCONF_",
        "TRANS_HTOTAL",
        "TRANS_VTOTAL",
        "PIPE_LINK_",
        "DPLL_CTRL",
        "SPLL_CTL",
        "PORT_CLK_SEL",
        "BXT_PORT_PLL",
        "REG_460",
        "REG_60400",
        "REG_61400",
        "REG_62400",
        "REG_6F400",
    ];
    let mut found: Vec<_> = Platform::ALL
        .into_iter()
        .flat_map(|platform| rows(platform, true))
        .filter(|row| sources.iter().any(|source| row.name.starts_with(source)))
        .map(|row| row.offset)
        .collect();
    found.sort_unstable();
    found.dedup();
    assert!(found.len() > 60, "{}", found.len());
    found
}

/// Values as hostile guests choose them.
fn value() -> impl Strategy<Value = u32> {
    prop_oneof![
        1 => Just(0),
        1 => Just(u32::MAX),
        1 => (0..32_u32).prop_map(|bit| 1 << bit),
        4 => any::<u32>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn s_23_s_24_whatever_the_registers_hold_a_frame_takes_between_1_240th_second_and_one(
        writes in vec((select(sources()), value()), 0..200),
        platform in select(Platform::ALL.to_vec()),
    ) {
        let mut registers = registers();
        for name in ["A", "B", "C", "EDP"] {
            set(&mut registers, &std::format!("TRANSCONF_TRANSCODER_{name}"), 1 << 31);
        }
        for (register, value) in writes {
            registers.set(crate::address::MmioOffset(register), value);
        }
        for pipe in Pipe::ALL {
            if let Some(timing) = Timing::of_pipe(pipe, platform, &registers) {
                prop_assert!(timing.rate >= RefreshRate::LOWEST);
                prop_assert!(timing.rate <= RefreshRate::HIGHEST);
                prop_assert!(timing.rate.period() >= Span(4_166_667));
                prop_assert!((1..=8192).contains(&timing.lines));
                prop_assert!((1..=timing.lines).contains(&timing.shown));
            }
        }
    }
}
