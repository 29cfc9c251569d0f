// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Planes out of registers, as i915 writes these.

use super::*;
use crate::display::picture::Frame;
use crate::hardware::Port;

const SIZE: Resolution = Resolution {
    width: 1024,
    height: 768,
};

fn file(values: &[(&str, u32)]) -> RegisterFile {
    let mut file = RegisterFile::new().unwrap();
    for (name, value) in values {
        file.set(named(name), *value);
    }
    file
}

fn primary(platform: Platform, values: &[(&str, u32)]) -> Option<Plane> {
    let [primary, ..] = planes(&file(values), platform, Pipe::A, SIZE);
    primary
}

fn sprite(platform: Platform, values: &[(&str, u32)]) -> Option<Plane> {
    let [_, sprite, _] = planes(&file(values), platform, Pipe::A, SIZE);
    sprite
}

#[test]
fn gen9_primary_when_x_tiled_has_all_that_the_registers_say() {
    let plane = primary(
        Platform::Skl,
        &[
            // Enabled, XRGB8888, X-tiled.
            ("DSPCNTR_PIPE_A", 0x8400_0400),
            ("DSPSTRIDE_PIPE_A", 8),
            ("DSPPOS_PIPE_A", 7 << 16 | 5),
            ("DSPSIZE_PIPE_A", 767 << 16 | 1023),
            ("DSPOFFSET_PIPE_A", 3 << 16 | 9),
            ("DSPSURF_PIPE_A", 0x0812_3fff),
        ],
    );

    let expected = Plane {
        fourcc: fourcc::XRGB8888,
        tiling: Tiling::X,
        surface: Gma(0x0812_3000),
        stride: 4096,
        source: (9, 3),
        size: SIZE,
        position: (5, 7),
        blend: Blend::Opaque,
        encoding: Encoding::Bt601,
    };
    assert_eq!(plane, Some(expected));
}

#[test]
fn gen9_formats_and_alpha_are_those_of_plane_ctl() {
    use Blend::{Coverage, Opaque, Premultiplied};
    for (control, expected) in [
        (0, Some((fourcc::YUYV, Opaque))),
        (1 << 16, Some((fourcc::UYVY, Opaque))),
        (2 << 16, Some((fourcc::YVYU, Opaque))),
        (3 << 16, Some((fourcc::VYUY, Opaque))),
        // NV12, floating point, AYUV: none of these.
        (0x1 << 24, None),
        (0x6 << 24, None),
        (0x8 << 24, None),
        (0x2 << 24, Some((fourcc::XRGB2101010, Opaque))),
        (0x2 << 24 | 1 << 20, Some((fourcc::XBGR2101010, Opaque))),
        (0x4 << 24, Some((fourcc::XRGB8888, Opaque))),
        (0x4 << 24 | 1 << 20, Some((fourcc::XBGR8888, Opaque))),
        (0x4 << 24 | 2 << 4, Some((fourcc::ARGB8888, Premultiplied))),
        (0x4 << 24 | 3 << 4, Some((fourcc::ARGB8888, Coverage))),
        (
            0x4 << 24 | 2 << 4 | 1 << 20,
            Some((fourcc::ABGR8888, Premultiplied)),
        ),
        (0xc << 24, Some((fourcc::C8, Opaque))),
        (0xe << 24, Some((fourcc::RGB565, Opaque))),
        (0xe << 24 | 2 << 4, Some((fourcc::RGB565, Opaque))),
    ] {
        let plane = primary(Platform::Kbl, &[("DSPCNTR_PIPE_A", ENABLE | control)]);
        let seen = plane.map(|plane| (plane.fourcc, plane.blend));
        assert_eq!(seen, expected, "{control:#x}");
    }
}

