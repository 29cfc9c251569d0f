// SPDX-License-Identifier: GPL-2.0 OR MIT
//! All inputs of the tree: what they do is harmless.

use std::path::Path;

use guest_fuzz::Target;
use vfio_user_server::fuzz::runner::read_corpus;

/// Inputs that each corpus has at least.
const LEAST: usize = 20;

fn replay(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(name);
    let corpus = read_corpus(&folder).unwrap();
    let target = Target::named(name).unwrap();

    for input in &corpus {
        (target.check)(input);
    }

    assert!(corpus.len() >= LEAST, "the corpus of {name} is there");
}

#[test]
fn commands() {
    replay("commands");
}

#[test]
fn page_tables() {
    replay("page_tables");
}

#[test]
fn registers() {
    replay("registers");
}

#[test]
fn context_images() {
    replay("context_image");
}
