// SPDX-License-Identifier: GPL-2.0 OR MIT
//! From bytes to typed requests, and from replies to bytes.
//!
//! Parsing checks every length and every flag that can be checked without knowing the device.
//! Byte order is the host's, as the protocol wants.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use vfio_bindings::bindings::vfio::{
    VFIO_DMA_MAP_FLAG_READ, VFIO_DMA_MAP_FLAG_WRITE, VFIO_DMA_UNMAP_FLAG_ALL,
    VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_TRIGGER,
    VFIO_IRQ_SET_ACTION_UNMASK, VFIO_IRQ_SET_DATA_BOOL, VFIO_IRQ_SET_DATA_EVENTFD,
    VFIO_IRQ_SET_DATA_NONE,
};

use crate::protocol::*;

/// The start of every message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Chosen by the sender of a command, repeated in the reply.
    pub id: u16,
    /// Number of the command.
    pub command: u16,
    /// Bytes of the whole message, header included.
    pub size: u32,
    /// Type and flags.
    pub flags: u32,
    /// An errno, in replies with the error flag.
    pub error: u32,
}

impl Header {
    /// Reads a header.
    pub fn parse(bytes: &[u8; HEADER_SIZE]) -> Self {
        let [i0, i1, c0, c1, s0, s1, s2, s3, f0, f1, f2, f3, e0, e1, e2, e3] = *bytes;
        Self {
            id: u16::from_ne_bytes([i0, i1]),
            command: u16::from_ne_bytes([c0, c1]),
            size: u32::from_ne_bytes([s0, s1, s2, s3]),
            flags: u32::from_ne_bytes([f0, f1, f2, f3]),
            error: u32::from_ne_bytes([e0, e1, e2, e3]),
        }
    }

    /// Writes a header.
    pub fn encode(&self) -> [u8; HEADER_SIZE] {
        let mut bytes = [0; HEADER_SIZE];
        bytes[0..2].copy_from_slice(&self.id.to_ne_bytes());
        bytes[2..4].copy_from_slice(&self.command.to_ne_bytes());
        bytes[4..8].copy_from_slice(&self.size.to_ne_bytes());
        bytes[8..12].copy_from_slice(&self.flags.to_ne_bytes());
        bytes[12..16].copy_from_slice(&self.error.to_ne_bytes());
        bytes
    }

    /// Whether this is a reply to a command of ours.
    pub fn is_reply(&self) -> bool {
        self.flags & FLAG_TYPE_MASK == TYPE_REPLY
    }

    /// Whether the sender waits for a reply.
    pub fn wants_reply(&self) -> bool {
        !self.is_reply() && self.flags & FLAG_NO_REPLY == 0
    }
}

/// One message as it came from the peer, complete but not yet believed.
#[derive(Debug, Default)]
pub struct Message {
    /// Its header.
    pub header: Header,
    /// What follows the header; empty if `oversized`.
    pub payload: Vec<u8>,
    /// File descriptors that came with it.
    pub fds: Vec<OwnedFd>,
    /// The message was longer than [`MAX_MESSAGE`] and its payload was dropped.
    pub oversized: bool,
    /// More descriptors came than [`MAX_FDS`]; the rest was closed.
    pub fds_lost: bool,
}

impl Message {
    /// Empties the message and keeps its memory.
    pub fn clear(&mut self) {
        self.header = Header::default();
        self.payload.clear();
        self.fds.clear();
        self.oversized = false;
        self.fds_lost = false;
    }
}

/// An access to a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Byte offset in the region.
    pub offset: u64,
    /// Index of the region.
    pub region: u32,
    /// Bytes to transfer.
    pub count: u32,
}

/// What a SET_IRQS request does to its vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IrqAction {
    /// Hold back interrupts.
    Mask,
    /// Let them through again.
    Unmask,
    /// Connect an eventfd, or fire.
    Trigger,
}

/// Which vectors a SET_IRQS request means, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IrqData<'a> {
    /// All of the range.
    None,
    /// Those whose byte is not zero.
    Bool(&'a [u8]),
    /// Eventfds come with the message.
    Eventfd,
}

/// A SET_IRQS request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IrqSet<'a> {
    /// What to do.
    pub action: IrqAction,
    /// With what.
    pub data: IrqData<'a>,
    /// Interrupt index.
    pub index: u32,
    /// First vector.
    pub start: u32,
    /// Number of vectors.
    pub count: u32,
}

