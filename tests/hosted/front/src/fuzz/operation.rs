// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the bytes of an input mean: operations of a client, one after the other.
//!
//! Every string of bytes is a list of operations, so that mutations are too. A byte chooses the
//! kind, and those behind it what that kind needs; what is missing at the end is zero.

use std::fs::File;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use iface::registers::{self, Platform};
use kvmgt_core::address::{PAGE_SHIFT, PAGE_SIZE};
use rustix::event::{eventfd, EventfdFlags};
use rustix::fs::{fcntl_add_seals, memfd_create, MemfdFlags, SealFlags};
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_DATA_BOOL, VFIO_IRQ_SET_DATA_EVENTFD,
    VFIO_IRQ_SET_DATA_NONE, VFIO_PCI_BAR0_REGION_INDEX as BAR0, VFIO_PCI_BAR2_REGION_INDEX as BAR2,
    VFIO_PCI_CONFIG_REGION_INDEX as CONFIG, VFIO_PCI_MSI_IRQ_INDEX as MSI,
};
use vfio_user_server::fuzz::generate::{encode, version};
use vfio_user_server::protocol::*;
use vfio_user_server::script::Chunk;

/// Pages of the client's memory.
const PAGES: u64 = 256;
/// Where entries of the GGTT begin in BAR 0.
const GGTT: u64 = 8 << 20;
/// Bytes of an entry.
const ENTRY: u64 = 8;
/// Pages at the ends of each part of the GGTT that are used.
const USED: u64 = 16;
/// Where registers end in BAR 0.
const REGISTERS: u64 = 2 << 20;
/// The most operations of a session.
const MOST: usize = 400;

/// Where things are on a vGPU.
#[derive(Clone, Debug)]
pub struct Place {
    aperture: Range<u64>,
    high: Range<u64>,
    /// Offsets of all registers that are tracked.
    registers: Vec<u32>,
}

impl Place {
    /// On one with those parts of the GGTT, in bytes of its addresses.
    pub fn new(aperture: Range<u64>, high: Range<u64>) -> Self {
        let registers = registers::rows(Platform::Kbl, false)
            .flat_map(|row| {
                let range = row.range();
                (range.offset..range.end()).step_by(4)
            })
            .collect();
        Self {
            aperture,
            high,
            registers,
        }
    }

    /// The pages of the GGTT that operations use, and what is beside the vGPU's.
    pub fn pages(&self) -> impl Iterator<Item = u64> + '_ {
        [&self.aperture, &self.high].into_iter().flat_map(|part| {
            let (first, end) = (part.start >> PAGE_SHIFT, part.end >> PAGE_SHIFT);
            (first.saturating_sub(1)..first + USED).chain(end - USED..end + 1)
        })
    }

    /// One of them.
    fn page(&self, choice: u8) -> u64 {
        let pages: Vec<u64> = self.pages().collect();
        pages[usize::from(choice) % pages.len()]
    }
}

/// The messages of a client, one an operation.
pub struct Operations<'a> {
    place: &'a Place,
    bytes: Bytes<'a>,
    sent: usize,
}

impl<'a> Operations<'a> {
    /// Those of an input.
    pub fn new(place: &'a Place, input: &'a [u8]) -> Self {
        Self {
            place,
            bytes: Bytes(input),
            sent: 0,
        }
    }

    fn operation(&mut self) -> Message {
        match self.bytes.u8() % 20 {
            0..=4 => self.write_register(),
            5 => self.read(BAR0, Self::register),
            6..=9 => self.write_entry(),
            10 => self.read(BAR0, Self::entry),
            11 => self.write_aperture(),
            12 => self.read(BAR2, Self::in_aperture),
            13 => self.map(),
            14 => self.unmap(),
            15 => self.write_config(),
            16 => self.read(CONFIG, |this| this.bytes.u8().into()),
            17 => self.set_irqs(),
            18 => self.anything(),
            _ => match self.bytes.u8() % 4 {
                0 => Message::new(Command::Reset),
                1 => self.info(Command::GetRegionInfo, REGION_INFO_SIZE),
                2 => self.info(Command::GetIrqInfo, IRQ_INFO_SIZE),
                _ => self.info(Command::GetInfo, DEVICE_INFO_SIZE),
            },
        }
    }

