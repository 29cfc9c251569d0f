// SPDX-License-Identifier: GPL-2.0 OR MIT
//! One connection, shared by the session and by whoever reads client memory over it.
//!
//! Commands and the replies to our own DMA messages come through one socket. Whoever needs a
//! message and finds nobody reading, reads: replies go to the thread that waits for them,
//! commands that arrive meanwhile are kept, in order, for the session. So a device may read client
//! memory from inside a register access, or from a thread of its own, and no thread is needed
//! only to sort messages.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::dma::PeerMemory;
use crate::message::{parse_dma_reply, Message, Outgoing};
use crate::protocol::{Command, FLAG_ERROR, MAX_TRANSFER};
use crate::receiver::Receiver;
use crate::stream::{StreamError, Transport};

/// How long a client may take to answer a DMA message.
pub const DMA_TIMEOUT: Duration = Duration::from_secs(5);

/// Most commands kept while the device waits for client memory.
const MAX_BACKLOG: usize = 4096;

/// Most payload bytes of those commands.
const MAX_BACKLOG_BYTES: usize = 4 << 20;

/// Most descriptors that came with those commands.
const MAX_BACKLOG_FDS: usize = 64;

/// Upper bound of a wait whose wake-up might have been missed.
const RECHECK: Duration = Duration::from_millis(20);

/// A connection to a client.
#[derive(Debug)]
pub struct Channel<T> {
    transport: T,
    inbox: Mutex<Inbox>,
    sending: Mutex<()>,
    calls: Mutex<Calls>,
    answered: Condvar,
    /// Threads in [`Channel::call`], so that a register access need not notify anybody.
    callers: AtomicUsize,
    /// The thread that asks for commands: whoever else reads one leaves it to that.
    session: OnceLock<ThreadId>,
    /// Most bytes that the client takes or gives in one message.
    max_transfer: AtomicUsize,
    /// The client left a DMA message unanswered: no more are sent, or each would cost the wait.
    unanswered: AtomicBool,
}

#[derive(Debug, Default)]
struct Inbox {
    receiver: Receiver,
    backlog: VecDeque<Message>,
    backlog_bytes: usize,
    backlog_fds: usize,
    ended: Option<StreamError>,
}

/// Our own commands that wait for an answer.
#[derive(Debug, Default)]
struct Calls {
    last: u16,
    waiting: BTreeMap<u16, Call>,
}

#[derive(Debug)]
struct Call {
    command: Command,
    answer: Option<Result<Vec<u8>, Errno>>,
}

impl<T: Transport> Channel<T> {
    /// A channel over a connected transport.
    pub fn new(transport: T) -> Self {
        Self {
            transport,
            inbox: Mutex::default(),
            sending: Mutex::default(),
            calls: Mutex::default(),
            answered: Condvar::new(),
            callers: AtomicUsize::new(0),
            session: OnceLock::new(),
            max_transfer: AtomicUsize::new(MAX_TRANSFER),
            unanswered: AtomicBool::new(false),
        }
    }

    /// The transport.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// Sets how many bytes the client takes in one message.
    pub fn set_max_transfer(&self, bytes: usize) {
        self.max_transfer
            .store(bytes.min(MAX_TRANSFER), Ordering::Relaxed);
    }

    /// How many bytes the client takes in one message.
    pub fn max_transfer(&self) -> usize {
        self.max_transfer.load(Ordering::Relaxed)
    }

    /// Waits for the next message that is no reply.
    ///
    /// # Errors
    /// As [`Receiver::next`].
    pub fn next_command(
        &self,
        deadline: Option<Instant>,
        message: &mut Message,
    ) -> Result<(), StreamError> {
        self.session.get_or_init(|| thread::current().id());
        let mut inbox = lock(&self.inbox);
        let result = loop {
            if let Some(kept) = inbox.backlog.pop_front() {
                inbox.backlog_bytes -= kept.payload.len();
                inbox.backlog_fds -= kept.fds.len();
                *message = kept;
                break Ok(());
            }
            if let Some(error) = inbox.ended {
                break Err(error);
            }
            match inbox.receiver.next(&self.transport, deadline, message) {
                Ok(()) if message.header.is_reply() => self.deliver(message),
                other => break other,
            }
        };
        drop(inbox);
        self.wake_callers();
        result
    }

    /// Sends a message.
    ///
    /// # Errors
    /// Any error ends the connection.
    pub fn send(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), StreamError> {
        let _turn = lock(&self.sending);
        self.transport.send(bytes, fds)
    }

    /// Sends a command of our own and waits for its answer.
    fn call(&self, command: Command, build: impl FnOnce(&mut Outgoing)) -> Result<Vec<u8>, Errno> {
        if self.unanswered.load(Ordering::Relaxed) {
            return Err(Errno::TIMEDOUT);
        }
        let id = lock(&self.calls).begin(command)?;
        self.callers.fetch_add(1, Ordering::SeqCst);
        let mut message = Outgoing::default();
        message.command(id, command);
        build(&mut message);
        let result = match self.send(message.finish(), &[]) {
            Ok(()) => self.wait_for(id),
            Err(_) => Err(Errno::PIPE),
        };
        self.callers.fetch_sub(1, Ordering::SeqCst);
        lock(&self.calls).waiting.remove(&id);
        self.wake_callers();
        if matches!(result, Err(Errno::TIMEDOUT)) {
            tracing::warn!("the client does not answer DMA messages");
            self.unanswered.store(true, Ordering::Relaxed);
        }
        result
    }

