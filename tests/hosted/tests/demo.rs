// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The demonstration runs on every GPU, and says what is wrong with one that is none.

use std::process::{Command, Output};

fn demo(gpu: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hosted-demo"))
        .args(["--gpu", gpu])
        .output()
        .unwrap()
}

#[test]
fn demo_on_every_platform_ends_with_a_table() {
    for gpu in ["bdw", "skl", "kbl,seed=2", "bxt", "cfl", "cml"] {
        let output = demo(gpu);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        let attached = text
            .lines()
            .filter(|line| line.contains("kvmgt i915.gvt.0: attached to"));
        assert_eq!(
            attached.count(),
            3,
            "at first, and after each rebind: {text}"
        );
        let (_, table) = text.split_once("\n\n").unwrap();
        assert!(table.contains("| interface       | 1.0, agreed"), "{table}");
        assert!(table.contains("2101296 bytes"), "{table}");
        assert_eq!(table.lines().count(), 6);
    }
}

#[test]
fn demo_on_no_gpu_fails_with_one_clear_line() {
    let output = demo("voodoo");
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.starts_with("Error: `voodoo` describes no GPU"),
        "{text}"
    );
}
