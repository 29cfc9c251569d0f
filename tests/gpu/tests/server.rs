// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The server program, with the crate `vfio_user` as its client.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::event::{eventfd, EventfdFlags};
use rustix::fs::{fcntl_add_seals, memfd_create, MemfdFlags, SealFlags};
use rustix::process::{kill_process, Pid, Signal};
use vfio_bindings::bindings::vfio::{
    VFIO_PCI_BAR0_REGION_INDEX as BAR0, VFIO_PCI_BAR2_REGION_INDEX as BAR2,
    VFIO_PCI_CONFIG_REGION_INDEX as CONFIG, VFIO_PCI_INTX_IRQ_INDEX,
};
use vfio_user::Client;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// A register that keeps what is written (a software scratch register).
const SCRATCH: u64 = 0x4_f000;
/// First GGTT entry in BAR0.
const GGTT: u64 = 8 << 20;
const PTE_PRESENT: u64 = 1;

struct Served {
    child: Child,
    folder: tempfile::TempDir,
}

impl Served {
    fn start(gpu: &str, extra: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_gen9-gpu"))
            .current_dir(folder.path())
            .args(["--socket", "socket", "--control", "control", "--gpu", gpu])
            .args(extra)
            .spawn()
            .unwrap();
        let served = Self { child, folder };
        let begun = Instant::now();
        while !served.path("control").exists() {
            assert!(begun.elapsed() < PATIENCE, "the server starts");
            std::thread::sleep(Duration::from_millis(5));
        }
        served
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn client(&self) -> Client {
        Client::new(&self.path("socket")).unwrap()
    }

    fn control(&self, line: &str) -> String {
        let mut stream = UnixStream::connect(self.path("control")).unwrap();
        writeln!(stream, "{line}").unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn wait(&mut self) -> bool {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            assert!(begun.elapsed() < PATIENCE, "the server ends");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read32(client: &mut Client, region: u32, offset: u64) -> u32 {
    let mut data = [0; 4];
    client.region_read(region, offset, &mut data).unwrap();
    u32::from_le_bytes(data)
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.len() > 0)
}

#[test]
fn server_when_client_connects_then_gpu_is_there() {
    let served = Served::start("skl,aperture=512M", &[]);
    let mut client = served.client();

    assert_eq!(read32(&mut client, CONFIG, 0), 0x1912_8086);
    assert_eq!(client.region(BAR0).unwrap().size, 16 << 20);
    assert_eq!(client.region(BAR2).unwrap().size, 512 << 20);
    assert!(
        client.region(BAR2).unwrap().file_offset.is_none(),
        "trapped"
    );
    client
        .region_write(BAR0, SCRATCH, &7u32.to_le_bytes())
        .unwrap();
    assert_eq!(read32(&mut client, BAR0, SCRATCH), 7);
    assert_eq!(
        client.get_irq_info(VFIO_PCI_INTX_IRQ_INDEX).unwrap().count,
        1
    );
}

#[test]
fn server_when_memory_is_mapped_then_aperture_reaches_it() {
    let served = Served::start("kbl,display=off", &[]);
    let mut client = served.client();
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = File::from(memfd_create("guest", flags).unwrap());
    memory.set_len(1 << 20).unwrap();
    fcntl_add_seals(&memory, SealFlags::SHRINK).unwrap();
    client.dma_map(0, 0, 1 << 20, memory.as_raw_fd()).unwrap();

    let entry = 0x8000 | PTE_PRESENT;
    client
        .region_write(BAR0, GGTT + 8 * 3, &entry.to_le_bytes())
        .unwrap();
    client
        .region_write(BAR2, 3 * 4096 + 16, b"aperture")
        .unwrap();

    let mut seen = [0; 8];
    memory.read_exact_at(&mut seen, 0x8010).unwrap();
    assert_eq!(&seen, b"aperture");
}

#[test]
fn server_when_ended_by_signal_then_log_is_written_and_sockets_go() {
    let mut served = Served::start("kbl", &["--log", "log.tsv"]);
    let mut client = served.client();
    client
        .region_write(BAR0, SCRATCH, &7u32.to_le_bytes())
        .unwrap();
    read32(&mut client, BAR0, SCRATCH);

    served.signal(Signal::TERM);

    assert!(served.wait());
    let log = std::fs::read_to_string(served.path("log.tsv")).unwrap();
    assert!(
        log.lines()
            .any(|line| line.contains("register\twrite\t0x04f000\t4\t0x7")),
        "{log}"
    );
    assert!(!served.path("socket").exists());
    assert!(!served.path("control").exists());
}

#[test]
fn server_when_once_then_ends_with_its_client() {
    let mut served = Served::start("kbl", &["--once"]);

    drop(served.client());

    assert!(served.wait());
}

#[test]
fn server_when_peers_send_nonsense_then_next_client_finds_the_gpu() {
    let served = Served::start("kbl", &[]);
    for byte in [0, 1, 0xff] {
        let mut peer = UnixStream::connect(served.path("socket")).unwrap();
        // The server may have closed already.
        let _ = peer.write_all(&[byte; 3000]);
    }
    let mut rude = served.client();
    let event = eventfd(0, EventfdFlags::CLOEXEC).unwrap();
    // Answers are errors, which this client does not look at.
    let _ = rude.set_irqs(99, u32::MAX, 5, u32::MAX, &[event.as_raw_fd(); 3]);
    let _ = rude.dma_map(u64::MAX, 1, u64::MAX, event.as_raw_fd());
    drop(rude);

    assert_eq!(read32(&mut served.client(), CONFIG, 0) & 0xffff, 0x8086);
}

#[test]
fn control_when_asked_then_answers() {
    let served = Served::start("kbl,display=off", &[]);
    let mut client = served.client();
    client
        .region_write(BAR0, SCRATCH, &0x1234u32.to_le_bytes())
        .unwrap();

    assert_eq!(served.control("peek 0x4f000"), "ok 0x00001234");
    assert_eq!(served.control("log count"), "ok 1");
    assert!(served.control("stats").contains("rcs0=idle"));
    assert!(served.control("screenshot s.png").starts_with("error"));
    assert!(served.control("nonsense").starts_with("error unknown"));
    assert!(served.control("clock advance soon").starts_with("error"));
    assert!(served.control("log dump dump.tsv").starts_with("ok"));
    assert!(is_file(&served.path("dump.tsv")));
    served.control("clock manual");
    let now = served.control("clock now");
    assert_eq!(served.control("clock now"), now);
    served.control("clock advance 5");
    assert_ne!(served.control("clock now"), now);
}

#[test]
fn screenshot_when_signalled_then_png_is_written() {
    let served = Served::start("kbl", &["--screenshot", "screen.png"]);

    served.signal(Signal::USR1);

    let begun = Instant::now();
    while !is_file(&served.path("screen.png")) {
        assert!(begun.elapsed() < PATIENCE, "the screenshot comes");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn server_when_options_are_wrong_then_says_so_in_one_line() {
    let output = Command::new(env!("CARGO_BIN_EXE_gen9-gpu"))
        .args(["--socket", "unused", "--gpu", "kbl,colour=red"])
        .output()
        .unwrap();

    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.lines()
            .next()
            .unwrap()
            .contains("unknown GPU option `colour=red`"),
        "{text}"
    );
}
