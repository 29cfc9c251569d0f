// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Goes through all that was submitted, and hands each command to who knows it.
//!
//! Streams are audited one after the other, each from its front to its end and each once, whoever
//! starts it and however often: what a stream may do does not depend on that. So a batch that
//! chains to itself is two entries of a list, not a loop.

use super::address;
use super::batch::{PrivateCopy, Source};
use super::cursor::{Cursor, Operands};
use super::refusal::{Failure, Fault, Refusal, Rule};
use super::registers::Gate;
use super::ring::{self, Runs, DWORD};
use super::stream::{Effect, Link, Origin, Stream, Verdict};
use super::table::{self, Action, Row};
use super::{control, display, flush, load, store};
use super::{Memory, Setting, Work};
use crate::address::Gma;
#[cfg(feature = "mutants")]
use crate::mutant::{self, Mutant};
use kernel::prelude::*;

/// What comes behind a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// The next one.
    Next,
    /// Nothing: the stream ends.
    End,
    /// A privileged batch.
    Start(Start),
}

/// A privileged batch is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// Its first dword.
    pub(super) address: Gma,
    /// Whether it returns to another batch.
    pub(super) second: bool,
    /// Whether the stream ends with it: it never comes back.
    pub(super) ends: bool,
}

/// What surrounds a command while it is audited.
pub(super) struct Scene<'a> {
    /// Whose it is.
    pub(super) setting: &'a Setting,
    /// What it stands in.
    pub(super) origin: Origin,
    /// Dwords of that up to its end.
    pub(super) behind: usize,
    /// What is known of all.
    pub(super) verdict: &'a mut Verdict,
}

impl Scene<'_> {
    /// Who may reach registers.
    pub(super) fn gate(&self) -> Gate {
        Gate {
            platform: self.setting.platform,
            engine: self.setting.engine,
        }
    }

    /// Notes what must be emulated.
    pub(super) fn emulate(&mut self, effect: Effect) -> Result<(), Fault> {
        let limit = self.setting.limits.effects;
        if self.verdict.effects.len() >= limit as usize {
            let unit = "commands to emulate";
            return Err(Rule::Budget { limit, unit }.into());
        }
        Ok(self.verdict.effects.push(effect, GFP_KERNEL)?)
    }

    /// That an address is the vGPU's own, if it is one of the GGTT.
    pub(super) fn check(&self, ggtt: bool, first: Gma, bytes: u64) -> Result<(), Rule> {
        match ggtt {
            true => address::check(&self.setting.reach, first, bytes),
            false => Ok(()),
        }
    }
}

/// Audits what a guest submits to an engine, all at once.
///
/// Privileged commands are refused if the engine does not know them or no vGPU has them; if their
/// length can't be right; if a GGTT address of theirs is not the vGPU's own, with all of the bytes
/// that they reach; if they reach a register in a way that it is not on the list for; if they
/// start a batch that could not return; and if all of it is more than [`Limits`](super::Limits).
/// May sleep.
///
/// # Errors
///
/// [`Failure::Refused`] a rule is broken, and nothing may reach the GPU; [`Failure::Host`]
/// `ENOMEM`.
pub fn audit(setting: &Setting, memory: &mut dyn Memory, work: &Work) -> Result<Verdict, Failure> {
    let mut audit = Audit {
        setting,
        source: Source::new(memory, &setting.reach, setting.limits),
        batches: 0,
        verdict: Verdict {
            streams: KVec::new(),
            links: KVVec::new(),
            effects: KVVec::new(),
            user_interrupt: false,
            notify: false,
            commands: 0,
        },
    };
    let ring = ring::ring(work).map_err(|rule| audit.refuse(Origin::Ring, rule.into()))?;
    audit.add_runs(&ring)?;
    if let Some(runs) = ring::indirect_context(work) {
        audit.add_runs(&runs)?;
    }
    if let Some(address) = ring::per_context(work) {
        let origin = Origin::PerContext(address);
        audit
            .add(origin, KVVec::new())
            .map_err(|fault| audit.refuse(origin, fault))?;
    }
    let mut index = 0;
    while index < audit.verdict.streams.len() {
        audit.walk(index)?;
        index = index.saturating_add(1);
    }
    Ok(audit.verdict)
}

