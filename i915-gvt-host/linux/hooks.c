// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The hooks that i915 calls: they decide whether a GPU takes part, keep the
 * device alive while an event is delivered, and hand over to Rust.
 */

#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/sysfs.h>

#include <drm/drm_print.h>

#include "gt/intel_engine_types.h"
#include "gt/intel_gt.h"
#include "gt/uc/intel_uc.h"

#include "host.h"
#include "i915_drv.h"
#include "i915_gvt_host.h"
#include "i915_request.h"
#include "i915_vgpu.h"

/*
 * Guards i915->gvt_host, and the client's call-backs. SRCU, as events come
 * with interrupts off (scheduling) and in contexts that sleep (all others).
 */
DEFINE_STATIC_SRCU(gvt_host_srcu);

enum gvt_status {
	GVT_READY,
	GVT_DISABLED,
	GVT_GUC,
	GVT_GUEST,
	GVT_UNSUPPORTED,
	GVT_ERROR,
};

static const char * const gvt_status_names[] = {
	[GVT_READY] = "ready",
	[GVT_DISABLED] = "disabled",
	[GVT_GUC] = "guc",
	[GVT_GUEST] = "guest",
	[GVT_UNSUPPORTED] = "unsupported",
	[GVT_ERROR] = "error",
};

/* Could this GPU be offered? Does not look at whether it is. */
static enum gvt_status eligible(struct drm_i915_private *i915)
{
	if (gvt_host_platform_of(INTEL_INFO(i915)) == GVT_SHIM_UNSUPPORTED)
		return GVT_UNSUPPORTED;
	if (intel_vgpu_active(i915))
		return GVT_GUEST;
	if (!i915->params.enable_gvt)
		return GVT_DISABLED;
	if (intel_uc_wants_guc_submission(&to_gt(i915)->uc))
		return GVT_GUC;

	return GVT_READY;
}

static ssize_t gvt_status_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	struct drm_i915_private *i915 = kdev_to_i915(dev);
	enum gvt_status status = eligible(i915);

	if (status == GVT_READY && !rcu_access_pointer(i915->gvt_host))
		status = GVT_ERROR;

	return sysfs_emit(buf, "%s\n", gvt_status_names[status]);
}
static DEVICE_ATTR_RO(gvt_status);

static struct attribute *i915_gvt_host_attrs[] = {
	&dev_attr_gvt_status.attr,
	NULL
};

static const struct attribute_group i915_gvt_host_group = {
	.attrs = i915_gvt_host_attrs,
};

const struct attribute_group *i915_gvt_host_groups[] = {
	&i915_gvt_host_group,
	NULL
};

int i915_gvt_host_module_init(void)
{
	return gvt_rs_module_init();
}

void i915_gvt_host_module_exit(void)
{
	gvt_rs_module_exit();
}

void i915_gvt_host_capture_config(struct pci_dev *pdev,
				  const struct pci_device_id *ent)
{
	const struct intel_device_info *info =
		(const struct intel_device_info *)ent->driver_data;
	const struct gvt_shim_pci_id id = gvt_host_pci_id_of(pdev);

	/* i915->params does not exist yet; it starts as a copy of these. */
	if (gvt_host_platform_of(info) == GVT_SHIM_UNSUPPORTED ||
	    !i915_modparams.enable_gvt)
		return;

	gvt_rs_capture_config(pdev, &id);
}

void i915_gvt_host_capture_mmio(struct drm_i915_private *i915)
{
	struct pci_dev *pdev = to_pci_dev(i915->drm.dev);
	const struct gvt_shim_pci_id id = gvt_host_pci_id_of(pdev);

	if (eligible(i915) != GVT_READY)
		return;

	gvt_rs_capture_mmio(i915, &id, gvt_host_platform_of(INTEL_INFO(i915)),
			    HAS_ENGINE(to_gt(i915), VCS1));
}

static int publish(struct drm_i915_private *i915)
{
	struct gvt_shim_offer offer = {};
	struct gvt_host *host;
	int ret;

	host = kzalloc_obj(*host);
	if (!host)
		return -ENOMEM;

	host->i915 = i915;
	spin_lock_init(&host->mmio_lock);
	spin_lock_init(&host->wake_lock);

	ret = gvt_host_contexts_init(host);
	if (ret)
		goto err_free;

	ret = gvt_rs_create(host, i915, &host->core, &offer);
	if (ret)
		goto err_fini;

	/* Before the client can act, or an event it needs would be lost. */
	rcu_assign_pointer(i915->gvt_host, host);

	host->auxdev = gvt_auxdev_create(i915, &offer);
	if (IS_ERR(host->auxdev)) {
		ret = PTR_ERR(host->auxdev);
		goto err_destroy;
	}

	return 0;

err_destroy:
	rcu_assign_pointer(i915->gvt_host, NULL);
	synchronize_srcu(&gvt_host_srcu);
	gvt_rs_destroy(host->core);
err_fini:
	gvt_host_contexts_fini(host);
err_free:
	kfree(host);
	return ret;
}

