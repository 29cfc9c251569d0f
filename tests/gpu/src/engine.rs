// SPDX-License-Identifier: GPL-2.0 OR MIT
//! An engine: takes contexts from its execlist and executes their commands.
//!
//! The engine itself keeps only what registers cannot show: ports, the context on it, and where
//! in ring and batches it stands. All the rest is in the register file.

mod access;
mod alu;
mod batch;
mod blitter;
pub mod command;
mod context;
mod execlist;
mod hang;
mod mi;
mod pipe_control;
mod privilege;

pub use context::layout;
pub use execlist::event;
pub use execlist::Descriptor;

use crate::address::MmioOffset;
use crate::clock::Cycles;
use crate::gpu::Activity;
use crate::interrupt::IrqGroup;
use crate::interrupt::IrqLines;
use crate::platform::EngineId;
use crate::regs::engine;
use crate::uncore::Effect;
use crate::uncore::Uncore;

use access::Space;
use access::Tlb;
use batch::Batch;
use batch::Ring;
use blitter::Blit;
use command::Command;

/// Names a context on an engine in logs and counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContextKey {
    /// The engine.
    pub engine: EngineId,
    /// Logical ring context address: where its image is in the GGTT.
    pub lrca: u32,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Done: go on behind it.
    Next,
    /// Done: execution goes on where the batch stack says.
    Jumped,
    /// Done in part: execute it again at once.
    Again,
    /// Cannot be done yet: execute it again later.
    Wait,
    /// Never done.
    Hang,
}

/// Why the engine does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Halt {
    /// A condition in memory is not met.
    Waiting,
    /// Until it is reset.
    Hung,
}

/// A context on an engine.
#[derive(Clone, Debug)]
struct Context {
    descriptor: Descriptor,
    ring: Ring,
    /// First-level and second-level batch.
    batches: Vec<Batch>,
    /// Workaround batches still to run, the next one last.
    workarounds: Vec<Batch>,
    /// Whether arbitration points count (MI_ARB_ON_OFF).
    arbitration: bool,
    /// Whether another context may take over now.
    preemptible: bool,
}

/// An engine.
#[derive(Debug)]
pub struct Engine {
    id: EngineId,
    /// Dwords written to the submit port, less than four.
    collected: Vec<u32>,
    /// A submission that was not taken yet.
    pending: Option<[Option<Descriptor>; 2]>,
    context: Option<Context>,
    /// The context that follows.
    next: Option<Descriptor>,
    halt: Option<Halt>,
    /// Whether a semaphore wait of the context was not satisfied yet.
    waiting: bool,
    /// Whether a semaphore was signalled since it was looked at.
    signalled: bool,
    /// A blit that was done in part.
    blit: Option<Blit>,
    tlb: Tlb,
    /// Register writes of commands that concern engines.
    effects: Vec<Effect>,
    /// Buffer for the command in execution.
    dwords: Vec<u32>,
}

impl Engine {
    /// An idle engine.
    pub fn new(id: EngineId) -> Self {
        Self {
            id,
            collected: Vec::new(),
            pending: None,
            context: None,
            next: None,
            halt: None,
            waiting: false,
            signalled: false,
            blit: None,
            tlb: Tlb::default(),
            effects: Vec::new(),
            dwords: Vec::new(),
        }
    }

    /// Which engine it is.
    pub fn id(&self) -> EngineId {
        self.id
    }

    /// Whether it has nothing to execute.
    pub fn is_idle(&self) -> bool {
        self.context.is_none() && self.pending.is_none()
    }

    /// Whether only a reset brings it back.
    pub fn is_hung(&self) -> bool {
        self.halt == Some(Halt::Hung)
    }

    /// The context on it.
    pub fn running(&self) -> Option<ContextKey> {
        self.context.as_ref().map(|context| ContextKey {
            engine: self.id,
            lrca: context.descriptor.lrca(),
        })
    }

    /// Executes for at most `budget`. What concerns engines is added to `effects`.
    pub fn run(
        &mut self,
        uncore: &mut Uncore,
        budget: Cycles,
        effects: &mut Vec<Effect>,
    ) -> Activity {
        if !uncore.touches.is_enabled() {
            self.tlb.clear();
        }
        let activity = self.run_slice(uncore, budget);
        self.show_idle(uncore);
        effects.append(&mut self.effects);
        activity
    }

    fn run_slice(&mut self, uncore: &mut Uncore, budget: Cycles) -> Activity {
        let mut spent = Cycles(0);
        loop {
            self.arbitrate(uncore);
            if self.context.is_none() {
                return Activity::Idle;
            }
            if self.is_hung() || self.stop_requested(uncore) {
                return Activity::Waiting;
            }
            if spent >= budget {
                return Activity::Busy;
            }
            let cost = self.step(uncore);
            spent += cost;
            self.account(uncore, cost);
            if self.halt.is_some() && !self.may_switch() {
                return Activity::Waiting;
            }
        }
    }

