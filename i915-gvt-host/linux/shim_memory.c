// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Functions for Rust over memory that the GPU reaches through the GGTT: objects
 * of i915, pinned in its own part for as long as they live, so that i915 itself
 * restores what maps them.
 */

#include <linux/slab.h>

#include "gem/i915_gem_internal.h"
#include "gem/i915_gem_object.h"
#include "gt/intel_gt.h"

#include "host.h"
#include "i915_drv.h"
#include "i915_vma.h"

struct gvt_shim_memory {
	struct i915_vma *vma;
	void *map;
};

static int pin(struct gvt_shim_memory *memory)
{
	struct i915_vma *vma = memory->vma;
	int ret;

	/* The aperture is scarce, and nothing of ours is reached through it. */
	ret = i915_ggtt_pin(vma, NULL, 0, PIN_HIGH | PIN_OFFSET_BIAS |
			    i915_ggtt_pin_bias(vma));
	if (ret)
		return ret;

	memory->map = i915_gem_object_pin_map_unlocked(vma->obj,
						       intel_gt_coherent_map_type(vma->vm->gt,
										  vma->obj,
										  true));
	if (IS_ERR(memory->map)) {
		i915_vma_unpin(vma);
		return PTR_ERR(memory->map);
	}

	return 0;
}

int gvt_shim_memory_alloc(struct gvt_host *host, u64 size,
			  struct gvt_shim_memory **memory, u64 *offset)
{
	struct intel_gt *gt = to_gt(host->i915);
	struct drm_i915_gem_object *obj;
	struct gvt_shim_memory *new;
	int ret;

	new = kzalloc_obj(*new);
	if (!new)
		return -ENOMEM;

	obj = i915_gem_object_create_internal(host->i915, size);
	if (IS_ERR(obj)) {
		ret = PTR_ERR(obj);
		goto err_free;
	}

	new->vma = i915_vma_instance(obj, &gt->ggtt->vm, NULL);
	if (IS_ERR(new->vma)) {
		ret = PTR_ERR(new->vma);
		goto err_put;
	}

	ret = pin(new);
	if (ret)
		goto err_put;

	memset(new->map, 0, size);

	*memory = new;
	*offset = i915_ggtt_offset(new->vma);
	return 0;

err_put:
	i915_gem_object_put(obj);
err_free:
	kfree(new);
	return ret;
}

void gvt_shim_memory_free(struct gvt_shim_memory *memory)
{
	i915_vma_unpin_and_release(&memory->vma, I915_VMA_RELEASE_MAP);
	kfree(memory);
}

void gvt_shim_memory_read(const struct gvt_shim_memory *memory, u64 offset,
			  void *data, u64 size)
{
	memcpy(data, memory->map + offset, size);
}

/* Submission flushes what a write-combining map holds back. */
void gvt_shim_memory_write(struct gvt_shim_memory *memory, u64 offset,
			   const void *data, u64 size)
{
	memcpy(memory->map + offset, data, size);
}
