# SPDX-License-Identifier: GPL-2.0 OR MIT
# Measures a vGPU of our modules, then one of the C driver's of the same kernel: `measure` says how. Our
# i915 is loaded, kvmgt is not; the C driver's modules are in /in-c.
TYPE=$GPU/mdev_supported_types/i915-GVTg_V5_8

# cost WHO: makes a vGPU, measures, and takes it away.
cost() {
	echo $A >$TYPE/create && measure >/run/lab/$1 && echo 1 >/sys/bus/mdev/devices/$A/remove
}

# The C driver has much to say of some accesses; nobody waits for it to get to the console.
dmesg -n 1
modprobe -a kvm_amd vfio_iommu_type1 kvmgt
check "our kvmgt attaches" within 20 attached
check "a vGPU of ours is measured" cost ours
rmmod kvmgt
# The console holds a driver with a screen.
for console in /sys/class/vtconsole/*; do
	grep -q frame $console/name && echo 0 >$console/bind
done
check "our i915 is removed" rmmod i915
news
check "nothing at error level" silent "$EXPECTED"
check "no warning, bug or trace" refuses grep -E "$SPLATS" $WHOLE

check "the C driver's i915 loads" insmod /in-c/i915.ko enable_gvt=1
check "and has a card" within 200 test -e /dev/dri/card0
check "it is not ours" absent $OFFERED
check "the C kvmgt loads" insmod /in-c/kvmgt.ko
check "a vGPU of its is measured" cost theirs
for who in ours theirs; do
	sed "s/^/cost $who /" /run/lab/$who
done
dmesg >&2
echo finished
