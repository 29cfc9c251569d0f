// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A register access allocates nothing. Alone in its process, since the allocator counts.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use vfio_user_server::fuzz::generate::{encode, version};
use vfio_user_server::protocol::Command;
use vfio_user_server::stream::Received;
use vfio_user_server::toy::{self, reg, Toy};
use vfio_user_server::{Bus, Session, StreamError, Transport};

/// Plays a handshake and then one burst of accesses again and again.
struct Repeat {
    hello: Vec<u8>,
    burst: Vec<u8>,
    rounds: usize,
    played: AtomicUsize,
}

impl Transport for Repeat {
    fn receive(
        &self,
        buffer: &mut [u8],
        _deadline: Option<Instant>,
    ) -> Result<Received, StreamError> {
        let round = self.played.fetch_add(1, Ordering::Relaxed);
        if round > self.rounds {
            return Err(StreamError::Closed);
        }
        let bytes = if round == 0 { &self.hello } else { &self.burst };
        buffer[..bytes.len()].copy_from_slice(bytes);
        Ok(Received {
            bytes: bytes.len(),
            ..Received::default()
        })
    }

    fn send(&self, _bytes: &[u8], _fds: &[BorrowedFd<'_>]) -> Result<(), StreamError> {
        Ok(())
    }

    fn shutdown(&self) {}
}

/// Allocations of a session with that many bursts of two reads and a write.
fn allocations(rounds: usize) -> u64 {
    let mut access = reg::SCRATCH.to_ne_bytes().to_vec();
    access.extend_from_slice(&0u32.to_ne_bytes());
    access.extend_from_slice(&4u32.to_ne_bytes());
    let read = encode(2, Command::RegionRead as u16, 0, &access);
    let write = encode(
        3,
        Command::RegionWrite as u16,
        0,
        &[&access[..], &[1; 4]].concat(),
    );
    let burst = [read.clone(), write, read].concat();
    let transport = Repeat {
        hello: version(),
        burst,
        rounds,
        played: AtomicUsize::new(0),
    };
    let bus = Bus::new(&toy::irqs());
    let mut toy = Toy::new(bus.clone()).unwrap();
    let mut done = 0;
    let info = allocation_counter::measure(|| {
        done = Session::new(&mut toy, &bus, transport).run().1.done;
    });
    assert_eq!(done, 1 + 3 * rounds as u64);
    info.count_total
}

#[test]
fn session_when_registers_are_accessed_then_nothing_is_allocated() {
    assert_eq!(allocations(10_000), allocations(10));
}
