// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is not accepted, and what is beyond the registers. The names are those of the list of
//! hardening.
use super::*;
use crate::mmio::{ddi, fdi, gmbus};
use crate::pvinfo;
use iface::fence::{TILE_Y, VALID};

const HOLE: u64 = 2 << 20;
const GGTT: u64 = 8 << 20;
const END: u64 = 16 << 20;

/// The bytes of a dword that a narrow write may be to: the first one, and how many.
const NARROW: [(u32, usize); 6] = [(0, 1), (1, 1), (2, 1), (3, 1), (0, 2), (2, 2)];

/// Two vGPUs of the same GPU: one is written by bytes, the other by dwords.
fn twins(platform: Platform, vcs1: bool) -> [Machine; 2] {
    [(); 2].map(|()| Machine::with(platform, vcs1, |_| 0))
}

/// Writes some bytes of a register of one twin that hold `old`, and a dword of the other; returns
/// what is left in both.
fn write_twins(
    twins: &mut [Machine; 2],
    at: u32,
    old: u32,
    bytes: (u32, usize),
    whole: u32,
) -> [u32; 2] {
    for machine in &mut *twins {
        machine.mmio.registers.set(MmioOffset(at), old);
        machine.mmio.state.failsafe = false;
        machine.mmio.state.aware = true;
        machine.vm.guest.events.clear();
    }
    let [narrow, wide] = &mut *twins;
    let (first, count) = bytes;
    narrow.write(at + first, &[0x81, 0x42][..count]);
    wide.write32(at, whole);
    [narrow, wide].map(|machine| machine.mmio.peek(MmioOffset(at)))
}

/// What a narrow write has in the bytes of its dword.
fn written((first, count): (u32, usize)) -> u32 {
    [0x81, 0x4281][count - 1] << (8 * first)
}

#[test]
fn s_06_narrow_writes_of_each_handled_register_bring_no_other_byte() {
    for (platform, vcs1) in each_gpu() {
        let mut twins = twins(platform, vcs1);
        for (name, at) in handled(platform, vcs1) {
            for bytes in NARROW {
                let [left, right] = write_twins(&mut twins, at, 0, bytes, written(bytes));
                assert_eq!(left, right, "{name} {bytes:?} on {platform}");
                let (first, count) = bytes;
                let [narrow, wide] = &mut twins;
                let part = narrow.read(at + first, count);
                assert_eq!(part, wide.read(at, 4)[first as usize..][..count], "{name}");
            }
        }
    }
}

#[test]
fn s_06_narrow_writes_keep_the_other_bytes_or_do_nothing_by_them() {
    const OLD: u32 = 0x3c3c_3c3c;
    for (platform, vcs1) in each_gpu() {
        let mut twins = twins(platform, vcs1);
        for (name, at) in handled(platform, vcs1) {
            let rule = *twins[0].device.dispatch().rule(MmioOffset(at));
            // Where a one acts, unwritten bytes are zeros; elsewhere they are what they were.
            let acts = rule.masked
                || matches!(
                    rule.behaviour,
                    Behaviour::Reset(_)
                        | Behaviour::Interrupt(interrupt::Register::Iir(_))
                        | Behaviour::Fdi(fdi::Register::Iir)
                        | Behaviour::Gmbus(gmbus::Register::Status)
                        | Behaviour::Pvinfo(pvinfo::Field::Notify)
                );
            // Both in one register: these have tests of their own.
            let mixed = matches!(
                rule.behaviour,
                Behaviour::Forcewake(_) | Behaviour::Ddi(ddi::Register::LinkStatus)
            );
            for bytes in NARROW.into_iter().filter(|_| !mixed) {
                let mask = [0xff, 0xffff][bytes.1 - 1] << (8 * bytes.0);
                let whole = match acts {
                    true => written(bytes),
                    false => OLD & !mask | written(bytes),
                };
                let [left, right] = write_twins(&mut twins, at, OLD, bytes, whole);
                match rule.behaviour {
                    // It is remembered by bytes.
                    Behaviour::Pvinfo(pvinfo::Field::Notify) => {
                        assert_eq!(left, OLD & !mask | written(bytes));
                        assert_eq!(twins[0].complaints(), twins[1].complaints());
                    }
                    _ => assert_eq!(left, right, "{name} {bytes:?} on {platform}"),
                }
            }
        }
    }
}

