// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What an engine of a vGPU has to do.
//!
//! It holds what an engine holds: two lists of two contexts, and what goes on with a new tail. That
//! is five workloads at most, and no memory is allocated.
//!
//! The host half has one workload of it at a time, called by a [`Ticket`]. A reset does not wait
//! for that: it is cancelled, and nothing is started until the host half has let go of it, since
//! both would use the same context there.

use super::{Done, Saved, Workload};
use crate::execlist::port::Port;
use crate::execlist::{Events, Execlist, RawDescriptor, Refused, Request};

/// A workload that the host half has; the numbers of one queue do not repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// What the host half has.
#[derive(Clone, Copy, Debug)]
struct Out {
    ticket: Ticket,
    /// Whether the guest has forgotten it meanwhile.
    is_cancelled: bool,
}

/// The submissions to one engine of a vGPU.
#[derive(Debug, Default)]
pub struct Queue {
    port: Port,
    execlist: Execlist<Workload>,
    out: Option<Out>,
    /// Whether the engine hangs, as the guest sees it.
    hangs: bool,
    last_ticket: u64,
}

impl Queue {
    /// An engine after reset.
    pub fn new() -> Self {
        Self::default()
    }

    /// The guest writes a dword to the submit port; the fourth one makes a submission of them.
    ///
    /// It is to be checked ([`Request::check`]), the images of its contexts are to be read, and
    /// then it is [`submit`](Self::submit)ted.
    pub fn write_port(&mut self, value: u32) -> Option<[RawDescriptor; 2]> {
        self.port.write(value)
    }

    /// Takes a submission. An engine that hangs takes no notice.
    ///
    /// # Errors
    ///
    /// The one before it has not been taken yet. Nothing has changed then.
    pub fn submit(&mut self, request: Request<Workload>) -> Result<Events, Refused> {
        match self.hangs {
            true => Ok(Events::NONE),
            false => self.execlist.submit(request),
        }
    }

    /// The workload that can be started now. Its commands are to be audited before.
    pub fn next(&self) -> Option<&Workload> {
        match (self.out, self.hangs) {
            (None, false) => self.execlist.next(),
            _ => None,
        }
    }

    /// Whether there is work besides what the host half has.
    pub fn has_more(&self) -> bool {
        !self.hangs && self.execlist.has_waiting()
    }

    /// Starts it: it goes to the host half.
    pub fn start(&mut self) -> Option<(Ticket, &mut Workload)> {
        self.next()?;
        let workload = self.execlist.start()?;
        self.last_ticket = self.last_ticket.wrapping_add(1);
        let ticket = Ticket(self.last_ticket);
        self.out = Some(Out {
            ticket,
            is_cancelled: false,
        });
        Some((ticket, workload))
    }

    /// Whether the guest has forgotten a workload that the host half has.
    pub fn is_cancelled(&self, ticket: Ticket) -> bool {
        self.out
            .is_none_or(|out| out.ticket != ticket || out.is_cancelled)
    }

    /// The host half has executed a workload. `None` if the guest has forgotten it meanwhile: it
    /// sees nothing of it.
    pub fn complete(&mut self, ticket: Ticket, saved: Saved) -> Option<Done> {
        if !self.take_back(ticket) {
            return None;
        }
        let (workload, events) = self.execlist.complete()?;
        let lrca = workload.descriptor.lrca();
        for waiting in self.execlist.waiting() {
            if waiting.descriptor.lrca() == lrca {
                waiting.saved(saved);
            }
        }
        Some(Done {
            writes: workload.write_back(saved),
            events,
            raises: workload.raises,
        })
    }

    /// The host half has not executed a workload, or not all of it: it hung, or was killed. Unless
    /// the guest has forgotten it meanwhile, the engine hangs from now on; says whether it does
    /// because of this.
    pub fn fail(&mut self, ticket: Ticket) -> bool {
        let counts = self.take_back(ticket);
        if counts {
            self.hangs = true;
        }
        counts
    }

    /// The engine hangs from now on, as the guest sees it: its commands were refused, or its vGPU
    /// is failsafe. Nothing of the guest is started until a reset.
    ///
    /// What is returned is to be killed.
    pub fn hang(&mut self) -> Option<Ticket> {
        self.hangs = true;
        self.cancel()
    }

    /// Whether the engine hangs, as the guest sees it.
    pub fn hangs(&self) -> bool {
        self.hangs
    }

    /// Forgets all: the guest resets the engine. Waits for nothing.
    ///
    /// What is returned is to be killed.
    pub fn reset(&mut self) -> Option<Ticket> {
        self.port.reset();
        self.execlist.reset();
        self.hangs = false;
        self.cancel()
    }

    /// EXECLIST_STATUS, lower and upper dword. An engine that hangs keeps showing what it hangs at.
    pub fn status(&self) -> [u32; 2] {
        self.execlist.status()
    }

    /// Cancels what the host half has; nothing if that is done already.
    fn cancel(&mut self) -> Option<Ticket> {
        let out = self.out.as_mut().filter(|out| !out.is_cancelled)?;
        out.is_cancelled = true;
        Some(out.ticket)
    }

    /// The host half lets go of a workload; says whether the guest still waits for it.
    fn take_back(&mut self, ticket: Ticket) -> bool {
        match self.out.take_if(|out| out.ticket == ticket) {
            Some(out) => !out.is_cancelled,
            None => false,
        }
    }
}
