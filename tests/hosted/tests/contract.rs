// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Every operation, called wrongly in every way that its documentation names, returns the error that
//! it documents and has changed nothing; called rightly it does what it says.
//!
//! The calls go through the table as a client of another language would make them, so that what
//! `iface`'s safe face keeps callers from can be tried too.

use hosted_glue::bed::Bed;
use hosted_glue::raw::{client, fence, Raw};
use iface::errno::{
    E2BIG, EAGAIN, EBADF, EBUSY, EFAULT, EINVAL, EIO, ENODEV, ENOMEM, ENOSPC, EPERM, ERANGE,
    ETIMEDOUT,
};
use iface::events::ClientTable;
use iface::registers::{self, Flags, Register, MMIO_SIZE};
use iface::types::{
    mmio, GgttRange, GgttRequest, Info, MmioOp, Snapshot, GGTT_PAGE_SIZE, PTE_ADDRESS, PTE_PRESENT,
    REGION_APERTURE, REGION_HIGH,
};
use iface::version::{Header, FEATURE_UNSTABLE, MAJOR};
use kernel::testing::{in_atomic_context, Ledger};
use std::ptr::{null, null_mut};

/// A page of the machine's memory, as an entry of the GGTT.
const PAGE: u64 = 0x1234_5000 | PTE_PRESENT;
/// What nobody ever gave out.
const NO_HANDLE: u64 = 0x7777_0000_0001;
/// Pages of the ranges below.
const PAGES: u64 = 16;

/// A range in the aperture.
fn aperture(pages: u64) -> GgttRequest {
    let size = pages * GGTT_PAGE_SIZE;
    GgttRequest {
        region: REGION_APERTURE,
        size,
        align: GGTT_PAGE_SIZE,
        ..GgttRequest::default()
    }
}

// Lifecycle.

#[test]
fn every_operation_but_open_when_not_open_returns_enodev() {
    let bed = Bed::new("kbl");
    let raw = Raw::new(&bed);
    let calls = |when: &str| {
        for (name, returned) in raw.all_but_open() {
            assert_eq!(returned, -ENODEV, "{name} {when}");
        }
    };

    calls("before open");
    assert_eq!(raw.open(&client()), 0);
    assert_eq!(raw.close(), 0);
    calls("after close");
}

#[test]
fn operations_with_null_pointers_return_efault() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let (table, dev) = (bed.table(), bed.device());
    let request = aperture(1);
    let mut range = GgttRange::default();
    // SAFETY: null is what these calls are about; the rest is as the contract has it.
    let returned = unsafe {
        [
            table.open.unwrap()(dev, null(), null_mut()),
            table.info.unwrap()(dev, null_mut(), 8),
            table.snapshot.unwrap()(dev, null_mut()),
            table.mmio_exec.unwrap()(dev, null_mut(), 1, 0),
            table.ggtt_reserve.unwrap()(dev, null(), &raw mut range),
            table.ggtt_reserve.unwrap()(dev, &raw const request, null_mut()),
            table.ggtt_write.unwrap()(dev, NO_HANDLE, 0, null(), 1),
            table.fences_reserve.unwrap()(dev, 1, null_mut()),
            table.close.unwrap()(null_mut()),
            table.wake_get.unwrap()(null_mut()),
        ]
    };

    assert_eq!(returned, [-EFAULT; 10]);
    assert_eq!(bed.card().pages_taken(), []);
    assert_eq!(bed.card().fences_taken(), [] as [u32; 0]);
    assert_eq!(raw.close(), 0);
}

#[test]
fn open_when_there_is_a_client_returns_ebusy_and_keeps_the_first() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);

    assert_eq!(raw.open(&client()), -EBUSY);

    assert_eq!(raw.wake_get(), 0);
    assert_eq!(raw.wake_put(), 0);
    assert_eq!(raw.close(), 0);
    assert_eq!(raw.open(&client()), 0);
}

