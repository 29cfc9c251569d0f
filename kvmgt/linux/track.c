// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * KVM's write tracking. Its interface is a structure with function pointers in
 * headers of C, which may not be there.
 */

#include <linux/err.h>
#include <linux/kvm_host.h>
#include <linux/slab.h>
#include <linux/vfio.h>

#include "track.h"

#ifdef CONFIG_KVM_EXTERNAL_WRITE_TRACKING

#include <asm/kvm_page_track.h>

struct kvmgt_track {
	struct kvm_page_track_notifier_node node;
	struct kvm *kvm;
	const void *vgpu;
};

static void track_write(gpa_t gpa, const u8 *new, int bytes,
			struct kvm_page_track_notifier_node *node)
{
	kvmgt_vgpu_written(container_of(node, struct kvmgt_track, node)->vgpu,
			   gpa, bytes);
}

static void track_remove_region(gfn_t gfn, unsigned long count,
				struct kvm_page_track_notifier_node *node)
{
	kvmgt_vgpu_untracked(container_of(node, struct kvmgt_track, node)->vgpu,
			     gfn, count);
}

struct kvmgt_track *kvmgt_track_start(struct vfio_device *vdev, const void *vgpu)
{
	struct kvmgt_track *track;
	int idx, ret;

	/* VFIO holds a reference as long as the device is open. */
	if (!vdev->kvm)
		return ERR_PTR(-ENOTSUPP);
	track = kzalloc_obj(*track);
	if (!track)
		return ERR_PTR(-ENOMEM);
	track->node.track_write = track_write;
	track->node.track_remove_region = track_remove_region;
	track->kvm = vdev->kvm;
	track->vgpu = vgpu;
	/*
	 * The first one has KVM go through the VM's memory slots, which it
	 * leaves to its caller to hold: as vCPUs do, with SRCU.
	 */
	idx = srcu_read_lock(&track->kvm->srcu);
	ret = kvm_page_track_register_notifier(track->kvm, &track->node);
	srcu_read_unlock(&track->kvm->srcu, idx);
	if (ret) {
		kfree(track);
		return ERR_PTR(ret);
	}
	return track;
}

void kvmgt_track_stop(struct kvmgt_track *track)
{
	kvm_page_track_unregister_notifier(track->kvm, &track->node);
	kfree(track);
}

int kvmgt_track_add(struct kvmgt_track *track, unsigned long long gfn)
{
	return kvm_write_track_add_gfn(track->kvm, gfn);
}

int kvmgt_track_remove(struct kvmgt_track *track, unsigned long long gfn)
{
	return kvm_write_track_remove_gfn(track->kvm, gfn);
}

#else /* !CONFIG_KVM_EXTERNAL_WRITE_TRACKING */

struct kvmgt_track *kvmgt_track_start(struct vfio_device *vdev, const void *vgpu)
{
	return ERR_PTR(-ENOTSUPP);
}

void kvmgt_track_stop(struct kvmgt_track *track)
{
}

int kvmgt_track_add(struct kvmgt_track *track, unsigned long long gfn)
{
	return -ENOTSUPP;
}

int kvmgt_track_remove(struct kvmgt_track *track, unsigned long long gfn)
{
	return -ENOTSUPP;
}

#endif