    fn wait_for(&self, id: u16) -> Result<Vec<u8>, Errno> {
        let deadline = Instant::now() + DMA_TIMEOUT;
        let session = self.session.get();
        let is_session = session.is_none_or(|session| *session == thread::current().id());
        let mut message = Message::default();
        loop {
            let mut calls = lock(&self.calls);
            if let Some(answer) = calls.answer_of(id) {
                return answer;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Errno::TIMEDOUT);
            }
            let mut inbox = match self.inbox.try_lock() {
                Ok(inbox) => inbox,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    // Somebody else reads and will hand us the answer, or wake us when it stops.
                    drop(self.answered.wait_timeout(calls, left.min(RECHECK)));
                    continue;
                }
            };
            if !inbox.backlog.is_empty() && !is_session {
                // The client may wait for what it asked there before it answers us, and who reads
                // keeps the session from it.
                drop(inbox);
                drop(self.answered.wait_timeout(calls, left.min(RECHECK)));
                continue;
            }
            drop(calls);
            self.read_one(&mut inbox, deadline, &mut message)?;
            drop(inbox);
            self.wake_callers();
        }
    }

    /// Reads one message on behalf of all.
    fn read_one(
        &self,
        inbox: &mut Inbox,
        deadline: Instant,
        message: &mut Message,
    ) -> Result<(), Errno> {
        if inbox.ended.is_some() {
            return Err(Errno::PIPE);
        }
        match inbox
            .receiver
            .next(&self.transport, Some(deadline), message)
        {
            Ok(()) if message.header.is_reply() => self.deliver(message),
            Ok(()) => inbox.keep(std::mem::take(message)),
            Err(StreamError::TimedOut) => return Err(Errno::TIMEDOUT),
            Err(error) => inbox.ended = Some(error),
        }
        Ok(())
    }

    /// Hands a reply to the thread that waits for it; a reply that nobody asked for is dropped.
    fn deliver(&self, reply: &mut Message) {
        let mut calls = lock(&self.calls);
        let header = reply.header;
        let Some(call) = calls.waiting.get_mut(&header.id) else {
            tracing::debug!(id = header.id, "dropped a reply that nobody waits for");
            return;
        };
        call.answer = Some(
            if header.command != call.command as u16 || reply.oversized {
                Err(Errno::PROTO)
            } else if header.flags & FLAG_ERROR != 0 {
                Err(Errno::IO)
            } else {
                Ok(std::mem::take(&mut reply.payload))
            },
        );
        self.answered.notify_all();
    }

    fn wake_callers(&self) {
        if self.callers.load(Ordering::SeqCst) > 0 {
            drop(lock(&self.calls));
            self.answered.notify_all();
        }
    }
}

impl<T: Transport> PeerMemory for Channel<T> {
    fn read(&self, address: u64, data: &mut [u8]) -> Result<(), Errno> {
        let step = self.max_transfer().max(1);
        let mut at = address;
        for chunk in data.chunks_mut(step) {
            let count = chunk.len() as u64;
            let reply = self.call(Command::DmaRead, |message| {
                message.u64(at);
                message.u64(count);
            })?;
            let (got_address, got_count, bytes) = parse_dma_reply(&reply)?;
            if got_address != at || got_count != count || bytes.len() != chunk.len() {
                return Err(Errno::PROTO);
            }
            chunk.copy_from_slice(bytes);
            at = at.wrapping_add(count);
        }
        Ok(())
    }

    fn write(&self, address: u64, data: &[u8]) -> Result<(), Errno> {
        let step = self.max_transfer().max(1);
        let mut at = address;
        for chunk in data.chunks(step) {
            let count = chunk.len() as u64;
            self.call(Command::DmaWrite, |message| {
                message.u64(at);
                message.u64(count);
                message.data(chunk);
            })?;
            at = at.wrapping_add(count);
        }
        Ok(())
    }
}

impl Inbox {
    fn keep(&mut self, message: Message) {
        self.backlog_bytes += message.payload.len();
        self.backlog_fds += message.fds.len();
        self.backlog.push_back(message);
        if self.backlog.len() > MAX_BACKLOG
            || self.backlog_bytes > MAX_BACKLOG_BYTES
            || self.backlog_fds > MAX_BACKLOG_FDS
        {
            self.backlog.clear();
            self.backlog_bytes = 0;
            self.backlog_fds = 0;
            self.ended = Some(StreamError::Flooded);
        }
    }
}

impl Calls {
    fn begin(&mut self, command: Command) -> Result<u16, Errno> {
        if self.waiting.len() >= usize::from(u16::MAX) {
            return Err(Errno::BUSY);
        }
        loop {
            self.last = self.last.wrapping_add(1);
            if let std::collections::btree_map::Entry::Vacant(slot) = self.waiting.entry(self.last)
            {
                slot.insert(Call {
                    command,
                    answer: None,
                });
                return Ok(self.last);
            }
        }
    }

    fn answer_of(&mut self, id: u16) -> Option<Result<Vec<u8>, Errno>> {
        self.waiting.get_mut(&id)?.answer.take()
    }
}

/// Locks; a panic of another holder leaves these plain values usable.
fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "channel/tests.rs"]
mod tests;