/// An audit under way.
struct Audit<'a> {
    setting: &'a Setting,
    source: Source<'a>,
    batches: u32,
    verdict: Verdict,
}

impl Audit<'_> {
    /// What a fault before the first command of something means.
    fn refuse(&self, origin: Origin, fault: Fault) -> Failure {
        self.fail(origin, 0, None, fault)
    }

    fn fail(
        &self,
        origin: Origin,
        at: usize,
        command: Option<&'static str>,
        fault: Fault,
    ) -> Failure {
        match fault {
            Fault::Rule(rule) => Failure::Refused(Refusal {
                engine: self.setting.engine,
                origin,
                offset: u64::try_from(at).unwrap_or(u64::MAX).saturating_mul(DWORD),
                command,
                rule,
            }),
            Fault::Host(error) => Failure::Host(error),
        }
    }

    /// Copies what has a size that is known.
    fn add_runs(&mut self, runs: &Runs) -> Result<(), Failure> {
        let copied = self.source.runs(runs);
        let added = copied.and_then(|dwords| self.add(runs.origin, dwords));
        added.map_err(|fault| self.refuse(runs.origin, fault))
    }

    fn add(&mut self, origin: Origin, dwords: KVVec<u32>) -> Result<(), Fault> {
        let stream = Stream { origin, dwords };
        Ok(self.verdict.streams.push(stream, GFP_KERNEL)?)
    }

    /// The index of a batch, which is audited in its turn.
    fn batch(&mut self, start: Start) -> Result<usize, Fault> {
        let origin = Origin::Batch {
            address: start.address,
            second: start.second,
        };
        let streams = &self.verdict.streams;
        if let Some(known) = streams.iter().position(|stream| stream.origin == origin) {
            return Ok(known);
        }
        let index = streams.len();
        let limit = self.setting.limits.batches;
        self.batches = self.batches.saturating_add(1);
        if self.batches > limit {
            let unit = "privileged batches";
            return Err(Rule::Budget { limit, unit }.into());
        }
        address::check(&self.setting.reach, start.address, DWORD)?;
        self.add(origin, KVVec::new())?;
        Ok(index)
    }

    /// Audits a stream.
    fn walk(&mut self, index: usize) -> Result<(), Failure> {
        let Some(stream) = self.verdict.streams.get_mut(index) else {
            return Ok(());
        };
        let origin = stream.origin;
        let dwords = core::mem::take(&mut stream.dwords);
        let mut copy = match origin {
            Origin::Ring | Origin::IndirectContext(_) => PrivateCopy::whole(dwords),
            Origin::PerContext(address) | Origin::Batch { address, .. } => {
                PrivateCopy::batch(address)
            }
        };
        let mut cursor = Cursor::new();
        loop {
            let at = cursor.at();
            let mut row = None;
            match self.step(index, origin, &mut copy, &mut cursor, &mut row) {
                Ok(true) => {}
                Ok(false) => break,
                Err(fault) => return Err(self.fail(origin, at, row.map(|r| r.name), fault)),
            }
        }
        let closed = close(&mut copy, origin, cursor.at());
        closed.map_err(|fault| self.fail(origin, cursor.at(), None, fault))?;
        if let Some(stream) = self.verdict.streams.get_mut(index) {
            stream.dwords = copy.dwords;
        }
        Ok(())
    }

    /// Audits the next command; whether there is one behind it. `row` is which one it is, as soon
    /// as that is known.
    fn step(
        &mut self,
        index: usize,
        origin: Origin,
        copy: &mut PrivateCopy,
        cursor: &mut Cursor,
        row: &mut Option<&'static Row>,
    ) -> Result<bool, Fault> {
        let mut fill = |copy: &mut PrivateCopy, length| match cursor.end(length) {
            Some(end) => copy.fill(end, &mut self.source),
            None => Ok(()),
        };
        fill(copy, 1)?;
        let Some(header) = cursor.header(&copy.dwords) else {
            return Ok(false);
        };
        self.verdict.commands = self.verdict.commands.saturating_add(1);
        let limit = self.setting.limits.commands;
        if self.verdict.commands > limit {
            let unit = "commands";
            return Err(Rule::Budget { limit, unit }.into());
        }
        let found = table::find(self.setting.platform, self.setting.engine, header)
            .ok_or(Rule::Unknown { header })?;
        *row = Some(found);
        let length = found.length.of(header)?;
        fill(copy, length)?;
        let first = cursor.at();
        let mut command = cursor.take(&mut copy.dwords, length)?;
        let mut scene = Scene {
            setting: self.setting,
            origin,
            behind: cursor.at(),
            verdict: &mut self.verdict,
        };
        match act(&mut scene, found.action, &mut command)? {
            Flow::Next => Ok(true),
            Flow::End => Ok(false),
            #[cfg(feature = "mutants")]
            Flow::Start(start) if mutant::is(Mutant::BatchCopy) => {
                self.batch(start)?;
                Ok(!start.ends)
            }
            Flow::Start(start) => {
                control::unlink(&mut command)?;
                let link = Link {
                    stream: index,
                    dword: first.saturating_add(control::START_ADDRESS),
                    target: self.batch(start)?,
                };
                self.verdict.links.push(link, GFP_KERNEL)?;
                Ok(!start.ends)
            }
        }
    }
}

