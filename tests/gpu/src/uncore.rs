// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What all engines share: registers, interrupts, display, GGTT, memory, clock, log.

use std::sync::Arc;

use crate::address::MmioOffset;
use crate::address::PAGE_SIZE;
use crate::clock::BusyCounters;
use crate::clock::Clock;
use crate::clock::Nanos;
use crate::config_space::Routing;
use crate::display;
use crate::display::bits;
use crate::display::Display;
use crate::display::DisplayBus;
use crate::firmware;
use crate::ggtt::Ggtt;
use crate::ggtt::GgttMemory;
use crate::ggtt::PTE_PRESENT;
use crate::interrupt::InterruptSink;
use crate::interrupt::Interrupts;
use crate::log::AccessLog;
use crate::memory::DmaMemory;
use crate::options::Options;
use crate::platform::EngineId;
use crate::platform::Platform;
use crate::pvinfo;
use crate::register_file::RegisterFile;
use crate::regs::engine;
use crate::regs::gt;
use crate::regs::merge_masked;
use crate::regs::Behaviour;
use crate::regs::Behaviours;
use crate::seed;
use crate::submission::SubmissionLog;
use crate::touch::TouchLog;

/// What a register write asks of the engines.
///
/// The uncore does not reach into engines; whoever made the access hands this on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A dword was written to the submit port.
    Submit(EngineId, u32),
    /// These GDRST bits were written.
    Reset(u32),
    /// The stop request of an engine changed.
    StopChanged(EngineId),
    /// Another engine signalled a semaphore.
    Signal(EngineId),
    /// An engine is to forget all translations.
    InvalidateTlb(EngineId),
    /// All engines are to forget translations of the GGTT.
    FlushGgtt,
}

/// Everything but the engines.
pub struct Uncore {
    /// The choices the GPU was made with.
    pub options: Options,
    /// The table of its platform.
    pub platform: &'static Platform,
    /// Its engines.
    pub engines: Vec<EngineId>,
    /// Stored values of registers.
    pub regs: RegisterFile,
    /// The interrupt controller.
    pub interrupts: Interrupts,
    /// The display engine.
    pub display: Display,
    /// The global translation table.
    pub ggtt: Ggtt,
    /// Guest memory.
    pub memory: Arc<dyn DmaMemory>,
    /// Virtual time.
    pub clock: Clock,
    /// What happened.
    pub log: AccessLog,
    /// What engines reach in memory.
    pub touches: TouchLog,
    /// What engines are given to execute.
    pub submissions: SubmissionLog,
    /// What each context cost.
    pub busy: BusyCounters,
    /// Since when the context on each engine is there, and its time stamp then.
    context_clocks: [Option<ContextClock>; EngineId::ALL.len()],
    behaviours: Behaviours,
}

#[derive(Clone, Copy)]
struct ContextClock {
    since: Nanos,
    base: u32,
}

impl Uncore {
    /// After power-on.
    pub fn new(
        options: Options,
        memory: Arc<dyn DmaMemory>,
        sink: Box<dyn InterruptSink>,
        routing: Routing,
    ) -> Self {
        let platform = Platform::get(options.platform);
        let engines: Vec<_> = platform.engines(options.device_id).collect();
        let mut uncore = Self {
            platform,
            regs: RegisterFile::default(),
            interrupts: Interrupts::new(sink),
            display: Display::new(platform, options.display),
            ggtt: Ggtt::default(),
            memory,
            clock: Clock::default(),
            log: AccessLog::default(),
            touches: TouchLog::default(),
            submissions: SubmissionLog::default(),
            busy: BusyCounters::default(),
            context_clocks: [None; EngineId::ALL.len()],
            behaviours: Behaviours::new(platform, &engines),
            engines,
            options,
        };
        uncore.reset(routing);
        uncore
    }

    /// Returns to the state after power-on. Clock and log go on.
    pub fn reset(&mut self, routing: Routing) {
        self.regs.clear();
        seed::fill(&mut self.regs, self.platform, self.options.seed);
        self.ggtt.clear();
        self.context_clocks = [None; EngineId::ALL.len()];
        for (offset, value) in fixed_reset_values(self.platform, &self.engines) {
            self.regs.set(offset, value);
        }
        self.interrupts.reset(&self.regs, routing);
        let (display, mut bus) = self.display_bus();
        display.reset(&mut bus);
        firmware::program(&mut self.regs, self.platform, &self.options);
        self.map_boot_screen();
        if self.options.vgpu {
            pvinfo::program(&mut self.regs, self.options.aperture);
        }
    }

