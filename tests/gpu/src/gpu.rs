// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The device as its host sees it.

use std::sync::Arc;

use crate::address::GgttAddress;
use crate::address::MmioOffset;
use crate::clock::Cycles;
use crate::clock::Nanos;
use crate::config_space::ConfigSpace;
use crate::display::FrameMemory;
use crate::engine::Engine;
use crate::fence::Fence;
use crate::ggtt::GGTT_BYTES;
use crate::interrupt::InterruptSink;
use crate::log::Direction;
use crate::log::Space;
use crate::memory::DmaMemory;
use crate::options::Options;
use crate::platform::EngineId;
use crate::platform::Platform;
use crate::register_file::REGISTER_SPACE;
use crate::regs::engine;
use crate::regs::gt;
use crate::uncore::Effect;
use crate::uncore::Uncore;

/// What engines did in a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Activity {
    /// Every engine is idle.
    Idle,
    /// Some engine waits: for memory to change, or, hung, for a reset.
    Waiting,
    /// Some engine has more to execute: call again soon.
    Busy,
}

/// A GPU.
///
/// All of it is one `&mut self` object without threads: the host serialises accesses and calls of
/// [`Gpu::run`]. A slice of `run` is bounded by its budget, so that a lock around the GPU is held
/// shortly and registers stay readable while engines execute.
pub struct Gpu {
    config: ConfigSpace,
    uncore: Uncore,
    engines: Vec<Engine>,
    io_index: u32,
    executed: bool,
}

const IO_INDEX: u64 = 0;
const IO_DATA: u64 = 4;

impl Gpu {
    /// A GPU after power-on.
    ///
    /// `memory` is where its DMA goes, `interrupts` where its interrupts go.
    pub fn new(
        options: Options,
        memory: Arc<dyn DmaMemory>,
        interrupts: Box<dyn InterruptSink>,
    ) -> Self {
        let config = ConfigSpace::new(Platform::get(options.platform), &options);
        let uncore = Uncore::new(options, memory, interrupts, config.routing());
        let engines = uncore.engines.iter().map(|id| Engine::new(*id)).collect();
        Self {
            config,
            uncore,
            engines,
            io_index: 0,
            executed: false,
        }
    }

    /// The choices it was made with.
    pub fn options(&self) -> &Options {
        &self.uncore.options
    }

    /// Power-on reset, also what a function level reset does. Clock and log go on.
    pub fn reset(&mut self) {
        self.config = ConfigSpace::new(self.uncore.platform, &self.uncore.options);
        for engine in &mut self.engines {
            *engine = Engine::new(engine.id());
        }
        self.io_index = 0;
        self.uncore.reset(self.config.routing());
    }

    /// The parts that engines share, for tests to look into or to set up.
    pub fn uncore(&self) -> &Uncore {
        &self.uncore
    }

    /// The parts that engines share.
    pub fn uncore_mut(&mut self) -> &mut Uncore {
        &mut self.uncore
    }

    /// One of its engines, if the device has it.
    pub fn engine(&self, id: EngineId) -> Option<&Engine> {
        self.engines.iter().find(|engine| engine.id() == id)
    }

    /// Reads configuration space; bytes beyond its 256 read 0.
    pub fn config_read(&mut self, offset: u64, data: &mut [u8]) {
        self.config.read(offset, data);
        self.note(Direction::Read, Space::Config, offset, data);
    }

    /// Writes configuration space; bytes beyond its 256 are ignored.
    pub fn config_write(&mut self, offset: u64, data: &[u8]) {
        self.note(Direction::Write, Space::Config, offset, data);
        self.config.write(offset, data);
        self.uncore.interrupts.set_routing(self.config.routing());
    }

    /// Reads BAR0: registers below 8 MiB, page table entries of the GGTT above.
    pub fn bar0_read(&mut self, offset: u64, data: &mut [u8]) {
        self.follow_clock();
        if let Some(entry) = offset.checked_sub(u64::from(REGISTER_SPACE)) {
            self.uncore.ggtt.read(entry, data);
            return;
        }
        data.fill(0);
        for (register, first, part) in register_parts_mut(offset, data) {
            let value = self.uncore.read(register).to_le_bytes();
            part.copy_from_slice(&value[first..first + part.len()]);
        }
        self.note(Direction::Read, Space::Register, offset, data);
    }

