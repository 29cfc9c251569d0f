// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the audit leaves behind: commands that may reach the GPU, and what they mean for the vGPU.

use crate::address::{Gma, MmioOffset};
use crate::hardware::Pipe;
use core::fmt;
use kernel::prelude::*;

/// What commands stand in, where the guest has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The ring, counted from its head.
    Ring,
    /// The batch that runs in the middle of a context's restore (`INDIRECT_CTX`).
    IndirectContext(Gma),
    /// The batch that runs at the end of a context's restore (`BB_PER_CTX_PTR`).
    PerContext(Gma),
    /// A privileged batch, one that is fetched through the GGTT.
    Batch {
        /// Its first dword.
        address: Gma,
        /// Whether it returns to another batch.
        second: bool,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ring => f.write_str("the ring"),
            Self::IndirectContext(address) => write!(f, "the indirect context at {address}"),
            Self::PerContext(address) => write!(f, "the per-context batch at {address}"),
            Self::Batch {
                address,
                second: false,
            } => write!(f, "the batch at {address}"),
            Self::Batch {
                address,
                second: true,
            } => write!(f, "the second-level batch at {address}"),
        }
    }
}

/// A private copy of commands, audited and patched: this, and not what the guest has, is for the
/// GPU.
///
/// A batch ends with its last command; nothing that was not audited is in the copy.
#[derive(Debug)]
pub struct Stream {
    /// What it is a copy of.
    pub origin: Origin,
    /// The commands.
    pub dwords: KVVec<u32>,
}

/// A command that starts a batch. Whoever places the copies writes the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The stream that it is in, by its index in [`Verdict::streams`].
    pub stream: usize,
    /// The index of the dword that takes the lower half of the address; the next takes the upper.
    pub dword: usize,
    /// The stream that is started, by its index.
    pub target: usize,
}

/// What is emulated because of a command; the GPU does not see it, or sees it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A plane shows another surface. The GPU does not see the command.
    Flip(Flip),
    /// The engine's head is reported to the status page. The GPU does not see the command.
    ReportHead {
        /// Dwords of the ring, from its head on, that are behind the engine by then.
        dwords: usize,
    },
    /// A register is loaded that is switched between owners of the engine from what the mediator
    /// remembers. The GPU sees the command too.
    Loaded {
        /// The register.
        register: MmioOffset,
        /// Its value from then on.
        value: u32,
    },
}

/// What `MI_DISPLAY_FLIP` asks for; nothing of it has been checked but the plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flip {
    /// The pipe.
    pub pipe: Pipe,
    /// The plane: 0 is the primary one, the others are sprites.
    pub plane: u32,
    /// The surface's stride, in the unit of the plane's register.
    pub stride: u32,
    /// The surface's tiling, in the coding of the command.
    pub tiling: u32,
    /// The surface.
    pub surface: Gma,
    /// Whether it does not wait for the vertical blank.
    pub asynchronous: bool,
}

/// Commands that break no rule.
#[derive(Debug)]
pub struct Verdict {
    /// The copies: the ring first.
    pub streams: KVec<Stream>,
    /// Commands in them whose address must be written.
    pub links: KVVec<Link>,
    /// What must be emulated, in the order of the streams; what the GPU would skip is there too.
    pub effects: KVVec<Effect>,
    /// Whether a user interrupt is due when all is done.
    pub user_interrupt: bool,
    /// Whether a notify interrupt (of `PIPE_CONTROL` or `MI_FLUSH_DW`) is due when all is done.
    pub notify: bool,
    /// How many commands were audited.
    pub commands: u32,
}

impl Verdict {
    /// How many dwords the copies have.
    pub fn dwords(&self) -> usize {
        let sizes = self.streams.iter().map(|stream| stream.dwords.len());
        sizes.fold(0, usize::saturating_add)
    }

    /// Writes into each command that starts a batch where the copy of that batch will be: stream
    /// number *n* at `places[n]`.
    ///
    /// Until then such a command holds no address.
    ///
    /// # Errors
    ///
    /// `EINVAL` a place is missing, or beyond the GGTT; some commands may have been written.
    pub fn link(&mut self, places: &[Gma]) -> Result {
        for link in &self.links {
            let place = places.get(link.target).ok_or(EINVAL)?;
            let low = u32::try_from(place.0).map_err(|_| EINVAL)?;
            let stream = self.streams.get_mut(link.stream).ok_or(EINVAL)?;
            *stream.dwords.get_mut(link.dword).ok_or(EINVAL)? = low;
        }
        Ok(())
    }
}