    /// Maps the surface of the boot screen, as firmware does, to stolen memory.
    ///
    /// There is no stolen memory ([`crate::config_space`] says so), but drivers look whether the
    /// entries are present before they look how much of it there is (observed: i915 of 7.3).
    fn map_boot_screen(&mut self) {
        if self.regs.get(MmioOffset(bits::PLANE_CTL)) & bits::ENABLE == 0 {
            return;
        }
        let rows = (self.regs.get(MmioOffset(bits::PLANE_SIZE)) >> 16) + 1;
        let stride = self.regs.get(MmioOffset(bits::PLANE_STRIDE)) * LINEAR_STRIDE_UNIT;
        let first = u64::from(self.regs.get(MmioOffset(bits::PLANE_SURF))) / PAGE_SIZE;
        let pages = (u64::from(rows) * u64::from(stride)).div_ceil(PAGE_SIZE);
        for page in 0..pages {
            let entry = (STOLEN_BASE + page * PAGE_SIZE) | PTE_PRESENT;
            self.ggtt.write((first + page) * 8, &entry.to_le_bytes());
        }
    }

    /// The value a register has after power-on, before firmware.
    pub fn reset_value(&self, offset: MmioOffset) -> u32 {
        fixed_reset_values(self.platform, &self.engines)
            .find(|(fixed, _)| *fixed == offset)
            .map_or_else(
                || seed::reset_value(self.platform, self.options.seed, offset),
                |(_, value)| value,
            )
    }

    /// Returns the registers of a range to their value after power-on.
    pub fn reset_range(&mut self, start: MmioOffset, end: MmioOffset) {
        let mut offset = start;
        while offset < end {
            let value = seed::reset_value(self.platform, self.options.seed, offset);
            self.regs.set(offset, value);
            offset = offset.add(4);
        }
        for (offset, value) in fixed_reset_values(self.platform, &self.engines) {
            if (start..end).contains(&offset) {
                self.regs.set(offset, value);
            }
        }
    }

    /// Reads the register at `offset` (dword aligned), with whatever that does.
    pub fn read(&mut self, offset: MmioOffset) -> u32 {
        if Interrupts::owns(offset) {
            return self.interrupts.read(offset);
        }
        match self.behaviours.of(offset) {
            Behaviour::Timestamp => self.timestamp() as u32,
            Behaviour::TimestampHigh => (self.timestamp() >> 32) as u32,
            Behaviour::ContextTimestamp(engine) => self.context_time(engine),
            Behaviour::ActualFrequency => {
                self.regs.get(gt::REQUESTED_FREQUENCY) & gt::FREQUENCY_GEN9
            }
            Behaviour::InvalidateTlb(_) | Behaviour::FlushGgtt | Behaviour::ResetDomains => 0,
            Behaviour::Plain if Display::owns(offset) => {
                let (display, mut bus) = self.display_bus();
                display.read(offset, &mut bus)
            }
            _ => self.regs.get(offset),
        }
    }

    /// The value that a read would give, for tests: without side effects, not logged.
    pub fn peek(&self, offset: MmioOffset) -> u32 {
        if Interrupts::owns(offset) {
            self.interrupts.read(offset)
        } else {
            self.regs.get(offset)
        }
    }

