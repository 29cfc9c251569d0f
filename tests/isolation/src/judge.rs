// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The judge: what contexts have reached, against what they may.

use crate::guest::Guest;
use gen9_gpu::touch::Touch;
use gen9_gpu::{DmaAddress, EngineId, MmioOffset};
use hosted_glue::card::{Card, ContextPlaces};
use hosted_glue::machine::Machine;
use hosted_glue::shadow::ShadowPool;
use iface::types::{GGTT_PAGE_SHIFT, PTE_ADDRESS};
use kvmgt_core::address::PAGE_SIZE;
use std::collections::BTreeSet;
use std::ops::Range;

/// Where the table of the GGTT begins in BAR 0.
const TABLE: u64 = 8 << 20;
/// What a planted page holds, besides the number of it.
const PATTERN: u32 = 0x5ec2_e700;

/// Registers of each engine that only the host writes, from its base: the status page, where it
/// tells of what, interrupts, errors, modes (PRM Vol 2c).
const OF_ENGINE: [u32; 5] = [0x080, 0x098, 0x0a8, 0x0b4, 0x29c];
/// Others, first and behind the last: slots of FORCE_TO_NONPRIV, clock gating, the translation of
/// addresses, caches, MOCS of all engines, a plane, fences.
const OTHERS: [Range<u32>; 9] = [
    0x24d0..0x2500,
    0x4a00..0x4b00,
    0x9400..0x9418,
    0x9420..0x9440,
    0xb020..0xb0a0,
    0xb100..0xb120,
    0xc800..0xcd00,
    0x7_0180..0x7_01a0,
    FENCES,
];
const FENCES: Range<u32> = 0x10_0000..0x10_0100;

/// What the judge has seen of the GPU before anything happened.
pub struct Judge<'b> {
    machine: &'b Machine,
    card: &'b Card,
    engines: Vec<EngineId>,
    registers: Vec<(u32, u32)>,
    entries: Vec<u64>,
    /// Parts of the GGTT that guests have: nothing else of it may change.
    guests: Vec<Range<u64>>,
    planted: Vec<u64>,
    /// Contexts of the host, which reach nothing but their own.
    hosts: Vec<(ContextPlaces, Range<u64>)>,
    violations: Vec<String>,
}

impl<'b> Judge<'b> {
    /// One who looks at a GPU that is set up.
    pub fn new(machine: &'b Machine, card: &'b Card, guests: Vec<Range<u64>>) -> Self {
        let engines = machine.model().engines(machine.options().device_id);
        let mut judge = Self {
            machine,
            card,
            engines: engines.collect(),
            registers: Vec::new(),
            entries: Vec::new(),
            guests,
            planted: Vec::new(),
            hosts: Vec::new(),
            violations: Vec::new(),
        };
        judge.registers = judge.read_registers();
        judge.entries = judge.read_entries();
        let mut gpu = machine.gpu();
        let touches = &mut gpu.uncore_mut().touches;
        touches.enable();
        touches.take();
        drop(gpu);
        judge
    }

    /// Fills a page of the machine's memory, which nobody is to touch.
    pub fn plant(&mut self, page: u64) {
        for dword in 0..PAGE_SIZE / 4 {
            let at = DmaAddress(page + dword * 4);
            let written = self.machine.memory().write_u32(at, pattern(page));
            written.expect("it is the machine's memory");
        }
        self.planted.push(page);
    }

    /// What each dword of a page that was planted holds.
    pub fn pattern(page: u64) -> u32 {
        pattern(page)
    }

    /// A context of the host is there, with a buffer.
    pub fn expect_host(&mut self, context: ContextPlaces, buffer: Range<u64>) {
        self.hosts.push((context, buffer));
    }

    /// Notes that something is wrong.
    pub fn object(&mut self, why: String) {
        self.violations.push(why);
    }

