// SPDX-License-Identifier: GPL-2.0 OR MIT
//! One client's conversation: what is allowed when, and what each command does.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use vfio_bindings::bindings::vfio::{
    VFIO_DEVICE_FLAGS_PCI, VFIO_DEVICE_FLAGS_RESET, VFIO_REGION_INFO_CAP_SPARSE_MMAP,
    VFIO_REGION_INFO_CAP_TYPE, VFIO_REGION_INFO_FLAG_CAPS, VFIO_REGION_INFO_FLAG_MMAP,
    VFIO_REGION_INFO_FLAG_READ, VFIO_REGION_INFO_FLAG_WRITE,
};

use crate::channel::Channel;
use crate::device::{Bus, Device, Region};
use crate::dma::DmaWindow;
use crate::message::{Access, IrqSet, Message, Outgoing, Request, Writes};
use crate::protocol::*;
use crate::stream::{StreamError, Transport};
use crate::version::Capabilities;

/// How long a client may take from connecting to a VERSION message.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionEnd {
    /// The stream ended or broke.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The client speaks another major version.
    #[error("the client wants protocol version {0}, this server speaks {VERSION_MAJOR}")]
    OtherVersion(u16),
}

/// Counts of what a session did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionStats {
    /// Commands carried out.
    pub done: u64,
    /// Commands refused.
    pub refused: u64,
    /// Writes that came several to a message.
    pub coalesced: u64,
}

/// The state of one connection.
#[derive(Debug)]
pub struct Session<'a, D: Device, T: Transport> {
    device: &'a mut D,
    bus: Bus,
    channel: Arc<Channel<T>>,
    /// What was negotiated; `None` before.
    client: Option<Capabilities>,
    begun: Instant,
    reply: Outgoing,
    reply_fd: Option<OwnedFd>,
    end: Option<SessionEnd>,
    stats: SessionStats,
}

