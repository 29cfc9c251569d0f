// SPDX-License-Identifier: GPL-2.0 OR MIT
//! That kvmgt refuses tables that do not fit, each with one clear line.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result};
use iface::version::Header;
use iface::{ClientTable, HostTable};

use super::checks;
use crate::command;
use crate::kernel::Flavour;
use crate::suite::{Context, Count};

/// How a line begins if the host's version could be read.
const SAME: &str = "i915 offers interface 1.0, this kvmgt needs 1.0: ";
/// How it begins if there is no table.
const NONE: &str = "i915 offers no interface, this kvmgt needs 1.0: ";
/// What to do about halves of different builds.
const REBUILD: &str = "; load the i915 and the kvmgt of one build$";

/// What the version rule forbids, and the rest that a host may get wrong.
///
/// Of "minor too new" only one direction can be shown by a table as long as the minor version is
/// 0: a host that needs a newer kvmgt (`needs-newer-minor`). There is no version before 0 for a
/// host to be too old with; that direction has its tests in `iface` (`accept_of_older_minor_fails`,
/// and the line of it in `client/tests.rs`) and in `tests/hosted/tests/version.rs`.
///
/// A table of the fixture, and its line: what it begins with, says, and ends with, the latter two
/// as regular expressions.
const CASES: &[(&str, &str, &str, &str)] = &[
    ("no-table", NONE, "there is no table", REBUILD),
    ("odd-pointer", NONE, "there is no table", REBUILD),
    (
        "wrong-magic",
        NONE,
        "begins with 0x0123456789abcdef",
        REBUILD,
    ),
    (
        "newer-major",
        "i915 offers interface 2.0, this kvmgt needs 1.0: ",
        "another major version",
        "; load a kvmgt built for interface 2.x$",
    ),
    (
        "older-major",
        "i915 offers interface 0.0, this kvmgt needs 1.0: ",
        "another major version",
        "; load an i915 that offers interface 1.0, or a kvmgt built for interface 0.x$",
    ),
    (
        "needs-newer-minor",
        SAME,
        "i915 needs minor version 1 of kvmgt",
        "; load a newer kvmgt$",
    ),
    (
        "short",
        SAME,
        "the table has [0-9]+ bytes of [0-9]+",
        REBUILD,
    ),
    (
        "header-only",
        SAME,
        "the table has [0-9]+ bytes of [0-9]+",
        REBUILD,
    ),
    (
        "needs-feature",
        SAME,
        "i915 needs features 0x10000000000 that this kvmgt lacks",
        "; load a newer kvmgt$",
    ),
    (
        "other-layout",
        SAME,
        "the layout of minor version 0 differs",
        REBUILD,
    ),
    (
        "no-layout",
        SAME,
        "the layout of minor version 0 differs",
        REBUILD,
    ),
    (
        "null-function",
        SAME,
        "the operation mmio_exec is missing",
        REBUILD,
    ),
    (
        "busy",
        SAME,
        "it has a client already",
        "; unload that one first$",
    ),
    (
        "no-snapshot",
        "i915 has no golden snapshot",
        "error -5",
        "; unbind and bind it to take one$",
    ),
    (
        "damaged-snapshot",
        "the golden snapshot is damaged: ",
        "its checksum differs",
        REBUILD,
    ),
];

/// Every broken table is refused beside a real GPU that stays attached, and the right one attaches
/// afterwards.
pub fn one_line_each(context: &Context, flavour: Flavour) -> Result<Count> {
    let guest = checks::host(context, flavour, checks::HEADLESS)?;
    let mut script = said()?;
    script += "cat >/run/lab/cases <<'CASES'\n";
    for (name, begin, wrong, load) in CASES {
        // Writing to a string cannot fail.
        let _ = writeln!(script, "{name}:{begin}.*{wrong}.*{load}");
    }
    script += "CASES\n";
    script += include_str!("../../../vm/scenario/refusals.sh");
    checks::run(&guest, &script)
}

/// Writes what `modinfo` and sysfs must say of the interface, by `layout.txt`: lines of a module, the
/// name of an attribute, and its value.
fn said() -> Result<String> {
    let layout = command::work_tree().join(abi::DUMP);
    let text =
        fs::read_to_string(&layout).with_context(|| format!("cannot read {}", layout.display()))?;
    let dump = abi::dump::parse(&text)?;
    let major = dump.version.major;
    let mut script = String::from("cat >/run/lab/said <<'SAID'\n");
    for (module, header) in [("i915", HostTable::HEADER), ("kvmgt", ClientTable::HEADER)] {
        let Header {
            features,
            needs_minor,
            needs_features,
            ..
        } = header;
        for (before, minor, features) in [
            ("", dump.version.minor, features),
            ("needs_", needs_minor.into(), needs_features),
        ] {
            let hash = dump.layouts.get(minor as usize);
            let hash = hash.with_context(|| format!("layout.txt has no minor version {minor}"))?;
            // Writing to a string cannot fail.
            let _ = writeln!(script, "{module} {before}interface {major}.{minor}");
            let _ = writeln!(script, "{module} {before}features {features:#x}");
            let _ = writeln!(script, "{module} {before}layout {hash}");
        }
    }
    Ok(script + "SAID\n")
}
