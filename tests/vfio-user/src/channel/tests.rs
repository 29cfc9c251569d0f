// SPDX-License-Identifier: GPL-2.0 OR MIT
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;

use super::*;
use crate::fuzz::generate::encode;
use crate::protocol::{HEADER_SIZE, TYPE_REPLY};
use crate::stream::UnixTransport;

/// A DMA address that the tests read.
const ADDRESS: u64 = 0x4000;

/// Our end, and the client's with a receiver to cut what we send.
fn pair() -> (Arc<Channel<UnixTransport>>, UnixTransport, Receiver) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let channel = Channel::new(UnixTransport::new(ours).unwrap());
    (
        Arc::new(channel),
        UnixTransport::new(theirs).unwrap(),
        Receiver::default(),
    )
}

/// The reply to a DMA_READ, with `bytes` as data.
fn answer(request: &Message, bytes: &[u8]) -> Vec<u8> {
    let payload = [&request.payload[..16], bytes].concat();
    encode(
        request.header.id,
        request.header.command,
        TYPE_REPLY,
        &payload,
    )
}

fn receive(client: &UnixTransport, receiver: &mut Receiver) -> Message {
    let mut message = Message::default();
    receiver.next(client, None, &mut message).unwrap();
    message
}

#[test]
fn read_when_client_answers_then_data_comes() {
    let (channel, client, mut receiver) = pair();
    let reader = thread::spawn(move || {
        let mut data = [0; 4];
        channel.read(ADDRESS, &mut data).map(|()| data)
    });

    let request = receive(&client, &mut receiver);
    client.send(&answer(&request, b"abcd"), &[]).unwrap();

    assert_eq!(request.header.command, Command::DmaRead as u16);
    assert_eq!(
        request.payload,
        [ADDRESS.to_ne_bytes(), 4u64.to_ne_bytes()].concat()
    );
    assert_eq!(reader.join().unwrap(), Ok(*b"abcd"));
}

#[test]
fn read_when_commands_come_first_then_they_are_kept_in_order() {
    let (channel, client, mut receiver) = pair();
    let reading = Arc::clone(&channel);
    let reader = thread::spawn(move || reading.read(ADDRESS, &mut [0; 4]));
    let request = receive(&client, &mut receiver);

    let stream = [
        encode(10, 13, 0, b""),
        encode(11, 9, 0, b"payload"),
        answer(&request, b"abcd"),
        encode(12, 13, 0, b""),
    ];
    client.send(&stream.concat(), &[]).unwrap();
    reader.join().unwrap().unwrap();

    for id in [10, 11, 12] {
        let mut message = Message::default();
        channel.next_command(None, &mut message).unwrap();
        assert_eq!(message.header.id, id);
    }
}

#[test]
fn read_when_another_thread_waits_for_commands_then_it_delivers() {
    let (channel, client, mut receiver) = pair();
    let session = Arc::clone(&channel);
    let waiting = thread::spawn(move || {
        let mut message = Message::default();
        session
            .next_command(None, &mut message)
            .map(|()| message.header.id)
    });
    let reading = Arc::clone(&channel);
    let reader = thread::spawn(move || {
        let mut data = [0; 4];
        reading.read(ADDRESS, &mut data).map(|()| data)
    });

    let request = receive(&client, &mut receiver);
    client.send(&answer(&request, b"abcd"), &[]).unwrap();
    assert_eq!(reader.join().unwrap(), Ok(*b"abcd"));
    client.send(&encode(20, 13, 0, b""), &[]).unwrap();

    assert_eq!(waiting.join().unwrap(), Ok(20));
}

#[test]
fn read_when_several_threads_ask_then_each_gets_its_own() {
    let (channel, client, mut receiver) = pair();
    let readers: Vec<_> = (0..4u64)
        .map(|index| {
            let channel = Arc::clone(&channel);
            thread::spawn(move || {
                let mut data = [0; 8];
                channel.read(index * 8, &mut data).unwrap();
                u64::from_ne_bytes(data) == index * 8
            })
        })
        .collect();

    let requests: Vec<_> = (0..4).map(|_| receive(&client, &mut receiver)).collect();
    // Answered backwards, with the address as data.
    for request in requests.iter().rev() {
        client
            .send(&answer(request, &request.payload[..8]), &[])
            .unwrap();
    }

    assert!(readers.into_iter().all(|reader| reader.join().unwrap()));
}

