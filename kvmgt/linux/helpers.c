// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Macros and inline functions of the kernel, as functions that Rust can call.
 */

#include <linux/device.h>
#include <linux/device/driver.h>
#include <linux/dma-mapping.h>
#include <linux/eventfd.h>
#include <linux/iommu.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/vfio.h>

#include <asm/cacheflush.h>

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

unsigned long kvmgt_index_nospec(unsigned long index, unsigned long size)
{
	return array_index_nospec(index, size);
}

struct module *kvmgt_get_driver(struct device *dev)
{
	struct module *owner = dev->driver ? dev->driver->owner : NULL;

	return owner && try_module_get(owner) ? owner : NULL;
}

bool kvmgt_must_die(void)
{
	return fatal_signal_pending(current);
}

static_assert(KVMGT_TASK_NAME == TASK_COMM_LEN);

int kvmgt_current_process(char name[KVMGT_TASK_NAME])
{
	strscpy_pad(name, current->group_leader->comm, KVMGT_TASK_NAME);
	return task_tgid_nr(current);
}

int kvmgt_pin(struct vfio_device *vdev, struct device *dma,
	      unsigned long long iova, unsigned long long *address)
{
	struct page *page;
	int ret;

	ret = vfio_pin_pages(vdev, iova, 1, IOMMU_READ | IOMMU_WRITE, &page);
	if (ret != 1)
		return ret < 0 ? ret : -EFAULT;
	*address = dma_map_page(dma, page, 0, PAGE_SIZE, DMA_BIDIRECTIONAL);
	if (dma_mapping_error(dma, *address)) {
		vfio_unpin_pages(vdev, iova, 1);
		return -ENOMEM;
	}
	return 0;
}

void kvmgt_unpin(struct vfio_device *vdev, struct device *dma,
		 unsigned long long iova, unsigned long long address)
{
	dma_unmap_page(dma, address, PAGE_SIZE, DMA_BIDIRECTIONAL);
	vfio_unpin_pages(vdev, iova, 1);
}

int kvmgt_guest_read(struct vfio_device *vdev, unsigned long long iova,
		     void *data, unsigned long size)
{
	return vfio_dma_rw(vdev, iova, data, size, false);
}

int kvmgt_guest_write(struct vfio_device *vdev, unsigned long long iova,
		      const void *data, unsigned long size)
{
	return vfio_dma_rw(vdev, iova, (void *)data, size, true);
}

void *kvmgt_table_alloc(struct device *dma, unsigned long long *address)
{
	dma_addr_t handle;
	void *table;

	/*
	 * What is allocated so is never bounced: the device sees what is
	 * written later, too.
	 */
	table = dma_alloc_noncoherent(dma, PAGE_SIZE, &handle, DMA_BIDIRECTIONAL,
				      GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (table)
		*address = handle;
	return table;
}

void kvmgt_table_free(struct device *dma, void *table, unsigned long long address)
{
	dma_free_noncoherent(dma, PAGE_SIZE, table, address, DMA_BIDIRECTIONAL);
}

void kvmgt_table_flush(void *table, unsigned long size)
{
	clflush_cache_range(table, size);
}

struct mem_cgroup *kvmgt_account_get(void)
{
	return get_mem_cgroup_from_mm(current->mm);
}

void kvmgt_account_put(struct mem_cgroup *account)
{
	mem_cgroup_put(account);
}

struct mem_cgroup *kvmgt_account_charge(struct mem_cgroup *account)
{
	return set_active_memcg(account);
}

unsigned long kvmgt_lock_irqsave(spinlock_t *lock)
{
	unsigned long flags;

	spin_lock_irqsave(lock, flags);
	return flags;
}

bool kvmgt_trylock_irqsave(spinlock_t *lock, unsigned long *flags)
{
	return spin_trylock_irqsave(lock, *flags);
}

void kvmgt_unlock_irqrestore(spinlock_t *lock, unsigned long flags)
{
	spin_unlock_irqrestore(lock, flags);
}

struct eventfd_ctx *kvmgt_eventfd_get(int fd)
{
	return eventfd_ctx_fdget(fd);
}

void kvmgt_eventfd_put(struct eventfd_ctx *event)
{
	eventfd_ctx_put(event);
}

void kvmgt_eventfd_signal(struct eventfd_ctx *event)
{
	eventfd_signal(event);
}

int kvmgt_add_sparse_area(struct vfio_info_cap *caps, unsigned long long offset,
			  unsigned long long size)
{
	DEFINE_RAW_FLEX(struct vfio_region_info_cap_sparse_mmap, sparse, areas, 1);

	sparse->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	sparse->header.version = 1;
	sparse->nr_areas = 1;
	sparse->areas[0].offset = offset;
	sparse->areas[0].size = size;
	return vfio_info_add_capability(caps, &sparse->header,
					__struct_size(sparse));
}

int kvmgt_add_region_type(struct vfio_info_cap *caps, unsigned int type,
			  unsigned int subtype)
{
	struct vfio_region_info_cap_type cap = {
		.header.id = VFIO_REGION_INFO_CAP_TYPE,
		.header.version = 1,
		.type = type,
		.subtype = subtype,
	};

	return vfio_info_add_capability(caps, &cap.header, sizeof(cap));
}

int kvmgt_check_irq_set(struct vfio_irq_set *set, unsigned int count,
			unsigned long *size)
{
	return vfio_set_irqs_validate_and_prepare(set, count, VFIO_PCI_NUM_IRQS, size);
}

void kvmgt_prepare_vma(struct vm_area_struct *vma)
{
	vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
}
