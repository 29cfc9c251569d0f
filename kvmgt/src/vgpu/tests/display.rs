// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a vGPU shows: only what is the guest's, whatever the guest writes.

use super::*;
use crate::address::{Gfn, Gma, PAGE_SIZE};
use crate::display::fourcc;
use crate::display::picture::{Canvas, Frame};
use crate::display::plane::{Blend, Encoding, Plane, Tiling};
use crate::display::Resolution;
use crate::gtt::entry::ENTRY_SIZE;
use crate::gtt::ppgtt::GuestMemory;
use crate::mmio::registers::named;
use iface::registers::Platform;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::vec::Vec;

const PLATFORMS: [Platform; 6] = [
    Platform::Bdw,
    Platform::Skl,
    Platform::Kbl,
    Platform::Bxt,
    Platform::Cfl,
    Platform::Cml,
];

/// Memory of a VM that tells which pages were read, and how much was allocated meanwhile.
struct Watched {
    /// Pages that may be read.
    allowed: BTreeSet<Gfn>,
    /// Reads.
    reads: usize,
    /// What was allocated before.
    before: isize,
    /// The most that was allocated since.
    most: isize,
}

impl GuestMemory for Watched {
    fn read(&mut self, gfn: Gfn, offset: usize, data: &mut [u8]) -> Result {
        assert!(self.allowed.contains(&gfn), "{gfn:?} is not shown");
        assert!(offset + data.len() <= 4096);
        self.reads += 1;
        self.most = self.most.max(Ledger::current().live_bytes() - self.before);
        data.fill(gfn.0 as u8);
        Ok(())
    }

    fn write(&mut self, gfn: Gfn, _offset: usize, _data: &[u8]) -> Result {
        panic!("{gfn:?} is written");
    }
}

/// A canvas that counts rows of a width.
struct Rows {
    width: u32,
    count: u32,
}

impl Canvas for Rows {
    fn put(&mut self, y: u32, pixels: &[u32]) {
        assert_eq!((y, pixels.len()), (self.count, self.width as usize));
        assert!(pixels.iter().all(|pixel| pixel >> 24 == 0));
        self.count += 1;
    }
}

/// A vGPU, open, and all around it.
struct Bed {
    host: FakeHost,
    device: Device,
    vm: FakeVm,
    vgpu: Vgpu,
}

impl Bed {
    fn new(platform: Platform) -> Self {
        let host = testing::host_of(platform, 512 * MIB);
        let device = testing::device(&host);
        let id = Shares::new(&host.info).take(&KINDS[1]).unwrap();
        let mut vgpu = Vgpu::new(&device, &host, id, &KINDS[1]).unwrap();
        let mut vm = FakeVm::default();
        vgpu.open(&mut vm.world(&device, &host)).unwrap();
        Self {
            host,
            device,
            vm,
            vgpu,
        }
    }

    /// Maps a page of the guest.
    fn map(&mut self, address: u64, gfn: Gfn) {
        let at = address / PAGE_SIZE * ENTRY_SIZE;
        let entry = (gfn.0 << 12 | 1).to_le_bytes();
        let mut world = self.vm.world(&self.device, &self.host);
        let vgpu = &mut self.vgpu;
        vgpu.ggtt
            .write(&mut world, &mut vgpu.pins, at, &entry)
            .unwrap();
    }

    fn set(&mut self, name: &str, value: u32) {
        self.vgpu.mmio.poke(named(name), value);
    }

    /// Switches pipe A on, with a picture of that size.
    fn switch_on(&mut self, width: u32, height: u32) {
        self.set("TRANSCONF_TRANSCODER_A", 1 << 31);
        self.set("PIPESRC_TRANSCODER_A", (width - 1) << 16 | (height - 1));
    }

    fn frame(&self) -> Option<Frame> {
        self.vgpu.frame(&self.device)
    }

    /// Draws a frame; what it read.
    fn draw(&mut self, frame: &Frame, allowed: BTreeSet<Gfn>) -> (Watched, u32) {
        let mut memory = Watched {
            allowed,
            reads: 0,
            before: Ledger::current().live_bytes(),
            most: 0,
        };
        let mut rows = Rows {
            width: frame.size.width,
            count: 0,
        };
        let mut world = World {
            memory: &mut memory,
            ..self.vm.world(&self.device, &self.host)
        };
        self.vgpu
            .draw(&mut world, frame, 0..u32::MAX, &mut rows)
            .unwrap();
        (memory, rows.count)
    }
}

