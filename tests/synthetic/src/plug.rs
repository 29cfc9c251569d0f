// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Plugging and unplugging the monitor, as a client of VFIO does it by the region of its EDID.
//!
//! Nothing here is a guest's: the vGPU may be driven by a VM meanwhile.

use anyhow::{ensure, Context, Result};
use rustix::io::Errno;
use vfio_bindings::bindings::vfio::{
    VFIO_DEVICE_GFX_LINK_STATE_DOWN as DOWN, VFIO_DEVICE_GFX_LINK_STATE_UP as UP,
    VFIO_PCI_NUM_REGIONS, VFIO_REGION_SUBTYPE_GFX_EDID, VFIO_REGION_TYPE_GFX,
};

use crate::edid::{self, BLOCK};
use crate::transport::{RegionInfo, Transport};

/// Type and subtype of the region.
pub const EDID: (u32, u32) = (VFIO_REGION_TYPE_GFX, VFIO_REGION_SUBTYPE_GFX_EDID);

/// Bytes of the region, and where the EDID is in it.
pub const SIZE: u64 = 4096;
/// See [`SIZE`].
pub const BLOB: u64 = 2048;
/// Its fields (`struct vfio_region_gfx_edid`): where the EDID is and how large one can be, how large
/// it is, the largest resolution, and the state of the link.
const EDID_OFFSET: u64 = 0;
const EDID_MOST: u64 = 4;
const EDID_SIZE: u64 = 8;
const MOST_WIDTH: u64 = 12;
const MOST_HEIGHT: u64 = 16;
const LINK: u64 = 20;

/// The region of a type and subtype.
///
/// # Errors
/// There are two of them.
pub fn find(transport: &mut dyn Transport, kind: (u32, u32)) -> Result<Option<(u32, RegionInfo)>> {
    let mut found = None;
    for index in VFIO_PCI_NUM_REGIONS..transport.info()?.regions {
        let region = transport.region(index)?;
        if region.kind == Some(kind) {
            ensure!(found.is_none(), "there are two regions of one kind");
            found = Some((index, region));
        }
    }
    Ok(found)
}

/// The region of a vGPU's EDID, in the hands of a client.
pub struct Plug<'a> {
    transport: &'a mut dyn Transport,
    region: u32,
}

impl<'a> Plug<'a> {
    /// That of a vGPU.
    ///
    /// # Errors
    /// It has none, or one of another size.
    pub fn new(transport: &'a mut dyn Transport) -> Result<Self> {
        let found = find(transport, EDID)?;
        let (region, info) = found.context("there is no region for an EDID")?;
        ensure!(info.size == SIZE, "the region has {} bytes", info.size);
        let mut plug = Self { transport, region };
        let blob = plug.field(EDID_OFFSET)?;
        ensure!(u64::from(blob) == BLOB, "the EDID is at {blob}");
        Ok(plug)
    }

    /// Bytes that an EDID can have.
    ///
    /// # Errors
    /// The region can't be read; so do the functions below.
    pub fn most(&mut self) -> Result<u32> {
        self.field(EDID_MOST)
    }

    /// The largest resolution.
    ///
    /// # Errors
    /// See [`most`](Self::most).
    pub fn largest(&mut self) -> Result<(u32, u32)> {
        Ok((self.field(MOST_WIDTH)?, self.field(MOST_HEIGHT)?))
    }

    /// Whether a monitor is there.
    ///
    /// # Errors
    /// See [`most`](Self::most); the link is in no state that there is.
    pub fn is_up(&mut self) -> Result<bool> {
        let link = self.field(LINK)?;
        ensure!([UP, DOWN].contains(&link), "the link's state is {link}");
        Ok(link == UP)
    }

    /// The EDID as it is in the region.
    ///
    /// # Errors
    /// See [`most`](Self::most).
    pub fn blob(&mut self) -> Result<[u8; BLOCK]> {
        let mut blob = [0; BLOCK];
        self.transport.read(self.region, BLOB, &mut blob)?;
        Ok(blob)
    }

    /// Takes the monitor away.
    ///
    /// # Errors
    /// It is refused.
    pub fn unplug(&mut self) -> Result<()> {
        self.set(LINK, DOWN)
    }

