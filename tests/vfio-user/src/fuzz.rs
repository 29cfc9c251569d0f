// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A whole session driven by arbitrary bytes, and what must hold of it whatever they are.
//!
//! [`fuzz_session`] is what the libFuzzer target, the corpus test, the property tests and
//! `fuzz-run` share. An input is a list of records: one byte of flags, two bytes of length (little
//! endian), and that many bytes which arrive at the server in one piece. So an input decides where
//! the stream is cut and which descriptors come along.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use rustix::event::{eventfd, EventfdFlags};
use rustix::fs::{fcntl_add_seals, memfd_create, MemfdFlags, SealFlags};

use crate::device::Bus;
use crate::message::Header;
use crate::protocol::*;
use crate::script::{Chunk, Script};
use crate::session::{Session, SessionEnd};
use crate::stream::StreamError;
use crate::toy::{irqs, Toy};

pub mod generate;
pub mod runner;

/// Bits of a record's flags that choose the descriptors' kind.
pub const FD_KIND_MASK: u8 = 0x3;
/// A memfd that can be mapped.
pub const FD_SEALED: u8 = 0;
/// A memfd that the client could still cut.
pub const FD_UNSEALED: u8 = 1;
/// An eventfd.
pub const FD_EVENT: u8 = 2;
/// `/dev/null`.
pub const FD_NULL: u8 = 3;
/// Where in a record's flags the number of descriptors starts; 4 bits.
pub const FD_COUNT_SHIFT: u32 = 2;

const FD_COUNT_MASK: u8 = 0xf;

/// Bytes of the memfds.
pub const MEMFD_SIZE: u64 = 64 << 10;

/// Bytes before the data of a record.
const RECORD_HEAD: usize = 3;

/// Appends a record to an input.
pub fn push_record(input: &mut Vec<u8>, flags: u8, bytes: &[u8]) {
    // Longer pieces than a record can say are cut: that is as good a test.
    let bytes = &bytes[..bytes.len().min(usize::from(u16::MAX))];
    input.push(flags);
    input.extend_from_slice(&(bytes.len() as u16).to_le_bytes());
    input.extend_from_slice(bytes);
}

/// Flags of a record with `count` descriptors of a kind.
pub fn record_flags(kind: u8, count: u8) -> u8 {
    (kind & FD_KIND_MASK) | (count & FD_COUNT_MASK) << FD_COUNT_SHIFT
}

/// Runs one session over the input and checks what must always hold.
///
/// # Panics
/// If the server panics, loses step, answers wrongly or keeps anything of the client.
pub fn fuzz_session(input: &[u8]) {
    let chunks = chunks(input);
    let stream: Vec<u8> = chunks
        .iter()
        .flat_map(|chunk| chunk.bytes.iter().copied())
        .collect();
    let (script, transcript) = Script::new(chunks);
    let bus = Bus::new(&irqs());
    let mut toy = Toy::new(bus.clone()).expect("a memfd for the toy device");

    let (end, stats) = Session::new(&mut toy, &bus, script).run();

    let commands = commands(&stream);
    // A client may greet without wanting to know the answer.
    let mut greeted = commands
        .iter()
        .any(|header| header.command == Command::Version as u16 && !header.wants_reply());
    let expected: Vec<_> = commands
        .iter()
        .filter(|header| header.wants_reply())
        .collect();
    let replies = replies(&transcript.sent().bytes);
    for (index, reply) in replies.iter().enumerate() {
        let command = expected.get(index).expect("a reply that nobody asked for");
        let matches = (reply.id, reply.command) == (command.id, command.command);
        assert!(matches, "replies in the order of commands");
        let is_error = reply.flags & FLAG_ERROR != 0;
        assert_eq!(is_error, reply.error != 0, "errno exactly in error replies");
        assert!(
            !is_error || reply.size as usize == HEADER_SIZE,
            "error replies are bare"
        );
        greeted |= reply.command == Command::Version as u16 && !is_error;
        assert!(greeted || is_error, "nothing is done before VERSION");
    }
    if end == SessionEnd::Stream(StreamError::Closed) {
        assert_eq!(
            replies.len(),
            expected.len(),
            "every command that wants a reply gets one"
        );
        let seen = stats.done + stats.refused;
        assert_eq!(seen, commands.len() as u64, "every command is seen once");
    }
    assert!(bus.memory.windows().is_empty(), "client memory is unmapped");
    for (index, irq) in irqs().iter().enumerate() {
        for vector in 0..irq.count {
            assert!(
                !bus.interrupts.is_connected(index as u32, vector),
                "eventfds are closed"
            );
        }
    }
}

/// Header of every complete message in the stream that is no reply, by an own reading of the
/// framing rule.
fn commands(mut stream: &[u8]) -> Vec<Header> {
    let mut commands = Vec::new();
    while let Some((head, _)) = stream.split_first_chunk::<HEADER_SIZE>() {
        let header = Header::parse(head);
        if (header.size as usize) < HEADER_SIZE {
            break;
        }
        let Some(rest) = stream.get(header.size as usize..) else {
            break;
        };
        if !header.is_reply() {
            commands.push(header);
        }
        stream = rest;
    }
    commands
}

/// The replies among what the server sent; its own DMA commands are checked and left out.
fn replies(sent: &[u8]) -> Vec<Header> {
    let dma = [Command::DmaRead as u16, Command::DmaWrite as u16];
    headers(sent)
        .filter(|header| {
            let known = header.is_reply() || dma.contains(&header.command);
            assert!(known, "the server sends DMA commands only");
            header.is_reply()
        })
        .collect()
}

/// The headers of all messages that the server sent.
fn headers(mut sent: &[u8]) -> impl Iterator<Item = Header> + '_ {
    std::iter::from_fn(move || {
        if sent.is_empty() {
            return None;
        }
        let (head, _) = sent
            .split_first_chunk::<HEADER_SIZE>()
            .expect("a whole header");
        let header = Header::parse(head);
        sent = sent.get(header.size as usize..).expect("a whole message");
        Some(header)
    })
}

fn chunks(mut input: &[u8]) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    while let Some(([flags, low, high], rest)) = input.split_first_chunk::<RECORD_HEAD>() {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (bytes, rest) = rest.split_at(length);
        let count = (flags >> FD_COUNT_SHIFT) & FD_COUNT_MASK;
        let fds = (0..count)
            .map(|_| descriptor(flags & FD_KIND_MASK))
            .collect();
        chunks.push(Chunk {
            bytes: bytes.to_vec(),
            fds,
        });
        input = rest;
    }
    chunks
}

/// A descriptor of that kind, as a client would send it.
fn descriptor(kind: u8) -> OwnedFd {
    static FILES: OnceLock<[File; 4]> = OnceLock::new();
    let files = FILES.get_or_init(|| {
        let memfd = |seals| {
            let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
            let file = File::from(memfd_create("fuzz", flags).expect("a memfd"));
            file.set_len(MEMFD_SIZE).expect("memory for a memfd");
            fcntl_add_seals(&file, seals).expect("seals on a memfd");
            file
        };
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        [
            memfd(SealFlags::SHRINK),
            memfd(SealFlags::empty()),
            File::from(event.expect("an eventfd")),
            File::open("/dev/null").expect("/dev/null"),
        ]
    });
    let file = &files[usize::from(kind & FD_KIND_MASK)];
    OwnedFd::from(file.try_clone().expect("a free descriptor"))
}

#[cfg(test)]
#[path = "fuzz/tests.rs"]
mod tests;
