// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Writes the small corpus that is kept in the tree: a few sessions by hand, a few by seed.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;
use vfio_user_server::fuzz::generate::{encode, session, version, Random};
use vfio_user_server::fuzz::{push_record, record_flags, FD_EVENT, FD_NULL, FD_SEALED};
use vfio_user_server::protocol::{Command, FLAG_NO_REPLY, MAX_MESSAGE, TYPE_REPLY};

/// Sessions by seed.
const SEEDS: u64 = 16;
/// Most messages of one of them.
const MESSAGES: u64 = 12;

/// Writes the corpus for the vfio-user session fuzzers.
#[derive(Debug, Parser)]
struct Arguments {
    /// Folder to write to.
    folder: PathBuf,
}

fn main() -> Result<()> {
    let folder = Arguments::parse().folder;
    let save = |name: &str, records: &[(u8, Vec<u8>)]| {
        let mut input = Vec::new();
        for (flags, bytes) in records {
            push_record(&mut input, *flags, bytes);
        }
        std::fs::write(folder.join(name), input).with_context(|| format!("cannot write {name}"))
    };
    let reset = || encode(9, Command::Reset as u16, 0, &[]);
    let hello = || (0, version());
    save("empty", &[])?;
    save("handshake", &[hello()])?;
    save("handshake-twice", &[hello(), hello(), (0, reset())])?;
    save("before-handshake", &[(0, reset()), hello(), (0, reset())])?;
    save(
        "version-without-json",
        &[(0, encode(1, 1, 0, &[0, 0, 0, 0])), (0, reset())],
    )?;
    save(
        "version-bad-json",
        &[(0, encode(1, 1, 0, b"\0\0\0\0{\"capabilities\":")), hello()],
    )?;
    save(
        "version-other-major",
        &[(0, encode(1, 1, 0, &[1, 0, 0, 0])), (0, reset())],
    )?;
    save(
        "no-reply",
        &[
            hello(),
            (0, encode(2, 13, FLAG_NO_REPLY, &[])),
            (0, reset()),
        ],
    )?;
    save(
        "stray-reply",
        &[
            hello(),
            (0, encode(2, 11, TYPE_REPLY, &[0; 20])),
            (0, reset()),
        ],
    )?;
    save("out-of-step", &[hello(), (0, vec![0; 16]), (0, reset())])?;
    let mut long = reset();
    long[4..8].copy_from_slice(&(MAX_MESSAGE as u32 + 100).to_ne_bytes());
    save("too-long", &[hello(), (0, long), (0, vec![0; 60_000])])?;
    let eventfds = encode(3, 8, 0, &words(&[20, 0x24, 1, 0, 1]));
    save(
        "descriptors",
        &[
            hello(),
            (record_flags(FD_EVENT, 1), eventfds.clone()),
            (record_flags(FD_NULL, 1), eventfds),
            (record_flags(FD_SEALED, 15), reset()),
            (0, reset()),
        ],
    )?;
    for seed in 0..SEEDS {
        let input = session(&mut Random::new(seed), MESSAGES);
        std::fs::write(folder.join(format!("seed-{seed:02}")), input)
            .with_context(|| format!("cannot write seed {seed}"))?;
    }
    Ok(())
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}
