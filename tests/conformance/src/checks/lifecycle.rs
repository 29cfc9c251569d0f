// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Opening, closing, describing, waking.

use super::{aperture, open, refused};
use crate::table::{ensure, expect, CLIENT, INFO_ROOM};
use crate::{Check, Context, Outcome};
use core::cell::Cell;
use iface::errno::{EBUSY, EFAULT, EINVAL, ENODEV};
use iface::registers::Platform;
use iface::snapshot::Blob;
use iface::types::{mmio, ContextRequest, Info, MmioOp, GGTT_PAGE_SIZE};
use iface::version::{HOST_MAGIC, MAJOR};
use iface::{ClientTable, Header};

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "every operation of a device that is not open",
        run: not_open,
    },
    Check {
        name: "open without a client table",
        run: no_client,
    },
    Check {
        name: "open with a client table that does not fit",
        run: wrong_client,
    },
    Check {
        name: "open twice, close twice, open again",
        run: twice,
    },
    Check {
        name: "info",
        run: info,
    },
    Check {
        name: "info by a client that knows less or more",
        run: info_sizes,
    },
    Check {
        name: "snapshot",
        run: snapshot,
    },
    Check {
        name: "wake_get and wake_put",
        run: wake,
    },
];

fn not_open(context: &Context<'_>) -> Outcome {
    let table = &context.table;
    expect("close", table.close(), -ENODEV)?;
    refused("info", table.info(), -ENODEV)?;
    refused("snapshot", table.snapshot(), -ENODEV)?;
    let mut read = [MmioOp {
        kind: mmio::READ,
        ..MmioOp::default()
    }];
    expect("mmio_exec", table.mmio_exec(&mut read), -ENODEV)?;
    expect("wake_get", table.wake_get(), -ENODEV)?;
    expect("wake_put", table.wake_put(), -ENODEV)?;
    refused("ggtt_reserve", table.ggtt_reserve(&aperture(1)), -ENODEV)?;
    expect("ggtt_release", table.ggtt_release(1), -ENODEV)?;
    expect("ggtt_write", table.ggtt_write(1, 0, &[0]), -ENODEV)?;
    refused("fences_reserve", table.fences_reserve(1), -ENODEV)?;
    expect("fences_release", table.fences_release(1), -ENODEV)?;
    expect("fence_write", table.fence_write(1, 0, 0, 0), -ENODEV)?;
    let mut byte = [0];
    refused("buffer_alloc", table.buffer_alloc(GGTT_PAGE_SIZE), -ENODEV)?;
    expect("buffer_free", table.buffer_free(1), -ENODEV)?;
    expect("buffer_read", table.buffer_read(1, 0, &mut byte), -ENODEV)?;
    expect("buffer_write", table.buffer_write(1, 0, &byte), -ENODEV)?;
    let request = ContextRequest {
        engine: 1,
        reserved: 0,
        commands: 2,
    };
    refused("ctx_create", table.ctx_create(&request), -ENODEV)?;
    expect("ctx_destroy", table.ctx_destroy(1), -ENODEV)?;
    expect("ctx_read", table.ctx_read(1, 0, &mut byte), -ENODEV)?;
    expect("ctx_write", table.ctx_write(1, 0, &byte), -ENODEV)?;
    expect("ctx_submit", table.ctx_submit(1, 0, &[0, 0], 0), -ENODEV)?;
    expect("ctx_kill", table.ctx_kill(1, 0), -ENODEV)
}

fn no_client(context: &Context<'_>) -> Outcome {
    expect("open", context.table.open_as(None), -EFAULT)?;
    expect("close", context.table.close(), -ENODEV)
}

fn wrong_client(context: &Context<'_>) -> Outcome {
    static OTHER_LAYOUT: [u64; 1] = [0];
    let right = ClientTable::HEADER;
    let with = |header: Header| ClientTable { header, ..CLIENT };
    let wrong = [
        (
            "open with the magic of a host",
            with(Header {
                magic: HOST_MAGIC,
                ..right
            }),
        ),
        (
            "open with another major",
            with(Header {
                major: MAJOR + 1,
                ..right
            }),
        ),
        (
            "open with a short table",
            with(Header {
                size: right.size - 1,
                ..right
            }),
        ),
        (
            "open with another layout",
            with(Header {
                layouts: OTHER_LAYOUT.as_ptr(),
                ..right
            }),
        ),
        (
            "open without layouts",
            with(Header {
                layout_count: 0,
                ..right
            }),
        ),
        (
            "open without a function",
            ClientTable {
                resume: None,
                ..CLIENT
            },
        ),
        (
            "open without the last function",
            ClientTable {
                submit_done: None,
                ..CLIENT
            },
        ),
    ];
    for (what, client) in &wrong {
        expect(what, context.table.open_as(Some(client)), -EINVAL)?;
    }
    expect("close", context.table.close(), -ENODEV)
}

