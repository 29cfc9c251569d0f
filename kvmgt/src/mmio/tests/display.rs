// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the registers of the display engine do.
use super::*;

/// Lets everything of the PCH and of the ports and pipes through.
pub(super) fn interruptible(platform: Platform) -> Machine {
    let mut machine = Machine::new(platform);
    for (imr, ier) in [
        ("SDEIMR", "SDEIER"),
        ("GEN8_DE_PORT_IMR", "GEN8_DE_PORT_IER"),
        ("GEN8_DE_PIPE_IMR_PIPE_A", "GEN8_DE_PIPE_IER_PIPE_A"),
        ("GEN8_DE_PIPE_IMR_PIPE_C", "GEN8_DE_PIPE_IER_PIPE_C"),
    ] {
        machine.set(imr, 0);
        machine.set(ier, u32::MAX);
    }
    machine.set("GEN8_MASTER_IRQ", 1 << 31);
    machine.vm.guest.events.clear();
    assert!(!machine.mmio.take_interrupt());
    machine
}

#[test]
fn power_wells_are_on_when_they_are_asked_for() {
    for (platform, all) in [
        (Platform::Skl, 0xf000_03ff),
        (Platform::Cml, 0xf000_03ff),
        (Platform::Bxt, 0xf000_0000),
    ] {
        let mut machine = Machine::new(platform);
        assert_eq!(machine.exchange("HSW_PWR_WELL_CTL2", u32::MAX), all);
        assert_eq!(
            machine.exchange("HSW_PWR_WELL_CTL2", 0x2000_0000),
            0x3000_0000
        );
        assert_eq!(machine.exchange("HSW_PWR_WELL_CTL2", 0x1000_0000), 0);
        // The others remember.
        assert_eq!(
            machine.exchange("HSW_PWR_WELL_CTL1", 0x8000_0000),
            0x8000_0000
        );
    }
    let mut broadwell = Machine::new(Platform::Bdw);
    for number in 1..=6 {
        let name = std::format!("HSW_PWR_WELL_CTL{number}");
        assert_eq!(broadwell.exchange(&name, 0x8000_0001), 0xc000_0001);
        assert_eq!(broadwell.exchange(&name, 0x4000_0001), 0x0000_0001);
    }
}

#[test]
fn power_well_written_by_a_byte_keeps_the_others() {
    let mut machine = Machine::new(Platform::Skl);
    machine.set("HSW_PWR_WELL_CTL2", 0xa000_0002);
    machine.write(named("HSW_PWR_WELL_CTL2"), &[0x08]);
    assert_eq!(machine.get("HSW_PWR_WELL_CTL2"), 0xf000_000c);
}

#[test]
fn plls_lock_at_once() {
    let mut machine = Machine::new(Platform::Bxt);
    for name in ["LCPLL1_CTL", "LCPLL2_CTL"] {
        assert_eq!(machine.exchange(name, 0x8000_ffff), 0xc000_0000);
        assert_eq!(machine.exchange(name, 0x4000_ffff), 0);
    }
    for name in ["BXT_DE_PLL_ENABLE", "BXT_PORT_PLL_ENABLE_PORT_B"] {
        assert_eq!(machine.exchange(name, 0x8000_1234), 0xc000_1234);
        assert_eq!(machine.exchange(name, 0x4000_1234), 0x4000_1234);
        assert_eq!(machine.exchange(name, 0), 0);
    }
    assert_eq!(machine.exchange("LCPLL_CTL", 0), 1 << 30);
    assert_eq!(machine.exchange("LCPLL_CTL", 1 << 31 | 1 << 30), 1 << 31);
    assert_eq!(
        machine.exchange("LCPLL_CTL", 1 << 21),
        1 << 30 | 1 << 21 | 1 << 19
    );
    assert_eq!(machine.exchange("LCPLL_CTL", 1 << 19), 1 << 30);
    assert_eq!(machine.exchange("DBUF_CTL_S_0", 1 << 31), 3 << 30);
    assert_eq!(machine.exchange("DBUF_CTL_S_0", 1 << 30), 0);
}

#[test]
fn dpll_status_tells_which_plls_are_on() {
    let mut machine = Machine::new(Platform::Skl);
    let plls = ["LCPLL1_CTL", "LCPLL2_CTL", "REG_46040", "REG_46060"];
    for (index, pll) in plls.into_iter().enumerate() {
        machine.set(pll, 1 << 31);
        assert_eq!(machine.exchange("DPLL_STATUS", u32::MAX), 1 << (8 * index));
        machine.set(pll, 0);
    }
    assert_eq!(machine.get("DPLL_STATUS"), 0);
}

