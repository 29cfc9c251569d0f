// SPDX-License-Identifier: GPL-2.0 OR MIT
//! One GPU for several threads, one of which executes.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Nanos;
use crate::gpu::{Activity, Gpu, DEFAULT_SLICE};
use crate::platform::EngineId;

/// How often a waiting engine looks at memory again.
const POLL: Duration = Duration::from_micros(500);
/// Longest sleep when nothing is to be done.
const IDLE: Duration = Duration::from_secs(1);
/// Turns that the engine thread gives up at most when others wait for the GPU.
const YIELDS: usize = 1000;

/// A GPU behind a lock that engines hold for one slice at a time.
///
/// It starts no thread: whoever hosts the GPU has one that calls [`slice`](Self::slice) and
/// [`rest`](Self::rest) by turns until it [is told to stop](Self::is_stopped), and may do in between
/// what is to be done without the lock.
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
    /// Somebody has something for the engine thread that the GPU knows nothing of.
    called: bool,
    stop: bool,
}

impl State {
    fn wake(&mut self, condition: &Condvar) {
        self.asleep = None;
        condition.notify_one();
    }
}

/// The GPU, for one thread alone. When it is given back, the engine thread is woken if there is
/// something for it then.
pub struct Guard<'a> {
    state: MutexGuard<'a, State>,
    wake: &'a Condvar,
}

impl Deref for Guard<'_> {
    type Target = Gpu;

    fn deref(&self) -> &Gpu {
        &self.state.gpu
    }
}

impl DerefMut for Guard<'_> {
    fn deref_mut(&mut self) -> &mut Gpu {
        &mut self.state.gpu
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let state = &mut *self.state;
        if let Some(planned) = state.asleep {
            if has_work(&state.gpu) || state.gpu.next_event() != planned {
                state.wake(self.wake);
            }
        }
    }
}

impl Shared {
    /// Shares a GPU.
    pub fn new(gpu: Gpu) -> Self {
        Self {
            state: Mutex::new(State {
                gpu,
                asleep: None,
                called: false,
                stop: false,
            }),
            wake: Condvar::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Takes the GPU.
    pub fn lock(&self) -> Guard<'_> {
        Guard {
            state: self.state(),
            wake: &self.wake,
        }
    }

    /// Uses the GPU in a way that gives engines nothing to do.
    pub fn access<R>(&self, act: impl FnOnce(&mut Gpu) -> R) -> R {
        act(&mut self.state().gpu)
    }

    /// Uses the GPU, and wakes the engine thread if there is something for it then.
    pub fn access_and_wake<R>(&self, act: impl FnOnce(&mut Gpu) -> R) -> R {
        act(&mut self.lock())
    }

    /// Executes a slice, and tells what engines did.
    pub fn slice(&self) -> Activity {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.gpu.run(DEFAULT_SLICE)
    }

    /// Waits as long as engines that did that need nothing: until someone gave them something to
    /// do or [called](Self::call), or the next event comes. Busy ones only let other threads have
    /// the GPU first.
    pub fn rest(&self, activity: Activity) {
        let sleep = match activity {
            Activity::Busy => return self.let_others_go_first(),
            Activity::Waiting => POLL,
            Activity::Idle => IDLE,
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Since the slice the lock was free.
        let called = std::mem::take(&mut state.called);
        if called || state.stop || (activity == Activity::Idle && has_work(&state.gpu)) {
            return;
        }
        let event = state.gpu.next_event();
        let now = state.gpu.uncore().clock.now();
        let until = event.map_or(sleep, |event| Duration::from_nanos(event.since(now).0));
        state.asleep = Some(event);
        let woken = self.wake.wait_timeout(state, sleep.min(until));
        let (mut state, _) = woken.unwrap_or_else(PoisonError::into_inner);
        state.asleep = None;
    }

    /// Lets the engine thread have a turn soon, for a reason that the GPU knows nothing of.
    pub fn call(&self) {
        let mut state = self.state();
        state.called = true;
        state.wake(&self.wake);
    }

    /// Tells the engine thread to end.
    pub fn stop(&self) {
        let mut state = self.state();
        state.stop = true;
        state.wake(&self.wake);
    }

    /// Whether the engine thread is to end.
    pub fn is_stopped(&self) -> bool {
        self.state().stop
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        state
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use super::*;
    use crate::interrupt::NoInterrupts;
    use crate::memory::VecMemory;
    use crate::options::Options;

    /// How long anything may take on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn shared() -> Shared {
        let memory = Arc::new(VecMemory::new(1 << 20));
        // Without a display no event ever comes.
        let options = Options::parse("kbl,display=off").unwrap();
        Shared::new(Gpu::new(options, memory, Box::new(NoInterrupts)))
    }

    /// Takes turns until it is told to stop; how many.
    fn take_turns(shared: &Shared) -> usize {
        let mut turns = 0;
        while !shared.is_stopped() {
            shared.rest(shared.slice());
            turns += 1;
        }
        turns
    }

    fn until_asleep(shared: &Shared) {
        let begun = Instant::now();
        while shared.state().asleep.is_none() {
            assert!(
                begun.elapsed() < PATIENCE,
                "idle engines let the thread sleep"
            );
            std::thread::yield_now();
        }
    }

    #[test]
    fn rest_when_called_or_stopped_meanwhile_then_returns() {
        let shared = shared();
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| take_turns(&shared));
            until_asleep(&shared);
            shared.call();
            until_asleep(&shared);
            shared.stop();
            assert!(thread.join().unwrap() >= 2);
        });
    }

    #[test]
    fn rest_when_called_before_then_returns_once() {
        let shared = shared();
        shared.call();
        let begun = Instant::now();

        shared.rest(Activity::Idle);

        assert!(begun.elapsed() < IDLE);
        assert!(!shared.state().called);
    }
}
