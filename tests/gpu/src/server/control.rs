// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Control by lines over a unix socket: one command in, one line out.
//!
//! The answer starts with `ok` or `error`. The socket is for the owner of the process: commands
//! write files with its rights.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{bail, Context, Result};
use gen9_gpu::{EngineId, Gpu, MmioOffset, Nanos, Shared};
use vfio_user_server::{Server, Stopper};

use super::shared::{write_log, write_screenshot};

const HELP: &str = "screenshot FILE | log dump FILE | log clear | log count | pages FILE | \
                    clock now | clock manual | clock advance NANOSECONDS | peek OFFSET | stats";

/// A control socket; the file goes with the value.
#[derive(Debug)]
pub struct Control {
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// Listens and answers on a thread of its own.
    ///
    /// # Errors
    /// That of listening, for example because the path exists.
    pub fn start(path: &Path, shared: Arc<Shared>) -> io::Result<Self> {
        let server = Server::bind(path)?;
        let stopper = server.stopper();
        let thread = std::thread::Builder::new()
            .name("control".into())
            .spawn(move || {
                let answer = |line: &str| match answer(line, &shared) {
                    Ok(text) => format!("ok {text}"),
                    Err(error) => format!("error {error:#}"),
                };
                if let Err(error) = server.serve_lines(answer) {
                    tracing::warn!("no control any more: {error}");
                }
            })?;
        Ok(Self {
            stopper,
            thread: Some(thread),
        })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            // Nobody depends on how it ended.
            let _ = thread.join();
        }
    }
}

fn answer(line: &str, shared: &Shared) -> Result<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["help"] => Ok(HELP.to_owned()),
        ["screenshot", file] => {
            write_screenshot(shared, Path::new(file))?;
            Ok(file.to_owned())
        }
        ["log", "dump", file] => {
            write_log(shared, Path::new(file))?;
            Ok(file.to_owned())
        }
        ["log", "clear"] => {
            shared.access(|gpu| gpu.uncore_mut().log.clear());
            Ok(String::new())
        }
        ["log", "count"] => Ok(shared.access(|gpu| gpu.uncore().log.count()).to_string()),
        ["pages", file] => {
            std::fs::write(file, shared.access(|gpu| pages(gpu)))?;
            Ok(file.to_owned())
        }
        ["clock", "now"] => Ok(shared.access(|gpu| gpu.uncore().clock.now().0).to_string()),
        ["clock", "manual"] => {
            shared.access_and_wake(|gpu| gpu.uncore_mut().clock.drive_manually());
            Ok(String::new())
        }
        ["clock", "advance", time] => {
            let time = Nanos(time.parse().context("expected a number of nanoseconds")?);
            shared.access_and_wake(|gpu| {
                gpu.uncore_mut().clock.advance(time);
                gpu.uncore_mut().tick();
            });
            Ok(String::new())
        }
        ["peek", offset] => {
            let digits = offset.strip_prefix("0x").unwrap_or(offset);
            let offset = u32::from_str_radix(digits, 16).context("expected an offset in hex")?;
            let offset = MmioOffset(offset).dword();
            Ok(format!(
                "{:#010x}",
                shared.access(|gpu| gpu.uncore().peek(offset))
            ))
        }
        ["stats"] => Ok(shared.access(|gpu| stats(gpu))),
        _ => bail!("unknown command; expected {HELP}"),
    }
}

fn stats(gpu: &Gpu) -> String {
    let uncore = gpu.uncore();
    let mut text = format!(
        "accesses={} dropped={} time_ns={} contexts={}",
        uncore.log.count(),
        uncore.log.dropped(),
        uncore.clock.now().0,
        uncore.log.pages().len(),
    );
    for id in EngineId::ALL {
        if let Some(engine) = gpu.engine(id) {
            let state = match (engine.is_hung(), engine.is_idle()) {
                (true, _) => "hung",
                (false, true) => "idle",
                (false, false) => "busy",
            };
            // Writing to a string cannot fail.
            let _ = write!(text, " {}={state}", id.name());
        }
    }
    text
}

/// Physical pages that each context touched, as tab-separated lines.
fn pages(gpu: &Gpu) -> String {
    let mut text = String::from("#engine\tlrca\taccess\tpage\n");
    for (context, pages) in gpu.uncore().log.pages() {
        for (access, set) in [("read", &pages.read), ("write", &pages.written)] {
            for page in set {
                let (engine, lrca) = (context.engine.name(), context.lrca);
                let _ = writeln!(text, "{engine}\t{lrca:#x}\t{access}\t{:#x}", page.0);
            }
        }
    }
    text
}
