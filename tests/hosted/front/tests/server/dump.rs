// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The dump by which two drivers are compared.

use synthetic_guest::dump::Dump;
use synthetic_guest::transport::vfio_user::Socket;
use synthetic_guest::Guest;

use crate::Served;

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
    let differs = first.lines().zip(second.lines()).find(|(a, b)| a != b);
    assert_eq!(differs, None);
    assert_eq!(first.len(), second.len());
    served.signal(rustix::process::Signal::TERM);
    assert!(served.ends());
}
