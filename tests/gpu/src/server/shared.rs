// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What the server does with the GPU beside serving it: executing, screenshots, the log.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use gen9_gpu::gpu::DEFAULT_SLICE;
use gen9_gpu::Shared;

/// Starts the engine thread; it calls `failed` should it panic.
///
/// # Errors
/// That of creating a thread.
pub fn run_engines(
    shared: &Arc<Shared>,
    failed: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<bool>> {
    let shared = Arc::clone(shared);
    std::thread::Builder::new()
        .name("engines".into())
        .spawn(move || {
            // A GPU whose engines stand still for ever would look like a fault of the guest's.
            let ended = catch_unwind(AssertUnwindSafe(|| {
                while !shared.is_stopped() {
                    shared.rest(shared.slice());
                }
            }));
            if ended.is_err() {
                failed();
            }
            ended.is_ok()
        })
}

/// Writes a PNG of what the first running pipe shows.
///
/// # Errors
/// If no pipe runs, or the file cannot be written.
pub fn write_screenshot(shared: &Shared, path: &Path) -> Result<()> {
    let picture = shared.access(|gpu| {
        // Pipes look at their registers when time passes: after power-on none has yet.
        gpu.run(DEFAULT_SLICE);
        let uncore = gpu.uncore();
        let pipe = uncore.display.active_pipe()?;
        uncore
            .display
            .picture(&uncore.regs, &uncore.ggtt_memory(), pipe)
    });
    let picture = picture.context("the display shows nothing")?;
    let mut file = BufWriter::new(File::create(path)?);
    picture.write_png(&mut file)?;
    Ok(file.flush()?)
}

/// Writes the log of register accesses.
///
/// # Errors
/// Those of the file.
pub fn write_log(shared: &Shared, path: &Path) -> io::Result<()> {
    // Into memory first: the file may be slow, and the guest waits.
    let mut text = Vec::new();
    shared.access(|gpu| gpu.uncore().log.write_tsv(&mut text))?;
    std::fs::write(path, text)
}

/// Writes what engines were given to execute.
///
/// # Errors
/// Those of the file.
pub fn write_submissions(shared: &Shared, path: &Path) -> io::Result<()> {
    let mut text = Vec::new();
    shared.access(|gpu| gpu.uncore().submissions.write(&mut text))?;
    std::fs::write(path, text)
}
