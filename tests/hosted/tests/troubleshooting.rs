// SPDX-License-Identifier: GPL-2.0 OR MIT
//! `docs/troubleshooting.md` has every line by which kvmgt refuses a GPU, word for word.
//!
//! Only numbers may differ, and what only differs by them is there once.

use hosted_glue::bed::Bed;
use hosted_glue::client::Recorder;
use iface::client::{Offer, Refusal};
use iface::errno::{EBUSY, EINVAL, EIO};
use iface::events::ClientTable;
use iface::host::{HostDevice, HostTable};
use iface::layout::HASHES;
use iface::snapshot::Damage;
use iface::version::{Header, MAJOR, MINOR};
use kernel::error::code;
use kvmgt_core::golden::PciIds;
use kvmgt_core::message::Failure;
use std::collections::BTreeSet;
use std::ffi::{c_int, c_void};
use std::fs;
use std::path::{Path, PathBuf};
use std::ptr::null;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, ExprMethodCall, Item, ItemConst, Lit, Token};

/// What a line in the document begins with.
const PREFIX: &str = "kvmgt i915.gvt.0: ";
/// What stands for a number.
const NUMBER: &str = "#";

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The lines in the document, without what they begin with.
fn documented() -> BTreeSet<String> {
    let text = fs::read_to_string(top().join("docs/troubleshooting.md")).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix(PREFIX));
    lines.map(without_numbers).collect()
}

/// A line with each number as `#`: words that begin with a digit, or with one behind a bracket or a
/// sign, without what they end with.
fn without_numbers(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let opened = word.trim_start_matches(['(', '-']);
        if !opened.starts_with(|c: char| c.is_ascii_digit()) {
            return word.to_owned();
        }
        let before = word.trim_end_matches(opened).trim_end_matches('-');
        let end = opened.trim_end_matches([';', ':', ',', ')']);
        format!("{before}{NUMBER}{}", &opened[end.len()..])
    });
    words.collect::<Vec<_>>().join(" ")
}

type Client = *const ClientTable;
type Open = unsafe extern "C" fn(*mut HostDevice, Client, *mut c_void) -> c_int;

unsafe extern "C" fn busy(_: *mut HostDevice, _: Client, _: *mut c_void) -> c_int {
    -EBUSY
}
unsafe extern "C" fn invalid(_: *mut HostDevice, _: Client, _: *mut c_void) -> c_int {
    -EINVAL
}
unsafe extern "C" fn broken(_: *mut HostDevice, _: Client, _: *mut c_void) -> c_int {
    -EIO
}

/// A copy of a table of this build.
fn table(bed: &Bed) -> HostTable {
    // SAFETY: a table is plain data, and the copy is not used longer than the first.
    unsafe { std::ptr::read(bed.table()) }
}

/// Why kvmgt refuses to open a table.
fn refusal(table: &HostTable) -> Refusal {
    // SAFETY: a table of this build but for what a test changed, with hashes that are there.
    let offer = unsafe { Offer::from_platform_data(std::ptr::from_ref(table).cast()) };
    let nobody = Recorder::default();
    // SAFETY: nothing is opened, so that nothing is kept.
    let opened = offer.and_then(|offer| unsafe { offer.open(&raw const nobody) });
    opened.err().unwrap()
}

/// Every refusal that a table of this build can be made to give.
fn refusals(bed: &Bed) -> Vec<Refusal> {
    let others = [!HASHES[0]; HASHES.len()];
    let headers: [&dyn Fn(&mut Header); 8] = [
        &|h| h.magic = 0x0123_4567_89ab_cdef,
        &|h| h.major = MAJOR + 1,
        &|h| h.major = MAJOR - 1,
        &|h| h.size -= 8,
        &|h| h.layouts = others.as_ptr(),
        &|h| h.needs_minor = MINOR + 1,
        &|h| h.needs_features |= 1 << 40,
        &|h| h.layout_count = 0,
    ];
    let mut refusals = Vec::new();
    for change in headers {
        let mut table = table(bed);
        change(&mut table.header);
        refusals.push(refusal(&table));
    }
    let opens: [Open; 3] = [busy, invalid, broken];
    for open in opens {
        let mut table = table(bed);
        table.open = Some(open);
        refusals.push(refusal(&table));
    }
    let mut lacking = table(bed);
    lacking.ggtt_write = None;
    refusals.push(refusal(&lacking));
    // SAFETY: null is looked for.
    refusals.extend(unsafe { Offer::from_platform_data(null()) }.err());
    refusals
}

/// Every failure that leaves a GPU alone. What is for want of memory the driver core prints.
fn failures() -> Vec<Failure> {
    let ids = PciIds {
        vendor: 0x8086,
        device: 0x5916,
        revision: 2,
    };
    let damages = [
        Damage::Size,
        Damage::Magic,
        Damage::Version(2),
        Damage::Checksum,
        Damage::Platform(99),
        Damage::Range(3),
        Damage::Values,
    ];
    let mut failures = vec![
        Failure::Info(code::EIO),
        Failure::Platform(99),
        Failure::NoSnapshot(code::EIO),
        Failure::Foreign { ids },
    ];
    failures.extend(damages.map(Failure::Damaged));
    for failure in &failures {
        // A new kind fails to compile here, and belongs into the list above.
        match failure {
            Failure::Info(_) | Failure::Platform(_) | Failure::NoSnapshot(_) => {}
            Failure::Damaged(_) | Failure::Foreign { .. } | Failure::Memory(_) => {}
        }
        assert_eq!(failure.error(), code::ENODEV);
    }
    failures
}

