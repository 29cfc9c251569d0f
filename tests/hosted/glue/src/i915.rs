// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What i915 does as far as the host half notices: load, bind, use, reset, sleep, unbind.
//!
//! The order of things is that of the hooks in the patch to i915.

use crate::card::{has_vcs1, Card, Golden};
use crate::machine::Machine;
use gen9_gpu::regs::gt;
use gen9_gpu::{EngineId, MmioOffset};
use gvt_host::capture::capture;
use gvt_host::config::ConfigCopy;
use gvt_host::store::{Key, Store};
use gvt_host::{events, table};
use iface::host::HostTable;
use iface::snapshot::Blob;
use iface::version::Needs;
use kernel::error::Result;
use std::ffi::c_void;
use std::sync::Arc;

/// Where the GPU is on its bus: device 2, function 0.
const DEVFN: u8 = 2 << 3;
/// Configuration space: COMMAND, with memory and bus mastering enabled.
const CONFIG_COMMAND: u64 = 0x04;
const COMMAND_ENABLE: [u8; 2] = [0b110, 0];
/// Registers of an engine, from its base (PRM Vol 2c).
const RING_HWSTAM: u32 = 0x98;
const RING_MI_MODE: u32 = 0x9c;
const RING_RESET_CTL: u32 = 0xd0;
const RING_HWS_PGA: u32 = 0x80;
const RING_IMR: u32 = 0xa8;
/// RESET_CTL: the driver asks for a reset, in the masked form.
const RESET_CTL_REQUEST: u32 = 1 << 16 | 1;
const RESET_CTL_CLEAR: u32 = 1 << 16;
/// Error registers that i915 clears (PRM Vol 2c; observed: i915, intel_gt_check_and_clear_faults).
const PGTBL_ER: MmioOffset = MmioOffset(0x2024);
const IPEIR: MmioOffset = MmioOffset(0x2064);
const EIR: MmioOffset = MmioOffset(0x20b0);
/// FPGA_DBG: an access to no register was seen; written back to clear.
const FPGA_DBG_UNCLAIMED: u32 = 1 << 31;
/// Where i915 puts the status pages of its engines in the GGTT.
const STATUS_PAGES: u32 = 0x4000;
/// MI_MODE: the ring is stopped, in the masked form.
const STOP_RING: u32 = 1 << 24 | 1 << 8;

/// i915, loaded; it keeps what outlives a bind.
pub struct I915 {
    machine: Arc<Machine>,
    // Before the store, whose snapshots it points to.
    bound: Option<Bound>,
    store: Box<Store>,
    said: Option<(u64, Needs)>,
}

/// What is known of the snapshot that a bound GPU shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotFacts {
    /// Registers in it.
    pub registers: u64,
    /// Bytes of it.
    pub bytes: u64,
    /// How long it took to take, in nanoseconds.
    pub duration_ns: u64,
    /// Whether it was taken in this bind.
    pub first_bind: bool,
    /// Whether no other driver can have used the GPU before.
    pub pristine: bool,
}

/// A bound GPU: the card, and the table that is published. Neither moves.
struct Bound {
    card: Box<Card>,
    table: Box<HostTable>,
}

impl I915 {
    /// Loads i915 on a machine.
    pub fn load(machine: Arc<Machine>) -> Self {
        I915 {
            machine,
            bound: None,
            store: Box::default(),
            said: None,
        }
    }

    /// The machine.
    pub fn machine(&self) -> &Arc<Machine> {
        &self.machine
    }

    /// The bound card.
    pub fn card(&self) -> Option<&Card> {
        self.bound.as_ref().map(|bound| &*bound.card)
    }

    /// What is known of the snapshot, if the GPU is bound and has one.
    pub fn snapshot(&self) -> Option<SnapshotFacts> {
        let golden = self.card()?.golden()?;
        let blob = Blob::new(golden.data).ok()?;
        Some(SnapshotFacts {
            registers: blob.header().value_count.into(),
            bytes: golden.data.len() as u64,
            duration_ns: golden.duration_ns,
            first_bind: golden.first_bind,
            pristine: golden.pristine,
        })
    }

    /// What the platform data of the published device points to. The client has to have let go of
    /// it when the GPU is unbound.
    pub fn platform_data(&self) -> *const c_void {
        self.bound
            .as_ref()
            .map_or(std::ptr::null(), |bound| (&raw const *bound.table).cast())
    }

    /// From the next bind on the table's header says that i915 offers these features, and needs that of
    /// its client, whatever this build does.
    pub fn say(&mut self, features: u64, needs: Needs) {
        self.said = Some((features, needs));
    }

    /// Binds the GPU: the copies first, then all that programs it, and the table last.
    ///
    /// If no snapshot can be taken the GPU is bound without one.
    pub fn bind(&mut self, drm_minor: u32) {
        let config = self.begin();
        let golden = self.take_golden(&config).ok();
        self.program();
        let card = Box::new(Card::new(self.machine.clone(), drm_minor, golden));
        // SAFETY: the card is in a box of its own, which lives as long as the table's.
        let mut table = Box::new(unsafe { table::of(&raw const *card) });
        if let Some((features, needs)) = self.said {
            table.header.features = features;
            table.header.needs_minor = needs.minor;
            table.header.needs_features = needs.features;
        }
        self.bound = Some(Bound { card, table });
    }

