// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Logical ring contexts: loading an image to an engine, saving it back.
//!
//! An image is a list of MI_LOAD_REGISTER_IMM commands. Loading walks whatever list is there;
//! saving writes the engine's own list ([`layout`]), so that an image that was loaded with
//! restore inhibited comes out complete.

pub mod layout;

use super::batch::batch_from_registers;
use super::batch::Ring;
use super::command::mi;
use super::execlist::Addressing;
use super::execlist::Descriptor;
use super::Context;
use super::Engine;
use crate::address::DmaAddress;
use crate::address::GgttAddress;
use crate::address::MmioOffset;
use crate::address::PAGE_SIZE;
use crate::ppgtt::PageTables;
use crate::ppgtt::Root;
use crate::regs::engine;
use crate::regs::engine::context_control;
use crate::regs::gt;
use crate::submission::{Source, Submission};
use crate::touch::{Through, Touch};
use crate::uncore::Uncore;
use layout::Item;

use super::batch::Batch;
use super::batch::Place;
use super::Space;

/// Dwords of a page.
const PAGE_DWORDS: u32 = PAGE_SIZE as u32 / 4;
/// Dword of an image where the ring context ends: all that restore inhibit does not inhibit.
const RING_CONTEXT_DWORDS: u32 = 0x34;
/// Dword of an image that holds CTX_CONTEXT_CONTROL's value.
const CONTEXT_CONTROL_DWORD: u32 = 3;
/// Dword of an image that holds the ring tail.
const TAIL_DWORD: u32 = 7;
const PDP_COUNT: usize = 4;
const PDP_STRIDE: u32 = 8;

const PER_CTX_VALID: u32 = 1 << 0;
const INDIRECT_CACHELINES: u32 = 0x3f;
const CACHELINE: u64 = 64;
const BATCH_ADDRESS: u32 = !0xfff;
const INDIRECT_ADDRESS: u32 = !0x3f;

impl Engine {
    /// Puts a context on the engine.
    pub(super) fn load_context(&mut self, uncore: &mut Uncore, descriptor: Descriptor) {
        self.tlb.clear();
        self.halt = None;
        self.blit = None;
        self.waiting = false;
        let control = self.image_read(uncore, descriptor, CONTEXT_CONTROL_DWORD);
        let inhibited = control & context_control::RESTORE_INHIBIT != 0;
        let end = if inhibited {
            RING_CONTEXT_DWORDS
        } else {
            self.image_dwords(uncore)
        };
        self.restore_registers(uncore, descriptor, end);
        uncore.run_context_clock(self.id, true);
        self.context = Some(Context {
            descriptor,
            ring: self.ring_from_registers(uncore),
            batches: if inhibited {
                Vec::new()
            } else {
                self.batches_from_registers(uncore)
            },
            workarounds: self.workaround_batches(uncore),
            arbitration: true,
            preemptible: false,
        });
        self.show_ring(uncore);
        if uncore.submissions.is_enabled() {
            self.note_submission(uncore);
        }
    }

    /// Notes what the context on the engine has to execute.
    fn note_submission(&self, uncore: &mut Uncore) {
        let Some(context) = &self.context else {
            return;
        };
        let read = |uncore: &Uncore, address: u64| {
            let at = uncore.ggtt.translate(GgttAddress(address))?;
            uncore.memory.read_u32(at).ok()
        };
        let mut found = vec![(Source::Ring, Vec::new())];
        for index in 0..context.ring.dwords() {
            let address = context.ring.place(index).address;
            found[0].1.extend(read(uncore, address));
        }
        for batch in &context.workarounds {
            let first = batch.place.address;
            let (source, end) = match batch.end {
                Some(end) => (Source::Indirect, end),
                None => (Source::PerContext, first + PAGE_SIZE),
            };
            let mut dwords = Vec::new();
            for address in (first..end).step_by(4) {
                let Some(dword) = read(uncore, address) else {
                    break;
                };
                dwords.push(dword);
                // Not every dword of that value ends it, but all drivers write what does at its end.
                if source == Source::PerContext && dword == mi::BATCH_BUFFER_END {
                    break;
                }
            }
            found.push((source, dwords));
        }
        for (source, dwords) in found {
            uncore.submissions.note(Submission {
                engine: self.id,
                source,
                dwords,
            });
        }
    }

