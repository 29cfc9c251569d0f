// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Every register does what it must, and nothing is attached to a register that is not there.
use super::*;
use crate::hardware::Pipe;
use crate::mmio::dispatch::Dispatch;
use crate::mmio::pipe::Plane;
use crate::mmio::{
    aux_channel, bxt_phy, ddi, engine, fdi, gmbus, gt, hotplug, pch, pcode, pipe, pll, power,
    reset, sbi,
};
use iface::registers::{self, Flags};
use std::collections::{BTreeMap, BTreeSet};

/// A register that does something in the C GVT-g.
struct Special {
    offset: u32,
    size: u32,
    platforms: Vec<Platform>,
    vcs1: bool,
    read: &'static str,
    write: &'static str,
}

/// What is known of the C GVT-g.
fn specials() -> Vec<Special> {
    let lines = include_str!("special.tsv").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let fields: Vec<_> = line.split('\t').collect();
            let [offset, size, platforms, vcs1, read, write] = fields[..] else {
                panic!("{line}");
            };
            let mut platforms: Vec<_> = platforms
                .split(',')
                .map(|name| Platform::from_name(name).unwrap())
                .collect();
            if platforms.contains(&Platform::Cfl) {
                platforms.push(Platform::Cml);
            }
            Special {
                offset: u32::from_str_radix(&offset[2..], 16).unwrap(),
                size: size.parse().unwrap(),
                platforms,
                vcs1: vcs1 == "2",
                read,
                write,
            }
        })
        .collect()
}

/// Handlers of the C GVT-g that only remember.
const PLAIN_HANDLERS: [&str; 2] = ["gen9_trtt_chicken_write", "vga_control_mmio_write"];

