// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A machine: the software GPU, its memory, and what a PCI bus and firmware do to it.

use gen9_gpu::regs::gt;
use gen9_gpu::shared::Guard;
use gen9_gpu::{
    DmaMemory, Gpu, MmioOffset, NoInterrupts, Options, Platform, PlatformId, Shared, VecMemory,
};
use iface::registers;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of the machine's own memory, from address 0 on.
pub const MEMORY_SIZE: u64 = 1 << 36;
/// The part of it that shadows of page tables lie in.
pub const SHADOW_MEMORY: Range<u64> = MEMORY_SIZE - (2 << 30)..MEMORY_SIZE - (1 << 30);
/// Where firmware puts BAR 0 and the aperture.
const BAR0_ADDRESS: u64 = 0xc000_0000;
const APERTURE_ADDRESS: u64 = 0x80_0000_0000;
/// Configuration space: BAR 0 and BAR 2, each of 64 bits (PCI 3.0, section 6.1).
const CONFIG_BAR0: u64 = 0x10;
const CONFIG_BAR2: u64 = 0x18;
/// Where page-table entries of the GGTT begin in BAR 0 (PRM Vol 5, GTTMMADR).
const GGTT_ENTRIES: u64 = 8 << 20;
/// Bytes of an entry.
const ENTRY_SIZE: u64 = 8;

/// The masked way to set and to clear a forcewake request's first bit.
const FORCEWAKE_ON: u32 = 1 << 16 | 1;
const FORCEWAKE_OFF: u32 = 1 << 16;
/// How often an acknowledge is looked for; the model gives it at once.
const FORCEWAKE_TRIES: u32 = 100;

/// A machine that is switched on.
pub struct Machine {
    gpu: Shared,
    memory: Arc<dyn DmaMemory>,
    options: Options,
    platform: &'static Platform,
    booted: Instant,
}

impl Machine {
    /// Switches a machine on: the GPU holds reset state, firmware has programmed the display and
    /// assigned addresses.
    pub fn new(options: Options) -> Arc<Self> {
        Self::with_memory(options, Arc::new(VecMemory::new(MEMORY_SIZE)))
    }

    /// As [`new`](Self::new), with the memory that the GPU's DMA reaches.
    pub fn with_memory(options: Options, memory: Arc<dyn DmaMemory>) -> Arc<Self> {
        let gpu = Gpu::new(options.clone(), memory.clone(), Box::new(NoInterrupts));
        let machine = Machine {
            gpu: Shared::new(gpu),
            memory,
            platform: Platform::get(options.platform),
            options,
            booted: Instant::now(),
        };
        machine.assign_addresses();
        Arc::new(machine)
    }

    /// The choices it was made with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// What the GPU is in the model's terms.
    pub fn model(&self) -> &'static Platform {
        self.platform
    }

    /// What it is in the contract's terms.
    pub fn platform(&self) -> registers::Platform {
        match self.options.platform {
            PlatformId::Broadwell => registers::Platform::Bdw,
            PlatformId::Skylake => registers::Platform::Skl,
            PlatformId::Kabylake => registers::Platform::Kbl,
            PlatformId::Broxton => registers::Platform::Bxt,
            PlatformId::Coffeelake => registers::Platform::Cfl,
            PlatformId::Cometlake => registers::Platform::Cml,
        }
    }

    /// The GPU, for this thread alone.
    pub fn gpu(&self) -> Guard<'_> {
        self.gpu.lock()
    }

    /// The GPU with what a thread needs that lets its engines execute.
    pub fn shared(&self) -> &Shared {
        &self.gpu
    }

    /// The memory that the GPU's DMA reaches.
    pub fn memory(&self) -> &dyn DmaMemory {
        &*self.memory
    }

    /// Time since it was switched on.
    pub fn uptime(&self) -> Duration {
        self.booted.elapsed()
    }

    /// Physical address of the aperture.
    pub fn aperture_address(&self) -> u64 {
        APERTURE_ADDRESS
    }

    /// Takes power from the GPU and gives it back, as sleep of the machine does.
    pub fn power_cycle(&self) {
        self.gpu().reset();
        self.assign_addresses();
    }

    fn assign_addresses(&self) {
        let mut gpu = self.gpu();
        gpu.config_write(CONFIG_BAR0, &BAR0_ADDRESS.to_le_bytes());
        gpu.config_write(CONFIG_BAR2, &APERTURE_ADDRESS.to_le_bytes());
    }

    /// Reads a dword of configuration space.
    pub fn config_read(&self, offset: u8) -> u32 {
        let mut data = [0; 4];
        self.gpu().config_read(offset.into(), &mut data);
        u32::from_le_bytes(data)
    }

    /// Reads an entry of the GGTT, as the GPU sees it.
    pub fn ggtt_entry(&self, page: u64) -> u64 {
        let mut data = [0; 8];
        self.gpu()
            .bar0_read(GGTT_ENTRIES + page * ENTRY_SIZE, &mut data);
        u64::from_le_bytes(data)
    }

    /// Writes entries of the GGTT.
    pub fn ggtt_write(&self, first: u64, entries: &[u64]) {
        const RUN: usize = 512;
        let mut gpu = self.gpu();
        let mut at = GGTT_ENTRIES + first * ENTRY_SIZE;
        for run in entries.chunks(RUN) {
            let mut bytes = [[0; ENTRY_SIZE as usize]; RUN];
            for (bytes, entry) in bytes.iter_mut().zip(run) {
                *bytes = entry.to_le_bytes();
            }
            let bytes = bytes[..run.len()].as_flattened();
            gpu.bar0_write(at, bytes);
            at += bytes.len() as u64;
        }
    }

    /// Makes the GPU forget what it knows of the GGTT.
    pub fn ggtt_flush(&self) {
        self.gpu().write32(gt::GFX_FLUSH_CONTROL, 1);
    }

    /// Runs `f` on the GPU with forcewake held in all domains, as a driver holds it.
    pub fn with_forcewake<R>(&self, f: impl FnOnce(&mut Gpu) -> R) -> R {
        let mut gpu = self.gpu();
        for (request, acknowledge) in gt::forcewake(self.platform) {
            gpu.write32(*request, FORCEWAKE_ON);
            let awake = (0..FORCEWAKE_TRIES).any(|_| gpu.read32(*acknowledge) & 1 != 0);
            assert!(
                awake,
                "the model does not acknowledge forcewake at {request}"
            );
        }
        let result = f(&mut gpu);
        for (request, _) in gt::forcewake(self.platform) {
            gpu.write32(*request, FORCEWAKE_OFF);
        }
        result
    }

    /// Reads a register, without forcewake.
    pub fn read(&self, offset: u32) -> u32 {
        self.gpu().read32(MmioOffset(offset))
    }

    /// Writes a register, without forcewake.
    pub fn write(&self, offset: u32, value: u32) {
        self.gpu().write32(MmioOffset(offset), value);
    }
}
