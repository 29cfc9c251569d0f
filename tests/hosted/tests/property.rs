// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Whatever a client does, in whatever order, the GGTT is what a simple model says: the client's
//! ranges hold what it wrote, what it gave back is scratch, and all else is untouched.

use hosted_glue::bed::Bed;
use hosted_glue::raw::{client, fence, Raw};
use iface::types::{
    GgttRange, GgttRequest, GGTT_PAGE_SIZE, PTE_PRESENT, PTE_VALID_BITS, REGION_APERTURE,
};
use proptest::prelude::*;

/// The pages that are looked at: where the first ranges go, with neighbours on both sides.
const WINDOW: std::ops::Range<u64> = 1984..3072;
/// What stands in them before: entries of somebody else.
const FOREIGN: u64 = 0x0f0f_0000 | PTE_PRESENT;
/// Address bits that the model's GPU does not keep.
const ABOVE_MEMORY: u64 = 0x7f << 39;

/// Something that a client does, or that happens.
#[derive(Clone, Debug)]
enum Step {
    Reserve {
        pages: u64,
        align: u32,
    },
    Release {
        which: usize,
    },
    Write {
        which: usize,
        first: u32,
        entries: Vec<u64>,
    },
    Fence {
        which: usize,
        start: i64,
        pages: u64,
    },
    Reset,
    Sleepy,
    Reopen,
}

/// Entries of a write: mostly good ones, sometimes anything.
fn entries() -> impl Strategy<Value = Vec<u64>> {
    let good = any::<u64>().prop_map(|bits| bits & PTE_VALID_BITS & !ABOVE_MEMORY);
    prop_oneof![
        8 => prop::collection::vec(good, 0..12),
        1 => prop::collection::vec(any::<u64>(), 1..4),
    ]
}

/// The first entry of a write: mostly inside of a range, sometimes far off.
fn first() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0..8_u32, 2 => 0..40_u32, 1 => any::<u32>()]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (prop_oneof![3 => 1..9_u64, 1 => 1..33_u64], 0..4_u32).prop_map(|(pages, align)| Step::Reserve { pages, align }),
        2 => any::<usize>().prop_map(|which| Step::Release { which }),
        8 => (any::<usize>(), first(), entries())
            .prop_map(|(which, first, entries)| Step::Write { which, first, entries }),
        4 => (any::<usize>(), -2..9_i64, 1..9_u64)
            .prop_map(|(which, start, pages)| Step::Fence { which, start, pages }),
        1 => Just(Step::Reset),
        1 => Just(Step::Sleepy),
        1 => Just(Step::Reopen),
    ]
}

/// What the GGTT should be.
struct Model<'b> {
    bed: &'b Bed,
    raw: Raw<'b>,
    pages: Vec<u64>,
    /// Every range that was ever given out, and whether it still is the client's.
    ranges: Vec<(GgttRange, bool)>,
    fences: u64,
    /// What the one fence holds, and the range that it is in.
    fence: (u64, u64),
}

impl<'b> Model<'b> {
    fn new(bed: &'b Bed) -> Self {
        let pages = vec![FOREIGN; usize::try_from(WINDOW.end - WINDOW.start).unwrap()];
        bed.machine().ggtt_write(WINDOW.start, &pages);
        let raw = Raw::opened(bed);
        let fences = raw.fences(1).unwrap();
        Model {
            bed,
            raw,
            pages,
            ranges: Vec::new(),
            fences,
            fence: (0, 0),
        }
    }

    /// The model's entries of a range.
    fn pages_of(&mut self, range: &GgttRange) -> &mut [u64] {
        let first = usize::try_from(range.start / GGTT_PAGE_SIZE - WINDOW.start).unwrap();
        &mut self.pages[first..first + usize::try_from(range.size / GGTT_PAGE_SIZE).unwrap()]
    }

    fn any_range(&self, which: usize) -> Option<(usize, GgttRange, bool)> {
        let index = which.checked_rem(self.ranges.len())?;
        let (range, alive) = self.ranges[index];
        Some((index, range, alive))
    }