    /// What a bind does before it takes the snapshot: gives the copy of the configuration space.
    pub fn begin(&self) -> ConfigCopy {
        let config = ConfigCopy::take(|offset| self.machine.config_read(offset));
        self.machine
            .gpu()
            .config_write(CONFIG_COMMAND, &COMMAND_ENABLE);
        self.sanitize();
        config
    }

    /// Unbinds the GPU. Its device was withdrawn before.
    pub fn unbind(&mut self) {
        self.bound = None;
    }

    /// The kept snapshot, or a new one if there is none.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    ///
    /// # Panics
    ///
    /// If the store loses what it has just kept.
    pub fn take_golden(&mut self, config: &ConfigCopy) -> Result<Golden> {
        let key = self.key();
        let first_bind = self.store.find(&key).is_none();
        if first_bind {
            let began = self.machine.uptime();
            let vcs1 = has_vcs1(&self.machine);
            let blob = self.machine.with_forcewake(|gpu| {
                capture(self.machine.platform(), vcs1, config, |offset| {
                    gpu.read32(MmioOffset(offset))
                })
            })?;
            let took = self.machine.uptime() - began;
            let times = (nanoseconds(began), nanoseconds(took));
            self.store.keep(key, blob, times, config.is_pristine())?;
        }
        let kept = self
            .store
            .find(&key)
            .expect("a snapshot of this GPU is kept");
        // SAFETY: the store is in a box that outlives every card, it never removes a snapshot, and
        // a snapshot's bytes do not move.
        let data = unsafe { std::slice::from_raw_parts(kept.blob.as_ptr(), kept.blob.len()) };
        Ok(Golden {
            data,
            duration_ns: kept.duration_ns,
            pristine: kept.pristine,
            first_bind,
        })
    }

    fn key(&self) -> Key {
        let (ids, subsystem) = (
            self.machine.config_read(0x00),
            self.machine.config_read(0x2c),
        );
        Key {
            domain: 0,
            bus: 0,
            devfn: DEVFN,
            revision: self.machine.config_read(0x08) as u8,
            ids: [
                ids as u16,
                (ids >> 16) as u16,
                subsystem as u16,
                (subsystem >> 16) as u16,
            ],
        }
    }

    fn engines(&self) -> impl Iterator<Item = EngineId> {
        self.machine
            .model()
            .engines(self.machine.options().device_id)
    }

    /// All that i915 writes before the registers are copied.
    fn sanitize(&self) {
        let engines: Vec<u32> = self.engines().map(|id| id.mmio_base().0).collect();
        self.machine.with_forcewake(|gpu| {
            gpu.write32(gt::FPGA_DBG, FPGA_DBG_UNCLAIMED);
            for base in engines {
                gpu.write32(MmioOffset(base + RING_HWSTAM), !0);
                gpu.write32(MmioOffset(base + RING_RESET_CTL), RESET_CTL_REQUEST);
                gpu.write32(MmioOffset(base + RING_RESET_CTL), RESET_CTL_CLEAR);
            }
            for error in [PGTBL_ER, IPEIR, EIR] {
                gpu.write32(error, 0);
            }
            let fault = gpu.read32(gt::FAULT);
            gpu.write32(gt::FAULT, fault & !gt::FAULT_VALID);
            gpu.write32(gt::GDRST, gt::GDRST_FULL);
        });
    }

    /// Some of what i915 programs to use the GPU: enough for a later snapshot to differ.
    fn program(&self) {
        let engines: Vec<u32> = self.engines().map(|id| id.mmio_base().0).collect();
        self.machine.with_forcewake(|gpu| {
            for base in engines {
                gpu.write32(MmioOffset(base + RING_MI_MODE), STOP_RING);
                gpu.write32(MmioOffset(base + RING_HWS_PGA), STATUS_PAGES);
                gpu.write32(MmioOffset(base + RING_IMR), !0);
            }
        });
    }

    fn bound(&self) -> &Bound {
        self.bound.as_ref().expect("the GPU is bound")
    }

    /// Resets the whole GPU.
    ///
    /// # Panics
    ///
    /// If it is not bound; so do the functions below.
    pub fn reset(&self) {
        self.begin_reset();
        self.end_reset();
    }

    /// Resets the whole GPU, up to where i915 restores what it lost.
    pub fn begin_reset(&self) {
        let card = &*self.bound().card;
        self.machine
            .with_forcewake(|gpu| gpu.write32(gt::GDRST, gt::GDRST_FULL));
        self.program();
        card.engines_were_reset();
        card.lose_fences();
    }

    /// Restores what a reset of the whole GPU has lost.
    pub fn end_reset(&self) {
        events::fences_lost(&*self.bound().card);
    }

    /// Resets one engine, from where interrupts are off.
    pub fn reset_engine(&self, id: EngineId) {
        self.bound().card.reset_engine(id);
    }

    /// Puts the machine to sleep and wakes it: the GPU loses all it holds, firmware overwrites the
    /// GGTT.
    pub fn sleep(&self) {
        let card = &*self.bound().card;
        events::suspend(card);
        card.stop_engines();
        self.machine.power_cycle();
        card.lose_entries();
        self.machine
            .gpu()
            .config_write(CONFIG_COMMAND, &COMMAND_ENABLE);
        self.program();
        card.restore_engines();
        events::ggtt_lost(card);
        events::fences_lost(card);
        events::resume(card);
    }
}

/// A duration in nanoseconds, as the contract has it.
fn nanoseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