#[test]
fn open_with_a_table_that_does_not_fit_returns_einval() {
    let bed = Bed::new("kbl");
    let raw = Raw::new(&bed);
    let other_layout = [0; 1];
    let header = ClientTable::HEADER;
    let headers = [
        (
            "magic",
            Header {
                magic: !header.magic,
                ..header
            },
        ),
        (
            "major",
            Header {
                major: MAJOR + 1,
                ..header
            },
        ),
        (
            "size",
            Header {
                size: header.size - 8,
                ..header
            },
        ),
        (
            "features",
            Header {
                features: header.features & !FEATURE_UNSTABLE,
                ..header
            },
        ),
        (
            "layout",
            Header {
                layouts: other_layout.as_ptr(),
                ..header
            },
        ),
        (
            "no layout",
            Header {
                layouts: null(),
                ..header
            },
        ),
        (
            "no layouts",
            Header {
                layout_count: 0,
                ..header
            },
        ),
    ];
    for (what, header) in headers {
        assert_eq!(
            raw.open(&ClientTable { header, ..client() }),
            -EINVAL,
            "{what}"
        );
    }
    assert_eq!(
        raw.open(&ClientTable {
            gpu_reset: None,
            ..client()
        }),
        -EINVAL
    );
    assert_eq!(
        raw.open(&ClientTable {
            suspend: None,
            ..client()
        }),
        -EINVAL
    );
    assert_eq!(
        raw.open(&ClientTable {
            resume: None,
            ..client()
        }),
        -EINVAL
    );

    assert_eq!(raw.open(&client()), 0, "the right one");
}

#[test]
fn open_of_a_client_with_a_newer_tail_succeeds() {
    let bed = Bed::new("kbl");
    let header = ClientTable::HEADER;
    let mut layouts = [0; 4];
    layouts[0] = iface::layout::HASHES[0];
    let newer = Header {
        minor: 3,
        size: header.size + 64,
        layouts: layouts.as_ptr(),
        layout_count: 4,
        ..header
    };

    assert_eq!(
        Raw::new(&bed).open(&ClientTable {
            header: newer,
            ..client()
        }),
        0
    );
}

#[test]
fn close_when_the_client_holds_everything_releases_it() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let range = raw.reserve(aperture(PAGES)).unwrap();
    assert_eq!(raw.write(range.handle, 0, &[PAGE; 4]), 0);
    let fences = raw.fences(4).unwrap();
    assert_eq!(
        raw.fence_write(fences, 0, fence(range.start, PAGES), range.handle),
        0
    );
    assert_eq!(raw.wake_get(), 0);
    let numbers = bed.card().fences_taken();
    let objects = Ledger::current();

    assert_eq!(raw.close(), 0);

    assert_eq!(bed.card().pages_taken(), []);
    assert_eq!(bed.card().fences_taken(), [] as [u32; 0]);
    assert_eq!(bed.card().wakerefs(), 0);
    for number in numbers {
        assert_eq!(bed.card().fence(number), 0);
    }
    for entry in raw.entries(&range) {
        assert_eq!(entry, raw.scratch());
    }
    // Only the kept snapshot and its place in the store are left.
    assert_eq!(objects.live_objects(), 2);
    assert_eq!(raw.open(&client()), 0);
    assert_eq!(
        raw.write(range.handle, 0, &[PAGE]),
        -EBADF,
        "a handle of the client before"
    );
    assert_eq!(raw.fences_release(fences), -EBADF);
}

#[test]
fn close_twice_returns_enodev() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    assert_eq!(raw.close(), 0);
    assert_eq!(raw.close(), -ENODEV);
}

// Platform and snapshot.

#[test]
fn info_of_no_bytes_returns_einval() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let mut info = raw.info();
    // SAFETY: as the contract has it.
    let returned = unsafe { bed.table().info.unwrap()(bed.device(), &raw mut info, 0) };
    assert_eq!(returned, -EINVAL);
}