/// What the C GVT-g calls the handlers of a behaviour: read and write.
fn handlers(behaviour: Behaviour) -> (&'static str, &'static str) {
    match behaviour {
        Behaviour::Plain => ("-", "-"),
        Behaviour::Engine(register) => match register {
            engine::Register::GfxMode { .. } => ("-", "ring_mode_mmio_write"),
            engine::Register::CsfeChicken => ("-", "csfe_chicken1_mmio_write"),
            engine::Register::HwsPga => ("-", "hws_pga_write"),
            engine::Register::TlbControl => ("-", "gvt_reg_tlb_control_handler"),
            engine::Register::Elsp(_) => ("-", "elsp_mmio_write"),
            engine::Register::Position(_) | engine::Register::Clock => ("mmio_read_from_hw", "-"),
        },
        Behaviour::Gt(register) => match register {
            gt::Register::GamwEco => ("-", "gamw_echo_dev_rw_ia_write"),
            gt::Register::BxtPatLow => ("-", "bxt_ppat_low_write"),
            gt::Register::Trtte => ("-", "gen9_trtte_write"),
            gt::Register::Mbctl => ("-", "mbctl_write"),
            gt::Register::GucStatus => ("guc_status_read", "-"),
            gt::Register::GucDma => ("-", "dma_ctrl_write"),
            gt::Register::FpgaDebug => ("-", "fpga_dbg_mmio_write"),
        },
        Behaviour::Reset(reset::Register::Gdrst) => ("-", "gdrst_mmio_write"),
        Behaviour::Reset(reset::Register::RingResetCtl) => ("-", "ring_reset_ctl_write"),
        Behaviour::Forcewake(_) => ("-", "mul_force_wake_write"),
        Behaviour::Nonpriv => ("-", "force_nonpriv_write"),
        Behaviour::Interrupt(register) => match register {
            interrupt::Register::Master => ("-", "intel_vgpu_reg_master_irq_handler"),
            interrupt::Register::Imr(_) => ("-", "intel_vgpu_reg_imr_handler"),
            interrupt::Register::Iir(_) => ("-", "intel_vgpu_reg_iir_handler"),
            interrupt::Register::Ier(_) => ("-", "intel_vgpu_reg_ier_handler"),
        },
        Behaviour::Fence(_) => ("fence_mmio_read", "fence_mmio_write"),
        Behaviour::Pvinfo(_) => ("pvinfo_mmio_read", "pvinfo_mmio_write"),
        Behaviour::Power(power::Register::Buffer) => ("-", "gen9_dbuf_ctl_mmio_write"),
        Behaviour::Power(power::Register::HswWell) => ("-", "power_well_ctl_mmio_write"),
        Behaviour::Power(power::Register::Wells { .. }) => ("-", "skl_power_well_ctl_write"),
        Behaviour::Pll(register) => match register {
            pll::Register::Lcpll => ("-", "lcpll_ctl_mmio_write"),
            pll::Register::SklLcpll => ("-", "skl_lcpll_write"),
            pll::Register::BxtDe => ("-", "bxt_de_pll_enable_write"),
            pll::Register::BxtPort => ("-", "bxt_port_pll_enable_write"),
            pll::Register::DpllStatus => ("dpll_status_read", "-"),
        },
        Behaviour::BxtPhy(register) => match register {
            bxt_phy::Register::Power => ("-", "bxt_gt_disp_pwron_write"),
            bxt_phy::Register::Family(_) => ("-", "bxt_phy_ctl_family_write"),
            bxt_phy::Register::TxDw3 => ("bxt_port_tx_dw3_read", "-"),
            bxt_phy::Register::Group(_) => ("-", "bxt_pcs_dw12_grp_write"),
        },
        Behaviour::Pcode(pcode::Register::Mailbox) => ("-", "mailbox_write"),
        Behaviour::Sbi(sbi::Register::Data) => ("sbi_data_mmio_read", "-"),
        Behaviour::Sbi(sbi::Register::Control) => ("-", "sbi_ctl_mmio_write"),
        Behaviour::Hotplug(_) => ("-", "-"),
        Behaviour::Gmbus(_) => ("gmbus_mmio_read", "gmbus_mmio_write"),
        Behaviour::Aux(aux_channel::Register::Control(_) | aux_channel::Register::Data) => {
            ("-", "dp_aux_ch_ctl_mmio_write")
        }
        Behaviour::Panel(_) => ("-", "pch_pp_control_mmio_write"),
        Behaviour::Ddi(register) => match register {
            ddi::Register::Buffer(_) => ("-", "ddi_buf_ctl_mmio_write"),
            ddi::Register::Link(_) => ("-", "dp_tp_ctl_mmio_write"),
            ddi::Register::LinkStatus => ("-", "dp_tp_status_mmio_write"),
            ddi::Register::SelfRefresh => ("-", "edp_psr_imr_iir_write"),
        },
        Behaviour::Fdi(fdi::Register::Receiver(_) | fdi::Register::Imr(_)) => {
            ("-", "update_fdi_rx_iir_status")
        }
        Behaviour::Fdi(fdi::Register::Iir) => ("-", "fdi_rx_iir_mmio_write"),
        Behaviour::Pch(register) => match register {
            pch::Register::Adpa => ("-", "pch_adpa_mmio_write"),
            pch::Register::SouthChicken2 => ("-", "south_chicken2_mmio_write"),
            pch::Register::Constant(_) => ("dpy_reg_mmio_read", "-"),
        },
        Behaviour::Pipe(register) => match register {
            pipe::Register::Transconf => ("-", "pipeconf_mmio_write"),
            pipe::Register::PchTransconf => ("-", "transconf_mmio_write"),
            pipe::Register::Surface(Plane::Primary, _) => ("-", "pri_surf_mmio_write"),
            pipe::Register::Surface(Plane::Sprite, _) => ("-", "spr_surf_mmio_write"),
            pipe::Register::Flip(..) => ("-", "reg50080_mmio_write"),
            // The C driver has none.
            pipe::Register::FrameCount(_) | pipe::Register::ScanLine(_) => ("-", "-"),
            pipe::Register::Scaler | pipe::Register::ScalerWindow => ("-", "pf_write"),
        },
    }
}

/// What is attached to the registers of a GPU, by offset.
fn attached(platform: Platform, vcs1: bool) -> BTreeMap<u32, Behaviour> {
    let device = Machine::with(platform, vcs1, |_| 0).device;
    (0..MMIO_SIZE)
        .step_by(4)
        .map(|at| (at, device.dispatch().rule(MmioOffset(at)).behaviour))
        .filter(|(_, behaviour)| *behaviour != Behaviour::Plain)
        .collect()
}

