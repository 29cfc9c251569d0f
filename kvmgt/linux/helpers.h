/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What kvmgt's Rust code calls in C: only what the kernel offers as macros or
 * inline functions that the kernel crate has no abstraction for.
 *
 * bindgen reads this file alone, so it includes nothing.
 */
#ifndef _KVMGT_HELPERS_H
#define _KVMGT_HELPERS_H

struct attribute_group;
struct bin_attribute;
struct device;
struct eventfd_ctx;
struct mem_cgroup;
struct module;
struct page;
struct pci_dev;
struct spinlock;
struct vfio_device;
struct vfio_info_cap;
struct vfio_irq_set;
struct vm_area_struct;

/* What one module offers to the other, or needs of it. */
struct kvmgt_interface {
	unsigned short major;
	unsigned short minor;
	unsigned long long features;
	unsigned long long layout;	/* hash of that minor version */
};

/* The attributes of a driver that say this. */
const struct attribute_group **
kvmgt_driver_groups(const struct kvmgt_interface *offers,
		    const struct kvmgt_interface *needs);

/* Gives a dynamically made attribute a lockdep class. */
void kvmgt_bin_attr_init(struct bin_attribute *attr);

/*
 * The next GPU behind @from (all, if it is NULL) that i915 drives, or NULL.
 * Takes a reference on what it returns and gives back the one on @from.
 */
struct pci_dev *kvmgt_next_i915(struct pci_dev *from);

/* Whether i915 published its GVT-g device as a child of @gpu. */
_Bool kvmgt_has_gvt_device(struct pci_dev *gpu);

/* @index, or 0 if it is not below @size, to speculation too. */
unsigned long kvmgt_index_nospec(unsigned long index, unsigned long size);

/* Holds the module of the driver that @dev is bound to, or returns NULL. */
struct module *kvmgt_get_driver(struct device *dev);

/* Whether the calling task was killed. */
_Bool kvmgt_must_die(void);

/* Bytes of a task's name, with its end. */
#define KVMGT_TASK_NAME 16

/* The process that calls: its number, and its name in @name. */
int kvmgt_current_process(char name[KVMGT_TASK_NAME]);

/*
 * Pins the page at @iova of the guest's memory and maps it for @dma, for
 * reading and writing. Sleeps.
 */
int kvmgt_pin(struct vfio_device *vdev, struct device *dma,
	      unsigned long long iova, unsigned long long *address);
void kvmgt_unpin(struct vfio_device *vdev, struct device *dma,
		 unsigned long long iova, unsigned long long address);

/*
 * Reads, or writes, @size bytes at @iova of the guest's memory. Sleep; also for
 * a thread of the kernel.
 */
int kvmgt_guest_read(struct vfio_device *vdev, unsigned long long iova,
		     void *data, unsigned long size);
int kvmgt_guest_write(struct vfio_device *vdev, unsigned long long iova,
		      const void *data, unsigned long size);

/*
 * A page of zeroes that @dma reads, on the account of the calling task, or
 * NULL. Sleeps.
 */
void *kvmgt_table_alloc(struct device *dma, unsigned long long *address);
void kvmgt_table_free(struct device *dma, void *table, unsigned long long address);
/* Has the processor's cache give away what it holds of @size bytes. */
void kvmgt_table_flush(void *table, unsigned long size);

/* On whose account the calling process allocates; holds a reference, or NULL. */
struct mem_cgroup *kvmgt_account_get(void);
void kvmgt_account_put(struct mem_cgroup *account);
/* Has the calling task allocate on an account; returns the one of before. */
struct mem_cgroup *kvmgt_account_charge(struct mem_cgroup *account);

/* A spinlock that is held with interrupts off. */
unsigned long kvmgt_lock_irqsave(struct spinlock *lock);
_Bool kvmgt_trylock_irqsave(struct spinlock *lock, unsigned long *flags);
void kvmgt_unlock_irqrestore(struct spinlock *lock, unsigned long flags);

/* The eventfd that @fd names, or an error number. */
struct eventfd_ctx *kvmgt_eventfd_get(int fd);
void kvmgt_eventfd_put(struct eventfd_ctx *event);
/* Does not sleep. */
void kvmgt_eventfd_signal(struct eventfd_ctx *event);

/* Adds the one part of a region that may be mapped to its description. */
int kvmgt_add_sparse_area(struct vfio_info_cap *caps, unsigned long long offset,
			  unsigned long long size);

/* Says in a region's description what it is, where its index does not. */
int kvmgt_add_region_type(struct vfio_info_cap *caps, unsigned int type,
			  unsigned int subtype);

/* Checks what does not depend on the device; @size gets the bytes of data. */
int kvmgt_check_irq_set(struct vfio_irq_set *set, unsigned int count,
			unsigned long *size);

/* Makes @vma one whose pages the driver inserts, write-combined. */
void kvmgt_prepare_vma(struct vm_area_struct *vma);

/* Tracepoints of vGPUs, with the names and fields of the C GVT-g. */
void kvmgt_trace_write_ir(unsigned int id, const char *name, unsigned long len,
			  unsigned int reg, unsigned int new_val,
			  unsigned int old_val);
void kvmgt_trace_propagate_event(unsigned int id, const char *name,
				 unsigned long len, unsigned int bit);
void kvmgt_trace_inject_msi(unsigned int id, unsigned int address,
			    unsigned int data);

/* Tracepoints of vGPUs that the C GVT-g did not have. */
void kvmgt_trace_workload_start(unsigned int id, const char *engine,
				unsigned long len, unsigned long long context);
void kvmgt_trace_workload_end(unsigned int id, const char *engine,
			      unsigned long len, unsigned long long serial,
			      unsigned int outcome);
void kvmgt_trace_write_tracked(unsigned int id, unsigned long long gpa,
			       unsigned int bytes);

/* Tracepoints of system "gvt". @dev is the name of an i915.gvt.N device. */
void kvmgt_trace_attach(const char *dev, unsigned int major, unsigned int minor,
			unsigned long long features, unsigned int tracked,
			unsigned int lacking);
void kvmgt_trace_detach(const char *dev);
void kvmgt_trace_suspend(const char *dev);
void kvmgt_trace_resume(const char *dev);

#endif
