// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vGPU over vfio-user: one command at a time, each waits for its reply.

use std::ops::Range;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{ensure, Context, Result};
use rustix::io::Errno;
use vfio_bindings::bindings::vfio::{
    VFIO_DMA_MAP_FLAG_READ, VFIO_DMA_MAP_FLAG_WRITE, VFIO_REGION_INFO_CAP_SPARSE_MMAP,
    VFIO_REGION_INFO_CAP_TYPE,
};
use vfio_user_server::message::Header;
use vfio_user_server::protocol::*;
use vfio_user_server::stream::{StreamError, Transport as _, UnixTransport};

use super::{
    DeviceInfo, IrqData, IrqInfo, IrqRequest, Mapped, Opener, PlaneInfo, PlaneQuery, RegionInfo,
    Sharing, Transport,
};
use crate::ram::Ram;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What this client can, as the protocol has it.
const CAPABILITIES: &str = r#"{"capabilities":{"max_msg_fds":8,"max_data_xfer_size":1048576}}"#;
/// Bytes for the description of a region with all its capabilities.
const REGION_SPACE: usize = 4096;

/// A socket that a server listens on.
pub struct Socket(PathBuf);

impl Socket {
    /// The socket at a path.
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }
}

impl Opener for Socket {
    fn open(&self) -> Result<Box<dyn Transport>> {
        let path = self.0.display();
        let stream =
            UnixStream::connect(&self.0).with_context(|| format!("cannot connect to {path}"))?;
        let mut client = Client {
            stream: UnixTransport::new(stream)?,
            id: 0,
        };
        let mut version = Fields::default();
        version.u16(VERSION_MAJOR).u16(VERSION_MINOR);
        version.0.extend_from_slice(CAPABILITIES.as_bytes());
        version.0.push(0);
        let reply = client.call(Command::Version, &version.0, &[])?;
        ensure!(
            reply.get(..2) == Some(&VERSION_MAJOR.to_ne_bytes()[..]),
            "{path} speaks another version"
        );
        Ok(Box::new(client))
    }
}

struct Client {
    stream: UnixTransport,
    id: u16,
}

/// The connection is of no use any more.
fn broken(_: StreamError) -> Errno {
    Errno::PIPE
}

impl Client {
    /// Sends a command and waits for what comes back.
    fn call(
        &mut self,
        command: Command,
        payload: &[u8],
        fds: &[BorrowedFd<'_>],
    ) -> Result<Vec<u8>, Errno> {
        self.id = self.id.wrapping_add(1);
        let header = Header {
            id: self.id,
            command: command as u16,
            size: u32::try_from(HEADER_SIZE + payload.len()).map_err(|_| Errno::TOOBIG)?,
            flags: TYPE_COMMAND,
            error: 0,
        };
        let mut message = header.encode().to_vec();
        message.extend_from_slice(payload);
        self.stream.send(&message, fds).map_err(broken)?;
        let deadline = Instant::now() + PATIENCE;
        let mut head = [0; HEADER_SIZE];
        self.receive(&mut head, deadline)?;
        let reply = Header::parse(&head);
        let length = (reply.size as usize)
            .checked_sub(HEADER_SIZE)
            .filter(|length| *length <= MAX_MESSAGE)
            .ok_or(Errno::PROTO)?;
        let mut data = vec![0; length];
        self.receive(&mut data, deadline)?;
        // All memory is shared by descriptor, so the server has nothing to ask for.
        if !reply.is_reply() || (reply.id, reply.command) != (header.id, header.command) {
            return Err(Errno::PROTO);
        }
        match reply.flags & FLAG_ERROR {
            0 => Ok(data),
            _ => Err(i32::try_from(reply.error).map_or(Errno::PROTO, Errno::from_raw_os_error)),
        }
    }

    fn receive(&self, mut buffer: &mut [u8], deadline: Instant) -> Result<(), Errno> {
        while !buffer.is_empty() {
            let received = self.stream.receive(buffer, Some(deadline));
            let count = received.map_err(broken)?.bytes;
            buffer = buffer.get_mut(count..).ok_or(Errno::PROTO)?;
        }
        Ok(())
    }

    /// The payload of an access without its data.
    fn access(region: u32, offset: u64, length: usize) -> Result<Fields, Errno> {
        let mut fields = Fields::default();
        let count = u32::try_from(length).map_err(|_| Errno::TOOBIG)?;
        fields.u64(offset).u32(region).u32(count);
        Ok(fields)
    }
}

impl Transport for Client {
    fn info(&mut self) -> Result<DeviceInfo, Errno> {
        let mut request = Fields::default();
        request.u32(DEVICE_INFO_SIZE as u32).u32(0).u64(0);
        let reply = self.call(Command::GetInfo, &request.0, &[])?;
        Ok(DeviceInfo {
            flags: word(&reply, 4)?,
            regions: word(&reply, 8)?,
            irqs: word(&reply, 12)?,
        })
    }

