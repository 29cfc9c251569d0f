// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Blits between linear and tiled surfaces, seen through fences as a CPU sees them.

use gen9_gpu::engine::command::blit;
use gen9_gpu::fence::FENCE_BASE;
use gen9_gpu::regs::engine;
use gen9_gpu::testing::Driver;
use gen9_gpu::Activity;
use gen9_gpu::EngineId;
use gen9_gpu::Options;
use gen9_gpu::PlatformId;

const PITCH: u32 = 1024;
const ROWS: u32 = 64;
const PAGES: u64 = (PITCH * ROWS / 4096) as u64;
const WRITE_ALL: u32 = 3 << 20;
const DEPTH_32: u32 = 3 << 24;
const COPY: u32 = 0xcc << 16;
const FILL: u32 = 0xf0 << 16;
const DESTINATION_TILED: u32 = 1 << 11;
const SOURCE_TILED: u32 = 1 << 15;
const FAST_TO_Y: u32 = 2 << 13;
const FAST_FROM_X: u32 = 1 << 20;
const FENCE_VALID: u64 = 1;
const FENCE_Y: u64 = 2;

fn client(opcode: u32, length: u32) -> u32 {
    2 << 29 | opcode << 22 | (length - 2)
}

fn corner(x: u32, y: u32) -> u32 {
    y << 16 | x
}

fn execute(driver: &mut Driver, commands: &[u32]) {
    let batch = driver.batch(commands);
    let mut context = driver.context(EngineId::Bcs0);
    driver.emit_batch(&mut context, batch);
    driver.submit(&context, None);
    assert_eq!(driver.settle(), Activity::Idle);
}

/// A linear surface in which every pixel differs.
fn pattern(driver: &mut Driver) -> (u64, Vec<u32>) {
    let at = driver.allocate(PAGES);
    let pixels: Vec<u32> = (0..PITCH / 4 * ROWS)
        .map(|n| n.wrapping_mul(0x9e37_79b9))
        .collect();
    driver.store(at, &pixels);
    (at, pixels)
}

/// All pixels of a tiled surface as the CPU sees them through a fence.
fn through_fence(driver: &mut Driver, at: u64, layout: u64) -> Vec<u32> {
    let end = at + (PAGES - 1) * 4096;
    let fence = end << 32 | u64::from(PITCH / 128 - 1) << 32 | at | layout | FENCE_VALID;
    driver
        .gpu
        .bar0_write(u64::from(FENCE_BASE.0), &fence.to_le_bytes());
    let mut bytes = vec![0; (PITCH * ROWS) as usize];
    driver.gpu.bar2_read(at, &mut bytes);
    driver
        .gpu
        .bar0_write(u64::from(FENCE_BASE.0), &0_u64.to_le_bytes());
    bytes
        .chunks_exact(4)
        .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect()
}

fn linear(driver: &Driver, at: u64) -> Vec<u32> {
    (0..u64::from(PITCH / 4 * ROWS))
        .map(|n| driver.load(at + 4 * n))
        .collect()
}

fn kbl() -> Driver {
    Driver::new(Options::for_platform(PlatformId::Kabylake))
}

#[test]
fn copy_when_to_x_tiled_then_the_fence_shows_the_same_picture() {
    let mut driver = kbl();
    let (source, pixels) = pattern(&mut driver);
    let target = driver.allocate(PAGES);

    execute(
        &mut driver,
        &[
            client(blit::XY_SRC_COPY, 10) | WRITE_ALL | DESTINATION_TILED,
            DEPTH_32 | COPY | (PITCH / 4),
            0,
            corner(PITCH / 4, ROWS),
            target as u32,
            0,
            0,
            PITCH,
            source as u32,
            0,
        ],
    );

    assert_eq!(through_fence(&mut driver, target, 0), pixels);
    assert_ne!(linear(&driver, target), pixels);
}