/// A plane of the whole width, of no other interest.
fn plane(surface: u64, tiling: Tiling, stride: u32, height: u32) -> Plane {
    Plane {
        fourcc: fourcc::XRGB8888,
        tiling,
        surface: Gma(surface),
        stride,
        source: (0, 0),
        size: Resolution {
            width: stride / 4,
            height,
        },
        position: (0, 0),
        blend: Blend::Opaque,
        encoding: Encoding::Bt601,
    }
}

#[test]
fn frame_when_nothing_is_on_is_none_and_after_reset_too() {
    for platform in PLATFORMS {
        let mut bed = Bed::new(platform);
        bed.set("TRANSCONF_TRANSCODER_A", 0);
        assert_eq!(bed.frame(), None, "{platform:?}");
        bed.switch_on(800, 600);
        assert!(bed.frame().is_some());
    }
}

#[test]
fn draw_takes_pixels_out_of_the_guests_memory() {
    let mut bed = Bed::new(Platform::Kbl);
    let start = bed.vgpu.aperture().start;
    bed.switch_on(16, 2);
    bed.set("DSPCNTR_PIPE_A", 0x8400_0000);
    bed.set("DSPSTRIDE_PIPE_A", 1);
    bed.set("DSPSIZE_PIPE_A", 1 << 16 | 15);
    bed.set("DSPSURF_PIPE_A", start as u32);
    bed.map(start, Gfn(0x77));
    let mut page = std::vec![0; 4096];
    page[68..72].copy_from_slice(&0xff12_3456_u32.to_le_bytes());
    bed.vm.memory.0.insert(Gfn(0x77), page);
    let frame = bed.frame().unwrap();
    struct Second(Vec<u32>);
    impl Canvas for Second {
        fn put(&mut self, y: u32, pixels: &[u32]) {
            if y == 1 {
                self.0 = pixels.to_vec();
            }
        }
    }
    let mut second = Second(Vec::new());

    let mut world = bed.vm.world(&bed.device, &bed.host);
    bed.vgpu
        .draw(&mut world, &frame, 0..2, &mut second)
        .unwrap();

    assert_eq!(second.0[..3], [0, 0x12_3456, 0]);
}

#[test]
fn s_26_surface_that_is_partly_outside_is_black_there_and_read_nowhere_else() {
    for platform in PLATFORMS {
        for end in [
            |bed: &Bed| bed.vgpu.aperture().end,
            |bed: &Bed| bed.vgpu.ggtt.high().end,
        ] {
            let mut bed = Bed::new(platform);
            let start = end(&bed) - 2 * PAGE_SIZE;
            bed.switch_on(1024, 4);
            let format = if platform == Platform::Bdw {
                6 << 26
            } else {
                4 << 24
            };
            bed.set("DSPCNTR_PIPE_A", 1 << 31 | format);
            let stride = if platform == Platform::Bdw { 4096 } else { 64 };
            bed.set("DSPSTRIDE_PIPE_A", stride);
            bed.set("DSPSIZE_PIPE_A", 3 << 16 | 1023);
            bed.set("DSPSURF_PIPE_A", start as u32);
            let allowed: BTreeSet<_> = [Gfn(8), Gfn(9)].into();
            for (page, gfn) in allowed.iter().enumerate() {
                bed.map(start + page as u64 * PAGE_SIZE, *gfn);
            }
            let frame = bed.frame().unwrap();

            let (memory, rows) = bed.draw(&frame, allowed);

            assert_eq!((memory.reads, rows), (2, 4), "{platform:?}");
        }
    }
}

#[test]
fn draw_of_more_than_the_monitor_can_show_is_refused() {
    let mut bed = Bed::new(Platform::Skl);
    bed.switch_on(64, 64);
    let mut frame = bed.frame().unwrap();
    frame.size.width = 1921;
    let mut rows = Rows { width: 0, count: 0 };

    let mut world = bed.vm.world(&bed.device, &bed.host);
    let drawn = bed.vgpu.draw(&mut world, &frame, 0..1, &mut rows);

    assert_eq!((drawn, rows.count), (Err(EINVAL), 0));
}

