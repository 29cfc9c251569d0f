// SPDX-License-Identifier: GPL-2.0 OR MIT
//! From four writes to the submit port to what the guest finds in the end, on the blitter.

use super::*;
use crate::address::{Gfn, PAGE_SIZE};
use crate::guest::Event as GuestEvent;
use crate::hardware::Engine;
use crate::message::Complaint;
use crate::mmio::registers::named;
use crate::schedule::Tag;
use crate::testing::{FakeSubmission, Said};
use iface::client::Outcome;
use iface::types::{ENGINE_COPY, ENGINE_VIDEO_ENHANCE};
use kernel::testing::Ledger;
use std::string::{String, ToString};
use std::vec::Vec;

const ENGINE: Engine = Engine::Bcs;
/// Bytes of its contexts' images.
const IMAGE: u64 = 2 * PAGE_SIZE;

/// Pages of the vGPU's part of the aperture, by number: what the guest has there.
const STATUS_PAGE: u64 = 0;
const CONTEXT: u64 = 1;
const RING: u64 = 3;
/// The page of the guest's memory that the first of them is.
const FIRST: u64 = 0x100;
/// The guest's PML4 table.
const PML4: u64 = 0x200;

const NOOP: u32 = 0;
const USER_INTERRUPT: u32 = 0x02 << 23;
/// MI_LOAD_REGISTER_IMM of GDRST, which no guest may load.
const LOAD_GDRST: [u32; 4] = [0x22 << 23 | 1, 0x941c, 1, NOOP];

const HEAD: u64 = 0x05;
const TAIL: u64 = 0x07;
const TIMESTAMP: u64 = 0x23;

/// A default state: the registers of the ring, of page tables, and one that is only the engine's.
fn default_state() -> Vec<u8> {
    let mut dwords = std::vec![0_u32; (IMAGE / 4) as usize];
    let page = &mut dwords[1024..];
    let base = 0x2_2000;
    let mut at = 1;
    for registers in [
        [
            0x244, 0x34, 0x30, 0x38, 0x3c, 0x168, 0x140, 0x110, 0x11c, 0x114, 0x118,
        ]
        .as_slice(),
        [
            0x3a8, 0x28c, 0x288, 0x284, 0x280, 0x27c, 0x278, 0x274, 0x270,
        ]
        .as_slice(),
    ] {
        page[at] = 0x22 << 23 | (registers.len() as u32 * 2 - 1);
        for (index, register) in registers.iter().enumerate() {
            page[at + 1 + 2 * index] = base + register;
        }
        at = 0x21;
    }
    page[0x60] = 0x0a << 23;
    dwords
        .iter()
        .flat_map(|dword| dword.to_le_bytes())
        .collect()
}

/// A vGPU whose guest has set up its blitter.
struct Bed {
    host: FakeHost,
    device: Device,
    vm: FakeVm,
    vgpu: Vgpu,
}

/// The host half of a GPU with two engines that begin with `state`.
fn host(state: Vec<u8>) -> FakeHost {
    let mut host = testing::host(512 * MIB);
    host.info.engine_count = 2;
    for (engine, class) in [ENGINE_COPY, ENGINE_VIDEO_ENHANCE].into_iter().enumerate() {
        host.info.engines[engine] = iface::types::Engine {
            class,
            instance: 0,
            mask: 1 << engine,
            context_size: IMAGE,
        };
    }
    host.default_state = Some(state);
    host
}

impl Bed {
    fn new() -> Self {
        let host = host(default_state());
        let vgpu = make(&host, &KINDS[0]).unwrap();
        let device = testing::device(&host);
        let mut bed = Self {
            host,
            device,
            vm: FakeVm::default(),
            vgpu,
        };
        bed.with(|vgpu, world| vgpu.open(world).unwrap());
        bed.read_register("PVINFO");
        for page in 0..8 {
            let entry = (FIRST + page) << 12 | 1;
            let at = (bed.gma(page) >> 12) * 8 + (8 << 20);
            bed.with(|vgpu, world| {
                vgpu.write(world, Region::Bar0, at, &entry.to_le_bytes())
                    .unwrap();
            });
        }
        bed.set("BCS_RING_HWS_PGA", bed.gma(STATUS_PAGE) as u32);
        bed.set("BCS_RING_MODE", 0x8000_8000);
        bed.set("VECS_RING_MODE", 0x8000_8000);
        bed.set("GEN8_GT_IER_0", u32::MAX);
        bed.set("BCS_RING_IMR", 0);
        bed.set("GEN8_GT_IMR_0", 0);
        bed.set("GEN8_MASTER_IRQ", 1 << 31);
        bed.context(&[]);
        bed.vm.turns.said.borrow_mut().clear();
        bed
    }

