// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::image::{Indirect, RawImage, Root, Rule, DWORDS};
use super::queue::{Queue, Ticket};
use super::ring::Ring;
use super::*;
use crate::address::Gfn;
use crate::execlist::{Addressing, RawDescriptor, Request, Status};
use crate::gtt::ranges::Ranges;
use crate::hardware::Engine;
use crate::message::Complaint;
use proptest::prelude::*;

mod rings;

fn ranges() -> Ranges {
    Ranges {
        aperture: 0x10_0000..0x20_0000,
        high: 0x1000_0000..0x2000_0000,
    }
}

/// A ring of two pages that is all right, and no batches.
fn dwords() -> [u32; DWORDS] {
    let mut dwords = [0; DWORDS];
    dwords[dword::CONTEXT_CONTROL] = 0x0009_0008;
    dwords[dword::HEAD] = 0x100;
    dwords[dword::TAIL] = 0x180;
    dwords[dword::START] = 0x1000_4000;
    dwords[dword::CONTROL] = 0x1001;
    dwords[dword::TIMESTAMP] = 77;
    dwords[0x31] = 0x3f;
    dwords[0x33] = 0x1234_5000;
    dwords
}

fn check(dwords: &[u32; DWORDS]) -> Result<Image, Rule> {
    Image::try_from(RawImage {
        dwords,
        addressing: Addressing::FourLevel,
        has_batches: true,
        ranges: &ranges(),
    })
}

/// The ring context with one dword changed.
fn with(dword: usize, value: u32) -> Result<Image, Rule> {
    let mut dwords = dwords();
    dwords[dword] = value;
    check(&dwords)
}

/// The ring with another head, tail and number of pages.
fn ring(head: u32, tail: u32, pages: u32) -> Result<Ring, Rule> {
    let mut dwords = dwords();
    dwords[dword::HEAD] = head;
    dwords[dword::TAIL] = tail;
    dwords[dword::CONTROL] = (pages - 1) << 12 | 1;
    check(&dwords).map(|image| image.ring)
}

#[test]
fn image_when_it_is_all_right_then_has_what_the_dwords_say() {
    let image = check(&dwords()).unwrap();

    assert_eq!(
        (image.ring.start(), image.ring.size()),
        (Gma(0x1000_4000), 0x2000)
    );
    assert_eq!((image.ring.len(), image.ring.tail()), (0x80, 0x180));
    assert_eq!(image.root, Root::FourLevel(Gfn(0x03f1_2345)));
    assert_eq!((image.indirect, image.per_context), (None, None));
    assert_eq!((image.context_control, image.timestamp), (0x0009_0008, 77));
}

#[test]
fn inhibits_restore_when_the_bit_is_set_and_selected_then_is_true() {
    let control = |value| with(dword::CONTEXT_CONTROL, value).unwrap();

    assert!(control(0x0001_0001).inhibits_restore());
    assert!(!control(0x0000_0001).inhibits_restore());
    assert!(!control(0x0001_0000).inhibits_restore());
}

#[test]
fn s_50_ring_when_head_or_tail_is_not_in_it_then_is_refused() {
    assert_eq!(ring(0, 0x1000, 1), Err(Rule::RingTail));
    assert_eq!(ring(0x1000, 0, 1), Err(Rule::RingHead));
    assert_eq!(ring(0, 0x20_0000, 512), Err(Rule::RingTail));
    assert_eq!(ring(0, 0xffff_fff8, 512), Err(Rule::RingTail));
    assert_eq!(ring(0, 4, 1), Err(Rule::RingTail));
    assert_eq!(ring(2, 8, 1), Err(Rule::RingHead));
    // As large as it can be, and as full.
    assert_eq!(
        ring(0, 0x1f_fff8, 512).map(|ring| ring.len()),
        Ok(0x1f_fff8)
    );
    assert_eq!(ring(8, 0, 1).map(|ring| ring.len()), Ok(0xff8));
    assert_eq!(ring(8, 8, 1).map(|ring| ring.is_empty()), Ok(true));
}

#[test]
fn s_50_ring_when_it_is_not_at_own_pages_or_not_enabled_then_is_refused() {
    assert_eq!(with(dword::CONTROL, 0x1000), Err(Rule::RingDisabled));
    assert_eq!(with(dword::START, 0), Err(Rule::RingRange));
    assert_eq!(with(dword::START, 0x1000_4010), Err(Rule::RingRange));
    assert_eq!(with(dword::START, 0x1fff_f000), Err(Rule::RingRange));
    assert_eq!(with(dword::START, 0xf_f000), Err(Rule::RingRange));
    assert_eq!(with(dword::CONTROL, 0x001f_f001).map(|_| ()), Ok(()));
}

