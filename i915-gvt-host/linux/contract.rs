// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The numbers of `shim.h` that the contract has too: a build in which they differ fails.

use crate::bindings;
use iface::events::{OUTCOME_CANCELLED, OUTCOME_DONE, OUTCOME_HUNG};
use iface::registers::Platform;
use iface::types::{
    ENGINE_COPY, ENGINE_RENDER, ENGINE_VIDEO, ENGINE_VIDEO_ENHANCE, MAX_ENGINES,
    MAX_SEGMENTS, PAGE_SIZE_2M, PAGE_SIZE_4K, PAGE_SIZE_64K,
};

/// Compares constants.
macro_rules! equal {
    ($($c:ident = $contract:expr;)*) => {
        $(const _: () = assert!(bindings::$c as u64 == $contract as u64);)*
    };
}

equal! {
    GVT_SHIM_MAX_ENGINES = MAX_ENGINES;
    GVT_SHIM_MAX_SEGMENTS = MAX_SEGMENTS;

    gvt_shim_platform_id_GVT_SHIM_BROADWELL = Platform::Bdw;
    gvt_shim_platform_id_GVT_SHIM_SKYLAKE = Platform::Skl;
    gvt_shim_platform_id_GVT_SHIM_KABYLAKE = Platform::Kbl;
    gvt_shim_platform_id_GVT_SHIM_BROXTON = Platform::Bxt;
    gvt_shim_platform_id_GVT_SHIM_COFFEELAKE = Platform::Cfl;
    gvt_shim_platform_id_GVT_SHIM_COMETLAKE = Platform::Cml;

    gvt_shim_engine_class_GVT_SHIM_RENDER = ENGINE_RENDER;
    gvt_shim_engine_class_GVT_SHIM_COPY = ENGINE_COPY;
    gvt_shim_engine_class_GVT_SHIM_VIDEO = ENGINE_VIDEO;
    gvt_shim_engine_class_GVT_SHIM_VIDEO_ENHANCE = ENGINE_VIDEO_ENHANCE;

    GVT_SHIM_PAGE_SIZE_4K = PAGE_SIZE_4K;
    GVT_SHIM_PAGE_SIZE_64K = PAGE_SIZE_64K;
    GVT_SHIM_PAGE_SIZE_2M = PAGE_SIZE_2M;

    gvt_shim_outcome_GVT_SHIM_DONE = OUTCOME_DONE;
    gvt_shim_outcome_GVT_SHIM_HUNG = OUTCOME_HUNG;
    gvt_shim_outcome_GVT_SHIM_CANCELLED = OUTCOME_CANCELLED;
}
