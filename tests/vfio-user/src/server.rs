// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The listening socket: one client at a time, as many one after the other as come.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{eventfd, poll, EventfdFlags, PollFd, PollFlags};
use rustix::io::Errno;

use crate::device::{Bus, Device};
use crate::session::{Session, SessionEnd, SessionStats};
use crate::stream::UnixTransport;

/// Longest line that is read.
const LINE: u64 = 4096;
/// Pause after a failure to accept, for example when descriptors run out.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// A server that listens on a path.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
    stop: Arc<Stop>,
}

#[derive(Debug)]
struct Stop {
    requested: AtomicBool,
    wake: OwnedFd,
    client: Mutex<Option<UnixStream>>,
}

/// Stops a server from another thread.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<Stop>);

impl Stopper {
    /// Ends the present session and makes [`Server::serve`] return.
    pub fn stop(&self) {
        self.0.requested.store(true, Ordering::SeqCst);
        // Cannot fail: the counter is far from its end.
        let _ = rustix::io::write(&self.0.wake, &1u64.to_ne_bytes());
        let client = self.0.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = client.as_ref() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Server {
    /// Listens on `path`. A socket that a dead server left there is replaced.
    ///
    /// # Errors
    /// `AddrInUse` if a server listens there already or another file is there.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let listener = listen(path)?;
        listener.set_nonblocking(true)?;
        let stop = Stop {
            requested: AtomicBool::new(false),
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            client: Mutex::new(None),
        };
        Ok(Self {
            listener,
            path: path.to_owned(),
            stop: Arc::new(stop),
        })
    }

    /// A handle that stops this server.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.stop))
    }

    /// Serves clients until stopped, or until the first has left if `once`.
    ///
    /// # Errors
    /// Those of waiting on the listening socket.
    pub fn serve<D: Device>(&self, device: &mut D, bus: &Bus, once: bool) -> io::Result<()> {
        while let Some(stream) = self.accept()? {
            match self.serve_one(stream, device, bus) {
                Ok((end, stats)) => {
                    tracing::info!(
                        done = stats.done,
                        refused = stats.refused,
                        coalesced = stats.coalesced,
                        "client served: {end}"
                    );
                }
                Err(error) => tracing::warn!("client lost: {error}"),
            }
            if once {
                break;
            }
        }
        Ok(())
    }

    /// Serves clients that send lines until stopped: `answer` has a line for each.
    ///
    /// # Errors
    /// Those of waiting on the listening socket.
    pub fn serve_lines(&self, mut answer: impl FnMut(&str) -> String) -> io::Result<()> {
        while let Some(stream) = self.accept()? {
            let served = self
                .admit(&stream)
                .and_then(|()| converse(&stream, &mut answer));
            self.set_client(None);
            if let Err(error) = served {
                tracing::debug!("connection lost: {error}");
            }
        }
        Ok(())
    }

    fn serve_one<D: Device>(
        &self,
        stream: UnixStream,
        device: &mut D,
        bus: &Bus,
    ) -> io::Result<(SessionEnd, SessionStats)> {
        self.admit(&stream)?;
        tracing::info!("client connected");
        let result = Session::new(device, bus, UnixTransport::new(stream)?).run();
        self.set_client(None);
        Ok(result)
    }

    /// From now on the client is the present one, whom a stop ends.
    fn admit(&self, stream: &UnixStream) -> io::Result<()> {
        self.set_client(Some(stream.try_clone()?));
        if self.stop.requested.load(Ordering::SeqCst) {
            stream.shutdown(std::net::Shutdown::Both)?;
        }
        Ok(())
    }

    fn set_client(&self, client: Option<UnixStream>) {
        *self
            .stop
            .client
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = client;
    }

    /// The next client; `None` when stopped.
    fn accept(&self) -> io::Result<Option<UnixStream>> {
        loop {
            if self.stop.requested.load(Ordering::SeqCst) {
                return Ok(None);
            }
            let mut fds = [
                PollFd::from_borrowed_fd(self.listener.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(self.stop.wake.as_fd(), PollFlags::IN),
            ];
            match poll(&mut fds, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            match self.listener.accept() {
                Ok((stream, _)) => return Ok(Some(stream)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    tracing::warn!("cannot accept: {error}");
                    std::thread::sleep(ACCEPT_RETRY);
                }
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // May be gone already; nobody depends on it.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Answers each line that a client sends.
fn converse(mut stream: &UnixStream, answer: &mut impl FnMut(&str) -> String) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        if reader.by_ref().take(LINE).read_line(&mut line)? == 0 {
            return Ok(());
        }
        let answer = answer(line.trim());
        stream.write_all(format!("{answer}\n").as_bytes())?;
    }
}

/// Listens on `path`. A socket that a dead process left there is replaced.
///
/// # Errors
/// `AddrInUse` if somebody listens there already or another file is there.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path) => {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        other => other,
    }
}

/// Whether there is a socket at `path` that nobody listens on.
fn is_stale(path: &Path) -> bool {
    let is_socket = path
        .symlink_metadata()
        .is_ok_and(|file| file.file_type().is_socket());
    // Other files refuse a connection too.
    is_socket
        && UnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
