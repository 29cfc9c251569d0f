// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Structures as the debug information (DWARF) of a compiled file has them.
//!
//! It is what the compiler says of the code that it made, for debuggers. It knows nothing of the
//! contract's macros, versions and hashes.

use anyhow::{bail, ensure, Context, Result};
use gimli::{
    AttributeValue, DebuggingInformationEntry, EndianSlice, LittleEndian, SectionId, UnitOffset,
};
use object::{Object, ObjectSection, ObjectSymbol, RelocationKind, RelocationTarget};
use std::collections::btree_map::{BTreeMap, Entry};

mod name;

pub use name::plain;

/// A structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Structure {
    /// Bytes.
    pub size: u64,
    /// Alignment, if it is said.
    pub align: Option<u64>,
    /// Its fields in their order.
    pub fields: Vec<Field>,
}

/// A field of a structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Bytes in front of it.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
    /// Its type, without the modules that the names in it are from.
    pub ty: String,
}

type Reader<'a> = EndianSlice<'a, LittleEndian>;
type Unit<'a> = gimli::Unit<Reader<'a>>;
type Die<'a, 'u> = DebuggingInformationEntry<'u, 'u, Reader<'a>>;

/// All structures of an ELF file whose path, with `::` between its parts, is `wanted`.
///
/// # Errors
///
/// The file has no debug information, or two parts of it have the same structure otherwise: then
/// they were compiled against different declarations.
pub fn structures(
    file: &[u8],
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, Structure>> {
    let object = object::File::parse(file)?;
    let sections = gimli::DwarfSections::load(|id| section(&object, id))?;
    let dwarf = sections.borrow(|section| EndianSlice::new(section, LittleEndian));
    let mut units = Vec::new();
    let mut headers = dwarf.units();
    while let Some(header) = headers.next()? {
        units.push(dwarf.unit(header)?);
    }
    ensure!(!units.is_empty(), "the file has no debug information");
    let mut found = BTreeMap::new();
    let all = All { dwarf, units };
    for unit in &all.units {
        all.collect(unit, &wanted, &mut found)?;
    }
    Ok(found)
}

/// A section's bytes with its relocations applied, which a module still has.
fn section(object: &object::File<'_>, id: SectionId) -> Result<Vec<u8>> {
    let Some(section) = object.section_by_name(id.name()) else {
        return Ok(Vec::new());
    };
    let mut bytes = section.data()?.to_vec();
    for (place, relocation) in section.relocations() {
        let RelocationTarget::Symbol(symbol) = relocation.target() else {
            bail!("a relocation of {} has no symbol", id.name());
        };
        // Others tell where code is, relative to itself.
        if relocation.kind() != RelocationKind::Absolute {
            continue;
        }
        let address = object.symbol_by_index(symbol)?.address();
        let value = address.wrapping_add_signed(relocation.addend());
        let width = usize::from(relocation.size()) / 8;
        bytes
            .get_mut(place as usize..)
            .and_then(|rest| rest.get_mut(..width))
            .context("a relocation is outside of its section")?
            .copy_from_slice(&value.to_le_bytes()[..width]);
    }
    Ok(bytes)
}

/// All debug information of a file, in units: one for what was compiled together.
struct All<'a> {
    dwarf: gimli::Dwarf<Reader<'a>>,
    units: Vec<Unit<'a>>,
}

/// Where a type is described.
#[derive(Clone, Copy)]
struct Type<'a, 'u> {
    unit: &'u Unit<'a>,
    offset: UnitOffset,
}

impl<'a> All<'a> {
    /// Adds the wanted structures of a unit to those that were found.
    fn collect(
        &self,
        unit: &Unit<'a>,
        wanted: &impl Fn(&str) -> bool,
        found: &mut BTreeMap<String, Structure>,
    ) -> Result<()> {
        // The names that lead to an entry, each with its depth.
        let mut path: Vec<(isize, String)> = Vec::new();
        let mut depth = 0;
        let mut entries = unit.entries();
        while let Some((deeper, entry)) = entries.next_dfs()? {
            depth += deeper;
            path.retain(|(above, _)| *above < depth);
            let is_structure = entry.tag() == gimli::DW_TAG_structure_type;
            // What is declared inside of a structure is called after it, too.
            if is_structure || entry.tag() == gimli::DW_TAG_namespace {
                path.push((depth, self.name(unit, entry)?));
            }
            if is_structure {
                let parts: Vec<&str> = path.iter().map(|(_, name)| &**name).collect();
                let full = parts.join("::");
                if wanted(&full) {
                    let offset = entry.offset();
                    add(found, full, self.structure(Type { unit, offset })?)?;
                }
            }
        }
        Ok(())
    }

