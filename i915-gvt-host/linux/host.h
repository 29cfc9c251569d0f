/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * State of one GPU on the C side of the GVT-g host half.
 */

#ifndef _GVT_HOST_HOST_H_
#define _GVT_HOST_HOST_H_

#include <linux/atomic.h>
#include <linux/hashtable.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "intel_wakeref.h"

#include "shim.h"

struct gvt_auxdev;
struct i915_request;
struct intel_device_info;
struct workqueue_struct;

#define GVT_CONTEXTS_HASH_BITS 6

/**
 * struct gvt_host - a GPU that is offered to kvmgt
 * @i915: the GPU
 * @core: what gvt_rs_create() made
 * @auxdev: the published auxiliary device
 * @mmio_lock: held through a section of register accesses
 * @wake_lock: protects @wakes, @parked and @wakeref
 * @wakes: how often the GPU is to be kept awake
 * @parked: how often it was when the host suspended; counts again from the resume on
 * @wakeref: what i915 gave for it, while @wakes is not 0
 * @asleep: between suspend and resume
 * @contexts_lock: protects @contexts and what is in them; any context
 * @contexts: the client's, by i915's context
 * @contexts_wq: tells Rust what is over, and kills
 * @contexts_wait: for what one of them executes to be over
 *
 * Reached from hooks through i915->gvt_host, which is protected by SRCU.
 */
struct gvt_host {
	struct drm_i915_private *i915;
	void *core;
	struct gvt_auxdev *auxdev;
	spinlock_t mmio_lock; /* a section of register accesses */
	spinlock_t wake_lock; /* wakes, parked and wakeref */
	unsigned long wakes;
	unsigned long parked;
	intel_wakeref_t wakeref;
	unsigned long asleep;
	spinlock_t contexts_lock; /* contexts and what is in them */
	DECLARE_HASHTABLE(contexts, GVT_CONTEXTS_HASH_BITS);
	struct workqueue_struct *contexts_wq;
	wait_queue_head_t contexts_wait;
};

void gvt_host_wake_park(struct gvt_host *host);
void gvt_host_wake_unpark(struct gvt_host *host);

u32 gvt_host_platform_of(const struct intel_device_info *info);
struct gvt_shim_pci_id gvt_host_pci_id_of(struct pci_dev *pdev);

struct gvt_auxdev *gvt_auxdev_create(struct drm_i915_private *i915,
				     const struct gvt_shim_offer *offer);
void gvt_auxdev_destroy(struct gvt_auxdev *gvt);

int gvt_host_contexts_init(struct gvt_host *host);
void gvt_host_contexts_fini(struct gvt_host *host);
void gvt_host_schedule(struct gvt_host *host, struct i915_request *rq, bool in);

#endif /* _GVT_HOST_HOST_H_ */