    /// The offset of a register, mostly of one that is tracked.
    fn register(&mut self) -> u64 {
        let choice = self.bytes.u16();
        let within = match self.bytes.u8() {
            within @ 0..=0x0f => u64::from(within),
            _ => 0,
        };
        let offset = match choice {
            0xff00.. => u64::from(self.bytes.u32()) % REGISTERS,
            _ => {
                let registers = &self.place.registers;
                registers[usize::from(choice) % registers.len()].into()
            }
        };
        offset + within
    }

    /// The offset of an entry of the GGTT.
    fn entry(&mut self) -> u64 {
        let page = self.place.page(self.bytes.u8());
        GGTT + page * ENTRY
    }

    /// An offset in the aperture.
    fn in_aperture(&mut self) -> u64 {
        let page = self.place.page(self.bytes.u8());
        (page << PAGE_SHIFT) + u64::from(self.bytes.u16()) % PAGE_SIZE
    }

    /// The size of an access.
    fn size(&mut self) -> usize {
        match self.bytes.u8() {
            0..=0x7f => 4,
            0x80..=0xbf => 8,
            0xc0..=0xcf => 1,
            0xd0..=0xdf => 2,
            0xe0..=0xef => 3,
            odd => usize::from(odd & 0xf) * 16,
        }
    }

    fn value(&mut self) -> u64 {
        match self.bytes.u8() % 6 {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << (self.bytes.u8() % 64),
            // A masked write of one bit.
            3 => {
                let bit = 1_u64 << (self.bytes.u8() % 16);
                bit << 16 | bit
            }
            4 => self.place.aperture.start + (u64::from(self.bytes.u8()) << PAGE_SHIFT),
            _ => self.bytes.u64(),
        }
    }

    fn write(&mut self, region: u32, offset: u64, size: usize, value: u64) -> Message {
        let mut message = Message::access(Command::RegionWrite, region, offset, size);
        let data = value.to_le_bytes();
        message.0.extend(data.iter().cycle().take(size));
        message
    }

    fn read(&mut self, region: u32, offset: impl Fn(&mut Self) -> u64) -> Message {
        let offset = offset(self);
        let size = self.size();
        Message::access(Command::RegionRead, region, offset, size)
    }

    fn write_register(&mut self) -> Message {
        let (offset, size, value) = (self.register(), self.size(), self.value());
        self.write(BAR0, offset, size, value)
    }

    fn write_entry(&mut self) -> Message {
        let at = self.entry();
        let entry = match self.bytes.u8() {
            // Some of them behind the end of memory.
            0..=0xbf => {
                let page = u64::from(self.bytes.u16()) % (PAGES + 8);
                page << PAGE_SHIFT | 1
            }
            0xc0..=0xdf => 0,
            _ => self.bytes.u64(),
        };
        let (offset, size, value) = match self.bytes.u8() % 8 {
            0..=3 => (at, 8, entry),
            4 => (at, 4, entry),
            5 => (at + 4, 4, entry >> 32),
            6 => (at, 1, entry),
            _ => (at + 2, 2, entry >> 16),
        };
        self.write(BAR0, offset, size, value)
    }

    fn write_aperture(&mut self) -> Message {
        let (offset, size, value) = (self.in_aperture(), self.size(), self.value());
        self.write(BAR2, offset, size, value)
    }

    fn write_config(&mut self) -> Message {
        let offset = self.bytes.u8().into();
        let (size, value) = (self.size(), self.value());
        self.write(CONFIG, offset, size, value)
    }

    /// A range of the client's memory, in bytes.
    fn range(&mut self) -> (u64, u64) {
        let first = u64::from(self.bytes.u8()) & !0x3f;
        let count = match self.bytes.u8() % 4 {
            0 => 1,
            1 => PAGES / 2,
            2 => PAGES - first,
            _ => 0x40,
        };
        (first << PAGE_SHIFT, count << PAGE_SHIFT)
    }

    fn map(&mut self) -> Message {
        let (address, size) = self.range();
        let flags = match self.bytes.u8() {
            0..=0xdf => 3,
            other => u32::from(other) & 3,
        };
        let mut message = Message::new(Command::DmaMap);
        message.u32(DMA_MAP_SIZE as u32).u32(flags);
        message.u64(address).u64(address).u64(size);
        message.1.push(&files().memory);
        message
    }

