// SPDX-License-Identifier: GPL-2.0 OR MIT
use std::os::unix::fs::FileExt;
use std::sync::Mutex;

use rustix::fs::{fcntl_add_seals, memfd_create, MemfdFlags};

use super::*;

const PAGE: u64 = 4096;
/// Where the first window is.
const BASE: u64 = 0x10_0000;

fn memfd(size: u64, seals: SealFlags) -> File {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = File::from(memfd_create("test", flags).unwrap());
    file.set_len(size).unwrap();
    fcntl_add_seals(&file, seals).unwrap();
    file
}

fn window(address: u64, size: u64) -> DmaWindow {
    DmaWindow {
        address,
        size,
        readable: true,
        writable: true,
    }
}

fn fd(file: &File) -> Option<OwnedFd> {
    Some(file.try_clone().unwrap().into())
}

/// Memory with one window of four pages over a file that is sealed, or not.
fn one_window(seals: SealFlags) -> (GuestMemory, File) {
    let file = memfd(4 * PAGE, seals);
    let memory = GuestMemory::default();
    memory.map(window(BASE, 4 * PAGE), fd(&file), 0).unwrap();
    (memory, file)
}

fn backing(memory: &GuestMemory, address: u64) -> &'static str {
    memory.read_lock()[&address].backing.name()
}

#[test]
fn map_when_file_is_sealed_then_it_is_mapped_and_shared() {
    let (memory, file) = one_window(SealFlags::SHRINK);

    memory.write(BASE + 3, b"0123456789abcdefXYZ").unwrap();
    let mut seen = [0; 19];
    file.read_exact_at(&mut seen, 3).unwrap();
    file.write_all_at(b"back", PAGE).unwrap();
    let mut read = [0; 4];
    memory.read(BASE + PAGE, &mut read).unwrap();

    assert_eq!(&seen, b"0123456789abcdefXYZ");
    assert_eq!(&read, b"back");
    assert_eq!(backing(&memory, BASE), "mapped");
}

#[test]
fn map_when_file_could_shrink_then_it_is_not_mapped_but_works() {
    let (memory, file) = one_window(SealFlags::empty());

    memory.write(BASE + PAGE - 2, b"data").unwrap();
    let mut seen = [0; 4];
    file.read_exact_at(&mut seen, PAGE - 2).unwrap();
    // The client pulls the file away.
    file.set_len(0).unwrap();
    let result = memory.read(BASE, &mut seen);

    assert_eq!(&seen, b"data");
    assert_eq!(backing(&memory, BASE), "file");
    assert_eq!(result.unwrap_err().cause, DmaCause::Refused(Errno::FAULT));
}

#[test]
fn map_when_file_is_not_memory_then_messages_are_used() {
    let memory = GuestMemory::default();
    for (index, path) in ["/dev/zero", "/proc/self/status"].iter().enumerate() {
        let file = File::open(path).unwrap();
        let address = BASE + index as u64 * PAGE;
        memory.map(window(address, PAGE), fd(&file), 0).unwrap();
        assert_eq!(backing(&memory, address), "messages");
    }
}

#[test]
fn map_when_file_is_too_short_then_einval() {
    let file = memfd(2 * PAGE, SealFlags::SHRINK);
    let memory = GuestMemory::default();

    assert_eq!(
        memory.map(window(BASE, 3 * PAGE), fd(&file), 0),
        Err(Errno::INVAL)
    );
    assert_eq!(
        memory.map(window(BASE, 2 * PAGE), fd(&file), PAGE),
        Err(Errno::INVAL)
    );
    let wraps = u64::MAX - PAGE + 1;
    assert_eq!(
        memory.map(window(BASE, 2 * PAGE), fd(&file), wraps),
        Err(Errno::INVAL)
    );
    assert_eq!(memory.map(window(BASE, PAGE), fd(&file), PAGE), Ok(()));
}

#[test]
fn map_when_offset_is_given_then_window_starts_there() {
    let file = memfd(2 * PAGE, SealFlags::SHRINK);
    file.write_all_at(b"here", PAGE).unwrap();
    let memory = GuestMemory::default();
    memory.map(window(BASE, PAGE), fd(&file), PAGE).unwrap();

    let mut read = [0; 4];
    memory.read(BASE, &mut read).unwrap();

    assert_eq!(&read, b"here");
}

#[test]
fn map_when_ranges_touch_then_fine_and_when_they_overlap_then_eexist() {
    let memory = GuestMemory::default();
    memory.map(window(BASE, 2 * PAGE), None, 0).unwrap();

    assert_eq!(memory.map(window(BASE - PAGE, PAGE), None, 0), Ok(()));
    assert_eq!(memory.map(window(BASE + 2 * PAGE, PAGE), None, 0), Ok(()));
    for (address, size) in [
        (BASE, 2 * PAGE),
        (BASE + PAGE, PAGE),
        (BASE - 2 * PAGE, 3 * PAGE + PAGE),
        (0, u64::MAX - PAGE + 1),
        (BASE + PAGE, 8 * PAGE),
    ] {
        assert_eq!(
            memory.map(window(address, size), None, 0),
            Err(Errno::EXIST)
        );
    }
}

