/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Between track.c, which has KVM watch writes to pages of a VM, and the Rust
 * code that is told of them.
 *
 * bindgen reads this file alone, so it includes nothing. A "vgpu" is what
 * kvmgt_vgpu_new() returned.
 */
#ifndef _KVMGT_TRACK_H
#define _KVMGT_TRACK_H

struct kvmgt_track;
struct vfio_device;

/* In C. Errors are negative error numbers, or such as pointers. */

/*
 * Has the KVM of @vdev, which is open, tell @vgpu of writes. -ENOTSUPP: it was
 * opened without a KVM, or KVM does not watch writes for others.
 *
 * When the other one returns nothing is told any more, and nothing is watched
 * through it. Both sleep.
 */
struct kvmgt_track *kvmgt_track_start(struct vfio_device *vdev, const void *vgpu);
void kvmgt_track_stop(struct kvmgt_track *track);

/* Watches a page, or no more. Do not sleep. */
int kvmgt_track_add(struct kvmgt_track *track, unsigned long long gfn);
int kvmgt_track_remove(struct kvmgt_track *track, unsigned long long gfn);

/* In Rust. Do not sleep. */

/* A virtual CPU has written @bytes at @gpa, in a page that somebody watches. */
void kvmgt_vgpu_written(const void *vgpu, unsigned long long gpa, int bytes);
/* KVM forgets @count pages from @gfn on; what was watched of them is no more. */
void kvmgt_vgpu_untracked(const void *vgpu, unsigned long long gfn,
			  unsigned long count);

#endif