    fn unmap(&mut self) -> Message {
        let (address, size) = self.range();
        let all = self.bytes.u8() % 4 == 0;
        let mut message = Message::new(Command::DmaUnmap);
        message
            .u32(DMA_UNMAP_SIZE as u32)
            .u32(if all { 2 } else { 0 });
        let (address, size) = if all { (0, 0) } else { (address, size) };
        message.u64(address).u64(size);
        message
    }

    fn set_irqs(&mut self) -> Message {
        let mut message = Message::new(Command::SetIrqs);
        let (kind, odd) = (self.bytes.u8(), self.bytes.u8());
        let (index, start, count) = match odd {
            0..=0xdf => (MSI, 0, u32::from(kind / 3 % 8 != 0)),
            _ => (odd.into(), kind.into(), kind.into()),
        };
        let data = match kind % 3 {
            0 => VFIO_IRQ_SET_DATA_NONE,
            1 => VFIO_IRQ_SET_DATA_BOOL,
            _ => VFIO_IRQ_SET_DATA_EVENTFD,
        };
        let bytes = match data {
            VFIO_IRQ_SET_DATA_BOOL => count,
            _ => 0,
        };
        message.u32(IRQ_SET_SIZE as u32 + bytes);
        message.u32(data | VFIO_IRQ_SET_ACTION_TRIGGER);
        message.u32(index).u32(start).u32(count);
        message.0.resize(IRQ_SET_SIZE + bytes as usize, 1);
        if data == VFIO_IRQ_SET_DATA_EVENTFD {
            message.1.resize(count.min(2) as usize, &files().event);
        }
        message
    }

    fn info(&mut self, command: Command, size: usize) -> Message {
        let mut message = Message::new(command);
        message.u32(size as u32).u32(0).u32(self.bytes.u8().into());
        message.0.resize(size, 0);
        message
    }

    /// Any access anywhere.
    fn anything(&mut self) -> Message {
        let region = u32::from(self.bytes.u8() % 11);
        let offset = match self.bytes.u8() % 3 {
            0 => self.bytes.u64(),
            1 => self.bytes.u32().into(),
            _ => self.bytes.u16().into(),
        };
        let size = usize::from(self.bytes.u16()) % (2 * PAGE_SIZE as usize);
        match self.bytes.u8() % 2 {
            0 => Message::access(Command::RegionRead, region, offset, size),
            _ => {
                let value = self.value();
                self.write(region, offset, size, value)
            }
        }
    }
}

impl Iterator for Operations<'_> {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        self.sent += 1;
        if self.sent == 1 {
            return Some(version().into());
        }
        if self.bytes.0.is_empty() || self.sent > MOST {
            return None;
        }
        let Message(payload, files, command) = self.operation();
        let id = self.sent as u16;
        Some(Chunk {
            bytes: encode(id, command as u16, 0, &payload),
            fds: files
                .into_iter()
                .map(|file| OwnedFd::from(file.try_clone().expect("a free descriptor")))
                .collect(),
        })
    }
}

/// A payload under way, the files that go with it, and its command.
struct Message(Vec<u8>, Vec<&'static File>, Command);

impl Message {
    fn new(command: Command) -> Self {
        Self(Vec::new(), Vec::new(), command)
    }

    fn access(command: Command, region: u32, offset: u64, size: usize) -> Self {
        let mut message = Self::new(command);
        message.u64(offset).u32(region).u32(size as u32);
        message
    }

    fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_ne_bytes());
        self
    }

    fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_ne_bytes());
        self
    }
}

/// What is left of an input.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut taken = [0; N];
        let count = self.0.len().min(N);
        let (now, later) = self.0.split_at(count);
        taken[..count].copy_from_slice(now);
        self.0 = later;
        taken
    }

    fn u8(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}

/// What a client sends along.
struct Files {
    memory: File,
    event: File,
}

fn files() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let memory = File::from(memfd_create("fuzz", flags).expect("a memfd"));
        memory
            .set_len(PAGES << PAGE_SHIFT)
            .expect("memory for a memfd");
        fcntl_add_seals(&memory, SealFlags::SHRINK).expect("seals on a memfd");
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        Files {
            memory,
            event: File::from(event.expect("an eventfd")),
        }
    })
}