#[test]
fn ring_when_it_wraps_then_has_two_pieces_and_counts_the_wrap() {
    let wraps = ring(0x0060_0ff0, 0x10, 1).unwrap();
    assert_eq!(wraps.commands(), [0xff0..0x1000, 0..0x10]);
    assert_eq!(wraps.head_behind(), 0x0080_0010);

    let at_most = ring(0xffe0_0ff0, 0x10, 1).unwrap();
    assert_eq!(at_most.head_behind(), 0x10);

    let stays = ring(0x0060_0010, 0x20, 1).unwrap();
    assert_eq!(stays.commands(), [0x10..0x20, 0..0]);
    assert_eq!(stays.head_behind(), 0x0060_0020);
}

#[test]
fn after_when_the_tail_is_set_back_then_repeats_nothing() {
    let before = ring(0xf00, 0x100, 1).unwrap();

    for tail in [0xf00, 0xf80, 0, 0x80, 0x100] {
        let left = ring(0xf00, tail, 1).unwrap().after(&before);
        assert!(left.is_empty(), "{tail:#x}");
        assert_eq!(left.head_behind(), before.head_behind());
    }
    let left = ring(0xf00, 0x108, 1).unwrap().after(&before);
    assert_eq!(left.commands(), [0x100..0x108, 0..0]);
}

#[test]
fn after_when_it_is_another_ring_then_is_as_it_was_read() {
    let before = ring(0, 0x100, 1).unwrap();
    let other = ring(0x40, 0x80, 2).unwrap();

    assert_eq!(other.after(&before), other);
}

#[test]
fn indirect_when_it_has_a_size_then_is_inside_the_own_ranges() {
    let indirect = |value| with(dword::INDIRECT, value).map(|image| image.indirect);

    assert_eq!(indirect(0), Ok(None));
    assert_eq!(indirect(0xffff_ffc0), Ok(None));
    assert_eq!(indirect(1), Err(Rule::Indirect));
    assert_eq!(
        indirect(0x001f_ffc0 | 1).map(|found| found.is_some()),
        Ok(true)
    );
    assert_eq!(indirect(0x001f_ffc0 | 2), Err(Rule::Indirect));
    assert_eq!(indirect(0xffff_ffff), Err(Rule::Indirect));

    let mut dwords = dwords();
    dwords[dword::INDIRECT] = 0x0010_0040 | 63;
    dwords[dword::INDIRECT_OFFSET] = 0x26 << 6;
    let expected = Indirect {
        start: Gma(0x10_0040),
        size: 4032,
        offset: 0x26,
    };
    assert_eq!(check(&dwords).unwrap().indirect, Some(expected));
}

#[test]
fn s_55_per_context_batch_when_there_is_no_indirect_one_then_is_seen_and_checked_all_the_same() {
    let batch = |value| with(dword::PER_CONTEXT, value).map(|image| image.per_context);

    assert_eq!(batch(0x10_0001), Ok(Some(Gma(0x10_0000))));
    assert_eq!(batch(0x10_0000), Ok(None));
    assert_eq!(batch(0xffff_f001), Err(Rule::PerContext));
    assert_eq!(batch(0x0000_0001), Err(Rule::PerContext));
}

#[test]
fn batches_when_the_engine_has_none_then_do_not_count() {
    let mut dwords = dwords();
    dwords[dword::PER_CONTEXT] = 1;
    dwords[dword::INDIRECT] = 1;

    let image = Image::try_from(RawImage {
        dwords: &dwords,
        addressing: Addressing::FourLevel,
        has_batches: false,
        ranges: &ranges(),
    });

    let image = image.unwrap();
    assert_eq!((image.indirect, image.per_context), (None, None));
}

#[test]
fn root_when_there_are_three_levels_then_has_four_tables_in_order() {
    let mut dwords = dwords();
    for (n, (upper, lower)) in dword::PDP.into_iter().enumerate() {
        dwords[upper] = 0;
        dwords[lower] = 0x1000 * n as u32;
    }

    let image = Image::try_from(RawImage {
        dwords: &dwords,
        addressing: Addressing::ThreeLevel,
        has_batches: true,
        ranges: &ranges(),
    });

    let root = Root::ThreeLevel([Gfn(0), Gfn(1), Gfn(2), Gfn(3)]);
    assert_eq!(image.unwrap().root, root);
}

