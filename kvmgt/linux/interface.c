// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What kvmgt offers to i915 and needs of it, as attributes of its driver. i915's
 * device has the same ones.
 */

#include <linux/device/driver.h>
#include <linux/sysfs.h>

#include "helpers.h"

static const struct kvmgt_interface *offered, *needed;

static ssize_t show_version(const struct kvmgt_interface *interface, char *buf)
{
	return sysfs_emit(buf, "%u.%u\n", interface->major, interface->minor);
}

static ssize_t show_features(const struct kvmgt_interface *interface, char *buf)
{
	return sysfs_emit(buf, "0x%llx\n", interface->features);
}

static ssize_t show_layout(const struct kvmgt_interface *interface, char *buf)
{
	return sysfs_emit(buf, "0x%016llx\n", interface->layout);
}

static ssize_t interface_show(struct device_driver *drv, char *buf)
{
	return show_version(offered, buf);
}
static DRIVER_ATTR_RO(interface);

static ssize_t features_show(struct device_driver *drv, char *buf)
{
	return show_features(offered, buf);
}
static DRIVER_ATTR_RO(features);

static ssize_t layout_show(struct device_driver *drv, char *buf)
{
	return show_layout(offered, buf);
}
static DRIVER_ATTR_RO(layout);

static ssize_t needs_interface_show(struct device_driver *drv, char *buf)
{
	return show_version(needed, buf);
}
static DRIVER_ATTR_RO(needs_interface);

static ssize_t needs_features_show(struct device_driver *drv, char *buf)
{
	return show_features(needed, buf);
}
static DRIVER_ATTR_RO(needs_features);

static ssize_t needs_layout_show(struct device_driver *drv, char *buf)
{
	return show_layout(needed, buf);
}
static DRIVER_ATTR_RO(needs_layout);

static struct attribute *kvmgt_attrs[] = {
	&driver_attr_interface.attr,
	&driver_attr_features.attr,
	&driver_attr_layout.attr,
	&driver_attr_needs_interface.attr,
	&driver_attr_needs_features.attr,
	&driver_attr_needs_layout.attr,
	NULL
};
ATTRIBUTE_GROUPS(kvmgt);

const struct attribute_group **
kvmgt_driver_groups(const struct kvmgt_interface *offers,
		    const struct kvmgt_interface *needs)
{
	offered = offers;
	needed = needs;
	return kvmgt_groups;
}
