/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Between dmabuf.c, which makes dma-bufs of a VM's pages, and the Rust code
 * that has the pages.
 *
 * bindgen reads this file alone, so it includes nothing.
 */
#ifndef _KVMGT_DMABUF_H
#define _KVMGT_DMABUF_H

struct page;
struct vfio_device;

/* In C. Errors are negative error numbers. All sleep. */

/*
 * Pins the page at @iova of the guest's memory, for reading and writing, and
 * takes a reference on it beside that. Unpinning leaves the reference.
 */
int kvmgt_page_pin(struct vfio_device *vdev, unsigned long long iova,
		   struct page **page);
void kvmgt_page_unpin(struct vfio_device *vdev, unsigned long long iova);
void kvmgt_page_put(struct page *page);

/*
 * Makes a dma-buf of @count pages, and a descriptor for it in the calling
 * process, which it returns. @list stays as long as @pages, which is given back
 * when the dma-buf goes, or at once if there is none.
 */
int kvmgt_dmabuf_export(struct page *const *list, unsigned long count,
			const void *pages);

/* In Rust. */

/* Gives @pages back. Sleeps. */
void kvmgt_pages_put(const void *pages);

#endif
