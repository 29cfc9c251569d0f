/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What bindgen makes Rust declarations of. */
#include "dmabuf.h"
#include "helpers.h"
#include "mdev.h"
#include "track.h"