/// A request whose form is right; whether it fits the device is checked by the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Negotiate.
    Version {
        /// Proposed major version.
        major: u16,
        /// Proposed minor version.
        minor: u16,
        /// JSON, without its terminating NUL; may be empty.
        json: &'a [u8],
    },
    /// Announce memory.
    DmaMap {
        /// Whether the device may write there.
        writable: bool,
        /// Whether the device may read there.
        readable: bool,
        /// Offset in the file that came along.
        offset: u64,
        /// DMA address.
        address: u64,
        /// Bytes, not zero; `address + size` does not wrap.
        size: u64,
    },
    /// Withdraw one window.
    DmaUnmap {
        /// DMA address.
        address: u64,
        /// Bytes.
        size: u64,
    },
    /// Withdraw all windows.
    DmaUnmapAll,
    /// Describe the device.
    GetInfo,
    /// Describe a region.
    GetRegionInfo {
        /// Largest reply payload that the client takes.
        argsz: u32,
        /// Region index.
        index: u32,
    },
    /// Describe an interrupt index.
    GetIrqInfo {
        /// Interrupt index.
        index: u32,
    },
    /// Connect, mask or fire interrupts.
    SetIrqs(IrqSet<'a>),
    /// Read a region.
    RegionRead(Access),
    /// Write a region; the data has `count` bytes.
    RegionWrite(Access, &'a [u8]),
    /// Write several small values.
    RegionWriteMulti(Writes<'a>),
    /// Reset the device.
    Reset,
}

impl<'a> Request<'a> {
    /// Reads the request with that command number and payload.
    ///
    /// # Errors
    /// `ENOSYS` for a number that is no command, `ENOTSUP` for one that this server does not
    /// serve, `EINVAL` for a payload of the wrong form.
    pub fn parse(command: u16, payload: &'a [u8]) -> Result<Self, Errno> {
        let command = Command::from_number(command).ok_or(Errno::NOSYS)?;
        let mut fields = Fields(payload);
        match command {
            Command::Version => Self::version(&mut fields),
            Command::DmaMap => Self::dma_map(&mut fields),
            Command::DmaUnmap => Self::dma_unmap(&mut fields),
            Command::GetInfo => {
                exactly(payload, DEVICE_INFO_SIZE)?;
                at_least(fields.u32()?, DEVICE_INFO_SIZE)?;
                Ok(Self::GetInfo)
            }
            Command::GetRegionInfo => {
                exactly(payload, REGION_INFO_SIZE)?;
                let argsz = at_least(fields.u32()?, REGION_INFO_SIZE)?;
                let _flags = fields.u32()?;
                Ok(Self::GetRegionInfo {
                    argsz,
                    index: fields.u32()?,
                })
            }
            Command::GetIrqInfo => {
                exactly(payload, IRQ_INFO_SIZE)?;
                at_least(fields.u32()?, IRQ_INFO_SIZE)?;
                let _flags = fields.u32()?;
                Ok(Self::GetIrqInfo {
                    index: fields.u32()?,
                })
            }
            Command::SetIrqs => Self::set_irqs(&mut fields),
            Command::RegionRead => {
                exactly(payload, ACCESS_SIZE)?;
                Ok(Self::RegionRead(fields.access()?))
            }
            Command::RegionWrite => {
                let access = fields.access()?;
                exactly(fields.0, access.count as usize)?;
                Ok(Self::RegionWrite(access, fields.0))
            }
            Command::RegionWriteMulti => {
                let count = fields.u64()?;
                let whole = fields.0.len() % WRITE_ONE_SIZE == 0;
                if !whole || (fields.0.len() / WRITE_ONE_SIZE) as u64 != count {
                    return Err(Errno::INVAL);
                }
                Ok(Self::RegionWriteMulti(Writes(fields.0)))
            }
            Command::Reset => {
                exactly(payload, 0)?;
                Ok(Self::Reset)
            }
            Command::GetRegionIoFds
            | Command::DmaRead
            | Command::DmaWrite
            | Command::DirtyPages
            | Command::DeviceFeature
            | Command::MigDataRead
            | Command::MigDataWrite => Err(Errno::NOTSUP),
        }
    }

    /// How many descriptors may come with the request.
    pub fn fds_allowed(&self) -> usize {
        match self {
            Self::DmaMap { .. } => 1,
            Self::SetIrqs(set) if set.data == IrqData::Eventfd => MAX_FDS,
            _ => 0,
        }
    }

    fn version(fields: &mut Fields<'a>) -> Result<Self, Errno> {
        let major = fields.u16()?;
        let minor = fields.u16()?;
        let json = fields.0.strip_suffix(&[0]).unwrap_or(fields.0);
        Ok(Self::Version { major, minor, json })
    }

    fn dma_map(fields: &mut Fields<'a>) -> Result<Self, Errno> {
        exactly(fields.0, DMA_MAP_SIZE)?;
        at_least(fields.u32()?, DMA_MAP_SIZE)?;
        let flags = fields.u32()?;
        let (offset, address, size) = (fields.u64()?, fields.u64()?, fields.u64()?);
        let known = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
        let aligned = (offset | address | size) % DMA_PAGE == 0;
        if flags == 0 || flags & !known != 0 || size == 0 || !aligned {
            return Err(Errno::INVAL);
        }
        address.checked_add(size).ok_or(Errno::INVAL)?;
        Ok(Self::DmaMap {
            writable: flags & VFIO_DMA_MAP_FLAG_WRITE != 0,
            readable: flags & VFIO_DMA_MAP_FLAG_READ != 0,
            offset,
            address,
            size,
        })
    }

    fn dma_unmap(fields: &mut Fields<'a>) -> Result<Self, Errno> {
        exactly(fields.0, DMA_UNMAP_SIZE)?;
        at_least(fields.u32()?, DMA_UNMAP_SIZE)?;
        let flags = fields.u32()?;
        let (address, size) = (fields.u64()?, fields.u64()?);
        match flags {
            0 => Ok(Self::DmaUnmap { address, size }),
            VFIO_DMA_UNMAP_FLAG_ALL if address == 0 && size == 0 => Ok(Self::DmaUnmapAll),
            VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP => Err(Errno::NOTSUP),
            _ => Err(Errno::INVAL),
        }
    }

    fn set_irqs(fields: &mut Fields<'a>) -> Result<Self, Errno> {
        let whole = fields.0.len();
        let argsz = at_least(fields.u32()?, IRQ_SET_SIZE)?;
        let flags = fields.u32()?;
        let (index, start, count) = (fields.u32()?, fields.u32()?, fields.u32()?);
        const DATA: u32 =
            VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_DATA_EVENTFD;
        const ACTION: u32 =
            VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_ACTION_TRIGGER;
        if flags & !(DATA | ACTION) != 0 {
            return Err(Errno::INVAL);
        }
        let action = match flags & ACTION {
            VFIO_IRQ_SET_ACTION_MASK => IrqAction::Mask,
            VFIO_IRQ_SET_ACTION_UNMASK => IrqAction::Unmask,
            VFIO_IRQ_SET_ACTION_TRIGGER => IrqAction::Trigger,
            _ => return Err(Errno::INVAL),
        };
        let data = match flags & DATA {
            VFIO_IRQ_SET_DATA_NONE => IrqData::None,
            VFIO_IRQ_SET_DATA_BOOL => IrqData::Bool(fields.0),
            VFIO_IRQ_SET_DATA_EVENTFD => IrqData::Eventfd,
            _ => return Err(Errno::INVAL),
        };
        let data_size = if matches!(data, IrqData::Bool(_)) {
            count as usize
        } else {
            0
        };
        exactly(fields.0, data_size)?;
        if (argsz as usize) < whole {
            return Err(Errno::INVAL);
        }
        // Zero vectors mean "disable the index", which has one form only.
        if count == 0 && (start != 0 || data != IrqData::None || action != IrqAction::Trigger) {
            return Err(Errno::INVAL);
        }
        start.checked_add(count).ok_or(Errno::INVAL)?;
        Ok(Self::SetIrqs(IrqSet {
            action,
            data,
            index,
            start,
            count,
        }))
    }
}

/// The writes of a REGION_WRITE_MULTI request, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writes<'a>(&'a [u8]);

impl<'a> Writes<'a> {
    /// Number of writes.
    pub fn count(&self) -> usize {
        self.0.len() / WRITE_ONE_SIZE
    }

    /// The writes; `EINVAL` in the place of one that states more bytes than it can hold.
    pub fn iter(self) -> impl Iterator<Item = Result<(Access, &'a [u8]), Errno>> {
        self.0.chunks_exact(WRITE_ONE_SIZE).map(|chunk| {
            let mut fields = Fields(chunk);
            let access = fields.access()?;
            let data = fields.0.get(..access.count as usize).ok_or(Errno::INVAL)?;
            Ok((access, data))
        })
    }
}

/// What is left of a payload.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Errno> {
        let (first, rest) = self.0.split_first_chunk::<N>().ok_or(Errno::INVAL)?;
        self.0 = rest;
        Ok(*first)
    }

    fn u16(&mut self) -> Result<u16, Errno> {
        self.take().map(u16::from_ne_bytes)
    }

    fn u32(&mut self) -> Result<u32, Errno> {
        self.take().map(u32::from_ne_bytes)
    }

    fn u64(&mut self) -> Result<u64, Errno> {
        self.take().map(u64::from_ne_bytes)
    }

    fn access(&mut self) -> Result<Access, Errno> {
        Ok(Access {
            offset: self.u64()?,
            region: self.u32()?,
            count: self.u32()?,
        })
    }
}