#[test]
fn gen9_tilings_have_units_of_their_own() {
    for (bits, bytes, tiling, modifier) in [
        (0, 64, Tiling::Linear, 0),
        (1, 512, Tiling::X, 0x0100_0000_0000_0001),
        (4, 128, Tiling::Y, 0x0100_0000_0000_0002),
        (5, 128, Tiling::Yf, 0x0100_0000_0000_0003),
    ] {
        let control = ENABLE | 4 << 24 | bits << 10;
        let values = [("DSPCNTR_PIPE_A", control), ("DSPSTRIDE_PIPE_A", 0xfffff)];

        let plane = primary(Platform::Cfl, &values).unwrap();

        assert_eq!((plane.tiling, plane.stride), (tiling, 1023 * bytes));
        assert_eq!(plane.modifier(), modifier);
    }
}

#[test]
fn gen9_plane_that_is_off_or_cannot_be_shown_is_left_out() {
    let shown = ENABLE | 4 << 24;
    for control in [
        shown & !ENABLE,
        // Compressed.
        shown | 1 << 15,
        // Turned by 90, 180, 270 degrees.
        shown | 1,
        shown | 2,
        shown | 3,
        // Tilings and a way of alpha that do not exist, indices in Yf tiles.
        shown | 2 << 10,
        shown | 7 << 10,
        shown | 1 << 4,
        ENABLE | 12 << 24 | 5 << 10,
    ] {
        let plane = primary(Platform::Skl, &[("DSPCNTR_PIPE_A", control)]);
        assert_eq!(plane, None, "{control:#x}");
    }
}

#[test]
fn gen9_encodings_of_yuv_are_those_of_plane_ctl() {
    for (bits, encoding) in [
        (0, Encoding::Bt601),
        (1 << 28, Encoding::Bt601Full),
        (1 << 18, Encoding::Bt709),
        (1 << 28 | 1 << 18, Encoding::Bt709Full),
    ] {
        for platform in [Platform::Bdw, Platform::Skl] {
            let plane = sprite(platform, &[("SPRCTL_PIPE_A", ENABLE | bits)]).unwrap();
            assert_eq!((plane.fourcc, plane.encoding), (fourcc::YUYV, encoding));
        }
    }
}

#[test]
fn gen9_pipes_have_three_planes_each() {
    for (pipe, letter) in [(Pipe::A, "A"), (Pipe::B, "B"), (Pipe::C, "C")] {
        let names = ["DSPCNTR_PIPE_", "SPRCTL_PIPE_", "PLANE_CTL_PIPE_"];
        for (number, name) in names.into_iter().enumerate() {
            let end = if number == 2 { "_2" } else { "" };
            let name = std::format!("{name}{letter}{end}");
            let file = file(&[(&name, ENABLE | 4 << 24)]);

            let planes = planes(&file, Platform::Bxt, pipe, SIZE);

            let on = planes.map(|plane| plane.is_some());
            let mut expected = [false; 3];
            expected[number] = true;
            assert_eq!(on, expected, "{name}");
        }
    }
}

#[test]
fn broadwells_primary_is_as_large_as_its_pipe() {
    let plane = primary(
        Platform::Bdw,
        &[
            // Enabled, XRGB8888, X-tiled.
            ("DSPCNTR_PIPE_A", 0x9800_0400),
            ("DSPSTRIDE_PIPE_A", 4096),
            ("DSPOFFSET_PIPE_A", 2 << 16 | 1),
            ("DSPSURF_PIPE_A", 0x0040_0000),
            // Left by something else: it is not for this plane.
            ("DSPADDR_PIPE_A", 0x1234),
            ("DSPSIZE_PIPE_A", 0x0010_0010),
            ("DSPPOS_PIPE_A", 0x0010_0010),
        ],
    );

    let expected = Plane {
        fourcc: fourcc::XRGB8888,
        tiling: Tiling::X,
        surface: Gma(0x0040_0000),
        stride: 4096,
        source: (1, 2),
        size: SIZE,
        position: (0, 0),
        blend: Blend::Opaque,
        encoding: Encoding::Bt601,
    };
    assert_eq!(plane, Some(expected));
}

