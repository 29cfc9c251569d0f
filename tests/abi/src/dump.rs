// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Dumps as they are kept in files.

use anyhow::{Context, Result};

/// A dump.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dump {
    /// The interface's major and minor version.
    pub version: (u16, u16),
    /// The layout hash of each minor version.
    pub layouts: Vec<String>,
    /// What is said of the register table.
    pub registers: String,
    /// The structures.
    pub structures: Vec<Structure>,
}

/// A structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Structure {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: usize,
    /// Alignment.
    pub align: usize,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// A field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Bytes in front of it.
    pub offset: usize,
    /// Bytes.
    pub size: usize,
    /// The minor version that added it.
    pub since: u16,
    /// Its type, or signature.
    pub signature: String,
}

/// Reads what `iface::layout::Dump` prints.
pub fn parse(text: &str) -> Result<Dump> {
    let mut dump = Dump::default();
    for (number, line) in (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty())
    {
        parse_line(&mut dump, line)
            .with_context(|| format!("line {number} of the dump is none: {line}"))?;
    }
    Ok(dump)
}

fn parse_line(dump: &mut Dump, line: &str) -> Option<()> {
    if let Some(version) = line.strip_prefix("interface ") {
        dump.version = parse_version(version)?;
    } else if let Some(layout) = line.strip_prefix("layout of minor ") {
        dump.layouts.push(layout.split_once(": ")?.1.to_owned());
    } else if let Some(registers) = line.strip_prefix("register table: ") {
        dump.registers = registers.to_owned();
    } else if line.starts_with(' ') {
        dump.structures.last_mut()?.fields.push(parse_field(line)?);
    } else {
        dump.structures.push(parse_structure(line)?);
    }
    Some(())
}

fn parse_version(text: &str) -> Option<(u16, u16)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// `Name: N bytes, alignment M`
fn parse_structure(line: &str) -> Option<Structure> {
    let (name, rest) = line.split_once(": ")?;
    let (size, align) = rest.split_once(" bytes, alignment ")?;
    Some(Structure {
        name: name.to_owned(),
        size: size.parse().ok()?,
        align: align.parse().ok()?,
        fields: Vec::new(),
    })
}

/// `  OFFSET SIZE  since V  name: type`
fn parse_field(line: &str) -> Option<Field> {
    let (numbers, rest) = line.split_once(" since ")?;
    let mut numbers = numbers.split_whitespace();
    let (version, rest) = rest.split_once("  ")?;
    let (name, signature) = rest.split_once(": ")?;
    Some(Field {
        name: name.to_owned(),
        offset: numbers.next()?.parse().ok()?,
        size: numbers.next()?.parse().ok()?,
        since: parse_version(version)?.1,
        signature: signature.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn parse_of_this_builds_dump_finds_every_field() {
        let dump = parse(&crate::current()).unwrap();
        let fields = |name: &str| {
            dump.structures
                .iter()
                .find(|s| s.name == name)
                .map(|s| s.fields.len())
        };
        assert_eq!(dump.version, (iface::version::MAJOR, iface::version::MINOR));
        assert_eq!(dump.structures.len(), iface::layout::STRUCTURES.len());
        assert_eq!(
            fields("HostTable"),
            Some(iface::HostTable::LAYOUT.fields.len())
        );
    }

    #[test]
    fn parse_of_nonsense_names_the_line() {
        let error = parse("interface 1.0\nwhat is this\n").unwrap_err();
        assert!(error.to_string().contains("line 2"));
    }
}
