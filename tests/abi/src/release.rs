// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Frozen releases: `docs/abi/X.Y/` with the layout, machine-readable, and a fixture that compiles.
//!
//! The fixture is one module without dependencies, all structures and numbers of that version in it.
//! It ends with assertions by which the compiler proves that it is laid out as the layout says.

use crate::diff::{Short, Verdict};
use crate::dump::Dump;
use crate::source::{Constant, Declaration, File};
use anyhow::{bail, ensure, Context, Result};
use quote::{format_ident, quote};
use semver::Version;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// The layout of a release, in its folder.
pub const LAYOUT: &str = "layout.json";
/// The fixture of a release, in its folder.
pub const FIXTURE: &str = "interface.rs";

/// Where releases are kept: the versions' folders in `abi`, the oldest first.
pub fn folders(abi: &Path) -> Result<Vec<(Version, PathBuf)>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(abi).with_context(|| format!("{} can't be read", abi.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let (true, Ok(version)) = (path.is_dir(), Version::parse(&format!("{name}.0"))) {
            folders.push((version, path));
        }
    }
    folders.sort();
    Ok(folders)
}

/// The releases in `abi`, the oldest first, each found to be whole.
pub fn all(abi: &Path) -> Result<Vec<Dump>> {
    let folders = folders(abi)?;
    folders
        .iter()
        .map(|(version, folder)| read(version, folder))
        .collect()
}

fn read(version: &Version, folder: &Path) -> Result<Dump> {
    let path = folder.join(LAYOUT);
    let dump = read_layout(&path)?;
    ensure!(
        dump.version == *version,
        "{} is of interface {}",
        path.display(),
        Short(&dump.version)
    );
    let path = folder.join(FIXTURE);
    let fixture =
        fs::read_to_string(&path).with_context(|| format!("{} can't be read", path.display()))?;
    ensure!(
        fixture.ends_with(&proof(&dump)),
        "{} is not of the layout beside it",
        path.display()
    );
    Ok(dump)
}

/// Reads the layout of a release.
pub fn read_layout(path: &Path) -> Result<Dump> {
    let text =
        fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no layout", path.display()))
}

/// Makes `dump`, whose sources are `files`, a release in `abi`, and returns its folder.
///
/// # Errors
///
/// The version is one that is released already and is another, or does not suit what changed since
/// the last one.
pub fn write(abi: &Path, dump: &Dump, files: &[File]) -> Result<PathBuf> {
    let releases = all(abi)?;
    let folder = abi.join(Short(&dump.version).to_string());
    if let Some(last) = releases.last() {
        let verdict = Verdict::of(last, dump);
        if last.version == dump.version && verdict.changes.is_empty() {
            return Ok(folder);
        }
        if last.version >= dump.version || !verdict.is_kept() {
            bail!(
                "this can't be released as interface {}; since {}:\n{verdict}",
                Short(&dump.version),
                Short(&last.version)
            );
        }
    }
    fs::create_dir_all(&folder)?;
    let mut layout = serde_json::to_string_pretty(dump)?;
    layout.push('\n');
    fs::write(folder.join(LAYOUT), layout)?;
    fs::write(folder.join(FIXTURE), fixture(dump, files)?)?;
    Ok(folder)
}

/// The fixture of a release.
fn fixture(dump: &Dump, files: &[File]) -> Result<String> {
    let version = Short(&dump.version);
    let mut text = format!(
        "// SPDX-License-Identifier: GPL-2.0 OR MIT\n\
         //! Interface {version} as it was released: its structures and numbers, in one module.\n\
         //!\n\
         //! Written by `cargo xtask abi release`; do not edit.\n\n"
    );
    let declarations = files.iter().flat_map(|f| &f.declarations).map(plain);
    let hashes = dump
        .layouts
        .iter()
        .map(|hash| syn::parse_str::<syn::LitInt>(hash))
        .collect::<syn::Result<Vec<_>>>()?;
    let (major, minor) = (
        u16::try_from(dump.version.major)?,
        u16::try_from(dump.version.minor)?,
    );
    let constants = constants(&dump.constants)?;
    let module = quote! {
        use core::ffi::{c_int, c_void};

        /// Major version.
        pub const MAJOR: u16 = #major;
        /// Minor version.
        pub const MINOR: u16 = #minor;
        /// The layout hashes that a table of this version publishes.
        pub static HASHES: [u64; MINOR as usize + 1] = [#(#hashes),*];
        #constants

        /// A GPU as the host half knows it; opaque.
        #[repr(C)]
        pub struct HostDevice {
            _opaque: [u8; 0],
        }
        #(#declarations)*
    };
    text += &prettyplease::unparse(&syn::parse2(module)?);
    text += &proof(dump);
    Ok(text)
}

/// A structure or table without iface's macros.
fn plain(declaration: &Declaration) -> proc_macro2::TokenStream {
    let Declaration {
        attributes,
        name,
        fields,
        functions,
    } = declaration;
    let fields = fields.iter().map(|field| {
        let (attributes, name, ty) = (&field.attributes, &field.name, &field.ty);
        quote!(#(#attributes)* pub #name: #ty,)
    });
    let functions = functions.iter().flatten().map(|function| {
        let (attributes, name) = (&function.attributes, &function.name);
        let (arguments, returns) = (&function.arguments, &function.returns);
        quote!(#(#attributes)* pub #name: Option<unsafe extern "C" fn(#arguments) #returns>,)
    });
    quote!(#(#attributes)* #[repr(C)] pub struct #name { #(#fields)* #(#functions)* })
}

/// Constants, those of modules in modules.
fn constants(all: &[Constant]) -> Result<proc_macro2::TokenStream> {
    let mut text = String::new();
    let mut module = "";
    for constant in all {
        let (path, name) = constant
            .name
            .split_once("::")
            .unwrap_or(("", &constant.name));
        if path != module {
            text += if module.is_empty() { "" } else { "}\n" };
            if !path.is_empty() {
                writeln!(text, "/// Numbers of `{path}`.\npub mod {path} {{")?;
            }
            module = path;
        }
        let Constant { ty, value, .. } = constant;
        let said = format!("`{name}` of the interface.");
        writeln!(text, "#[doc = {said:?}]\npub const {name}: {ty} = {value};")?;
    }
    text += if module.is_empty() { "" } else { "}\n" };
    text.parse()
        .map_err(|error| anyhow::anyhow!("constants are no Rust: {error}"))
}

/// Assertions of all that a layout says.
fn proof(dump: &Dump) -> String {
    let mut text =
        String::from("\nconst _: () = {\n    use core::mem::{align_of, offset_of, size_of};\n");
    for structure in &dump.structures {
        let name = format_ident!("{}", structure.name);
        let mut line = |left: String, right: usize| {
            writeln!(text, "    assert!({left} == {right});")
                .expect("a string takes what is written");
        };
        line(format!("size_of::<{name}>()"), structure.size);
        line(format!("align_of::<{name}>()"), structure.align);
        for field in &structure.fields {
            line(format!("offset_of!({name}, {})", field.name), field.offset);
        }
    }
    text + "};\n"
}

#[cfg(test)]
mod tests;