#[test]
fn broadwells_formats_are_those_of_pri_ctl_and_spr_ctl() {
    for (format, expected) in [
        (0x2, Some(fourcc::C8)),
        (0x5, Some(fourcc::RGB565)),
        (0x6, Some(fourcc::XRGB8888)),
        (0x8, Some(fourcc::XBGR2101010)),
        (0xa, Some(fourcc::XRGB2101010)),
        (0xc, None),
        (0xe, Some(fourcc::XBGR8888)),
        (0xf, None),
    ] {
        let control = ENABLE | format << 26;
        let plane = primary(Platform::Bdw, &[("DSPCNTR_PIPE_A", control)]);
        assert_eq!(plane.map(|plane| plane.fourcc), expected, "{format:#x}");
    }
    for (bits, expected) in [
        (0, Some(fourcc::YUYV)),
        (1 << 16, Some(fourcc::UYVY)),
        (1 << 25, Some(fourcc::XRGB2101010)),
        (1 << 25 | 1 << 20, Some(fourcc::XBGR2101010)),
        (2 << 25, Some(fourcc::XRGB8888)),
        (2 << 25 | 1 << 20, Some(fourcc::XBGR8888)),
        (3 << 25, None),
        (4 << 25, None),
    ] {
        let plane = sprite(Platform::Bdw, &[("SPRCTL_PIPE_A", ENABLE | bits)]);
        assert_eq!(plane.map(|plane| plane.fourcc), expected, "{bits:#x}");
    }
}

#[test]
fn broadwells_planes_that_are_turned_or_scaled_are_left_out() {
    let (primary_on, sprite_on) = (ENABLE | 6 << 26, ENABLE | 2 << 25);

    let turned = primary(Platform::Bdw, &[("DSPCNTR_PIPE_A", primary_on | 1 << 15)]);
    assert_eq!(turned, None);
    let turned = sprite(Platform::Bdw, &[("SPRCTL_PIPE_A", sprite_on | 1 << 15)]);
    assert_eq!(turned, None);
    let scaled = [("SPRCTL_PIPE_A", sprite_on), ("SPRSCALE_PIPE_A", 1 << 31)];
    assert_eq!(sprite(Platform::Bdw, &scaled), None);
}

#[test]
fn broadwells_sprite_is_where_its_registers_say() {
    let plane = sprite(
        Platform::Bdw,
        &[
            ("SPRCTL_PIPE_A", ENABLE | 2 << 25),
            ("SPRSTRIDE_PIPE_A", 0x1_0440),
            ("SPRPOS_PIPE_A", 40 << 16 | 30),
            ("SPRSIZE_PIPE_A", 19 << 16 | 9),
            ("SPRSURF_PIPE_A", 0x0100_0000),
        ],
    )
    .unwrap();

    assert_eq!((plane.tiling, plane.stride), (Tiling::Linear, 0x440));
    assert_eq!((plane.position, plane.size.width), ((30, 40), 10));
    assert_eq!((plane.surface, plane.size.height), (Gma(0x0100_0000), 20));
}

#[test]
fn cursor_modes_are_those_with_alpha() {
    for mode in 0..0x40 {
        let width = match mode & 0x27 {
            0x27 => Some(64),
            0x22 => Some(128),
            0x23 => Some(256),
            _ => None,
        };
        let plane = cursor(&file(&[("CURCNTR_PIPE_A", mode)]), Pipe::A);

        let seen = plane.map(|plane| (plane.size.width, plane.size.height, plane.stride));
        assert_eq!(seen, width.map(|w| (w, w, 4 * w)), "{mode:#x}");
    }
    assert_eq!(cursor(&file(&[("CURCNTR_PIPE_A", 0x8027)]), Pipe::A), None);
}

