// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The toy device under a real QEMU, which is driven without a guest by its qtest protocol.
//!
//! `VFIO_USER_QEMU` names a Debian tree with QEMU 10.1 or later (`cargo xtask` builds one).

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use vfio_user_server::toy::{self, reg, Toy};
use vfio_user_server::{Bus, Server};

/// Where the test puts the BARs.
const BAR0: u64 = 0xe000_0000;
const BAR2: u64 = 0xe010_0000;
/// Configuration space: the device in slot 2.
const CONFIG: u32 = 0x8000_1000;
const CONFIG_BAR0: u32 = 0x10;
const CONFIG_BAR2: u32 = 0x18;
const CONFIG_COMMAND: u32 = 0x04;
const COMMAND_MEMORY_AND_MASTER: u32 = 0x6;
const CONFIG_MSI: u32 = 0x50;
const MSI_ENABLE: u32 = 1 << 16;
/// How long an interrupt may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Guest memory that is shared by descriptor, and such that is not.
const SHARED: &str = "memory-backend-memfd,id=ram,size=64M,share=on";
const PRIVATE: &str = "memory-backend-ram,id=ram,size=64M";

struct Qemu {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Qemu {
    fn start(socket: &Path, memory: &str) -> Self {
        let tree = std::env::var_os("VFIO_USER_QEMU").expect("VFIO_USER_QEMU names a tree");
        let tree = PathBuf::from(tree);
        let libraries = tree.join("usr/lib/x86_64-linux-gnu");
        let device = format!(
            r#"{{"driver":"vfio-user-pci","addr":"02.0","socket":{{"type":"unix","path":"{}"}}}}"#,
            socket.display()
        );
        let mut child = Command::new(tree.join("usr/lib64/ld-linux-x86-64.so.2"))
            .arg("--library-path")
            .arg(&libraries)
            .arg(tree.join("usr/bin/qemu-system-x86_64"))
            .env("QEMU_MODULE_DIR", libraries.join("qemu"))
            .arg("-L")
            .arg(tree.join("usr/share/qemu"))
            .arg("-L")
            .arg(tree.join("usr/share/seabios"))
            .args([
                "-nodefaults",
                "-display",
                "none",
                "-accel",
                "qtest",
                "-qtest",
                "stdio",
            ])
            .args(["-qtest-log", "/dev/null", "-object", memory])
            .args(["-machine", "pc,memory-backend=ram", "-device", &device])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("QEMU runs");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut qemu = Self {
            child,
            input,
            output,
        };
        qemu.config_write(CONFIG_BAR0, BAR0 as u32);
        qemu.config_write(CONFIG_BAR2, BAR2 as u32);
        qemu.config_write(CONFIG_COMMAND, COMMAND_MEMORY_AND_MASTER);
        qemu
    }

    fn command(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        let value = answer.trim().strip_prefix("OK").expect("qtest answers");
        value.trim().to_owned()
    }

    fn number(&mut self, line: &str) -> u64 {
        let answer = self.command(line);
        u64::from_str_radix(answer.trim_start_matches("0x"), 16).unwrap()
    }

    fn config_read(&mut self, offset: u32) -> u32 {
        self.command(&format!("outl 0xcf8 {:#x}", CONFIG | offset));
        self.number("inl 0xcfc") as u32
    }

    fn config_write(&mut self, offset: u32, value: u32) {
        self.command(&format!("outl 0xcf8 {:#x}", CONFIG | offset));
        self.command(&format!("outl 0xcfc {value:#x}"));
    }

    fn read32(&mut self, address: u64) -> u32 {
        self.number(&format!("readl {address:#x}")) as u32
    }

    fn write32(&mut self, address: u64, value: u32) {
        self.command(&format!("writel {address:#x} {value:#x}"));
    }

