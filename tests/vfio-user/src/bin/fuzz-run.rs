// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Fuzzes a session for a set time with stable Rust alone.
//!
//! The coverage-guided target is in `tests/fuzz`; it needs nightly Rust.

use anyhow::Result;
use clap::Parser;
use vfio_user_server::fuzz::fuzz_session;
use vfio_user_server::fuzz::generate::session;
use vfio_user_server::fuzz::runner::Plan;

/// Most messages of a generated session.
const MESSAGES: u64 = 80;

/// Runs random and mutated vfio-user sessions against the server.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    plan: Plan,
}

fn main() -> Result<()> {
    Arguments::parse()
        .plan
        .run(fuzz_session, |random| session(random, MESSAGES))
}
