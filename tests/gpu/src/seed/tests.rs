// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What every seed keeps, and that nothing was forgotten.

use std::collections::BTreeSet;

use iface::registers::Source;

use super::*;

fn secret_offsets(platform: PlatformId) -> BTreeSet<u32> {
    secrets(platform, 1).map(|(offset, _)| offset.0).collect()
}

#[test]
fn every_tracked_dword_when_looked_up_varies_or_says_why_not() {
    for platform in PlatformId::ALL {
        let secret = secret_offsets(platform);
        let forgotten: Vec<String> = tracked_dwords(platform)
            .filter(|at| legal::mask(*at) == 0)
            .filter(|at| fixed::reason(*at).is_none() && !secret.contains(at))
            .map(|at| format!("{at:#x}"))
            .collect();

        assert!(forgotten.is_empty(), "{platform:?}: {forgotten:?}");
    }
}

#[test]
fn scrub_list_when_compared_with_secrets_is_covered_whole() {
    for platform in PlatformId::ALL {
        let secret = secret_offsets(platform);

        let missing = registers::rows(contract_platform(platform), true)
            .filter(|row| matches!(row.source, Source::Scrubbed))
            .flat_map(|row| (row.offset..row.offset + row.size).step_by(4))
            .filter(|at| !secret.contains(at))
            .count();

        assert_eq!(missing, 0, "{platform:?}");
    }
}

#[test]
fn secrets_when_not_scrubbed_are_display_registers_with_a_default() {
    for platform in PlatformId::ALL {
        let table = contract_platform(platform);

        for at in secret_offsets(platform) {
            let row = registers::find(table, true, at);
            let source = row.map(|row| row.source);
            let guarded = matches!(source, None | Some(Source::Scrubbed | Source::Display));
            assert!(guarded, "{platform:?} {at:#x} is taken from hardware");
        }
    }
}

#[test]
fn registers_when_seeds_differ_mostly_differ() {
    let platform = Platform::get(PlatformId::Kabylake);
    let hardware: Vec<u32> = registers::rows(contract_platform(platform.id), false)
        .filter(|row| matches!(row.source, Source::Hardware))
        .flat_map(|row| (row.offset..row.offset + row.size).step_by(4))
        .collect();
    let value = |seed, at: &u32| reset_value(platform, seed, MmioOffset(*at));

    let different = hardware
        .iter()
        .filter(|at| value(1, at) != value(2, at))
        .count();

    // The rest is what `fixed` names, and the few that agree by chance.
    assert!(
        different * 10 > hardware.len() * 8,
        "{different} of {}",
        hardware.len()
    );
}

#[test]
fn value_when_asked_twice_is_the_same_and_inside_the_mask() {
    for platform in PlatformId::ALL.map(Platform::get) {
        for at in tracked_dwords(platform.id).map(MmioOffset) {
            let value = reset_value(platform, 7, at);

            assert_eq!(value, reset_value(platform, 7, at));
            let fixed = platform.fixed.iter().any(|(offset, _)| *offset == at);
            assert!(fixed || value & !legal::mask(at.0) == 0, "{at}");
            assert!(!is_secret(value), "{at}");
        }
    }
}

#[test]
fn fuses_when_seeds_differ_stay() {
    for platform in PlatformId::ALL.map(Platform::get) {
        let mut regs = [RegisterFile::default(), RegisterFile::default()];
        (1..)
            .zip(&mut regs)
            .for_each(|(seed, regs)| fill(regs, platform, seed));

        for (offset, value) in platform.fixed {
            assert_eq!(regs.each_ref().map(|regs| regs.get(*offset)), [*value; 2]);
        }
    }
}

#[test]
fn secrets_when_seeds_differ_differ_and_are_recognised() {
    let planted = |seed| secrets(PlatformId::Skylake, seed).map(|(_, value)| value);

    assert!(planted(1).all(is_secret));
    assert!(config_secrets(1).all(|(_, value)| is_secret(value)));
    let same = planted(1)
        .zip(planted(2))
        .filter(|(one, two)| one == two)
        .count();
    assert!(same * 20 < planted(1).count(), "{same}");
}

#[test]
fn lists_when_compared_do_not_contradict() {
    assert!(legal::LEGAL.is_sorted_by(|one, two| one.offset + one.size <= two.offset));
    assert!(legal::ENGINE_LEGAL.is_sorted_by(|one, two| one.offset + one.size <= two.offset));
    for rule in legal::LEGAL {
        let of_engine = fixed::ENGINE_FIXED.iter().any(|other| {
            legal::ENGINE_BASES.iter().any(|base| {
                rule.offset < base + other.end && base + other.offset < rule.offset + rule.size
            })
        });
        assert!(!of_engine, "{rule:x?}");
        assert!(
            rule.offset % 4 == 0 && rule.size % 4 == 0 && rule.mask != 0,
            "{rule:x?}"
        );
    }
}
