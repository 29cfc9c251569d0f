/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Between mdev.c, which has the tables of operations that mdev, VFIO and the
 * driver core call, and the Rust code behind them.
 *
 * bindgen reads this file alone, so it includes nothing. A "vgpu" is what
 * kvmgt_vgpu_new() returned, a "gpu" what kvmgt_parent_register() was given.
 */
#ifndef _KVMGT_MDEV_H
#define _KVMGT_MDEV_H

struct device;
struct kvmgt_parent;
struct vfio_device;
struct vfio_info_cap;
struct vfio_region_info;
struct vm_area_struct;

/* The most types of vGPUs that a GPU has. */
#define KVMGT_MAX_TYPES 8
/* Bytes of the name of a type, with its end. */
#define KVMGT_TYPE_NAME 16

/* Attributes that may be set while nobody has the vGPU open. */
#define KVMGT_ATTRIBUTE_RESOLUTION 0
#define KVMGT_ATTRIBUTE_DISPLAY 1

/* A type of vGPUs: its name, and what Rust knows it by. */
struct kvmgt_kind {
	char name[KVMGT_TYPE_NAME];
	unsigned int index;
};

/* In C. */

/* Makes the mdev driver known: once, while the module is loaded. */
int kvmgt_mdev_init(void);
void kvmgt_mdev_exit(void);

/*
 * Offers types of vGPUs on @dev: users may create some before it returns. The
 * other one returns when all vGPUs are gone, which may take as long as
 * somebody has one open.
 */
struct kvmgt_parent *kvmgt_parent_register(struct device *dev, const void *gpu,
					   const struct kvmgt_kind *kinds,
					   unsigned int count);
void kvmgt_parent_unregister(struct kvmgt_parent *parent);

/* Whether a line may be printed about a vGPU, or there were too many. */
_Bool kvmgt_may_complain(struct vfio_device *vdev);

/* Takes away what is mapped of a part of the device's file. */
void kvmgt_unmap(struct vfio_device *vdev, unsigned long long offset,
		 unsigned long long size);

/* In Rust. Errors are negative error numbers, or such as pointers. */

/* How many more vGPUs of a type there can be. Sleeps. */
unsigned int kvmgt_type_available(const void *gpu, unsigned int kind);
/* Writes the description of a type into a page. */
long kvmgt_type_describe(unsigned int kind, char *page);

/* Makes a vGPU, which nobody has open. @mdev and @vdev stay until it is freed. */
void *kvmgt_vgpu_new(const void *gpu, unsigned int kind, struct device *mdev,
		     struct vfio_device *vdev);
void kvmgt_vgpu_free(void *vgpu);
unsigned int kvmgt_vgpu_id(const void *vgpu);

/*
 * Read and write one of a vGPU's KVMGT_ATTRIBUTE_*; wait for no client. Return
 * how many bytes were written into @page, or taken of @text.
 */
long kvmgt_vgpu_show(const void *vgpu, unsigned int attribute, char *page);
long kvmgt_vgpu_store(const void *vgpu, unsigned int attribute, const char *text,
		      unsigned long count);

/* As the operations of struct vfio_device_ops. */
int kvmgt_vgpu_open(const void *vgpu);
void kvmgt_vgpu_close(const void *vgpu);
long kvmgt_vgpu_read(const void *vgpu, char *buf, unsigned long count,
		     long long *pos);
long kvmgt_vgpu_write(const void *vgpu, const char *buf, unsigned long count,
		      long long *pos);
long kvmgt_vgpu_ioctl(const void *vgpu, unsigned int cmd, unsigned long arg);
int kvmgt_vgpu_region_info(const void *vgpu, struct vfio_region_info *info,
			   struct vfio_info_cap *caps);
int kvmgt_vgpu_mmap(const void *vgpu, struct vm_area_struct *vma);
void kvmgt_vgpu_request(const void *vgpu, unsigned int count);
void kvmgt_vgpu_dma_unmap(const void *vgpu, unsigned long long iova,
			  unsigned long long length);

#endif
