// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Inputs for the fuzzer: sessions that are mostly right, and damage to them.
//!
//! Everything follows from a seed, so a finding can be repeated from its number.

use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_ACTION_UNMASK, VFIO_IRQ_SET_DATA_BOOL,
    VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_DATA_NONE,
};

use super::{
    push_record, record_flags, FD_EVENT, FD_KIND_MASK, FD_SEALED, FD_UNSEALED, MEMFD_SIZE,
};
use crate::message::Header;
use crate::protocol::*;
use crate::toy::{self, reg};

/// A small generator of pseudo-random numbers (splitmix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence that depends on the seed alone.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next_u64() % limit
    }

    /// True once in `n`.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// A number that is often at an edge.
    fn edge(&mut self) -> u64 {
        let base = self.pick(&[
            0,
            1,
            4,
            16,
            DMA_PAGE,
            MEMFD_SIZE,
            1 << 31,
            1 << 32,
            1 << 63,
            !0,
        ]);
        match self.below(3) {
            0 => base,
            1 => base.wrapping_add(self.below(3)).wrapping_sub(1),
            _ => self.next_u64(),
        }
    }
}

/// A session of up to `most` messages, nearly all of them well-formed.
pub fn session(random: &mut Random, most: u64) -> Vec<u8> {
    session_with_damage(random, most, 24)
}

/// As [`session`], with one message in `rarity` damaged.
pub fn session_with_damage(random: &mut Random, most: u64, rarity: u64) -> Vec<u8> {
    let mut input = Vec::new();
    if !random.one_in(16) {
        push_record(&mut input, 0, &version());
    }
    for _ in 0..random.below(most) + 1 {
        let (flags, mut bytes) = message(random);
        if random.one_in(rarity) {
            damage(random, &mut bytes);
        }
        let cut = random.below(bytes.len() as u64 + 1) as usize;
        if random.one_in(6) {
            push_record(&mut input, flags, &bytes[..cut]);
            push_record(&mut input, 0, &bytes[cut..]);
        } else {
            push_record(&mut input, flags, &bytes);
        }
    }
    input
}

/// Changes an input in a few places, or mixes it with another.
pub fn mutate(random: &mut Random, input: &mut Vec<u8>, other: &[u8]) {
    if random.one_in(4) && !other.is_empty() {
        let from = random.below(other.len() as u64) as usize;
        let keep = random.below(input.len() as u64 + 1) as usize;
        input.truncate(keep);
        input.extend_from_slice(&other[from..]);
    }
    for _ in 0..random.below(4) + 1 {
        damage(random, input);
    }
}

/// Changes bytes in one place.
fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    let at = random.below(bytes.len() as u64 + 1) as usize;
    let rest = &mut bytes[at..];
    match random.below(5) {
        0 => rest
            .iter_mut()
            .take(1)
            .for_each(|byte| *byte ^= 1 << random.below(8)),
        1 => {
            let value = random.edge().to_le_bytes();
            let width = random.pick(&[1, 2, 4, 8]);
            rest.iter_mut()
                .zip(&value[..width])
                .for_each(|(byte, new)| *byte = *new);
        }
        2 => bytes.truncate(at),
        3 => {
            let count = random.below(24) as usize;
            let end = (at + count).min(bytes.len());
            bytes.drain(at..end);
        }
        _ => {
            let count = random.below(24) as usize;
            let new: Vec<u8> = (0..count).map(|_| random.next_u64() as u8).collect();
            bytes.splice(at..at, new);
        }
    }
}

/// A VERSION message as QEMU sends it.
pub fn version() -> Vec<u8> {
    let json = br#"{"capabilities":{"max_msg_fds":8,"max_data_xfer_size":1048576,"write_multiple":true,"pgsizes":4096,"max_dma_maps":65535}}"#;
    let mut payload = vec![0, 0, 1, 0];
    payload.extend_from_slice(json);
    payload.push(0);
    encode(1, Command::Version as u16, 0, &payload)
}

/// A message with that header and payload.
pub fn encode(id: u16, command: u16, flags: u32, payload: &[u8]) -> Vec<u8> {
    let size = (HEADER_SIZE + payload.len()) as u32;
    let mut bytes = Header {
        id,
        command,
        size,
        flags,
        error: 0,
    }
    .encode()
    .to_vec();
    bytes.extend_from_slice(payload);
    bytes
}

fn message(random: &mut Random) -> (u8, Vec<u8>) {
    let id = random.next_u64() as u16;
    // Half of the time the commands that make the device use client memory.
    let command = if random.one_in(2) {
        random.pick(&[Command::DmaMap, Command::RegionWrite, Command::RegionWrite])
    } else {
        random.pick(&Command::ALL)
    };
    let (fds, payload) = payload(random, command);
    let flags = match random.below(12) {
        0 => FLAG_NO_REPLY,
        1 => TYPE_REPLY,
        2 if random.one_in(4) => random.next_u64() as u32,
        _ => TYPE_COMMAND,
    };
    // Answers to the server's own commands count from 1.
    let id = if flags == TYPE_REPLY {
        (id & 3) + 1
    } else {
        id
    };
    (fds, encode(id, command as u16, flags, &payload))
}