#[test]
fn cursor_when_left_of_and_above_the_screen_has_negative_places() {
    let plane = cursor(
        &file(&[
            ("CURCNTR_PIPE_B", 0x27),
            ("CURPOS_PIPE_B", 0x8005_8003),
            ("CURBASE_PIPE_B", 0x0765_4321),
        ]),
        Pipe::B,
    )
    .unwrap();

    assert_eq!(plane.position, (-3, -5));
    assert_eq!(plane.surface, Gma(0x0765_4000));
    assert_eq!(
        (plane.fourcc, plane.blend),
        (fourcc::ARGB8888, Blend::Premultiplied)
    );
}

#[test]
fn cursor_may_be_lower_than_it_is_wide_but_not_higher() {
    for (reduced, height) in [(0x8000_000f, 16), (0x0000_000f, 64), (0x8000_00ff, 64)] {
        let values = [("CURCNTR_PIPE_A", 0x27), ("CUR_FBC_CTL_PIPE_A", reduced)];

        let plane = cursor(&file(&values), Pipe::A).unwrap();

        assert_eq!((plane.size.width, plane.size.height), (64, height));
    }
}

#[test]
fn surface_ends_with_whole_tiles_and_pages() {
    let plane = |tiling, stride, height| Plane {
        tiling,
        stride,
        size: Resolution { width: 10, height },
        ..cursor(&file(&[("CURCNTR_PIPE_A", 0x27)]), Pipe::A).unwrap()
    };

    assert_eq!(plane(Tiling::Linear, 64, 65).bytes(), Some(8192));
    assert_eq!(plane(Tiling::X, 1024, 9).bytes(), Some(16 * 1024));
    assert_eq!(plane(Tiling::Y, 256, 33).bytes(), Some(64 * 256));
    assert_eq!(plane(Tiling::Linear, 0, 65).bytes(), Some(0));
    assert_eq!(plane(Tiling::Y, 256, u32::MAX).bytes(), None);
    let most = plane(Tiling::Linear, u32::MAX, u32::MAX).bytes();
    assert!(most.is_none_or(|bytes| bytes % 4096 == 0));
}

fn frame(values: &[(&str, u32)]) -> Option<Frame> {
    Frame::new(&file(values), Platform::Skl, Port::D, SIZE)
}

#[test]
fn frame_when_no_transcoder_is_on_is_none() {
    assert_eq!(frame(&[("REG_60400", 0xb000_0000)]), None);
}

#[test]
fn frame_is_that_of_the_pipe_at_the_monitor_or_else_of_the_first() {
    let on = |letter: &'static str| match letter {
        "A" => ("TRANSCONF_TRANSCODER_A", ENABLE),
        "B" => ("TRANSCONF_TRANSCODER_B", ENABLE),
        _ => ("TRANSCONF_TRANSCODER_C", ENABLE),
    };
    let port_b = 0x9000_0000;
    let port_d = 0xb000_0000;
    for (values, pipe) in [
        (&[on("A")][..], Pipe::A),
        (&[on("C"), on("B")], Pipe::B),
        (&[on("A"), on("C"), ("REG_62400", port_d)], Pipe::C),
        (&[on("A"), on("C"), ("REG_62400", port_b)], Pipe::A),
        // One that does not send, and one that is off.
        (
            &[on("A"), on("C"), ("REG_62400", port_d & !ENABLE)],
            Pipe::A,
        ),
        (&[on("A"), ("REG_61400", port_d)], Pipe::A),
    ] {
        let frame = frame(values).unwrap();
        assert_eq!(frame.pipe, pipe, "{values:x?}");
    }
}

#[test]
fn frame_is_as_large_as_the_source_but_not_larger_than_the_type() {
    for (source, (width, height)) in [
        (799 << 16 | 599, (800, 600)),
        (0, (1, 1)),
        (1919 << 16 | 599, (1024, 600)),
        (u32::MAX, (1024, 768)),
    ] {
        let values = [
            ("TRANSCONF_TRANSCODER_A", ENABLE),
            ("PIPESRC_TRANSCODER_A", source),
        ];

        let frame = frame(&values).unwrap();

        assert_eq!(frame.size, Resolution { width, height });
    }
}
