// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The checks, by name. Each begins with a vGPU that was reset, and memory that is zero.

use std::fmt::LowerHex;
use std::time::{Duration, Instant};

use anyhow::{ensure, Result};
use rustix::io::Errno;
use vfio_bindings::bindings::vfio::{
    VFIO_GFX_PLANE_TYPE_DMABUF, VFIO_GFX_PLANE_TYPE_PROBE, VFIO_GFX_PLANE_TYPE_REGION,
    VFIO_PCI_BAR2_REGION_INDEX, VFIO_REGION_INFO_FLAG_MMAP,
};

use crate::guest::{Family, Guest};
use crate::plug;
use crate::transport::PlaneQuery;

pub use dma_buf::outlives as export;

mod any_planes;
mod aperture;
mod bad_input;
mod buses;
mod config;
mod dma_buf;
mod fences;
mod flips;
mod ggtt;
mod interrupts;
mod lifetime;
mod monitor;
mod parallel;
mod picture;
mod pvinfo;
mod random;
mod regions;
mod registers;
mod vblank;
mod vfio;

/// What a check needs beyond a vGPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// Nothing.
    Nothing,
    /// An aperture that can be mapped.
    Mapping,
    /// A PCH beside the GPU, which Broxton has not.
    Pch,
    /// Generation 9.
    Gen9,
    /// Regions beyond those of PCI, by which a client gives it a monitor.
    Regions,
    /// The same, and another thread that has it open.
    RegionsTwice,
    /// A client that looks at the picture in a region.
    Picture,
    /// The same, of generation 9.
    PictureGen9,
    /// A client that takes planes as dma-bufs.
    DmaBuf,
    /// A client that looks at the screen in either way.
    Screen,
}

/// A named check.
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// What must hold.
    pub what: &'static str,
    needs: Needs,
    run: fn(&mut Guest<'_>) -> Result<()>,
}

/// What came out of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Ok,
    /// It can't be made here, and why.
    Skipped(&'static str),
    /// It does not hold, and why.
    Failed(String),
}

impl Check {
    /// Resets the vGPU and makes the check.
    pub fn run(&self, guest: &mut Guest<'_>) -> Verdict {
        let result = guest.restart().and_then(|()| match self.lacks(guest)? {
            Some(why) => Ok(Verdict::Skipped(why)),
            None => (self.run)(guest).map(|()| Verdict::Ok),
        });
        result.unwrap_or_else(|error| Verdict::Failed(format!("{error:#}")))
    }

