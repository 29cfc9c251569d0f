// SPDX-License-Identifier: GPL-2.0 OR MIT
//! That a QEMU guest finds a vGPU on its bus: a hosted one, and one of the kernel's.

use anyhow::{ensure, Context as _, Result};

use super::{checks, nested, nested::Nested};
use crate::gpu_server::Vgpus;
use crate::prepare::{Boot, GUEST_KERNEL};
use crate::suite::context::Shell;
use crate::suite::{Context, Count};

/// What runs in the guest, which loads no driver for the vGPU.
const SCRIPT: &str = include_str!("../../../vm/scenario/on_the_bus.sh");

/// The GPU, whose device id is 0x5916.
const GPU: &str = checks::HEADLESS;
/// Its vGPU's type.
const KIND: &str = "V5_8";
/// Bytes of its BARs (i915: `GTTMMADR`, and an aperture of 256 MiB).
const BARS: [(usize, u64); 2] = [(0, 16 << 20), (2, 256 << 20)];
/// Flags of a resource: memory, prefetchable, 64 bits (`include/linux/ioport.h`).
const MEMORY_64: u64 = 0x0010_0200;
/// See [`MEMORY_64`].
const PREFETCHABLE: u64 = 0x2000;
/// What PVINFO begins with, and what it says that the vGPU can.
const PVINFO: [(&str, u64); 3] = [
    ("0x78000", 0x7654_4776),
    ("0x78004", 0x4776_5447),
    ("0x78010", 0x1c),
];
/// Ids of capabilities (PCI 3.0, appendix H): power management, MSI.
const CAPABILITIES: [u8; 2] = [0x01, 0x05];
/// Configuration space: where the list of capabilities begins.
const FIRST_CAPABILITY: usize = 0x34;

/// QEMU with a hosted vGPU, over vfio-user, which leaves nothing of it.
pub fn hosted(context: &Context) -> Result<Count> {
    let mut guest = context.guest(Boot::Guest(GUEST_KERNEL))?.without_i915();
    guest.vm.gpu = GPU.to_owned();
    guest.vm.vgpus = Some(Vgpus {
        kind: Some(KIND.to_owned()),
        ..Vgpus::smallest(1)
    });
    let shell = guest.check(&format!("B=/run/lab/busybox\n{SCRIPT}"))?;
    let count = on_the_bus(&shell)?;
    shell.nothing_lost()?;
    Ok(count.plus(Count::ONE))
}

/// The host VM's QEMU, with a vGPU of the kernel's, through VFIO.
pub fn in_nested_qemu(context: &Context) -> Result<Count> {
    let script = format!("B={}\n{SCRIPT}", nested::BUSYBOX);
    let nested = Nested {
        modules: &[],
        ..Nested::default()
    };
    let (shell, count) = nested.run(context, &script)?;
    let complaints = nested::number(&shell, "complaints")?;
    ensure!(complaints == 0, "kvmgt complains {complaints} times");
    Ok(count.plus(on_the_bus(&shell)?))
}

/// Ids, BARs and capabilities are what they should be, and registers can be read.
fn on_the_bus(shell: &Shell) -> Result<Count> {
    for (name, wanted) in [("vendor", 0x8086), ("device", 0x5916), ("class", 0x03_0000)] {
        let found = number(&shell.value(name)?)?;
        ensure!(found == wanted, "{name} is {found:#x}, not {wanted:#x}");
    }
    check_bars(shell)?;
    let found = capabilities(&bytes(&shell.value("config")?)?)?;
    ensure!(
        found == CAPABILITIES,
        "the capabilities are {found:x?}, not {CAPABILITIES:x?}"
    );
    for (offset, wanted) in PVINFO {
        let found = number(&shell.value(offset)?)?;
        ensure!(
            found == wanted,
            "the register {offset} is {found:#x}, not {wanted:#x}"
        );
    }
    Ok(Count {
        passed: 4,
        failed: 0,
    })
}