    /// Writes BAR0. A write that covers part of a register keeps the rest of it.
    pub fn bar0_write(&mut self, offset: u64, data: &[u8]) {
        self.follow_clock();
        if let Some(entry) = offset.checked_sub(u64::from(REGISTER_SPACE)) {
            self.uncore.ggtt.write(entry, data);
            return;
        }
        self.note(Direction::Write, Space::Register, offset, data);
        for (register, first, part) in register_parts(offset, data) {
            let mut value = match part.len() {
                4 => [0; 4],
                _ => self.uncore.peek(register).to_le_bytes(),
            };
            value[first..first + part.len()].copy_from_slice(part);
            let effect = self.uncore.write(register, u32::from_le_bytes(value));
            self.apply(effect);
        }
    }

    /// Reads the aperture: memory through the GGTT, detiled inside of fences.
    ///
    /// Bytes of unmapped pages read as ones.
    pub fn bar2_read(&mut self, offset: u64, data: &mut [u8]) {
        let mut done = 0;
        while done < data.len() {
            let (address, run) =
                self.aperture(offset.saturating_add(done as u64), data.len() - done);
            let part = &mut data[done..done + run];
            if self.uncore.ggtt_memory().read(address, part).is_err() {
                part.fill(u8::MAX);
            }
            done += run;
        }
    }

    /// Writes the aperture; bytes of unmapped pages are dropped.
    pub fn bar2_write(&mut self, offset: u64, data: &[u8]) {
        let mut done = 0;
        while done < data.len() {
            let (address, run) =
                self.aperture(offset.saturating_add(done as u64), data.len() - done);
            // A write to an unmapped page goes nowhere, as on the bus.
            let _ = self
                .uncore
                .ggtt_memory()
                .write(address, &data[done..done + run]);
            done += run;
        }
    }

    /// Reads the index (0) or data (4) port of BAR4.
    pub fn bar4_read(&mut self, offset: u64, data: &mut [u8]) {
        let value = match offset {
            IO_INDEX => self.io_index,
            IO_DATA => self.read32(MmioOffset(self.io_index).dword()),
            _ => 0,
        };
        data.fill(0);
        let size = data.len().min(4);
        data[..size].copy_from_slice(&value.to_le_bytes()[..size]);
    }

    /// Writes the index (0) or data (4) port of BAR4; only whole dwords count.
    pub fn bar4_write(&mut self, offset: u64, data: &[u8]) {
        let Ok(bytes) = <[u8; 4]>::try_from(data) else {
            return;
        };
        match offset {
            IO_INDEX => self.io_index = u32::from_le_bytes(bytes),
            IO_DATA => self.write32(MmioOffset(self.io_index).dword(), u32::from_le_bytes(bytes)),
            _ => {}
        }
    }

    /// Reads one register as a driver does.
    pub fn read32(&mut self, offset: MmioOffset) -> u32 {
        let mut data = [0; 4];
        self.bar0_read(u64::from(offset.0), &mut data);
        u32::from_le_bytes(data)
    }

    /// Writes one register as a driver does.
    pub fn write32(&mut self, offset: MmioOffset, value: u32) {
        self.bar0_write(u64::from(offset.0), &value.to_le_bytes());
    }

    /// Executes each engine for at most `budget`, and lets time-driven events happen.
    ///
    /// Engines run side by side in virtual time: a slice advances the clock by the longest.
    pub fn run(&mut self, budget: Cycles) -> Activity {
        self.follow_clock();
        self.uncore.tick();
        let mut activity = Activity::Idle;
        let mut effects = Vec::new();
        for engine in &mut self.engines {
            self.uncore.clock.begin_engine();
            activity = activity.max(engine.run(&mut self.uncore, budget, &mut effects));
        }
        self.executed |= self.uncore.clock.end_slice() > Nanos(0);
        for effect in effects {
            self.apply(Some(effect));
            activity = Activity::Busy;
        }
        activity
    }

    /// Runs slices until no engine has anything to execute, or `limit` slices have passed.
    pub fn run_until_settled(&mut self, limit: usize) -> Activity {
        let mut activity = Activity::Busy;
        for _ in 0..limit {
            activity = self.run(DEFAULT_SLICE);
            if activity != Activity::Busy {
                break;
            }
        }
        activity
    }

    /// Virtual time of the next event that needs [`Gpu::run`], if any is coming.
    pub fn next_event(&self) -> Option<Nanos> {
        self.uncore.display.next_event()
    }

    fn follow_clock(&mut self) {
        self.uncore.clock.follow(std::mem::take(&mut self.executed));
    }

