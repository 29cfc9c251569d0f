// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vGPU with a guest that has work for all engines at the same time.

use gen9_gpu::engine::event;
use gen9_gpu::{DmaAddress, DmaMemory};
use hosted_glue::commands;
use hosted_glue::guest::{
    Guest, Place, Spot, Tables, DATA, ENGINES, FIRST, MAPPED, PPGTT, PRESENT, STATUS, TABLES,
};
use iface::client::Host;
use kernel::error::code::{EINVAL, EIO};
use kernel::error::Result;
use kernel::testing::{log, Level};
use kvmgt_core::address::{Gfn, PAGE_SHIFT, PAGE_SIZE};
use kvmgt_core::hardware::Engine;
use kvmgt_core::vgpu::kind::Kind;
use kvmgt_core::vgpu::shares::VgpuId;

/// Bytes of memory that a VM has, and where that of the first begins in the machine's.
const MEMORY: u64 = 1 << 30;
const FIRST_MEMORY: u64 = 4 << 30;
/// Pages of a VM's memory that its driver uses: up to here.
const USED_PAGES: u64 = MAPPED.0 + 8;
/// The first page of the aperture for contexts, and pages of each, ring and image: that of the render
/// engine, and others.
const PAGES: u64 = 40;
const LARGE: u64 = 24;
const SMALL: u64 = 4;
/// Dwords of memory that an engine has, in a page of the GGTT and in one of the PPGTT.
const ROOM: u64 = 4;
/// Dwords of the status page: the first status event, and which is the last (observed: i915).
const EVENTS: u64 = 0x10;
const LAST: u64 = 0x1f;
/// How many contexts can be told apart, by the number of a round.
const ROUNDS: u32 = 1 << 12;
/// Groups of interrupts that the engines have.
const GROUPS: [&str; 3] = ["0", "1", "3"];
/// Interrupts of an engine, from its first bit on: it was asked for, and the context was switched
/// (PRM Vol 2c, GT Interrupt Bit Definition).
const INTERRUPTS: u32 = 1 << 0 | 1 << 8;

/// Where an engine's interrupts are: the group, and the first bit.
fn interrupts(engine: Engine) -> (&'static str, u32) {
    match engine {
        Engine::Rcs => ("0", 0),
        Engine::Bcs => ("0", 16),
        Engine::Vcs => ("1", 0),
        Engine::Vcs1 => ("1", 16),
        Engine::Vecs => ("3", 0),
    }
}

/// A vGPU with a guest that works.
pub struct Driven {
    guest: Guest<'static, &'static Host<'static>>,
    /// How often it has submitted.
    round: u32,
}

impl Driven {
    /// A vGPU that the guest's driver has set up, in memory that was empty.
    pub fn new(
        place: Place<'static>,
        host: &'static Host<'static>,
        (id, kind): (VgpuId, &'static Kind),
    ) -> Result<Self> {
        let start = FIRST_MEMORY + MEMORY * u64::from(id.number() - 1);
        clear(place.memory, start)?;
        let mut guest = Guest::try_new(place, host, (id, kind), start..start + MEMORY)?;
        let last = spot(ENGINES.len() as u64 - 1, 0);
        for page in PAGES..last.ring + SMALL {
            guest.map(page, (FIRST.0 + page) << PAGE_SHIFT | PRESENT);
        }
        for group in GROUPS {
            guest.set(&format!("GEN8_GT_IMR_{group}"), 0);
        }
        Ok(Self { guest, round: 0 })
    }

    /// Which vGPU it is.
    pub fn id(&self) -> VgpuId {
        self.guest.id()
    }

    /// The type of it.
    pub fn kind(&self) -> &'static Kind {
        self.guest.kind()
    }

