// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The contract as it is declared in iface's sources: structures, tables and constants.

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};
use quote::{quote, ToTokens, TokenStreamExt};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{
    braced, parenthesized, token, Attribute, BinOp, Expr, FnArg, Ident, Item, ItemConst, Lit,
    LitInt, Meta, ReturnType, Token, Type, Visibility,
};

/// Sources that declare the contract, in the order of the reference.
pub const FILES: [&str; 5] = [
    "version.rs",
    "host.rs",
    "events.rs",
    "types.rs",
    "snapshot.rs",
];
/// A source whose constants are the contract's too: what operations return.
const ERRNO: &str = "errno.rs";
/// Constants that say what a build offers: its version, which has its own place, and its features.
const OFFERED: [&str; 3] = ["MAJOR", "MINOR", "FEATURES"];
/// Types of constants that are the contract's. Others are tools of the code.
const NUMBERS: [&str; 6] = ["u16", "u32", "u64", "usize", "c_int", "i32"];

/// A file of the contract.
pub struct File {
    /// Its name.
    pub name: &'static str,
    /// What is said of it as a whole.
    pub text: String,
    /// What it declares.
    pub declarations: Vec<Declaration>,
    /// Its numbers.
    pub constants: Vec<Constant>,
}

/// A constant of the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constant {
    /// Its name, with that of the module in front of it: `mmio::READ`.
    pub name: String,
    /// Its type.
    pub ty: String,
    /// Its value as it stands in the source.
    pub value: String,
}

impl Constant {
    /// The value, if it is the most of something that one side allows the other.
    pub fn limit(&self) -> Option<u64> {
        let name = self.name.rsplit("::").next()?;
        let expression: Expr = syn::parse_str(&self.value).ok()?;
        name.starts_with("MAX_").then(|| number(&expression))?
    }
}

/// What a number, or a shifted one, stands for.
fn number(expression: &Expr) -> Option<u64> {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => number.base10_parse().ok(),
            _ => None,
        },
        Expr::Binary(binary) if matches!(binary.op, BinOp::Shl(_)) => {
            let bits = u32::try_from(number(&binary.right)?).ok()?;
            number(&binary.left)?.checked_shl(bits)
        }
        _ => None,
    }
}

/// Reads the contract's sources in the folder `sources`.
pub fn read(sources: &Path) -> Result<Vec<File>> {
    FILES.iter().map(|name| read_file(sources, name)).collect()
}

/// All constants of the contract, in the order of their files.
pub fn constants(sources: &Path) -> Result<Vec<Constant>> {
    let mut all = Vec::new();
    for name in FILES.iter().chain([&ERRNO]) {
        all.append(&mut read_file(sources, name)?.constants);
    }
    Ok(all)
}

