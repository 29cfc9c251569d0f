// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Which tests of IGT are run.
//!
//! A test is named as IGT does, without its `igt@`: `PROGRAM`, or `PROGRAM@SUBTEST`, or with a third
//! part that chooses among what the subtest does.

use std::fs;
use std::path::Path;

use anyhow::{ensure, Context, Result};

use crate::command;

/// Where the package has the programs, from the root.
pub const PROGRAMS: &str = "usr/libexec/igt-gpu-tools";
/// The list of what Intel's CI runs of each change, from the root.
const FAST_FEEDBACK: &str = "usr/share/igt-gpu-tools/i915.fast-feedback.testlist";
/// The programs whose basic subtests are run beyond that list begin so.
const FAMILIES: [&str; 3] = ["gem_", "i915_", "kms_"];
/// What the name of a basic subtest contains.
const BASIC: &str = "basic";
/// What lists have in front of each name.
const PREFIX: &str = "igt@";
/// Tests that pass on a vGPU in little time: what CI runs.
const FAST: &str = include_str!("fast.testlist");

/// Why some tests of the aperture are not run.
const COPIES_MUCH: &str =
    "copies a quarter of the aperture, each access a message: more than ten minutes";

/// How the names begin of what is not run, each with the reason.
pub const LEFT_OUT: &[(&str, &str)] = &[
    (
        "gem_concurrent_",
        "names half a million subtests, which takes minutes",
    ),
    ("gem_exec_suspend@", "sends the VM to sleep"),
    ("gem_mmap_gtt@basic-small-copy", COPIES_MUCH),
    ("gem_mmap_gtt@cpuset-basic-small-copy", COPIES_MUCH),
    ("gem_mmap_gtt@forked-basic-small-copy", COPIES_MUCH),
    ("i915_suspend@", "sends the VM to sleep"),
    ("i915_module_load@", "unloads i915"),
    ("i915_pm_rpm@module-reload", "unloads i915"),
    (
        "i915_selftest@",
        "unloads i915, and Debian's has no self-tests",
    ),
    ("core_hotunplug@", "takes the GPU from i915"),
    ("dmabuf@", "a test of the kernel, which Debian's lacks"),
];

/// The tests of the full list, those of a program together.
pub fn full(root: &Path) -> Result<Vec<String>> {
    let list = root.join(FAST_FEEDBACK);
    let text = fs::read_to_string(&list)
        .with_context(|| format!("cannot read IGT's list {}", list.display()))?;
    let mut tests = names(&text);
    for program in programs(root)? {
        if !is_left_out(&program) {
            tests.extend(basic(root, &program)?);
        }
    }
    tests.retain(|test| !is_left_out(test));
    tests.sort();
    tests.dedup();
    ensure!(!tests.is_empty(), "{} names no test", list.display());
    Ok(tests)
}

/// The tests of the short list.
pub fn fast() -> Vec<String> {
    names(FAST)
}

/// The program of a test.
pub fn program(test: &str) -> &str {
    test.split_once('@').map_or(test, |(program, _)| program)
}

/// The line of a list for igt_runner.
pub fn line(test: &str) -> String {
    format!("{PREFIX}{test}\n")
}

/// The test's name in igt_runner's words, as ours.
pub fn own_name(test: &str) -> &str {
    test.strip_prefix(PREFIX).unwrap_or(test)
}

/// The names in a list.
fn names(list: &str) -> Vec<String> {
    let names = list
        .lines()
        .filter_map(|line| line.trim().strip_prefix(PREFIX));
    names.map(str::to_owned).collect()
}

/// Says whether a test is not run.
pub fn is_left_out(test: &str) -> bool {
    LEFT_OUT.iter().any(|(start, _)| test.starts_with(start))
}

/// The programs of the families.
fn programs(root: &Path) -> Result<Vec<String>> {
    let folder = root.join(PROGRAMS);
    let mut programs = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("no {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = FAMILIES.iter().any(|family| name.starts_with(family));
        if ours && entry.file_type()?.is_file() {
            programs.push(name);
        }
    }
    Ok(programs)
}

/// The basic subtests of a program, which is asked outside of any VM: that is quick, and it needs no
/// GPU to name them.
fn basic(root: &Path, program: &str) -> Result<Vec<String>> {
    // The tree is of another release than this machine: it brings its own loader.
    let mut command = command::new(root.join("usr/lib64/ld-linux-x86-64.so.2"));
    let output = command
        .arg("--library-path")
        .arg(root.join("usr/lib/x86_64-linux-gnu"))
        .arg(root.join(PROGRAMS).join(program))
        .arg("--list-subtests")
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    // One without subtests says so by its status, and names none.
    let text = String::from_utf8_lossy(&output.stdout);
    let subtests = text.lines().map(str::trim);
    Ok(subtests
        .filter(|subtest| subtest.contains(BASIC))
        .map(|subtest| format!("{program}@{subtest}"))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_when_list_has_comments_then_only_tests() {
        let list = "# igt@no@test\n\nigt@gem_sync@basic-all\n igt@i915_pciid\n";
        assert_eq!(names(list), ["gem_sync@basic-all", "i915_pciid"]);
    }

    #[test]
    fn fast_then_has_tests_and_none_twice() {
        let mut tests = fast();
        let count = tests.len();
        assert!(count > 0);
        tests.sort();
        tests.dedup();
        assert_eq!(tests.len(), count);
        assert!(!tests.iter().any(|test| is_left_out(test)));
    }

    #[test]
    fn program_when_test_has_no_subtest_then_the_test() {
        assert_eq!(program("i915_pciid"), "i915_pciid");
        assert_eq!(program("gem_busy@busy@all-engines"), "gem_busy");
    }
}
