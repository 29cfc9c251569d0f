// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Buffers.

use super::work::{dword, page};
use super::{aperture, NO_HANDLE, PAGE};
use hosted_glue::bed::Bed;
use hosted_glue::raw::Raw;
use iface::errno::{EBADF, EINVAL, EIO, ENOMEM, ENOSPC, ERANGE};
use iface::types::{GgttRequest, GGTT_PAGE_SIZE, MAX_BUFFERS, REGION_HIGH};
use kernel::testing::{fail_each_alloc_with, Ledger};

/// Bytes of the buffers below.
const SIZE: u64 = 3 * GGTT_PAGE_SIZE;

#[test]
fn buffer_is_zeroed_and_keeps_what_is_written() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let used = bed.card().own_pages();
    let buffer = raw.buffer(SIZE).unwrap();
    let mut data = vec![0xa5; SIZE as usize];

    assert_ne!(buffer.handle, 0);
    assert_eq!((buffer.start % GGTT_PAGE_SIZE, buffer.size), (0, SIZE));
    assert_eq!(raw.buffer_read(buffer.handle, 0, &mut data), 0);
    assert_eq!(data, vec![0; SIZE as usize]);
    // Across a page's end, and up to the end of it.
    let text = b"written";
    let places = [GGTT_PAGE_SIZE - 3, SIZE - text.len() as u64];
    for place in places {
        assert_eq!(raw.buffer_write(buffer.handle, place, text), 0);
    }
    assert_eq!(raw.buffer_read(buffer.handle, 0, &mut data), 0);
    let mut expected = vec![0; SIZE as usize];
    for place in places {
        expected[place as usize..][..text.len()].copy_from_slice(text);
    }
    assert_eq!(data, expected);

    assert_eq!(raw.buffer_free(buffer.handle), 0);
    assert_eq!(raw.buffer_read(buffer.handle, 0, &mut data), -EBADF);
    assert_eq!(raw.buffer_free(buffer.handle), -EBADF);
    let again = raw.buffer(SIZE).unwrap();
    assert_eq!(again.start, buffer.start, "its place is free again");
    assert_eq!(raw.buffer_read(again.handle, 0, &mut data), 0);
    assert_eq!(data, vec![0; SIZE as usize], "what it held is gone");
    assert_eq!(raw.buffer_free(again.handle), 0);
    assert_eq!((bed.card().own_pages(), bed.card().wakerefs()), (used, 0));
}

#[test]
fn buffer_lies_in_none_of_the_clients_ranges() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let info = raw.info();
    // All that can be had of the high part, in pieces that get smaller.
    let mut ranges = Vec::new();
    let mut size = info.ggtt_size - info.aperture_size;
    while size >= GGTT_PAGE_SIZE {
        let request = GgttRequest {
            region: REGION_HIGH,
            size,
            ..aperture(1)
        };
        match raw.reserve(request) {
            Ok(range) => ranges.push(range),
            Err(_) => size /= 2,
        }
        size -= size % GGTT_PAGE_SIZE;
    }

    let buffer = raw.buffer(SIZE).unwrap();

    for range in ranges {
        let apart =
            buffer.start + buffer.size <= range.start || range.start + range.size <= buffer.start;
        assert!(apart, "{buffer:x?} {range:x?}");
    }
}