fn exactly(bytes: &[u8], size: usize) -> Result<(), Errno> {
    if bytes.len() == size {
        Ok(())
    } else {
        Err(Errno::INVAL)
    }
}

fn at_least(argsz: u32, size: usize) -> Result<u32, Errno> {
    if argsz as usize >= size {
        Ok(argsz)
    } else {
        Err(Errno::INVAL)
    }
}

/// Address and count at the start of a DMA_READ or DMA_WRITE reply, and the data behind them.
///
/// # Errors
/// `EPROTO` if the payload is too short.
pub fn parse_dma_reply(payload: &[u8]) -> Result<(u64, u64, &[u8]), Errno> {
    let mut fields = Fields(payload);
    let short = |_| Errno::PROTO;
    Ok((
        fields.u64().map_err(short)?,
        fields.u64().map_err(short)?,
        fields.0,
    ))
}

/// A message under construction; the memory is used again for the next.
#[derive(Debug, Default)]
pub struct Outgoing {
    bytes: Vec<u8>,
}

impl Outgoing {
    /// Starts a reply to the command with that header.
    pub fn reply_to(&mut self, request: &Header) {
        self.begin(&Header {
            id: request.id,
            command: request.command,
            flags: TYPE_REPLY,
            ..Header::default()
        });
    }

