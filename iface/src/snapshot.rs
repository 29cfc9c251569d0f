// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The golden snapshot's format, and a checked reader of it.
//!
//! One piece of memory: a [`BlobHeader`], the configuration space, the [`BlobRange`]s sorted by
//! offset, and the values of all their registers one after the other, each four bytes. Everything
//! is in native byte order and aligned to four bytes. It describes itself: nothing outside of it
//! is needed to read it. What it does not hold takes the default of the register table.

use crate::layout::structure;
use crate::registers::{Platform, Range, DWORD, MMIO_SIZE};

/// First four bytes of a snapshot, `GSNP` read as a big-endian number.
pub const BLOB_MAGIC: u32 = u32::from_be_bytes(*b"GSNP");
/// Version of the format.
pub const BLOB_VERSION: u32 = 1;
/// Bytes of configuration space that are taken: a root-complex integrated device without express
/// capability has no more.
pub const CONFIG_SIZE: usize = 256;

/// [`BlobHeader::flags`]: the GPU has a second video engine.
pub const BLOB_VCS1: u32 = 1 << 0;

structure! {
    /// The snapshot's first bytes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct BlobHeader {
        /// [`BLOB_MAGIC`].
        since 0 pub magic: u32,
        /// [`BLOB_VERSION`].
        since 0 pub version: u32,
        /// Bytes of all of it.
        since 0 pub size: u32,
        /// Checksum ([`checksum`]) over everything behind this field.
        since 0 pub checksum: u32,
        /// [`Platform`] as a number.
        since 0 pub platform: u32,
        /// An or of `BLOB_*` flags.
        since 0 pub flags: u32,
        /// [`REVISION`](crate::registers::REVISION) of the register table it was taken by.
        since 0 pub table_revision: u32,
        /// Bytes of configuration space, behind this header.
        since 0 pub config_size: u32,
        /// How many ranges follow.
        since 0 pub range_count: u32,
        /// How many values follow.
        since 0 pub value_count: u32,
    }
}

structure! {
    /// A run of registers in the snapshot.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct BlobRange {
        /// Offset of the first.
        since 0 pub offset: u32,
        /// How many.
        since 0 pub count: u32,
    }
}

const _: () = {
    assert!(size_of::<BlobHeader>() == 40);
    assert!(size_of::<BlobRange>() == 8);
};

const HEADER_SIZE: usize = size_of::<BlobHeader>();
const RANGE_SIZE: usize = size_of::<BlobRange>();
const VALUE_SIZE: usize = DWORD as usize;
/// Where the checksummed part begins: behind `magic`, `version`, `size` and `checksum`.
const CHECKED_FROM: usize = 16;

/// Bytes of a snapshot with so many ranges and values, if that fits 32 bits.
pub const fn blob_size(ranges: usize, values: usize) -> Option<usize> {
    let Some(ranges) = ranges.checked_mul(RANGE_SIZE) else {
        return None;
    };
    let Some(values) = values.checked_mul(VALUE_SIZE) else {
        return None;
    };
    let Some(tail) = ranges.checked_add(values) else {
        return None;
    };
    let Some(size) = tail.checked_add(HEADER_SIZE + CONFIG_SIZE) else {
        return None;
    };
    if size > u32::MAX as usize {
        return None;
    }
    Some(size)
}

/// The checksum of a snapshot's checked part: CRC-32 as in IEEE 802.3.
pub fn checksum(bytes: &[u8]) -> u32 {
    Crc32::new().update(bytes).value()
}

/// CRC-32 as in IEEE 802.3 (reflected, polynomial 0x04c11db7), over pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crc32(u32);

/// The polynomial with its bits reversed.
const CRC_POLYNOMIAL: u32 = 0xedb8_8320;

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 != 0 {
                (crc >> 1) ^ CRC_POLYNOMIAL
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

impl Default for Crc32 {
    fn default() -> Self {
        Self::new()
    }
}

impl Crc32 {
    /// The checksum of nothing.
    pub const fn new() -> Self {
        Self(!0)
    }

    /// Starts from a register content other than all ones, as `crc32_le` of Linux takes it.
    pub const fn with_seed(seed: u32) -> Self {
        Self(seed)
    }

    /// Adds bytes.
    #[must_use]
    pub fn update(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            let index = (self.0 ^ u32::from(*byte)) & 0xff;
            // The index is one of 256; `get` can't fail, and the compiler sees it.
            let step = CRC_TABLE.get(index as usize).copied().unwrap_or_default();
            self.0 = (self.0 >> 8) ^ step;
        }
        self
    }

    /// The checksum with its bits inverted at the end, as the standard has it.
    pub const fn value(self) -> u32 {
        !self.0
    }

    /// The register's content, as `crc32_le` of Linux returns it.
    pub const fn raw(self) -> u32 {
        self.0
    }
}

