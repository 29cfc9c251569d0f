# SPDX-License-Identifier: GPL-2.0 OR MIT
# A nested guest on a vGPU of the kernel's, and what is left of it. i915 is loaded, kvmgt is not. A
# scenario that has more to do when QEMU has ended defines `afterwards` in front.
VGPU=$CARD/gvt/vgpu1
TRACE=/sys/kernel/tracing

type afterwards >/dev/null 2>&1 || afterwards() { :; }
closed() {
	[ "$(cat $VGPU/status)" = 0x0 ] && absent $VGPU/kvmgt_nr_cache_entries
}

/sbin/modprobe -a kvm_amd vfio_iommu_type1 kvmgt
check "kvmgt attaches" within 20 attached
check "a vGPU" eval "echo $A >$GPU/mdev_supported_types/i915-GVTg_V5_8/create"

# Kilobytes, for each CPU, that nothing is overwritten in.
echo 16384 >$TRACE/buffer_size_kb
EVENTS='gvt_workload_start gvt_workload_end gvt_write_tracked'
for event in $EVENTS; do echo 1 >$TRACE/events/gvt/$event/enable; done

check "QEMU runs a guest on it" run_qemu
afterwards
tail -n 60 /tmp/nested.log >&2
cat /tmp/qemu.log >&2
cat $AGAIN
tr -d '\r' </tmp/nested.log

# kvmgt's events go with it.
for event in $EVENTS; do echo $event=$(grep -c " $event: " $TRACE/trace); done
# Hung, or cancelled.
echo failed=$(grep -c ' gvt_workload_end: .* outcome [12]$' $TRACE/trace)
check "it is closed, and no page of the guest's is pinned" within 100 closed
check "removed" eval "echo 1 >/sys/bus/mdev/devices/$A/remove"
check "kvmgt goes" rmmod kvmgt
# With it go its caches, in which nothing may be left.
check "i915 goes" eval "unbind && rmmod i915"
echo complaints=$(dmesg | grep -c ' vgpu1: ')
echo hangs=$(dmesg | grep -c ' vgpu1: a submission to .* hangs$')
# The nested kernel writes a performance counter that its CPU model lacks, and KVM says so.
calm 'Unhandled WRMSR'
