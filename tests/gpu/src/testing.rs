// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A driver in miniature: puts contexts into memory and submits them, as i915 does.
//!
//! For tests in this crate and in others that need work on an engine. It uses the GPU through
//! its BARs only, so that what it shows holds for a real driver too.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use crate::address::DmaAddress;
use crate::address::MmioOffset;
use crate::address::PAGE_SIZE;
use crate::engine::command::mi;
use crate::engine::Descriptor;
use crate::ggtt::PTE_PRESENT;
use crate::gpu::Gpu;
use crate::interrupt::InterruptSink;
use crate::interrupt::MASTER_CONTROL;
use crate::interrupt::MASTER_ENABLE;
use crate::memory::DmaMemory;
use crate::memory::VecMemory;
use crate::options::Options;
use crate::platform::EngineId;
use crate::register_file::REGISTER_SPACE;
use crate::regs::engine;

/// Bytes of memory that the driver has.
const MEMORY: u64 = 64 << 20;
/// GGTT address and PPGTT address of a page are its DMA address: the tables are the identity.
const FIRST_FREE: u64 = 1 << 20;
const PRESENT_WRITABLE: u64 = 3;
const RING_BYTES: u64 = 4 * PAGE_SIZE;
const HWSP_WRITE_POINTER: u64 = 0x1f * 4;
const HWSP_CSB: u64 = 0x10 * 4;
const CSB_ENTRIES: u32 = 6;
const CSB_RESET: u32 = 0xffff_0505;
const RUN_LIST_ENABLE: u32 = 0x8000_8000;
const MSI_CONTROL: u64 = 0xae;
const COMMAND: u64 = 0x04;
const SLICES: usize = 10_000;

/// Counts messages.
#[derive(Clone, Debug, Default)]
pub struct CountedInterrupts {
    messages: Arc<AtomicU64>,
}

impl CountedInterrupts {
    /// Messages so far.
    pub fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }
}

impl InterruptSink for CountedInterrupts {
    fn message(&mut self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    fn pin(&mut self, _asserted: bool) {}
}

/// A GPU with a driver on it.
pub struct Driver {
    /// The GPU.
    pub gpu: Gpu,
    /// Its memory.
    pub memory: Arc<VecMemory>,
    /// Its interrupts.
    pub interrupts: CountedInterrupts,
    next_page: u64,
    next_id: u32,
    pml4: u64,
    csb_read: [u32; EngineId::ALL.len()],
    hwsp: [u64; EngineId::ALL.len()],
}

/// A context in memory.
#[derive(Clone, Copy, Debug)]
pub struct TestContext {
    /// Engine that it is for.
    pub engine: EngineId,
    /// GGTT address of its status page; its image follows.
    pub lrca: u64,
    /// GGTT address of its ring.
    pub ring: u64,
    /// Bytes of commands in its ring.
    pub tail: u64,
    id: u32,
}

impl TestContext {
    /// The descriptor to submit it with.
    pub fn descriptor(&self) -> u64 {
        u64::from(self.id) << 32 | self.lrca | Descriptor::LEGACY_64B | Descriptor::VALID
    }

    /// The id that its status events carry.
    pub fn id(&self) -> u32 {
        self.id
    }
}

impl Driver {
    /// A GPU made with `options`, set up for execlists on all engines.
    pub fn new(options: Options) -> Self {
        let memory = Arc::new(VecMemory::new(MEMORY));
        let interrupts = CountedInterrupts::default();
        let gpu = Gpu::new(options, memory.clone(), Box::new(interrupts.clone()));
        let mut driver = Self {
            gpu,
            memory,
            interrupts,
            next_page: FIRST_FREE,
            next_id: 1,
            pml4: 0,
            csb_read: [CSB_ENTRIES - 1; EngineId::ALL.len()],
            hwsp: [0; EngineId::ALL.len()],
        };
        driver.gpu.uncore_mut().clock.drive_manually();
        driver.map_ggtt();
        driver.pml4 = driver.identity_tables();
        driver.gpu.config_write(COMMAND, &[0x06, 0x04]);
        driver.gpu.config_write(MSI_CONTROL, &[1, 0]);
        for engine in driver.engines() {
            driver.set_up_engine(engine);
        }
        driver.enable_interrupts();
        driver
    }