    /// Starts an error reply: nothing but a header.
    pub fn error_to(&mut self, request: &Header, errno: Errno) {
        self.begin(&Header {
            id: request.id,
            command: request.command,
            flags: TYPE_REPLY | FLAG_ERROR,
            error: errno.raw_os_error().unsigned_abs(),
            ..Header::default()
        });
    }

    /// Starts a command of our own.
    pub fn command(&mut self, id: u16, command: Command) {
        self.begin(&Header {
            id,
            command: command as u16,
            ..Header::default()
        });
    }

    fn begin(&mut self, header: &Header) {
        self.bytes.clear();
        self.bytes.extend_from_slice(&header.encode());
    }

    /// Appends a field.
    pub fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_ne_bytes());
    }

    /// Appends a field.
    pub fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_ne_bytes());
    }

    /// Appends a field.
    pub fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_ne_bytes());
    }

    /// Appends data.
    pub fn data(&mut self, data: &[u8]) {
        self.bytes.extend_from_slice(data);
    }

    /// Appends `count` zero bytes and gives them to be filled in.
    pub fn space(&mut self, count: usize) -> &mut [u8] {
        let start = self.bytes.len();
        self.bytes.resize(start + count, 0);
        &mut self.bytes[start..]
    }

    /// Fills in the size and gives the whole message.
    pub fn finish(&mut self) -> &[u8] {
        // Bounded by MAX_MESSAGE, since each part of a message is.
        let size = self.bytes.len() as u32;
        self.bytes[4..8].copy_from_slice(&size.to_ne_bytes());
        &self.bytes
    }
}

#[cfg(test)]
#[path = "message/tests.rs"]
mod tests;
