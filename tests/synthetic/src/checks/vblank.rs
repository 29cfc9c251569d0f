// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Time on a pipe: frames, lines, and vertical blanks.

use std::time::{Duration, Instant};

use anyhow::{ensure, Result};

use super::{equal, interrupts};
use crate::event::Event;
use crate::guest::Guest;
use crate::registers::display::{clock, pipe, transcoder};
use crate::registers::*;
use crate::screen::{self, frames, Mode};

/// A mode that is used where it does not matter which.
pub(super) const MODE: Mode = Mode {
    size: (640, 480),
    rate: 60,
};
/// Vertical blanks that a vGPU has in a second at the most, with all its pipes.
const MOST_RATE: f64 = 240.0;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing shall happen.
const QUIET: Duration = Duration::from_millis(150);

/// Waits until pipe A has begun so many more frames.
pub(super) fn wait_frames(guest: &mut Guest<'_>, count: u32) -> Result<()> {
    let (begun, first) = (Instant::now(), frames(guest)?);
    while frames(guest)?.wrapping_sub(first) < count {
        ensure!(begun.elapsed() < PATIENCE, "no frame is begun");
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Lets vertical blanks of a pipe interrupt.
pub(super) fn listen(guest: &mut Guest<'_>, pipe: u64) -> Result<()> {
    let group = pipe::GROUP + pipe * pipe::GROUP_STRIDE;
    interrupts::enable(guest, group, pipe::VBLANK)
}

pub(super) fn vblank(guest: &mut Guest<'_>) -> Result<()> {
    for rate in [60, 24, 120] {
        counts_frames(guest, Mode { rate, ..MODE })?;
    }
    lines_go_on(guest)?;
    interrupts_come(guest)?;
    off_is_quiet(guest)
}

/// The frames that a mode begins are as many as the time that passes has of them.
fn counts_frames(guest: &mut Guest<'_>, mode: Mode) -> Result<()> {
    const FRAMES: u32 = 30;
    mode.turn_on(guest)?;
    wait_frames(guest, 1)?;
    // Each count is had at some time between these two.
    let mut count = || -> Result<(Instant, u32, Instant)> {
        let before = Instant::now();
        let frames = frames(guest)?;
        Ok((before, frames, Instant::now()))
    };
    let (before, first, after) = count()?;
    loop {
        std::thread::sleep(Duration::from_millis(20));
        let (now_before, now, now_after) = count()?;
        let passed = now.wrapping_sub(first);
        let least = now_before.duration_since(after).as_secs_f64();
        let most = now_after.duration_since(before).as_secs_f64();
        // A frame more or less has begun, and a hundredth of a rate is lost where registers round.
        let rate = mode.rate as f64;
        let wanted = least * rate * 0.99 - 1.0..=most * rate * 1.01 + 1.0;
        ensure!(
            wanted.contains(&f64::from(passed)),
            "{passed} frames are begun in {least:.3} to {most:.3} s at {rate} Hz"
        );
        if passed >= FRAMES {
            return Ok(());
        }
    }
}

/// The line goes on within a frame, and stays below the total.
fn lines_go_on(guest: &mut Guest<'_>) -> Result<()> {
    /// How far around the begin of the blank a line may be another frame's.
    const EDGE: u32 = 4;
    let mode = Mode { rate: 10, ..MODE };
    mode.turn_on(guest)?;
    let (total, active) = (mode.total().1, mode.size.1);
    let mut seen = Vec::new();
    let mut last: Option<(u32, u32)> = None;
    let begun = Instant::now();
    while seen.len() < 40 {
        ensure!(begun.elapsed() < PATIENCE, "the line does not go on");
        let before = frames(guest)?;
        let line = guest.read32(pipe::LINE)? & pipe::LINE_MASK;
        let after = frames(guest)?;
        ensure!(line < total, "line {line} of {total}");
        // Frames are counted when the blank begins.
        let place = (line + total - active) % total;
        if before != after || !(EDGE..total - EDGE).contains(&place) {
            continue;
        }
        if let Some((frame, earlier)) = last {
            ensure!(
                frame != before || earlier <= place,
                "within a frame, {earlier} lines after its begin come {place}"
            );
        }
        last = Some((before, place));
        if !seen.contains(&line) {
            seen.push(line);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Each vertical blank sends one message, if it is unmasked.
fn interrupts_come(guest: &mut Guest<'_>) -> Result<()> {
    const MESSAGES: u64 = 10;
    let event = Event::new()?;
    guest.connect_msi(&event)?;
    guest.enable_msi()?;
    MODE.turn_on(guest)?;
    wait_frames(guest, 3)?;
    equal("the messages of masked blanks", event.count()?, 0)?;
    let first = frames(guest)?;
    let (mut messages, mut late, mut last) = (0, 0, first);
    let mut was_late = false;
    listen(guest, 0)?;
    while messages < MESSAGES {
        let came = event.wait()?;
        messages += came;
        let identity = guest.read32(pipe::GROUP + IIR)? & pipe::VBLANK;
        equal("the identity", identity, pipe::VBLANK)?;
        let master = guest.read32(MASTER)? & pipe::MASTER;
        equal("the master's bit", master, pipe::MASTER)?;
        // Once: a blank that came meanwhile is told by a message when it comes, and by one now.
        guest.write32(pipe::GROUP + IIR, identity)?;
        let now = frames(guest)?;
        let more = u64::from(now.wrapping_sub(last).saturating_sub(1));
        if more == 0 && !was_late {
            equal("the messages of one blank", came, 1)?;
        }
        was_late = more != 0;
        late += more;
        last = now;
    }
    let passed = u64::from(last.wrapping_sub(first));
    ensure!(
        messages <= passed + late + 2,
        "{messages} messages came with {passed} frames, for {late} of which the guest was late"
    );
    guest.write32(pipe::GROUP + IMR, u32::MAX)?;
    guest.write32(pipe::GROUP + IIR, u32::MAX)?;
    guest.write32(pipe::GROUP + IIR, u32::MAX)?;
    let _ = event.count()?;
    wait_frames(guest, 3)?;
    equal("the messages of masked blanks", event.count()?, 0)
}

/// A pipe that is off begins no frames, and sends nothing.
fn off_is_quiet(guest: &mut Guest<'_>) -> Result<()> {
    let event = Event::new()?;
    guest.connect_msi(&event)?;
    MODE.turn_on(guest)?;
    listen(guest, 0)?;
    wait_frames(guest, 2)?;
    guest.write32(transcoder::CONTROL, 0)?;
    let state = guest.read32(transcoder::CONTROL)? & transcoder::STATE;
    equal("that it is on", state, 0)?;
    guest.write32(pipe::GROUP + IIR, u32::MAX)?;
    guest.write32(pipe::GROUP + IIR, u32::MAX)?;
    let (_, before) = (event.count()?, frames(guest)?);
    std::thread::sleep(QUIET);
    equal("the frames of a pipe that is off", frames(guest)?, before)?;
    equal("the messages of a pipe that is off", event.count()?, 0)
}

/// Eventfds come and go while vertical blanks send messages.
pub(super) fn storm_of_requests(guest: &mut Guest<'_>) -> Result<()> {
    let events = [Event::new()?, Event::new()?];
    guest.connect_msi(&events[0])?;
    guest.enable_msi()?;
    Mode { rate: 240, ..MODE }.turn_on(guest)?;
    listen(guest, 0)?;
    let begun = Instant::now();
    let (mut round, mut messages) = (0_u64, 0);
    while messages < 100 {
        ensure!(begun.elapsed() < PATIENCE, "no messages come");
        guest.connect_msi(&events[round as usize % 2])?;
        if round % 16 == 0 {
            guest.disconnect_msi()?;
        }
        messages += events[0].count()? + events[1].count()?;
        round += 1;
    }
    let elapsed = begun.elapsed().as_secs_f64();
    ensure!(
        messages as f64 <= elapsed * MOST_RATE + 10.0,
        "{messages} messages came in {elapsed:.3} s"
    );
    guest.disconnect_msi()?;
    let _ = events[0].count()? + events[1].count()?;
    wait_frames(guest, 10)?;
    for event in &events {
        equal("the messages of one that is gone", event.count()?, 0)?;
    }
    screen::turn_off(guest)?;
    guest.works()
}

/// Timing registers hold nonsense while the pipe is on.
pub(super) fn timings(guest: &mut Guest<'_>) -> Result<()> {
    let clocks = [
        clock::CONTROL1,
        clock::CONTROL2,
        clock::SELECT_B,
        clock::PLL_B,
        LCPLLS[0],
        WRPLLS[0],
        transcoder::FUNCTION,
        transcoder::SOURCE,
    ];
    let dividers = clock::PLL_B_DIVIDERS.map(|(at, _)| at);
    let all: Vec<u64> = transcoder::TIMES
        .into_iter()
        .chain(clocks)
        .chain(dividers)
        .collect();
    for value in [0, u32::MAX, 1, 1 << 31, 0xffff, 0xffff_0000] {
        // Each alone, before the pipe is turned on and after.
        for at in &all {
            MODE.turn_on(guest)?;
            guest.write32(*at, value)?;
            looked_at(guest)?;
            guest.write32(transcoder::CONTROL, 0)?;
            guest.write32(transcoder::CONTROL, transcoder::ENABLE)?;
            looked_at(guest)?;
        }
        // All together.
        for at in &all {
            guest.write32(*at, value)?;
        }
        guest.write32(transcoder::CONTROL, 0)?;
        guest.write32(transcoder::CONTROL, transcoder::ENABLE)?;
        looked_at(guest)?;
        guest.restart()?;
    }
    counts_frames(guest, MODE)?;
    guest.works()
}

/// Everything is read that follows from the time.
fn looked_at(guest: &mut Guest<'_>) -> Result<()> {
    frames(guest)?;
    guest.read32(pipe::LINE)?;
    guest.read32(pipe::FLIPS)?;
    Ok(())
}

/// The fastest timings, on all pipes at once, turned on and off all the time.
pub(super) fn timer_storm(guest: &mut Guest<'_>) -> Result<()> {
    let event = Event::new()?;
    guest.connect_msi(&event)?;
    guest.enable_msi()?;
    MODE.turn_on(guest)?;
    for number in 0..transcoder::COUNT {
        listen(guest, number)?;
        let apart = number * transcoder::STRIDE;
        for (at, value) in [
            (transcoder::HTOTAL, 0),
            (transcoder::VTOTAL, 0),
            (transcoder::LINK_M, u32::MAX),
            (transcoder::LINK_N, 1),
            (transcoder::FUNCTION, guest.read32(transcoder::FUNCTION)?),
            (transcoder::CONTROL, transcoder::ENABLE),
        ] {
            guest.write32(at + apart, value)?;
        }
    }
    let messages = at_most(guest, &event, |_, _| {
        std::thread::sleep(Duration::from_millis(5));
        Ok(())
    })?;
    ensure!(messages > 0, "no message came");
    // Registers change all the time: that makes no more of them.
    at_most(guest, &event, |guest, round| {
        let apart = u64::from(round) % transcoder::COUNT * transcoder::STRIDE;
        guest.write32(transcoder::CONTROL + apart, 0)?;
        guest.write32(transcoder::HTOTAL + apart, round)?;
        guest.write32(transcoder::CONTROL + apart, transcoder::ENABLE)
    })?;
    screen::turn_off(guest)?;
    guest.works()
}

/// Does something all the time, for a second, and counts the messages. Nothing is acknowledged: what came
/// meanwhile would be told then, by one more message.
fn at_most(
    guest: &mut Guest<'_>,
    event: &Event,
    act: impl Fn(&mut Guest<'_>, u32) -> Result<()>,
) -> Result<u64> {
    const TIME: Duration = Duration::from_secs(1);
    /// Messages that a write of a register sends at once, and that were under way.
    const SLACK: f64 = 12.0;
    let begun = Instant::now();
    let _ = event.count()?;
    let mut round = 0;
    while begun.elapsed() < TIME {
        act(guest, round)?;
        round += 1;
    }
    let messages = event.count()?;
    let elapsed = begun.elapsed().as_secs_f64();
    ensure!(
        messages as f64 <= elapsed * MOST_RATE + SLACK,
        "{messages} messages came in {elapsed:.3} s"
    );
    Ok(messages)
}
