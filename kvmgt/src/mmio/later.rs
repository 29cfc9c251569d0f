// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What registers do not do yet, by name: the part that needs an engine that runs, or a display.
//!
//! Whoever builds a part takes it off this list.

/// The parts of the project that the rest comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issue {
    /// Contexts of guests run on the engines.
    C,
    /// Guests have a monitor.
    D,
}

/// What a register does until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Today {
    /// It remembers what is written.
    Plain,
    /// All but what is missing.
    InPart,
}

/// Registers that lack something.
#[derive(Clone, Copy, Debug)]
pub struct Later {
    /// What they are called in the register table.
    pub registers: &'static [&'static str],
    /// What they do.
    pub today: Today,
    /// What brings the rest.
    pub issue: Issue,
    /// The rest.
    pub missing: &'static str,
}

/// All that is missing.
#[rustfmt::skip]
pub static LATER: [Later; 16] = [
    Later {
        registers: &["RCS_RING_ELSP", "BCS_RING_ELSP", "VCS_RING_ELSP", "VCS1_RING_ELSP", "VECS_RING_ELSP"],
        today: Today::Plain,
        issue: Issue::C,
        missing: "submits the contexts that four writes name",
    },
    Later {
        registers: &["RCS_RING_MODE", "BCS_RING_MODE", "VCS_RING_MODE", "VCS1_RING_MODE", "VECS_RING_MODE"],
        today: Today::InPart,
        issue: Issue::C,
        missing: "the run-list bit makes the engine take contexts, and the vGPU be scheduled",
    },
    Later {
        registers: &["RCS_RING_HWS_PGA", "BCS_RING_HWS_PGA", "VCS_RING_HWS_PGA", "VCS1_RING_HWS_PGA", "VECS_RING_HWS_PGA"],
        today: Today::InPart,
        issue: Issue::C,
        missing: "context status is written to the page",
    },
    Later {
        registers: &[
            "RCS_RING_ACTHD_UDW", "RCS_RING_INSTDONE", "RCS_RING_ACTHD",
            "BCS_RING_ACTHD_UDW", "BCS_RING_INSTDONE", "BCS_RING_ACTHD",
            "VCS_RING_ACTHD_UDW", "VCS_RING_INSTDONE", "VCS_RING_ACTHD",
            "VCS1_RING_ACTHD_UDW", "VCS1_RING_INSTDONE", "VCS1_RING_ACTHD",
            "VECS_RING_ACTHD_UDW", "VECS_RING_INSTDONE", "VECS_RING_ACTHD",
        ],
        today: Today::Plain,
        issue: Issue::C,
        missing: "reads the GPU's while the vGPU has the engine",
    },
    Later {
        registers: &[
            "RCS_RING_TIMESTAMP", "RCS_RING_TIMESTAMP_UDW", "BCS_RING_TIMESTAMP", "BCS_RING_TIMESTAMP_UDW",
            "VCS_RING_TIMESTAMP", "VCS_RING_TIMESTAMP_UDW", "VCS1_RING_TIMESTAMP", "VCS1_RING_TIMESTAMP_UDW",
            "VECS_RING_TIMESTAMP", "VECS_RING_TIMESTAMP_UDW", "GEN7_SC_INSTDONE",
        ],
        today: Today::Plain,
        issue: Issue::C,
        missing: "reads the GPU's, which must be awake",
    },
    Later {
        registers: &["RCS_TLB_CTL", "BCS_TLB_CTL", "VCS_TLB_CTL", "VCS1_TLB_CTL", "VECS_TLB_CTL"],
        today: Today::InPart,
        issue: Issue::C,
        missing: "the TLB is invalidated when the vGPU next gets the engine",
    },
    Later {
        registers: &["GEN6_GDRST"],
        today: Today::InPart,
        issue: Issue::C,
        missing: "what the guest has submitted to the engines ends",
    },
    Later {
        registers: &["GEN8_GAMW_ECO_DEV_RW_IA"],
        today: Today::InPart,
        issue: Issue::C,
        missing: "PPGTTs are shadowed with pages of 64 KiB",
    },
    Later {
        registers: &["TRTTE"],
        today: Today::InPart,
        issue: Issue::C,
        missing: "written to the GPU again after a suspend of the host",
    },
    Later {
        registers: &["REG_04DFC"],
        today: Today::Plain,
        issue: Issue::C,
        missing: "written to the GPU again after a suspend of the host",
    },
    Later {
        registers: &["PVINFO"],
        today: Today::InPart,
        issue: Issue::C,
        missing: "notifications make and destroy shadows of PPGTTs",
    },
    Later {
        registers: &["TRANSCONF_TRANSCODER_A", "TRANSCONF_TRANSCODER_B", "TRANSCONF_TRANSCODER_C", "TRANSCONF_TRANSCODER_EDP"],
        today: Today::InPart,
        issue: Issue::D,
        missing: "vertical blanks come as long as it is on, at the rate of the mode",
    },
    Later {
        registers: &[
            "DSPSURF_PIPE_A", "DSPSURF_PIPE_B", "DSPSURF_PIPE_C",
            "SPRSURF_PIPE_A", "SPRSURF_PIPE_B", "SPRSURF_PIPE_C",
            "REG_50080_PIPE_A_PLANE_PRIMARY", "REG_50080_PIPE_B_PLANE_PRIMARY", "REG_50080_PIPE_C_PLANE_PRIMARY",
            "REG_50080_PIPE_A_PLANE_SPRITE0", "REG_50080_PIPE_B_PLANE_SPRITE0", "REG_50080_PIPE_C_PLANE_SPRITE0",
        ],
        today: Today::InPart,
        issue: Issue::D,
        missing: "a flip that waits for the vertical blank is done then",
    },
    Later {
        registers: &["PCH_GMBUS0", "PCH_GMBUS4"],
        today: Today::InPart,
        issue: Issue::D,
        missing: "a monitor answers with its EDID",
    },
    Later {
        registers: &[
            "DP_AUX_CH_CTL_AUX_CH_A", "DP_AUX_CH_CTL_AUX_CH_B", "DP_AUX_CH_CTL_AUX_CH_C", "DP_AUX_CH_CTL_AUX_CH_D",
            "PCH_DP_AUX_CH_CTL_AUX_CH_B", "PCH_DP_AUX_CH_CTL_AUX_CH_C", "PCH_DP_AUX_CH_CTL_AUX_CH_D",
        ],
        today: Today::InPart,
        issue: Issue::D,
        missing: "a monitor answers with its DPCD and its EDID",
    },
    Later {
        registers: &["PCH_PORT_HOTPLUG"],
        today: Today::InPart,
        issue: Issue::D,
        missing: "a monitor that comes or goes sets its status",
    },
];
