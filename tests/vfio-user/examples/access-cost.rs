// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a register read costs: in the server alone, and over a unix socket.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use vfio_user_server::fuzz::generate::{encode, version};
use vfio_user_server::protocol::{Command, HEADER_SIZE};
use vfio_user_server::script::{Chunk, Script};
use vfio_user_server::toy::{self, reg, Toy};
use vfio_user_server::{Bus, Session, UnixTransport};

/// Reads in a measurement.
const READS: usize = 200_000;
/// Reads that arrive in one piece where no socket is between.
const BURST: usize = 1000;
/// Bytes of the reply to a read of 4 bytes.
const REPLY: usize = HEADER_SIZE + 20;

fn main() -> std::io::Result<()> {
    let mut access = reg::SCRATCH.to_ne_bytes().to_vec();
    access.extend_from_slice(&0u32.to_ne_bytes());
    access.extend_from_slice(&4u32.to_ne_bytes());
    let read = encode(2, Command::RegionRead as u16, 0, &access);
    println!("server alone: {:.0} ns a read", alone(&read)?);
    println!("over a socket: {:.0} ns a read", over_socket(&read)?);
    Ok(())
}

fn alone(read: &[u8]) -> std::io::Result<f64> {
    let bursts = (0..READS / BURST).map(|_| Chunk::from(read.repeat(BURST)));
    let (script, _) = Script::new(std::iter::once(Chunk::from(version())).chain(bursts));
    let bus = Bus::new(&toy::irqs());
    let mut toy = Toy::new(bus.clone())?;
    let begun = Instant::now();
    let (_, stats) = Session::new(&mut toy, &bus, script).run();
    Ok(begun.elapsed().as_nanos() as f64 / stats.done as f64)
}

fn over_socket(read: &[u8]) -> std::io::Result<f64> {
    let (mut client, server) = UnixStream::pair()?;
    let transport = UnixTransport::new(server)?;
    let bus = Bus::new(&toy::irqs());
    let mut toy = Toy::new(bus.clone())?;
    let session = std::thread::spawn(move || Session::new(&mut toy, &bus, transport).run());
    client.write_all(&version())?;
    let mut header = [0; HEADER_SIZE];
    client.read_exact(&mut header)?;
    let size = u32::from_ne_bytes([header[4], header[5], header[6], header[7]]) as usize;
    client.read_exact(&mut vec![0; size - HEADER_SIZE])?;
    let begun = Instant::now();
    let mut reply = [0; REPLY];
    for _ in 0..READS {
        client.write_all(read)?;
        client.read_exact(&mut reply)?;
    }
    let time = begun.elapsed().as_nanos() as f64 / READS as f64;
    drop(client);
    // The session ends with the client; its result was looked at by tests.
    let _ = session.join();
    Ok(time)
}
