// SPDX-License-Identifier: GPL-2.0 OR MIT
//! MI_MATH and MI_ATOMIC: arithmetic of the command streamer (PRM Vol 2a).

use super::batch::Place;
use super::Engine;
use crate::regs::engine;
use crate::uncore::Uncore;

/// ALU instructions (bits 31:20 of an MI_MATH dword).
mod instruction {
    pub const LOAD: u32 = 0x080;
    pub const LOAD_INVERTED: u32 = 0x480;
    pub const LOAD_ZERO: u32 = 0x081;
    pub const LOAD_ONE: u32 = 0x481;
    pub const ADD: u32 = 0x100;
    pub const SUB: u32 = 0x101;
    pub const AND: u32 = 0x102;
    pub const OR: u32 = 0x103;
    pub const XOR: u32 = 0x104;
    pub const STORE: u32 = 0x180;
    pub const STORE_INVERTED: u32 = 0x580;
}

/// ALU operands besides the general purpose registers 0 to 15.
mod operand {
    pub const SOURCE_A: u32 = 0x20;
    pub const SOURCE_B: u32 = 0x21;
    pub const ACCUMULATOR: u32 = 0x31;
    pub const ZERO_FLAG: u32 = 0x32;
    pub const CARRY_FLAG: u32 = 0x33;
}

const INSTRUCTION_SHIFT: u32 = 20;
const OPERAND_1_SHIFT: u32 = 10;
const OPERAND_MASK: u32 = 0x3ff;

/// State of the ALU during one MI_MATH.
#[derive(Default)]
struct Alu {
    a: u64,
    b: u64,
    accumulator: u64,
    zero: bool,
    carry: bool,
}

impl Alu {
    fn compute(&mut self, instruction: u32) {
        let (result, carry) = match instruction {
            instruction::ADD => self.a.overflowing_add(self.b),
            instruction::SUB => self.a.overflowing_sub(self.b),
            instruction::AND => (self.a & self.b, false),
            instruction::OR => (self.a | self.b, false),
            instruction::XOR => (self.a ^ self.b, false),
            _ => return,
        };
        self.accumulator = result;
        self.zero = result == 0;
        self.carry = carry;
    }
}

/// Operations of MI_ATOMIC (bits 12:8 of the header; bit 13 tells 8 bytes).
mod atomic {
    pub const OPERATION_SHIFT: u32 = 8;
    pub const OPERATION: u32 = 0x1f;
    pub const QWORD: u32 = 0x20;
    pub const GGTT: u32 = 1 << 22;
    pub const INLINE_DATA: u32 = 1 << 18;
    pub const RETURN: u32 = 1 << 16;
    pub const AND: u32 = 0x01;
    pub const OR: u32 = 0x02;
    pub const XOR: u32 = 0x03;
    pub const MOVE: u32 = 0x04;
    pub const INCREMENT: u32 = 0x05;
    pub const DECREMENT: u32 = 0x06;
    pub const ADD: u32 = 0x07;
    pub const SUBTRACT: u32 = 0x08;
    pub const REVERSE_SUBTRACT: u32 = 0x09;
    pub const SIGNED_MAX: u32 = 0x0a;
    pub const SIGNED_MIN: u32 = 0x0b;
    pub const UNSIGNED_MAX: u32 = 0x0c;
    pub const UNSIGNED_MIN: u32 = 0x0d;
    pub const COMPARE_WRITE: u32 = 0x0e;
    pub const PRE_DECREMENT: u32 = 0x0f;
}

/// The value in memory after an atomic operation; none if there is no such operation.
fn atomic_result(operation: u32, qword: bool, old: u64, first: u64, second: u64) -> Option<u64> {
    let sign = |value: u64| {
        if qword {
            value as i64
        } else {
            i64::from(value as u32 as i32)
        }
    };
    let result = match operation {
        atomic::AND => old & first,
        atomic::OR => old | first,
        atomic::XOR => old ^ first,
        atomic::MOVE => first,
        atomic::INCREMENT => old.wrapping_add(1),
        atomic::DECREMENT | atomic::PRE_DECREMENT => old.wrapping_sub(1),
        atomic::ADD => old.wrapping_add(first),
        atomic::SUBTRACT => old.wrapping_sub(first),
        atomic::REVERSE_SUBTRACT => first.wrapping_sub(old),
        atomic::SIGNED_MAX => sign(old).max(sign(first)) as u64,
        atomic::SIGNED_MIN => sign(old).min(sign(first)) as u64,
        atomic::UNSIGNED_MAX => old.max(first),
        atomic::UNSIGNED_MIN => old.min(first),
        // Operand 1 is what is written, operand 2 what is compared with.
        atomic::COMPARE_WRITE if old == second => first,
        atomic::COMPARE_WRITE => old,
        _ => return None,
    };
    Some(if qword {
        result
    } else {
        u64::from(result as u32)
    })
}