#[test]
fn broxton_phys_are_ready_at_once() {
    let mut machine = Machine::new(Platform::Bxt);
    for (bit, phy) in [(1, "PHY0"), (2, "PHY1")] {
        let common = std::format!("BXT_PORT_CL1CM_DW0_DPIO_{phy}");
        machine.set(&common, 1 << 7);
        assert_eq!(machine.exchange("BXT_P_CR_GT_DISP_PWRON", bit), bit);
        assert_eq!(machine.get(&common), 1 << 16);
        let reference = std::format!("BXT_PORT_REF_DW3_DPIO_{phy}");
        assert_eq!(machine.get(&reference), 1 << 22);
    }
    let lanes = |machine: &Machine| {
        ["A", "B", "C"].map(|port| machine.peek(&std::format!("BXT_PHY_CTL_PORT_{port}")) & 1 << 8)
    };
    assert_eq!(
        machine.exchange("BXT_PHY_CTL_FAMILY_DPIO_PHY1", 1 << 31),
        1 << 31
    );
    assert_eq!(lanes(&machine), [1 << 8, 0, 0]);
    machine.set("BXT_PHY_CTL_FAMILY_DPIO_PHY0", 1 << 31);
    assert_eq!(lanes(&machine), [1 << 8, 1 << 8, 1 << 8]);
    machine.set("BXT_PHY_CTL_FAMILY_DPIO_PHY1", 0);
    assert_eq!(lanes(&machine), [0, 1 << 8, 1 << 8]);
}

#[test]
fn broxton_group_registers_write_their_lanes_on_both_phys() {
    let mut machine = Machine::new(Platform::Bxt);
    for channel in [
        "DPIO_PHY0_DPIO_CH0",
        "DPIO_PHY0_DPIO_CH1",
        "DPIO_PHY1_DPIO_CH0",
    ] {
        let of = |part: &str| std::format!("BXT_PORT_PCS_DW12_{part}_{channel}");
        machine.set(&of("GRP"), 0x1234_5678);
        machine.write(named(&of("GRP")), &[0xff]);
        for part in ["GRP", "LN01", "LN23"] {
            assert_eq!(machine.get(&of(part)), 0x1234_56ff, "{channel} {part}");
        }
        let lane = std::format!("BXT_PORT_TX_DW3_LN_{channel}_0");
        assert_eq!(machine.exchange(&lane, u32::MAX), !(1 << 27));
    }
}

#[test]
fn panel_power_goes_on_and_off_at_once() {
    let mut machine = Machine::new(Platform::Skl);
    machine.set("PCH_PP_STATUS", 2 << 28 | 1 << 27);
    machine.set("PCH_PP_CONTROL", 1);
    assert_eq!(machine.get("PCH_PP_STATUS"), 1 << 31 | 8);
    machine.set("PCH_PP_CONTROL", 0xabcd_0008);
    assert_eq!(machine.get("PCH_PP_STATUS"), 8);
    assert_eq!(machine.get("PCH_PP_CONTROL"), 0xabcd_0008);
}

#[test]
fn sideband_remembers_twenty_registers() {
    let mut machine = Machine::new(Platform::Skl);
    let write = |machine: &mut Machine, address: u32, value| {
        machine.set("SBI_ADDR", address << 16);
        machine.set("SBI_DATA", value);
        assert_eq!(machine.exchange("SBI_CTL_STAT", 0x0701), 0x0700);
    };
    let read = |machine: &mut Machine, address: u32| {
        machine.set("SBI_ADDR", address << 16);
        assert_eq!(machine.exchange("SBI_CTL_STAT", 0x0607), 0x0600);
        machine.get("SBI_DATA")
    };
    for address in 0..25 {
        write(&mut machine, address, address + 100);
    }
    write(&mut machine, 3, 7);
    assert_eq!(read(&mut machine, 3), 7);
    assert_eq!(read(&mut machine, 19), 119);
    assert_eq!(read(&mut machine, 20), 0, "there was no room");
    assert_eq!(read(&mut machine, 0xffff), 0);
    // Without a command to read, the datum is a register.
    machine.set("SBI_CTL_STAT", 0x0200);
    assert_eq!(machine.exchange("SBI_DATA", 5), 5);
    machine.reset();
    assert_eq!(read(&mut machine, 3), 0);
}