#[test]
fn read_when_answer_is_wrong_then_eproto() {
    let short = |request: &Message| answer(request, b"abc");
    let bare = |request: &Message| encode(request.header.id, 11, TYPE_REPLY, b"");
    let other_command = |request: &Message| {
        encode(
            request.header.id,
            Command::DmaWrite as u16,
            TYPE_REPLY,
            &[0; 20],
        )
    };
    let other_address = |request: &Message| {
        encode(
            request.header.id,
            request.header.command,
            TYPE_REPLY,
            &[1; 20],
        )
    };
    type Reply = dyn Fn(&Message) -> Vec<u8>;
    let wrong: [&Reply; 4] = [&short, &bare, &other_command, &other_address];
    for reply in wrong {
        let (channel, client, mut receiver) = pair();
        let reader = thread::spawn(move || channel.read(ADDRESS, &mut [0; 4]));
        let request = receive(&client, &mut receiver);
        client.send(&reply(&request), &[]).unwrap();
        assert_eq!(reader.join().unwrap(), Err(Errno::PROTO));
    }
}

#[test]
fn read_when_client_refuses_then_eio() {
    let (channel, client, mut receiver) = pair();
    let reader = thread::spawn(move || channel.read(ADDRESS, &mut [0; 4]));
    let request = receive(&client, &mut receiver);

    let mut out = Outgoing::default();
    out.error_to(&request.header, Errno::FAULT);
    client.send(out.finish(), &[]).unwrap();

    assert_eq!(reader.join().unwrap(), Err(Errno::IO));
}

#[test]
fn read_when_client_leaves_then_epipe_for_all() {
    let (channel, client, _) = pair();
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let channel = Arc::clone(&channel);
            thread::spawn(move || channel.read(ADDRESS, &mut [0; 4]))
        })
        .collect();

    drop(client);

    for reader in readers {
        assert_eq!(reader.join().unwrap(), Err(Errno::PIPE));
    }
    assert!(channel.next_command(None, &mut Message::default()).is_err());
}

#[test]
fn read_when_longer_than_a_message_may_be_then_asked_in_parts() {
    let (channel, client, mut receiver) = pair();
    channel.set_max_transfer(4);
    let reader = thread::spawn(move || {
        let mut data = [0; 10];
        channel.read(ADDRESS, &mut data).map(|()| data)
    });

    let mut sizes = Vec::new();
    for part in [&b"0123"[..], b"4567", b"89"] {
        let request = receive(&client, &mut receiver);
        sizes.push(u64::from_ne_bytes(
            request.payload[8..16].try_into().unwrap(),
        ));
        client.send(&answer(&request, part), &[]).unwrap();
    }

    assert_eq!(reader.join().unwrap(), Ok(*b"0123456789"));
    assert_eq!(sizes, [4, 4, 2]);
}

#[test]
fn write_when_client_answers_then_done() {
    let (channel, client, mut receiver) = pair();
    let writer = thread::spawn(move || channel.write(ADDRESS, b"data"));

    let request = receive(&client, &mut receiver);
    client.send(&answer(&request, b""), &[]).unwrap();

    assert_eq!(request.header.command, Command::DmaWrite as u16);
    assert_eq!(&request.payload[16..], b"data");
    assert_eq!(request.header.size as usize, HEADER_SIZE + 20);
    assert_eq!(writer.join().unwrap(), Ok(()));
}

#[test]
fn next_command_when_reply_was_not_asked_for_then_it_is_skipped() {
    let (channel, client, _) = pair();
    let stream = [encode(1, 11, TYPE_REPLY, &[0; 20]), encode(2, 13, 0, b"")].concat();
    client.send(&stream, &[]).unwrap();

    let mut message = Message::default();
    channel.next_command(None, &mut message).unwrap();

    assert_eq!(message.header.id, 2);
}

#[test]
fn read_when_client_floods_instead_of_answering_then_ended() {
    let (channel, client, mut receiver) = pair();
    let reading = Arc::clone(&channel);
    let reader = thread::spawn(move || reading.read(ADDRESS, &mut [0; 4]));
    receive(&client, &mut receiver);

    let burst = encode(1, 13, 0, b"").repeat(MAX_BACKLOG + 1);
    client.send(&burst, &[]).unwrap();

    assert_eq!(reader.join().unwrap(), Err(Errno::PIPE));
    let end = channel.next_command(None, &mut Message::default());
    assert_eq!(end, Err(StreamError::Flooded));
}