#[test]
fn pages_are_those_of_whole_tiles_in_their_order() {
    let mut bed = Bed::new(Platform::Skl);
    let start = bed.vgpu.aperture().start + 16 * PAGE_SIZE;
    let gfns: Vec<_> = (0..16).map(|page| Gfn(0x500 - page * 3)).collect();
    for (at, gfn) in (start..).step_by(4096).zip(&gfns) {
        bed.map(at, *gfn);
    }

    for (tiling, height, count) in [
        (Tiling::Linear, 1, 1),
        (Tiling::Linear, 5, 3),
        (Tiling::X, 9, 8),
        (Tiling::Y, 1, 16),
        (Tiling::Yf, 32, 16),
    ] {
        let pages = bed.vgpu.pages(&plane(start, tiling, 2048, height)).unwrap();
        assert_eq!(pages.as_slice(), &gfns[..count], "{tiling:?} {height}");
    }
}

#[test]
fn s_26_pages_that_are_not_all_own_and_mapped_are_refused() {
    let mut bed = Bed::new(Platform::Skl);
    let aperture = bed.vgpu.aperture();
    let high = bed.vgpu.ggtt.high();
    for at in [
        aperture.start,
        aperture.end - PAGE_SIZE,
        high.end - PAGE_SIZE,
    ] {
        bed.map(at, Gfn(5));
    }
    let linear = |at, height| plane(at, Tiling::Linear, 4096, height);

    for (plane, expected) in [
        (linear(aperture.start, 1), Ok(1)),
        (linear(aperture.end - PAGE_SIZE, 1), Ok(1)),
        (linear(high.end - PAGE_SIZE, 1), Ok(1)),
        (linear(aperture.start, 2), Err(EFAULT)),
        (linear(aperture.end - PAGE_SIZE, 2), Err(EFAULT)),
        (linear(high.end - PAGE_SIZE, 2), Err(EFAULT)),
        (linear(aperture.end, 1), Err(EFAULT)),
        (linear(0xffff_f000, 1), Err(EFAULT)),
        (linear(!0xfff, 2), Err(EFAULT)),
        (linear(aperture.start, u32::MAX), Err(EFAULT)),
        (linear(aperture.start + 64, 1), Err(EINVAL)),
        (linear(aperture.start, 0), Err(EINVAL)),
        (
            Plane {
                source: (0, 1),
                ..linear(aperture.start, 1)
            },
            Err(EINVAL),
        ),
    ] {
        let pages = bed.vgpu.pages(&plane).map(|pages| pages.len());
        assert_eq!(pages, expected, "{plane:x?}");
    }
}

#[test]
fn pages_without_memory_say_so() {
    let mut bed = Bed::new(Platform::Skl);
    let start = bed.vgpu.aperture().start;
    bed.map(start, Gfn(5));
    let plane = plane(start, Tiling::Linear, 4096, 1);

    let sites = fail_each_alloc_with(|| bed.vgpu.pages(&plane), |error| *error == ENOMEM);

    assert_eq!(sites, 1);
}

#[test]
fn hot_spot_is_what_pvinfo_says_if_it_is_in_the_cursor() {
    let mut bed = Bed::new(Platform::Skl);
    let cursor = Resolution {
        width: 64,
        height: 32,
    };
    let page = named("PVINFO").0;
    assert_eq!(bed.vgpu.hot_spot(cursor), None);
    for (x, y, expected) in [
        (0, 0, Some((0, 0))),
        (63, 31, Some((63, 31))),
        (64, 31, None),
        (63, 32, None),
        (5, u32::MAX, None),
    ] {
        bed.vgpu.mmio.poke(MmioOffset(page + 0x830), x);
        bed.vgpu.mmio.poke(MmioOffset(page + 0x834), y);
        assert_eq!(bed.vgpu.hot_spot(cursor), expected);
    }
}

/// What planes, cursors and pipes are told by.
const REGISTERS: [&str; 20] = [
    "DSPCNTR_PIPE_A",
    "DSPSTRIDE_PIPE_A",
    "DSPPOS_PIPE_A",
    "DSPSIZE_PIPE_A",
    "DSPOFFSET_PIPE_A",
    "DSPSURF_PIPE_A",
    "SPRCTL_PIPE_A",
    "SPRSTRIDE_PIPE_A",
    "SPRPOS_PIPE_A",
    "SPRSIZE_PIPE_A",
    "SPROFFSET_PIPE_A",
    "SPRSURF_PIPE_A",
    "PLANE_CTL_PIPE_A_2",
    "PLANE_SURF_PIPE_A_2",
    "CURCNTR_PIPE_A",
    "CURPOS_PIPE_A",
    "CURBASE_PIPE_A",
    "CUR_FBC_CTL_PIPE_A",
    "PIPESRC_TRANSCODER_A",
    "REG_60400",
];

