// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Holes in the mediator, one of which a test may open: is whoever watches it awake?
//!
//! Only builds with the feature `mutants` have this, which is for tests alone: a kernel module never
//! has it. A [`Mutant`] names one check that is left out. A test of isolation that does not notice
//! has seen nothing.

use crate::address::{DmaAddress, Gfn, MmioOffset, PAGE_SHIFT};
use crate::command::Action;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// A check that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// The audit of `MI_STORE_DATA_IMM`.
    StoreData,
    /// The audit of `MI_COPY_MEM_MEM`.
    CopyMemory,
    /// The audit of `MI_ATOMIC`.
    Atomic,
    /// The audit of `MI_STORE_REGISTER_MEM`.
    StoreRegister,
    /// The audit of `MI_LOAD_REGISTER_MEM`.
    LoadRegister,
    /// The audit of `MI_LOAD_REGISTER_IMM`.
    LoadImmediate,
    /// The audit of `MI_LOAD_REGISTER_REG`.
    CopyRegister,
    /// The audit of `MI_FLUSH_DW`.
    FlushDw,
    /// The audit of `PIPE_CONTROL`.
    PipeControl,
    /// The audit of `MI_SEMAPHORE_WAIT`.
    SemaphoreWait,
    /// The audit of `MI_CONDITIONAL_BATCH_BUFFER_END`.
    ConditionalEnd,
    /// That no vGPU has some commands.
    Refused,
    /// That flips are the mediator's.
    Flip,
    /// That what is executed of a batch is the copy that was audited.
    BatchCopy,
    /// That an entry of the GGTT leads to where the page is for the GPU.
    GgttAddress,
    /// That an entry of the GGTT leads to scratch before its page is let go.
    GgttUnmapped,
    /// The same when the guest's memory goes away.
    GgttForgotten,
    /// That an entry of a PPGTT leads to where the page is for the GPU.
    PpgttAddress,
    /// That an entry of a PPGTT that the guest has taken away is taken from the GPU.
    PpgttUnmapped,
    /// That no entry of a PPGTT leads to memory that has gone away.
    PpgttForgotten,
    /// That an address space begins with a shadow.
    PpgttRoot,
    /// Which registers slots of `FORCE_TO_NONPRIV` may name.
    Slot,
    /// That what the host has in registers is loaded behind a guest's commands.
    SwitchBack,
    /// That what a guest has in registers is loaded before its commands.
    SwitchTo,
    /// That what the host has in registers is written after a guest's hang.
    SwitchAfterHang,
    /// That of a guest's image only values are taken.
    ImageCommands,
    /// Which registers of an image are the host's.
    ImageRegisters,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 27] = [
        Self::StoreData,
        Self::CopyMemory,
        Self::Atomic,
        Self::StoreRegister,
        Self::LoadRegister,
        Self::LoadImmediate,
        Self::CopyRegister,
        Self::FlushDw,
        Self::PipeControl,
        Self::SemaphoreWait,
        Self::ConditionalEnd,
        Self::Refused,
        Self::Flip,
        Self::BatchCopy,
        Self::GgttAddress,
        Self::GgttUnmapped,
        Self::GgttForgotten,
        Self::PpgttAddress,
        Self::PpgttUnmapped,
        Self::PpgttForgotten,
        Self::PpgttRoot,
        Self::Slot,
        Self::SwitchBack,
        Self::SwitchTo,
        Self::SwitchAfterHang,
        Self::ImageCommands,
        Self::ImageRegisters,
    ];

    const fn number(self) -> usize {
        (self as usize).saturating_add(1)
    }
}

/// The number of the one that is open; 0 is none.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Opens a hole, in all of the process, in place of the one that was open.
pub fn open(mutant: Option<Mutant>) {
    OPEN.store(mutant.map_or(0, Mutant::number), Ordering::Relaxed);
}

/// The register that is not switched; 0 is none.
static NOT_SWITCHED: AtomicU32 = AtomicU32::new(0);

/// Leaves one register out of what is switched between owners of an engine, in all of the process,
/// in place of the one that was left out.
pub fn leave_out(register: Option<MmioOffset>) {
    let offset = register.map_or(0, |register| register.0);
    NOT_SWITCHED.store(offset, Ordering::Relaxed);
}

/// Whether a register is left out of what is switched.
pub(crate) fn is_left_out(register: MmioOffset) -> bool {
    NOT_SWITCHED.load(Ordering::Relaxed) == register.0
}

/// Whether a check is left out.
pub(crate) fn is(mutant: Mutant) -> bool {
    OPEN.load(Ordering::Relaxed) == mutant.number()
}

/// The address of a page of the guest as if its memory were the machine's, if a test wants that.
pub(crate) fn address(mutant: Mutant, gfn: Gfn) -> Option<DmaAddress> {
    is(mutant).then_some(DmaAddress(gfn.0.wrapping_shl(PAGE_SHIFT)))
}

/// Whether commands of a kind pass as they are.
pub(crate) fn passes(action: Action) -> bool {
    is(match action {
        Action::StoreData => Mutant::StoreData,
        Action::CopyMemory => Mutant::CopyMemory,
        Action::Atomic => Mutant::Atomic,
        Action::StoreRegister => Mutant::StoreRegister,
        Action::LoadRegister => Mutant::LoadRegister,
        Action::LoadImmediate => Mutant::LoadImmediate,
        Action::CopyRegister => Mutant::CopyRegister,
        Action::FlushDw => Mutant::FlushDw,
        Action::PipeControl => Mutant::PipeControl,
        Action::SemaphoreWait => Mutant::SemaphoreWait,
        Action::ConditionalEnd => Mutant::ConditionalEnd,
        Action::Refuse(_) => Mutant::Refused,
        Action::Flip => Mutant::Flip,
        _ => return false,
    })
}