#[test]
fn info_of_a_shorter_or_longer_structure_fills_what_both_know() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let whole = raw.info();
    let mut place = [0xa5_u8; size_of::<Info>() + 32];
    let info = |place: &mut [u8], size: u32| {
        let out = place.as_mut_ptr().cast();
        // SAFETY: there are that many bytes, and the test aligns them below.
        unsafe { bed.table().info.unwrap()(bed.device(), out, size) }
    };
    let aligned = place.as_ptr().align_offset(8);
    let place = &mut place[aligned..];

    assert_eq!(info(place, 12), 0);
    assert_eq!(place[..4], whole.platform.to_ne_bytes());
    assert!(
        place[12..].iter().all(|byte| *byte == 0xa5),
        "wrote beyond what was asked for"
    );

    let longer = u32::try_from(size_of::<Info>() + 16).unwrap();
    assert_eq!(info(place, longer), 0);
    assert_eq!(place[size_of::<Info>()..][..16], [0; 16]);
    assert_eq!(place[size_of::<Info>() + 16], 0xa5);
}

#[test]
fn info_describes_the_gpu_of_every_platform() {
    for gpu in ["bdw", "skl", "kbl", "bxt", "cfl", "cml"] {
        let bed = Bed::new(gpu);
        let info = Raw::opened(&bed).info();
        assert_eq!(
            info.platform,
            registers::Platform::from_name(gpu).unwrap() as u32
        );
        assert_eq!(
            (info.vendor, info.device),
            (0x8086, bed.machine().options().device_id)
        );
        assert_eq!((info.ggtt_size, info.aperture_size), (4 << 30, 256 << 20));
        assert!((4..=5).contains(&info.engine_count));
        let engines = &info.engines[..info.engine_count as usize];
        let masks = engines.iter().fold(0, |all, engine| all | engine.mask);
        assert_eq!(
            masks.count_ones(),
            info.engine_count,
            "each engine has a bit of its own"
        );
        assert_eq!(info.fence_count, 32);
    }
}

#[test]
fn snapshot_when_none_could_be_taken_returns_eio() {
    let bed = Bed::without_snapshot("kbl");
    let raw = Raw::opened(&bed);
    let mut place = std::mem::MaybeUninit::<Snapshot>::uninit();
    // SAFETY: as the contract has it.
    let returned = unsafe { bed.table().snapshot.unwrap()(bed.device(), place.as_mut_ptr()) };
    assert_eq!(returned, -EIO);
    assert_eq!(raw.close(), 0);
}

// Registers.

/// A register of the GPU that a client may write and that keeps what is written; and one that it may
/// not write.
fn writable_and_not() -> (&'static Register, &'static Register) {
    let rows = || registers::rows(registers::Platform::Kbl, false).filter(|row| row.size == 4);
    let writable = rows()
        .find(|row| row.flags.contains(Flags::SWITCHED) && !row.flags.contains(Flags::MASKED))
        .unwrap();
    (
        writable,
        rows().find(|row| !row.is_client_writable()).unwrap(),
    )
}

/// An access.
fn op(kind: u32, offset: u32) -> MmioOp {
    MmioOp {
        kind,
        offset,
        ..MmioOp::default()
    }
}

