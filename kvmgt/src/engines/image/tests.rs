// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use iface::registers::{self, Flags, Platform};
use kernel::testing;
use proptest::prelude::*;
use std::vec::Vec;

const MODEL: Model = Model {
    platform: Platform::Skl,
    vcs1: false,
};
const END: u32 = 0x0a << 23;
/// A header that nobody knows.
const UNKNOWN: u32 = 1 << 29;
/// Dwords of an image in these tests: the status page and two more.
const DWORDS: usize = 3 * PAGE_DWORDS;
/// Registers whose values are the guest's: CTX_TIMESTAMP, R_PWR_CLK_STATE, GPR 0, CACHE_MODE_0,
/// MI_PREDICATE_SRC0.
const GUESTS: [u32; 5] = [0x23a8, 0x20c8, 0x2600, 0x7000, 0x2400];
/// Registers that stay the host's: among others the tail, what batches go on, workaround batches,
/// CTX_CONTEXT_CONTROL, a PDP, GFX_MODE, OACTXCONTROL, a slot of FORCE_TO_NONPRIV, another
/// engine's general register, CCID, EU_PERF_CNTL0.
const HOSTS: [u32; 14] = [
    0x2030, 0x2140, 0x2110, 0x2158, 0x21c0, 0x21c4, 0x2244, 0x2270, 0x229c, 0x2360, 0x24d4,
    0x2_2600, 0x2180, 0xe458,
];

/// The whole image with these dwords from page 1 on.
fn image(dwords: &[u32]) -> Vec<u8> {
    let mut image = std::vec![0; PAGE];
    image.extend(dwords.iter().flat_map(|dword| dword.to_le_bytes()));
    image.resize(DWORDS * DWORD, 0);
    image
}

fn load(registers: &[u32]) -> Vec<u32> {
    let mut command = std::vec![0x22 << 23 | 1 << 12 | (2 * registers.len() as u32 - 1)];
    for register in registers {
        command.extend([*register, register.rotate_left(7)]);
    }
    command
}

/// The ring context as i915 lays it out for the render engine of Gen9.
fn ring_context() -> Vec<u32> {
    let ring = [
        0x2244, 0x2034, 0x2030, 0x2038, 0x203c, 0x2168, 0x2140, 0x2110, 0x211c, 0x2114, 0x2118,
        0x21c0, 0x21c4, 0x21c8,
    ];
    let tables = [
        0x23a8, 0x228c, 0x2288, 0x2284, 0x2280, 0x227c, 0x2278, 0x2274, 0x2270,
    ];
    let noops = |count| std::vec![0_u32; count];
    [
        noops(1),
        load(&ring),
        noops(3),
        load(&tables),
        noops(13),
        load(&[0x20c8]),
    ]
    .concat()
}

/// The dwords of the host's image after a guest's was merged over the default state.
fn merged(map: &ImageMap, state: &[u8], guest: &[u8]) -> Vec<u32> {
    let mut host = state.to_vec();
    for page in 1..DWORDS / PAGE_DWORDS {
        let bytes = page * PAGE..(page + 1) * PAGE;
        map.merge(page, &guest[bytes.clone()], &mut host[bytes]);
    }
    host[PAGE..]
        .chunks_exact(DWORD)
        .map(|dword| u32::from_le_bytes(dword.try_into().unwrap()))
        .collect()
}

/// Which of the dwords from page 1 on change if a guest's image has ones everywhere.
fn guests(map: &ImageMap, state: &[u8]) -> Vec<usize> {
    let host = merged(map, state, &std::vec![0; state.len()]);
    let ones = merged(map, state, &std::vec![0xff; state.len()]);
    let changed = host.iter().zip(&ones).enumerate();
    changed
        .filter(|(_, (host, ones))| host != ones)
        .map(|(dword, _)| dword)
        .collect()
}

fn map(state: &[u8]) -> ImageMap {
    ImageMap::new(MODEL, Engine::Rcs, state).unwrap()
}

