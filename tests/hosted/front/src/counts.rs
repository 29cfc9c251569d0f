// SPDX-License-Identifier: GPL-2.0 OR MIT
//! How much of all that vGPUs take is taken.

use std::fmt;

use hosted_glue::card::Card;
use hosted_glue::machine::MEMORY_SIZE;
use iface::types::{PTE_ADDRESS, PTE_PRESENT};
use kvmgt_core::vgpu::shares::VgpuId;

use crate::gpu::Gpu;

/// How much of each thing is taken of a GPU, and of the VMs that have vGPUs of it.
///
/// To pin a page and to map it for DMA is one step here, counted as pinned pages; the windows are what
/// the VMs' clients have mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts([(&'static str, u64); 9]);

impl Counts {
    /// Those of a GPU now.
    pub(crate) fn of(gpu: &Gpu<'_>, card: &Card) -> Self {
        let pinned = VgpuId::all().map(|id| gpu.pinned(id) as u64).sum();
        let windows = VgpuId::all().map(|id| gpu.windows(id) as u64).sum();
        let pages = card.pages_taken().iter().map(|(_, pages)| pages).sum();
        // Behind the machine's own memory are the windows of VMs. What firmware has left there for its
        // screen is nobody's loss.
        let leads = |entry: u64| entry & PTE_PRESENT != 0 && entry & PTE_ADDRESS >= MEMORY_SIZE;
        let entries = (0..card.ggtt_pages())
            .filter(|page| !card.owns_page(*page))
            .filter(|page| leads(gpu.machine().ggtt_entry(*page)))
            .count();
        let scratch = card.scratch_page() | PTE_PRESENT;
        let stale = gpu.released_pages();
        let stale = stale
            .into_iter()
            .filter(|page| gpu.machine().ggtt_entry(*page) != scratch)
            .count();
        Self([
            ("pinned pages", pinned),
            ("windows of VMs' memory", windows),
            ("shadow tables", gpu.shadow_pages() as u64),
            ("GGTT pages", pages),
            ("GGTT entries that lead to VMs", entries as u64),
            (
                "entries of released pages that are not scratch",
                stale as u64,
            ),
            ("fences", card.fences_taken().len() as u64),
            ("contexts", card.contexts() as u64),
            ("pages of contexts and buffers", card.own_pages()),
        ])
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (what, count)) in self.0.iter().enumerate() {
            let between = if place == 0 { "" } else { ", " };
            write!(f, "{between}{count} {what}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use gen9_gpu::Options;
    use iface::types::PTE_PRESENT;

    use crate::gpu::Machine;

    #[test]
    fn counts_when_vgpu_has_gone_then_as_before_it() {
        let machine = Machine::new(Options::parse("kbl,display=off").unwrap());
        let gpu = machine.attach().unwrap();
        let before = gpu.counts();

        let vgpu = gpu.create(gpu.smallest_kind()).unwrap();
        assert_ne!(gpu.counts(), before);
        drop(vgpu);

        assert!(!gpu.released_pages().is_empty());
        assert_eq!(gpu.counts(), before);
    }

    #[test]
    fn counts_when_entry_of_released_page_is_not_scratch_then_told() {
        let machine = Machine::new(Options::parse("kbl,display=off").unwrap());
        let gpu = machine.attach().unwrap();
        drop(gpu.create(gpu.smallest_kind()).unwrap());
        let page = gpu.released_pages().pop_last().unwrap();

        machine.bed().machine().ggtt_write(page, &[PTE_PRESENT]);

        let text = gpu.counts().to_string();
        assert!(
            text.contains("1 entries of released pages that are not scratch"),
            "{text}"
        );
    }
}
