// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::testing;

const PAGE: u64 = PAGE_SIZE;
const OWN: Range<u64> = 0x10_0000..0x20_0000;

fn fence(first: u64, last: u64) -> Fence {
    Fence(last << LAST_SHIFT | first | VALID)
}

#[test]
fn fence_is_inside_from_the_first_page_to_the_last() {
    for (first, last, inside) in [
        (OWN.start, OWN.start, true),
        (OWN.start, OWN.end - PAGE, true),
        (OWN.start - PAGE, OWN.end - PAGE, false),
        (OWN.start, OWN.end, false),
        (OWN.end - PAGE, OWN.start, false),
        (0, 0, false),
        (ADDRESS, ADDRESS, false),
        (0, ADDRESS, false),
    ] {
        assert_eq!(
            fence(first, last).is_inside(&OWN),
            inside,
            "{first:#x}..={last:#x}"
        );
    }
}

#[test]
fn pitch_and_tiling_are_no_part_of_the_addresses() {
    let all = Fence(fence(OWN.start, OWN.start).0 | 0xfff << LAST_SHIFT | 0xfff);

    assert_eq!(all.addresses(), OWN.start..OWN.start + PAGE);
}

#[test]
fn write_that_the_host_refuses_leaves_the_fence_off() {
    let host = testing::host(512 << 20);
    let mut fences = Fences::new(&host, 4).unwrap();
    // The host half knows no range of that handle.
    let share = Share {
        aperture: OWN,
        aperture_handle: 99,
        ..Share::default()
    };

    let refusal = fences.write(&host, &share, 2, fence(OWN.start, OWN.start));

    assert_eq!(refusal, Err(Refusal::Host(EBADF)));
    let state = host.state.borrow();
    assert_eq!(state.fences.values().next().unwrap()[2], 0);
}
