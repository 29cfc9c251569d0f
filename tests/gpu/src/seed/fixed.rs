// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Registers that must not depend on the seed, by name of what they are.
//!
//! Their reset value is a property of the part or of its state after reset. Drivers branch on it
//! when they start, or poll it, or the model acts on it.

use super::legal::ENGINE_BASES;

/// Why a register does not vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Burnt in at the factory.
    Fuse,
    /// Wired on the board.
    Strap,
    /// States what the part can do.
    Capability,
    /// Acknowledges a request.
    Acknowledge,
    /// Says that a unit is idle, ready or out of reset.
    Idle,
    /// Status of something that happened: nothing did.
    Status,
    /// Turns a unit on or chooses how it works: reset turns it off.
    Enable,
    /// Masks or enables interrupts: reset lets none through.
    Interrupt,
    /// Counts from 0 at reset.
    Counter,
    /// Belongs to the memory controller, not to the GPU.
    MemoryController,
    /// Timings, formats and positions that a display driver reads back when it starts.
    DisplayState,
    /// A page of the hypervisor's, which hardware does not have.
    Pvinfo,
}

use Reason::*;

/// Registers from `offset` on that do not vary.
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    /// First register.
    pub offset: u32,
    /// The first offset behind.
    pub end: u32,
    /// Why.
    pub reason: Reason,
}

const fn at(offset: u32, reason: Reason) -> Fixed {
    Fixed {
        offset,
        end: offset + 4,
        reason,
    }
}

const fn to(offset: u32, end: u32, reason: Reason) -> Fixed {
    Fixed {
        offset,
        end,
        reason,
    }
}

/// Registers that every engine has, by their distance from its base.
pub const ENGINE_FIXED: &[Fixed] = &[
    at(0x24, Status),          // PGTBL_ER.
    at(0x28, Enable),          // EXCC: what an engine waits for.
    to(0x30, 0x38, Idle),      // RING_TAIL, RING_HEAD: equal, nothing to do.
    at(0x3c, Enable),          // RING_CTL.
    at(0x50, Enable),          // RING_PSMI_CTL.
    at(0x6c, Idle),            // INSTDONE.
    at(0x70, Status),          // INSTPS.
    at(0x98, Interrupt),       // HWSTAM.
    at(0x9c, Idle),            // MI_MODE.
    at(0xa8, Interrupt),       // IMR.
    at(0xb0, Status),          // EIR.
    at(0xd0, Acknowledge),     // RESET_CTL.
    at(0x110, Status),         // BB_STATE.
    at(0x244, Enable),         // CONTEXT_CONTROL.
    at(0x29c, Enable),         // MODE.
    to(0x358, 0x360, Counter), // TIMESTAMP.
    at(0x3a0, Status),         // CSB pointer.
];

