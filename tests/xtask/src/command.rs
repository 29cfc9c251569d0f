// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Running other programs: with a kept log, with privileges, without cargo's environment.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{anyhow, bail, Context, Result};
use rustix::pipe::PipeFlags;

/// How many of a log's last lines an error shows.
const TAIL: usize = 12;

/// What programs print when the disk is full (strerror of ENOSPC).
const NO_SPACE: &str = "No space left on device";

/// Variables of cargo and make that must not reach the programs the lab runs: with them a
/// kernel build would find rustup's compiler libraries or a stranger's job server.
const FOREIGN: &[&str] = &[
    "CARGO",
    "LD_LIBRARY_PATH",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MFLAGS",
    "RUSTC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
    "RUST_RECURSION_COUNT",
];

/// A command without cargo's environment, with messages in English and nothing on stdin.
pub fn new(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in FOREIGN {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C").stdin(Stdio::null());
    command
}

/// cargo, in the work tree.
pub fn cargo() -> Command {
    let mut command = new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(work_tree());
    command
}

/// A command that the kernel ends when the thread that started it ends.
///
/// VMs and servers are started by it, so that none outlives the lab, however that ends.
pub fn tied(program: impl AsRef<OsStr>) -> Command {
    let mut command = new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Says whether this process is root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command that runs as root: directly, or through passwordless sudo.
///
/// Fails in one line if neither is possible.
pub fn privileged(program: &str, why: &str) -> Result<Command> {
    if is_root() {
        return Ok(new(program));
    }
    let allowed = new("sudo")
        .args(["-n", "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !allowed {
        bail!("no root: {why} needs root or passwordless sudo, and this user has neither");
    }
    let mut command = new("sudo");
    command.args(["-n", "--", program]);
    Ok(command)
}

/// Runs a command and returns its stdout; on failure the error shows its stderr.
pub fn output(command: &mut Command) -> Result<String> {
    let name = describe(command);
    let output = command
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{name} failed ({}): {}", output.status, tail(&stderr));
    }
    String::from_utf8(output.stdout).with_context(|| format!("{name} printed no UTF-8"))
}

/// Runs a command with stdout and stderr in a kept log and each line given to `line`.
///
/// The log is appended to, so that several steps share one.
pub fn logged(command: &mut Command, log: &Path, mut line: impl FnMut(&str)) -> Result<()> {
    let name = describe(command);
    let mut kept = File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot open the log {}", log.display()))?;
    writeln!(kept, "+ {name}")?;
    let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let mut child = command
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .spawn()
        .with_context(|| format!("cannot run {name}"))?;
    // The command holds the pipe's writing ends; without this reading would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut reader = BufReader::new(File::from(reader));
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        kept.write_all(&bytes)?;
        line(String::from_utf8_lossy(&bytes).trim_end());
        bytes.clear();
    }
    let status = child.wait()?;
    if !status.success() {
        let text = String::from_utf8_lossy(&fs::read(log)?).into_owned();
        if text.contains(NO_SPACE) {
            bail!(
                "disk full while running {}; log {}",
                command.get_program().to_string_lossy(),
                log.display()
            );
        }
        bail!(
            "{name} failed ({status}); log {}\n{}",
            log.display(),
            tail(&text)
        );
    }
    Ok(())
}

/// Like [`logged`], for what needs the network: if it fails the error is one line, `what` and
/// the log's path.
pub fn fetched(
    command: &mut Command,
    log: &Path,
    what: &str,
    line: impl FnMut(&str),
) -> Result<()> {
    logged(command, log, line).map_err(|error| {
        let error = error.to_string();
        // A full disk is told from a missing network.
        match error.starts_with("disk full") {
            true => anyhow!(error),
            false => anyhow!("{what}; log {}", log.display()),
        }
    })
}

/// Removes a file or a folder with all below it, if it is there.
///
/// Falls back to root for what an earlier run left behind as root.
pub fn remove_tree(path: &Path) -> Result<()> {
    let removed = match path.symlink_metadata() {
        Err(_) => return Ok(()),
        Ok(data) if data.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    if removed.is_err() && path.symlink_metadata().is_ok() {
        output(
            privileged("rm", "removing a half-made folder")?
                .arg("-rf")
                .arg(path),
        )?;
    }
    Ok(())
}

/// The path of the work tree.
pub fn work_tree() -> PathBuf {
    // This package is two folders below the work tree's root.
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_path_buf()
}

/// A command as one would type it.
fn describe(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|a| a.to_string_lossy().into_owned()));
    words.join(" ")
}

/// The last lines of a text.
pub fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logged_when_command_fails_then_error_names_log_and_last_line() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut lines = Vec::new();

        let error = logged(
            new("sh").args(["-c", "echo one; echo two >&2; exit 3"]),
            &log,
            |l| {
                lines.push(l.to_owned());
            },
        )
        .unwrap_err()
        .to_string();

        assert_eq!(lines, ["one", "two"]);
        assert!(error.contains(&log.display().to_string()));
        assert!(error.ends_with("two"));
    }

    #[test]
    fn fetched_when_it_fails_then_error_is_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut command = new("sh");
        command.args(["-c", "echo 1; echo 2; exit 1"]);
        let error = fetched(&mut command, &log, "no network", |_| {}).unwrap_err();
        assert_eq!(error.to_string().lines().count(), 1);
        assert!(error.to_string().starts_with("no network; log "));
    }

    #[test]
    fn fetched_when_disk_is_full_then_says_so_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut command = new("sh");
        command.args(["-c", "echo 'tar: No space left on device' >&2; exit 1"]);
        let error = fetched(&mut command, &log, "no network", |_| {}).unwrap_err();
        assert_eq!(error.to_string().lines().count(), 1);
        assert!(error.to_string().starts_with("disk full"));
    }

    #[test]
    fn output_when_program_is_missing_then_error_names_it() {
        let error = output(&mut new("no-such-program-here"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("no-such-program-here"));
    }

    #[test]
    fn tail_when_text_is_long_then_keeps_the_end() {
        let text: String = (0..100).map(|n| format!("{n}\n")).collect();
        let tail = tail(&text);
        assert_eq!(tail.lines().count(), TAIL);
        assert!(tail.ends_with("99"));
    }

    #[test]
    fn work_tree_then_holds_the_workspace() {
        assert!(work_tree().join("tests/xtask/Cargo.toml").exists());
    }
}
