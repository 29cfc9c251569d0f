// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::testing;
use std::vec::Vec;

fn shares(aperture: u64) -> Shares {
    Shares::new(&testing::info(aperture))
}

/// The `n` of the listed types' names, and how many vGPUs of each there can be.
fn listed(shares: &Shares) -> Vec<(u32, u32)> {
    let kinds = shares.kinds();
    kinds
        .map(|kind| (kind.share, shares.available(kind)))
        .collect()
}

#[test]
fn kinds_and_instances_on_each_aperture_are_those_that_users_know() {
    assert_eq!(listed(&shares(256 * MIB)), [(8, 2), (4, 1)]);
    assert_eq!(listed(&shares(512 * MIB)), [(8, 6), (4, 3), (2, 1)]);
    assert_eq!(
        listed(&shares(1024 * MIB)),
        [(8, 7), (4, 5), (2, 2), (1, 1)]
    );
}

#[test]
fn kinds_on_an_aperture_that_the_host_needs_itself_are_none() {
    assert_eq!(listed(&shares(128 * MIB)), []);
    assert_eq!(listed(&shares(64 * MIB)), []);
}

#[test]
fn take_until_nothing_is_left_keeps_all_types_listed() {
    let mut shares = shares(256 * MIB);
    shares.take(&KINDS[0]).unwrap();

    assert_eq!(listed(&shares), [(8, 1), (4, 0)]);

    shares.take(&KINDS[0]).unwrap();

    assert_eq!(listed(&shares), [(8, 0), (4, 0)]);
    let lacking = Shortage {
        resource: Resource::Aperture,
        left: 0,
        needed: 64 * MIB,
    };
    assert_eq!(shares.take(&KINDS[0]), Err(lacking));
}

#[test]
fn take_gives_the_lowest_free_id_from_1_to_7() {
    let mut shares = shares(1024 * MIB);
    let take = |shares: &mut Shares| shares.take(&KINDS[0]).map(VgpuId::number);

    for id in 1..=7 {
        assert_eq!(take(&mut shares), Ok(id));
    }
    assert_eq!(listed(&shares), [(8, 0), (4, 0), (2, 0), (1, 0)]);
    assert_eq!(take(&mut shares).unwrap_err().resource, Resource::High);
    shares.give_back(VgpuId(3), &KINDS[0]);
    assert_eq!(take(&mut shares), Ok(3));
}

#[test]
fn take_of_what_only_one_resource_lacks_names_that_one() {
    let full = testing::info(1024 * MIB);
    let lacking = |info: Info| {
        let mut shares = Shares::new(&info);
        loop {
            if let Err(shortage) = shares.take(&KINDS[0]) {
                return shortage;
            }
        }
    };

    let aperture = Info {
        aperture_size: 320 * MIB,
        ..full
    };
    assert_eq!(lacking(aperture).resource, Resource::Aperture);
    let fences = Info {
        fence_count: 10,
        ..full
    };
    let shortage = Shortage {
        resource: Resource::Fences,
        left: 2,
        needed: 4,
    };
    assert_eq!(lacking(fences), shortage);
    let vgpus = Info {
        ggtt_size: 1 << 40,
        aperture_size: 1 << 39,
        fence_count: 1000,
        ..full
    };
    assert_eq!(lacking(vgpus).resource, Resource::Vgpus);
}

#[test]
fn give_back_of_all_is_as_it_was() {
    let mut shares = shares(512 * MIB);
    let before = listed(&shares);
    let small = shares.take(&KINDS[0]).unwrap();
    let large = shares.take(&KINDS[2]).unwrap();

    shares.give_back(small, &KINDS[0]);
    shares.give_back(large, &KINDS[2]);

    assert_eq!(listed(&shares), before);
    assert_eq!(shares.take(&KINDS[2]).map(VgpuId::number), Ok(1));
}

#[test]
fn new_on_a_gpu_that_has_nothing_offers_nothing() {
    let info = Info {
        ggtt_size: 0,
        aperture_size: 0,
        fence_count: 0,
        ..testing::info(256 * MIB)
    };
    let mut shares = Shares::new(&info);

    assert_eq!(listed(&shares), []);
    assert_eq!(shares.available(&KINDS[0]), 0);
    assert!(shares.take(&KINDS[0]).is_err());
}
