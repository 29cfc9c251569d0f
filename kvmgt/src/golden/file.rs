// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The golden-state file: its header and the checks that a file must pass.
//!
//! The format is that of the C GVT-g: 48 bytes of header, 4 KiB of configuration space, 2 MiB of
//! registers, all little-endian. The C driver only ever wrote one layout, so a file in any other
//! is damaged.

use core::fmt;
use iface::registers::MMIO_SIZE;
use iface::snapshot::Crc32;

/// First field of a file: "vGTvGTvG" (observed: i915, the same word as PVINFO's).
pub(super) const MAGIC: u64 = 0x4776_5447_7654_4776;
/// The one version of the format there ever was.
pub(super) const VERSION: u32 = 0;
/// Bytes of the header.
pub(super) const HEADER_SIZE: usize = 48;
/// Bytes of the configuration space.
pub const CONFIG_SIZE: usize = 4096;
/// Where the configuration space starts in the file.
pub(super) const CONFIG_OFFSET: usize = HEADER_SIZE;
/// Where the registers start in the file.
pub(super) const MMIO_OFFSET: usize = CONFIG_OFFSET + CONFIG_SIZE;
/// Bytes of a file.
pub const FILE_SIZE: usize = MMIO_OFFSET + MMIO_SIZE as usize;
/// Where the checksum starts: everything behind the checksum field itself.
pub(super) const CHECKED_OFFSET: usize = 12;

/// What the checksum starts from: the file has the kernel's `crc32_le`, which inverts neither its
/// start nor its end.
pub(super) const SEED: u32 = 0;

/// Where the checksum field is.
const CHECKSUM_OFFSET: usize = 8;

/// A PCI function by what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PciIds {
    /// Vendor.
    pub vendor: u16,
    /// Device.
    pub device: u16,
    /// Revision.
    pub revision: u8,
}

impl PciIds {
    /// The identification that a configuration space carries, if it is long enough.
    pub fn of_config(config: &[u8]) -> Option<Self> {
        // Vendor, device, command, status (two bytes each), revision: the PCI standard header.
        let [v0, v1, d0, d1, _, _, _, _, revision, ..] = *config else {
            return None;
        };
        Some(Self {
            vendor: u16::from_le_bytes([v0, v1]),
            device: u16::from_le_bytes([d0, d1]),
            revision,
        })
    }
}

impl fmt::Display for PciIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            vendor,
            device,
            revision,
        } = self;
        write!(f, "{vendor:04x}:{device:04x} rev {revision:02x}")
    }
}

/// The name under which an administrator's file is looked for, below the firmware folders.
#[derive(Clone, Copy, Debug)]
pub struct FileName(pub PciIds);

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PciIds {
            vendor,
            device,
            revision,
        } = self.0;
        write!(
            f,
            "i915/gvt/vid_{vendor:#06x}_did_{device:#06x}_rid_{revision:#04x}.golden_hw_state"
        )
    }
}

/// Why a file is not accepted. Its text fits one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadFile {
    /// It is shorter or longer than every file is.
    Size {
        /// Bytes of the file.
        found: usize,
    },
    /// It does not start as such a file does.
    Magic,
    /// A field of the header has another value than the one it can have.
    Field {
        /// Which.
        name: &'static str,
        /// What it says.
        found: u64,
        /// What it must say.
        expected: u64,
    },
    /// The contents are not what was saved.
    Checksum {
        /// What the header says.
        stored: u32,
        /// What the contents give.
        computed: u32,
    },
    /// It is of another GPU.
    Device {
        /// The GPU it was saved from.
        found: PciIds,
        /// The GPU it was offered to.
        expected: PciIds,
    },
}

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { found } => write!(f, "it has {found} bytes instead of {FILE_SIZE}"),
            Self::Magic => f.write_str("it is not a golden state"),
            Self::Field {
                name,
                found,
                expected,
            } => write!(f, "its {name} is {found:#x} instead of {expected:#x}"),
            Self::Checksum { stored, computed } => write!(
                f,
                "its checksum is {stored:#010x}, but its contents give {computed:#010x}"
            ),
            Self::Device { found, expected } => {
                write!(f, "it is of {found}, this GPU is {expected}")
            }
        }
    }
}

