// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The command `abi`.

use anyhow::Result;

use crate::cli::AbiCommand;
use crate::command;

/// Does it and returns the exit status.
pub fn run(what: &AbiCommand) -> Result<i32> {
    let top = command::work_tree();
    match what {
        AbiCommand::Doc => abi::doc(&top)?,
        AbiCommand::Check => print!("{}", abi::check(&top)?),
        AbiCommand::Diff { a, b } => print!("{}", abi::diff(&top, a, b)?),
        AbiCommand::Release => println!("{}", abi::release(&top)?.display()),
    }
    Ok(0)
}
