// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A virtual GPU: what a VM finds on its bus.
//!
//! All of its functions take `&mut self`: whoever brings it to a VM has a lock around it. They may
//! sleep. What surrounds it comes with each call, as a [`World`].

use crate::address::MmioOffset;
use crate::config_space::ConfigSpace;
use crate::device::Device;
use crate::engines::Engines;
use crate::fences::Fences;
use crate::gtt::ggtt::Ggtt;
use crate::gtt::pins::Pins;
use crate::gtt::ppgtt::Ppgtt;
use crate::guest::{Event, World};
use crate::hardware::Engine;
use crate::host::Host;
use crate::mmio::{hotplug, Mmio, Reach};
use crate::opregion::{self, swsci};
use crate::schedule::Weight;
use core::ops::Range;
use kernel::prelude::*;

mod display;
mod finish;
pub mod kind;
mod memory;
mod run;
pub mod shares;
mod submit;

use kind::Kind;
use shares::{Refusal, Resource, VgpuId};

/// The parts of a vGPU that a client of VFIO reads and writes, but for the aperture, which is
/// memory: see [`Vgpu::aperture`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// Configuration space, [`crate::config_space::SIZE`] bytes.
    Config,
    /// BAR 0: registers and the GGTT, [`Vgpu::bar0_size`] bytes.
    Bar0,
    /// The OpRegion, [`crate::opregion::SIZE`] bytes, which can only be read.
    OpRegion,
    /// The EDID of the monitor, as VFIO has it (`struct vfio_region_gfx_edid`),
    /// [`crate::display::monitor::REGION_SIZE`] bytes.
    Edid,
}

/// A vGPU.
pub struct Vgpu {
    id: VgpuId,
    kind: &'static Kind,
    config: ConfigSpace,
    mmio: Mmio,
    ggtt: Ggtt,
    fences: Fences,
    pins: Pins,
    /// Made when a guest first has use for it.
    ppgtt: Option<Ppgtt>,
    engines: Engines,
}

impl Vgpu {
    /// A vGPU of a type, whose share was taken, that nobody has opened: in the state of reset.
    ///
    /// # Errors
    ///
    /// What the host half said (`ENOSPC`: its GGTT or its fences are in use otherwise), `ENOMEM`.
    /// Nothing is held then.
    pub fn new(
        device: &Device,
        host: &dyn Host,
        id: VgpuId,
        kind: &'static Kind,
    ) -> Result<Self, Refusal> {
        let config = ConfigSpace::new(device)?;
        let mmio = Mmio::new(id, kind)?;
        let engines = Engines::new()?;
        let ggtt = Ggtt::new(device, host, kind)?;
        let fences = match Fences::new(host, kind.fences) {
            Ok(fences) => fences,
            Err(error) => {
                ggtt.destroy(host);
                return Err(kind.refused(Resource::Fences, error));
            }
        };
        let mut vgpu = Self {
            id,
            kind,
            config,
            mmio,
            ggtt,
            fences,
            pins: Pins::new(),
            ppgtt: None,
            engines,
        };
        vgpu.restart(device);
        Ok(vgpu)
    }

    /// Gives everything back to the host half. It is closed.
    pub fn destroy(self, host: &dyn Host) {
        self.fences.destroy(host);
        self.ggtt.destroy(host);
    }

    /// Which one it is.
    pub fn id(&self) -> VgpuId {
        self.id
    }

    /// Its type.
    pub fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// Bytes of BAR 0.
    pub fn bar0_size(&self) -> u64 {
        self.config.bar0_size()
    }

    /// Bytes of BAR 2: the aperture of the whole GPU.
    pub fn bar2_size(&self) -> u64 {
        self.config.bar2_size()
    }

    /// The part of BAR 2 that is its own, in bytes from the start of BAR 2; both ends are at page
    /// boundaries. It is the aperture of the host, at the same offset, and all that clients may
    /// reach of it.
    pub fn aperture(&self) -> Range<u64> {
        self.ggtt.aperture()
    }

    /// Somebody opens it. It is as after reset.
    ///
    /// # Errors
    ///
    /// `EBUSY` it is open.
    pub fn open(&mut self, world: &mut World<'_>) -> Result {
        self.mmio.display_mut().monitor.renew();
        self.reset(world);
        let weight = Weight::new(self.kind.weight).ok_or(EINVAL)?;
        world.turns.join(self.id, weight)?;
        self.engines.joined = true;
        Ok(())
    }

