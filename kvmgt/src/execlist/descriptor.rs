// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Context descriptors: what a guest writes to the submit port, and what is accepted of it.

use crate::address::Gma;
use crate::gtt::ranges::Ranges;
use core::fmt;

/// The descriptor names a context (PRM Vol 7, Context Descriptor Format, bit 0).
const VALID: u64 = 1 << 0;
/// The context is loaded anew even if it is on the engine already (bit 2).
const FORCE_RESTORE: u64 = 1 << 2;
/// How the context's page tables are rooted (bits 4:3).
const ADDRESSING: u64 = 3 << 3;
/// [`ADDRESSING`]: a legacy context with four page directories, 32 bits of address.
const ADDRESSING_LEGACY_32: u64 = 1 << 3;
/// [`ADDRESSING`]: a legacy context with one PML4 table, 48 bits of address.
const ADDRESSING_LEGACY_64: u64 = 3 << 3;
/// The context has a PPGTT; without it all its commands use the GGTT, and are privileged (bit 8).
const PRIVILEGE_ACCESS: u64 = 1 << 8;
/// Bits that are not defined (bit 11). The two below are not either, but since Linux 6.0 i915 has
/// there the priority of contexts of the render engine, on all GPUs (observed); they mean nothing.
const RESERVED: u64 = 1 << 11;
/// Where the context's image is in the GGTT (bits 31:12).
const LRCA: u64 = 0xffff_f000;
/// Bits in front of the context's id, which is the upper dword.
const ID_SHIFT: u32 = 32;

/// A context descriptor as a guest wrote it: anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawDescriptor(pub u64);

impl RawDescriptor {
    /// Whether it names a context. If not, nothing else in it counts.
    pub fn is_valid(self) -> bool {
        self.0 & VALID != 0
    }

    /// The descriptor, if a vGPU may have that context.
    ///
    /// `image` is the size of a context's image on the engine in bytes, with its status page.
    ///
    /// # Errors
    ///
    /// The rule that it breaks.
    pub fn check(self, ranges: &Ranges, image: u64) -> Result<Descriptor, Refused> {
        let refused = |rule| Err(self.refused(rule));
        if self.0 & RESERVED != 0 {
            return refused(Rule::Reserved);
        }
        if self.0 & PRIVILEGE_ACCESS == 0 {
            return refused(Rule::NoPpgtt);
        }
        if !matches!(
            self.0 & ADDRESSING,
            ADDRESSING_LEGACY_32 | ADDRESSING_LEGACY_64
        ) {
            return refused(Rule::Addressing);
        }
        let descriptor = Descriptor(self);
        match ranges.has(descriptor.lrca(), image) {
            true => Ok(descriptor),
            false => refused(Rule::Lrca),
        }
    }

    /// The complaint about it.
    pub(super) fn refused(self, rule: Rule) -> Refused {
        Refused {
            descriptor: self,
            rule,
        }
    }
}

impl fmt::Display for RawDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#018x}", self.0)
    }
}

/// What a guest calls a context: the upper half of its descriptor, any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContextId(pub u32);

/// How a context's page tables are rooted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// In four page directories.
    ThreeLevel,
    /// In a PML4 table.
    FourLevel,
}

/// A context descriptor that a vGPU may have: all of the context's image is in its own GGTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor(RawDescriptor);

impl Descriptor {
    /// Where the context's image is: its status page, with the registers one page behind.
    pub fn lrca(self) -> Gma {
        Gma(self.0 .0 & LRCA)
    }

    /// What the guest calls the context.
    pub fn id(self) -> ContextId {
        ContextId(u32::try_from(self.0 .0 >> ID_SHIFT).unwrap_or_default())
    }

    /// How its page tables are rooted.
    pub fn addressing(self) -> Addressing {
        match self.0 .0 & ADDRESSING {
            ADDRESSING_LEGACY_64 => Addressing::FourLevel,
            _ => Addressing::ThreeLevel,
        }
    }

    /// Whether the engine loads the context even if it has it.
    pub fn forces_restore(self) -> bool {
        self.0 .0 & FORCE_RESTORE != 0
    }

    /// Whether it names the same context as another one does.
    pub fn is_same_context(self, other: Self) -> bool {
        self.lrca() == other.lrca() && self.id() == other.id()
    }

    /// The complaint about it.
    pub(super) fn refused(self, rule: Rule) -> Refused {
        self.0.refused(rule)
    }
}

/// What a submission to an engine asks for; `T` stands for each context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<T> {
    /// To go idle: neither of the two descriptors is valid.
    Idle,
    /// To run one context, or two, one behind the other.
    Run {
        /// The first one.
        first: T,
        /// The second one.
        second: Option<T>,
    },
}

impl Request<Descriptor> {
    /// The submission of two descriptors, if a vGPU may make it.
    ///
    /// `image` is the size of a context's image on the engine in bytes, with its status page.
    ///
    /// # Errors
    ///
    /// The first rule that it breaks.
    pub fn check(
        [first, second]: [RawDescriptor; 2],
        ranges: &Ranges,
        image: u64,
    ) -> Result<Self, Refused> {
        if !first.is_valid() {
            return match second.is_valid() {
                true => Err(first.refused(Rule::SecondAlone)),
                false => Ok(Self::Idle),
            };
        }
        let checked = first.check(ranges, image)?;
        if !second.is_valid() {
            return Ok(Self::Run {
                first: checked,
                second: None,
            });
        }
        let behind = second.check(ranges, image)?;
        // Whatever it is called: while the first is saved the second is loaded.
        if behind.lrca() == checked.lrca() {
            return Err(second.refused(Rule::Twice));
        }
        Ok(Self::Run {
            first: checked,
            second: Some(behind),
        })
    }
}

impl<T> Request<T> {
    /// The same with something else for each context, the first one first.
    ///
    /// # Errors
    ///
    /// The first one of `f`.
    pub fn try_map<U, E>(self, mut f: impl FnMut(T) -> Result<U, E>) -> Result<Request<U>, E> {
        Ok(match self {
            Self::Idle => Request::Idle,
            Self::Run { first, second } => Request::Run {
                first: f(first)?,
                second: second.map(f).transpose()?,
            },
        })
    }
}

/// The rules of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Reserved bits are zero.
    Reserved,
    /// A context has a PPGTT.
    NoPpgtt,
    /// A context is a legacy one.
    Addressing,
    /// A context's image is in the vGPU's own GGTT.
    Lrca,
    /// There is no second context without a first.
    SecondAlone,
    /// The two have not one image.
    Twice,
    /// A third submission waits for the second to be taken.
    Full,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reserved => "reserved bits are set",
            Self::NoPpgtt => "a context without a PPGTT would be privileged",
            Self::Addressing => "its addressing mode is none of a legacy context",
            Self::Lrca => "the context's image is not inside the vGPU's own GGTT",
            Self::SecondAlone => "it is not valid, and the second one is",
            Self::Twice => "the first one has the same image",
            Self::Full => "the submission before it has not been taken yet",
        })
    }
}

/// A submission that is ignored. Its text says which descriptor breaks which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The descriptor.
    pub descriptor: RawDescriptor,
    /// The rule.
    pub rule: Rule,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "context descriptor {}: {}", self.descriptor, self.rule)
    }
}
