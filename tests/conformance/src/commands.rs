// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The few commands that the checks let the GPU execute (PRM Vol 2a, 64-bit addresses).

/// Position of the opcode in a header.
const OPCODE: u32 = 23;
/// MI_STORE_DATA_IMM of a dword, to an address of the PPGTT.
const STORE_DATA_IMM: u32 = 0x20 << OPCODE | 2;
/// MI_LOAD_REGISTER_IMM of a register.
const LOAD_REGISTER_IMM: u32 = 0x22 << OPCODE | 1;
/// MI_STORE_REGISTER_MEM, to an address of the PPGTT.
const STORE_REGISTER_MEM: u32 = 0x24 << OPCODE | 2;
/// MI_SEMAPHORE_WAIT that polls an address of the PPGTT until it holds the value.
const SEMAPHORE_WAIT: u32 = 0x1c << OPCODE | 4 << 12 | 1 << 15 | 2;
/// The address is one of the GGTT.
const GGTT: u32 = 1 << 22;
/// No command of any engine: client 7 of the command streamer.
const UNKNOWN: u32 = 7 << 29;

/// The first general purpose register of the render engine (PRM Vol 2c, CS_GPR).
pub(crate) const RENDER_GPR: u32 = 0x2600;

/// Dwords of commands that a check submits at the most.
pub(crate) const ROOM: usize = 64;

/// Commands, filled up with MI_NOOP.
pub(crate) struct Commands {
    dwords: [u32; ROOM],
    count: usize,
}

impl Commands {
    /// None.
    pub(crate) fn new() -> Self {
        Self {
            dwords: [0; ROOM],
            count: 0,
        }
    }

    fn push(mut self, dwords: &[u32]) -> Self {
        for dword in dwords {
            if let Some(place) = self.dwords.get_mut(self.count) {
                *place = *dword;
                self.count += 1;
            }
        }
        self
    }

    fn address(address: u64) -> [u32; 2] {
        [address as u32, (address >> 32) as u32]
    }

    /// Stores a dword to the GGTT.
    pub(crate) fn store(self, address: u64, value: u32) -> Self {
        let [low, high] = Self::address(address);
        self.push(&[STORE_DATA_IMM | GGTT, low, high, value])
    }

    /// Stores a dword to the PPGTT.
    pub(crate) fn store_ppgtt(self, address: u64, value: u32) -> Self {
        let [low, high] = Self::address(address);
        self.push(&[STORE_DATA_IMM, low, high, value])
    }

    /// Loads a register.
    pub(crate) fn load_register(self, register: u32, value: u32) -> Self {
        self.push(&[LOAD_REGISTER_IMM, register, value])
    }

    /// Stores a register to the GGTT.
    pub(crate) fn store_register(self, register: u32, address: u64) -> Self {
        let [low, high] = Self::address(address);
        self.push(&[STORE_REGISTER_MEM | GGTT, register, low, high])
    }

    /// Waits until a dword of the GGTT has that value.
    pub(crate) fn wait_for(self, address: u64, value: u32) -> Self {
        let [low, high] = Self::address(address);
        self.push(&[SEMAPHORE_WAIT | GGTT, value, low, high])
    }

    /// What no engine can execute.
    pub(crate) fn hang(self) -> Self {
        self.push(&[UNKNOWN, UNKNOWN])
    }

    /// All of them, an even number.
    pub(crate) fn dwords(&self) -> &[u32] {
        let even = self.count.next_multiple_of(2);
        self.dwords.get(..even).unwrap_or(&self.dwords)
    }
}
