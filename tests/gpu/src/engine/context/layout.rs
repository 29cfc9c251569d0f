// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Which registers an engine saves, and where in the image.
//!
//! The first part has the places that drivers rely upon (PRM Vol 7, Register State Context;
//! observed: i915's offsets). Behind it the render engine saves the registers of its pipeline.

use crate::address::MmioOffset;
use crate::platform::EngineId;
use crate::platform::Platform;
use crate::regs::engine as reg;
use crate::regs::user;

/// A piece of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// That many MI_NOOP.
    Noops(u32),
    /// The header of a load of that many registers; true if posted.
    Header(u32, bool),
    /// A register and its value.
    Register(MmioOffset),
}

/// A group of registers behind some empty dwords.
struct Group {
    noops: u32,
    posted: bool,
    registers: &'static [u32],
}

const RING_GEN8: &[u32] = &[
    reg::CONTEXT_CONTROL,
    reg::HEAD,
    reg::TAIL,
    reg::START,
    reg::CONTROL,
    reg::BB_ADDR_HIGH,
    reg::BB_ADDR,
    reg::BB_STATE,
    reg::SBB_ADDR_HIGH,
    reg::SBB_ADDR,
    reg::SBB_STATE,
];

const RING: &[u32] = &[
    reg::CONTEXT_CONTROL,
    reg::HEAD,
    reg::TAIL,
    reg::START,
    reg::CONTROL,
    reg::BB_ADDR_HIGH,
    reg::BB_ADDR,
    reg::BB_STATE,
    reg::SBB_ADDR_HIGH,
    reg::SBB_ADDR,
    reg::SBB_STATE,
    reg::BB_PER_CTX,
    reg::INDIRECT_CTX,
    reg::INDIRECT_CTX_OFFSET,
];

const PAGE_TABLES: &[u32] = &[
    reg::CTX_TIMESTAMP,
    reg::PDP0 + 0x1c,
    reg::PDP0 + 0x18,
    reg::PDP0 + 0x14,
    reg::PDP0 + 0x10,
    reg::PDP0 + 0x0c,
    reg::PDP0 + 0x08,
    reg::PDP0 + 0x04,
    reg::PDP0,
];

/// State that all Gen9 engines save: event control, modes, monitors, predicate.
const COMMON_GEN9: &[u32] = &[
    reg::EXCC,
    reg::MI_MODE,
    reg::INSTPM,
    0x178,
    0x17c,
    reg::TIMESTAMP,
    0x170,
    0x150,
    0x154,
    0x158,
    0x41c,
];

/// Registers of the 3D pipeline that belong to a context (facts: registers in the render context).
const PIPELINE_GEN8: &[u32] = &[0x7000, 0x7004, 0x7008, 0x7010, 0x7300, 0x83a4];
const PIPELINE_GEN9: &[u32] = &[
    0x20d8, 0x2580, 0x4de0, 0x4de4, 0x4de8, 0x4dec, 0x4df0, 0x4df4, 0x4dfc, 0x7000, 0x7004, 0x7008,
    0x7010, 0x7014, 0x7300, 0x7304, 0x83a4, 0xe100, 0xe180, 0xe184, 0xe188, 0xe194, 0xe4f0,
];

/// The image of `engine` on `platform`, from its register state page on.
pub fn of(platform: &Platform, engine: EngineId) -> Vec<Item> {
    let base = engine.mmio_base();
    let render = engine == EngineId::Rcs0;
    let gen9 = platform.generation >= 9;
    let mut items = Vec::new();
    let mut add = |noops, posted, registers: &mut dyn Iterator<Item = MmioOffset>| {
        let registers: Vec<_> = registers.collect();
        items.push(Item::Noops(noops));
        items.push(Item::Header(registers.len() as u32, posted));
        items.extend(registers.into_iter().map(Item::Register));
    };
    for Group {
        noops,
        posted,
        registers,
    } in groups(gen9, render)
    {
        add(
            noops,
            posted,
            &mut registers.iter().map(|offset| base.add(*offset)),
        );
    }
    if gen9 {
        let gprs = (0..2 * reg::GPR_COUNT).map(|dword| reg::GPR0 + 4 * dword);
        let common = COMMON_GEN9.iter().copied().chain(gprs).chain([reg::IPEHR]);
        add(13, true, &mut common.map(|offset| base.add(offset)));
    }
    if render {
        let pipeline = if gen9 { PIPELINE_GEN9 } else { PIPELINE_GEN8 };
        add(
            13,
            true,
            &mut pipeline.iter().map(|offset| MmioOffset(*offset)),
        );
        add(13, true, &mut user::render_registers().map(MmioOffset));
    }
    items
}

