// SPDX-License-Identifier: GPL-2.0 OR MIT
//! All commands that an engine may be given, as data.
//!
//! Names, opcodes, engines and lengths: PRM Vol 2a of Broadwell and of Skylake, as far as the C
//! GVT-g knows them; `tests/commands.tsv` holds what it knows, and a test compares row by row.
//!
//! Only memory interface (MI) commands and PIPE_CONTROL can choose the GGTT for an address. All
//! others reach memory by the PPGTT of the context that runs them, whatever they hold, and
//! whatever that leads to is the guest's own: where their addresses are makes no difference.

use super::refusal::Rule;
use crate::hardware::Engine;
use iface::registers::{Platform, Platforms};
use Action::*;
use Length::{Equal, Field, Fixed};

/// Position of the client in a header: who decodes the command.
const CLIENT_SHIFT: u32 = 29;
/// The memory interface: executed by the command streamer itself.
const CLIENT_MI: u32 = 0;
/// The blitter.
const CLIENT_BLIT: u32 = 2;
/// Render, video and video enhancement, which share numbers.
const CLIENT_GFX: u32 = 3;
/// Position of an MI command's opcode.
const MI_SHIFT: u32 = 23;
/// Position of a blit's opcode.
const BLIT_SHIFT: u32 = 22;
/// The bits of a blit's opcode behind its client.
const BLIT_MASK: u32 = 0x7f;
/// Position of the opcode of all others, which takes the client in.
const GFX_SHIFT: u32 = 16;
/// What a length field lacks of the dwords of its command.
const LENGTH_BIAS: u32 = 2;

/// What tells commands apart; ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Opcode {
    /// Memory interface: bits 28:23.
    Mi(u32),
    /// Blitter: bits 28:22.
    Blit(u32),
    /// The rest: bits 31:16.
    Gfx(u32),
}

impl Opcode {
    /// The opcode in a header; none if nobody would decode it.
    pub(super) fn of(header: u32) -> Option<Self> {
        match header >> CLIENT_SHIFT {
            CLIENT_MI => Some(Self::Mi(header >> MI_SHIFT)),
            CLIENT_BLIT => Some(Self::Blit(header >> BLIT_SHIFT & BLIT_MASK)),
            CLIENT_GFX => Some(Self::Gfx(header >> GFX_SHIFT)),
            _ => None,
        }
    }
}

/// A set of engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Engines(u8);

impl Engines {
    /// One engine.
    pub(super) const fn only(engine: Engine) -> Self {
        Self(1_u8.wrapping_shl(engine as u32))
    }

    /// Both sets together.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the engine is in the set.
    pub(super) const fn contains(self, engine: Engine) -> bool {
        self.0 & Self::only(engine).0 != 0
    }
}

/// The render engine.
pub(super) const RENDER: Engines = Engines::only(Engine::Rcs);
/// The blitter.
pub(super) const BLIT: Engines = Engines::only(Engine::Bcs);
/// The video engines.
pub(super) const VIDEO: Engines = Engines::only(Engine::Vcs).and(Engines::only(Engine::Vcs1));
/// The video enhancement engine.
pub(super) const ENHANCE: Engines = Engines::only(Engine::Vecs);
/// What can wait for displays.
const RENDER_BLIT: Engines = RENDER.and(BLIT);
/// All engines.
pub(super) const EVERY: Engines = RENDER_BLIT.and(VIDEO).and(ENHANCE);

/// Platforms of Gen9 and Gen9.5.
pub(super) const GEN9: Platforms = Platforms::ALL.without(Platform::Bdw);

/// How long a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// So many dwords; there is no field that tells.
    Fixed(u32),
    /// What the field under this mask says.
    Field(u32),
    /// What the field under this mask says, and it must be so many dwords.
    Equal(u32, u32),
}

impl Length {
    /// The dwords of a command with this header, at least one.
    ///
    /// # Errors
    ///
    /// The field says what it must not.
    pub(super) fn of(self, header: u32) -> Result<u32, Rule> {
        let field = |mask: u32| (header & mask).saturating_add(LENGTH_BIAS);
        match self {
            Self::Fixed(dwords) => Ok(dwords),
            Self::Field(mask) => Ok(field(mask)),
            Self::Equal(mask, dwords) if field(mask) == dwords => Ok(dwords),
            Self::Equal(mask, _) => Err(Rule::Length {
                dwords: field(mask),
                rule: "it has one length only",
            }),
        }
    }
}

