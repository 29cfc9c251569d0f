// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Getting ready what VMs need, several things at a time.

use std::path::PathBuf;
use std::thread::{self, ScopedJoinHandle};

use anyhow::{anyhow, Result};

use crate::cache::Cache;
use crate::gpu_server::{self, Programs};
use crate::kernel::{self, Flavour, Image, Version};
use crate::packages;
use crate::root::Root;
use crate::stock;

/// The stock kernel of guests when none is asked for: that of Debian 13.
pub const GUEST_KERNEL: Version = Version {
    major: 6,
    minor: 12,
};

/// What all VMs need, prepared once.
#[derive(Clone)]
pub struct Bench {
    /// Where logs go.
    pub cache: Cache,
    /// The tree with QEMU.
    pub qemu: PathBuf,
    /// The programs that serve a GPU.
    pub servers: Programs,
}

/// What a VM boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boot {
    /// Our kernel in the host root.
    Host(Version, Flavour),
    /// A stock kernel in the guest root.
    Guest(Version),
    /// A stock kernel in the root that has IGT.
    Igt(Version),
    /// A stock kernel in the root that has a desktop.
    Desktop(Version),
}

/// What a VM boots, ready.
#[derive(Clone)]
pub struct Ready {
    /// What is the same for all VMs.
    pub bench: Bench,
    /// The kernel.
    pub image: Image,
    /// The Debian tree.
    pub root: PathBuf,
}

/// Fetches and builds what is not there yet.
pub fn prepare(cache: &Cache, boot: Boot) -> Result<Ready> {
    packages::install(cache, packages::TOOLCHAIN)?;
    if let Boot::Host(_, Flavour::Debug) = boot {
        packages::install(cache, packages::LLVM)?;
    }
    let root = match boot {
        Boot::Host(..) => Root::Host,
        Boot::Guest(_) => Root::Guest,
        Boot::Igt(_) => Root::Igt,
        Boot::Desktop(_) => Root::Desktop,
    };
    // Before the long steps, which would only hide that.
    for root in [Root::Qemu, root] {
        root.may_be_made(cache)?;
    }
    thread::scope(|scope| {
        let qemu = scope.spawn(|| Root::Qemu.ensure(cache));
        let servers = scope.spawn(|| gpu_server::build(cache));
        let root = scope.spawn(|| root.ensure(cache));
        let image = match boot {
            Boot::Host(version, flavour) => kernel::host(cache, version, flavour),
            Boot::Guest(version) | Boot::Igt(version) | Boot::Desktop(version) => {
                stock::kernel(cache, version)
            }
        };
        let (qemu, servers, root) = (join(qemu), join(servers), join(root));
        let bench = Bench {
            cache: cache.clone(),
            qemu: qemu?,
            servers: servers?,
        };
        Ok(Ready {
            bench,
            image: image?,
            root: root?,
        })
    })
}

fn join<T>(handle: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    handle
        .join()
        .map_err(|_| anyhow!("a step of the preparation panicked"))?
}
