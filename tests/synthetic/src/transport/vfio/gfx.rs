// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The requests of VFIO by which a screen is seen, as safe functions.
//!
//! Layouts and numbers are those of the kernel's user interface (`include/uapi/linux/vfio.h`), which
//! never change.
#![allow(unsafe_code, reason = "requests to a device have no other form")]

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::ioctl::Opcode;
use vfio_bindings::bindings::vfio::vfio_device_gfx_plane_info;

use super::kernel::{new_file, request, vfio};
use crate::transport::{PlaneInfo, PlaneQuery};

const QUERY_GFX_PLANE: Opcode = vfio(14);
const GET_GFX_DMABUF: Opcode = vfio(15);

/// Asks what a screen shows.
pub fn plane(device: &File, query: PlaneQuery) -> Result<PlaneInfo, Errno> {
    let mut info = vfio_device_gfx_plane_info {
        argsz: size_of::<vfio_device_gfx_plane_info>() as u32,
        flags: query.flags,
        drm_plane_type: query.plane,
        ..Default::default()
    };
    // SAFETY: the request takes a `vfio_device_gfx_plane_info` and writes `argsz` bytes at most.
    unsafe { request(device.as_fd(), QUERY_GFX_PLANE, (&raw mut info).cast()) }?;
    Ok(PlaneInfo {
        format: info.drm_format,
        modifier: info.drm_format_mod,
        width: info.width,
        height: info.height,
        stride: info.stride,
        size: info.size,
        position: (info.x_pos, info.y_pos),
        hot: (info.x_hot, info.y_hot),
        // SAFETY: both members of the union are the same kind of number.
        place: unsafe { info.__bindgen_anon_1.region_index },
    })
}

/// Exports a plane as a dma-buf.
pub fn export(device: &File, mut number: u32) -> Result<OwnedFd, Errno> {
    // SAFETY: the request reads a number, which is borrowed for the call.
    let fd = unsafe { request(device.as_fd(), GET_GFX_DMABUF, (&raw mut number).cast()) }?;
    new_file(fd)
}
