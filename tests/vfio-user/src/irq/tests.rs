// SPDX-License-Identifier: GPL-2.0 OR MIT
use std::io::Read;
use std::os::fd::AsFd;

use rustix::event::{eventfd, EventfdFlags};
use vfio_bindings::bindings::vfio::VFIO_IRQ_INFO_EVENTFD;

use super::*;

/// Index of a maskable line, and of a message that is not.
const LINE: u32 = 0;
const MESSAGE: u32 = 1;

fn interrupts() -> Interrupts {
    let line = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
    Interrupts::new(&[
        IrqIndex {
            count: 1,
            flags: line,
        },
        IrqIndex {
            count: 2,
            flags: VFIO_IRQ_INFO_EVENTFD,
        },
    ])
}

/// An eventfd that starts out blocking, as a careless client would send it.
fn event() -> OwnedFd {
    eventfd(0, EventfdFlags::CLOEXEC).unwrap()
}

/// How often the eventfd was signalled since the last look.
fn count(event: &OwnedFd) -> u64 {
    fcntl_setfl(event.as_fd(), OFlags::NONBLOCK).unwrap();
    let mut bytes = [0; 8];
    match File::from(event.try_clone().unwrap()).read_exact(&mut bytes) {
        Ok(()) => u64::from_ne_bytes(bytes),
        Err(_) => 0,
    }
}

fn set(index: u32, action: IrqAction, data: IrqData<'_>, count: u32) -> IrqSet<'_> {
    IrqSet {
        action,
        data,
        index,
        start: 0,
        count,
    }
}

fn connect(interrupts: &Interrupts, index: u32) -> OwnedFd {
    let ours = event();
    let theirs = ours.try_clone().unwrap();
    interrupts
        .set(
            &set(index, IrqAction::Trigger, IrqData::Eventfd, 1),
            vec![theirs],
        )
        .unwrap();
    ours
}

#[test]
fn trigger_when_connected_then_signals_each_time() {
    let interrupts = interrupts();
    let event = connect(&interrupts, MESSAGE);

    interrupts.trigger(MESSAGE, 0);
    interrupts.trigger(MESSAGE, 0);
    interrupts.trigger(MESSAGE, 1);
    interrupts.trigger(7, 0);

    assert_eq!(count(&event), 2);
    assert!(interrupts.is_connected(MESSAGE, 0));
    assert!(!interrupts.is_connected(MESSAGE, 1));
}

#[test]
fn trigger_when_counter_is_full_then_does_not_block() {
    let interrupts = interrupts();
    let event = connect(&interrupts, MESSAGE);
    write(&event, &(u64::MAX - 1).to_ne_bytes()).unwrap();

    interrupts.trigger(MESSAGE, 0);

    assert_eq!(count(&event), u64::MAX - 1);
}

#[test]
fn set_level_when_line_stays_high_then_interrupts_once_per_unmask() {
    let interrupts = interrupts();
    let event = connect(&interrupts, LINE);

    interrupts.set_level(LINE, 0, true);
    interrupts.set_level(LINE, 0, true);
    assert_eq!(count(&event), 1);

    interrupts
        .set(&set(LINE, IrqAction::Unmask, IrqData::None, 1), vec![])
        .unwrap();
    assert_eq!(count(&event), 1);

    interrupts.set_level(LINE, 0, false);
    interrupts
        .set(&set(LINE, IrqAction::Unmask, IrqData::None, 1), vec![])
        .unwrap();
    assert_eq!(count(&event), 0);
}

#[test]
fn connect_when_line_is_high_already_then_interrupts() {
    let interrupts = interrupts();
    interrupts.set_level(LINE, 0, true);

    let event = connect(&interrupts, LINE);

    assert_eq!(count(&event), 1);
}

#[test]
fn mask_when_interrupt_comes_then_it_waits_for_unmask() {
    let interrupts = interrupts();
    let event = connect(&interrupts, LINE);
    interrupts
        .set(&set(LINE, IrqAction::Mask, IrqData::Bool(&[1]), 1), vec![])
        .unwrap();

    interrupts.trigger(LINE, 0);
    assert_eq!(count(&event), 0);
    interrupts
        .set(
            &set(LINE, IrqAction::Unmask, IrqData::Bool(&[0]), 1),
            vec![],
        )
        .unwrap();
    assert_eq!(count(&event), 0);
    interrupts
        .set(
            &set(LINE, IrqAction::Unmask, IrqData::Bool(&[1]), 1),
            vec![],
        )
        .unwrap();

    assert_eq!(count(&event), 1);
}

#[test]
fn set_when_client_fires_itself_then_signals() {
    let interrupts = interrupts();
    let event = connect(&interrupts, MESSAGE);

    interrupts
        .set(&set(MESSAGE, IrqAction::Trigger, IrqData::None, 1), vec![])
        .unwrap();

    assert_eq!(count(&event), 1);
}

#[test]
fn set_when_disabled_then_nobody_is_connected() {
    let interrupts = interrupts();
    let event = connect(&interrupts, MESSAGE);

    interrupts
        .set(&set(MESSAGE, IrqAction::Trigger, IrqData::None, 0), vec![])
        .unwrap();
    interrupts.trigger(MESSAGE, 0);

    assert_eq!(count(&event), 0);
    assert!(!interrupts.is_connected(MESSAGE, 0));
}

#[test]
fn set_when_no_fds_come_then_the_range_is_disconnected() {
    let interrupts = interrupts();
    let _event = connect(&interrupts, MESSAGE);

    interrupts
        .set(
            &set(MESSAGE, IrqAction::Trigger, IrqData::Eventfd, 1),
            vec![],
        )
        .unwrap();

    assert!(!interrupts.is_connected(MESSAGE, 0));
}

#[test]
fn set_when_request_does_not_fit_then_refused_and_nothing_changes() {
    let interrupts = interrupts();
    let _event = connect(&interrupts, MESSAGE);
    let null = || OwnedFd::from(File::open("/dev/null").unwrap());
    let eventfds = |count| set(MESSAGE, IrqAction::Trigger, IrqData::Eventfd, count);
    let beyond = IrqSet {
        start: 1,
        ..set(MESSAGE, IrqAction::Trigger, IrqData::None, 2)
    };

    let cases = [
        (
            set(9, IrqAction::Trigger, IrqData::None, 0),
            vec![],
            Errno::INVAL,
        ),
        (
            set(MESSAGE, IrqAction::Mask, IrqData::None, 1),
            vec![],
            Errno::INVAL,
        ),
        (
            set(LINE, IrqAction::Unmask, IrqData::Eventfd, 1),
            vec![event()],
            Errno::NOTSUP,
        ),
        (eventfds(2), vec![event()], Errno::INVAL),
        (eventfds(1), vec![event(), event()], Errno::INVAL),
        (eventfds(1), vec![null()], Errno::INVAL),
        (eventfds(3), vec![event(), event(), event()], Errno::INVAL),
        (beyond, vec![], Errno::INVAL),
    ];
    for (index, (request, fds, errno)) in cases.into_iter().enumerate() {
        assert_eq!(interrupts.set(&request, fds), Err(errno), "case {index}");
    }
    assert!(interrupts.is_connected(MESSAGE, 0));
    assert!(!interrupts.is_connected(MESSAGE, 1));
}
