// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The glue of kvmgt: attach to what the bus offers, and let go.
//!
//! It prints what kvmgt's kernel glue prints, by the same types of `kvmgt_core::message`.

use iface::client::{Direction, Events, Host, Offer, Outcome};
use iface::errno::ENOMEM as NO_MEMORY;
use kernel::error::code::{ENODEV, ENOMEM};
use kernel::error::Result;
use kernel::testing::{log, Level};
use kvmgt_core::device::Device;
use kvmgt_core::golden::FileError;
use kvmgt_core::message::{FileIgnored, FileUsed, Lacking, UnknownState};
use std::ffi::c_void;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

/// Something that happened to the GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The host is about to suspend.
    Suspend,
    /// The host has resumed.
    Resume,
    /// A context of the host's comes to an engine or has gone from it.
    HostContext(u32, Direction),
    /// A submission has ended: context, tag, outcome.
    Done(u64, u64, Outcome),
}

/// Keeps the events, in their order.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<Event>>);

impl Recorder {
    /// The events since this was last called.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, event: Event) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(event);
    }
}

impl Events for Recorder {
    fn suspend(&self) {
        self.note(Event::Suspend);
    }

    fn resume(&self) {
        self.note(Event::Resume);
    }

    fn host_context(&self, engine: u32, direction: Direction) {
        self.note(Event::HostContext(engine, direction));
    }

    fn submit_done(&self, context: u64, tag: u64, outcome: Outcome) {
        self.note(Event::Done(context, tag, outcome));
    }
}

/// A GPU that kvmgt has; dropping it lets go. `E` is who hears of what happens to it.
pub struct Attachment<'a, E = Recorder> {
    // In the order in which they have to go.
    device: Device,
    host: Host<'a>,
    events: Box<E>,
}

impl Attachment<'_> {
    /// [`attach_with`](Attachment::attach_with) a recorder of events.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Safety
    ///
    /// As there.
    pub unsafe fn attach(
        id: u32,
        platform_data: *const c_void,
        file: Option<&[u8]>,
    ) -> Result<Self> {
        // SAFETY: the caller's promise.
        unsafe { Self::attach_with(id, platform_data, file, Recorder::default()) }
    }
}

impl<'a, E: Events> Attachment<'a, E> {
    /// What kvmgt knows of the GPU.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The operations of the host half.
    pub fn host(&self) -> &Host<'a> {
        &self.host
    }

    /// Who hears of what happens to the GPU.
    pub fn events(&self) -> &E {
        &self.events
    }

    /// Checks the table that `platform_data` points to, and becomes its client. An error was printed
    /// as one line.
    ///
    /// `file` is what the administrator put in the place of the snapshot, if there is something.
    ///
    /// # Errors
    ///
    /// `ENODEV` if the table or the GPU can't be used, `ENOMEM`.
    ///
    /// # Safety
    ///
    /// As [`Offer::from_platform_data`]; what is returned is not leaked.
    pub unsafe fn attach_with(
        id: u32,
        platform_data: *const c_void,
        file: Option<&[u8]>,
        events: E,
    ) -> Result<Self> {
        let fail = |why: &dyn Display| print(Level::Err, id, why);
        // SAFETY: the caller's promise.
        let offer = unsafe { Offer::from_platform_data(platform_data) }.map_err(|refusal| {
            fail(&refusal);
            ENODEV
        })?;
        let events = Box::new(events);
        let (version, features) = (offer.version(), offer.features());
        // SAFETY: the box does not move its contents, and is dropped behind the host.
        let host = unsafe { offer.open(&raw const *events) }.map_err(|refusal| {
            fail(&refusal);
            match refusal.errno() {
                Some(errno) if errno.number() == NO_MEMORY => ENOMEM,
                _ => ENODEV,
            }
        })?;
        let mut device = Device::new(&host, version, features).map_err(|failure| {
            fail(&failure);
            failure.error()
        })?;
        if let Some(file) = file {
            let name = device.file_name();
            match device.use_file(file) {
                Ok(()) => print(Level::Info, id, &FileUsed(name)),
                Err(FileError::Failed(error)) => {
                    fail(&FileIgnored(name, FileError::Failed(error)));
                    return Err(error);
                }
                Err(bad) => fail(&FileIgnored(name, bad)),
            }
        }
        match device.golden().lacking() {
            0 => {}
            lacking => print(Level::Warn, id, &Lacking(lacking)),
        }
        for engine in device.unknown_states() {
            print(Level::Warn, id, &UnknownState(engine));
        }
        print(Level::Info, id, &device.attached());
        Ok(Attachment {
            device,
            host,
            events,
        })
    }
}

/// Prints a line about a device, as `dev_err` does.
fn print(level: Level, id: u32, line: &dyn Display) {
    log(level, &format!("kvmgt i915.gvt.{id}: {line}"));
}