    /// Writes the register at `offset` (dword aligned), with whatever that does.
    ///
    /// What it asks of the engines is returned; the caller passes it on.
    #[must_use]
    pub fn write(&mut self, offset: MmioOffset, value: u32) -> Option<Effect> {
        if Interrupts::owns(offset) {
            self.interrupts.write(offset, value);
            return None;
        }
        let old = self.regs.get(offset);
        match self.behaviours.of(offset) {
            Behaviour::Plain if Display::owns(offset) => {
                let (display, mut bus) = self.display_bus();
                display.write(offset, value, &mut bus);
            }
            Behaviour::Plain => self.regs.set(offset, value),
            Behaviour::Masked => self.regs.set(offset, merge_masked(old, value)),
            Behaviour::WriteOneToClear => self.regs.set(offset, old & !value),
            Behaviour::ForcewakeRequest { acknowledge } => {
                let merged = merge_masked(old, value);
                self.regs.set(offset, merged);
                self.regs.set(acknowledge, merged);
            }
            Behaviour::ResetDomains => return Some(Effect::Reset(value)),
            Behaviour::ResetControl => self.regs.set(offset, reset_control(old, value)),
            Behaviour::MiMode(engine) => {
                let idle = old & engine::mi_mode::IDLE;
                let rest = merge_masked(old, value) & !engine::mi_mode::IDLE;
                self.regs.set(offset, rest | idle);
                return Some(Effect::StopChanged(engine));
            }
            Behaviour::ExeclistSubmit(engine) => return Some(Effect::Submit(engine, value)),
            Behaviour::InvalidateTlb(engine) => {
                let asked = value & gt::TLB_INVALIDATE_ALL != 0;
                return asked.then_some(Effect::InvalidateTlb(engine));
            }
            Behaviour::FlushGgtt => return Some(Effect::FlushGgtt),
            Behaviour::PcodeMailbox => self.pcode(value),
            Behaviour::ContextTimestamp(engine) => self.set_context_time(engine, value),
            Behaviour::ReadOnly
            | Behaviour::Timestamp
            | Behaviour::TimestampHigh
            | Behaviour::ActualFrequency => {}
        }
        None
    }

    /// Restores a register from a context image: stored, without side effects.
    pub fn restore(&mut self, offset: MmioOffset, value: u32) {
        match self.behaviours.of(offset) {
            Behaviour::Masked => {
                let merged = merge_masked(self.regs.get(offset), value);
                self.regs.set(offset, merged);
            }
            Behaviour::ContextTimestamp(engine) => self.set_context_time(engine, value),
            Behaviour::Plain => self.regs.set(offset, value),
            Behaviour::MiMode(_) => {
                let idle = self.regs.get(offset) & engine::mi_mode::IDLE;
                let merged = merge_masked(self.regs.get(offset), value) & !engine::mi_mode::IDLE;
                self.regs.set(offset, merged | idle);
            }
            _ => {}
        }
    }

    /// Whether the register takes a mask in its high half.
    pub fn is_masked(&self, offset: MmioOffset) -> bool {
        matches!(
            self.behaviours.of(offset),
            Behaviour::Masked | Behaviour::MiMode(_)
        )
    }

    /// Lets time-driven events of the display happen.
    pub fn tick(&mut self) {
        let (display, mut bus) = self.display_bus();
        display.tick(&mut bus);
    }

    /// Executes MI_DISPLAY_FLIP: programs the plane that `header` names.
    pub fn flip(&mut self, header: u32, stride: u32, surface: u32) {
        let Some(plane) = flip::plane(self.platform, header) else {
            return;
        };
        for (offset, value) in [(flip::STRIDE, stride), (flip::SURFACE, surface)] {
            // The display engine asks nothing of engines.
            let _ = self.write(plane.add(offset), value);
        }
    }