    /// The engines of the GPU.
    pub fn engines(&self) -> Vec<EngineId> {
        self.gpu.uncore().engines.clone()
    }

    /// What i915 does to start an engine, also after a reset of it.
    pub fn set_up_engine(&mut self, id: EngineId) {
        let page = match self.hwsp[id.index()] {
            0 => self.allocate(1),
            page => page,
        };
        self.hwsp[id.index()] = page;
        let base = id.mmio_base();
        self.gpu.write32(base.add(engine::HWS_PGA), page as u32);
        self.gpu.write32(base.add(engine::MODE), RUN_LIST_ENABLE);
        self.gpu.write32(base.add(engine::IMR), 0);
        self.gpu.write32(base.add(engine::EMR), u32::MAX);
        self.gpu.write32(base.add(engine::CSB_POINTER), CSB_RESET);
        self.csb_read[id.index()] = CSB_ENTRIES - 1;
    }

    /// Pages of memory, zeroed, at the same address in memory, GGTT and PPGTT.
    pub fn allocate(&mut self, pages: u64) -> u64 {
        let at = self.next_page;
        self.next_page += pages * PAGE_SIZE;
        assert!(self.next_page <= MEMORY, "the test needs more memory");
        at
    }

    /// Writes dwords to memory.
    pub fn store(&self, address: u64, dwords: &[u32]) {
        for (index, dword) in (0..).zip(dwords) {
            self.memory
                .write_u32(DmaAddress(address + 4 * index), *dword)
                .expect("in memory");
        }
    }

    /// Reads a dword of memory.
    pub fn load(&self, address: u64) -> u32 {
        self.memory
            .read_u32(DmaAddress(address))
            .expect("in memory")
    }

    /// A batch with those commands in memory, ended by MI_BATCH_BUFFER_END.
    pub fn batch(&mut self, dwords: &[u32]) -> u64 {
        let pages = (dwords.len() as u64 * 4 + 4).div_ceil(PAGE_SIZE);
        let at = self.allocate(pages);
        self.store(at, dwords);
        self.store(at + dwords.len() as u64 * 4, &[mi::BATCH_BUFFER_END]);
        at
    }

    /// A context with an empty ring, its image as a driver first makes it: restore inhibited.
    pub fn context(&mut self, engine: EngineId) -> TestContext {
        let pages = self.gpu.uncore().platform.context_pages(engine);
        let lrca = self.allocate(1 + pages);
        let ring = self.allocate(RING_BYTES / PAGE_SIZE);
        let base = engine.mmio_base();
        let register = |offset| base.add(offset).0;
        let image = lrca + PAGE_SIZE;
        let inhibit = engine::context_control::RESTORE_INHIBIT;
        self.store(
            image,
            &[
                mi::NOOP,
                mi::load_register_imm(5, true),
                register(engine::CONTEXT_CONTROL),
                inhibit << 16 | inhibit,
                register(engine::HEAD),
                0,
                register(engine::TAIL),
                0,
                register(engine::START),
                ring as u32,
                register(engine::CONTROL),
                (RING_BYTES - PAGE_SIZE) as u32 | engine::control::VALID,
            ],
        );
        self.store(
            image + 0x21 * 4,
            &[
                mi::load_register_imm(9, true),
                register(engine::CTX_TIMESTAMP),
                0,
            ],
        );
        for pointer in (0..4_u32).rev() {
            let at = image + (0x24 + u64::from(3 - pointer) * 4) * 4;
            let low = register(engine::PDP0 + 8 * pointer);
            let root = if pointer == 0 { self.pml4 } else { 0 };
            self.store(at, &[low + 4, (root >> 32) as u32, low, root as u32]);
        }
        let id = self.next_id;
        self.next_id += 1;
        TestContext {
            engine,
            lrca,
            ring,
            tail: 0,
            id,
        }
    }

    /// Adds commands to the ring of a context and tells its image; an odd number is padded.
    pub fn emit(&mut self, context: &mut TestContext, dwords: &[u32]) {
        let mut dwords = dwords.to_vec();
        if dwords.len() % 2 != 0 {
            dwords.push(mi::NOOP);
        }
        for dword in dwords {
            self.store(context.ring + context.tail, &[dword]);
            context.tail = (context.tail + 4) % RING_BYTES;
        }
        self.store(context.lrca + PAGE_SIZE + 7 * 4, &[context.tail as u32]);
    }

