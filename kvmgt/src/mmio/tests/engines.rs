// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the registers of the engines and of the GT do.
use super::*;
use crate::hardware::Engine;

fn of(engine: Engine, rest: &str) -> String {
    std::format!("{}_{rest}", engine.name())
}

#[test]
fn ring_reset_ctl_is_ready_as_long_as_it_is_requested() {
    let mut machine = Machine::new(Platform::Skl);
    for engine in Engine::ALL {
        let name = of(engine, "RING_RESET_CTL");
        assert_eq!(machine.exchange(&name, 0x0001_0001) & 3, 3, "{name}");
        // Neither without the half that selects, nor by a write of the bit itself.
        assert_eq!(machine.exchange(&name, 0x0000_0002) & 2, 2);
        assert_eq!(machine.exchange(&name, 0x0001_0000) & 3, 0);
        machine.write(named(&name), &[1]);
        machine.write(named(&name) + 2, &[1]);
        assert_eq!(machine.get(&name) & 2, 0);
        assert_eq!(machine.exchange(&name, u32::MAX), 0x0001_0003);
    }
}

#[test]
fn gfx_mode_takes_execlists_of_a_guest_that_knows() {
    let mut machine = Machine::aware(Platform::Skl);
    for engine in Engine::ALL {
        let name = of(engine, "RING_MODE");
        assert_eq!(machine.exchange(&name, 0x8200_8200), 0x8200, "{name}");
        assert_eq!(machine.exchange(&name, 0x8000_0000), 0x0200);
    }
    assert!(!machine.mmio.is_failsafe());
}

#[test]
fn gfx_mode_of_a_guest_that_does_not_know_is_failsafe() {
    for value in [0x8000_8000, 0x0200_0200] {
        let mut machine = Machine::new(Platform::Skl);
        machine.set("BCS_RING_MODE", value);

        assert!(machine.mmio.is_failsafe());
        let reason = Failsafe::UnsupportedGuest;
        assert_eq!(machine.complaints(), [Complaint::Failsafe(reason)]);
        assert_eq!(machine.peek("BCS_RING_MODE"), value & 0xffff);
    }
    // Turning them off tells nothing.
    let mut machine = Machine::new(Platform::Skl);
    machine.set("BCS_RING_MODE", 0x8200_0000);
    machine.set("BCS_RING_MODE", 0x0000_8200);
    assert!(!machine.mmio.is_failsafe());
}

#[test]
fn gfx_mode_without_checks_is_failsafe_and_not_stored() {
    for (platform, value, refused) in [
        (Platform::Bdw, 0x0001_0001, true),
        (Platform::Kbl, 0x0003_0003, true),
        (Platform::Kbl, 0x0002_0002, false),
        (Platform::Cfl, 0x0002_0002, true),
        (Platform::Cml, 0x0003_0003, true),
        (Platform::Cml, 0x0003_0000, false),
    ] {
        let mut machine = Machine::aware(platform);
        machine.set("RCS_RING_MODE", value);
        assert_eq!(machine.mmio.is_failsafe(), refused, "{platform} {value:#x}");
        assert_eq!(machine.peek("RCS_RING_MODE") & 1, 0);
        if refused && platform != Platform::Kbl {
            assert_eq!(machine.peek("RCS_RING_MODE"), 0);
        }
    }
}

#[test]
fn csfe_chicken_without_checks_is_failsafe_and_not_stored() {
    for bit in [3, 4] {
        let mut machine = Machine::aware(Platform::Skl);
        assert_eq!(machine.exchange("VCS_RING_0D4", 0x0020_0020), 0x20);
        machine.set("VCS_RING_0D4", (1 << 16 | 1) << bit);
        assert!(machine.mmio.is_failsafe());
        assert_eq!(machine.peek("VCS_RING_0D4"), 0x20);
    }
}

#[test]
fn hws_pga_takes_own_pages_and_zero() {
    let mut machine = Machine::aware(Platform::Skl);
    let (low, high) = (machine.aperture(), machine.ggtt.high());
    let page = 0x1000;
    for engine in Engine::ALL {
        let name = of(engine, "RING_HWS_PGA");
        for own in [low.start, low.end - page, high.start, high.end - page] {
            let own = own as u32;
            assert_eq!(machine.exchange(&name, own), own);
        }
        assert_eq!(machine.complaints(), []);
        for other in [
            low.start - page,
            low.end,
            low.end - 1,
            high.start - 1,
            high.end,
        ] {
            let before = machine.get(&name);
            assert_eq!(machine.exchange(&name, other as u32), before, "{other:#x}");
            assert!(machine.complaint().contains(&name));
        }
        assert_eq!(machine.exchange(&name, 0), 0);
    }
}

