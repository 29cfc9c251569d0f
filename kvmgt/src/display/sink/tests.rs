// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

/// An EDID of three blocks, as far as the bus has to do with it.
fn edid() -> Vec<u8> {
    (0..384).map(|at| (at % 251) as u8).collect()
}

fn sink() -> Sink {
    Sink::new().unwrap()
}

fn ask(sink: &mut Sink, request: &[u8]) -> Option<Vec<u8>> {
    let reply = sink.answer(&edid(), request)?;
    Some(reply.bytes().to_vec())
}

#[test]
fn native_requests_read_and_write_the_dpcd() {
    let mut sink = sink();
    assert_eq!(
        ask(&mut sink, &[0x90, 0, 0, 2]),
        Some(vec![0, 0x12, 0x14, 0xc4])
    );
    assert_eq!(ask(&mut sink, &[0x80, 1, 0, 1, 0x0a, 0x84]), Some(vec![0]));
    assert_eq!(ask(&mut sink, &[0x90, 1, 0, 1]), Some(vec![0, 0x0a, 0x84]));
}

/// Reads a block of the EDID as Linux does, in pieces of a size.
fn read_block(sink: &mut Sink, block: u8, size: u8) -> Vec<u8> {
    let (segment, offset) = (block / 2, block % 2 * 128);
    if segment > 0 {
        assert_eq!(ask(sink, &[0x40, 0, 0x30]), Some(vec![0]));
        assert_eq!(ask(sink, &[0x40, 0, 0x30, 0, segment]), Some(vec![0]));
    }
    assert_eq!(ask(sink, &[0x40, 0, 0x50]), Some(vec![0]));
    assert_eq!(ask(sink, &[0x40, 0, 0x50, 0, offset]), Some(vec![0]));
    assert_eq!(ask(sink, &[0x50, 0, 0x50]), Some(vec![0]));
    let mut bytes = Vec::new();
    while bytes.len() < 128 {
        let rest = (128 - bytes.len()).min(size.into()) as u8;
        let reply = ask(sink, &[0x50, 0, 0x50, rest - 1]).unwrap();
        assert_eq!((reply[0], reply.len()), (0, usize::from(rest) + 1));
        bytes.extend(&reply[1..]);
    }
    assert_eq!(ask(sink, &[0x10, 0, 0x50]), Some(vec![0]), "the end");
    bytes
}

#[test]
fn edid_is_read_whole_in_pieces_of_any_size() {
    let mut sink = sink();
    for size in 1..=16 {
        for block in 0..3 {
            let first = usize::from(block) * 128;
            assert_eq!(
                read_block(&mut sink, block, size),
                edid()[first..first + 128],
                "{block} by {size}"
            );
        }
    }
}

#[test]
fn requests_to_nobody_on_the_bus_are_not_acknowledged() {
    let mut sink = sink();
    for request in [
        &[0x40, 0, 0x37][..],
        &[0x00, 0, 0x37, 0, 1],
        &[0x50, 0, 0x37, 15],
        // The bus has addresses of seven bits.
        &[0x50, 1, 0x50, 15],
        &[0x5f, 0, 0x50, 15],
        &[0x10, 0, 0x30, 0],
    ] {
        assert_eq!(ask(&mut sink, request), Some(vec![0x40]), "{request:x?}");
    }
    assert_eq!(ask(&mut sink, &[0x60, 0, 0x50]), Some(vec![0]));
    assert_eq!(ask(&mut sink, &[0x20, 0, 0x50, 0]), Some(vec![0]));
}

#[test]
fn requests_that_make_no_sense_get_no_answer() {
    let mut sink = sink();
    for request in [
        &[][..],
        &[0x90],
        &[0x90, 0],
        &[0x90, 0, 0],
        &[0x80, 1, 0],
        &[0x90, 0, 0, 16],
        &[0x90, 0, 0, 255],
        &[0x80, 1, 0, 1, 0x0a],
        &[0x40, 0, 0x50, 1, 0],
        &[0x50, 0, 0x50, 16],
        &[0xa0, 0, 0, 0],
        &[0xc0, 0, 0, 0, 0],
        &[0x30, 0, 0x50, 0],
    ] {
        assert_eq!(ask(&mut sink, request), None, "{request:x?}");
    }
}

#[test]
fn s_25_each_native_address_and_length_is_answered_within_bounds() {
    let mut sink = sink();
    for address in (0..0x720_u32).chain([0xf_fff0, 0xf_ffff]) {
        let [_, high, middle, low] = address.to_be_bytes();
        for length in 0..=u8::MAX {
            let count = usize::from(length) + 1;
            let read = ask(&mut sink, &[0x90 | high, middle, low, length]);
            assert_eq!(
                read.map(|reply| reply.len()),
                (count <= 16).then_some(count + 1)
            );
            let mut request = vec![0x80 | high, middle, low, length];
            request.resize(4 + count.min(16), 0);
            let reply = match (count <= 16, address as usize + count <= 0x700) {
                (false, _) => None,
                (true, true) => Some(vec![0]),
                (true, false) => Some(vec![0x10, 0]),
            };
            assert_eq!(ask(&mut sink, &request), reply, "{address:#x} {length}");
        }
    }
}

#[test]
fn s_25_each_i2c_address_and_length_is_answered_within_bounds() {
    let mut sink = sink();
    for address in 0..0x100_u32 {
        let [.., middle, low] = address.to_be_bytes();
        for length in 0..=u8::MAX {
            let count = usize::from(length) + 1;
            let reply = ask(&mut sink, &[0x50, middle, low, length]);
            let expected = match (count <= 16, address) {
                (false, _) => None,
                (true, 0x50) => Some(count + 1),
                (true, _) => Some(1),
            };
            assert_eq!(reply.map(|reply| reply.len()), expected, "{address:#x}");
        }
    }
}

proptest! {
    #[test]
    fn s_25_replies_fit_whatever_is_asked(
        requests in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..=MESSAGE_SIZE),
            0..20,
        ),
        edid in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut sink = sink();
        for request in requests {
            if let Some(reply) = sink.answer(&edid, &request) {
                prop_assert!((1..=BURST + 1).contains(&reply.bytes().len()));
            }
        }
    }
}