    /// Adds the start of a batch in the PPGTT to the ring.
    pub fn emit_batch(&mut self, context: &mut TestContext, batch: u64) {
        let start = mi::BATCH_BUFFER_START << mi::OPCODE_SHIFT | mi::BATCH_IN_PPGTT | 1;
        self.emit(context, &[start, batch as u32, (batch >> 32) as u32]);
    }

    /// Writes one or two contexts to the submit port.
    pub fn submit(&mut self, first: &TestContext, second: Option<&TestContext>) {
        let port = first.engine.mmio_base().add(engine::ELSP);
        let second = second.map_or(0, TestContext::descriptor);
        for dword in [
            second >> 32,
            second,
            first.descriptor() >> 32,
            first.descriptor(),
        ] {
            self.gpu.write32(port, dword as u32);
        }
    }

    /// Runs until nothing can go on.
    pub fn settle(&mut self) -> crate::gpu::Activity {
        self.gpu.run_until_settled(SLICES)
    }

    /// Status events of an engine since the last call: status and context id.
    pub fn events(&mut self, id: EngineId) -> Vec<(u32, u32)> {
        let page = self.hwsp[id.index()];
        let write = self.load(page + HWSP_WRITE_POINTER);
        let mut events = Vec::new();
        while self.csb_read[id.index()] != write {
            let index = (self.csb_read[id.index()] + 1) % CSB_ENTRIES;
            let at = page + HWSP_CSB + 8 * u64::from(index);
            events.push((self.load(at), self.load(at + 4)));
            self.csb_read[id.index()] = index;
        }
        events
    }

    /// Reads and acknowledges all interrupts, as a handler does, the second ones of each kind too. Returns
    /// each group's bits.
    pub fn acknowledge(&mut self) -> [u32; 4] {
        self.gpu.write32(MASTER_CONTROL, 0);
        let mut pending = [0; 4];
        for (group, bits) in (0..).zip(&mut pending) {
            let identity = GT_IIR.add(0x10 * group);
            loop {
                let more = self.gpu.read32(identity);
                self.gpu.write32(identity, more);
                *bits |= more;
                if more == 0 {
                    break;
                }
            }
        }
        self.gpu.write32(MASTER_CONTROL, MASTER_ENABLE);
        pending
    }

    fn enable_interrupts(&mut self) {
        for group in 0..4 {
            self.gpu.write32(GT_IIR.add(0x10 * group), u32::MAX);
            self.gpu.write32(GT_IMR.add(0x10 * group), 0);
            self.gpu.write32(GT_IER.add(0x10 * group), u32::MAX);
        }
        self.gpu.write32(MASTER_CONTROL, MASTER_ENABLE);
    }

    fn map_ggtt(&mut self) {
        for page in 0..MEMORY / PAGE_SIZE {
            let entry = (page * PAGE_SIZE) | PTE_PRESENT;
            let at = u64::from(REGISTER_SPACE) + 8 * page;
            self.gpu.bar0_write(at, &entry.to_le_bytes());
        }
    }

    /// Four-level page tables that map memory to itself.
    fn identity_tables(&mut self) -> u64 {
        let (pml4, pdp, directory) = (self.allocate(1), self.allocate(1), self.allocate(1));
        let entry = |at: u64, to: u64| {
            let value = to | PRESENT_WRITABLE;
            self.memory
                .write_u64(DmaAddress(at), value)
                .expect("in memory");
        };
        entry(pml4, pdp);
        entry(pdp, directory);
        let tables = MEMORY >> 21;
        for table in 0..tables {
            let page_table = self.next_page + table * PAGE_SIZE;
            entry(directory + 8 * table, page_table);
            for page in 0..512 {
                entry(page_table + 8 * page, (table << 21) + page * PAGE_SIZE);
            }
        }
        self.allocate(tables);
        pml4
    }
}

const GT_IMR: MmioOffset = MmioOffset(0x4_4304);
const GT_IIR: MmioOffset = MmioOffset(0x4_4308);
const GT_IER: MmioOffset = MmioOffset(0x4_430c);
