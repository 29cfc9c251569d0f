// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Loading and unloading of shared objects.

use super::Bus;
use abi_stable::abi_stability::abi_checking::check_layout_compatibility;
use abi_stable::type_layout::TypeLayout;
use hosted_abi::{Module, ModuleEntry, MODULE_SYMBOL, VERSION};
use libloading::Library;
use std::ffi::{c_int, CString};
use std::path::{Path, PathBuf};

/// Why a module is not loaded, or does not do what it is told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The shared object was not built, or does not fit this machine.
    #[error("cannot open {0}")]
    Open(PathBuf, #[source] libloading::Error),
    /// It is no module of ours.
    #[error("{0} is no module of this build")]
    NoModule(PathBuf),
    /// It did not want to.
    #[error("loading {0} failed with errno {1}")]
    Load(PathBuf, c_int),
    /// It took no commands, or failed at this one.
    #[error("command `{0}` failed with errno {1}")]
    Control(String, i64),
}

/// The errno of a command that the module has no function for.
const ENOTTY: i64 = -25;

/// A loaded module; dropping it unloads it.
pub struct Loaded<'a> {
    bus: &'a Bus,
    module: &'static Module,
    stopped: bool,
    // Closed last, as the fields are dropped in their order: `module` lies in it.
    _library: Library,
}

/// Where cargo puts the shared object of package `name` of this build: among the dependencies of
/// the program, or beside a test, which is there itself.
///
/// A copy beside the program can be of an older build: cargo only renews it when it is asked for
/// that package by name.
///
/// # Errors
///
/// The program's own place is not known.
pub fn path_of(name: &str) -> std::io::Result<PathBuf> {
    let file = libloading::library_filename(name.replace('-', "_"));
    let program = std::env::current_exe()?;
    let folder = program.parent().unwrap_or(Path::new("."));
    let among_dependencies = folder.join("deps").join(&file);
    if among_dependencies.exists() {
        return Ok(among_dependencies);
    }
    Ok(folder.join(file))
}

impl<'a> Loaded<'a> {
    /// Opens the shared object at `path`, loads the module in it, and registers its driver.
    ///
    /// # Errors
    ///
    /// What stands in the way.
    pub fn load(bus: &'a Bus, path: &Path) -> Result<Self, Error> {
        // SAFETY: the object is one of this build, whose constructors do nothing of note.
        let library = unsafe { Library::new(path) }.map_err(|e| Error::Open(path.into(), e))?;
        // SAFETY: the symbol has this type in every object that has it.
        let entry = unsafe { library.get::<ModuleEntry>(MODULE_SYMBOL) };
        let Ok(entry) = entry else {
            return Err(Error::NoModule(path.into()));
        };
        // SAFETY: the function only returns the address of a constant, which stays valid as long as
        // the library is open; `Loaded` closes it last, and gives no reference away.
        let module: &'static Module = unsafe { &*entry() };
        if module.version != VERSION {
            return Err(Error::NoModule(path.into()));
        }
        // SAFETY: the bus stays where it is, and outlives `Self`.
        let returned = unsafe { (module.load)(bus.kernel()) };
        if returned != 0 {
            return Err(Error::Load(path.into(), returned));
        }
        if !module.driver.is_null() {
            // SAFETY: the driver lies in the library, and is unregistered before that is closed.
            unsafe { bus.register(module.driver) };
        }
        Ok(Loaded {
            bus,
            module,
            stopped: false,
            _library: library,
        })
    }

    /// Gives the module a command; see the module for what it knows.
    ///
    /// # Errors
    ///
    /// The errno that it answers with.
    pub fn control(&self, command: &str) -> Result<u64, Error> {
        let refused = |errno| Error::Control(command.to_owned(), errno);
        let control = self.module.control.ok_or_else(|| refused(ENOTTY))?;
        let text = CString::new(command).map_err(|_| refused(ENOTTY))?;
        // SAFETY: the module is loaded, the text a C string.
        let answer = unsafe { control(text.as_ptr()) };
        u64::try_from(answer).map_err(|_| refused(answer))
    }

    /// Whether `abi_stable` finds that the contract's tables are laid out alike in this module and in
    /// another; if not, what it says. It knows nothing of the contract's own version rule.
    ///
    /// # Errors
    ///
    /// The differences.
    pub fn judge(&self, other: &Loaded<'_>) -> Result<(), String> {
        // SAFETY: both libraries are open, and each gives the address of a constant layout, made by
        // the same version of `abi_stable`, as `VERSION` says.
        let (own, others) = unsafe {
            let layout = |module: &Module| &*(module.layout)().cast::<TypeLayout>();
            (layout(self.module), layout(other.module))
        };
        check_layout_compatibility(own, others).map_err(|differences| differences.to_string())
    }

    /// Allocations of the module's shipped code that are not freed.
    pub fn live_objects(&self) -> isize {
        // SAFETY: the library is open.
        unsafe { (self.module.live_objects)() }
    }

    /// Unloads the module; gives the allocations of its shipped code that it leaked.
    pub fn unload(mut self) -> isize {
        self.stop();
        self.live_objects()
    }

    /// Unregisters the driver and runs the module's exit, once.
    fn stop(&mut self) {
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        if !self.module.driver.is_null() {
            self.bus.unregister();
        }
        // SAFETY: the module is loaded, and is not unloaded yet.
        unsafe { (self.module.unload)() };
    }
}

impl Drop for Loaded<'_> {
    fn drop(&mut self) {
        self.stop();
    }
}
