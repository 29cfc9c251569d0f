// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Guests made of arbitrary bytes, and what must hold whatever they do.
//!
//! A [`Target`] is what the libFuzzer targets in `tests/fuzz`, the replay of the corpora and the
//! program `guest-fuzz` share. Every string of bytes is an input of each, so mutations are too.
//!
//! Two targets reach one part of the mediator each, so many inputs a second, and are judged by
//! what its own tests have: [`commands`] by a second opinion on what the audit lets through,
//! [`page_tables`] by a walker of tables. The two others are a whole guest beside another one on
//! the software GPU, judged by what that GPU has reached ([`isolation`]).

use vfio_user_server::fuzz::generate::Random;

pub mod bytes;
pub mod commands;
pub mod context_image;
pub mod page_tables;
pub mod registers;
mod stage;

/// A fuzz target.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, which is that of its corpus.
    pub name: &'static str,
    /// Lives through an input; panics if something does not hold.
    pub check: fn(&[u8]),
    /// The most bytes of an input that is generated.
    most: u64,
}

/// All of them.
pub const TARGETS: [Target; 4] = [
    Target {
        name: "commands",
        check: commands::check,
        most: 600,
    },
    Target {
        name: "page_tables",
        check: page_tables::check,
        most: 500,
    },
    Target {
        name: "registers",
        check: registers::check,
        most: 400,
    },
    Target {
        name: "context_image",
        check: context_image::check,
        most: 300,
    },
];

impl Target {
    /// The target of that name.
    pub fn named(name: &str) -> Option<Self> {
        TARGETS.into_iter().find(|target| target.name == name)
    }

    /// An input at random.
    pub fn generate(&self, random: &mut Random) -> Vec<u8> {
        let length = random.below(self.most);
        (0..length).map(|_| random.next_u64() as u8).collect()
    }
}
