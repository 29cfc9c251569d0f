// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Functions for Rust over what contexts execute: requests of i915, with the
 * client's commands in the ring.
 */

#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "gt/intel_context.h"
#include "gt/intel_engine.h"
#include "gt/intel_gt.h"
#include "gt/intel_lrc_reg.h"
#include "gt/intel_reset.h"
#include "gt/intel_ring.h"

#include "context.h"
#include "host.h"
#include "i915_drv.h"
#include "i915_request.h"

/* A submission is over when its fence says so and the image is saved. */
bool gvt_context_is_over(const struct gvt_shim_context *ctx)
{
	lockdep_assert_held(&ctx->host->contexts_lock);

	return ctx->signalled && !ctx->loaded;
}

static void tell_if_over(struct gvt_shim_context *ctx)
{
	if (!ctx->rq || !gvt_context_is_over(ctx))
		return;

	queue_work(ctx->host->contexts_wq, &ctx->done);
	wake_up_all(&ctx->host->contexts_wait);
}

static enum gvt_shim_outcome outcome_of(const struct gvt_shim_context *ctx,
					int error)
{
	if (!error)
		return GVT_SHIM_DONE;
	if (ctx->killed || ctx->lost)
		return GVT_SHIM_CANCELLED;

	return GVT_SHIM_HUNG;
}

void gvt_context_done(struct work_struct *work)
{
	struct gvt_shim_context *ctx =
		container_of(work, struct gvt_shim_context, done);
	struct gvt_host *host = ctx->host;
	enum gvt_shim_outcome outcome;
	struct i915_request *rq;

	spin_lock_irq(&host->contexts_lock);
	rq = fetch_and_zero(&ctx->rq);
	outcome = outcome_of(ctx, rq->fence.error);
	spin_unlock_irq(&host->contexts_lock);

	i915_request_put(rq);

	/* The client may destroy the context, or submit to it. */
	gvt_rs_submit_done(host->core, ctx->handle, outcome);
	gvt_context_put(ctx);
}

static void context_signalled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct gvt_shim_context *ctx =
		container_of(cb, struct gvt_shim_context, cb);
	unsigned long flags;

	spin_lock_irqsave(&ctx->host->contexts_lock, flags);
	ctx->signalled = true;
	ctx->lost = intel_gt_is_wedged(ctx->ce->engine->gt);
	tell_if_over(ctx);
	spin_unlock_irqrestore(&ctx->host->contexts_lock, flags);
}

/*
 * The context is banned by now, so what was not yet given to the engine will be
 * skipped. What runs is not to be preempted; now that it is, i915 does what it
 * does with a client that has gone: it preempts, and resets the engine if that
 * takes more than a millisecond.
 */
void gvt_context_kill(struct work_struct *work)
{
	struct gvt_shim_context *ctx =
		container_of(work, struct gvt_shim_context, kill);
	struct i915_request *rq;

	spin_lock_irq(&ctx->host->contexts_lock);
	rq = ctx->rq ? i915_request_get(ctx->rq) : NULL;
	spin_unlock_irq(&ctx->host->contexts_lock);

	if (rq) {
		clear_bit(I915_FENCE_FLAG_NOPREEMPT, &rq->fence.flags);
		i915_request_cancel(rq, -ECANCELED);
		i915_request_put(rq);
	}
	gvt_context_put(ctx);
}

static struct gvt_shim_context *find(struct gvt_host *host,
				     const struct intel_context *ce)
{
	struct gvt_shim_context *ctx;

	lockdep_assert_held(&host->contexts_lock);

	hash_for_each_possible(host->contexts, ctx, node, (unsigned long)ce) {
		if (ctx->ce == ce)
			return ctx;
	}

	return NULL;
}

/*
 * i915 is about to load the context of @rq, or has seen it saved. i915 may have
 * rebuilt the image just before, after a reset. The engine would take the same
 * context to have the same page tables, so it is made to load all of it.
 */
