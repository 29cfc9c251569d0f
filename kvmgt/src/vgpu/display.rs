// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vGPU's display, for whoever shows it to somebody.

use super::memory::GgttMemory;
use super::Vgpu;
use crate::address::{Gfn, Gma, PAGE_SHIFT, PAGE_SIZE};
use crate::device::Device;
use crate::display::picture::{Canvas, Frame};
use crate::display::plane::Plane;
use crate::display::{monitor, Resolution};
use crate::guest::World;
use crate::pvinfo;
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
        self.mmio.display_mut().monitor.prefer(resolution)
    }

    /// The largest resolution that its monitor can have: as large as the type's in both directions.
    pub fn largest_resolution(&self) -> Resolution {
        let (width, height) = self.kind.resolution;
        Resolution { width, height }
    }

    /// What is on its screen; `None` if there is no picture: the display is off.
    pub fn frame(&self, device: &Device) -> Option<Frame> {
        let platform = device.model().platform;
        Frame::new(
            self.mmio.registers(),
            platform,
            monitor::port(platform),
            self.largest_resolution(),
        )
    }

    /// Draws some rows of a frame: planes above others, rows that nothing is in black. Reads the guest's
    /// memory, and so may sleep; what can't be read is black. Rows that the frame does not have are left
    /// out.
    ///
    /// # Errors
    ///
    /// `EINVAL` its monitor can't show as much; `ENOMEM`.
    pub fn draw(
        &mut self,
        world: &mut World<'_>,
        frame: &Frame,
        rows: Range<u32>,
        canvas: &mut dyn Canvas,
    ) -> Result {
        let largest = self.largest_resolution();
        if frame.size.width > largest.width || frame.size.height > largest.height {
            return Err(EINVAL);
        }
        let palette = frame.palette(self.mmio.registers())?;
        let mut memory = GgttMemory {
            ggtt: &self.ggtt,
            memory: &mut *world.memory,
        };
        frame.draw(&mut memory, &palette, rows, canvas)
    }

    /// The guest's pages that a plane's surface is in, in their order.
    ///
    /// # Errors
    ///
    /// `EINVAL` the plane does not show the surface from its first pixel on, so there is no saying where
    /// that ends; or it has no rows, or does not begin with a page. `EFAULT` not all of it is the vGPU's
    /// own and mapped. `ENOMEM`.
    pub fn pages(&self, plane: &Plane) -> Result<KVVec<Gfn>> {
        let Gma(start) = plane.surface;
        if plane.source != (0, 0) || start & (PAGE_SIZE - 1) != 0 {
            return Err(EINVAL);
        }
        let size = plane.bytes().filter(|size| *size != 0).ok_or(EINVAL)?;
        let end = start.checked_add(size).ok_or(EFAULT)?;
        // This also limits how many pages there are.
        let is_inside = |part: Range<u64>| part.start <= start && end <= part.end;
        if !is_inside(self.ggtt.aperture()) && !is_inside(self.ggtt.high()) {
            return Err(EFAULT);
        }
        let count = usize::try_from(size >> PAGE_SHIFT)?;
        let mut pages = KVVec::with_capacity(count, GFP_KERNEL)?;
        for page in (start..end).step_by(PAGE_SIZE as usize) {
            let gfn = self.ggtt.gfn(Gma(page)).ok_or(EFAULT)?;
            pages.push(gfn, GFP_KERNEL)?;
        }
        Ok(pages)
    }

    /// The pixel of the cursor that points, counted from its left and upper sides; `None` if the guest has
    /// told none, or one outside of a cursor of that size.
    pub fn hot_spot(&self, cursor: Resolution) -> Option<(u32, u32)> {
        let (x, y) = pvinfo::hot_spot(self.mmio.registers())?;
        (x < cursor.width && y < cursor.height).then_some((x, y))
    }
}
