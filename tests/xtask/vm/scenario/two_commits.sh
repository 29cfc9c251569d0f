# SPDX-License-Identifier: GPL-2.0 OR MIT
# kvmgt and i915 of two commits work together, each way round. i915 of this tree is loaded, kvmgt is not;
# both modules of the other commit are in /other. What is named in $STAND_INS says so in the log.
OTHER=/other
TYPE=$GPU/mdev_supported_types/i915-GVTg_V5_8
MDEV=/sys/bus/mdev/devices
A=11111111-aaaa-4000-8000-000000000001

# build MODULE: which build of it is loaded.
build() {
	od -An -v -tx1 /sys/module/$1/notes/.note.gnu.build-id | tr -d ' \n'
}
# stood_in FOLDER: whether a patched copy of it stands in for the other commit's.
stood_in() {
	case " $STAND_INS " in
	*" $1 "*) return 0 ;;
	esac
	return 1
}
# marked FOLDER ERE: one line like that, and with the mark if what says it is a stand-in.
marked() {
	if stood_in "$1"; then
		said "$2.* \(stand-in\)\$"
	else
		said "$2" && refuses grep -F '(stand-in)' $NEWS
	fi
}
# guest_works WHO: what a guest does on a vGPU of a pair of modules.
guest_works() {
	check "$1: kvmgt attaches" within 20 attached
	check "$1: a vGPU" eval "echo $A >$TYPE/create"
	check "$1: it answers" synthetic-guest run pvinfo-discovery ggtt-entries interrupts-hierarchy reset --mdev $A
	check "$1: its engines work" synthetic-guest work --rounds 20 --mdev $A
	check "$1: it is removed" eval "echo 1 >$MDEV/$A/remove"
	check "$1: the GPU works for the host" work
	reset_gpu 1
	check "$1: a vGPU after a reset" eval "echo $A >$TYPE/create"
	check "$1: its engines work, too" synthetic-guest work --rounds 5 --mdev $A
	check "$1: it is removed, too" eval "echo 1 >$MDEV/$A/remove"
	news
	check "$1: nothing at error level" silent
}

modprobe -a kvm_amd vfio_iommu_type1
modprobe kvmgt
check "kvmgt of this tree attaches" within 20 attached
kvmgt=$(build kvmgt)
i915=$(build i915)
check "builds have names" test -n "$kvmgt" -a -n "$i915"
rmmod kvmgt
news
check "nothing stands in yet" refuses grep -F '(stand-in)' $WHOLE

check "the other kvmgt loads" insmod $OTHER/kvmgt.ko
news
check "the other kvmgt attaches to this i915" marked kvmgt 'kvmgt i915.gvt.0: attached to .*: interface 1\.0'
check "the other kvmgt is another build" refuses is "$(build kvmgt)" "$kvmgt"
check "this i915 is the same build" is "$(build i915)" "$i915"
guest_works "the other kvmgt"
rmmod kvmgt

check "i915 of this tree unloads" rmmod i915
news
check "the other i915 loads" insmod $OTHER/i915.ko
check "the other i915 has a card" within 200 test -e /dev/dri/card0
check "this kvmgt loads" modprobe kvmgt
news
check "the other i915 takes a snapshot" marked i915-gvt-host 'GVT-g: snapshot of '
check "this kvmgt attaches to the other i915" said 'kvmgt i915.gvt.0: attached to .*: interface 1\.0'
check "the other i915 is another build" refuses is "$(build i915)" "$i915"
check "this kvmgt is the same build" is "$(build kvmgt)" "$kvmgt"
guest_works "the other i915"
rmmod kvmgt
check "the other i915 unloads" rmmod i915
calm
