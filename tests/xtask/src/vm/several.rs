// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Several VMs side by side, each on a vGPU of the same GPU.

use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{anyhow, Context as _, Result};

use super::{Outcome, Task, Vm};
use crate::prepare::Bench;

impl Vm {
    /// Runs such a VM on each of its vGPUs, and gives how they ended, in the order of the vGPUs.
    ///
    /// With more than one, each has its vGPU's name as its label, and files get its number.
    pub fn run_each(&self, bench: &Bench, task: &Task<'_>) -> Result<Vec<Outcome>> {
        let count = self.vgpus.as_ref().map_or(1, |vgpus| vgpus.count);
        if count == 1 {
            return Ok(vec![self.run(bench, task)?]);
        }
        let numbers = 0..usize::try_from(count)?;
        let vms: Vec<Self> = numbers.map(|place| self.numbered(place + 1)).collect();
        run_together(&vms, bench, task)
    }

    /// The VM with that number among those that are alike.
    pub fn numbered(&self, number: usize) -> Self {
        Self {
            name: format!("{}-{number}", self.name),
            label: Some(format!("vgpu{number}")),
            screenshot: self
                .screenshot
                .as_ref()
                .map(|file| with_number(file, number)),
            pictures: self
                .pictures
                .as_ref()
                .map(|folder| with_number(folder, number)),
            console: self.console.as_ref().map(|file| with_number(file, number)),
            ..self.clone()
        }
    }
}

/// Runs VMs side by side, each on a vGPU of the GPU that is served to the first of them, and gives how
/// they ended, in their order.
pub fn run_together(vms: &[Vm], bench: &Bench, task: &Task<'_>) -> Result<Vec<Outcome>> {
    let server = vms.first().context("there are VMs")?.serve(bench)?;
    let outcomes = thread::scope(|scope| {
        let mut threads = Vec::new();
        for (place, vm) in vms.iter().enumerate() {
            let seat = server.seat(place)?;
            threads.push(scope.spawn(move || vm.run_at(bench, task, &seat)));
        }
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .map_err(|_| anyhow!("the thread of a VM panicked"))?
            })
            .collect::<Result<Vec<_>>>()
    })?;
    server.finish()?;
    Ok(outcomes)
}

/// A file's path with a number in front of its extension.
fn with_number(file: &Path, number: usize) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default();
    let mut name = stem.to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = file.extension() {
        name.push(".");
        name.push(extension);
    }
    file.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_number_when_file_has_an_extension_then_in_front_of_it() {
        assert_eq!(
            with_number(Path::new("/a.b/screen.png"), 2),
            Path::new("/a.b/screen-2.png")
        );
        assert_eq!(with_number(Path::new("log"), 1), Path::new("log-1"));
    }
}
