// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Opening and closing, what the GPU is, its snapshot, and waking it.

use super::{aperture, NO_HANDLE, PAGE, PAGES};
use gvt_host::events;
use hosted_glue::bed::Bed;
use hosted_glue::raw::{client, fence, Raw};
use iface::errno::{EBADF, EBUSY, EFAULT, EINVAL, EIO};
use iface::events::ClientTable;
use iface::registers::{self};
use iface::types::{Context, ContextRequest, GgttRange, Info, Segment, Snapshot, Submission};
use iface::version::{Header, MAJOR};
use kernel::testing::Ledger;
use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

#[test]
fn operations_with_null_pointers_return_efault() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let (table, dev) = (bed.table(), bed.device());
    let request = aperture(1);
    let mut range = GgttRange::default();
    let (wanted, mut context) = (ContextRequest::default(), Context::default());
    let no_commands = Segment {
        commands: null(),
        count: 2,
    };
    let [nothing, nowhere] = [null(), &raw const no_commands].map(|segments| Submission {
        root: 0,
        segments,
        count: 1,
        tag: 0,
    });
    // SAFETY: null is what these calls are about; the rest is as the contract has it.
    let returned = unsafe {
        [
            table.open.unwrap()(dev, null(), null_mut()),
            table.info.unwrap()(dev, null_mut(), 8),
            table.snapshot.unwrap()(dev, null_mut()),
            table.mmio_exec.unwrap()(dev, null_mut(), 1),
            table.ggtt_reserve.unwrap()(dev, null(), &raw mut range),
            table.ggtt_reserve.unwrap()(dev, &raw const request, null_mut()),
            table.ggtt_write.unwrap()(dev, NO_HANDLE, 0, null(), 1),
            table.fences_reserve.unwrap()(dev, 1, null_mut()),
            table.close.unwrap()(null_mut()),
            table.wake_get.unwrap()(null_mut()),
            table.buffer_alloc.unwrap()(dev, 4096, null_mut()),
            table.buffer_read.unwrap()(dev, NO_HANDLE, 0, null_mut(), 1),
            table.buffer_write.unwrap()(dev, NO_HANDLE, 0, null(), 1),
            table.ctx_create.unwrap()(dev, null(), &raw mut context),
            table.ctx_create.unwrap()(dev, &raw const wanted, null_mut()),
            table.ctx_read.unwrap()(dev, NO_HANDLE, 0, null_mut(), 1),
            table.ctx_write.unwrap()(dev, NO_HANDLE, 0, null(), 4),
            table.ctx_submit.unwrap()(dev, NO_HANDLE, null()),
            table.ctx_submit.unwrap()(dev, NO_HANDLE, &raw const nothing),
            table.ctx_submit.unwrap()(dev, NO_HANDLE, &raw const nowhere),
        ]
    };

    assert_eq!(returned, [-EFAULT; 20]);
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
    let lacking = [
        ClientTable {
            suspend: None,
            ..client()
        },
        ClientTable {
            resume: None,
            ..client()
        },
        ClientTable {
            host_context: None,
            ..client()
        },
        ClientTable {
            submit_done: None,
            ..client()
        },
    ];
    for table in &lacking {
        assert_eq!(raw.open(table), -EINVAL);
    }

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

/// How often [`count`] was called.
static SUSPENDS: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn count(_: *mut c_void) {
    SUSPENDS.fetch_add(1, SeqCst);
}

#[test]
fn client_table_is_looked_at_during_open_only() {
    let bed = Bed::new("kbl");
    let mut table = Box::new(ClientTable {
        suspend: Some(count),
        ..client()
    });
    assert_eq!(Raw::new(&bed).open(&table), 0);
    table.suspend = None;
    table.header.magic = 0;
    drop(table);

    events::suspend(bed.card());
    events::resume(bed.card());

    assert_eq!(SUSPENDS.load(SeqCst), 1);
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
