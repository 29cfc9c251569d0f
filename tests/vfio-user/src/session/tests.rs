// SPDX-License-Identifier: GPL-2.0 OR MIT
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use rustix::event::{eventfd, EventfdFlags};
use rustix::fs::{fcntl_add_seals, memfd_create, MemfdFlags, SealFlags};
use vfio_bindings::bindings::vfio::{VFIO_PCI_BAR2_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX};

use super::*;
use crate::device::Mappable;
use crate::fuzz::generate::{encode, version};
use crate::message::Header;
use crate::receiver::Receiver;
use crate::script::{Chunk, Script, Sent};
use crate::stream::UnixTransport;
use crate::toy::{self, reg, Toy};

const BAR0: u32 = 0;

/// What one reply says: its id, and its payload or its errno.
type Answer = (u16, Result<Vec<u8>, Errno>);

struct Played {
    answers: Vec<Answer>,
    sent: Sent,
    end: SessionEnd,
}

impl Played {
    /// The answer to the message with that id, which must be the only one.
    fn to(&self, id: u16) -> Result<&[u8], Errno> {
        let mut found = self.answers.iter().filter(|(answered, _)| *answered == id);
        let (_, answer) = found.next().expect("an answer");
        assert!(found.next().is_none(), "one answer");
        answer.as_ref().map(Vec::as_slice).map_err(|errno| *errno)
    }
}

/// Plays chunks to a fresh toy device.
fn play(chunks: Vec<Chunk>) -> Played {
    let bus = Bus::new(&toy::irqs());
    let mut toy = Toy::new(bus.clone()).unwrap();
    play_to(&mut toy, &bus, chunks)
}

/// Plays chunks to a device.
fn play_to(device: &mut impl Device, bus: &Bus, chunks: Vec<Chunk>) -> Played {
    let (script, transcript) = Script::new(chunks);
    let (end, _) = Session::new(device, bus, script).run();
    let sent = transcript.sent();
    let (replay, _) = Script::new([Chunk::from(sent.bytes.clone())]);
    let mut receiver = Receiver::default();
    let mut answers = Vec::new();
    let mut message = Message::default();
    while receiver.next(&replay, None, &mut message).is_ok() {
        answers.push(answer_of(&message));
    }
    Played { answers, sent, end }
}

fn answer_of(message: &Message) -> Answer {
    let Header {
        id, flags, error, ..
    } = message.header;
    let answer = match flags & FLAG_ERROR {
        0 => Ok(message.payload.clone()),
        _ => Err(Errno::from_raw_os_error(error as i32)),
    };
    (id, answer)
}

