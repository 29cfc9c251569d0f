// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Dumps as they are kept in files.

use crate::source::Constant;
use anyhow::{Context, Result};
use iface::layout::Words;
use semver::Version;
use serde::{Deserialize, Serialize};

/// A dump.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dump {
    /// The interface's version; the third number is always 0.
    pub version: Version,
    /// The layout hash of each minor version.
    pub layouts: Vec<String>,
    /// What is said of the register table.
    pub registers: String,
    /// The structures.
    pub structures: Vec<Structure>,
    /// The numbers that the structures' fields and the functions' arguments can have.
    pub constants: Vec<Constant>,
}

/// A structure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

impl Default for Dump {
    fn default() -> Self {
        Self {
            version: version(0, 0),
            layouts: Vec::new(),
            registers: String::new(),
            structures: Vec::new(),
            constants: Vec::new(),
        }
    }
}

impl Dump {
    /// The structure `name`.
    pub fn structure(&self, name: &str) -> Option<&Structure> {
        self.structures.iter().find(|s| s.name == name)
    }

    /// Whether later minor versions may append to `structure`, because whoever gets one is told its size.
    ///
    /// That is so for tables, which begin with their header, and for what is only ever passed as
    /// `*mut Name, size: u32`. All others are as long as the one who compiled them believes.
    pub fn may_grow(&self, structure: &Structure) -> bool {
        if structure
            .fields
            .first()
            .is_some_and(|f| f.signature == "Header")
        {
            return true;
        }
        let all = self.structures.iter().flat_map(|s| &s.fields);
        let (mut mentions, mut sized) = (0, 0);
        for field in all {
            let words = field
                .signature
                .split(|c: char| !c.is_alphanumeric() && c != '_');
            mentions += words.filter(|word| *word == structure.name).count();
            let with_size = format!("*mut {}, size: u32", structure.name);
            sized += field.signature.matches(&with_size).count();
        }
        mentions > 0 && mentions == sized
    }
}

/// A version of the interface, whose third number is always 0.
pub const fn version(major: u16, minor: u16) -> Version {
    Version::new(major as u64, minor as u64, 0)
}

impl From<&iface::layout::Structure> for Structure {
    fn from(structure: &iface::layout::Structure) -> Self {
        Self {
            name: structure.name.to_owned(),
            size: structure.size,
            align: structure.align,
            fields: structure.fields.iter().map(Field::from).collect(),
        }
    }
}

impl From<&iface::layout::Field> for Field {
    fn from(field: &iface::layout::Field) -> Self {
        Self {
            name: field.name.to_owned(),
            offset: field.offset,
            size: field.size,
            since: field.since,
            signature: Words(field.signature).to_string(),
        }
    }
}

/// Reads what `iface::layout::Dump` prints, with constants behind it.
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
    if let Some(text) = line.strip_prefix("interface ") {
        let (major, minor) = parse_version(text)?;
        dump.version = version(major, minor);
    } else if let Some(layout) = line.strip_prefix("layout of minor ") {
        dump.layouts.push(layout.split_once(": ")?.1.to_owned());
    } else if let Some(registers) = line.strip_prefix("register table: ") {
        dump.registers = registers.to_owned();
    } else if let Some(constant) = line.strip_prefix("constant ") {
        dump.constants.push(parse_constant(constant)?);
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

/// `NAME: type = value`
fn parse_constant(line: &str) -> Option<Constant> {
    let (name, rest) = line.split_once(": ")?;
    let (ty, value) = rest.split_once(" = ")?;
    Some(Constant {
        name: name.to_owned(),
        ty: ty.to_owned(),
        value: value.to_owned(),
    })
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
    use super::*;

    /// A table, a structure that is passed with its size, one that is not, and one that is embedded
    /// in another besides.
    const SIZED: &str = "interface 1.0\n\nTable: 80 bytes, alignment 8\n      \
        0   48  since 1.0  header: Header\n     \
        48    8  since 1.0  get: fn(out: *mut Sized, size: u32, in: *const Plain)\n     \
        56    8  since 1.0  see: fn(out: *mut Inner, size: u32)\n     \
        64   16  since 1.0  inner: Inner\n\nSized: 4 bytes, alignment 4\n\n\
        Plain: 4 bytes, alignment 4\n\nInner: 16 bytes, alignment 4\n\n\
        Nobodys: 4 bytes, alignment 4\n";

    #[test]
    fn parse_when_this_builds_dump_then_every_field_and_constant() {
        let dump = parse(&crate::tests::current()).unwrap();
        let structures: Vec<Structure> = iface::layout::STRUCTURES
            .iter()
            .map(Structure::from)
            .collect();
        let (major, minor) = (iface::version::MAJOR, iface::version::MINOR);
        assert_eq!(dump.version, version(major, minor));
        assert_eq!(dump.structures, structures);
        assert!(dump.constants.iter().any(|c| c.name == "mmio::READ"));
    }

    #[test]
    fn parse_when_nonsense_then_the_line_is_named() {
        let error = parse("interface 1.0\nwhat is this\n").unwrap_err();
        assert!(error.to_string().contains("line 2"));
    }

    #[test]
    fn may_grow_when_its_size_is_not_told_everywhere_then_false() {
        let dump = parse(SIZED).unwrap();
        let grows = |name: &str| dump.may_grow(dump.structure(name).unwrap());
        let names = ["Table", "Sized", "Plain", "Inner", "Nobodys"];
        assert_eq!(names.map(grows), [true, true, false, false, false]);
    }

    #[test]
    fn may_grow_when_iface_then_tables_and_info() {
        let dump = parse(&crate::tests::current()).unwrap();
        let growing = dump.structures.iter().filter(|s| dump.may_grow(s));
        let names: Vec<&str> = growing.map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["HostTable", "ClientTable", "Info"]);
    }
}