/// Does what the table says about a command.
fn act(scene: &mut Scene<'_>, action: Action, command: &mut Operands<'_>) -> Result<Flow, Fault> {
    #[cfg(feature = "mutants")]
    if mutant::passes(action) {
        return Ok(Flow::Next);
    }
    match action {
        Action::Pass => {}
        Action::Refuse(reason) => return Err(Rule::Forbidden(reason).into()),
        Action::Display => command.drop_command(),
        Action::Predicate => control::set_predicate(scene)?,
        Action::UserInterrupt => control::user_interrupt(scene, command),
        Action::ReportHead => control::report_head(scene, command)?,
        Action::SemaphoreWait => control::semaphore_wait(scene, command)?,
        Action::ConditionalEnd => control::conditional_end(scene, command)?,
        Action::BatchEnd => return Ok(control::batch_end(scene)?),
        Action::BatchStart => return Ok(control::batch_start(scene, command)?),
        Action::Flip => display::flip(scene, command)?,
        Action::LoadImmediate => load::immediate(scene, command)?,
        Action::LoadRegister => load::from_memory(scene, command)?,
        Action::StoreRegister => load::to_memory(scene, command)?,
        Action::CopyRegister => load::register(scene, command)?,
        Action::StoreData => store::data(scene, command)?,
        Action::CopyMemory => store::copy(scene, command)?,
        Action::Atomic => store::atomic(scene, command)?,
        Action::FlushDw => flush::flush_dw(scene, command)?,
        Action::PipeControl => flush::pipe_control(scene, command)?,
    }
    Ok(Flow::Next)
}

/// Ends a copy behind its last command, so that nothing else is ever executed.
///
/// `MI_SET_PREDICATE` may make the GPU skip what ends a batch; itself it is never skipped. So each
/// batch gets another end. Behind a ring the engine goes on with commands of the host: nothing is
/// skipped there, and other contexts may take over.
fn close(copy: &mut PrivateCopy, origin: Origin, end: usize) -> Result<(), Fault> {
    match origin {
        Origin::Ring => copy
            .dwords
            .extend_from_slice(&control::RING_END, GFP_KERNEL)?,
        Origin::IndirectContext(_) => {
            let rest = copy.dwords.get_mut(end..).unwrap_or_default();
            rest.fill(control::NOOP);
        }
        Origin::PerContext(_) | Origin::Batch { .. } => {
            copy.dwords.truncate(end);
            copy.dwords
                .extend_from_slice(&control::SECOND_END, GFP_KERNEL)?;
        }
    }
    Ok(())
}
