// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The reference of the contract: its structures as the compiler laid them out, with the texts that
//! stand at them in the source.

use anyhow::{Context, Result};
use iface::layout::{Field, Structure, Words, STRUCTURES};
use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use syn::parse::{Parse, ParseStream};
use syn::{braced, token, Attribute, Expr, Ident, Item, Lit, LitInt, Meta, Token, Type};

/// Sources that declare structures, in the order of the reference.
const FILES: [&str; 5] = [
    "version.rs",
    "host.rs",
    "events.rs",
    "types.rs",
    "snapshot.rs",
];

/// The reference as Markdown, with the texts of iface's sources in `sources`.
pub fn text(sources: &Path) -> Result<String> {
    let mut texts = Texts::default();
    let mut rules = Vec::new();
    for file in FILES {
        let path = sources.join(file);
        let source = fs::read_to_string(&path)
            .with_context(|| format!("{} can't be read", path.display()))?;
        let parsed =
            syn::parse_file(&source).with_context(|| format!("{} is no Rust", path.display()))?;
        rules.push((file, doc(&parsed.attrs)));
        for item in parsed.items {
            if let Item::Macro(item) = item {
                if item.mac.path.is_ident("table") || item.mac.path.is_ident("structure") {
                    texts.add(syn::parse2(item.mac.tokens)?);
                }
            }
        }
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
    for (file, rules) in rules {
        writeln!(
            out,
            "## {file}\n\n{}\n",
            plain(&rules).replace("\n# ", "\n### ")
        )?;
        for structure in STRUCTURES
            .iter()
            .filter(|s| texts.file_of(s.name, file, sources))
        {
            texts.write(&mut out, structure)?;
        }
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
    Ok(out)
}

/// A declaration of a structure.
struct Declaration {
    name: String,
    text: String,
    fields: Vec<(String, String)>,
}

impl Parse for Declaration {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        input.parse::<Token![pub]>()?;
        input.parse::<Token![struct]>()?;
        let name: Ident = input.parse()?;
        let body;
        braced!(body in input);
        let mut fields = Vec::new();
        // A table has two sections, a structure none.
        while body.peek(Ident) && body.peek2(token::Brace) {
            body.parse::<Ident>()?;
            let section;
            braced!(section in body);
            parse_fields(&section, &mut fields)?;
        }
        parse_fields(&body, &mut fields)?;
        Ok(Self {
            name: name.to_string(),
            text: doc(&attributes),
            fields,
        })
    }
}

fn parse_fields(input: ParseStream<'_>, fields: &mut Vec<(String, String)>) -> syn::Result<()> {
    while !input.is_empty() {
        let attributes = input.call(Attribute::parse_outer)?;
        input.parse::<Ident>()?;
        input.parse::<LitInt>()?;
        let name: Ident;
        if input.peek(Token![fn]) {
            let signature: syn::Signature = input.parse()?;
            input.parse::<Token![;]>()?;
            name = signature.ident;
        } else {
            input.parse::<Token![pub]>()?;
            name = input.parse()?;
            input.parse::<Token![:]>()?;
            input.parse::<Type>()?;
            input.parse::<Token![,]>()?;
        }
        fields.push((name.to_string(), doc(&attributes)));
    }
    Ok(())
}

/// The documentation among attributes.
fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes
        .iter()
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
                Expr::Lit(text) => match &text.lit {
                    Lit::Str(text) => Some(text.value()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        });
    let lines: Vec<String> = lines
        .map(|l| l.strip_prefix(' ').unwrap_or(&l).to_owned())
        .collect();
    lines.join("\n")
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
    fn add(&mut self, declaration: Declaration) {
        for (field, text) in declaration.fields {
            self.fields.insert((declaration.name.clone(), field), text);
        }
        self.structures.insert(declaration.name, declaration.text);
    }

    /// Whether a structure is declared in `file`.
    fn file_of(&self, name: &str, file: &str, sources: &Path) -> bool {
        fs::read_to_string(sources.join(file))
            .is_ok_and(|text| text.contains(&format!("pub struct {name} {{")))
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