    /// Executes one command, or ends the context whose ring is empty. Returns what it cost.
    fn step(&mut self, uncore: &mut Uncore) -> Cycles {
        self.halt = None;
        let Some(place) = self.program_counter() else {
            self.complete_context(uncore);
            return command::SWITCH_COST;
        };
        let Some(header) = self.fetch(uncore, place) else {
            self.hang(uncore, 0, place);
            return command::BASE_COST;
        };
        self.show_position(uncore, header, place);
        let Some(command) = command::decode(self.id, header) else {
            self.hang(uncore, header, place);
            return command::BASE_COST;
        };
        let (outcome, cost) = self.execute(uncore, command, header, place);
        match outcome {
            Outcome::Next => self.advance(command.length),
            Outcome::Jumped | Outcome::Again => {}
            Outcome::Wait => self.halt = Some(Halt::Waiting),
            Outcome::Hang => self.hang(uncore, header, place),
        }
        self.note_arbitration_point(command, outcome);
        cost
    }

    fn execute(
        &mut self,
        uncore: &mut Uncore,
        command: Command,
        header: u32,
        place: batch::Place,
    ) -> (Outcome, Cycles) {
        if command.kind == command::Kind::Skipped {
            return (Outcome::Next, command::BASE_COST);
        }
        let mut dwords = std::mem::take(&mut self.dwords);
        dwords.clear();
        dwords.push(header);
        let complete = (1..command.length).all(|index| {
            let fetched = self.fetch(uncore, self.operand_place(place, index));
            dwords.extend(fetched);
            fetched.is_some()
        });
        let result = match command.kind {
            _ if !complete => (Outcome::Hang, command::BASE_COST),
            command::Kind::Mi(opcode) => {
                (self.execute_mi(uncore, opcode, &dwords), command::BASE_COST)
            }
            command::Kind::PipeControl => (
                self.execute_pipe_control(uncore, &dwords),
                command::BASE_COST,
            ),
            command::Kind::Blit(opcode) => self.execute_blit(uncore, opcode, &dwords),
            command::Kind::Skipped => (Outcome::Next, command::BASE_COST),
        };
        self.dwords = dwords;
        result
    }

    /// Charges the context on the engine.
    fn account(&mut self, uncore: &mut Uncore, cost: Cycles) {
        uncore.clock.spend(cost);
        if let Some(key) = self.running() {
            uncore.busy.add(key, cost);
        }
    }

    fn note_arbitration_point(&mut self, command: Command, outcome: Outcome) {
        if let Some(context) = &mut self.context {
            let settled = matches!(outcome, Outcome::Next | Outcome::Wait);
            context.preemptible = context.arbitration
                && context.workarounds.is_empty()
                && settled
                && command.arbitration_point(outcome == Outcome::Wait);
        }
    }

    /// Sets the idle bit of MI_MODE to what is true now.
    pub fn show_idle(&self, uncore: &mut Uncore) {
        let stopped = self.stop_requested(uncore) && !self.is_hung();
        let idle = if self.context.is_none() || stopped {
            engine::mi_mode::IDLE
        } else {
            0
        };
        uncore
            .regs
            .update(self.register(engine::MI_MODE), engine::mi_mode::IDLE, idle);
    }

    /// Tells the engine that a semaphore was signalled.
    pub fn signal(&mut self) {
        self.signalled = true;
    }

    fn stop_requested(&self, uncore: &Uncore) -> bool {
        uncore.regs.get(self.register(engine::MI_MODE)) & engine::mi_mode::STOP != 0
    }

    /// The engine's own register at `offset` from its base.
    fn register(&self, offset: u32) -> MmioOffset {
        self.id.mmio_base().add(offset)
    }

    /// Raises the engine's interrupts unless its own mask or the group's hides them.
    fn raise(&self, uncore: &mut Uncore, bits: u32) {
        let (group, shift) = match self.id {
            EngineId::Rcs0 => (IrqGroup::Gt0, 0),
            EngineId::Bcs0 => (IrqGroup::Gt0, 16),
            EngineId::Vcs0 => (IrqGroup::Gt1, 0),
            EngineId::Vcs1 => (IrqGroup::Gt1, 16),
            EngineId::Vecs0 => (IrqGroup::Gt3, 0),
        };
        let hidden = uncore.regs.get(self.register(engine::IMR));
        uncore.interrupts.raise(group, (bits << shift) & !hidden);
    }
}
