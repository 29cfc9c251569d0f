// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Registers: those that a guest writes from its CPU, and those that belong to whoever runs.

use crate::arena::Arena;
use crate::commands::{
    all, batch_end, batch_in_ppgtt, load, store, store_register, store_register_in_ppgtt, wait,
    GARBAGE,
};
use crate::contest::registers::always_the_hosts;
use crate::guest::{BATCH, DATA, ENGINES, FIRST, MAPPED, PPGTT, PRESENT, USER_BATCH};
use crate::judge::Judge;
use gen9_gpu::regs::{engine, gt};
use gen9_gpu::{EngineId, MmioOffset};
use hosted_glue::card::engine_mask;
use iface::fence::TILE_Y;
use iface::types::{ContextRequest, GGTT_PAGE_SHIFT, GGTT_PAGE_SIZE};
use kvmgt_core::address::{Gfn, PAGE_SIZE};
use kvmgt_core::hardware::Engine;
use kvmgt_core::host::Host;

const RENDER: u32 = 0x2000;
const BLIT: u32 = 0x2_2000;
const VIDEO: u32 = 0x1_2000;
const ENHANCE: u32 = 0x1_a000;
/// Pages behind the own part that are looked at.
const BEHIND: u64 = 64;
/// Slots of FORCE_TO_NONPRIV.
const SLOTS: u32 = 12;
/// MOCS of the render engine, and how the L3 caches what it names.
const MOCS: u32 = 0xc800;
const L3: u32 = 0xb020;
/// How many of each are compared.
const COMPARED: u32 = 8;
/// The page tables of contexts that use none.
const NO_TABLES: u64 = 0x4000_0000;
/// The tag of submissions that are none of a vGPU's.
const TAG: u64 = 0;

/// The attacker's batch without privilege.
fn user_batch(arena: &mut Arena<'_>, commands: &[u32]) {
    let gfn = Gfn(MAPPED.0 + USER_BATCH);
    arena.attacker().put_memory(gfn, commands);
    let start = batch_in_ppgtt(PPGTT + USER_BATCH * PAGE_SIZE);
    arena.execute_with(Engine::Rcs, &start);
}

/// Slots that name what no batch may write, and a batch that writes it.
pub(super) fn s_22_slots(arena: &mut Arena<'_>) {
    let registers = [
        RENDER + engine::HWS_PGA,
        RENDER + engine::MODE,
        0x4ab8,
        MOCS,
    ];
    for register in registers {
        for slot in 0..SLOTS {
            let at = RENDER + engine::FORCE_TO_NONPRIV + 4 * slot;
            arena.attacker().write(at.into(), &register.to_le_bytes());
        }
        let hostile = all([load(register, 0x000f_f000), batch_end()]);
        user_batch(arena, &hostile);
    }
}

/// Registers that are the whole GPU's, and that stand among those of a render engine that guests
/// program: by the CPU, by commands, and while the guest has the engine. What is in them never
/// changes; a guest's value could stop all engines.
pub(super) fn s_28_registers_of_the_whole_gpu(arena: &mut Arena<'_>) {
    for engine in ENGINES {
        let registers = always_the_hosts(arena.machine().platform(), engine);
        assert!(!registers.is_empty(), "{engine:?}");
        let before = values(arena, &registers);
        for (register, value) in registers
            .iter()
            .zip([u32::MAX, 0, 0x5555_aaaa].into_iter().cycle())
        {
            let guest = arena.attacker();
            guest.write((*register).into(), &value.to_le_bytes());
            let (flag, data) = (guest.gma(BATCH), guest.gma(DATA));
            guest.store(Gfn(FIRST.0 + BATCH), 0, 0);
            for loads in [vec![], load(*register, value)] {
                let guest = arena.attacker();
                guest.context(&all([loads, wait(flag, 1), store(data, 1)]));
                guest.submit(engine);
                arena.card().run_engines();
                if values(arena, &registers) != before {
                    let why = format!("{register:#x} becomes {value:#x}, of {engine:?}");
                    arena.judge.object(why);
                }
                arena.attacker().store(Gfn(FIRST.0 + BATCH), 0, 1);
                arena.execute();
                arena.attacker().reset_engines();
            }
            // It may be in failsafe mode by that.
            arena.attacker().start_again();
        }
    }
}

/// What registers of the GPU hold.
fn values(arena: &Arena<'_>, registers: &[u32]) -> Vec<u32> {
    let gpu = arena.machine().gpu();
    let values = registers
        .iter()
        .map(|at| gpu.uncore().regs.get(MmioOffset(*at)));
    values.collect()
}

/// All registers of engines, and some that reset or stop things, from the CPU.
pub(super) fn s_21_registers(arena: &mut Arena<'_>) {
    let place = arena.hosts.0 as u32;
    let own = (0..0x800).step_by(4);
    let engines = [RENDER, BLIT, VIDEO, ENHANCE]
        .into_iter()
        .flat_map(|base| own.clone().map(move |at| base + at));
    let others = [gt::GDRST.0, 0x4ab8, 0x940c, MOCS, L3, 0x7_019c, 0xb100];
    for register in engines.chain(others) {
        arena
            .attacker()
            .write(register.into(), &place.to_le_bytes());
    }
    let data = arena.attacker().gma(DATA);
    arena.attack_with(Engine::Rcs, &store(data, 1));
    arena.attacker().set_up();
    arena.attack_with(Engine::Rcs, &store(data, 1));
}