const GMBUS_NAK: u32 = 1 << 10;
const GMBUS_READY: u32 = 1 << 11;
const GMBUS_ACTIVE: u32 = 1 << 9;

#[test]
fn gmbus_cycle_ends_at_once_without_acknowledgement() {
    for platform in Platform::ALL {
        let mut machine = Machine::new(platform);
        let bus = named("PCH_GMBUS0");
        machine.write32(bus, 5);
        // A read of an EDID as i915 starts it: ready, wait, index, 128 bytes, device 0x50.
        machine.write32(bus + 4, 1 << 30 | 3 << 25 | 128 << 16 | 0x50 << 1 | 1);

        let status = machine.read32(bus + 8);
        assert_eq!(
            status & (GMBUS_NAK | GMBUS_READY | GMBUS_ACTIVE),
            GMBUS_NAK | GMBUS_READY
        );
        assert_eq!(machine.read32(bus + 4) & 1 << 30, 0, "hardware has seen it");
        assert_eq!(machine.read32(bus + 12), 0);
        // How i915 recovers.
        machine.write32(bus + 4, 1 << 31);
        machine.write32(bus + 4, 0);
        machine.write32(bus, 0);
        assert_eq!(machine.read32(bus + 4), 0);
        assert_eq!(machine.mmio.peek(MmioOffset(bus + 8)) & GMBUS_ACTIVE, 0);
    }
}

#[test]
fn gmbus_is_in_use_from_a_read_until_it_is_released() {
    let mut machine = Machine::new(Platform::Skl);
    let status = named("PCH_GMBUS0") + 8;
    let in_use = 1 << 15;
    assert_eq!(machine.read32(status) & in_use, 0);
    assert_eq!(machine.read32(status) & in_use, in_use);
    machine.write32(status, !in_use);
    assert_eq!(machine.read32(status) & in_use, in_use);
    machine.write(status + 1, &[0x80]);
    assert_eq!(machine.read(status, 2), [0, 0]);
}

#[test]
fn gmbus_interrupt_comes_where_it_is_enabled() {
    // What is enabled: hardware ready, idle, not acknowledged.
    for enabled in [1 << 0, 1 << 2, 1 << 3] {
        let mut machine = interruptible(Platform::Kbl);
        let bus = named("PCH_GMBUS0");
        machine.write32(bus, 4);
        machine.set("PCH_GMBUS4", enabled);
        machine.set("SDEIIR", u32::MAX);
        machine.mmio.take_interrupt();

        machine.write32(bus + 4, 1 << 25 | 0x50 << 1);

        assert!(machine.mmio.take_interrupt(), "{enabled:#x}");
        assert_eq!(machine.get("SDEIIR"), 1 << 17);
        assert_eq!(machine.get("GEN8_MASTER_IRQ"), 1 << 31 | 1 << 23);
        let event = GuestEvent::Interrupt {
            name: "GMBUS",
            bit: 17,
        };
        assert!(machine.vm.guest.events.contains(&event));
    }
}

#[test]
fn gmbus_interrupt_comes_when_it_is_enabled_after_the_cycle() {
    let mut machine = interruptible(Platform::Skl);
    let bus = named("PCH_GMBUS0");
    machine.write32(bus, 4);
    machine.write32(bus + 4, 1 << 25 | 0x50 << 1);
    assert!(!machine.mmio.take_interrupt(), "it is not enabled");

    machine.set("PCH_GMBUS4", 1);

    assert!(machine.mmio.take_interrupt());
    machine.set("SDEIIR", u32::MAX);
    // Nothing new is enabled, or nothing is the case.
    machine.set("PCH_GMBUS4", 1);
    machine.set("PCH_GMBUS4", 1 << 4);
    machine.set("PCH_GMBUS4", 0);
    assert!(!machine.mmio.take_interrupt());
}