#[test]
fn each_behaviour_is_where_the_c_driver_has_it_and_nowhere_else() {
    for (platform, vcs1) in each_gpu() {
        let mut attached = attached(platform, vcs1);
        // What the C driver does not have: interrupts of the GMBUS are enabled here, and status of
        // monitors is cleared.
        for (name, ours) in [
            ("PCH_GMBUS4", Behaviour::Gmbus(gmbus::Register::Enable)),
            ("PCH_PORT_HOTPLUG", Behaviour::Hotplug(hotplug::Register)),
        ] {
            assert_eq!(attached.remove(&named(name)), Some(ours));
        }
        // And pipes count.
        for (letter, pipe) in ["A", "B", "C"].into_iter().zip(Pipe::ALL) {
            for (register, ours) in [
                ("PIPE_FRMCOUNT_G4X", pipe::Register::FrameCount(pipe)),
                ("PIPEDSL", pipe::Register::ScanLine(pipe)),
            ] {
                let at = named(&std::format!("{register}_PIPE_{letter}"));
                assert_eq!(attached.remove(&at), Some(Behaviour::Pipe(ours)));
            }
        }
        for special in specials() {
            if !special.platforms.contains(&platform) || special.vcs1 && !vcs1 {
                continue;
            }
            let expected = match (special.read, special.write) {
                (read, _) if PLAIN_HANDLERS.contains(&read) => ("-", "-"),
                (_, write) if PLAIN_HANDLERS.contains(&write) => ("-", "-"),
                handlers => handlers,
            };
            for at in (special.offset..special.offset + special.size).step_by(4) {
                let behaviour = attached.remove(&at).unwrap_or(Behaviour::Plain);
                assert_eq!(handlers(behaviour), expected, "{at:#x} on {platform}");
            }
        }
        assert_eq!(attached, BTreeMap::new(), "{platform}");
    }
}

#[test]
fn each_behaviour_is_on_a_register_that_is_tracked() {
    for (platform, vcs1) in each_gpu() {
        for at in attached(platform, vcs1).into_keys() {
            assert!(
                registers::find(platform, vcs1, at).is_some(),
                "{at:#x} on {platform}"
            );
        }
    }
}

#[test]
fn nothing_that_the_c_driver_does_is_left_but_for_two_that_only_remember() {
    let specials = specials();
    let plain = specials
        .iter()
        .filter(|special| PLAIN_HANDLERS.contains(&special.write));
    let plain: BTreeSet<_> = plain.map(|special| special.offset).collect();
    let expected = ["REG_04DFC", "CPU_VGACNTRL"].map(named);
    assert_eq!(plain, BTreeSet::from(expected));
}