void gvt_host_schedule(struct gvt_host *host, struct i915_request *rq, bool in)
{
	struct intel_context *ce = rq->context;
	struct gvt_shim_context *ctx = NULL;
	unsigned long flags;

	/* Nobody else makes such contexts. */
	if (intel_context_force_single_submission(ce)) {
		spin_lock_irqsave(&host->contexts_lock, flags);
		ctx = find(host, ce);
		if (ctx && in) {
			ce->lrc_reg_state[CTX_PDP0_UDW] = upper_32_bits(ctx->root);
			ce->lrc_reg_state[CTX_PDP0_LDW] = lower_32_bits(ctx->root);
			ce->lrc.desc |= CTX_DESC_FORCE_RESTORE;
			ctx->loaded = true;
		}
		spin_unlock_irqrestore(&host->contexts_lock, flags);
	}

	if (!ctx)
		gvt_rs_host_context(host->core, rq->engine->mask, in);

	/* Until now it could not be destroyed, as it was loaded. */
	if (ctx && !in) {
		spin_lock_irqsave(&host->contexts_lock, flags);
		ctx->loaded = false;
		tell_if_over(ctx);
		spin_unlock_irqrestore(&host->contexts_lock, flags);
	}
}

/*
 * As i915_request_create(), but not to be interrupted by a signal to whichever
 * thread this is, and with all of the ring free. Locks the timeline.
 */
static struct i915_request *request_create(struct intel_context *ce)
{
	struct intel_timeline *tl = ce->timeline;
	struct i915_request *rq, *next;

	mutex_lock(&tl->mutex);

	list_for_each_entry_safe(rq, next, &tl->requests, link) {
		if (!i915_request_retire(rq))
			break;
	}

	intel_context_enter(ce);
	rq = __i915_request_create(ce, GFP_KERNEL);
	intel_context_exit(ce);
	if (IS_ERR(rq))
		mutex_unlock(&tl->mutex);
	else
		rq->cookie = lockdep_pin_lock(&tl->mutex);

	return rq;
}

/* Dwords of all segments; 0 if they are more than the context takes. */
static u64 total_of(const struct gvt_shim_context *ctx,
		    const struct gvt_shim_segment *segments, u32 num_segments)
{
	u64 count = 0;
	u32 i;

	for (i = 0; i < num_segments; i++) {
		if (segments[i].count > ctx->max_commands - count)
			return 0;
		count += segments[i].count;
	}

	return count;
}

static int emit(struct i915_request *rq, u64 count,
		const struct gvt_shim_segment *segments, u32 num_segments)
{
	u32 *cs;
	u32 i;
	int ret;

	/* i915 has flushed and invalidated, TLBs too, at the request's start. */
	ret = rq->engine->emit_init_breadcrumb(rq);
	if (ret)
		return ret;

	cs = intel_ring_begin(rq, count);
	if (IS_ERR(cs))
		return PTR_ERR(cs);

	for (i = 0; i < num_segments; i++) {
		memcpy(cs, segments[i].commands,
		       segments[i].count * sizeof(*cs));
		cs += segments[i].count;
	}
	intel_ring_advance(rq, cs);

	return 0;
}

int gvt_shim_context_submit(struct gvt_shim_context *ctx, u64 root,
			    const struct gvt_shim_segment *segments,
			    u32 num_segments)
{
	struct gvt_host *host = ctx->host;
	struct i915_request *rq;
	u64 count;
	int ret;

	count = total_of(ctx, segments, num_segments);
	if (!count || count % 2)
		return -EINVAL;
	if (intel_gt_is_wedged(ctx->ce->engine->gt))
		return -EIO;

	rq = request_create(ctx->ce);
	if (IS_ERR(rq))
		return PTR_ERR(rq);

	/* Too late to say no: a request that was made is executed, if as nothing. */
	ret = emit(rq, count, segments, num_segments);
	if (ret)
		i915_request_set_error_once(rq, ret);

	set_bit(I915_FENCE_FLAG_NOPREEMPT, &rq->fence.flags);

	kref_get(&ctx->ref);
	spin_lock_irq(&host->contexts_lock);
	ctx->root = root;
	ctx->rq = i915_request_get(rq);
	ctx->signalled = false;
	spin_unlock_irq(&host->contexts_lock);

	/* It is not signalled before it is added. */
	dma_fence_add_callback(&rq->fence, &ctx->cb, context_signalled);
	i915_request_add(rq);

	return 0;
}

void gvt_shim_context_kill(struct gvt_shim_context *ctx)
{
	unsigned long flags;

	spin_lock_irqsave(&ctx->host->contexts_lock, flags);
	ctx->killed = true;
	spin_unlock_irqrestore(&ctx->host->contexts_lock, flags);

	intel_context_set_banned(ctx->ce);

	kref_get(&ctx->ref);
	if (!queue_work(ctx->host->contexts_wq, &ctx->kill))
		gvt_context_put(ctx);
}
