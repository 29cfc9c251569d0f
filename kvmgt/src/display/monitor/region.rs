// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The region by which clients of VFIO give a monitor an EDID, and plug or unplug it: `struct
//! vfio_region_gfx_edid` of `linux/vfio.h`, and behind it the EDID.
//!
//! What is written is judged when the link goes up, not before: clients write it in pieces.

use crate::display::edid::{self, Edid};
use crate::display::Resolution;
use kernel::prelude::*;

/// Bytes of the region.
pub const SIZE: usize = 4096;
/// Where in it the EDID is.
const BLOB_OFFSET: usize = 2048;
/// Bytes that an EDID has room for: 16 blocks.
pub(super) const BLOB_SIZE: usize = SIZE - BLOB_OFFSET;

/// Bytes of a field.
const FIELD: usize = 4;
/// Bytes of all fields.
const FIELDS: usize = 6 * FIELD;
/// Where `edid_size` is.
const SIZE_OFFSET: usize = 2 * FIELD;
/// Where `link_state` is: its lowest byte, the only one that is ever set.
const LINK_OFFSET: usize = 5 * FIELD;
/// `VFIO_DEVICE_GFX_LINK_STATE_UP`.
const LINK_UP: u8 = 1;
/// `VFIO_DEVICE_GFX_LINK_STATE_DOWN`.
const LINK_DOWN: u8 = 2;

/// The region.
pub(super) struct Region {
    largest: Resolution,
    /// `edid_size`.
    size: [u8; FIELD],
    blob: KVec<u8>,
}

/// Where an access is, if all of it is inside.
fn place(offset: u64, len: usize) -> Result<usize> {
    let first = usize::try_from(offset)?;
    let end = first.checked_add(len).ok_or(EINVAL)?;
    match end <= SIZE {
        true => Ok(first),
        false => Err(EINVAL),
    }
}

impl Region {
    /// A region with no EDID in it.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new(largest: Resolution) -> Result<Self> {
        Ok(Self {
            largest,
            size: [0; FIELD],
            blob: KVec::from_elem(0, BLOB_SIZE, GFP_KERNEL)?,
        })
    }

    /// Has an EDID in it, and nothing else.
    pub(super) fn hold(&mut self, edid: &Edid) {
        let extension = edid.extension.iter().flatten();
        // By its full name: the kernel's prelude has another `chain`.
        let bytes = Iterator::chain(edid.base.iter(), extension);
        let mut size = 0_u32;
        self.blob.fill(0);
        for (to, from) in self.blob.iter_mut().zip(bytes) {
            *to = *from;
            size = size.saturating_add(1);
        }
        self.size = size.to_le_bytes();
    }

    /// The EDID in it; empty if it has none.
    pub(super) fn edid(&self) -> &[u8] {
        let size = usize::try_from(u32::from_le_bytes(self.size)).ok();
        let blob = size.and_then(|size| self.blob.get(..size));
        blob.unwrap_or_default()
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// `EINVAL` not inside.
    pub(super) fn read(&self, is_up: bool, offset: u64, data: &mut [u8]) -> Result {
        let first = place(offset, data.len())?;
        let fields = self.fields(is_up);
        for (at, byte) in (first..).zip(data) {
            *byte = match at.checked_sub(BLOB_OFFSET) {
                Some(at) => self.blob.get(at).copied().unwrap_or(0),
                None => fields.get(at).copied().unwrap_or(0),
            };
        }
        Ok(())
    }

    /// Writes it. Returns what the link shall be, if that is written.
    ///
    /// # Errors
    ///
    /// `EINVAL` not inside, or no such state of the link: nothing is written then. `EINVAL` the link
    /// shall be up, and there is no EDID.
    pub(super) fn write(&mut self, offset: u64, data: &[u8]) -> Result<Option<bool>> {
        let first = place(offset, data.len())?;
        let written = |at: usize| data.get(at.checked_sub(first)?).copied();
        let mut upper = (LINK_OFFSET..FIELDS).skip(1).filter_map(written);
        if upper.any(|byte| byte != 0) {
            return Err(EINVAL);
        }
        let link = match written(LINK_OFFSET) {
            None => None,
            Some(LINK_UP) => Some(true),
            Some(LINK_DOWN) => Some(false),
            Some(_) => return Err(EINVAL),
        };
        for (at, byte) in (first..).zip(data) {
            let place = match at.checked_sub(BLOB_OFFSET) {
                Some(at) => self.blob.get_mut(at),
                None => at
                    .checked_sub(SIZE_OFFSET)
                    .and_then(|at| self.size.get_mut(at)),
            };
            // The rest can only be read.
            if let Some(place) = place {
                *place = *byte;
            }
        }
        if link == Some(true) {
            edid::check(self.edid())?;
        }
        Ok(link)
    }

    /// The fields, as clients read them.
    fn fields(&self, is_up: bool) -> [u8; FIELDS] {
        let link = match is_up {
            true => LINK_UP,
            false => LINK_DOWN,
        };
        let number = |value: usize| u32::try_from(value).unwrap_or(0).to_le_bytes();
        let all = [
            number(BLOB_OFFSET),
            number(BLOB_SIZE),
            self.size,
            self.largest.width.to_le_bytes(),
            self.largest.height.to_le_bytes(),
            [link, 0, 0, 0],
        ];
        let mut fields = [0; FIELDS];
        let bytes = all.iter().flatten();
        fields
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        fields
    }
}

#[cfg(test)]
mod tests;
