// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Submission as a driver does it, on every engine of every platform.

use gen9_gpu::engine::command::mi;
use gen9_gpu::engine::ContextKey;
use gen9_gpu::regs::engine;
use gen9_gpu::regs::gt;
use gen9_gpu::testing::Driver;
use gen9_gpu::testing::TestContext;
use gen9_gpu::Activity;
use gen9_gpu::DmaAddress;
use gen9_gpu::EngineId;
use gen9_gpu::MmioOffset;
use gen9_gpu::Nanos;
use gen9_gpu::Options;
use gen9_gpu::Platform;
use gen9_gpu::PlatformId;

/// Where entries of the GGTT begin in BAR 0, and the size of a page as a power of two.
const GGTT_ENTRIES: u64 = 8 << 20;
const PAGE_SHIFT: u32 = 12;
const IDLE_TO_ACTIVE: u32 = 0x1;
const PREEMPTED: u32 = 0x2;
const COMPLETE_SWITCH: u32 = 0x14;
const COMPLETE_IDLE: u32 = 0x18;
const LITE_RESTORE: u32 = 0x8002;
const GARBAGE: u32 = 0xffff_ffff;
const USER_INTERRUPT: u32 = mi::USER_INTERRUPT << mi::OPCODE_SHIFT;
const ARB_CHECK: u32 = mi::ARB_CHECK << mi::OPCODE_SHIFT;

fn kbl() -> Driver {
    Driver::new(Options::for_platform(PlatformId::Kabylake))
}

fn store(address: u64, value: u32) -> [u32; 4] {
    let header = mi::STORE_DATA_IMM << mi::OPCODE_SHIFT | 2;
    [header, address as u32, (address >> 32) as u32, value]
}

/// Waits until the dword at `address` is `value`.
fn wait(address: u64, value: u32) -> [u32; 4] {
    const EQUAL: u32 = 4 << mi::SEMAPHORE_COMPARE_SHIFT;
    let header = mi::SEMAPHORE_WAIT << mi::OPCODE_SHIFT | mi::SEMAPHORE_POLL | EQUAL | 2;
    [header, value, address as u32, (address >> 32) as u32]
}

/// A context with one batch that stores `value` to a new page, whose address is returned.
fn storing(driver: &mut Driver, engine: EngineId, value: u32) -> (TestContext, u64) {
    let target = driver.allocate(1);
    let batch = driver.batch(&store(target, value));
    let mut context = driver.context(engine);
    driver.emit_batch(&mut context, batch);
    driver.emit(&mut context, &[USER_INTERRUPT]);
    (context, target)
}

/// A context with a batch that loops over an arbitration point, or over nothing.
fn spinning(driver: &mut Driver, engine: EngineId, arbitrates: bool) -> TestContext {
    let batch = driver.allocate(1);
    let start = mi::BATCH_BUFFER_START << mi::OPCODE_SHIFT | mi::BATCH_IN_PPGTT | 1;
    let first = if arbitrates { ARB_CHECK } else { mi::NOOP };
    driver.store(batch, &[first, start, batch as u32, 0]);
    let mut context = driver.context(engine);
    driver.emit_batch(&mut context, batch);
    context
}

#[test]
fn submission_when_on_any_engine_of_any_platform_then_executed_and_reported() {
    for platform in PlatformId::ALL {
        for device in Platform::get(platform).device_ids {
            let options = Options {
                device_id: device.id,
                ..Options::for_platform(platform)
            };
            let mut driver = Driver::new(options);
            for engine in driver.engines() {
                let what = format!("{platform:?} {:#x} {engine:?}", device.id);
                let (context, target) = storing(&mut driver, engine, 0x1234_5678);
                let messages = driver.interrupts.messages();

                driver.submit(&context, None);
                assert_eq!(driver.settle(), Activity::Idle, "{what}");

                assert_eq!(driver.load(target), 0x1234_5678, "{what}");
                let events = [(IDLE_TO_ACTIVE, 0), (COMPLETE_IDLE, context.id())];
                assert_eq!(driver.events(engine), events, "{what}");
                assert_eq!(driver.interrupts.messages(), messages + 1, "{what}");
                let (group, shift) = match engine {
                    EngineId::Rcs0 => (0, 0),
                    EngineId::Bcs0 => (0, 16),
                    EngineId::Vcs0 => (1, 0),
                    EngineId::Vcs1 => (1, 16),
                    EngineId::Vecs0 => (3, 0),
                };
                let mut expected = [0; 4];
                expected[group] = 0x101 << shift;
                assert_eq!(driver.acknowledge(), expected, "{what}");
            }
        }
    }
}

