// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Tables of this build in which one value is damaged: every value that the rule looks at, whatever it
//! became, is judged by the rule, in each direction. Layouts are judged elsewhere, by `abi-mutants`.

use hosted_glue::bed::Bed;
use hosted_glue::raw::{client, Raw};
use iface::client::{Offer, Refusal};
use iface::errno::{EFAULT, EINVAL};
use iface::layout::{Structure, HASHES};
use iface::version::{Header, Mismatch, CLIENT_NEEDS, HOST_NEEDS, MAJOR, MINOR};
use iface::{ClientTable, HostTable};
use std::ffi::c_int;
use std::ptr::{from_mut, null};

/// A machine that a GPU is bound of; which one does not matter.
const GPU: &str = "kbl";
/// A size is looked at up to so many bytes behind the right one.
const LONGER: u32 = 64;

/// What happens to a table's header and hashes.
type Damage<'d> = &'d dyn Fn(&mut Header, &mut [u64; HASHES.len()]);

/// Every damage of a header that leaves nobody a table to use, with its name.
fn fatal(smallest: u32, needed: u64, check: &mut dyn FnMut(String, Damage<'_>)) {
    for bit in 0..u64::BITS {
        check(format!("bit {bit} of magic"), &|h, _| h.magic ^= 1 << bit);
        check(format!("bit {bit} of the hash"), &|_, hashes| {
            hashes[usize::from(MINOR)] ^= 1 << bit;
        });
        if needed & 1 << bit != 0 {
            check(format!("feature {bit}"), &|h, _| h.features &= !(1 << bit));
        }
    }
    for major in (0..=u16::MAX).filter(|major| *major != MAJOR) {
        check(format!("major {major}"), &|h, _| h.major = major);
    }
    for size in 0..smallest {
        check(format!("size {size}"), &|h, _| h.size = size);
    }
    check("no hashes".to_owned(), &|h, _| h.layout_count = 0);
    check("null hashes".to_owned(), &|h, _| h.layouts = null());
}

/// Every change of a header that takes nothing away, with its name.
fn harmless(smallest: u32, needed: u64, check: &mut dyn FnMut(String, Damage<'_>)) {
    for minor in MINOR..=u16::MAX {
        check(format!("minor {minor}"), &|h, _| h.minor = minor);
    }
    for size in smallest..=smallest + LONGER {
        check(format!("size {size}"), &|h, _| h.size = size);
    }
    for bit in (0..u64::BITS).filter(|bit| needed & 1 << bit == 0) {
        check(format!("feature {bit}"), &|h, _| h.features |= 1 << bit);
    }
    check("reserved".to_owned(), &|h, _| h.reserved = u16::MAX);
}

/// Offsets of a table's functions, and their names.
fn functions(layout: &Structure) -> impl Iterator<Item = (usize, &'static str)> {
    let fields = layout.fields.iter();
    fields
        .filter(|field| field.signature.starts_with("fn"))
        .map(|field| (field.offset, field.name))
}

/// Takes the function at `offset` out of a table.
fn take_out<T>(table: &mut T, offset: usize) {
    assert!(offset + size_of::<usize>() <= size_of::<T>());
    // SAFETY: in the table, as just asserted, and that of an `Option` of a function, which may be null.
    unsafe { from_mut(table).byte_add(offset).cast::<usize>().write(0) }
}

/// Lets kvmgt's half judge a damaged table of the host.
fn judge(bed: &Bed, damage: Damage<'_>) -> Result<(), Refusal> {
    // SAFETY: a table is plain data, and this copy is not used longer than the first.
    let mut table = unsafe { std::ptr::read(bed.table()) };
    let mut hashes = HASHES;
    table.header.layouts = hashes.as_ptr();
    damage(&mut table.header, &mut hashes);
    judge_table(&table)
}

fn judge_table(table: &HostTable) -> Result<(), Refusal> {
    // SAFETY: a table of this build, whose hashes are null or there; the offer is not kept.
    unsafe { Offer::from_platform_data(std::ptr::from_ref(table).cast()) }.map(drop)
}

/// Lets the host's half judge a damaged table of a client; closes again if it was opened.
fn open(raw: &Raw<'_>, damage: Damage<'_>) -> c_int {
    let mut table = client();
    let mut hashes = HASHES;
    table.header.layouts = hashes.as_ptr();
    damage(&mut table.header, &mut hashes);
    open_table(raw, &table)
}

fn open_table(raw: &Raw<'_>, table: &ClientTable) -> c_int {
    let returned = raw.open(table);
    if returned == 0 {
        assert_eq!(raw.close(), 0);
    }
    returned
}

#[test]
fn host_table_when_header_is_damaged_then_refused() {
    let bed = Bed::new(GPU);
    let size = u32::try_from(size_of::<HostTable>()).unwrap();
    let mut count = 0;
    fatal(size, CLIENT_NEEDS.features, &mut |what, damage| {
        assert!(judge(&bed, damage).is_err(), "{what}");
        count += 1;
    });
    println!("{count} damaged tables");
}

#[test]
fn host_table_when_it_offers_more_then_accepted() {
    let bed = Bed::new(GPU);
    let size = u32::try_from(size_of::<HostTable>()).unwrap();
    harmless(size, CLIENT_NEEDS.features, &mut |what, damage| {
        assert_eq!(judge(&bed, damage), Ok(()), "{what}");
    });
}

#[test]
fn host_table_when_it_needs_more_then_refused() {
    let bed = Bed::new(GPU);
    let refused = |damage: Damage<'_>| judge(&bed, damage).unwrap_err().mismatch();
    for needed in MINOR + 1..=u16::MAX {
        let mismatch = refused(&|h, _| h.needs_minor = needed);
        assert_eq!(mismatch, Some(Mismatch::Minor { needed }));
    }
    let features = ClientTable::HEADER.features;
    for bit in (0..u64::BITS).filter(|bit| features & 1 << bit == 0) {
        let mismatch = refused(&|h, _| h.needs_features |= 1 << bit);
        assert_eq!(mismatch, Some(Mismatch::Features { missing: 1 << bit }));
    }
}

#[test]
fn host_table_when_a_function_is_null_then_refused_by_its_name() {
    let bed = Bed::new(GPU);
    for (offset, name) in functions(&HostTable::LAYOUT) {
        // SAFETY: as in `judge`.
        let mut table = unsafe { std::ptr::read(bed.table()) };
        take_out(&mut table, offset);
        let mismatch = judge_table(&table).unwrap_err().mismatch();
        assert_eq!(mismatch, Some(Mismatch::Function { name }));
    }
}

#[test]
fn host_table_when_it_is_not_there_or_not_aligned_then_refused() {
    let bed = Bed::new(GPU);
    let table = std::ptr::from_ref(bed.table());
    let mut pointers = vec![null()];
    pointers.extend((1..align_of::<Header>()).map(|odd| table.wrapping_byte_add(odd)));
    for pointer in pointers {
        // SAFETY: null, or not aligned, as the function allows.
        let refused = unsafe { Offer::from_platform_data(pointer.cast()) }.map(drop);
        assert_eq!(refused.unwrap_err().mismatch(), Some(Mismatch::Pointer));
    }
}

#[test]
fn client_table_when_header_is_damaged_then_not_opened() {
    let bed = Bed::new(GPU);
    let raw = Raw::new(&bed);
    let size = u32::try_from(size_of::<ClientTable>()).unwrap();
    fatal(size, HOST_NEEDS.features, &mut |what, damage| {
        assert_eq!(open(&raw, damage), -EINVAL, "{what}");
    });
}

#[test]
fn client_table_when_it_offers_more_then_opened() {
    let bed = Bed::new(GPU);
    let raw = Raw::new(&bed);
    let size = u32::try_from(size_of::<ClientTable>()).unwrap();
    harmless(size, HOST_NEEDS.features, &mut |what, damage| {
        assert_eq!(open(&raw, damage), 0, "{what}");
    });
}

#[test]
fn client_table_when_a_function_is_null_or_it_is_not_there_then_not_opened() {
    let bed = Bed::new(GPU);
    let raw = Raw::new(&bed);
    for (offset, name) in functions(&ClientTable::LAYOUT) {
        let mut table = client();
        take_out(&mut table, offset);
        assert_eq!(open_table(&raw, &table), -EINVAL, "{name}");
    }
    // SAFETY: a null table is what the operation is to refuse.
    let returned = unsafe { bed.table().open.unwrap()(bed.device(), null(), std::ptr::null_mut()) };
    assert_eq!(returned, -EFAULT);
}