#[test]
fn mmio_exec_with_an_entry_that_is_none_returns_its_error_and_executes_nothing() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let (writable, other) = writable_and_not();
    let timeout_us = mmio::MAX_POLL_US;
    let wrong = [
        ("kind", EINVAL, op(4, writable.offset)),
        ("odd offset", EINVAL, op(mmio::READ, writable.offset + 2)),
        ("offset beyond", EINVAL, op(mmio::READ, MMIO_SIZE)),
        ("offset far beyond", EINVAL, op(mmio::READ, u32::MAX - 3)),
        (
            "reserved",
            EINVAL,
            MmioOp {
                reserved: 1,
                ..op(mmio::READ, writable.offset)
            },
        ),
        (
            "poll",
            EINVAL,
            MmioOp {
                timeout_us: timeout_us + 1,
                ..op(mmio::POLL, 0x2034)
            },
        ),
        (
            "poll",
            EINVAL,
            MmioOp {
                timeout_us: u32::MAX,
                ..op(mmio::POLL, 0x2034)
            },
        ),
        ("write", EPERM, op(mmio::WRITE, other.offset)),
        ("update", EPERM, op(mmio::UPDATE, other.offset)),
        ("untracked", EPERM, op(mmio::WRITE, MMIO_SIZE - 4)),
    ];
    let right = MmioOp {
        value: 0x55,
        ..op(mmio::WRITE, writable.offset)
    };
    let before = raw.accesses();

    for (what, errno, wrong) in wrong {
        assert_eq!(raw.mmio(&mut [right, wrong], 0), -errno, "{what}");
    }
    let halves = MmioOp {
        timeout_us: timeout_us / 2 + 1,
        ..op(mmio::POLL, 0x2034)
    };
    assert_eq!(
        raw.mmio(&mut [right, halves, halves], 0),
        -EINVAL,
        "polls add up"
    );
    assert_eq!(raw.mmio(&mut [right], 2), -EINVAL, "flags");
    assert_eq!(
        raw.mmio(&mut vec![right; mmio::MAX_OPS as usize + 1], 0),
        -E2BIG
    );

    assert_eq!(raw.accesses(), before, "the GPU was accessed");
}

#[test]
fn mmio_exec_reads_writes_and_updates_in_order() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let at = writable_and_not().0.offset;
    let mut ops = [
        MmioOp {
            value: 0x1234_5678,
            ..op(mmio::WRITE, at)
        },
        op(mmio::READ, at),
        MmioOp {
            value: 0xffff_00ff,
            mask: 0xff00,
            ..op(mmio::UPDATE, at)
        },
        op(mmio::READ, at),
    ];

    assert_eq!(raw.mmio(&mut ops, mmio::POSTING), 0);

    assert_eq!(ops[1].value, 0x1234_5678);
    assert_eq!(ops[3].value, 0x1234_0078);
    assert_eq!(raw.mmio(&mut [], 0), 0, "an empty batch");
}

#[test]
fn mmio_exec_in_atomic_context_neither_sleeps_nor_allocates() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let at = writable_and_not().0.offset;
    let ledger = Ledger::current();
    ledger.fail_at(usize::MAX - 1, false);

    let returned = in_atomic_context(|| raw.mmio(&mut [op(mmio::READ, at); 64], mmio::POSTING));

    assert_eq!(returned, 0);
    assert_eq!(ledger.tried(), 0);
}

#[test]
fn mmio_exec_when_the_gpu_sleeps_returns_eagain() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let at = writable_and_not().0.offset;
    assert!(bed.card().runtime_suspend());
    assert_eq!(raw.mmio(&mut [op(mmio::READ, at)], 0), -EAGAIN);

    assert_eq!(raw.wake_get(), 0);
    assert_eq!(raw.mmio(&mut [op(mmio::READ, at)], 0), 0);
    assert!(
        !bed.card().runtime_suspend(),
        "asleep in spite of the wakeref"
    );
    assert_eq!(raw.wake_put(), 0);
}

#[test]
fn mmio_exec_when_a_poll_runs_out_of_time_has_executed_what_stands_before() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let at = writable_and_not().0.offset;
    let mut ops = [
        MmioOp {
            value: 7,
            ..op(mmio::WRITE, at)
        },
        MmioOp {
            value: 8,
            mask: 0xff,
            timeout_us: 3,
            ..op(mmio::POLL, at)
        },
        MmioOp {
            value: 9,
            ..op(mmio::WRITE, at)
        },
    ];

    assert_eq!(raw.mmio(&mut ops, 0), -ETIMEDOUT);

    let mut poll = [MmioOp {
        value: 7,
        mask: 0xff,
        ..op(mmio::POLL, at)
    }];
    assert_eq!(
        raw.mmio(&mut poll, 0),
        0,
        "a poll that holds at once needs no time"
    );
    assert_eq!(poll[0].value, 7);
}

// Power.

#[test]
fn wake_get_when_the_gpu_does_not_wake_returns_eio() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    bed.card().break_wake(true);
    assert_eq!(raw.wake_get(), -EIO);
    bed.card().break_wake(false);
    assert_eq!(raw.wake_put(), -EINVAL, "nothing was taken");
}