#[test]
fn aux_transaction_times_out_at_once() {
    for (platform, names) in [
        (
            Platform::Bdw,
            ["DP_AUX_CH_CTL_AUX_CH_A", "PCH_DP_AUX_CH_CTL_AUX_CH_D"],
        ),
        (
            Platform::Skl,
            ["DP_AUX_CH_CTL_AUX_CH_A", "DP_AUX_CH_CTL_AUX_CH_C"],
        ),
    ] {
        let mut machine = Machine::new(platform);
        for name in names {
            let at = named(name);
            machine.write32(at + 4, 0x9000_0000);
            machine.write32(at, 1 << 31 | 1 << 30 | 1 << 28 | 1 << 25 | 4 << 20 | 0x123);
            assert_eq!(machine.read32(at), 1 << 30 | 1 << 28 | 0x123);
            assert_eq!(machine.read32(at + 4), 0x9000_0000);
            // Status is cleared by writing it.
            machine.write32(at, 1 << 30 | 1 << 28 | 1 << 25);
            assert_eq!(machine.read32(at), 0);
        }
    }
}

#[test]
fn aux_interrupt_comes_where_it_is_enabled() {
    for (platform, channel, group, bit) in [
        (
            Platform::Skl,
            "DP_AUX_CH_CTL_AUX_CH_A",
            "GEN8_DE_PORT_IIR",
            0,
        ),
        (
            Platform::Skl,
            "DP_AUX_CH_CTL_AUX_CH_D",
            "GEN8_DE_PORT_IIR",
            27,
        ),
        (
            Platform::Bdw,
            "DP_AUX_CH_CTL_AUX_CH_A",
            "GEN8_DE_PORT_IIR",
            0,
        ),
        (Platform::Bdw, "PCH_DP_AUX_CH_CTL_AUX_CH_B", "SDEIIR", 25),
    ] {
        let mut machine = interruptible(platform);
        machine.set(channel, 1 << 31);
        assert!(!machine.mmio.take_interrupt());
        machine.set(channel, 1 << 31 | 1 << 29);
        assert!(machine.mmio.take_interrupt(), "{channel}");
        assert_eq!(machine.get(group), 1 << bit, "{channel}");
    }
}

#[test]
fn ddi_buffers_are_idle_when_they_are_off() {
    let mut machine = Machine::new(Platform::Skl);
    for port in ["A", "B", "C", "D", "E"] {
        let name = std::format!("DDI_BUF_CTL_PORT_{port}");
        assert_eq!(machine.exchange(&name, 0), 1 << 7);
        assert_eq!(machine.exchange(&name, 1 << 31 | 1 << 7), 1 << 31);
    }
    machine.set("DP_TP_STATUS_PORT_E", 1 << 12 | 1);
    machine.set("DDI_BUF_CTL_PORT_D", 0);
    assert_eq!(machine.get("DP_TP_STATUS_PORT_E"), 1 << 12 | 1);
    machine.set("DDI_BUF_CTL_PORT_E", 0);
    assert_eq!(machine.get("DP_TP_STATUS_PORT_E"), 1);
}

#[test]
fn link_that_sends_idle_patterns_has_sent_enough() {
    let mut machine = Machine::new(Platform::Bdw);
    for port in ["A", "B", "C", "D", "E"] {
        let status = std::format!("DP_TP_STATUS_PORT_{port}");
        let control = std::format!("DP_TP_CTL_PORT_{port}");
        machine.set(&control, 1 << 31 | 3 << 8);
        assert_eq!(machine.get(&status), 0);
        machine.set(&control, 1 << 31 | 2 << 8);
        assert_eq!(machine.get(&status), 1 << 25);
    }
}

#[test]
fn link_status_has_sticky_bits() {
    let mut machine = Machine::new(Platform::Skl);
    let at = named("DP_TP_STATUS_PORT_B");
    let sticky = 1 << 27 | 1 << 26 | 1 << 24;
    machine.mmio.registers.set(MmioOffset(at), sticky | 0x55);
    machine.write32(at, 1 << 26 | 0xaa);
    assert_eq!(machine.read32(at), 1 << 27 | 1 << 24 | 0xaa);
    machine.write(at, &[0x11]);
    assert_eq!(machine.read32(at), 1 << 27 | 1 << 24 | 0x11);
    machine.write(at + 3, &[0xff]);
    assert_eq!(machine.read32(at), 0xf200_0011);
}

#[test]
fn self_refresh_interrupts_never() {
    let mut machine = Machine::new(Platform::Skl);
    assert_eq!(machine.exchange("EDP_PSR_IMR", u32::MAX), 0);
    assert_eq!(machine.exchange("EDP_PSR_IIR", u32::MAX), 0);
}

