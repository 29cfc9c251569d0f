// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A monitor that somebody plugs and unplugs while a client has the vGPU.

use rustix::io::Errno;
use synthetic_guest::edid;
use synthetic_guest::plug::Plug;
use synthetic_guest::registers::display::port;
use synthetic_guest::registers::{IIR, IMR, PCH};
use synthetic_guest::transport::vfio_user::Socket;
use synthetic_guest::{Guest, Opener, Transport};

use crate::Served;

/// Kaby Lake's monitor is on port D, whose interrupt it is.
const PORT_D: u32 = port::PCH_B << (port::D - port::B);
const LISTEN: u32 = port::HOTPLUG_ENABLE << ((port::D - port::B) * port::HOTPLUG_SHIFT);

/// A server of a vGPU with a socket for its monitor.
fn served() -> Served {
    Served::start(&["--gpu", "kbl,display=off", "--monitor", "monitor"])
}

/// Somebody beside the client.
fn other(served: &Served) -> Box<dyn Transport> {
    Socket::new(&served.socket("monitor")).open().unwrap()
}

/// A guest listens for monitors.
fn listen(guest: &mut Guest<'_>) {
    guest.write32(PCH + IMR, !PORT_D).unwrap();
    guest.write32(port::HOTPLUG, LISTEN).unwrap();
}

/// Whether a guest finds a monitor.
fn finds_one(guest: &mut Guest<'_>) -> bool {
    guest.read32(PCH).unwrap() & PORT_D != 0
}

#[test]
fn monitor_when_plugged_beside_the_client_then_guest_is_told() {
    let served = served();
    let opener = Socket::new(&served.socket("socket"));
    let mut guest = Guest::open(&opener, None).unwrap();
    listen(&mut guest);
    let mut transport = other(&served);
    let mut plug = Plug::new(&mut *transport).unwrap();
    assert!(finds_one(&mut guest));

    for is_up in [false, true] {
        guest.write32(PCH + IIR, u32::MAX).unwrap();
        match is_up {
            false => plug.unplug().unwrap(),
            true => plug.replace(&edid::make(960, 540)).unwrap(),
        }

        assert_eq!(finds_one(&mut guest), is_up);
        let pending = guest.read32(PCH + IIR).unwrap();
        assert_eq!(pending & PORT_D, PORT_D, "up: {is_up}");
    }
}

#[test]
fn monitor_when_given_nonsense_then_guest_is_told_nothing() {
    let served = served();
    let opener = Socket::new(&served.socket("socket"));
    let mut guest = Guest::open(&opener, None).unwrap();
    listen(&mut guest);
    let mut transport = other(&served);

    Plug::new(&mut *transport).unwrap().nonsense().unwrap();

    assert!(finds_one(&mut guest));
    assert_eq!(guest.read32(PCH + IIR).unwrap() & PORT_D, 0);
}

#[test]
fn monitor_when_nobody_has_the_vgpu_then_enodev() {
    let served = served();
    let mut transport = other(&served);
    let edid = transport.info().unwrap().regions - 1;

    let read = transport.read(edid, 0, &mut [0; 4]);

    assert_eq!(read, Err(Errno::NODEV));
}

#[test]
fn monitor_when_asked_for_another_region_or_a_reset_then_refused() {
    let served = served();
    let opener = Socket::new(&served.socket("socket"));
    let _guest = Guest::open(&opener, None).unwrap();
    let mut transport = other(&served);
    let edid = transport.info().unwrap().regions - 1;

    for region in (0..edid).chain([edid + 1]) {
        let read = transport.read(region, 0, &mut [0; 4]);
        assert_eq!(read, Err(Errno::INVAL), "region {region}");
    }
    assert_eq!(transport.reset(), Err(Errno::ACCESS));
}

#[test]
fn server_when_ended_with_a_client_of_its_monitor_then_ends() {
    let mut served = served();
    let client = other(&served);

    served.signal(rustix::process::Signal::TERM);

    assert!(served.ends());
    assert!(!served.socket("monitor").exists());
    drop(client);
}
