// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use iface::registers::{self, Flags, Platform};
use kernel::testing;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::vec::Vec;

const SAVE: Gma = Gma(0x8000_1000);
const SKL: Model = Model {
    platform: Platform::Skl,
    vcs1: false,
};

fn models() -> impl Iterator<Item = (Model, Engine)> {
    let models = Platform::ALL
        .into_iter()
        .flat_map(|platform| [false, true].map(|vcs1| Model { platform, vcs1 }));
    models.flat_map(|model| Engine::ALL.map(|engine| (model, engine)))
}

/// Something that looks random, made of an offset and a seed.
fn noise(offset: MmioOffset, seed: u32) -> u32 {
    (offset.0 ^ seed).wrapping_mul(0x9e37_79b1).rotate_left(13) ^ seed
}

/// Registers and memory, and what these commands do with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Machine {
    registers: BTreeMap<u32, u32>,
    memory: BTreeMap<u64, u32>,
    masked: BTreeSet<u32>,
}

impl Machine {
    fn with(list: &SwitchList) -> Self {
        let entries = || list.entries.iter();
        let masked = entries().filter(|entry| entry.kind == Kind::Masked);
        Self {
            registers: entries()
                .map(|entry| (entry.offset.0, entry.host))
                .collect(),
            memory: BTreeMap::new(),
            masked: masked.map(|entry| entry.offset.0).collect(),
        }
    }

    fn write(&mut self, register: u32, value: u32) {
        let old = self
            .registers
            .get_mut(&register)
            .expect("a register of the list");
        *old = match self.masked.contains(&register) {
            true => *old & !(value >> 16) | value & value >> 16,
            false => value,
        };
    }

    fn run(&mut self, commands: &[u32]) {
        let mut left = commands;
        while let Some((&header, rest)) = left.split_first() {
            let length = match header {
                0 => 0,
                0x1240_0002 | 0x14c0_0002 => {
                    let at = u64::from(rest[1]) | u64::from(rest[2]) << 32;
                    match header >> 23 {
                        0x24 => drop(self.memory.insert(at, self.registers[&rest[0]])),
                        _ => self.write(rest[0], self.memory[&at]),
                    }
                    3
                }
                _ => {
                    assert_eq!(header & !0xff, 0x22 << 23, "{header:#x}");
                    let length = (header & 0xff) as usize + 1;
                    for pair in rest[..length].chunks_exact(2) {
                        self.write(pair[0], pair[1]);
                    }
                    length
                }
            };
            left = &rest[length..];
        }
    }

    fn saved(&self, dword: usize) -> u32 {
        let at = SAVE.0 + 4 * dword as u64;
        self.memory.get(&at).copied().unwrap_or(0xdead_beef)
    }
}

fn list(model: Model, engine: Engine, seed: u32) -> SwitchList {
    SwitchList::with(model, engine, |offset| {
        // Masked registers read as zero in the half that selects, and slots name nothing.
        match entry::all(model, engine).find(|(at, _)| *at == offset) {
            Some((_, Kind::Masked)) => noise(offset, seed) & 0xffff,
            Some((_, Kind::Slot)) => 0x2094,
            _ => noise(offset, seed),
        }
    })
    .unwrap()
}