fn groups(gen9: bool, render: bool) -> [Group; 3] {
    let full = gen9 || render;
    let last: &[u32] = match (render, gen9) {
        (true, _) => &[reg::R_PWR_CLK_STATE],
        (false, true) => &[reg::BCS_SWCTRL],
        (false, false) => &[reg::BCS_SWCTRL, reg::EXCC],
    };
    [
        Group {
            noops: 1,
            posted: full,
            registers: if full { RING } else { RING_GEN8 },
        },
        Group {
            noops: if full { 3 } else { 9 },
            posted: full,
            registers: PAGE_TABLES,
        },
        Group {
            noops: 13,
            posted: gen9 && !render,
            registers: last,
        },
    ]
}

/// Whether the image of `engine` may load the register: its own, or the pipeline's.
pub fn may_restore(engine: EngineId, register: MmioOffset) -> bool {
    let own = register.0.wrapping_sub(engine.mmio_base().0) < reg::RANGE;
    let pipeline = PIPELINE_GEN9.contains(&register.0) || PIPELINE_GEN8.contains(&register.0);
    own || (engine == EngineId::Rcs0 && (pipeline || user::render_writable(register.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::PlatformId;

    /// Dword of the register's value in the image.
    fn position(platform: PlatformId, engine: EngineId, offset: u32) -> Option<u32> {
        let register = engine.mmio_base().add(offset);
        let mut dword = 0;
        for item in of(Platform::get(platform), engine) {
            match item {
                Item::Noops(count) => dword += count,
                Item::Header(..) => dword += 1,
                Item::Register(at) if at == register => return Some(dword + 1),
                Item::Register(_) => dword += 2,
            }
        }
        None
    }

    #[test]
    fn layout_when_any_engine_then_ring_and_page_tables_where_drivers_write_them() {
        for platform in PlatformId::ALL {
            for engine in EngineId::ALL {
                assert_eq!(position(platform, engine, reg::CONTEXT_CONTROL), Some(0x3));
                assert_eq!(position(platform, engine, reg::HEAD), Some(0x5));
                assert_eq!(position(platform, engine, reg::TAIL), Some(0x7));
                assert_eq!(position(platform, engine, reg::START), Some(0x9));
                assert_eq!(position(platform, engine, reg::CONTROL), Some(0xb));
                assert_eq!(position(platform, engine, reg::CTX_TIMESTAMP), Some(0x23));
                assert_eq!(position(platform, engine, reg::PDP0 + 4), Some(0x31));
                assert_eq!(position(platform, engine, reg::PDP0), Some(0x33));
            }
        }
    }

    #[test]
    fn layout_when_render_then_power_state_where_drivers_write_it() {
        for platform in PlatformId::ALL {
            let at = position(platform, EngineId::Rcs0, reg::R_PWR_CLK_STATE);
            assert_eq!(at, Some(0x43));
        }
    }

    #[test]
    fn may_restore_when_other_engine_then_not() {
        assert!(may_restore(EngineId::Bcs0, MmioOffset(0x2_2600)));
        assert!(!may_restore(EngineId::Bcs0, MmioOffset(0x2600)));
        assert!(!may_restore(EngineId::Bcs0, MmioOffset(0x7000)));
        assert!(may_restore(EngineId::Rcs0, MmioOffset(0x7000)));
    }
}