impl Engine {
    /// Executes the ALU instructions of an MI_MATH.
    pub(super) fn execute_math(&mut self, uncore: &mut Uncore, instructions: &[u32]) {
        let mut alu = Alu::default();
        for dword in instructions {
            let code = dword >> INSTRUCTION_SHIFT;
            let first = dword >> OPERAND_1_SHIFT & OPERAND_MASK;
            let second = dword & OPERAND_MASK;
            match code {
                instruction::LOAD => self.load_source(uncore, &mut alu, first, second, 0),
                instruction::LOAD_INVERTED => {
                    self.load_source(uncore, &mut alu, first, second, u64::MAX);
                }
                instruction::LOAD_ZERO => set_source(&mut alu, first, 0),
                instruction::LOAD_ONE => set_source(&mut alu, first, 1),
                instruction::STORE => self.store_result(uncore, &alu, first, second, 0),
                instruction::STORE_INVERTED => {
                    self.store_result(uncore, &alu, first, second, u64::MAX);
                }
                _ => alu.compute(code),
            }
        }
    }

    fn load_source(&self, uncore: &Uncore, alu: &mut Alu, to: u32, from: u32, invert: u64) {
        if from < engine::GPR_COUNT {
            set_source(alu, to, self.gpr(uncore, from) ^ invert);
        }
    }

    fn store_result(&self, uncore: &mut Uncore, alu: &Alu, to: u32, from: u32, invert: u64) {
        let flag = |set: bool| if set { u64::MAX } else { 0 };
        let value = match from {
            operand::ACCUMULATOR => alu.accumulator,
            operand::ZERO_FLAG => flag(alu.zero),
            operand::CARRY_FLAG => flag(alu.carry),
            _ => return,
        };
        self.set_gpr(uncore, to, value ^ invert);
    }

    /// Executes an MI_ATOMIC.
    pub(super) fn execute_atomic(&mut self, uncore: &mut Uncore, d: &[u32]) {
        let &[header, low, high, ref data @ ..] = d else {
            return;
        };
        let Some(place) = self.address_in(header & atomic::GGTT != 0, low, high) else {
            return;
        };
        let code = header >> atomic::OPERATION_SHIFT;
        let qword = code & atomic::QWORD != 0;
        let inline = header & atomic::INLINE_DATA != 0;
        // Inline operands alternate: low of 1, low of 2, high of 1, high of 2.
        let operand = |number: u32| {
            if inline {
                let get = |index: u32| u64::from(data.get(index as usize).copied().unwrap_or(0));
                get(number + 2) << 32 | get(number)
            } else {
                self.gpr(uncore, number)
            }
        };
        let width = if qword { u64::MAX } else { u64::from(u32::MAX) };
        let (first, second) = (operand(0) & width, operand(1) & width);
        let old = self.read_atomic(uncore, place, qword);
        let operation = code & atomic::OPERATION;
        let Some(new) = atomic_result(operation, qword, old, first, second) else {
            return;
        };
        if qword {
            self.write_u64(uncore, place, new);
        } else {
            self.write_u32(uncore, place, new as u32);
        }
        if header & atomic::RETURN != 0 {
            let returned = if operation == atomic::PRE_DECREMENT {
                new
            } else {
                old
            };
            self.set_gpr(uncore, 0, returned);
        }
    }

    fn read_atomic(&mut self, uncore: &mut Uncore, place: Place, qword: bool) -> u64 {
        if qword {
            self.read_u64(uncore, place)
        } else {
            u64::from(self.read_u32(uncore, place))
        }
    }

    fn gpr(&self, uncore: &Uncore, number: u32) -> u64 {
        let low = self.register(engine::GPR0 + 8 * number);
        u64::from(uncore.regs.get(low.add(4))) << 32 | u64::from(uncore.regs.get(low))
    }

    fn set_gpr(&self, uncore: &mut Uncore, number: u32, value: u64) {
        if number < engine::GPR_COUNT {
            let low = self.register(engine::GPR0 + 8 * number);
            uncore.regs.set(low, value as u32);
            uncore.regs.set(low.add(4), (value >> 32) as u32);
        }
    }
}

fn set_source(alu: &mut Alu, to: u32, value: u64) {
    match to {
        operand::SOURCE_A => alu.a = value,
        operand::SOURCE_B => alu.b = value,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compute_when_subtraction_borrows_then_carry() {
        let mut alu = Alu {
            a: 1,
            b: 2,
            ..Alu::default()
        };

        alu.compute(instruction::SUB);

        assert_eq!(alu.accumulator, u64::MAX);
        assert!(alu.carry);
        assert!(!alu.zero);
    }

    #[test]
    fn atomic_when_dword_then_wraps_at_32_bits() {
        assert_eq!(
            atomic_result(atomic::INCREMENT, false, 0xffff_ffff, 0, 0),
            Some(0)
        );
        assert_eq!(
            atomic_result(atomic::SIGNED_MAX, false, 0xffff_ffff, 1, 0),
            Some(1)
        );
        assert_eq!(
            atomic_result(atomic::UNSIGNED_MAX, false, 0xffff_ffff, 1, 0),
            Some(0xffff_ffff)
        );
        assert_eq!(
            atomic_result(atomic::REVERSE_SUBTRACT, false, 5, 3, 0),
            Some(0xffff_fffe)
        );
    }

    #[test]
    fn atomic_when_compare_differs_then_unchanged() {
        assert_eq!(atomic_result(atomic::COMPARE_WRITE, true, 5, 9, 4), Some(5));
        assert_eq!(atomic_result(atomic::COMPARE_WRITE, true, 5, 9, 5), Some(9));
        assert_eq!(atomic_result(0, true, 5, 9, 5), None);
    }
}
