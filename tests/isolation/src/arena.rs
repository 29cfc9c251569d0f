// SPDX-License-Identifier: GPL-2.0 OR MIT
//! One GPU, two VMs, and a judge.

use crate::commands;
use crate::guest::{
    Close, Guest, Left, Place, DATA, ENGINES, FIRST, MAPPED, PPGTT, SECRET, UNMAPPED,
};
use crate::host::Watched;
use crate::judge::Judge;
use crate::turns::{Ends, Turns};
use gen9_gpu::{Activity, DmaAddress};
use gvt_host::World as _;
use hosted_glue::bed::Bed;
use hosted_glue::card::Card;
use hosted_glue::client::Attachment;
use hosted_glue::machine::Machine;
use iface::types::{ContextRequest, GGTT_PAGE_SHIFT, PTE_ADDRESS};
use kvmgt_core::address::{Gfn, PAGE_SHIFT, PAGE_SIZE};
use kvmgt_core::hardware::Engine;
use kvmgt_core::host::Host;
use kvmgt_core::vgpu::kind::Kind;
use kvmgt_core::vgpu::shares::Shares;
use std::ops::Range;

/// The GPU.
const GPU: &str = "kbl,display=off";
/// Memory of the two VMs, 1 GiB each.
const MEMORY: [Range<u64>; 2] = [4 << 30..5 << 30, 5 << 30..6 << 30];
/// Pages of the machine's memory that a guest's page numbers would be if they were addresses.
const PLANTED: [Gfn; 6] = [
    FIRST,
    Gfn(FIRST.0 + DATA),
    Gfn(FIRST.0 + SECRET),
    MAPPED,
    Gfn(MAPPED.0 + 1),
    UNMAPPED,
];

/// What came of an attack.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What the judge objects to.
    pub violations: Vec<String>,
    /// What there is more of than before, of all that a vGPU takes.
    pub left: Vec<String>,
}

/// Two VMs: the attacker is the first.
pub struct Arena<'b> {
    bed: &'b Bed,
    kvmgt: &'b Attachment<'b>,
    /// Both.
    pub guests: Vec<Guest<'b>>,
    /// The judge.
    pub judge: Judge<'b>,
    /// An address of the GGTT where the host has something, and where that is in memory.
    pub hosts: (u64, u64),
}

/// Bytes as dwords.
fn dwords(bytes: &[u8]) -> Vec<u32> {
    let dwords = bytes.chunks_exact(4).map(|dword| dword.try_into());
    dwords
        .map(|dword| u32::from_le_bytes(dword.unwrap_or_default()))
        .collect()
}

