// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What is on a vGPU's screen, as clients ask for it.

use super::{
    dmabuf,
    picture::{self, Brush, Picture},
    regions,
    settings::Way,
    VgpuDevice,
};
use crate::{c, uapi};
use kernel::{
    prelude::*,
    sync::{new_mutex, Mutex},
    uaccess::{UserPtr, UserSlice},
};
use kvmgt_core::display::{fourcc, picture::Frame, plane::Tiling, Resolution};

/// Bytes of `struct vfio_device_gfx_plane_info` that clients of every age have.
const PLANE_INFO_SIZE: usize = 60;

/// Rows that are drawn at once. In between the vGPU's lock is free for its virtual CPUs.
const SLICE: usize = 64;

/// What a vGPU's screen has beside the core.
#[pin_data]
pub(super) struct Screen {
    /// What it is drawn into for clients.
    #[pin]
    pub(super) picture: Picture,
    /// Held while the picture is drawn. A client can have that take for ever, so that nobody but
    /// its other threads that want a picture waits for it.
    #[pin]
    drawing: Mutex<()>,
}

impl Screen {
    /// One with room for pictures of up to that size.
    pub(super) fn new(largest: Resolution) -> impl PinInit<Self> {
        pin_init!(Self {
            picture <- Picture::new(largest),
            drawing <- new_mutex!((), "kvmgt::drawing"),
        })
    }
}

/// Where a client finds what it asked for.
pub(super) struct Shown {
    /// What the pixels are, as `DRM_FORMAT_…`.
    pub(super) fourcc: u32,
    /// How they lie in memory, as `DRM_FORMAT_MOD_…`.
    pub(super) modifier: u64,
    pub(super) size: Resolution,
    pub(super) stride: u32,
    /// Bytes of it, in whole pages.
    pub(super) bytes: u32,
    /// Where it is on the screen, which may be outside.
    pub(super) position: (i32, i32),
    /// The pixel of a cursor that points.
    pub(super) hot_spot: Option<(u32, u32)>,
    /// The index of its region, or the number of its dma-buf.
    pub(super) place: u32,
}

impl Shown {
    /// There is nothing to show.
    const NOTHING: Self = Self {
        fourcc: 0,
        modifier: 0,
        size: Resolution {
            width: 0,
            height: 0,
        },
        stride: 0,
        bytes: 0,
        position: (0, 0),
        hot_spot: None,
        place: 0,
    };
}

impl VgpuDevice<'_> {
    /// Says which ways to a picture there are, or shows one.
    ///
    /// # Errors
    ///
    /// `EINVAL` it is not the way that was chosen, or no such plane; `EFAULT`; `ENOMEM`; `ENODEV`
    /// the vGPU was taken away.
    pub(super) fn query_plane(&self, argument: UserPtr) -> Result {
        let (mut from, mut to) = UserSlice::new(argument, PLANE_INFO_SIZE).reader_writer();
        let (argsz, flags, plane): (u32, u32, u32) = (from.read()?, from.read()?, from.read()?);
        if (argsz as usize) < PLANE_INFO_SIZE {
            return Err(EINVAL);
        }
        let way = self.settings.way();
        let chosen = match way {
            Way::Region => uapi::VFIO_GFX_PLANE_TYPE_REGION,
            Way::DmaBuf => uapi::VFIO_GFX_PLANE_TYPE_DMABUF,
        };
        if flags == chosen | uapi::VFIO_GFX_PLANE_TYPE_PROBE {
            return Ok(());
        }
        if flags != chosen {
            return Err(EINVAL);
        }
        let shown = match (way, plane) {
            (Way::Region, uapi::DRM_PLANE_TYPE_OVERLAY | uapi::DRM_PLANE_TYPE_PRIMARY) => {
                self.draw()?
            }
            // It is in the picture already.
            (Way::Region, uapi::DRM_PLANE_TYPE_CURSOR) => None,
            (Way::DmaBuf, uapi::DRM_PLANE_TYPE_PRIMARY) => self.offer(dmabuf::Choice::Primary)?,
            (Way::DmaBuf, uapi::DRM_PLANE_TYPE_CURSOR) => self.offer(dmabuf::Choice::Cursor)?,
            _ => return Err(EINVAL),
        };
        let shown = shown.unwrap_or(Shown::NOTHING);
        let (x, y) = shown.position;
        let (hot_x, hot_y) = shown
            .hot_spot
            .unwrap_or((uapi::NO_HOT_SPOT, uapi::NO_HOT_SPOT));
        to.write(&[argsz, flags, plane, shown.fourcc])?;
        to.write(&shown.modifier)?;
        to.write(&[
            shown.size.width,
            shown.size.height,
            shown.stride,
            shown.bytes,
            x as u32,
            y as u32,
            hot_x,
            hot_y,
            shown.place,
        ])
    }

    /// Draws the picture into its region. `None`: there is none.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `ENODEV` the vGPU was taken away; `EINTR` nobody waits for it.
    fn draw(&self) -> Result<Option<Shown>> {
        let picture = &self.screen.picture;
        let _drawing = self.screen.drawing.lock();
        let frame = self.with(|vgpu, world| Ok(vgpu.frame(world.device)))?;
        let Some(frame) = frame.filter(|frame| picture.has_room(frame.size)) else {
            return Ok(None);
        };
        picture.prepare()?;
        self.draw_frame(&frame)?;
        let size = frame.size;
        Ok(Some(Shown {
            fourcc: fourcc::XRGB8888,
            modifier: Tiling::Linear.modifier(),
            size,
            stride: picture::stride(size),
            bytes: picture::bytes(size),
            place: regions::PICTURE,
            ..Shown::NOTHING
        }))
    }

    fn draw_frame(&self, frame: &Frame) -> Result {
        let size = frame.size;
        let mut brush = Brush {
            picture: &self.screen.picture,
            size,
        };
        for top in (0..size.height).step_by(SLICE) {
            let bottom = top.saturating_add(SLICE as u32).min(size.height);
            self.with(|vgpu, world| vgpu.draw(world, frame, top..bottom, &mut brush))?;
            if c::must_die() {
                return Err(EINTR);
            }
        }
        Ok(())
    }
}
