// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a user chooses about the GPU.

use crate::platform::{Platform, PlatformId};

/// Choices made before power-on; they cannot change afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Which GPU is modelled.
    pub platform: PlatformId,
    /// PCI device id; one of the platform's.
    pub device_id: u16,
    /// Bytes of BAR2: 256 MiB, 512 MiB or 1 GiB.
    pub aperture: u64,
    /// Seed of the reset values.
    pub seed: u64,
    /// Whether the display engine is there; if not, all pipes are fused off.
    pub display: bool,
    /// Whether the GPU says that it is a virtual one of GVT-g, as all of its kind do.
    pub vgpu: bool,
}

/// Why an option string was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// The first word names no platform.
    #[error("unknown GPU `{0}`: expected bdw, skl, kbl, bxt, cfl or cml")]
    UnknownPlatform(String),
    /// A word is not one of the options.
    #[error("unknown GPU option `{0}`: expected aperture=, seed=, id=, display= or vgpu=")]
    UnknownOption(String),
    /// The value of an option is not usable.
    #[error("bad value `{value}` for GPU option `{option}`: expected {expected}")]
    BadValue {
        /// Name of the option.
        option: &'static str,
        /// What was given.
        value: String,
        /// What would be accepted.
        expected: &'static str,
    },
}

const MIB: u64 = 1 << 20;

impl Default for Options {
    fn default() -> Self {
        Self::for_platform(PlatformId::Kabylake)
    }
}

impl Options {
    /// The default choices for a platform: its first device id, 256 MiB, seed 0, display on, no
    /// virtual GPU.
    pub fn for_platform(platform: PlatformId) -> Self {
        Self {
            platform,
            device_id: Platform::get(platform).device_ids[0].id,
            aperture: 256 * MIB,
            seed: 0,
            display: true,
            vgpu: false,
        }
    }

    /// Reads the form `kbl,aperture=512M,seed=3,id=5916,display=off,vgpu=on`.
    ///
    /// The platform comes first, the rest in any order; what is left out keeps its default.
    ///
    /// # Errors
    /// Names the word that was not understood.
    pub fn parse(text: &str) -> Result<Self, OptionsError> {
        let mut words = text.split(',').map(str::trim);
        let name = words.next().unwrap_or_default();
        let platform = PlatformId::from_name(name)
            .ok_or_else(|| OptionsError::UnknownPlatform(name.to_owned()))?;
        let mut options = Self::for_platform(platform);
        for word in words {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            match key {
                "aperture" => options.aperture = parse_aperture(value)?,
                "seed" => options.seed = parse_seed(value)?,
                "id" => options.device_id = parse_device_id(platform, value)?,
                "display" => options.display = parse_switch("display", value)?,
                "vgpu" => options.vgpu = parse_switch("vgpu", value)?,
                _ => return Err(OptionsError::UnknownOption(word.to_owned())),
            }
        }
        Ok(options)
    }
}

fn bad(option: &'static str, value: &str, expected: &'static str) -> OptionsError {
    OptionsError::BadValue {
        option,
        value: value.to_owned(),
        expected,
    }
}

fn parse_aperture(value: &str) -> Result<u64, OptionsError> {
    match value.to_ascii_lowercase().as_str() {
        "256m" => Ok(256 * MIB),
        "512m" => Ok(512 * MIB),
        "1g" | "1024m" => Ok(1024 * MIB),
        _ => Err(bad("aperture", value, "256M, 512M or 1G")),
    }
}

fn parse_seed(value: &str) -> Result<u64, OptionsError> {
    let parsed = match value.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => value.parse(),
    };
    parsed.map_err(|_| bad("seed", value, "a number"))
}

fn parse_device_id(platform: PlatformId, value: &str) -> Result<u16, OptionsError> {
    let digits = value.strip_prefix("0x").unwrap_or(value);
    let id = u16::from_str_radix(digits, 16).ok();
    let known = |id: &u16| {
        Platform::get(platform)
            .device_ids
            .iter()
            .any(|known| known.id == *id)
    };
    id.filter(known)
        .ok_or_else(|| bad("id", value, "a PCI device id of that platform, in hex"))
}

fn parse_switch(option: &'static str, value: &str) -> Result<bool, OptionsError> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(bad(option, value, "on or off")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_when_only_platform_then_defaults() {
        let options = Options::parse("skl").unwrap();

        assert_eq!(options.platform, PlatformId::Skylake);
        assert_eq!(options.device_id, 0x1912);
        assert_eq!(options.aperture, 256 * MIB);
        assert!(options.display);
        assert!(!options.vgpu);
    }

    #[test]
    fn parse_when_all_given_then_all_taken() {
        let text = "kbl,aperture=512M,seed=0x10,id=5916,display=off,vgpu=on";
        let options = Options::parse(text).unwrap();

        assert_eq!(options.aperture, 512 * MIB);
        assert_eq!(options.seed, 16);
        assert_eq!(options.device_id, 0x5916);
        assert!(!options.display);
        assert!(options.vgpu);
    }

    #[test]
    fn parse_when_unknown_word_then_names_it() {
        let error = Options::parse("kbl,colour=red").unwrap_err();

        assert_eq!(error, OptionsError::UnknownOption("colour=red".into()));
    }

    #[test]
    fn parse_when_device_of_other_platform_then_refused() {
        assert!(Options::parse("skl,id=5916").is_err());
        assert!(Options::parse("tgl").is_err());
        assert!(Options::parse("kbl,aperture=128M").is_err());
    }
}
