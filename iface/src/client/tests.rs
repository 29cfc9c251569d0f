// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::version::{Needs, FEATURES, MAJOR, MINOR};
use std::format;
use std::string::String;

extern crate std;

/// Operations that refuse; they are there to be compared with null.
macro_rules! refusing {
    ($( $name:ident($($type:ty),*); )*) => {
        $( unsafe extern "C" fn $name($(_: $type),*) -> c_int {
            -EINVAL
        } )*

        /// A right table.
        fn table() -> HostTable {
            HostTable {
                header: HostTable::HEADER,
                device: ptr::null_mut(),
                $( $name: Some($name), )*
            }
        }
    };
}

refusing! {
    open(*mut HostDevice, *const ClientTable, *mut c_void);
    close(*mut HostDevice);
    info(*mut HostDevice, *mut Info, u32);
    snapshot(*mut HostDevice, *mut Snapshot);
    mmio_exec(*mut HostDevice, *mut MmioOp, u32);
    wake_get(*mut HostDevice);
    wake_put(*mut HostDevice);
    ggtt_reserve(*mut HostDevice, *const GgttRequest, *mut GgttRange);
    ggtt_release(*mut HostDevice, u64);
    ggtt_write(*mut HostDevice, u64, u32, *const u64, u32);
    fences_reserve(*mut HostDevice, u32, *mut u64);
    fences_release(*mut HostDevice, u64);
    fence_write(*mut HostDevice, u64, u32, u64, u64);
    buffer_alloc(*mut HostDevice, u64, *mut Buffer);
    buffer_free(*mut HostDevice, u64);
    buffer_read(*mut HostDevice, u64, u64, *mut u8, u64);
    buffer_write(*mut HostDevice, u64, u64, *const u8, u64);
    ctx_create(*mut HostDevice, *const ContextRequest, *mut Context);
    ctx_destroy(*mut HostDevice, u64);
    ctx_read(*mut HostDevice, u64, u64, *mut u8, u64);
    ctx_write(*mut HostDevice, u64, u64, *const u8, u64);
    ctx_submit(*mut HostDevice, u64, *const Submission);
    ctx_kill(*mut HostDevice, u64, u64);
}

fn offer(table: &HostTable) -> Result<Offer<'_>, Refusal> {
    // SAFETY: a whole table with its header's promises kept, borrowed for the result's life.
    unsafe { Offer::from_platform_data(ptr::from_ref(table).cast()) }
}

fn line(table: &HostTable) -> String {
    format!("{}", offer(table).err().unwrap())
}

#[test]
fn offer_of_right_table_is_accepted() {
    let table = table();
    let offer = offer(&table).unwrap();
    assert_eq!(offer.version(), Version::CURRENT);
    assert_eq!(offer.features(), FEATURES);
}

#[test]
fn offer_of_null_or_odd_pointer_is_refused() {
    // SAFETY: neither is read.
    let (null, odd) = unsafe {
        (
            Offer::from_platform_data(ptr::null()).err().unwrap(),
            Offer::from_platform_data(ptr::without_provenance(9))
                .err()
                .unwrap(),
        )
    };
    assert_eq!(null.mismatch(), Some(Mismatch::Pointer));
    assert_eq!(odd.mismatch(), Some(Mismatch::Pointer));
}

#[test]
fn offer_of_newer_major_says_which_kvmgt_to_load() {
    let mut table = table();
    table.header.major = MAJOR + 1;
    assert_eq!(
        line(&table),
        "i915 offers interface 2.0, this kvmgt needs 1.0: another major version; \
         load a kvmgt built for interface 2.x"
    );
}

#[test]
fn offer_of_older_major_says_which_i915_to_load() {
    let mut table = table();
    table.header.major = 0;
    assert!(line(&table).contains("load an i915 that offers interface 1.0"));
}

#[test]
fn offer_that_needs_a_newer_client_is_refused() {
    let mut table = table();
    table.header.needs_minor = MINOR + 1;
    let refusal = offer(&table).err().unwrap();
    assert_eq!(
        refusal.mismatch(),
        Some(Mismatch::Minor { needed: MINOR + 1 })
    );
    assert!(
        format!("{refusal}").contains("i915 needs minor version 1 of kvmgt; load a newer kvmgt")
    );
}

#[test]
fn offer_that_needs_an_unknown_feature_of_the_client_is_refused() {
    let mut table = table();
    table.header.needs_features |= 1 << 40;
    let refusal = offer(&table).err().unwrap();
    assert_eq!(
        refusal.mismatch(),
        Some(Mismatch::Features { missing: 1 << 40 })
    );
}

#[test]
fn offer_of_short_table_is_refused() {
    let mut table = table();
    table.header.size -= 8;
    assert!(matches!(
        offer(&table).err().unwrap().mismatch(),
        Some(Mismatch::Size { .. })
    ));
}

#[test]
fn refusal_of_missing_features_names_them() {
    // This build needs none.
    let refusal = Refusal::host(
        Some(Version::CURRENT),
        Mismatch::Features { missing: 1 << 40 },
    );
    let line = format!("{refusal}");
    assert!(
        line.contains("features 0x10000000000 are missing"),
        "{line}"
    );
}

#[test]
fn offer_with_null_function_names_it() {
    let mut table = table();
    table.ggtt_write = None;
    assert!(line(&table).contains("the operation ggtt_write is missing"));
}

#[test]
fn offer_of_other_layout_is_refused() {
    static OTHER: [u64; 1] = [0x1234];
    let mut table = table();
    table.header.layouts = OTHER.as_ptr();
    assert!(line(&table).contains("the layout of minor version 0 differs"));
}

#[test]
fn offer_without_layouts_is_refused() {
    for (layouts, count) in [(ptr::null(), 1), (layout::HASHES.as_ptr(), 0)] {
        let mut table = table();
        table.header.layouts = layouts;
        table.header.layout_count = count;
        let mismatch = offer(&table).err().unwrap().mismatch();
        assert_eq!(mismatch, Some(Mismatch::Layout { minor: 0 }));
    }
}

#[test]
fn open_that_the_host_refuses_says_why() {
    struct Deaf;
    impl Events for Deaf {
        fn suspend(&self) {}
        fn resume(&self) {}
        fn host_context(&self, _: u32, _: Direction) {}
        fn submit_done(&self, _: u64, _: u64, _: Outcome) {}
    }
    let table = table();
    // SAFETY: the host half above keeps nothing.
    let refusal = unsafe { offer(&table).unwrap().open(&Deaf) }.err().unwrap();
    assert_eq!(refusal.errno(), Some(Errno(EINVAL)));
    assert!(format!("{refusal}").contains("i915 refused the table of kvmgt"));
}

#[test]
fn refusals_are_one_line() {
    let needs = Needs {
        minor: 3,
        features: 8,
    };
    let own = Version::CURRENT;
    let mismatches = [
        Mismatch::Pointer,
        Mismatch::Magic { found: 1 },
        Mismatch::Major,
        Mismatch::Minor { needed: 3 },
        Mismatch::Size {
            found: 1,
            needed: 2,
        },
        Mismatch::Layout { minor: 0 },
        Mismatch::Features { missing: 2 },
        Mismatch::Function { name: "open" },
    ];
    for mismatch in mismatches {
        for refusal in [
            Refusal::host(Some(own), mismatch),
            Refusal::client(own, needs, mismatch),
        ] {
            let text = format!("{refusal}");
            assert!(text.contains("load ") && !text.contains('\n'), "{text}");
        }
    }
}
