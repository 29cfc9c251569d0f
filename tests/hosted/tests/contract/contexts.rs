// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Logical contexts: making them, their images, and the default state.

use super::work::{context, ends, load, page, store, wait, COMMANDS, GARBAGE, NOOP, NO_TABLES};
use super::NO_HANDLE;
use gen9_gpu::regs::engine::GPR0;
use gen9_gpu::EngineId;
use hosted_glue::bed::Bed;
use hosted_glue::card::engine_mask;
use hosted_glue::raw::Raw;
use iface::client::Outcome;
use iface::errno::{
    E2BIG, EBADF, EBUSY, EINVAL, EIO, ENODATA, ENOMEM, ENOSPC, EPERM, ERANGE, ESRCH,
};
use iface::image::{DWORD, STATUS_PAGE};
use iface::types::{ContextRequest, MAX_COMMANDS, MAX_CONTEXTS, MAX_SEGMENTS, PTE_ADDRESS};
use kernel::testing::fail_each_alloc_with;

/// Dword of the ring context that holds the context time stamp.
const TIMESTAMP: u64 = STATUS_PAGE + 0x23 * DWORD;

/// A context on the render engine.
fn request() -> ContextRequest {
    ContextRequest {
        engine: engine_mask(EngineId::Rcs0),
        commands: COMMANDS,
        ..ContextRequest::default()
    }
}

#[test]
fn ctx_create_that_is_wrong_returns_its_error_and_takes_nothing() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let engines = raw.info().engines.iter().fold(0, |all, e| all | e.mask);
    let wrong = [
        (
            "no engine",
            ContextRequest {
                engine: 0,
                ..request()
            },
        ),
        (
            "two engines",
            ContextRequest {
                engine: 3,
                ..request()
            },
        ),
        (
            "another engine",
            ContextRequest {
                engine: engines + 1,
                ..request()
            },
        ),
        (
            "no commands",
            ContextRequest {
                commands: 0,
                ..request()
            },
        ),
        (
            "too many",
            ContextRequest {
                commands: MAX_COMMANDS + 1,
                ..request()
            },
        ),
        (
            "reserved",
            ContextRequest {
                reserved: 1,
                ..request()
            },
        ),
    ];
    for (what, request) in wrong {
        assert_eq!(raw.context(request), Err(-EINVAL), "{what}");
    }
    bed.card().forget_default_states(true);
    assert_eq!(raw.context(request()), Err(-ENODATA));
    bed.card().forget_default_states(false);
    bed.card().break_wake(true);
    assert_eq!(raw.context(request()), Err(-EIO));
    bed.card().break_wake(false);
    assert_eq!((bed.card().own_pages(), bed.card().wakerefs()), (0, 0));
}

#[test]
fn ctx_create_gives_at_least_what_was_asked_for() {
    for gpu in ["bdw", "skl", "kbl", "bxt", "cfl", "cml"] {
        let bed = Bed::new(gpu);
        let raw = Raw::opened(&bed);
        let info = raw.info();
        for engine in &info.engines[..info.engine_count as usize] {
            for commands in [1, 2, 1000, MAX_COMMANDS] {
                let made = raw.context(ContextRequest {
                    engine: engine.mask,
                    commands,
                    ..ContextRequest::default()
                });
                let made = made.unwrap();
                assert_eq!(made.image, engine.context_size, "{gpu} {engine:?}");
                assert!(made.commands >= commands);
                let most = vec![NOOP; made.commands as usize & !1];
                assert_eq!(raw.submit(made.handle, NO_TABLES, &most, 0), 0);
                bed.card().run_engines();
                assert_eq!(raw.ctx_destroy(made.handle), 0);
            }
        }
    }
}

#[test]
fn contexts_beyond_the_most_return_enospc_and_take_nothing() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let mut contexts = Vec::new();
    while let Ok(context) = raw.context(request()) {
        contexts.push(context);
        assert!(contexts.len() <= MAX_CONTEXTS, "no end of handles");
    }
    let used = bed.card().own_pages();
    assert_eq!(raw.context(request()), Err(-ENOSPC));
    assert_eq!(bed.card().own_pages(), used);
    assert_eq!(contexts.len(), MAX_CONTEXTS);
    assert_eq!(raw.ctx_destroy(contexts[3].handle), 0);
    assert!(raw.context(request()).is_ok());
    assert_eq!(raw.close(), 0);
    // The engine's own status page.
    assert_eq!((bed.card().own_pages(), bed.card().wakerefs()), (1, 0));
}

#[test]
fn handles_that_name_no_context_return_ebadf() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let gone = raw.context(request()).unwrap();
    assert_eq!(raw.ctx_destroy(gone.handle), 0);
    for handle in [0, NO_HANDLE, u64::MAX, gone.handle] {
        assert_eq!(raw.ctx_destroy(handle), -EBADF);
        assert_eq!(raw.ctx_read(handle, 0, &mut [0; 4]), -EBADF);
        assert_eq!(raw.ctx_write(handle, TIMESTAMP, &[0; 4]), -EBADF);
        assert_eq!(raw.submit(handle, NO_TABLES, &[NOOP; 2], 0), -EBADF);
        assert_eq!(raw.kill(handle, 0), -EBADF);
    }
}

