// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A guest on one engine, with two contexts.

use super::registers::{self, Contested};
use super::script::{self, Results, BEGUN, ENDED, RELEASED};
use super::{Dice, Progress};
use crate::commands::{all, batch_end, batch_in_ppgtt, load};
use crate::guest::{
    Guest, Spot, Tables, ENGINES, FIRST, MAPPED, PPGTT, PRESENT, STATUS, TABLES, WRITABLE,
};
use gen9_gpu::engine::event;
use iface::registers::Platform;
use kvmgt_core::address::{Gfn, PAGE_SHIFT, PAGE_SIZE};
use kvmgt_core::hardware::Engine;
use kvmgt_core::schedule::time::Time;

/// Contexts of an engine.
const CONTEXTS: usize = 2;
/// The first page of the aperture for them, and pages of each, image and ring: those of the render
/// engine, and others.
const PAGES: u64 = 40;
const LARGE: u64 = 24;
const SMALL: u64 = 4;
/// The first page of the PPGTT for them, and pages of each: a batch, and what it stores.
const MAPPED_FROM: u64 = 8;
const MAPPED_EACH: u64 = 2;
/// Registers that a run loads.
const LOADS: u32 = 8;
/// Dwords of the status page: the first status event, and the write pointer (observed: i915).
const EVENTS: u64 = 0x10;
const WRITE_POINTER: u64 = 0x1f;
/// Status events that there is room for.
const ROOM: u32 = 6;
/// Ids of contexts begin here.
const IDS: u32 = 0x100;

/// A context.
struct Run {
    spot: Spot,
    /// Its pages of the PPGTT.
    mapped: u64,
    /// The number of the run, if there is one.
    run: Option<u32>,
    /// The registers that it loads, by their places.
    loads: Vec<(usize, u32)>,
    /// It was submitted, and did not come back.
    is_out: bool,
    /// It ran before.
    is_used: bool,
    release: Option<Time>,
}

/// A guest on an engine.
pub struct Lane {
    guest: usize,
    side: u32,
    engine: Engine,
    contested: Vec<(Contested, u32)>,
    runs: [Run; CONTEXTS],
    last: u32,
    read: u32,
    /// Runs that were checked.
    pub checked: u64,
    /// Runs that came back before they had begun.
    pub preempted: u64,
}