/// The two BARs have an address, their kind and their size, and there are no others.
fn check_bars(shell: &Shell) -> Result<()> {
    let stdout = shell.stdout();
    let resources = stdout
        .lines()
        .filter_map(|line| line.strip_prefix("resource="))
        .map(resource)
        .collect::<Result<Vec<_>>>()?;
    for (index, resource) in resources.iter().enumerate() {
        let Resource { start, size, flags } = *resource;
        match BARS.iter().find(|(bar, _)| *bar == index) {
            Some((bar, wanted)) => {
                ensure!(
                    start != 0 && size == *wanted,
                    "BAR {bar} is at {start:#x} with {size:#x} bytes, not {wanted:#x}"
                );
                let kind = flags & (MEMORY_64 | PREFETCHABLE);
                let wanted = match bar {
                    0 => MEMORY_64,
                    _ => MEMORY_64 | PREFETCHABLE,
                };
                ensure!(kind == wanted, "the kind of BAR {bar} is {flags:#x}");
            }
            // The legacy VGA memory shows as the ROM of a boot display.
            None if index == ROM => {}
            None => ensure!(size == 0, "there is a BAR {index} of {size:#x} bytes"),
        }
    }
    ensure!(resources.len() > ROM, "the bus shows no resources");
    Ok(())
}

/// The resource of an expansion ROM.
const ROM: usize = 6;

/// A line of a device's `resource`.
struct Resource {
    start: u64,
    size: u64,
    flags: u64,
}

fn resource(line: &str) -> Result<Resource> {
    let numbers = line
        .split_whitespace()
        .map(number)
        .collect::<Result<Vec<_>>>()?;
    match numbers[..] {
        [0, 0, flags] => Ok(Resource {
            start: 0,
            size: 0,
            flags,
        }),
        [start, end, flags] if end >= start => Ok(Resource {
            start,
            size: end - start + 1,
            flags,
        }),
        _ => anyhow::bail!("`{line}` is no resource"),
    }
}

/// The ids of the capabilities in configuration space, sorted.
fn capabilities(config: &[u8]) -> Result<Vec<u8>> {
    let mut ids = Vec::new();
    let mut next = config.get(FIRST_CAPABILITY).copied().unwrap_or(0);
    while next != 0 {
        let at = usize::from(next);
        let entry = config.get(at..at + 2);
        let entry = entry.context("a capability is beyond the end")?;
        ensure!(ids.len() < config.len(), "the list has no end");
        ids.push(entry[0]);
        next = entry[1];
    }
    ids.sort_unstable();
    Ok(ids)
}

/// A number in hexadecimal digits.
fn number(text: &str) -> Result<u64> {
    let digits = text.trim().trim_start_matches("0x");
    u64::from_str_radix(digits, 16).with_context(|| format!("`{text}` is no number"))
}

/// Bytes in hexadecimal digits.
fn bytes(text: &str) -> Result<Vec<u8>> {
    let digit = |at: usize| text.get(at..at + 2).context("half a byte");
    (0..text.len())
        .step_by(2)
        .map(|at| Ok(u8::from_str_radix(digit(at)?, 16)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_when_list_is_short_then_sorted_ids() {
        let mut config = vec![0; 256];
        config[FIRST_CAPABILITY] = 0xac;
        config[0xac..0xae].copy_from_slice(&[0x05, 0xd0]);
        config[0xd0..0xd2].copy_from_slice(&[0x01, 0]);
        assert_eq!(capabilities(&config).unwrap(), [0x01, 0x05]);
    }

    #[test]
    fn capabilities_when_list_is_a_ring_then_error() {
        let mut config = vec![0; 256];
        config[FIRST_CAPABILITY] = 0x40;
        config[0x40..0x42].copy_from_slice(&[0x05, 0x40]);
        assert!(capabilities(&config).is_err());
    }

    #[test]
    fn resource_when_empty_then_no_bytes() {
        assert_eq!(resource("0x0 0x0 0x0").unwrap().size, 0);
        assert_eq!(
            resource("0xe0000000 0xe0ffffff 0x40200").unwrap().size,
            16 << 20
        );
    }
}
