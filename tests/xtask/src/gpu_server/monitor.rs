// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The monitor of a vGPU, plugged and unplugged while a VM has the vGPU.

use std::path::PathBuf;

use anyhow::{ensure, Result};

use crate::command;

/// A vGPU's monitor.
#[derive(Clone)]
pub struct Monitor {
    /// The program that is the client.
    pub(super) program: PathBuf,
    /// The socket of the region of its EDID.
    pub(super) socket: PathBuf,
}

impl Monitor {
    /// Does something to it, in the words of the program's `monitor`.
    ///
    /// # Errors
    ///
    /// What the program says.
    pub fn act(&self, act: &str) -> Result<()> {
        let output = command::new(&self.program)
            .arg("monitor")
            .arg("--socket")
            .arg(&self.socket)
            .arg("--")
            .arg(act)
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        // On one line: a guest waits for it.
        let said: Vec<_> = said.split_whitespace().collect();
        ensure!(output.status.success(), "{}", said.join(" "));
        Ok(())
    }
}
