// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a guest shows, as a PNG that is asked for by the control socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use crate::Served;

/// What the control socket answers.
fn control(served: &Served, name: &str, line: &str) -> String {
    let mut stream = UnixStream::connect(served.socket(name)).unwrap();
    writeln!(stream, "{line}").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer.trim().to_owned()
}

#[test]
fn screenshot_when_display_is_off_then_error() {
    let served = Served::start(&["--vgpus", "2", "--control", "control"]);

    for name in ["control-1", "control-2"] {
        let answer = control(&served, name, "screenshot screen.png");
        assert_eq!(answer, "error the display is off");
    }
    assert!(!served.socket("screen.png").exists());
}

#[test]
fn control_when_asked_for_another_thing_then_error() {
    let served = Served::start(&["--control", "control"]);

    for line in ["", "screenshot", "help me"] {
        let answer = control(&served, "control", line);
        assert!(answer.starts_with("error unknown command"), "{answer}");
    }
}

#[test]
fn server_when_ended_with_a_client_of_its_control_then_socket_goes() {
    let mut served = Served::start(&["--control", "control"]);
    let client = UnixStream::connect(served.socket("control")).unwrap();

    served.signal(rustix::process::Signal::TERM);

    assert!(served.ends());
    assert!(!served.socket("control").exists());
    drop(client);
}