/// What the audit does about a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing: it reaches only what is the context's.
    Pass,
    /// It is refused, for that reason.
    Refuse(&'static str),
    /// It waits for a display, which the guest has none of: it does nothing.
    Display,
    /// `MI_SET_PREDICATE`.
    Predicate,
    /// `MI_USER_INTERRUPT`.
    UserInterrupt,
    /// `MI_REPORT_HEAD`.
    ReportHead,
    /// `MI_DISPLAY_FLIP`.
    Flip,
    /// `MI_BATCH_BUFFER_END`.
    BatchEnd,
    /// `MI_BATCH_BUFFER_START`.
    BatchStart,
    /// `MI_CONDITIONAL_BATCH_BUFFER_END`.
    ConditionalEnd,
    /// `MI_LOAD_REGISTER_IMM`.
    LoadImmediate,
    /// `MI_LOAD_REGISTER_MEM`.
    LoadRegister,
    /// `MI_STORE_REGISTER_MEM`.
    StoreRegister,
    /// `MI_LOAD_REGISTER_REG`.
    CopyRegister,
    /// `MI_STORE_DATA_IMM`.
    StoreData,
    /// `MI_COPY_MEM_MEM`.
    CopyMemory,
    /// `MI_ATOMIC`.
    Atomic,
    /// `MI_SEMAPHORE_WAIT`.
    SemaphoreWait,
    /// `MI_FLUSH_DW`.
    FlushDw,
    /// `PIPE_CONTROL`.
    PipeControl,
}

/// Why `MI_UPDATE_GTT` is refused.
const GGTT: &str = "entries of the GGTT are written by their addresses alone";
/// Why `MI_STORE_DATA_INDEX` is refused: there is no form of it that names another page.
const STATUS_PAGE: &str = "the status page that it writes is not the vGPU's";
/// Why `MI_REPORT_PERF_COUNT` is refused.
const COUNTERS: &str = "performance counters count what others do";
/// Why `MI_SEMAPHORE_MBOX` is refused.
const GONE: &str = "GPUs have it no more since Gen8";
/// Why three commands are refused that store and load what is in the render engine: no driver uses
/// them where they could do harm.
const UNTOLD: &str = "which table translates its address is not known";
/// Why `MI_CLFLUSH` is refused: how far it reaches depends on its length in a way that the PRM
/// does not tell.
const UNAUDITED: &str = "how far it reaches is not known";

/// A command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The field's name for it.
    pub(super) name: &'static str,
    /// What tells it from others on an engine.
    pub(super) opcode: Opcode,
    /// Engines that know it.
    pub(super) engines: Engines,
    /// GPUs that know it.
    pub(super) platforms: Platforms,
    /// How long it is.
    pub(super) length: Length,
    /// What the audit does about it.
    pub(super) action: Action,
}

/// The command with this header on an engine, in constant time; none if it knows no such command.
pub(super) fn find(platform: Platform, engine: Engine, header: u32) -> Option<&'static Row> {
    let opcode = Opcode::of(header)?;
    let first = TABLE.partition_point(|row| row.opcode < opcode);
    let same = TABLE.get(first..)?.iter();
    same.take_while(|row| row.opcode == opcode)
        .find(|row| row.engines.contains(engine) && row.platforms.contains(platform))
}

const fn mi(
    name: &'static str,
    opcode: u32,
    engines: Engines,
    length: Length,
    action: Action,
) -> Row {
    Row {
        name,
        opcode: Opcode::Mi(opcode),
        engines,
        platforms: Platforms::ALL,
        length,
        action,
    }
}

const fn blit(name: &'static str, opcode: u32, length: Length) -> Row {
    Row {
        name,
        opcode: Opcode::Blit(opcode),
        engines: BLIT,
        platforms: Platforms::ALL,
        length,
        action: Pass,
    }
}

