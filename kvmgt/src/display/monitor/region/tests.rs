// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use std::vec;
use std::vec::Vec;

const SIZE_OF: Resolution = Resolution {
    width: 1024,
    height: 768,
};

fn edid() -> Vec<u8> {
    Edid::new(SIZE_OF, SIZE_OF).unwrap().base.to_vec()
}

fn region() -> Region {
    let mut region = Region::new(SIZE_OF).unwrap();
    region.hold(&Edid::new(SIZE_OF, SIZE_OF).unwrap());
    region
}

fn read(region: &Region, offset: u64, len: usize) -> Vec<u8> {
    let mut data = vec![0xa5; len];
    region.read(true, offset, &mut data).unwrap();
    data
}

fn field(region: &Region, offset: u64) -> u32 {
    u32::from_le_bytes(read(region, offset, 4).try_into().unwrap())
}

#[test]
fn region_tells_what_the_monitor_is() {
    let region = region();
    let fields: Vec<_> = (0..6).map(|n| field(&region, 4 * n)).collect();
    assert_eq!(fields, [2048, 2048, 128, 1024, 768, 1]);
    assert_eq!(read(&region, 2048, 128), edid());
    assert_eq!(read(&region, 24, 2024), [0; 2024]);
    assert_eq!(read(&region, 2176, 1920), [0; 1920]);
    let mut link = [0; 4];
    region.read(false, 20, &mut link).unwrap();
    assert_eq!(link, [2, 0, 0, 0]);
}

#[test]
fn s_04_access_that_is_not_inside_is_refused() {
    let mut region = region();
    for offset in [
        4096,
        4095,
        0x1_0000,
        0x1_0014,
        0x1_0800,
        u64::from(u32::MAX) + 1,
        u64::MAX,
        u64::MAX - 3,
    ] {
        let mut data = [1; 4];
        assert_eq!(region.read(true, offset, &mut data), Err(EINVAL));
        assert_eq!(region.write(offset, &data), Err(EINVAL), "{offset:#x}");
    }
    assert_eq!(region.write(1, &[0; 4096]), Err(EINVAL));
    assert_eq!(region.read(true, 0, &mut [0; 4097]), Err(EINVAL));
    assert_eq!(read(&region, 2048, 128), edid());
}

#[test]
fn s_04_size_that_is_larger_than_the_region_is_no_edid() {
    let mut region = region();
    for size in [0, 1, 127, 129, 256, 2048, 2049, 4096, u32::MAX] {
        region.write(8, &size.to_le_bytes()).unwrap();
        assert_eq!(field(&region, 8), size);
        assert_eq!(region.write(20, &[1, 0, 0, 0]), Err(EINVAL), "{size}");
    }
    region.write(8, &128_u32.to_le_bytes()).unwrap();
    assert_eq!(region.write(20, &[1, 0, 0, 0]), Ok(Some(true)));
}

#[test]
fn what_is_written_in_pieces_is_the_same() {
    let fresh = Edid::new(
        Resolution {
            width: 800,
            height: 600,
        },
        SIZE_OF,
    );
    let fresh = fresh.unwrap().base;
    for width in [1, 2, 4, 8, 128] {
        let mut region = Region::new(SIZE_OF).unwrap();
        for (at, piece) in (2048..).step_by(width).zip(fresh.chunks(width)) {
            assert_eq!(region.write(at, piece), Ok(None));
        }
        let field = width.min(4);
        for (at, piece) in (8..).step_by(field).zip([128, 0, 0, 0].chunks(field)) {
            assert_eq!(region.write(at, piece), Ok(None));
        }
        let links: Vec<_> = (20..)
            .step_by(field)
            .zip([1, 0, 0, 0].chunks(field))
            .map(|(at, piece)| region.write(at, piece).unwrap())
            .collect();
        assert_eq!(links[0], Some(true));
        assert!(links[1..].iter().all(Option::is_none), "once");
        assert_eq!(region.edid(), fresh);
    }
}

#[test]
fn fields_that_can_only_be_read_ignore_writes() {
    let mut region = region();
    for offset in [0, 4, 12, 16, 24, 2044] {
        assert_eq!(region.write(offset, &[0xff; 4]), Ok(None));
    }
    // The two around the size, with it in their middle.
    assert_eq!(
        region.write(6, &[0xff, 0xff, 0x80, 0, 0, 0, 0xff, 0xff]),
        Ok(None)
    );
    let fields: Vec<_> = (0..6).map(|n| field(&region, 4 * n)).collect();
    assert_eq!(fields, [2048, 2048, 128, 1024, 768, 1]);
    assert_eq!(read(&region, 24, 2024), [0; 2024]);
}

#[test]
fn link_has_two_states_and_needs_an_edid_to_be_up() {
    let mut region = region();
    for value in [0, 3, 4, 255, 256, 257, 0x100_0001, u32::MAX] {
        assert_eq!(region.write(20, &value.to_le_bytes()), Err(EINVAL));
    }
    assert_eq!(region.write(20, &[2, 0, 0, 0]), Ok(Some(false)));
    region.write(2048 + 60, &[0xff]).unwrap();
    assert_eq!(
        region.write(20, &[1, 0, 0, 0]),
        Err(EINVAL),
        "its sum is wrong"
    );
    assert_eq!(
        region.write(20, &[2, 0, 0, 0]),
        Ok(Some(false)),
        "that needs none"
    );
}

#[test]
fn write_of_everything_at_once_is_judged_by_what_it_writes() {
    let mut region = region();
    let mut all = vec![0; 4096];
    region.read(true, 0, &mut all).unwrap();
    assert_eq!(region.write(0, &all), Ok(Some(true)));
    all[2048 + 8] ^= 1;
    assert_eq!(region.write(0, &all), Err(EINVAL));
}

#[test]
fn edid_may_have_fifteen_extensions() {
    let mut region = region();
    let mut blob = edid();
    blob[126] = 15;
    blob[127] = blob[127].wrapping_sub(15);
    blob.resize(2048, 0);
    region.write(2048, &blob).unwrap();
    region.write(8, &2048_u32.to_le_bytes()).unwrap();
    assert_eq!(region.write(20, &[1, 0, 0, 0]), Ok(Some(true)));
    assert_eq!(region.edid(), blob);
}
