// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The parts of a GPU that there are several of, by their names.

use iface::types::{ENGINE_COPY, ENGINE_RENDER, ENGINE_VIDEO, ENGINE_VIDEO_ENHANCE};

/// A command streamer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Render.
    Rcs,
    /// Blitter.
    Bcs,
    /// Video.
    Vcs,
    /// The second video engine, which not every GPU has.
    Vcs1,
    /// Video enhancement.
    Vecs,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Rcs, Self::Bcs, Self::Vcs, Self::Vcs1, Self::Vecs];

    /// Its place in [`ALL`](Self::ALL).
    pub const fn index(self) -> usize {
        match self {
            Self::Rcs => 0,
            Self::Bcs => 1,
            Self::Vcs => 2,
            Self::Vcs1 => 3,
            Self::Vecs => 4,
        }
    }

    /// The engine of that class and number in its class, as the contract has them.
    pub const fn from_class(class: u16, instance: u16) -> Option<Self> {
        match (class, instance) {
            (ENGINE_RENDER, 0) => Some(Self::Rcs),
            (ENGINE_COPY, 0) => Some(Self::Bcs),
            (ENGINE_VIDEO, 0) => Some(Self::Vcs),
            (ENGINE_VIDEO, 1) => Some(Self::Vcs1),
            (ENGINE_VIDEO_ENHANCE, 0) => Some(Self::Vecs),
            _ => None,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rcs => "RCS",
            Self::Bcs => "BCS",
            Self::Vcs => "VCS",
            Self::Vcs1 => "VCS1",
            Self::Vecs => "VECS",
        }
    }

    /// Splits the name of a register into the engine that it begins with, and the rest.
    pub fn split(register: &str) -> Option<(Self, &str)> {
        let (engine, rest) = register.split_once('_')?;
        let engine = Self::ALL.into_iter().find(|e| e.name() == engine)?;
        Some((engine, rest))
    }
}

/// A display pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipe {
    /// The first.
    A,
    /// The second.
    B,
    /// The third.
    C,
}

impl Pipe {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::A, Self::B, Self::C];

    /// The pipe that is called `letter` in names of registers.
    pub fn from_letter(letter: &str) -> Option<Self> {
        match letter {
            "A" => Some(Self::A),
            "B" => Some(Self::B),
            "C" => Some(Self::C),
            _ => None,
        }
    }
}

/// A port of the display engine, or its AUX channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// The first: eDP.
    A,
    /// The second.
    B,
    /// The third.
    C,
    /// The fourth.
    D,
    /// The fifth: what is left of analog outputs.
    E,
}

impl Port {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::A, Self::B, Self::C, Self::D, Self::E];

    /// The port that is called `letter` in names of registers.
    pub fn from_letter(letter: &str) -> Option<Self> {
        match letter {
            "A" => Some(Self::A),
            "B" => Some(Self::B),
            "C" => Some(Self::C),
            "D" => Some(Self::D),
            "E" => Some(Self::E),
            _ => None,
        }
    }
}