/// Everything else.
pub const FIXED: &[Fixed] = &[
    at(0xd00, Capability),       // RPM_CONFIG0: crystal frequency.
    at(0xd40, Enable),           // RC6_LOCATION.
    at(0xd84, Acknowledge),      // Forcewake, render.
    at(0xd88, Acknowledge),      // Forcewake, media.
    at(0x21a8, Capability),      // CXT_SIZE.
    to(0x2300, 0x2358, Counter), // Pipeline statistics.
    at(0x2360, Counter),
    at(0x2b00, Enable),              // OACONTROL.
    at(0x4080, Enable),              // GAMW_ECO_DEV_RW_IA: 64 KiB pages.
    at(0x40a0, Status),              // ERROR_GEN6.
    at(0x40b0, Idle),                // DONE_REG.
    to(0x4260, 0x4274, Acknowledge), // TLB invalidation requests.
    at(0x4df4, Enable),              // TRTTE.
    to(0x5200, 0x5290, Counter),     // Stream output statistics.
    at(0x7100, Idle),                // SC_INSTDONE.
    at(0x9120, Fuse),                // FUSE2.
    to(0x9134, 0x9140, Fuse),        // EU_DISABLE.
    at(0x941c, Acknowledge),         // GDRST.
    at(0xa000, Enable),              // GFXPAUSE.
    at(0xa008, Enable),              // RPNSWREQ: requested frequency.
    at(0xa01c, Status),              // RPSTAT1.
    at(0xa024, Enable),              // RP_CONTROL.
    to(0xa050, 0xa068, Counter),     // Busy counters.
    at(0xa090, Enable),              // RC_CONTROL.
    at(0xa168, Interrupt),           // PMINTRMSK.
    at(0xa180, Enable),              // ECOBUS.
    to(0xa188, 0xa190, Acknowledge), // Forcewake requests.
    at(0xa210, Enable),              // PG_ENABLE.
    at(0xa270, Acknowledge),
    at(0xa278, Acknowledge),
    at(0xc000, Idle),         // GUC_STATUS.
    at(0xc314, Status),       // DMA_CTRL.
    to(0xe160, 0xe168, Idle), // SAMPLER_INSTDONE, ROW_INSTDONE.
    at(0x4_1000, Enable),     // VGACNTRL.
    at(0x4_2000, Fuse),       // FUSE_STATUS.
    at(0x4_2014, Strap),      // FUSE_STRAP.
    at(0x4_2020, Strap),      // FUSE_STRAP3.
    at(0x4_2300, Status),     // FPGA_DBG: unclaimed accesses.
    at(0x4_3210, Status),     // FBC status.
    at(0x4_3408, Enable),     // IPS_CTL.
    at(0x4_4030, Status),     // Hotplug of port A.
    at(0x4_4040, Status),     // ERR_INT.
    at(0x4_4070, Counter),    // Display time stamp.
    to(0x4_4200, 0x4_4500, Interrupt),
    to(0x4_4500, 0x4_9000, DisplayState),
    to(0x4_9000, 0x4_f000, DisplayState),
    to(0x5_0000, 0x5_1000, DisplayState),
    at(0x5_1000, Fuse), // DFSM.
    to(0x6_0000, 0x7_8000, DisplayState),
    to(0x7_8000, 0x7_9000, Pvinfo),
    to(0x7_f000, 0x8_0000, DisplayState),
    to(0x8_0000, 0x9_0000, DisplayState), // The display's microcontroller: no program.
    to(0xc_2000, 0xc_2014, DisplayState),
    at(0xc_2014, Strap), // SFUSE_STRAP.
    to(0xc_2018, 0xc_4000, DisplayState),
    to(0xc_4000, 0xc_4010, Interrupt),
    to(0xc_4010, 0x10_0000, DisplayState), // The PCH's half of the display.
    at(0x10_1008, Acknowledge),            // GFX_FLSH_CNTL.
    to(0x12_0000, 0x12_000c, Status),      // GT FIFO.
    at(0x12_0010, Capability),             // EDRAM_CAP.
    at(0x13_0040, Idle),                   // LCPLL_CTL: locked.
    at(0x13_0044, Acknowledge),            // Forcewake, GT.
    at(0x13_0090, Acknowledge),
    to(0x13_8000, 0x13_8090, Status),
    at(0x13_8090, Enable),                 // PHY power.
    to(0x13_8124, 0x13_8130, Acknowledge), // PCODE mailbox.
    at(0x13_8144, DisplayState),           // D_COMP.
    at(0x13_8170, Capability),             // RP_STATE_CAP.
    to(0x14_0000, 0x18_0000, MemoryController),
];

/// Why the register at `offset` does not vary; `None` if it does, or is not known.
pub fn reason(offset: u32) -> Option<Reason> {
    let of = |rules: &[Fixed], at: u32| {
        rules
            .iter()
            .find(|rule| (rule.offset..rule.end).contains(&at))
            .map(|rule| rule.reason)
    };
    let of_engine = ENGINE_BASES
        .iter()
        .filter_map(|base| offset.checked_sub(*base))
        .find(|distance| *distance < 0x1000)
        .and_then(|distance| of(ENGINE_FIXED, distance));
    of_engine.or_else(|| of(FIXED, offset))
}