    fn with<R>(&mut self, act: impl FnOnce(&mut Vgpu, &mut World<'_>) -> R) -> R {
        act(&mut self.vgpu, &mut self.vm.world(&self.device, &self.host))
    }

    /// The GGTT address of one of the guest's pages.
    fn gma(&self, page: u64) -> u64 {
        self.vgpu.aperture().start + page * PAGE_SIZE
    }

    fn set(&mut self, name: &str, value: u32) {
        let at = named(name).0.into();
        self.with(|vgpu, world| {
            vgpu.write(world, Region::Bar0, at, &value.to_le_bytes())
                .unwrap();
        });
    }

    fn read_register(&mut self, name: &str) -> u32 {
        let at = named(name).0.into();
        let mut data = [0; 4];
        self.with(|vgpu, world| vgpu.read(world, Region::Bar0, at, &mut data).unwrap());
        u32::from_le_bytes(data)
    }

    /// A dword of one of the guest's pages.
    fn dword(&self, page: u64, dword: u64) -> u32 {
        let bytes = self.vm.memory.0.get(&Gfn(FIRST + page));
        let at = dword as usize * 4;
        bytes.map_or(0, |bytes| {
            u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
        })
    }

    fn set_dword(&mut self, page: u64, dword: u64, value: u32) {
        let pages = &mut self.vm.memory.0;
        let bytes = pages
            .entry(Gfn(FIRST + page))
            .or_insert_with(|| std::vec![0; 4096]);
        let at = dword as usize * 4;
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// The guest writes a context, whose ring has these commands.
    fn context(&mut self, commands: &[u32]) {
        let ring = self.gma(RING) as u32;
        let image = [
            (0x03, 0x0009_0008),
            (HEAD, 0),
            (TAIL, commands.len() as u32 * 4),
            (0x09, ring),
            (0x0b, 1),
            (TIMESTAMP, 5),
            (0x31, 0),
            (0x33, (PML4 << 12) as u32),
        ];
        for (dword, value) in image {
            self.set_dword(CONTEXT + 1, dword, value);
        }
        for (dword, command) in (0..).zip(commands) {
            self.set_dword(RING, dword, *command);
        }
    }

    /// The guest submits that context.
    fn submit(&mut self) {
        self.submit_to("BCS_RING_ELSP");
    }

    fn submit_to(&mut self, port: &str) {
        let descriptor = self.gma(CONTEXT) as u32 | 0x119 | 3 << 3;
        for value in [0, 0, 77, descriptor] {
            self.set(port, value);
        }
    }

    fn offer(&mut self) {
        self.vm.turns.offered.borrow_mut().push(ENGINE);
    }

    /// The guest writes an entry of a page table.
    fn entry(&mut self, table: u64, entry: u64) {
        let pages = &mut self.vm.memory.0;
        let bytes = pages
            .entry(Gfn(table))
            .or_insert_with(|| std::vec![0; 4096]);
        bytes[..8].copy_from_slice(&entry.to_le_bytes());
    }

    /// The host half has executed what an engine had.
    fn end_on(&mut self, engine: Engine) {
        let mut ended = None;
        for context in self.host.state.borrow_mut().contexts.values_mut() {
            let of_it = |submission: &mut FakeSubmission| {
                Tag::from_raw(submission.tag).is_some_and(|tag| tag.engine == engine)
            };
            ended = ended.or(context.submitted.take_if(of_it));
        }
        let tag = Tag::from_raw(ended.unwrap().tag).unwrap();
        self.with(|vgpu, world| vgpu.ended(world, tag, Outcome::Done));
    }

    /// What the host half executes.
    fn submission(&self) -> Option<FakeSubmission> {
        let state = self.host.state.borrow();
        let mut all = state.contexts.values();
        all.find_map(|context| context.submitted.clone())
    }

    /// The host half has executed what it had.
    fn end(&mut self, outcome: Outcome) {
        let Some(FakeSubmission { tag, .. }) = self.submission() else {
            panic!("nothing is executed: {:?}", self.complaints());
        };
        for context in self.host.state.borrow_mut().contexts.values_mut() {
            context.submitted = None;
        }
        let tag = Tag::from_raw(tag).unwrap();
        self.with(|vgpu, world| vgpu.ended(world, tag, outcome));
    }

    fn complaints(&mut self) -> Vec<String> {
        let events = self.vm.guest.events.drain(..);
        let lines = events.filter_map(|event| match event {
            GuestEvent::Complaint(complaint) => Some(complaint.to_string()),
            _ => None,
        });
        lines.collect()
    }

    /// It is closed: nothing is left.
    fn close(mut self) {
        self.with(Vgpu::close);
        assert!(self.vm.guest.pinned.is_empty());
        assert!(self.vm.shadow.pages.is_empty());
        {
            let state = self.host.state.borrow();
            assert!(state.contexts.is_empty() && state.buffers.is_empty());
        }
        assert_eq!(self.vm.turns.said.borrow().last(), Some(&Said::Leave));
        self.vgpu.destroy(&self.host);
    }
}

/// Where the commands of the guest's ring are among others.
fn find(all: &[u32], commands: &[u32]) -> bool {
    all.windows(commands.len()).any(|window| window == commands)
}

#[test]
fn submission_waits_for_its_turn_and_is_executed_then() {
    let mut bed = Bed::new();
    let commands = [0x0280_0000, NOOP, 0x0280_0000, NOOP];
    bed.context(&commands);

    bed.submit();

    assert!(bed.submission().is_none());
    assert!(bed
        .vm
        .turns
        .said
        .borrow()
        .contains(&Said::Ready(ENGINE, true)));
    assert_eq!(bed.dword(STATUS_PAGE, 0x10), 1, "idle to active");

    bed.offer();
    bed.with(Vgpu::run);

    let submission = bed.submission().unwrap();
    assert_ne!(submission.root, 0);
    assert!(find(&submission.commands, &commands));
    let shadow = bed.vm.shadow.pages.values();
    assert_eq!(
        shadow.count(),
        5,
        "scratch of four levels, and a PML4 table"
    );
    let said = bed.vm.turns.said.borrow().clone();
    let of_engine = |said: &Said| matches!(said, Said::Started(_) | Said::Ready(ENGINE, _));
    let said: Vec<_> = said.into_iter().filter(of_engine).collect();
    assert!(matches!(
        said[..],
        [.., Said::Started(..), Said::Ready(_, false)]
    ));
    bed.end(Outcome::Done);
    bed.close();
}

#[test]
fn guest_finds_its_context_done() {
    let mut bed = Bed::new();
    bed.context(&[USER_INTERRUPT, NOOP]);
    bed.offer();
    bed.submit();
    // Messages are enabled.
    bed.with(|vgpu, world| vgpu.write(world, Region::Config, 0xae, &[1, 0]).unwrap());
    bed.vm.guest.messages = 0;

    bed.end(Outcome::Done);

    assert_eq!(bed.dword(CONTEXT + 1, HEAD), 8);
    // Complete, and active to idle, of context 77.
    assert_eq!(bed.dword(STATUS_PAGE, 0x12), 0x18);
    assert_eq!(bed.dword(STATUS_PAGE, 0x13), 77);
    assert_eq!(bed.dword(STATUS_PAGE, 0x1f), 1);
    assert_eq!(bed.read_register("BCS_RING_CSB_PTR") & 7, 1);
    // User interrupt and context switch of the blitter.
    assert_eq!(bed.read_register("GEN8_GT_IIR_0"), 0x0101 << 16);
    assert_ne!(bed.vm.guest.messages, 0);
    bed.close();
}

#[test]
fn guests_values_reach_the_image_and_nothing_else_of_it() {
    let mut bed = Bed::new();
    bed.context(&[NOOP, NOOP]);
    // Another register in a header's place, and a value.
    bed.set_dword(CONTEXT + 1, 0x01, 0x22 << 23 | 1);
    bed.set_dword(CONTEXT + 1, 0x22, 0x941c);
    bed.offer();

    bed.submit();

    let state = bed.host.state.borrow();
    let image = &state.contexts.values().next().unwrap().image;
    let dword = |dword: usize| {
        let at = PAGE_SIZE as usize + dword * 4;
        u32::from_le_bytes(image[at..at + 4].try_into().unwrap())
    };
    assert_eq!(dword(0x01), 0x22 << 23 | 21);
    assert_eq!(dword(0x22), 0x2_23a8);
    assert_eq!(dword(TIMESTAMP as usize), 5);
    drop(state);
    bed.end(Outcome::Done);
    bed.close();
}

#[test]
fn commands_that_are_refused_hang_the_engine_and_give_the_turn_back() {
    let mut bed = Bed::new();
    bed.context(&LOAD_GDRST);
    bed.offer();

    bed.submit();

    assert!(bed.submission().is_none());
    assert!(bed.vm.turns.said.borrow().contains(&Said::GaveUp(ENGINE)));
    let [line] = &bed.complaints()[..] else {
        panic!("one line");
    };
    assert!(line.contains("MI_LOAD_REGISTER_IMM"), "{line}");

    // Nothing more until the guest resets it.
    bed.context(&[NOOP, NOOP]);
    bed.submit();
    bed.offer();
    bed.with(Vgpu::run);
    assert!(bed.submission().is_none());
    bed.set("GEN6_GDRST", 1 << 3);
    bed.submit();
    bed.with(Vgpu::run);
    assert!(bed.submission().is_some());
    bed.end(Outcome::Done);
    bed.close();
}

#[test]
fn workload_that_the_host_half_does_not_take_for_a_suspend_is_started_afterwards() {
    let mut bed = Bed::new();
    bed.context(&[NOOP, NOOP]);
    bed.offer();
    bed.host.state.borrow_mut().refuses_submissions = Some(EAGAIN);
    bed.vm.turns.has_slept.set(true);

    bed.submit();

    assert!(bed.submission().is_none());
    assert_eq!(bed.complaints(), Vec::<String>::new());
    {
        let said = bed.vm.turns.said.borrow();
        let [.., gave_up, last] = &said[..] else {
            panic!("{said:?}");
        };
        assert_eq!(
            (gave_up, last),
            (&Said::GaveUp(ENGINE), &Said::Ready(ENGINE, true))
        );
    }

    bed.host.state.borrow_mut().refuses_submissions = None;
    bed.vm.turns.has_slept.set(false);
    bed.offer();
    bed.with(Vgpu::run);
    assert!(bed.submission().is_some());
    bed.end(Outcome::Done);
    assert_eq!(bed.complaints(), Vec::<String>::new());
    bed.close();
}

#[test]
fn workload_that_the_host_half_does_not_take_without_a_suspend_hangs_the_engine() {
    let mut bed = Bed::new();
    bed.context(&[NOOP, NOOP]);
    bed.offer();
    bed.host.state.borrow_mut().refuses_submissions = Some(EAGAIN);

    bed.submit();

    let error = EAGAIN;
    let expected = Complaint::Launch {
        engine: ENGINE,
        error,
    };
    assert_eq!(bed.complaints(), [expected.to_string()]);
    bed.host.state.borrow_mut().refuses_submissions = None;
    bed.offer();
    bed.with(Vgpu::run);
    assert!(bed.submission().is_none());
    bed.close();
}

#[test]
fn reset_by_the_guest_kills_and_forgets_what_runs() {
    let mut bed = Bed::new();
    bed.context(&[NOOP, NOOP]);
    bed.offer();
    bed.submit();

    bed.set("GEN6_GDRST", 1);

    let killed = |host: &FakeHost| host.state.borrow().contexts.values().all(|c| c.killed);
    assert!(killed(&bed.host));
    bed.end(Outcome::Cancelled);
    assert_eq!(bed.complaints(), Vec::<String>::new());
    assert_eq!(bed.dword(CONTEXT + 1, HEAD), 0);
    // The next one gets a context that lives.
    bed.set("BCS_RING_MODE", 0x8000_8000);
    bed.offer();
    bed.submit();
    assert!(bed.submission().is_some() && !killed(&bed.host));
    bed.end(Outcome::Done);
    bed.close();
}

#[test]
fn workload_that_hangs_hangs_the_guests_engine() {
    let mut bed = Bed::new();
    bed.context(&[NOOP, NOOP]);
    bed.offer();
    bed.submit();

    bed.end(Outcome::Hung);

    let hung = Complaint::Hung {
        engine: ENGINE,
        by_itself: true,
    };
    assert_eq!(bed.complaints(), [hung.to_string()]);
    assert_eq!(bed.dword(STATUS_PAGE, 0x1f), 0, "only idle to active");
    bed.close();
}

#[test]
fn close_waits_for_the_end_of_what_runs() {
    let mut bed = Bed::new();
    bed.context(&[NOOP, NOOP]);
    bed.offer();
    bed.submit();
    let tag = Tag::from_raw(bed.submission().unwrap().tag).unwrap();
    // It has ended, so that there is nothing to be killed, and it was not told yet.
    for context in bed.host.state.borrow_mut().contexts.values_mut() {
        context.submitted = None;
    }

    bed.with(Vgpu::reset);

    assert!(bed.vm.turns.said.borrow().contains(&Said::Awaited(tag)));
    bed.close();
}

#[test]
fn page_that_an_engine_may_have_in_its_tlb_stays_pinned_until_that_engine_is_done() {
    let mut bed = Bed::new();
    bed.context(&[NOOP, NOOP]);
    for level in 0..3 {
        bed.entry(PML4 + level, (PML4 + level + 1) << 12 | 3);
    }
    let (first, second) = (Gfn(0x300), Gfn(0x301));
    let page_table = PML4 + 3;
    bed.entry(page_table, first.0 << 12 | 3);
    bed.offer();
    bed.submit();
    // While the blitter runs, the same address leads elsewhere for the next one.
    bed.entry(page_table, second.0 << 12 | 3);
    bed.vm.turns.offered.borrow_mut().push(Engine::Vecs);
    bed.submit_to("VECS_RING_ELSP");
    let pinned = |bed: &Bed, gfn| bed.vm.guest.pinned.contains_key(&gfn);
    assert!(pinned(&bed, first) && pinned(&bed, second));

    bed.end_on(Engine::Vecs);

    assert!(pinned(&bed, first), "the blitter may have it in its TLB");

    bed.end_on(ENGINE);

    assert!(!pinned(&bed, first) && pinned(&bed, second));
    bed.close();
}

#[test]
fn engine_that_takes_no_contexts_ignores_them() {
    let mut bed = Bed::new();
    bed.set("BCS_RING_MODE", 0x8000_0000);
    bed.offer();
    bed.submit();

    assert!(bed.submission().is_none());
    bed.close();
}

#[test]
fn default_state_with_an_unknown_command_is_said_of_each_engine_that_has_it() {
    let known = testing::device(&host(default_state()));
    assert_eq!(known.unknown_states().count(), 0);

    let mut state = default_state();
    // Where the ring context ends: a header of no client.
    let end = (PAGE_SIZE + 0x60 * 4) as usize;
    state[end..end + 4].copy_from_slice(&(1_u32 << 29).to_le_bytes());
    let unknown = testing::device(&host(state));
    assert!(unknown.unknown_states().eq([Engine::Bcs, Engine::Vecs]));
}

#[test]
fn launch_without_memory_anywhere_leaves_nothing_behind() {
    let ledger = Ledger::current();
    let mut sites = 0;
    loop {
        let mut bed = Bed::new();
        bed.context(&[NOOP, NOOP]);
        bed.offer();
        ledger.fail_at(sites, false);
        bed.submit();
        let reached = ledger.tried() > sites;
        ledger.fail_none();
        // What leads to scratch for want of memory is executed all the same.
        match bed.submission() {
            Some(_) => bed.end(Outcome::Done),
            None => assert!(reached && !bed.complaints().is_empty()),
        }
        bed.close();
        if !reached {
            break;
        }
        sites += 1;
    }
    assert!(sites > 10, "only {sites} allocations");
}
