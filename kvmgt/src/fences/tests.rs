// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::address::PAGE_SIZE;
use crate::testing;
use iface::fence::TILE_Y;

const PAGE: u64 = PAGE_SIZE;
const OWN: Range<u64> = 0x10_0000..0x20_0000;

fn fence(first: u64, last: u64) -> Fence {
    // Rows of one tile.
    Fence(last << 32 | first | TILE_Y | VALID)
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
        (0xffff_f000, 0xffff_f000, false),
        (0, 0xffff_f000, false),
    ] {
        assert_eq!(
            fence(first, last).is_inside(&OWN),
            inside,
            "{first:#x}..={last:#x}"
        );
    }
}

#[test]
fn s_20_fence_of_a_part_of_a_row_is_not_inside_if_the_rest_is_not() {
    // X tiles, eight of them in a row.
    let wide = |pages: u64| {
        let pitch = 31 << 32;
        Fence(fence(OWN.end - pages * PAGE, OWN.end - PAGE).0 & !TILE_Y | pitch)
    };

    assert!(wide(8).is_inside(&OWN) && wide(16).is_inside(&OWN));
    for pages in [1, 2, 7, 9, 15] {
        assert!(!wide(pages).is_inside(&OWN), "{pages}");
    }
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
