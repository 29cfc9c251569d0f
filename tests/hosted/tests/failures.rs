// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Allocations that fail one after the other, and golden files that are damaged: a clean error,
//! nothing leaked, usable afterwards.

use gen9_gpu::Options;
use hosted_glue::bed::Bed;
use hosted_glue::client::Attachment;
use hosted_glue::i915::I915;
use hosted_glue::machine::Machine;
use iface::host::{HostDevice, HostTable};
use iface::types::Snapshot;
use kernel::error::code::ENOMEM;
use kernel::testing::{capture_log, fail_each_alloc, fail_each_alloc_with, Level};
use kvmgt_core::golden::{BadFile, FileError, Golden, FILE_SIZE};
use std::ffi::c_int;
use std::sync::Mutex;

#[test]
fn snapshot_with_each_allocation_failing_is_a_clean_enomem() {
    let mut sites = 0;
    for gpu in ["bdw", "skl", "kbl", "bxt", "cfl", "cml"] {
        sites += fail_each_alloc(|| {
            let mut i915 = I915::load(Machine::new(Options::parse(gpu).unwrap()));
            let config = i915.begin();
            i915.take_golden(&config).map(drop)
        });
    }
    assert!(sites >= 6 * 2, "only {sites} sites were met");
}

#[test]
fn attach_with_each_allocation_failing_is_a_clean_enomem() {
    let bed = Bed::new("kbl,seed=9");

    let (sites, log) = capture_log(|| {
        fail_each_alloc(|| {
            // SAFETY: the published table, which the attachment does not outlive.
            unsafe { Attachment::attach(0, bed.i915.platform_data(), None) }
        })
    });

    assert!(sites >= 3, "only {sites} sites were met");
    // Each failure, alone and with all behind it, is one line; each success is one too.
    let errors = log.iter().filter(|line| line.level == Level::Err);
    assert_eq!(errors.count(), 2 * sites);
    assert_eq!(log.len(), 2 * (sites + 1));
    assert!(log.iter().all(|line| !line.text.contains('\n')));
    assert_eq!(
        (bed.card().wakerefs(), bed.card().pages_taken().len()),
        (0, 0)
    );
    drop(bed.attach());
}

#[test]
fn attach_with_a_file_with_each_allocation_failing_is_a_clean_enomem() {
    let bed = Bed::new("kbl,seed=9");
    let file = file_of(&bed);
    let (sites, _) = capture_log(|| {
        fail_each_alloc(|| {
            // SAFETY: as above.
            unsafe { Attachment::attach(0, bed.i915.platform_data(), Some(&file)) }
        })
    });
    assert!(sites >= 6, "only {sites} sites were met");
}

#[test]
fn file_with_each_allocation_failing_leaves_the_golden_state_as_it_was() {
    let bed = Bed::new("kbl,seed=9");
    let file = file_of(&bed);
    let kvmgt = bed.attach();
    let (model, ids) = (kvmgt.device().model(), kvmgt.device().ids());
    let sites = fail_each_alloc_with(
        || Golden::from_file(model, ids, &file),
        |error| *error == FileError::Failed(ENOMEM),
    );
    assert!(sites >= 3, "only {sites} sites were met");
}

/// The golden state of a bed's GPU as a file.
fn file_of(bed: &Bed) -> Vec<u8> {
    let mut file = vec![0; FILE_SIZE];
    let (kvmgt, _) = capture_log(|| bed.attach());
    let mut at = 0;
    while at < FILE_SIZE {
        let count = kvmgt.device().golden().read(at as u64, &mut file[at..]);
        assert_ne!(count, 0);
        at += count;
    }
    file
}

/// Attaches with a file of the administrator's; gives the lines that were printed, and the golden
/// state as a file.
fn attach_with(bed: &Bed, file: &[u8]) -> (Vec<String>, Vec<u8>) {
    // SAFETY: as above.
    let attach = || unsafe { Attachment::attach(0, bed.i915.platform_data(), Some(file)) };
    let (kvmgt, log) = capture_log(|| attach().unwrap());
    let mut read = vec![0; FILE_SIZE];
    let mut at = 0;
    while at < FILE_SIZE {
        at += kvmgt
            .device()
            .golden()
            .read(at as u64, &mut read[at..])
            .max(1);
    }
    (log.into_iter().map(|line| line.text).collect(), read)
}

/// Where registers begin in a file, and where the checksum field is.
const REGISTERS_AT: usize = 48 + 4096;