    /// Whoever had it open lets go: nothing of the VM stays mapped or pinned, nothing of it can be
    /// read by the next one, and nothing of it is executed.
    pub fn close(&mut self, world: &mut World<'_>) {
        self.mmio.display_mut().monitor.renew();
        self.reset(world);
        if core::mem::take(&mut self.engines.joined) {
            world.turns.leave(self.id);
        }
    }

    /// Resets it, as `VFIO_DEVICE_RESET` and a function-level reset do. Waits until nothing of it is
    /// executed.
    pub fn reset(&mut self, world: &mut World<'_>) {
        self.stop(world);
        self.drop_memory(world);
        self.fences.clear(world);
        self.restart(world.device);
    }

    /// Reads `data.len()` bytes at `offset` of a region.
    ///
    /// # Errors
    ///
    /// `EINVAL` not inside the region, or not a size that it takes.
    pub fn read(
        &mut self,
        world: &mut World<'_>,
        region: Region,
        offset: u64,
        data: &mut [u8],
    ) -> Result {
        match region {
            Region::Config => self.config.read(offset, data),
            Region::OpRegion => opregion::read(world.device.model().platform, offset, data),
            Region::Edid => self.mmio.display().monitor.read_region(offset, data),
            Region::Bar0 => {
                let (mmio, mut reach) = self.parts();
                mmio.read(world, &mut reach, offset, data)?;
                self.deliver(world);
                Ok(())
            }
        }
    }

    /// Writes `data` at `offset` of a region.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn write(
        &mut self,
        world: &mut World<'_>,
        region: Region,
        offset: u64,
        data: &[u8],
    ) -> Result {
        match region {
            Region::Config => self.write_config(world, offset, data),
            Region::OpRegion => Err(EINVAL),
            Region::Edid => self.write_edid(world, offset, data),
            Region::Bar0 => {
                let (mmio, mut reach) = self.parts();
                mmio.write(world, &mut reach, offset, data)?;
                if self.mmio.has_requests() {
                    for request in self.mmio.requests() {
                        self.follow(world, request);
                    }
                }
                self.deliver(world);
                Ok(())
            }
        }
    }

    /// What a register holds, without what reading it does: for whoever looks from outside.
    pub fn peek(&self, offset: MmioOffset) -> u32 {
        self.mmio.peek(offset)
    }

    fn write_config(&mut self, world: &mut World<'_>, offset: u64, data: &[u8]) -> Result {
        let before = self.config.swsci();
        self.config.write(offset, data)?;
        if swsci::asks(before, self.config.swsci()) {
            if let Some(opregion) = self.config.opregion() {
                // A guest that has its OpRegion nowhere gets no answer.
                let _ = swsci::answer(world.memory, opregion);
            }
        }
        Ok(())
    }

    /// Writes the region of the monitor's EDID.
    fn write_edid(&mut self, world: &mut World<'_>, offset: u64, data: &[u8]) -> Result {
        let monitor = &mut self.mmio.display_mut().monitor;
        if let Some(is_connected) = monitor.write_region(offset, data)? {
            self.mmio.with_display(world, &mut self.fences, |context| {
                hotplug::plug(context, is_connected);
            });
            self.deliver(world);
        }
        Ok(())
    }

    /// The state of reset, for all that is not the host's.
    fn restart(&mut self, device: &Device) {
        // A guest that put the device to sleep is still there when it wakes it up, and does not
        // look for PVINFO again.
        let aware = self.config.entered_d3() && self.mmio.is_aware();
        self.config.reset(device);
        self.mmio.reset(device, self.kind, &self.ggtt);
        self.mmio.set_aware(aware);
        for engine in Engine::ALL {
            if device.engine(engine).is_some() {
                self.show_reset(engine);
            }
        }
    }

    fn parts(&mut self) -> (&mut Mmio, Reach<'_>) {
        let reach = Reach {
            ggtt: &mut self.ggtt,
            fences: &mut self.fences,
            pins: &mut self.pins,
        };
        (&mut self.mmio, reach)
    }

    /// Sends the message that an access has caused, if the guest wants messages.
    fn deliver(&mut self, world: &mut World<'_>) {
        if !self.mmio.take_interrupt() {
            return;
        }
        if let Some((address, data)) = self.config.msi_message() {
            world.guest.note(Event::Msi { address, data });
            world.guest.send_msi();
        }
    }
}

#[cfg(test)]
mod tests;
