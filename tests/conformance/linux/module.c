// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Binds to a GPU that i915 offers and nobody has, runs the checks, and prints a
 * line for each. With hold=1 it runs none, but has reservations whose contents
 * are looked at when verify is written. It lets go when it is removed.
 */

#include <linux/auxiliary_bus.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/spinlock.h>

/* Where the entries of the GGTT begin in BAR 0 (PRM Vol 5, GTTMMADR). */
#define GTTMMADR_BAR 0
#define GGTT_ENTRIES_SIZE (8 << 20)

/* How often, and how far apart, the GPU is asked to sleep. */
#define SLEEP_TRIES 400
#define SLEEP_WAIT_MS 20

/* As long as a moment is, and the pages for the GPU: DMA_PAGES of the Rust part. */
#define WAIT_MS 5
#define DMA_PAGES 11
#define DMA_SIZE (DMA_PAGES * PAGE_SIZE)

static bool hold;
module_param(hold, bool, 0444);
MODULE_PARM_DESC(hold, "run no checks, but hold reservations");

static bool beside;
module_param(beside, bool, 0444);
MODULE_PARM_DESC(beside, "others have work for the GPU, too");

/* The Rust part. */
int gvt_conformance_run(const void *platform_data);
int gvt_conformance_hold(const void *platform_data);
int gvt_conformance_verify(void);
void gvt_conformance_release(void);

/* What it calls. */
u64 gvt_conformance_ggtt_entry(u64 page);
void gvt_conformance_locked(void (*f)(void *data), void *data);
int gvt_conformance_parallel(u32 threads, void (*f)(void *data, u32 thread), void *data);
bool gvt_conformance_sleep(void);
bool gvt_conformance_alone(void);
void gvt_conformance_wait(void);
u64 gvt_conformance_dma_address(size_t page);
u64 *gvt_conformance_dma_entry(size_t page, size_t index);

/* Of the following, and of what the Rust part holds. */
static DEFINE_MUTEX(lock);
static struct auxiliary_device *bound;
static struct pci_dev *gpu;
static u64 __iomem *entries;
static void *dma_pages;
static dma_addr_t dma_start;

u64 gvt_conformance_ggtt_entry(u64 page)
{
	u64 entry;

	if (page >= GGTT_ENTRIES_SIZE / sizeof(u64))
		return ~0ull;

	/* A GPU that sleeps has none. */
	pm_runtime_get_sync(&gpu->dev);
	entry = readq(&entries[page]);
	pm_runtime_mark_last_busy(&gpu->dev);
	pm_runtime_put_autosuspend(&gpu->dev);

	return entry;
}

void gvt_conformance_locked(void (*f)(void *data), void *data)
{
	static DEFINE_SPINLOCK(spin);

	spin_lock_bh(&spin);
	f(data);
	spin_unlock_bh(&spin);
}

struct worker {
	struct completion done;
	void (*f)(void *data, u32 thread);
	void *data;
	u32 thread;
};

static int work(void *data)
{
	struct worker *worker = data;

	worker->f(worker->data, worker->thread);
	complete(&worker->done);
	return 0;
}

int gvt_conformance_parallel(u32 threads, void (*f)(void *data, u32 thread), void *data)
{
	struct worker *workers;
	int ret = 0;
	u32 n;

	workers = kcalloc(threads, sizeof(*workers), GFP_KERNEL);
	if (!workers)
		return -ENOMEM;

	for (n = 0; n < threads; n++) {
		struct worker *worker = &workers[n];
		struct task_struct *task;

		init_completion(&worker->done);
		worker->f = f;
		worker->data = data;
		worker->thread = n;
		task = kthread_run(work, worker, "gvt-check/%u", n);
		if (IS_ERR(task)) {
			ret = PTR_ERR(task);
			break;
		}
	}
	while (n--)
		wait_for_completion(&workers[n].done);

	kfree(workers);
	return ret;
}

bool gvt_conformance_sleep(void)
{
	int tries, ret;

	/* i915 lets go of an idle GPU after a while. */
	for (tries = 0; tries < SLEEP_TRIES; tries++) {
		ret = pm_runtime_suspend(&gpu->dev);
		if (pm_runtime_suspended(&gpu->dev))
			return true;
		msleep(SLEEP_WAIT_MS);
	}

	pr_info("gvt_conformance: the GPU does not sleep here (%d)\n", ret);
	return false;
}

