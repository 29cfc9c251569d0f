// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The commands.

use gen9_gpu::log::{Direction, Space};
use gen9_gpu::{Activity, EngineId, Options};
use hosted_abi::Kernel;
use hosted_glue::card::Card;
use hosted_glue::client::Attachment;
use hosted_glue::i915::I915;
use hosted_glue::lent::Lent;
use hosted_glue::machine::Machine;
use iface::version::{Needs, Version};
use kernel::error::code::{EBUSY, EINVAL, ENODEV};
use kernel::error::Result;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All that the module has.
#[derive(Default)]
struct State {
    kernel: Option<&'static Kernel>,
    memory: Option<Arc<Lent>>,
    // Before i915, whose table it uses.
    other_client: Option<Attachment<'static>>,
    i915: Option<I915>,
    published: Option<u32>,
}

// SAFETY: the pointers inside lead to what the card owns, and the lock around this hands them to one
// thread at a time.
unsafe impl Send for State {}

static STATE: Mutex<Option<State>> = Mutex::new(None);

fn state() -> MutexGuard<'static, Option<State>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `f` on the state of the loaded module.
fn with<R>(f: impl FnOnce(&mut State) -> Result<R>) -> Result<R> {
    f(state().as_mut().ok_or(ENODEV)?)
}

/// Runs `f` on i915 with a bound GPU.
fn with_bound<R>(f: impl FnOnce(&I915) -> R) -> Result<R> {
    with(|state| match &state.i915 {
        Some(i915) if i915.card().is_some() => Ok(f(i915)),
        _ => Err(ENODEV),
    })
}

/// Remembers the loader.
pub fn load(kernel: &'static Kernel) -> Result {
    // SAFETY: the loader's promise, and all that lies in this module accesses it so. It is dropped
    // before `unload` has returned.
    let memory = unsafe { Lent::new(kernel.memory, kernel.memory_size) }?;
    *state() = Some(State {
        kernel: Some(kernel),
        memory: Some(Arc::new(memory)),
        ..State::default()
    });
    Ok(())
}

/// Gives everything back.
pub fn unload() {
    // It fails if nothing is bound, which is as well.
    let _ = unbind();
    *state() = None;
}

/// Runs a command.
pub fn run(text: &str) -> Result<u64> {
    match text.split_once(' ').unwrap_or((text, "")) {
        ("power-on", gpu) => done(power_on(gpu)),
        ("say", what) => done(say(what)),
        ("bind", minor) => done(bind(minor.parse().map_err(|_| EINVAL)?)),
        ("unbind", "") => done(unbind()),
        ("reset", "") => done(with_bound(I915::reset)),
        ("reset-engine", name) => {
            let engine = EngineId::ALL
                .into_iter()
                .find(|id| id.name() == name)
                .ok_or(EINVAL)?;
            done(with_bound(|i915| i915.reset_engine(engine)))
        }
        ("run", "") => done(with_bound(execute)),
        ("sleep", "") => done(with_bound(I915::sleep)),
        ("occupy", "") => done(occupy()),
        ("vacate", "") => done(vacate()),
        ("reads", "") => accesses(Direction::Read),
        ("writes", "") => accesses(Direction::Write),
        (question, "") => with_bound(|i915| {
            let snapshot = i915.snapshot()?;
            Some(match question {
                "snapshot-registers" => snapshot.registers,
                "snapshot-bytes" => snapshot.bytes,
                "snapshot-ns" => snapshot.duration_ns,
                "first-bind" => snapshot.first_bind.into(),
                "interface-major" => Version::CURRENT.major.into(),
                "interface-minor" => Version::CURRENT.minor.into(),
                _ => return None,
            })
        })?
        .ok_or(EINVAL),
        _ => Err(EINVAL),
    }
}

/// The answer of a command that only does something.
fn done(result: Result) -> Result<u64> {
    result.map(|()| 0)
}

fn power_on(gpu: &str) -> Result {
    let options = Options::parse(gpu).map_err(|_| EINVAL)?;
    with(|state| {
        if state.published.is_some() {
            return Err(EBUSY);
        }
        let memory = state.memory.clone().ok_or(ENODEV)?;
        state.i915 = Some(I915::load(Machine::with_memory(options, memory)));
        Ok(())
    })
}

/// What the header is to say: features offered, minor version and features needed.
fn say(what: &str) -> Result {
    let mut words = what.split(' ');
    let mut number = || words.next()?.parse::<u64>().ok();
    let mut next = || number().ok_or(EINVAL);
    let features = next()?;
    let needs = Needs {
        minor: u16::try_from(next()?)?,
        features: next()?,
    };
    with(|state| {
        state.i915.as_mut().ok_or(ENODEV)?.say(features, needs);
        Ok(())
    })
}

fn bind(minor: u32) -> Result {
    let (kernel, platform_data) = with(|state| {
        let i915 = state
            .i915
            .as_mut()
            .filter(|i915| i915.card().is_none())
            .ok_or(EBUSY)?;
        i915.bind(minor);
        state.published = Some(minor);
        Ok((state.kernel.ok_or(ENODEV)?, i915.platform_data()))
    })?;
    // Everything is ready: a driver that is there is bound inside of this.
    // SAFETY: the loader's function; the table stays until `unbind`.
    unsafe { (kernel.device_add)(kernel.context, minor, platform_data) };
    Ok(())
}

fn unbind() -> Result {
    let (kernel, minor) = with(|state| {
        state.other_client = None;
        Ok((
            state.kernel.ok_or(ENODEV)?,
            state.published.take().ok_or(ENODEV)?,
        ))
    })?;
    // SAFETY: the loader's function; nothing uses the table when it returns.
    unsafe { (kernel.device_remove)(kernel.context, minor) };
    with(|state| {
        if let Some(i915) = &mut state.i915 {
            i915.unbind();
        }
        Ok(())
    })
}

/// Lets the engines execute until nothing happens any more. What makes no progress is given up, as
/// i915 does.
fn execute(i915: &I915) {
    let machine = i915.machine();
    let give_up = |card: &Card| {
        let engines = machine.model().engines(machine.options().device_id);
        engines.filter(|engine| card.declare_hung(*engine)).count()
    };
    if let Some(card) = i915.card() {
        while card.run_engines() != Activity::Idle && give_up(card) != 0 {}
    }
}

/// Opens the device as a client of its own.
fn occupy() -> Result {
    with(|state| {
        let i915 = state.i915.as_ref().ok_or(ENODEV)?;
        let minor = state.published.ok_or(ENODEV)?;
        // SAFETY: the table of this module, which is dropped behind the attachment.
        let other = unsafe { Attachment::attach(minor, i915.platform_data(), None) }?;
        state.other_client = Some(other);
        Ok(())
    })
}

/// Closes it again.
fn vacate() -> Result {
    with(|state| {
        state.other_client = None;
        Ok(())
    })
}

/// How many register accesses there were.
fn accesses(direction: Direction) -> Result<u64> {
    with(|state| {
        let gpu = state.i915.as_ref().ok_or(ENODEV)?.machine().gpu();
        let log = gpu.uncore().log.accesses();
        let wanted = log.filter(|a| a.space == Space::Register && a.direction == direction);
        Ok(wanted.count() as u64)
    })
}
