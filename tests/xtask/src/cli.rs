// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The command line, which others script: names, flags and defaults stay.

use std::path::PathBuf;

use clap::{value_parser, Args, Parser, Subcommand};

use crate::kernel::Version;
use crate::qemu::Accel;

/// The lab of Intel GVT-g in Rust: builds, VMs and tests on a software GPU.
///
/// What a command needs is fetched and built by it, once, under $KVMGT_CACHE (default
/// $XDG_CACHE_HOME/kvmgt, else ~/.cache/kvmgt).
#[derive(Parser)]
#[command(name = "xtask", bin_name = "cargo xtask", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// Show the main job on the software GPU; ends with a table and a picture.
    Demo(DemoArgs),
    /// Boot the host VM: our kernel on the software GPU, i915 up, kvmgt not loaded.
    HostVm(VmArgs),
    /// Boot QEMU guests with a stock Debian kernel, each on a vGPU.
    GuestVm(GuestArgs),
    /// Run the tests; ends with the line `N passed, N failed`.
    Test(TestArgs),
    /// The interface's reference and dump.
    #[command(subcommand)]
    Abi(AbiCommand),
    /// Run the benchmarks: what the shipped code costs, in instructions.
    Bench(BenchArgs),
    /// Run IGT, the test suite of DRM drivers, in a guest on a vGPU; writes docs/igt.md.
    Igt(IgtArgs),
}

/// What to do with the interface between i915 and kvmgt.
#[derive(Subcommand)]
pub enum AbiCommand {
    /// Write docs/abi anew, but for the releases.
    Doc,
    /// Fail if the interface is not the one in docs/abi, or its version does not suit what changed
    /// since the last release.
    Check,
    /// Explain what changed between two dumps or releases, and which version that needs.
    Diff {
        /// The older one: a file, or a release's version.
        a: String,
        /// The newer one.
        b: String,
    },
    /// Freeze the interface: write docs/abi/X.Y, which never changes afterwards.
    Release,
}

/// What to measure.
#[derive(Args, Clone)]
pub struct BenchArgs {
    /// Only the benchmarks whose name contains this
    pub name: Option<String>,
    /// Print the table as Markdown
    #[arg(long)]
    pub markdown: bool,
    /// Boot a guest and write the register accesses of its i915, which benchmarks replay, anew
    #[arg(long, conflicts_with_all = ["name", "markdown"])]
    pub capture: bool,
}

/// What to run of IGT.
#[derive(Args, Clone)]
pub struct IgtArgs {
    /// No vGPU: the guest drives the software GPU itself
    #[arg(long, conflicts_with = "kind")]
    pub native: bool,
    /// The vGPU's type, for example V5_8 or i915-GVTg_V5_8 (default: the smallest)
    #[arg(long = "type", value_name = "T")]
    pub kind: Option<String>,
    /// Version of the stock kernel; with another than Debian 13's docs/igt.md is left as it is
    #[arg(long, value_name = "V")]
    pub kernel_version: Option<Version>,
    /// Only the short list of tests that pass on a vGPU, which CI runs
    #[arg(long)]
    pub fast: bool,
    /// Only the tests whose name, such as gem_sync@basic-all, contains this, or one of these
    #[arg(long, value_name = "PATTERN")]
    pub only: Vec<String>,
    /// Not those whose name contains this, or one of these
    #[arg(long, value_name = "PATTERN")]
    pub without: Vec<String>,
    /// Name the tests and run none
    #[arg(long)]
    pub list: bool,
    /// Seconds that one test may take
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = value_parser!(u32).range(1..=3600))]
    pub test_timeout: u32,
    /// Seconds that all of them may take
    #[arg(long, value_name = "S", default_value_t = 10_800)]
    pub timeout: u64,
    /// A file for what igt_runner has written of each test, in JSON, one document for each program
    #[arg(long, value_name = "FILE")]
    pub raw: Option<PathBuf>,
}

/// How to show it.
#[derive(Args, Clone)]
pub struct DemoArgs {
    /// With the real modules, in the host VM
    #[arg(long)]
    pub kernel: bool,
    /// The GPU, for example kbl, or skl,aperture=512M,seed=3
    #[arg(long, value_name = "GPU", default_value = "kbl")]
    pub gpu: String,
    /// Version of the host kernel
    #[arg(long, value_name = "V", requires = "kernel")]
    pub kernel_version: Option<Version>,
    /// A file for a picture of all guests' screens, side by side (default: target/screens.png)
    #[arg(long, value_name = "FILE", conflicts_with = "kernel")]
    pub picture: Option<PathBuf>,
}

