// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What root sets of a vGPU while nobody has it open: attributes in its folder `intel_vgpu`.
//!
//! They have a lock of their own, held for moments. Whoever reads or writes an attribute must not
//! wait for a client: the driver core waits for them when a vGPU is removed.

use super::VgpuDevice;
use core::fmt;
use kernel::{
    prelude::*,
    sync::{new_spinlock, SpinLock},
};
use kvmgt_core::{display::Resolution, vgpu::kind::Kind};

/// The way by which clients get at the picture on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A region of memory that the picture is drawn into.
    Region,
    /// The guest's own memory, as dma-bufs.
    DmaBuf,
}

impl Way {
    /// Reads what [`Display`](fmt::Display) writes.
    fn parse(text: &str) -> Result<Self> {
        [Self::Region, Self::DmaBuf]
            .into_iter()
            .find(|way| way.name() == text)
            .ok_or(EINVAL)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::DmaBuf => "dmabuf",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The settings of a vGPU.
#[pin_data]
pub(super) struct Settings {
    kind: &'static Kind,
    #[pin]
    values: SpinLock<Values>,
}

/// What the lock protects.
struct Values {
    /// What the monitor prefers when the vGPU is opened.
    resolution: Resolution,
    way: Way,
    /// They stay as they are.
    is_open: bool,
}

impl Settings {
    /// Those of a vGPU of a type, whose monitor prefers `resolution` by itself.
    pub(super) fn new(kind: &'static Kind, resolution: Resolution) -> impl PinInit<Self> {
        let values = Values {
            resolution,
            way: Way::Region,
            is_open: false,
        };
        pin_init!(Self {
            kind,
            values <- new_spinlock!(values, "kvmgt::settings"),
        })
    }

    /// The vGPU is opened: nothing changes until [`release`](Self::release). Returns the
    /// resolution.
    pub(super) fn freeze(&self) -> Resolution {
        let mut values = self.values.lock();
        values.is_open = true;
        values.resolution
    }

    /// The vGPU was closed.
    pub(super) fn release(&self) {
        self.values.lock().is_open = false;
    }

    /// How clients get at the picture.
    pub(super) fn way(&self) -> Way {
        self.values.lock().way
    }

    /// Changes something.
    fn change(&self, change: impl FnOnce(&mut Values)) -> Result {
        let mut values = self.values.lock();
        if values.is_open {
            return Err(EBUSY);
        }
        change(&mut values);
        Ok(())
    }
}

/// An attribute.
#[derive(Clone, Copy)]
pub(super) enum Attribute {
    /// `resolution`: what the monitor prefers.
    Resolution,
    /// `display`: how clients get at the picture.
    Display,
}

impl VgpuDevice<'_> {
    /// Writes the value of an attribute, and an end of line. Waits for no client.
    ///
    /// # Errors
    ///
    /// That of `out`.
    pub(super) fn show(&self, attribute: Attribute, out: &mut dyn fmt::Write) -> fmt::Result {
        // Without the lock, as formatting takes time.
        let values = self.settings.values.lock();
        let (resolution, way) = (values.resolution, values.way);
        drop(values);
        match attribute {
            Attribute::Resolution => writeln!(out, "{resolution}"),
            Attribute::Display => writeln!(out, "{way}"),
        }
    }

    /// Changes the value of an attribute to what was written, with or without an end of line. Waits
    /// for no client.
    ///
    /// # Errors
    ///
    /// `EBUSY` somebody has the vGPU open; `EINVAL` the attribute has no such value.
    pub(super) fn store(&self, attribute: Attribute, text: &[u8]) -> Result {
        let text = core::str::from_utf8(text).map_err(|_| EINVAL)?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let settings = &self.settings;
        match attribute {
            Attribute::Resolution => {
                let resolution = Resolution::parse(text)?;
                if !settings.kind.can_prefer(resolution) {
                    return Err(EINVAL);
                }
                settings.change(|values| values.resolution = resolution)
            }
            Attribute::Display => {
                let way = Way::parse(text)?;
                settings.change(|values| values.way = way)
            }
        }
    }
}