fn check(model: Model, engine: Engine, seed: u32, same: bool, loads: u32) {
    let list = list(model, engine, seed);
    let guest = |offset: MmioOffset| match list.entries.iter().find(|e| e.offset == offset) {
        Some(entry) if same => entry.host,
        Some(entry) if entry.kind == Kind::Slot => 0xe48c,
        _ => noise(offset, !seed),
    };
    let loaded = |offset: MmioOffset| noise(offset, loads) & 1 != 0;
    let mut machine = Machine::with(&list);
    let before = machine.registers.clone();

    let plan = list.plan(guest, loaded);
    let mut commands = KVVec::new();
    commands.push(0, GFP_KERNEL).unwrap();
    list.enter(&plan, guest, SAVE, &mut commands).unwrap();
    let entered = commands.len() - 1;
    machine.run(&commands);
    for entry in &list.entries {
        let wanted = entry.value(guest(entry.offset));
        assert_eq!(machine.registers[&entry.offset.0], wanted, "{entry:?}");
    }

    // Batches change what they may, the ring what it was seen to load.
    for entry in &list.entries {
        if entry.kind != Kind::Caching || loaded(entry.offset) {
            let value = noise(entry.offset, loads ^ 0x55) | 0xffff_0000;
            machine.write(entry.offset.0, value);
        }
    }
    let changed = machine.registers.clone();
    let mut commands = KVVec::new();
    list.leave(&plan, SAVE, &mut commands).unwrap();
    machine.run(&commands);
    assert_eq!(machine.registers, before);
    for length in [entered, commands.len()] {
        assert!(length % 2 == 0 && length <= list.max_dwords());
    }
    assert!(machine
        .memory
        .keys()
        .all(|at| (SAVE.0..SAVE.0 + list.bytes() as u64).contains(at)));

    let mut back: BTreeMap<_, _> = list
        .entries
        .iter()
        .map(|entry| (entry.offset.0, entry.value(guest(entry.offset))))
        .collect();
    list.read_back(
        &plan,
        |dword| machine.saved(dword),
        |offset, value| {
            back.insert(offset.0, value);
        },
    );
    assert_eq!(back, changed);

    // The same if the end was never reached.
    machine.registers = changed;
    for (offset, value) in list.restore(&plan) {
        machine.write(offset.0, value);
    }
    assert_eq!(machine.registers, before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn guest_sees_its_values_and_the_hosts_are_back_after(
        seed: u32,
        same: bool,
        loads: u32,
    ) {
        for (model, engine) in models() {
            check(model, engine, seed, same, loads);
        }
    }
}

#[test]
fn each_register_is_switched_on_one_engine_or_left_for_a_reason() {
    for platform in Platform::ALL {
        let model = Model {
            platform,
            vcs1: true,
        };
        let mut seen = BTreeSet::new();
        for engine in Engine::ALL {
            for (offset, _) in entry::all(model, engine) {
                assert!(seen.insert(offset.0), "{offset} twice");
            }
        }
        let mut left = BTreeSet::new();
        for row in registers::rows(platform, true) {
            let switched = row.flags.contains(Flags::SWITCHED);
            let wanted = switched && !row.flags.contains(Flags::IN_CONTEXT);
            match row.name {
                "GEN9_GFX_MOCS" => {
                    assert!((0xc800..0xcd00).step_by(4).all(|at| seen.remove(&at)));
                }
                name => {
                    let dwords = (row.offset..row.range().end()).step_by(4);
                    let found: Vec<_> = dwords.map(|at| seen.remove(&at)).collect();
                    assert!(found.iter().all(|in_list| *in_list == found[0]));
                    assert!(wanted || !found[0], "{name}");
                    if wanted && !found[0] {
                        left.insert(name);
                    }
                }
            }
        }
        assert!(seen.is_empty());
        let common = [
            "BCS_RING_028",
            "BCS_RING_HWSTAM",
            "BCS_RING_MI_MODE",
            "BCS_RING_MODE",
            "GEN7_UCGCTL4",
            "GEN8_PRIVATE_PAT_HI",
            "GEN8_PRIVATE_PAT_LO",
            "GEN9_SCRATCH_LNCF1",
            "RCS_RING_HWSTAM",
            "RCS_RING_MODE",
            "VCS1_RING_028",
            "VECS_RING_028",
        ];
        let gen9 = ["BDW_SCRATCH1", "GEN8_GARBCNTL", "GEN9_GAMT_ECO_REG_RW_IA"];
        left.retain(|name| !common.contains(name) && !gen9.contains(name));
        left.remove("GAMT_CHKN_BIT_REG");
        assert_eq!(left, BTreeSet::new());
    }
}

#[test]
fn equal_caching_is_not_switched() {
    for engine in Engine::ALL {
        let list = list(SKL, engine, 1);
        let host = |offset| {
            list.entries
                .iter()
                .find(|e| e.offset == offset)
                .unwrap()
                .host
        };
        let plan = list.plan(host, |_| false);

        assert!(list
            .planned(&plan)
            .all(|(_, entry)| entry.kind != Kind::Caching));
        let mut commands = KVVec::new();
        list.enter(&plan, host, SAVE, &mut commands).unwrap();
        match engine {
            Engine::Rcs | Engine::Bcs => assert!(commands.len() < 200),
            _ => assert!(commands.is_empty()),
        }
    }
}

#[test]
fn slots_name_nothing_that_batches_may_not_write() {
    let list = list(SKL, Engine::Rcs, 1);
    let slot = MmioOffset(registers::named("FORCE_TO_NONPRIV"));
    for (value, loaded) in [(0x2030, 0x2094), (0, 0x2094), (0xf000_e48e, 0xe48c)] {
        let guest = |offset| if offset == slot { value } else { 0x2094 };
        let mut machine = Machine::with(&list);
        let mut commands = KVVec::new();
        list.enter(&list.plan(guest, |_| false), guest, SAVE, &mut commands)
            .unwrap();
        machine.run(&commands);
        assert_eq!(machine.registers[&slot.0], loaded);
    }
}

#[test]
fn sizes_are_bounded() {
    for (model, engine) in models() {
        let list = list(model, engine, 1);
        assert!(list.entries.len() <= 128 && list.bytes() <= 1024);
        assert!(list.max_dwords() <= 1024);
    }
}

#[test]
fn memory_beyond_the_ggtt_is_refused() {
    let list = list(SKL, Engine::Rcs, 1);
    let plan = list.plan(|_| 0, |_| false);
    for save in [Gma(0xffff_fff0), Gma(u64::MAX - 3)] {
        assert!(list.enter(&plan, |_| 0, save, &mut KVVec::new()).is_err());
        assert!(list.leave(&plan, save, &mut KVVec::new()).is_err());
    }
}

#[test]
fn without_memory_there_is_an_error_and_nothing_leaks() {
    let sites = testing::fail_each_alloc(|| {
        let list = SwitchList::with(SKL, Engine::Rcs, |_| 0)?;
        let plan = list.plan(|_| 1, |_| false);
        let mut commands = KVVec::new();
        list.enter(&plan, |_| 1, SAVE, &mut commands)?;
        list.leave(&plan, SAVE, &mut commands)
    });

    assert!(sites >= 4, "only {sites} allocations");
}
