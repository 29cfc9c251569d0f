# SPDX-License-Identifier: GPL-2.0 OR MIT
# The synthetic guest drives a vGPU through VFIO. i915 is loaded, kvmgt is not.
TYPES=$GPU/mdev_supported_types
MDEV=/sys/bus/mdev/devices
A=11111111-aaaa-4000-8000-000000000001
B=22222222-bbbb-4000-8000-000000000002

create() {
	echo "$2" >"$TYPES/i915-GVTg_$1/create"
}

# drive NAME ARGUMENTS...: runs checks of the synthetic guest; each counts.
drive() {
	name=$1
	shift
	synthetic-guest run "$@" >/run/lab/lines 2>/run/lab/errors
	status=$?
	sed -nE "s/^(ok|FAILED): /\\1: $name: /p" /run/lab/lines
	grep '^skipped: ' /run/lab/lines >&2
	check "$name: it came to its end" is "$status$(grep -c FAILED /run/lab/lines)" 00
	cat /run/lab/errors >&2
}

# Runs a holder of a vGPU in the background, with no output that a check would wait for, and waits
# until it has it open.
hold() {
	: >/run/lab/held
	{ sleep 1000 | synthetic-guest hold --mdev "$1"; } >/run/lab/held 2>&1 &
	within 60 grep -q open /run/lab/held
}
holder() {
	pidof synthetic-guest
}

news
check "a KVM" modprobe kvm_amd
check "VFIO" modprobe vfio_iommu_type1
check "iommufd" modprobe iommufd
modprobe kvmgt
check "kvmgt attaches" within 20 attached
check "a vGPU" create V5_8 $A
check "another" create V5_8 $B
news
check "no error so far" silent

drive "with KVM" --mdev $A --type V5_8 $TYPE1
drive "without KVM" --mdev $B --type V5_8 --no-kvm $TYPE1
drive "by iommufd" --mdev $B --type V5_8 --iommufd

check "it is held" hold $A
check "nobody else opens it" refuses synthetic-guest run config-ids --mdev $A
check "another can be driven beside it" synthetic-guest run --mdev $B $TYPE1
kill -9 "$(holder)"
check "its holder is gone" within 60 refuses holder
check "it can be opened again" within 60 synthetic-guest run config-ids --mdev $A
check "and is as new" synthetic-guest run --mdev $A $TYPE1

check "removed" eval "echo 1 >$MDEV/$A/remove"
check "another type" eval "echo 1 >$MDEV/$B/remove && create V5_4 $A"
drive "V5_4" --mdev $A --type V5_4 $TYPE1
echo 1 >$MDEV/$A/remove
check "work on the GPU after all that" work
rmmod kvmgt
calm

if [ -n "$TYPE1" ]; then
	modprobe kvmgt
	check "kvmgt attaches again" within 20 attached
	create V5_8 $A
	news
	check "type 1: memory is taken back" synthetic-guest run ${TYPE1#* } --mdev $A
	news
	check "lockdep reports the locks" said 'possible circular locking dependency'
	check "it is about those of VFIO" grep -q 'vfio_iommu_type1_register_device' $NEWS
fi
