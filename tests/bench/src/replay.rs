// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The accesses of a guest, done to a vGPU.
//!
//! What is between them, such as the choice of the next one, is not counted: callgrind counts only
//! inside of [`counted_access`].

use std::hint::black_box;
use std::io::Write;

use anyhow::{ensure, Context, Result};
use hosted_glue::lacking::{NoTurns, Unwatched};
use iface::client::Host;
use iface::registers::{self, MMIO_SIZE};
use kvmgt_core::address::{DmaAddress, Gfn, MmioOffset, PAGE_SHIFT};
use kvmgt_core::device::Device;
use kvmgt_core::gtt::ppgtt::{GuestMemory, ShadowMemory, ShadowPage};
use kvmgt_core::guest::{Event, Guest, World};
use kvmgt_core::message::Complaint;
use kvmgt_core::schedule::time::Time;
use kvmgt_core::vgpu::kind::{Kind, KINDS};
use kvmgt_core::vgpu::shares::Shares;
use kvmgt_core::vgpu::{Region, Vgpu};

use crate::cases::{open, own_page, plain};
use crate::null::{Null, VARIANT};
use crate::trace::{Access, Trace};

/// Where in BAR 0 the GGTT begins (PRM Vol 2c, GTTMMADR: the upper half of 16 MiB).
const GGTT_START: u64 = 8 << 20;
/// How the names of registers end that submit work.
const SUBMITS: &str = "_RING_ELSP";
/// Bytes of an entry of the GGTT.
const ENTRY_SIZE: u64 = 8;
/// Bytes of the largest access.
const LARGEST: usize = 8;
/// Where the VM's memory is to the GPU.
const MEMORY: u64 = 4 << 30;

/// What an access is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A register that is not in the register table.
    Untracked,
    /// One that is, and does no more than to remember.
    Plain,
    /// One that does something.
    Handled,
}

/// Which accesses of a trace are counted.
pub type Chosen = fn(Class, &Access) -> bool;

/// What accesses are done to.
pub trait Target {
    /// Does one.
    fn access(&mut self, access: &Access) -> Result<()>;
}

/// Does one, and callgrind counts it.
#[inline(never)]
pub fn counted_access(target: &mut dyn Target, access: &Access) -> Result<()> {
    // What has to be kept can't be left to a jump, at which callgrind would stop counting.
    black_box(target.access(access))
}

/// Does nothing.
pub struct Nothing;

impl Target for Nothing {
    fn access(&mut self, access: &Access) -> Result<()> {
        black_box(access);
        Ok(())
    }
}

/// A VM that has memory without end, and keeps nothing but the number of complaints.
#[derive(Default)]
struct Vm {
    complaints: usize,
    failsafe: bool,
}

impl Guest for Vm {
    fn pin(&mut self, gfn: Gfn) -> kernel::error::Result<DmaAddress> {
        Ok(DmaAddress(MEMORY + (gfn.0 << PAGE_SHIFT)))
    }

    fn unpin(&mut self, gfn: Gfn, address: DmaAddress) {
        black_box((gfn, address));
    }

    fn send_msi(&mut self) {}

    fn note(&mut self, event: Event) {
        if let Event::Complaint(complaint) = event {
            self.complaints += 1;
            self.failsafe |= matches!(complaint, Complaint::Failsafe(_));
        }
    }
}

/// What that memory holds, and what is kept of page tables in it: nothing.
struct Empty;

impl GuestMemory for Empty {
    fn read(&mut self, _: Gfn, _: usize, data: &mut [u8]) -> kernel::error::Result {
        // Piece by piece: callgrind counts each byte of what one instruction fills.
        data.chunks_mut(64).for_each(|piece| piece.fill(0));
        Ok(())
    }

    fn write(&mut self, _: Gfn, _: usize, _: &[u8]) -> kernel::error::Result {
        Ok(())
    }
}

impl ShadowMemory for Empty {
    fn allocate(&mut self) -> kernel::error::Result<ShadowPage> {
        Ok(ShadowPage {
            handle: 0,
            address: DmaAddress(0),
        })
    }

    fn write(&mut self, _: ShadowPage, _: usize, _: u64) {}

    fn fill(&mut self, _: ShadowPage, _: u64) {}

    fn free(&mut self, _: ShadowPage) {}
}

/// A vGPU over the host half, and that over a GPU that costs nothing.
pub struct Opened<'a> {
    device: &'a Device,
    host: &'a Host<'a>,
    vgpu: Vgpu,
    vm: Vm,
    /// What time it is for the vGPU.
    now: Time,
}

