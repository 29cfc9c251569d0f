// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Work that a thread of the kernel does for something that is pinned.
//!
//! The kernel crate's work items belong to a reference that is counted, and can't be stopped. Ours
//! are a part of something that borrows from its GPU, and must have ended before that goes.

use core::ptr::NonNull;
use kernel::{
    bindings,
    prelude::*,
    workqueue::{impl_has_work, HasWork, Queue, RawWorkItem, Work, WorkItem, WorkItemPointer},
};

/// What a job does, given the job.
///
/// # Safety
///
/// It is called with a job that was made with it, which stays until it has returned.
pub(crate) type Act = unsafe fn(*const Job);

/// Work that is done once for each time, or several times, that it was queued. It does not run at
/// the same time as itself.
#[pin_data(PinnedDrop)]
pub(crate) struct Job {
    #[pin]
    work: Work<Self>,
    act: Act,
}

impl_has_work! {
    impl HasWork<Self> for Job { self.work }
}

impl Job {
    /// A job that is stopped; `work` names it for lockdep.
    ///
    /// # Safety
    ///
    /// The requirement of `act` is all that it requires.
    pub(crate) unsafe fn new(work: impl PinInit<Work<Self>>, act: Act) -> impl PinInit<Self> {
        pin_init!(Self { work <- work, act }).pin_chain(|job| {
            // SAFETY: it was initialised.
            unsafe { bindings::disable_work(job.raw()) };
            Ok(())
        })
    }

    fn raw(&self) -> *mut bindings::work_struct {
        // SAFETY: the job is valid.
        unsafe { Work::raw_get(&raw const self.work) }
    }

    /// Has it run soon, unless it is stopped. It may be called from any context.
    pub(crate) fn queue(&self) {
        // SAFETY: the queue is the kernel's, and always there. The crate has no name for it yet, but
        // for the one that it takes the place of, and that the kernel warns of.
        let queue = unsafe { Queue::from_raw(bindings::system_dfl_wq) };
        queue.enqueue(Place(NonNull::from(self)));
    }

    /// Lets it run when it is queued. To be called once after it was made, or stopped.
    pub(crate) fn start(&self) {
        // SAFETY: it is initialised.
        unsafe { bindings::enable_work(self.raw()) };
    }

    /// It does not run when this has returned, nor afterwards. Sleeps; nothing that it waits for may
    /// be held.
    pub(crate) fn stop(&self) {
        // SAFETY: it is initialised.
        unsafe { bindings::disable_work_sync(self.raw()) };
    }
}

/// A job of somebody else's.
///
/// # Invariants
///
/// It is there as long as this is, wherever this is kept.
#[derive(Clone, Copy)]
pub(crate) struct JobRef(NonNull<Job>);

// SAFETY: any thread may queue it.
unsafe impl Send for JobRef {}
// SAFETY: as above.
unsafe impl Sync for JobRef {}

impl JobRef {
    /// Refers to a job.
    ///
    /// # Safety
    ///
    /// It stays until what is returned, and all copies of that, are gone.
    pub(crate) unsafe fn new(job: NonNull<Job>) -> Self {
        // INVARIANT: by this function's own requirement.
        Self(job)
    }

    /// Has it run soon, unless it is stopped. It may be called from any context.
    pub(crate) fn queue(self) {
        // SAFETY: by the type's invariant.
        unsafe { self.0.as_ref() }.queue();
    }
}

#[pinned_drop]
impl PinnedDrop for Job {
    fn drop(self: Pin<&mut Self>) {
        self.stop();
    }
}

/// Where a job is.
///
/// # Invariants
///
/// The job is initialised, and stays until it was stopped.
pub(crate) struct Place(NonNull<Job>);

// SAFETY: any thread may queue a job.
unsafe impl Send for Place {}

// SAFETY: by the type's invariant the work item is valid until it has run, or was cancelled.
unsafe impl RawWorkItem<0> for Place {
    type EnqueueOutput = bool;

    unsafe fn __enqueue<F>(self, queue_work_on: F) -> bool
    where
        F: FnOnce(*mut bindings::work_struct) -> bool,
    {
        // SAFETY: by the type's invariant.
        let work = unsafe { Work::raw_get(Job::raw_get_work(self.0.as_ptr())) };
        queue_work_on(work)
    }
}

// SAFETY: `Job` has a `Work`, which is initialised with the function below.
unsafe impl WorkItemPointer<0> for Place {
    unsafe extern "C" fn run(ptr: *mut bindings::work_struct) {
        // SAFETY: the work item is that of a job, as only those are initialised with this function.
        let job = unsafe { Job::work_container_of(ptr.cast()) };
        // INVARIANT: it was queued, and so is valid until this returns.
        if let Some(job) = NonNull::new(job) {
            Job::run(Self(job));
        }
    }
}

impl WorkItem for Job {
    type Pointer = Place;

    fn run(this: Place) {
        let job: *const Self = this.0.as_ptr();
        // SAFETY: by the invariant of `Place`; the rest was promised when the job was made.
        unsafe { ((*job).act)(job) };
    }
}
