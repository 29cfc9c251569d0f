// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Registers of the GT that belong to no engine: power, reset, memory interface, PCODE.
//!
//! Source: PRM Vol 2c (SKL); observed: i915's use of them.

use super::Behaviour;
use crate::address::MmioOffset;
use crate::platform::EngineId;
use crate::platform::Platform;

/// Forcewake request of the GT domain (Gen9), or of the whole GT (Gen8).
pub const FORCEWAKE_GT: MmioOffset = MmioOffset(0xa188);
/// Forcewake request of the render domain.
pub const FORCEWAKE_RENDER: MmioOffset = MmioOffset(0xa278);
/// Forcewake request of the media domain.
pub const FORCEWAKE_MEDIA: MmioOffset = MmioOffset(0xa270);
/// Acknowledge of [`FORCEWAKE_GT`].
pub const FORCEWAKE_ACK_GT: MmioOffset = MmioOffset(0x13_0044);
/// Acknowledge of [`FORCEWAKE_RENDER`].
pub const FORCEWAKE_ACK_RENDER: MmioOffset = MmioOffset(0xd84);
/// Acknowledge of [`FORCEWAKE_MEDIA`].
pub const FORCEWAKE_ACK_MEDIA: MmioOffset = MmioOffset(0xd88);

/// Graphics device reset control.
pub const GDRST: MmioOffset = MmioOffset(0x941c);
/// GDRST: everything.
pub const GDRST_FULL: u32 = 1 << 0;
/// GDRST: render engine.
pub const GDRST_RENDER: u32 = 1 << 1;
/// GDRST: first video decode engine.
pub const GDRST_MEDIA: u32 = 1 << 2;
/// GDRST: blitter engine.
pub const GDRST_BLIT: u32 = 1 << 3;
/// GDRST: video enhancement engine.
pub const GDRST_VECS: u32 = 1 << 4;
/// GDRST: GuC.
pub const GDRST_GUC: u32 = 1 << 5;
/// GDRST: second video decode engine.
pub const GDRST_MEDIA2: u32 = 1 << 7;

/// Register ranges besides the engines' own that a full reset returns to their reset values:
/// memory interface (with fault and TLB registers), MOCS, fences. Power, clock gating, interrupts,
/// display and the GGTT are not touched (observed: what i915 programs again afterwards).
pub const FULL_RESET_RANGES: &[(MmioOffset, MmioOffset)] = &[
    (MmioOffset(0x4000), MmioOffset(0x5000)),
    (MmioOffset(0xc800), MmioOffset(0xd000)),
    (MmioOffset(0x10_0000), MmioOffset(0x10_0100)),
];

/// Register ranges that a reset of the render engine returns to their reset values: 3D pipeline,
/// slice common, L3, half slices and rows.
pub const RENDER_RESET_RANGES: &[(MmioOffset, MmioOffset)] = &[
    (MmioOffset(0x5000), MmioOffset(0x7400)),
    (MmioOffset(0x8300), MmioOffset(0x8400)),
    (MmioOffset(0xb000), MmioOffset(0xb400)),
    (MmioOffset(0xe000), MmioOffset(0xe800)),
];

/// Status of the GuC.
pub const GUC_STATUS: MmioOffset = MmioOffset(0xc000);
/// GUC_STATUS: the core is in reset.
pub const GUC_STATUS_IN_RESET: u32 = 1 << 0;

/// GAM fault register.
pub const FAULT: MmioOffset = MmioOffset(0x4094);
/// FAULT: a fault is recorded.
pub const FAULT_VALID: u32 = 1 << 0;
/// FAULT: position of the engine's number.
pub const FAULT_ENGINE_SHIFT: u32 = 12;
/// Faulting address, bits 43:12.
pub const FAULT_TLB_DATA0: MmioOffset = MmioOffset(0x4b10);
/// Faulting address, bits 47:44.
pub const FAULT_TLB_DATA1: MmioOffset = MmioOffset(0x4b14);
/// FAULT_TLB_DATA1: the address is a GGTT address.
pub const FAULT_IN_GGTT: u32 = 1 << 4;

/// GAMW_ECO: enables 64 KiB pages in page tables.
pub const GAMW_ECO_DEV_RW_IA: MmioOffset = MmioOffset(0x4080);
/// GAMW_ECO: the bits that must all be set for it.
pub const GAMW_ECO_64K_PAGES: u32 = 0xf;

/// TLB invalidation requests: RCS, VCS0, VCS1, BCS, VECS.
pub const TLB_INVALIDATE: [MmioOffset; 5] = [
    MmioOffset(0x4260),
    MmioOffset(0x4264),
    MmioOffset(0x4268),
    MmioOffset(0x426c),
    MmioOffset(0x4270),
];