/// Record flags (for descriptors) and payload of a command.
fn payload(random: &mut Random, command: Command) -> (u8, Vec<u8>) {
    let mut p = Payload(Vec::new());
    let mut fds = 0;
    match command {
        Command::DmaMap => {
            let offset = random.pick(&[0, DMA_PAGE]);
            p.u32(DMA_MAP_SIZE as u32)
                .u32(random.below(4) as u32)
                .u64(offset);
            p.u64(window(random))
                .u64(random.pick(&[DMA_PAGE, 2 * DMA_PAGE, MEMFD_SIZE]));
            let kind = random.pick(&[FD_SEALED, FD_UNSEALED, FD_KIND_MASK]);
            fds = record_flags(kind, random.pick(&[0, 0, 1, 1, 1, 2]));
        }
        Command::DmaUnmap => {
            let (address, size) = (window(random), random.pick(&[DMA_PAGE, MEMFD_SIZE]));
            let all = random.one_in(4);
            p.u32(DMA_UNMAP_SIZE as u32).u32(if all { 2 } else { 0 });
            p.u64(if all { 0 } else { address })
                .u64(if all { 0 } else { size });
        }
        Command::GetInfo => {
            p.u32(DEVICE_INFO_SIZE as u32).u32(0).u64(0);
        }
        Command::GetRegionInfo => {
            p.u32(random.pick(&[32, 32, 64, 0]))
                .u32(0)
                .u32(random.below(11) as u32)
                .u32(0);
            p.u64(0).u64(0);
        }
        Command::GetIrqInfo => {
            p.u32(IRQ_INFO_SIZE as u32)
                .u32(0)
                .u32(random.below(6) as u32)
                .u32(0);
        }
        Command::SetIrqs => {
            let data = random.pick(&[
                VFIO_IRQ_SET_DATA_NONE,
                VFIO_IRQ_SET_DATA_BOOL,
                VFIO_IRQ_SET_DATA_EVENTFD,
            ]);
            let action = random.pick(&[VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_ACTION_UNMASK]);
            let count = random.below(3) as u32;
            p.u32(IRQ_SET_SIZE as u32 + 4)
                .u32(data | action)
                .u32(random.below(3) as u32);
            p.u32(random.below(2) as u32).u32(count);
            if data == VFIO_IRQ_SET_DATA_BOOL {
                p.0.resize(p.0.len() + count as usize, 1);
            }
            if data == VFIO_IRQ_SET_DATA_EVENTFD {
                fds = record_flags(random.pick(&[FD_EVENT, FD_EVENT, FD_SEALED]), count as u8);
            }
        }
        Command::RegionRead => {
            access(random, &mut p);
        }
        Command::RegionWrite if random.one_in(2) => {
            // A whole copy: source, target, length and start follow each other.
            let length = random.pick(&[4, 64, 4096]);
            p.u64(reg::SOURCE)
                .u32(0)
                .u32((reg::STATUS - reg::SOURCE) as u32);
            p.u64(window(random)).u64(window(random)).u32(length).u32(1);
        }
        Command::RegionWrite => {
            let count = access(random, &mut p);
            let value = value(random);
            let data = value.to_le_bytes();
            p.0.extend(data.iter().cycle().take(count.min(256) as usize));
        }
        Command::RegionWriteMulti => {
            let count = random.below(5);
            p.u64(count);
            for _ in 0..count {
                access(random, &mut p);
                p.u64(value(random));
            }
        }
        Command::DmaRead | Command::DmaWrite => {
            // Good answers to what the toy device asks.
            let length = random.pick(&[4, 64]);
            p.u64(window(random)).u64(length);
            if command == Command::DmaRead {
                p.0.resize(p.0.len() + length as usize, 0x5a);
            }
        }
        Command::Version => p.0.extend_from_slice(&version()[HEADER_SIZE..]),
        _ => {}
    }
    (fds, p.0)
}

/// An address where windows are likely.
fn window(random: &mut Random) -> u64 {
    if random.one_in(10) {
        random.edge()
    } else {
        random.below(2) * MEMFD_SIZE
    }
}

/// A value that makes the toy device do something.
fn value(random: &mut Random) -> u64 {
    match random.below(3) {
        0 => window(random),
        1 => random.pick(&[4, 64]),
        _ => random.next_u64(),
    }
}

/// Appends the fields of an access to a region and gives its length.
fn access(random: &mut Random, p: &mut Payload) -> u64 {
    let region = random.pick(&[0, 0, 0, 2, 7, 1, 8]);
    let offset = match region {
        0 => random.pick(&[
            reg::SCRATCH,
            reg::SOURCE,
            reg::TARGET,
            reg::LENGTH,
            reg::START,
        ]),
        2 => random.below(toy::BAR2_SIZE + 8),
        _ => random.below(264),
    };
    let count = if random.one_in(20) {
        random.edge()
    } else {
        random.pick(&[4, 4, 8, 1, 2])
    };
    p.u64(offset).u32(region).u32(count as u32);
    u64::from(count as u32)
}

struct Payload(Vec<u8>);

impl Payload {
    fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_ne_bytes());
        self
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_ne_bytes());
        self
    }
}
