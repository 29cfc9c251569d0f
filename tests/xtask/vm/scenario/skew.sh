# SPDX-License-Identifier: GPL-2.0 OR MIT
# Each i915 with each kvmgt, of different versions of the interface. /skew has a folder for each version,
# with both modules; /run/lab/pairs has lines of what i915 is built as, what kvmgt is, whether it `works`
# or is `refused`, whether what 1.1 added is there (`added` or `absent`), and the ERE of what is said. The
# pairs of one i915 follow each other.
SKEW=/skew
TYPE=$GPU/mdev_supported_types/i915-GVTg_V5_8
MDEV=/sys/bus/mdev/devices
A=11111111-aaaa-4000-8000-000000000001

# load_host NAME: that i915 instead of the one that is there.
load_host() {
	rmmod i915 && insmod $SKEW/$1/i915.ko && within 200 test -e /dev/dri/card0
}
# works PAIR: a vGPU is made and does something.
works() {
	check "$1: kvmgt attaches" attached
	check "$1: a vGPU" eval "echo $A >$TYPE/create"
	check "$1: it answers" synthetic-guest run pvinfo-discovery ggtt-entries interrupts-hierarchy --mdev $A
	check "$1: its engines work" synthetic-guest work --rounds 3 --mdev $A
	check "$1: it is removed" eval "echo 1 >$MDEV/$A/remove"
	check "$1: the GPU works for the host" work
}
refused() {
	check "$1: nothing is bound" detached
	check "$1: no vGPU is offered" absent $GPU/mdev_supported_types
	check "$1: it is the only error" is "$(grep -cE '^<[0-3]>' $NEWS)" 1
}

modprobe -a kvm_amd vfio_iommu_type1 mdev
check "kvmgt is not loaded" absent /sys/module/kvmgt
loaded=
while read -r host client what added line; do
	pair="i915 $host, kvmgt $client"
	if [ "$host" != "$loaded" ]; then
		check "i915 $host loads" load_host $host
		loaded=$host
	fi
	news
	check "$pair: kvmgt loads" insmod $SKEW/$client/kvmgt.ko
	news
	check "$pair: it says so" said "kvmgt i915.gvt.0: $line\$"
	case $added in
	added) check "$pair: i915 calls what 1.1 added" said 'kvmgt: i915 has opened the device' ;;
	absent) check "$pair: nobody calls what 1.1 added" refuses grep -F 'has opened' $NEWS ;;
	esac
	$what "$pair"
	check "$pair: kvmgt unloads" rmmod kvmgt
	if [ $what = works ]; then
		news
		check "$pair: nothing at error level" silent
	fi
done </run/lab/pairs
check "the last i915 unloads" rmmod i915
calm 'kvmgt i915.gvt.0: i915 offers interface '