#[test]
fn wake_put_more_often_than_wake_get_returns_einval() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    assert_eq!(raw.wake_put(), -EINVAL);
    assert_eq!((raw.wake_get(), raw.wake_get()), (0, 0));
    assert_eq!((raw.wake_put(), raw.wake_put()), (0, 0));
    assert_eq!(raw.wake_put(), -EINVAL);
    assert_eq!(bed.card().wakerefs(), 0);
}

// GGTT.

#[test]
fn ggtt_reserve_of_what_has_no_meaning_returns_einval() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let good = aperture(1);
    let wrong = [
        GgttRequest { region: 2, ..good },
        GgttRequest { size: 0, ..good },
        GgttRequest {
            size: GGTT_PAGE_SIZE + 1,
            ..good
        },
        GgttRequest { align: 0, ..good },
        GgttRequest {
            align: GGTT_PAGE_SIZE / 2,
            ..good
        },
        GgttRequest {
            align: GGTT_PAGE_SIZE * 3,
            ..good
        },
        GgttRequest {
            reserved: 1,
            ..good
        },
    ];
    for request in wrong {
        assert_eq!(raw.reserve(request), Err(-EINVAL), "{request:?}");
    }
    assert_eq!(bed.card().pages_taken(), []);
}

#[test]
fn ggtt_reserve_of_more_than_there_is_returns_enospc() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let info = raw.info();
    let whole = GgttRequest {
        size: info.aperture_size,
        ..aperture(1)
    };
    assert_eq!(raw.reserve(whole), Err(-ENOSPC), "i915 has some of it");
    let huge = GgttRequest {
        size: 1 << 60,
        ..aperture(1)
    };
    assert_eq!(raw.reserve(huge), Err(-ENOSPC));
    let high = GgttRequest {
        region: REGION_HIGH,
        size: info.ggtt_size,
        ..aperture(1)
    };
    assert_eq!(raw.reserve(high), Err(-ENOSPC));
    assert_eq!(bed.card().pages_taken(), []);

    let mut ranges = 0;
    while raw.reserve(aperture(1)).is_ok() {
        ranges += 1;
        assert!(ranges < 1000, "no end of handles");
    }
    assert_eq!(raw.reserve(aperture(1)), Err(-ENOSPC), "no handle is left");
    assert_eq!(
        bed.card().pages_taken().len(),
        ranges,
        "what has no handle has no place"
    );
}

#[test]
fn ggtt_reserve_without_memory_returns_enomem() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    Ledger::current().fail_at(0, true);
    assert_eq!(raw.reserve(aperture(1)), Err(-ENOMEM));
    Ledger::current().fail_none();
    assert!(raw.reserve(aperture(1)).is_ok());
}

#[test]
fn ggtt_reserve_gives_scratch_pages_in_the_region_and_aligned() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let aperture_size = raw.info().aperture_size;
    let align = 1 << 20;
    // What another owner left.
    bed.machine().ggtt_write(0, &[PAGE; 8192]);
    bed.machine()
        .ggtt_write(aperture_size / GGTT_PAGE_SIZE, &[PAGE; 8192]);

    let low = raw
        .reserve(GgttRequest {
            align,
            ..aperture(PAGES)
        })
        .unwrap();
    let request = GgttRequest {
        region: REGION_HIGH,
        align,
        ..aperture(PAGES)
    };
    let high = raw.reserve(request).unwrap();

    assert!(low.start + low.size <= aperture_size && high.start >= aperture_size);
    for range in [low, high] {
        assert_ne!(range.handle, 0);
        assert_eq!(
            (range.start % align, range.size),
            (0, PAGES * GGTT_PAGE_SIZE)
        );
        assert!(raw
            .entries(&range)
            .iter()
            .all(|entry| *entry == raw.scratch()));
    }
}

