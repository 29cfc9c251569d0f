// SPDX-License-Identifier: GPL-2.0 OR MIT
use super::*;

/// The top of this tree.
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The sources of iface.
pub fn sources() -> PathBuf {
    top().join(SOURCES)
}

/// The dump of this build.
pub fn current() -> String {
    super::current(&top()).unwrap()
}

/// A tree with the dump and, if it is to have one, a release of this build.
fn tree(released: bool) -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    let abi = tree.path().join(RELEASES);
    fs::create_dir_all(&abi).unwrap();
    fs::write(tree.path().join(DUMP), current()).unwrap();
    if released {
        let dump = dump::parse(&current()).unwrap();
        release::write(&abi, &dump, &source::read(&sources()).unwrap()).unwrap();
    }
    tree
}

/// Puts iface's sources into a tree, and their reference; gives where they are.
fn with_sources(tree: &Path) -> PathBuf {
    let copy = tree.join(SOURCES);
    fs::create_dir_all(&copy).unwrap();
    for file in source::FILES.iter().chain(&["errno.rs"]) {
        fs::copy(sources().join(file), copy.join(file)).unwrap();
    }
    let reference = reference::text(&sources()).unwrap();
    fs::write(tree.join(REFERENCE), reference).unwrap();
    copy
}

#[test]
fn numbers_when_compared_with_the_constants_then_none_is_forgotten() {
    // Limits are one side's business; what is in a header is compared before any hash.
    let exempt = |name: &str| {
        let own = name.rsplit("::").next().unwrap();
        own.starts_with("MAX_") || own.starts_with("FEATURE_") || MAGICS.contains(&own)
    };
    let is_in_hash = |name: &str| {
        let mut numbers = iface::layout::NUMBERS.iter();
        numbers.any(|number| {
            let found = number.name.replace(' ', "");
            found.ends_with(&format!("::{name}"))
        })
    };
    let constants = source::constants(&sources()).unwrap();
    let names = || constants.iter().map(|constant| constant.name.as_str());
    let forgotten: Vec<&str> = names()
        .filter(|name| !exempt(name) && !is_in_hash(name))
        .collect();
    assert_eq!(forgotten, [] as [&str; 0]);
    let needless: Vec<&str> = names()
        .filter(|name| exempt(name) && is_in_hash(name))
        .collect();
    assert_eq!(needless, [] as [&str; 0]);
    let counted = names().filter(|name| !exempt(name)).count();
    assert_eq!(counted, iface::layout::NUMBERS.len());
}

/// The first bytes of headers.
const MAGICS: [&str; 2] = ["HOST_MAGIC", "CLIENT_MAGIC"];

/// The dump of this build after an operation got another name.
fn broken() -> String {
    current().replace("  close: fn(dev", "  shut: fn(dev")
}

#[test]
fn check_dump_when_nothing_changed_then_unchanged_and_since_when() {
    let said = check_dump(tree(false).path(), &current()).unwrap();
    assert!(
        said.starts_with("compared with docs/abi/layout.txt:\nunchanged"),
        "{said}"
    );
    let said = check_dump(tree(true).path(), &current()).unwrap();
    assert!(
        said.starts_with("compared with the last release, interface 1.0:\nunchanged"),
        "{said}"
    );
}

#[test]
fn check_dump_when_broken_then_the_item_and_the_version_with_and_without_a_release() {
    for released in [false, true] {
        let error = check_dump(tree(released).path(), &broken())
            .unwrap_err()
            .to_string();
        assert!(error.contains("HostTable.close is gone"), "{error}");
        assert!(
            error.contains("major: interface 1.0 becomes 2.0"),
            "{error}"
        );
    }
}

#[test]
fn check_dump_when_broken_and_the_dump_with_it_then_the_release_still_objects() {
    let tree = tree(true);
    fs::write(tree.path().join(DUMP), broken()).unwrap();
    let error = check_dump(tree.path(), &broken()).unwrap_err().to_string();
    assert!(error.contains("says that it is 1.0"), "{error}");
}

#[test]
fn check_dump_when_patched_and_the_dump_with_it_then_said_and_no_error() {
    let tree = tree(true);
    let patched = current().replace(" rows, ", "0 rows, ");
    fs::write(tree.path().join(DUMP), &patched).unwrap();
    let said = check_dump(tree.path(), &patched).unwrap();
    assert!(said.contains("patch: it stays interface 1.0"), "{said}");
}

#[test]
fn diff_when_files_and_releases_then_all_can_be_compared() {
    let tree = tree(true);
    let other = tree.path().join("other.txt");
    fs::write(&other, broken()).unwrap();
    let layout = tree.path().join("docs/abi/1.0/layout.json");
    let said =
        |a: &Path, b: &Path| diff(tree.path(), a.to_str().unwrap(), b.to_str().unwrap()).unwrap();
    assert!(said(Path::new("1.0"), &other).contains("HostTable.close is gone"));
    assert!(said(&layout, Path::new("1.0")).starts_with("unchanged"));
}

#[test]
fn check_when_a_text_of_iface_is_another_then_the_reference_is_stale() {
    let tree = tree(false);
    let copy = with_sources(tree.path());
    let document = tree.path().join(DOCUMENT);
    fs::copy(top().join(DOCUMENT), &document).unwrap();
    assert!(check(tree.path()).is_ok());

    let types = fs::read_to_string(copy.join("types.rs")).unwrap();
    let types = types.replace("/// An engine.", "/// A motor.");
    fs::write(copy.join("types.rs"), types).unwrap();

    let error = check(tree.path()).unwrap_err().to_string();
    assert!(error.contains("abi doc"), "{error}");
}

#[test]
fn check_when_the_matrix_is_another_then_the_document_is_stale() {
    let tree = tree(false);
    with_sources(tree.path());
    let document = fs::read_to_string(top().join(DOCUMENT)).unwrap();
    let document = document.replace("| works | refused (j) |", "| works | works |");
    fs::write(tree.path().join(DOCUMENT), document).unwrap();

    let error = check(tree.path()).unwrap_err().to_string();
    assert!(
        error.contains("the matrix in docs/abi/README.md"),
        "{error}"
    );
}
