// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The GPU that a user chooses, as far as vGPUs leave the choice.

use gen9_gpu::{Options, OptionsError};
use gvt_host::World;
use kvmgt_core::vgpu::shares::Shares;

use crate::gpu::{find_kind, Machine};

/// Bytes of all apertures that a GPU may have, the smallest first.
const APERTURES: [u64; 3] = [256 << 20, 512 << 20, 1024 << 20];
/// The option that names one.
const APERTURE: &str = "aperture=";

/// A GPU as `--gpu` describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    options: Options,
    names_aperture: bool,
}

impl Choice {
    /// Reads what [`Options::parse`] reads.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn parse(text: &str) -> Result<Self, OptionsError> {
        let mut words = text.split(',').map(str::trim);
        Ok(Self {
            options: Options::parse(text)?,
            names_aperture: words.any(|word| word.starts_with(APERTURE)),
        })
    }

    /// Switches on a machine with such a GPU, of the smallest aperture that `count` vGPUs of those
    /// types fit on, the last for all that follow, if none was named. Without a type it is the smallest
    /// one.
    ///
    /// If they fit on none it is the largest: whoever makes the vGPUs finds what is lacking.
    pub fn machine(&self, kinds: &[String], count: u32) -> Machine {
        let apertures = if self.names_aperture {
            &[]
        } else {
            APERTURES.as_slice()
        };
        let mut machine = None;
        for aperture in apertures {
            let fitting = machine.insert(Machine::new(Options {
                aperture: *aperture,
                ..self.options.clone()
            }));
            if fit(fitting, kinds, count) {
                break;
            }
        }
        machine.unwrap_or_else(|| Machine::new(self.options.clone()))
    }
}

/// Whether so many vGPUs of those types fit on a machine's GPU.
fn fit(machine: &Machine, kinds: &[String], count: u32) -> bool {
    let mut shares = Shares::new(&machine.bed().card().info());
    let platform = machine.bed().machine().platform();
    (0..count as usize).all(|number| {
        let kind = match kinds.get(number).or(kinds.last()) {
            Some(name) => find_kind(&shares, platform, name),
            None => shares.kinds().next(),
        };
        kind.is_some_and(|kind| shares.take(kind).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The aperture of the GPU, in MiB.
    fn aperture(gpu: &str, kinds: &[&str], count: u32) -> u64 {
        let kinds: Vec<_> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let machine = Choice::parse(gpu).unwrap().machine(&kinds, count);
        machine.bed().machine().options().aperture >> 20
    }

    #[test]
    fn machine_when_no_aperture_is_named_then_smallest_that_fits() {
        assert_eq!(aperture("kbl", &[], 1), 256);
        assert_eq!(aperture("kbl", &[], 2), 256);
        assert_eq!(aperture("kbl,seed=1", &["V5_8"], 3), 512);
        assert_eq!(aperture("bdw", &["V4_4"], 2), 512);
        assert_eq!(aperture("kbl", &["i915-GVTg_V5_1"], 1), 1024);
        assert_eq!(aperture("kbl", &[], 7), 1024);
        assert_eq!(aperture("kbl", &["V5_4", "V5_8"], 2), 512);
        assert_eq!(aperture("kbl", &["V5_2", "V5_4", "V5_8"], 5), 1024);
    }

    #[test]
    fn machine_when_aperture_is_named_then_that() {
        assert_eq!(aperture("kbl,aperture=512M", &[], 1), 512);
        assert_eq!(aperture("kbl,aperture=256M", &[], 7), 256);
    }

    #[test]
    fn machine_when_nothing_fits_then_largest() {
        assert_eq!(aperture("kbl", &["V5_1"], 2), 1024);
        assert_eq!(aperture("kbl", &["V5_3"], 1), 1024);
    }
}
