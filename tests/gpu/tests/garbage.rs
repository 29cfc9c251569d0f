// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Whatever a guest writes, the model goes on answering: no panic, no endless slice.

use gen9_gpu::engine::command::mi;
use gen9_gpu::regs::gt;
use gen9_gpu::testing::Driver;
use gen9_gpu::Activity;
use gen9_gpu::Cycles;
use gen9_gpu::EngineId;
use gen9_gpu::Options;
use gen9_gpu::PlatformId;
use proptest::prelude::*;

const SLICES: usize = 50;

/// Dwords that are likely to be commands, registers or addresses.
fn dword() -> impl Strategy<Value = u32> {
    prop_oneof![
        2 => any::<u32>(),
        2 => 0..0x40_u32,
        4 => (0..0x40_u32, 0..0x400_u32).prop_map(|(op, low)| op << mi::OPCODE_SHIFT | low),
        2 => (0..0x80_u32, any::<u16>()).prop_map(|(op, low)| 2 << 29 | op << 22 | u32::from(low)),
        2 => (0x6000..0x7fff_u32, 0..0x20_u32).prop_map(|(op, length)| op << 16 | length),
        2 => (0x10_0000..0x200_0000_u32).prop_map(|address| address & !3),
        2 => prop_oneof![0x2000..0x3000_u32, 0x22000..0x23000_u32].prop_map(|offset| offset & !3),
        1 => Just(gt::GDRST.0),
    ]
}

fn engine() -> impl Strategy<Value = EngineId> {
    prop::sample::select(vec![
        EngineId::Rcs0,
        EngineId::Bcs0,
        EngineId::Vcs0,
        EngineId::Vecs0,
    ])
}

fn driver() -> Driver {
    Driver::new(Options::for_platform(PlatformId::Skylake))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn ring_when_garbage_then_the_gpu_survives_and_a_reset_brings_it_back(
        id in engine(),
        commands in prop::collection::vec(dword(), 1..200),
    ) {
        let mut driver = driver();
        let mut context = driver.context(id);
        driver.emit(&mut context, &commands);
        driver.submit(&context, None);
        for _ in 0..SLICES {
            driver.gpu.run(Cycles(20_000));
        }

        driver.gpu.write32(gt::GDRST, gt::GDRST_FULL);

        prop_assert_eq!(driver.gpu.run(Cycles(20_000)), Activity::Idle);
    }

    #[test]
    fn batch_when_garbage_then_the_engine_ends_hangs_or_goes_on(
        id in engine(),
        commands in prop::collection::vec(dword(), 1..200),
    ) {
        let mut driver = driver();
        let batch = driver.batch(&commands);
        let mut context = driver.context(id);
        driver.emit_batch(&mut context, batch);
        driver.submit(&context, None);
        for _ in 0..SLICES {
            driver.gpu.run(Cycles(20_000));
        }
    }

    #[test]
    fn image_when_garbage_then_the_engine_survives(
        id in engine(),
        image in prop::collection::vec(dword(), 1..0x80),
        descriptor in any::<u64>(),
    ) {
        let mut driver = driver();
        let context = driver.context(id);
        driver.store(context.lrca + 4096, &image);
        driver.submit(&context, None);
        for _ in 0..SLICES {
            driver.gpu.run(Cycles(20_000));
        }
        for dword in [0, 0, descriptor >> 32, descriptor] {
            let port = id.mmio_base().add(gen9_gpu::regs::engine::ELSP);
            driver.gpu.write32(port, dword as u32);
        }
        for _ in 0..SLICES {
            driver.gpu.run(Cycles(20_000));
        }
    }

    #[test]
    fn bars_when_accessed_at_random_then_they_answer(
        accesses in prop::collection::vec(
            (0..5_u8, any::<u32>(), prop::collection::vec(any::<u8>(), 1..16), any::<bool>()),
            1..400,
        ),
    ) {
        let mut driver = driver();
        for (bar, offset, mut data, write) in accesses {
            let offset = u64::from(offset);
            let gpu = &mut driver.gpu;
            match (bar, write) {
                (0, true) => gpu.bar0_write(offset % 0x10_0000, &data),
                (0, false) => gpu.bar0_read(offset % 0x10_0000, &mut data),
                (1, true) => gpu.bar0_write(offset % (17 << 20), &data),
                (1, false) => gpu.bar0_read(offset % (17 << 20), &mut data),
                (2, true) => gpu.bar2_write(offset, &data),
                (2, false) => gpu.bar2_read(offset, &mut data),
                (3, true) => gpu.bar4_write(offset % 8, &data),
                (3, false) => gpu.bar4_read(offset % 8, &mut data),
                (_, true) => gpu.config_write(offset % 0x110, &data),
                (_, false) => gpu.config_read(offset % 0x110, &mut data),
            }
            gpu.run(Cycles(1000));
        }
    }
}
