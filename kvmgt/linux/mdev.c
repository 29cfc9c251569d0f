// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The tables of operations by which mdev and VFIO reach vGPUs. All of them
 * only pass the call on to Rust; what is here is what C's types force.
 */

#include <linux/completion.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "mdev.h"

/* A vGPU may print so many lines in so long a time. */
#define COMPLAINTS_BURST	10
#define COMPLAINTS_INTERVAL	(5 * HZ)

/* A vGPU, as VFIO knows it. */
struct kvmgt_vgpu {
	/* VFIO allocates and frees all of the structure by it. */
	struct vfio_device vdev;
	/* The vGPU in Rust. */
	void *rust;
	struct ratelimit_state complaints;
	/* Completed when VFIO has let go of it. */
	struct completion *released;
};

struct kvmgt_type {
	struct mdev_type mdev;
	struct kvmgt_kind kind;
};

/* A GPU that vGPUs can be made of. */
struct kvmgt_parent {
	struct mdev_parent mdev;
	const void *gpu;
	struct mdev_type *list[KVMGT_MAX_TYPES];
	struct kvmgt_type types[KVMGT_MAX_TYPES];
};

static struct kvmgt_vgpu *to_vgpu(struct vfio_device *vdev)
{
	return container_of(vdev, struct kvmgt_vgpu, vdev);
}

static struct kvmgt_type *to_type(struct mdev_type *mtype)
{
	return container_of(mtype, struct kvmgt_type, mdev);
}

static const void *to_gpu(struct mdev_type *mtype)
{
	return container_of(mtype->parent, struct kvmgt_parent, mdev)->gpu;
}

/* VFIO */

static int vgpu_init(struct vfio_device *vdev)
{
	struct mdev_type *mtype = to_mdev_device(vdev->dev)->type;
	struct kvmgt_vgpu *vgpu = to_vgpu(vdev);

	ratelimit_state_init(&vgpu->complaints, COMPLAINTS_INTERVAL, COMPLAINTS_BURST);
	vgpu->rust = kvmgt_vgpu_new(to_gpu(mtype), to_type(mtype)->kind.index,
				    vdev->dev, vdev);
	return PTR_ERR_OR_ZERO(vgpu->rust);
}

static void vgpu_release(struct vfio_device *vdev)
{
	struct kvmgt_vgpu *vgpu = to_vgpu(vdev);

	kvmgt_vgpu_free(vgpu->rust);
	complete(vgpu->released);
}

static int vgpu_open(struct vfio_device *vdev)
{
	return kvmgt_vgpu_open(to_vgpu(vdev)->rust);
}

static void vgpu_close(struct vfio_device *vdev)
{
	kvmgt_vgpu_close(to_vgpu(vdev)->rust);
}

static ssize_t vgpu_read(struct vfio_device *vdev, char __user *buf,
			 size_t count, loff_t *pos)
{
	return kvmgt_vgpu_read(to_vgpu(vdev)->rust, (__force char *)buf, count, pos);
}

static ssize_t vgpu_write(struct vfio_device *vdev, const char __user *buf,
			  size_t count, loff_t *pos)
{
	return kvmgt_vgpu_write(to_vgpu(vdev)->rust, (__force const char *)buf, count, pos);
}

static long vgpu_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	return kvmgt_vgpu_ioctl(to_vgpu(vdev)->rust, cmd, arg);
}

static int vgpu_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
			    struct vfio_info_cap *caps)
{
	return kvmgt_vgpu_region_info(to_vgpu(vdev)->rust, info, caps);
}

static int vgpu_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	return kvmgt_vgpu_mmap(to_vgpu(vdev)->rust, vma);
}

static void vgpu_request(struct vfio_device *vdev, unsigned int count)
{
	kvmgt_vgpu_request(to_vgpu(vdev)->rust, count);
}

static void vgpu_dma_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	kvmgt_vgpu_dma_unmap(to_vgpu(vdev)->rust, iova, length);
}

static const struct vfio_device_ops vgpu_ops = {
	.name			= "kvmgt",
	.init			= vgpu_init,
	.release		= vgpu_release,
	.open_device		= vgpu_open,
	.close_device		= vgpu_close,
	.read			= vgpu_read,
	.write			= vgpu_write,
	.ioctl			= vgpu_ioctl,
	.get_region_info_caps	= vgpu_region_info,
	.mmap			= vgpu_mmap,
	.request		= vgpu_request,
	.dma_unmap		= vgpu_dma_unmap,
	.bind_iommufd		= vfio_iommufd_emulated_bind,
	.unbind_iommufd		= vfio_iommufd_emulated_unbind,
	.attach_ioas		= vfio_iommufd_emulated_attach_ioas,
	.detach_ioas		= vfio_iommufd_emulated_detach_ioas,
};

bool kvmgt_may_complain(struct vfio_device *vdev)
{
	return __ratelimit(&to_vgpu(vdev)->complaints);
}

void kvmgt_unmap(struct vfio_device *vdev, u64 offset, u64 size)
{
	unmap_mapping_range(vdev->inode->i_mapping, offset, size, true);
}

