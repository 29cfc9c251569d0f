// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A VM in the process of a test: what kvmgt's core asks of the VM that a vGPU belongs to.

use crate::lacking::NoTurns;
use crate::shadow::{MachinePages, ShadowPool};
use crate::watch::Watch;
use gen9_gpu::DmaMemory;
use kernel::error::code::{EFAULT, ENOMEM};
use kernel::error::Result;
use kvmgt_core::address::{DmaAddress, Gfn, PAGE_SHIFT, PAGE_SIZE};
use kvmgt_core::device::Device;
use kvmgt_core::gtt::ppgtt::GuestMemory;
use kvmgt_core::guest::{Event, Guest, World};
use kvmgt_core::host::Host;
use kvmgt_core::schedule::time::Time;
use kvmgt_core::schedule::Turns;
use std::collections::BTreeSet;
use std::ops::Range;

/// A VM whose memory is a part of the machine's, page by page in the same order.
///
/// It panics where the core breaks the contract of [`Guest`]: pins a page twice, or unpins what is
/// not pinned.
pub struct Vm {
    memory: Range<u64>,
    lost: BTreeSet<Gfn>,
    pinned: BTreeSet<Gfn>,
    /// How often a page was to be pinned since [`refuse_pins`](Self::refuse_pins).
    attempts: u64,
    refused: Range<u64>,
    messages: usize,
    events: Vec<Event>,
}

impl Vm {
    /// A VM with that part of the machine's memory; both ends are at page boundaries.
    pub fn new(memory: Range<u64>) -> Self {
        Vm {
            memory,
            lost: BTreeSet::new(),
            pinned: BTreeSet::new(),
            attempts: 0,
            refused: 0..0,
            messages: 0,
            events: Vec::new(),
        }
    }

    /// Where a page of its memory is in the machine's, if it has that page.
    pub fn address(&self, gfn: Gfn) -> Option<u64> {
        address(&self.memory, gfn).filter(|_| !self.lost.contains(&gfn))
    }

    /// The pages that are pinned.
    pub fn pinned(&self) -> &BTreeSet<Gfn> {
        &self.pinned
    }

    /// From now on pinning is refused those times, counted from 0, as it is when `RLIMIT_MEMLOCK` is
    /// exceeded.
    pub fn refuse_pins(&mut self, times: Range<u64>) {
        self.attempts = 0;
        self.refused = times;
    }

    /// How often a page was to be pinned since then.
    pub fn pin_attempts(&self) -> u64 {
        self.attempts
    }

    /// How many messages were sent.
    pub fn messages(&self) -> usize {
        self.messages
    }

    /// What was noted since this was last called.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }
}

/// Where a page of that part of the machine's memory is.
fn address(memory: &Range<u64>, gfn: Gfn) -> Option<u64> {
    let offset = gfn.0.checked_mul(1 << PAGE_SHIFT)?;
    let address = memory.start.checked_add(offset)?;
    memory.contains(&address).then_some(address)
}

impl Guest for Vm {
    fn pin(&mut self, gfn: Gfn) -> Result<DmaAddress> {
        let address = self.address(gfn).ok_or(EFAULT)?;
        let attempt = self.attempts;
        self.attempts += 1;
        if self.refused.contains(&attempt) {
            return Err(ENOMEM);
        }
        assert!(self.pinned.insert(gfn), "{gfn:?} is pinned twice");
        Ok(DmaAddress(address))
    }

    fn unpin(&mut self, gfn: Gfn, address: DmaAddress) {
        assert_eq!(self::address(&self.memory, gfn), Some(address.0));
        assert!(self.pinned.remove(&gfn), "{gfn:?} is not pinned");
    }

    fn send_msi(&mut self) {
        self.messages += 1;
    }

    fn note(&mut self, event: Event) {
        self.events.push(event);
    }
}

/// The memory of a [`Vm`], as a processor of its reaches it.
struct VmMemory<'a> {
    all: &'a dyn DmaMemory,
    memory: Range<u64>,
    lost: BTreeSet<Gfn>,
}

impl VmMemory<'_> {
    /// Where so many bytes of a page are.
    fn place(&self, gfn: Gfn, offset: usize, length: usize) -> Result<gen9_gpu::DmaAddress> {
        let end = offset.checked_add(length).map(|end| end as u64);
        assert!(
            end.is_some_and(|end| end <= PAGE_SIZE),
            "{length} bytes at {offset:#x} of a page"
        );
        let there = Some(gfn).filter(|gfn| !self.lost.contains(gfn));
        let start = address(&self.memory, there.ok_or(EFAULT)?).ok_or(EFAULT)?;
        Ok(gen9_gpu::DmaAddress(start + offset as u64))
    }
}

impl GuestMemory for VmMemory<'_> {
    fn read(&mut self, gfn: Gfn, offset: usize, data: &mut [u8]) -> Result {
        let place = self.place(gfn, offset, data.len())?;
        self.all.read(place, data).map_err(|_| EFAULT)
    }

    fn write(&mut self, gfn: Gfn, offset: usize, data: &[u8]) -> Result {
        let place = self.place(gfn, offset, data.len())?;
        self.all.write(place, data).map_err(|_| EFAULT)
    }
}

/// A [`Vm`], and the rest of what surrounds its vGPU: memory that nobody watches at first, pages for
/// shadows. It is never the vGPU's turn, but for [`with_turns`](Self::with_turns).
pub struct Surroundings<'a> {
    /// The VM.
    pub vm: Vm,
    /// Who watches its writes.
    pub watch: Watch,
    /// What time it is.
    pub now: Time,
    memory: VmMemory<'a>,
    shadow: MachinePages<'a>,
}

impl<'a> Surroundings<'a> {
    /// Those of a VM with that part of a machine's memory, `all` of it.
    pub fn new(all: &'a dyn DmaMemory, pool: &ShadowPool, memory: Range<u64>) -> Self {
        Self {
            vm: Vm::new(memory.clone()),
            watch: Watch::default(),
            now: Time::default(),
            memory: VmMemory {
                all,
                memory,
                lost: BTreeSet::new(),
            },
            shadow: pool.of(all),
        }
    }

    /// The VM has a page of its memory no more. The core is to be told.
    pub fn lose(&mut self, gfn: Gfn) {
        self.vm.lost.insert(gfn);
        self.memory.lost.insert(gfn);
    }

    /// The VM has a page again that it had lost.
    pub fn regain(&mut self, gfn: Gfn) {
        self.vm.lost.remove(&gfn);
        self.memory.lost.remove(&gfn);
    }

    /// As the core asks for it.
    pub fn with<R>(
        &mut self,
        device: &Device,
        host: &dyn Host,
        act: impl FnOnce(&mut World<'_>) -> R,
    ) -> R {
        self.with_turns(device, host, &NoTurns, act)
    }

    /// The same, with somebody who says whose turn it is.
    pub fn with_turns<R>(
        &mut self,
        device: &Device,
        host: &dyn Host,
        turns: &dyn Turns,
        act: impl FnOnce(&mut World<'_>) -> R,
    ) -> R {
        act(&mut World {
            device,
            host,
            guest: &mut self.vm,
            memory: &mut self.memory,
            tracker: &mut self.watch,
            shadow: &mut self.shadow,
            turns,
            now: self.now,
        })
    }
}
