// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What an engine shows that met something it cannot execute.

use super::batch::Place;
use super::Engine;
use super::Halt;
use crate::regs::engine;
use crate::regs::engine::error;
use crate::regs::engine::interrupt;
use crate::uncore::Uncore;

/// INSTDONE of an engine whose command streamer and ring are busy.
const INSTDONE_HUNG: u32 = !0x3;

impl Engine {
    /// Stops for good at the command at `place`: head, ACTHD and IPEHR stay on it.
    ///
    /// If EMR lets it, EIR tells an instruction error and the error interrupt is raised.
    pub(super) fn hang(&mut self, uncore: &mut Uncore, header: u32, place: Place) {
        self.halt = Some(Halt::Hung);
        self.show_position(uncore, header, place);
        uncore
            .regs
            .set(self.register(engine::INSTDONE), INSTDONE_HUNG);
        let mask = uncore.regs.get(self.register(engine::EMR));
        if mask & error::INSTRUCTION == 0 {
            let identity = self.register(engine::EIR);
            uncore
                .regs
                .update(identity, error::INSTRUCTION, error::INSTRUCTION);
            self.raise(uncore, interrupt::ERROR);
        }
    }
}