/// The ends of both ranges of a vGPU, or a little in front of them.
const BASES: [u32; 4] = [0, 0x07f0_0000, 0x2000_0000, 0x3ff0_0000];

/// A value of one of these: mostly one that shows something.
fn value(name: &str) -> BoxedStrategy<u32> {
    let size = (0..2000_u32, 0..2000_u32).prop_map(|(x, y)| y << 16 | x);
    let likely = match name {
        "CURCNTR_PIPE_A" => select(std::vec![0x27, 0x27, 0x22, 0x23, 0]).boxed(),
        name if name.contains("CNTR") || name.contains("CTL_") => {
            let tiling = select(std::vec![0, 1, 4, 5]);
            let format = select(std::vec![0, 2, 4, 5, 6, 8, 10, 12, 14]);
            let of_all = (tiling, format, select(std::vec![24, 25, 26]), 0..4_u32);
            of_all
                .prop_map(|(t, f, shift, alpha)| 1 << 31 | t << 10 | f << shift | alpha << 4)
                .boxed()
        }
        name if name.contains("OFFSET") || name.contains("POS") => {
            let near = prop_oneof![3 => 0..70_u32, 1 => 0..2000_u32];
            (near.clone(), near).prop_map(|(x, y)| y << 16 | x).boxed()
        }
        name if name.contains("STRIDE") => prop_oneof![0..64_u32, 0..0x3000_u32].boxed(),
        // Own pages, and those beside them.
        name if name.contains("SURF") || name.contains("BASE") => {
            let own = select(std::vec![
                0_u32,
                0x07ff_0000,
                0x0800_0000,
                0x2000_0000,
                0x3fff_f000
            ]);
            (own, 0..300_u32)
                .prop_map(|(base, page)| base + page * 0x1000)
                .boxed()
        }
        _ => size.boxed(),
    };
    prop_oneof![12 => likely, 1 => any::<u32>()].boxed()
}

/// How many pictures.
const CASES: u32 = 512;
/// In how many of them something must be read, or the property says little.
const READ: u32 = CASES / 10;

/// Pages of surfaces: own ones at both ends of both ranges.
fn page() -> impl Strategy<Value = u64> {
    (select(BASES.to_vec()), 0..600_u64).prop_map(|(base, page)| u64::from(base) + page * PAGE_SIZE)
}

#[test]
fn s_26_whatever_a_guest_writes_only_its_pages_are_read_and_little_is_allocated() {
    let cases = (
        select(PLATFORMS.to_vec()),
        REGISTERS.map(value),
        vec((page(), 0..1000_u64, 1..300_u64), 0..32),
    );
    let read = Cell::new(0);
    let property =
        |(platform, values, pages): (_, [u32; REGISTERS.len()], Vec<(u64, u64, u64)>)| {
            let mut bed = Bed::new(platform);
            for (name, value) in REGISTERS.into_iter().zip(values) {
                bed.set(name, value);
            }
            bed.set("TRANSCONF_TRANSCODER_A", 1 << 31);
            let ranges = [bed.vgpu.aperture(), bed.vgpu.ggtt.high()];
            let mut allowed = BTreeSet::new();
            for (first, gfn, count) in pages {
                for page in 0..count {
                    let (at, gfn) = (first + page * PAGE_SIZE, gfn + page);
                    if ranges.iter().any(|range| range.contains(&at)) {
                        bed.map(at, Gfn(gfn));
                        allowed.insert(Gfn(gfn));
                    }
                }
            }
            let frame = bed.frame().unwrap();
            let largest = bed.vgpu.largest_resolution();
            prop_assert!(frame.size.width <= largest.width && frame.size.height <= largest.height);

            let (memory, rows) = bed.draw(&frame, allowed.clone());

            prop_assert_eq!(rows, frame.size.height);
            // A band, two pages, a palette.
            prop_assert!(memory.most <= (1920 * 32 * 4 + 2 * 4096 + 1024));
            read.set(read.get() + u32::from(memory.reads != 0));
            for plane in [frame.primary, frame.sprite, frame.overlay, frame.cursor] {
                if let Some(Ok(pages)) = plane.map(|plane| bed.vgpu.pages(&plane)) {
                    prop_assert!(pages.iter().all(|gfn| allowed.contains(gfn)));
                }
            }
            Ok(())
        };

    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::with_cases(CASES), rng);
    runner.run(&cases, property).unwrap();
    assert!(read.get() >= READ, "{} pictures read something", read.get());
}
