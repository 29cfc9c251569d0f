// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A served toy device and clients that are not ours: the crate `vfio_user`, and bare sockets.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread::JoinHandle;

use rustix::event::{eventfd, EventfdFlags};
use rustix::fs::{fcntl_add_seals, memfd_create, MemfdFlags, SealFlags};
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_DATA_EVENTFD, VFIO_PCI_BAR0_REGION_INDEX,
    VFIO_PCI_BAR2_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_MSI_IRQ_INDEX,
};
use vfio_user::Client;
use vfio_user_server::toy::{self, reg, Toy};
use vfio_user_server::{Bus, Server, Stopper};

const BAR0: u32 = VFIO_PCI_BAR0_REGION_INDEX;

/// A server on a thread, with its socket in a folder of its own.
struct Served {
    folder: tempfile::TempDir,
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::bind(&folder.path().join("socket")).unwrap();
        let stopper = server.stopper();
        let thread = std::thread::spawn(move || {
            let bus = Bus::new(&toy::irqs());
            let mut toy = Toy::new(bus.clone()).unwrap();
            server.serve(&mut toy, &bus, false).unwrap();
        });
        Self {
            folder,
            stopper,
            thread: Some(thread),
        }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn client(&self) -> Client {
        Client::new(&self.socket()).unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stopper.stop();
        // A panic of the server fails the test, unless that fails already.
        let result = self.thread.take().unwrap().join();
        assert!(result.is_ok() || std::thread::panicking());
    }
}

fn read32(client: &mut Client, offset: u64) -> u32 {
    let mut data = [0; 4];
    client.region_read(BAR0, offset, &mut data).unwrap();
    u32::from_le_bytes(data)
}

fn write64(client: &mut Client, offset: u64, value: u64) {
    client
        .region_write(BAR0, offset, &value.to_le_bytes())
        .unwrap();
}

fn memfd() -> File {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = File::from(memfd_create("guest", flags).unwrap());
    file.set_len(1 << 20).unwrap();
    fcntl_add_seals(&file, SealFlags::SHRINK).unwrap();
    file
}

#[test]
fn client_when_connected_then_sees_the_device() {
    let served = Served::start();
    let mut client = served.client();

    let mut ids = [0; 4];
    client
        .region_read(VFIO_PCI_CONFIG_REGION_INDEX, 0, &mut ids)
        .unwrap();

    assert_eq!(ids[..2], toy::VENDOR_ID.to_le_bytes());
    assert_eq!(read32(&mut client, reg::ID), toy::IDENTITY);
    let bar2 = client.region(VFIO_PCI_BAR2_REGION_INDEX).unwrap();
    assert_eq!(bar2.sparse_areas.len(), 1);
    assert!(bar2.file_offset.is_some());
    assert_eq!(
        client.get_irq_info(VFIO_PCI_MSI_IRQ_INDEX).unwrap().count,
        1
    );
}

#[test]
fn client_when_device_copies_then_memory_and_interrupt_arrive() {
    let served = Served::start();
    let mut client = served.client();
    let memory = memfd();
    memory.write_all_at(b"through the server", 0x1000).unwrap();
    client.dma_map(0, 0, 1 << 20, memory.as_raw_fd()).unwrap();
    let event = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
    let flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
    client
        .set_irqs(VFIO_PCI_MSI_IRQ_INDEX, flags, 0, 1, &[event.as_raw_fd()])
        .unwrap();

    write64(&mut client, reg::SOURCE, 0x1000);
    write64(&mut client, reg::TARGET, 0x8000);
    write64(&mut client, reg::LENGTH, 18 | 1 << 32);

    assert_eq!(read32(&mut client, reg::STATUS), toy::STATUS_DONE);
    let mut copied = [0; 18];
    memory.read_exact_at(&mut copied, 0x8000).unwrap();
    assert_eq!(&copied, b"through the server");
    let mut count = [0; 8];
    File::from(event).read_exact(&mut count).unwrap();
    assert_eq!(u64::from_ne_bytes(count), 1);

    client.dma_unmap(0, 1 << 20).unwrap();
    write64(&mut client, reg::LENGTH, 18 | 1 << 32);
    assert_eq!(read32(&mut client, reg::STATUS), toy::STATUS_FAILED);
}

#[test]
fn client_when_it_resets_then_device_is_as_new() {
    let served = Served::start();
    let mut client = served.client();
    client.region_write(BAR0, reg::SCRATCH, &[1; 4]).unwrap();

    client.reset().unwrap();

    assert_eq!(read32(&mut client, reg::SCRATCH), 0);
}

#[test]
fn server_when_clients_come_one_after_another_then_each_is_served() {
    let served = Served::start();
    for round in 1..20 {
        let mut client = served.client();
        assert_eq!(read32(&mut client, reg::SCRATCH), round - 1);
        client
            .region_write(BAR0, reg::SCRATCH, &round.to_le_bytes())
            .unwrap();
        client.shutdown().unwrap();
    }
}

#[test]
fn server_when_peers_send_nonsense_then_the_next_client_is_served() {
    let served = Served::start();
    let peers: [&[u8]; 5] = [
        b"",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        &[0; 64],
        &[0xff; 4096],
        // A VERSION message without JSON, and half a message behind it.
        &[
            1, 0, 1, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0,
        ],
    ];
    for peer in peers {
        let mut stream = UnixStream::connect(served.socket()).unwrap();
        // The server may have closed already.
        let _ = stream.write_all(peer);
    }

    assert_eq!(read32(&mut served.client(), reg::ID), toy::IDENTITY);
}

#[test]
fn server_when_stopped_in_a_session_then_it_ends() {
    let served = Served::start();
    let mut client = served.client();

    served.stopper.stop();
    while client.region_read(BAR0, 0, &mut [0; 4]).is_ok() {}

    drop(served);
}

#[test]
fn bind_when_a_server_listens_then_refused_and_when_it_died_then_replaced() {
    let served = Served::start();
    let path = served.socket();
    assert!(Server::bind(&path).is_err());
    drop(served.client());

    let folder = tempfile::tempdir().unwrap();
    let stale = folder.path().join("stale");
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    assert!(Server::bind(&stale).is_ok());

    let file = folder.path().join("file");
    std::fs::write(&file, "kept").unwrap();
    assert!(Server::bind(&file).is_err());
    assert_eq!(std::fs::read(&file).unwrap(), b"kept");
}
