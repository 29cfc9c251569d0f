// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vfio-user server that is fit for peers that send nonsense.
//!
//! vfio-user puts a PCI device into a process of its own: the client, a VMM such as QEMU (10.1 or
//! later), forwards the guest's accesses over a unix socket, shares guest memory by file descriptor
//! and takes interrupts by eventfd. The protocol is QEMU's `docs/interop/vfio-user.rst`.
//!
//! ```text
//!   server    listens, one client after the other
//!   session   what is allowed when; calls the Device      ── device, irq, version
//!   channel   one connection; commands and our DMA calls  ── dma (memory by descriptor)
//!   receiver  bytes to messages                            ── message, protocol
//!   stream    unix socket, descriptors, time limits
//! ```
//!
//! What a client may do, and what comes of it:
//! - A command that is wrong in any way is consumed whole and answered with its errno; the next
//!   one is read from the right place.
//! - A message that wants no reply gets none, not even for an error.
//! - Before VERSION nothing else is carried out, and VERSION only once.
//! - Accesses reach the device only if they are inside of a region and allowed there.
//! - Memory use has a bound: one message of [`protocol::MAX_MESSAGE`] bytes, a bounded backlog,
//!   [`protocol::MAX_DMA_WINDOWS`] windows, [`protocol::MAX_FDS`] descriptors a message.
//! - Only a size below that of the header, a stall of 10 seconds within a message, or a flood
//!   ends the connection from our side.
//! - When a client leaves, all its memory and descriptors go; the next client finds the device as
//!   it was.
//!
//! Left out: migration, ioeventfds for regions, twin sockets. They are refused or not offered, as
//! the protocol allows.
#![deny(unsafe_code)]

mod channel;
pub mod device;
pub mod dma;
pub mod fuzz;
pub mod irq;
pub mod message;
pub mod protocol;
mod receiver;
pub mod script;
pub mod server;
pub mod session;
pub mod stream;
pub mod toy;
mod version;

pub use device::{Bus, Device, Mappable, Region};
pub use dma::{DmaCause, DmaError, DmaWindow, GuestMemory};
pub use irq::{Interrupts, IrqIndex};
pub use rustix::io::Errno;
pub use server::{Server, Stopper};
pub use session::{Session, SessionEnd, SessionStats};
pub use stream::{StreamError, Transport, UnixTransport};
