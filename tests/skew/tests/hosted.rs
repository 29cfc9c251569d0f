// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Each i915 with each kvmgt as shared objects: what happens is what the matrix says, line by line. Where
//! they work together, a vGPU is made and driven.
//!
//! Other versions of the interface are compiled from patched copies of this tree. What an i915 only says
//! otherwise, its features and what it needs, is written into the header of its table.

use hosted::loader::{path_of, Bus, Loaded, LogLine};
use skew::matrix::{is_like, Note, Outcome, Pair};
use skew::{Needs, Tree, Variant};
use std::collections::hash_map::DefaultHasher;
use std::collections::BTreeMap;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace of a variant.
const WORKSPACE: &str = include_str!("tree.toml");
/// The version in there.
const VERSION: &str = "version = \"0.1.0\"";
/// What it is made of.
const FOLDERS: [&str; 10] = [
    "iface",
    "i915-gvt-host",
    "kvmgt",
    "tests/standin/kernel",
    "tests/gpu",
    "tests/vfio-user",
    "tests/hosted/abi",
    "tests/hosted/glue",
    "tests/hosted/host-so",
    "tests/hosted/kvmgt-so",
];
/// The packages of the shared objects, and their folders.
const HOST: (&str, &str) = ("hosted-host-so", "tests/hosted/host-so");
const CLIENT: (&str, &str) = ("hosted-kvmgt-so", "tests/hosted/kvmgt-so");
/// What the sources of a tree were when it was written, in it.
const STAMP: &str = "stamp";
/// Levels of the log, as in `printk`.
const ERR: u8 = 3;
const WARNING: u8 = 4;
/// The engines of the GPU that guests use.
const ENGINES: u64 = 4;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where variants are compiled, kept from run to run.
fn workshop() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("skew")
}

/// Everything that the trees are made of, and by, as a number.
fn stamp() -> u64 {
    let mut hasher = DefaultHasher::new();
    let folders = FOLDERS.into_iter().chain([
        "tests/skew/patches",
        "tests/skew/src/tree.rs",
        "tests/skew/src/variant.rs",
    ]);
    folders.for_each(|folder| add(&top().join(folder), &mut hasher));
    WORKSPACE.hash(&mut hasher);
    include_str!("hosted.rs").hash(&mut hasher);
    hasher.finish()
}

fn add(path: &Path, hasher: &mut DefaultHasher) {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().for_each(|path| add(path, hasher));
    } else {
        path.hash(hasher);
        fs::read(path).unwrap().hash(hasher);
    }
}

/// The folder with a variant's sources: written anew if any source has changed.
fn tree(variant: &Variant, stamp: u64) -> PathBuf {
    let path = workshop().join(variant.name);
    let stamp = stamp.to_string();
    if fs::read_to_string(path.join(STAMP)).is_ok_and(|found| found == stamp) {
        return path;
    }
    let _ = fs::remove_dir_all(&path);
    Tree::write(variant, &top(), &FOLDERS, &path).unwrap();
    // A version of its own too, as cargo does not tell packages apart by their folders; what stands behind
    // the plus is nothing to `abi_stable`.
    let version = format!("version = \"0.1.0+{}\"", variant.name);
    assert_eq!(WORKSPACE.matches(VERSION).count(), 1);
    let workspace = WORKSPACE.replace(VERSION, &version);
    fs::write(path.join("Cargo.toml"), workspace).unwrap();
    fs::copy(top().join("Cargo.lock"), path.join("Cargo.lock")).unwrap();
    for (package, folder) in [HOST, CLIENT] {
        // Under a name of its own, so that all can be compiled in one folder.
        let manifest = path.join(folder).join("Cargo.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        let (from, to) = (
            format!("name = \"{package}\""),
            format!("name = \"{}\"", name(package, variant)),
        );
        assert_eq!(text.matches(&from).count(), 1);
        fs::write(&manifest, text.replace(&from, &to)).unwrap();
    }
    fs::write(path.join(STAMP), stamp).unwrap();
    path
}

/// The name of a variant's package.
fn name(package: &str, variant: &Variant) -> String {
    format!("{package}-{}", variant.name.replace('.', "-"))
}

/// Compiles some of a variant's packages.
fn compile(variant: &Variant, stamp: u64, packages: &[&str]) {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo
        .args(["build", "--offline", "--quiet", "--target-dir"])
        .arg(workshop().join("target"))
        .current_dir(tree(variant, stamp));
    for package in packages {
        cargo.arg("--package").arg(name(package, variant));
    }
    let done = cargo.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success(),
        "{} does not compile:\n{said}",
        variant.name
    );
}

/// The variant whose i915 is compiled for this one: another header on it does the rest.
fn compiled(host: &Variant) -> Variant {
    [Variant::V1_1, Variant::V2_0, Variant::REGISTERS]
        .into_iter()
        .find(|it| it.version == host.version && it.registers == host.registers)
        .unwrap_or(Variant::V1_0)
}