#[test]
fn s_07_unaligned_accesses_and_odd_sizes_fail_and_change_nothing() {
    let mut machine = Machine::new(Platform::Skl);
    let places = [0x2080, 0x4_4200, 0x7_8000, UNKNOWN, 0x1f_fff8].map(u64::from);
    for start in places.into_iter().chain([HOLE, GGTT - 8]) {
        for offset in start..start + 8 {
            for len in 0..=16 {
                let fits = matches!(len, 1 | 2 | 4 | 8) && offset % len == 0;
                let mut data = vec![0x5a; len as usize];
                let read = machine.try_read(offset, &mut data);
                let write = machine.try_write(offset, &data);
                let expected = if fits { Ok(()) } else { Err(EINVAL) };
                assert_eq!((read, write), (expected, expected), "{offset:#x}+{len}");
                if !fits {
                    assert!(data.iter().all(|byte| *byte == 0x5a));
                }
            }
        }
    }
}

#[test]
fn s_07_accesses_behind_the_end_and_around_the_numbers_fail() {
    let mut machine = Machine::new(Platform::Skl);
    for offset in [
        END,
        END + 8,
        1 << 32,
        (1 << 32) + 0x2080,
        u64::MAX - 7,
        u64::MAX,
    ] {
        for len in [1, 2, 4, 8] {
            let mut data = vec![0; len];
            assert_eq!(
                machine.try_read(offset, &mut data),
                Err(EINVAL),
                "{offset:#x}"
            );
            assert_eq!(machine.try_write(offset, &data), Err(EINVAL), "{offset:#x}");
        }
    }
}

#[test]
fn gpio_registers_take_accesses_at_any_alignment() {
    let mut machine = Machine::new(Platform::Skl);
    let at = named("PCH_GPIO_BASE");
    machine.write(at, &[1, 2, 3, 4, 5, 6, 7, 8]);

    assert_eq!(machine.read(at + 1, 4), [2, 3, 4, 5]);
    assert_eq!(machine.read(at + 3, 2), [4, 5]);
    machine.write(at + 2, &[0xaa; 4]);
    assert_eq!(machine.read(at, 8), [1, 2, 0xaa, 0xaa, 0xaa, 0xaa, 7, 8]);
    // The last one, and what is behind it.
    assert_eq!(machine.read(at + 23, 8)[1..], [0; 7]);
}

#[test]
fn s_08_the_hole_reads_as_ones_and_ignores_writes() {
    let mut machine = Machine::new(Platform::Skl);
    for offset in [HOLE, HOLE + 0x1234 * 8, GGTT - 8] {
        for len in [1, 2, 4, 8] {
            machine.try_write(offset, &vec![0; len]).unwrap();
            let mut data = vec![0; len];
            machine.try_read(offset, &mut data).unwrap();
            assert_eq!(data, vec![0xff; len]);
        }
    }
    assert!(machine.vm.guest.pinned.is_empty() && machine.vm.guest.events.is_empty());
    assert_eq!(machine.host.state.borrow().flushes, 0);
}

#[test]
fn behind_the_table_of_a_small_ggtt_is_nothing() {
    // 2 GiB have a table of 4 MiB.
    let mut machine = Machine::of(Platform::Bdw, |info| info.ggtt_size = 2 << 30);
    let mut data = [0x55; 8];
    machine.try_read(GGTT + (4 << 20) - 8, &mut data).unwrap();
    assert_eq!(data, [0; 8]);
    for offset in [GGTT + (4 << 20), END - 8] {
        machine.try_write(offset, &[0; 8]).unwrap();
        machine.try_read(offset, &mut data).unwrap();
        assert_eq!(data, [0xff; 8]);
    }
}