    /// Saves the context on the engine to its image.
    pub(super) fn save_context(&mut self, uncore: &mut Uncore) {
        let Some(descriptor) = self.context.as_ref().map(|context| context.descriptor) else {
            return;
        };
        self.show_ring(uncore);
        let control = uncore.regs.get(self.register(engine::CONTEXT_CONTROL));
        if control & context_control::SAVE_INHIBIT != 0 {
            return;
        }
        let stamp = uncore.context_time(self.id);
        uncore.regs.set(self.register(engine::CTX_TIMESTAMP), stamp);
        let control = self.image_read(uncore, descriptor, CONTEXT_CONTROL_DWORD);
        let control = control & !context_control::RESTORE_INHIBIT;
        self.image_write(uncore, descriptor, CONTEXT_CONTROL_DWORD, control);

        let mut dword = 0;
        for item in layout::of(uncore.platform, self.id) {
            match item {
                Item::Noops(count) => {
                    for _ in 0..count {
                        self.image_write(uncore, descriptor, dword, mi::NOOP);
                        dword += 1;
                    }
                }
                Item::Header(count, posted) => {
                    let header = mi::load_register_imm(count, posted);
                    self.image_write(uncore, descriptor, dword, header);
                    dword += 1;
                }
                Item::Register(offset) => {
                    self.image_write(uncore, descriptor, dword, offset.0);
                    if !self.written_by_driver(offset) {
                        let mask = if uncore.is_masked(offset) {
                            0xffff_0000
                        } else {
                            0
                        };
                        let value = uncore.regs.get(offset) | mask;
                        self.image_write(uncore, descriptor, dword + 1, value);
                    }
                    dword += 2;
                }
            }
        }
        self.image_write(uncore, descriptor, dword, mi::BATCH_BUFFER_END);
    }

    /// Takes the context off the engine without saving it.
    pub(super) fn unload_context(&mut self, uncore: &mut Uncore) {
        uncore.run_context_clock(self.id, false);
        self.context = None;
        self.halt = None;
        self.blit = None;
        self.tlb.clear();
    }

    /// The ring tail that the image of a context holds now.
    pub(super) fn image_tail(&self, uncore: &mut Uncore, descriptor: Descriptor) -> u32 {
        self.image_read(uncore, descriptor, TAIL_DWORD)
    }

    /// The page tables of the context on the engine.
    pub(super) fn page_tables(&self, uncore: &Uncore) -> Option<PageTables> {
        let descriptor = self.context.as_ref()?.descriptor;
        let pointer = |number: u32| {
            let low = self.register(engine::PDP0 + number * PDP_STRIDE);
            let high = u64::from(uncore.regs.get(low.add(4)));
            DmaAddress(high << 32 | u64::from(uncore.regs.get(low)))
        };
        let root = match descriptor.addressing() {
            Addressing::FourLevel => Root::FourLevel(pointer(0)),
            Addressing::ThreeLevel => {
                let mut roots = [DmaAddress(0); PDP_COUNT];
                for (number, root) in (0..).zip(&mut roots) {
                    *root = pointer(number);
                }
                Root::ThreeLevel(roots)
            }
        };
        let eco = uncore.regs.get(gt::GAMW_ECO_DEV_RW_IA);
        let pages_64k = uncore.platform.generation >= 9
            && eco & gt::GAMW_ECO_64K_PAGES == gt::GAMW_ECO_64K_PAGES;
        Some(PageTables { root, pages_64k })
    }

    /// Walks the image's register loads up to dword `end`.
    fn restore_registers(&self, uncore: &mut Uncore, descriptor: Descriptor, end: u32) {
        let mut dword = 0;
        while dword < end {
            let header = self.image_read(uncore, descriptor, dword);
            match mi::opcode(header) {
                Some(mi::LOAD_REGISTER_IMM) => {
                    let pairs = mi::payload(header) / 2;
                    for pair in 0..pairs {
                        let at = dword + 1 + 2 * pair;
                        if at + 1 >= end {
                            return;
                        }
                        let register = self.image_read(uncore, descriptor, at);
                        let value = self.image_read(uncore, descriptor, at + 1);
                        self.restore_register(uncore, MmioOffset(register), value);
                    }
                    dword += 1 + 2 * pairs;
                }
                Some(mi::OPCODE_BATCH_BUFFER_END) => return,
                _ => dword += 1,
            }
        }
    }