/// Goes through an image by a reader that is not ours: all that is not the guest's to supply, with
/// its place. Headers (of those that are all of a command only the opcode), offsets of registers,
/// values of the host's registers, operands of other commands, and what follows the last one.
fn skeleton(dwords: &[u32]) -> Vec<(usize, u32)> {
    let mut skeleton = Vec::new();
    let mut at = 0;
    while at < dwords.len() && dwords[at] != UNKNOWN && dwords[at] != END {
        let header = dwords[at];
        let (client, opcode) = (header >> 29, header >> 23);
        let single = client == 0 && opcode < 0x10 || matches!(header >> 16, 0x6904 | 0x780b);
        let end = at
            + if single {
                1
            } else {
                (header & 0xff) as usize + 2
            };
        skeleton.push((
            at,
            if client == 3 && single {
                header >> 16
            } else {
                header
            },
        ));
        for dword in at + 1..end.min(dwords.len()) {
            let offset = opcode == 0x22 && (dword - at) % 2 == 1;
            if offset || (client == 0 && opcode != 0x22) || header >> 16 == 0x7a00 {
                skeleton.push((dword, dwords[dword]));
            }
            if opcode == 0x22 && offset && HOSTS.contains(&dwords[dword]) {
                skeleton.push((dword + 1, dwords[dword + 1]));
            }
        }
        at = end;
    }
    let rest = at.min(dwords.len())..dwords.len();
    skeleton.extend(rest.map(|dword| (dword, dwords[dword])));
    skeleton
}

#[test]
fn registers_that_a_suspend_of_the_host_loses_come_with_each_image() {
    let lost: Vec<_> = registers::TABLE
        .iter()
        .filter(|row| row.flags.contains(Flags::PM_SAVE))
        .collect();
    let names: Vec<_> = lost.iter().map(|row| row.name).collect();
    assert_eq!(names, ["TRTTE", "REG_04DFC"]);
    assert!(lost.iter().all(|row| row.flags.contains(Flags::IN_CONTEXT)));
    let offsets: Vec<_> = lost.iter().map(|row| row.offset).collect();
    let state = image(&[load(&offsets), std::vec![END]].concat());

    // Behind the header, each second dword is a value.
    assert_eq!(guests(&map(&state), &state), [2, 4]);
}

