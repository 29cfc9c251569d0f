// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A DRM device, its monitor and its planes.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use anyhow::{Context, Result};
use drm::control::{
    connector, crtc, plane, Device as _, Event, Mode, ModeTypeFlags, PageFlipFlags,
};
use drm::{ClientCapability, Device as _};

use crate::surface::Surface;

/// What a plane is for, as its property `type` says it (`include/drm/drm_plane.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Above the primary plane.
    Overlay = 0,
    /// Above all.
    Cursor = 2,
}

/// Base-2 logarithm of what coordinates in a surface are counted in.
const FRACTION: u32 = 16;

/// A device with a monitor.
pub struct Card {
    file: File,
    connector: connector::Info,
    crtc: crtc::Handle,
}

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl drm::Device for Card {}
impl drm::control::Device for Card {}

/// The device before anything is known of it.
struct Node<'a>(&'a File);

impl AsFd for Node<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl drm::Device for Node<'_> {}
impl drm::control::Device for Node<'_> {}

impl Card {
    /// Opens a device and finds its monitor.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::options().read(true).write(true).open(path);
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        let node = Node(&file);
        node.set_client_capability(ClientCapability::UniversalPlanes, true)?;
        let resources = node.resource_handles()?;
        let mut connectors = resources
            .connectors()
            .iter()
            .filter_map(|handle| node.get_connector(*handle, true).ok());
        let connector = connectors
            .find(|connector| connector.state() == connector::State::Connected)
            .context("no monitor is connected")?;
        let crtc = *resources.crtcs().first().context("there is no pipe")?;
        Ok(Self {
            file,
            connector,
            crtc,
        })
    }

    /// All modes of the monitor, the preferred one first.
    pub fn modes(&self) -> &[Mode] {
        self.connector.modes()
    }

    /// The mode that the monitor prefers.
    pub fn preferred_mode(&self) -> Option<Mode> {
        let is_preferred = |mode: &&Mode| mode.mode_type().contains(ModeTypeFlags::PREFERRED);
        self.modes().iter().find(is_preferred).copied()
    }

    /// The mode with the fewest pixels.
    pub fn smallest_mode(&self) -> Option<Mode> {
        let pixels = |mode: &&Mode| {
            let (width, height) = mode.size();
            u32::from(width) * u32::from(height)
        };
        self.modes().iter().min_by_key(pixels).copied()
    }

    /// Shows a surface in a mode.
    pub fn set(&self, mode: Mode, surface: &Surface) -> Result<()> {
        let connectors = [self.connector.handle()];
        self.set_crtc(
            self.crtc,
            Some(surface.number),
            (0, 0),
            &connectors,
            Some(mode),
        )
        .context("the kernel does not set the mode")
    }

    /// Shows nothing.
    pub fn off(&self) -> Result<()> {
        self.set_crtc(self.crtc, None, (0, 0), &[], None)
            .context("the kernel does not switch off")
    }

    /// Shows another surface from the next frame on, and waits for that.
    pub fn flip(&self, surface: &Surface) -> Result<()> {
        self.page_flip(self.crtc, surface.number, PageFlipFlags::EVENT, None)
            .context("the kernel does not flip")?;
        while !self
            .receive_events()?
            .any(|event| matches!(event, Event::PageFlip(_)))
        {}
        Ok(())
    }

    /// Lets a plane of that kind show all of a surface at a place of the screen.
    pub fn place(&self, role: Role, surface: &Surface, (x, y): (i32, i32)) -> Result<()> {
        let (width, height) = surface.size;
        let source = (0, 0, width << FRACTION, height << FRACTION);
        self.set_plane(
            self.plane(role)?,
            self.crtc,
            Some(surface.number),
            0,
            (x, y, width, height),
            source,
        )
        .with_context(|| format!("the kernel does not show the {role:?} plane"))
    }

    /// The first plane of that kind on the pipe.
    fn plane(&self, role: Role) -> Result<plane::Handle> {
        let resources = self.resource_handles()?;
        for handle in self.plane_handles()? {
            let pipes = self.get_plane(handle)?.possible_crtcs();
            if resources.filter_crtcs(pipes).contains(&self.crtc)
                && self.role(handle)? == Some(role as u64)
            {
                return Ok(handle);
            }
        }
        anyhow::bail!("there is no {role:?} plane")
    }

    /// What a plane says that it is for.
    fn role(&self, plane: plane::Handle) -> Result<Option<u64>> {
        for (property, value) in &self.get_properties(plane)? {
            if self.get_property(*property)?.name().to_bytes() == b"type" {
                return Ok(Some(*value));
            }
        }
        Ok(None)
    }
}