/// Dwords of each handler on BDW, SKL, KBL, BXT and CFL, with a second video engine.
const CLASSES: [(&str, [usize; 5]); 57] = [
    ("R bxt_port_tx_dw3_read", [0, 0, 0, 3, 0]),
    ("R dpll_status_read", [0, 1, 1, 1, 1]),
    ("R dpy_reg_mmio_read", [6, 6, 6, 6, 6]),
    ("R fence_mmio_read", [32, 32, 32, 32, 32]),
    // One more than in the C driver: GMBUS4.
    ("R gmbus_mmio_read", [5, 5, 5, 5, 5]),
    ("R guc_status_read", [1, 1, 1, 1, 1]),
    ("R mmio_read_from_hw", [26, 26, 26, 26, 26]),
    ("R sbi_data_mmio_read", [1, 1, 1, 1, 1]),
    ("W bxt_de_pll_enable_write", [0, 0, 0, 1, 0]),
    ("W bxt_gt_disp_pwron_write", [0, 0, 0, 1, 0]),
    ("W bxt_pcs_dw12_grp_write", [0, 0, 0, 3, 0]),
    ("W bxt_phy_ctl_family_write", [0, 0, 0, 2, 0]),
    ("W bxt_port_pll_enable_write", [0, 0, 0, 3, 0]),
    ("W bxt_ppat_low_write", [0, 0, 0, 1, 0]),
    ("W csfe_chicken1_mmio_write", [0, 5, 5, 5, 5]),
    ("W ddi_buf_ctl_mmio_write", [5, 5, 5, 5, 5]),
    ("W dma_ctrl_write", [0, 1, 1, 1, 1]),
    ("W dp_aux_ch_ctl_mmio_write", [24, 24, 24, 24, 24]),
    ("W dp_tp_ctl_mmio_write", [5, 5, 5, 5, 5]),
    ("W dp_tp_status_mmio_write", [4, 4, 4, 4, 4]),
    ("W edp_psr_imr_iir_write", [2, 2, 2, 2, 2]),
    ("W elsp_mmio_write", [5, 5, 5, 5, 5]),
    ("W fdi_rx_iir_mmio_write", [3, 3, 3, 3, 3]),
    ("W fence_mmio_write", [32, 32, 32, 32, 32]),
    ("W force_nonpriv_write", [12, 12, 12, 12, 12]),
    ("W fpga_dbg_mmio_write", [1, 1, 1, 1, 1]),
    ("W gamw_echo_dev_rw_ia_write", [1, 1, 1, 1, 1]),
    ("W gdrst_mmio_write", [1, 1, 1, 1, 1]),
    ("W gen9_dbuf_ctl_mmio_write", [0, 1, 1, 1, 1]),
    ("W gen9_trtte_write", [0, 1, 1, 1, 1]),
    ("W gmbus_mmio_write", [5, 5, 5, 5, 5]),
    ("W gvt_reg_tlb_control_handler", [5, 5, 5, 5, 5]),
    ("W hws_pga_write", [5, 5, 5, 5, 5]),
    ("W intel_vgpu_reg_ier_handler", [11, 11, 11, 11, 11]),
    ("W intel_vgpu_reg_iir_handler", [11, 11, 11, 11, 11]),
    ("W intel_vgpu_reg_imr_handler", [16, 16, 16, 16, 16]),
    ("W intel_vgpu_reg_master_irq_handler", [1, 1, 1, 1, 1]),
    ("W lcpll_ctl_mmio_write", [1, 1, 1, 1, 1]),
    ("W mailbox_write", [1, 1, 1, 1, 1]),
    ("W mbctl_write", [1, 1, 1, 1, 1]),
    ("W mul_force_wake_write", [1, 3, 3, 3, 3]),
    ("W pch_adpa_mmio_write", [1, 0, 0, 0, 0]),
    ("W pch_pp_control_mmio_write", [1, 1, 1, 1, 1]),
    ("W pf_write", [0, 18, 18, 18, 18]),
    ("W pipeconf_mmio_write", [4, 4, 4, 4, 4]),
    ("W power_well_ctl_mmio_write", [6, 0, 0, 0, 0]),
    ("W pri_surf_mmio_write", [3, 3, 3, 3, 3]),
    ("W reg50080_mmio_write", [6, 6, 6, 6, 6]),
    ("W ring_mode_mmio_write", [5, 5, 5, 5, 5]),
    ("W ring_reset_ctl_write", [5, 5, 5, 5, 5]),
    ("W sbi_ctl_mmio_write", [1, 1, 1, 1, 1]),
    ("W skl_lcpll_write", [0, 2, 2, 2, 2]),
    ("W skl_power_well_ctl_write", [0, 1, 1, 1, 1]),
    ("W south_chicken2_mmio_write", [1, 1, 1, 1, 1]),
    ("W spr_surf_mmio_write", [3, 3, 3, 3, 3]),
    ("W transconf_mmio_write", [2, 2, 2, 2, 2]),
    ("W update_fdi_rx_iir_status", [6, 6, 6, 6, 6]),
];

