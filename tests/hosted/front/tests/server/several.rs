// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Several vGPUs of one GPU: none reaches what is another's.

use synthetic_guest::checks::{Verdict, ALL};
use synthetic_guest::registers::{pvinfo, PAGE_SHIFT, SCRATCH};
use synthetic_guest::transport::vfio_user::Socket;
use synthetic_guest::Guest;

use crate::Served;

/// A page of each guest's memory.
const PAGE: u64 = 0x42;

#[test]
fn vgpus_when_side_by_side_then_each_has_its_own() {
    let served = Served::start(&["--gpu", "kbl,aperture=1G,display=off", "--vgpus", "7"]);
    let sockets: Vec<_> = (1..=7)
        .map(|number| Socket::new(&served.socket(&format!("socket-{number}"))))
        .collect();
    let mut guests: Vec<_> = sockets
        .iter()
        .map(|socket| Guest::open(socket, Some(8)).unwrap())
        .collect();

    for (number, guest) in (1..).zip(&mut guests) {
        assert_eq!(guest.read32(pvinfo::ID).unwrap(), number);
        guest.ram.write32(PAGE << PAGE_SHIFT, number).unwrap();
        guest.write32(SCRATCH, number).unwrap();
        let gma = guest.aperture().unwrap().start;
        guest.map(gma, PAGE).unwrap();
    }

    let mut taken = Vec::new();
    for guest in &mut guests {
        taken.extend([guest.aperture().unwrap(), guest.high().unwrap()]);
    }
    taken.sort_by_key(|range| range.start);
    assert!(taken.windows(2).all(|pair| pair[0].end <= pair[1].start));
    for (number, guest) in (1..).zip(&mut guests) {
        let gma = guest.aperture().unwrap().start;
        assert_eq!(guest.aperture32(gma).unwrap(), number);
        assert_eq!(guest.read32(SCRATCH).unwrap(), number);
        guest.set_aperture32(gma, 0x100 | number).unwrap();
    }
    for (number, guest) in (1..).zip(&guests) {
        let found = guest.ram.read32(PAGE << PAGE_SHIFT).unwrap();
        assert_eq!(found, 0x100 | number);
    }
}

#[test]
fn vgpus_when_one_is_reset_and_closed_then_the_other_keeps_all() {
    let served = Served::start(&["--gpu", "kbl,display=off", "--vgpus", "2"]);
    let sockets = ["socket-1", "socket-2"].map(|name| Socket::new(&served.socket(name)));
    let mut kept = Guest::open(&sockets[1], None).unwrap();
    let gma = kept.aperture().unwrap().start;
    kept.map(gma, PAGE).unwrap();
    kept.write32(SCRATCH, 0x5afe).unwrap();

    let mut other = Guest::open(&sockets[0], None).unwrap();
    for check in ALL {
        let verdict = check.run(&mut other);
        assert!(!matches!(verdict, Verdict::Failed(_)), "{verdict:?}");
    }
    drop(other);

    kept.ram.write32(PAGE << PAGE_SHIFT, 0x5afe).unwrap();
    assert_eq!(kept.aperture32(gma).unwrap(), 0x5afe);
    assert_eq!(kept.read32(SCRATCH).unwrap(), 0x5afe);
}
