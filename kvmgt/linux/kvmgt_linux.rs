// SPDX-License-Identifier: GPL-2.0 OR MIT
//! kvmgt as a Linux module: what the core needs of the kernel, and the kernel of the core.
//!
//! The module is an auxiliary driver. It binds to the device `i915.gvt.N` that i915's host half
//! publishes for each GPU, at whatever time either of them appears.
//!
//! | module | holds |
//! |---|---|
//! | `driver` | the driver: probe and unbind |
//! | `attachment` | a GPU from bind to unbind, and the order in which it is let go |
//! | `listener` | events of the host half: counted and traced |
//! | `golden_file` | `gvt_firmware`, and the administrator's file in its place |
//! | `debugfs` | the folder `gvt` in the card's debugfs |
//! | `presence` | what is said when there is no GPU at load time |
//! | `c` | the C helpers |

mod attachment;
mod c;
mod debugfs;
mod driver;
mod golden_file;
mod listener;
mod presence;

use kernel::prelude::*;

module! {
    type: Kvmgt,
    name: "kvmgt",
    authors: ["The kvmgt authors"],
    description: "Intel GVT-g: virtual GPUs of one real GPU",
    license: "Dual MIT/GPL",
}

/// The module while it is loaded.
#[pin_data]
struct Kvmgt {
    #[pin]
    driver: driver::Registration,
}

impl kernel::InPlaceModule for Kvmgt {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        // Probes of the GPUs that are there run inside the registration, so that what is said
        // about none comes after them.
        try_pin_init!(Self {
            driver <- driver::registration(module),
            _: { presence::report() },
        })
    }
}