/// What all VMs take.
#[derive(Args, Clone)]
pub struct VmArgs {
    /// The GPU, for example kbl, or skl,aperture=512M,seed=3
    #[arg(long, value_name = "GPU", default_value = "kbl")]
    pub gpu: String,
    /// A folder laid over the VM's root
    #[arg(long, value_name = "DIR")]
    pub overlay: Option<PathBuf>,
    /// A command to run as root under sh, instead of an interactive console; its exit
    /// status is ours, 124 if it took too long, 125 if the VM did not come up
    #[arg(long, value_name = "CMD")]
    pub run: Option<String>,
    /// Seconds that a VM with --run may take
    #[arg(long, value_name = "S", default_value_t = 900)]
    pub timeout: u64,
    /// The VM's memory
    #[arg(long, value_name = "SIZE", default_value = "2G")]
    pub ram: String,
    /// A file for the kernel's console, instead of a kept log
    #[arg(long, value_name = "FILE")]
    pub console: Option<PathBuf>,
    /// How QEMU executes the VM's code
    #[arg(long, value_enum, default_value = "tcg")]
    pub accel: Accel,
    /// Version of the kernel (default: 7.2 for the host VM, 6.12 for guests)
    #[arg(long, value_name = "V")]
    pub kernel_version: Option<Version>,
}

/// What guests take beyond that.
#[derive(Args, Clone)]
pub struct GuestArgs {
    /// No vGPU: the guest drives the software GPU itself
    #[arg(long, conflicts_with_all = ["vgpus", "kind", "resolution"])]
    pub native: bool,
    /// How many guests, each on a vGPU of its own; --run runs in each
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u32).range(1..=7))]
    pub vgpus: u32,
    /// The vGPUs' type, for example V5_8 or i915-GVTg_V5_8 (default: the smallest)
    #[arg(long = "type", value_name = "T")]
    pub kind: Option<String>,
    /// What the vGPUs' monitors prefer, for example 800x600 or 800x600,1024x768, the last for all that
    /// follow (default: the largest of the type)
    #[arg(long, value_name = "WxH,…")]
    pub resolution: Option<String>,
    /// A file for a PNG of the screen, taken when the command has ended; with --vgpus screen.png gets
    /// screen-1.png, screen-2.png and so on
    #[arg(long, value_name = "FILE")]
    pub screenshot: Option<PathBuf>,
    /// The rest.
    #[command(flatten)]
    pub vm: VmArgs,
}

/// What to test.
#[derive(Args, Clone, Default)]
pub struct TestArgs {
    /// Only what needs no kernel
    #[arg(long, conflicts_with = "kernel")]
    pub hosted: bool,
    /// Only what needs one
    #[arg(long)]
    pub kernel: bool,
    /// Version of the host kernel
    #[arg(long, value_name = "V")]
    pub kernel_version: Option<Version>,
    /// Only the tests whose name contains this
    #[arg(long, value_name = "NAME")]
    pub only: Option<String>,
    /// Name the tests and run none
    #[arg(long)]
    pub list: bool,
    /// The long tests too, or one part of them
    #[arg(long, value_name = "PART", num_args = 0..=1, default_missing_value = "")]
    pub full: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn cli_then_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn full_when_given_without_part_then_empty() {
        let cli = Cli::parse_from(["xtask", "test", "--full"]);
        assert!(
            matches!(cli.command, Command::Test(TestArgs { full: Some(part), .. }) if part.is_empty())
        );
    }

    #[test]
    fn guest_vm_when_native_and_vgpus_then_refused() {
        for more in [
            ["--vgpus", "2"],
            ["--type", "V5_8"],
            ["--resolution", "800x600"],
        ] {
            let line = ["xtask", "guest-vm", "--native"].into_iter().chain(more);
            assert!(Cli::try_parse_from(line).is_err());
        }
        assert!(Cli::try_parse_from(["xtask", "guest-vm", "--native"]).is_ok());
    }

    #[test]
    fn guest_vm_when_more_vgpus_than_a_gpu_has_then_refused() {
        for (count, fits) in [("0", false), ("7", true), ("8", false)] {
            let parsed = Cli::try_parse_from(["xtask", "guest-vm", "--vgpus", count]);
            assert_eq!(parsed.is_ok(), fits);
        }
    }
}
