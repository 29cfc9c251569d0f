// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Numbers of the vfio-user protocol, as QEMU's `docs/interop/vfio-user.rst` gives them.
//!
//! Flags that the protocol shares with Linux (`VFIO_…`) come from `vfio-bindings`.

/// Bytes of the header that starts every message.
pub const HEADER_SIZE: usize = 16;

/// Most data bytes in one access: the protocol's default for `max_data_xfer_size`.
pub const MAX_TRANSFER: usize = 1 << 20;

/// Bytes before the data of a region access or DMA message: two 64-bit words.
pub const ACCESS_SIZE: usize = 16;

/// Largest message that is taken whole; a larger one is read, dropped and refused.
pub const MAX_MESSAGE: usize = HEADER_SIZE + ACCESS_SIZE + MAX_TRANSFER;

/// Most file descriptors taken with one message; the kernel or we close the rest.
pub const MAX_FDS: usize = 8;

/// Most DMA windows that one client may have at a time.
pub const MAX_DMA_WINDOWS: usize = 8192;

/// Page size that DMA windows must be aligned to.
pub const DMA_PAGE: u64 = 4096;

/// Protocol version that this server speaks: 0.1.
pub const VERSION_MAJOR: u16 = 0;
/// See [`VERSION_MAJOR`].
pub const VERSION_MINOR: u16 = 1;

/// Bits of the header's flags that tell command from reply.
pub const FLAG_TYPE_MASK: u32 = 0xf;
/// Type of a command.
pub const TYPE_COMMAND: u32 = 0;
/// Type of a reply.
pub const TYPE_REPLY: u32 = 1;
/// The sender of the command wants no reply.
pub const FLAG_NO_REPLY: u32 = 1 << 4;
/// The reply reports an error; the header's error field is an errno.
pub const FLAG_ERROR: u32 = 1 << 5;

/// Bytes of the fixed part of a VERSION message.
pub const VERSION_SIZE: usize = 4;
/// Bytes of a DMA_MAP request.
pub const DMA_MAP_SIZE: usize = 32;
/// Bytes of a DMA_UNMAP request and reply.
pub const DMA_UNMAP_SIZE: usize = 24;
/// Bytes of a DEVICE_GET_INFO request and reply.
pub const DEVICE_INFO_SIZE: usize = 16;
/// Bytes of a DEVICE_GET_REGION_INFO request, and of its reply without capabilities.
pub const REGION_INFO_SIZE: usize = 32;
/// Bytes of a DEVICE_GET_IRQ_INFO request and reply.
pub const IRQ_INFO_SIZE: usize = 16;
/// Bytes of a DEVICE_SET_IRQS request without data.
pub const IRQ_SET_SIZE: usize = 20;
/// Bytes of the count that starts a REGION_WRITE_MULTI request, and of its reply.
pub const WRITE_MULTI_SIZE: usize = 8;
/// Bytes of one write in a REGION_WRITE_MULTI request.
pub const WRITE_ONE_SIZE: usize = 24;
/// Most data bytes of one write in a REGION_WRITE_MULTI request.
pub const WRITE_ONE_DATA: usize = 8;
/// Bytes of the fixed part of a sparse mmap capability.
pub const SPARSE_CAP_SIZE: usize = 16;
/// Bytes of one area in a sparse mmap capability.
pub const SPARSE_AREA_SIZE: usize = 16;
/// Version of the sparse mmap capability.
pub const SPARSE_CAP_VERSION: u16 = 1;
/// Bytes of a capability that tells type and subtype.
pub const TYPE_CAP_SIZE: usize = 16;
/// Version of that capability.
pub const TYPE_CAP_VERSION: u16 = 1;

/// Commands of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Command {
    /// Negotiates version and limits; must come first.
    Version = 1,
    /// Announces client memory.
    DmaMap = 2,
    /// Withdraws client memory.
    DmaUnmap = 3,
    /// Asks for the number of regions and interrupts.
    GetInfo = 4,
    /// Asks for one region's size, access and mappable areas.
    GetRegionInfo = 5,
    /// Asks for descriptors that stand for a region (refused).
    GetRegionIoFds = 6,
    /// Asks for one interrupt index.
    GetIrqInfo = 7,
    /// Connects, masks or triggers interrupts.
    SetIrqs = 8,
    /// Reads from a region.
    RegionRead = 9,
    /// Writes to a region.
    RegionWrite = 10,
    /// Reads client memory; sent by the server.
    DmaRead = 11,
    /// Writes client memory; sent by the server.
    DmaWrite = 12,
    /// Resets the device.
    Reset = 13,
    /// Dirty page tracking of early drafts (refused).
    DirtyPages = 14,
    /// Several small region writes in one message.
    RegionWriteMulti = 15,
    /// Device features, all about migration (refused).
    DeviceFeature = 16,
    /// Migration data (refused).
    MigDataRead = 17,
    /// Migration data (refused).
    MigDataWrite = 18,
}

impl Command {
    /// Every command, by number.
    pub const ALL: [Self; 18] = [
        Self::Version,
        Self::DmaMap,
        Self::DmaUnmap,
        Self::GetInfo,
        Self::GetRegionInfo,
        Self::GetRegionIoFds,
        Self::GetIrqInfo,
        Self::SetIrqs,
        Self::RegionRead,
        Self::RegionWrite,
        Self::DmaRead,
        Self::DmaWrite,
        Self::Reset,
        Self::DirtyPages,
        Self::RegionWriteMulti,
        Self::DeviceFeature,
        Self::MigDataRead,
        Self::MigDataWrite,
    ];

    /// The command of that number.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_number_when_known_then_round_trips() {
        for command in Command::ALL {
            assert_eq!(Command::from_number(command as u16), Some(command));
        }
    }

    #[test]
    fn from_number_when_unknown_then_none() {
        assert_eq!(Command::from_number(0), None);
        assert_eq!(Command::from_number(19), None);
        assert_eq!(Command::from_number(u16::MAX), None);
    }
}