/// What is taken of a GPU.
fn taken(card: &Card) -> [(&'static str, u64); 4] {
    let pages = card.pages_taken().iter().map(|(_, pages)| pages).sum();
    [
        ("pages of the GGTT", pages),
        ("pages of the host half", card.own_pages()),
        ("fences", card.fences_taken().len() as u64),
        ("wakerefs", card.wakerefs() as u64),
    ]
}

/// Lets a guest attack, and says what came of it.
pub fn run(attack: impl FnOnce(&mut Arena<'_>)) -> Verdict {
    run_on(GPU, attack)
}

/// The same on the GPU that `gpu` describes, as the lab's `--gpu` does.
pub fn run_on(gpu: &str, attack: impl FnOnce(&mut Arena<'_>)) -> Verdict {
    let bed = Bed::new(gpu);
    let kvmgt = bed.attach();
    let turns = Turns::new(bed.card(), kvmgt.events());
    play(&bed, &kvmgt, &turns, attack)
}

/// The same on a GPU that kvmgt has, and with somebody else to say whose turn it is.
pub fn play(
    bed: &Bed,
    kvmgt: &Attachment<'_>,
    turns: &dyn Ends,
    act: impl FnOnce(&mut Arena<'_>),
) -> Verdict {
    let before = taken(bed.card());
    let mut verdict = Verdict::default();
    {
        let secret = bed.card().memory_alloc(1).expect("there is room");
        let address = secret.first.0 << GGTT_PAGE_SHIFT;
        let mut arena = Arena::new(bed, kvmgt, turns, address);
        act(&mut arena);
        verdict.violations = arena.judge.finish(&arena.guests);
        for guest in arena.guests {
            let id = guest.id();
            let left = guest.close(bed.card().scratch_page());
            if left != Left::default() {
                verdict.left.push(format!("{id}: {left:?}"));
            }
        }
    }
    let after = taken(bed.card());
    let more = Iterator::zip(before.iter(), &after).filter(|(before, after)| before != after);
    let more = more.map(|((what, before), (_, after))| format!("{what}: {before} → {after}"));
    verdict.left.extend(more);
    verdict
}

impl Arena<'static> {
    /// An arena that lasts as long as the process: what is around it is never dropped.
    pub fn leaked() -> Self {
        let bed: &Bed = Box::leak(Box::new(Bed::new(GPU)));
        let kvmgt: &Attachment<'_> = Box::leak(Box::new(bed.attach()));
        let turns: &Turns<'_> = Box::leak(Box::new(Turns::new(bed.card(), kvmgt.events())));
        let secret = bed.card().memory_alloc(1).expect("there is room");
        let address = secret.first.0 << GGTT_PAGE_SHIFT;
        // The host has it as long as the arena.
        std::mem::forget(secret);
        Self::new(bed, kvmgt, turns, address)
    }
}

impl<'b> Arena<'b> {
    fn new(bed: &'b Bed, kvmgt: &'b Attachment<'b>, turns: &'b dyn Ends, address: u64) -> Self {
        let place = Place {
            memory: bed.machine().memory(),
            device: kvmgt.device(),
            turns,
        };
        let mut shares = Shares::new(&Host::info(kvmgt.host()).expect("it is there"));
        let smallest = |kind: &&'static Kind| kind.aperture;
        let kind = shares.kinds().min_by_key(smallest).expect("there is one");
        let mut guests: Vec<_> = MEMORY
            .into_iter()
            .map(|memory| {
                let id = shares.take(kind).expect("there is room for two");
                let host = Watched::new(kvmgt.host(), bed.card());
                Guest::new(place, host, (id, kind), memory)
            })
            .collect();
        let parts = guests
            .iter_mut()
            .flat_map(|guest| [guest.aperture(), guest.high()]);
        let mut judge = Judge::new(bed.machine(), bed.card(), parts.collect());
        let memory = bed.machine().ggtt_entry(address >> GGTT_PAGE_SHIFT) & PTE_ADDRESS;
        judge.plant(memory);
        for gfn in PLANTED {
            judge.plant(gfn.0 << PAGE_SHIFT);
        }
        let victim = &guests[1];
        for gfn in [Gfn(FIRST.0 + SECRET), UNMAPPED, Gfn(MAPPED.0 + SECRET)] {
            judge.plant(victim.address(gfn));
        }
        judge.plant(guests[0].address(UNMAPPED));
        Self {
            bed,
            kvmgt,
            guests,
            judge,
            hosts: (address, memory),
        }
    }

    /// The guest that attacks.
    pub fn attacker(&mut self) -> &mut Guest<'b> {
        &mut self.guests[0]
    }

    /// The guest that does nothing wrong.
    pub fn victim(&mut self) -> &mut Guest<'b> {
        &mut self.guests[1]
    }

    /// kvmgt.
    pub fn kvmgt(&self) -> &'b Attachment<'b> {
        self.kvmgt
    }

    /// The machine.
    pub fn machine(&self) -> &'b Machine {
        self.bed.machine()
    }

    /// The card.
    pub fn card(&self) -> &'b Card {
        self.bed.card()
    }

    /// Addresses of the GGTT that the attacker may not reach: of the host, of the other guest, at
    /// the edges of its own part, and nobody's.
    pub fn forbidden(&self) -> Vec<u64> {
        let own = self.guests[0].aperture();
        let victim = self.guests[1].gma(SECRET);
        let beyond = own.end.max(self.guests[1].aperture().end);
        vec![0, self.hosts.0, victim, own.start - 8, own.end, beyond + 64]
    }

    /// What an engine's contexts begin with, in dwords.
    ///
    /// # Panics
    ///
    /// There is no such engine.
    pub fn default_state(&self, engine: Engine) -> Vec<u32> {
        let info = self.kvmgt.device().engine(engine).expect("there is one");
        let request = ContextRequest {
            engine: info.mask,
            commands: 2,
            ..ContextRequest::default()
        };
        let host = self.kvmgt.host();
        let fresh = host.ctx_create(&request).expect("it was recorded");
        let mut state = vec![0; fresh.image as usize];
        let read = host.ctx_read(fresh.handle, 0, &mut state);
        read.expect("it executes nothing");
        host.ctx_destroy(fresh.handle).expect("it executes nothing");
        dwords(&state)
    }

    /// The images of the attacker's contexts, as engines would restore them now, in dwords.
    pub fn images(&self) -> Vec<Vec<u32>> {
        let places: Vec<_> = self.guests[0].host.with_owned(|owned| {
            let contexts = owned.contexts.values();
            contexts.map(|places| places.image.clone()).collect()
        });
        places.into_iter().map(|place| self.read(place)).collect()
    }

    /// What is in memory behind a range of the GGTT, past everybody.
    fn read(&self, range: Range<u64>) -> Vec<u32> {
        let machine = self.bed.machine();
        let mut bytes = vec![0; PAGE_SIZE as usize];
        let pages = range.step_by(PAGE_SIZE as usize);
        let read = pages.flat_map(|at| {
            let page = DmaAddress(machine.ggtt_entry(at >> GGTT_PAGE_SHIFT) & PTE_ADDRESS);
            let read = machine.memory().read(page, &mut bytes);
            read.expect("it is the machine's memory");
            dwords(&bytes)
        });
        read.collect()
    }

    /// What the judge objects to since it was last asked, of what was reached and of registers.
    pub fn look(&mut self) -> Vec<String> {
        self.judge.look(&self.guests);
        self.judge.look_at_registers();
        self.judge.take_violations()
    }

    /// The same, and of the whole GGTT.
    pub fn look_at_all(&mut self) -> Vec<String> {
        self.judge.finish(&self.guests)
    }

    /// Writes an entry of the GGTT past everybody; gives the old one.
    pub fn replace_entry(&self, page: u64, entry: u64) -> u64 {
        let old = self.bed.machine().ggtt_entry(page);
        self.bed.machine().ggtt_write(page, &[entry]);
        self.bed.machine().ggtt_flush();
        old
    }

    /// The attacker's CPU reads a dword of its own part of the aperture, and writes another one there.
    ///
    /// # Panics
    ///
    /// If the address is not of its part: a VMM does not get there.
    pub fn exchange(&self, at: u64, value: u32) -> u32 {
        assert!(self.guests[0].aperture().contains(&at));
        let mut data = [0; 4];
        let mut gpu = self.bed.machine().gpu();
        gpu.bar2_read(at, &mut data);
        gpu.bar2_write(at, &value.to_le_bytes());
        u32::from_le_bytes(data)
    }

    /// The host sleeps and wakes up.
    pub fn sleep(&mut self) {
        self.bed.i915.sleep();
        self.judge.program_registers();
    }

    /// i915 resets the whole GPU.
    pub fn reset_gpu(&mut self) {
        self.begin_reset();
        self.end_reset();
    }

    /// The same, up to where i915 restores what the GPU lost.
    pub fn begin_reset(&mut self) {
        self.bed.i915.begin_reset();
        self.judge.program_registers();
    }

    /// The rest of it.
    pub fn end_reset(&mut self) {
        self.bed.i915.end_reset();
        self.judge.program_registers();
    }

    /// Lets all be executed that there is, until nothing happens any more. What makes no progress is
    /// given up, as i915 does.
    pub fn execute(&mut self) {
        while self.step() {}
        self.judge.look_at_registers();
    }

    fn step(&mut self) -> bool {
        let activity = self.card().run_engines();
        self.judge.look(&self.guests);
        let mut any = false;
        for guest in &mut self.guests {
            any |= guest.work();
        }
        if any || activity == Activity::Idle {
            return any;
        }
        let model = self.bed.machine().model();
        let engines = model.engines(self.bed.machine().options().device_id);
        let hung = engines.filter(|engine| self.card().declare_hung(*engine));
        hung.count() != 0
    }

    /// The attacker executes commands in a new context.
    pub fn execute_with(&mut self, engine: Engine, commands: &[u32]) {
        self.attacker().context(commands);
        self.attacker().submit(engine);
        self.execute();
    }

    /// The same, and it resets its engines then, which may have hung.
    pub fn attack_with(&mut self, engine: Engine, commands: &[u32]) {
        self.execute_with(engine, commands);
        self.attacker().reset_engines();
    }

    /// Both guests do something that is right, on all engines, with both kinds of addresses, and
    /// find what they expect.
    pub fn check_work(&mut self) {
        for number in 0..self.guests.len() {
            self.check_work_of(number);
        }
    }

    /// The same of one of them.
    pub fn check_work_of(&mut self, number: usize) {
        for (engine, value) in ENGINES
            .into_iter()
            .zip((0x1000_0001..).step_by(0x1000_0000))
        {
            let guest = &mut self.guests[number];
            let value = value + number as u32;
            guest.complaints();
            let data = guest.gma(DATA);
            guest.context(&commands::all([
                commands::store(data, value),
                commands::store_in_ppgtt(PPGTT + 8, value + 1),
                commands::copy(data + 4, data),
            ]));
            guest.submit(engine);
            self.execute();
            let guest = &mut self.guests[number];
            let (gfn, mapped) = (Gfn(FIRST.0 + DATA), MAPPED);
            let found = [
                guest.load(gfn, 0),
                guest.load(gfn, 1),
                guest.load(mapped, 2),
            ];
            let said = guest.complaints();
            assert_eq!(found, [value, value, value + 1], "{engine:?}: {said:?}");
        }
    }
}
