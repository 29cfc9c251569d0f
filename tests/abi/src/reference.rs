// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The reference of the contract: its structures as the compiler laid them out, with the texts that
//! stand at them in the source.

use crate::source::{self, doc, Declaration};
use anyhow::{Context, Result};
use iface::layout::{Field, Structure, Words, STRUCTURES};
use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

/// The reference as Markdown, with the texts of iface's sources in `sources`.
pub fn text(sources: &Path) -> Result<String> {
    let files = source::read(sources)?;
    let mut texts = Texts::default();
    for declaration in files.iter().flat_map(|file| &file.declarations) {
        texts.add(declaration);
    }
    let mut out = String::from(
        "<!-- SPDX-License-Identifier: GPL-2.0 OR MIT -->\n\
         <!-- Generated from iface/src by `cargo xtask abi doc`; do not edit. -->\n\
         # Interface reference\n\n",
    );
    writeln!(
        out,
        "Interface {}, made from the sources of `iface`.\n",
        iface::version::Version::CURRENT
    )?;
    for file in files {
        writeln!(
            out,
            "## {}\n\n{}\n",
            file.name,
            plain(&file.text).replace("\n# ", "\n### ")
        )?;
        let declares = |name| file.declarations.iter().any(|d| d.name == name);
        for structure in STRUCTURES.iter().filter(|s| declares(s.name)) {
            texts.write(&mut out, structure)?;
        }
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
    Ok(out)
}

/// Links into Rust documentation as what they say.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("[`") {
        let Some((name, behind)) = behind.split_once("`]") else {
            break;
        };
        write!(out, "{before}`{name}`").expect("a string takes what is written");
        rest = match behind
            .strip_prefix('(')
            .and_then(|target| target.split_once(')'))
        {
            Some((_, behind)) => behind,
            None => behind,
        };
    }
    out + rest
}

#[derive(Default)]
struct Texts {
    structures: HashMap<String, String>,
    fields: HashMap<(String, String), String>,
}

impl Texts {
    fn add(&mut self, declaration: &Declaration) {
        let name = declaration.name.to_string();
        for (field, text) in declaration.texts() {
            self.fields.insert((name.clone(), field), text);
        }
        self.structures.insert(name, doc(&declaration.attributes));
    }

    fn write(&self, out: &mut String, structure: &Structure) -> Result<()> {
        let text = self
            .structures
            .get(structure.name)
            .context("a structure without a text")?;
        writeln!(
            out,
            "### {} ({} bytes, alignment {})\n\n{}\n",
            structure.name,
            structure.size,
            structure.align,
            plain(text)
        )?;
        writeln!(
            out,
            "| offset | bytes | name | type | |\n|---|---|---|---|---|"
        )?;
        let is_function = |field: &&Field| field.signature.starts_with("fn");
        for field in structure.fields.iter().filter(|f| !is_function(f)) {
            writeln!(
                out,
                "| {} | {} | `{}` | `{}` | {} |",
                field.offset,
                field.size,
                field.name,
                Words(field.signature),
                plain(self.field(structure, field)?).replace('\n', " ")
            )?;
        }
        for field in structure.fields.iter().filter(is_function) {
            writeln!(
                out,
                "| {} | {} | `{}` | function | see below |",
                field.offset, field.size, field.name
            )?;
        }
        writeln!(out)?;
        for field in structure.fields.iter().filter(is_function) {
            writeln!(
                out,
                "#### {}\n\n```rust\n{}\n```\n\n{}\n",
                field.name,
                Words(field.signature)
                    .to_string()
                    .replacen("fn", &format!("fn {}", field.name), 1),
                plain(self.field(structure, field)?)
            )?;
        }
        Ok(())
    }

    fn field(&self, structure: &Structure, field: &Field) -> Result<&String> {
        let key = (structure.name.to_owned(), field.name.to_owned());
        self.fields
            .get(&key)
            .with_context(|| format!("{key:?} has no text"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../iface/src")
    }

    #[test]
    fn text_documents_errors_and_version_of_every_operation() {
        let text = text(&sources()).unwrap();
        for field in iface::HostTable::LAYOUT.fields.iter().skip(2) {
            let section = text
                .split_once(&format!("#### {}\n", field.name))
                .unwrap()
                .1;
            let section = section.split("####").next().unwrap();
            assert!(
                section.contains("Since 1.") || section.contains("Since\n1."),
                "{}",
                field.name
            );
        }
    }

    #[test]
    fn plain_of_links_keeps_what_they_say() {
        assert_eq!(
            plain("see [`Info`](crate::types::Info) and [`x`]."),
            "see `Info` and `x`."
        );
    }
}
