// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The GPUs that GVT-g knows.

use core::fmt;

/// A family of GPUs; its number is part of the contract.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// Broadwell, Gen8.
    Bdw = 1,
    /// Skylake, Gen9.
    Skl = 2,
    /// Kaby Lake and Amber Lake, Gen9.5.
    Kbl = 3,
    /// Broxton (Apollo Lake), Gen9.
    Bxt = 4,
    /// Coffee Lake and Whiskey Lake, Gen9.5.
    Cfl = 5,
    /// Comet Lake, Gen9.5.
    Cml = 6,
}

impl Platform {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Bdw,
        Self::Skl,
        Self::Kbl,
        Self::Bxt,
        Self::Cfl,
        Self::Cml,
    ];

    /// The platform of a number that came through the contract.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|p| *p as u32 == number)
    }

    /// Its three letters, as they are used in options and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bdw => "bdw",
            Self::Skl => "skl",
            Self::Kbl => "kbl",
            Self::Bxt => "bxt",
            Self::Cfl => "cfl",
            Self::Cml => "cml",
        }
    }

    /// The platform of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|p| p.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of platforms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platforms(u8);

impl Platforms {
    /// Every platform.
    pub const ALL: Self = {
        let mut set = Self(0);
        let mut i = 0;
        while i < Platform::ALL.len() {
            set = set.with(Platform::ALL[i]);
            i += 1;
        }
        set
    };

    /// One platform.
    pub const fn only(platform: Platform) -> Self {
        Self(1 << platform as u8)
    }

    /// The set and `platform`.
    pub const fn with(self, platform: Platform) -> Self {
        Self(self.0 | Self::only(platform).0)
    }

    /// The set but `platform`.
    pub const fn without(self, platform: Platform) -> Self {
        Self(self.0 & !Self::only(platform).0)
    }

    /// Whether `platform` is in the set.
    pub const fn contains(self, platform: Platform) -> bool {
        self.0 & Self::only(platform).0 != 0
    }

    /// The set as a bit mask, bit *n* for platform number *n*.
    pub const fn bits(self) -> u8 {
        self.0
    }
}
