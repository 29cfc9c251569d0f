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
	skipped=$(sed -nE 's/^skipped: ([^:]*):.*/\1/p' /run/lab/lines | tr '\n' ' ')
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
[ -n "$TYPE1" ] || check "what could not be checked" is "$skipped" "S-12-dma-buf "
drive "without KVM" --mdev $B --type V5_8 --no-kvm $TYPE1 $QUICK
drive "by iommufd" --mdev $B --type V5_8 --iommufd

# The screen as dma-bufs, which the host's own GPU reads.
DMA_BUFS='S-11-query-plane-race S-12-dma-buf S-26-planes S-70-close-during-dma-buf'
as_dma_bufs() {
	echo dmabuf >"$MDEV/$1/intel_vgpu/display"
}
check "a screen as dma-bufs" as_dma_bufs $A
check "another" as_dma_bufs $B
drive "dma-bufs" $DMA_BUFS --mdev $A $TYPE1
check "nothing of that was left out" is "$skipped" ""
drive "dma-bufs by iommufd" $DMA_BUFS --mdev $B --iommufd
check "nothing of that was left out either" is "$skipped" ""

# A client that dies in the middle of it. What was its vGPU is closed a moment later.
killed() {
	timeout -s KILL "$1" synthetic-guest run S-11-query-plane-race --mdev $A ${TYPE1:+--iommufd} \
		>/dev/null 2>&1
	[ $? = 137 ]
}
for way in dmabuf region; do
	check "a screen as $way" within 60 eval "echo $way >$MDEV/$A/intel_vgpu/display"
	for n in 1 2 3; do
		check "$way: killed while it asks for the screen" within 20 killed 1.$n
	done
	check "$way: it can be opened again" within 60 synthetic-guest run config-ids --mdev $A
done

# A dma-buf outlives its vGPU.
as_dma_bufs $A
mkfifo /run/lab/end
synthetic-guest export --mdev $A </run/lab/end >/run/lab/exported 2>&1 &
exporter=$!
exec 3>/run/lab/end
check "exported, and closed" within 60 grep -q closed /run/lab/exported
check "what is exported is removed" eval "echo 1 >$MDEV/$A/remove"
check "kvmgt stays as long as its dma-bufs" refuses rmmod kvmgt
exec 3>&-
wait $exporter
check "the host's GPU reads what the guest has drawn" is "$(cat /run/lab/exported)" "closed
compared"
check "one like it" create V5_8 $A

check "it is held" hold $A
check "nobody else opens it" refuses synthetic-guest run config-ids --mdev $A
check "its monitor stays what it is" fails 'Device or resource busy' \
	/bin/sh -c "/bin/echo 800x600 >$MDEV/$A/intel_vgpu/resolution"
check "the way to its screen too" fails 'Device or resource busy' \
	/bin/sh -c "/bin/echo dmabuf >$MDEV/$A/intel_vgpu/display"
check "they can be read" is "$(cat $MDEV/$A/intel_vgpu/resolution $MDEV/$A/intel_vgpu/display | tr '\n' ' ')" \
	"1024x768 region "
check "another can be driven beside it" synthetic-guest run --mdev $B $TYPE1 $QUICK
kill -9 "$(holder)"
check "its holder is gone" within 60 refuses holder
check "it can be opened again" within 60 synthetic-guest run config-ids --mdev $A
check "and is as new" synthetic-guest run --mdev $A $TYPE1 $QUICK

check "removed" eval "echo 1 >$MDEV/$A/remove"
check "another type" eval "echo 1 >$MDEV/$B/remove && create V5_4 $A"
drive "V5_4" --mdev $A --type V5_4 $TYPE1 $QUICK
echo 1 >$MDEV/$A/remove
check "work on the GPU after all that" work
rmmod kvmgt
calm

if [ -n "$TYPE1" ]; then
	modprobe kvmgt
	check "kvmgt attaches again" within 20 attached
	create V5_8 $A
	news
	check "type 1: memory is taken back" synthetic-guest run S-10-memory-taken-back --mdev $A
	news
	check "lockdep reports the locks" said 'possible circular locking dependency'
	check "it is about those of VFIO" grep -q 'vfio_iommu_type1_register_device' $NEWS
fi