    fn note(&mut self, direction: Direction, space: Space, offset: u64, data: &[u8]) {
        let offset = MmioOffset(u32::try_from(offset).unwrap_or(u32::MAX));
        self.uncore
            .log
            .note(self.uncore.clock.now(), direction, space, offset, data);
    }

    /// Where the byte at `offset` of the aperture is, and how many of `wanted` follow it there.
    fn aperture(&self, offset: u64, wanted: usize) -> (GgttAddress, usize) {
        let address = GgttAddress(offset);
        let (address, run) = match Fence::covering(&self.uncore.regs, address) {
            Some(fence) => fence.detile(address),
            None => (address, u64::MAX),
        };
        let run = usize::try_from(run).unwrap_or(usize::MAX).min(wanted);
        (address, crate::ggtt::left_in_page(address.0, run))
    }

    fn apply(&mut self, effect: Option<Effect>) {
        match effect {
            None => {}
            Some(Effect::Submit(id, value)) => {
                self.with_engine(id, |engine, uncore| engine.submit(uncore, value));
            }
            Some(Effect::StopChanged(id)) => {
                self.with_engine(id, |engine, uncore| engine.show_idle(uncore));
            }
            Some(Effect::Signal(id)) => self.with_engine(id, |engine, _| engine.signal()),
            Some(Effect::Reset(value)) => self.reset_domains(value),
            Some(Effect::InvalidateTlb(id)) => {
                self.with_engine(id, |engine, _| engine.invalidate_tlb());
            }
            Some(Effect::FlushGgtt) => {
                self.engines.iter_mut().for_each(Engine::flush_ggtt);
            }
        }
    }

    fn with_engine(&mut self, id: EngineId, act: impl FnOnce(&mut Engine, &mut Uncore)) {
        if let Some(engine) = self.engines.iter_mut().find(|engine| engine.id() == id) {
            act(engine, &mut self.uncore);
        }
    }

    fn reset_domains(&mut self, value: u32) {
        for id in gt::reset_domains(value) {
            self.with_engine(id, |engine, uncore| {
                engine.reset(uncore);
                let base = id.mmio_base();
                uncore.reset_range(base, base.add(engine::RANGE));
            });
        }
        let render = value & (gt::GDRST_FULL | gt::GDRST_RENDER) != 0;
        let ranges = if value & gt::GDRST_FULL != 0 {
            gt::FULL_RESET_RANGES
        } else {
            &[]
        };
        let render_ranges = if render { gt::RENDER_RESET_RANGES } else { &[] };
        for &(start, end) in ranges.iter().chain(render_ranges) {
            self.uncore.reset_range(start, end);
        }
        if value & gt::GDRST_GUC != 0 {
            self.uncore
                .regs
                .update(gt::GUC_STATUS, gt::GUC_STATUS_IN_RESET, u32::MAX);
        }
    }
}

/// A slice that keeps a lock around the GPU short: 20 microseconds of virtual time.
pub const DEFAULT_SLICE: Cycles = Cycles(20 * crate::clock::CYCLES_PER_MICROSECOND);

/// The registers that a run of bytes covers: offset, first byte in it, bytes.
fn register_parts(offset: u64, data: &[u8]) -> impl Iterator<Item = (MmioOffset, usize, &[u8])> {
    let mut at = offset;
    let mut rest = data;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let first = (at % 4) as usize;
        let (part, later) = rest.split_at(rest.len().min(4 - first));
        let register = MmioOffset(u32::try_from(at).ok()?).dword();
        rest = later;
        at = at.saturating_add(part.len() as u64);
        Some((register, first, part))
    })
}

/// As [`register_parts`], to be filled.
fn register_parts_mut(
    offset: u64,
    data: &mut [u8],
) -> impl Iterator<Item = (MmioOffset, usize, &mut [u8])> {
    let mut at = offset;
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let bytes = rest.take().filter(|bytes| !bytes.is_empty())?;
        let first = (at % 4) as usize;
        let length = bytes.len().min(4 - first);
        let (part, later) = bytes.split_at_mut(length);
        let register = MmioOffset(u32::try_from(at).ok()?).dword();
        rest = Some(later);
        at = at.saturating_add(length as u64);
        Some((register, first, part))
    })
}

