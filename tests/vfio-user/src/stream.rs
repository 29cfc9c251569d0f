// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Bytes and file descriptors over a unix socket, with time limits.

use std::io::IoSlice;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use std::time::Instant;

use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{
    recvmsg, sendmsg, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
};

use crate::protocol::MAX_FDS;

/// How long the peer may leave us unable to send.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Why nothing more comes from, or goes to, the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The peer closed the connection.
    #[error("the client closed the connection")]
    Closed,
    /// Nothing came before the deadline.
    #[error("the client was silent for too long")]
    TimedOut,
    /// The peer began a message and did not end it, or takes no replies.
    #[error("the client stalled in the middle of a message")]
    Stalled,
    /// A message states a size below that of its header: where the next begins is unknown.
    #[error("the client sent a message of {0} bytes, less than a header")]
    OutOfStep(u32),
    /// Commands pile up while the device waits for client memory.
    #[error("the client sent too many commands while the device waited for its memory")]
    Flooded,
    /// The socket failed.
    #[error("socket error: {0}")]
    Socket(#[from] Errno),
}

/// What one call of [`Transport::receive`] brought besides bytes.
#[derive(Debug, Default)]
pub struct Received {
    /// Number of bytes, at least one.
    pub bytes: usize,
    /// Descriptors, at most [`MAX_FDS`].
    pub fds: Vec<OwnedFd>,
    /// More descriptors were sent than fit.
    pub fds_lost: bool,
}

/// A stream of bytes that carries descriptors.
///
/// `receive` is called by one thread at a time, `send` too; the two run side by side.
pub trait Transport: Send + Sync {
    /// Waits for bytes; without a deadline for as long as it takes.
    ///
    /// # Errors
    /// [`StreamError::TimedOut`] after the deadline; anything else ends the connection.
    fn receive(
        &self,
        buffer: &mut [u8],
        deadline: Option<Instant>,
    ) -> Result<Received, StreamError>;

    /// Sends all of `bytes`, with the descriptors at the first of them.
    ///
    /// # Errors
    /// Any error ends the connection: part of the bytes may be gone.
    fn send(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), StreamError>;

    /// Ends the connection, also for a thread that waits in `receive`.
    fn shutdown(&self);
}

/// A connected unix stream socket.
#[derive(Debug)]
pub struct UnixTransport {
    stream: UnixStream,
}

impl UnixTransport {
    /// Takes a connected socket.
    ///
    /// # Errors
    /// That of setting the send time limit.
    pub fn new(stream: UnixStream) -> std::io::Result<Self> {
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(None)?;
        stream.set_write_timeout(Some(SEND_TIMEOUT))?;
        Ok(Self { stream })
    }
}

impl Transport for UnixTransport {
    fn receive(
        &self,
        buffer: &mut [u8],
        deadline: Option<Instant>,
    ) -> Result<Received, StreamError> {
        if let Some(deadline) = deadline {
            wait_readable(self.stream.as_fd(), deadline)?;
        }
        loop {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut slices = [IoSliceMut::new(buffer)];
            let flags = RecvFlags::CMSG_CLOEXEC;
            let result = match recvmsg(&self.stream, &mut slices, &mut control, flags) {
                Err(Errno::INTR) => continue,
                Err(Errno::CONNRESET) => return Err(StreamError::Closed),
                other => other?,
            };
            let mut received = Received {
                bytes: result.bytes,
                fds: Vec::new(),
                fds_lost: result.flags.contains(ReturnFlags::CTRUNC),
            };
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(fds) = message {
                    received.fds.extend(fds);
                }
            }
            // The space for control data is rounded up, so a few more may fit.
            if received.fds.len() > MAX_FDS {
                received.fds.truncate(MAX_FDS);
                received.fds_lost = true;
            }
            if received.bytes == 0 {
                return Err(StreamError::Closed);
            }
            return Ok(received);
        }
    }

    fn send(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<(), StreamError> {
        let mut rest = bytes;
        let mut fds = fds;
        while !rest.is_empty() {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
                return Err(StreamError::Socket(Errno::TOOMANYREFS));
            }
            let slices = [IoSlice::new(rest)];
            match sendmsg(&self.stream, &slices, &mut control, SendFlags::NOSIGNAL) {
                Ok(sent) => {
                    rest = rest.get(sent..).unwrap_or_default();
                    fds = &[];
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Err(StreamError::Stalled),
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(StreamError::Closed),
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    fn shutdown(&self) {
        // Fails only if the peer was faster.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn wait_readable(fd: BorrowedFd<'_>, deadline: Instant) -> Result<(), StreamError> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(|_| Errno::INVAL)?;
        let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) => return Err(StreamError::TimedOut),
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;

    use super::*;

    fn pair() -> (UnixTransport, UnixTransport) {
        let (a, b) = UnixStream::pair().unwrap();
        (
            UnixTransport::new(a).unwrap(),
            UnixTransport::new(b).unwrap(),
        )
    }

    #[test]
    fn receive_when_fds_sent_then_they_arrive() {
        let (a, b) = pair();
        let null = File::open("/dev/null").unwrap();

        a.send(b"abc", &[null.as_fd(), null.as_fd()]).unwrap();
        let mut buffer = [0; 16];
        let received = b.receive(&mut buffer, None).unwrap();

        assert_eq!(&buffer[..received.bytes], b"abc");
        assert_eq!(received.fds.len(), 2);
        assert!(!received.fds_lost);
    }

    #[test]
    fn receive_when_too_many_fds_then_keeps_the_limit_and_says_so() {
        let (a, b) = UnixStream::pair().unwrap();
        let null = File::open("/dev/null").unwrap();
        let fds = [null.as_fd(); MAX_FDS + 2];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS + 2))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
        sendmsg(&a, &[IoSlice::new(b"x")], &mut control, SendFlags::empty()).unwrap();

        let received = UnixTransport::new(b)
            .unwrap()
            .receive(&mut [0; 16], None)
            .unwrap();

        assert_eq!(received.fds.len(), MAX_FDS);
        assert!(received.fds_lost);
    }

    #[test]
    fn receive_when_deadline_passes_then_timed_out() {
        let (_a, b) = pair();

        let result = b.receive(&mut [0; 16], Some(Instant::now()));

        assert_eq!(result.unwrap_err(), StreamError::TimedOut);
    }

    #[test]
    fn receive_when_peer_is_gone_then_closed() {
        let (a, b) = pair();
        drop(a);

        assert_eq!(
            b.receive(&mut [0; 16], None).unwrap_err(),
            StreamError::Closed
        );
        assert_eq!(b.send(b"x", &[]).unwrap_err(), StreamError::Closed);
    }

    #[test]
    fn receive_when_bytes_wait_then_deadline_does_not_matter() {
        let (mut a, b) = UnixStream::pair().unwrap();
        a.write_all(b"xyz").unwrap();

        let received = UnixTransport::new(b)
            .unwrap()
            .receive(&mut [0; 2], Some(Instant::now()))
            .unwrap();

        assert_eq!(received.bytes, 2);
    }
}