    /// Memory through the GGTT.
    pub fn ggtt_memory(&self) -> GgttMemory<'_> {
        GgttMemory {
            ggtt: &self.ggtt,
            memory: &*self.memory,
        }
    }

    /// The time stamp that all engines share.
    pub fn timestamp(&self) -> u64 {
        self.clock.now().ticks(self.platform.timestamp_hz)
    }

    /// Time stamp of the context on `engine`; runs while a context is there.
    pub fn context_time(&self, engine: EngineId) -> u32 {
        let stored = self.regs.get(engine.mmio_base().add(engine::CTX_TIMESTAMP));
        self.context_clocks[engine.index()].map_or(stored, |clock| {
            let passed = self.clock.now().since(clock.since);
            clock
                .base
                .wrapping_add(passed.ticks(self.platform.timestamp_hz) as u32)
        })
    }

    /// Sets the time stamp of the context on `engine`.
    pub fn set_context_time(&mut self, engine: EngineId, value: u32) {
        self.regs
            .set(engine.mmio_base().add(engine::CTX_TIMESTAMP), value);
        if let Some(clock) = &mut self.context_clocks[engine.index()] {
            *clock = ContextClock {
                since: self.clock.now(),
                base: value,
            };
        }
    }

    /// Starts or stops the time stamp of the context on `engine`.
    pub fn run_context_clock(&mut self, engine: EngineId, running: bool) {
        let base = self.context_time(engine);
        self.regs
            .set(engine.mmio_base().add(engine::CTX_TIMESTAMP), base);
        self.context_clocks[engine.index()] = running.then_some(ContextClock {
            since: self.clock.now(),
            base,
        });
    }

    fn display_bus(&mut self) -> (&mut Display, DisplayBus<'_>) {
        let bus = DisplayBus {
            regs: &mut self.regs,
            irq: &mut self.interrupts,
            now: self.clock.now(),
        };
        (&mut self.display, bus)
    }

    /// Executes a command of the power control unit at once; it never fails.
    fn pcode(&mut self, value: u32) {
        if value & gt::PCODE_READY == 0 {
            self.regs.set(gt::PCODE_MAILBOX, value);
            return;
        }
        let command = (value & gt::PCODE_COMMAND) as u8;
        let data = self.regs.get(gt::PCODE_DATA);
        let answer = display::pcode::reply(self.platform.id, command, data);
        self.regs.set(gt::PCODE_DATA, answer.unwrap_or(data));
        let finished = value & !(gt::PCODE_READY | gt::PCODE_COMMAND);
        self.regs.set(gt::PCODE_MAILBOX, finished);
    }
}

/// Unit of a linear plane's stride (PRM Vol 2c, PLANE_STRIDE).
const LINEAR_STRIDE_UNIT: u32 = 64;

/// Where the boot screen would be in memory: high, out of the way of small guests' memory.
const STOLEN_BASE: u64 = 0x7_c000_0000;

/// MI_DISPLAY_FLIP (PRM Vol 2a): which plane, and the registers it writes.
mod flip {
    use crate::address::MmioOffset;
    use crate::platform::Platform;

    /// Stride register of a plane.
    pub const STRIDE: u32 = 0x08;
    /// Surface register of a plane; writing it arms the flip.
    pub const SURFACE: u32 = 0x1c;
    const FIRST_PLANE: u32 = 0x7_0180;
    const NEXT_PIPE: u32 = 0x1000;
    const NEXT_PLANE: u32 = 0x100;

    /// First register of the plane that a header names.
    pub fn plane(platform: &Platform, header: u32) -> Option<MmioOffset> {
        let (pipe, plane) = if platform.generation >= 9 {
            match header >> 8 & 0x1f {
                selector @ 0..=2 => (selector, 0),
                selector @ 4..=6 => (selector - 4, 1),
                selector @ 7..=9 => (selector - 7, 2),
                _ => return None,
            }
        } else {
            match header >> 19 & 0x7 {
                selector @ 0..=1 => (selector, 0),
                selector @ 2..=3 => (selector - 2, 1),
                4 => (2, 0),
                5 => (2, 1),
                _ => return None,
            }
        };
        Some(MmioOffset(
            FIRST_PLANE + pipe * NEXT_PIPE + plane * NEXT_PLANE,
        ))
    }
}

/// Reset values that no seed changes: fixed properties of the part, acknowledge and idle bits.
fn fixed_reset_values<'a>(
    platform: &'a Platform,
    engines: &'a [EngineId],
) -> impl Iterator<Item = (MmioOffset, u32)> + 'a {
    let forcewake = gt::forcewake(platform)
        .iter()
        .flat_map(|(a, b)| [(*a, 0), (*b, 0)]);
    let shared = [
        (gt::GUC_STATUS, gt::GUC_STATUS_IN_RESET),
        (gt::GT_THREAD_STATUS, 0),
        (gt::PCODE_MAILBOX, 0),
        (gt::FPGA_DBG, 0),
        (gt::FAULT, 0),
    ];
    let engines = engines.iter().flat_map(|e| engine_reset_values(*e));
    platform
        .fixed
        .iter()
        .copied()
        .chain(forcewake)
        .chain(shared)
        .chain(engines)
}

/// Write pointer before the first event, so that the first entry is number 0.
const CSB_POINTER_RESET: u32 = 7;

