// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Secrets that firmware or an earlier driver has left in registers.
//!
//! Registers that can hold addresses or data of the host come up with values that a search finds
//! again: their top 12 bits are [`TAG`]. Whatever leaves the host, none of them may be in it.

use iface::registers::{self, Source};

use crate::address::MmioOffset;
use crate::platform::PlatformId;

use super::hash;

/// The top 12 bits of every secret.
///
/// i915 looks for the OpRegion where ASLS says that it is: firmware keeps such memory to itself, and
/// so must a machine with this GPU keep that of these addresses.
pub const TAG: u32 = 0x5ec << 20;
/// Where the tag is.
pub const TAG_MASK: u32 = 0xfff << 20;

/// What a planted value must look like to be believable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Any value.
    Any,
    /// An address of a page.
    Page,
    /// An address or a descriptor whose low bits are flags; all of them are off.
    Quiet,
}

/// Display registers that hold addresses or scratch data; their golden value is a default, so
/// they are not on the scrub list.
const DISPLAY: &[(u32, u32, Shape)] = &[
    (0x4_f000, 144, Shape::Any), // SWF: software flags, scratch.
    (0x7_0084, 4, Shape::Page),  // CUR_BASE, pipes A to C.
    (0x7_1084, 4, Shape::Page),
    (0x7_2084, 4, Shape::Page),
    (0x7_019c, 4, Shape::Page), // PLANE_SURF, planes 1 to 3 of each pipe.
    (0x7_029c, 4, Shape::Page),
    (0x7_039c, 4, Shape::Page),
    (0x7_119c, 4, Shape::Page),
    (0x7_129c, 4, Shape::Page),
    (0x7_139c, 4, Shape::Page),
    (0x7_219c, 4, Shape::Page),
    (0x7_229c, 4, Shape::Page),
    (0x7_239c, 4, Shape::Page),
];

/// Scrubbed registers whose low bits are not part of an address but act.
///
/// Valid bits are off: a fence or a context that were valid would be used.
const SHAPES: &[(u32, u32, Shape)] = &[
    (0x2180, 4, Shape::Quiet),      // CCID: valid.
    (0x4_3200, 4, Shape::Page),     // Buffer of frame buffer compression.
    (0x10_0000, 256, Shape::Quiet), // Fences: valid, tiling, pitch.
    (0x10_82c0, 4, Shape::Quiet),   // Reserved stolen memory: enabled.
];

/// The shapes of the engines' registers, by their distance from the base.
const ENGINE_SHAPES: &[(u32, u32, Shape)] = &[
    (0x38, 4, Shape::Page),   // RING_START.
    (0x80, 4, Shape::Page),   // HWS_PGA.
    (0x128, 4, Shape::Page),  // FBC render target.
    (0x134, 4, Shape::Quiet), // UHPTR: valid.
    (0x140, 4, Shape::Quiet), // BB_ADDR: valid.
    (0x234, 4, Shape::Quiet), // EXECLIST_STATUS: active, valid.
];

/// The secrets of a platform: offset and value, at power-on.
pub fn secrets(platform: PlatformId, seed: u64) -> impl Iterator<Item = (MmioOffset, u32)> {
    scrubbed(platform)
        .chain(display_dwords())
        .map(move |(offset, shape)| (MmioOffset(offset), secret(seed, u64::from(offset), shape)))
}

/// Whether a value is a planted one, in all likelihood: no reset value looks like it.
pub fn is_secret(value: u32) -> bool {
    value & TAG_MASK == TAG
}

/// Secrets in configuration space: offset and value of a dword.
///
/// BDSM, MSI address and ASLS.
pub fn config_secrets(seed: u64) -> impl Iterator<Item = (usize, u32)> {
    /// Keeps these apart from the register at the same offset.
    const CONFIG: u64 = 1 << 32;
    /// Base of stolen memory: whole MiB, bit 0 is a lock.
    const BDSM: usize = 0x5c;
    const MSI_ADDRESS: usize = 0xb0;
    const ASLS: usize = 0xfc;
    [
        (BDSM, 0xfff0_0000),
        (MSI_ADDRESS, 0xffff_fffc),
        (ASLS, 0xffff_f000),
    ]
    .into_iter()
    .map(move |(at, mask)| (at, secret(seed, CONFIG | at as u64, Shape::Any) & mask))
}

fn secret(seed: u64, index: u64, shape: Shape) -> u32 {
    let noise = match shape {
        Shape::Any => 0x000f_ffff,
        Shape::Page | Shape::Quiet => 0x000f_f000,
    };
    TAG | hash(seed ^ u64::from(TAG), index) & noise
}

/// The scrub list: dwords, and what they may look like.
fn scrubbed(platform: PlatformId) -> impl Iterator<Item = (u32, Shape)> {
    registers::rows(super::contract_platform(platform), true)
        .filter(|row| matches!(row.source, Source::Scrubbed))
        .flat_map(|row| (row.offset..row.offset + row.size).step_by(4))
        .map(|offset| (offset, shape(offset)))
}

fn display_dwords() -> impl Iterator<Item = (u32, Shape)> {
    DISPLAY.iter().flat_map(|(offset, size, shape)| {
        (*offset..offset + size)
            .step_by(4)
            .map(move |offset| (offset, *shape))
    })
}

fn shape(offset: u32) -> Shape {
    let of = |rules: &[(u32, u32, Shape)], at: u32| {
        rules
            .iter()
            .find(|(start, size, _)| (*start..start + size).contains(&at))
            .map(|(_, _, shape)| *shape)
    };
    let of_engine = super::legal::ENGINE_BASES
        .iter()
        .filter_map(|base| offset.checked_sub(*base))
        .find(|distance| *distance < 0x1000)
        .and_then(|distance| of(ENGINE_SHAPES, distance));
    of_engine
        .or_else(|| of(SHAPES, offset))
        .unwrap_or(Shape::Any)
}
