// SPDX-License-Identifier: GPL-2.0 OR MIT
//! PVINFO: the page by which a guest's driver finds out that its GPU is a vGPU, what of it is its
//! own, and tells the mediator about itself.
//!
//! Offsets are those of the structure `vgt_if` that guests have (i915: `i915_pvinfo.h`).

use crate::address::MmioOffset;
use crate::gtt::ppgtt::Root;
use crate::guest::Event;
use crate::message::{Complaint, Failsafe};
use crate::mmio::context::{Context, Share};
use crate::mmio::registers::{named, RegisterFile};
use crate::mmio::request::{Notice, Request};
use crate::mmio::written::Written;
use core::ops::{Range, RangeInclusive};
use iface::registers::DWORD;

/// The page.
const PAGE: MmioOffset = named("PVINFO");

/// What the page begins with: `vGTvGTvG`.
const MAGIC: u64 = 0x4776_5447_7654_4776;
/// Version 1.0 of the page: major in the lower half, minor in the upper.
const VERSION: u32 = 1;
/// The guest must use PPGTTs, which are its own in full.
const CAPS_FULL_PPGTT: u32 = 1 << 2;
/// Context status is written to the hardware status page.
const CAPS_HWSP_EMULATION: u32 = 1 << 3;
/// PPGTTs may have pages of 64 KiB and 2 MiB.
const CAPS_HUGE_GTT: u32 = 1 << 4;
/// A cursor's hot spot that the guest has not told.
const NO_HOT_SPOT: u32 = u32::MAX;

/// Offset in the page: [`MAGIC`], lower half first.
const AT_MAGIC: u32 = 0x000;
/// Offset in the page: [`VERSION`].
const AT_VERSION: u32 = 0x008;
/// Offset in the page: number of the vGPU.
const AT_VGT_ID: u32 = 0x00c;
/// Offset in the page: what the vGPU can do.
const AT_CAPS: u32 = 0x010;
/// Offset in the page: first address of the own part of the aperture.
const AT_MAPPABLE_BASE: u32 = 0x040;
/// Offset in the page: bytes of that.
const AT_MAPPABLE_SIZE: u32 = 0x044;
/// Offset in the page: first address of the own part of the GGTT behind the aperture.
const AT_NONMAPPABLE_BASE: u32 = 0x048;
/// Offset in the page: bytes of that.
const AT_NONMAPPABLE_SIZE: u32 = 0x04c;
/// Offset in the page: fences.
const AT_FENCES: u32 = 0x050;
/// Offset in the page: whether the guest's driver has a picture to show.
const AT_DISPLAY_READY: u32 = 0x804;
/// Offsets in the page: guests that want more than they have ask here.
const AT_REQUEST: RangeInclusive<u32> = 0x808..=0x814;
/// Offset in the page: notifications, see [`Notification`].
const AT_NOTIFY: u32 = 0x818;
/// Offset in the page: read by old guests, and zero.
const AT_LEGACY: u32 = 0x81c;
/// Offset in the page: the cursor's hot spot, in pixels from its left side.
const AT_CURSOR_X_HOT: u32 = 0x830;
/// Offset in the page: the cursor's hot spot, in pixels from its upper side.
const AT_CURSOR_Y_HOT: u32 = 0x834;
/// Offset in the page: the page directories that notifications are about, 8 bytes each; of a PPGTT
/// with four levels the first is the PML4 table.
const AT_DIRECTORIES: u32 = 0x838;
/// Offsets in the page: what notifications are about: four page directories, 8 bytes each, and the
/// descriptor of a context.
const AT_ARGUMENTS: RangeInclusive<u32> = AT_DIRECTORIES..=0x85c;

/// Fills the page.
pub(crate) fn fill(registers: &mut RegisterFile, vgpu: u32, share: &Share) {
    let low = |value: u64| value as u32;
    let high = |value: u64| (value >> u32::BITS) as u32;
    let size = |range: &Range<u64>| range.end.saturating_sub(range.start);
    let fields = [
        (AT_MAGIC, low(MAGIC)),
        (AT_MAGIC.saturating_add(DWORD), high(MAGIC)),
        (AT_VERSION, VERSION),
        (AT_VGT_ID, vgpu),
        (
            AT_CAPS,
            CAPS_FULL_PPGTT | CAPS_HWSP_EMULATION | CAPS_HUGE_GTT,
        ),
        // The GGTT has 4 GiB, so addresses in it fit.
        (AT_MAPPABLE_BASE, low(share.aperture.start)),
        (AT_MAPPABLE_SIZE, low(size(&share.aperture))),
        (AT_NONMAPPABLE_BASE, low(share.high.start)),
        (AT_NONMAPPABLE_SIZE, low(size(&share.high))),
        (AT_FENCES, share.fences),
        (AT_DISPLAY_READY, 0),
        (AT_CURSOR_X_HOT, NO_HOT_SPOT),
        (AT_CURSOR_Y_HOT, NO_HOT_SPOT),
    ];
    for (at, value) in fields {
        registers.set(MmioOffset(PAGE.0.saturating_add(at)), value);
    }
}