/// The bit of those that asks for it.
pub const TLB_INVALIDATE_ALL: u32 = 1 << 0;

/// Flush of the GGTT's TLB.
pub const GFX_FLUSH_CONTROL: MmioOffset = MmioOffset(0x10_1008);

/// Mailbox of the power control unit: command and ready bit.
pub const PCODE_MAILBOX: MmioOffset = MmioOffset(0x13_8124);
/// Data of the power control unit's mailbox.
pub const PCODE_DATA: MmioOffset = MmioOffset(0x13_8128);
/// PCODE_MAILBOX: a command waits.
pub const PCODE_READY: u32 = 1 << 31;
/// PCODE_MAILBOX: the command.
pub const PCODE_COMMAND: u32 = 0xff;

/// Frequency that software asks for.
pub const REQUESTED_FREQUENCY: MmioOffset = MmioOffset(0xa008);
/// Frequency that the GT runs at.
pub const ACTUAL_FREQUENCY: MmioOffset = MmioOffset(0xa01c);
/// Field of both on Gen9, in units of 50/3 MHz.
pub const FREQUENCY_GEN9: u32 = 0xff80_0000;

/// Debug register with the sticky bit of unclaimed accesses.
pub const FPGA_DBG: MmioOffset = MmioOffset(0x4_2300);

/// Identity of the panel self refresh interrupts (observed: i915 EDP_PSR_IIR).
pub const EDP_PSR_IIR: MmioOffset = MmioOffset(0x6_4838);

/// Thread status: whether the GT's power wells sleep; 0 when they are awake.
pub const GT_THREAD_STATUS: MmioOffset = MmioOffset(0x13_805c);

/// Behaviours that all platforms share.
pub const BEHAVIOURS: &[(MmioOffset, Behaviour)] = &[
    (GDRST, Behaviour::ResetDomains),
    (TLB_INVALIDATE[0], Behaviour::InvalidateTlb(EngineId::Rcs0)),
    (TLB_INVALIDATE[1], Behaviour::InvalidateTlb(EngineId::Vcs0)),
    (TLB_INVALIDATE[2], Behaviour::InvalidateTlb(EngineId::Vcs1)),
    (TLB_INVALIDATE[3], Behaviour::InvalidateTlb(EngineId::Bcs0)),
    (TLB_INVALIDATE[4], Behaviour::InvalidateTlb(EngineId::Vecs0)),
    (GFX_FLUSH_CONTROL, Behaviour::FlushGgtt),
    (PCODE_MAILBOX, Behaviour::PcodeMailbox),
    (ACTUAL_FREQUENCY, Behaviour::ActualFrequency),
    (FPGA_DBG, Behaviour::WriteOneToClear),
    (EDP_PSR_IIR, Behaviour::WriteOneToClear),
    (GUC_STATUS, Behaviour::ReadOnly),
    (GT_THREAD_STATUS, Behaviour::ReadOnly),
    (FORCEWAKE_ACK_GT, Behaviour::ReadOnly),
    (FORCEWAKE_ACK_RENDER, Behaviour::ReadOnly),
    (FORCEWAKE_ACK_MEDIA, Behaviour::ReadOnly),
];

/// Pairs of forcewake request and acknowledge of a platform.
pub fn forcewake(platform: &Platform) -> &'static [(MmioOffset, MmioOffset)] {
    const ONE: &[(MmioOffset, MmioOffset)] = &[(FORCEWAKE_GT, FORCEWAKE_ACK_GT)];
    const THREE: &[(MmioOffset, MmioOffset)] = &[
        (FORCEWAKE_GT, FORCEWAKE_ACK_GT),
        (FORCEWAKE_RENDER, FORCEWAKE_ACK_RENDER),
        (FORCEWAKE_MEDIA, FORCEWAKE_ACK_MEDIA),
    ];
    if platform.forcewake_domains {
        THREE
    } else {
        ONE
    }
}

/// The engines that the bits written to GDRST reset.
pub fn reset_domains(value: u32) -> impl Iterator<Item = EngineId> {
    EngineId::ALL.into_iter().filter(move |engine| {
        let own = match engine {
            EngineId::Rcs0 => GDRST_RENDER,
            EngineId::Bcs0 => GDRST_BLIT,
            EngineId::Vcs0 => GDRST_MEDIA,
            EngineId::Vcs1 => GDRST_MEDIA2,
            EngineId::Vecs0 => GDRST_VECS,
        };
        value & (GDRST_FULL | own) != 0
    })
}
