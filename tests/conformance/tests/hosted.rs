// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The checks on the hosted twin, for every platform.

use conformance::{Bench, Failure, Hold};
use gen9_gpu::engine::Engine;
use gen9_gpu::{DmaAddress, EngineId, Options};
use hosted_glue::i915::I915;
use hosted_glue::machine::Machine;
use iface::types::GGTT_PAGE_SIZE;
use kernel::testing::in_atomic_context;

struct Hosted<'a>(&'a I915);

const ENGINES: [EngineId; 5] = [
    EngineId::Rcs0,
    EngineId::Bcs0,
    EngineId::Vcs0,
    EngineId::Vcs1,
    EngineId::Vecs0,
];
/// Where memory for the checks is, which nothing else uses.
const DMA_START: u64 = 0x4000_0000;

impl Bench for Hosted<'_> {
    fn ggtt_entry(&self, page: u64) -> u64 {
        self.0.machine().ggtt_entry(page)
    }

    fn with_lock_held(&self, f: &mut dyn FnMut()) {
        in_atomic_context(f);
    }

    fn in_parallel(&self, threads: u32, f: &(dyn Fn(u32) + Sync)) {
        std::thread::scope(|scope| {
            for thread in 0..threads {
                scope.spawn(move || f(thread));
            }
        });
    }

    fn put_to_sleep(&self) -> bool {
        self.0.card().is_some_and(|card| card.runtime_suspend())
    }

    fn has_idle_contexts(&self) -> bool {
        false
    }

    fn has_watchdog(&self) -> bool {
        false
    }

    fn is_alone(&self) -> bool {
        true
    }

    fn wait(&self) {
        let Some(card) = self.0.card() else { return };
        card.run_engines();
        for id in ENGINES {
            // i915 is told by the error interrupt.
            let hung = self
                .0
                .machine()
                .gpu()
                .engine(id)
                .is_some_and(Engine::is_hung);
            if hung {
                card.declare_hung(id);
            }
        }
    }

    fn dma_address(&self, page: usize) -> u64 {
        DMA_START + page as u64 * GGTT_PAGE_SIZE
    }

    fn dma_read(&self, page: usize, index: usize) -> u64 {
        let address = DmaAddress(self.dma_address(page) + 8 * index as u64);
        self.0.machine().memory().read_u64(address).unwrap()
    }

    fn dma_write(&self, page: usize, index: usize, value: u64) {
        let address = DmaAddress(self.dma_address(page) + 8 * index as u64);
        self.0.machine().memory().write_u64(address, value).unwrap();
    }
}

fn failures(options: &str) -> Vec<(&'static str, Failure)> {
    let mut i915 = I915::load(Machine::new(Options::parse(options).unwrap()));
    i915.bind(0);
    let mut failures = Vec::new();
    let data = i915.platform_data();
    // SAFETY: the table of a bound GPU, which stays bound.
    unsafe {
        conformance::run(data, &Hosted(&i915), |name, outcome| {
            failures.extend(outcome.err().map(|failure| (name, failure)));
        });
    }
    failures
}

macro_rules! platforms {
    ($($platform:ident)*) => {
        $(
            #[test]
            fn $platform() {
                assert_eq!(failures(stringify!($platform)), []);
            }
        )*
    };
}

platforms! { bdw skl kbl bxt cfl cml }

#[test]
fn hold_when_gpu_is_reset_and_sleeps_then_contents_stay() {
    let mut i915 = I915::load(Machine::new(Options::parse("kbl").unwrap()));
    i915.bind(0);
    let bench = Hosted(&i915);
    // SAFETY: the table of a bound GPU, which stays bound.
    let hold = unsafe { Hold::new(i915.platform_data(), &bench) }.unwrap();

    assert_eq!(hold.verify(&bench), Ok(()));
    i915.reset();
    assert_eq!(hold.verify(&bench), Ok(()));
    assert!(bench.put_to_sleep());
    assert_eq!(hold.verify(&bench), Ok(()));
    i915.sleep();
    assert_eq!(hold.verify(&bench), Ok(()));
    assert_eq!(hold.release(&bench), Ok(()));
}