/// Where in the cursor's picture its hot spot is, from the left and from above, if the guest tells.
pub(crate) fn hot_spot(registers: &RegisterFile) -> Option<(u32, u32)> {
    let told = |at: u32| {
        let value = registers.get(MmioOffset(PAGE.0.saturating_add(at)));
        (value != NO_HOT_SPOT).then_some(value)
    };
    Some((told(AT_CURSOR_X_HOT)?, told(AT_CURSOR_Y_HOT)?))
}

/// What a guest notifies the mediator of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notification {
    /// Old guests send it; it means nothing.
    Legacy,
    /// A PPGTT with three levels came or went.
    Ppgtt3(Notice),
    /// A PPGTT with four levels came or went.
    Ppgtt4(Notice),
    /// A context came or went, which means nothing: contexts are read when they are submitted.
    Context,
}

impl Notification {
    /// What the number means.
    fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Legacy),
            2 => Some(Self::Ppgtt3(Notice::Created)),
            3 => Some(Self::Ppgtt3(Notice::Destroyed)),
            4 => Some(Self::Ppgtt4(Notice::Created)),
            5 => Some(Self::Ppgtt4(Notice::Destroyed)),
            6 | 7 => Some(Self::Context),
            _ => None,
        }
    }
}

/// What a dword of the page is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// Guests read it.
    Read,
    /// Guests write it, and it means nothing by itself.
    Argument,
    /// Guests say whether they have a picture to show.
    DisplayReady,
    /// Guests say that they need more.
    Request,
    /// Guests notify.
    Notify,
    /// Nothing.
    Reserved,
}

impl Field {
    /// The dword number `index` of the register of that name.
    pub(crate) fn named(name: &str, index: u32) -> Option<Self> {
        (name == "PVINFO").then(|| Self::at(index.saturating_mul(DWORD)))
    }

    fn at(offset: u32) -> Self {
        match offset {
            AT_MAGIC..=AT_CAPS | AT_MAPPABLE_BASE..=AT_FENCES | AT_LEGACY => Self::Read,
            AT_DISPLAY_READY => Self::DisplayReady,
            AT_NOTIFY => Self::Notify,
            AT_CURSOR_X_HOT | AT_CURSOR_Y_HOT => Self::Argument,
            _ if AT_REQUEST.contains(&offset) => Self::Request,
            _ if AT_ARGUMENTS.contains(&offset) => Self::Argument,
            _ => Self::Reserved,
        }
    }

    /// Reads it. A guest that does so knows what it runs on.
    pub(crate) fn read(self, context: &mut Context<'_>, at: MmioOffset) -> u32 {
        context.state.aware = true;
        if self != Self::Read {
            context.complain(Complaint::PvinfoRead { offset: at });
        }
        context.registers.get(at)
    }

    /// Writes it.
    pub(crate) fn write(self, context: &mut Context<'_>, at: MmioOffset, written: Written) {
        match self {
            Self::Argument => context.store(at, written),
            Self::DisplayReady => {
                let ready = context.merged(at, written) != 0;
                context.guest.note(Event::DisplayReady(ready));
                context.store(at, written);
            }
            Self::Notify => {
                context.store(at, written);
                notify(context, written.value());
            }
            Self::Request => context.fail_safe(Failsafe::InsufficientResources),
            Self::Read | Self::Reserved => context.complain(Complaint::PvinfoWrite {
                offset: at,
                value: written.value(),
            }),
        }
    }
}

/// A guest notifies.
fn notify(context: &mut Context<'_>, number: u32) {
    let directory = |number: u32| {
        let low = AT_DIRECTORIES.saturating_add(number.saturating_mul(2 * DWORD));
        let get = |at: u32| u64::from(context.registers.get(MmioOffset(PAGE.0.saturating_add(at))));
        get(low.saturating_add(DWORD)).wrapping_shl(u32::BITS) | get(low)
    };
    let asked = match Notification::from_number(number) {
        None => return context.complain(Complaint::Notification(number)),
        Some(Notification::Legacy | Notification::Context) => return,
        Some(Notification::Ppgtt3(notice)) => {
            (Root::three_level([0, 1, 2, 3].map(directory)), notice)
        }
        Some(Notification::Ppgtt4(notice)) => (Root::four_level(directory(0)), notice),
    };
    // What the GPU can't reach will be refused when it is submitted.
    if let (Some(root), notice) = asked {
        let request = Request::AddressSpace(root, notice);
        context.state.requests.push(request);
    }
}

#[cfg(test)]
mod tests;