#[test]
fn submission_when_two_contexts_then_one_after_the_other() {
    let mut driver = kbl();
    let (first, first_target) = storing(&mut driver, EngineId::Rcs0, 1);
    let (second, second_target) = storing(&mut driver, EngineId::Rcs0, 2);

    driver.submit(&first, Some(&second));
    driver.settle();

    assert_eq!(
        (driver.load(first_target), driver.load(second_target)),
        (1, 2)
    );
    let events = [
        (IDLE_TO_ACTIVE, 0),
        (COMPLETE_SWITCH, first.id()),
        (COMPLETE_IDLE, second.id()),
    ];
    assert_eq!(driver.events(EngineId::Rcs0), events);
}

#[test]
fn context_when_it_was_saved_then_its_image_is_complete_and_its_registers_come_back() {
    let mut driver = kbl();
    let gpr = EngineId::Bcs0.mmio_base().add(engine::GPR0);
    let load = mi::load_register_imm(1, false);
    let mut first = driver.context(EngineId::Bcs0);
    driver.emit(&mut first, &[load, gpr.0, 0xabcd]);
    driver.submit(&first, None);
    driver.settle();
    let mut other = driver.context(EngineId::Bcs0);
    driver.emit(&mut other, &[load, gpr.0, 0x1111]);
    driver.submit(&other, None);
    driver.settle();
    let target = driver.allocate(1);
    let srm = mi::STORE_REGISTER_MEM << mi::OPCODE_SHIFT | mi::USE_GGTT | 2;
    driver.emit(&mut first, &[srm, gpr.0, target as u32, 0]);

    driver.submit(&first, None);
    driver.settle();

    assert_eq!(driver.load(target), 0xabcd);
    let image = first.lrca + 4096;
    assert_eq!(driver.load(image + 4), mi::load_register_imm(14, true));
    assert_eq!(driver.load(image + 5 * 4), first.tail as u32);
    assert_eq!(driver.load(image + 3 * 4) & 1, 0);
}

#[test]
fn lite_restore_when_tail_moved_then_goes_on_without_reload() {
    let mut driver = kbl();
    let flag = driver.allocate(1);
    let target = driver.allocate(1);
    let mut context = driver.context(EngineId::Rcs0);
    let batch = driver.batch(&wait(flag, 1));
    driver.emit_batch(&mut context, batch);
    driver.submit(&context, None);
    assert_eq!(driver.settle(), Activity::Waiting);
    let batch = driver.batch(&store(target, 7));
    driver.emit_batch(&mut context, batch);

    driver.submit(&context, None);
    driver.settle();
    let waiting = driver.events(EngineId::Rcs0);
    driver.store(flag, &[1]);
    driver.settle();

    assert_eq!(waiting, [(IDLE_TO_ACTIVE, 0), (LITE_RESTORE, context.id())]);
    assert_eq!(driver.load(target), 7);
    assert_eq!(
        driver.events(EngineId::Rcs0),
        [(COMPLETE_IDLE, context.id())]
    );
}

/// What a context has stored behind a wait, in two pages that an entry of the GGTT has led to, the
/// second one since it waits; `register` is written then.
fn stored_behind_a_wait(judged: bool, register: Option<MmioOffset>) -> [u32; 2] {
    let mut driver = kbl();
    if judged {
        driver.gpu.uncore_mut().touches.enable();
    }
    let [flag, old, new] = [(); 3].map(|()| driver.allocate(1));
    let in_ggtt = |commands: [u32; 4]| {
        let [header, rest @ ..] = commands;
        [header | mi::USE_GGTT, rest[0], rest[1], rest[2]]
    };
    let commands = [
        in_ggtt(store(old, 1)),
        in_ggtt(wait(flag, 1)),
        in_ggtt(store(old, 2)),
    ];
    let mut context = driver.context(EngineId::Vcs0);
    driver.emit(&mut context, &commands.concat());
    driver.submit(&context, None);
    assert_eq!(driver.settle(), Activity::Waiting);

    let entry = GGTT_ENTRIES + (old >> PAGE_SHIFT) * 8;
    driver.gpu.bar0_write(entry, &(new | 1).to_le_bytes());
    if let Some(register) = register {
        driver.gpu.write32(register, 1);
    }
    driver.store(flag, &[1]);
    driver.settle();
    [driver.load(old), driver.load(new)]
}

