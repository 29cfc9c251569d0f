// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The configuration space of vGPUs, made of what firmware left in that of real GPUs.

use super::{Gpu, Guest, MEMORY, MIB};
use hosted_glue::bed::Bed;
use kernel::error::code::EINVAL;
use kvmgt_core::vgpu::kind::KINDS;
use kvmgt_core::vgpu::Region::Config;

/// Runs a test on the vGPU of a GPU of each platform.
fn on_each_platform(test: impl Fn(&str, &mut Guest<'_, '_>)) {
    for name in ["bdw", "skl", "kbl", "bxt", "cfl", "cml"] {
        let bed = Bed::new(name);
        let mut gpu = Gpu::new(&bed);
        let vgpu = gpu.create(&KINDS[0]).unwrap();
        test(name, &mut Guest::new(&gpu, vgpu, MEMORY[0].clone()));
    }
}

/// A capability of the list: where it is.
fn capability(guest: &mut Guest<'_, '_>, id: u8) -> Option<u64> {
    let [mut place]: [u8; 1] = guest.read(Config, 0x34).unwrap();
    for _ in 0..48 {
        let [found, next] = guest.read(Config, place.into()).unwrap();
        match (place, found) {
            (0, _) => return None,
            (_, found) if found == id => return Some(place.into()),
            _ => place = next,
        }
    }
    panic!("the list has no end");
}

#[test]
fn identity_and_bars_are_those_of_the_gpu_without_its_addresses() {
    on_each_platform(|name, guest| {
        let (ids, machine) = (guest.gpu.kvmgt.device().ids(), guest.gpu.bed.machine());
        assert_eq!(
            machine.config_read(0x10) >> 24,
            0xc0,
            "{name}: it has addresses"
        );
        let id = guest.read(Config, 0).unwrap();
        let expected = u32::from(ids.device) << 16 | u32::from(ids.vendor);
        assert_eq!(u32::from_le_bytes(id), expected, "{name}");
        let bars: [[u8; 8]; 3] = [0x10, 0x18, 0x20].map(|bar| guest.read(Config, bar).unwrap());
        let none = [0x04, 0x0c, 0].map(u64::to_le_bytes);
        assert_eq!(bars, none, "{name}");
        for (bar, size) in [(0x10, 16 * MIB), (0x18, 256 * MIB)] {
            guest.write(Config, bar, &[0xff; 8]).unwrap();
            let answer = u64::from_le_bytes(guest.read(Config, bar).unwrap());
            assert_eq!(!(answer & !0xf) + 1, size, "{name}");
        }
        // No stolen memory, and no ROM.
        assert_eq!(guest.read(Config, 0x51).unwrap(), [0], "{name}");
        guest.write(Config, 0x30, &[0xff; 4]).unwrap();
        assert_eq!(guest.read(Config, 0x30).unwrap(), [0; 4], "{name}");
    });
}

#[test]
fn s_01_config_access_that_wraps_or_straddles_returns_einval() {
    on_each_platform(|name, guest| {
        let mut big = vec![0; 4097];
        for (at, len) in [
            (0xffff_fffc, 4),
            (0xffff_ffff, 1),
            (0xffff_ffff, 2),
            (u64::MAX, 1),
            (u64::MAX - 3, 8),
            (255, 2),
            (254, 4),
            (256, 1),
            (4095, 2),
            (0, 4096),
            (0, 4097),
            (0, 0),
        ] {
            let data = &mut big[..len];
            let read = guest.with(|vgpu, world| vgpu.read(world, Config, at, data));
            assert_eq!(read, Err(EINVAL), "{name}: {at:#x}+{len}");
            let written = guest.write(Config, at, &big[..len]);
            assert_eq!(written, Err(EINVAL), "{name}: {at:#x}+{len}");
        }
    });
}

#[test]
fn s_30_capabilities_are_those_of_a_vgpu_and_take_only_what_they_can() {
    on_each_platform(|name, guest| {
        let msi = capability(guest, 0x05).unwrap();
        let pm = capability(guest, 0x01).unwrap();
        assert_eq!(msi, 0xac, "{name}: it is where the GPU has it");
        assert_eq!(capability(guest, 0x10), None, "{name}");
        let headers = [msi, pm].map(|at| guest.read::<2>(Config, at).unwrap());

        for at in 0x40..0x100 {
            guest.write(Config, at, &[0xff]).unwrap();
        }

        let now = [msi, pm].map(|at| guest.read::<2>(Config, at).unwrap());
        assert_eq!(now, headers, "{name}");
        let control = u16::from_le_bytes(guest.read(Config, msi + 2).unwrap());
        assert_eq!(control & !(1 << 7), 1, "{name}: one message, no mask");
        assert_eq!(guest.read(Config, pm + 4).unwrap(), [3, 0], "{name}");
    });
}