fn command() -> impl Strategy<Value = Vec<u32>> {
    let registers: Vec<_> = GUESTS.iter().chain(&HOSTS).copied().collect();
    let register = proptest::sample::select(registers);
    let operands = |most| proptest::collection::vec(any::<u32>(), 1..most);
    let state = proptest::sample::select(std::vec![0x7804, 0x7810, 0x7918, 0x6101, 0x781e]);
    prop_oneof![
        (1..20_usize).prop_map(|count| std::vec![0; count]),
        proptest::collection::vec(register, 1..100).prop_map(|registers| load(&registers)),
        (state, operands(60)).prop_map(|(opcode, operands)| {
            let header = opcode << 16 | (operands.len() as u32 - 1);
            [&[header], &operands[..]].concat()
        }),
        (0..4_u32).prop_map(|pipeline| std::vec![0x6904 << 16 | pipeline]),
        (0..2_u32).prop_map(|enabled| std::vec![0x780b << 16 | enabled]),
        any::<[u32; 5]>().prop_map(|operands| [&[0x7a00_0004], &operands[..]].concat()),
        any::<[u32; 3]>().prop_map(|operands| [&[0x2c << 23 | 2], &operands[..]].concat()),
        Just(std::vec![0x0d << 23 | 3]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_guest_has_the_commands_stay_the_hosts(
        commands in proptest::collection::vec(command(), 0..30),
        last in proptest::sample::select(std::vec![END, UNKNOWN]),
        behind in proptest::collection::vec(any::<u32>(), 0..40),
        guest in proptest::collection::vec(any::<u32>(), 2 * PAGE_DWORDS),
    ) {
        let mut dwords = [ring_context(), commands.concat()].concat();
        dwords.truncate(DWORDS - PAGE_DWORDS - 41);
        dwords.push(last);
        dwords.extend(behind);
        let state = image(&dwords);
        let map = map(&state);

        let before = merged(&map, &state, &state);
        let after = merged(&map, &state, &image(&guest));
        prop_assert_eq!(&before[..dwords.len()], &dwords[..]);
        prop_assert_eq!(skeleton(&before), skeleton(&after));
        for dword in 0..2 * PAGE_DWORDS {
            if !is_client_writable((PAGE + dword * DWORD) as u64) {
                prop_assert_eq!(before[dword], after[dword]);
            }
        }
    }

    #[test]
    fn any_default_state_is_gone_through(
        dwords in proptest::collection::vec(any::<u32>(), 0..300),
        cut in 0..DWORDS * DWORD,
        engine in proptest::sample::select(Engine::ALL.to_vec()),
    ) {
        let mut state = image(&dwords);
        state.truncate(cut);
        let map = ImageMap::new(MODEL, engine, &state).unwrap();
        for page in 0..4 {
            let runs: Vec<_> = map.runs(page).collect();
            prop_assert!(runs.iter().all(|run| page * PAGE + run.end <= cut.next_multiple_of(4)));
            map.merge(page, &[1; 5], &mut [0; 9]);
        }
    }
}

#[test]
fn of_the_ring_context_only_clock_and_power_are_the_guests() {
    let state = image(&[&ring_context()[..], &[END]].concat());
    let map = map(&state);

    assert!(map.is_complete());
    assert_eq!(guests(&map, &state), [0x23, 0x43]);
}

#[test]
fn registers_are_the_guests_or_not_wherever_they_are() {
    for (registers, own) in [(&GUESTS[..], true), (&HOSTS[..], false)] {
        for register in registers {
            let state = image(&[&[0; 0x60][..], &load(&[*register]), &[END]].concat());
            let expected: &[usize] = if own { &[0x62] } else { &[] };
            assert_eq!(guests(&map(&state), &state), expected, "{register:#x}");
        }
    }
}

#[test]
fn state_is_the_guests_but_for_what_says_what_it_is() {
    // 3DSTATE_CLEAR_PARAMS, PIPELINE_SELECT, PIPE_CONTROL, MI_LOAD_URB_MEM.
    let clear = [0x7804_0001, 5, 6];
    let control = [0x7a00_0004, 1, 2, 3, 4, 5];
    let urb = [0x2c << 23 | 2, 1, 2, 3];
    let commands = [&clear[..], &[0x6904_0000], &control, &urb, &[END, 7]].concat();
    let state = image(&[&[0; 0x60][..], &commands].concat());
    let map = map(&state);

    assert!(map.is_complete());
    assert_eq!(guests(&map, &state), [0x61, 0x62, 0x63]);
    let after = merged(&map, &state, &std::vec![0xff; state.len()]);
    assert_eq!(after[0x63], 0x6904_ffff);
}

#[test]
fn from_what_is_unknown_on_all_is_the_hosts() {
    let good = load(&[0x2600]);
    let truncated = [0x7804 << 16 | 0xff];
    let odd = [0x22 << 23 | 2, 0x2600, 1, 0x2604];
    for (bad, at) in [(&[UNKNOWN][..], 0x60), (&odd, 0x60), (&truncated, 0x7f0)] {
        let mut dwords = std::vec![0; at];
        dwords.extend_from_slice(&good);
        dwords.extend_from_slice(bad);
        dwords.extend_from_slice(&good);
        let state = image(&dwords);
        let map = map(&state);

        assert!(!map.is_complete());
        assert_eq!(guests(&map, &state), [at + 2]);
        assert_eq!(map.pages(), 1..3);
    }
}

#[test]
fn runs_are_all_that_the_host_half_lets_its_client_write() {
    let state = image(&[&[0; 1500][..], &[END]].concat());
    let map = map(&state);

    assert_eq!(map.pages(), 1..3);
    assert_eq!(map.runs(0).count(), 0);
    assert!(map.runs(2).eq(core::iter::once(0..PAGE)));
    assert_eq!(map.runs(3).count(), 0);
    assert_eq!(map.runs(usize::MAX).count(), 0);
    let written: Vec<_> = map.runs(1).flatten().step_by(DWORD).collect();
    for byte in (0..PAGE).step_by(DWORD) {
        let writable = is_client_writable((PAGE + byte) as u64);
        assert_eq!(written.contains(&byte), writable, "{byte:#x}");
    }
    // CTX_CONTEXT_CONTROL, the ring's four registers and the PDPs' eight are cut out.
    assert_eq!(map.runs(1).count(), 14);
}

#[test]
fn pages_behind_the_last_command_are_not_written() {
    let map = map(&image(&[END]));

    assert_eq!(map.pages(), 1..2);
    assert_eq!(map.runs(2).count(), 0);
}

#[test]
fn without_memory_there_is_an_error_and_nothing_leaks() {
    let state = image(&[0x6904_0000, END]);
    let sites = testing::fail_each_alloc(|| ImageMap::new(MODEL, Engine::Rcs, &state).map(drop));

    assert!(sites >= 2, "only {sites} allocations");
}
