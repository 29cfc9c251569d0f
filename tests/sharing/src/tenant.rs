// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A guest that has work for the blitter as long as it is told to: one context, whose ring it goes on
//! filling while the engine executes, as i915 does.

use hosted_glue::turns::{Seat, Turns};
use iface::client::Outcome;
use isolation::commands;
use isolation::guest::{Guest, BATCH, DATA, FIRST, MAPPED, PPGTT, RING, TAIL, USER_BATCH};
use isolation::turns::Ends;
use kvmgt_core::address::{Gfn, PAGE_SIZE};
use kvmgt_core::hardware::Engine;
use kvmgt_core::schedule::{self, Tag};
use kvmgt_core::vgpu::shares::VgpuId;

/// The engine that guests want.
pub const ENGINE: Engine = Engine::Bcs;
/// Bytes that a row has, which is a page.
const PITCH: u64 = PAGE_SIZE;
/// Bytes that the blitter moves in a nanosecond, and nanoseconds of a microsecond.
const BYTES_PER_NANO: u64 = 16;
const MICRO: u64 = 1000;
/// Rows of a blit at most: their number is signed.
const MOST_ROWS: u32 = i16::MAX as u32;
/// Mapped pages: where rows come from, and where they go.
const SOURCE: u64 = 1;
const DESTINATION: u64 = 2;
/// Dwords of the ring that a unit of work takes, and how many the ring has.
const UNIT: u64 = 8;
const UNITS: u64 = PAGE_SIZE / 4 / UNIT;
/// Units that are submitted and not done at most: one that is executed, and the next.
const AHEAD: u32 = 2;
/// XY_SRC_COPY_BLT of all bytes of pixels (PRM Vol 2a); ten dwords.
const COPY_ROWS: u32 = 2 << 29 | 0x53 << 22 | 3 << 20 | 8;
/// Pixels have 32 bits, and the destination becomes the source.
const DEPTH_AND_ROP: u32 = 3 << 24 | 0xcc << 16;

/// What one vGPU sees of the schedules, and of the ends of what it has submitted.
pub struct Place<'b> {
    turns: &'b Turns<'b>,
    seat: Seat<'b>,
}

impl<'b> Place<'b> {
    /// That in a GPU's schedules.
    pub fn new(turns: &'b Turns<'b>, seat: Seat<'b>) -> Self {
        Self { turns, seat }
    }
}

impl Ends for Place<'_> {
    fn turns(&self) -> &dyn schedule::Turns {
        &self.seat
    }

    fn take_ended(&self, id: VgpuId) -> Option<(Tag, Outcome)> {
        self.turns.take_ended(id)
    }
}

/// A VM whose guest wants the blitter.
pub struct Tenant<'b> {
    /// The guest.
    pub guest: Guest<'b>,
    submitted: u32,
    wants: bool,
}

impl<'b> Tenant<'b> {
    /// A guest that has nothing to do yet; each unit of its work takes so many microseconds.
    pub fn new(guest: Guest<'b>, micros: u64) -> Self {
        let mut tenant = Self {
            guest,
            submitted: 0,
            wants: false,
        };
        tenant.set_unit(micros);
        let slot = tenant.slot(commands::batch_in_ppgtt(PPGTT + USER_BATCH * PAGE_SIZE));
        tenant.guest.context(&[]);
        tenant.guest.put(RING, &slot.repeat(UNITS as usize));
        for dword in 0..PITCH / 4 {
            let value = pattern(tenant.guest.id(), dword);
            tenant.guest.store(Gfn(MAPPED.0 + SOURCE), dword, value);
        }
        tenant
    }

    /// Each unit of work that begins from now on takes so many microseconds.
    ///
    /// # Panics
    ///
    /// A blit has not so many rows.
    pub fn set_unit(&mut self, micros: u64) {
        let rows = (micros * MICRO * BYTES_PER_NANO / PITCH) as u32;
        assert!(rows <= MOST_ROWS, "{micros} us are {rows} rows");
        let [from, to] = [SOURCE, DESTINATION].map(|page| (PPGTT + page * PAGE_SIZE) as u32);
        // All rows are the same one: the pitch is 0.
        let batch = [
            COPY_ROWS,
            DEPTH_AND_ROP,
            0,
            rows << 16 | (PITCH / 4) as u32,
            to,
            0,
            0,
            0,
            from,
            0,
        ];
        let batch = [batch.as_slice(), &commands::batch_end()].concat();
        self.guest.put_memory(Gfn(MAPPED.0 + USER_BATCH), &batch);
    }

    /// From now on it wants the engine, or wants it no more.
    pub fn want(&mut self, wants: bool) {
        self.wants = wants;
    }

    /// Whether what it has submitted is done.
    pub fn is_done(&self) -> bool {
        self.done() == self.submitted
    }

    /// Units that the GPU has executed, as it has counted them in the guest's memory.
    pub fn done(&self) -> u32 {
        self.guest.load(Gfn(FIRST.0 + DATA), 0)
    }

    /// Submits what it has to; whether there was anything.
    pub fn feed(&mut self) -> bool {
        let mut any = false;
        while self.wants && self.submitted - self.done() < AHEAD {
            self.submit();
            any = true;
        }
        any
    }

    /// Submits one more unit.
    pub fn submit(&mut self) {
        self.submitted += 1;
        let tail = u64::from(self.submitted) % UNITS * UNIT * 4;
        self.guest.set_image(TAIL, tail as u32);
        self.guest.submit(ENGINE);
    }

    /// Has the next unit, and all behind it, wait for what never comes.
    pub fn hang(&mut self) {
        let never = self.guest.gma(BATCH);
        let slot = self.slot(commands::wait(never, u32::MAX));
        self.guest.put(RING, &slot.repeat(UNITS as usize));
    }

    /// It has found that its engine hangs: it resets it, and begins anew.
    pub fn recover(&mut self) {
        let slot = self.slot(commands::batch_in_ppgtt(PPGTT + USER_BATCH * PAGE_SIZE));
        self.guest.reset_engines();
        self.guest.context(&[]);
        self.guest.put(RING, &slot.repeat(UNITS as usize));
        self.guest.store(Gfn(FIRST.0 + DATA), 0, 0);
        self.submitted = 0;
    }

    /// The GPU has copied what the guest has.
    ///
    /// # Panics
    ///
    /// It has not.
    pub fn check(&self) {
        let id = self.guest.id();
        for dword in 0..PITCH / 4 {
            let found = self.guest.load(Gfn(MAPPED.0 + DESTINATION), dword);
            assert_eq!(found, pattern(id, dword), "{id}: dword {dword}");
        }
    }

    /// A unit in the ring: commands, and one that counts.
    fn slot(&self, commands: Vec<u32>) -> Vec<u32> {
        let mut slot = [commands, commands::increment(self.guest.gma(DATA))].concat();
        slot.resize(UNIT as usize, commands::NOOP);
        slot
    }
}

/// What a guest has in its source.
fn pattern(id: VgpuId, dword: u64) -> u32 {
    id.number() << 24 | dword as u32
}