#[test]
fn buffer_operations_that_are_wrong_return_their_error() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    for size in [0, 1, GGTT_PAGE_SIZE - 1, GGTT_PAGE_SIZE + 1, u64::MAX] {
        assert_eq!(raw.buffer(size), Err(-EINVAL), "{size:#x}");
    }
    for size in [1 << 32, 1 << 40, 1 << 63, raw.info().ggtt_size] {
        assert_eq!(raw.buffer(size), Err(-ENOSPC), "{size:#x}");
    }
    let buffer = raw.buffer(SIZE).unwrap();
    let range = raw.reserve(aperture(1)).unwrap();
    let mut two = [1; 2];
    for handle in [0, NO_HANDLE, u64::MAX] {
        assert_eq!(raw.buffer_free(handle), -EBADF);
        assert_eq!(raw.buffer_read(handle, 0, &mut two), -EBADF);
        assert_eq!(raw.buffer_write(handle, 0, &two), -EBADF);
    }
    for offset in [SIZE - 1, SIZE, SIZE + 1, 1 << 32, u64::MAX - 1, u64::MAX] {
        let handle = buffer.handle;
        assert_eq!(raw.buffer_read(handle, offset, &mut two), -ERANGE);
        assert_eq!(raw.buffer_write(handle, offset, &two), -ERANGE);
    }
    assert_eq!(two, [1; 2], "nothing was read");
    assert_eq!(raw.buffer_read(buffer.handle, SIZE - 2, &mut two), 0);
    assert_eq!(two, [0; 2], "nothing was written");
    assert_eq!(raw.release(range.handle), 0);
}

#[test]
fn buffers_beyond_the_most_return_enospc_and_take_nothing() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let mut buffers = Vec::new();
    while let Ok(buffer) = raw.buffer(GGTT_PAGE_SIZE) {
        buffers.push(buffer);
        assert!(buffers.len() <= MAX_BUFFERS, "no end of handles");
    }
    assert_eq!(raw.buffer(GGTT_PAGE_SIZE), Err(-ENOSPC));
    assert_eq!(bed.card().own_pages(), buffers.len() as u64);
    assert_eq!(buffers.len(), MAX_BUFFERS);
    assert_eq!(raw.buffer_free(buffers[7].handle), 0);
    assert!(raw.buffer(GGTT_PAGE_SIZE).is_ok());

    assert_eq!(raw.close(), 0);

    assert_eq!((bed.card().own_pages(), bed.card().wakerefs()), (0, 0));
}

#[test]
fn buffer_alloc_with_each_allocation_failing_is_a_clean_enomem() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let host = kvmgt.host();
    let used = bed.card().own_pages();

    let sites = fail_each_alloc_with(
        || {
            host.buffer_alloc(SIZE)
                .and_then(|b| host.buffer_free(b.handle))
        },
        |errno| errno.number() == ENOMEM,
    );

    assert!(sites >= 1, "no site was met");
    assert_eq!((bed.card().own_pages(), bed.card().wakerefs()), (used, 0));
}

#[test]
fn buffer_alloc_when_the_gpu_does_not_wake_returns_eio() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let buffer = raw.buffer(SIZE).unwrap();
    bed.card().break_wake(true);
    assert_eq!(raw.buffer(SIZE), Err(-EIO));
    assert_eq!(raw.buffer_free(buffer.handle), -EIO);
    bed.card().break_wake(false);
    assert_eq!(raw.buffer_free(buffer.handle), 0);
}

#[test]
fn buffer_survives_reset_and_sleep_where_it_is() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let host = kvmgt.host();
    let buffer = page(host);
    host.buffer_write(buffer.handle, 8, &PAGE.to_le_bytes())
        .unwrap();
    let first = buffer.start / GGTT_PAGE_SIZE;
    let entry = bed.machine().ggtt_entry(first);

    bed.i915.reset();
    bed.i915.sleep();

    assert_eq!(bed.machine().ggtt_entry(first), entry);
    assert_eq!(dword(host, &buffer, 2), PAGE as u32);
}

#[test]
fn buffers_of_a_client_that_has_gone_leave_no_memory_behind() {
    let bed = Bed::new("kbl");
    let ledger = Ledger::current();
    let live = ledger.live_objects();
    let raw = Raw::opened(&bed);
    let buffer = raw.buffer(SIZE).unwrap();

    assert_eq!(raw.close(), 0);

    assert_eq!(ledger.live_objects(), live);
    let first = buffer.start / GGTT_PAGE_SIZE;
    assert_eq!(bed.machine().ggtt_entry(first), raw.scratch());
}
