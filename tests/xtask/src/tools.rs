// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Build tools that Debian 12 has too old: built by cargo into the cache.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::cache::{Cache, Key};
use crate::command;
use crate::progress::Step;

/// The bindgen that Linux 7.2 is built with (its minimum is 0.71.1).
const BINDGEN: &str = "0.72.1";
/// Disk space that building it takes.
const MIB: u64 = 800;

/// The path of bindgen, which is built on first use.
pub fn bindgen(cache: &Cache) -> Result<PathBuf> {
    let key = Key::new().add("version", BINDGEN);
    let place = cache.artefact("bindgen", &key, MIB, |part| {
        let mut step = Step::start(format!("bindgen {BINDGEN}"));
        let log = cache.log("bindgen")?;
        let target = part.join("target");
        let mut command = command::cargo();
        command
            .args([
                "install",
                "bindgen-cli",
                "--locked",
                "--version",
                BINDGEN,
                "--root",
            ])
            .arg(part)
            .arg("--target-dir")
            .arg(&target)
            // Not in the work tree, whose cargo configuration is not bindgen's.
            .current_dir(part);
        let what = "cannot build bindgen: no network, or the crate registry does not answer";
        command::fetched(&mut command, &log, what, |line| step.line(line))?;
        fs::remove_dir_all(&target)?;
        step.done();
        Ok(())
    })?;
    Ok(place.join("bin/bindgen"))
}
