// SPDX-License-Identifier: GPL-2.0 OR MIT
use std::path::Path;

use proptest::prelude::*;

use super::generate::{self, Random};
use super::*;
use crate::session::SessionStats;

#[test]
fn corpus_when_replayed_then_all_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/session");
    let mut count = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        fuzz_session(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }

    assert!(count >= 20, "the corpus is there");
}

#[test]
fn generated_session_when_undamaged_then_much_is_done() {
    let mut done = SessionStats::default();
    let mut sent = Vec::new();
    for seed in 0..50 {
        let input = generate::session_with_damage(&mut Random::new(seed), 100, u64::MAX);
        let (script, transcript) = Script::new(chunks(&input));
        let bus = Bus::new(&irqs());
        let mut toy = Toy::new(bus.clone()).unwrap();
        let (_, stats) = Session::new(&mut toy, &bus, script).run();
        done.done += stats.done;
        done.refused += stats.refused;
        sent.extend(transcript.sent().bytes);
    }

    // Otherwise the generator would test nothing but refusals, and no memory of the client.
    assert!(done.done > done.refused / 2, "{done:?}");
    let commands = headers(&sent).filter(|header| !header.is_reply()).count();
    assert!(commands > 5, "{commands} DMA commands");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn session_when_messages_are_random_then_invariants_hold(seed: u64) {
        fuzz_session(&generate::session(&mut Random::new(seed), 60));
    }

    #[test]
    fn session_when_messages_are_damaged_then_invariants_hold(seed: u64, other: u64) {
        let mut random = Random::new(seed);
        let mut input = generate::session(&mut random, 40);
        let other = generate::session(&mut Random::new(other), 40);
        generate::mutate(&mut random, &mut input, &other);
        fuzz_session(&input);
    }

    #[test]
    fn session_when_bytes_are_noise_then_invariants_hold(input: Vec<u8>) {
        fuzz_session(&input);
    }
}
