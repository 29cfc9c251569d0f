// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The layouts of builds as the debug information of this test has them, compared.
//!
//! It is what the compiler says of the structures that it laid out. Names, places, sizes and types of
//! fields and functions are in there; hashes and the source's words are not, and versions are told to it.

use abi_dwarf::Structure;
use abi_mutants::Build;
use std::collections::BTreeMap;

/// Where the structures are that a mutant does not declare itself.
const CONTRACT: &str = "iface::";

/// A build with the minor version that it claims to be.
#[derive(Clone, Copy)]
pub struct Claimed {
    /// The build.
    pub build: Build,
    /// Its minor version.
    pub minor: u16,
}

/// The structures of all builds.
pub struct Dwarf {
    /// What builds declare themselves, by path.
    own: BTreeMap<String, Structure>,
    /// The contract's, by name.
    contract: BTreeMap<String, Structure>,
}

impl Dwarf {
    /// What this test was compiled to, with all builds in it.
    pub fn of_this_test(builds: impl Iterator<Item = Build>) -> Self {
        // Without a call of it the linker would leave a build out.
        builds.for_each(|build| (build.shown)());
        let program = std::env::current_exe().expect("a test is a file");
        let program = std::fs::read(program).expect("a test can read itself");
        let wanted = |path: &str| path.starts_with(CONTRACT) || path.contains("::ours::");
        let mut own =
            abi_dwarf::structures(&program, wanted).expect("tests have debug information");
        let contract = own.split_off(CONTRACT).into_iter();
        let contract = contract.filter_map(|(path, structure)| {
            let (_, name) = path.rsplit_once("::")?;
            Some((name.to_owned(), structure))
        });
        Self {
            contract: contract.collect(),
            own,
        }
    }

    /// A structure of a build: its own, or the contract's.
    pub fn structure(&self, build: Build, name: &str) -> &Structure {
        let own = self.own.get(&format!("{}::{name}", build.path));
        let found = own.or_else(|| self.contract.get(name));
        found.unwrap_or_else(|| panic!("{} has no {name}", build.path))
    }

    /// Whether a user of one build finds all that it has in what a maker of another made.
    ///
    /// Two that claim the same version are to be the same. Otherwise a structure that `grows` may be
    /// longer than the user has it.
    pub fn accepts(&self, maker: Claimed, user: Claimed, grows: impl Fn(&str) -> bool) -> bool {
        let has = |build: Build, name| build.structures.iter().any(|s| s.name == name);
        let same = maker.minor == user.minor;
        if same && !(maker.build.structures.iter()).all(|made| has(user.build, made.name)) {
            return false;
        }
        user.build.structures.iter().all(|structure| {
            let name = structure.name;
            if !has(maker.build, name) {
                return false;
            }
            let (made, used) = (
                self.structure(maker.build, name),
                self.structure(user.build, name),
            );
            if same {
                return made == used;
            }
            let fits = made.size == used.size || grows(name) && made.size > used.size;
            fits && used.fields.iter().all(|field| made.fields.contains(field))
        })
    }
}
