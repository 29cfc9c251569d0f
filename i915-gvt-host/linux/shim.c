// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Functions for what i915 has as macros and inlines: platform, power and
 * registers. Each does one thing; decisions are made in Rust.
 */

#include <linux/delay.h>
#include <linux/pci.h>
#include <linux/timekeeping.h>

#include <drm/drm_file.h>
#include <drm/intel/pci_config.h>

#include "gt/intel_engine.h"
#include "gt/intel_gt.h"
#include "gt/intel_gtt.h"

#include "host.h"
#include "i915_drv.h"
#include "intel_runtime_pm.h"
#include "intel_uncore.h"

u32 gvt_host_platform_of(const struct intel_device_info *info)
{
	switch (info->platform) {
	case INTEL_BROADWELL:
		return GVT_SHIM_BROADWELL;
	case INTEL_SKYLAKE:
		return GVT_SHIM_SKYLAKE;
	case INTEL_KABYLAKE:
		return GVT_SHIM_KABYLAKE;
	case INTEL_BROXTON:
		return GVT_SHIM_BROXTON;
	case INTEL_COFFEELAKE:
		return GVT_SHIM_COFFEELAKE;
	case INTEL_COMETLAKE:
		return GVT_SHIM_COMETLAKE;
	default:
		return GVT_SHIM_UNSUPPORTED;
	}
}

struct gvt_shim_pci_id gvt_host_pci_id_of(struct pci_dev *pdev)
{
	return (struct gvt_shim_pci_id) {
		.domain = pci_domain_nr(pdev->bus),
		.bus_devfn = pci_dev_id(pdev),
		.vendor = pdev->vendor,
		.device = pdev->device,
		.subsystem_vendor = pdev->subsystem_vendor,
		.subsystem_device = pdev->subsystem_device,
		.revision = pdev->revision,
	};
}

/* i915 has other numbers for itself. */
static int class_of(const struct intel_engine_cs *engine)
{
	switch (engine->class) {
	case RENDER_CLASS:
		return GVT_SHIM_RENDER;
	case COPY_ENGINE_CLASS:
		return GVT_SHIM_COPY;
	case VIDEO_DECODE_CLASS:
		return GVT_SHIM_VIDEO;
	case VIDEO_ENHANCEMENT_CLASS:
		return GVT_SHIM_VIDEO_ENHANCE;
	default:
		return -EINVAL;
	}
}

static void fill_engines(struct drm_i915_private *i915,
			 struct gvt_shim_platform *out)
{
	struct intel_engine_cs *engine;
	enum intel_engine_id id;

	for_each_engine(engine, to_gt(i915), id) {
		struct gvt_shim_engine *e;
		int class = class_of(engine);

		if (class < 0)
			continue;
		if (out->num_engines == GVT_SHIM_MAX_ENGINES)
			break;

		e = &out->engines[out->num_engines++];
		e->class = class;
		e->instance = engine->instance;
		e->context_size = engine->context_size;
		e->mask = engine->mask;
	}
}

/* *out is all zero. */
void gvt_shim_platform(struct drm_i915_private *i915,
		       struct gvt_shim_platform *out)
{
	struct pci_dev *pdev = to_pci_dev(i915->drm.dev);
	struct i915_ggtt *ggtt = to_gt(i915)->ggtt;

	out->platform = gvt_host_platform_of(INTEL_INFO(i915));
	out->pci = gvt_host_pci_id_of(pdev);

	fill_engines(i915, out);

	out->ggtt_size = ggtt->vm.total;
	out->aperture_size = ggtt->mappable_end;
	out->aperture_base = ggtt->gmadr.start;
	out->gttmmadr_size = pci_resource_len(pdev, GEN4_GTTMMADR_BAR);
	out->num_fences = ggtt->num_fences;

	BUILD_BUG_ON(I915_GTT_PAGE_SIZE_4K != GVT_SHIM_PAGE_SIZE_4K);
	BUILD_BUG_ON(I915_GTT_PAGE_SIZE_64K != GVT_SHIM_PAGE_SIZE_64K);
	BUILD_BUG_ON(I915_GTT_PAGE_SIZE_2M != GVT_SHIM_PAGE_SIZE_2M);
	out->page_sizes = RUNTIME_INFO(i915)->page_sizes;
	out->drm_minor = i915->drm.primary->index;
	out->parent = i915->drm.dev;
	out->card = i915->drm.primary->kdev;
	out->debugfs = i915->drm.debugfs_root;
}

