// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A picture of a VM as a dma-buf. It has nothing but pages, with references of
 * its own, so that it does not matter to it what becomes of the vGPU.
 */

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "dmabuf.h"

/* What a dma-buf is made of. */
struct kvmgt_dmabuf {
	struct page *const *list;
	const void *pages;
};

int kvmgt_page_pin(struct vfio_device *vdev, unsigned long long iova,
		   struct page **page)
{
	struct page *pinned;
	int ret;

	ret = vfio_pin_pages(vdev, iova, 1, IOMMU_READ | IOMMU_WRITE, &pinned);
	if (ret != 1)
		return ret < 0 ? ret : -EFAULT;
	/* Memory of a device need not count references. */
	if (!folio_try_get(page_folio(pinned))) {
		vfio_unpin_pages(vdev, iova, 1);
		return -EFAULT;
	}
	*page = pinned;
	return 0;
}

void kvmgt_page_unpin(struct vfio_device *vdev, unsigned long long iova)
{
	vfio_unpin_pages(vdev, iova, 1);
}

void kvmgt_page_put(struct page *page)
{
	put_page(page);
}

static struct sg_table *dmabuf_map(struct dma_buf_attachment *attachment,
				   enum dma_data_direction direction)
{
	struct kvmgt_dmabuf *dmabuf = attachment->dmabuf->priv;
	size_t size = attachment->dmabuf->size;
	struct sg_table *table;
	int ret;

	table = kzalloc_obj(*table);
	if (!table)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table_from_pages_segment(table, (struct page **)dmabuf->list,
						size >> PAGE_SHIFT, 0, size,
						dma_get_max_seg_size(attachment->dev),
						GFP_KERNEL);
	if (ret)
		goto free;
	ret = dma_map_sgtable(attachment->dev, table, direction, 0);
	if (ret)
		goto free_table;
	return table;

free_table:
	sg_free_table(table);
free:
	kfree(table);
	return ERR_PTR(ret);
}

static void dmabuf_unmap(struct dma_buf_attachment *attachment,
			 struct sg_table *table,
			 enum dma_data_direction direction)
{
	dma_unmap_sgtable(attachment->dev, table, direction, 0);
	sg_free_table(table);
	kfree(table);
}

static void dmabuf_release(struct dma_buf *dma_buf)
{
	struct kvmgt_dmabuf *dmabuf = dma_buf->priv;

	kvmgt_pages_put(dmabuf->pages);
	kfree(dmabuf);
}

static const struct dma_buf_ops dmabuf_ops = {
	.map_dma_buf	= dmabuf_map,
	.unmap_dma_buf	= dmabuf_unmap,
	.release	= dmabuf_release,
};

static struct dma_buf *dmabuf_new(struct page *const *list, unsigned long count,
				  const void *pages)
{
	/* It holds this module. */
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct kvmgt_dmabuf *dmabuf;
	struct dma_buf *dma_buf;

	dmabuf = kzalloc_obj(*dmabuf, GFP_KERNEL_ACCOUNT);
	if (!dmabuf)
		return ERR_PTR(-ENOMEM);
	dmabuf->list = list;
	dmabuf->pages = pages;
	info.ops = &dmabuf_ops;
	info.size = count << PAGE_SHIFT;
	info.flags = O_RDWR;
	info.priv = dmabuf;
	dma_buf = dma_buf_export(&info);
	if (IS_ERR(dma_buf))
		kfree(dmabuf);
	return dma_buf;
}

int kvmgt_dmabuf_export(struct page *const *list, unsigned long count,
			const void *pages)
{
	struct dma_buf *dma_buf;
	int fd;

	dma_buf = dmabuf_new(list, count, pages);
	if (IS_ERR(dma_buf)) {
		kvmgt_pages_put(pages);
		return PTR_ERR(dma_buf);
	}
	fd = dma_buf_fd(dma_buf, O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(dma_buf);
	return fd;
}

MODULE_IMPORT_NS("DMA_BUF");
