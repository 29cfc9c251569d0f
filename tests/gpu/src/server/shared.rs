// SPDX-License-Identifier: GPL-2.0 OR MIT
//! One GPU for several threads, and the thread that executes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use gen9_gpu::gpu::DEFAULT_SLICE;
use gen9_gpu::{Activity, EngineId, Gpu, Nanos};

/// How often a waiting engine looks at memory again.
const POLL: Duration = Duration::from_micros(500);
/// Longest sleep when nothing is to be done.
const IDLE: Duration = Duration::from_secs(1);
/// Turns that the engine thread gives up at most when others wait for the GPU.
const YIELDS: usize = 1000;

/// A GPU behind a lock that engines hold for one slice at a time.
pub struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    /// Threads that wait for the lock: the engine thread lets them go first.
    waiting: AtomicUsize,
}

struct State {
    gpu: Gpu,
    /// The engine thread sleeps; it was told that this event comes next.
    asleep: Option<Option<Nanos>>,
    stop: bool,
}

impl Shared {
    /// Shares a GPU.
    pub fn new(gpu: Gpu) -> Self {
        Self {
            state: Mutex::new(State {
                gpu,
                asleep: None,
                stop: false,
            }),
            wake: Condvar::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Uses the GPU in a way that gives engines nothing to do.
    pub fn access<R>(&self, act: impl FnOnce(&mut Gpu) -> R) -> R {
        act(&mut self.lock().gpu)
    }

    /// Uses the GPU, and wakes the engine thread if there is something for it then.
    pub fn access_and_wake<R>(&self, act: impl FnOnce(&mut Gpu) -> R) -> R {
        let mut state = self.lock();
        let result = act(&mut state.gpu);
        if let Some(planned) = state.asleep {
            if has_work(&state.gpu) || state.gpu.next_event() != planned {
                state.asleep = None;
                self.wake.notify_one();
            }
        }
        result
    }

    /// Starts the engine thread; it calls `failed` should it panic.
    ///
    /// # Errors
    /// That of creating a thread.
    pub fn run_engines(
        shared: &Arc<Self>,
        failed: impl FnOnce() + Send + 'static,
    ) -> io::Result<JoinHandle<bool>> {
        let shared = Arc::clone(shared);
        std::thread::Builder::new()
            .name("engines".into())
            .spawn(move || {
                // A GPU whose engines stand still for ever would look like a fault of the guest's.
                let ended = catch_unwind(AssertUnwindSafe(|| shared.execute())).is_ok();
                if !ended {
                    failed();
                }
                ended
            })
    }

    /// Ends the engine thread.
    pub fn stop(&self) {
        let mut state = self.lock();
        state.stop = true;
        state.asleep = None;
        self.wake.notify_one();
    }

    /// Writes a PNG of what the first running pipe shows.
    ///
    /// # Errors
    /// If no pipe runs, or the file cannot be written.
    pub fn write_screenshot(&self, path: &Path) -> Result<()> {
        let picture = self.access(|gpu| {
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
    pub fn write_log(&self, path: &Path) -> io::Result<()> {
        // Into memory first: the file may be slow, and the guest waits.
        let mut text = Vec::new();
        self.access(|gpu| gpu.uncore().log.write_tsv(&mut text))?;
        std::fs::write(path, text)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        state
    }

    fn execute(&self) {
        loop {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.stop {
                return;
            }
            let sleep = match state.gpu.run(DEFAULT_SLICE) {
                Activity::Busy => {
                    drop(state);
                    self.let_others_go_first();
                    continue;
                }
                Activity::Waiting => POLL,
                Activity::Idle => IDLE,
            };
            let event = state.gpu.next_event();
            let now = state.gpu.uncore().clock.now();
            let until = event.map_or(sleep, |event| Duration::from_nanos(event.since(now).0));
            state.asleep = Some(event);
            let woken = self.wake.wait_timeout(state, sleep.min(until));
            let (mut state, _) = woken.unwrap_or_else(PoisonError::into_inner);
            state.asleep = None;
        }
    }

    fn let_others_go_first(&self) {
        for _ in 0..YIELDS {
            if self.waiting.load(Ordering::Relaxed) == 0 {
                return;
            }
            std::thread::yield_now();
        }
    }
}

fn has_work(gpu: &Gpu) -> bool {
    EngineId::ALL
        .iter()
        .any(|id| gpu.engine(*id).is_some_and(|engine| !engine.is_idle()))
}