#[test]
fn translations_when_somebody_judges_then_last_until_a_register_is_written() {
    assert_eq!(stored_behind_a_wait(true, None), [2, 0]);
    let other = gt::TLB_INVALIDATE[0];
    assert_eq!(stored_behind_a_wait(true, Some(other)), [2, 0]);
    for register in [gt::TLB_INVALIDATE[1], gt::GFX_FLUSH_CONTROL] {
        assert_eq!(stored_behind_a_wait(true, Some(register)), [1, 2]);
    }
    assert_eq!(stored_behind_a_wait(false, None), [1, 2]);
}

#[test]
fn preemption_when_batch_arbitrates_then_it_is_taken_off_and_resumes_where_it_was() {
    let mut driver = kbl();
    let flag = driver.allocate(1);
    let resumed = driver.allocate(1);
    let commands = [wait(flag, 1), store(resumed, 9)].concat();
    let batch = driver.batch(&commands);
    let mut victim = driver.context(EngineId::Vcs0);
    driver.emit_batch(&mut victim, batch);
    driver.submit(&victim, None);
    driver.settle();
    let (urgent, target) = storing(&mut driver, EngineId::Vcs0, 3);

    driver.submit(&urgent, Some(&victim));
    driver.settle();
    let first = driver.events(EngineId::Vcs0);
    driver.store(flag, &[1]);
    driver.settle();

    let expected = [
        (IDLE_TO_ACTIVE, 0),
        (PREEMPTED, victim.id()),
        (COMPLETE_SWITCH, urgent.id()),
    ];
    assert_eq!(first, expected);
    assert_eq!(driver.load(target), 3);
    assert_eq!(driver.load(resumed), 9);
    assert_eq!(
        driver.events(EngineId::Vcs0),
        [(COMPLETE_IDLE, victim.id())]
    );
}

#[test]
fn preemption_when_batch_never_arbitrates_then_it_stays() {
    let mut driver = kbl();
    let stubborn = spinning(&mut driver, EngineId::Rcs0, false);
    driver.submit(&stubborn, None);
    driver.gpu.run_until_settled(10);
    let (urgent, target) = storing(&mut driver, EngineId::Rcs0, 3);

    driver.submit(&urgent, None);
    let activity = driver.gpu.run_until_settled(100);

    assert_eq!(activity, Activity::Busy);
    assert_eq!(driver.load(target), 0);
    assert_eq!(driver.events(EngineId::Rcs0), [(IDLE_TO_ACTIVE, 0)]);
}

#[test]
fn preemption_when_batch_loops_over_an_arbitration_point_then_it_yields() {
    let mut driver = kbl();
    let spinner = spinning(&mut driver, EngineId::Rcs0, true);
    driver.submit(&spinner, None);
    driver.gpu.run_until_settled(10);
    let (urgent, target) = storing(&mut driver, EngineId::Rcs0, 3);

    driver.submit(&urgent, None);
    driver.settle();

    assert_eq!(driver.load(target), 3);
    let events = [
        (IDLE_TO_ACTIVE, 0),
        (PREEMPTED, spinner.id()),
        (COMPLETE_IDLE, urgent.id()),
    ];
    assert_eq!(driver.events(EngineId::Rcs0), events);
}

#[test]
fn hang_when_opcode_is_garbage_then_shown_and_only_a_reset_helps() {
    let mut driver = kbl();
    for id in driver.engines() {
        let base = id.mmio_base();
        let batch = driver.batch(&[mi::NOOP, GARBAGE]);
        let mut context = driver.context(id);
        driver.emit_batch(&mut context, batch);
        driver
            .gpu
            .write32(base.add(engine::EMR), !engine::error::INSTRUCTION);
        driver.submit(&context, None);

        assert_eq!(driver.settle(), Activity::Waiting, "{id:?}");

        assert_eq!(driver.gpu.read32(base.add(engine::IPEHR)), GARBAGE);
        assert_eq!(driver.gpu.read32(base.add(engine::ACTHD)), batch as u32 + 4);
        assert_eq!(driver.gpu.read32(base.add(engine::HEAD)), 12);
        assert_ne!(driver.gpu.read32(base.add(engine::INSTDONE)), u32::MAX);
        assert_eq!(
            driver.gpu.read32(base.add(engine::EIR)),
            engine::error::INSTRUCTION
        );
        let mode = driver.gpu.read32(base.add(engine::MI_MODE));
        assert_eq!(mode & engine::mi_mode::IDLE, 0);

        driver
            .gpu
            .write32(base.add(engine::RESET_CONTROL), 0x0001_0001);
        assert_eq!(driver.gpu.read32(base.add(engine::RESET_CONTROL)) & 2, 2);
        let domain = match id {
            EngineId::Rcs0 => gt::GDRST_RENDER,
            EngineId::Bcs0 => gt::GDRST_BLIT,
            EngineId::Vcs0 => gt::GDRST_MEDIA,
            EngineId::Vcs1 => gt::GDRST_MEDIA2,
            EngineId::Vecs0 => gt::GDRST_VECS,
        };
        driver.gpu.write32(gt::GDRST, domain);
        assert_eq!(driver.gpu.read32(gt::GDRST), 0);
        driver
            .gpu
            .write32(base.add(engine::RESET_CONTROL), 0x0001_0000);
        driver.set_up_engine(id);

        let (context, target) = storing(&mut driver, id, 5);
        driver.submit(&context, None);
        assert_eq!(driver.settle(), Activity::Idle);
        assert_eq!(driver.load(target), 5, "{id:?}");
    }
}