    fn region(&mut self, index: u32) -> Result<RegionInfo, Errno> {
        let mut request = Fields::default();
        request.u32(REGION_SPACE as u32).u32(0).u32(index).u32(0);
        request.u64(0).u64(0);
        let reply = self.call(Command::GetRegionInfo, &request.0, &[])?;
        let (mut areas, mut kind) = (Vec::new(), None);
        let mut next = match reply.len() {
            REGION_INFO_SIZE => 0,
            _ => word(&reply, 12)? as usize,
        };
        while next != 0 {
            let cap = next;
            match word(&reply, cap)? & 0xffff {
                VFIO_REGION_INFO_CAP_SPARSE_MMAP => {
                    for area in 0..word(&reply, cap + 8)? as usize {
                        let at = cap + SPARSE_CAP_SIZE + area * SPARSE_AREA_SIZE;
                        let start = quad(&reply, at)?;
                        areas.push(start..start.saturating_add(quad(&reply, at + 8)?));
                    }
                }
                VFIO_REGION_INFO_CAP_TYPE => {
                    kind = Some((word(&reply, cap + 8)?, word(&reply, cap + 12)?));
                }
                _ => {}
            }
            next = word(&reply, cap + 4)? as usize;
            // They follow each other, so that there is an end.
            if next != 0 && next <= cap {
                return Err(Errno::PROTO);
            }
        }
        Ok(RegionInfo {
            flags: word(&reply, 4)?,
            size: quad(&reply, 16)?,
            offset: quad(&reply, 24)?,
            areas,
            kind,
        })
    }

    fn irq(&mut self, index: u32) -> Result<IrqInfo, Errno> {
        let mut request = Fields::default();
        request.u32(IRQ_INFO_SIZE as u32).u32(0).u32(index).u32(0);
        let reply = self.call(Command::GetIrqInfo, &request.0, &[])?;
        Ok(IrqInfo {
            flags: word(&reply, 4)?,
            count: word(&reply, 12)?,
        })
    }

    fn read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> Result<(), Errno> {
        let request = Self::access(region, offset, data.len())?;
        let reply = self.call(Command::RegionRead, &request.0, &[])?;
        let found = reply.get(ACCESS_SIZE..).ok_or(Errno::PROTO)?;
        if found.len() != data.len() {
            return Err(Errno::IO);
        }
        data.copy_from_slice(found);
        Ok(())
    }

    fn write(&mut self, region: u32, offset: u64, data: &[u8]) -> Result<(), Errno> {
        let mut request = Self::access(region, offset, data.len())?;
        request.0.extend_from_slice(data);
        let reply = self.call(Command::RegionWrite, &request.0, &[])?;
        match word(&reply, 12)? as usize == data.len() {
            true => Ok(()),
            false => Err(Errno::IO),
        }
    }

    fn set_irqs(&mut self, request: &IrqRequest<'_>) -> Result<(), Errno> {
        let (bytes, fds): (&[u8], &[BorrowedFd<'_>]) = match request.data {
            IrqData::Bytes(bytes) => (bytes, &[]),
            IrqData::Files(files) => (&[], files),
        };
        let mut fields = Fields::default();
        let size = u32::try_from(IRQ_SET_SIZE + bytes.len()).map_err(|_| Errno::TOOBIG)?;
        fields.u32(size).u32(request.flags).u32(request.index);
        fields.u32(request.start).u32(request.count);
        fields.0.extend_from_slice(bytes);
        self.call(Command::SetIrqs, &fields.0, fds)?;
        Ok(())
    }

    fn reset(&mut self) -> Result<(), Errno> {
        self.call(Command::Reset, &[], &[])?;
        Ok(())
    }

    fn map_memory(&mut self, ram: &Ram, part: Range<u64>) -> Result<(), Errno> {
        let mut request = Fields::default();
        let flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
        request.u32(DMA_MAP_SIZE as u32).u32(flags);
        request.u64(part.start).u64(part.start);
        request.u64(part.end.saturating_sub(part.start));
        self.call(Command::DmaMap, &request.0, &[ram.file()])?;
        Ok(())
    }

    fn unmap_memory(&mut self, part: Range<u64>) -> Result<(), Errno> {
        let mut request = Fields::default();
        request.u32(DMA_UNMAP_SIZE as u32).u32(0);
        request.u64(part.start);
        request.u64(part.end.saturating_sub(part.start));
        self.call(Command::DmaUnmap, &request.0, &[])?;
        Ok(())
    }

    fn map_region(
        &mut self,
        _region: u32,
        _offset: u64,
        _length: usize,
        _sharing: Sharing,
    ) -> Result<Box<dyn Mapped>, Errno> {
        // The aperture of a hosted vGPU is no memory.
        Err(Errno::NOTSUP)
    }

    // The protocol has no messages for these, and its answers come in the order of the questions.
    fn plane(&mut self, _query: PlaneQuery) -> Result<PlaneInfo, Errno> {
        Err(Errno::NOTSUP)
    }

    fn export(&mut self, _number: u32) -> Result<OwnedFd, Errno> {
        Err(Errno::NOTSUP)
    }

    fn twin(&self) -> Result<Box<dyn Transport + Send>, Errno> {
        Err(Errno::NOTSUP)
    }
}

/// A payload under way.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn u16(&mut self, value: u16) -> &mut Self {
        self.0.extend_from_slice(&value.to_ne_bytes());
        self
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

fn word(bytes: &[u8], at: usize) -> Result<u32, Errno> {
    let found = bytes.get(at..).and_then(<[u8]>::first_chunk);
    found
        .map(|found| u32::from_ne_bytes(*found))
        .ok_or(Errno::PROTO)
}

fn quad(bytes: &[u8], at: usize) -> Result<u64, Errno> {
    let found = bytes.get(at..).and_then(<[u8]>::first_chunk);
    found
        .map(|found| u64::from_ne_bytes(*found))
        .ok_or(Errno::PROTO)
}