void i915_gvt_host_add(struct drm_i915_private *i915)
{
	int ret;

	switch (eligible(i915)) {
	case GVT_READY:
		break;
	case GVT_DISABLED:
		drm_info(&i915->drm, "GVT-g: disabled by i915.enable_gvt=0\n");
		return;
	case GVT_GUC:
		drm_info(&i915->drm, "GVT-g: not offered, GuC submission is in use\n");
		return;
	case GVT_GUEST:
		drm_dbg(&i915->drm, "GVT-g: not offered, this is a virtual GPU\n");
		return;
	default:
		drm_dbg(&i915->drm, "GVT-g: not offered, GPU not supported\n");
		return;
	}

	ret = publish(i915);
	if (ret)
		drm_err(&i915->drm, "GVT-g: not offered (%pe)\n", ERR_PTR(ret));
}

void i915_gvt_host_remove(struct drm_i915_private *i915)
{
	struct gvt_host *host = rcu_dereference_protected(i915->gvt_host, true);

	if (!host)
		return;

	/* The client lets go while everything it has still works. */
	gvt_auxdev_destroy(host->auxdev);

	/* Ends what a forgotten context executes, which takes events. */
	gvt_rs_close(host->core);
	gvt_host_contexts_fini(host);

	rcu_assign_pointer(i915->gvt_host, NULL);
	synchronize_srcu(&gvt_host_srcu);

	gvt_rs_destroy(host->core);
	kfree(host);
}

void i915_gvt_host_suspend(struct drm_i915_private *i915)
{
	struct gvt_host *host;
	int idx = srcu_read_lock(&gvt_host_srcu);

	host = srcu_dereference(i915->gvt_host, &gvt_host_srcu);
	if (host && !test_and_set_bit(0, &host->asleep)) {
		gvt_rs_suspend(host->core);
		gvt_host_wake_park(host);
	}

	srcu_read_unlock(&gvt_host_srcu, idx);
}

void i915_gvt_host_resume(struct drm_i915_private *i915)
{
	intel_wakeref_t wakeref;
	struct gvt_host *host;
	int idx = srcu_read_lock(&gvt_host_srcu);

	host = srcu_dereference(i915->gvt_host, &gvt_host_srcu);
	if (host && test_and_clear_bit(0, &host->asleep)) {
		/* i915 resets the engines after it has restored the fences. */
		with_intel_runtime_pm(&i915->runtime_pm, wakeref)
			gvt_rs_restore(host->core, false);
		gvt_host_wake_unpark(host);
		gvt_rs_resume(host->core);
	}

	srcu_read_unlock(&gvt_host_srcu, idx);
}

static void schedule_event(struct i915_request *rq, bool in)
{
	struct drm_i915_private *i915 = rq->i915;
	struct gvt_host *host;
	int idx;

	/* Often, and mostly for nobody. */
	if (!rcu_access_pointer(i915->gvt_host))
		return;

	idx = srcu_read_lock(&gvt_host_srcu);

	host = srcu_dereference(i915->gvt_host, &gvt_host_srcu);
	if (host)
		gvt_host_schedule(host, rq, in);

	srcu_read_unlock(&gvt_host_srcu, idx);
}

void i915_gvt_host_schedule_in(struct i915_request *rq)
{
	schedule_event(rq, true);
}

void i915_gvt_host_schedule_out(struct i915_request *rq)
{
	schedule_event(rq, false);
}

void i915_gvt_host_restore(struct drm_i915_private *i915)
{
	struct gvt_host *host;
	int idx = srcu_read_lock(&gvt_host_srcu);

	host = srcu_dereference(i915->gvt_host, &gvt_host_srcu);
	if (host)
		gvt_rs_restore(host->core, test_bit(0, &host->asleep));

	srcu_read_unlock(&gvt_host_srcu, idx);
}

int gvt_shim_callback_enter(void)
{
	return srcu_read_lock(&gvt_host_srcu);
}

void gvt_shim_callback_leave(int cookie)
{
	srcu_read_unlock(&gvt_host_srcu, cookie);
}

void gvt_shim_callback_drain(void)
{
	synchronize_srcu(&gvt_host_srcu);
}
