// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Engines that work for several guests at once.

use synthetic_guest::transport::vfio_user::Socket;
use synthetic_guest::work::{self, Done};
use synthetic_guest::Guest;

use crate::Served;

/// Rounds of each guest: each page of data is written, and the ring begins anew.
const ROUNDS: u32 = 150;

#[test]
fn engines_when_seven_guests_work_at_once_then_each_gets_what_it_stores() {
    let served = Served::start(&["--gpu", "kbl,aperture=1G,display=off", "--vgpus", "7"]);
    let sockets: Vec<_> = (1..=7)
        .map(|number| Socket::new(&served.socket(&format!("socket-{number}"))))
        .collect();

    let all: Vec<Done> = std::thread::scope(|scope| {
        let work = |socket| work::run(&mut Guest::open(socket, None).unwrap(), ROUNDS).unwrap();
        let guests: Vec<_> = sockets
            .iter()
            .map(|socket| scope.spawn(move || work(socket)))
            .collect();
        guests
            .into_iter()
            .map(|guest| guest.join().unwrap())
            .collect()
    });

    let submissions = u64::from(ROUNDS) * 4;
    assert_eq!(
        all,
        [Done {
            submissions,
            values: submissions * 2
        }; 7]
    );
}