    /// Looks at what was reached since it last did. Nothing is pinned or let go meanwhile.
    pub fn look(&mut self, guests: &[Guest<'b>]) {
        let touches = self.machine.gpu().uncore_mut().touches.take();
        let allowed: Vec<_> = guests.iter().map(|guest| self.allowed(guest)).collect();
        for touch in touches {
            let is_allowed = match touch.lrca {
                None => self.is_status_page(&touch),
                Some(lrca) => {
                    let owner = guests.iter().position(|guest| owns(guest, lrca));
                    match owner {
                        Some(owner) => allowed[owner].contains(&touch.page.0),
                        None => self.is_hosts(lrca, touch.page.0),
                    }
                }
            };
            if !is_allowed {
                self.object(format!("{touch:x?}"));
            }
        }
        self.look_at_planted();
    }

    /// What contexts of guests may reach now, for who is about to take some of it away.
    pub fn remember(&self, guests: &[Guest<'b>]) -> Vec<Before> {
        let of = |guest: &Guest<'_>| {
            let mut pages = self.allowed(guest).pages;
            pages.extend(guest.pool.addresses());
            let contexts = guest.host.with_owned(|owned| {
                let contexts = owned.contexts.values();
                contexts.map(|places| places.image.start).collect()
            });
            Before { contexts, pages }
        };
        guests.iter().map(of).collect()
    }

    /// Looks at what was reached while that was taken away, and no context was made.
    pub fn look_back(&mut self, before: &[Before]) {
        let touches = self.machine.gpu().uncore_mut().touches.take();
        for touch in touches {
            let is_allowed = match touch.lrca {
                None => self.is_status_page(&touch),
                Some(lrca) => before.iter().any(|guest| {
                    let is_its = guest.contexts.contains(&lrca.into());
                    is_its && guest.pages.contains(&touch.page.0)
                }),
            };
            if !is_allowed {
                self.object(format!("{touch:x?}"));
            }
        }
        self.look_at_planted();
    }

    /// Looks at the registers of the host. No vGPU has yet to hear of an end.
    pub fn look_at_registers(&mut self) {
        let now = self.read_registers();
        let changed = Iterator::zip(self.registers.iter(), &now).filter(|(old, new)| old != new);
        let changed: Vec<_> = changed
            .map(|((at, old), (_, new))| {
                format!("register {at:#x} of the host: {old:#x} → {new:#x}")
            })
            .collect();
        self.violations.extend(changed);
    }

    /// The host programs its registers as they were, since it has lost what they held. Its own fences
    /// hold something else.
    pub fn program_registers(&mut self) {
        let is_plain = |at: u32| {
            let mut plain = OTHERS.iter().take_while(|range| **range != FENCES);
            plain.any(|range| range.contains(&at))
        };
        let mut gpu = self.machine.gpu();
        let plain = self.registers.iter().filter(|(at, _)| is_plain(*at));
        for (at, value) in plain {
            gpu.uncore_mut().regs.set(MmioOffset(*at), *value);
        }
        drop(gpu);
        self.registers = self.read_registers();
    }

    /// Looks at the GGTT, too, and says what is wrong.
    pub fn finish(&mut self, guests: &[Guest<'b>]) -> Vec<String> {
        self.look(guests);
        self.look_at_registers();
        let now = self.read_entries();
        let scratch = self.card.scratch_page();
        let pinned: Vec<_> = guests.iter().map(Guest::pinned).collect();
        for (page, (old, new)) in (0..).zip(Iterator::zip(self.entries.iter(), &now)) {
            let address = page << GGTT_PAGE_SHIFT;
            let leads = new & PTE_ADDRESS;
            let owner = self.guests.iter().position(|part| part.contains(&address));
            let is_right = match owner {
                // Each guest has two parts.
                Some(part) => leads == scratch || pinned[part / 2].contains(&leads),
                None => old == new || self.card.owns_page(page),
            };
            if !is_right {
                self.violations
                    .push(format!("GGTT page {page:#x}: {old:#x} → {new:#x}"));
            }
        }
        self.take_violations()
    }

    /// What it has objected to so far, once.
    pub fn take_violations(&mut self) -> Vec<String> {
        std::mem::take(&mut self.violations)
    }

    /// All pages that contexts of a guest may reach now.
    fn allowed(&self, guest: &Guest<'_>) -> Allowed {
        let mut pages = guest.pinned();
        pages.insert(self.card.scratch_page());
        guest.host.with_owned(|owned| {
            let contexts = owned.contexts.values();
            let regions = contexts.flat_map(|places| [places.image.clone(), places.ring.clone()]);
            for region in regions.chain(owned.buffers.values().cloned()) {
                pages.extend(self.pages(region));
            }
        });
        Allowed {
            pages,
            shadow: guest.pool.clone(),
        }
    }

    fn is_hosts(&self, lrca: u32, page: u64) -> bool {
        self.hosts.iter().any(|(context, buffer)| {
            let own = [&context.image, &context.ring, buffer];
            let mut pages = own
                .into_iter()
                .flat_map(|region| self.pages(region.clone()));
            context.image.start == u64::from(lrca) && pages.any(|own| own == page)
        })
    }

    fn is_status_page(&self, touch: &Touch) -> bool {
        let page = self.card.status_page(touch.engine);
        page.is_some_and(|page| self.memory_of(page) == touch.page.0)
    }

    fn look_at_planted(&mut self) {
        for page in self.planted.clone() {
            let mut bytes = vec![0; PAGE_SIZE as usize];
            let read = self.machine.memory().read(DmaAddress(page), &mut bytes);
            read.expect("it is the machine's memory");
            let expected = pattern(page).to_le_bytes();
            if bytes.chunks(4).any(|dword| dword != expected) {
                self.object(format!("the pattern at {page:#x} was changed"));
            }
        }
    }

    fn read_registers(&self) -> Vec<(u32, u32)> {
        let gpu = self.machine.gpu();
        let engines = self.engines.iter().flat_map(|engine| {
            let base = engine.mmio_base().0;
            OF_ENGINE.into_iter().map(move |offset| base + offset)
        });
        let others = OTHERS.into_iter().flat_map(|range| range.step_by(4));
        let read = |at| (at, gpu.uncore().regs.get(MmioOffset(at)));
        engines.chain(others).map(read).collect()
    }

    fn read_entries(&self) -> Vec<u64> {
        let pages = self.card.ggtt_pages() as usize;
        let mut bytes = vec![0; pages * 8];
        self.machine.gpu().bar0_read(TABLE, &mut bytes);
        let entries = bytes.chunks_exact(8).map(|entry| entry.try_into());
        entries
            .map(|entry| u64::from_le_bytes(entry.unwrap_or_default()))
            .collect()
    }

    /// The memory that a range of the GGTT leads to.
    fn pages(&self, range: Range<u64>) -> Vec<u64> {
        let addresses = range.step_by(PAGE_SIZE as usize);
        addresses.map(|address| self.memory_of(address)).collect()
    }

    fn memory_of(&self, address: u64) -> u64 {
        self.machine.ggtt_entry(address >> GGTT_PAGE_SHIFT) & PTE_ADDRESS
    }
}

/// What contexts of a guest were allowed to reach at some time.
pub struct Before {
    contexts: BTreeSet<u64>,
    pages: BTreeSet<u64>,
}

/// What the contexts of a guest may reach.
struct Allowed {
    pages: BTreeSet<u64>,
    shadow: ShadowPool,
}

impl Allowed {
    fn contains(&self, page: &u64) -> bool {
        self.pages.contains(page) || self.shadow.has(*page)
    }
}

fn owns(guest: &Guest<'_>, lrca: u32) -> bool {
    guest.host.with_owned(|owned| {
        let mut contexts = owned.contexts.values();
        contexts.any(|context| context.image.start == u64::from(lrca))
    })
}

/// What a planted page holds, everywhere in it.
fn pattern(page: u64) -> u32 {
    PATTERN ^ (page >> GGTT_PAGE_SHIFT) as u32
}