    fn restore_register(&self, uncore: &mut Uncore, register: MmioOffset, value: u32) {
        let register = MmioOffset(register.0 & mi::REGISTER_OFFSET);
        if layout::may_restore(self.id, register) {
            uncore.restore(register, value);
        }
    }

    /// Registers whose place in the image belongs to the driver: the hardware never writes it,
    /// since the driver may change it while the context runs.
    fn written_by_driver(&self, register: MmioOffset) -> bool {
        let base = self.id.mmio_base();
        [
            engine::TAIL,
            engine::START,
            engine::CONTROL,
            engine::CONTEXT_CONTROL,
        ]
        .into_iter()
        .any(|offset| base.add(offset) == register)
    }

    fn ring_from_registers(&self, uncore: &Uncore) -> Ring {
        let get = |offset| uncore.regs.get(self.register(offset));
        Ring::new(
            get(engine::START),
            get(engine::CONTROL),
            get(engine::HEAD),
            get(engine::TAIL),
        )
    }

    fn batches_from_registers(&self, uncore: &Uncore) -> Vec<Batch> {
        let levels = [
            (engine::BB_ADDR, engine::BB_ADDR_HIGH, engine::BB_STATE),
            (engine::SBB_ADDR, engine::SBB_ADDR_HIGH, engine::SBB_STATE),
        ];
        levels
            .into_iter()
            .map_while(|(low, high, state)| {
                let [low, high, state] = [low, high, state].map(|offset| self.register(offset));
                batch_from_registers(uncore, low, high, state)
            })
            .collect()
    }

    /// The batches that run before the ring: the indirect one first, then the per-context one.
    fn workaround_batches(&self, uncore: &Uncore) -> Vec<Batch> {
        let mut batches = Vec::new();
        let place = |address: u32| Place {
            space: Space::Ggtt,
            address: u64::from(address),
        };
        let per_context = uncore.regs.get(self.register(engine::BB_PER_CTX));
        if per_context & PER_CTX_VALID != 0 {
            batches.push(Batch {
                place: place(per_context & BATCH_ADDRESS),
                end: None,
            });
        }
        let indirect = uncore.regs.get(self.register(engine::INDIRECT_CTX));
        let bytes = u64::from(indirect & INDIRECT_CACHELINES) * CACHELINE;
        if bytes != 0 {
            let place = place(indirect & INDIRECT_ADDRESS);
            batches.push(Batch {
                place,
                end: Some(place.address + bytes),
            });
        }
        batches
    }

    fn image_dwords(&self, uncore: &Uncore) -> u32 {
        uncore.platform.context_pages(self.id) as u32 * PAGE_DWORDS
    }

    /// Where dword `dword` of the register state is; it begins one page behind the LRCA.
    fn image_place(descriptor: Descriptor, dword: u32) -> GgttAddress {
        GgttAddress(u64::from(descriptor.lrca()) + PAGE_SIZE + 4 * u64::from(dword))
    }

    fn touch_image(
        &self,
        uncore: &mut Uncore,
        descriptor: Descriptor,
        page: DmaAddress,
        written: bool,
    ) {
        uncore.touches.note(Touch {
            engine: self.id,
            lrca: Some(descriptor.lrca()),
            page,
            written,
            through: Through::Ggtt,
        });
    }

    fn image_read(&self, uncore: &mut Uncore, descriptor: Descriptor, dword: u32) -> u32 {
        let address = uncore.ggtt.translate(Self::image_place(descriptor, dword));
        if let Some(page) = address {
            self.touch_image(uncore, descriptor, page, false);
        }
        address
            .and_then(|address| uncore.memory.read_u32(address).ok())
            .unwrap_or(0)
    }

    fn image_write(&self, uncore: &mut Uncore, descriptor: Descriptor, dword: u32, value: u32) {
        if let Some(address) = uncore.ggtt.translate(Self::image_place(descriptor, dword)) {
            self.touch_image(uncore, descriptor, address, true);
            // An image outside of guest memory cannot be saved: the driver's mistake.
            let _ = uncore.memory.write_u32(address, value);
            let key = super::ContextKey {
                engine: self.id,
                lrca: descriptor.lrca(),
            };
            uncore.log.touch(key, address, true);
        }
    }
}