    fn structure(&self, Type { unit, offset }: Type<'a, '_>) -> Result<Structure> {
        let mut tree = unit.entries_tree(Some(offset))?;
        let root = tree.root()?;
        let size = number(root.entry(), gimli::DW_AT_byte_size)?;
        let align = number(root.entry(), gimli::DW_AT_alignment)?;
        let mut fields = Vec::new();
        let mut children = root.children();
        while let Some(child) = children.next()? {
            let entry = child.entry();
            if entry.tag() == gimli::DW_TAG_member {
                let ty = self.type_of(unit, entry)?;
                let name = self.name(unit, entry)?;
                let place = number(entry, gimli::DW_AT_data_member_location)?;
                fields.push(Field {
                    offset: place.with_context(|| format!("the field {name} has no place"))?,
                    size: self.size(ty)?,
                    ty: self.type_name(ty)?,
                    name,
                });
            }
        }
        fields.sort_by_key(|field| field.offset);
        Ok(Structure {
            size: size.context("a structure has no size")?,
            align,
            fields,
        })
    }

    fn name(&self, unit: &Unit<'a>, entry: &Die<'a, '_>) -> Result<String> {
        let Some(value) = entry.attr_value(gimli::DW_AT_name)? else {
            return Ok(String::new());
        };
        let name = self.dwarf.attr_string(unit, value)?;
        Ok(name.to_string()?.to_owned())
    }

    /// The type that an entry has, or is made of, maybe described in another unit.
    fn type_of<'u>(&'u self, unit: &'u Unit<'a>, entry: &Die<'a, '_>) -> Result<Type<'a, 'u>> {
        match entry.attr_value(gimli::DW_AT_type)? {
            Some(AttributeValue::UnitRef(offset)) => Ok(Type { unit, offset }),
            Some(AttributeValue::DebugInfoRef(offset)) => {
                let mut units = self.units.iter();
                let found = units.find_map(|unit| {
                    let offset = offset.to_unit_offset(&unit.header)?;
                    Some(Type { unit, offset })
                });
                found.context("a type is described nowhere")
            }
            other => bail!("a type is said in a way that rustc does not: {other:?}"),
        }
    }

    fn size(&self, ty: Type<'a, '_>) -> Result<u64> {
        let entry = ty.unit.entry(ty.offset)?;
        if let Some(size) = number(&entry, gimli::DW_AT_byte_size)? {
            return Ok(size);
        }
        match entry.tag() {
            gimli::DW_TAG_pointer_type => Ok(ty.unit.encoding().address_size.into()),
            gimli::DW_TAG_array_type => {
                Ok(length(ty)? * self.size(self.type_of(ty.unit, &entry)?)?)
            }
            tag => bail!("a type has no size: {tag}"),
        }
    }

    fn type_name(&self, ty: Type<'a, '_>) -> Result<String> {
        let entry = ty.unit.entry(ty.offset)?;
        if entry.tag() == gimli::DW_TAG_array_type {
            let element = self.type_name(self.type_of(ty.unit, &entry)?)?;
            return Ok(format!("[{element}; {}]", length(ty)?));
        }
        Ok(plain(&self.name(ty.unit, &entry)?))
    }
}

/// How many elements an array has.
fn length(array: Type<'_, '_>) -> Result<u64> {
    let mut tree = array.unit.entries_tree(Some(array.offset))?;
    let mut children = tree.root()?.children();
    while let Some(child) = children.next()? {
        if let Some(count) = number(child.entry(), gimli::DW_AT_count)? {
            return Ok(count);
        }
    }
    bail!("an array has no length")
}

fn add(found: &mut BTreeMap<String, Structure>, path: String, structure: Structure) -> Result<()> {
    match found.entry(path) {
        Entry::Vacant(place) => drop(place.insert(structure)),
        Entry::Occupied(place) => ensure!(
            *place.get() == structure,
            "{} is laid out in two ways: {:?} and {structure:?}",
            place.key(),
            place.get()
        ),
    }
    Ok(())
}

fn number(entry: &Die<'_, '_>, name: gimli::DwAt) -> Result<Option<u64>> {
    Ok(entry
        .attr_value(name)?
        .and_then(|value| value.udata_value()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    /// What the compiler is to describe.
    #[repr(C)]
    struct Shown {
        narrow: u16,
        wide: u64,
        many: [u32; 3],
        function: Option<extern "C" fn(*mut Shown) -> i32>,
    }

    #[test]
    fn structures_when_the_file_is_this_test_then_as_the_compiler_laid_it_out() {
        let shown = Shown {
            narrow: 0,
            wide: 0,
            many: [0; 3],
            function: None,
        };
        std::hint::black_box(&shown);
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let path = "abi_dwarf::tests::Shown";
        let found = structures(&program, |found| found == path).unwrap();
        let field = |name: &str, offset: usize, size, ty: &str| Field {
            name: name.to_owned(),
            offset: offset as u64,
            size,
            ty: ty.to_owned(),
        };
        let function = "Option<extern \"C\" fn(*mut Shown) -> i32>";
        let fields = [
            field("narrow", offset_of!(Shown, narrow), 2, "u16"),
            field("wide", offset_of!(Shown, wide), 8, "u64"),
            field("many", offset_of!(Shown, many), 12, "[u32; 3]"),
            field("function", offset_of!(Shown, function), 8, function),
        ];
        assert_eq!(found[path].size, size_of::<Shown>() as u64);
        assert_eq!(found[path].fields, fields);
    }

    #[test]
    fn structures_when_the_file_is_no_elf_then_error() {
        assert!(structures(b"no ELF", |_| true).is_err());
    }
}
