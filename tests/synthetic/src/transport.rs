// SPDX-License-Identifier: GPL-2.0 OR MIT
//! How a vGPU is reached: the operations of VFIO, whatever carries them.

use std::ops::Range;
use std::os::fd::{BorrowedFd, OwnedFd};

use anyhow::Result;
use rustix::io::Errno;

use crate::ram::Ram;

pub mod vfio;
pub mod vfio_user;

/// A device as its driver counts its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// `VFIO_DEVICE_FLAGS_…`.
    pub flags: u32,
    /// Regions.
    pub regions: u32,
    /// Interrupt indexes.
    pub irqs: u32,
}

/// A region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegionInfo {
    /// `VFIO_REGION_INFO_FLAG_…`.
    pub flags: u32,
    /// Bytes; 0 if the device has no such region.
    pub size: u64,
    /// Where the region begins in the device's file.
    pub offset: u64,
    /// The parts that can be mapped, if not all can.
    pub areas: Vec<Range<u64>>,
    /// What it is, type and subtype, where that is told.
    pub kind: Option<(u32, u32)>,
}

/// A question for what a screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneQuery {
    /// `VFIO_GFX_PLANE_TYPE_…`.
    pub flags: u32,
    /// `DRM_PLANE_TYPE_…`.
    pub plane: u32,
}

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlaneInfo {
    /// `DRM_FORMAT_…`; 0 if nothing is shown.
    pub format: u32,
    /// `DRM_FORMAT_MOD_…`.
    pub modifier: u64,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes from one row to the next.
    pub stride: u32,
    /// Bytes of all.
    pub size: u32,
    /// Where it is shown: pixels from the left side and from the upper one.
    pub position: (u32, u32),
    /// The pixel of a cursor that points.
    pub hot: (u32, u32),
    /// The region that it is in, or the number by which it is exported.
    pub place: u32,
}

/// An interrupt index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IrqInfo {
    /// `VFIO_IRQ_INFO_…`.
    pub flags: u32,
    /// Vectors.
    pub count: u32,
}

/// What a request about interrupts brings along.
#[derive(Clone, Copy, Debug)]
pub enum IrqData<'a> {
    /// Bytes, one a vector where the request is of that form.
    Bytes(&'a [u8]),
    /// A file a vector.
    Files(&'a [BorrowedFd<'a>]),
}

/// A request about interrupts, as wrong as a caller likes.
#[derive(Clone, Copy, Debug)]
pub struct IrqRequest<'a> {
    /// `VFIO_IRQ_SET_…`.
    pub flags: u32,
    /// The interrupt index.
    pub index: u32,
    /// The first vector.
    pub start: u32,
    /// How many.
    pub count: u32,
    /// What comes along.
    pub data: IrqData<'a>,
}

/// How a mapping of a region is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// With the device: `MAP_SHARED`.
    Shared,
    /// The same, and never written.
    ReadOnly,
    /// Copied on write: `MAP_PRIVATE`.
    Private,
}

/// A mapped part of a region.
pub trait Mapped {
    /// Reads the dword at a byte offset.
    fn read32(&self, offset: usize) -> u32;

    /// Reads the qword at a byte offset.
    fn read64(&self, offset: usize) -> u64;

    /// Writes the dword at a byte offset.
    fn write32(&mut self, offset: usize, value: u32);

    /// Tries to make it larger where it is, or elsewhere.
    ///
    /// # Errors
    /// What the kernel says.
    fn grow(&mut self, length: usize) -> Result<(), Errno>;
}

/// An open vGPU. Dropping it closes it.
///
/// A transfer that is shorter than asked for is an error, `EIO`.
pub trait Transport {
    /// Describes the device.
    ///
    /// # Errors
    /// What the other side says; so do the functions below.
    fn info(&mut self) -> Result<DeviceInfo, Errno>;

    /// Describes a region.
    ///
    /// # Errors
    /// See [`info`](Transport::info).
    fn region(&mut self, index: u32) -> Result<RegionInfo, Errno>;

    /// Describes an interrupt index.
    ///
    /// # Errors
    /// See [`info`](Transport::info).
    fn irq(&mut self, index: u32) -> Result<IrqInfo, Errno>;

    /// Reads a region.
    ///
    /// # Errors
    /// See [`info`](Transport::info).
    fn read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> Result<(), Errno>;

    /// Writes a region.
    ///
    /// # Errors
    /// See [`info`](Transport::info).
    fn write(&mut self, region: u32, offset: u64, data: &[u8]) -> Result<(), Errno>;

    /// Connects, masks or fires interrupts.
    ///
    /// # Errors
    /// See [`info`](Transport::info).
    fn set_irqs(&mut self, request: &IrqRequest<'_>) -> Result<(), Errno>;

    /// Resets the device.
    ///
    /// # Errors
    /// See [`info`](Transport::info).
    fn reset(&mut self) -> Result<(), Errno>;

    /// Lets the device reach a part of the guest's memory, at the address that it has in the guest.
    ///
    /// # Errors
    /// See [`info`](Transport::info).
    fn map_memory(&mut self, ram: &Ram, part: Range<u64>) -> Result<(), Errno>;

    /// Takes back what [`map_memory`](Transport::map_memory) gave, the same part.
    ///
    /// # Errors
    /// See [`info`](Transport::info).
    fn unmap_memory(&mut self, part: Range<u64>) -> Result<(), Errno>;

    /// Maps `length` bytes of a region from `offset` on.
    ///
    /// # Errors
    /// See [`info`](Transport::info); `ENOTSUP` where the transport can't.
    fn map_region(
        &mut self,
        region: u32,
        offset: u64,
        length: usize,
        sharing: Sharing,
    ) -> Result<Box<dyn Mapped>, Errno>;

    /// Asks what the screen shows.
    ///
    /// # Errors
    /// See [`info`](Transport::info); `ENOTSUP` where the transport can't.
    fn plane(&mut self, query: PlaneQuery) -> Result<PlaneInfo, Errno>;

    /// Exports what [`plane`](Transport::plane) has numbered, as a dma-buf.
    ///
    /// # Errors
    /// See [`info`](Transport::info); `ENOTSUP` where the transport can't.
    fn export(&mut self, number: u32) -> Result<OwnedFd, Errno>;

    /// The same open device for another thread, which can give it no memory. It is closed when both
    /// are.
    ///
    /// # Errors
    /// `ENOTSUP` where the transport can't.
    fn twin(&self) -> Result<Box<dyn Transport + Send>, Errno>;
}

/// What opens a vGPU, one transport after another.
pub trait Opener {
    /// Opens it.
    ///
    /// # Errors
    /// What went wrong, at which step.
    fn open(&self) -> Result<Box<dyn Transport>>;
}