#[test]
fn s_80_file_of_any_wrong_length_is_refused_before_its_header_is_believed() {
    let bed = Bed::new("kbl,seed=4");
    let good = file_of(&bed);
    let mut longer = good.clone();
    longer.extend([0; 4096]);
    let lengths = [
        0,
        1,
        7,
        8,
        47,
        48,
        49,
        4096,
        REGISTERS_AT,
        FILE_SIZE - 4,
        FILE_SIZE - 1,
    ];
    let files = lengths
        .iter()
        .map(|length| &good[..*length])
        .chain([&longer[..]]);
    for file in files {
        let (log, golden) = attach_with(&bed, file);
        assert_eq!(log.len(), 2, "{log:#?}");
        let wrong = format!("it has {} bytes instead of {FILE_SIZE}", file.len());
        assert!(
            log[0].contains(&wrong) && log[0].contains("the snapshot is used"),
            "{log:#?}"
        );
        assert!(golden == good);
    }
}

#[test]
fn s_80_file_whose_header_points_elsewhere_is_refused() {
    let bed = Bed::new("kbl,seed=4");
    let good = file_of(&bed);
    let kvmgt = bed.attach();
    let (model, ids) = (kvmgt.device().model(), kvmgt.device().ids());
    // Every byte of the header, in ways that a length or an offset could lie.
    for at in 0..48 {
        for flip in [1, 0x80, 0xff] {
            let mut file = good.clone();
            file[at] ^= flip;
            let refused = Golden::from_file(model, ids, &file);
            assert!(
                matches!(refused, Err(FileError::Bad(_))),
                "byte {at} ^ {flip:#x}"
            );
        }
    }
}

#[test]
fn s_81_file_with_addresses_and_secrets_brings_none_of_them_in() {
    let bed = Bed::new("kbl,seed=4");
    let good = file_of(&bed);
    let kvmgt = bed.attach();
    let (model, ids) = (kvmgt.device().model(), kvmgt.device().ids());
    // A file whose author filled every register with a secret, and got the checksum right.
    let secret = 0x5ec2_e75e_u32.to_le_bytes();
    let mut file = good.clone();
    file[REGISTERS_AT..]
        .chunks_exact_mut(4)
        .for_each(|dword| dword.copy_from_slice(&secret));
    let Err(FileError::Bad(BadFile::Checksum { computed, .. })) =
        Golden::from_file(model, ids, &file).map(drop)
    else {
        panic!("the checksum was not looked at");
    };
    file[8..12].copy_from_slice(&computed.to_le_bytes());

    let golden = Golden::from_file(model, ids, &file)
        .map_err(|_| "refused")
        .unwrap();

    use iface::registers::{rows, Source};
    let mut believed = 0;
    for row in rows(model.platform, model.vcs1).filter(|row| row.size == 4) {
        let value = golden.register(row.offset);
        match row.source {
            Source::Hardware => believed += u32::from(value == u32::from_le_bytes(secret)),
            Source::MemoryController => {}
            _ => assert_eq!(value, row.default, "{}", row.name),
        }
    }
    assert!(
        believed > 100,
        "registers that hold no secret are the file's"
    );
}

#[test]
fn s_82_file_with_a_full_mirror_of_the_memory_controller_keeps_the_named_part_only() {
    use iface::registers::{mchbar_kept, MCHBAR_MIRROR};
    let bed = Bed::new("kbl,seed=4");
    let kvmgt = bed.attach();
    let golden = kvmgt.device().golden();
    let model = kvmgt.device().model();
    let kept = |offset: u32| mchbar_kept(model.platform).any(|range| range.contains(offset));
    let named = |offset: u32| {
        kept(offset)
            || iface::registers::hardware_ranges(model.platform, model.vcs1)
                .any(|range| range.contains(offset))
    };
    for offset in (MCHBAR_MIRROR.offset..MCHBAR_MIRROR.end()).step_by(4) {
        if !named(offset) {
            assert_eq!(
                golden.register(offset),
                0,
                "{offset:#x} of the mirror is in the golden state"
            );
        }
    }
    let mirror = mchbar_kept(model.platform)
        .map(|range| range.size / 4)
        .sum::<u32>();
    assert!(mirror <= 64, "{mirror} registers of the mirror are kept");
}

#[test]
fn file_with_any_byte_changed_is_refused_or_means_the_same() {
    let bed = Bed::new("kbl,seed=4");
    let good = file_of(&bed);
    let kvmgt = bed.attach();
    let (model, ids) = (kvmgt.device().model(), kvmgt.device().ids());
    // A stride that is prime to all of the file's structure.
    for at in (0..FILE_SIZE).step_by(50_021) {
        let mut file = good.clone();
        file[at] ^= 0x10;
        assert!(Golden::from_file(model, ids, &file).is_err(), "byte {at}");
    }
}