#[test]
fn ggtt_part_reaches_the_ggtt() {
    let mut machine = Machine::new(Platform::Skl);
    let page = machine.aperture().start >> 12;
    let at = GGTT + page * 8;

    machine.try_write(at, &0x5001_u64.to_le_bytes()).unwrap();

    let mut data = [0; 8];
    machine.try_read(at, &mut data).unwrap();
    assert_eq!(u64::from_le_bytes(data), 0x5001);
    assert_eq!(machine.vm.guest.pinned.len(), 1);
}

#[test]
fn s_13_whatever_is_written_is_refused_by_a_complaint_and_nothing_else() {
    let mut machine = Machine::aware(Platform::Skl);
    machine.vm.guest.events.clear();
    let refused = [
        ("RCS_RING_HWS_PGA", 0x0000_1000),
        ("FORCE_TO_NONPRIV", 0x0000_2358),
        ("GEN8_GAMW_ECO_DEV_RW_IA", 0x5),
        ("TRTTE", 0x1),
        ("SKL_PS_CTRL_PIPE_A_0", 0x8200_0000),
    ];
    for (name, value) in refused {
        machine.set(name, value);
        assert_eq!(machine.peek(name), 0, "{name}");
        let text = machine.complaint();
        for part in [name, &std::format!("{value:#x}"), ": ignored, "] {
            assert!(text.contains(part), "{text}");
        }
    }
    // What makes the C GVT-g warn, and is accepted or ignored here.
    for (name, value) in [("PCH_GMBUS0", 7), ("SKL_PS_WIN_SZ_PIPE_A_0", 1)] {
        machine.set(name, value);
    }
    machine.write32(named("PCH_GMBUS0") + 12, 0x1234);
    assert_eq!(machine.complaints(), []);
    machine.set("DMA_CTRL", 0x0001_0001);
    assert!(machine.complaint().contains("no GuC"));
    assert!(!machine.mmio.is_failsafe());
}

/// Writes a fence as i915 does: off, upper half, lower half.
fn write_fence(machine: &mut Machine, index: u32, value: u64) {
    let at = named("FENCE") + index * 8;
    machine.write32(at, 0);
    machine.write32(at + 4, (value >> 32) as u32);
    machine.write32(at, value as u32);
}

/// A fence of some pages, in use.
fn fence(first: u64, last: u64) -> u64 {
    // Rows of one tile.
    last << 32 | first | TILE_Y | VALID
}

#[test]
fn fences_inside_the_aperture_reach_the_host() {
    let mut machine = Machine::aware(Platform::Skl);
    let own = machine.aperture();
    let all = fence(own.start, own.end - 0x1000);
    let one = fence(own.start, own.start);
    write_fence(&mut machine, 0, all);
    write_fence(&mut machine, 3, one);

    assert_eq!(machine.host_fences(), [all, 0, 0, one]);
    assert_eq!(machine.complaints(), []);
    assert_eq!(machine.read(named("FENCE"), 8), all.to_le_bytes());

    machine.write32(named("FENCE"), 0);
    assert_eq!(machine.host_fences(), [0, 0, 0, one]);
}

#[test]
fn fence_written_by_bytes_reaches_the_host_whole() {
    let mut machine = Machine::aware(Platform::Skl);
    let own = machine.aperture();
    let value = fence(own.start, own.start + 0x3000);
    let at = named("FENCE") + 8;
    for (index, byte) in value.to_le_bytes().iter().enumerate().rev() {
        machine.write(at + index as u32, &[*byte]);
    }

    assert_eq!(machine.host_fences()[1], value);
}

#[test]
fn fence_written_at_once_is_checked_as_a_whole() {
    let mut machine = Machine::aware(Platform::Skl);
    let own = machine.aperture();
    let value = fence(own.start, own.start + 0x3000);

    machine.write(named("FENCE"), &value.to_le_bytes());

    assert_eq!(machine.host_fences()[0], value);
    assert_eq!(machine.complaints(), []);
}