fn twice(context: &Context<'_>) -> Outcome {
    open(context)?;
    expect("second open", context.table.open(), -EBUSY)?;
    expect("close", context.table.close(), 0)?;
    expect("second close", context.table.close(), -ENODEV)?;
    open(context)
}

fn info(context: &Context<'_>) -> Outcome {
    open(context)?;
    expect("info to nowhere", context.table.info_into(None, 8), -EFAULT)?;
    let room = Cell::new([0; INFO_ROOM]);
    expect(
        "info of no bytes",
        context.table.info_into(Some(&room), 0),
        -EINVAL,
    )?;
    let Ok(info) = context.table.info() else {
        return refused("info", context.table.info(), 0);
    };
    ensure(
        "a known platform",
        Platform::from_number(info.platform).is_some().into(),
        1,
    )?;
    ensure("vendor", info.vendor.into(), 0x8086)?;
    ensure(
        "engines",
        (1..=info.engines.len() as u32)
            .contains(&info.engine_count)
            .into(),
        1,
    )?;
    let masks = info
        .engines
        .iter()
        .take(info.engine_count as usize)
        .map(|engine| engine.mask);
    let all = masks.clone().fold(0, |all, mask| all | mask);
    ensure(
        "bits of engines",
        all.count_ones().into(),
        info.engine_count.into(),
    )?;
    ensure(
        "engines have a bit each",
        masks.filter(|mask| mask.count_ones() != 1).count() as i64,
        0,
    )?;
    ensure(
        "aperture in the GGTT",
        (info.aperture_size <= info.ggtt_size).into(),
        1,
    )?;
    ensure("aperture", (info.aperture_size > 0).into(), 1)?;
    ensure("fences", (info.fence_count > 0).into(), 1)
}

fn info_sizes(context: &Context<'_>) -> Outcome {
    const MARK: u8 = 0xa5;
    open(context)?;
    let known = size_of::<Info>();
    for size in [1, 4, known - 1, known, INFO_ROOM] {
        let room = Cell::new([MARK; INFO_ROOM]);
        expect("info", context.table.info_into(Some(&room), size as u32), 0)?;
        let room = room.get();
        let beyond = room.iter().skip(size).filter(|byte| **byte != MARK).count();
        ensure("bytes written beyond the size", beyond as i64, 0)?;
        let tail = room
            .iter()
            .take(size)
            .skip(known)
            .filter(|byte| **byte != 0)
            .count();
        ensure("bytes not zero behind what is known", tail as i64, 0)?;
    }
    Ok(())
}

fn snapshot(context: &Context<'_>) -> Outcome {
    open(context)?;
    expect(
        "snapshot to nowhere",
        context.table.snapshot_nowhere(),
        -EFAULT,
    )?;
    let Ok(first) = context.table.snapshot() else {
        return refused("snapshot", context.table.snapshot(), 0);
    };
    let Ok(blob) = Blob::new(first) else {
        return ensure("a whole snapshot", 0, 1);
    };
    let Ok(info) = context.table.info() else {
        return refused("info", context.table.info(), 0);
    };
    ensure("platform", blob.platform() as i64, info.platform.into())?;
    let mut ids = blob
        .config()
        .chunks_exact(2)
        .map(|id| id == info.vendor.to_le_bytes());
    ensure(
        "the vendor stands first",
        ids.next().unwrap_or(false).into(),
        1,
    )?;
    expect("close", context.table.close(), 0)?;
    open(context)?;
    let same = context.table.snapshot().is_ok_and(|second| second == first);
    ensure("the same after close and open", same.into(), 1)
}

fn wake(context: &Context<'_>) -> Outcome {
    open(context)?;
    let table = &context.table;
    expect("wake_put of nothing", table.wake_put(), -EINVAL)?;
    expect("wake_get", table.wake_get(), 0)?;
    expect("second wake_get", table.wake_get(), 0)?;
    expect("wake_put", table.wake_put(), 0)?;
    expect("second wake_put", table.wake_put(), 0)?;
    expect("third wake_put", table.wake_put(), -EINVAL)?;
    // What is left is given back by close.
    expect("wake_get", table.wake_get(), 0)?;
    expect("close", table.close(), 0)?;
    open(context)?;
    expect("wake_put after close", table.wake_put(), -EINVAL)
}