#[test]
fn file_of_another_gpu_is_refused() {
    let (kbl, skl) = (Bed::new("kbl,seed=4"), Bed::new("skl,seed=4"));
    let (log, golden) = attach_with(&kbl, &file_of(&skl));
    assert!(log[0].contains("it is of 8086:1912"), "{log:#?}");
    assert!(golden == file_of(&kbl));
}

#[test]
fn file_that_is_good_is_used_and_said() {
    let (one, two) = (Bed::new("kbl,seed=4"), Bed::new("kbl,seed=5"));
    let file = file_of(&two);
    let (log, golden) = attach_with(&one, &file);
    assert!(
        log[0].contains("the golden state is that of i915/gvt/vid_0x8086"),
        "{log:#?}"
    );
    assert!(golden == file && golden != file_of(&one));
}

/// Attaches to a table that is not the published one; gives the lines that were printed.
fn attach_to(table: &HostTable) -> (Option<Attachment<'_>>, Vec<String>) {
    let data = std::ptr::from_ref(table).cast();
    // SAFETY: a table, which the attachment does not outlive.
    let (kvmgt, log) = capture_log(|| unsafe { Attachment::attach(0, data, None) }.ok());
    (kvmgt, log.into_iter().map(|line| line.text).collect())
}

/// The published table, to be changed.
fn copy_of(table: &HostTable) -> HostTable {
    HostTable { ..*table }
}

#[test]
fn host_with_a_newer_minor_and_a_longer_table_is_attached_to() {
    /// A table of a later minor version: more behind what this build knows.
    #[repr(C)]
    struct Newer {
        table: HostTable,
        tail: [u64; 4],
    }
    let bed = Bed::new("kbl");
    let mut layouts = [0x1111_u64; 8];
    layouts[0] = iface::layout::HASHES[0];
    let mut newer = Newer {
        table: copy_of(bed.table()),
        tail: [u64::MAX; 4],
    };
    newer.table.header.minor = 7;
    newer.table.header.size = u32::try_from(size_of::<Newer>()).unwrap();
    newer.table.header.layouts = layouts.as_ptr();
    newer.table.header.layout_count = 8;

    let (kvmgt, log) = attach_to(&newer.table);

    assert!(log[0].contains("interface 1.7"), "{log:#?}");
    assert!(kvmgt.unwrap().host().info().is_ok());
    assert_eq!(newer.tail, [u64::MAX; 4]);
}

/// What the fixture's `snapshot` gives out.
static DAMAGED: Mutex<Option<&'static [u8]>> = Mutex::new(None);

unsafe extern "C" fn damaged_snapshot(_: *mut HostDevice, out: *mut Snapshot) -> c_int {
    let Some(bytes) = *DAMAGED.lock().unwrap() else {
        return -5;
    };
    let (data, size) = (bytes.as_ptr(), bytes.len() as u64);
    let place = Snapshot { data, size };
    // SAFETY: the caller passes a place for it.
    unsafe { out.write(place) };
    0
}

#[test]
fn snapshot_that_is_damaged_is_refused_in_one_line_and_closed_again() {
    let bed = Bed::new("kbl");
    let good = bed.attach().host().snapshot().unwrap().bytes().to_vec();
    let mut table = copy_of(bed.table());
    table.snapshot = Some(damaged_snapshot);
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 0x40;
        bytes
    };
    let mut longer = good.clone();
    longer.push(0);
    let damaged = [
        ("its size", good[..good.len() - 4].to_vec()),
        ("its size", longer),
        ("its size", good[..20].to_vec()),
        ("its size", Vec::new()),
        ("it does not begin as one", flipped(0)),
        ("its format is version", flipped(4)),
        ("its size", flipped(8)),
        ("its checksum", flipped(12)),
        ("its checksum", flipped(16)),
        ("its checksum", flipped(good.len() - 1)),
    ];
    for (wrong, bytes) in damaged {
        // Not freed: what a table gives out is to stay.
        *DAMAGED.lock().unwrap() = Some(bytes.leak());
        let (kvmgt, log) = attach_to(&table);
        assert!(kvmgt.is_none());
        assert_eq!(log.len(), 1, "{log:#?}");
        assert!(
            log[0].contains("the golden snapshot is damaged") && log[0].contains(wrong),
            "{log:?}"
        );
    }
    *DAMAGED.lock().unwrap() = None;
    let (kvmgt, log) = attach_to(&table);
    assert!(
        kvmgt.is_none() && log[0].contains("has no golden snapshot"),
        "{log:?}"
    );

    drop(bed.attach());
}
