// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A hash that the compiler computes: 64-bit FNV-1a.
//!
//! It guards against accidents (a table from another build), not against attackers: both sides of
//! the contract are kernel code.

/// A hash in the making.
#[derive(Clone, Copy)]
pub struct Hash(u64);

/// Start value of 64-bit FNV-1a.
const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
/// Multiplier of 64-bit FNV-1a.
const PRIME: u64 = 0x0000_0100_0000_01b3;

impl Default for Hash {
    fn default() -> Self {
        Self::new()
    }
}

impl Hash {
    /// The hash of nothing.
    pub const fn new() -> Self {
        Self(OFFSET_BASIS)
    }

    /// Adds a byte.
    pub const fn byte(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(PRIME))
    }

    /// Adds bytes.
    pub const fn bytes(mut self, bytes: &[u8]) -> Self {
        let mut i = 0;
        while i < bytes.len() {
            self = self.byte(bytes[i]);
            i += 1;
        }
        self
    }

    /// Adds a number, whatever its width.
    pub const fn number(self, number: u64) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    /// Adds Rust source, but for white space and commas, which compilers print as they like.
    pub const fn source(mut self, text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            if !bytes[i].is_ascii_whitespace() && bytes[i] != b',' {
                self = self.byte(bytes[i]);
            }
            i += 1;
        }
        self
    }

    /// The hash.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The hash in 32 bits.
    pub const fn folded(self) -> u32 {
        (self.0 ^ (self.0 >> 32)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::Hash;

    #[test]
    fn value_of_known_input_is_that_of_the_published_vector() {
        // Vectors of the FNV authors.
        assert_eq!(Hash::new().value(), 0xcbf2_9ce4_8422_2325);
        assert_eq!(Hash::new().bytes(b"a").value(), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(Hash::new().bytes(b"foobar").value(), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn source_with_other_white_space_has_the_same_hash() {
        let a = Hash::new().source("fn(a : u32, b: u8,) -> c_int");
        let b = Hash::new().source("fn(a: u32, b: u8) -> c_int");
        assert_eq!(a.value(), b.value());
    }
}