bool gvt_conformance_alone(void)
{
	return !beside;
}

void gvt_conformance_wait(void)
{
	msleep(WAIT_MS);
}

u64 gvt_conformance_dma_address(size_t page)
{
	return dma_start + min(page, DMA_PAGES - 1) * PAGE_SIZE;
}

u64 *gvt_conformance_dma_entry(size_t page, size_t index)
{
	size_t offset = page * PAGE_SIZE + index * sizeof(u64);

	return dma_pages + min(offset, DMA_SIZE - sizeof(u64));
}

static int verify_set(const char *val, const struct kernel_param *kp)
{
	int ret;

	mutex_lock(&lock);
	ret = gvt_conformance_verify();
	mutex_unlock(&lock);

	return ret;
}

static const struct kernel_param_ops verify_ops = {
	.set = verify_set,
};
module_param_cb(verify, &verify_ops, NULL, 0200);
MODULE_PARM_DESC(verify, "written: look whether what is held is what it was");

static int map_gpu(struct pci_dev *pdev)
{
	gpu = pdev;
	/* As i915 maps it: one page can't be mapped in two ways. */
	entries = ioremap_wc(pci_resource_start(gpu, GTTMMADR_BAR) +
			     pci_resource_len(gpu, GTTMMADR_BAR) / 2, GGTT_ENTRIES_SIZE);
	if (!entries) {
		pr_err("gvt_conformance: the GGTT's entries can't be mapped\n");
		return -ENOMEM;
	}

	dma_pages = dma_alloc_coherent(&gpu->dev, DMA_SIZE, &dma_start, GFP_KERNEL);
	if (!dma_pages) {
		iounmap(entries);
		return -ENOMEM;
	}

	return 0;
}

static void unmap_gpu(void)
{
	dma_free_coherent(&gpu->dev, DMA_SIZE, dma_pages, dma_start);
	iounmap(entries);
}

static int gvt_conformance_probe(struct auxiliary_device *adev,
				 const struct auxiliary_device_id *id)
{
	int ret = -ENODEV;

	if (!dev_is_pci(adev->dev.parent))
		return -ENODEV;

	mutex_lock(&lock);
	if (!bound && !map_gpu(to_pci_dev(adev->dev.parent))) {
		bound = adev;
		ret = 0;
	}
	mutex_unlock(&lock);

	return ret;
}

static void gvt_conformance_remove(struct auxiliary_device *adev)
{
	mutex_lock(&lock);
	gvt_conformance_release();
	unmap_gpu();
	bound = NULL;
	mutex_unlock(&lock);
}

/* No alias: this is loaded by hand. */
static const struct auxiliary_device_id gvt_conformance_ids[] = {
	{ .name = "i915.gvt" },
	{}
};

static struct auxiliary_driver gvt_conformance_driver = {
	.name = "conformance",
	.probe = gvt_conformance_probe,
	.remove = gvt_conformance_remove,
	.id_table = gvt_conformance_ids,
};

/*
 * Not in probe: the driver core keeps the GPU awake there, and one check needs
 * it asleep. The lock keeps the device bound.
 */
static int __init gvt_conformance_init(void)
{
	int ret = auxiliary_driver_register(&gvt_conformance_driver);
	int failed;

	if (ret)
		return ret;

	mutex_lock(&lock);
	if (!bound) {
		pr_info("gvt_conformance: no GPU is offered\n");
	} else if (hold) {
		ret = gvt_conformance_hold(bound->dev.platform_data);
	} else {
		failed = gvt_conformance_run(bound->dev.platform_data);
		pr_info("gvt_conformance: %s: %d failed\n", dev_name(&bound->dev), failed);
	}
	mutex_unlock(&lock);

	if (ret)
		auxiliary_driver_unregister(&gvt_conformance_driver);
	return ret;
}

static void __exit gvt_conformance_exit(void)
{
	auxiliary_driver_unregister(&gvt_conformance_driver);
}

module_init(gvt_conformance_init);
module_exit(gvt_conformance_exit);

MODULE_DESCRIPTION("Checks whether a GVT-g host half keeps the contract");
MODULE_LICENSE("Dual MIT/GPL");