#[test]
fn root_when_the_gpu_does_not_reach_it_then_is_refused() {
    assert_eq!(with(0x31, 0x4000), Err(Rule::Root));
    assert_eq!(with(0x31, 0x3fff).map(|_| ()), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn image_when_the_dwords_are_anything_then_all_that_is_accepted_is_the_vgpus_own(
        head in any::<u32>(), tail in any::<u32>(), control in any::<u32>(),
        start in 0..0x2000_u32, pointer in 0..0x2_0000_u32, low in any::<u8>(),
    ) {
        let mut dwords = dwords();
        // Mostly small, so that some of them are accepted.
        dwords[dword::HEAD] = head >> (head & 31) & !3;
        dwords[dword::TAIL] = tail >> (tail & 31) & !7;
        dwords[dword::CONTROL] = control | 1;
        dwords[dword::START] = start << 12 | 0x1000_0000;
        dwords[dword::INDIRECT] = pointer << 6 | u32::from(low & 0x3f);
        dwords[dword::PER_CONTEXT] = pointer << 12 | u32::from(low >> 7);
        if let Ok(image) = check(&dwords) {
            let ring = image.ring;
            let own = ranges();
            prop_assert!(own.has(ring.start(), ring.size().into()));
            let [first, second] = ring.commands();
            prop_assert!(first.end <= ring.size() && second.end <= ring.size());
            prop_assert_eq!(first.len() + second.len(), ring.len() as usize);
            prop_assert!(ring.len() < ring.size());
            if let Some(batch) = image.indirect {
                prop_assert!(own.has(batch.start, batch.size.into()));
            }
            if let Some(start) = image.per_context {
                prop_assert!(own.has(start, 0x1000));
            }
        }
    }
}

/// The descriptor of context `n`.
fn descriptor(n: u64) -> Descriptor {
    let raw = RawDescriptor(n << 32 | (0x10_0000 + n * 0x4000) | 0x119);
    raw.check(&ranges(), 0x2000).unwrap()
}

fn workload(n: u64, head: u32, tail: u32) -> Workload {
    let mut dwords = dwords();
    dwords[dword::HEAD] = head;
    dwords[dword::TAIL] = tail;
    dwords[dword::START] += 0x2000 * n as u32;
    Workload::new(descriptor(n), check(&dwords).unwrap())
}

fn one(workload: Workload) -> Request<Workload> {
    Request::Run {
        first: workload,
        second: None,
    }
}

const SAVED: Saved = Saved {
    context_control: 0xffff_0008,
    timestamp: 99,
};

/// A queue whose context 1 is with the host half.
fn started() -> (Queue, Ticket) {
    let mut queue = Queue::new();
    queue.submit(one(workload(1, 0, 0x40))).unwrap();
    let (ticket, _) = queue.start().unwrap();
    (queue, ticket)
}

#[test]
fn complete_when_executed_then_the_image_has_head_control_and_timestamp() {
    let mut queue = Queue::new();
    queue.submit(one(workload(1, 0, 0x40))).unwrap();
    let (ticket, workload) = queue.start().unwrap();
    workload.raises.user = true;

    let done = queue.complete(ticket, SAVED).unwrap();

    let written = done.writes.map(|write| (write.at.0, write.value));
    let registers = 0x10_4000 + 0x1000;
    let expected = [
        (registers + 4 * 0x05, 0x40),
        (registers + 4 * 0x03, 0xffff_0008),
        (registers + 4 * 0x23, 99),
    ];
    assert_eq!(written, expected);
    assert!(done.raises.user && !done.raises.flush && !done.events.is_empty());
}

#[test]
fn complete_when_the_context_goes_on_then_what_is_next_begins_where_it_was_saved() {
    let (mut queue, ticket) = started();
    queue.submit(one(workload(1, 0, 0x80))).unwrap();

    let done = queue.complete(ticket, SAVED).unwrap();

    let told = done.events.iter().map(|entry| entry.status);
    assert!(told.eq([Status::PREEMPTED | Status::LITE_RESTORE]));
    let image = *queue.next().unwrap().image();
    assert_eq!(image.ring.commands(), [0x40..0x80, 0..0]);
    assert_eq!((image.context_control, image.timestamp), (0xffff_0008, 99));
}

#[test]
fn start_when_the_host_half_has_a_workload_then_is_none() {
    let (mut queue, ticket) = started();
    queue.submit(one(workload(2, 0, 0x40))).unwrap();
    assert!(queue.start().is_none() && queue.next().is_none());

    queue.complete(ticket, SAVED).unwrap();

    assert_eq!(queue.start().unwrap().1.descriptor(), descriptor(2));
}

#[test]
fn fail_when_the_guest_waits_then_sees_a_hung_engine_and_nothing_else() {
    let (mut queue, ticket) = started();
    let status = queue.status();

    assert!(queue.fail(ticket));

    assert!(queue.hangs() && queue.status() == status);
    let events = queue.submit(one(workload(2, 0, 0x40))).unwrap();
    assert!(events.is_empty() && queue.start().is_none());
    assert_eq!(queue.complete(ticket, SAVED), None);

    assert_eq!(queue.reset(), None);
    assert_eq!(queue.status(), [0, 0]);
    assert!(!queue.submit(one(workload(2, 0, 0x40))).unwrap().is_empty());
    assert!(queue.start().is_some());
}

#[test]
fn s_29_reset_when_the_host_half_has_a_workload_then_waits_for_nothing_and_starts_nothing() {
    let (mut queue, ticket) = started();

    assert_eq!(queue.reset(), Some(ticket));
    // A storm of resets kills it once.
    for _ in 0..1000 {
        assert_eq!(queue.reset(), None);
        queue.submit(one(workload(2, 0, 0x40))).unwrap();
        assert!(queue.start().is_none());
    }

    // Whatever became of it, the guest sees nothing of it, and the engine works.
    assert_eq!(queue.complete(ticket, SAVED), None);
    let (second, _) = queue.start().unwrap();
    assert_ne!(second, ticket);
    assert!(!queue.fail(ticket) && !queue.hangs());
    assert!(queue.complete(second, SAVED).is_some());
}

#[test]
fn fail_when_the_guest_has_reset_the_engine_then_it_works() {
    let (mut queue, ticket) = started();
    queue.reset();
    queue.submit(one(workload(2, 0, 0x40))).unwrap();

    assert!(!queue.fail(ticket));

    assert!(!queue.hangs() && queue.start().is_some());
}

#[test]
fn s_56_submit_when_the_guest_changes_its_image_behind_it_then_what_was_checked_is_executed() {
    let mut memory = dwords();
    memory[dword::INDIRECT] = 0x10_0000 | 1;
    memory[dword::PER_CONTEXT] = 0x10_1000 | 1;
    let mut queue = Queue::new();
    let read = Workload::new(descriptor(1), check(&memory).unwrap());
    queue.submit(one(read)).unwrap();

    memory.fill(u32::MAX);

    let (ticket, started) = queue.start().unwrap();
    assert_eq!(*started, read);
    let done = queue.complete(ticket, SAVED).unwrap();
    assert_eq!(done.writes[0].value, 0x180);
    assert_eq!(check(&memory), Err(Rule::Indirect));
}

#[test]
fn s_68_hang_when_the_vgpu_gets_failsafe_then_nothing_queued_is_started_and_what_runs_is_killed() {
    let (mut queue, ticket) = started();
    queue.submit(one(workload(2, 0, 0x40))).unwrap();

    assert_eq!(queue.hang(), Some(ticket));
    assert_eq!(queue.hang(), None);

    assert!(queue.start().is_none());
    assert_eq!(queue.complete(ticket, SAVED), None);
    assert!(queue.start().is_none() && queue.next().is_none());
    assert_eq!(queue.reset(), None);
    assert!(queue.start().is_none(), "what was queued is forgotten");
}

#[test]
fn submission_when_it_is_refused_then_one_line_names_engine_context_and_rule() {
    let line = |refusal| {
        let complaint = Complaint::Submission {
            engine: Engine::Vcs1,
            refusal,
        };
        complaint.to_string()
    };
    let refused = RawDescriptor(0x19).check(&ranges(), 0x2000).unwrap_err();

    assert_eq!(
        line(Refusal::Submission(refused)),
        "a submission to VCS1 is ignored: context descriptor 0x0000000000000019: \
         a context without a PPGTT would be privileged"
    );
    let image = Refusal::Image {
        lrca: Gma(0x10_0000),
        rule: Rule::RingTail,
    };
    assert_eq!(
        line(image),
        "a submission to VCS1 is ignored: context at 0x100000: \
         its tail is at no qword of its ring"
    );
}
