// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What happens to a GPU in use: call-backs come as documented, and what the client reserved is what
//! it was.

use gen9_gpu::{Activity, EngineId};
use gvt_host::events;
use hosted_glue::bed::Bed;
use hosted_glue::card::engine_mask;
use hosted_glue::client::Event;
use hosted_glue::raw::{fence, Raw};
use iface::client::{Direction, Events, Host, Offer, Outcome};
use iface::errno::{EBADF, ENODEV, ENOSPC};
use iface::types::{
    mmio, ContextRequest, GgttRange, GgttRequest, MmioOp, GGTT_PAGE_SIZE, PTE_PRESENT,
    REGION_APERTURE, REGION_HIGH,
};
use kernel::testing::Ledger;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{mpsc, Arc, Mutex};
use std::time::Duration;

/// Pages of the ranges below.
const PAGES: u64 = 8;
/// The page tables of contexts that use none: an empty table.
const NO_TABLES: u64 = 0x4000_0000;
/// No command of any engine.
const GARBAGE: u32 = 0xffff_ffff;
/// A page of the machine's memory, as an entry of the GGTT.
const PAGE: u64 = 0x0bad_c000 | PTE_PRESENT;

/// A range of some pages.
fn request(region: u32) -> GgttRequest {
    let size = PAGES * GGTT_PAGE_SIZE;
    GgttRequest {
        region,
        size,
        align: GGTT_PAGE_SIZE,
        ..GgttRequest::default()
    }
}

/// What a client has written: two ranges and two fences.
struct Contents<'b> {
    raw: Raw<'b>,
    bed: &'b Bed,
    ranges: [GgttRange; 2],
}

impl<'b> Contents<'b> {
    fn write(bed: &'b Bed, host: &Host<'_>) -> Self {
        let ranges = [REGION_APERTURE, REGION_HIGH].map(|region| {
            let range = host.ggtt_reserve(&request(region)).unwrap();
            host.ggtt_write(range.handle, 1, &[PAGE, PAGE + GGTT_PAGE_SIZE])
                .unwrap();
            range
        });
        let fences = host.fences_reserve(2).unwrap();
        let aperture = ranges[0];
        host.fence_write(fences, 1, fence(aperture.start, PAGES), aperture.handle)
            .unwrap();
        Contents {
            raw: Raw::new(bed),
            bed,
            ranges,
        }
    }

    /// All of it as the GPU has it: entries, then fences.
    fn of_the_gpu(&self) -> Vec<u64> {
        let entries = self.ranges.iter().flat_map(|range| self.raw.entries(range));
        let fences = self.bed.card().fences_taken();
        entries
            .chain(
                fences
                    .into_iter()
                    .map(|number| self.bed.card().fence(number)),
            )
            .collect()
    }

    /// Asserts that `what` changes none of it.
    #[track_caller]
    fn survive(&self, what: impl FnOnce()) {
        let before = self.of_the_gpu();
        assert_eq!(before.iter().filter(|value| **value == PAGE).count(), 2);
        what();
        assert_eq!(self.of_the_gpu(), before);
    }
}

#[test]
fn contents_after_a_reset_of_the_gpu_are_what_they_were() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    Contents::write(&bed, kvmgt.host()).survive(|| bed.i915.reset());
}

#[test]
fn contents_after_a_reset_of_an_engine_are_what_they_were() {
    let bed = Bed::new("skl");
    let kvmgt = bed.attach();
    let contents = Contents::write(&bed, kvmgt.host());
    for engine in bed
        .machine()
        .model()
        .engines(bed.machine().options().device_id)
    {
        contents.survive(|| bed.i915.reset_engine(engine));
    }
}

#[test]
fn contents_after_sleep_of_the_host_are_what_they_were() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    Contents::write(&bed, kvmgt.host()).survive(|| bed.i915.sleep());
}