const fn state(name: &'static str, opcode: u32, engines: Engines, length: Length) -> Row {
    Row {
        name,
        opcode: Opcode::Gfx(opcode),
        engines,
        platforms: Platforms::ALL,
        length,
        action: Pass,
    }
}

const fn gen9(name: &'static str, opcode: u32, engines: Engines, length: Length) -> Row {
    Row {
        platforms: GEN9,
        ..state(name, opcode, engines, length)
    }
}

const fn pipe_control(opcode: u32, length: Length) -> Row {
    Row {
        action: PipeControl,
        ..state("PIPE_CONTROL", opcode, RENDER, length)
    }
}

/// The table, sorted by opcode. Video and render commands may share one: no engine knows both.
#[rustfmt::skip]
pub(super) static TABLE: [Row; 225] = [
    mi("MI_NOOP", 0x00, EVERY, Fixed(1), Pass),
    mi("MI_SET_PREDICATE", 0x01, EVERY, Fixed(1), Predicate),
    mi("MI_USER_INTERRUPT", 0x02, EVERY, Fixed(1), UserInterrupt),
    mi("MI_WAIT_FOR_EVENT", 0x03, RENDER_BLIT, Fixed(1), Display),
    mi("MI_FLUSH", 0x04, EVERY, Fixed(1), Pass),
    mi("MI_ARB_CHECK", 0x05, EVERY, Fixed(1), Pass),
    mi("MI_RS_CONTROL", 0x06, RENDER, Fixed(1), Pass),
    mi("MI_REPORT_HEAD", 0x07, EVERY, Fixed(1), ReportHead),
    mi("MI_ARB_ON_OFF", 0x08, EVERY, Fixed(1), Pass),
    mi("MI_URB_ATOMIC_ALLOC", 0x09, RENDER, Fixed(1), Pass),
    mi("MI_BATCH_BUFFER_END", 0x0a, EVERY, Fixed(1), BatchEnd),
    mi("MI_SUSPEND_FLUSH", 0x0b, EVERY, Fixed(1), Pass),
    mi("MI_PREDICATE", 0x0c, RENDER, Fixed(1), Pass),
    mi("MI_TOPOLOGY_FILTER", 0x0d, EVERY, Fixed(1), Pass),
    mi("MI_SET_APPID", 0x0e, EVERY, Fixed(1), Pass),
    mi("MI_RS_CONTEXT", 0x0f, RENDER, Fixed(1), Pass),
    mi("MI_LOAD_SCAN_LINES_INCL", 0x12, RENDER_BLIT, Fixed(2), Display),
    mi("MI_DISPLAY_FLIP", 0x14, RENDER_BLIT, Field(0xff), Flip),
    mi("MI_SEMAPHORE_MBOX", 0x16, EVERY, Equal(0xff, 3), Refuse(GONE)),
    mi("MI_URB_CLEAR", 0x19, RENDER, Equal(0xff, 2), Pass),
    mi("MI_MATH", 0x1a, EVERY, Field(0xff), Pass),
    mi("MI_SEMAPHORE_SIGNAL", 0x1b, EVERY, Equal(0xff, 2), Pass),
    mi("MI_SEMAPHORE_WAIT", 0x1c, EVERY, Equal(0xff, 4), SemaphoreWait),
    mi("MI_STORE_DATA_IMM", 0x20, EVERY, Field(0x3ff), StoreData),
    mi("MI_STORE_DATA_INDEX", 0x21, EVERY, Field(0xff), Refuse(STATUS_PAGE)),
    mi("MI_LOAD_REGISTER_IMM", 0x22, EVERY, Field(0xff), LoadImmediate),
    mi("MI_UPDATE_GTT", 0x23, EVERY, Field(0x3ff), Refuse(GGTT)),
    mi("MI_STORE_REGISTER_MEM", 0x24, EVERY, Equal(0xff, 4), StoreRegister),
    mi("MI_FLUSH_DW", 0x26, EVERY, Field(0x3f), FlushDw),
    mi("MI_CLFLUSH", 0x27, EVERY, Field(0x3ff), Refuse(UNAUDITED)),
    mi("MI_REPORT_PERF_COUNT", 0x28, EVERY, Equal(0x3f, 4), Refuse(COUNTERS)),
    mi("MI_LOAD_REGISTER_MEM", 0x29, EVERY, Equal(0xff, 4), LoadRegister),
    mi("MI_LOAD_REGISTER_REG", 0x2a, EVERY, Equal(0xff, 3), CopyRegister),
    mi("MI_RS_STORE_DATA_IMM", 0x2b, RENDER, Equal(0xff, 4), Refuse(UNTOLD)),
    mi("MI_LOAD_URB_MEM", 0x2c, RENDER, Equal(0xff, 4), Refuse(UNTOLD)),
    mi("MI_STORE_URB_MEM", 0x2d, RENDER, Field(0xff), Refuse(UNTOLD)),
    mi("MI_COPY_MEM_MEM", 0x2e, EVERY, Equal(0xff, 5), CopyMemory),
    mi("MI_ATOMIC", 0x2f, EVERY, Field(0xff), Atomic),
    mi("MI_BATCH_BUFFER_START", 0x31, EVERY, Field(0xff), BatchStart),
    mi("MI_CONDITIONAL_BATCH_BUFFER_END", 0x36, EVERY, Equal(0xff, 4), ConditionalEnd),
    blit("XY_SETUP_BLT", 0x01, Field(0xff)),
    blit("XY_SETUP_CLIP_BLT", 0x03, Field(0xff)),
    blit("XY_SETUP_MONO_PATTERN_SL_BLT", 0x11, Field(0xff)),
    blit("XY_PIXEL_BLT", 0x24, Field(0xff)),
    blit("XY_SCANLINES_BLT", 0x25, Field(0xff)),
    blit("XY_TEXT_BLT", 0x26, Field(0xff)),
    blit("XY_TEXT_IMMEDIATE_BLT", 0x31, Field(0xff)),
    blit("XY_COLOR_BLT", 0x50, Field(0xff)),
    blit("XY_PAT_BLT", 0x51, Field(0xff)),
    blit("XY_MONO_PAT_BLT", 0x52, Field(0xff)),
    blit("XY_SRC_COPY_BLT", 0x53, Field(0xff)),
    blit("XY_MONO_SRC_COPY_BLT", 0x54, Field(0xff)),
    blit("XY_FULL_BLT", 0x55, Field(0xff)),
    blit("XY_FULL_MONO_SRC_BLT", 0x56, Field(0xff)),
    blit("XY_FULL_MONO_PATTERN_BLT", 0x57, Field(0xff)),
    blit("XY_FULL_MONO_PATTERN_MONO_SRC_BLT", 0x58, Field(0xff)),
    blit("XY_MONO_PAT_FIXED_BLT", 0x59, Field(0xff)),
    blit("XY_MONO_SRC_COPY_IMMEDIATE_BLT", 0x71, Field(0xff)),
    blit("XY_PAT_BLT_IMMEDIATE", 0x72, Field(0xff)),
    blit("XY_SRC_COPY_CHROMA_BLT", 0x73, Field(0xff)),
    blit("XY_FULL_IMMEDIATE_PATTERN_BLT", 0x74, Field(0xff)),
    blit("XY_FULL_MONO_SRC_IMMEDIATE_PATTERN_BLT", 0x75, Field(0xff)),
    blit("XY_PAT_CHROMA_BLT", 0x76, Field(0xff)),
    blit("XY_PAT_CHROMA_BLT_IMMEDIATE", 0x77, Field(0xff)),
    state("STATE_PREFETCH", 0x6003, RENDER, Field(0xff)),
    state("STATE_BASE_ADDRESS", 0x6101, RENDER, Field(0xff)),
    state("STATE_SIP", 0x6102, RENDER, Field(0xff)),
    state("OP_SWTESS_BASE_ADDRESS", 0x6103, RENDER, Field(0x7)),
    state("OP_3D_MEDIA_0_1_4", 0x6104, RENDER, Field(0xff)),
    state("MFX_WAIT", 0x6800, VIDEO, Field(0x3f)),
    state("3DSTATE_VF_STATISTICS_GM45", 0x680b, EVERY, Fixed(1)),
    state("PIPELINE_SELECT", 0x6904, RENDER, Fixed(1)),
    state("MEDIA_VFE_STATE", 0x7000, RENDER, Field(0xffff)),
    state("MFX_PIPE_MODE_SELECT", 0x7000, VIDEO, Field(0xfff)),
    state("MEDIA_CURBE_LOAD", 0x7001, RENDER, Field(0xffff)),
    state("MFX_SURFACE_STATE", 0x7001, VIDEO, Field(0xfff)),
    state("MEDIA_INTERFACE_DESCRIPTOR_LOAD", 0x7002, RENDER, Field(0xffff)),
    state("MFX_PIPE_BUF_ADDR_STATE", 0x7002, VIDEO, Field(0xfff)),
    state("MEDIA_GATEWAY_STATE", 0x7003, RENDER, Field(0xffff)),
    state("MFX_IND_OBJ_BASE_ADDR_STATE", 0x7003, VIDEO, Field(0xfff)),
    state("MEDIA_STATE_FLUSH", 0x7004, RENDER, Field(0xffff)),
    state("MFX_BSP_BUF_BASE_ADDR_STATE", 0x7004, VIDEO, Field(0xfff)),
    state("MEDIA_POOL_STATE", 0x7005, RENDER, Field(0xffff)),
    state("OP_2_0_0_5", 0x7005, VIDEO, Field(0xfff)),
    state("MFX_STATE_POINTER", 0x7006, VIDEO, Field(0xfff)),
    state("MFX_QM_STATE", 0x7007, VIDEO, Field(0xfff)),
    state("MFX_FQM_STATE", 0x7008, VIDEO, Field(0xfff)),
    state("MFD_IT_OBJECT", 0x7029, VIDEO, Field(0xfff)),
    state("MFX_PAK_INSERT_OBJECT", 0x7048, VIDEO, Field(0xfff)),
    state("MFX_STITCH_OBJECT", 0x704a, VIDEO, Field(0xfff)),
    state("MEDIA_OBJECT", 0x7100, RENDER, Field(0xffff)),
    state("MFX_AVC_IMG_STATE", 0x7100, VIDEO, Field(0xfff)),
    state("MFX_AVC_QM_STATE", 0x7101, VIDEO, Field(0xfff)),
    state("MEDIA_OBJECT_PRT", 0x7102, RENDER, Field(0xffff)),
    state("MFX_AVC_DIRECTMODE_STATE", 0x7102, VIDEO, Field(0xfff)),
    state("MEDIA_OBJECT_WALKER", 0x7103, RENDER, Field(0xffff)),
    state("MFX_AVC_SLICE_STATE", 0x7103, VIDEO, Field(0xfff)),
    state("MFX_AVC_REF_IDX_STATE", 0x7104, VIDEO, Field(0xfff)),
    state("GPGPU_WALKER", 0x7105, RENDER, Field(0xff)),
    state("MFX_AVC_WEIGHTOFFSET_STATE", 0x7105, VIDEO, Field(0xfff)),
    state("MFD_AVC_PICID_STATE", 0x7125, VIDEO, Field(0xfff)),
    state("MFD_AVC_DPB_STATE", 0x7126, VIDEO, Field(0xfff)),
    state("MFD_AVC_SLICEADDR", 0x7127, VIDEO, Field(0xfff)),
    state("MFD_AVC_BSD_OBJECT", 0x7128, VIDEO, Field(0xfff)),
    state("MFC_AVC_PAK_OBJECT", 0x7149, VIDEO, Field(0xfff)),
    state("MFX_VC1_PRED_PIPE_STATE", 0x7201, VIDEO, Field(0xfff)),
    state("MFX_VC1_DIRECTMODE_STATE", 0x7202, VIDEO, Field(0xfff)),
    state("MFD_VC1_SHORT_PIC_STATE", 0x7220, VIDEO, Field(0xfff)),
    state("MFD_VC1_LONG_PIC_STATE", 0x7221, VIDEO, Field(0xfff)),
    state("MFD_VC1_BSD_OBJECT", 0x7228, VIDEO, Field(0xfff)),
    state("MFX_MPEG2_PIC_STATE", 0x7300, VIDEO, Field(0xfff)),
    state("MFX_MPEG2_QM_STATE", 0x7301, VIDEO, Field(0xfff)),
    state("MFD_MPEG2_BSD_OBJECT", 0x7328, VIDEO, Field(0xfff)),
    state("MFC_MPEG2_SLICEGROUP_STATE", 0x7343, VIDEO, Field(0xfff)),
    state("MFC_MPEG2_PAK_OBJECT", 0x7349, VIDEO, Field(0xfff)),
    state("VEBOX_SURFACE_STATE", 0x7400, ENHANCE, Field(0xfff)),
    state("VEBOX_STATE", 0x7402, ENHANCE, Field(0xfff)),
    state("VEB_DI_IECP", 0x7403, ENHANCE, Field(0xfff)),
    state("MFX_2_6_0_0", 0x7600, VIDEO, Field(0xffff)),
    state("MFX_2_6_0_8", 0x7608, VIDEO, Field(0xffff)),
    state("MFX_2_6_0_9", 0x7609, VIDEO, Field(0xffff)),
    state("MFX_JPEG_PIC_STATE", 0x7700, VIDEO, Field(0xfff)),
    state("MFX_JPEG_HUFF_TABLE_STATE", 0x7702, VIDEO, Field(0xfff)),
    state("MFD_JPEG_BSD_OBJECT", 0x7728, VIDEO, Field(0xfff)),
    state("3DSTATE_CLEAR_PARAMS", 0x7804, RENDER, Field(0xff)),
    state("3DSTATE_DEPTH_BUFFER", 0x7805, RENDER, Field(0xff)),
    state("3DSTATE_STENCIL_BUFFER", 0x7806, RENDER, Field(0xff)),
    state("3DSTATE_HIER_DEPTH_BUFFER", 0x7807, RENDER, Field(0xff)),
    state("3DSTATE_VERTEX_BUFFERS", 0x7808, RENDER, Field(0xff)),
    state("3DSTATE_VERTEX_ELEMENTS", 0x7809, RENDER, Field(0xff)),
    state("3DSTATE_INDEX_BUFFER", 0x780a, RENDER, Field(0xff)),
    state("3DSTATE_VF_STATISTICS", 0x780b, RENDER, Fixed(1)),
    state("3DSTATE_VF", 0x780c, RENDER, Field(0xff)),
    state("3DSTATE_MULTISAMPLE", 0x780d, RENDER, Field(0xff)),
    state("3DSTATE_CC_STATE_POINTERS", 0x780e, RENDER, Field(0xff)),
    state("3DSTATE_SCISSOR_STATE_POINTERS", 0x780f, RENDER, Field(0xff)),
    state("3DSTATE_VS", 0x7810, RENDER, Field(0xff)),
    state("3DSTATE_GS", 0x7811, RENDER, Field(0xff)),
    state("3DSTATE_CLIP", 0x7812, RENDER, Field(0xff)),
    state("3DSTATE_SF", 0x7813, RENDER, Field(0xff)),
    state("3DSTATE_WM", 0x7814, RENDER, Field(0xff)),
    state("3DSTATE_CONSTANT_VS", 0x7815, RENDER, Field(0xff)),
    state("3DSTATE_CONSTANT_GS", 0x7816, RENDER, Field(0xff)),
    state("3DSTATE_CONSTANT_PS", 0x7817, RENDER, Field(0xff)),
    state("3DSTATE_SAMPLE_MASK", 0x7818, RENDER, Field(0xff)),
    state("3DSTATE_CONSTANT_HS", 0x7819, RENDER, Field(0xff)),
    state("3DSTATE_CONSTANT_DS", 0x781a, RENDER, Field(0xff)),
    state("3DSTATE_HS", 0x781b, RENDER, Field(0xff)),
    state("3DSTATE_TE", 0x781c, RENDER, Field(0xff)),
    state("3DSTATE_DS", 0x781d, RENDER, Field(0xff)),
    state("3DSTATE_STREAMOUT", 0x781e, RENDER, Field(0xff)),
    state("3DSTATE_SBE", 0x781f, RENDER, Field(0xff)),
    state("3DSTATE_PS", 0x7820, RENDER, Field(0xff)),
    state("3DSTATE_VIEWPORT_STATE_POINTERS_SF_CLIP", 0x7821, RENDER, Field(0xff)),
    state("3DSTATE_VIEWPORT_STATE_POINTERS_CC", 0x7823, RENDER, Field(0xff)),
    state("3DSTATE_BLEND_STATE_POINTERS", 0x7824, RENDER, Field(0xff)),
    state("3DSTATE_DEPTH_STENCIL_STATE_POINTERS", 0x7825, RENDER, Field(0xff)),
    state("3DSTATE_BINDING_TABLE_POINTERS_VS", 0x7826, RENDER, Field(0xff)),
    state("3DSTATE_BINDING_TABLE_POINTERS_HS", 0x7827, RENDER, Field(0xff)),
    state("3DSTATE_BINDING_TABLE_POINTERS_DS", 0x7828, RENDER, Field(0xff)),
    state("3DSTATE_BINDING_TABLE_POINTERS_GS", 0x7829, RENDER, Field(0xff)),
    state("3DSTATE_BINDING_TABLE_POINTERS_PS", 0x782a, RENDER, Field(0xff)),
    state("3DSTATE_SAMPLER_STATE_POINTERS_VS", 0x782b, RENDER, Field(0xff)),
    state("3DSTATE_SAMPLER_STATE_POINTERS_HS", 0x782c, RENDER, Field(0xff)),
    state("3DSTATE_SAMPLER_STATE_POINTERS_DS", 0x782d, RENDER, Field(0xff)),
    state("3DSTATE_SAMPLER_STATE_POINTERS_GS", 0x782e, RENDER, Field(0xff)),
    state("3DSTATE_SAMPLER_STATE_POINTERS_PS", 0x782f, RENDER, Field(0xff)),
    state("3DSTATE_URB_VS", 0x7830, RENDER, Field(0xff)),
    state("3DSTATE_URB_HS", 0x7831, RENDER, Field(0xff)),
    state("3DSTATE_URB_DS", 0x7832, RENDER, Field(0xff)),
    state("3DSTATE_URB_GS", 0x7833, RENDER, Field(0xff)),
    state("3DSTATE_GATHER_CONSTANT_VS", 0x7834, RENDER, Field(0xff)),
    state("3DSTATE_GATHER_CONSTANT_GS", 0x7835, RENDER, Field(0xff)),
    state("3DSTATE_GATHER_CONSTANT_HS", 0x7836, RENDER, Field(0xff)),
    state("3DSTATE_GATHER_CONSTANT_DS", 0x7837, RENDER, Field(0xff)),
    state("3DSTATE_GATHER_CONSTANT_PS", 0x7838, RENDER, Field(0xff)),
    state("3DSTATE_DX9_CONSTANTF_VS", 0x7839, RENDER, Field(0x7ff)),
    state("3DSTATE_DX9_CONSTANTF_PS", 0x783a, RENDER, Field(0x7ff)),
    state("3DSTATE_DX9_CONSTANTI_VS", 0x783b, RENDER, Field(0xff)),
    state("3DSTATE_DX9_CONSTANTI_PS", 0x783c, RENDER, Field(0xff)),
    state("3DSTATE_DX9_CONSTANTB_VS", 0x783d, RENDER, Field(0xff)),
    state("3DSTATE_DX9_CONSTANTB_PS", 0x783e, RENDER, Field(0xff)),
    state("3DSTATE_DX9_LOCAL_VALID_VS", 0x783f, RENDER, Field(0xff)),
    state("3DSTATE_DX9_LOCAL_VALID_PS", 0x7840, RENDER, Field(0xff)),
    state("3DSTATE_DX9_GENERATE_ACTIVE_VS", 0x7841, RENDER, Field(0xff)),
    state("3DSTATE_DX9_GENERATE_ACTIVE_PS", 0x7842, RENDER, Field(0xff)),
    state("3DSTATE_BINDING_TABLE_EDIT_VS", 0x7843, RENDER, Field(0x1ff)),
    state("3DSTATE_BINDING_TABLE_EDIT_GS", 0x7844, RENDER, Field(0x1ff)),
    state("3DSTATE_BINDING_TABLE_EDIT_HS", 0x7845, RENDER, Field(0x1ff)),
    state("3DSTATE_BINDING_TABLE_EDIT_DS", 0x7846, RENDER, Field(0x1ff)),
    state("3DSTATE_BINDING_TABLE_EDIT_PS", 0x7847, RENDER, Field(0x1ff)),
    state("3DSTATE_VF_INSTANCING", 0x7849, RENDER, Field(0xff)),
    state("3DSTATE_VF_SGVS", 0x784a, RENDER, Field(0xff)),
    state("3DSTATE_VF_TOPOLOGY", 0x784b, RENDER, Field(0xff)),
    state("3DSTATE_WM_CHROMAKEY", 0x784c, RENDER, Field(0xff)),
    state("3DSTATE_PS_BLEND", 0x784d, RENDER, Field(0xff)),
    state("3DSTATE_WM_DEPTH_STENCIL", 0x784e, RENDER, Field(0xff)),
    state("3DSTATE_PS_EXTRA", 0x784f, RENDER, Field(0xff)),
    state("3DSTATE_RASTER", 0x7850, RENDER, Field(0xff)),
    state("3DSTATE_SBE_SWIZ", 0x7851, RENDER, Field(0xff)),
    state("3DSTATE_WM_HZ_OP", 0x7852, RENDER, Field(0xff)),
    gen9("3DSTATE_COMPONENT_PACKING", 0x7855, RENDER, Field(0xff)),
    state("3DSTATE_DRAWING_RECTANGLE", 0x7900, RENDER, Field(0xff)),
    state("3DSTATE_SAMPLER_PALETTE_LOAD0", 0x7902, RENDER, Field(0xff)),
    state("3DSTATE_CHROMA_KEY", 0x7904, RENDER, Field(0xff)),
    state("3DSTATE_POLY_STIPPLE_OFFSET", 0x7906, RENDER, Field(0xff)),
    state("3DSTATE_POLY_STIPPLE_PATTERN", 0x7907, RENDER, Field(0xff)),
    state("3DSTATE_LINE_STIPPLE", 0x7908, RENDER, Field(0xff)),
    state("3DSTATE_AA_LINE_PARAMS", 0x790a, RENDER, Field(0xff)),
    state("3DSTATE_GS_SVB_INDEX", 0x790b, RENDER, Field(0xff)),
    state("3DSTATE_SAMPLER_PALETTE_LOAD1", 0x790c, RENDER, Field(0xff)),
    state("3DSTATE_MONOFILTER_SIZE", 0x7911, RENDER, Field(0xff)),
    state("3DSTATE_PUSH_CONSTANT_ALLOC_VS", 0x7912, RENDER, Field(0xff)),
    state("3DSTATE_PUSH_CONSTANT_ALLOC_HS", 0x7913, RENDER, Field(0xff)),
    state("3DSTATE_PUSH_CONSTANT_ALLOC_DS", 0x7914, RENDER, Field(0xff)),
    state("3DSTATE_PUSH_CONSTANT_ALLOC_GS", 0x7915, RENDER, Field(0xff)),
    state("3DSTATE_PUSH_CONSTANT_ALLOC_PS", 0x7916, RENDER, Field(0xff)),
    state("3DSTATE_SO_DECL_LIST", 0x7917, RENDER, Field(0x1ff)),
    state("3DSTATE_SO_BUFFER", 0x7918, RENDER, Field(0xff)),
    state("3DSTATE_BINDING_TABLE_POOL_ALLOC", 0x7919, RENDER, Field(0xff)),
    state("3DSTATE_GATHER_POOL_ALLOC", 0x791a, RENDER, Field(0xff)),
    state("3DSTATE_DX9_CONSTANT_BUFFER_POOL_ALLOC", 0x791b, RENDER, Field(0xff)),
    state("3DSTATE_SAMPLE_PATTERN", 0x791c, RENDER, Field(0xff)),
    pipe_control(0x7a00, Field(0xff)),
    state("3DPRIMITIVE", 0x7b00, RENDER, Field(0xff)),
];
