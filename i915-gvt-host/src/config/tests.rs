// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;

const MSI_AT: usize = 0xac;
const PM_AT: usize = 0xd0;

/// Configuration space as firmware leaves it, full of addresses.
fn space() -> [u8; CONFIG_SIZE] {
    let mut space = [0; CONFIG_SIZE];
    space[..4].copy_from_slice(&[0x86, 0x80, 0x16, 0x59]);
    space[at::COMMAND] = 0b011;
    space[at::STATUS] = STATUS_CAPABILITIES;
    space[0x10..0x18].copy_from_slice(&0x2f_a000_0004_u64.to_le_bytes());
    space[0x18..0x20].copy_from_slice(&0x2f_b000_000c_u64.to_le_bytes());
    space[0x20..0x24].copy_from_slice(&0xf001_u32.to_le_bytes());
    space[at::CAPABILITIES] = MSI_AT as u8;
    space[MSI_AT..MSI_AT + 2].copy_from_slice(&[MSI, PM_AT as u8]);
    space[MSI_AT + 4..MSI_AT + 8].copy_from_slice(&0xfee0_1234_u32.to_le_bytes());
    space[MSI_AT + 8..MSI_AT + 10].copy_from_slice(&0x4021_u16.to_le_bytes());
    space[PM_AT] = 1;
    space[0x50] = 0xc0;
    for range in [at::BDSM, at::BGSM, at::SWSCI, at::ASLS] {
        space[range].fill(0x5a);
    }
    space
}

fn copy_of(space: [u8; CONFIG_SIZE]) -> ConfigCopy {
    ConfigCopy::take(|offset| {
        let at = usize::from(offset);
        u32::from_le_bytes(space[at..at + 4].try_into().unwrap())
    })
}

#[test]
fn take_keeps_ids_capabilities_and_graphics_control() {
    let copy = copy_of(space());
    assert_eq!(copy.bytes()[..4], space()[..4]);
    assert_eq!(
        copy.bytes()[MSI_AT..MSI_AT + 2],
        space()[MSI_AT..MSI_AT + 2]
    );
    assert_eq!(copy.bytes()[PM_AT], 1);
    assert_eq!(copy.bytes()[0x50], 0xc0);
}

#[test]
fn s_81_take_clears_addresses_and_keeps_the_type_of_bars() {
    let copy = copy_of(space());
    let bars = &copy.bytes()[at::BARS];
    assert_eq!(bars[..8], 4_u64.to_le_bytes());
    assert_eq!(bars[8..16], 0xc_u64.to_le_bytes());
    assert_eq!(bars[16..20], 1_u32.to_le_bytes());
    for range in [at::BDSM, at::BGSM, at::SWSCI, at::ASLS] {
        assert!(
            copy.bytes()[range.clone()].iter().all(|byte| *byte == 0),
            "{range:x?}"
        );
    }
}

#[test]
fn s_81_take_clears_msi_address_and_data_of_32_and_64_bits() {
    for control in [0x00, 0x80] {
        let mut space = space();
        space[MSI_AT + 2] = control;
        space[MSI_AT + 4..MSI_AT + 14].fill(0x77);
        let copy = copy_of(space);
        let end = if control == 0 { 10 } else { 14 };
        assert!(copy.bytes()[MSI_AT + 4..MSI_AT + end]
            .iter()
            .all(|byte| *byte == 0));
    }
}

#[test]
fn take_keeps_a_list_that_goes_through_the_place_of_bgsm() {
    // As Skylake has it: vendor-specific, PCI Express, MSI, power management.
    let mut space = space();
    space[at::CAPABILITIES] = 0x40;
    space[0x40..0x44].copy_from_slice(&[0x09, 0x70, 0x0c, 0x01]);
    space[0x70..0x74].copy_from_slice(&[0x10, MSI_AT as u8, 0x92, 0x00]);

    let copy = copy_of(space);

    assert_eq!(copy.bytes()[0x70..0x74], space[0x70..0x74]);
    assert_eq!(copy.capability(MSI), Some(MSI_AT));
    assert_eq!(copy.bytes()[MSI_AT + 4..MSI_AT + 8], [0; 4]);
}

#[test]
fn is_pristine_without_bus_master_and_msi() {
    assert!(copy_of(space()).is_pristine());
}

#[test]
fn is_not_pristine_with_bus_master_or_msi() {
    let mut mastering = space();
    mastering[at::COMMAND] |= COMMAND_MASTER;
    let mut interrupting = space();
    interrupting[MSI_AT + 2] |= MSI_ENABLE;
    assert!(!copy_of(mastering).is_pristine());
    assert!(!copy_of(interrupting).is_pristine());
    assert_eq!(copy_of(mastering).bytes()[at::COMMAND] & COMMAND_ENABLES, 0);
}

#[test]
fn take_of_looping_or_wild_capability_list_ends() {
    for (first, next) in [(MSI_AT, MSI_AT), (0xff, 0xff), (0x04, 0x04), (PM_AT, PM_AT)] {
        let mut space = space();
        space[at::CAPABILITIES] = first as u8;
        space[PM_AT + 1] = next as u8;
        space[MSI_AT] = 0x09;
        space[MSI_AT + 1] = next as u8;
        assert!(copy_of(space).is_pristine());
    }
}