/// The texts in iface's source that refusals are made of.
#[derive(Default)]
struct Formats {
    rebuild: String,
    formats: Vec<String>,
}

impl Formats {
    fn read() -> Self {
        let source = fs::read_to_string(top().join("iface/src/client/refusal.rs")).unwrap();
        let file = syn::parse_file(&source).unwrap();
        let mut formats = Self::default();
        for item in &file.items {
            match item {
                Item::Const(item) => formats.visit_item_const(item),
                Item::Impl(item) if is_display_of(item, "Refusal") => {
                    formats.visit_item_impl(item);
                }
                _ => {}
            }
        }
        formats
    }

    /// Whether `line` may have been made with `format`.
    fn made(&self, format: &str, line: &str) -> bool {
        let format = without_arguments(&format.replace("{REBUILD}", &self.rebuild));
        let Some((first, pieces)) = format.split_once('{') else {
            return format == line;
        };
        let Some(mut rest) = line.strip_prefix(first) else {
            return false;
        };
        let Some((middle, last)) = pieces.rsplit_once('{') else {
            return rest.ends_with(pieces);
        };
        for piece in middle.split('{') {
            match rest.split_once(piece) {
                Some((_, behind)) => rest = behind,
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

/// A format with `{` for each argument.
fn without_arguments(format: &str) -> String {
    let mut parts = format.split('{');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push('{');
        text += part.split_once('}').unwrap().1;
    }
    text
}

fn is_display_of(item: &syn::ItemImpl, name: &str) -> bool {
    let is_display = item.trait_.as_ref().is_some_and(|(_, path, _)| {
        path.segments
            .last()
            .is_some_and(|last| last.ident == "Display")
    });
    let syn::Type::Path(ty) = &*item.self_ty else {
        return false;
    };
    is_display && ty.path.is_ident(name)
}

fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

impl<'a> Visit<'a> for Formats {
    fn visit_item_const(&mut self, item: &'a ItemConst) {
        if item.ident == "REBUILD" {
            self.rebuild = text(&item.expr).unwrap();
        }
    }

    fn visit_macro(&mut self, call: &'a syn::Macro) {
        let all = Punctuated::<Expr, Token![,]>::parse_terminated;
        let arguments = call.parse_body_with(all).unwrap();
        self.formats.extend(arguments.get(1).and_then(text));
    }

    fn visit_expr_method_call(&mut self, call: &'a ExprMethodCall) {
        if call.method == "write_str" {
            self.formats.extend(call.args.first().and_then(text));
        }
        visit::visit_expr_method_call(self, call);
    }
}

#[test]
fn lines_when_kvmgt_refuses_then_documented() {
    let bed = Bed::new("kbl");
    let documented = documented();
    let refusals = refusals(&bed)
        .into_iter()
        .map(|refusal| refusal.to_string());
    let failures = failures().into_iter().map(|failure| failure.to_string());
    for line in refusals.chain(failures) {
        let words = without_numbers(&line);
        assert!(
            documented.contains(&words),
            "not in docs/troubleshooting.md: {line}"
        );
    }
}

#[test]
fn lines_when_documented_then_kvmgt_can_say_them() {
    let formats = Formats::read();
    let failures: BTreeSet<String> = failures()
        .into_iter()
        .map(|failure| without_numbers(&failure.to_string()))
        .collect();
    for line in documented() {
        let Some((_, reason)) = line.split_once(&format!("this kvmgt needs {NUMBER}: ")) else {
            assert!(failures.contains(&line), "{line}");
            continue;
        };
        let made = formats
            .formats
            .iter()
            .any(|format| formats.made(format, reason));
        assert!(made, "nobody says: {line}");
    }
}

#[test]
fn texts_when_in_the_source_then_documented() {
    let formats = Formats::read();
    let documented = documented();
    assert!(formats.formats.len() > 15, "{:?}", formats.formats);
    for format in &formats.formats {
        // The beginning of all lines ends with a blank.
        let found = documented
            .iter()
            .any(|line| match format.strip_suffix(": ") {
                Some(_) => {
                    let end = line
                        .find(&format!("{NUMBER}: "))
                        .map(|at| at + NUMBER.len() + 2);
                    end.is_some_and(|end| formats.made(format, &line[..end]))
                }
                None => {
                    let reason = line.split_once(&format!("this kvmgt needs {NUMBER}: "));
                    reason.is_some_and(|(_, reason)| formats.made(format, reason))
                }
            });
        assert!(found, "no line in docs/troubleshooting.md says: {format}");
    }
}

#[test]
fn without_numbers_when_there_are_some_then_punctuation_stays() {
    assert_eq!(without_numbers("needs 1.0: it"), "needs #: it");
    assert_eq!(without_numbers("GPU (error -5); 2.x"), "GPU (error #); #");
    assert_eq!(
        without_numbers("0x1 lacks (it 0x3); i915"),
        "# lacks (it #); i915"
    );
}
