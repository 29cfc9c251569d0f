// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Macros and inline functions of the kernel, as functions that Rust can call.
 */

#include <linux/device.h>
#include <linux/device/driver.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "helpers.h"

/* The name of i915's PCI driver. */
#define I915_DRIVER_NAME "i915"
/* What the names of its GVT-g devices begin with. */
#define GVT_DEVICE_PREFIX "i915.gvt."

void kvmgt_bin_attr_init(struct bin_attribute *attr)
{
	sysfs_bin_attr_init(attr);
}

static bool driven_by_i915(struct pci_dev *gpu)
{
	bool driven;

	/* Waits for a probe or removal that is under way. */
	device_lock(&gpu->dev);
	driven = gpu->dev.driver && !strcmp(gpu->dev.driver->name, I915_DRIVER_NAME);
	device_unlock(&gpu->dev);
	return driven;
}

struct pci_dev *kvmgt_next_i915(struct pci_dev *from)
{
	while ((from = pci_get_base_class(PCI_BASE_CLASS_DISPLAY, from))) {
		if (driven_by_i915(from))
			break;
	}
	return from;
}

static int is_gvt_device(struct device *dev, void *unused)
{
	return str_has_prefix(dev_name(dev), GVT_DEVICE_PREFIX) != 0;
}

bool kvmgt_has_gvt_device(struct pci_dev *gpu)
{
	return device_for_each_child(&gpu->dev, NULL, is_gvt_device) != 0;
}
