// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The ports of a VM: sockets that QEMU connects them to, and the threads that read those.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};

/// A socket that QEMU connects a port of the VM to, and the thread that reads it.
pub struct Port {
    /// What the guest calls it.
    pub name: &'static str,
    /// Where QEMU connects.
    pub socket: PathBuf,
    thread: JoinHandle<Result<Vec<u8>>>,
}

impl Port {
    /// Listens for QEMU, whose stream `read` gets, on a thread of its own.
    pub fn open(
        name: &'static str,
        folder: &Path,
        read: impl FnOnce(UnixStream) -> Result<Vec<u8>> + Send + 'static,
    ) -> Result<Self> {
        let socket = folder.join(name);
        let listener = UnixListener::bind(&socket)
            .with_context(|| format!("cannot listen at {}", socket.display()))?;
        let thread = thread::spawn(move || read(listener.accept()?.0));
        Ok(Self {
            name,
            socket,
            thread,
        })
    }

    /// Waits until all that was sent is read, and returns what was kept of it.
    pub fn close(self) -> Result<Vec<u8>> {
        // If QEMU never connected the thread still waits for someone to.
        if let Ok(stream) = UnixStream::connect(&self.socket) {
            // An error means that the other side is gone, which is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
        match self.thread.join() {
            Ok(result) => result,
            Err(_) => anyhow::bail!("the reader of port {} panicked", self.name),
        }
    }
}

/// A port for output: it is kept, or passed on as it comes.
///
/// With several VMs at a time each has a label, which stands in front of each of its lines.
pub fn output<W: Write + 'static>(
    name: &'static str,
    folder: &Path,
    keep: bool,
    label: Option<&str>,
    to: fn() -> W,
) -> Result<Port> {
    let label = label.map(str::to_owned);
    Port::open(name, folder, move |mut stream| {
        let mut kept = Vec::new();
        match label {
            _ if keep => {
                stream.read_to_end(&mut kept)?;
            }
            None => copy(&mut stream, &mut to())?,
            Some(label) => {
                let mut lines = Labelled::new(to(), &label);
                copy(&mut stream, &mut lines)?;
                lines.finish()?;
            }
        }
        Ok(kept)
    })
}

/// Copies as the bytes come, not when a buffer is full.
fn copy(from: &mut impl Read, to: &mut impl Write) -> Result<()> {
    let mut buffer = [0; 16 << 10];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..count])?;
        to.flush()?;
    }
}

/// Passes whole lines on, each with a label in front.
struct Labelled<W> {
    to: W,
    label: String,
    /// The line that has no end yet, with its label.
    line: Vec<u8>,
}

impl<W: Write> Labelled<W> {
    fn new(to: W, label: &str) -> Self {
        let label = format!("{label}: ");
        Self {
            to,
            line: label.clone().into_bytes(),
            label,
        }
    }

    /// Passes on what stands behind the last line's end, as a line.
    fn finish(mut self) -> io::Result<()> {
        if self.line.len() > self.label.len() {
            self.write_all(b"\n")?;
        }
        self.to.flush()
    }
}

impl<W: Write> Write for Labelled<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                // In one piece: others write to the same place.
                self.to.write_all(&self.line)?;
                self.line.truncate(self.label.len());
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_when_nobody_connects_then_close_returns() {
        let folder = tempfile::tempdir().unwrap();
        let port = Port::open("idle", folder.path(), |mut stream| {
            let mut kept = Vec::new();
            stream.read_to_end(&mut kept)?;
            Ok(kept)
        })
        .unwrap();
        assert!(port.close().unwrap().is_empty());
    }

    #[test]
    fn labelled_when_lines_come_in_parts_then_each_has_the_label() {
        let mut to = Vec::new();
        let mut lines = Labelled::new(&mut to, "vgpu1");
        for part in ["a", "b\n\nc\nd"] {
            lines.write_all(part.as_bytes()).unwrap();
        }
        lines.finish().unwrap();
        assert_eq!(to, b"vgpu1: ab\nvgpu1: \nvgpu1: c\nvgpu1: d\n");
    }

    #[test]
    fn labelled_when_nothing_comes_then_nothing_is_passed_on() {
        let mut to = Vec::new();
        Labelled::new(&mut to, "vgpu1").finish().unwrap();
        assert!(to.is_empty());
    }
}
