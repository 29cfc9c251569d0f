// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Somebody changes `iface` by accident: a copy of its sources is changed, compiled, and checked. The
//! check fails, names the item, and says which version that needs.

use abi::mutate::{self, Kind, Mutant};
use abi::source::{self, Declaration};
use quote::ToTokens;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the copy is compiled to.
const PROGRAM: &str = "dump";
/// So many registers are left in the copy.
const ROWS: usize = 8;
/// What makes a program of it.
const MAIN: &str = "fn main() { print!(\"{}\", layout::Dump); }\n";

/// The first mutant of a kind.
fn mutant(kind: Kind, structure: &str) -> Mutant {
    let files = source::read(&top().join("iface/src")).unwrap();
    let mut mutants = mutate::all(&files).into_iter();
    let found = mutants.find(|m| m.kind == kind && m.structure == structure);
    found.unwrap()
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A tree with `iface` as it is, the dump of it, and, if it is to have one, a release.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new(released: bool) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        copy(&top().join("iface/src"), &tree.sources());
        let docs = tree.path().join(abi::RELEASES);
        fs::create_dir_all(&docs).unwrap();
        let dump = abi::current(&top()).unwrap();
        fs::write(tree.path().join(abi::DUMP), &dump).unwrap();
        if released {
            let files = source::read(&tree.sources()).unwrap();
            abi::release::write(&docs, &abi::dump::parse(&dump).unwrap(), &files).unwrap();
        }
        tree
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn sources(&self) -> PathBuf {
        self.path().join("iface/src")
    }

    /// Changes the text of a source.
    fn edit(&self, file: &str, change: impl Fn(&str) -> String) {
        let path = self.sources().join(file);
        let text = fs::read_to_string(&path).unwrap();
        let changed = change(&text);
        assert_ne!(changed, text, "nothing was changed in {file}");
        fs::write(&path, changed).unwrap();
    }

    /// Changes a declaration as a mutant has it.
    fn mutate(&self, mutant: &Mutant) {
        let declaration = mutant.contract.iter().find(|d| d.name == mutant.structure);
        let declared = written(declaration.unwrap());
        let start = format!("pub struct {} {{", mutant.structure);
        for file in source::FILES {
            let text = fs::read_to_string(self.sources().join(file)).unwrap();
            if let Some(from) = text.find(&start) {
                let to = from + braces(&text[from..]);
                self.edit(file, |text| {
                    text[..from].to_owned() + &declared + &text[to..]
                });
            }
        }
    }

    /// Compiles the copy, without the safe face and without assertions about offsets: whoever changes a
    /// declaration adapts both. Gives the dump, or what the compiler objects to.
    fn compiled(&self) -> Result<String, String> {
        self.edit("iface.rs", |root| {
            let attribute = "#![cfg_attr(not(MODULE), no_std)]";
            root.replace(attribute, "").replace("pub mod client;", "") + MAIN
        });
        // Half of the compiler's time would go into registers, which are not what is changed here.
        self.edit("registers/table.rs", |text| {
            let mut rows = 0;
            let kept = text.lines().filter(|line| {
                rows += usize::from(line.starts_with("    reg("));
                rows <= ROWS || !line.starts_with("    reg(")
            });
            kept.collect::<Vec<_>>().join("\n")
        });
        for file in source::FILES {
            let path = self.sources().join(file);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, without_assertions(&text)).unwrap();
        }
        let program = self.path().join(PROGRAM);
        let mut compile = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()));
        compile.args([
            "--edition",
            "2021",
            "-C",
            "debuginfo=0",
            "-A",
            "warnings",
            "-o",
        ]);
        let compiled = compile
            .arg(&program)
            .arg(self.sources().join("iface.rs"))
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&compiled.stderr);
        if !compiled.status.success() {
            return Err(errors.into_owned());
        }
        let printed = Command::new(&program).output().unwrap().stdout;
        let printed = as_of_all_registers(&String::from_utf8(printed).unwrap());
        Ok(abi::with_constants(&printed, self.path()).unwrap())
    }

    /// The dump of the copy.
    #[track_caller]
    fn dump(&self) -> String {
        self.compiled().unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// What the check says of the copy.
    fn check(&self) -> anyhow::Result<String> {
        abi::check_dump(self.path(), &self.dump())
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A dump with what is said of the whole register table.
fn as_of_all_registers(dump: &str) -> String {
    let whole = iface::layout::Dump.to_string();
    let said = |text: &str| {
        text.lines()
            .find(|l| l.starts_with("register table"))
            .unwrap()
            .to_owned()
    };
    dump.replace(&said(dump), &said(&whole))
}

/// A declaration as people write it, from `pub struct` on.
fn written(declaration: &Declaration) -> String {
    let mut declaration = declaration.clone();
    declaration.attributes.clear();
    let text = declaration.to_token_stream().to_string();
    text.replace("* mut ", "*mut ")
        .replace("* const ", "*const ")
        .replace(" :: ", "::")
}

/// The length of a text up to the end of its first block.
fn braces(text: &str) -> usize {
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    panic!("a block without an end");
}

fn without_assertions(text: &str) -> String {
    let start = "\nconst _: () = {\n";
    let Some((before, rest)) = text.split_once(start) else {
        return text.to_owned();
    };
    let behind = rest.split_once("\n};\n").unwrap().1;
    without_assertions(&format!("{before}\n{behind}"))
}

/// Asserts that a change is found, by the name of its item.
#[track_caller]
fn assert_found(kind: Kind, structure: &str, item: &str, needs: &str) {
    let mutant = mutant(kind, structure);
    let tree = Tree::new(true);
    tree.mutate(&mutant);
    let said = tree.check().unwrap_err().to_string();
    println!("{mutant}:\n{said}");
    assert!(said.contains(item), "{said}");
    assert!(said.contains(needs), "{said}");
}

/// Asserts that a change does not even compile, and that the compiler says why.
#[track_caller]
fn assert_refused(kind: Kind, structure: &str, why: &str) {
    let tree = Tree::new(false);
    tree.mutate(&mutant(kind, structure));
    let errors = tree.compiled().unwrap_err();
    assert!(errors.contains(why), "{structure}: {errors}");
}

/// What the check says if the next minor version will do.
const MINOR: &str = "minor: interface 1.0 becomes 1.1; set MINOR to 1";
/// What it says if it won't.
const MAJOR: &str = "major: interface 1.0 becomes 2.0; take the change back";

#[test]
fn check_when_table_is_reordered_then_major() {
    assert_found(
        Kind::Reorder,
        "HostTable",
        "HostTable.device is 8 bytes at 0",
        MAJOR,
    );
    assert_found(
        Kind::Reorder,
        "ClientTable",
        "ClientTable.suspend is",
        MAJOR,
    );
}

#[test]
fn check_when_table_is_resized_or_retyped_then_major() {
    assert_found(Kind::Resize, "HostTable", "HostTable.info is fn(", MAJOR);
    assert_found(
        Kind::Retype,
        "HostTable",
        "HostTable.device is *const HostDevice",
        MAJOR,
    );
}

#[test]
fn compiler_when_put_between_then_refuses() {
    for structure in ["HostTable", "ClientTable", "Info", "Buffer"] {
        assert_refused(Kind::Insert, structure, "a field is inserted: append it");
    }
}

#[test]
fn compiler_when_appended_to_what_is_passed_without_its_size_then_refuses() {
    for structure in ["GgttRange", "Engine"] {
        assert_refused(
            Kind::Append,
            structure,
            "a structure grows that is passed without its size",
        );
    }
}

#[test]
fn check_when_appended_then_minor() {
    assert_found(
        Kind::Append,
        "HostTable",
        "HostTable.appended is appended, at 240",
        MINOR,
    );
    assert_found(
        Kind::Append,
        "Info",
        "Info.appended is appended, at 216",
        MINOR,
    );
}

#[test]
fn check_when_appended_to_what_was_there_then_major() {
    assert_found(
        Kind::AppendUnsaid,
        "HostTable",
        "to minor version 0, which is there",
        MAJOR,
    );
    assert_found(
        Kind::AppendUnsaid,
        "GgttRange",
        "GgttRange.appended is appended, at 24",
        MAJOR,
    );
}

#[test]
fn check_when_removed_renamed_or_respelled_then_major() {
    assert_found(Kind::Remove, "Submission", "Submission.root is gone", MAJOR);
    assert_found(Kind::Rename, "Context", "Context.handle is gone", MAJOR);
    assert_found(Kind::Respell, "ClientTable", "core::ffi::c_void", MAJOR);
}

#[test]
fn check_when_nested_then_major_and_what_holds_it_is_named() {
    assert_found(Kind::Reorder, "Header", "it needs other magics too", MAJOR);
    assert_found(Kind::Resize, "Engine", "Info.engines is", MAJOR);
    assert_found(Kind::Reorder, "BlobHeader", "BlobHeader.magic is", MAJOR);
}

#[test]
fn check_when_a_number_is_another_then_major() {
    let tree = Tree::new(false);
    tree.edit("events.rs", |text| {
        text.replace("OUTCOME_HUNG: u32 = 1", "OUTCOME_HUNG: u32 = 7")
    });
    let current = abi::with_constants(&iface::layout::Dump.to_string(), tree.path()).unwrap();
    let said = abi::check_dump(tree.path(), &current)
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("OUTCOME_HUNG is 7: u32, was 1: u32"),
        "{said}"
    );
    assert!(said.contains(MAJOR), "{said}");
}

#[test]
fn check_when_appended_with_version_and_dump_then_no_error() {
    let tree = Tree::new(true);
    tree.mutate(&mutant(Kind::Append, "HostTable"));
    tree.edit("version.rs", |text| {
        text.replace("MINOR: u16 = 0", "MINOR: u16 = 1")
    });
    let dump = tree.dump();
    fs::write(tree.path().join(abi::DUMP), &dump).unwrap();
    let said = abi::check_dump(tree.path(), &dump).unwrap();
    assert!(said.contains("HostTable.appended is appended"), "{said}");
    assert!(said.contains("minor: "), "{said}");
}