/// Bytes of BAR0 that answer: registers and GGTT.
pub const BAR0_USED: u64 = REGISTER_SPACE as u64 + GGTT_BYTES;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::DmaAddress;
    use crate::ggtt::PTE_PRESENT;
    use crate::interrupt::NoInterrupts;
    use crate::memory::VecMemory;

    fn gpu() -> (Gpu, Arc<VecMemory>) {
        let memory = Arc::new(VecMemory::new(16 << 20));
        (
            Gpu::new(Options::default(), memory.clone(), Box::new(NoInterrupts)),
            memory,
        )
    }

    const SCRATCH: MmioOffset = MmioOffset(0x4_f000);

    #[test]
    fn bar0_when_written_in_parts_then_register_is_merged() {
        let (mut gpu, _) = gpu();
        gpu.write32(SCRATCH, 0x1122_3344);

        gpu.bar0_write(u64::from(SCRATCH.0) + 1, &[0xaa, 0xbb]);

        assert_eq!(gpu.read32(SCRATCH), 0x11bb_aa44);
    }

    #[test]
    fn bar0_when_accessed_across_registers_then_both() {
        let (mut gpu, _) = gpu();

        gpu.bar0_write(u64::from(SCRATCH.0) + 2, &[1, 2, 3, 4, 5, 6, 7, 8]);

        let mut data = [0; 8];
        gpu.bar0_read(u64::from(SCRATCH.0) + 2, &mut data);
        assert_eq!(data, [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn bar0_when_outside_then_zero_and_ignored() {
        let (mut gpu, _) = gpu();
        let mut data = [1; 4];

        gpu.bar0_write(BAR0_USED, &[1; 4]);
        gpu.bar0_read(BAR0_USED, &mut data);

        assert_eq!(data, [0; 4]);
    }

    #[test]
    fn bar2_when_mapped_then_memory_when_not_then_ones() {
        let (mut gpu, memory) = gpu();
        let entry = u64::from(REGISTER_SPACE) + 8 * 2;
        gpu.bar0_write(entry, &(0x9000 | PTE_PRESENT).to_le_bytes());

        gpu.bar2_write(0x2ffe, &[1, 2, 3, 4]);

        let mut data = [0; 4];
        gpu.bar2_read(0x2ffe, &mut data);
        assert_eq!(data, [1, 2, 0xff, 0xff]);
        assert_eq!(memory.read_u32(DmaAddress(0x9ffc)).unwrap(), 0x0201_0000);
    }

    #[test]
    fn bar2_when_fenced_then_detiled() {
        let (mut gpu, memory) = gpu();
        for page in 0..2_u64 {
            let entry = u64::from(REGISTER_SPACE) + 8 * page;
            gpu.bar0_write(
                entry,
                &((0x9000 + page * 0x1000) | PTE_PRESENT).to_le_bytes(),
            );
        }
        // X tiled, 1024 bytes a row, from page 0 to page 1.
        gpu.bar0_write(0x10_0000, &(0x0000_1007_0000_0001_u64).to_le_bytes());

        gpu.bar2_write(1024, &[0x55]);

        assert_eq!(memory.read_u32(DmaAddress(0x9200)).unwrap(), 0x55);
    }

    #[test]
    fn bars_when_offset_is_at_the_end_of_the_number_range_then_no_harm() {
        let (mut gpu, _) = gpu();
        let mut data = [1; 16];

        for offset in [u64::MAX, u64::MAX - 7, u64::from(u32::MAX), (8 << 20) - 2] {
            gpu.bar0_write(offset, &[0xff; 16]);
            gpu.bar0_read(offset, &mut data);
            gpu.bar2_write(offset, &[0xff; 16]);
            gpu.bar2_read(offset, &mut data);
            gpu.config_write(offset, &[0xff; 16]);
            gpu.config_read(offset, &mut data);
        }

        assert_eq!(data, [0; 16]);
    }

    #[test]
    fn bar4_when_index_and_data_then_register() {
        let (mut gpu, _) = gpu();

        gpu.bar4_write(0, &SCRATCH.0.to_le_bytes());
        gpu.bar4_write(4, &7_u32.to_le_bytes());

        assert_eq!(gpu.read32(SCRATCH), 7);
    }

    #[test]
    fn reset_when_registers_were_written_then_as_after_power_on() {
        let (mut gpu, _) = gpu();
        let fresh = gpu.read32(SCRATCH);
        gpu.write32(SCRATCH, !fresh);
        gpu.config_write(4, &[7, 4]);

        gpu.reset();

        assert_eq!(gpu.read32(SCRATCH), fresh);
        let mut command = [1; 2];
        gpu.config_read(4, &mut command);
        assert_eq!(command, [0, 0]);
    }
}
