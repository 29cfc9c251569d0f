// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Functions for Rust over i915's GGTT and its fence registers.
 */

#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/slab.h>
#include <linux/stop_machine.h>

#include "gt/intel_ggtt_fencing.h"
#include "gt/intel_gt.h"
#include "gt/intel_gtt.h"

#include "host.h"
#include "i915_drv.h"
#include "i915_gem_gtt.h"
#include "i915_reg.h"
#include "intel_uncore.h"

struct gvt_shim_node {
	struct drm_mm_node mm;
};

static struct i915_ggtt *to_ggtt(struct gvt_host *host)
{
	return to_gt(host->i915)->ggtt;
}

/*
 * Reserves @size bytes of GGTT addresses in [@start, @end). The node is no VMA,
 * so i915 never evicts it. Its PTEs are whatever was there before.
 */
int gvt_shim_ggtt_insert(struct gvt_host *host, u64 size, u64 align, u64 start,
			 u64 end, struct gvt_shim_node **node, u64 *offset)
{
	struct i915_address_space *vm = &to_ggtt(host)->vm;
	struct gvt_shim_node *new;
	int ret;

	if (!size || !IS_ALIGNED(size | start | end, I915_GTT_PAGE_SIZE) ||
	    !is_power_of_2(align) || align < I915_GTT_PAGE_SIZE ||
	    start >= end || end > vm->total)
		return -EINVAL;

	new = kzalloc_obj(*new);
	if (!new)
		return -ENOMEM;

	mutex_lock(&vm->mutex);
	ret = i915_gem_gtt_insert(vm, NULL, &new->mm, size, align,
				  I915_COLOR_UNEVICTABLE, start, end, 0);
	mutex_unlock(&vm->mutex);
	if (ret) {
		kfree(new);
		return ret;
	}

	*node = new;
	*offset = new->mm.start;
	return 0;
}

void gvt_shim_ggtt_remove(struct gvt_host *host, struct gvt_shim_node *node)
{
	struct i915_address_space *vm = &to_ggtt(host)->vm;

	mutex_lock(&vm->mutex);
	drm_mm_remove_node(&node->mm);
	mutex_unlock(&vm->mutex);

	kfree(node);
}

u64 gvt_shim_scratch_pte(struct gvt_host *host)
{
	return to_ggtt(host)->vm.scratch[0]->encode;
}

struct pte_update {
	u64 __iomem *to;
	const u64 *ptes;
	u64 count;
};

static int pte_update(void *data)
{
	struct pte_update *update = data;
	u64 i;

	for (i = 0; i < update->count; i++)
		writeq(update->ptes[i], &update->to[i]);

	return 0;
}

void gvt_shim_pte_write(struct gvt_host *host, u64 first, const u64 *ptes,
			u64 count)
{
	struct pte_update update = {
		.to = (u64 __iomem *)to_ggtt(host)->gsm + first,
		.ptes = ptes,
		.count = count,
	};

	/*
	 * Broxton hangs if PTEs change while the aperture is accessed and VT-d
	 * is on; i915 stops the machine for it, and so must we.
	 */
	if (intel_vm_no_concurrent_access_wa(host->i915))
		stop_machine(pte_update, &update, NULL);
	else
		pte_update(&update);
}

void gvt_shim_ggtt_invalidate(struct gvt_host *host)
{
	struct i915_ggtt *ggtt = to_ggtt(host);

	ggtt->invalidate(ggtt);
}

int gvt_shim_fence_reserve(struct gvt_host *host, struct i915_fence_reg **fence)
{
	struct i915_ggtt *ggtt = to_ggtt(host);
	struct i915_fence_reg *reg;

	mutex_lock(&ggtt->vm.mutex);
	reg = i915_reserve_fence(ggtt);
	mutex_unlock(&ggtt->vm.mutex);
	if (IS_ERR(reg))
		return PTR_ERR(reg);

	*fence = reg;
	return 0;
}

void gvt_shim_fence_release(struct gvt_host *host, struct i915_fence_reg *fence)
{
	struct i915_ggtt *ggtt = to_ggtt(host);

	mutex_lock(&ggtt->vm.mutex);
	i915_unreserve_fence(fence);
	mutex_unlock(&ggtt->vm.mutex);
}

/*
 * The order is the hardware's: a fence is off while its two halves disagree.
 * No forcewake: fence registers are outside the GT's power wells.
 */
void gvt_shim_fence_write(struct gvt_host *host, struct i915_fence_reg *fence,
			  u64 value)
{
	struct intel_uncore *uncore = &host->i915->uncore;
	i915_reg_t lo = FENCE_REG_GEN6_LO(fence->id);
	i915_reg_t hi = FENCE_REG_GEN6_HI(fence->id);

	intel_uncore_write_fw(uncore, lo, 0);
	intel_uncore_posting_read_fw(uncore, lo);

	intel_uncore_write_fw(uncore, hi, upper_32_bits(value));
	intel_uncore_write_fw(uncore, lo, lower_32_bits(value));
	intel_uncore_posting_read_fw(uncore, lo);
}