fn engine_reset_values(engine: EngineId) -> impl Iterator<Item = (MmioOffset, u32)> {
    let base = engine.mmio_base();
    [
        (engine::HEAD, 0),
        (engine::TAIL, 0),
        (engine::CONTROL, 0),
        (engine::MI_MODE, engine::mi_mode::IDLE),
        (engine::INSTDONE, u32::MAX),
        (engine::RESET_CONTROL, 0),
        (engine::EIR, 0),
        (engine::CSB_POINTER, CSB_POINTER_RESET),
        (engine::EXECLIST_STATUS, 0),
        (engine::EXECLIST_STATUS_HIGH, 0),
        (engine::MODE, 0),
    ]
    .into_iter()
    .map(move |(offset, value)| (base.add(offset), value))
}

/// The reset control register after a masked write.
const fn reset_control(old: u32, written: u32) -> u32 {
    use engine::reset_control::{READY, REQUEST};
    let request = merge_masked(old, written) & REQUEST;
    if request != 0 {
        REQUEST | READY
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::GgttAddress;
    use crate::interrupt::NoInterrupts;
    use crate::memory::VecMemory;
    use crate::platform::PlatformId;

    fn uncore(platform: PlatformId) -> Uncore {
        let options = Options::for_platform(platform);
        let memory = Arc::new(VecMemory::new(1 << 20));
        Uncore::new(options, memory, Box::new(NoInterrupts), Routing::None)
    }

    #[test]
    fn forcewake_when_requested_then_acknowledged_on_every_platform() {
        for id in PlatformId::ALL {
            let mut uncore = uncore(id);
            for &(request, acknowledge) in gt::forcewake(uncore.platform) {
                assert_eq!(uncore.write(request, 0x0001_0001), None);
                assert_eq!(uncore.read(acknowledge), 1);
                assert_eq!(uncore.write(request, 0x0001_0000), None);
                assert_eq!(uncore.read(acknowledge), 0);
            }
        }
    }

    #[test]
    fn reset_control_when_requested_then_ready_until_withdrawn() {
        let mut uncore = uncore(PlatformId::Skylake);
        let register = EngineId::Bcs0.mmio_base().add(engine::RESET_CONTROL);

        assert_eq!(uncore.write(register, 0x0001_0001), None);
        assert_eq!(uncore.read(register), 3);
        assert_eq!(uncore.write(register, 0x0001_0000), None);
        assert_eq!(uncore.read(register), 0);
    }

    #[test]
    fn pcode_when_asked_for_latency_then_answers_and_is_ready() {
        const READ_MEMORY_LATENCY: u32 = 0x06;
        let mut uncore = uncore(PlatformId::Kabylake);
        assert_eq!(uncore.write(gt::PCODE_DATA, 0), None);

        let command = gt::PCODE_READY | READ_MEMORY_LATENCY;
        assert_eq!(uncore.write(gt::PCODE_MAILBOX, command), None);

        assert_eq!(uncore.read(gt::PCODE_MAILBOX) & gt::PCODE_READY, 0);
        assert_eq!(uncore.read(gt::PCODE_DATA), 0x1e1a_1100);
    }

    #[test]
    fn gdrst_when_written_then_asks_for_reset_and_reads_zero() {
        let mut uncore = uncore(PlatformId::Kabylake);

        assert_eq!(
            uncore.write(gt::GDRST, gt::GDRST_FULL),
            Some(Effect::Reset(1))
        );
        assert_eq!(uncore.read(gt::GDRST), 0);
    }

    #[test]
    fn boot_screen_when_lit_then_its_surface_is_mapped() {
        let uncore = uncore(PlatformId::Kabylake);
        let surface = u64::from(uncore.regs.get(MmioOffset(bits::PLANE_SURF)));

        assert!(uncore.ggtt.translate(GgttAddress(surface)).is_some());
        assert!(uncore
            .ggtt
            .translate(GgttAddress(surface + (32 << 20)))
            .is_none());
    }

    #[test]
    fn timestamp_when_time_passes_then_counts_at_the_platforms_rate() {
        let mut uncore = uncore(PlatformId::Kabylake);
        uncore.clock.drive_manually();
        let before = uncore.timestamp();

        uncore.clock.advance(Nanos(1_000_000));

        assert_eq!(uncore.timestamp() - before, 12_000);
    }
}
