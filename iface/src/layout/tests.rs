// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::events::ClientTable;
use crate::host::HostTable;

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
        gpu_reset: None,
        suspend: None,
        resume: None,
        schedule_event: None,
        submit_done: None,
    };
    assert_eq!(table.null_function(MINOR), Some("gpu_reset"));
}