/// Why bytes are no snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// They end before what the header promises, or there are more.
    Size,
    /// They do not begin as a snapshot does.
    Magic,
    /// A version of the format that this reader does not know.
    Version(u32),
    /// The checksum differs.
    Checksum,
    /// A platform that the contract does not know.
    Platform(u32),
    /// A range is empty, odd, out of register space or out of order.
    Range(u32),
    /// The ranges do not add up to the number of values.
    Values,
}

/// A snapshot whose structure was checked.
#[derive(Clone, Copy, Debug)]
pub struct Blob<'a> {
    header: BlobHeader,
    platform: Platform,
    config: &'a [u8],
    ranges: &'a [u8],
    values: &'a [u8],
}

/// A number at byte `at`.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let end = at.checked_add(VALUE_SIZE)?;
    Some(u32::from_ne_bytes(bytes.get(at..end)?.try_into().ok()?))
}

impl<'a> Blob<'a> {
    /// Checks all of `bytes`.
    ///
    /// # Errors
    ///
    /// What is wrong first.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Damage> {
        let field = |n: usize| word(bytes, n * VALUE_SIZE).ok_or(Damage::Size);
        let header = BlobHeader {
            magic: field(0)?,
            version: field(1)?,
            size: field(2)?,
            checksum: field(3)?,
            platform: field(4)?,
            flags: field(5)?,
            table_revision: field(6)?,
            config_size: field(7)?,
            range_count: field(8)?,
            value_count: field(9)?,
        };
        if header.magic != BLOB_MAGIC {
            return Err(Damage::Magic);
        }
        if header.version != BLOB_VERSION {
            return Err(Damage::Version(header.version));
        }
        let size = blob_size(header.range_count as usize, header.value_count as usize);
        if size != Some(bytes.len())
            || header.size as usize != bytes.len()
            || header.config_size as usize != CONFIG_SIZE
        {
            return Err(Damage::Size);
        }
        let checked = bytes.get(CHECKED_FROM..).ok_or(Damage::Size)?;
        if checksum(checked) != header.checksum {
            return Err(Damage::Checksum);
        }
        let platform =
            Platform::from_number(header.platform).ok_or(Damage::Platform(header.platform))?;
        let (_, tail) = bytes.split_at_checked(HEADER_SIZE).ok_or(Damage::Size)?;
        let (config, tail) = tail.split_at_checked(CONFIG_SIZE).ok_or(Damage::Size)?;
        let (ranges, values) = tail
            .split_at_checked(header.range_count as usize * RANGE_SIZE)
            .ok_or(Damage::Size)?;
        let blob = Self {
            header,
            platform,
            config,
            ranges,
            values,
        };
        blob.check_ranges()?;
        Ok(blob)
    }

    fn check_ranges(&self) -> Result<(), Damage> {
        let mut behind = 0;
        let mut values: u32 = 0;
        for (index, range) in (0..).zip(self.raw_ranges()) {
            let damage = Damage::Range(index);
            let bytes = range.count.checked_mul(DWORD).ok_or(damage)?;
            let end = range.offset.checked_add(bytes).ok_or(damage)?;
            if bytes == 0 || range.offset % DWORD != 0 || range.offset < behind || end > MMIO_SIZE {
                return Err(damage);
            }
            behind = end;
            values = values.checked_add(range.count).ok_or(Damage::Values)?;
        }
        if values != self.header.value_count {
            return Err(Damage::Values);
        }
        Ok(())
    }

    fn raw_ranges(&self) -> impl Iterator<Item = BlobRange> + 'a {
        self.ranges.chunks_exact(RANGE_SIZE).filter_map(|bytes| {
            Some(BlobRange {
                offset: word(bytes, 0)?,
                count: word(bytes, VALUE_SIZE)?,
            })
        })
    }

    /// The header.
    pub fn header(&self) -> &BlobHeader {
        &self.header
    }

    /// The GPU's platform.
    pub fn platform(&self) -> Platform {
        self.platform
    }

    /// Whether the GPU has a second video engine.
    pub fn has_vcs1(&self) -> bool {
        self.header.flags & BLOB_VCS1 != 0
    }

    /// The configuration space, [`CONFIG_SIZE`] bytes.
    pub fn config(&self) -> &'a [u8] {
        self.config
    }

    /// The runs of registers, sorted by offset.
    pub fn ranges(&self) -> impl Iterator<Item = Range> + 'a {
        self.raw_ranges().map(|r| Range {
            offset: r.offset,
            size: r.count.saturating_mul(DWORD),
        })
    }

    /// The registers and their values, sorted by offset.
    pub fn registers(&self) -> impl Iterator<Item = (u32, u32)> + 'a {
        self.ranges()
            .flat_map(|r| (r.offset..r.end()).step_by(VALUE_SIZE))
            .zip(
                self.values
                    .chunks_exact(VALUE_SIZE)
                    .filter_map(|bytes| word(bytes, 0)),
            )
    }

    /// The value of the register at `offset`, or nothing if the snapshot lacks it.
    pub fn value(&self, offset: u32) -> Option<u32> {
        let mut first: u32 = 0;
        for range in self.ranges() {
            if range.contains(offset) {
                let index = first.checked_add((offset - range.offset) / DWORD)?;
                return word(self.values, (index as usize).checked_mul(VALUE_SIZE)?);
            }
            first = first.checked_add(range.size / DWORD)?;
        }
        None
    }
}

