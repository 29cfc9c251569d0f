// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The dump by which two drivers are compared.

use synthetic_guest::dump::Dump;
use synthetic_guest::transport::vfio_user::Socket;
use synthetic_guest::Guest;

use crate::Served;

/// How registers are called that are clocks of the GPU.
const CLOCK: &str = "_RING_TIMESTAMP";

/// A dump of the vGPU behind a socket.
fn dump(served: &Served) -> String {
    let opener = Socket::new(&served.socket("socket"));
    let mut guest = Guest::open(&opener, None).unwrap();
    let mut out = Vec::new();
    Dump::run(&mut guest, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn dump_when_taken_twice_then_the_same() {
    let mut served = Served::start(&["--gpu", "kbl,display=off", "--type", "V5_8"]);

    let (first, second) = (dump(&served), dump(&served));

    assert!(first.ends_with("end\treached\n"));
    // Clocks go on.
    let differs = |(a, b): &(&str, &str)| a != b && !(a.contains(CLOCK) && b.contains(CLOCK));
    assert_eq!(first.lines().zip(second.lines()).find(differs), None);
    assert_eq!(first.lines().count(), second.lines().count());
    served.signal(rustix::process::Signal::TERM);
    assert!(served.ends());
}
