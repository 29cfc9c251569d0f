// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The program: what it prints, and how it ends.

use std::process::{Command, Output};

use rustix::process::Signal;
use synthetic_guest::transport::vfio_user::Socket;
use synthetic_guest::Opener;

use crate::Served;

fn refused(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let Output { status, stderr, .. } = Command::new(env!("CARGO_BIN_EXE_vgpu-server"))
        .current_dir(folder.path())
        .args(["--socket", "socket"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(!status.success());
    String::from_utf8(stderr).unwrap()
}

#[test]
fn server_when_ready_then_has_named_its_vgpus() {
    let served = Served::start(&["--gpu", "kbl", "--vgpus", "2"]);

    assert_eq!(
        served.lines,
        ["vgpu1 GVTg_V5_8 socket-1", "vgpu2 GVTg_V5_8 socket-2"]
    );
    assert!(served.socket("socket-1").exists());
    assert!(served.socket("socket-2").exists());
}

#[test]
fn server_when_signalled_with_a_client_then_ends_and_socket_goes() {
    let mut served = Served::start(&[]);
    let client = Socket::new(&served.socket("socket")).open().unwrap();

    served.signal(Signal::TERM);

    assert!(served.ends());
    assert!(!served.socket("socket").exists());
    drop(client);
}

#[test]
fn server_when_once_then_ends_with_its_client() {
    let mut served = Served::start(&["--once"]);

    drop(Socket::new(&served.socket("socket")).open().unwrap());

    assert!(served.ends());
}

#[test]
fn server_when_type_is_unknown_then_names_those_that_there_are() {
    let text = refused(&["--type", "V5_3"]);

    assert!(text.contains("no type is called V5_3"), "{text}");
    assert!(text.contains("GVTg_V5_8"), "{text}");
}

#[test]
fn server_when_type_has_no_such_resolution_then_tells_its_largest() {
    let text = refused(&["--vgpus", "2", "--resolution", "4000x3000"]);

    assert!(text.contains("vGPU 1 of 2"), "{text}");
    assert!(text.contains("1024x768 at most"), "{text}");
}

#[test]
fn server_when_resolution_is_none_then_refused() {
    let text = refused(&["--resolution", "large"]);

    assert!(text.contains("such as 1024x768"), "{text}");
}

#[test]
fn server_when_vgpus_do_not_fit_then_says_what_is_lacking() {
    let text = refused(&["--gpu", "kbl,aperture=256M", "--vgpus", "3"]);

    assert!(text.contains("vGPU 3 of 3"), "{text}");
    assert!(text.contains("aperture"), "{text}");
}

#[test]
fn server_when_gpu_has_no_named_aperture_then_vgpus_fit() {
    let served = Served::start(&["--gpu", "kbl,display=off", "--vgpus", "2", "--type", "V5_4"]);

    assert_eq!(served.lines.len(), 2);
}
