// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the drivers of stock guests submit, by what i915 of Linux 6.1 to 7.2 does: accepted.

use super::*;

const GGTT_WRITE: u32 = 0x0100_4000;

fn on(platform: Platform) -> Setting {
    Setting {
        platform,
        ..setting(Engine::Rcs)
    }
}

#[test]
fn request_of_the_render_engine_when_from_i915_then_accepted_with_its_events() {
    let commands = [
        // Its start is told to the time line.
        0x0280_0000,
        STORE_GGTT,
        OWN,
        0,
        41,
        // Caches are invalidated; scratch is in the context's page.
        PIPE_CONTROL,
        0x0030_4c1d,
        0xd0,
        0,
        0,
        0,
        // The batch of a program.
        0x0400_0001,
        START_PPGTT,
        0x1000,
        0x7f,
        0x0400_0000,
        NOOP,
        // Its end is told: flush, then the value and an interrupt.
        PIPE_CONTROL,
        0x0010_10a1,
        0,
        0,
        0,
        0,
        PIPE_CONTROL,
        GGTT_WRITE | 1 << 20 | 1 << 7,
        OWN,
        0,
        42,
        0,
        0x0100_0000,
        0x0400_0001,
        0x0280_0000,
        NOOP,
    ];
    let verdict = submit(&commands).unwrap();

    assert!(verdict.user_interrupt && !verdict.notify);
    assert!(verdict.effects.is_empty() && verdict.links.is_empty());
    let patched: BTreeSet<_> = (0..commands.len())
        .filter(|i| verdict.streams[0].dwords[*i] != commands[*i])
        .collect();
    // The two dwords of the scratch write, and the interrupt.
    assert_eq!(patched, BTreeSet::from([6, 7, 29]));
}

#[test]
fn request_of_the_other_engines_when_from_i915_then_accepted() {
    let commands = [
        0x0280_0000,
        STORE_GGTT,
        OWN,
        0,
        41,
        0x1320_4002 | 1 << 18,
        0xd0,
        0,
        0,
        0x0400_0001,
        START_PPGTT,
        0x1000,
        0x7f,
        0x0400_0000,
        NOOP,
        0x1300_4002,
        OWN | 4,
        0,
        42,
        0x0100_0000,
        0x0400_0001,
        0x0280_0000,
    ];
    for engine in [Engine::Bcs, Engine::Vcs, Engine::Vcs1, Engine::Vecs] {
        let verdict = submit_to(&setting(engine), &commands).unwrap();
        assert!(verdict.user_interrupt, "{engine:?}");
    }
}

/// The registers of i915's context workarounds, each with the bits that it selects.
fn workarounds(platform: Platform) -> Vec<(u32, u32)> {
    match platform {
        Platform::Bdw => std::vec![
            (0x20c0, 0x0080),
            (0x209c, 0x4000),
            (0xe4f0, 0x0120),
            (0x7300, 0x4034),
            (0x7000, 0x0004),
            (0x7004, 0x0040),
            (0x7008, 0x0280),
            (0xe4f4, 0x0001),
            (0xe184, 0x0002),
        ],
        _ => std::vec![
            (0x7014, 0x4100),
            (0xe194, 0x0510),
            (0xe4f0, 0x8120),
            (0x7004, 0x0042),
            (0xe188, 0x0020),
            (0x7300, 0x8030),
            (0xe184, 0x0002),
            (0xe180, 0x2000),
            (0x2580, 0x0007),
            (0x5588, 0x0200),
            (0x7008, 0x3f00),
            (0xe100, 0x0010),
        ],
    }
}

#[test]
fn context_workarounds_when_from_i915_then_accepted_on_each_platform() {
    for platform in Platform::ALL {
        let registers = workarounds(platform);
        let mut commands = std::vec![0x1100_0000 | (registers.len() as u32 * 2 - 1)];
        for (register, bits) in registers {
            commands.extend([register, bits << 16 | bits]);
        }
        let verdict = submit_to(&on(platform), &commands).unwrap();
        assert_eq!(verdict.streams[0].dwords[..commands.len()], commands);
    }
}

#[test]
fn indirect_context_when_from_i915_then_accepted_on_each_platform() {
    const L3: u32 = 0xb118;
    let flush_l3 = [
        0x1240_0002,
        L3,
        OWN,
        0,
        LOAD,
        L3,
        0x4060_0000,
        PIPE_CONTROL,
        0x0010_0020,
        0,
        0,
        0,
        0,
        0x14c0_0002,
        L3,
        OWN,
        0,
    ];
    let clear = [PIPE_CONTROL, 0x0830_4000, 0xd0, 0, 0, 0];
    for platform in Platform::ALL {
        let mut batch = std::vec![0x0400_0000];
        batch.extend(flush_l3);
        batch.extend(clear);
        if platform != Platform::Bdw {
            let registers = [
                0x7014,
                0x0200 << 16,
                0x2088,
                0x0002_0002,
                0x2090,
                0x1000_1000,
            ];
            batch.push(0x1100_0005);
            batch.extend(registers);
            batch.extend([0x7005_0004, 1 << 31, 0x0077_7000, 0, 0, 0]);
        }
        batch.push(0x0400_0001);
        batch.resize(batch.len().next_multiple_of(16), NOOP);
        let (mut ram, mut work) = ring(&[]);
        ram.put(BATCH, &batch);
        work.indirect_context = BATCH | (batch.len() as u32 / 16);

        let verdict = audit(&on(platform), &mut ram, &work).unwrap();

        assert_eq!(verdict.streams[1].dwords.len(), batch.len(), "{platform}");
    }
}

#[test]
fn golden_state_batch_when_privileged_then_accepted() {
    // What i915's batch for the first context of an engine is made of: state, all of it through the
    // PPGTT.
    let (mut ram, work) = ring(&[0x0400_0001, START_GGTT, BATCH, 0, 0x0400_0000, NOOP]);
    let mut batch = std::vec![PIPE_CONTROL, 0x0001_0000, 0, 0, 0, 0, 0x6904_0300];
    for (header, operands) in [
        (0x7812_0000_u32, 2),
        (0x7815_0000, 9),
        (0x7918_0000, 6),
        (0x7917_0000, 17),
        (0x6101_0000, 17),
        (0x7810_0000, 7),
        (0x7820_0000, 10),
        (0x7b00_0000, 5),
    ] {
        batch.push(header | operands);
        batch.extend(std::vec![1; operands as usize + 1]);
    }
    batch.push(BATCH_END);
    ram.put(BATCH, &batch);

    let verdict = audit(&setting(Engine::Rcs), &mut ram, &work).unwrap();

    assert_eq!(verdict.streams[1].dwords[..batch.len()], batch);
}

#[test]
fn page_tables_written_by_commands_when_in_the_ppgtt_then_accepted() {
    // i915 stores as many entries as fit into one command.
    let mut commands = std::vec![0; 3 + 0x3fc];
    commands[0] = 0x1020_0000 | 0x3fd;
    commands[1] = 0x8000_0000;
    assert_eq!(accepted(&commands), commands);
}
