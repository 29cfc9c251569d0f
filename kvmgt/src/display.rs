// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A guest's display: the monitor that it finds, the pipes that drive it, and the picture on it.
//!
//! | module | holds |
//! |---|---|
//! | `monitor` | the virtual monitor: whether it is there, and its EDID |
//! | `mode` | timings for a resolution |
//! | `edid` | EDIDs, generated and checked |
//! | `sink` | what answers at the end of a DisplayPort cable |
//! | `dpcd` | what a DisplayPort sink tells and takes |
//! | `i2c` | the bus by which it tells its EDID |
//! | `refresh` | how often a second a pipe shows a frame |
//! | `pipes` | frames, scan lines, vertical blanks and pending flips |
//! | `plane` | what of the guest's memory is shown where |
//! | `tiling`, `format`, `colour` | how that becomes plain pixels |
//! | `fourcc` | what DRM calls formats |
//! | `picture` | all of that in one picture of plain pixels |

use crate::device::Device;
use crate::mmio::registers::RegisterFile;
use crate::vgpu::kind::Kind;
use core::fmt;
use kernel::prelude::*;
use monitor::Monitor;
use pipes::Pipes;

mod colour;
pub(crate) mod dpcd;
pub(crate) mod edid;
mod format;
pub mod fourcc;
pub(crate) mod i2c;
pub(crate) mod mode;
pub mod monitor;
pub mod picture;
pub(crate) mod pipes;
pub mod plane;
pub(crate) mod refresh;
pub(crate) mod sink;
mod tiling;

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

impl Resolution {
    /// Reads what [`Display`](fmt::Display) writes: `1920x1200`.
    ///
    /// # Errors
    ///
    /// `EINVAL` it is none.
    pub fn parse(text: &str) -> Result<Self> {
        let (width, height) = text.split_once('x').ok_or(EINVAL)?;
        let number = |text: &str| text.parse().map_err(|_| EINVAL);
        Ok(Self {
            width: number(width)?,
            height: number(height)?,
        })
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// What of a vGPU's display is in no register.
pub(crate) struct Display {
    /// What the guest finds on its port.
    pub(crate) monitor: Monitor,
    /// What drives it.
    pub(crate) pipes: Pipes,
}

impl Display {
    /// That of a vGPU of a type, which nobody has open.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(kind: &Kind) -> Result<Self> {
        Ok(Self {
            monitor: Monitor::new(kind)?,
            pipes: Pipes::default(),
        })
    }

    /// The state of reset; the registers are. A monitor that is there stays, with its EDID.
    pub(crate) fn reset(&mut self, device: &Device, registers: &mut RegisterFile) {
        self.pipes.reset();
        self.monitor.reset(device, registers);
    }
}