/* mdev */

/*
 * VFIO may hold the device for a moment longer than we do: what it holds leads
 * to the GPU, so that it is waited for.
 */
static void put_vgpu(struct kvmgt_vgpu *vgpu)
{
	DECLARE_COMPLETION_ONSTACK(released);

	vgpu->released = &released;
	vfio_put_device(&vgpu->vdev);
	wait_for_completion(&released);
}

static int vgpu_probe(struct mdev_device *mdev)
{
	struct kvmgt_vgpu *vgpu;
	int ret;

	vgpu = vfio_alloc_device(kvmgt_vgpu, vdev, &mdev->dev, &vgpu_ops);
	if (IS_ERR(vgpu))
		return PTR_ERR(vgpu);
	dev_set_drvdata(&mdev->dev, vgpu);
	ret = vfio_register_emulated_iommu_dev(&vgpu->vdev);
	if (ret)
		put_vgpu(vgpu);
	return ret;
}

static void vgpu_remove(struct mdev_device *mdev)
{
	struct kvmgt_vgpu *vgpu = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&vgpu->vdev);
	put_vgpu(vgpu);
}

static unsigned int type_available(struct mdev_type *mtype)
{
	return kvmgt_type_available(to_gpu(mtype), to_type(mtype)->kind.index);
}

static ssize_t type_description(struct mdev_type *mtype, char *buf)
{
	return kvmgt_type_describe(to_type(mtype)->kind.index, buf);
}

static ssize_t vgpu_id_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct kvmgt_vgpu *vgpu = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", kvmgt_vgpu_id(vgpu->rust));
}
static DEVICE_ATTR_RO(vgpu_id);

static ssize_t resolution_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct kvmgt_vgpu *vgpu = dev_get_drvdata(dev);

	return kvmgt_vgpu_show(vgpu->rust, KVMGT_ATTRIBUTE_RESOLUTION, buf);
}

static ssize_t resolution_store(struct device *dev, struct device_attribute *attr,
				const char *buf, size_t count)
{
	struct kvmgt_vgpu *vgpu = dev_get_drvdata(dev);

	return kvmgt_vgpu_store(vgpu->rust, KVMGT_ATTRIBUTE_RESOLUTION, buf, count);
}
static DEVICE_ATTR_RW(resolution);

static ssize_t display_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct kvmgt_vgpu *vgpu = dev_get_drvdata(dev);

	return kvmgt_vgpu_show(vgpu->rust, KVMGT_ATTRIBUTE_DISPLAY, buf);
}

static ssize_t display_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t count)
{
	struct kvmgt_vgpu *vgpu = dev_get_drvdata(dev);

	return kvmgt_vgpu_store(vgpu->rust, KVMGT_ATTRIBUTE_DISPLAY, buf, count);
}
static DEVICE_ATTR_RW(display);

static struct attribute *vgpu_attrs[] = {
	&dev_attr_vgpu_id.attr,
	&dev_attr_resolution.attr,
	&dev_attr_display.attr,
	NULL
};

static const struct attribute_group vgpu_group = {
	.name	= "intel_vgpu",
	.attrs	= vgpu_attrs,
};
__ATTRIBUTE_GROUPS(vgpu);

static struct mdev_driver vgpu_driver = {
	.device_api		= VFIO_DEVICE_API_PCI_STRING,
	.driver = {
		/* The name that users know from the C GVT-g. */
		.name		= "intel_vgpu_mdev",
		/* VFIO holds it while a vGPU is open. */
		.owner		= THIS_MODULE,
		.dev_groups	= vgpu_groups,
	},
	.probe			= vgpu_probe,
	.remove			= vgpu_remove,
	.get_available		= type_available,
	.show_description	= type_description,
};

int kvmgt_mdev_init(void)
{
	return mdev_register_driver(&vgpu_driver);
}

void kvmgt_mdev_exit(void)
{
	mdev_unregister_driver(&vgpu_driver);
}

struct kvmgt_parent *kvmgt_parent_register(struct device *dev, const void *gpu,
					   const struct kvmgt_kind *kinds,
					   unsigned int count)
{
	struct kvmgt_parent *parent;
	unsigned int i;
	int ret;

	if (count > KVMGT_MAX_TYPES)
		return ERR_PTR(-E2BIG);
	parent = kzalloc_obj(*parent);
	if (!parent)
		return ERR_PTR(-ENOMEM);
	parent->gpu = gpu;
	for (i = 0; i < count; i++) {
		struct kvmgt_type *type = &parent->types[i];

		type->kind = kinds[i];
		type->mdev.sysfs_name = type->kind.name;
		parent->list[i] = &type->mdev;
	}
	ret = mdev_register_parent(&parent->mdev, dev, &vgpu_driver, parent->list, count);
	if (ret) {
		kfree(parent);
		return ERR_PTR(ret);
	}
	return parent;
}

void kvmgt_parent_unregister(struct kvmgt_parent *parent)
{
	mdev_unregister_parent(&parent->mdev);
	kfree(parent);
}
