// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What registers do not do yet, by name: the part that needs a monitor.
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
pub static LATER: [Later; 3] = [
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