fn read_file(sources: &Path, name: &'static str) -> Result<File> {
    let path = sources.join(name);
    let source =
        fs::read_to_string(&path).with_context(|| format!("{} can't be read", path.display()))?;
    let parsed =
        syn::parse_file(&source).with_context(|| format!("{} is no Rust", path.display()))?;
    let mut file = File {
        name,
        text: doc(&parsed.attrs),
        declarations: Vec::new(),
        constants: Vec::new(),
    };
    for item in parsed.items {
        match item {
            Item::Macro(item) if is_declaration(&item.mac) => {
                file.declarations.push(syn::parse2(item.mac.tokens)?);
            }
            Item::Const(item) => file.constants.extend(constant("", &item)),
            Item::Mod(module) => {
                let path = format!("{}::", module.ident);
                for item in module.content.into_iter().flat_map(|(_, items)| items) {
                    if let Item::Const(item) = item {
                        file.constants.extend(constant(&path, &item));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(file)
}

/// Whether a macro call declares a structure of the contract.
pub fn is_declaration(call: &syn::Macro) -> bool {
    call.path.is_ident("table") || call.path.is_ident("structure")
}

/// A public number, unless it is the version.
fn constant(module: &str, item: &ItemConst) -> Option<Constant> {
    let name = item.ident.to_string();
    let ty = one_line(&item.ty);
    let counts = matches!(item.vis, Visibility::Public(_))
        && NUMBERS.contains(&ty.as_str())
        && !OFFERED.contains(&name.as_str());
    counts.then(|| Constant {
        name: format!("{module}{name}"),
        ty,
        value: one_line(&item.expr),
    })
}

/// Rust as it is printed in one line, with the blanks that a writer would put there.
pub fn one_line(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (long, short) in [
        (" :: ", "::"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        (" ,", ","),
        (" :", ":"),
        ("* mut ", "*mut "),
        ("* const ", "*const "),
        (" ;", ";"),
        ("* b\"", "*b\""),
        (" ! ", " !"),
    ] {
        text = text.replace(long, short);
    }
    text
}

/// A structure or a table as it is declared.
#[derive(Clone)]
pub struct Declaration {
    /// Attributes, its text among them.
    pub attributes: Vec<Attribute>,
    /// Its name.
    pub name: Ident,
    /// Its fields, of a table those in front of the functions.
    pub fields: Vec<Field>,
    /// The functions of a table.
    pub functions: Option<Vec<Function>>,
}

/// A field that is no function.
#[derive(Clone)]
pub struct Field {
    /// Attributes, its text among them.
    pub attributes: Vec<Attribute>,
    /// The minor version that added it.
    pub since: u16,
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: Type,
}

/// A function of a table.
#[derive(Clone)]
pub struct Function {
    /// Attributes, its text among them.
    pub attributes: Vec<Attribute>,
    /// The minor version that added it.
    pub since: u16,
    /// Its name.
    pub name: Ident,
    /// Its arguments.
    pub arguments: Punctuated<FnArg, Token![,]>,
    /// What it returns.
    pub returns: ReturnType,
}

impl Declaration {
    /// Names and texts of all fields.
    pub fn texts(&self) -> Vec<(String, String)> {
        let fields = self.fields.iter().map(|f| (&f.name, &f.attributes));
        let functions = self.functions.iter().flatten();
        fields
            .chain(functions.map(|f| (&f.name, &f.attributes)))
            .map(|(name, attributes)| (name.to_string(), doc(attributes)))
            .collect()
    }

    /// Whether one of its fields or functions names the structure `name`.
    pub fn mentions(&self, name: &str) -> bool {
        let fields = self.fields.iter().map(|f| f.ty.to_token_stream());
        let functions = self.functions.iter().flatten();
        fields
            .chain(functions.map(|f| f.arguments.to_token_stream()))
            .any(|tokens| has_word(tokens, name))
    }

    /// Whether one of its fields is a structure `name`, or an array of them.
    pub fn contains(&self, name: &str) -> bool {
        let values = self.fields.iter().map(|f| &f.ty);
        values
            .filter(|ty| !matches!(ty, Type::Ptr(_)))
            .any(|ty| has_word(ty.to_token_stream(), name))
    }
}

/// Whether the word `word` stands somewhere in `tokens`.
fn has_word(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Group(group) => has_word(group.stream(), word),
        TokenTree::Ident(ident) => ident == word,
        _ => false,
    })
}

impl Parse for Declaration {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        input.parse::<Token![pub]>()?;
        input.parse::<Token![struct]>()?;
        let name: Ident = input.parse()?;
        let body;
        braced!(body in input);
        // A table has two sections, a structure none.
        if !(body.peek(Ident) && body.peek2(token::Brace)) {
            return Ok(Self {
                attributes,
                name,
                fields: all(&body)?,
                functions: None,
            });
        }
        let (data, functions);
        body.parse::<Ident>()?;
        braced!(data in body);
        let fields = all(&data)?;
        body.parse::<Ident>()?;
        braced!(functions in body);
        Ok(Self {
            attributes,
            name,
            fields,
            functions: Some(all(&functions)?),
        })
    }
}

/// All that is left of the input.
fn all<T: Parse>(input: ParseStream<'_>) -> syn::Result<Vec<T>> {
    let mut items = Vec::new();
    while !input.is_empty() {
        items.push(input.parse()?);
    }
    Ok(items)
}

/// `since N`
fn since(input: ParseStream<'_>) -> syn::Result<u16> {
    input.parse::<Ident>()?;
    input.parse::<LitInt>()?.base10_parse()
}

impl Parse for Field {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let since = since(input)?;
        input.parse::<Token![pub]>()?;
        let name = input.parse()?;
        input.parse::<Token![:]>()?;
        let ty = input.parse()?;
        input.parse::<Token![,]>()?;
        Ok(Self {
            attributes,
            since,
            name,
            ty,
        })
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let since = since(input)?;
        input.parse::<Token![fn]>()?;
        let name = input.parse()?;
        let arguments;
        parenthesized!(arguments in input);
        let arguments = Punctuated::parse_terminated(&arguments)?;
        let returns = input.parse()?;
        input.parse::<Token![;]>()?;
        Ok(Self {
            attributes,
            since,
            name,
            arguments,
            returns,
        })
    }
}

impl ToTokens for Declaration {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            attributes,
            name,
            fields,
            functions,
        } = self;
        let body = match functions {
            None => quote!(#(#fields)*),
            Some(functions) => quote!(data { #(#fields)* } functions { #(#functions)* }),
        };
        tokens.append_all(quote!(#(#attributes)* pub struct #name { #body }));
    }
}

impl ToTokens for Field {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            attributes,
            name,
            ty,
            ..
        } = self;
        let since = proc_macro2::Literal::u16_unsuffixed(self.since);
        tokens.append_all(quote!(#(#attributes)* since #since pub #name: #ty,));
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            attributes,
            name,
            arguments,
            returns,
            ..
        } = self;
        let since = proc_macro2::Literal::u16_unsuffixed(self.since);
        tokens.append_all(quote!(#(#attributes)* since #since fn #name(#arguments) #returns;));
    }
}

/// The documentation among attributes.
pub fn doc(attributes: &[Attribute]) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../iface/src")
    }

    #[test]
    fn read_when_iface_then_every_structure_with_every_field() {
        let files = read(&sources()).unwrap();
        let declarations: Vec<&Declaration> = files.iter().flat_map(|f| &f.declarations).collect();
        assert_eq!(declarations.len(), iface::layout::STRUCTURES.len());
        for structure in iface::layout::STRUCTURES {
            let declared = declarations.iter().find(|d| d.name == structure.name);
            let names: Vec<String> = declared.unwrap().texts().into_iter().map(|t| t.0).collect();
            let fields: Vec<&str> = structure.fields.iter().map(|f| f.name).collect();
            assert_eq!(names, fields);
        }
    }

    #[test]
    fn to_tokens_when_parsed_again_then_the_same() {
        for declaration in read(&sources())
            .unwrap()
            .iter()
            .flat_map(|f| &f.declarations)
        {
            let tokens = declaration.to_token_stream();
            let again: Declaration = syn::parse2(tokens.clone()).unwrap();
            assert_eq!(again.to_token_stream().to_string(), tokens.to_string());
        }
    }

    #[test]
    fn constants_when_iface_then_numbers_of_all_files_but_the_version() {
        let constants = constants(&sources()).unwrap();
        let find = |name: &str| constants.iter().find(|c| c.name == name);
        assert_eq!(find("mmio::POLL").unwrap().value, "2");
        assert_eq!(find("PAGE_SIZE_4K").unwrap().value, "1 << 12");
        assert_eq!(
            find("HOST_MAGIC").unwrap().value,
            "u64::from_be_bytes(*b\"GVT-HOST\")"
        );
        assert_eq!(find("EBUSY").unwrap().ty, "c_int");
        assert_eq!(find("MINOR"), None);
        assert_eq!(find("HOST_NEEDS"), None);
    }

    #[test]
    fn mentions_when_by_pointer_or_array_then_true() {
        let files = read(&sources()).unwrap();
        let all: Vec<&Declaration> = files.iter().flat_map(|f| &f.declarations).collect();
        let find = |name: &str| *all.iter().find(|d| d.name == name).unwrap();
        assert!(find("HostTable").mentions("GgttRange"));
        assert!(find("Info").mentions("Engine"));
        assert!(!find("ClientTable").mentions("Engine"));
    }
}
