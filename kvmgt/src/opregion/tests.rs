// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The OpRegion as i915 looks at it, but stricter.

use super::*;
use std::vec;
use std::vec::Vec;

const PLATFORMS: [Platform; 6] = [
    Platform::Bdw,
    Platform::Skl,
    Platform::Kbl,
    Platform::Bxt,
    Platform::Cfl,
    Platform::Cml,
];

fn opregion(platform: Platform) -> Vec<u8> {
    let mut bytes = vec![0xa5; SIZE];
    read(platform, 0, &mut bytes).unwrap();
    bytes
}

fn word(bytes: &[u8], at: usize) -> usize {
    u16::from_le_bytes([bytes[at], bytes[at + 1]]).into()
}

fn dword(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// The VBT in an OpRegion, whose size is inside of the mailbox.
fn vbt(opregion: &[u8]) -> &[u8] {
    let mailbox = &opregion[0x400..];
    assert_eq!(mailbox[..4], *b"$VBT");
    assert_eq!(word(mailbox, 22), 48, "the header's size");
    let size = word(mailbox, 24);
    assert!(size <= mailbox.len());
    &mailbox[..size]
}

/// The blocks of a VBT, which fill it.
fn blocks(vbt: &[u8]) -> Vec<(u8, &[u8])> {
    let offset = dword(vbt, 28) as usize;
    let bdb = &vbt[offset..];
    assert_eq!(bdb[..16], *b"BIOS_DATA_BLOCK ");
    assert_eq!(word(bdb, 16), 186);
    assert_eq!(word(bdb, 20), bdb.len());
    let mut blocks = Vec::new();
    let mut rest = &bdb[word(bdb, 18)..];
    while !rest.is_empty() {
        let (block, behind) = rest[3..].split_at(word(rest, 1));
        blocks.push((rest[0], block));
        rest = behind;
    }
    blocks
}

/// The outputs of a VBT: kind, port, AUX channel.
fn outputs(vbt: &[u8]) -> Vec<(usize, u8, u8)> {
    let blocks = blocks(vbt);
    let (_, definitions) = blocks.iter().find(|(number, _)| *number == 2).unwrap();
    assert_eq!(definitions[4], 33, "what version 186 has");
    let outputs = definitions[5..].chunks_exact(33);
    assert!(outputs.remainder().is_empty());
    outputs
        .map(|output| {
            // DisplayPort, and no HDMI; an encoder of the GPU's.
            assert_eq!((output[24] & 0x7, output[27] & 0x20), (0x2, 0x20));
            (word(output, 2), output[16], output[25])
        })
        .collect()
}

#[test]
fn opregion_has_its_header_a_vbt_and_an_open_lid() {
    for platform in PLATFORMS {
        let bytes = opregion(platform);

        assert_eq!(bytes[..16], *b"IntelGraphicsMem");
        assert_eq!(dword(&bytes, 0x10), 8);
        assert_eq!(bytes[0x14..0x18], [0, 0, 0, 2]);
        assert_eq!(dword(&bytes, 0x58), 1 << 3);
        assert_eq!(dword(&bytes, 0x1ac) & 1, 1);
        // Nobody has asked anything, and nothing is behind the VBT.
        assert_eq!(dword(&bytes, 0x200), 0);
        let end = 0x400 + vbt(&bytes).len();
        assert!(bytes[end..].iter().all(|byte| *byte == 0));
    }
}

#[test]
fn vbt_has_a_checksum_and_the_two_blocks_that_drivers_need() {
    for platform in PLATFORMS {
        let bytes = opregion(platform);
        let vbt = vbt(&bytes);

        let sum = vbt.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        assert_eq!(sum, 0);
        let sizes: Vec<_> = blocks(vbt)
            .iter()
            .map(|(n, block)| (*n, block.len()))
            .collect();
        let count = if platform == Platform::Bxt { 3 } else { 4 };
        assert_eq!(sizes, [(1, 5), (2, 5 + 33 * count)]);
        // No analog output, no TV.
        assert_eq!(blocks(vbt)[0].1, [0; 5]);
    }
}

#[test]
fn vbt_has_a_displayport_at_each_port_of_the_platform() {
    let a = (0x68c6, 10, 0x40);
    let (b, c, d) = ((0x68c6, 7, 0x10), (0x68c6, 8, 0x20), (0x68c6, 9, 0x30));
    for platform in PLATFORMS {
        let expected = match platform {
            // A fourth port would be one that i915 warns about.
            Platform::Bxt => vec![a, b, c],
            _ => vec![a, b, c, d],
        };
        assert_eq!(outputs(vbt(&opregion(platform))), expected, "{platform:?}");
    }
}

#[test]
fn opregion_in_pieces_is_the_whole() {
    let whole = opregion(Platform::Kbl);
    for len in [1, 3, 4, 100, 4096] {
        let mut pieces = vec![0xa5; SIZE];
        for (at, piece) in (0..).step_by(len).zip(pieces.chunks_mut(len)) {
            read(Platform::Kbl, at, piece).unwrap();
        }
        assert!(pieces == whole, "{len}");
    }
}

#[test]
fn s_04_opregion_is_read_nowhere_but_inside() {
    let end = SIZE as u64;
    for (offset, len, expected) in [
        (end, 0, Ok(())),
        (end - 1, 1, Ok(())),
        (0, SIZE, Ok(())),
        (end, 1, Err(EINVAL)),
        (end - 1, 2, Err(EINVAL)),
        (1, SIZE, Err(EINVAL)),
        (0, SIZE + 1, Err(EINVAL)),
        (0x1_0000, 1, Err(EINVAL)),
        (0x1_0000_0000, 1, Err(EINVAL)),
        (u64::MAX, 1, Err(EINVAL)),
        (u64::MAX, 2, Err(EINVAL)),
    ] {
        let mut data = vec![0xa5; len];
        assert_eq!(
            read(Platform::Skl, offset, &mut data),
            expected,
            "{offset:#x}"
        );
    }
}
