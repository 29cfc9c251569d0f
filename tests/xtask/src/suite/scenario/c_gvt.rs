// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The GVT-g in C of a stock kernel, beside ours: it accepts our golden state, and its own is
//! less than golden.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{ensure, Result};
use gen9_gpu::seed::legal::ENGINE_BASES;
use gen9_gpu::{Options, Platform};
use iface::registers::DWORD;

use crate::command;
use crate::prepare::{Boot, GUEST_KERNEL};
use crate::progress::say;
use crate::root::Root;
use crate::suite::context::Guest;
use crate::suite::scenario::{gem_work, golden};
use crate::suite::{Context, Count};

/// Where the C kvmgt looks for golden states (observed: i915 of Linux 6.12, `gvt/firmware.c`).
pub const FOLDER: &str = "usr/lib/firmware/i915/gvt";
/// PCI vendor id of the GPU.
const INTEL: u16 = 0x8086;

/// The C kvmgt shows its own state as a file only if it has loaded none. In the end it gets a damaged
/// file, to prove that.
const ACCEPTS: &str = r"
modprobe kvmgt
dmesg | grep -i 'gvt.*\(fail\|invalid\)' >&2 && exit 1
cd /sys/bus/pci/devices/0000:00:02.0
if [ -e gvt_firmware ]; then
	echo 'kvmgt took no file, but the state of the GPU' >&2
	exit 1
fi
echo types=$(ls mdev_supported_types | tr '\n' ' ')
rmmod kvmgt
printf x | dd of=$(echo /lib/firmware/i915/gvt/vid_*) bs=1 seek=100000 conv=notrunc 2>/dev/null
modprobe kvmgt
if [ ! -e gvt_firmware ]; then
	echo 'kvmgt took a damaged file: this test shows nothing' >&2
	exit 1
fi
";

/// Two loads, with work in between. The clients' rings stay where they were.
const TWO_LOADS: &str = r"
file=/sys/bus/pci/devices/0000:00:02.0/gvt_firmware
modprobe kvmgt
cat $file
rmmod kvmgt
gem-work engines >&2
modprobe kvmgt
cat $file
";

/// Makes a vGPU and boots a nested guest on it.
const NESTED: &str = include_str!("../../../vm/scenario/c_gvt_nested.sh");

/// Registers of an engine that hold addresses of whoever drives it, from the engine's base.
const RINGS: &[(u32, &str)] = &[
    (0x38, "RING_START"),
    (0x80, "RING_HWS_PGA"),
    (0x234, "RING_EXECLIST_STATUS"),
];

/// A VM in which a stock kernel's i915 is up with its GVT-g on.
pub fn guest(context: &Context) -> Result<Guest> {
    let mut guest = context.guest(Boot::Guest(GUEST_KERNEL))?;
    guest.vm.append = "i915.enable_gvt=1".to_owned();
    Ok(guest)
}

/// What a golden state of that GPU is called there.
pub fn file_name(options: &Options) -> String {
    let revision = Platform::get(options.platform).revision;
    let device = options.device_id;
    format!("vid_{INTEL:#06x}_did_{device:#06x}_rid_{revision:#04x}.golden_hw_state")
}

/// The C kvmgt takes the file that ours has made, and offers types of vGPUs.
pub fn accepts_our_file(context: &Context) -> Result<Count> {
    let (options, file) = golden::file(context)?;
    let overlay = tempfile::tempdir()?;
    let folder = overlay.path().join(FOLDER);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(file_name(&options)), file)?;
    let mut guest = guest(context)?;
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    let types = guest.check(ACCEPTS)?.value("types")?;
    ensure!(
        types.contains("i915-GVTg_V5_"),
        "the C kvmgt offers no types: {types}"
    );
    Ok(Count::ONE)
}

/// Two loads of the C kvmgt give two different states, with addresses of the host's rings.
///
/// Shows that our bed is able to tell: `docs/golden.md` has what differed.
pub fn own_states_differ(context: &Context) -> Result<Count> {
    let overlay = gem_work::overlay(context)?;
    let mut guest = guest(context)?;
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    let shell = guest.check(TWO_LOADS)?;
    let files = shell.bytes();
    ensure!(
        files.len() == 2 * golden::FILE_SIZE,
        "two files have {} bytes",
        files.len()
    );
    let (first, second) = files.split_at(golden::FILE_SIZE);
    let different = differences(first, second);
    say(&format!("    {} registers differ", different.len()));
    for (offset, (one, two)) in &different {
        say(&format!("    {offset:#07x}: {one:#010x} {two:#010x}"));
    }
    ensure!(!different.is_empty(), "two loads gave the same state");

    let mut addresses = 0;
    for base in ENGINE_BASES {
        for (register, name) in RINGS {
            let value = golden::register(first, base + register);
            if value != 0 {
                say(&format!("    {name} of {base:#07x}: {value:#010x}"));
                addresses += 1;
            }
        }
    }
    ensure!(addresses != 0, "no address of a ring is in the state");
    Ok(Count {
        passed: 2,
        failed: 0,
    })
}

/// A nested guest on a vGPU of the C GVT-g lets all engines work, and blits.
///
/// The C GVT-g asks more of a GPU than a native driver does: this keeps the software one honest.
pub fn nested_guest_works(context: &Context) -> Result<Count> {
    let overlay = gem_work::overlay(context)?;
    let mut guest = guest(context)?;
    let nested = overlay.path().join("nested");
    fs::create_dir_all(&nested)?;
    fs::copy(&guest.vm.image.kernel, nested.join("vmlinuz"))?;
    // This root has a QEMU, of a version that takes the C GVT-g's small configuration space.
    guest.vm.root = Root::Host.ensure(&context.cache)?;
    guest.vm.overlay = Some(overlay.path().to_path_buf());
    guest.vm.ram = "3G".to_owned();
    let shell = guest.check(NESTED)?;
    let console = shell.stdout();
    for step in ["stored a value", "filled a rectangle", "copied a rectangle"] {
        let line = format!("bcs: {step}: ok");
        ensure!(
            console.lines().any(|l| l.trim_end() == line),
            "the nested guest does not say {line}:\n{}",
            command::tail(&console)
        );
    }
    ensure!(
        console.contains("nested: all done"),
        "the nested guest did not finish:\n{}",
        command::tail(&console)
    );
    Ok(Count::ONE)
}

/// The registers that two files have different values of.
fn differences(one: &[u8], two: &[u8]) -> BTreeMap<u32, (u32, u32)> {
    (0..iface::registers::MMIO_SIZE)
        .step_by(DWORD as usize)
        .map(|offset| {
            let values = (golden::register(one, offset), golden::register(two, offset));
            (offset, values)
        })
        .filter(|(_, (one, two))| one != two)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_when_one_byte_differs_then_its_register() {
        let one = vec![0; golden::FILE_SIZE];
        let mut two = one.clone();
        let last = two.len() - 1;
        two[last] = 1;

        let found = differences(&one, &two);

        let offset = iface::registers::MMIO_SIZE - DWORD;
        assert_eq!(Vec::from_iter(found), [(offset, (0, 1 << 24))]);
    }
}
