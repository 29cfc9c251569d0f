// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A vGPU through Linux's VFIO: a mediated device and a KVM, by group and container or by iommufd.

use std::fs::{File, OpenOptions};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{ensure, Context, Result};
use rustix::io::Errno;

use super::{
    DeviceInfo, IrqData, IrqInfo, IrqRequest, Mapped, Opener, PlaneInfo, PlaneQuery, RegionInfo,
    Sharing, Transport,
};
use crate::ram::Ram;
use iommufd::Ioas;

mod gfx;
mod iommufd;
mod kernel;

/// Where mediated devices are.
const MDEVS: &str = "/sys/bus/mdev/devices";
/// Where VFIO's files are.
const VFIO: &str = "/dev/vfio";
/// How far regions are apart in the file of a device whose driver does not say it (Linux,
/// `VFIO_PCI_OFFSET_SHIFT`; all drivers of mediated PCI devices have the same).
const REGION_SHIFT: u32 = 40;

/// The file of iommufd.
const IOMMUFD: &str = "/dev/iommu";

/// By what a mediated device is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Its group, in a container with an IOMMU of type 1.
    Group,
    /// Its own file, bound to iommufd.
    Iommufd,
}

/// A mediated device.
pub struct Mdev {
    uuid: String,
    door: Door,
    with_kvm: bool,
}

impl Mdev {
    /// The device of that UUID, to be opened with or without a KVM attached.
    pub fn new(uuid: &str, door: Door, with_kvm: bool) -> Self {
        Self {
            uuid: uuid.to_owned(),
            door,
            with_kvm,
        }
    }

    /// A KVM that knows of the file, if there is to be one.
    fn kvm(&self, file: &File) -> Result<Option<kernel::Kvm>> {
        self.with_kvm
            .then(|| kernel::Kvm::with(file.as_fd()).context("no KVM can be attached"))
            .transpose()
    }

    fn by_group(&self) -> Result<Device> {
        let link = Path::new(MDEVS).join(&self.uuid).join("iommu_group");
        let group = std::fs::canonicalize(&link)
            .with_context(|| format!("{} has no IOMMU group", self.uuid))?;
        let number = group.file_name().context("a group has a number")?;
        let container = open_file(&Path::new(VFIO).join("vfio"))?;
        let group = open_file(&Path::new(VFIO).join(number))?;
        ensure!(
            kernel::api_version(&container)? == kernel::API_VERSION,
            "another version of VFIO"
        );
        ensure!(kernel::group_is_viable(&group)?, "the group is not viable");
        kernel::set_container(&group, &container).context("the group takes no container")?;
        kernel::set_type1(&container).context("no IOMMU of type 1 version 2")?;
        let kvm = self.kvm(&group)?;
        let device = kernel::device(&group, &self.uuid)
            .with_context(|| format!("cannot open {}", self.uuid))?;
        Ok(Device {
            device,
            dma: Dma::Container { group, container },
            kvm,
        })
    }

    fn by_iommufd(&self) -> Result<Device> {
        let folder = Path::new(MDEVS).join(&self.uuid).join("vfio-dev");
        let mut entries = std::fs::read_dir(&folder)
            .with_context(|| format!("{} has no file of its own", self.uuid))?;
        let entry = entries.next().context("no file of its own")??;
        let device = open_file(&Path::new(VFIO).join("devices").join(entry.file_name()))?;
        let iommufd = open_file(Path::new(IOMMUFD))?;
        let kvm = self.kvm(&device)?;
        let ioas =
            Ioas::with(iommufd, &device).with_context(|| format!("cannot open {}", self.uuid))?;
        Ok(Device {
            device,
            dma: Dma::Ioas(ioas),
            kvm,
        })
    }
}

fn open_file(path: &Path) -> Result<File> {
    let opened = OpenOptions::new().read(true).write(true).open(path);
    opened.with_context(|| format!("cannot open {}", path.display()))
}

impl Opener for Mdev {
    fn open(&self) -> Result<Box<dyn Transport>> {
        let device = match self.door {
            Door::Group => self.by_group()?,
            Door::Iommufd => self.by_iommufd()?,
        };
        Ok(Box::new(device))
    }
}

struct Device {
    // In the order in which they have to go.
    device: File,
    dma: Dma,
    #[expect(dead_code, reason = "held open as long as the device")]
    kvm: Option<kernel::Kvm>,
}