#[test]
fn tlb_control_is_done_at_once() {
    let mut machine = Machine::new(Platform::Bdw);
    for engine in Engine::ALL {
        let name = of(engine, "TLB_CTL");
        assert_eq!(machine.exchange(&name, 1), 0, "{name}");
        assert_eq!(machine.exchange(&name, u32::MAX), 0);
    }
}

#[test]
fn s_22_force_to_nonpriv_takes_only_registers_of_the_list() {
    let mut machine = Machine::new(Platform::Skl);
    let slot = named("FORCE_TO_NONPRIV") + 5 * 4;
    let mut taken = vec![];
    for register in (0..MMIO_SIZE).step_by(4) {
        machine.write32(slot, register);
        if machine.mmio.peek(MmioOffset(slot)) == register && register != 0 {
            taken.push(register);
        }
        machine.mmio.registers.set(MmioOffset(slot), 0);
        machine.vm.guest.events.clear();
    }
    assert_eq!(taken.len(), 32);
    assert!(taken.contains(&0x2094) && taken.contains(&0x2580));
    // Bits beside the address say who may access, and are kept.
    machine.write32(slot, 0xf000_2580);
    assert_eq!(machine.read32(slot), 0xf000_2580);
    // By bytes: each step must be on the list.
    machine.write(slot, &[0x84]);
    assert_eq!(machine.read32(slot), 0xf000_2580);
    assert!(machine.complaint().contains("0xf0002584"));
}

#[test]
fn gamw_eco_takes_64_kib_pages_for_all_engines_or_none() {
    let mut machine = Machine::new(Platform::Skl);
    let name = "GEN8_GAMW_ECO_DEV_RW_IA";
    assert_eq!(machine.exchange(name, 0x1f), 0x1f);
    for ips in 1..0xf {
        assert_eq!(machine.exchange(name, 0x20 | ips), 0x1f);
    }
    assert_eq!(machine.exchange(name, 0x20), 0x20);
}

#[test]
fn trtte_needs_a_virtual_address() {
    let mut machine = Machine::new(Platform::Skl);
    assert_eq!(machine.exchange("TRTTE", 3), 3);
    assert_eq!(machine.exchange("TRTTE", 1), 3);
    assert_eq!(machine.exchange("TRTTE", 2), 2);
    assert_eq!(machine.exchange("REG_04DFC", 0x1234), 0x1234);
}

#[test]
fn private_pat_of_broxton_is_what_it_is() {
    let mut machine = Machine::new(Platform::Bxt);
    assert_eq!(
        machine.exchange("GEN8_PRIVATE_PAT_LO", 0x0907_0503),
        0x4000_0040
    );
    let mut other = Machine::new(Platform::Skl);
    assert_eq!(
        other.exchange("GEN8_PRIVATE_PAT_LO", 0x0907_0503),
        0x0907_0503
    );
}

#[test]
fn gdrst_of_the_whole_gpu_resets_all_but_the_display() {
    let golden = |offset| offset | 1;
    let mut machine = Machine::with(Platform::Skl, true, golden);
    machine.read32(named("PVINFO"));
    let dither = named("GEN6_UCGCTL1");
    machine.write32(dither, 0);
    machine.set("RCS_RING_MODE", 0x8000_8000);
    machine.set("DSPCNTR_PIPE_A", 0x1234);
    machine.write32(named("PVINFO") + 0x830, 5);
    machine.write32(0x4_4100, 7);

    assert_eq!(machine.exchange("GEN6_GDRST", 1), 0);

    assert_eq!(machine.read32(dither), golden(dither));
    assert_eq!(
        machine.peek("RCS_RING_MODE"),
        golden(named("RCS_RING_MODE"))
    );
    assert_eq!(machine.read32(0x4_4100), 0);
    assert_eq!(machine.get("DSPCNTR_PIPE_A"), 0x1234);
    assert_eq!(
        machine.mmio.peek(MmioOffset(named("PVINFO") + 0x830)),
        u32::MAX
    );
    // It still knows that the guest knows.
    machine.set("RCS_RING_MODE", 0x8000_8000);
    assert!(!machine.mmio.is_failsafe());
}

