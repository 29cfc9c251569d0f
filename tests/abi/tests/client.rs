// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The client that `docs/abi/README.md` shows is the module of `tests/reader`, which the lab builds and
//! loads, word for word.

use std::fs;
use std::path::Path;

/// The part of the document that shows the client.
const PART: &str = "## Writing a client\n";
/// The mark of a block's begin and end.
const FENCE: &str = "```";

/// A file of the work tree.
fn read(name: &str) -> String {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(top.join(name)).unwrap()
}

/// The only block in that language in a part of a document.
fn block<'a>(part: &'a str, language: &str) -> &'a str {
    let begin = format!("\n{FENCE}{language}\n");
    let mut blocks = part.split(&begin).skip(1);
    let (first, second) = (blocks.next().unwrap(), blocks.next());
    assert!(second.is_none(), "two blocks of {language}");
    let end = first.find(&format!("\n{FENCE}\n")).unwrap();
    &first[..=end]
}

/// What follows the line of the license.
fn without_license(file: &str) -> &str {
    let (license, rest) = file.split_once('\n').unwrap();
    assert!(license.contains("SPDX-License-Identifier: "), "{license}");
    rest
}

#[test]
fn client_when_shown_then_is_what_is_built() {
    let document = read("docs/abi/README.md");
    let (_, rest) = document.split_once(PART).unwrap();
    let part = rest.split("\n## ").next().unwrap();
    for (language, file) in [
        ("rust", "tests/reader/reader.rs"),
        ("make", "tests/reader/Kbuild"),
    ] {
        assert_eq!(
            block(part, language),
            without_license(&read(file)),
            "{file} is not what the document shows"
        );
    }
}
