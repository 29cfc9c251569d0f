// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The registers of a vGPU beside those of the GPU: `mmio_diff` in debugfs.

use super::VgpuDevice;
use core::fmt;
use iface::{
    registers::{self, Flags, Range, DWORD},
    types::{mmio, MmioOp},
};
use kernel::{prelude::*, seq_file::SeqFile, seq_print};
use kvmgt_core::address::MmioOffset;

/// Registers that are read at once, with forcewake held.
const BATCH: usize = 128;

/// Numbers of the bits that are set, the way `%*pbl` prints them: `0-3,7`.
struct Bits(u32);

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut left, mut separator) = (self.0, "");
        while left != 0 {
            let first = left.trailing_zeros();
            let count = (left >> first).trailing_ones();
            let last = first + count - 1;
            write!(f, "{separator}{first}")?;
            if last != first {
                write!(f, "-{last}")?;
            }
            left &= u32::MAX.checked_shl(last + 1).unwrap_or(0);
            separator = ",";
        }
        Ok(())
    }
}

/// Prints each tracked register that differs, and how many there are, as the C GVT-g does.
///
/// # Errors
///
/// `EIO` the GPU does not wake; `ENOMEM`; what else the host half says.
pub(super) fn show(vgpu: &VgpuDevice<'_>, file: &SeqFile) -> Result {
    let model = vgpu.gpu.device.model();
    let mut batch = KVec::with_capacity(BATCH, GFP_KERNEL)?;
    let (mut total, mut differ) = (0_u32, 0);
    let _wake = vgpu.gpu.host.wake().map_err(|_| EIO)?;
    seq_print!(
        file,
        "{:<8} {:<8} {:<8} {:<8}\n",
        "Offset",
        "HW",
        "vGPU",
        "Diff"
    );
    let offsets = registers::rows(model.platform, model.vcs1)
        .filter(|row| !row.flags.contains(Flags::BLOCK))
        .map(registers::Register::range)
        .flat_map(|range: Range| (range.offset..range.end()).step_by(DWORD as usize));
    for offset in offsets {
        let op = MmioOp {
            kind: mmio::READ,
            offset,
            ..MmioOp::default()
        };
        batch.push_within_capacity(op).map_err(|_| ENOMEM)?;
        total += 1;
        if batch.len() == BATCH {
            differ += compare(vgpu, file, &mut batch)?;
        }
    }
    differ += compare(vgpu, file, &mut batch)?;
    seq_print!(file, "Total: {total}, Diff: {differ}\n");
    Ok(())
}

/// Prints those of a batch that differ, empties it, and returns how many there were.
fn compare(vgpu: &VgpuDevice<'_>, file: &SeqFile, batch: &mut KVec<MmioOp>) -> Result<u32> {
    let host: &dyn kvmgt_core::host::Host = &vgpu.gpu.host;
    if !batch.is_empty() {
        host.mmio_exec(batch)?;
    }
    let mut differ = 0;
    let state = vgpu.state.lock();
    for op in batch.iter() {
        let own = state.vgpu.vgpu.peek(MmioOffset(op.offset));
        if own != op.value {
            let bits = Bits(op.value ^ own);
            let (offset, hardware) = (op.offset, op.value);
            seq_print!(
                file,
                "{offset:08x} {hardware:08x} {own:08x} {}\n",
                format_args!("{bits}")
            );
            differ += 1;
        }
    }
    drop(state);
    batch.clear();
    Ok(differ)
}
