// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A client's whole session with a vGPU, made of arbitrary bytes, and what must hold of it whatever
//! they are.
//!
//! [`fuzz_vgpu`] is what the libFuzzer target, the corpus test and `vgpu-fuzz` share. An input is a
//! list of operations, see [`operation`]: nearly all of them are such as a client may ask for, so
//! that what is reached is kvmgt and not the server's checks.

use std::collections::BTreeSet;

use gen9_gpu::Options;
use kernel::testing::Ledger;
use kvmgt_core::address::PAGE_SHIFT;
use vfio_bindings::bindings::vfio::{VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX};
use vfio_user_server::fuzz::generate::Random;
use vfio_user_server::message::Header;
use vfio_user_server::protocol::{HEADER_SIZE, TYPE_REPLY};
use vfio_user_server::script::{Chunk, Script};
use vfio_user_server::Session;

use crate::gpu::{Gpu, Machine};
use crate::VgpuDevice;

pub mod operation;

use operation::{Operations, Place};

/// The GPU. It has a display, whose registers are the more interesting.
const GPU: &str = "kbl";

/// Bytes of the longest generated input: about five make an operation.
const MOST_BYTES: u64 = 1500;
/// The operation that gives the vGPU all of the client's memory.
const MAP_ALL: [u8; 4] = [13, 0, 2, 0];

/// A GPU with two vGPUs. One is used, the other must not notice.
struct World {
    machine: &'static Machine,
    gpu: &'static Gpu<'static>,
    used: VgpuDevice<'static>,
    other: VgpuDevice<'static>,
    place: Place,
    /// Objects that live while nobody uses a vGPU.
    objects: isize,
}

impl World {
    fn new() -> Self {
        let options = Options::parse(GPU).expect("a GPU that there is");
        // One a thread, as long as the process.
        let machine: &Machine = Box::leak(Box::new(Machine::new(options)));
        let gpu: &Gpu<'_> = Box::leak(Box::new(machine.attach().expect("kvmgt takes the GPU")));
        spawn(|| machine.run_engines());
        spawn(|| gpu.clerk());
        let kind = gpu.smallest_kind();
        let used = gpu.create(kind).expect("room for one vGPU");
        // The first one has all that is taken by now.
        let parts = machine.bed().card().pages_taken();
        let [aperture, high] = <[_; 2]>::try_from(parts)
            .expect("two parts of the GGTT")
            .map(|(first, count)| first << PAGE_SHIFT..(first + count) << PAGE_SHIFT);
        let place = Place::new(aperture, high);
        let other = gpu.create(kind).expect("room for another");
        let mut world = Self {
            machine,
            gpu,
            used,
            other,
            place,
            objects: 0,
        };
        // What is allocated once is there from now on.
        world.play(&[]);
        world.objects = Ledger::current().live_objects();
        world
    }

    /// Plays a session, and gives what was sent and what came back.
    fn play(&mut self, input: &[u8]) -> (Vec<Header>, Vec<Header>) {
        let chunks: Vec<Chunk> = Operations::new(&self.place, input).collect();
        let commands = chunks.iter().map(|chunk| header(&chunk.bytes)).collect();
        let (script, transcript) = Script::new(chunks);
        let bus = self.used.bus().clone();
        Session::new(&mut self.used, &bus, script).run();
        (commands, headers(&transcript.sent().bytes))
    }

    /// What holds when nobody has the vGPU open.
    fn check(&self) {
        let id = self.used.id();
        assert_eq!(self.gpu.pinned(id), 0, "nothing stays pinned");
        assert_eq!(self.gpu.pinned(self.other.id()), 0, "nor for another");
        assert_eq!(self.gpu.shadow_pages(), 0, "no page table is shadowed");
        let bus = self.used.bus();
        assert!(bus.memory.windows().is_empty(), "client memory is unmapped");
        for index in [VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX] {
            assert!(
                !bus.interrupts.is_connected(index, 0),
                "eventfds are closed"
            );
        }
        let card = self.machine.bed().card();
        for fence in card.fences_taken() {
            assert_eq!(card.fence(fence), 0, "fence {fence} is off");
        }
        let scratch = gvt_host::World::scratch_entry(card);
        let taken = card.pages_taken();
        for page in self.place.pages().chain(ends(&taken)) {
            let entry = self.machine.bed().machine().ggtt_entry(page);
            let is_taken = taken
                .iter()
                .any(|(first, count)| (*first..first + count).contains(&page));
            // What is the host's own was never written.
            let wanted = if is_taken { scratch } else { 0 };
            assert_eq!(entry, wanted, "entry {page:#x} of the GGTT");
        }
        let objects = Ledger::current().live_objects();
        assert_eq!(objects, self.objects, "memory of kvmgt is given back");
    }
}

/// Starts a thread whose memory is counted with that of this one.
fn spawn(work: impl FnOnce() + Send + 'static) {
    let ledger = Ledger::current();
    std::thread::spawn(move || {
        ledger.enter();
        work();
    });
}

impl Drop for World {
    fn drop(&mut self) {
        self.gpu.end();
        self.machine.stop_engines();
    }
}

/// The first and the last page of each part of the GGTT, and those beside them.
fn ends(taken: &[(u64, u64)]) -> impl Iterator<Item = u64> + '_ {
    let of = |(first, count): &(u64, u64)| {
        let (first, last) = (*first, first + count - 1);
        [first.saturating_sub(1), first, last]
    };
    let pages: BTreeSet<u64> = taken.iter().flat_map(of).collect();
    pages.into_iter()
}

thread_local! {
    static WORLD: std::cell::RefCell<Option<World>> = const { std::cell::RefCell::new(None) };
}

/// Plays one session of the input and checks what must always hold.
///
/// # Panics
/// If kvmgt or the server panics, loses step, or keeps anything of the client.
pub fn fuzz_vgpu(input: &[u8]) {
    // Out of its place: after a panic the next input gets a new one.
    let mut world = WORLD
        .with_borrow_mut(Option::take)
        .unwrap_or_else(World::new);
    let (commands, replies) = world.play(input);
    assert_eq!(replies.len(), commands.len(), "every command is answered");
    for (command, reply) in commands.iter().zip(&replies) {
        assert_eq!(
            (reply.id, reply.command, reply.flags & TYPE_REPLY),
            (command.id, command.command, TYPE_REPLY),
            "answers come in the order of commands"
        );
    }
    world.check();
    WORLD.set(Some(world));
}

/// An input of up to so many operations, at random.
pub fn generate(random: &mut Random) -> Vec<u8> {
    let length = random.below(MOST_BYTES) as usize;
    let mut input = MAP_ALL.to_vec();
    // Nothing but a few refusals comes of a vGPU without memory.
    if random.one_in(8) {
        input.clear();
    }
    input.extend((0..length).map(|_| random.next_u64() as u8));
    input
}

fn header(bytes: &[u8]) -> Header {
    let head = bytes.first_chunk::<HEADER_SIZE>();
    Header::parse(head.expect("a whole header"))
}

/// The headers of all messages that the server sent.
fn headers(mut sent: &[u8]) -> Vec<Header> {
    let mut headers = Vec::new();
    while !sent.is_empty() {
        let header = header(sent);
        sent = sent.get(header.size as usize..).expect("a whole message");
        headers.push(header);
    }
    headers
}

#[cfg(test)]
mod tests;
