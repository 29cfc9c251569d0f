// SPDX-License-Identifier: GPL-2.0 OR MIT
use std::path::Path;

use vfio_user_server::fuzz::generate::Random;
use vfio_user_server::fuzz::runner::read_corpus;
use vfio_user_server::protocol::FLAG_ERROR;

use super::*;

#[test]
fn corpus_when_replayed_then_all_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/vgpu");
    let corpus = read_corpus(&folder).unwrap();

    for input in &corpus {
        fuzz_vgpu(input);
    }

    assert!(corpus.len() >= 20, "the corpus is there");
}

#[test]
fn generated_sessions_when_played_then_all_holds_and_much_is_done() {
    let (mut done, mut refused) = (0, 0);
    for seed in 0..100 {
        let input = generate(&mut Random::new(seed));
        fuzz_vgpu(&input);
        let mut world = WORLD.take().unwrap();
        let (_, replies) = world.play(&input);
        let errors = replies.iter().filter(|reply| reply.flags & FLAG_ERROR != 0);
        refused += errors.count();
        done += replies.len();
        WORLD.set(Some(world));
    }

    // Otherwise the generator would test nothing but refusals.
    assert!(refused < done / 3, "{refused} of {done} were refused");
}
