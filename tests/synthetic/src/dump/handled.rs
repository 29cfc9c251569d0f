// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Which registers do something: the list that kvmgt's own tests hold its behaviours against.

use std::collections::BTreeSet;

use iface::registers::Platform;

use super::DWORD;

/// A line for each: offset, bytes, platforms, second video engine, handler of reads, of writes.
const LIST: &str = include_str!("../../../../kvmgt/src/mmio/tests/special.tsv");

/// A register, or an array of them, that does something.
pub(super) struct Handled {
    /// Offset of the first byte.
    pub(super) offset: u64,
    /// Bytes.
    pub(super) size: u64,
    /// What the C driver calls its handlers.
    pub(super) handlers: String,
}

impl Handled {
    /// Offsets of its dwords.
    pub(super) fn dwords(&self) -> impl Iterator<Item = u64> {
        (self.offset..self.offset + self.size).step_by(DWORD as usize)
    }
}

/// Those of a GPU with one video engine.
///
/// # Panics
/// If the list is not of that form.
pub(super) fn list(platform: Platform) -> Vec<Handled> {
    LIST.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let words: Vec<&str> = line.split('\t').collect();
            let [offset, size, platforms, engine, read, write] = words[..] else {
                panic!("a line of the list reads {line}");
            };
            let is_there = platforms.split(',').any(|name| name == platform.name());
            let offset = u64::from_str_radix(offset.trim_start_matches("0x"), 16);
            let names = [read, write].into_iter().filter(|name| *name != "-");
            (is_there && engine != "2").then(|| Handled {
                offset: offset.expect("an offset is hexadecimal"),
                size: size.parse().expect("a size is a number"),
                handlers: names.collect::<Vec<_>>().join("+"),
            })
        })
        .collect()
}

/// Offsets of all of their dwords.
pub(super) fn offsets(platform: Platform) -> BTreeSet<u64> {
    list(platform).iter().flat_map(Handled::dwords).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_when_platform_is_kbl_then_rows_of_one_video_engine() {
        let offsets = offsets(Platform::Kbl);

        assert!(offsets.contains(&0x2080) && offsets.contains(&0x1_2080));
        assert!(!offsets.contains(&0x1_c080), "a second video engine");
        assert!(!offsets.contains(&0x4_5400), "only Broadwell has it");
    }
}