    /// Submits to each engine a context that stores values, by both kinds of addresses, copies one and
    /// asks for an interrupt; gives how many engines those are.
    pub fn submit(&mut self) -> u64 {
        self.round = (self.round + 1) % ROUNDS;
        for group in GROUPS {
            let pending = format!("GEN8_GT_IIR_{group}");
            // What came while it was pending is pending once more.
            self.guest.set(&pending, u32::MAX);
            self.guest.set(&pending, u32::MAX);
        }
        for (number, engine) in (0..).zip(ENGINES) {
            let value = self.value(number);
            let data = self.guest.gma(DATA) + number * ROOM * 4;
            let work = commands::all([
                commands::store(data, value),
                commands::store_in_ppgtt(PPGTT + number * ROOM * 4, value + 1),
                commands::copy(data + 4, data),
                commands::user_interrupt(),
            ]);
            let (spot, tables) = (spot(number, self.round), Tables::Four(TABLES));
            let goes_on = self.round != 1;
            self.guest.put_context(spot, tables, goes_on, &work);
            let descriptor = self.guest.descriptor_of(spot, tables);
            self.guest.submit_as(engine, descriptor);
        }
        ENGINES.len() as u64
    }

    /// Tells the vGPU what has ended, and looks whether everything is as it should be then; gives how
    /// many engines have worked.
    ///
    /// # Errors
    ///
    /// `EIO` something is not, which was printed; `EINVAL` nothing was submitted.
    pub fn check(&mut self) -> Result<u64> {
        if self.round == 0 {
            return Err(EINVAL);
        }
        self.guest.work();
        let mut wrong = self.guest.complaints();
        for (number, engine) in (0..).zip(ENGINES) {
            wrong.extend(self.objections(number, engine));
        }
        for what in &wrong {
            log(Level::Err, &format!("kvmgt {}: {what}", self.id()));
        }
        match wrong.is_empty() {
            true => Ok(ENGINES.len() as u64),
            false => Err(EIO),
        }
    }

    /// What is not as it should be after an engine has worked.
    fn objections(&mut self, number: u64, engine: Engine) -> Vec<String> {
        let guest = &mut self.guest;
        let mut wrong = Vec::new();
        let data = Gfn(FIRST.0 + DATA);
        let found = [(data, 0), (data, 1), (MAPPED, 0)]
            .map(|(gfn, dword)| guest.load(gfn, number * ROOM + dword));
        let status = Gfn(FIRST.0 + STATUS[number as usize]);
        let last = EVENTS + 2 * u64::from(guest.load(status, LAST));
        let event = [last, last + 1].map(|dword| guest.load(status, dword));
        let (group, bit) = interrupts(engine);
        let pending = guest.get(&format!("GEN8_GT_IIR_{group}")) >> bit & INTERRUPTS;
        let (value, spot) = (self.value(number), spot(number, self.round));
        if found != [value, value, value + 1] {
            wrong.push(format!(
                "{engine:?} has stored {found:#x?} instead of {value:#x}"
            ));
        }
        if event[0] & event::COMPLETE == 0 || event[1] != spot.id {
            wrong.push(format!(
                "{engine:?} has last told {event:#x?} instead of the end of {:#x}",
                spot.id
            ));
        }
        if pending != INTERRUPTS {
            wrong.push(format!(
                "{engine:?} has interrupted for {pending:#x} instead of {INTERRUPTS:#x}"
            ));
        }
        wrong
    }

    /// What an engine stores in this round.
    fn value(&self, number: u64) -> u32 {
        (number as u32 + 1) << 28 | self.id().number() << 20 | self.round << 4
    }

    /// The guest lets go of the vGPU, which goes away; whether nothing is left of it.
    pub fn go(self) -> bool {
        let mut guest = self.guest;
        guest.let_go();
        let left = (guest.pins(), guest.pool.used());
        guest.destroy();
        left == (0, 0)
    }
}

/// Where the context of the engine with that number is, and what it is called in a round.
fn spot(number: u64, round: u32) -> Spot {
    let ring = match number {
        0 => PAGES,
        _ => PAGES + LARGE + (number - 1) * SMALL,
    };
    Spot {
        image: ring + 1,
        ring,
        id: round << 4 | number as u32,
    }
}

/// Empties the memory that a guest's driver uses, which another guest may have had.
fn clear(memory: &dyn DmaMemory, start: u64) -> Result {
    for page in 0..USED_PAGES {
        let at = DmaAddress(start + page * PAGE_SIZE);
        let cleared = memory.write(at, &[0; PAGE_SIZE as usize]);
        cleared.map_err(|_| EINVAL)?;
    }
    Ok(())
}