#[test]
fn new_context_has_the_default_state_whatever_others_hold() {
    const WRITTEN: [u8; 4] = [0xa5; 4];
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    for engine in [EngineId::Rcs0, EngineId::Vecs0] {
        let new = || {
            let made = raw.context(ContextRequest {
                engine: engine_mask(engine),
                ..request()
            });
            made.unwrap()
        };
        let image = |handle, size| {
            let mut image = vec![1; size as usize];
            assert_eq!(raw.ctx_read(handle, 0, &mut image), 0);
            image
        };
        let first = new();
        let default = image(first.handle, first.image);
        let (status, saved) = default.split_at(STATUS_PAGE as usize);
        assert!(status.iter().all(|byte| *byte == 0));
        assert!(saved.iter().any(|byte| *byte != 0));
        // What the first one does is its own.
        assert_eq!(raw.ctx_write(first.handle, TIMESTAMP, &WRITTEN), 0);
        let gpr = engine.mmio_base().add(GPR0).0;
        assert_eq!(raw.submit(first.handle, NO_TABLES, &load(gpr, 7), 1), 0);
        bed.card().run_engines();
        assert!(image(first.handle, first.image) != default);

        let second = new();
        assert!(image(second.handle, second.image) == default);
    }
}

#[test]
fn ctx_read_and_write_that_are_wrong_return_their_error_and_change_nothing() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let made = raw.context(request()).unwrap();
    let handle = made.handle;
    let mut before = vec![0; made.image as usize];
    assert_eq!(raw.ctx_read(handle, 0, &mut before), 0);
    let two = [0xa5; 8];

    for offset in [made.image - 4, made.image, u64::MAX - 3] {
        assert_eq!(raw.ctx_read(handle, offset, &mut [0; 8]), -ERANGE);
        assert_eq!(raw.ctx_write(handle, offset, &two), -ERANGE);
    }
    assert_eq!(raw.ctx_write(handle, TIMESTAMP + 2, &two), -EINVAL);
    assert_eq!(raw.ctx_write(handle, TIMESTAMP, &two[..6]), -EINVAL);
    // The status page, and what says what is executed where: each alone, and behind one that is
    // the client's.
    let ring = [0x03, 0x05, 0x07, 0x09, 0x0b];
    let tables = [0x25, 0x27, 0x29, 0x2b, 0x2d, 0x2f, 0x31, 0x33];
    for dword in ring.into_iter().chain(tables) {
        let at = STATUS_PAGE + dword * DWORD;
        assert_eq!(raw.ctx_write(handle, at, &two[..4]), -EPERM);
        assert_eq!(raw.ctx_write(handle, at - DWORD, &two), -EPERM);
    }
    for offset in [0, 0x40, STATUS_PAGE - DWORD] {
        assert_eq!(raw.ctx_write(handle, offset, &two[..4]), -EPERM);
    }
    let mut after = vec![0; made.image as usize];
    assert_eq!(raw.ctx_read(handle, 0, &mut after), 0);
    assert!(before == after);

    assert_eq!(raw.ctx_write(handle, TIMESTAMP, &two[..4]), 0);
    assert_eq!(raw.ctx_write(handle, made.image - 8, &two), 0);
    let mut read = [0; 8];
    assert_eq!(raw.ctx_read(handle, made.image - 8, &mut read), 0);
    assert_eq!(read, two);
}

#[test]
fn image_has_what_the_engine_saved_and_gives_it_to_the_next_submission() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let host = kvmgt.host();
    let (made, result) = (context(host, EngineId::Rcs0), page(host));
    let gpr = EngineId::Rcs0.mmio_base().add(GPR0).0;
    let commands = load(gpr, 0x1234_5678);
    host.ctx_submit(made.handle, NO_TABLES, &[&commands], 1)
        .unwrap();
    bed.card().run_engines();

    // The image is pairs of a register's offset and its value.
    let mut image = vec![0; made.image as usize];
    host.ctx_read(made.handle, 0, &mut image).unwrap();
    let dwords = image
        .chunks_exact(4)
        .map(|d| u32::from_le_bytes(d.try_into().unwrap()));
    let saved: Vec<u32> = dwords.collect();
    let at = saved.windows(2).position(|pair| pair == [gpr, 0x1234_5678]);
    let value = (at.expect("the register was saved") as u64 + 1) * DWORD;
    host.ctx_write(made.handle, value, &0x9abc_def0_u32.to_le_bytes())
        .unwrap();
    // MI_STORE_REGISTER_MEM to the GGTT.
    const SRM: u32 = 0x24 << 23 | 1 << 22 | 2;
    let commands = [SRM, gpr, result.start as u32, (result.start >> 32) as u32];
    host.ctx_submit(made.handle, NO_TABLES, &[&commands], 2)
        .unwrap();
    bed.card().run_engines();

    assert_eq!(super::work::dword(host, &result, 0), 0x9abc_def0);
    let done = [1, 2].map(|tag| (made.handle, tag, Outcome::Done));
    assert_eq!(ends(&kvmgt), done);
}