#[test]
fn gdrst_of_engines_keeps_registers() {
    let mut machine = Machine::new(Platform::Skl);
    machine.set("GEN6_UCGCTL1", 0x77);
    for domain in [1, 2, 3, 4, 7] {
        assert_eq!(machine.exchange("GEN6_GDRST", 1 << domain), 0);
    }
    machine.write(named("GEN6_GDRST") + 1, &[1]);
    assert_eq!(machine.get("GEN6_GDRST"), 0);
    assert_eq!(machine.get("GEN6_UCGCTL1"), 0x77);
}

#[test]
fn guc_is_in_reset_until_its_status_is_read() {
    let mut machine = Machine::new(Platform::Skl);
    assert_eq!(
        [machine.get("GUC_STATUS"), machine.get("GUC_STATUS")],
        [1, 0]
    );
    machine.set("GEN6_GDRST", 1 << 5);
    // A byte of it is enough.
    assert_eq!(machine.read(named("GUC_STATUS"), 1), [1]);
    assert_eq!(machine.read(named("GUC_STATUS"), 2), [0, 0]);
}

#[test]
fn forcewake_is_acknowledged_at_once() {
    let gen9 = [
        ("FORCEWAKE_RENDER_GEN9", "FORCEWAKE_ACK_RENDER_GEN9"),
        ("FORCEWAKE_MEDIA_GEN9", "FORCEWAKE_ACK_MEDIA_GEN9"),
        ("FORCEWAKE_GT_GEN9", "FORCEWAKE_ACK_GT_GEN9"),
    ];
    let mut machine = Machine::new(Platform::Kbl);
    for (request, acknowledge) in gen9 {
        machine.set(request, 0x0003_0001);
        assert_eq!(machine.get(acknowledge), 1);
        machine.set(request, 0x0002_0002);
        assert_eq!(machine.get(acknowledge), 3);
        assert_eq!(machine.get(request), 0x0002_0003);
        machine.set(request, 0x0001_0000);
        assert_eq!(machine.get(acknowledge), 2);
        // The upper half alone clears, the lower half alone does nothing.
        machine.write(named(request), &[0xff, 0xff]);
        assert_eq!(machine.get(acknowledge), 2);
        machine.write(named(request) + 2, &[0xff, 0xff]);
        assert_eq!(machine.get(acknowledge), 0);
    }
    let mut broadwell = Machine::new(Platform::Bdw);
    broadwell.set("FORCEWAKE_MT", 0x0001_0001);
    assert_eq!(broadwell.get("FORCEWAKE_ACK_HSW"), 1);
}

#[test]
fn bits_that_clear_themselves_do() {
    let mut machine = Machine::new(Platform::Skl);
    assert_eq!(machine.exchange("GEN6_MBCTL", u32::MAX), !(1 << 4));
    assert_eq!(machine.exchange("FPGA_DBG", u32::MAX), !(1 << 31));
    assert_eq!(machine.exchange("FPGA_DBG", 0x5), 0x5);
}

#[test]
fn pcode_answers_at_once() {
    for (platform, command, before, after) in [
        (Platform::Skl, 0x6, 0, 0x1e1a_1100),
        (Platform::Cml, 0x6, 1, 0x6151_4b3d),
        (Platform::Bxt, 0x6, 0, 0x1608_0707),
        (Platform::Bxt, 0x6, 1, 0x1616_1616),
        (Platform::Bdw, 0x6, 7, 7),
        (Platform::Kbl, 0x7, 9, 1),
        (Platform::Bxt, 0x7, 9, 9),
        (Platform::Bdw, 0x7, 9, 9),
        (Platform::Bdw, 0x5, 8, 9),
        (Platform::Cfl, 0x12, 8, 8),
    ] {
        let mut machine = Machine::new(platform);
        machine.set("GEN6_PCODE_DATA", before);
        let left = machine.exchange("GEN6_PCODE_MAILBOX", 0x8000_0100 | command);
        assert_eq!(left, 0x100, "busy and error are clear");
        let data = machine.get("GEN6_PCODE_DATA");
        assert_eq!(data, after, "{platform} {command:#x}");
    }
}

#[test]
fn pcode_command_written_by_bytes_is_executed() {
    let mut machine = Machine::new(Platform::Skl);
    machine.write(named("GEN6_PCODE_MAILBOX"), &[7]);
    assert_eq!(machine.get("GEN6_PCODE_DATA"), 1);
}
