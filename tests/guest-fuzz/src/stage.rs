// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A guest made of bytes beside one that does nothing wrong, and the judge of both.

use isolation::arena::Arena;
use kvmgt_core::hardware::Engine;
use std::cell::{Cell, RefCell};

/// Of so many inputs one has the judge look at the whole GGTT, and the other guest work.
const THOROUGH: u32 = 64;

thread_local! {
    static ARENA: RefCell<Option<Arena<'static>>> = const { RefCell::new(None) };
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

/// Engines that guests have set up.
pub(crate) const ENGINES: [Engine; 2] = [Engine::Rcs, Engine::Bcs];

/// Lets a guest that was just started act, and then looks at what came of it.
///
/// # Panics
///
/// The judge objects, or the other guest is disturbed.
pub(crate) fn with(act: impl FnOnce(&mut Arena<'static>)) {
    // Out of its place: after a panic the next input gets a new one.
    let mut arena = ARENA
        .with_borrow_mut(Option::take)
        .unwrap_or_else(Arena::leaked);
    arena.attacker().start_again();
    act(&mut arena);
    arena.execute();
    arena.attacker().reset_engines();
    arena.execute();
    let count = COUNT.get();
    COUNT.set(count.wrapping_add(1));
    let violations = match count % THOROUGH {
        0 => {
            arena.check_work_of(1);
            arena.look_at_all()
        }
        _ => arena.look(),
    };
    arena.attacker().complaints();
    assert!(violations.is_empty(), "{violations:#?}");
    ARENA.set(Some(arena));
}
