// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Pictures, pixel by pixel, against another way to say where a pixel is and what it looks like.

use super::*;
use crate::display::fourcc;
use crate::display::plane::{Blend, Encoding, Tiling};
use kernel::testing::fail_each_alloc_with;
use std::collections::BTreeMap;
use std::vec;
use std::vec::Vec;

const PAGE: u64 = 4096;
/// Where surfaces begin.
const BASE: u64 = 0x0400_0000;

/// Memory in which each byte depends on its address, but for pages that can't be read.
#[derive(Default)]
struct Memory {
    /// How often each page was read.
    reads: BTreeMap<u64, usize>,
    /// Pages that can't be read.
    missing: Vec<u64>,
    /// Bytes that are something else.
    written: BTreeMap<u64, u8>,
}

impl Memory {
    fn byte(&self, at: u64) -> u8 {
        let other = (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8;
        self.written.get(&at).copied().unwrap_or(other)
    }

    fn write(&mut self, at: u64, bytes: &[u8]) {
        self.written.extend((at..).zip(bytes.iter().copied()));
    }
}

impl Pages for Memory {
    fn read(&mut self, page: Gma, into: &mut [u8]) -> Result {
        assert_eq!((page.0 % PAGE, into.len() as u64), (0, PAGE));
        *self.reads.entry(page.0).or_default() += 1;
        if self.missing.contains(&page.0) {
            return Err(EFAULT);
        }
        for (at, byte) in (page.0..).zip(into) {
            *byte = self.byte(at);
        }
        Ok(())
    }
}

/// A canvas that wants each row once, in order.
#[derive(Default)]
struct Rows(Vec<(u32, Vec<u32>)>);

impl Canvas for Rows {
    fn put(&mut self, y: u32, pixels: &[u32]) {
        assert!(self.0.last().is_none_or(|(last, _)| last + 1 == y));
        self.0.push((y, pixels.to_vec()));
    }
}

fn size(width: u32, height: u32) -> Resolution {
    Resolution { width, height }
}

/// A plane that shows a surface from its first pixel on, at the upper left corner.
fn plane(fourcc: u32, tiling: Tiling, stride: u32, size: Resolution) -> Plane {
    Plane {
        fourcc,
        tiling,
        surface: Gma(BASE),
        stride,
        source: (0, 0),
        size,
        position: (0, 0),
        blend: Blend::Opaque,
        encoding: Encoding::Bt601,
    }
}

fn frame(size: Resolution, primary: Option<Plane>) -> Frame {
    Frame {
        size,
        pipe: Pipe::A,
        primary,
        sprite: None,
        overlay: None,
        cursor: None,
    }
}

/// The palette of the tests.
fn palette() -> Vec<u32> {
    (0..256)
        .map(|index| (index * 0x01_0305) & 0xff_ffff)
        .collect()
}

fn draw(frame: &Frame, memory: &mut Memory) -> Vec<Vec<u32>> {
    let mut rows = Rows::default();
    frame
        .draw(memory, &palette(), 0..frame.size.height, &mut rows)
        .unwrap();
    assert_eq!(rows.0.len(), frame.size.height as usize);
    rows.0.into_iter().map(|(_, row)| row).collect()
}

/// Where the byte at column `x` (in bytes) of row `y` is, as the PRM defines it: by which bit of the
/// offset in a tile is which of the column (u) and of the row (v), from the lowest on.
fn address(tiling: Tiling, stride: u32, x: u32, y: u32) -> u64 {
    let (width, height, bits) = match tiling {
        Tiling::Linear => return BASE + u64::from(y) * u64::from(stride) + u64::from(x),
        Tiling::X => (512, 8, "u0 u1 u2 u3 u4 u5 u6 u7 u8 v0 v1 v2"),
        Tiling::Y => (128, 32, "u0 u1 u2 u3 v0 v1 v2 v3 v4 u4 u5 u6"),
        Tiling::Yf => (128, 32, "u0 u1 u2 u3 v0 v1 v2 u4 v3 u5 v4 u6"),
    };
    let tile = y / height * (stride / width) + x / width;
    let inside = bits.split(' ').enumerate().map(|(to, bit)| {
        let (axis, from) = bit.split_at(1);
        let value = if axis == "u" { x % width } else { y % height };
        u64::from(value >> from.parse::<u32>().unwrap() & 1) << to
    });
    BASE + u64::from(tile) * PAGE + inside.sum::<u64>()
}

/// How a pixel looks: red, green and blue.
fn pixel(memory: &Memory, plane: &Plane, x: u32, y: u32) -> u32 {
    let get = |x: u32| u32::from(memory.byte(address(plane.tiling, plane.stride, x, y)));
    let wide = |at: u32| get(at) | get(at + 1) << 8 | get(at + 2) << 16 | get(at + 3) << 24;
    let rgb = |r: u32, g: u32, b: u32| r << 16 | g << 8 | b;
    let scaled = |value: u32, bits: u32| {
        // All ones are all ones; what is between is rounded by repeating the upper bits.
        let value = value & ((1 << bits) - 1);
        (value << (8 - bits)) | value >> (2 * bits - 8)
    };
    // Two pixels share four bytes: the place of Y of the first, of the second, of U, of V.
    let yuv = |first: u32, second: u32, u: u32, v: u32| {
        let quad = x / 2 * 4;
        let y = get(quad + if x % 2 == 0 { first } else { second });
        let (y, u, v) = (
            y as f64,
            get(quad + u) as f64 - 128.0,
            get(quad + v) as f64 - 128.0,
        );
        let (kr, kb) = match plane.encoding {
            Encoding::Bt601 | Encoding::Bt601Full => (0.299, 0.114),
            Encoding::Bt709 | Encoding::Bt709Full => (0.2126, 0.0722),
        };
        let (y, scale) = match plane.encoding {
            Encoding::Bt601 | Encoding::Bt709 => ((y - 16.0) * 255.0 / 219.0, 255.0 / 224.0),
            Encoding::Bt601Full | Encoding::Bt709Full => (y, 1.0),
        };
        let (u, v) = (u * scale * 2.0 * (1.0 - kb), v * scale * 2.0 * (1.0 - kr));
        let (r, b) = (y + v, y + u);
        let g = (y - kr * r - kb * b) / (1.0 - kr - kb);
        let channel = |value: f64| value.round().clamp(0.0, 255.0) as u32;
        rgb(channel(r), channel(g), channel(b))
    };
    match plane.fourcc {
        fourcc::C8 => palette()[get(x) as usize],
        fourcc::RGB565 => {
            let raw = get(2 * x) | get(2 * x + 1) << 8;
            rgb(scaled(raw >> 11, 5), scaled(raw >> 5, 6), scaled(raw, 5))
        }
        fourcc::XRGB8888 | fourcc::ARGB8888 => wide(4 * x) & 0xff_ffff,
        fourcc::XBGR8888 | fourcc::ABGR8888 => rgb(get(4 * x), get(4 * x + 1), get(4 * x + 2)),
        fourcc::XRGB2101010 => {
            let raw = wide(4 * x);
            rgb(raw >> 22 & 0xff, raw >> 12 & 0xff, raw >> 2 & 0xff)
        }
        fourcc::XBGR2101010 => {
            let raw = wide(4 * x);
            rgb(raw >> 2 & 0xff, raw >> 12 & 0xff, raw >> 22 & 0xff)
        }
        fourcc::YUYV => yuv(0, 2, 1, 3),
        fourcc::UYVY => yuv(1, 3, 0, 2),
        fourcc::YVYU => yuv(0, 2, 3, 1),
        fourcc::VYUY => yuv(1, 3, 2, 0),
        _ => panic!("{:#x}", plane.fourcc),
    }
}

/// How far two colours are from each other, in the channel where they are farthest.
fn distance(a: u32, b: u32) -> u32 {
    let channel = |of: u32, at: u32| of >> at & 0xff;
    [0, 8, 16]
        .map(|at| channel(a, at).abs_diff(channel(b, at)))
        .into_iter()
        .max()
        .unwrap()
}

const FORMATS: [u32; 12] = [
    fourcc::C8,
    fourcc::RGB565,
    fourcc::XRGB8888,
    fourcc::ARGB8888,
    fourcc::XBGR8888,
    fourcc::ABGR8888,
    fourcc::XRGB2101010,
    fourcc::XBGR2101010,
    fourcc::YUYV,
    fourcc::UYVY,
    fourcc::YVYU,
    fourcc::VYUY,
];
const TILINGS: [Tiling; 4] = [Tiling::Linear, Tiling::X, Tiling::Y, Tiling::Yf];

/// Formats that are shared by two pixels.
fn is_yuv(code: u32) -> bool {
    matches!(
        code,
        fourcc::YUYV | fourcc::UYVY | fourcc::YVYU | fourcc::VYUY
    )
}

#[test]
fn picture_in_every_format_and_tiling_is_what_memory_has() {
    for code in FORMATS {
        for tiling in TILINGS {
            let mut memory = Memory::default();
            let plane = Plane {
                source: (7, 5),
                ..plane(code, tiling, 1536, size(203, 101))
            };

            let picture = draw(&frame(plane.size, Some(plane)), &mut memory);

            for (y, row) in (0..).zip(&picture) {
                for (x, seen) in (0..).zip(row) {
                    let expected = pixel(&memory, &plane, x + 7, y + 5);
                    // The numbers of YUV are rounded to 256ths of a step.
                    let allowed = u32::from(is_yuv(code)) * 2;
                    let far = distance(*seen, expected);
                    assert!(
                        far <= allowed && *seen >> 24 == 0,
                        "{code:#x} {tiling:?} ({x}, {y}): {seen:#x}, not {expected:#x}"
                    );
                }
            }
        }
    }
}

#[test]
fn yuv_in_every_encoding_is_what_its_standard_says() {
    for encoding in [
        Encoding::Bt601,
        Encoding::Bt601Full,
        Encoding::Bt709,
        Encoding::Bt709Full,
    ] {
        let mut memory = Memory::default();
        let plane = Plane {
            encoding,
            ..plane(fourcc::YUYV, Tiling::Linear, 512, size(256, 64))
        };

        let picture = draw(&frame(plane.size, Some(plane)), &mut memory);

        for (y, row) in (0..).zip(&picture) {
            for (x, seen) in (0..).zip(row) {
                let far = distance(*seen, pixel(&memory, &plane, x, y));
                assert!(far <= 2, "{encoding:?} ({x}, {y}): {far}");
            }
        }
    }
}

#[test]
fn yuv_black_and_white_are_exact() {
    let mut memory = Memory::default();
    memory.write(BASE, &[16, 128, 235, 128]);
    let plane = plane(fourcc::YUYV, Tiling::Linear, 64, size(2, 1));

    let picture = draw(&frame(plane.size, Some(plane)), &mut memory);

    assert_eq!(picture[0], [0, 0xff_ffff]);
}

#[test]
fn picture_reads_each_page_once() {
    for tiling in TILINGS {
        let mut memory = Memory::default();
        let plane = Plane {
            source: (0, 13),
            ..plane(fourcc::XRGB8888, tiling, 4096, size(1024, 300))
        };

        draw(&frame(plane.size, Some(plane)), &mut memory);

        let often: Vec<_> = memory
            .reads
            .iter()
            .filter(|(_, count)| **count > 1)
            .collect();
        assert!(often.is_empty(), "{tiling:?}: {often:x?}");
        let bytes = (1024 * 300 * 4) / PAGE as usize;
        assert!(
            (bytes..bytes + 32).contains(&memory.reads.len()),
            "{tiling:?}"
        );
    }
}

#[test]
fn picture_of_narrow_rows_reads_each_page_once() {
    let mut memory = Memory::default();
    let plane = plane(fourcc::XRGB8888, Tiling::Linear, 320, size(77, 128));

    draw(&frame(plane.size, Some(plane)), &mut memory);

    assert_eq!(memory.reads.len(), 10);
    assert!(memory.reads.values().all(|count| *count == 1));
}

#[test]
fn picture_of_wide_rows_reads_only_what_is_shown() {
    let mut memory = Memory::default();
    let plane = plane(fourcc::XRGB8888, Tiling::Linear, 32768, size(16, 40));

    draw(&frame(plane.size, Some(plane)), &mut memory);

    assert_eq!(memory.reads.len(), 40);
}

#[test]
fn page_that_cannot_be_read_is_black_and_tried_once_a_band() {
    for tiling in TILINGS {
        let mut memory = Memory {
            missing: vec![BASE + PAGE],
            ..Memory::default()
        };
        let plane = plane(fourcc::XRGB8888, tiling, 1024, size(256, 64));

        let picture = draw(&frame(plane.size, Some(plane)), &mut memory);

        assert_eq!(memory.reads[&(BASE + PAGE)], 1, "{tiling:?}");
        for (y, row) in (0..).zip(&picture) {
            for (x, seen) in (0..).zip(row) {
                let at = address(tiling, 1024, 4 * x, y);
                let expected = match at & !(PAGE - 1) == BASE + PAGE {
                    true => 0,
                    false => pixel(&memory, &plane, x, y),
                };
                assert_eq!(*seen, expected, "{tiling:?} ({x}, {y})");
            }
        }
    }
}

#[test]
fn s_26_rows_end_with_their_stride() {
    for tiling in TILINGS {
        let mut memory = Memory::default();
        let plane = Plane {
            source: (200, 0),
            ..plane(fourcc::XRGB8888, tiling, 1024, size(100, 40))
        };

        let picture = draw(&frame(plane.size, Some(plane)), &mut memory);

        for (y, row) in (0..).zip(&picture) {
            let (inside, outside) = row.split_at(56);
            assert!(outside.iter().all(|pixel| *pixel == 0), "{tiling:?}");
            for (x, seen) in (0..).zip(inside) {
                assert_eq!(*seen, pixel(&memory, &plane, x + 200, y), "{tiling:?}");
            }
        }
        let end = BASE + 64 * 1024;
        assert!(memory.reads.keys().all(|page| *page < end));
    }
}

#[test]
fn s_26_picture_beyond_its_stride_or_without_one_is_black() {
    for tiling in TILINGS {
        for (stride, x) in [(0, 0), (1024, 256), (1024, 8191), (64, 0)] {
            if stride == 64 && tiling == Tiling::Linear {
                continue;
            }
            let mut memory = Memory::default();
            let plane = Plane {
                source: (x, 3),
                ..plane(fourcc::XRGB8888, tiling, stride, size(64, 64))
            };

            let picture = draw(&frame(plane.size, Some(plane)), &mut memory);

            assert!(picture.iter().flatten().all(|pixel| *pixel == 0));
            assert!(memory.reads.is_empty(), "{tiling:?} {stride} {x}");
        }
    }
}

#[test]
fn picture_without_planes_is_black() {
    let picture = draw(&frame(size(40, 70), None), &mut Memory::default());

    assert!(picture.iter().flatten().all(|pixel| *pixel == 0));
}

#[test]
fn rows_outside_of_the_picture_are_left_out() {
    let plane = plane(fourcc::XRGB8888, Tiling::X, 512, size(128, 50));
    let frame = frame(plane.size, Some(plane));
    for (rows, expected) in [
        (40..u32::MAX, 40..50),
        (50..60, 0..0),
        (u32::MAX - 1..u32::MAX, 0..0),
        (30..34, 30..34),
        (9..9, 0..0),
    ] {
        let mut drawn = Rows::default();
        frame
            .draw(&mut Memory::default(), &[], rows, &mut drawn)
            .unwrap();

        let numbers: Vec<_> = drawn.0.iter().map(|(y, _)| *y).collect();
        assert_eq!(numbers, expected.collect::<Vec<_>>());
    }
}

#[test]
fn rows_one_by_one_are_those_of_the_whole() {
    let mut memory = Memory::default();
    let plane = Plane {
        source: (3, 17),
        position: (0, -9),
        ..plane(fourcc::XRGB8888, Tiling::Y, 1024, size(200, 120))
    };
    let frame = frame(size(200, 100), Some(plane));
    let whole = draw(&frame, &mut memory);

    for y in 0..100 {
        let mut row = Rows::default();
        frame.draw(&mut memory, &[], y..y + 1, &mut row).unwrap();

        assert_eq!(row.0, [(y, whole[y as usize].clone())]);
    }
}

#[test]
fn sprite_across_every_edge_is_clipped() {
    for tiling in TILINGS {
        for x in [-300, -33, -1, 0, 1, 20, 63, 64, 300] {
            for y in [-300, -41, -1, 0, 1, 30, 47, 48, 300] {
                let mut memory = Memory::default();
                let sprite = Plane {
                    position: (x, y),
                    source: (2, 1),
                    ..plane(fourcc::XRGB8888, tiling, 512, size(34, 42))
                };
                let frame = Frame {
                    sprite: Some(sprite),
                    ..frame(size(64, 48), None)
                };

                let picture = draw(&frame, &mut memory);

                for (row, pixels) in (0..).zip(&picture) {
                    for (column, seen) in (0..).zip(pixels) {
                        let (u, v) = (column - x, row - y);
                        let is_inside = (0..34).contains(&u) && (0..42).contains(&v);
                        let expected = match is_inside {
                            true => pixel(&memory, &sprite, u as u32 + 2, v as u32 + 1),
                            false => 0,
                        };
                        assert_eq!(*seen, expected, "{tiling:?} ({x}, {y}): ({u}, {v})");
                    }
                }
            }
        }
    }
}

/// A pixel above one of `below`.
fn blended(blend: Blend, above: [u8; 4], below: u32) -> u32 {
    let mut memory = Memory::default();
    memory.write(BASE, &below.to_le_bytes());
    memory.write(BASE + PAGE, &above);
    let primary = plane(fourcc::XRGB8888, Tiling::Linear, 64, size(1, 1));
    let cursor = Plane {
        surface: Gma(BASE + PAGE),
        blend,
        ..plane(fourcc::ARGB8888, Tiling::Linear, 64, size(1, 1))
    };
    let frame = Frame {
        cursor: Some(cursor),
        ..frame(size(1, 1), Some(primary))
    };
    draw(&frame, &mut memory)[0][0]
}

#[test]
fn cursor_shines_through_by_its_alpha() {
    use Blend::{Coverage, Opaque, Premultiplied};
    for (blend, above, expected) in [
        // Bytes are blue, green, red, alpha; below is 0x20_80c0.
        (Premultiplied, [1, 2, 3, 255], 0x03_0201),
        (Premultiplied, [0, 0, 0, 0], 0x20_80c0),
        (Premultiplied, [0, 0, 0, 255], 0),
        (Premultiplied, [64, 64, 64, 128], 0x50_80a0),
        // More than its alpha allows: hardware stops at white.
        (Premultiplied, [255, 255, 255, 0], 0xff_ffff),
        (Coverage, [1, 2, 3, 255], 0x03_0201),
        (Coverage, [1, 2, 3, 0], 0x20_80c0),
        (Coverage, [255, 255, 255, 51], 0x4d_99cd),
        (Opaque, [1, 2, 3, 0], 0x03_0201),
    ] {
        let seen = blended(blend, above, 0xff20_80c0);
        assert_eq!(seen, expected, "{blend:?} {above:?}: {seen:#x}");
    }
}

#[test]
fn cursor_that_cannot_be_read_is_not_there() {
    let mut memory = Memory {
        missing: vec![BASE + PAGE],
        ..Memory::default()
    };
    let primary = plane(fourcc::XRGB8888, Tiling::Linear, 64, size(16, 4));
    let cursor = Plane {
        surface: Gma(BASE + PAGE),
        blend: Blend::Premultiplied,
        ..plane(fourcc::ARGB8888, Tiling::Linear, 64, size(16, 4))
    };
    let without = frame(size(16, 4), Some(primary));
    let with = Frame {
        cursor: Some(cursor),
        ..without
    };

    assert_eq!(draw(&with, &mut memory), draw(&without, &mut memory));
}

#[test]
fn planes_are_above_each_other_in_their_order() {
    let mut memory = Memory::default();
    for (number, colour) in (0..).zip([1, 2, 3, 4]) {
        memory.write(BASE + number * PAGE, &[colour; 64]);
    }
    let of = |number: u64, width| {
        Some(Plane {
            surface: Gma(BASE + number * PAGE),
            ..plane(fourcc::XRGB8888, Tiling::Linear, 64, size(width, 1))
        })
    };
    let frame = Frame {
        sprite: of(1, 3),
        overlay: of(2, 2),
        cursor: of(3, 1),
        ..frame(size(4, 1), of(0, 4))
    };

    let picture = draw(&frame, &mut memory);

    assert_eq!(picture[0], [0x04_0404, 0x03_0303, 0x02_0202, 0x01_0101]);
}

#[test]
fn plane_of_an_unknown_format_is_left_out() {
    let mut memory = Memory::default();
    let plane = plane(u32::from_le_bytes(*b"NV12"), Tiling::Y, 512, size(64, 64));

    let picture = draw(&frame(plane.size, Some(plane)), &mut memory);

    assert!(picture.iter().flatten().all(|pixel| *pixel == 0));
    assert!(memory.reads.is_empty());
}

#[test]
fn draw_without_memory_anywhere_says_so() {
    let plane = plane(fourcc::XRGB8888, Tiling::Y, 512, size(64, 64));
    let frame = frame(plane.size, Some(plane));

    let sites = fail_each_alloc_with(
        || frame.draw(&mut Memory::default(), &[], 0..64, &mut Rows::default()),
        |error| *error == ENOMEM,
    );

    assert_eq!(sites, 3);
}