/// Compiles all that the matrix needs.
fn compile_all() {
    let mut wanted: BTreeMap<&str, (Variant, Vec<&str>)> = BTreeMap::new();
    for pair in Pair::all() {
        let host = compiled(&pair.host);
        if host != Variant::V1_0 {
            let entry = wanted.entry(host.name).or_insert((host, Vec::new()));
            entry.1.push(HOST.0);
        }
        if pair.client != Variant::V1_0 {
            let client = pair.client;
            let entry = wanted.entry(client.name).or_insert((client, Vec::new()));
            entry.1.push(CLIENT.0);
        }
    }
    let stamp = stamp();
    for (variant, packages) in wanted.values_mut() {
        packages.sort();
        packages.dedup();
        compile(variant, stamp, packages);
    }
}

/// The shared object of a variant.
fn object(package: &str, variant: &Variant) -> PathBuf {
    if *variant == Variant::V1_0 {
        return path_of(package).unwrap();
    }
    let file = name(package, variant).replace('-', "_");
    workshop().join(format!("target/debug/lib{file}.so"))
}

/// i915, with a GPU that is not bound yet.
fn load_host<'b>(bus: &'b Bus, variant: &Variant) -> Loaded<'b> {
    let host = Loaded::load(bus, &object(HOST.0, &compiled(variant))).unwrap();
    host.control("power-on kbl,seed=3").unwrap();
    let Needs { minor, features } = variant.host_needs;
    let say = format!("say {} {minor} {features}", variant.features);
    host.control(&say).unwrap();
    host
}

/// What kvmgt said of the device, each with its level.
fn lines(log: &[LogLine]) -> Vec<(u8, &str)> {
    let said = log.iter().filter_map(|line| {
        let text = line.text.strip_prefix("kvmgt i915.gvt.0: ")?;
        Some((line.level, text))
    });
    said.collect()
}

/// What there is to say about a pair that is not as the matrix has it.
fn judge(pair: &Pair) -> Result<(), String> {
    let bus = Bus::new();
    let host = load_host(&bus, &pair.host);
    host.control("bind 0").map_err(|error| error.to_string())?;
    let at_rest = host.live_objects();
    let client = Loaded::load(&bus, &object(CLIENT.0, &pair.client)).unwrap();

    let alike = host.judge(&client).is_ok();
    if alike != (pair.host.version == pair.client.version) {
        return Err(format!("abi_stable finds them alike: {alike}"));
    }
    let log = bus.take_log();
    let said = lines(&log);
    let opened = log
        .iter()
        .any(|line| line.text.contains("has opened the device"));
    if opened != pair.has_added() {
        return Err(format!("the call-back of 1.1 came: {opened}"));
    }
    match pair.outcome {
        Outcome::Works(note) => works(pair, note, &bus, &host, &client, &said)?,
        Outcome::Refused(_) => {
            let wanted = pair.refusal().unwrap_or_default();
            let as_it_should = match said[..] {
                [(level, line)] => level == ERR && is_like(line, &wanted),
                _ => false,
            };
            if !as_it_should || bus.devices() != [(0, false)] {
                return Err(format!("it says {said:?}, not {wanted}"));
            }
        }
    }
    let left = (
        client.unload(),
        host.live_objects() - at_rest,
        host.unload(),
    );
    if left != (0, 0, 0) {
        return Err(format!("something is left: {left:?}"));
    }
    Ok(())
}

fn works(
    pair: &Pair,
    note: Note,
    bus: &Bus,
    host: &Loaded<'_>,
    client: &Loaded<'_>,
    said: &[(u8, &str)],
) -> Result<(), String> {
    let wanted = pair.attached().unwrap_or_default();
    if !said.iter().any(|(_, line)| is_like(line, &wanted)) || bus.devices() != [(0, true)] {
        return Err(format!("it says {said:?}, not {wanted}"));
    }
    let warned: Vec<_> = said.iter().filter(|(level, _)| *level <= WARNING).collect();
    let expected = usize::from(note == Note::Defaults);
    if warned.len() != expected {
        return Err(format!("it warns {warned:?}"));
    }
    drive(host, client).map_err(|error| format!("a vGPU fails: {error}"))
}

/// Lets a vGPU execute something on each engine.
fn drive(host: &Loaded<'_>, client: &Loaded<'_>) -> Result<(), String> {
    let tell = |module: &Loaded<'_>, command: &str| {
        module.control(command).map_err(|error| error.to_string())
    };
    tell(client, "create")?;
    for _ in 0..2 {
        tell(client, "submit")?;
        tell(host, "run")?;
        let worked = tell(client, "check")?;
        if worked != ENGINES {
            return Err(format!("{worked} engines worked"));
        }
    }
    tell(client, "remove").map(drop)
}

#[test]
fn pairs_when_loaded_then_as_the_matrix_says() {
    compile_all();
    let mut failures = Vec::new();
    for pair in Pair::all() {
        if let Err(failure) = judge(&pair) {
            failures.push(format!("{pair}: {failure}"));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