    fn gone(&mut self, range: &GgttRange) {
        let scratch = self.raw.scratch();
        self.pages_of(range).fill(scratch);
        if self.fence.1 == range.handle {
            self.fence = (0, 0);
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Reserve { pages, align } => {
                let request = GgttRequest {
                    region: REGION_APERTURE,
                    size: pages * GGTT_PAGE_SIZE,
                    align: GGTT_PAGE_SIZE << align,
                    ..GgttRequest::default()
                };
                if let Ok(range) = self.raw.reserve(request) {
                    let scratch = self.raw.scratch();
                    self.pages_of(&range).fill(scratch);
                    self.ranges.push((range, true));
                }
            }
            Step::Release { which } => {
                let Some((index, range, alive)) = self.any_range(which) else {
                    return;
                };
                assert_eq!(self.raw.release(range.handle) == 0, alive);
                if alive {
                    self.ranges[index].1 = false;
                    self.gone(&range);
                }
            }
            Step::Write {
                which,
                first,
                entries,
            } => {
                let Some((_, range, alive)) = self.any_range(which) else {
                    return;
                };
                let end = u64::from(first) + entries.len() as u64;
                let good = alive
                    && end <= range.size / GGTT_PAGE_SIZE
                    && !entries.is_empty()
                    && entries.iter().all(|entry| entry & !PTE_VALID_BITS == 0);
                assert_eq!(self.raw.write(range.handle, first, &entries) == 0, good);
                if good {
                    let scratch = self.raw.scratch();
                    let first = first as usize;
                    let pages = &mut self.pages_of(&range)[first..first + entries.len()];
                    for (page, entry) in pages.iter_mut().zip(entries) {
                        *page = if entry & PTE_PRESENT == 0 {
                            scratch
                        } else {
                            entry
                        };
                    }
                }
            }
            Step::Fence {
                which,
                start,
                pages,
            } => {
                let Some((_, range, alive)) = self.any_range(which) else {
                    return;
                };
                let length = i64::try_from(range.size / GGTT_PAGE_SIZE).unwrap();
                let inside = start >= 0 && start + i64::try_from(pages).unwrap() <= length;
                let begin = range
                    .start
                    .wrapping_add_signed(start * GGTT_PAGE_SIZE as i64);
                let value = fence(begin, pages);
                let wrote = self.raw.fence_write(self.fences, 0, value, range.handle) == 0;
                assert_eq!(wrote, alive && inside);
                if wrote {
                    self.fence = (value, range.handle);
                }
            }
            Step::Reset => self.bed.i915.reset(),
            Step::Sleepy => {
                assert!(self.bed.card().runtime_suspend());
                assert_eq!((self.raw.wake_get(), self.raw.wake_put()), (0, 0));
            }
            Step::Reopen => {
                assert_eq!(self.raw.close(), 0);
                for index in 0..self.ranges.len() {
                    if std::mem::take(&mut self.ranges[index].1) {
                        let range = self.ranges[index].0;
                        self.gone(&range);
                    }
                }
                self.fence = (0, 0);
                assert_eq!(self.raw.open(&client()), 0);
                self.fences = self.raw.fences(1).unwrap();
            }
        }
    }

    /// Compares the GPU with the model.
    fn check(&self) {
        for (page, expected) in WINDOW.zip(&self.pages) {
            assert_eq!(
                self.bed.machine().ggtt_entry(page),
                *expected,
                "page {page:#x}"
            );
        }
        let [number] = self.bed.card().fences_taken()[..] else {
            panic!("one fence is taken")
        };
        assert_eq!(self.bed.card().fence(number), self.fence.0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ggtt_is_what_the_model_says_after_any_steps(steps in prop::collection::vec(step(), 1..40)) {
        let bed = Bed::new("kbl");
        let mut model = Model::new(&bed);
        for step in steps {
            model.apply(step);
            model.check();
        }
        assert_eq!(model.raw.close(), 0);
    }
}