#[test]
fn classes_of_behaviour_are_as_many_as_in_the_c_driver() {
    let columns = [
        Platform::Bdw,
        Platform::Skl,
        Platform::Kbl,
        Platform::Bxt,
        Platform::Cfl,
    ];
    for (column, platform) in columns.into_iter().enumerate() {
        let mut counts = BTreeMap::new();
        for behaviour in attached(platform, true).into_values() {
            let (read, write) = handlers(behaviour);
            for (kind, handler) in [("R", read), ("W", write)] {
                if handler != "-" && !handler.starts_with("pvinfo") {
                    *counts.entry(std::format!("{kind} {handler}")).or_insert(0) += 1;
                }
            }
        }
        let expected: BTreeMap<_, _> = CLASSES
            .iter()
            .map(|(class, counts)| (String::from(*class), counts[column]))
            .filter(|(_, count)| *count > 0)
            .collect();
        assert_eq!(counts, expected, "{platform}");
    }
}

#[test]
fn comet_lake_does_what_coffee_lake_does() {
    for vcs1 in [false, true] {
        assert_eq!(attached(Platform::Cml, vcs1), attached(Platform::Cfl, vcs1));
    }
}

/// What the C GVT-g counts: dwords tracked without and with a second video engine, blocks, and
/// their bytes.
const COUNTS: [(Platform, [u32; 2], u32, u32); 6] = [
    (Platform::Bdw, [1249, 1295], 5, 269_312),
    (Platform::Skl, [2019, 2066], 6, 281_600),
    (Platform::Kbl, [2020, 2067], 6, 281_600),
    (Platform::Bxt, [2262, 2317], 7, 293_888),
    (Platform::Cfl, [2020, 2067], 6, 281_600),
    (Platform::Cml, [2020, 2067], 6, 281_600),
];

#[test]
fn tracked_registers_and_blocks_are_as_many_as_in_the_c_driver() {
    /// The C GVT-g has the block of the DMC twice on Broxton.
    const DMC_BYTES: u32 = 0x3000;
    for (platform, tracked, blocks, bytes) in COUNTS {
        for (vcs1, tracked) in [false, true].into_iter().zip(tracked) {
            let model = Model { platform, vcs1 };
            assert_eq!(model.tracked(), tracked, "{model:?}");
            let sizes: Vec<_> = registers::rows(platform, vcs1)
                .filter(|row| row.flags.contains(Flags::BLOCK))
                .map(|row| row.size)
                .collect();
            let twice = if platform == Platform::Bxt { 1 } else { 0 };
            assert_eq!(sizes.len() as u32 + twice, blocks, "{model:?}");
            let all = sizes.iter().sum::<u32>() + twice * DMC_BYTES;
            assert_eq!(all, bytes, "{model:?}");
        }
    }
}

#[test]
fn masked_registers_that_do_more_merge_themselves() {
    for (platform, vcs1) in each_gpu() {
        let model = Model { platform, vcs1 };
        for row in registers::rows(platform, vcs1) {
            let rule = Rule::of(row, 0, model);
            if rule.masked && rule.behaviour != Behaviour::Plain {
                let known = matches!(
                    rule.behaviour,
                    Behaviour::Engine(
                        engine::Register::GfxMode { .. } | engine::Register::CsfeChicken
                    )
                );
                assert!(known, "{}", row.name);
            }
        }
    }
}

#[test]
fn dispatch_without_memory_anywhere_is_enomem() {
    let model = Model {
        platform: Platform::Bxt,
        vcs1: true,
    };

    let sites = kernel::testing::fail_each_alloc(|| Dispatch::new(model));

    assert!(sites >= 6, "only {sites} allocations");
}

#[test]
fn dispatch_is_small() {
    for (platform, vcs1) in each_gpu() {
        let (leaves, rules) = Dispatch::new(Model { platform, vcs1 }).unwrap().size();
        assert!(
            leaves <= 64 && rules <= 256,
            "{platform}: {leaves}, {rules}"
        );
    }
}

#[test]
fn row_whose_first_register_only_remembers_does_so_as_a_whole() {
    for (platform, vcs1) in each_gpu() {
        let model = Model { platform, vcs1 };
        let rows = registers::rows(platform, vcs1);
        for row in rows.filter(|row| Rule::of(row, 0, model) == PLAIN) {
            let mut others = 1..row.size / DWORD;
            assert!(
                others.all(|index| Rule::of(row, index, model) == PLAIN),
                "{}",
                row.name
            );
        }
    }
}
