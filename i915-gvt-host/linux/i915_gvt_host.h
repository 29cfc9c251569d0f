/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What i915's own files see of the GVT-g host half: the hooks that the patch
 * puts into them. Each costs nothing when DRM_I915_GVT_HOST is off.
 */

#ifndef _I915_GVT_HOST_H_
#define _I915_GVT_HOST_H_

#include <linux/kconfig.h>

struct attribute_group;
struct drm_i915_private;
struct i915_request;
struct intel_engine_cs;
struct pci_dev;
struct pci_device_id;

#if IS_ENABLED(CONFIG_DRM_I915_GVT_HOST)

/* Attributes of the PCI device while i915 is bound to it. */
extern const struct attribute_group *i915_gvt_host_groups[];

int i915_gvt_host_module_init(void);
void i915_gvt_host_module_exit(void);

/* Probe, before i915 touches the device; after it reset the engines; last. */
void i915_gvt_host_capture_config(struct pci_dev *pdev,
				  const struct pci_device_id *ent);
void i915_gvt_host_capture_mmio(struct drm_i915_private *i915);
void i915_gvt_host_add(struct drm_i915_private *i915);

/* Before anything is taken from userspace or from the GT. */
void i915_gvt_host_remove(struct drm_i915_private *i915);

/* System sleep: both may come twice, and the second without the first. */
void i915_gvt_host_suspend(struct drm_i915_private *i915);
void i915_gvt_host_resume(struct drm_i915_private *i915);

/* A context is about to be given to the engine, or was saved. Atomic. */
void i915_gvt_host_schedule_in(struct i915_request *rq);
void i915_gvt_host_schedule_out(struct i915_request *rq);

/*
 * i915 has just restored the GGTT and the fence registers as it knows them: ours
 * are zero, and after system sleep our part of the GGTT may be anything.
 */
void i915_gvt_host_restore(struct drm_i915_private *i915);

#else

#define i915_gvt_host_groups NULL

static inline int i915_gvt_host_module_init(void)
{
	return 0;
}

static inline void i915_gvt_host_module_exit(void)
{
}

static inline void
i915_gvt_host_capture_config(struct pci_dev *pdev,
			     const struct pci_device_id *ent)
{
}

static inline void i915_gvt_host_capture_mmio(struct drm_i915_private *i915)
{
}

static inline void i915_gvt_host_add(struct drm_i915_private *i915)
{
}

static inline void i915_gvt_host_remove(struct drm_i915_private *i915)
{
}

static inline void i915_gvt_host_suspend(struct drm_i915_private *i915)
{
}

static inline void i915_gvt_host_resume(struct drm_i915_private *i915)
{
}

static inline void i915_gvt_host_schedule_in(struct i915_request *rq)
{
}

static inline void i915_gvt_host_schedule_out(struct i915_request *rq)
{
}

static inline void i915_gvt_host_restore(struct drm_i915_private *i915)
{
}

#endif /* CONFIG_DRM_I915_GVT_HOST */

#endif /* _I915_GVT_HOST_H_ */
