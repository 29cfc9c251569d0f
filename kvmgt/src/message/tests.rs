// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::vgpu::kind::KINDS;
use crate::vgpu::shares::Resource;
use kernel::prelude::{EIO, ENOMEM};

const IDS: PciIds = PciIds {
    vendor: 0x8086,
    device: 0x5916,
    revision: 2,
};

#[test]
fn attached_names_gpu_interface_and_counts() {
    let line = Attached {
        version: Version { major: 1, minor: 0 },
        features: 1,
        platform: Platform::Kbl,
        ids: IDS,
        tracked: 2020,
        kept: 4242,
    };

    assert_eq!(
        line.to_string(),
        "attached to kbl 8086:5916 rev 02: interface 1.0, features 0x1, \
         2020 registers tracked, 4242 in the golden state"
    );
}

#[test]
fn unknown_state_says_what_guests_lose() {
    assert_eq!(
        UnknownState(Engine::Rcs).to_string(),
        "the default state of RCS has an unknown command: guests lose what the engine saves \
         behind it"
    );
}

#[test]
fn file_ignored_says_what_is_wrong_and_what_is_used() {
    let truncated = FileError::Bad(BadFile::Size { found: 100 });

    assert_eq!(
        FileIgnored(FileName(IDS), truncated).to_string(),
        "i915/gvt/vid_0x8086_did_0x5916_rid_0x02.golden_hw_state is ignored: it is damaged, \
         it has 100 bytes instead of 2101296; the snapshot is used"
    );
}

#[test]
fn not_made_for_a_shortage_names_the_resource_what_is_left_and_what_was_needed() {
    let name = KINDS[1].name(Platform::Kbl);
    let line = |resource, left| {
        let needed = KINDS[1].needs(resource);
        let shortage = Shortage {
            resource,
            left,
            needed,
        };
        let line = NotMade::Shortage(name, shortage);
        assert_eq!(line.error(), ENOSPC);
        line.to_string()
    };

    assert_eq!(
        line(Resource::Aperture, 64 << 20),
        "no vGPU of type GVTg_V5_4: too little is left of aperture: 64 MiB, and 128 MiB needed"
    );
    assert_eq!(
        line(Resource::High, 0),
        "no vGPU of type GVTg_V5_4: too little is left of GGTT behind the aperture: \
         0 MiB, and 512 MiB needed"
    );
    assert_eq!(
        line(Resource::Fences, 3),
        "no vGPU of type GVTg_V5_4: too little is left of fences: 3, and 4 needed"
    );
    assert_eq!(
        line(Resource::Vgpus, 0),
        "no vGPU of type GVTg_V5_4: too little is left of vGPUs: 0, and 1 needed"
    );
}

#[test]
fn not_made_for_a_refusal_names_what_i915_did_not_give() {
    let name = KINDS[3].name(Platform::Bdw);
    let line = |refusal| NotMade::Refusal(name, refusal).to_string();

    assert_eq!(
        line(KINDS[3].refused(Resource::High, ENOSPC)),
        "no vGPU of type GVTg_V4_1: i915 uses too much of GGTT behind the aperture: \
         2048 MiB needed in one piece"
    );
    assert_eq!(
        line(KINDS[3].refused(Resource::Fences, ENOSPC)),
        "no vGPU of type GVTg_V4_1: i915 uses too much of fences: 4 needed"
    );
    assert_eq!(
        line(KINDS[3].refused(Resource::Aperture, ENOMEM)),
        "no vGPU of type GVTg_V4_1: error -12"
    );
}

#[test]
fn not_offered_names_the_file_that_tells_why() {
    assert_eq!(
        NotOffered("0000:00:02.0").to_string(),
        "i915 offers no GVT-g on 0000:00:02.0: \
         /sys/bus/pci/devices/0000:00:02.0/gvt_status says why"
    );
}

#[test]
fn every_failure_is_one_line_and_only_memory_is_not_enodev() {
    let failures = [
        Failure::Info(EIO),
        Failure::Platform(99),
        Failure::NoSnapshot(EIO),
        Failure::Damaged(Damage::Size),
        Failure::Damaged(Damage::Magic),
        Failure::Damaged(Damage::Version(2)),
        Failure::Damaged(Damage::Checksum),
        Failure::Damaged(Damage::Platform(99)),
        Failure::Damaged(Damage::Range(7)),
        Failure::Damaged(Damage::Values),
        Failure::Foreign { ids: IDS },
    ];

    for failure in failures {
        let line = failure.to_string();
        assert!(!line.is_empty() && !line.contains('\n'), "{line}");
        assert_eq!(failure.error(), ENODEV, "{line}");
    }
    assert_eq!(Failure::Memory(ENOMEM).error(), ENOMEM);
}