#[test]
fn reset_when_full_then_every_engine_forgets_its_work() {
    let mut driver = kbl();
    for id in driver.engines() {
        let spinner = spinning(&mut driver, id, true);
        driver.submit(&spinner, None);
    }
    driver.gpu.run_until_settled(4);

    driver.gpu.write32(gt::GDRST, gt::GDRST_FULL);

    assert_eq!(driver.settle(), Activity::Idle);
    for id in driver.engines() {
        assert_eq!(
            driver
                .gpu
                .read32(id.mmio_base().add(engine::EXECLIST_STATUS)),
            0
        );
    }
}

#[test]
fn unprivileged_batch_when_it_reaches_out_then_refused() {
    let mut driver = kbl();
    let secret = driver.allocate(1);
    let plain = MmioOffset(0x20ec);
    let listed = MmioOffset(0x7304);
    let slot = EngineId::Rcs0.mmio_base().add(engine::FORCE_TO_NONPRIV);
    driver.gpu.write32(slot, listed.0);
    let hwsp = EngineId::Rcs0.mmio_base().add(engine::HWS_PGA);
    let before = [driver.gpu.read32(plain), driver.gpu.read32(hwsp)];
    let mut commands = store(secret, 0x666).to_vec();
    commands[0] |= mi::USE_GGTT;
    let load = mi::load_register_imm(3, false);
    commands.extend([
        load,
        plain.0,
        1 << 16 | 1,
        hwsp.0,
        0x5000,
        listed.0,
        0x0020_0020,
    ]);
    let batch = driver.batch(&commands);
    let mut context = driver.context(EngineId::Rcs0);
    driver.emit_batch(&mut context, batch);

    driver.submit(&context, None);
    driver.settle();

    assert_eq!(driver.load(secret), 0);
    assert_eq!([driver.gpu.read32(plain), driver.gpu.read32(hwsp)], before);
    assert_eq!(driver.gpu.read32(listed) & 0x20, 0x20);
}

#[test]
fn workaround_batches_when_set_then_run_before_the_ring() {
    let mut driver = kbl();
    let indirect_target = driver.allocate(1);
    let per_context_target = driver.allocate(1);
    let order = driver.allocate(1);
    let mut commands = store(indirect_target, 1).to_vec();
    commands[0] |= mi::USE_GGTT;
    commands.resize(16, mi::NOOP);
    let indirect = driver.batch(&commands);
    let mut commands = store(per_context_target, 2).to_vec();
    commands[0] |= mi::USE_GGTT;
    let copy = mi::COPY_MEM_MEM << mi::OPCODE_SHIFT | mi::USE_GGTT | mi::DESTINATION_GGTT | 3;
    commands.extend([copy, order as u32, 0, indirect_target as u32, 0]);
    let per_context = driver.batch(&commands);
    let mut context = driver.context(EngineId::Rcs0);
    let base = EngineId::Rcs0.mmio_base();
    let image = context.lrca + 4096;
    driver.store(image + 4, &[mi::load_register_imm(14, true)]);
    driver.store(
        image + 0x18 * 4,
        &[
            base.add(engine::BB_PER_CTX).0,
            per_context as u32 | 1,
            base.add(engine::INDIRECT_CTX).0,
            indirect as u32 | 1,
        ],
    );
    driver.emit(&mut context, &[USER_INTERRUPT]);

    driver.submit(&context, None);
    assert_eq!(driver.settle(), Activity::Idle);

    assert_eq!(driver.load(indirect_target), 1);
    assert_eq!(driver.load(per_context_target), 2);
    assert_eq!(driver.load(order), 1);
}

