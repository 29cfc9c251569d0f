// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

fn dpcd() -> Dpcd {
    Dpcd::new().unwrap()
}

fn read(dpcd: &Dpcd, address: u32, count: usize) -> Vec<u8> {
    let mut bytes = vec![0xa5; count];
    dpcd.read(address, &mut bytes);
    bytes
}

/// Trains a link as i915 does: rate and lanes, then both patterns, then none.
fn train(rate: u8, lanes: u8, drive: u8) -> Dpcd {
    let mut dpcd = dpcd();
    dpcd.write(0x100, &[rate, 0x80 | lanes]).unwrap();
    for pattern in [0x21, 0x23] {
        dpcd.write(0x102, &[pattern, drive, drive, drive, drive])
            .unwrap();
    }
    dpcd.write(0x102, &[0]).unwrap();
    dpcd
}

#[test]
fn sink_is_one_of_displayport_1_2_with_four_fast_lanes() {
    let dpcd = dpcd();
    assert_eq!(read(&dpcd, 0, 4), [0x12, 0x14, 0xc4, 0]);
    assert_eq!(read(&dpcd, 0x200, 8), [1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(read(&dpcd, 0x600, 1), [1]);
    // Neither streams to branches (MSTM_CAP) nor extended capabilities.
    assert_eq!(
        (read(&dpcd, 0x21, 1), read(&dpcd, 0xe, 1)),
        (vec![0], vec![0])
    );
}

#[test]
fn training_succeeds_step_by_step_at_each_rate_and_number_of_lanes() {
    for rate in [0x06, 0x0a, 0x14] {
        for (lanes, clock, trained) in [
            (1, [0x01, 0x00], [0x07, 0x00]),
            (2, [0x11, 0x00], [0x77, 0x00]),
            (4, [0x11, 0x11], [0x77, 0x77]),
        ] {
            let mut dpcd = dpcd();
            dpcd.write(0x100, &[rate, 0x80 | lanes]).unwrap();
            assert_eq!(read(&dpcd, 0x202, 4), [0; 4]);
            dpcd.write(0x102, &[0x21]).unwrap();
            assert_eq!(read(&dpcd, 0x202, 2), clock);
            assert_eq!(read(&dpcd, 0x204, 2), [0, 0]);
            dpcd.write(0x102, &[0x22]).unwrap();
            assert_eq!(read(&dpcd, 0x202, 2), trained);
            assert_eq!(read(&dpcd, 0x204, 2), [1, 0]);
            dpcd.write(0x102, &[0]).unwrap();
            assert_eq!(read(&dpcd, 0x202, 2), trained);
            assert_eq!(read(&dpcd, 0x204, 2), [1, 1]);
        }
    }
}

#[test]
fn training_of_what_the_sink_does_not_have_fails() {
    for (rate, lanes) in [
        (0x1e, 4),
        (0x00, 4),
        (0x0a, 0),
        (0x0a, 3),
        (0x0a, 5),
        (0x0a, 31),
    ] {
        let dpcd = train(rate, lanes, 0);
        assert_eq!(read(&dpcd, 0x202, 4), [0; 4], "{rate:#x} {lanes}");
    }
}

#[test]
fn training_takes_all_levels_that_are_allowed_together_and_asks_for_no_others() {
    for swing in 0..4 {
        for pre_emphasis in 0..4 {
            let dpcd = train(0x0a, 4, swing | pre_emphasis << 3);
            let expected = match swing + pre_emphasis <= 3 {
                true => [0x77, 0x77, 1, 1],
                false => [0; 4],
            };
            assert_eq!(read(&dpcd, 0x202, 4), expected);
            let lane = swing | pre_emphasis << 2;
            assert_eq!(read(&dpcd, 0x206, 2), [lane | lane << 4; 2]);
        }
    }
}

#[test]
fn link_is_lost_when_its_signal_its_power_or_its_setting_goes() {
    let ways: [fn(&mut Dpcd); 4] = [
        Dpcd::link_lost,
        |dpcd| dpcd.write(0x600, &[2]).unwrap(),
        |dpcd| dpcd.write(0x100, &[0x0a]).unwrap(),
        |dpcd| dpcd.write(0x101, &[0x84]).unwrap(),
    ];
    for way in ways {
        let mut dpcd = train(0x0a, 4, 0);
        assert_eq!(read(&dpcd, 0x202, 4), [0x77, 0x77, 1, 1]);
        way(&mut dpcd);
        assert_eq!(read(&dpcd, 0x202, 4), [0; 4]);
        dpcd.write(0x102, &[2]).unwrap();
        assert_eq!(read(&dpcd, 0x202, 4), [0; 4], "it has no clock");
    }
}

#[test]
fn capabilities_and_status_cannot_be_written() {
    let mut dpcd = dpcd();
    for range in [0..0x100_u32, 0x200..0x300, 0x400..0x600] {
        for at in range {
            let before = read(&dpcd, at, 1);
            dpcd.write(at, &[!before[0]]).unwrap();
            assert_eq!(read(&dpcd, at, 1), before, "{at:#x}");
        }
    }
}

#[test]
fn s_25_each_address_and_length_is_inside_or_refused() {
    let mut dpcd = dpcd();
    for address in (0..0x720).chain([0xf_0000, 0xf_ffff, u32::MAX]) {
        for count in 0..=16 {
            let inside = address as usize + count <= SIZE;
            let bytes = vec![0x5a; count];
            assert_eq!(dpcd.write(address, &bytes).is_ok(), inside);
            let back = read(&dpcd, address, count);
            for (at, byte) in (address as usize..).zip(back) {
                assert!(at < SIZE || byte == 0, "{at:#x}");
            }
        }
    }
}

#[test]
fn reset_forgets_what_was_written() {
    let mut dpcd = train(0x0a, 4, 0);
    dpcd.write(0x300, &[1, 2, 3]).unwrap();
    dpcd.reset();
    let fresh = Dpcd::new().unwrap();
    assert_eq!(read(&dpcd, 0, SIZE), read(&fresh, 0, SIZE));
}

proptest! {
    #[test]
    fn status_is_made_of_what_it_can_be_made_of(
        writes in proptest::collection::vec((0x100..0x108_u32, any::<u8>()), 0..40),
    ) {
        let mut dpcd = dpcd();
        for (address, value) in writes {
            dpcd.write(address, &[value]).unwrap();
            let status = read(&dpcd, 0x202, 4);
            let lanes = [status[0] & 0xf, status[0] >> 4, status[1] & 0xf, status[1] >> 4];
            prop_assert!(lanes.iter().all(|lane| matches!(lane, 0 | 1 | 7)));
            prop_assert!(status[2] == 0 || lanes[0] == 7);
            prop_assert!(status[3] == 0 || status[2] == 1);
        }
    }
}
