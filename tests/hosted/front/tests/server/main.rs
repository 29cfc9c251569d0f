// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The server program, with the synthetic guest as its client.

mod checks;
mod dump;
mod monitor;
mod program;
mod screen;
mod several;
mod work;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{kill_process, Pid, Signal};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server under way; it ends with the value.
struct Served {
    child: Child,
    folder: tempfile::TempDir,
    /// What it printed before it was ready.
    lines: Vec<String>,
}

impl Served {
    /// Starts a server and waits until it is ready.
    fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_vgpu-server"))
            .current_dir(folder.path())
            .args(["--socket", "socket"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let lines = output.lines().map(Result::unwrap);
        let lines: Vec<String> = lines.take_while(|line| line != "ready").collect();
        Self {
            child,
            folder,
            lines,
        }
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Whether it ends well.
    fn ends(&mut self) -> bool {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            assert!(begun.elapsed() < PATIENCE, "the server ends");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
