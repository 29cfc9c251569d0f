// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What of a guest's memory a context image says that there is to execute.

use super::refusal::Rule;
use super::stream::Origin;
use super::Work;
use crate::address::{Gma, PAGE_SIZE};

/// `RING_CTL`: pages of the ring, less one (PRM Vol 2c, RING_BUFFER_CTL, bits 20:12).
const CONTROL_PAGES: u32 = 0x001f_f000;
/// `RING_START`: what is below the address of a page (RING_BUFFER_START, bits 11:0).
const START_LOW: u32 = 0xfff;
/// `RING_HEAD`: how far the engine is, in bytes (RING_BUFFER_HEAD, bits 20:2); above is how often
/// it went around.
const HEAD: u32 = 0x001f_fffc;
/// `RING_TAIL`: how far commands go, in bytes (RING_BUFFER_TAIL, bits 20:3).
const TAIL: u32 = 0x001f_fff8;
/// `INDIRECT_CTX`: the address (bits 31:6).
const INDIRECT_ADDRESS: u32 = !0x3f;
/// `INDIRECT_CTX`: how many cache lines there are (bits 5:0).
const INDIRECT_LINES: u32 = 0x3f;
/// `BB_PER_CTX_PTR`: the address; i915 puts it at any cache line.
const PER_CONTEXT_ADDRESS: u32 = !0x3f;
/// `BB_PER_CTX_PTR`: there is a batch (bit 0).
const PER_CONTEXT_VALID: u32 = 1 << 0;
/// Bytes of a cache line.
const LINE: u32 = 64;
/// Bytes of a dword.
pub(super) const DWORD: u64 = 4;

/// Memory whose size is known before it is read: up to two runs, one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Runs {
    /// What they are.
    pub(super) origin: Origin,
    /// First byte and bytes of each.
    pub(super) runs: [(Gma, u64); 2],
}

/// The filled part of the ring.
///
/// # Errors
///
/// Head or tail are not inside the ring, or at no place where a command can begin.
pub(super) fn ring(work: &Work) -> Result<Runs, Rule> {
    let operand = |value, rule| Err(Rule::Operand { value, rule });
    if work.ring_start & START_LOW != 0 {
        return operand(work.ring_start, "the ring does not begin with a page");
    }
    if work.ring_tail & !TAIL != 0 {
        return operand(work.ring_tail, "the ring's tail is not that of a qword");
    }
    let size = u64::from(work.ring_control & CONTROL_PAGES).saturating_add(PAGE_SIZE);
    let head = u64::from(work.ring_head & HEAD);
    let tail = u64::from(work.ring_tail);
    if head >= size {
        return operand(work.ring_head, "the ring's head is behind its end");
    }
    if tail >= size {
        return operand(work.ring_tail, "the ring's tail is behind its end");
    }
    let start = u64::from(work.ring_start);
    let at_head = Gma(start.saturating_add(head));
    let to_end = size.saturating_sub(head);
    Ok(Runs {
        origin: Origin::Ring,
        runs: match tail.checked_sub(head) {
            Some(bytes) => [(at_head, bytes), (Gma(start), 0)],
            None => [(at_head, to_end), (Gma(start), tail)],
        },
    })
}

/// The batch that runs in the middle of the restore, if there is one.
pub(super) fn indirect_context(work: &Work) -> Option<Runs> {
    let lines = work.indirect_context & INDIRECT_LINES;
    let address = Gma((work.indirect_context & INDIRECT_ADDRESS).into());
    (lines != 0).then_some(Runs {
        origin: Origin::IndirectContext(address),
        runs: [(address, lines.saturating_mul(LINE).into()), (address, 0)],
    })
}

/// Where the batch that runs at the end of the restore begins, if there is one.
pub(super) fn per_context(work: &Work) -> Option<Gma> {
    let valid = work.per_context & PER_CONTEXT_VALID != 0;
    valid.then_some(Gma((work.per_context & PER_CONTEXT_ADDRESS).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(pages: u32, head: u32, tail: u32) -> Work {
        Work {
            ring_start: 0x10_0000,
            ring_control: (pages - 1) << 12 | 1,
            ring_head: head,
            ring_tail: tail,
            ..Work::default()
        }
    }

    #[test]
    fn ring_when_the_tail_is_before_the_head_then_it_goes_around() {
        let runs = ring(&work(2, 0x1ff0, 0x20)).unwrap().runs;
        assert_eq!(runs, [(Gma(0x10_1ff0), 0x10), (Gma(0x10_0000), 0x20)]);
        let runs = ring(&work(1, 0x40, 0x40)).unwrap().runs;
        assert_eq!(runs, [(Gma(0x10_0040), 0), (Gma(0x10_0000), 0)]);
    }

    #[test]
    fn ring_when_the_head_counts_rounds_then_they_do_not_matter() {
        let around = work(1, 0x7fe0_0010, 0x18);
        assert_eq!(ring(&around).unwrap().runs[0], (Gma(0x10_0010), 8));
    }

    #[test]
    fn s_50_ring_whose_head_or_tail_is_not_inside_is_refused_for_any_size() {
        for pages in [1, 2, 16, 511, 512] {
            let size = pages * 4096;
            assert!(ring(&work(pages, size - 4, size - 8)).is_ok(), "{pages}");
            for wrong in [size, size + 8, 0x1f_fff8] {
                if wrong >= size {
                    // The largest ring has no number for what is behind it.
                    let fits = wrong < 1 << 21;
                    assert!(!fits || ring(&work(pages, wrong, 0)).is_err(), "{pages}");
                    assert!(ring(&work(pages, 0, wrong)).is_err(), "{pages} {wrong:#x}");
                }
            }
        }
    }

    #[test]
    fn s_50_ring_with_an_unaligned_start_or_tail_is_refused() {
        assert!(ring(&work(1, 0, 4)).is_err());
        assert!(ring(&work(1, 0, 0xffff_fff8)).is_err());
        let mut unaligned = work(1, 0, 8);
        unaligned.ring_start += 0x800;
        assert!(ring(&unaligned).is_err());
    }

    #[test]
    fn batches_of_the_restore_when_not_there_then_none() {
        let none = Work::default();
        assert_eq!((indirect_context(&none), per_context(&none)), (None, None));
        let work = Work {
            indirect_context: 0x8042,
            per_context: 0x8101,
            ..none
        };
        let runs = indirect_context(&work).unwrap().runs;
        assert_eq!(runs[0], (Gma(0x8040), 2 * 64));
        assert_eq!(per_context(&work), Some(Gma(0x8100)));
    }
}
