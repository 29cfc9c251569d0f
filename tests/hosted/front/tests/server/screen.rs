// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a guest shows, as a PNG that is asked for by the control socket.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use synthetic_guest::registers::{PAGE, PAGE_SHIFT};
use synthetic_guest::transport::vfio_user::Socket;
use synthetic_guest::Guest;

use crate::Served;

/// Size of pipe A's picture: width and height, each less one.
const PIPESRC: u64 = 0x6_001c;
/// Pipe A: on, which it tells too.
const PIPECONF: u64 = 0x7_0008;
const PIPECONF_ON: u32 = 1 << 31 | 1 << 30;
/// Its timings: all and visible pixels of a line, all and visible lines, each less one.
const HTOTAL: u64 = 0x6_0000;
const VTOTAL: u64 = 0x6_000c;
/// Its transcoder: on, a DisplayPort of port B.
const DDI_FUNC_CTL: u64 = 0x6_0400;
const DDI_FUNC_CTL_ON: u32 = 1 << 31 | 1 << 28 | 2 << 24;
/// Its primary plane: on, XRGB8888; linear, or of X tiles.
const PLANE_CTL: u64 = 0x7_0180;
const PLANE_CTL_ON: u32 = 1 << 31 | 4 << 24;
const PLANE_CTL_X: u32 = 1 << 10;
/// In units of 64 bytes, or of tiles.
const PLANE_STRIDE: u64 = 0x7_0188;
const PLANE_SIZE: u64 = 0x7_0190;
const PLANE_SURF: u64 = 0x7_019c;

/// The screen's size in pixels.
const WIDTH: u32 = 128;
const HEIGHT: u32 = 16;
/// X tiles are pages with 8 rows of 512 bytes each.
const TILE_WIDTH: u32 = 512;
const TILE_HEIGHT: u32 = 8;
/// The first of the guest's pages that the surface is in.
const FIRST: u64 = 0x40;

/// What is at a place of the screen.
fn pixel(x: u32, y: u32) -> u32 {
    x << 16 | y << 8 | (x ^ y)
}

/// Where the pixel is, if the surface is that of one row of tiles after the other, or linear.
fn offset(x: u32, y: u32, is_tiled: bool) -> u32 {
    let (at, stride) = (x * 4, WIDTH * 4);
    match is_tiled {
        // A row is just one tile wide.
        true => y / TILE_HEIGHT * stride * TILE_HEIGHT + y % TILE_HEIGHT * TILE_WIDTH + at,
        false => y * stride + at,
    }
}

/// Lets the guest show the pattern.
fn show(guest: &mut Guest<'_>, is_tiled: bool) {
    let gma = guest.aperture().unwrap().start;
    for page in 0..u64::from(WIDTH * HEIGHT * 4) / PAGE {
        guest.map(gma + page * PAGE, FIRST + page).unwrap();
    }
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let at = (FIRST << PAGE_SHIFT) + u64::from(offset(x, y, is_tiled));
            guest.ram.write32(at, pixel(x, y)).unwrap();
        }
    }
    let pair = |high: u32, low: u32| ((high - 1) << 16) | (low - 1);
    let (tiling, stride) = match is_tiled {
        true => (PLANE_CTL_X, WIDTH * 4 / TILE_WIDTH),
        false => (0, WIDTH * 4 / 64),
    };
    for (register, value) in [
        (HTOTAL, pair(WIDTH + 32, WIDTH)),
        (VTOTAL, pair(HEIGHT + 16, HEIGHT)),
        (PIPESRC, pair(WIDTH, HEIGHT)),
        (DDI_FUNC_CTL, DDI_FUNC_CTL_ON),
        (PIPECONF, PIPECONF_ON),
        (PLANE_STRIDE, stride),
        (PLANE_SIZE, pair(HEIGHT, WIDTH)),
        (PLANE_CTL, PLANE_CTL_ON | tiling),
        (PLANE_SURF, gma as u32),
    ] {
        guest.write32(register, value).unwrap();
    }
}

/// What the control socket answers.
fn control(served: &Served, name: &str, line: &str) -> String {
    let mut stream = UnixStream::connect(served.socket(name)).unwrap();
    writeln!(stream, "{line}").unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer.trim().to_owned()
}

/// Red, green and blue of all pixels of a PNG, and its size.
fn read(served: &Served, name: &str) -> ((u32, u32), Vec<u8>) {
    let file = BufReader::new(File::open(served.socket(name)).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size()];
    let info = reader.next_frame(&mut pixels).unwrap();
    ((info.width, info.height), pixels)
}

/// Those of the pattern.
fn wanted() -> Vec<u8> {
    let rows = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| pixel(x, y)));
    rows.flat_map(|pixel| pixel.to_be_bytes().into_iter().skip(1))
        .collect()
}

#[test]
fn screenshot_when_guest_shows_a_surface_then_its_pixels() {
    let served = Served::start(&["--gpu", "kbl,display=off", "--control", "control"]);
    let opener = Socket::new(&served.socket("socket"));
    let mut guest = Guest::open(&opener, None).unwrap();

    for is_tiled in [false, true] {
        show(&mut guest, is_tiled);

        assert_eq!(
            control(&served, "control", "screenshot screen.png"),
            "ok screen.png"
        );
        let (size, pixels) = read(&served, "screen.png");
        assert_eq!(size, (WIDTH, HEIGHT));
        assert!(pixels == wanted(), "tiled: {is_tiled}");
    }
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
