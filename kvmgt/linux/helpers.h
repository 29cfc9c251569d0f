/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What kvmgt's Rust code calls in C: only what the kernel offers as macros or
 * inline functions that the kernel crate has no abstraction for.
 *
 * bindgen reads this file alone, so it includes nothing.
 */
#ifndef _KVMGT_HELPERS_H
#define _KVMGT_HELPERS_H

struct bin_attribute;
struct pci_dev;

/* Gives a dynamically made attribute a lockdep class. */
void kvmgt_bin_attr_init(struct bin_attribute *attr);

/*
 * The next GPU behind @from (all, if it is NULL) that i915 drives, or NULL.
 * Takes a reference on what it returns and gives back the one on @from.
 */
struct pci_dev *kvmgt_next_i915(struct pci_dev *from);

/* Whether i915 published its GVT-g device as a child of @gpu. */
_Bool kvmgt_has_gvt_device(struct pci_dev *gpu);

/* Tracepoints of system "gvt". @dev is the name of an i915.gvt.N device. */
void kvmgt_trace_attach(const char *dev, unsigned int major, unsigned int minor,
			unsigned long long features, unsigned int tracked,
			unsigned int lacking);
void kvmgt_trace_detach(const char *dev);
void kvmgt_trace_gpu_reset(const char *dev, unsigned int engines, unsigned int phase);
void kvmgt_trace_suspend(const char *dev);
void kvmgt_trace_resume(const char *dev);

#endif
