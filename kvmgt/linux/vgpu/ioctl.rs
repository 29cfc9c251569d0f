// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The ioctls of a vGPU's file.

use super::{
    irq::{self, EventFd},
    VgpuDevice,
};
use crate::{
    c::{self, raw},
    uapi,
};
use kernel::{
    error::to_result,
    prelude::*,
    uaccess::{UserPtr, UserSlice, UserSliceReader},
};

/// Bytes of `struct vfio_device_info` that clients of every age have.
const INFO_SIZE: usize = 16;
/// Bytes of `struct vfio_irq_info`.
const IRQ_INFO_SIZE: usize = 16;
/// Bytes of `struct vfio_irq_set` in front of its data.
const IRQ_SET_SIZE: usize = 20;

/// No eventfd, where one is expected: the interrupt is disarmed.
const NO_EVENT: i32 = -1;

impl VgpuDevice<'_> {
    /// Does what an ioctl asks for, and returns what it does.
    ///
    /// # Errors
    ///
    /// `ENOTTY` it is not known; what else it returns.
    pub(super) fn ioctl(&self, command: u32, argument: usize) -> Result<usize> {
        let argument = UserPtr::from_addr(argument);
        let done = match command {
            uapi::VFIO_DEVICE_GET_INFO => get_info(argument, self.region_count()),
            uapi::VFIO_DEVICE_GET_IRQ_INFO => get_irq_info(argument),
            uapi::VFIO_DEVICE_SET_IRQS => self.set_irqs(argument),
            uapi::VFIO_DEVICE_RESET => self.with(|vgpu, world| {
                vgpu.reset(world);
                Ok(())
            }),
            uapi::VFIO_DEVICE_QUERY_GFX_PLANE => self.query_plane(argument),
            uapi::VFIO_DEVICE_GET_GFX_DMABUF => return self.export(argument),
            _ => Err(ENOTTY),
        };
        done.map(|()| 0)
    }

    /// Arms, disarms and fires interrupts.
    fn set_irqs(&self, argument: UserPtr) -> Result {
        let mut head = UserSlice::new(argument, IRQ_SET_SIZE).reader();
        let mut set = uapi::vfio_irq_set {
            argsz: head.read()?,
            flags: head.read()?,
            index: head.read()?,
            start: head.read()?,
            count: head.read()?,
            data: Default::default(),
        };
        let (count, _) = irq::describe(set.index).ok_or(EINVAL)?;
        let mut size = 0;
        // SAFETY: both are ours. It takes no sum of numbers that overflows, and no data of more
        // interrupts than `count`.
        to_result(unsafe { raw::kvmgt_check_irq_set(&raw mut set, count, &raw mut size) })?;
        let data = argument.wrapping_byte_add(IRQ_SET_SIZE);
        let data = UserSlice::new(data, size).reader();
        match (set.index, set.flags & uapi::VFIO_IRQ_SET_ACTION_TYPE_MASK) {
            (index, uapi::VFIO_IRQ_SET_ACTION_TRIGGER) => {
                self.set_trigger(index, Command::read(&set, data)?)
            }
            // The pin is never asserted, so that its mask makes no difference.
            (irq::INTX, uapi::VFIO_IRQ_SET_ACTION_MASK | uapi::VFIO_IRQ_SET_ACTION_UNMASK) => {
                Command::read(&set, data).map(drop)
            }
            (_, uapi::VFIO_IRQ_SET_ACTION_MASK | uapi::VFIO_IRQ_SET_ACTION_UNMASK) => Err(ENOTTY),
            _ => Err(EINVAL),
        }
    }

    /// Arms, disarms or fires the one interrupt of an index.
    fn set_trigger(&self, index: u32, command: Command) -> Result {
        match command {
            Command::Event(event) => {
                let before = self.irqs.lock().set(index, event);
                drop(before);
                Ok(())
            }
            Command::Fire(true) if !self.irqs.lock().signal(index) => Err(EINVAL),
            Command::Fire(_) => Ok(()),
        }
    }
}

/// What a client wants of an interrupt.
enum Command {
    /// Arm it with that eventfd, or disarm it.
    Event(Option<EventFd>),
    /// Fire it, or don't.
    Fire(bool),
}

impl Command {
    /// Reads the data behind a `set` that was checked: of one interrupt, or none.
    fn read(set: &uapi::vfio_irq_set, mut data: UserSliceReader) -> Result<Self> {
        match (set.flags & uapi::VFIO_IRQ_SET_DATA_TYPE_MASK, set.count) {
            (uapi::VFIO_IRQ_SET_DATA_NONE, 0) => Ok(Self::Event(None)),
            (uapi::VFIO_IRQ_SET_DATA_NONE, _) => Ok(Self::Fire(true)),
            (uapi::VFIO_IRQ_SET_DATA_BOOL, 1..) => Ok(Self::Fire(data.read::<u8>()? != 0)),
            (uapi::VFIO_IRQ_SET_DATA_EVENTFD, 1..) => match data.read::<i32>()? {
                NO_EVENT => Ok(Self::Event(None)),
                fd => EventFd::get(fd).map(Some).map(Self::Event),
            },
            _ => Err(EINVAL),
        }
    }
}

/// Says that it is a PCI device.
fn get_info(argument: UserPtr, regions: u32) -> Result {
    let (mut from, mut to) = UserSlice::new(argument, INFO_SIZE).reader_writer();
    let argsz: u32 = from.read()?;
    if (argsz as usize) < INFO_SIZE {
        return Err(EINVAL);
    }
    to.write(&[
        argsz,
        uapi::VFIO_DEVICE_FLAGS_PCI | uapi::VFIO_DEVICE_FLAGS_RESET,
        regions,
        uapi::VFIO_PCI_NUM_IRQS,
    ])
}

/// Describes the interrupts of an index.
fn get_irq_info(argument: UserPtr) -> Result {
    let (mut from, mut to) = UserSlice::new(argument, IRQ_INFO_SIZE).reader_writer();
    let (argsz, _flags, index): (u32, u32, u32) = (from.read()?, from.read()?, from.read()?);
    if (argsz as usize) < IRQ_INFO_SIZE {
        return Err(EINVAL);
    }
    let index = c::index_below(index.into(), uapi::VFIO_PCI_NUM_IRQS).ok_or(EINVAL)?;
    let (count, flags) = irq::describe(index).ok_or(EINVAL)?;
    to.write(&[argsz, flags, index, count])
}
