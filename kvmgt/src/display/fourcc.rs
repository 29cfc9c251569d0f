// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What DRM calls the formats that can be shown (`drm_fourcc.h`).

/// The code of a format: its four letters, the first lowest.
const fn code(letters: &[u8; 4]) -> u32 {
    u32::from_le_bytes(*letters)
}

/// Index of a colour, 8 bits (`DRM_FORMAT_C8`).
pub const C8: u32 = code(b"C8  ");
/// 5, 6 and 5 bits, blue lowest (`DRM_FORMAT_RGB565`).
pub const RGB565: u32 = code(b"RG16");
/// 8 bits each, blue lowest (`DRM_FORMAT_XRGB8888`).
pub const XRGB8888: u32 = code(b"XR24");
/// 8 bits each, red lowest (`DRM_FORMAT_XBGR8888`).
pub const XBGR8888: u32 = code(b"XB24");
/// 8 bits each and alpha, blue lowest (`DRM_FORMAT_ARGB8888`).
pub const ARGB8888: u32 = code(b"AR24");
/// 8 bits each and alpha, red lowest (`DRM_FORMAT_ABGR8888`).
pub const ABGR8888: u32 = code(b"AB24");
/// 10 bits each, blue lowest (`DRM_FORMAT_XRGB2101010`).
pub const XRGB2101010: u32 = code(b"XR30");
/// 10 bits each, red lowest (`DRM_FORMAT_XBGR2101010`).
pub const XBGR2101010: u32 = code(b"XB30");
/// Two pixels that share a colour (`DRM_FORMAT_YUYV`).
pub const YUYV: u32 = code(b"YUYV");
/// The same in another order (`DRM_FORMAT_UYVY`).
pub const UYVY: u32 = code(b"UYVY");
/// The same in another order (`DRM_FORMAT_YVYU`).
pub const YVYU: u32 = code(b"YVYU");
/// The same in another order (`DRM_FORMAT_VYUY`).
pub const VYUY: u32 = code(b"VYUY");