impl<'a, D: Device, T: Transport + 'static> Session<'a, D, T> {
    /// Starts a session over a fresh connection.
    pub fn new(device: &'a mut D, bus: &Bus, transport: T) -> Self {
        device.client_came();
        Self {
            device,
            bus: bus.clone(),
            channel: Arc::new(Channel::new(transport)),
            client: None,
            begun: Instant::now(),
            reply: Outgoing::default(),
            reply_fd: None,
            end: None,
            stats: SessionStats::default(),
        }
    }

    /// Serves the client until it leaves or breaks the protocol beyond repair.
    ///
    /// Afterwards all its memory is unmapped and all its descriptors are closed.
    pub fn run(mut self) -> (SessionEnd, SessionStats) {
        let mut message = Message::default();
        let end = loop {
            if let Err(end) = self.step(&mut message) {
                break end;
            }
        };
        (end, self.stats)
    }

    /// Takes one command and answers it.
    fn step(&mut self, message: &mut Message) -> Result<(), SessionEnd> {
        let deadline = match self.client {
            Some(_) => None,
            None => Some(self.begun + HANDSHAKE_TIMEOUT),
        };
        self.channel.next_command(deadline, message)?;
        let header = message.header;
        let fds = std::mem::take(&mut message.fds);
        self.reply.reply_to(&header);
        self.reply_fd = None;
        match self.carry_out(message, fds) {
            Ok(()) => self.stats.done += 1,
            Err(errno) => {
                tracing::debug!(?header, %errno, "refused");
                self.stats.refused += 1;
                self.reply.error_to(&header, errno);
                self.reply_fd = None;
            }
        }
        if header.wants_reply() {
            let fd = self.reply_fd.take();
            let fds: &[_] = match &fd {
                Some(fd) => &[fd.as_fd()],
                None => &[],
            };
            self.channel.send(self.reply.finish(), fds)?;
        }
        self.end.map_or(Ok(()), Err)
    }

    /// Carries out one command and fills in the reply.
    fn carry_out(&mut self, message: &Message, fds: Vec<OwnedFd>) -> Result<(), Errno> {
        let header = message.header;
        if header.flags & FLAG_TYPE_MASK != TYPE_COMMAND || message.fds_lost {
            return Err(Errno::INVAL);
        }
        if message.oversized {
            return Err(Errno::TOOBIG);
        }
        // VERSION comes first, and only then.
        if (header.command == Command::Version as u16) == self.client.is_some() {
            return Err(Errno::PROTO);
        }
        let request = Request::parse(header.command, &message.payload)?;
        if fds.len() > request.fds_allowed() {
            return Err(Errno::INVAL);
        }
        match request {
            Request::Version { major, minor, json } => self.version(major, minor, json),
            Request::DmaMap {
                writable,
                readable,
                offset,
                address,
                size,
            } => {
                let window = DmaWindow {
                    address,
                    size,
                    readable,
                    writable,
                };
                self.bus
                    .memory
                    .map(window, fds.into_iter().next(), offset)?;
                self.device.dma_mapped(window);
                Ok(())
            }
            Request::DmaUnmap { address, size } => self.dma_unmap(address, size, &message.payload),
            Request::DmaUnmapAll => {
                self.dma_unmap_all();
                self.reply.data(&message.payload);
                Ok(())
            }
            Request::GetInfo => {
                self.get_info();
                Ok(())
            }
            Request::GetRegionInfo { argsz, index } => self.get_region_info(argsz, index),
            Request::GetIrqInfo { index } => self.get_irq_info(index),
            Request::SetIrqs(set) => self.set_irqs(&set, fds),
            Request::RegionRead(access) => self.region_read(access),
            Request::RegionWrite(access, data) => {
                self.region_write(access, data)?;
                self.access_reply(access);
                Ok(())
            }
            Request::RegionWriteMulti(writes) => self.region_write_multi(writes),
            Request::Reset => self.device.reset(),
        }
    }

    fn version(&mut self, major: u16, minor: u16, json: &[u8]) -> Result<(), Errno> {
        if major != VERSION_MAJOR {
            self.end = Some(SessionEnd::OtherVersion(major));
            return Err(Errno::PROTONOSUPPORT);
        }
        let client = Capabilities::parse(json)?;
        self.channel.set_max_transfer(client.transfer_limit());
        self.bus.memory.set_peer(Some(self.channel.clone()));
        self.client = Some(client);
        self.reply.u16(VERSION_MAJOR);
        self.reply.u16(minor.min(VERSION_MINOR));
        if !json.is_empty() {
            self.reply.data(&client.answer().encode());
        }
        Ok(())
    }

    fn dma_unmap(&mut self, address: u64, size: u64, request: &[u8]) -> Result<(), Errno> {
        let exists = |window: &DmaWindow| window.address == address && window.size == size;
        let window = self
            .bus
            .memory
            .windows()
            .into_iter()
            .find(exists)
            .ok_or(Errno::NOENT)?;
        self.bus.memory.unmap(address, size)?;
        self.device.dma_unmapped(window);
        self.reply.data(request);
        Ok(())
    }

    fn dma_unmap_all(&mut self) {
        let windows = self.bus.memory.windows();
        self.bus.memory.clear();
        for window in windows {
            self.device.dma_unmapped(window);
        }
    }

    fn get_info(&mut self) {
        self.reply.u32(DEVICE_INFO_SIZE as u32);
        self.reply
            .u32(VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET);
        self.reply.u32(self.device.regions().len() as u32);
        self.reply.u32(self.bus.interrupts.indexes().len() as u32);
    }

    fn get_region_info(&mut self, argsz: u32, index: u32) -> Result<(), Errno> {
        let region = self
            .device
            .regions()
            .get(index as usize)
            .ok_or(Errno::INVAL)?;
        let mut flags = 0;
        if region.readable {
            flags |= VFIO_REGION_INFO_FLAG_READ;
        }
        if region.writable {
            flags |= VFIO_REGION_INFO_FLAG_WRITE;
        }
        // That of the type comes first.
        let sparse_at = match region.kind {
            Some(_) => REGION_INFO_SIZE + TYPE_CAP_SIZE,
            None => REGION_INFO_SIZE,
        };
        let mut needed = sparse_at;
        let mut offset = 0;
        // A client that takes no descriptors cannot map.
        let may_map = self.client.is_some_and(|client| client.fd_limit() > 0);
        if let Some(mappable) = region.mappable.as_ref().filter(|_| may_map) {
            self.reply_fd = Some(
                mappable
                    .file
                    .try_clone()
                    .map(OwnedFd::from)
                    .map_err(errno_of)?,
            );
            flags |= VFIO_REGION_INFO_FLAG_MMAP;
            offset = mappable.offset;
            if !mappable.areas.is_empty() {
                needed += SPARSE_CAP_SIZE + mappable.areas.len() * SPARSE_AREA_SIZE;
            }
        }
        let has_caps = needed > REGION_INFO_SIZE;
        if has_caps {
            flags |= VFIO_REGION_INFO_FLAG_CAPS;
        }
        let fits = argsz as usize >= needed;
        self.reply.u32(needed as u32);
        self.reply.u32(flags);
        self.reply.u32(index);
        // Also told if the capabilities do not fit: QEMU wants it wherever the flag is.
        self.reply
            .u32(if has_caps { REGION_INFO_SIZE as u32 } else { 0 });
        self.reply.u64(region.size);
        self.reply.u64(offset);
        if let Some((kind, subtype)) = region.kind.filter(|_| fits) {
            self.reply.u16(VFIO_REGION_INFO_CAP_TYPE as u16);
            self.reply.u16(TYPE_CAP_VERSION);
            let next = if needed > sparse_at { sparse_at } else { 0 };
            self.reply.u32(next as u32);
            self.reply.u32(kind);
            self.reply.u32(subtype);
        }
        if fits && needed > sparse_at {
            self.reply.u16(VFIO_REGION_INFO_CAP_SPARSE_MMAP as u16);
            self.reply.u16(SPARSE_CAP_VERSION);
            self.reply.u32(0); // No next capability.
            let areas = region.mappable.iter().flat_map(|mappable| &mappable.areas);
            self.reply.u32(areas.clone().count() as u32);
            self.reply.u32(0); // Reserved.
            for area in areas {
                self.reply.u64(area.start);
                self.reply.u64(area.end.saturating_sub(area.start));
            }
        }
        Ok(())
    }

    fn get_irq_info(&mut self, index: u32) -> Result<(), Errno> {
        let irq = self
            .bus
            .interrupts
            .indexes()
            .get(index as usize)
            .ok_or(Errno::INVAL)?;
        self.reply.u32(IRQ_INFO_SIZE as u32);
        self.reply.u32(irq.flags);
        self.reply.u32(index);
        self.reply.u32(irq.count);
        Ok(())
    }

    fn set_irqs(&mut self, set: &IrqSet<'_>, fds: Vec<OwnedFd>) -> Result<(), Errno> {
        self.bus.interrupts.set(set, fds)?;
        self.device.irqs_changed(set.index);
        Ok(())
    }

    fn region_read(&mut self, access: Access) -> Result<(), Errno> {
        let limit = self.channel.max_transfer();
        let region = inside(self.device.regions(), access, limit)?;
        if !region.readable {
            return Err(Errno::ACCESS);
        }
        self.access_reply(access);
        if access.count == 0 {
            return Ok(());
        }
        let data = self.reply.space(access.count as usize);
        self.device.read(access.region, access.offset, data)
    }

    fn region_write(&mut self, access: Access, data: &[u8]) -> Result<(), Errno> {
        let region = inside(self.device.regions(), access, MAX_TRANSFER)?;
        if !region.writable {
            return Err(Errno::ACCESS);
        }
        if access.count == 0 {
            return Ok(());
        }
        self.device.write(access.region, access.offset, data)
    }

    fn region_write_multi(&mut self, writes: Writes<'_>) -> Result<(), Errno> {
        if self.client.and_then(|client| client.write_multiple) != Some(true) {
            return Err(Errno::NOTSUP);
        }
        // Each write is a command of its own to the device: the first that fails ends it.
        for write in writes.iter() {
            let (access, data) = write?;
            self.region_write(access, data)?;
            self.stats.coalesced += 1;
        }
        self.reply.u64(writes.count() as u64);
        Ok(())
    }

    fn access_reply(&mut self, access: Access) {
        self.reply.u64(access.offset);
        self.reply.u32(access.region);
        self.reply.u32(access.count);
    }
}

impl<D: Device, T: Transport> Drop for Session<'_, D, T> {
    /// Forgets the client: its memory, its descriptors, the connection.
    fn drop(&mut self) {
        self.channel.transport().shutdown();
        self.bus.interrupts.disconnect();
        self.bus.memory.set_peer(None);
        self.bus.memory.clear();
        self.device.client_gone();
    }
}

/// The region of an access, if the access is inside of it.
fn inside(regions: &[Region], access: Access, limit: usize) -> Result<&Region, Errno> {
    let region = regions.get(access.region as usize).ok_or(Errno::INVAL)?;
    let end = access
        .offset
        .checked_add(u64::from(access.count))
        .ok_or(Errno::INVAL)?;
    if end > region.size || access.count as usize > limit {
        return Err(Errno::INVAL);
    }
    Ok(region)
}

fn errno_of(error: std::io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}

#[cfg(test)]
#[path = "session/tests.rs"]
mod tests;
