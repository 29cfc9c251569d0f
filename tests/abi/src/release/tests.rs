// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;
use crate::tests::{current, sources};
use std::process::Command;

fn dump() -> Dump {
    crate::dump::parse(&current()).unwrap()
}

fn files() -> Vec<File> {
    crate::source::read(&sources()).unwrap()
}

/// A dump with one operation more, in the next minor version.
fn grown() -> Dump {
    let mut dump = dump();
    dump.version.minor += 1;
    let since = u16::try_from(dump.version.minor).unwrap();
    dump.layouts.push("0x1".to_owned());
    let table = dump.structures.iter_mut().find(|s| s.name == "HostTable");
    let table = table.unwrap();
    let (offset, size) = (table.size, size_of::<usize>());
    let name = "more".to_owned();
    let signature = "fn(dev: *mut HostDevice) -> c_int".to_owned();
    table.fields.push(crate::dump::Field {
        name,
        offset,
        size,
        since,
        signature,
    });
    table.size += size;
    dump
}

/// Lets the compiler judge a fixture.
fn compile(fixture: &Path, out: &Path) -> (bool, String) {
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()));
    command.args([
        "--edition",
        "2021",
        "--crate-type",
        "lib",
        "--emit",
        "metadata",
    ]);
    command.args(["-D", "warnings", "-A", "missing_docs", "-o"]);
    let output = command
        .arg(out.join("fixture.rmeta"))
        .arg(fixture)
        .output()
        .unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn write_when_new_then_whole_and_its_fixture_compiles() {
    let abi = tempfile::tempdir().unwrap();
    let folder = write(abi.path(), &dump(), &files()).unwrap();
    assert_eq!(all(abi.path()).unwrap(), [dump()]);
    let (compiles, errors) = compile(&folder.join(FIXTURE), abi.path());
    assert!(compiles, "{errors}");
}

#[test]
fn write_when_nothing_changed_then_nothing_is_written() {
    let abi = tempfile::tempdir().unwrap();
    let folder = write(abi.path(), &dump(), &files()).unwrap();
    fs::remove_file(folder.join(LAYOUT)).unwrap();
    fs::write(folder.join(LAYOUT), serde_json::to_string(&dump()).unwrap()).unwrap();
    let before = fs::read(folder.join(LAYOUT)).unwrap();
    assert_eq!(write(abi.path(), &dump(), &files()).unwrap(), folder);
    assert_eq!(fs::read(folder.join(LAYOUT)).unwrap(), before);
}

#[test]
fn write_when_version_suits_the_change_then_both_are_there() {
    let abi = tempfile::tempdir().unwrap();
    write(abi.path(), &dump(), &files()).unwrap();
    write(abi.path(), &grown(), &files()).unwrap();
    assert_eq!(all(abi.path()).unwrap(), [dump(), grown()]);
}

#[test]
fn write_when_version_does_not_suit_the_change_then_error() {
    let abi = tempfile::tempdir().unwrap();
    write(abi.path(), &dump(), &files()).unwrap();
    let mut same_version = grown();
    same_version.version = dump().version;
    let error = write(abi.path(), &same_version, &files()).unwrap_err();
    assert!(error.to_string().contains("HostTable.more"), "{error}");
}

#[test]
fn all_when_fixture_is_of_another_layout_then_error() {
    let abi = tempfile::tempdir().unwrap();
    let folder = write(abi.path(), &dump(), &files()).unwrap();
    fs::write(
        folder.join(LAYOUT),
        serde_json::to_string(&grown()).unwrap(),
    )
    .unwrap();
    assert!(all(abi.path()).is_err());
    let mut other = grown();
    other.version = dump().version;
    fs::write(folder.join(LAYOUT), serde_json::to_string(&other).unwrap()).unwrap();
    let error = all(abi.path()).unwrap_err();
    assert!(error.to_string().contains(FIXTURE), "{error}");
}

#[test]
fn fixture_when_a_field_is_missing_then_does_not_compile() {
    let abi = tempfile::tempdir().unwrap();
    let folder = write(abi.path(), &dump(), &files()).unwrap();
    let path = folder.join(FIXTURE);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("    pub fence_count: u32,\n", "")).unwrap();
    let (compiles, errors) = compile(&path, abi.path());
    assert!(!compiles);
    assert!(errors.contains("fence_count"), "{errors}");
}

#[test]
fn fixtures_when_released_then_compile() {
    let out = tempfile::tempdir().unwrap();
    let abi = sources().join("../../docs/abi");
    all(&abi).unwrap();
    for (version, folder) in folders(&abi).unwrap() {
        let (compiles, errors) = compile(&folder.join(FIXTURE), out.path());
        assert!(compiles, "{version}: {errors}");
    }
}
