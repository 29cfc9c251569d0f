// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A GPU behind i915: buffers at fixed graphics addresses, and batches.

use std::fs::File;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Duration;

use anyhow::{ensure, Context, Result};
use clap::ValueEnum;

use crate::ioctl::{self, ExecObject};

/// i915's numbers of properties.
mod param {
    pub const CHIPSET_ID: i32 = 4;
    pub const HAS_BSD: i32 = 10;
    pub const HAS_BLT: i32 = 11;
    pub const HAS_VEBOX: i32 = 22;
    pub const HAS_EXEC_SOFTPIN: i32 = 37;
}

/// Execution flag: the graphics addresses are final, nothing is to be patched.
const EXEC_NO_RELOC: u64 = 1 << 11;
/// Bytes of a page.
pub const PAGE: u64 = 4096;
/// Longest that work may take which does not hang. A model executes slowly.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A class of engines, of which i915 takes any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// Render.
    Rcs,
    /// Blitter.
    Bcs,
    /// Video.
    Vcs,
    /// Video enhancement.
    Vecs,
}

impl Engine {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rcs => "rcs",
            Self::Bcs => "bcs",
            Self::Vcs => "vcs",
            Self::Vecs => "vecs",
        }
    }

    /// The number by which i915 knows it in execution flags.
    fn ring(self) -> u64 {
        match self {
            Self::Rcs => 1,
            Self::Vcs => 2,
            Self::Bcs => 3,
            Self::Vecs => 4,
        }
    }
}

/// The GPU, opened by one client.
pub struct Device(File);

impl Device {
    /// Opens a device node; an error if its driver is not i915.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::options()
            .read(true)
            .write(true)
            .open(path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        let device = Self(file);
        device
            .param(param::CHIPSET_ID)
            .with_context(|| format!("the driver of {} is not i915", path.display()))?;
        ensure!(
            device.param(param::HAS_EXEC_SOFTPIN)? != 0,
            "this GPU's address spaces do not let programs choose addresses"
        );
        Ok(device)
    }

    /// The classes of engines that the GPU has.
    pub fn engines(&self) -> Result<Vec<Engine>> {
        let mut engines = vec![Engine::Rcs];
        for (engine, has) in [
            (Engine::Bcs, param::HAS_BLT),
            (Engine::Vcs, param::HAS_BSD),
            (Engine::Vecs, param::HAS_VEBOX),
        ] {
            if self.param(has)? != 0 {
                engines.push(engine);
            }
        }
        Ok(engines)
    }

    /// Makes a buffer of at least `size` bytes that batches find at `address`.
    pub fn buffer(&self, size: u64, address: u64) -> Result<Buffer<'_>> {
        let handle = ioctl::gem_create(self.fd(), size.next_multiple_of(PAGE))
            .context("cannot make a buffer")?;
        Ok(Buffer {
            device: self,
            handle,
            address,
        })
    }

    /// Makes a context.
    pub fn context(&self) -> Result<u32> {
        ioctl::context_create(self.fd()).context("cannot make a context")
    }

    /// How many batches of a context were running when an engine was reset.
    pub fn batches_lost(&self, context: u32) -> Result<u32> {
        Ok(ioctl::reset_stats(self.fd(), context)?.batch_active)
    }

    /// Starts a batch that writes `targets`, all in memory of this device.
    pub fn start(
        &self,
        engine: Engine,
        context: u32,
        batch: &Buffer<'_>,
        commands: &[u32],
        targets: &[&Buffer<'_>],
    ) -> Result<()> {
        batch.write(&bytes(commands))?;
        self.execute(engine, context, batch, 0..size_of_val(commands), targets)
    }

    /// Starts a batch that is a part of a buffer, from a quadword on.
    pub fn execute(
        &self,
        engine: Engine,
        context: u32,
        batch: &Buffer<'_>,
        part: Range<usize>,
        targets: &[&Buffer<'_>],
    ) -> Result<()> {
        let flags = ioctl::OBJECT_PINNED | ioctl::OBJECT_48B_ADDRESS;
        let mut objects: Vec<ExecObject> = targets
            .iter()
            .map(|target| target.object(flags | ioctl::OBJECT_WRITE))
            .collect();
        objects.push(batch.object(flags));
        // i915 wants a length of whole quadwords.
        let length = part.len().next_multiple_of(size_of::<u64>());
        let start = u32::try_from(part.start)?;
        ioctl::execute(
            self.fd(),
            &mut objects,
            start..start + u32::try_from(length)?,
            engine.ring() | EXEC_NO_RELOC,
            context,
        )
        .with_context(|| format!("{} takes no batch", engine.name()))
    }

    fn param(&self, param: i32) -> Result<i32> {
        Ok(ioctl::get_param(self.fd(), param)?)
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A buffer; it goes with the value.
pub struct Buffer<'a> {
    device: &'a Device,
    handle: u32,
    /// Its graphics address.
    pub address: u64,
}

impl Buffer<'_> {
    /// Reads dwords from its start, after the work on it has ended.
    pub fn read(&self, count: usize) -> Result<Vec<u32>> {
        let mut data = vec![0; count * size_of::<u32>()];
        ioctl::gem_pread(self.device.fd(), self.handle, &mut data)
            .context("cannot read a buffer")?;
        let dword = |bytes: &[u8]| {
            bytes
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | u32::from(*byte))
        };
        Ok(data.chunks_exact(size_of::<u32>()).map(dword).collect())
    }

    /// Writes to its start.
    pub fn write(&self, data: &[u8]) -> Result<()> {
        ioctl::gem_pwrite(self.device.fd(), self.handle, data).context("cannot write a buffer")
    }

    /// Waits until nothing works on it; an error after `patience`.
    pub fn wait(&self, patience: Duration) -> Result<()> {
        let nanoseconds = i64::try_from(patience.as_nanos())?;
        ioctl::gem_wait(self.device.fd(), self.handle, nanoseconds)
            .with_context(|| format!("work did not end in {} s", patience.as_secs()))
    }

    fn object(&self, flags: u64) -> ExecObject {
        ExecObject::new(self.handle, self.address, flags)
    }
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        // The file's end would free it as well.
        let _ = ioctl::gem_close(self.device.fd(), self.handle);
    }
}

/// Dwords as the GPU reads them.
pub fn bytes(dwords: &[u32]) -> Vec<u8> {
    dwords
        .iter()
        .flat_map(|dword| dword.to_le_bytes())
        .collect()
}