#[test]
fn fdi_locks_where_both_ends_send_the_same_pattern() {
    let mut machine = Machine::new(Platform::Bdw);
    let transmitters = [0x6_0100, 0x6_1100, 0x6_2100];
    for (pipe, transmitter) in ["A", "B", "C"].into_iter().zip(transmitters) {
        let of = |register: &str| std::format!("FDI_RX_{register}_PIPE_{pipe}");
        machine.set(&of("IMR"), 0);
        machine.set(&of("CTL"), 1 << 31);
        assert_eq!(machine.get(&of("IIR")), 0, "nobody sends");

        machine.write32(transmitter, 1 << 31);
        machine.set(&of("CTL"), 1 << 31);
        assert_eq!(machine.get(&of("IIR")), 1 << 8);

        machine.write32(transmitter, 1 << 31 | 1 << 28);
        machine.set(&of("CTL"), 1 << 31 | 1 << 8);
        assert_eq!(machine.get(&of("IIR")), 1 << 8 | 1 << 9);

        machine.write(named(&of("IIR")) + 1, &[1]);
        assert_eq!(machine.get(&of("IIR")), 1 << 9);
        machine.set(&of("IIR"), u32::MAX);
        machine.set(&of("IMR"), 1 << 9);
        assert_eq!(machine.get(&of("IIR")), 1 << 8, "the other is masked");
    }
}

#[test]
fn port_e_trains_by_itself() {
    let mut machine = Machine::new(Platform::Bdw);
    machine.set("DDI_BUF_CTL_PORT_E", 1 << 31);
    machine.set("DP_TP_CTL_PORT_E", 1 << 31 | 1 << 15);
    machine.set("FDI_RX_CTL_PIPE_B", 1 << 31 | 1 << 10);
    assert_eq!(machine.get("DP_TP_STATUS_PORT_E"), 0);
    machine.set("FDI_RX_CTL_PIPE_A", 1 << 31 | 1 << 10);
    assert_eq!(machine.get("DP_TP_STATUS_PORT_E"), 1 << 12);
}

#[test]
fn transcoders_are_on_when_they_are_enabled() {
    let mut machine = Machine::new(Platform::Skl);
    for name in [
        "TRANSCONF_TRANSCODER_A",
        "TRANSCONF_TRANSCODER_B",
        "TRANSCONF_TRANSCODER_C",
        "TRANSCONF_TRANSCODER_EDP",
        "REG_F0008",
        "REG_F1008",
    ] {
        assert_eq!(machine.exchange(name, 1 << 31 | 7), 3 << 30 | 7, "{name}");
        assert_eq!(machine.exchange(name, 1 << 30 | 7), 7);
    }
}

#[test]
fn scalers_scale_pipes_and_no_planes() {
    let mut machine = Machine::new(Platform::Skl);
    for scaler in ["A_0", "A_1", "B_0", "B_1", "C_0", "C_1"] {
        let of = |register: &str| std::format!("SKL_PS_{register}_PIPE_{scaler}");
        assert_eq!(machine.exchange(&of("CTRL"), 1 << 31), 1 << 31);
        for plane in 1..8 {
            assert_eq!(machine.exchange(&of("CTRL"), plane << 25), 1 << 31);
        }
        for window in ["WIN_POS", "WIN_SZ"] {
            assert_eq!(machine.exchange(&of(window), u32::MAX), u32::MAX);
        }
    }
    assert_eq!(machine.complaints().len(), 6 * 7);
}

#[test]
fn odds_and_ends_of_the_pch() {
    let mut machine = Machine::new(Platform::Bdw);
    assert_eq!(machine.exchange("PCH_ADPA", u32::MAX), !(1 << 16));
    assert_eq!(machine.exchange("SOUTH_CHICKEN2", 1 << 12), 3 << 12);
    assert_eq!(machine.exchange("SOUTH_CHICKEN2", 1 << 13), 0);
    for name in ["REG_E651C", "REG_E661C", "REG_E671C", "REG_E681C"] {
        assert_eq!(machine.exchange(name, 5), 1 << 17);
        assert_eq!(machine.read(named(name) + 2, 1), [2]);
    }
    assert_eq!(machine.exchange("REG_E6C04", 5), 3);
    assert_eq!(machine.exchange("REG_E6E1C", 5), 0x2f << 16);
    assert_eq!(machine.exchange("CPU_VGACNTRL", 0), 0);
}
