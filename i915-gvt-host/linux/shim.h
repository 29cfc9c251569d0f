/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The border between C and Rust inside i915: plain C types and opaque pointers
 * only, so that bindgen needs none of i915's headers. The first part is
 * implemented in C and called from Rust, the second the other way round.
 * Numbers that the contract with kvmgt has too are compared with it in
 * contract.rs.
 */

#ifndef _GVT_HOST_SHIM_H_
#define _GVT_HOST_SHIM_H_

#include <linux/types.h>

struct dentry;
struct device;
struct drm_i915_private;
struct gvt_host;
struct gvt_shim_context;
struct gvt_shim_memory;
struct gvt_shim_node;
struct i915_fence_reg;
struct pci_dev;

#define GVT_SHIM_MAX_ENGINES 8
#define GVT_SHIM_MAX_SEGMENTS 8

enum gvt_shim_platform_id {
	GVT_SHIM_UNSUPPORTED,
	GVT_SHIM_BROADWELL,
	GVT_SHIM_SKYLAKE,
	GVT_SHIM_KABYLAKE,
	GVT_SHIM_BROXTON,
	GVT_SHIM_COFFEELAKE,
	GVT_SHIM_COMETLAKE,
};

enum gvt_shim_engine_class {
	GVT_SHIM_RENDER,
	GVT_SHIM_COPY,
	GVT_SHIM_VIDEO,
	GVT_SHIM_VIDEO_ENHANCE,
};

#define GVT_SHIM_PAGE_SIZE_4K (1 << 12)
#define GVT_SHIM_PAGE_SIZE_64K (1 << 16)
#define GVT_SHIM_PAGE_SIZE_2M (1 << 21)

/* Which PCI function a snapshot belongs to. */
struct gvt_shim_pci_id {
	u32 domain;
	u16 bus_devfn;
	u16 vendor;
	u16 device;
	u16 subsystem_vendor;
	u16 subsystem_device;
	u16 revision;
};

struct gvt_shim_engine {
	u16 class;			/* enum gvt_shim_engine_class */
	u16 instance;
	u32 context_size;
	u32 mask;			/* one bit */
};

struct gvt_shim_platform {
	u32 platform;			/* enum gvt_shim_platform_id */
	struct gvt_shim_pci_id pci;

	u32 num_engines;
	struct gvt_shim_engine engines[GVT_SHIM_MAX_ENGINES];

	u64 ggtt_size;			/* bytes of GGTT address space */
	u64 aperture_size;		/* bytes, from GGTT address 0 */
	u64 aperture_base;		/* CPU physical address */
	u64 gttmmadr_size;
	u32 num_fences;

	u32 page_sizes;			/* GVT_SHIM_PAGE_SIZE_*, and others */
	u32 drm_minor;

	struct device *parent;		/* the PCI device; also for DMA */
	struct device *card;		/* the primary DRM node */
	struct dentry *debugfs;		/* the card's folder, or an error */
};

/* Commands of a submission that are one behind the other in memory. */
struct gvt_shim_segment {
	const u32 *commands;
	u64 count;			/* dwords, maybe 0 */
};

/* How a submission ended. */
enum gvt_shim_outcome {
	GVT_SHIM_DONE,
	GVT_SHIM_HUNG,
	GVT_SHIM_CANCELLED,
};

/* What i915 offers to kvmgt, or needs of it. */
struct gvt_shim_interface {
	u64 features;
	u64 layout;			/* hash of that minor version */
	u16 major;
	u16 minor;
};

/* What the auxiliary device shows. */
struct gvt_shim_offer {
	const void *table;		/* device.platform_data */
	struct gvt_shim_interface offers;
	struct gvt_shim_interface needs;
	u64 snapshot_time;		/* ns, boot clock */
	bool snapshot_pristine;
};

/* --- C, called from Rust ------------------------------------------------- */

/* Platform. */
void gvt_shim_platform(struct drm_i915_private *i915,
		       struct gvt_shim_platform *out);
u32 gvt_shim_config_read(struct pci_dev *pdev, u32 offset);
struct device *gvt_shim_device(struct drm_i915_private *i915);

/* Clock and delay, in any context. */
u64 gvt_shim_boot_ns(void);
void gvt_shim_delay_us(u32 us);

/* Power. Calls are counted. Get sleeps, put does not. */
void gvt_shim_wake_get(struct gvt_host *host);
void gvt_shim_wake_put(struct gvt_host *host);

/*
 * Registers. Forcewake is counted and may be taken with interrupts off; the
 * accesses are raw: no forcewake of their own, no trace, no lock.
 */
void gvt_shim_forcewake_get(struct drm_i915_private *i915);
void gvt_shim_forcewake_put(struct drm_i915_private *i915);
u32 gvt_shim_mmio_read32(struct drm_i915_private *i915, u32 offset);
void gvt_shim_mmio_write32(struct drm_i915_private *i915, u32 offset, u32 value);
void gvt_shim_clear_unclaimed(struct drm_i915_private *i915);

