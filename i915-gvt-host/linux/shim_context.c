// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Functions for Rust over logical contexts.
 *
 * A client's context is one of i915's, with a PPGTT of its own in which nothing
 * is mapped; the root that a submission brings replaces it whenever the context
 * is scheduled in. So i915 may rebuild the image at any time, and what it may
 * run in it by itself reaches no memory.
 */

#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "gt/gen8_ppgtt.h"
#include "gt/intel_context.h"
#include "gt/intel_engine.h"
#include "gt/intel_gt.h"
#include "gt/intel_lrc.h"

#include "context.h"
#include "host.h"
#include "i915_active.h"
#include "i915_drv.h"

/* What i915 emits around the commands: breadcrumbs, flushes, workarounds. */
#define REQUEST_OVERHEAD SZ_1K

/* i915's rings are of at the most as many pages as RING_CTL can tell. */
#define MAX_RING_SIZE SZ_2M

static void context_free(struct kref *ref)
{
	kfree(container_of(ref, struct gvt_shim_context, ref));
}

void gvt_context_put(struct gvt_shim_context *ctx)
{
	kref_put(&ctx->ref, context_free);
}

static struct intel_engine_cs *engine_of(struct gvt_host *host, u32 mask)
{
	struct intel_engine_cs *engine;
	enum intel_engine_id id;

	for_each_engine(engine, to_gt(host->i915), id) {
		if (engine->mask == mask)
			return engine;
	}

	return NULL;
}

/* A request must fit when the ring wraps just before its end. */
static u64 ring_size(u64 commands)
{
	return roundup_pow_of_two(2 * (commands * sizeof(u32) + REQUEST_OVERHEAD));
}

static u64 commands_of(u64 ring_size)
{
	return (ring_size / 2 - REQUEST_OVERHEAD) / sizeof(u32);
}

static struct intel_context *create(struct intel_engine_cs *engine, u64 ring_size)
{
	struct intel_context *ce;
	struct i915_ppgtt *ppgtt;
	int ret;

	ppgtt = i915_ppgtt_create(engine->gt, 0);
	if (IS_ERR(ppgtt))
		return ERR_CAST(ppgtt);

	ce = intel_context_create(engine);
	if (IS_ERR(ce)) {
		i915_vm_put(&ppgtt->vm);
		return ce;
	}

	i915_vm_put(ce->vm);
	ce->vm = &ppgtt->vm;
	ce->ring_size = ring_size;
	intel_context_set_single_submission(ce);

	/*
	 * As i915's own pinned contexts have it: while it is pinned it keeps no
	 * engine awake. Nor is its time accounted, of which its timestamp tells
	 * nothing.
	 */
	__set_bit(CONTEXT_BARRIER_BIT, &ce->flags);

	/* Else there would be no one root. */
	ret = i915_vm_is_4lvl(&ppgtt->vm) ? intel_context_pin(ce) : -EINVAL;
	if (ret) {
		intel_context_put(ce);
		return ERR_PTR(ret);
	}

	return ce;
}

int gvt_shim_context_create(struct gvt_host *host, u32 engine_mask, u64 commands,
			    u64 handle, struct gvt_shim_context **out,
			    u64 *image_size, u64 *max_commands)
{
	struct intel_engine_cs *engine = engine_of(host, engine_mask);
	struct gvt_shim_context *ctx;
	struct intel_context *ce;

	if (!engine || commands > commands_of(MAX_RING_SIZE))
		return -EINVAL;
	if (!engine->default_state)
		return -ENODATA;

	ctx = kzalloc_obj(*ctx);
	if (!ctx)
		return -ENOMEM;

	ce = create(engine, ring_size(commands));
	if (IS_ERR(ce)) {
		kfree(ctx);
		return PTR_ERR(ce);
	}

	kref_init(&ctx->ref);
	ctx->host = host;
	ctx->ce = ce;
	ctx->handle = handle;
	ctx->max_commands = commands_of(ce->ring_size);
	INIT_WORK(&ctx->done, gvt_context_done);
	INIT_WORK(&ctx->kill, gvt_context_kill);

	spin_lock_irq(&host->contexts_lock);
	hash_add(host->contexts, &ctx->node, (unsigned long)ce);
	spin_unlock_irq(&host->contexts_lock);

	*out = ctx;
	*image_size = engine->context_size;
	*max_commands = ctx->max_commands;
	return 0;
}

void gvt_shim_context_destroy(struct gvt_shim_context *ctx)
{
	struct intel_context *ce = ctx->ce;
	struct gvt_host *host = ctx->host;

	spin_lock_irq(&host->contexts_lock);
	wait_event_lock_irq(host->contexts_wait, !ctx->rq || gvt_context_is_over(ctx),
			    host->contexts_lock);
	hash_del(&ctx->node);
	spin_unlock_irq(&host->contexts_lock);

	/*
	 * i915 gives the memory back when the engine has executed something else.
	 * Without memory to note that, at once: the image is saved.
	 */
	i915_active_acquire_preallocate_barrier(&ce->active, ce->engine);
	intel_context_unpin(ce);
	intel_context_put(ce);

	gvt_context_put(ctx);
}

static void *image_of(const struct gvt_shim_context *ctx)
{
	return (void *)ctx->ce->lrc_reg_state - LRC_STATE_OFFSET;
}

void gvt_shim_context_read(const struct gvt_shim_context *ctx, u64 offset,
			   void *data, u64 size)
{
	memcpy(data, image_of(ctx) + offset, size);
}

void gvt_shim_context_write(struct gvt_shim_context *ctx, u64 offset,
			    const void *data, u64 size)
{
	memcpy(image_of(ctx) + offset, data, size);
}

int gvt_host_contexts_init(struct gvt_host *host)
{
	spin_lock_init(&host->contexts_lock);
	hash_init(host->contexts);
	init_waitqueue_head(&host->contexts_wait);

	host->contexts_wq = alloc_workqueue("i915-gvt", WQ_UNBOUND, 0);
	return host->contexts_wq ? 0 : -ENOMEM;
}

/* There are no contexts any more; a kill may still be due. */
void gvt_host_contexts_fini(struct gvt_host *host)
{
	destroy_workqueue(host->contexts_wq);
}