#[test]
fn s_20_fences_that_reach_beyond_the_own_aperture_are_off() {
    let mut machine = Machine::aware(Platform::Skl);
    let own = machine.aperture();
    let page = 0x1000;
    let outside = [
        fence(own.start - page, own.end - page),
        fence(own.start, own.end),
        fence(0, own.start),
        fence(own.end, own.end + page),
        fence(own.start + page, own.start),
        fence(machine.ggtt.high().start, machine.ggtt.high().start),
        u64::MAX,
    ];
    for value in outside {
        let inside = fence(own.start, own.start);
        write_fence(&mut machine, 1, inside);
        assert_eq!(machine.host_fences()[1], inside);

        write_fence(&mut machine, 1, value);

        assert_eq!(machine.host_fences()[1], 0, "{value:#x}");
        assert_eq!(
            machine.complaints(),
            [Complaint::FenceRange { index: 1, value }]
        );
        assert_eq!(machine.read(named("FENCE") + 8, 8), value.to_le_bytes());
    }
}

#[test]
fn s_20_fences_that_the_vgpu_does_not_have_are_zero() {
    let mut machine = Machine::aware(Platform::Skl);
    machine.vm.guest.events.clear();
    let own = machine.aperture();
    for index in 4..16 {
        let at = named("FENCE") + index * 8;
        machine.write32(at, own.start as u32 | 1);
        assert_eq!(machine.read32(at), 0);
        let complaint = Complaint::FenceIndex { index, count: 4 };
        assert_eq!(machine.complaints(), [complaint; 2]);
    }
    assert_eq!(machine.host_fences(), [0; 4]);
    assert!(!machine.mmio.is_failsafe());
}

#[test]
fn fence_beyond_the_own_ones_of_a_guest_that_does_not_know_is_failsafe() {
    let mut machine = Machine::new(Platform::Skl);

    machine.read32(named("FENCE") + 4 * 8);

    assert!(machine.mmio.is_failsafe());
}

#[test]
fn s_27_pvinfo_takes_no_resources_from_guests() {
    let mut machine = Machine::aware(Platform::Skl);
    machine.vm.guest.events.clear();
    let page = named("PVINFO");
    let before = machine.read(page, 8);
    for at in (0..0x54).step_by(4) {
        let value = machine.mmio.peek(MmioOffset(page + at));
        machine.write32(page + at, !value);
        machine.write(page + at + 1, &[0x55]);
        machine.write(page + at + 2, &[0x55; 2]);
        assert_eq!(machine.mmio.peek(MmioOffset(page + at)), value, "{at:#x}");
        assert_eq!(machine.complaints().len(), 3, "{at:#x}");
    }
    assert_eq!(machine.read(page, 8), before);
    assert!(!machine.mmio.is_failsafe());
}

#[test]
fn s_27_request_for_more_is_failsafe_and_said_once() {
    for at in (0x808..0x818).step_by(4) {
        let mut machine = Machine::aware(Platform::Skl);
        machine.vm.guest.events.clear();

        machine.write32(named("PVINFO") + at, 1);
        machine.write32(named("PVINFO") + at, 1);

        assert!(machine.mmio.is_failsafe());
        let reason = Failsafe::InsufficientResources;
        assert_eq!(machine.complaints(), [Complaint::Failsafe(reason)]);
    }
}

#[test]
fn failsafe_registers_are_memory_until_reset() {
    let mut machine = Machine::aware(Platform::Skl);
    machine.set("RCS_RING_MODE", 0x0001_0001);
    machine.vm.guest.events.clear();
    assert!(machine.mmio.is_failsafe());

    for name in [
        "GEN8_MASTER_IRQ",
        "GEN6_GDRST",
        "FENCE",
        "RCS_RING_CSB",
        "PVINFO",
    ] {
        assert_eq!(machine.exchange(name, 0x1234_5677), 0x1234_5677, "{name}");
    }
    let page = machine.aperture().start >> 12;
    let entry = 0x5001_u64.to_le_bytes();
    machine.try_write(GGTT + page * 8, &entry).unwrap();
    assert!(machine.vm.guest.pinned.is_empty() && machine.vm.guest.events.is_empty());
    assert_eq!(machine.host_fences(), [0; 4]);
    assert!(!machine.mmio.take_interrupt());

    machine.reset();

    assert!(!machine.mmio.is_failsafe());
    assert_eq!(machine.get("RCS_RING_CSB"), 0);
    assert_eq!(machine.exchange("GEN6_GDRST", 2), 0);
}
