// SPDX-License-Identifier: GPL-2.0 OR MIT
use std::fs::File;
use std::io::Write;
use std::os::unix::net::UnixStream;

use super::*;
use crate::fuzz::generate::encode;
use crate::script::{Chunk, Script};
use crate::stream::UnixTransport;

fn null() -> OwnedFd {
    File::open("/dev/null").unwrap().into()
}

fn next(receiver: &mut Receiver, script: &Script) -> Result<Message, StreamError> {
    let mut message = Message::default();
    receiver.next(script, None, &mut message).map(|()| message)
}

#[test]
fn next_when_stream_is_cut_anywhere_then_same_messages_come() {
    let stream = [encode(1, 9, 0, b"first"), encode(2, 13, 0, b"")].concat();

    for cut in 1..stream.len() {
        let (a, b) = stream.split_at(cut);
        let (script, _) = Script::new([a.to_vec().into(), b.to_vec().into()]);
        let mut receiver = Receiver::default();

        assert_eq!(next(&mut receiver, &script).unwrap().payload, b"first");
        assert_eq!(next(&mut receiver, &script).unwrap().header.id, 2);
        assert_eq!(
            next(&mut receiver, &script).unwrap_err(),
            StreamError::Closed
        );
    }
}

#[test]
fn next_when_fds_come_with_the_second_of_two_then_it_has_them() {
    let both = [encode(1, 9, 0, b""), encode(2, 2, 0, b"")].concat();
    let chunk = Chunk {
        bytes: both,
        fds: vec![null()],
    };
    let (script, _) = Script::new([chunk]);
    let mut receiver = Receiver::default();

    assert_eq!(next(&mut receiver, &script).unwrap().fds.len(), 0);
    assert_eq!(next(&mut receiver, &script).unwrap().fds.len(), 1);
}

#[test]
fn next_when_fds_come_with_the_header_then_message_has_them() {
    let bytes = encode(1, 2, 0, &[0; 32]);
    let (head, body) = bytes.split_at(HEADER_SIZE);
    let chunk = Chunk {
        bytes: head.to_vec(),
        fds: vec![null(), null()],
    };
    let (script, _) = Script::new([chunk, body.to_vec().into(), encode(2, 13, 0, b"").into()]);
    let mut receiver = Receiver::default();

    assert_eq!(next(&mut receiver, &script).unwrap().fds.len(), 2);
    assert_eq!(next(&mut receiver, &script).unwrap().fds.len(), 0);
}

#[test]
fn next_when_more_fds_than_allowed_then_rest_is_closed_and_said() {
    let bytes = encode(1, 2, 0, &[0; 8]);
    let chunks = bytes.chunks(4).map(|part| Chunk {
        bytes: part.to_vec(),
        fds: (0..MAX_FDS).map(|_| null()).collect(),
    });
    let (script, _) = Script::new(chunks.chain([encode(2, 13, 0, b"").into()]));
    let mut receiver = Receiver::default();

    let message = next(&mut receiver, &script).unwrap();

    assert_eq!(message.fds.len(), MAX_FDS);
    assert!(message.fds_lost);
    assert!(!next(&mut receiver, &script).unwrap().fds_lost);
}

#[test]
fn next_when_message_is_too_long_then_it_is_dropped_and_the_next_is_right() {
    let long = encode(1, 10, 0, &vec![0; MAX_MESSAGE]);
    let (script, _) = Script::new([long.into(), encode(2, 13, 0, b"").into()]);
    let mut receiver = Receiver::default();

    let message = next(&mut receiver, &script).unwrap();

    assert!(message.oversized);
    assert_eq!(message.payload.capacity(), 0);
    let second = next(&mut receiver, &script).unwrap();
    assert!(!second.oversized);
    assert_eq!(second.header.id, 2);
}

#[test]
fn next_when_message_has_the_greatest_length_then_it_is_whole() {
    let long = encode(1, 10, 0, &vec![7; MAX_MESSAGE - HEADER_SIZE]);
    let (script, _) = Script::new([long.into()]);

    let message = next(&mut Receiver::default(), &script).unwrap();

    assert!(!message.oversized);
    assert_eq!(message.payload.len(), MAX_MESSAGE - HEADER_SIZE);
}

#[test]
fn next_when_claimed_length_never_comes_then_no_memory_is_taken_for_it() {
    let mut bytes = encode(1, 10, 0, &[0; 8]);
    bytes[4..8].copy_from_slice(&(MAX_MESSAGE as u32).to_ne_bytes());
    let (script, _) = Script::new([bytes.into()]);
    let mut receiver = Receiver::default();

    assert_eq!(
        next(&mut receiver, &script).unwrap_err(),
        StreamError::Closed
    );
    assert!(receiver.partial.payload.capacity() < 64);
}

#[test]
fn next_when_size_is_below_the_header_then_out_of_step() {
    let mut bytes = encode(1, 13, 0, b"");
    bytes[4] = 15;
    let (script, _) = Script::new([bytes.into()]);

    assert_eq!(
        next(&mut Receiver::default(), &script).unwrap_err(),
        StreamError::OutOfStep(15)
    );
}

#[test]
fn next_when_deadline_passes_in_a_message_then_it_goes_on_later() {
    let (mut client, server) = UnixStream::pair().unwrap();
    let transport = UnixTransport::new(server).unwrap();
    let bytes = encode(5, 9, 0, b"payload");
    let mut receiver = Receiver::default();
    let mut message = Message::default();
    client.write_all(&bytes[..18]).unwrap();

    let soon = Some(Instant::now() + Duration::from_millis(5));
    let first = receiver.next(&transport, soon, &mut message);
    client.write_all(&bytes[18..]).unwrap();
    receiver.next(&transport, None, &mut message).unwrap();

    assert_eq!(first, Err(StreamError::TimedOut));
    assert_eq!(message.payload, b"payload");
}

#[test]
fn next_when_a_message_does_not_end_in_time_then_stalled() {
    let (mut client, server) = UnixStream::pair().unwrap();
    let transport = UnixTransport::new(server).unwrap();
    let mut receiver = Receiver::default();
    client.write_all(&[1; 3]).unwrap();
    // As if the three bytes had come long ago.
    let soon = Some(Instant::now());
    let _ = receiver.next(&transport, soon, &mut Message::default());
    receiver.assemble().unwrap();
    receiver.begun = Instant::now().checked_sub(MESSAGE_TIMEOUT);

    let result = receiver.next(&transport, None, &mut Message::default());

    assert_eq!(result, Err(StreamError::Stalled));
}
