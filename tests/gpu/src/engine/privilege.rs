// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What unprivileged batches may do: a batch in the PPGTT writes few registers, and no GGTT.

use super::Engine;
use crate::address::MmioOffset;
use crate::platform::EngineId;
use crate::regs::engine;
use crate::regs::user;
use crate::uncore::Uncore;

/// Address field of a FORCE_TO_NONPRIV register.
const NONPRIV_ADDRESS: u32 = 0x03ff_fffc;

impl Engine {
    /// Whether the command in execution may write the register.
    pub(super) fn may_write(&self, uncore: &Uncore, register: MmioOffset) -> bool {
        let privileged = self
            .context
            .as_ref()
            .is_some_and(|context| context.privileged());
        privileged || self.unprivileged_register(uncore, register)
    }

    /// Whether the command in execution may name GGTT addresses.
    pub(super) fn may_use_ggtt(&self) -> bool {
        self.context
            .as_ref()
            .is_some_and(|context| context.privileged())
    }

    fn unprivileged_register(&self, uncore: &Uncore, register: MmioOffset) -> bool {
        let own = register.0.wrapping_sub(self.id.mmio_base().0);
        let gprs = engine::GPR0..engine::GPR0 + 8 * engine::GPR_COUNT;
        if gprs.contains(&own) || own == engine::NOPID {
            return true;
        }
        if self.id == EngineId::Bcs0 && own == engine::BCS_SWCTRL {
            return true;
        }
        if self.id != EngineId::Rcs0 {
            return false;
        }
        user::render_writable(register.0) || self.made_unprivileged(uncore, register)
    }

    fn made_unprivileged(&self, uncore: &Uncore, register: MmioOffset) -> bool {
        (0..engine::FORCE_TO_NONPRIV_SLOTS).any(|slot| {
            let value = uncore
                .regs
                .get(self.register(engine::FORCE_TO_NONPRIV + 4 * slot));
            value & NONPRIV_ADDRESS == register.0
        })
    }
}