/// Plays messages without descriptors, after a handshake.
fn converse(messages: Vec<Vec<u8>>) -> Played {
    let all = std::iter::once(version()).chain(messages);
    play(all.map(Chunk::from).collect())
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn command(id: u16, command: Command, payload: &[u8]) -> Vec<u8> {
    encode(id, command as u16, 0, payload)
}

fn read(id: u16, region: u32, offset: u64, count: u32) -> Vec<u8> {
    let payload = [offset.to_ne_bytes().to_vec(), words(&[region, count])].concat();
    command(id, Command::RegionRead, &payload)
}

fn write_flags(id: u16, flags: u32, region: u32, offset: u64, data: &[u8]) -> Vec<u8> {
    let head = [
        offset.to_ne_bytes().to_vec(),
        words(&[region, data.len() as u32]),
    ]
    .concat();
    encode(
        id,
        Command::RegionWrite as u16,
        flags,
        &[head, data.to_vec()].concat(),
    )
}

fn write(id: u16, region: u32, offset: u64, data: &[u8]) -> Vec<u8> {
    write_flags(id, 0, region, offset, data)
}

fn memfd(size: u64) -> File {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = File::from(memfd_create("session", flags).unwrap());
    file.set_len(size).unwrap();
    fcntl_add_seals(&file, SealFlags::SHRINK).unwrap();
    file
}

fn dma_map(id: u16, address: u64, size: u64) -> Vec<u8> {
    let mut payload = words(&[DMA_MAP_SIZE as u32, 3]);
    for value in [0, address, size] {
        payload.extend_from_slice(&value.to_ne_bytes());
    }
    command(id, Command::DmaMap, &payload)
}

fn dma_unmap(id: u16, flags: u32, address: u64, size: u64) -> Vec<u8> {
    let mut payload = words(&[DMA_UNMAP_SIZE as u32, flags]);
    for value in [address, size] {
        payload.extend_from_slice(&value.to_ne_bytes());
    }
    command(id, Command::DmaUnmap, &payload)
}

#[test]
fn session_when_command_comes_before_version_then_eproto_and_not_done() {
    let scratch = write(2, BAR0, reg::SCRATCH, &[1, 2, 3, 4]);
    let chunks = [scratch, version(), read(3, BAR0, reg::SCRATCH, 4)];

    let played = play(chunks.into_iter().map(Chunk::from).collect());

    assert_eq!(played.to(2), Err(Errno::PROTO));
    assert_eq!(played.to(3).unwrap()[16..], [0; 4]);
}

#[test]
fn session_when_version_comes_twice_then_eproto_and_goes_on() {
    let mut again = version();
    again[0] = 9;

    let played = converse(vec![again, read(3, BAR0, reg::ID, 4)]);

    assert_eq!(played.to(9), Err(Errno::PROTO));
    assert_eq!(played.to(3).unwrap()[16..], toy::IDENTITY.to_le_bytes());
}

#[test]
fn version_when_answered_then_limits_are_ours() {
    let played = converse(vec![]);

    let payload = played.to(1).unwrap();
    assert_eq!(payload[..4], [0, 0, 1, 0]);
    let text = std::str::from_utf8(&payload[4..payload.len() - 1]).unwrap();
    assert!(text.contains(r#""max_msg_fds":8"#) && text.contains(r#""write_multiple":true"#));
    assert_eq!(payload.last(), Some(&0));
}

#[test]
fn version_when_client_is_newer_then_minor_is_ours() {
    let played = play(vec![encode(1, 1, 0, &[0, 0, 9, 0]).into()]);

    assert_eq!(played.to(1).unwrap(), [0, 0, 1, 0]);
}

#[test]
fn version_when_major_differs_then_refused_and_closed() {
    let chunks = vec![encode(1, 1, 0, &[2, 0, 0, 0]).into(), version().into()];

    let played = play(chunks);

    assert_eq!(played.to(1), Err(Errno::PROTONOSUPPORT));
    assert_eq!(played.end, SessionEnd::OtherVersion(2));
    assert_eq!(played.answers.len(), 1);
}

#[test]
fn version_when_json_is_broken_then_einval_and_may_try_again() {
    let broken = encode(7, 1, 0, b"\0\0\0\0{\"capabilities\"\0");

    let played = play(vec![
        broken.into(),
        version().into(),
        read(3, BAR0, 0, 4).into(),
    ]);

    assert_eq!(played.to(7), Err(Errno::INVAL));
    assert!(played.to(3).is_ok());
}

#[test]
fn session_when_no_reply_is_wanted_then_none_comes_but_it_is_done() {
    let good = write_flags(2, FLAG_NO_REPLY, BAR0, reg::SCRATCH, &[1, 2, 3, 4]);
    let bad = write_flags(3, FLAG_NO_REPLY, 99, 0, &[1, 2, 3, 4]);

    let played = converse(vec![good, bad, read(4, BAR0, reg::SCRATCH, 4)]);

    let ids: Vec<u16> = played.answers.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [1, 4]);
    assert_eq!(played.to(4).unwrap()[16..], [1, 2, 3, 4]);
}

#[test]
fn session_when_commands_are_refused_then_payload_is_consumed() {
    let refused = Command::ALL
        .into_iter()
        .filter(|command| *command != Command::Version);
    let junk = refused
        .enumerate()
        .map(|(id, command)| encode(100 + id as u16, command as u16, 0, &[0xee; 52]));
    let unknown = encode(200, 4711, 0, &[0xee; 52]);
    let messages = junk.chain([unknown, read(300, BAR0, reg::ID, 4)]).collect();

    let played = converse(messages);

    assert_eq!(played.to(200), Err(Errno::NOSYS));
    for id in 100..117 {
        assert!(
            matches!(played.to(id), Err(Errno::INVAL | Errno::NOTSUP)),
            "id {id}"
        );
    }
    assert_eq!(played.to(300).unwrap()[16..], toy::IDENTITY.to_le_bytes());
}

#[test]
fn session_when_type_is_unknown_then_einval() {
    let played = converse(vec![encode(5, 13, 7, b"")]);

    assert_eq!(played.to(5), Err(Errno::INVAL));
}

#[test]
fn session_when_message_is_too_long_then_e2big_and_goes_on() {
    let long = write(5, BAR0, 0, &vec![0; MAX_TRANSFER + 1]);

    let played = converse(vec![long, read(6, BAR0, reg::ID, 4)]);

    assert_eq!(played.to(5), Err(Errno::TOOBIG));
    assert!(played.to(6).is_ok());
}

#[test]
fn get_info_when_asked_then_counts_regions_and_irqs() {
    let played = converse(vec![command(2, Command::GetInfo, &words(&[16, 0, 0, 0]))]);

    assert_eq!(played.to(2).unwrap(), words(&[16, 3, 9, 5]));
}

fn region_info(id: u16, index: u32, argsz: u32) -> Vec<u8> {
    command(
        id,
        Command::GetRegionInfo,
        &words(&[argsz, 0, index, 0, 0, 0, 0, 0]),
    )
}

#[test]
fn get_region_info_when_trapped_then_no_fd_and_no_caps() {
    let messages = vec![
        region_info(2, BAR0, 32),
        region_info(3, VFIO_PCI_CONFIG_REGION_INDEX, 32),
        region_info(4, 9, 32),
    ];

    let played = converse(messages);

    assert_eq!(played.to(2).unwrap(), words(&[32, 3, 0, 0, 4096, 0, 0, 0]));
    assert_eq!(played.to(3).unwrap()[16..24], 256u64.to_ne_bytes());
    assert_eq!(played.to(4), Err(Errno::INVAL));
    assert_eq!(played.sent.fds, 0);
}

#[test]
fn get_region_info_when_mappable_then_fd_and_sparse_areas_if_they_fit() {
    let index = VFIO_PCI_BAR2_REGION_INDEX;

    let played = converse(vec![region_info(2, index, 63), region_info(3, index, 64)]);

    assert_eq!(
        played.to(2).unwrap(),
        words(&[64, 15, 2, 32, 8192, 0, 0, 0])
    );
    let sparse = [1 | 1 << 16, 0, 1, 0, 4096, 0, 4096, 0];
    let full = [words(&[64, 15, 2, 32, 8192, 0, 0, 0]), words(&sparse)].concat();
    assert_eq!(played.to(3).unwrap(), full);
    assert_eq!(played.sent.fds, 2);
}

/// A device that only has regions.
struct Regions([Region; 2]);

impl Device for Regions {
    fn regions(&self) -> &[Region] {
        &self.0
    }

    fn read(&mut self, _: u32, _: u64, _: &mut [u8]) -> Result<(), Errno> {
        Err(Errno::IO)
    }

    fn write(&mut self, _: u32, _: u64, _: &[u8]) -> Result<(), Errno> {
        Err(Errno::IO)
    }

    fn reset(&mut self) -> Result<(), Errno> {
        Err(Errno::IO)
    }
}

#[test]
fn get_region_info_when_region_has_a_kind_then_it_is_told_in_front_of_areas() {
    let memory = File::from(memfd_create("areas", MemfdFlags::CLOEXEC).unwrap());
    let lower_half = 0..4096;
    let mappable = Mappable {
        file: memory,
        offset: 0,
        areas: vec![lower_half],
    };
    let typed = |mappable| Region {
        kind: Some((7, 9)),
        mappable,
        ..Region::trapped(8192)
    };
    let mut device = Regions([typed(None), typed(Some(mappable))]);
    let messages = vec![
        version().into(),
        region_info(2, 0, 47).into(),
        region_info(3, 0, 48).into(),
        region_info(4, 1, 80).into(),
    ];

    let played = play_to(&mut device, &Bus::new(&[]), messages);

    let info = words(&[48, 11, 0, 32, 8192, 0, 0, 0]);
    assert_eq!(played.to(2).unwrap(), info);
    let kind = |next: u32| words(&[2 | 1 << 16, next, 7, 9]);
    assert_eq!(played.to(3).unwrap(), [info, kind(0)].concat());
    let info = words(&[80, 15, 1, 32, 8192, 0, 0, 0]);
    let sparse = words(&[1 | 1 << 16, 0, 1, 0, 0, 0, 4096, 0]);
    assert_eq!(played.to(4).unwrap(), [info, kind(48), sparse].concat());
}

#[test]
fn get_region_info_when_client_takes_no_fds_then_not_mappable() {
    let json = b"\0\0\0\0{\"capabilities\":{\"max_msg_fds\":0}}";
    let hello = encode(1, 1, 0, json);
    let info = region_info(2, VFIO_PCI_BAR2_REGION_INDEX, 64);

    let played = play(vec![hello.into(), info.into()]);

    assert_eq!(played.to(2).unwrap(), words(&[32, 3, 2, 0, 8192, 0, 0, 0]));
    assert_eq!(played.sent.fds, 0);
}

#[test]
fn get_irq_info_when_asked_then_describes_it() {
    let ask = |id, index| command(id, Command::GetIrqInfo, &words(&[16, 0, index, 0]));

    let played = converse(vec![ask(2, 0), ask(3, 1), ask(4, 5)]);

    assert_eq!(played.to(2).unwrap(), words(&[16, 7, 0, 1]));
    assert_eq!(played.to(3).unwrap(), words(&[16, 9, 1, 1]));
    assert_eq!(played.to(4), Err(Errno::INVAL));
}

#[test]
fn region_access_when_outside_or_too_long_then_einval() {
    let messages = vec![
        read(2, BAR0, 4096, 1),
        read(3, BAR0, 4093, 4),
        read(4, BAR0, u64::MAX, 4),
        read(5, BAR0, 0, u32::MAX),
        read(6, 1, 0, 4),
        read(7, 99, 0, 4),
        write(8, BAR0, 4093, &[0; 4]),
        write(9, BAR0, u64::MAX, &[0; 4]),
        read(10, BAR0, 4096, 0),
    ];

    let played = converse(messages);

    for id in 2..10 {
        assert_eq!(played.to(id), Err(Errno::INVAL), "id {id}");
    }
    assert_eq!(played.to(10).unwrap().len(), 16);
}

#[test]
fn region_read_when_longer_than_the_client_takes_then_einval() {
    let hello = encode(
        1,
        1,
        0,
        b"\0\0\0\0{\"capabilities\":{\"max_data_xfer_size\":8}}",
    );
    let chunks = vec![
        hello.into(),
        read(2, BAR0, 0, 8).into(),
        read(3, BAR0, 0, 9).into(),
    ];

    let played = play(chunks);

    assert!(played.to(2).is_ok());
    assert_eq!(played.to(3), Err(Errno::INVAL));
}

fn write_multi(id: u16, writes: &[(u64, u32, u32, u64)]) -> Vec<u8> {
    let mut payload = (writes.len() as u64).to_ne_bytes().to_vec();
    for (offset, region, count, data) in writes {
        payload.extend_from_slice(&offset.to_ne_bytes());
        payload.extend_from_slice(&words(&[*region, *count]));
        payload.extend_from_slice(&data.to_ne_bytes());
    }
    command(id, Command::RegionWriteMulti, &payload)
}

#[test]
fn region_write_multi_when_right_then_all_are_done_in_order() {
    let writes = [
        (reg::SCRATCH, 0, 4, 1),
        (reg::SCRATCH, 0, 4, 2),
        (reg::LENGTH, 0, 4, 3),
    ];

    let played = converse(vec![
        write_multi(2, &writes),
        read(3, BAR0, reg::SCRATCH, 24),
    ]);

    assert_eq!(played.to(2).unwrap(), 3u64.to_ne_bytes());
    assert_eq!(played.to(3).unwrap()[16..20], [2, 0, 0, 0]);
    assert_eq!(played.to(3).unwrap()[36..40], [3, 0, 0, 0]);
}

#[test]
fn region_write_multi_when_one_is_bad_then_later_ones_are_not_done() {
    let writes = [
        (reg::SCRATCH, 0, 4, 1),
        (4096, 0, 4, 2),
        (reg::SCRATCH, 0, 4, 3),
    ];

    let played = converse(vec![
        write_multi(2, &writes),
        read(3, BAR0, reg::SCRATCH, 4),
    ]);

    assert_eq!(played.to(2), Err(Errno::INVAL));
    assert_eq!(played.to(3).unwrap()[16..], [1, 0, 0, 0]);
}

#[test]
fn region_write_multi_when_not_negotiated_then_enotsup() {
    let hello = encode(1, 1, 0, &[0; 4]);
    let multi = write_multi(2, &[(reg::SCRATCH, 0, 4, 1)]);

    let played = play(vec![hello.into(), multi.into()]);

    assert_eq!(played.to(2), Err(Errno::NOTSUP));
}

#[test]
fn dma_map_when_repeated_then_eexist_and_unmap_must_be_exact() {
    let messages = vec![
        dma_map(2, 0x10000, 0x4000),
        dma_map(3, 0x10000, 0x4000),
        dma_map(4, 0x13000, 0x4000),
        dma_unmap(5, 0, 0x10000, 0x1000),
        dma_unmap(6, 0, 0x10000, 0x4000),
        dma_unmap(7, 0, 0x10000, 0x4000),
        dma_map(8, 0x10000, 0x4000),
        dma_unmap(9, 2, 0, 0),
        dma_unmap(10, 0, 0x10000, 0x4000),
    ];

    let played = converse(messages);

    assert_eq!(played.to(2), Ok(&[][..]));
    assert_eq!(played.to(3), Err(Errno::EXIST));
    assert_eq!(played.to(4), Err(Errno::EXIST));
    assert_eq!(played.to(5), Err(Errno::NOENT));
    assert_eq!(played.to(6).unwrap().len(), DMA_UNMAP_SIZE);
    assert_eq!(played.to(7), Err(Errno::NOENT));
    assert!(played.to(8).is_ok());
    assert_eq!(played.to(9).unwrap().len(), DMA_UNMAP_SIZE);
    assert_eq!(played.to(10), Err(Errno::NOENT));
}

#[test]
fn session_when_fds_come_where_none_belong_then_einval() {
    let file = memfd(4096);
    let with = |bytes: Vec<u8>, count: usize| Chunk {
        bytes,
        fds: (0..count)
            .map(|_| file.try_clone().unwrap().into())
            .collect(),
    };
    let chunks = vec![
        version().into(),
        with(read(2, BAR0, 0, 4), 1),
        with(dma_map(3, 0, 4096), 2),
        with(dma_map(4, 0, 4096), MAX_FDS + 1),
        with(dma_map(5, 0, 4096), 1),
    ];

    let played = play(chunks);

    assert_eq!(played.to(2), Err(Errno::INVAL));
    assert_eq!(played.to(3), Err(Errno::INVAL));
    assert_eq!(played.to(4), Err(Errno::INVAL));
    assert!(played.to(5).is_ok());
}

#[test]
fn device_when_it_copies_then_shared_memory_changes_and_msi_comes() {
    let file = memfd(0x4000);
    let ours = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
    let theirs = ours.try_clone().unwrap();
    let mut copy = Vec::new();
    for value in [0x1000u64, 0x2000, 5 | 1 << 32] {
        copy.extend_from_slice(&value.to_ne_bytes());
    }
    rustix::io::pwrite(&file, b"hello", 0x1000).unwrap();
    let irqs = command(3, Command::SetIrqs, &words(&[20, 0x24, 1, 0, 1]));
    let chunks = vec![
        version().into(),
        Chunk {
            bytes: dma_map(2, 0, 0x4000),
            fds: vec![file.try_clone().unwrap().into()],
        },
        Chunk {
            bytes: irqs,
            fds: vec![theirs],
        },
        write(4, BAR0, reg::SOURCE, &copy).into(),
        read(5, BAR0, reg::STATUS, 4).into(),
    ];

    let played = play(chunks);

    let mut copied = [0; 5];
    rustix::io::pread(&file, &mut copied, 0x2000).unwrap();
    assert_eq!(&copied, b"hello");
    assert_eq!(played.to(5).unwrap()[16], 1);
    let mut count = [0; 8];
    File::from(ours).read_exact(&mut count).unwrap();
    assert_eq!(u64::from_ne_bytes(count), 1);
}

#[test]
fn reset_when_asked_then_device_is_as_new() {
    let messages = vec![
        write(2, BAR0, reg::SCRATCH, &[1, 2, 3, 4]),
        command(3, Command::Reset, &[]),
        read(4, BAR0, reg::SCRATCH, 4),
    ];

    let played = converse(messages);

    assert_eq!(played.to(3), Ok(&[][..]));
    assert_eq!(played.to(4).unwrap()[16..], [0; 4]);
}

#[test]
fn session_when_next_client_comes_then_device_keeps_its_state_but_no_client_memory() {
    let bus = Bus::new(&toy::irqs());
    let mut toy = Toy::new(bus.clone()).unwrap();
    let first = [
        version(),
        dma_map(2, 0, 4096),
        write(3, BAR0, reg::SCRATCH, &[1, 2, 3, 4]),
    ];
    let (script, _) = Script::new(first.map(Chunk::from));
    Session::new(&mut toy, &bus, script).run();
    assert!(bus.memory.windows().is_empty());

    let second = [version(), read(2, BAR0, reg::SCRATCH, 4)];
    let (script, transcript) = Script::new(second.map(Chunk::from));
    Session::new(&mut toy, &bus, script).run();

    assert!(transcript.sent().bytes.ends_with(&[1, 2, 3, 4]));
}

#[test]
fn session_when_client_says_nothing_then_ends_after_the_handshake_time() {
    let (_client, server) = UnixStream::pair().unwrap();
    let bus = Bus::new(&toy::irqs());
    let mut toy = Toy::new(bus.clone()).unwrap();
    let mut session = Session::new(&mut toy, &bus, UnixTransport::new(server).unwrap());
    session.begun = Instant::now().checked_sub(HANDSHAKE_TIMEOUT).unwrap();

    let (end, _) = session.run();

    assert_eq!(end, SessionEnd::Stream(StreamError::TimedOut));
}

#[test]
fn session_when_device_reads_memory_of_the_peer_then_the_peer_is_asked() {
    let (mut client, server) = UnixStream::pair().unwrap();
    let bus = Bus::new(&toy::irqs());
    let serve = std::thread::spawn(move || {
        let mut toy = Toy::new(bus.clone()).unwrap();
        Session::new(&mut toy, &bus, UnixTransport::new(server).unwrap()).run()
    });
    let transport = UnixTransport::new(client.try_clone().unwrap()).unwrap();
    let mut receiver = Receiver::default();
    let mut next = || {
        let mut message = Message::default();
        receiver.next(&transport, None, &mut message).unwrap();
        message
    };
    let mut copy = Vec::new();
    for value in [0x1000u64, 0x2000, 4 | 1 << 32] {
        copy.extend_from_slice(&value.to_ne_bytes());
    }
    let stream = [
        version(),
        dma_map(2, 0, 0x4000),
        write(3, BAR0, reg::SOURCE, &copy),
    ]
    .concat();
    client.write_all(&stream).unwrap();
    assert_eq!((next().header.id, next().header.id), (1, 2));

    let ask = next();
    assert_eq!(ask.header.command, Command::DmaRead as u16);
    let answer = [&ask.payload[..], b"data"].concat();
    client
        .write_all(&encode(ask.header.id, 11, TYPE_REPLY, &answer))
        .unwrap();
    let tell = next();
    assert_eq!(tell.header.command, Command::DmaWrite as u16);
    assert_eq!(&tell.payload[16..], b"data");
    client
        .write_all(&encode(tell.header.id, 12, TYPE_REPLY, &tell.payload[..12]))
        .unwrap();
    assert_eq!(next().header.id, 3);
    client.write_all(&read(4, BAR0, reg::STATUS, 4)).unwrap();

    assert_eq!(next().payload[16], 1);
    client.shutdown(std::net::Shutdown::Both).unwrap();
    assert_eq!(
        serve.join().unwrap().0,
        SessionEnd::Stream(StreamError::Closed)
    );
}
