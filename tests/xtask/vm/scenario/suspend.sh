# SPDX-License-Identifier: GPL-2.0 OR MIT
# The host suspends while somebody has a vGPU open. i915 is not loaded when this begins.
A=11111111-aaaa-4000-8000-000000000001

load_i915
modprobe -a kvm_amd vfio_iommu_type1 kvmgt
check "kvmgt attaches" within 20 attached
check "a vGPU" eval "echo $A >$GPU/mdev_supported_types/i915-GVTg_V5_8/create"
keep_in_memory
cp /usr/local/bin/synthetic-guest $MEMORY
PATH=$MEMORY

: >/run/lab/held
{ sleep 1000 | synthetic-guest hold --mdev $A; } >/run/lab/held 2>&1 &
check "it is open" within 60 grep -q open /run/lab/held
for level in devices platform; do
	check "suspend with pm_test=$level" suspend $level
done
echo none >/sys/power/pm_test
check "kvmgt was told" is "$(cat $CARD/gvt/host_suspend) $(cat $CARD/gvt/host_resume)" "2 2"
check "it is held all the time" pidof synthetic-guest
check "the host's engines work" work
kill "$(pidof synthetic-guest)"
check "the vGPU's engines work" within 60 synthetic-guest work --rounds 10 --mdev $A
news
check "no page stays pinned" silent
check "removed" eval "echo 1 >/sys/bus/mdev/devices/$A/remove"
check "kvmgt goes" rmmod kvmgt
calm
