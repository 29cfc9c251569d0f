/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * A logical context, to the two files that know it: shim_context.c makes it,
 * shim_submit.c lets it execute.
 */

#ifndef _GVT_HOST_CONTEXT_H_
#define _GVT_HOST_CONTEXT_H_

#include <linux/dma-fence.h>
#include <linux/kref.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct gvt_host;
struct i915_request;
struct intel_context;

/**
 * struct gvt_shim_context - a client's logical context
 * @ref: one for the client, one for a submission, one for a kill that is due
 * @host: the GPU
 * @node: in &gvt_host.contexts, by @ce
 * @ce: i915's context, pinned as long as the client has it
 * @handle: names it to Rust
 * @max_commands: dwords that a submission may have
 * @root: PML4 table of the submission
 * @rq: the submission, until Rust is told that it is over
 * @cb: called when @rq is signalled
 * @signalled: @rq is
 * @lost: the GPU was wedged by then
 * @loaded: it was scheduled in, and not yet out
 * @killed: the client said so
 * @done: tells Rust so
 * @kill: ends @rq
 *
 * From @root on to @killed all is guarded by &gvt_host.contexts_lock.
 */
struct gvt_shim_context {
	struct kref ref;
	struct gvt_host *host;
	struct hlist_node node;
	struct intel_context *ce;
	u64 handle;
	u64 max_commands;
	u64 root;
	struct i915_request *rq;
	struct dma_fence_cb cb;
	bool signalled;
	bool lost;
	bool loaded;
	bool killed;
	struct work_struct done;
	struct work_struct kill;
};

void gvt_context_put(struct gvt_shim_context *ctx);

/* Both are work. */
void gvt_context_done(struct work_struct *work);
void gvt_context_kill(struct work_struct *work);

/* With contexts_lock held. */
bool gvt_context_is_over(const struct gvt_shim_context *ctx);

#endif /* _GVT_HOST_CONTEXT_H_ */