/// The header of a file with the given checksum.
pub(super) fn header(checksum: u32) -> [u8; HEADER_SIZE] {
    let mut bytes = [0; HEADER_SIZE];
    let fields = MAGIC
        .to_le_bytes()
        .into_iter()
        .chain(checksum.to_le_bytes())
        .chain(VERSION.to_le_bytes())
        .chain(
            layout()
                .into_iter()
                .flat_map(|(_, value)| value.to_le_bytes()),
        );
    for (to, from) in bytes.iter_mut().zip(fields) {
        *to = from;
    }
    bytes
}

/// The four fields that say where the parts are, in the order of the header.
fn layout() -> [(&'static str, u64); 4] {
    [
        ("configuration space size", CONFIG_SIZE as u64),
        ("configuration space offset", CONFIG_OFFSET as u64),
        ("register size", u64::from(MMIO_SIZE)),
        ("register offset", MMIO_OFFSET as u64),
    ]
}

/// The parts of a file that passed every check.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    /// The configuration space.
    pub(super) config: &'a [u8; CONFIG_SIZE],
    /// The registers, [`MMIO_SIZE`] bytes.
    pub(super) mmio: &'a [u8],
}

impl<'a> Parts<'a> {
    /// Checks all of `file`, which may be anything, as a golden state of the GPU `ids`.
    ///
    /// # Errors
    ///
    /// What is wrong with it first: size, then header from front to back, checksum, device.
    pub(super) fn check(file: &'a [u8], ids: PciIds) -> Result<Self, BadFile> {
        let size = BadFile::Size { found: file.len() };
        if file.len() != FILE_SIZE {
            return Err(size);
        }
        let (head, body) = file.split_first_chunk::<HEADER_SIZE>().ok_or(size)?;
        let (config, mmio) = body.split_first_chunk::<CONFIG_SIZE>().ok_or(size)?;
        let stored = check_header(head)?;
        let checked = file.get(CHECKED_OFFSET..).ok_or(size)?;
        let computed = Crc32::with_seed(SEED).update(checked).raw();
        if stored != computed {
            return Err(BadFile::Checksum { stored, computed });
        }
        let found = PciIds::of_config(config).ok_or(size)?;
        if found != ids {
            return Err(BadFile::Device {
                found,
                expected: ids,
            });
        }
        Ok(Self { config, mmio })
    }
}

/// The checksum that a header states, if all else in it is as it must be.
fn check_header(head: &[u8; HEADER_SIZE]) -> Result<u32, BadFile> {
    // A header is six words, the second of which is checksum and version.
    let mut words = [[0; 8]; HEADER_SIZE / 8];
    for (word, bytes) in words.iter_mut().zip(head.chunks_exact(8)) {
        word.copy_from_slice(bytes);
    }
    let [magic, [c0, c1, c2, c3, v0, v1, v2, v3], places @ ..] = words;
    if u64::from_le_bytes(magic) != MAGIC {
        return Err(BadFile::Magic);
    }
    let version = u32::from_le_bytes([v0, v1, v2, v3]);
    let version = ("version", u64::from(version), u64::from(VERSION));
    let places = layout()
        .into_iter()
        .zip(places)
        .map(|((name, expected), found)| (name, u64::from_le_bytes(found), expected));
    for (name, found, expected) in core::iter::once(version).chain(places) {
        if found != expected {
            return Err(BadFile::Field {
                name,
                found,
                expected,
            });
        }
    }
    Ok(u32::from_le_bytes([c0, c1, c2, c3]))
}

/// Whether a read of `len` bytes at `offset` of the file touches the checksum.
pub(super) fn touches_checksum(offset: usize, len: usize) -> bool {
    offset < CHECKED_OFFSET && offset.saturating_add(len) > CHECKSUM_OFFSET
}