/// Writes a snapshot into memory of the right size.
pub struct BlobWriter<'a> {
    bytes: &'a mut [u8],
    header: BlobHeader,
    /// Where the next range goes.
    next_range: usize,
    /// Where the next value goes.
    next_value: usize,
}

impl<'a> BlobWriter<'a> {
    /// Begins a snapshot of `range_count` ranges with `value_count` values in `bytes`, whose length
    /// must be [`blob_size`] of them.
    pub fn new(
        bytes: &'a mut [u8],
        platform: Platform,
        vcs1: bool,
        range_count: usize,
        value_count: usize,
        config: &[u8; CONFIG_SIZE],
    ) -> Option<Self> {
        if blob_size(range_count, value_count)? != bytes.len() {
            return None;
        }
        let header = BlobHeader {
            magic: BLOB_MAGIC,
            version: BLOB_VERSION,
            size: bytes.len() as u32,
            checksum: 0,
            platform: platform as u32,
            flags: if vcs1 { BLOB_VCS1 } else { 0 },
            table_revision: crate::registers::REVISION,
            config_size: CONFIG_SIZE as u32,
            range_count: range_count as u32,
            value_count: value_count as u32,
        };
        let ranges = HEADER_SIZE + CONFIG_SIZE;
        bytes.get_mut(HEADER_SIZE..ranges)?.copy_from_slice(config);
        Some(Self {
            bytes,
            header,
            next_range: ranges,
            next_value: ranges + range_count * RANGE_SIZE,
        })
    }

    fn put(&mut self, at: usize, value: u32) -> Option<()> {
        self.bytes
            .get_mut(at..at + VALUE_SIZE)?
            .copy_from_slice(&value.to_ne_bytes());
        Some(())
    }

    /// Adds a range, and its values by asking `read` for each register.
    pub fn range(&mut self, range: Range, mut read: impl FnMut(u32) -> u32) -> Option<()> {
        self.put(self.next_range, range.offset)?;
        self.put(self.next_range + VALUE_SIZE, range.size / DWORD)?;
        self.next_range += RANGE_SIZE;
        for offset in (range.offset..range.end()).step_by(VALUE_SIZE) {
            let value = read(offset);
            self.put(self.next_value, value)?;
            self.next_value += VALUE_SIZE;
        }
        Some(())
    }

    /// Writes header and checksum; nothing if ranges or values are missing.
    pub fn finish(mut self) -> Option<()> {
        let values = HEADER_SIZE + CONFIG_SIZE + self.header.range_count as usize * RANGE_SIZE;
        if self.next_range != values || self.next_value != self.bytes.len() {
            return None;
        }
        let header = self.header;
        let fields = [
            header.magic,
            header.version,
            header.size,
            0,
            header.platform,
            header.flags,
            header.table_revision,
            header.config_size,
            header.range_count,
            header.value_count,
        ];
        for (n, field) in fields.into_iter().enumerate() {
            self.put(n * VALUE_SIZE, field)?;
        }
        let sum = checksum(self.bytes.get(CHECKED_FROM..)?);
        self.put(3 * VALUE_SIZE, sum)
    }
}

#[cfg(test)]
mod tests;
