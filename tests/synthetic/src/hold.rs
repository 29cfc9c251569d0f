// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A client that holds a vGPU, and what it finds when the vGPU is taken away from it.

use std::io::Write;
use std::os::fd::AsFd;

use anyhow::{Context, Result};
use rustix::event::{poll, PollFd, PollFlags};
use rustix::io::Errno;
use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_DATA_EVENTFD, VFIO_PCI_BAR0_REGION_INDEX,
    VFIO_PCI_BAR2_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX, VFIO_PCI_REQ_IRQ_INDEX,
};

use crate::event::Event;
use crate::transport::{IrqData, IrqRequest, Sharing};
use crate::Guest;

/// Bytes that are mapped.
const PAGE: usize = 4096;

/// Says `open`, and holds the vGPU until stdin ends. When it is asked to let go of it, it says
/// `asked`, and then of each kind of access how it fails: `NAME: ERROR`. With `touch` it touches
/// what it has mapped of the aperture after that.
///
/// # Errors
/// It can't be armed, mapped, or waited for.
pub fn hold(guest: &mut Guest<'_>, touch: bool) -> Result<()> {
    let asked = Event::new()?;
    let request = IrqRequest {
        flags: VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
        index: VFIO_PCI_REQ_IRQ_INDEX,
        start: 0,
        count: 1,
        data: IrqData::Files(&[asked.fd()]),
    };
    let armed = guest.transport().set_irqs(&request);
    armed.context("cannot arm the request interrupt")?;
    let own = guest.aperture()?.start;
    // So that the GPU's GGTT leads to the guest's memory as long as the vGPU is held.
    guest.map(own, 0)?;
    let map = |guest: &mut Guest<'_>| {
        let transport = guest.transport();
        transport.map_region(VFIO_PCI_BAR2_REGION_INDEX, own, PAGE, Sharing::Shared)
    };
    let mapped = map(guest).context("cannot map the aperture")?;
    mapped.read32(0);
    say("open")?;
    let stdin = std::io::stdin();
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(asked.fd(), PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Err(Errno::INTR) => continue,
            other => other?,
        };
        if !fds[0].revents().is_empty() {
            return Ok(());
        }
        if asked.count()? == 0 {
            continue;
        }
        say("asked")?;
        let transport = guest.transport();
        let mut data = [0; 4];
        for (name, region, offset) in [
            ("config", VFIO_PCI_CONFIG_REGION_INDEX, 0),
            ("registers", VFIO_PCI_BAR0_REGION_INDEX, 0),
            ("aperture", VFIO_PCI_BAR2_REGION_INDEX, own),
        ] {
            tell(
                &format!("{name} read"),
                transport.read(region, offset, &mut data),
            )?;
            tell(
                &format!("{name} write"),
                transport.write(region, offset, &data),
            )?;
        }
        tell("reset", transport.reset())?;
        tell("map", map(guest).map(drop))?;
        if touch {
            say("touching")?;
            let read = mapped.read32(0);
            say(&format!("touched: {read:#x}"))?;
        }
    }
}

/// Says how something ended.
fn tell(what: &str, result: Result<(), Errno>) -> Result<()> {
    match result {
        Ok(()) => say(&format!("{what}: succeeded")),
        Err(errno) => say(&format!("{what}: {errno:?}")),
    }
}

/// Prints a line at once.
fn say(line: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    Ok(stdout.flush()?)
}
