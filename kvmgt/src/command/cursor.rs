// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Reading commands out of a private copy, with every bound checked.

use super::refusal::Rule;

/// Header of a command that does nothing: MI_NOOP, all bits clear.
const NOOP: u32 = 0;

/// Goes through a copy from its front to its end, a command at a time.
///
/// It never goes back, and never reads behind the end.
#[derive(Debug)]
pub(super) struct Cursor {
    at: usize,
}

impl Cursor {
    /// A cursor at the front.
    pub(super) const fn new() -> Self {
        Self { at: 0 }
    }

    /// The index of the dword that is next.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// How many dwords a copy must have so that a command of `length` dwords fits; none if there
    /// is no such number.
    pub(super) fn end(&self, length: u32) -> Option<usize> {
        self.at.checked_add(usize::try_from(length).ok()?)
    }

    /// The header of the next command; none at the end.
    pub(super) fn header(&self, copy: &[u32]) -> Option<u32> {
        copy.get(self.at).copied()
    }

    /// The next command, whole, and goes on to the one behind it.
    ///
    /// # Errors
    ///
    /// The copy ends before it does; the cursor stays.
    pub(super) fn take<'a>(
        &mut self,
        copy: &'a mut [u32],
        length: u32,
    ) -> Result<Operands<'a>, Rule> {
        let truncated = Rule::Truncated { dwords: length };
        let end = self.end(length).ok_or(truncated)?;
        let dwords = copy.get_mut(self.at..end).ok_or(truncated)?;
        self.at = end;
        Ok(Operands { dwords })
    }
}

/// The dwords of one command, its header being the first.
#[derive(Debug)]
pub(super) struct Operands<'a> {
    dwords: &'a mut [u32],
}

impl Operands<'_> {
    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.dwords.len()).unwrap_or(u32::MAX)
    }

    /// The header.
    pub(super) fn header(&self) -> u32 {
        self.dwords.first().copied().unwrap_or(NOOP)
    }

    /// Whether the header has any of these bits.
    pub(super) fn has(&self, bits: u32) -> bool {
        self.header() & bits != 0
    }

    /// The dword number `index`.
    ///
    /// # Errors
    ///
    /// The command is too short to have it.
    pub(super) fn get(&self, index: usize) -> Result<u32, Rule> {
        self.dwords.get(index).copied().ok_or(self.short())
    }

    /// Puts another value in its place.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub(super) fn set(&mut self, index: usize, value: u32) -> Result<(), Rule> {
        let short = self.short();
        *self.dwords.get_mut(index).ok_or(short)? = value;
        Ok(())
    }

    /// Two dwords from `index` on: the lower, the upper.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub(super) fn pair(&self, index: usize) -> Result<(u32, u32), Rule> {
        Ok((self.get(index)?, self.get(index.saturating_add(1))?))
    }

    /// All dwords behind the header.
    pub(super) fn payload(&self) -> &[u32] {
        self.dwords.get(1..).unwrap_or_default()
    }

    /// Makes it do nothing.
    pub(super) fn drop_command(&mut self) {
        self.dwords.fill(NOOP);
    }

    /// That the command must have so many dwords.
    ///
    /// # Errors
    ///
    /// It has fewer or more.
    pub(super) fn expect(&self, dwords: u32) -> Result<(), Rule> {
        self.expect_within(dwords, dwords)
    }

    /// That the command must have so many dwords.
    ///
    /// # Errors
    ///
    /// It has fewer than `least` or more than `most`.
    pub(super) fn expect_within(&self, least: u32, most: u32) -> Result<(), Rule> {
        match self.len() {
            dwords if dwords < least => Err(self.short()),
            dwords if dwords > most => Err(Rule::Length {
                dwords,
                rule: "it has no operands there",
            }),
            _ => Ok(()),
        }
    }

    fn short(&self) -> Rule {
        Rule::Length {
            dwords: self.len(),
            rule: "its operands do not fit",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn take_when_the_copy_ends_first_then_truncated_and_the_cursor_stays() {
        let mut copy = [1, 2, 3];
        let mut cursor = Cursor::new();

        assert_eq!(cursor.take(&mut copy, 2).unwrap().payload(), [2]);
        for length in [2, u32::MAX] {
            let refused = cursor.take(&mut copy, length).unwrap_err();
            assert_eq!(refused, Rule::Truncated { dwords: length });
            assert_eq!(cursor.header(&copy), Some(3));
        }
        assert_eq!(cursor.take(&mut copy, 1).unwrap().header(), 3);
        assert_eq!(cursor.header(&copy), None);
    }

    #[test]
    fn operands_beyond_the_command_are_neither_read_nor_written() {
        let mut copy = [1, 2, 3];
        let mut cursor = Cursor::new();
        let mut operands = cursor.take(&mut copy, 2).unwrap();

        assert!(operands.get(2).is_err() && operands.set(2, 9).is_err());
        assert!(operands.pair(1).is_err() && operands.expect(3).is_err());
        assert!(operands.get(usize::MAX).is_err() && operands.pair(usize::MAX).is_err());
        operands.drop_command();
        assert_eq!(copy, [0, 0, 3]);
    }
}