#[test]
fn contents_after_runtime_suspend_are_what_they_were() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    Contents::write(&bed, kvmgt.host()).survive(|| {
        assert!(bed.card().runtime_suspend(), "it did not really sleep");
        drop(kvmgt.host().wake().unwrap());
    });
}

#[test]
fn gpu_that_sleeps_is_woken_for_kvmgt_to_attach_and_may_sleep_again() {
    let bed = Bed::new("kbl");
    assert!(bed.card().runtime_suspend());

    let kvmgt = bed.attach();

    assert_eq!(bed.card().wakerefs(), 0);
    assert!(bed.card().runtime_suspend());
    drop(kvmgt);
}

#[test]
fn contents_written_while_the_gpu_slept_are_there_when_it_wakes() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let contents = Contents::write(&bed, kvmgt.host());
    assert!(bed.card().runtime_suspend());

    kvmgt
        .host()
        .ggtt_write(contents.ranges[0].handle, 5, &[PAGE])
        .unwrap();

    assert_eq!(contents.raw.entries(&contents.ranges[0])[5], PAGE);
    assert_eq!(bed.card().wakerefs(), 0);
}

#[test]
fn sleep_is_told_in_its_order_and_resets_are_not() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();

    bed.i915.reset();
    bed.i915.reset_engine(EngineId::Rcs0);
    bed.i915.sleep();

    assert_eq!(kvmgt.events().take(), [Event::Suspend, Event::Resume]);
}

#[test]
fn events_without_a_client_go_nowhere() {
    let bed = Bed::new("kbl");
    bed.i915.reset();
    drop(bed.attach());
    bed.i915.sleep();
    let kvmgt = bed.attach();
    assert_eq!(kvmgt.events().take(), []);
}

/// Looks at the GPU when events come.
struct Witness<'b> {
    /// What is to be seen in them, once it is there.
    expected: Mutex<Option<(Contents<'b>, Vec<u64>)>>,
    seen: AtomicUsize,
}

impl Witness<'_> {
    fn look(&self) {
        if let Some((contents, expected)) = &*self.expected.lock().unwrap() {
            assert_eq!(contents.of_the_gpu(), *expected);
            self.seen.fetch_add(1, SeqCst);
        }
    }
}

impl Events for Witness<'_> {
    fn suspend(&self) {}

    fn resume(&self) {
        self.look();
    }

    fn host_context(&self, _: u32, _: Direction) {}

    fn submit_done(&self, _: u64, _: u64, outcome: Outcome) {
        assert_eq!(outcome, Outcome::Hung);
        self.look();
    }
}

#[test]
fn end_by_a_reset_and_resume_come_when_everything_is_restored() {
    let bed = Bed::new("kbl");
    let witness = Witness {
        expected: Mutex::default(),
        seen: AtomicUsize::new(0),
    };
    // SAFETY: the published table; witness and host are dropped at the end of the test, host first.
    let host = unsafe { Offer::from_platform_data(bed.i915.platform_data()) }
        .and_then(|offer| unsafe { offer.open(&raw const witness) })
        .unwrap();
    let contents = Contents::write(&bed, &host);
    let values = contents.of_the_gpu();
    *witness.expected.lock().unwrap() = Some((contents, values));

    let request = ContextRequest {
        engine: engine_mask(EngineId::Rcs0),
        commands: 2,
        ..ContextRequest::default()
    };
    let made = host.ctx_create(&request).unwrap();
    host.ctx_submit(made.handle, NO_TABLES, &[&[GARBAGE; 2]], 1)
        .unwrap();
    assert_eq!(bed.card().run_engines(), Activity::Waiting);

    bed.i915.reset();
    bed.card().run_engines();
    assert_eq!(witness.seen.load(SeqCst), 1);
    bed.i915.sleep();

    assert_eq!(witness.seen.load(SeqCst), 2);
    drop(host);
}

/// Stays in `suspend` until it is let go.
struct Slow {
    entered: mpsc::Sender<()>,
    leave: Mutex<mpsc::Receiver<()>>,
    left: AtomicBool,
}