#[test]
fn ggtt_write_that_is_wrong_returns_its_error_and_writes_nothing() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let range = raw.reserve(aperture(PAGES)).unwrap();
    let neighbour = raw.reserve(aperture(PAGES)).unwrap();
    let last = u32::try_from(PAGES - 1).unwrap();
    let fences = raw.fences(1).unwrap();

    assert_eq!(raw.write(0, 0, &[PAGE]), -EBADF);
    assert_eq!(raw.write(NO_HANDLE, 0, &[PAGE]), -EBADF);
    assert_eq!(raw.write(range.handle, last, &[PAGE; 2]), -ERANGE);
    assert_eq!(raw.write(range.handle, last + 1, &[PAGE]), -ERANGE);
    assert_eq!(raw.write(range.handle, u32::MAX, &[PAGE; 2]), -ERANGE);
    assert_eq!(
        raw.write(range.handle, 0, &[PAGE; PAGES as usize + 1]),
        -ERANGE
    );
    assert_eq!(raw.write(range.handle, 0, &[]), -EINVAL);
    for bit in [1, 2, 5, 6, 8, 9, 10, 11, 46, 47, 52, 62, 63] {
        assert_eq!(
            raw.write(range.handle, 0, &[PAGE, PAGE | 1 << bit]),
            -EINVAL,
            "bit {bit}"
        );
    }

    for range in [range, neighbour] {
        assert!(raw
            .entries(&range)
            .iter()
            .all(|entry| *entry == raw.scratch()));
    }
    assert_eq!(raw.fences_release(fences), 0);
}

#[test]
fn ggtt_write_reaches_the_gpu_and_maps_what_is_not_present_to_scratch() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let range = raw.reserve(aperture(PAGES)).unwrap();
    let highest = PTE_ADDRESS & ((1 << 39) - 1) | PTE_PRESENT;

    assert_eq!(
        raw.write(range.handle, 3, &[PAGE, PAGE & !PTE_PRESENT, highest]),
        0
    );

    let entries = raw.entries(&range);
    assert_eq!(
        entries[2..7],
        [raw.scratch(), PAGE, raw.scratch(), highest, raw.scratch()]
    );
}

#[test]
fn ggtt_release_twice_returns_ebadf_and_leaves_scratch_behind() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let range = raw.reserve(aperture(PAGES)).unwrap();
    assert_eq!(raw.write(range.handle, 0, &[PAGE; PAGES as usize]), 0);

    assert_eq!(raw.release(range.handle), 0);

    assert_eq!(raw.release(range.handle), -EBADF);
    assert_eq!(raw.release(0), -EBADF);
    assert_eq!(raw.write(range.handle, 0, &[PAGE]), -EBADF);
    assert!(raw
        .entries(&range)
        .iter()
        .all(|entry| *entry == raw.scratch()));
    let again = raw.reserve(aperture(PAGES)).unwrap();
    assert_eq!(again.start, range.start);
    assert_ne!(again.handle, range.handle);
    assert_eq!(
        raw.release(range.handle),
        -EBADF,
        "a stale handle of a slot that is used again"
    );
}

// Fences.

#[test]
fn fences_reserve_of_none_or_too_many_returns_its_error() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    assert_eq!(raw.fences(0), Err(-EINVAL));
    assert_eq!(raw.fences(33), Err(-ENOSPC));
    assert_eq!(raw.fences(u32::MAX), Err(-ENOSPC));
    assert_eq!(raw.fences(32), Err(-ENOSPC), "i915 has some of them");
    assert_eq!(
        bed.card().fences_taken(),
        [] as [u32; 0],
        "what was taken is given back"
    );

    let (four, four_more) = (raw.fences(4).unwrap(), raw.fences(4).unwrap());
    assert_ne!(four, four_more);
    assert_eq!(bed.card().fences_taken().len(), 8);
}

#[test]
fn fences_reserve_without_memory_returns_enomem() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    Ledger::current().fail_at(0, true);
    assert_eq!(raw.fences(4), Err(-ENOMEM));
    Ledger::current().fail_none();
    assert_eq!(bed.card().fences_taken(), [] as [u32; 0]);
}