/*
 * A section of register accesses: the GPU is awake, forcewake is held, no other
 * section runs, interrupts are off. Any context. False: the GPU sleeps.
 */
struct gvt_shim_section {
	unsigned long flags;
	void *wakeref;
};

bool gvt_shim_mmio_enter(struct gvt_host *host, struct gvt_shim_section *section);
void gvt_shim_mmio_leave(struct gvt_host *host,
			 const struct gvt_shim_section *section);

/*
 * GGTT. Insert and remove sleep, and insert may wait for the GPU. The others
 * need the device awake. PTEs are counted from GGTT address 0.
 */
int gvt_shim_ggtt_insert(struct gvt_host *host, u64 size, u64 align, u64 start,
			 u64 end, struct gvt_shim_node **node, u64 *offset);
void gvt_shim_ggtt_remove(struct gvt_host *host, struct gvt_shim_node *node);
u64 gvt_shim_scratch_pte(struct gvt_host *host);
void gvt_shim_pte_write(struct gvt_host *host, u64 first, const u64 *ptes,
			u64 count);
void gvt_shim_ggtt_invalidate(struct gvt_host *host);

/*
 * Fences. Reserve and release sleep, and reserve may wait for the GPU. Write
 * needs the device awake.
 */
int gvt_shim_fence_reserve(struct gvt_host *host, struct i915_fence_reg **fence);
void gvt_shim_fence_release(struct gvt_host *host, struct i915_fence_reg *fence);
void gvt_shim_fence_write(struct gvt_host *host, struct i915_fence_reg *fence,
			  u64 value);

/*
 * Memory in i915's part of the GGTT, all zero. Alloc and free sleep, and alloc
 * may wait for the GPU. The caller has checked that what is read and written is
 * inside.
 */
int gvt_shim_memory_alloc(struct gvt_host *host, u64 size,
			  struct gvt_shim_memory **memory, u64 *offset);
void gvt_shim_memory_free(struct gvt_shim_memory *memory);
void gvt_shim_memory_read(const struct gvt_shim_memory *memory, u64 offset,
			  void *data, u64 size);
void gvt_shim_memory_write(struct gvt_shim_memory *memory, u64 offset,
			   const void *data, u64 size);

/*
 * Logical contexts. Create, destroy and submit sleep. Read, write and submit
 * are for one that executes nothing. Submit takes up to GVT_SHIM_MAX_SEGMENTS
 * segments, of an even number of dwords in all; if it returns 0,
 * gvt_rs_submit_done() is called once. Kill neither sleeps nor waits; destroy
 * waits for what was killed, unless gvt_rs_submit_done() was called for it.
 */
int gvt_shim_context_create(struct gvt_host *host, u32 engine_mask, u64 commands,
			    u64 handle, struct gvt_shim_context **ctx,
			    u64 *image_size, u64 *max_commands);
void gvt_shim_context_destroy(struct gvt_shim_context *ctx);
void gvt_shim_context_read(const struct gvt_shim_context *ctx, u64 offset,
			   void *data, u64 size);
void gvt_shim_context_write(struct gvt_shim_context *ctx, u64 offset,
			    const void *data, u64 size);
int gvt_shim_context_submit(struct gvt_shim_context *ctx, u64 root,
			    const struct gvt_shim_segment *segments,
			    u32 num_segments);
void gvt_shim_context_kill(struct gvt_shim_context *ctx);

/* Call-backs: drain waits until every one that was entered has been left. */
int gvt_shim_callback_enter(void);
void gvt_shim_callback_leave(int cookie);
void gvt_shim_callback_drain(void);

/* --- Rust, called from C ------------------------------------------------- */

int gvt_rs_module_init(void);
void gvt_rs_module_exit(void);
void gvt_rs_capture_config(struct pci_dev *pdev,
			   const struct gvt_shim_pci_id *id);
void gvt_rs_capture_mmio(struct drm_i915_private *i915,
			 const struct gvt_shim_pci_id *id, u32 platform,
			 bool second_vcs);

/*
 * Makes the Rust side of a GPU and says what to publish. *core is the
 * argument of the functions below, valid until gvt_rs_destroy(). Close takes
 * everything from a client that has forgotten to give it back.
 */
int gvt_rs_create(struct gvt_host *host, struct drm_i915_private *i915,
		  void **core, struct gvt_shim_offer *offer);
void gvt_rs_close(void *core);
void gvt_rs_destroy(void *core);
void gvt_rs_suspend(void *core);
void gvt_rs_restore(void *core, bool ggtt);
void gvt_rs_resume(void *core);

/*
 * A context that is none of gvt_shim_context_create() comes to the engine, or
 * has gone from it. Any context, locks of i915's scheduler held.
 */
void gvt_rs_host_context(void *core, u32 engine_mask, bool in);

/* Process context; the context may be gone when it returns. */
void gvt_rs_submit_done(void *core, u64 handle, enum gvt_shim_outcome outcome);

#endif /* _GVT_HOST_SHIM_H_ */