/* All ones if the read fails, as the bus has it. */
u32 gvt_shim_config_read(struct pci_dev *pdev, u32 offset)
{
	u32 value;

	if (pci_read_config_dword(pdev, offset, &value))
		return ~0;

	return value;
}

struct device *gvt_shim_device(struct drm_i915_private *i915)
{
	return i915->drm.dev;
}

u64 gvt_shim_boot_ns(void)
{
	return ktime_get_boottime_ns();
}

void gvt_shim_delay_us(u32 us)
{
	udelay(us);
}

void gvt_shim_wake_get(struct gvt_host *host)
{
	struct intel_runtime_pm *rpm = &host->i915->runtime_pm;
	intel_wakeref_t wakeref = intel_runtime_pm_get(rpm);

	spin_lock(&host->wake_lock);
	if (!host->wakes++)
		swap(wakeref, host->wakeref);
	spin_unlock(&host->wake_lock);

	if (wakeref)
		intel_runtime_pm_put(rpm, wakeref);
}

void gvt_shim_wake_put(struct gvt_host *host)
{
	intel_wakeref_t wakeref = NULL;

	spin_lock(&host->wake_lock);
	if (!host->wakes)
		host->parked--;
	else if (!--host->wakes)
		swap(wakeref, host->wakeref);
	spin_unlock(&host->wake_lock);

	if (wakeref)
		intel_runtime_pm_put(&host->i915->runtime_pm, wakeref);
}

/*
 * i915 insists that nobody holds a wakeref when it turns the GPU off for a
 * suspend of the host. The PM core keeps the GPU from runtime suspend meanwhile.
 */
void gvt_host_wake_park(struct gvt_host *host)
{
	intel_wakeref_t wakeref = NULL;

	spin_lock(&host->wake_lock);
	host->parked = host->wakes;
	host->wakes = 0;
	swap(wakeref, host->wakeref);
	spin_unlock(&host->wake_lock);

	if (wakeref)
		intel_runtime_pm_put(&host->i915->runtime_pm, wakeref);
}

void gvt_host_wake_unpark(struct gvt_host *host)
{
	struct intel_runtime_pm *rpm = &host->i915->runtime_pm;
	intel_wakeref_t wakeref = intel_runtime_pm_get(rpm);

	spin_lock(&host->wake_lock);
	host->wakes += host->parked;
	host->parked = 0;
	if (host->wakes && !host->wakeref)
		swap(wakeref, host->wakeref);
	spin_unlock(&host->wake_lock);

	if (wakeref)
		intel_runtime_pm_put(rpm, wakeref);
}

void gvt_shim_forcewake_get(struct drm_i915_private *i915)
{
	intel_uncore_forcewake_get(&i915->uncore, FORCEWAKE_ALL);
}

void gvt_shim_forcewake_put(struct drm_i915_private *i915)
{
	intel_uncore_forcewake_put(&i915->uncore, FORCEWAKE_ALL);
}

u32 gvt_shim_mmio_read32(struct drm_i915_private *i915, u32 offset)
{
	return intel_uncore_read_fw(&i915->uncore, _MMIO(offset));
}

void gvt_shim_mmio_write32(struct drm_i915_private *i915, u32 offset, u32 value)
{
	intel_uncore_write_fw(&i915->uncore, _MMIO(offset), value);
}

/* So that i915 does not take our reads for an access of its own gone wrong. */
void gvt_shim_clear_unclaimed(struct drm_i915_private *i915)
{
	intel_uncore_unclaimed_mmio(&i915->uncore);
}

bool gvt_shim_mmio_enter(struct gvt_host *host, struct gvt_shim_section *section)
{
	struct drm_i915_private *i915 = host->i915;

	section->wakeref = intel_runtime_pm_get_if_in_use(&i915->runtime_pm);
	if (!section->wakeref)
		return false;

	spin_lock_irqsave(&host->mmio_lock, section->flags);
	gvt_shim_forcewake_get(i915);

	return true;
}

void gvt_shim_mmio_leave(struct gvt_host *host,
			 const struct gvt_shim_section *section)
{
	struct drm_i915_private *i915 = host->i915;

	gvt_shim_forcewake_put(i915);
	spin_unlock_irqrestore(&host->mmio_lock, section->flags);

	intel_runtime_pm_put(&i915->runtime_pm, section->wakeref);
}
