// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vGPU's display, for whoever shows it to somebody.

use super::Vgpu;
use crate::address::Gfn;
use crate::device::Device;
use crate::display::picture::{Canvas, Frame};
use crate::display::plane::Plane;
use crate::display::Resolution;
use crate::guest::World;
use crate::schedule::time::Time;
use core::ops::Range;
use kernel::prelude::*;

impl Vgpu {
    /// When [`tick`](Self::tick) is to be called. It may have changed after each call that takes a
    /// [`World`]. `None`: nothing happens by itself.
    ///
    /// However many pipes a guest switches on, and whatever it writes into their registers, there are no
    /// more than 240 such moments in a second.
    pub fn alarm(&self) -> Option<Time> {
        self.mmio.alarm()
    }

    /// Time has passed: vertical blanks come, and flips are done. To be called at or after the
    /// [`alarm`](Self::alarm); calling it at another time does nothing.
    pub fn tick(&mut self, world: &mut World<'_>) {
        self.mmio.tick(world, &mut self.fences);
        self.deliver(world);
    }

    /// The resolution that its monitor prefers.
    pub fn resolution(&self) -> Resolution {
        self.mmio.display().monitor.preferred()
    }

    /// The resolution that its monitor shall prefer. To be called while nobody has it open.
    ///
    /// # Errors
    ///
    /// `EINVAL` its type has no such resolution.
    pub fn set_resolution(&mut self, resolution: Resolution) -> Result {
        let _ = resolution;
        Err(EINVAL)
    }

    /// The largest resolution that its monitor can have: as large as the type's in both directions.
    pub fn largest_resolution(&self) -> Resolution {
        let (width, height) = self.kind.resolution;
        Resolution { width, height }
    }

    /// What is on its screen; `None` if there is no picture: the display is off.
    pub fn frame(&self, device: &Device) -> Option<Frame> {
        let _ = device;
        None
    }

    /// Draws some rows of a frame: planes above others, rows that nothing is in black. Reads the guest's
    /// memory, and so may sleep; what can't be read is black.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn draw(
        &mut self,
        world: &mut World<'_>,
        frame: &Frame,
        rows: Range<u32>,
        canvas: &mut dyn Canvas,
    ) -> Result {
        let _ = (world, frame, rows, canvas);
        Ok(())
    }

    /// The guest's pages that a plane's surface is in, in their order.
    ///
    /// # Errors
    ///
    /// `EFAULT` not all of it is mapped; `ENOMEM`.
    pub fn pages(&self, plane: &Plane) -> Result<KVVec<Gfn>> {
        let _ = plane;
        Err(EFAULT)
    }

    /// The pixel of the cursor that points, counted from its left and upper sides; `None` if the guest has
    /// told none, or one outside of a cursor of that size.
    pub fn hot_spot(&self, cursor: Resolution) -> Option<(u32, u32)> {
        let _ = cursor;
        None
    }
}