#[test]
fn fast_copy_when_x_to_y_tiled_then_the_fence_shows_the_same_picture() {
    let mut driver = kbl();
    let (source, pixels) = pattern(&mut driver);
    let (x, y) = (driver.allocate(PAGES), driver.allocate(PAGES));
    let to_x = [
        client(blit::XY_SRC_COPY, 10) | WRITE_ALL | DESTINATION_TILED,
        DEPTH_32 | COPY | (PITCH / 4),
        0,
        corner(PITCH / 4, ROWS),
        x as u32,
        0,
        0,
        PITCH,
        source as u32,
        0,
    ];
    let to_y = [
        client(blit::XY_FAST_COPY, 10) | FAST_FROM_X | FAST_TO_Y,
        DEPTH_32 | (PITCH / 4),
        0,
        corner(PITCH / 4, ROWS),
        y as u32,
        0,
        0,
        PITCH / 4,
        x as u32,
        0,
    ];

    execute(&mut driver, &[to_x, to_y].concat());

    assert_eq!(through_fence(&mut driver, y, FENCE_Y), pixels);
}

#[test]
fn copy_when_swctrl_says_y_then_source_is_y_tiled() {
    let mut driver = kbl();
    let (source, pixels) = pattern(&mut driver);
    let target = driver.allocate(PAGES);
    let base = source;
    let fence = (base + (PAGES - 1) * 4096) << 32
        | u64::from(PITCH / 128 - 1) << 32
        | base
        | FENCE_Y
        | FENCE_VALID;
    driver
        .gpu
        .bar0_write(u64::from(FENCE_BASE.0), &fence.to_le_bytes());
    let bytes: Vec<u8> = pixels
        .iter()
        .flat_map(|pixel| pixel.to_le_bytes())
        .collect();
    driver.gpu.bar2_write(base, &bytes);
    let swctrl = EngineId::Bcs0.mmio_base().add(engine::BCS_SWCTRL);
    let load = gen9_gpu::engine::command::mi::load_register_imm(1, false);

    execute(
        &mut driver,
        &[
            load,
            swctrl.0,
            0x0001_0001,
            client(blit::XY_SRC_COPY, 10) | WRITE_ALL | SOURCE_TILED,
            DEPTH_32 | COPY | PITCH,
            0,
            corner(PITCH / 4, ROWS),
            target as u32,
            0,
            0,
            PITCH / 4,
            source as u32,
            0,
        ],
    );

    assert_eq!(linear(&driver, target), pixels);
}

#[test]
fn fill_when_rectangle_then_only_its_pixels_change() {
    const COLOUR: u32 = 0xaabb_ccdd;
    let mut driver = kbl();
    let (target, mut pixels) = pattern(&mut driver);
    for y in 5..9 {
        for x in 3..7 {
            pixels[(y * PITCH / 4 + x) as usize] = COLOUR;
        }
    }

    execute(
        &mut driver,
        &[
            client(blit::XY_COLOR, 7) | WRITE_ALL,
            DEPTH_32 | FILL | PITCH,
            corner(3, 5),
            corner(7, 9),
            target as u32,
            0,
            COLOUR,
        ],
    );

    assert_eq!(linear(&driver, target), pixels);
}

#[test]
fn fill_when_larger_than_a_step_then_all_of_it_and_registers_answer_between() {
    const SIDE: u32 = 1024;
    let mut driver = kbl();
    let target = driver.allocate(u64::from(SIDE * SIDE * 4) / 4096);
    let batch = driver.batch(&[
        client(blit::XY_COLOR, 7) | WRITE_ALL,
        DEPTH_32 | FILL | (SIDE * 4),
        0,
        corner(SIDE, SIDE),
        target as u32,
        0,
        7,
    ]);
    let mut context = driver.context(EngineId::Bcs0);
    driver.emit_batch(&mut context, batch);
    driver.submit(&context, None);

    let first = driver.gpu.run(gen9_gpu::Cycles(1000));
    let status = EngineId::Bcs0.mmio_base().add(engine::EXECLIST_STATUS_HIGH);
    let running = driver.gpu.read32(status);
    let last = driver.settle();

    assert_eq!((first, last), (Activity::Busy, Activity::Idle));
    assert_eq!(running, context.id());
    assert_eq!(driver.load(target + u64::from(SIDE * SIDE * 4) - 4), 7);
}