#[test]
fn fences_release_twice_returns_ebadf_and_disables_them() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let range = raw.reserve(aperture(PAGES)).unwrap();
    let fences = raw.fences(1).unwrap();
    let number = bed.card().fences_taken()[0];
    assert_eq!(
        raw.fence_write(fences, 0, fence(range.start, PAGES), range.handle),
        0
    );

    assert_eq!(raw.fences_release(fences), 0);

    assert_eq!(bed.card().fence(number), 0);
    assert_eq!(raw.fences_release(fences), -EBADF);
    assert_eq!(raw.fences_release(NO_HANDLE), -EBADF);
    assert_eq!(raw.fence_write(fences, 0, 0, 0), -EBADF);
}

#[test]
fn fence_write_that_is_wrong_returns_its_error_and_writes_nothing() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let range = raw.reserve(aperture(PAGES)).unwrap();
    let high = raw
        .reserve(GgttRequest {
            region: REGION_HIGH,
            ..aperture(PAGES)
        })
        .unwrap();
    let fences = raw.fences(2).unwrap();
    let numbers = bed.card().fences_taken();
    let (start, page) = (range.start, GGTT_PAGE_SIZE);
    let good = fence(start, PAGES);

    assert_eq!(
        raw.fence_write(NO_HANDLE, 0, good, range.handle),
        -EBADF,
        "fences"
    );
    assert_eq!(raw.fence_write(fences, 0, good, NO_HANDLE), -EBADF, "range");
    assert_eq!(
        raw.fence_write(fences, 2, good, range.handle),
        -ERANGE,
        "index"
    );
    assert_eq!(raw.fence_write(fences, u32::MAX, 0, 0), -ERANGE, "index");
    let wrong = [
        (
            fence(start - page, PAGES),
            ERANGE,
            "begins before the range",
        ),
        (fence(start + page, PAGES), ERANGE, "ends behind the range"),
        (fence(start + PAGES * page, 1), ERANGE, "behind the range"),
        (
            start | (start - page) << 32 | 1,
            EINVAL,
            "ends before it begins",
        ),
    ];
    for (value, errno, what) in wrong {
        assert_eq!(
            raw.fence_write(fences, 0, value, range.handle),
            -errno,
            "{what}"
        );
    }
    let outside = fence(high.start, PAGES);
    assert_eq!(
        raw.fence_write(fences, 0, outside, high.handle),
        -ERANGE,
        "not in the aperture"
    );

    assert_eq!(
        numbers
            .iter()
            .map(|n| bed.card().fence(*n))
            .collect::<Vec<_>>(),
        [0, 0]
    );
}

#[test]
fn fence_write_reaches_the_gpu_and_without_the_valid_bit_disables() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let range = raw.reserve(aperture(PAGES)).unwrap();
    let fences = raw.fences(2).unwrap();
    let numbers = bed.card().fences_taken();
    let value = fence(range.start, PAGES);

    assert_eq!(raw.fence_write(fences, 1, value, range.handle), 0);
    assert_eq!(bed.card().fence(numbers[1]), value);
    assert_eq!(
        raw.fence_write(fences, 1, value & !1, NO_HANDLE),
        0,
        "the range is not looked at"
    );
    assert_eq!(bed.card().fence(numbers[1]), 0);
}

#[test]
fn ggtt_release_of_a_range_with_fences_disables_them_first() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let range = raw.reserve(aperture(PAGES)).unwrap();
    let other = raw.reserve(aperture(PAGES)).unwrap();
    let fences = raw.fences(2).unwrap();
    let numbers = bed.card().fences_taken();
    let kept = fence(other.start, PAGES);
    assert_eq!(
        raw.fence_write(fences, 0, fence(range.start, PAGES), range.handle),
        0
    );
    assert_eq!(raw.fence_write(fences, 1, kept, other.handle), 0);

    assert_eq!(raw.release(range.handle), 0);

    assert_eq!(bed.card().fence(numbers[0]), 0);
    assert_eq!(
        bed.card().fence(numbers[1]),
        kept,
        "a fence of another range"
    );
}