impl Events for Slow {
    fn suspend(&self) {
        self.entered.send(()).unwrap();
        self.leave.lock().unwrap().recv().unwrap();
        self.left.store(true, SeqCst);
    }

    fn resume(&self) {}

    fn host_context(&self, _: u32, _: Direction) {}

    fn submit_done(&self, _: u64, _: u64, _: Outcome) {}
}

#[test]
fn close_waits_for_a_call_back_that_runs() {
    let bed = Bed::new("kbl");
    let (entered, enters) = mpsc::channel();
    let (leave, leaves) = mpsc::channel();
    let slow = Slow {
        entered,
        leave: Mutex::new(leaves),
        left: AtomicBool::new(false),
    };
    // SAFETY: as above; the host is dropped inside of the scope.
    let host = unsafe { Offer::from_platform_data(bed.i915.platform_data()) }
        .and_then(|offer| unsafe { offer.open(&raw const slow) })
        .unwrap();

    std::thread::scope(|scope| {
        let card = bed.card();
        scope.spawn(move || events::suspend(card));
        enters.recv().unwrap();
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            leave.send(()).unwrap();
        });
        drop(host);
        assert!(slow.left.load(SeqCst), "closed while the call-back ran");
    });
}

/// Does a bit of everything until it is told to stop; the errors that others' work can cause are
/// fine.
fn work(host: &Host<'_>, stop: &AtomicBool) -> usize {
    let mut rounds = 0;
    while !stop.load(SeqCst) {
        let fine = |number| [EBADF, ENODEV, ENOSPC].contains(&number);
        if let Ok(range) = host.ggtt_reserve(&request(REGION_APERTURE)) {
            let wrote = host.ggtt_write(range.handle, 0, &[PAGE; 2]);
            assert!(wrote.is_ok() || wrote.is_err_and(|errno| fine(errno.number())));
            if let Ok(fences) = host.fences_reserve(2) {
                let value = fence(range.start, PAGES);
                let wrote = host.fence_write(fences, 0, value, range.handle);
                assert!(wrote.is_ok() || wrote.is_err_and(|errno| fine(errno.number())));
                host.fences_release(fences).ok();
            }
            host.ggtt_release(range.handle).ok();
        }
        let wake = host.wake();
        let mut ops = [MmioOp {
            kind: mmio::READ,
            offset: 0x2034,
            ..MmioOp::default()
        }; 4];
        let read = host.mmio_exec(&mut ops);
        assert!(read.is_ok() || read.is_err_and(|errno| errno.number() == ENODEV));
        drop(wake);
        assert!(host.info().is_ok() || stop.load(SeqCst));
        rounds += 1;
    }
    rounds
}

#[test]
fn operations_at_the_same_time_as_each_other_and_as_resets_leave_nothing_behind() {
    let bed = Bed::new("kbl");
    let ledger = Ledger::current();
    let live = ledger.live_objects();
    let kvmgt = bed.attach();
    let stop = Arc::new(AtomicBool::new(false));
    let rounds = AtomicUsize::new(0);

    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                ledger.clone().enter();
                rounds.fetch_add(work(kvmgt.host(), &stop), SeqCst);
            });
        }
        for _ in 0..20 {
            bed.i915.reset();
            bed.i915.reset_engine(EngineId::Bcs0);
            bed.card().runtime_suspend();
            bed.i915.sleep();
        }
        stop.store(true, SeqCst);
    });
    let told = kvmgt.events().take().len();
    drop(kvmgt);

    assert!(rounds.load(SeqCst) > 0);
    assert_eq!(told, 20 * 2, "each sleep, in two parts");
    assert_eq!((bed.card().wakerefs(), ledger.live_objects()), (0, live));
    assert_eq!(bed.card().pages_taken(), []);
    assert_eq!(bed.card().fences_taken(), [] as [u32; 0]);
}
