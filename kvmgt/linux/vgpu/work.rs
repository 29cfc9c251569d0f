// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a vGPU does when nobody asks it to: it is its turn, something of it has ended, or its
//! display goes on.

use super::{State, VgpuDevice};
use crate::{c::raw, job::Job};
use kernel::container_of;
use kvmgt_core::{guest::World, vgpu::Vgpu};

impl VgpuDevice<'_> {
    /// Does what there is to do.
    fn work(&self) {
        let mut state = self.state.lock();
        let State { open, vgpu, .. } = &mut *state;
        // Somebody may have queued it while it was closed.
        let Some(open) = open else {
            return;
        };
        let _charge = open.account.charge();
        self.act(vgpu, |vgpu, world| {
            while let Some((tag, outcome)) = self.seat.take_mail() {
                vgpu.ended(world, tag, outcome);
            }
            if !self.is_leaving() {
                if vgpu.alarm().is_some_and(|due| due <= world.now) {
                    vgpu.tick(world);
                }
                vgpu.run(world);
            }
        });
    }

    /// Tells the core what its VM has written, and lost, since it was told last.
    pub(super) fn tell(&self, vgpu: &mut Vgpu, world: &mut World<'_>) {
        while let Some(news) = self.watch.news() {
            if news.is_gone {
                vgpu.forget_memory(world, news.gfn, 1);
                continue;
            }
            for (offset, length) in news.writes() {
                vgpu.written(world, news.gfn, offset as u64, length as u64);
            }
        }
    }
}

/// Does the work of the vGPU whose job it is.
///
/// # Safety
///
/// The job is the field of a vGPU that stays until it was stopped.
pub(super) unsafe fn work(job: *const Job) {
    // SAFETY: by this function's own requirement.
    unsafe { (*container_of!(job, VgpuDevice<'_>, job)).work() };
}

/// On whose account memory is allocated for a vGPU: the one of the process that opened it.
///
/// # Invariants
///
/// A reference on it is ours; it may be null.
pub(super) struct Account(*mut raw::mem_cgroup);

// SAFETY: any thread may charge an account, and give a reference back.
unsafe impl Send for Account {}

impl Account {
    /// That of the calling process.
    pub(super) fn current() -> Self {
        // SAFETY: it only looks at the calling process. INVARIANT: it takes a reference.
        Self(unsafe { raw::kvmgt_account_get() })
    }

    /// Has the calling thread, which is one of the kernel, allocate on it.
    pub(super) fn charge(&self) -> Charge<'_> {
        // SAFETY: by the type's invariant, and `Charge` borrows it.
        let before = unsafe { raw::kvmgt_account_charge(self.0) };
        Charge {
            before,
            _account: self,
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // SAFETY: by the type's invariant.
        unsafe { raw::kvmgt_account_put(self.0) };
    }
}

/// The calling thread allocates on an account as long as this lives.
pub(super) struct Charge<'c> {
    before: *mut raw::mem_cgroup,
    _account: &'c Account,
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        // SAFETY: what was charged before is still valid, as this is dropped in the thread that
        // made it: it has a pointer, which can't be sent.
        unsafe { raw::kvmgt_account_charge(self.before) };
    }
}