#[test]
fn ctx_submit_that_is_wrong_returns_its_error() {
    let bed = Bed::new("kbl");
    let raw = Raw::opened(&bed);
    let made = raw.context(request()).unwrap();
    let submit = |root, commands: &[u32]| raw.submit(made.handle, root, commands, 0);
    assert_eq!(submit(NO_TABLES + 8, &[NOOP; 2]), -EINVAL);
    assert_eq!(submit(PTE_ADDRESS + 0x1000, &[NOOP; 2]), -EINVAL);
    assert_eq!(submit(NO_TABLES, &[]), -EINVAL);
    assert_eq!(submit(NO_TABLES, &[NOOP; 3]), -EINVAL);
    let many = vec![NOOP; (made.commands as usize & !1) + 2];
    assert_eq!(submit(NO_TABLES, &many), -E2BIG);
    let submit_all = |segments: &[&[u32]]| raw.submit_segments(made.handle, NO_TABLES, segments, 0);
    assert_eq!(submit_all(&[]), -EINVAL);
    assert_eq!(submit_all(&[&[], &[]]), -EINVAL);
    assert_eq!(submit_all(&[&[NOOP; 2], &[NOOP; 3]]), -EINVAL);
    assert_eq!(submit_all(&[&many[2..], &[NOOP; 2]]), -E2BIG);
    assert_eq!(submit_all(&[&[NOOP; 2][..]; MAX_SEGMENTS + 1]), -E2BIG);
    bed.card().break_wake(true);
    assert_eq!(submit(NO_TABLES, &[NOOP; 2]), -EIO);
    bed.card().break_wake(false);
    assert_eq!(submit(NO_TABLES, &[NOOP; 2]), 0);
}

#[test]
fn context_that_executes_is_busy() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let (host, raw) = (kvmgt.host(), Raw::new(&bed));
    let (made, flag) = (context(host, EngineId::Bcs0), page(host));
    let handle = made.handle;
    host.ctx_submit(handle, NO_TABLES, &[&wait(flag.start, 1)], 9)
        .unwrap();
    bed.card().run_engines();

    assert_eq!(raw.ctx_destroy(handle), -EBUSY);
    assert_eq!(raw.ctx_read(handle, 0, &mut [0; 4]), -EBUSY);
    assert_eq!(raw.ctx_write(handle, TIMESTAMP, &[0; 4]), -EBUSY);
    assert_eq!(raw.submit(handle, NO_TABLES, &[NOOP; 2], 0), -EBUSY);
    assert_eq!(ends(&kvmgt), []);
    assert!(!bed.card().runtime_suspend(), "the GPU is in use");

    super::work::signal(host, &flag, 1);
    bed.card().run_engines();
    assert_eq!(ends(&kvmgt), [(handle, 9, Outcome::Done)]);
    assert_eq!(raw.ctx_destroy(handle), 0);
    assert!(bed.card().runtime_suspend());
}

#[test]
fn context_that_hung_is_dead_but_can_be_read() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let raw = Raw::new(&bed);
    let handle = context(kvmgt.host(), EngineId::Vcs0).handle;
    assert_eq!(raw.submit(handle, NO_TABLES, &[GARBAGE, NOOP], 4), 0);
    bed.card().run_engines();
    assert!(bed.card().declare_hung(EngineId::Vcs0));
    assert!(!bed.card().declare_hung(EngineId::Vcs0));
    bed.card().run_engines();

    assert_eq!(ends(&kvmgt), [(handle, 4, Outcome::Hung)]);
    assert_eq!(raw.submit(handle, NO_TABLES, &[NOOP; 2], 5), -EIO);
    assert_eq!(raw.ctx_write(handle, TIMESTAMP, &[0; 4]), -EIO);
    assert_eq!(raw.kill(handle, 4), -ESRCH);
    assert_eq!(raw.ctx_read(handle, 0, &mut [0; 4]), 0);
    assert_eq!(raw.ctx_destroy(handle), 0);
    assert_eq!((bed.card().wakerefs(), ends(&kvmgt).len()), (0, 0));
}

#[test]
fn context_with_each_allocation_failing_is_a_clean_enomem() {
    let bed = Bed::new("kbl");
    let kvmgt = bed.attach();
    let (host, result) = (kvmgt.host(), page(kvmgt.host()));
    // So that the engine is set up, which stays.
    host.ctx_destroy(context(host, EngineId::Rcs0).handle)
        .unwrap();
    let used = bed.card().own_pages();

    let mut value = 0;
    let sites = fail_each_alloc_with(
        || {
            let made = host.ctx_create(&request())?;
            value += 1;
            let commands = store(result.start, value);
            let submitted = host.ctx_submit(made.handle, NO_TABLES, &[&commands], 0);
            bed.card().run_engines();
            host.ctx_destroy(made.handle)?;
            submitted
        },
        |errno| errno.number() == ENOMEM,
    );

    // Image, ring, context, request.
    assert_eq!(sites, 4);
    assert_eq!(super::work::dword(host, &result, 0), value);
    assert_eq!((bed.card().own_pages(), bed.card().wakerefs()), (used, 0));
}