impl Lane {
    /// Guest number `guest`, which is `side` in the contest: writes all registers by its CPU.
    pub fn new(
        guests: &mut [Guest<'_>],
        guest: usize,
        side: u32,
        engine: Engine,
        platform: Platform,
    ) -> Self {
        let own = &mut guests[guest];
        let number = ENGINES
            .iter()
            .position(|one| *one == engine)
            .expect("it is one of them") as u64;
        let contested: Vec<_> = registers::contested(platform, engine)
            .into_iter()
            .map(|register| (register, register.value(side, 0)))
            .collect();
        for (register, value) in &contested {
            own.write(
                register.offset.into(),
                &register.written(*value).to_le_bytes(),
            );
        }
        let first = |context: u64| number * CONTEXTS as u64 + context;
        let runs = [0, 1].map(|context| {
            let image = match number {
                0 => PAGES + context * LARGE,
                _ => PAGES + 2 * LARGE + (first(context) - 2) * SMALL,
            };
            Run {
                spot: Spot {
                    image: image + 1,
                    ring: image,
                    id: IDS + first(context) as u32,
                },
                mapped: MAPPED_FROM + first(context) * MAPPED_EACH,
                run: None,
                loads: Vec::new(),
                is_out: false,
                is_used: false,
                release: None,
            }
        });
        for run in &runs {
            let pages = if number == 0 { LARGE } else { SMALL };
            for page in run.spot.ring..run.spot.ring + pages {
                own.map(page, (FIRST.0 + page) << PAGE_SHIFT | PRESENT);
            }
            for page in run.mapped..run.mapped + MAPPED_EACH {
                let entry = (MAPPED.0 + page) << PAGE_SHIFT | PRESENT | WRITABLE;
                own.map_in_ppgtt(page, entry);
            }
        }
        let read = ROOM - 1;
        own.store(status(number as usize), WRITE_POINTER, read);
        Self {
            guest,
            side,
            engine,
            contested,
            runs,
            last: 0,
            read,
            checked: 0,
            preempted: 0,
        }
    }

    /// Looks what has begun and ended, and submits what can be.
    ///
    /// # Errors
    ///
    /// What it found that is not its own.
    pub fn step(
        &mut self,
        guests: &mut [Guest<'_>],
        dice: &mut Dice,
        now: Time,
        goes_on: bool,
    ) -> Result<Progress, String> {
        let guest = &mut guests[self.guest];
        for run in &mut self.runs {
            let has_begun = run
                .run
                .is_some_and(|number| run.load(guest, BEGUN) == number);
            if run.release.is_none() && has_begun {
                run.release = Some(now.after(dice.dwell()));
                for (place, value) in run.loads.drain(..) {
                    self.contested[place].1 = value;
                }
            }
        }
        let mut progress = Progress::Waits;
        while let Some((status, id)) = self.next_event(guest) {
            progress = Progress::Moved;
            let Some(place) = self.runs.iter().position(|run| run.spot.id == id) else {
                continue;
            };
            if status & event::COMPLETE != 0 {
                self.complete(guest, place)?;
            } else if status & event::PREEMPTED != 0 && status & event::LITE_RESTORE == 0 {
                self.runs[place].is_out = false;
                self.preempted += 1;
            }
        }
        if self.runs.iter().all(|run| !run.is_out) {
            let wants = goes_on || self.runs.iter().any(|run| run.run.is_some());
            if !wants {
                return Ok(Progress::Idle);
            }
            self.submit(guest, dice, goes_on);
            progress = Progress::Moved;
        }
        Ok(progress)
    }

    fn complete(&mut self, guest: &Guest<'_>, place: usize) -> Result<(), String> {
        let run = &mut self.runs[place];
        run.is_out = false;
        let Some(number) = run.run else {
            return Ok(());
        };
        if run.load(guest, ENDED) != number {
            // It had not begun when the next one came, or was executed in two parts.
            return Ok(());
        }
        run.run = None;
        run.release = None;
        run.is_used = true;
        self.checked += 1;
        let run = &self.runs[place];
        let expected = self
            .contested
            .iter()
            .map(|(register, value)| (register.offset, *value));
        script::check(|dword| run.load(guest, dword), expected)
            .map_err(|why| format!("{:?}: guest {}: {why}", self.engine, self.side))
    }

    /// Submits one context, or both, or one and then the other in its place.
    fn submit(&mut self, guest: &mut Guest<'_>, dice: &mut Dice, goes_on: bool) {
        let first = dice.below(2) as usize;
        let pair = [first, 1 - first];
        if goes_on {
            for place in pair {
                self.prepare(guest, dice, place);
            }
        }
        let tables = Tables::Four(TABLES);
        let descriptors = pair.map(|place| {
            let run = &self.runs[place];
            run.run.map_or(0, |_| guest.descriptor_of(run.spot, tables))
        });
        let lists: &[[u64; 2]] = match (descriptors, dice.below(3)) {
            ([0, only], _) => &[[only, 0]],
            ([one, 0], _) => &[[one, 0]],
            (both, 0) => &[both],
            ([one, other], 1) => &[[one, 0], [other, 0]],
            ([one, other], _) => &[[one, other], [other, 0]],
        };
        for list in lists {
            guest.submit_list(self.engine, *list);
        }
        for run in &mut self.runs {
            run.is_out |= run.run.is_some();
        }
    }

    /// Writes the next run of a context, unless the last one has yet to be executed.
    fn prepare(&mut self, guest: &Guest<'_>, dice: &mut Dice, place: usize) {
        let run = &mut self.runs[place];
        if run.run.is_some() {
            return;
        }
        self.last += 1;
        let number = self.last;
        for _ in 0..LOADS {
            let place = dice.below(self.contested.len() as u32) as usize;
            let (register, _) = self.contested[place];
            if register.by_ring {
                run.loads.push((place, register.value(self.side, number)));
            }
        }
        let loads = run.loads.iter().map(|(place, value)| {
            let (register, _) = self.contested[*place];
            load(register.offset, register.written(*value))
        });
        let batch = PPGTT + run.mapped * PAGE_SIZE;
        let ring = all(loads.chain([batch_in_ppgtt(batch)]));
        let registers = self.contested.iter().map(|(register, _)| register.offset);
        let mut commands = script::script(Results::Ppgtt(batch + PAGE_SIZE), registers, number);
        commands.extend(batch_end());
        guest.put_memory(Gfn(MAPPED.0 + run.mapped), &commands);
        guest.put_context(run.spot, Tables::Four(TABLES), run.is_used, &ring);
        run.run = Some(number);
    }

    /// Lets what has waited long enough go on.
    pub fn on_time(&mut self, guests: &[Guest<'_>], now: Time) {
        for run in &self.runs {
            if run.release.is_some_and(|at| at <= now) {
                run.go_on(&guests[self.guest]);
            }
        }
    }

    /// When [`on_time`](Self::on_time) has something to do.
    pub fn next(&self, guests: &[Guest<'_>]) -> Option<Time> {
        let guest = &guests[self.guest];
        let waiting = self.runs.iter().filter(|run| run.waits(guest));
        waiting.filter_map(|run| run.release).min()
    }

    fn next_event(&mut self, guest: &Guest<'_>) -> Option<(u32, u32)> {
        let number = ENGINES.iter().position(|one| *one == self.engine)?;
        let page = status(number);
        if self.read == guest.load(page, WRITE_POINTER) {
            return None;
        }
        self.read = (self.read + 1) % ROOM;
        let at = EVENTS + 2 * u64::from(self.read);
        Some((guest.load(page, at), guest.load(page, at + 1)))
    }
}

impl Run {
    fn load(&self, guest: &Guest<'_>, dword: u64) -> u32 {
        guest.load(Gfn(MAPPED.0 + self.mapped + 1), dword)
    }

    fn waits(&self, guest: &Guest<'_>) -> bool {
        self.run
            .is_some_and(|number| self.load(guest, RELEASED) != number)
    }

    fn go_on(&self, guest: &Guest<'_>) {
        if let Some(number) = self.run {
            guest.store(Gfn(MAPPED.0 + self.mapped + 1), RELEASED, number);
        }
    }
}

/// The status page of the engine with that number.
fn status(number: usize) -> Gfn {
    Gfn(FIRST.0 + STATUS[number])
}