/// What gives the device memory.
enum Dma {
    Container {
        #[expect(dead_code, reason = "held open as long as the device")]
        group: File,
        container: File,
    },
    Ioas(Ioas),
    /// Another handle of the same device does.
    Another,
}

impl Device {
    /// Where a region begins in the file, also of one that there is not.
    fn base(&mut self, region: u32) -> u64 {
        self.region(region)
            .map_or(u64::from(region) << REGION_SHIFT, |info| info.offset)
    }
}

/// The error of a transfer, which moved fewer bytes than asked for if the kernel has no number.
fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

fn whole(moved: std::io::Result<usize>, wanted: usize) -> Result<(), Errno> {
    match moved {
        Ok(count) if count == wanted => Ok(()),
        Ok(_) => Err(Errno::IO),
        Err(error) => Err(errno(&error)),
    }
}

impl Transport for Device {
    fn info(&mut self) -> Result<DeviceInfo, Errno> {
        kernel::device_info(&self.device)
    }

    fn region(&mut self, index: u32) -> Result<RegionInfo, Errno> {
        kernel::region_info(&self.device, index)
    }

    fn irq(&mut self, index: u32) -> Result<IrqInfo, Errno> {
        kernel::irq_info(&self.device, index)
    }

    fn read(&mut self, region: u32, offset: u64, data: &mut [u8]) -> Result<(), Errno> {
        let at = self.base(region).checked_add(offset).ok_or(Errno::INVAL)?;
        let wanted = data.len();
        whole(self.device.read_at(data, at), wanted)
    }

    fn write(&mut self, region: u32, offset: u64, data: &[u8]) -> Result<(), Errno> {
        let at = self.base(region).checked_add(offset).ok_or(Errno::INVAL)?;
        whole(self.device.write_at(data, at), data.len())
    }

    fn set_irqs(&mut self, request: &IrqRequest<'_>) -> Result<(), Errno> {
        let data = match request.data {
            IrqData::Bytes(bytes) => bytes.to_vec(),
            IrqData::Files(files) => files
                .iter()
                .flat_map(|file| file.as_raw_fd().to_ne_bytes())
                .collect(),
        };
        kernel::set_irqs(&self.device, request, &data)
    }

    fn reset(&mut self) -> Result<(), Errno> {
        kernel::reset(&self.device)
    }

    fn map_memory(&mut self, ram: &Ram, part: Range<u64>) -> Result<(), Errno> {
        if part.end > ram.size() || part.start > part.end {
            return Err(Errno::INVAL);
        }
        match &self.dma {
            Dma::Container { container, .. } => kernel::map_dma(container, ram, &part),
            Dma::Ioas(ioas) => ioas.map(ram, &part),
            Dma::Another => Err(Errno::NOTSUP),
        }
    }

    fn unmap_memory(&mut self, part: Range<u64>) -> Result<(), Errno> {
        match &self.dma {
            Dma::Container { container, .. } => kernel::unmap_dma(container, &part),
            Dma::Ioas(ioas) => ioas.unmap(&part),
            Dma::Another => Err(Errno::NOTSUP),
        }
    }

    fn map_region(
        &mut self,
        region: u32,
        offset: u64,
        length: usize,
        sharing: Sharing,
    ) -> Result<Box<dyn Mapped>, Errno> {
        let at = self.base(region).checked_add(offset).ok_or(Errno::INVAL)?;
        map(&self.device, at, length, sharing)
    }

    fn plane(&mut self, query: PlaneQuery) -> Result<PlaneInfo, Errno> {
        gfx::plane(&self.device, query)
    }

    fn export(&mut self, number: u32) -> Result<OwnedFd, Errno> {
        gfx::export(&self.device, number)
    }

    fn twin(&self) -> Result<Box<dyn Transport + Send>, Errno> {
        let device = self.device.try_clone().map_err(|error| errno(&error))?;
        Ok(Box::new(Self {
            device,
            dma: Dma::Another,
            kvm: None,
        }))
    }
}

/// Maps `length` bytes of a device's file from `offset` on.
///
/// # Errors
/// What the kernel says.
pub fn map(
    file: &File,
    offset: u64,
    length: usize,
    sharing: Sharing,
) -> Result<Box<dyn Mapped>, Errno> {
    let mapping = kernel::Mapping::new(file, offset, length, sharing)?;
    Ok(Box::new(mapping))
}