impl Opened<'_> {
    /// Runs something with a vGPU of the smallest type that a VM has opened.
    pub fn with<R>(act: impl FnOnce(&mut Opened<'_>) -> Result<R>) -> Result<R> {
        let [kind, ..] = &KINDS;
        Self::with_kind(kind, act)
    }

    /// The same with one of another type.
    pub fn with_kind<R>(
        kind: &'static Kind,
        act: impl FnOnce(&mut Opened<'_>) -> Result<R>,
    ) -> Result<R> {
        let gpu = Null::new().map_err(plain)?;
        let table = gpu.table();
        let (offer, host) = open(&table)?;
        let device = Device::new(&host, offer.version(), offer.features())
            .map_err(|failure| anyhow::anyhow!("{failure}"))?;
        let id = Shares::new(&host.info().map_err(plain)?)
            .take(kind)
            .map_err(|shortage| anyhow::anyhow!("{shortage}"))?;
        let vgpu =
            Vgpu::new(&device, &host, id, kind).map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
        let mut opened = Opened {
            device: &device,
            host: &host,
            vgpu,
            vm: Vm::default(),
            now: Time::default(),
        };
        opened.restart()?;
        let result = act(&mut opened);
        opened.with_world(Vgpu::close);
        opened.vgpu.destroy(&host);
        result
    }

    /// The VM is started anew.
    pub fn restart(&mut self) -> Result<()> {
        self.with_world(Vgpu::open).map_err(plain)?;
        self.vm = Vm::default();
        Ok(())
    }

    /// The first page of its part of the aperture.
    pub fn first_page(&self) -> u64 {
        self.vgpu.aperture().start >> PAGE_SHIFT
    }

    /// Where the first pages of its part of the aperture are, for a register.
    pub fn surface(&self) -> Result<u32> {
        Ok(u32::try_from(self.vgpu.aperture().start)?)
    }

    /// Maps so many of them, each to a page of its own.
    pub fn map(&mut self, count: u64) -> Result<()> {
        for number in 0..count {
            let access = self.entry(number, own_page(number));
            self.access(&access)?;
        }
        Ok(())
    }

    /// The write of an entry of the GGTT: that of a page of these.
    fn entry(&self, number: u64, entry: u64) -> Access {
        Access {
            offset: GGTT_START + (self.first_page() + number) * ENTRY_SIZE,
            size: ENTRY_SIZE as usize,
            value: Some(entry),
        }
    }

    /// Time goes by until the vGPU's alarm is due.
    pub fn wait_for_alarm(&mut self) -> Result<()> {
        self.now = self.vgpu.alarm().context("nothing happens by itself")?;
        Ok(())
    }

    /// Calls the core.
    pub fn with_world<R>(&mut self, act: impl FnOnce(&mut Vgpu, &mut World<'_>) -> R) -> R {
        let mut world = World {
            device: self.device,
            host: self.host,
            guest: &mut self.vm,
            memory: &mut Empty,
            tracker: &mut Unwatched,
            shadow: &mut Empty,
            turns: &NoTurns,
            now: self.now,
        };
        act(&mut self.vgpu, &mut world)
    }

    /// What an access is to.
    fn class(&self, access: &Access) -> Result<Class> {
        let at = u32::try_from(access.offset).ok();
        let at = at
            .filter(|at| *at < MMIO_SIZE)
            .context("it is to no register")?;
        Ok(
            if registers::find(VARIANT.platform, VARIANT.vcs1, at).is_none() {
                Class::Untracked
            } else if self.device.dispatch().is_plain(MmioOffset(at)) {
                Class::Plain
            } else {
                Class::Handled
            },
        )
    }
}

impl Target for Opened<'_> {
    fn access(&mut self, access: &Access) -> Result<()> {
        let mut data = [0; LARGEST];
        let result = self.with_world(|vgpu, world| match access.value {
            None => {
                let data = &mut data[..access.size];
                let result = vgpu.read(world, Region::Bar0, access.offset, data);
                black_box(data);
                result
            }
            Some(value) => {
                data = value.to_le_bytes();
                let data = &data[..access.size];
                vgpu.write(world, Region::Bar0, access.offset, data)
            }
        });
        result.map_err(plain)
    }
}

/// The trace of the tree, each access with whether it is chosen.
fn accesses(opened: &Opened<'_>, chosen: Chosen) -> Result<Vec<(Access, bool)>> {
    let Trace(accesses) = Trace::boot()?;
    let judged = accesses.into_iter().map(|access| {
        let class = opened.class(&access);
        let class = class.with_context(|| format!("an access of the trace is {access}"))?;
        Ok((access, chosen(class, &access)))
    });
    judged.collect()
}

/// Does all accesses of the trace so often, each time to a vGPU that was reset, and counts those
/// that are chosen.
pub fn boot(rounds: u32, chosen: Chosen) -> Result<()> {
    Opened::with(|opened| {
        let accesses = accesses(opened, chosen)?;
        for _ in 0..rounds {
            opened.restart()?;
            for (access, is_chosen) in &accesses {
                match is_chosen {
                    true => counted_access(opened, access)?,
                    false => opened.access(access)?,
                }
            }
            ensure!(!opened.vm.failsafe, "kvmgt does not serve the guest");
        }
        Ok(())
    })
}

/// Does nothing for each access of the trace: what counting costs.
pub fn nothing(rounds: u32) -> Result<()> {
    let Trace(accesses) = Trace::boot()?;
    for access in (0..rounds).flat_map(|_| &accesses) {
        counted_access(&mut Nothing, access)?;
    }
    Ok(())
}

/// Prints the accesses of the trace, each behind what it is to, for a client of a vGPU elsewhere.
///
/// Left out are those that submit work, as what they name is not there, and those to what a vGPU has
/// not, which the C driver refuses to do: the guest was a native one.
pub fn print_classified(out: &mut impl Write) -> Result<()> {
    Opened::with(|opened| {
        let Trace(accesses) = Trace::boot()?;
        for access in &accesses {
            let class = match opened.class(access)? {
                Class::Untracked => "untracked",
                Class::Plain => "plain",
                Class::Handled => "handled",
            };
            let way = if access.is_write() { "writes" } else { "reads" };
            let complaints = opened.vm.complaints;
            opened.access(access)?;
            if opened.vm.complaints == complaints && !submits(access) {
                writeln!(out, "{way}-{class} {access}")?;
            }
        }
        Ok(())
    })
}

/// Whether an access is to a register that submits work.
fn submits(access: &Access) -> bool {
    let at = u32::try_from(access.offset).ok();
    let register = at.and_then(|at| registers::find(VARIANT.platform, VARIANT.vcs1, at));
    register.is_some_and(|register| register.name.ends_with(SUBMITS))
}

/// How many accesses of the trace are chosen.
pub fn count(chosen: Chosen) -> Result<u64> {
    Opened::with(|opened| {
        let accesses = accesses(opened, chosen)?;
        Ok(accesses.iter().filter(|(_, is_chosen)| *is_chosen).count() as u64)
    })
}

/// Writes entries of the GGTT, `before` first, and counts what `entries` cost that follow.
pub fn ggtt(
    rounds: u32,
    before: fn(u64) -> u64,
    entries: fn(u64) -> u64,
    count: u64,
) -> Result<()> {
    Opened::with(|opened| {
        for _ in 0..rounds {
            for number in 0..count {
                let access = opened.entry(number, before(number));
                opened.access(&access)?;
            }
            for number in 0..count {
                let access = opened.entry(number, entries(number));
                counted_access(opened, &access)?;
            }
        }
        ensure!(opened.vm.complaints == 0, "kvmgt complains about an entry");
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_when_replayed_then_vgpu_serves_it() {
        boot(2, |_, _| true).unwrap();
    }

    #[test]
    fn print_classified_then_all_that_a_vgpu_can_do_is_there() {
        let mut text = Vec::new();
        print_classified(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let Trace(accesses) = Trace::boot().unwrap();
        let fences_of_others = accesses.iter().filter(|a| a.offset == 0x10_0020).count();
        let submissions = accesses.iter().filter(|a| submits(a)).count();
        assert!(submissions != 0 && fences_of_others != 0);
        assert!(!text.contains(" 100020") && !text.contains(" 2230 "));
        assert!(text.lines().count() + submissions < accesses.len());
        assert!(text.lines().count() * 50 > accesses.len() * 49);
        assert!(text.starts_with("reads-handled r 8 78000\n"), "{text:.80}");
    }

    #[test]
    fn count_when_asked_for_a_class_then_trace_has_reads_and_writes_of_it() {
        let classes: [Chosen; 3] = [
            |class, _| class == Class::Untracked,
            |class, _| class == Class::Plain,
            |class, _| class == Class::Handled,
        ];
        let counts = classes.map(|chosen| count(chosen).unwrap());
        assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
        assert_eq!(counts.iter().sum::<u64>(), count(|_, _| true).unwrap());
    }

    #[test]
    fn boot_when_guest_is_native_then_complaints_are_few() {
        let (complaints, accesses) = Opened::with(|opened| {
            let accesses = accesses(opened, |_, _| false)?;
            for (access, _) in &accesses {
                opened.access(access)?;
            }
            Ok((opened.vm.complaints, accesses.len()))
        })
        .unwrap();
        // It takes all fences and all of the GGTT for its own.
        assert!(complaints * 50 < accesses, "{complaints}");
    }
}