    /// Lets the device copy and returns its status.
    fn copy(&mut self, source: u32, target: u32, length: u32) -> u32 {
        self.write32(BAR0 + reg::SOURCE, source);
        self.write32(BAR0 + reg::TARGET, target);
        self.write32(BAR0 + reg::LENGTH, length);
        self.write32(BAR0 + reg::START, 1);
        let begun = Instant::now();
        loop {
            let status = self.read32(BAR0 + reg::STATUS);
            if status != 0 || begun.elapsed() > PATIENCE {
                return status;
            }
        }
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves the toy device to `clients` clients.
fn serve(folder: &Path, clients: usize) -> (PathBuf, JoinHandle<()>) {
    let socket = folder.join("socket");
    let server = Server::bind(&socket).unwrap();
    let thread = std::thread::spawn(move || {
        let bus = Bus::new(&toy::irqs());
        let mut toy = Toy::new(bus.clone()).unwrap().copying_in_background();
        for _ in 0..clients {
            server.serve(&mut toy, &bus, true).unwrap();
        }
    });
    (socket, thread)
}

#[test]
#[ignore = "needs QEMU 10.1: set VFIO_USER_QEMU"]
fn qemu_when_registers_are_used_then_values_and_order_are_right() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, server) = serve(folder.path(), 1);
    let mut qemu = Qemu::start(&socket, SHARED);

    let ids = u32::from(toy::VENDOR_ID) | u32::from(toy::DEVICE_ID) << 16;
    assert_eq!(qemu.config_read(0), ids);
    assert_eq!(qemu.read32(BAR0 + reg::ID), toy::IDENTITY);
    // Enough posted writes that QEMU puts several into one message.
    for value in 0..2000 {
        qemu.write32(BAR0 + reg::SCRATCH, value);
    }
    assert_eq!(qemu.read32(BAR0 + reg::SCRATCH), 1999);
    // Trapped half and mapped half of BAR2.
    for offset in [0x10, 0x1010] {
        qemu.write32(BAR2 + offset, 0x1234_5678);
        assert_eq!(qemu.read32(BAR2 + offset), 0x1234_5678);
    }

    drop(qemu);
    server.join().unwrap();
}

fn copies_guest_memory(memory: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (socket, server) = serve(folder.path(), 1);
    let mut qemu = Qemu::start(&socket, memory);
    for index in 0..16 {
        qemu.write32(0x10_0000 + 4 * index, 0xc0de_0000 + index as u32);
    }

    assert_eq!(qemu.copy(0x10_0000, 0x20_0002, 64), toy::STATUS_DONE);

    assert_eq!(qemu.read32(0x20_0002), 0xc0de_0000);
    assert_eq!(qemu.read32(0x20_003e), 0xc0de_000f);
    assert_eq!(qemu.copy(0xd000_0000, 0x20_0000, 64), toy::STATUS_FAILED);
    drop(qemu);
    server.join().unwrap();
}

#[test]
#[ignore = "needs QEMU 10.1: set VFIO_USER_QEMU"]
fn qemu_when_memory_is_shared_then_device_copies() {
    copies_guest_memory(SHARED);
}

#[test]
#[ignore = "needs QEMU 10.1: set VFIO_USER_QEMU"]
fn qemu_when_memory_is_private_then_device_copies_by_messages() {
    copies_guest_memory(PRIVATE);
}

#[test]
#[ignore = "needs QEMU 10.1: set VFIO_USER_QEMU"]
fn qemu_when_msi_is_enabled_then_its_message_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, server) = serve(folder.path(), 1);
    let mut qemu = Qemu::start(&socket, SHARED);
    // An MSI is a memory write: aim it at memory, where it can be seen.
    qemu.config_write(CONFIG_MSI + 4, 0x30_0000);
    qemu.config_write(CONFIG_MSI + 8, 0);
    qemu.config_write(CONFIG_MSI + 12, 0x4041);
    let control = qemu.config_read(CONFIG_MSI);
    qemu.config_write(CONFIG_MSI, control | MSI_ENABLE);

    qemu.copy(0x10_0000, 0x20_0000, 4);

    let begun = Instant::now();
    while qemu.read32(0x30_0000) != 0x4041 {
        assert!(begun.elapsed() < PATIENCE, "the message comes");
    }
    drop(qemu);
    server.join().unwrap();
}

#[test]
#[ignore = "needs QEMU 10.1: set VFIO_USER_QEMU"]
fn qemu_when_a_second_one_comes_then_it_finds_the_device_as_left() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, server) = serve(folder.path(), 2);
    let mut first = Qemu::start(&socket, SHARED);
    first.write32(BAR2 + 0x20, 77);
    assert_eq!(first.read32(BAR2 + 0x20), 77);
    drop(first);

    let mut second = Qemu::start(&socket, PRIVATE);

    assert_eq!(second.read32(BAR2 + 0x20), 77);
    drop(second);
    server.join().unwrap();
}
