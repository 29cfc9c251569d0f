// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Several threads of a client at once, and a device that is closed in between.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure, Result};
use vfio_bindings::bindings::vfio::{VFIO_GFX_PLANE_TYPE_DMABUF, VFIO_GFX_PLANE_TYPE_REGION};

use super::dma_buf::{let_go, show, MODE, PAGES, PLACES};
use super::picture::{CURSOR_PLANE, PRIMARY};
use super::random::Random;
use super::{equal, unseen, until, vblank};
use crate::event::Event;
use crate::guest::Guest;
use crate::registers::display::{pipe, plane};
use crate::registers::*;
use crate::screen::{self, Surface, Tiling, CURSOR};
use crate::transport::{PlaneQuery, Transport};

/// How a screen can be asked for here.
fn way(guest: &mut Guest<'_>) -> u32 {
    match unseen(guest, VFIO_GFX_PLANE_TYPE_REGION) {
        None => VFIO_GFX_PLANE_TYPE_REGION,
        Some(_) => VFIO_GFX_PLANE_TYPE_DMABUF,
    }
}

/// Asks and exports all the time, until it shall stop; counts how often something was had.
fn asks(
    transport: &mut dyn Transport,
    way: u32,
    had: &AtomicUsize,
    stop: &AtomicBool,
) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        for plane in [PRIMARY, CURSOR_PLANE] {
            let Ok(shown) = transport.plane(PlaneQuery { flags: way, plane }) else {
                continue;
            };
            if shown.size == 0 {
                continue;
            }
            if way == VFIO_GFX_PLANE_TYPE_REGION {
                let mut data = [0; 64];
                transport.read(shown.place, 0, &mut data)?;
            } else if transport.export(shown.place).is_err() {
                continue;
            }
            had.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// Threads that ask for the screen that is shown, while something else is done, and to the end of it.
fn while_asked(
    guest: &mut Guest<'_>,
    act: impl FnOnce(&mut Guest<'_>) -> Result<()>,
) -> Result<()> {
    const THREADS: usize = 3;
    let way = way(guest);
    let mut twins = Vec::new();
    for _ in 0..THREADS {
        twins.push(guest.transport().twin()?);
    }
    let had = &AtomicUsize::new(0);
    let stop = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let threads: Vec<_> = twins
            .into_iter()
            .map(|mut twin| scope.spawn(move || asks(twin.as_mut(), way, had, stop)))
            .collect();
        let acted = until("the screen was had", || had.load(Ordering::Relaxed) > 0)
            .and_then(|()| act(guest));
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().map_err(|_| anyhow!("a thread failed"))??;
        }
        acted
    })
}

pub(super) fn race(guest: &mut Guest<'_>) -> Result<()> {
    const TIME: Duration = Duration::from_secs(2);
    let surfaces = show(guest, Tiling::Linear)?;
    let gma = guest.aperture()?.start + (PLACES[2] << PAGE_SHIFT);
    let cursor = Surface::new(guest, gma, PAGES[2], Tiling::Linear, (CURSOR, CURSOR))?;
    let mut random = Random(0x11);
    while_asked(guest, |guest| {
        let begun = Instant::now();
        let mut round = 0_u32;
        while begun.elapsed() < TIME {
            let surface = &surfaces[random.next() as usize % 2];
            guest.write32(plane::SURFACE, surface.gma as u32)?;
            screen::show_cursor(guest, &cursor, ((round % 150) as i32, 20))?;
            match random.next() % 16 {
                0 => guest.set_entry(surface.gma, 0)?,
                1 => guest.map(surface.gma, surface.pages.end - 1)?,
                2 => guest.write32(plane::CONTROL, 0)?,
                3 => let_go(guest)?,
                4 => guest.transport().reset()?,
                _ => {
                    show(guest, Tiling::Linear)?;
                }
            }
            round += 1;
        }
        Ok(())
    })?;
    guest.restart()?;
    guest.works()
}

/// The device is closed, as far as its first handle goes, and the memory goes with it, while others
/// ask; who has the last one closes it.
pub(super) fn close(guest: &mut Guest<'_>) -> Result<()> {
    for _ in 0..10 {
        show(guest, Tiling::Linear)?;
        while_asked(guest, |guest| {
            guest.close();
            std::thread::sleep(Duration::from_millis(20));
            Ok(())
        })?;
        guest.reopen()?;
        guest.works()?;
    }
    Ok(())
}

/// The device is closed while vertical blanks send messages: none comes after that.
pub(super) fn close_during_vblank(guest: &mut Guest<'_>) -> Result<()> {
    let mut random = Random(0x70);
    for _ in 0..30 {
        let event = Event::new()?;
        guest.connect_msi(&event)?;
        guest.enable_msi()?;
        MODE.turn_on(guest)?;
        vblank::listen(guest, 0)?;
        ensure!(event.wait()? > 0, "no message came");
        std::thread::sleep(Duration::from_micros(u64::from(random.next() % 9000)));
        guest.close();
        falls_silent(&event)?;
        guest.reopen()?;
        let group = guest.read32(pipe::GROUP + IER)?;
        equal("the enable of the next client", group, 0)?;
        guest.works()?;
    }
    Ok(())
}

/// A device is closed at once, or as soon as its server sees that its client is gone; nothing comes then.
fn falls_silent(event: &Event) -> Result<()> {
    const QUIET: Duration = Duration::from_millis(30);
    const PATIENCE: Duration = Duration::from_secs(20);
    let begun = Instant::now();
    loop {
        let _ = event.count()?;
        std::thread::sleep(QUIET);
        if event.count()? == 0 {
            return Ok(());
        }
        ensure!(
            begun.elapsed() < PATIENCE,
            "a device that is closed sends messages"
        );
    }
}