    /// Gives the next monitor its EDID.
    ///
    /// # Errors
    /// It is refused.
    pub fn give(&mut self, edid: &[u8]) -> Result<()> {
        self.set(EDID_SIZE, edid.len() as u32)?;
        // In pieces: what is not whole is never seen.
        let (first, second) = edid.split_at(edid.len() / 2);
        for (at, piece) in [(0, first), (first.len() as u64, second)] {
            let written = self.transport.write(self.region, BLOB + at, piece);
            written.context("cannot write the EDID")?;
        }
        Ok(())
    }

    /// Plugs in the monitor that was given its EDID.
    ///
    /// # Errors
    /// It is refused.
    pub fn connect(&mut self) -> Result<()> {
        self.set(LINK, UP)
    }

    /// Another monitor comes in the place of the one that is there, if one is.
    ///
    /// # Errors
    /// It is refused.
    pub fn replace(&mut self, edid: &[u8]) -> Result<()> {
        self.unplug()?;
        self.give(edid)?;
        self.connect()
    }

    /// Writes nonsense of every kind: each is refused, and the link stays what it is.
    ///
    /// The region holds nonsense afterwards, of which no monitor knows.
    ///
    /// # Errors
    /// Some of it is not.
    pub fn nonsense(&mut self) -> Result<()> {
        let is_up = self.is_up()?;
        // States that there are not, and what is behind the end.
        for state in [0, 3, 4, u32::MAX, UP << 8 | UP] {
            self.refuses(LINK, &state.to_le_bytes())?;
        }
        self.refuses(LINK + 1, &[1])?;
        self.refuses(SIZE - 4, &[1; 8])?;
        // What only the device says stays.
        for field in [EDID_OFFSET, EDID_MOST, MOST_WIDTH, MOST_HEIGHT] {
            let before = self.field(field)?;
            let _ = self.transport.write(self.region, field, &[0xff; 4]);
            let after = self.field(field)?;
            ensure!(after == before, "the field at {field} becomes {after:#x}");
        }
        // Sizes that no EDID has, with one that is good.
        let good = edid::make(800, 600);
        self.give(&good)?;
        let most = self.most()?;
        let next = most.saturating_add(BLOCK as u32);
        for size in [0, 1, 127, 129, most + 1, next, u32::MAX, 1 << 31] {
            let sized = self
                .transport
                .write(self.region, EDID_SIZE, &size.to_le_bytes());
            if sized.is_ok() {
                self.refuses(LINK, &UP.to_le_bytes())?;
            }
            ensure!(self.is_up()? == is_up, "a size of {size} moves the link");
        }
        for edid in no_edids(&good) {
            self.give(&edid)?;
            self.refuses(LINK, &UP.to_le_bytes())?;
            ensure!(self.is_up()? == is_up, "{edid:x?} moves the link");
        }
        Ok(())
    }

    fn field(&mut self, offset: u64) -> Result<u32> {
        let mut data = [0; 4];
        let read = self.transport.read(self.region, offset, &mut data);
        read.with_context(|| format!("cannot read {offset} of the EDID's region"))?;
        Ok(u32::from_le_bytes(data))
    }

    fn set(&mut self, offset: u64, value: u32) -> Result<()> {
        let written = self
            .transport
            .write(self.region, offset, &value.to_le_bytes());
        written.with_context(|| format!("cannot write {value:#x} at {offset} of the EDID's region"))
    }

    fn refuses(&mut self, offset: u64, data: &[u8]) -> Result<()> {
        let written = self.transport.write(self.region, offset, data);
        ensure!(
            written == Err(Errno::INVAL),
            "{data:x?} at {offset} of the EDID's region gives {written:?}"
        );
        Ok(())
    }
}

/// Blocks that are no EDID, made of one.
fn no_edids(good: &[u8; BLOCK]) -> Vec<[u8; BLOCK]> {
    let with = |at: usize, byte: u8| {
        let mut edid = *good;
        edid[at] = byte;
        edid
    };
    // One that says that a block follows which does not.
    let mut longer = with(BLOCK - 2, 1);
    edid::seal(&mut longer);
    vec![
        with(0, 1),
        with(BLOCK - 1, good[BLOCK - 1].wrapping_add(1)),
        longer,
        [0; BLOCK],
        [0xff; BLOCK],
    ]
}