#[test]
fn map_when_there_are_too_many_then_enospc() {
    let memory = GuestMemory::default();
    for index in 0..MAX_DMA_WINDOWS as u64 {
        memory.map(window(index * 2 * PAGE, PAGE), None, 0).unwrap();
    }

    assert_eq!(
        memory.map(window(1 << 40, PAGE), None, 0),
        Err(Errno::NOSPC)
    );
}

#[test]
fn unmap_when_range_is_not_exact_then_enoent_and_it_stays() {
    let (memory, _file) = one_window(SealFlags::SHRINK);

    assert_eq!(memory.unmap(BASE, PAGE), Err(Errno::NOENT));
    assert_eq!(memory.unmap(BASE + PAGE, 3 * PAGE), Err(Errno::NOENT));
    assert_eq!(memory.windows().len(), 1);
    assert_eq!(memory.unmap(BASE, 4 * PAGE), Ok(()));
    assert!(memory.read(BASE, &mut [0]).is_err());
}

#[test]
fn read_when_it_crosses_windows_then_both_parts_come() {
    let (memory, _file) = one_window(SealFlags::SHRINK);
    let second = memfd(PAGE, SealFlags::empty());
    memory
        .map(window(BASE + 4 * PAGE, PAGE), fd(&second), 0)
        .unwrap();
    let edge = BASE + 4 * PAGE - 3;

    memory.write(edge, b"abcdef").unwrap();
    let mut read = [0; 6];
    memory.read(edge, &mut read).unwrap();

    assert_eq!(&read, b"abcdef");
}

#[test]
fn write_when_partly_outside_or_read_only_then_nothing_is_written() {
    let (memory, _file) = one_window(SealFlags::SHRINK);
    let second = memfd(PAGE, SealFlags::SHRINK);
    let read_only = DmaWindow {
        writable: false,
        ..window(BASE + 4 * PAGE, PAGE)
    };
    memory.map(read_only, fd(&second), 0).unwrap();
    let edge = BASE + 4 * PAGE - 2;

    assert_eq!(
        memory.write(edge, &[1; 4]).unwrap_err().cause,
        DmaCause::Unmapped
    );
    assert_eq!(
        memory.write(BASE - 1, &[1; 4]).unwrap_err().cause,
        DmaCause::Unmapped
    );
    assert_eq!(
        memory.write(u64::MAX, &[1; 4]).unwrap_err().cause,
        DmaCause::Unmapped
    );

    let mut read = [9; 6];
    memory.read(edge, &mut read).unwrap();
    assert_eq!(read, [0; 6]);
}

#[test]
fn read_when_window_is_write_only_then_unmapped() {
    let memory = GuestMemory::default();
    let file = memfd(PAGE, SealFlags::SHRINK);
    let write_only = DmaWindow {
        readable: false,
        ..window(BASE, PAGE)
    };
    memory.map(write_only, fd(&file), 0).unwrap();

    assert!(memory.read(BASE, &mut [0; 4]).is_err());
    assert!(memory.write(BASE, &[0; 4]).is_ok());
}

/// A peer that has one page.
struct Page(Mutex<[u8; PAGE as usize]>);

impl PeerMemory for Page {
    fn read(&self, address: u64, data: &mut [u8]) -> Result<(), Errno> {
        let start = (address - BASE) as usize;
        data.copy_from_slice(&self.0.lock().unwrap()[start..start + data.len()]);
        Ok(())
    }

    fn write(&self, address: u64, data: &[u8]) -> Result<(), Errno> {
        let start = (address - BASE) as usize;
        self.0.lock().unwrap()[start..start + data.len()].copy_from_slice(data);
        Ok(())
    }
}

#[test]
fn read_when_window_has_no_file_then_peer_is_asked() {
    let memory = GuestMemory::default();
    memory.map(window(BASE, PAGE), None, 0).unwrap();
    memory.set_peer(Some(Arc::new(Page(Mutex::new([0; PAGE as usize])))));

    memory.write(BASE + 8, b"peer").unwrap();
    let mut read = [0; 4];
    memory.read(BASE + 8, &mut read).unwrap();
    memory.set_peer(None);

    assert_eq!(&read, b"peer");
    let error = memory.read(BASE, &mut read).unwrap_err();
    assert_eq!(error.cause, DmaCause::Refused(Errno::PIPE));
}

#[test]
fn copies_when_at_every_alignment_then_bytes_are_right() {
    let (memory, _file) = one_window(SealFlags::SHRINK);
    let data: Vec<u8> = (1..=40).collect();

    for start in 0..9 {
        for length in 0..data.len() {
            memory.write(BASE, &[0; 64]).unwrap();
            memory.write(BASE + start, &data[..length]).unwrap();
            let mut all = [0; 64];
            memory.read(BASE, &mut all).unwrap();
            let start = start as usize;
            assert!(all[..start]
                .iter()
                .chain(&all[start + length..])
                .all(|byte| *byte == 0));
            assert_eq!(all[start..start + length], data[..length]);
        }
    }
}