#[test]
fn log_when_a_context_ran_then_its_pages_and_cycles_are_known() {
    let mut driver = kbl();
    let (context, target) = storing(&mut driver, EngineId::Vecs0, 1);

    driver.submit(&context, None);
    driver.settle();

    let key = ContextKey {
        engine: EngineId::Vecs0,
        lrca: context.lrca as u32,
    };
    let uncore = driver.gpu.uncore();
    assert!(uncore.log.pages()[&key]
        .written
        .contains(&DmaAddress(target)));
    assert!(uncore.log.pages()[&key]
        .read
        .contains(&DmaAddress(context.ring)));
    assert!(uncore.busy.of(key).0 > 0);
    assert!(uncore.clock.now() >= uncore.busy.of(key).nanos());
    assert!(uncore.clock.now() < Nanos(1_000_000_000));
}

#[test]
fn semaphore_when_another_engine_stores_then_both_finish() {
    let mut driver = kbl();
    let flag = driver.allocate(1);
    let batch = driver.batch(&wait(flag, 4));
    let mut waiter = driver.context(EngineId::Rcs0);
    driver.emit_batch(&mut waiter, batch);
    let batch = driver.batch(&store(flag, 4));
    let mut storer = driver.context(EngineId::Bcs0);
    driver.emit_batch(&mut storer, batch);
    driver.submit(&waiter, None);
    assert_eq!(driver.settle(), Activity::Waiting);

    driver.submit(&storer, None);
    driver.settle();

    assert_eq!(driver.settle(), Activity::Idle);
}

#[test]
fn math_when_executed_then_registers_hold_the_result() {
    let mut driver = kbl();
    let target = driver.allocate(1);
    let gpr = |n: u32| EngineId::Rcs0.mmio_base().add(engine::GPR0 + 8 * n).0;
    let (load_a, load_b, add, put) = (0x0800_8000, 0x0800_8401, 0x1000_0000, 0x1800_0831);
    let mut commands = vec![mi::load_register_imm(4, false)];
    commands.extend([gpr(0), u32::MAX, gpr(0) + 4, 0, gpr(1), 2, gpr(1) + 4, 0]);
    commands.extend([mi::MATH << mi::OPCODE_SHIFT | 3, load_a, load_b, add, put]);
    for half in 0..2 {
        let srm = mi::STORE_REGISTER_MEM << mi::OPCODE_SHIFT | 2;
        commands.extend([srm, gpr(2) + 4 * half, target as u32 + 4 * half, 0]);
    }
    let batch = driver.batch(&commands);
    let mut context = driver.context(EngineId::Rcs0);
    driver.emit_batch(&mut context, batch);

    driver.submit(&context, None);
    driver.settle();

    assert_eq!((driver.load(target), driver.load(target + 4)), (1, 1));
}

#[test]
fn atomic_when_returning_then_old_value_is_in_the_register() {
    let mut driver = kbl();
    let target = driver.allocate(1);
    driver.store(target, &[40]);
    const INLINE_ADD_RETURN: u32 = 1 << 18 | 1 << 16 | 0x07 << 8 | 9;
    let gpr = EngineId::Vcs0.mmio_base().add(engine::GPR0).0;
    let mut commands = vec![mi::ATOMIC << mi::OPCODE_SHIFT | INLINE_ADD_RETURN];
    commands.extend([target as u32, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    let srm = mi::STORE_REGISTER_MEM << mi::OPCODE_SHIFT | 2;
    commands.extend([srm, gpr, target as u32 + 8, 0]);
    let batch = driver.batch(&commands);
    let mut context = driver.context(EngineId::Vcs0);
    driver.emit_batch(&mut context, batch);

    driver.submit(&context, None);
    driver.settle();

    assert_eq!((driver.load(target), driver.load(target + 8)), (42, 40));
}

#[test]
fn user_registers_when_another_context_writes_them_then_each_keeps_its_own() {
    /// Offset of stream output 0, which any batch may write.
    const SO_WRITE_OFFSET0: u32 = 0x5280;
    let mut driver = kbl();
    let load = mi::load_register_imm(1, false);
    let srm = mi::STORE_REGISTER_MEM << mi::OPCODE_SHIFT | 2;
    let target = driver.allocate(1);
    let mut contexts = [
        driver.context(EngineId::Rcs0),
        driver.context(EngineId::Rcs0),
    ];
    for (value, context) in (1..).zip(&mut contexts) {
        let batch = driver.batch(&[load, SO_WRITE_OFFSET0, value]);
        driver.emit_batch(context, batch);
        driver.submit(context, None);
        driver.settle();
    }

    for (slot, context) in (0..).zip(&mut contexts) {
        let batch = driver.batch(&[srm, SO_WRITE_OFFSET0, target as u32 + 4 * slot, 0]);
        driver.emit_batch(context, batch);
        driver.submit(context, None);
        driver.settle();
    }

    assert_eq!((driver.load(target), driver.load(target + 4)), (1, 2));
}
