// SPDX-License-Identifier: GPL-2.0 OR MIT
//! A desktop that real programs draw, and what the screen shows of it.

use anyhow::{ensure, Result};

use crate::gpu_server::Vgpus;
use crate::kernel::Version;
use crate::picture::{self, Picture, Pixel};
use crate::prepare::{Boot, GUEST_KERNEL};
use crate::suite::context::{self, Shell};
use crate::suite::scenario::nested::{self, Nested};
use crate::suite::{kernel_log, Context, Count};

/// i915 is loaded, and the kernel's messages until then are cleared.
const LOAD: &str = "
dmesg -c >/dev/null
modprobe i915
until [ -e /dev/dri/card0 ] && [ -e /sys/class/graphics/fb0 ]; do sleep 0.2; done
";
/// Then a nested guest goes on in the Debian tree that its host hands on.
const CHANGE: &str = r"
mkdir /desktop
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=512000,cache=loose root /desktop
cd /desktop
mount -t tmpfs tmpfs tmp
mkdir tmp/out
mount -t 9p -o trans=virtio,version=9p2000.L out tmp/out
for folder in dev proc sys; do mount -o bind /$folder $folder; done
mkdir -p dev/pts
mount -t devpts devpts dev/pts
cat >tmp/desktop <<'END_OF_DESKTOP'
file() { cp $2 /tmp/out/$1; }
DESKTOP
END_OF_DESKTOP
chroot . /bin/sh -e /tmp/desktop
";
/// What stands there for what runs in it.
const DESKTOP: &str = "DESKTOP\n";
/// The modules by which it finds the tree.
const MODULES: &[&str] = &["i915", "virtio_pci", "9pnet_virtio", "9p"];
/// Seconds that it may take.
const PATIENCE: u32 = 1500;

/// What its host does beside it.
const BESIDE: &str = include_str!("../../../vm/scenario/desktop_nested.sh");

/// What runs in the guest.
const SCRIPT: &str = include_str!("../../../vm/scenario/desktop.sh");
/// Where the cursor points in the end: where no window is.
const POINTER: (i32, i32) = (812, 655);
/// The pixel of it that points.
const HOT_SPOT: (i32, i32) = (5, 3);
/// Its size, of which the lowest rows are empty.
const CURSOR: (u32, u32) = (32, 32);
/// How many are not.
const ROWS: u32 = 24;
/// Pixels of each of its stripes.
const STRIPE: u32 = 4;
/// Their colours, the first on the left.
const COLOURS: [Pixel; 2] = [[0xff, 0x20, 0x10], [0x10, 0xff, 0x20]];

/// In a guest on a hosted vGPU.
pub fn hosted(context: &Context, version: Version) -> Result<Count> {
    let pictures = tempfile::tempdir()?;
    let mut guest = context.guest(Boot::Desktop(version))?.without_i915();
    guest.vm.vgpus = Some(Vgpus::smallest(1));
    guest.vm.pictures = Some(pictures.path().to_path_buf());
    kernel_log::quiet(version).clone_into(&mut guest.vm.append);
    let functions = format!("{}{}", picture::SCRIPT, context::FILE);
    let shell = guest.check(&format!("{functions}{LOAD}{}", script()))?;
    kernel_log::check(&shell, kernel_log::STOCK)?;
    check(&shell, &shell.picture("desktop")?)?;
    shell.nothing_lost()?;
    Ok(Count {
        passed: 3,
        failed: 0,
    })
}

/// In a nested guest, on a vGPU of the kernel's, whose screen QEMU shows.
pub fn nested(context: &Context) -> Result<Count> {
    let beside = format!("{}{}{BESIDE}", context::FILE, nested::SCREEN);
    let nested = Nested {
        gpu: nested::WITH_DISPLAY,
        modules: MODULES,
        beside: &beside,
        share: Some(context.prepare(Boot::Desktop(GUEST_KERNEL))?.root),
        patience: PATIENCE,
        ..Nested::default()
    };
    let inside = format!("{}{}", nested::PICTURE, script());
    let change = CHANGE.replacen(DESKTOP, &inside, 1);
    let (shell, count) = nested.run(context, &format!("set -e{LOAD}{}{change}", nested::LINE))?;
    kernel_log::check(&shell, kernel_log::STOCK)?;
    check(&shell, &Picture::from_ppm(shell.file("desktop")?)?)?;
    Ok(count.plus(Count::ONE))
}

/// What the guest does, in which `picture` and `file` are defined.
fn script() -> String {
    let (x, y) = POINTER;
    format!("{}CURSOR='{x} {y}'\n{SCRIPT}", kernel_log::SCRIPT)
}

/// The picture is what Xorg says that its screen shows, with the cursor where it points.
fn check(shell: &Shell, shown: &Picture) -> Result<()> {
    ensure!(shell.value("same")? == "yes", "the desktop never rests");
    let (x, y) = POINTER;
    let pointer = shell.value("pointer")?;
    ensure!(
        pointer.starts_with(&format!("x:{x} y:{y} ")),
        "the pointer is at {pointer}"
    );
    let mut wanted = Picture::from_xwd(shell.file("xwd")?)?;
    wanted.lay_over((x - HOT_SPOT.0, y - HOT_SPOT.1), CURSOR, cursor);
    shown.expect_or_keep(&wanted)
}

/// A pixel of the cursor.
fn cursor(x: u32, y: u32) -> Option<Pixel> {
    let stripe = x / STRIPE % 2;
    (y < ROWS).then(|| COLOURS[stripe as usize])
}