/// Fences over what is not the guest's.
pub(super) fn s_20_fences(arena: &mut Arena<'_>) {
    let forbidden = arena.forbidden();
    let own = arena.attacker().aperture();
    for first in forbidden {
        for last in [own.end, first] {
            let fence = (last & !0xfff) << 32 | first & !0xfff | 1;
            arena.attacker().write(0x10_0000, &fence.to_le_bytes());
            arena.execute();
        }
    }
}

/// Fences of own pages whose last row of tiles is not whole, so that the CPU would get behind them.
pub(super) fn s_20_rows(arena: &mut Arena<'_>) {
    let own = arena.attacker().aperture();
    let planted = arena.hosts.1;
    let behind = own.end >> GGTT_PAGE_SHIFT;
    let entries: Vec<_> = (behind..behind + BEHIND)
        .map(|page| (page, arena.replace_entry(page, planted | PRESENT)))
        .collect();
    for (tiles, pitch, pages) in [0, TILE_Y].into_iter().flat_map(|tiles| {
        let pitches = [1, 4, 5, 32, 4096].into_iter();
        pitches.flat_map(move |pitch| [1, 2, 3, 8].map(|pages| (tiles, pitch, pages)))
    }) {
        let first = own.end - pages * PAGE_SIZE;
        let fence = (own.end - PAGE_SIZE) << 32 | (pitch - 1) << 32 | first | tiles | 1;
        arena.attacker().write(0x10_0000, &fence.to_le_bytes());
        for at in (first..own.end).step_by(64) {
            let found = arena.exchange(at, 0xbad);
            if found == Judge::pattern(planted) {
                let why = format!("{at:#x} shows a secret, by {fence:#x}");
                arena.judge.object(why);
            }
        }
        arena.attacker().write(0x10_0000, &[0; 8]);
    }
    for (page, entry) in entries {
        arena.replace_entry(page, entry);
    }
    arena.execute();
}

/// A guest and the host take turns on the render engine. Neither finds what the other has loaded.
pub(super) fn switched(arena: &mut Arena<'_>) {
    let host = arena.kvmgt().host();
    let context = host.ctx_create(&ContextRequest {
        engine: engine_mask(EngineId::Rcs0),
        commands: 1024,
        ..ContextRequest::default()
    });
    let context = context.expect("there is room").handle;
    let buffer = Host::buffer_alloc(host, GGTT_PAGE_SIZE).expect("there is room");
    let places = arena.card().context_places(context);
    let place = buffer.start..buffer.start + buffer.size;
    arena.judge.expect_host(places.expect("it was made"), place);
    let registers: Vec<u32> = (0..COMPARED)
        .flat_map(|n| [MOCS + 4 * n, L3 + 4 * n])
        .chain((0..SLOTS).map(|slot| RENDER + engine::FORCE_TO_NONPRIV + 4 * slot))
        .collect();
    let hosts = |arena: &mut Arena<'_>| -> Vec<u32> {
        let stores = (0..).zip(&registers);
        let stores = stores.map(|(n, register)| store_register(*register, buffer.start + 4 * n));
        let mut commands = all(stores);
        commands.resize(commands.len().next_multiple_of(2), 0);
        host.ctx_submit(context, NO_TABLES, &[&commands], TAG)
            .expect("it is idle");
        arena.execute();
        let mut bytes = vec![0; registers.len() * 4];
        host.buffer_read(buffer.handle, 0, &mut bytes)
            .expect("it is there");
        let dwords = bytes.chunks_exact(4);
        dwords
            .map(|dword| u32::from_le_bytes(dword.try_into().unwrap_or_default()))
            .collect()
    };
    let guests = |arena: &mut Arena<'_>| -> Vec<u32> {
        let stores = (0..).zip(&registers);
        let stores = stores.map(|(n, register)| store_register_in_ppgtt(*register, PPGTT + 4 * n));
        let commands = all(stores.chain([batch_end()]));
        user_batch(arena, &commands);
        let count = registers.len() as u64;
        (0..count)
            .map(|n| arena.attacker().load(MAPPED, n))
            .collect()
    };
    let before = hosts(arena);
    let value = |n: u32| 0x10 + n;
    for n in 0..COMPARED {
        let loads = [load(MOCS + 4 * n, value(n)), load(L3 + 4 * n, value(n))];
        arena.execute_with(Engine::Rcs, &all(loads));
    }
    for round in 0..2 {
        if hosts(arena) != before {
            arena
                .judge
                .object(format!("{round}: the host finds what a guest has loaded"));
        }
        let found = guests(arena);
        let expected = (0..COMPARED).flat_map(|n| [value(n); 2]);
        if !found
            .iter()
            .copied()
            .take(2 * COMPARED as usize)
            .eq(expected)
        {
            let why = format!("{round}: a guest does not find what it has loaded: {found:x?}");
            arena.judge.object(why);
        }
    }
    host.ctx_destroy(context).expect("it is idle");
    host.buffer_free(buffer.handle).expect("it is there");
}

/// A guest loads its registers, and hangs in a batch: the host finds its own then.
pub(super) fn switched_after_hang(arena: &mut Arena<'_>) {
    for n in 0..COMPARED {
        let gfn = Gfn(MAPPED.0 + USER_BATCH);
        arena.attacker().put_memory(gfn, &[GARBAGE; 4]);
        let commands = all([
            load(MOCS + 4 * n, 0x10 + n),
            load(L3 + 4 * n, 0x10 + n),
            batch_in_ppgtt(PPGTT + USER_BATCH * PAGE_SIZE),
        ]);
        arena.attack_with(Engine::Rcs, &commands);
    }
}
