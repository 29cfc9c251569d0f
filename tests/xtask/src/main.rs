// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The lab: builds, VMs and tests on a software GPU.
//!
//! `cargo xtask help` says what it can do. Everything it fetches or builds is kept in a
//! [`cache`] outside the work tree.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;

use crate::cache::Cache;
use crate::cli::{Cli, Command};

mod archive;
mod bench;
mod cache;
mod cli;
mod command;
mod demo;
mod gpu_server;
mod igt;
mod initramfs;
mod interface;
mod kernel;
mod packages;
mod picture;
mod prepare;
mod program;
mod progress;
mod qemu;
mod root;
mod stock;
mod suite;
mod tools;
mod vm;
mod vm_command;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Before a VM runs, whatever keeps it from coming up counts as that.
    let failed = match cli.command {
        Command::HostVm(_) | Command::GuestVm(_) => vm::NOT_UP,
        _ => 1,
    };
    let status = run(&cli.command).unwrap_or_else(|error| {
        progress::say(&format!("error: {error:#}"));
        failed
    });
    // A status beyond a byte cannot be passed on, but it is no success either.
    ExitCode::from(u8::try_from(status).unwrap_or(u8::MAX))
}

fn run(command: &Command) -> anyhow::Result<i32> {
    let cache = Cache::open()?;
    match command {
        Command::Demo(args) => demo::run(&cache, args),
        Command::HostVm(args) => vm_command::host(&cache, args),
        Command::GuestVm(args) => vm_command::guest(&cache, args),
        Command::Test(args) => suite::run(&cache, args),
        Command::Abi(what) => interface::run(what),
        Command::Bench(args) => bench::run(&cache, args),
        Command::Igt(args) => igt::run(&cache, args),
    }
}
