// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::events::ClientTable;
use crate::host::HostTable;
use std::vec::Vec;

extern crate std;

structure! {
    /// Grew by a field in minor version 1.
    pub struct Grown {
        /// First.
        since 0 pub first: u32,
        /// Second.
        since 1 pub second: u64,
    }
}

#[test]
fn size_at_counts_only_fields_of_that_minor() {
    assert_eq!(size_at(&Grown::LAYOUT, 0), 4);
    assert_eq!(size_at(&Grown::LAYOUT, 1), 16);
}

#[test]
fn size_at_current_minor_is_the_size_of_the_tables() {
    assert_eq!(size_at(&HostTable::LAYOUT, MINOR), size_of::<HostTable>());
    assert_eq!(
        size_at(&ClientTable::LAYOUT, MINOR),
        size_of::<ClientTable>()
    );
}

#[test]
fn fields_have_no_padding_between_them() {
    // Padding would be bytes that nobody states, and that leak what was there.
    for structure in STRUCTURES {
        let mut end = 0;
        for field in structure.fields {
            assert_eq!(field.offset, end, "{}.{}", structure.name, field.name);
            end += field.size;
        }
        assert_eq!(structure.size, end, "{}", structure.name);
    }
}

#[test]
fn fields_are_appended_in_the_order_of_their_versions() {
    for structure in STRUCTURES {
        assert!(structure
            .fields
            .windows(2)
            .all(|pair| pair[0].since <= pair[1].since));
    }
}

#[test]
fn hashes_are_those_of_each_minor() {
    for (minor, published) in (0..).zip(HASHES) {
        assert_eq!(published, hash(minor));
    }
}

#[test]
fn null_function_names_the_first_that_is_missing() {
    let table = ClientTable {
        header: ClientTable::HEADER,
        suspend: None,
        resume: None,
        host_context: None,
        submit_done: None,
    };
    assert_eq!(table.null_function(MINOR), Some("suspend"));
}

#[test]
fn hash_of_a_minor_when_later_ones_add_then_the_same() {
    const FIRST: Structure = Structure {
        size: 4,
        fields: &[Grown::LAYOUT.fields[0]],
        ..Grown::LAYOUT
    };
    const LATER: Structure = Structure {
        fields: &[Grown::LAYOUT.fields[1]],
        ..Grown::LAYOUT
    };
    const ONE: Number = Number {
        name: "ONE",
        value: 1,
        since: 0,
    };
    const TWO: Number = Number {
        name: "TWO",
        value: 2,
        since: 1,
    };
    let first = hash_of(&[FIRST], &[ONE], 0);
    assert_eq!(hash_of(&[Grown::LAYOUT, LATER], &[ONE, TWO], 0), first);
    for (structures, numbers) in [
        (&[Grown::LAYOUT][..], &[ONE][..]),
        (&[FIRST, LATER], &[ONE]),
        (&[FIRST], &[ONE, TWO]),
    ] {
        assert_ne!(
            hash_of(structures, numbers, 1),
            hash_of(&[FIRST], &[ONE], 1)
        );
    }
}

#[test]
fn hash_when_a_number_has_another_value_then_another() {
    let changed: Vec<Number> = (NUMBERS.iter().copied())
        .map(|number| Number {
            value: number.value ^ 1,
            ..number
        })
        .collect();
    for (i, number) in changed.iter().enumerate() {
        let mut numbers = NUMBERS.to_vec();
        numbers[i] = *number;
        assert_ne!(hash_of(STRUCTURES, &numbers, 0), hash(0), "{}", number.name);
    }
}
