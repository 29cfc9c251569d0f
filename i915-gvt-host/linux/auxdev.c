// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The auxiliary device i915.gvt.N that kvmgt binds to, N being the number of
 * the card's primary DRM minor, and its attributes.
 */

#include <linux/auxiliary_bus.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include <drm/drm_file.h>

#include "host.h"
#include "i915_drv.h"

struct gvt_auxdev {
	struct auxiliary_device adev;
	struct gvt_shim_offer offer;
};

static const struct gvt_shim_offer *to_offer(struct device *dev)
{
	struct auxiliary_device *adev = to_auxiliary_dev(dev);

	return &container_of(adev, struct gvt_auxdev, adev)->offer;
}

static ssize_t show_version(const struct gvt_shim_interface *interface, char *buf)
{
	return sysfs_emit(buf, "%u.%u\n", interface->major, interface->minor);
}

static ssize_t show_features(const struct gvt_shim_interface *interface, char *buf)
{
	return sysfs_emit(buf, "0x%llx\n", interface->features);
}

static ssize_t show_layout(const struct gvt_shim_interface *interface, char *buf)
{
	return sysfs_emit(buf, "0x%016llx\n", interface->layout);
}

static ssize_t interface_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	return show_version(&to_offer(dev)->offers, buf);
}
static DEVICE_ATTR_RO(interface);

static ssize_t features_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return show_features(&to_offer(dev)->offers, buf);
}
static DEVICE_ATTR_RO(features);

static ssize_t layout_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return show_layout(&to_offer(dev)->offers, buf);
}
static DEVICE_ATTR_RO(layout);

static ssize_t needs_interface_show(struct device *dev,
				    struct device_attribute *attr, char *buf)
{
	return show_version(&to_offer(dev)->needs, buf);
}
static DEVICE_ATTR_RO(needs_interface);

static ssize_t needs_features_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	return show_features(&to_offer(dev)->needs, buf);
}
static DEVICE_ATTR_RO(needs_features);

static ssize_t needs_layout_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	return show_layout(&to_offer(dev)->needs, buf);
}
static DEVICE_ATTR_RO(needs_layout);

static ssize_t snapshot_time_show(struct device *dev,
				  struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", to_offer(dev)->snapshot_time);
}
static DEVICE_ATTR_RO(snapshot_time);

static ssize_t snapshot_pristine_show(struct device *dev,
				      struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", to_offer(dev)->snapshot_pristine);
}
static DEVICE_ATTR_RO(snapshot_pristine);

static struct attribute *gvt_auxdev_attrs[] = {
	&dev_attr_interface.attr,
	&dev_attr_features.attr,
	&dev_attr_layout.attr,
	&dev_attr_needs_interface.attr,
	&dev_attr_needs_features.attr,
	&dev_attr_needs_layout.attr,
	&dev_attr_snapshot_time.attr,
	&dev_attr_snapshot_pristine.attr,
	NULL
};
ATTRIBUTE_GROUPS(gvt_auxdev);

static void gvt_auxdev_release(struct device *dev)
{
	struct auxiliary_device *adev = to_auxiliary_dev(dev);

	kfree(container_of(adev, struct gvt_auxdev, adev));
}

/*
 * A kvmgt that is loaded already probes inside this call, so all that the
 * table can reach must be ready.
 */
struct gvt_auxdev *gvt_auxdev_create(struct drm_i915_private *i915,
				     const struct gvt_shim_offer *offer)
{
	struct gvt_auxdev *gvt;
	int ret;

	gvt = kzalloc_obj(*gvt);
	if (!gvt)
		return ERR_PTR(-ENOMEM);

	gvt->offer = *offer;
	gvt->adev.name = "gvt";
	gvt->adev.id = i915->drm.primary->index;
	gvt->adev.dev.parent = i915->drm.dev;
	gvt->adev.dev.release = gvt_auxdev_release;
	gvt->adev.dev.groups = gvt_auxdev_groups;
	gvt->adev.dev.platform_data = (void *)offer->table;

	ret = auxiliary_device_init(&gvt->adev);
	if (ret) {
		kfree(gvt);
		return ERR_PTR(ret);
	}

	ret = auxiliary_device_add(&gvt->adev);
	if (ret) {
		auxiliary_device_uninit(&gvt->adev);
		return ERR_PTR(ret);
	}

	return gvt;
}

/* Returns after the client's unbind. */
void gvt_auxdev_destroy(struct gvt_auxdev *gvt)
{
	auxiliary_device_delete(&gvt->adev);
	auxiliary_device_uninit(&gvt->adev);
}
