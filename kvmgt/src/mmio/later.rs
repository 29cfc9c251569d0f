// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What registers do not do yet, by name: the part that needs a display, or that the host
//! suspends.
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
pub static LATER: [Later; 7] = [
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