    /// Why the check can't be made here.
    fn lacks(&self, guest: &mut Guest<'_>) -> Result<Option<&'static str>> {
        Ok(match self.needs {
            Needs::Mapping => {
                let region = guest.transport().region(VFIO_PCI_BAR2_REGION_INDEX)?;
                (region.flags & VFIO_REGION_INFO_FLAG_MMAP == 0)
                    .then_some("the aperture can't be mapped over this transport")
            }
            Needs::Pch => {
                (guest.family()? == Family::Bxt).then_some("this GPU has no PCH beside it")
            }
            Needs::Gen9 => older(guest)?,
            Needs::Regions => unplugged(guest)?,
            Needs::RegionsTwice => match unplugged(guest)? {
                None => alone(guest)?,
                Some(why) => Some(why),
            },
            Needs::Picture => unseen(guest, VFIO_GFX_PLANE_TYPE_REGION),
            Needs::PictureGen9 => match unseen(guest, VFIO_GFX_PLANE_TYPE_REGION) {
                None => older(guest)?,
                Some(why) => Some(why),
            },
            Needs::DmaBuf => unseen(guest, VFIO_GFX_PLANE_TYPE_DMABUF),
            Needs::Screen => unseen(guest, VFIO_GFX_PLANE_TYPE_REGION)
                .and(unseen(guest, VFIO_GFX_PLANE_TYPE_DMABUF)),
            Needs::Nothing => None,
        })
    }
}

/// Why no client can give it a monitor.
fn unplugged(guest: &mut Guest<'_>) -> Result<Option<&'static str>> {
    Ok(plug::find(guest.transport(), plug::EDID)?
        .is_none()
        .then_some("there are no regions beyond PCI's over this transport"))
}

/// Why no other thread can use it.
fn alone(guest: &mut Guest<'_>) -> Result<Option<&'static str>> {
    match guest.transport().twin() {
        Err(Errno::NOTSUP) => Ok(Some("one thread alone can use this transport")),
        twin => Ok(twin.map(|_| None)?),
    }
}

/// Why a check of generation 9 can't be made.
fn older(guest: &mut Guest<'_>) -> Result<Option<&'static str>> {
    Ok((guest.family()? == Family::Bdw).then_some("not of this generation"))
}

/// Why the screen can't be seen in one of the ways in which VFIO knows it.
fn unseen(guest: &mut Guest<'_>, way: u32) -> Option<&'static str> {
    let probed = guest.transport().plane(PlaneQuery {
        flags: VFIO_GFX_PLANE_TYPE_PROBE | way,
        plane: 0,
    });
    match probed {
        Ok(_) => None,
        Err(Errno::NOTSUP) => Some("the screen can't be seen over this transport"),
        Err(_) => Some("the vGPU was told to show its screen in the other way"),
    }
}

const fn check(
    name: &'static str,
    what: &'static str,
    run: fn(&mut Guest<'_>) -> Result<()>,
) -> Check {
    with(Needs::Nothing, name, what, run)
}

const fn with(
    needs: Needs,
    name: &'static str,
    what: &'static str,
    run: fn(&mut Guest<'_>) -> Result<()>,
) -> Check {
    Check {
        name,
        what,
        needs,
        run,
    }
}

/// All of them, in the order in which they run. `S-…` are items of the hardening list.
pub const ALL: &[Check] = &[
    check(
        "device-info",
        "a PCI device that can be reset, with its regions and interrupts",
        vfio::device_info,
    ),
    check(
        "config-ids",
        "vendor, class and header are those of Intel's GPU",
        config::ids,
    ),
    check(
        "config-bars",
        "BAR 0 and 2 tell kind and size, and take addresses; there are no others",
        config::bars,
    ),
    check(
        "config-command",
        "memory and bus mastering turn on and off",
        config::command,
    ),
    check(
        "config-capabilities",
        "there is MSI and power management, no PCI Express",
        config::capabilities,
    ),
    check(
        "config-msi",
        "one MSI message can be aimed and turned on",
        config::msi,
    ),
    check("config-stolen", "there is no stolen memory", config::stolen),
    check(
        "config-widths",
        "every size reads and writes the same bytes",
        config::widths,
    ),
    check(
        "pvinfo-discovery",
        "magic, version, number and capabilities, at every width",
        pvinfo::discovery,
    ),
    check(
        "pvinfo-balloon",
        "two ranges of the GGTT, where and as large as the type says",
        pvinfo::balloon,
    ),
    check("pvinfo-fences", "four fences", pvinfo::fences),
    check(
        "pvinfo-written",
        "what a guest may write there is kept",
        pvinfo::written,
    ),
    check(
        "ggtt-entries",
        "own entries read back as written, whole and in halves",
        ggtt::entries,
    ),
    check(
        "ggtt-bytes",
        "an entry written byte by byte is the same entry",
        ggtt::bytes,
    ),
    check(
        "ggtt-foreign",
        "other entries ignore writes and read as zero",
        ggtt::foreign,
    ),
    check(
        "ggtt-fill",
        "all of the table can be filled with one page",
        ggtt::fill,
    ),
    check(
        "aperture-reaches-memory",
        "the aperture shows the page that its entry names, both ways",
        aperture::reaches_memory,
    ),
    check(
        "aperture-follows-entry",
        "another page in the entry shows at once, and none shows nothing of the guest",
        aperture::follows_entry,
    ),
    check(
        "aperture-halves",
        "between the halves of an entry neither page is reached",
        aperture::halves,
    ),
    check(
        "aperture-no-memory",
        "an entry for a page that is not there reaches nothing",
        aperture::no_memory,
    ),
    check(
        "aperture-foreign",
        "the aperture of others is refused, or reads as ones",
        aperture::foreign,
    ),
    with(
        Needs::Mapping,
        "aperture-mapped",
        "a mapped aperture shows the guest's page, and what comes after it",
        aperture::mapped,
    ),
    check("fences", "own fences keep their value", fences::own),
    check(
        "fences-foreign",
        "there are no more fences than PVINFO says",
        fences::foreign,
    ),
    check(
        "forcewake",
        "a request is acknowledged at once",
        registers::forcewake,
    ),
    check(
        "gdrst",
        "resets of the GPU are done at once, and leave the GGTT",
        registers::gdrst,
    ),
    check(
        "reset-ctl",
        "engines say that they are ready for a reset",
        registers::reset_ctl,
    ),
    check("pcode", "the mailbox answers at once", registers::pcode),
    check(
        "power-wells",
        "wells follow their requests",
        registers::power_wells,
    ),
    check("plls", "PLLs lock at once", registers::plls),
    with(
        Needs::Gen9,
        "dbuf",
        "the display's buffer is on at once",
        registers::dbuf,
    ),
    check(
        "ddi-idle",
        "a DDI buffer is idle when it is off",
        registers::ddi_idle,
    ),
    check(
        "widths",
        "a plain register is the same at 1, 2, 4 and 8 bytes",
        registers::widths,
    ),
    check(
        "gmbus-nobody",
        "nobody answers on GMBUS, at once",
        buses::gmbus,
    ),
    check(
        "aux-nobody",
        "nobody answers on AUX but the monitor, at once",
        buses::aux,
    ),
    check(
        "monitor-aux",
        "the monitor tells what it is and trains the link; its EDID is one, however it is read",
        monitor::aux,
    ),
    check(
        "monitor-hotplug-state",
        "a monitor is on one port, and has always been there",
        monitor::hotplug_state,
    ),
    check(
        "vblank",
        "frames, lines and vertical blanks come with the time, and none when the pipe is off",
        vblank::vblank,
    ),
    check(
        "flip-register",
        "a surface is shown from the vertical blank on, or at once",
        flips::by_register,
    ),
    check(
        "flip-50080",
        "the same by the registers that flip",
        flips::by_flip_register,
    ),
    check(
        "flip-command",
        "the same by a command of the render engine",
        flips::by_command,
    ),
    with(
        Needs::Picture,
        "picture-linear",
        "a client sees each pixel that the guest shows, of primary plane, sprite and cursor",
        picture::linear,
    ),
    with(
        Needs::Picture,
        "picture-x",
        "the same with X tiles",
        picture::x_tiles,
    ),
    with(
        Needs::PictureGen9,
        "picture-y",
        "the same with Y tiles",
        picture::y_tiles,
    ),
    with(
        Needs::Picture,
        "picture-off",
        "without a pipe there is no picture, and none of the last client's",
        picture::off,
    ),
    with(
        Needs::Picture,
        "picture-region",
        "the picture can be read and mapped, and nothing else",
        picture::region,
    ),
    with(
        Needs::Regions,
        "edid-region",
        "a client plugs in another monitor, and no nonsense",
        regions::edid_region,
    ),
    with(
        Needs::Regions,
        "opregion",
        "there is an OpRegion with a VBT, which can't be changed",
        regions::opregion,
    ),
    check(
        "interrupts-hierarchy",
        "mask, identity, enable and master act as the hardware's",
        interrupts::hierarchy,
    ),
    check(
        "interrupts-loop-back",
        "SET_IRQS fires the MSI message",
        interrupts::loop_back,
    ),
    with(
        Needs::Pch,
        "interrupts-gmbus",
        "a transfer on GMBUS interrupts by MSI",
        interrupts::gmbus,
    ),
    check(
        "interrupts-aux",
        "a message on AUX interrupts by MSI",
        interrupts::aux,
    ),
    check(
        "interrupts-off",
        "without MSI turned on nothing is sent",
        interrupts::off,
    ),
    check("reset", "a reset brings back everything", lifetime::reset),
    check(
        "S-01-config-bounds",
        "accesses at and beyond the end of configuration space fail",
        bad_input::config_bounds,
    ),
    with(
        Needs::Mapping,
        "S-02-aperture-mappings",
        "only its own aperture can be mapped, shared",
        bad_input::aperture_mappings,
    ),
    check(
        "S-03-region-indexes",
        "regions that there are not fail in every way",
        bad_input::region_indexes,
    ),
    with(
        Needs::Regions,
        "S-04-regions",
        "regions beyond PCI's end where they say",
        regions::bounds,
    ),
    with(
        Needs::RegionsTwice,
        "S-04-regions-beside-guest",
        "a client plugs and unplugs the monitor beside the guest's accesses",
        regions::beside_accesses,
    ),
    check(
        "S-05-vblank-storm",
        "eventfds can be replaced while vertical blanks send messages",
        vblank::storm_of_requests,
    ),
    check(
        "S-05-interrupt-storm",
        "eventfds can be replaced at any time",
        bad_input::interrupt_storm,
    ),
    check(
        "interrupts-nonsense",
        "nonsense about interrupts is refused and changes nothing",
        bad_input::interrupt_nonsense,
    ),
    check(
        "S-06-narrow-writes",
        "a narrow write changes its bytes alone",
        bad_input::narrow_writes,
    ),
    check(
        "S-07-straddling",
        "unaligned and straddling accesses stay in what they name",
        bad_input::straddling,
    ),
    check(
        "S-08-hole",
        "the hole between registers and GGTT reads as ones and ignores writes",
        bad_input::hole,
    ),
    check(
        "S-09-second-owner",
        "who opens it next finds nothing of the last",
        lifetime::second_owner,
    ),
    check(
        "S-10-memory-taken-back",
        "memory that was taken back is not reached",
        lifetime::memory_taken_back,
    ),
    with(
        Needs::Screen,
        "S-11-query-plane-race",
        "a client's threads ask for the screen while the guest changes it and memory goes",
        parallel::race,
    ),
    with(
        Needs::DmaBuf,
        "S-12-dma-buf",
        "a dma-buf is the guest's memory, whatever becomes of the vGPU, and holds no more than that",
        dma_buf::lifetime,
    ),
    check(
        "S-13-provocations",
        "what made the C driver warn is harmless",
        bad_input::provocations,
    ),
    check(
        "S-20-fence-values",
        "no fence covers what is not the vGPU's",
        fences::values,
    ),
    check(
        "S-23-timings",
        "timings of nothing and of everything are harmless",
        vblank::timings,
    ),
    check(
        "S-24-timer-storm",
        "there are no more than 240 vertical blanks a second, whatever the registers say",
        vblank::timer_storm,
    ),
    check(
        "S-25-aux",
        "any message on AUX is answered or not, and changes nothing that it can't",
        monitor::any_message,
    ),
    check(
        "S-26-planes",
        "random registers of planes show the guest's memory, or nothing",
        any_planes::any,
    ),
    check(
        "S-27-pvinfo-read-only",
        "ranges can't be changed",
        pvinfo::read_only,
    ),
    check(
        "S-30-config-read-only",
        "capabilities can't be changed",
        config::read_only,
    ),
    check(
        "S-70-close-during-vblank",
        "a vGPU that is closed between vertical blanks sends nothing any more",
        parallel::close_during_vblank,
    ),
    with(
        Needs::Screen,
        "S-70-close-during-dma-buf",
        "a vGPU is closed while a client's other threads ask for its screen",
        parallel::close,
    ),
    check(
        "edges",
        "every size at every edge of every region",
        bad_input::edges,
    ),
];

/// Two values are the same.
fn equal<T: LowerHex + PartialEq>(what: &str, found: T, wanted: T) -> Result<()> {
    ensure!(found == wanted, "{what} is {found:#x}, not {wanted:#x}");
    Ok(())
}

/// Waits until another thread has come that far.
fn until(what: &str, done: impl Fn() -> bool) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(20);
    let begun = Instant::now();
    while !done() {
        ensure!(begun.elapsed() < PATIENCE, "never came true: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn names_then_are_unique() {
        let mut names: Vec<_> = ALL.iter().map(|check| check.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
