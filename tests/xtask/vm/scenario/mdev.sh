# SPDX-License-Identifier: GPL-2.0 OR MIT
# vGPUs as users of mdev know them. i915 is loaded, kvmgt is not. In front of this stand
# MIB, what the aperture has of them, and CYCLES.

TYPES=$GPU/mdev_supported_types
MDEV=/sys/bus/mdev/devices
A=11111111-aaaa-4000-8000-000000000001
B=22222222-bbbb-4000-8000-000000000002

types() {
	for type in "$TYPES"/*; do
		echo "${type##*/}=$(cat "$type/available_instances")"
	done | sed 's/^i915-GVTg_//' | tr '\n' ' '
}
# The shell's own echo does not say why it failed.
create() {
	/bin/echo "$2" >"$TYPES/i915-GVTg_V5_$1/create"
}
remove() {
	echo 1 >"$MDEV/$1/remove"
}
set_attribute() {
	/bin/echo "$3" >"$MDEV/$1/intel_vgpu/$2"
}
description() {
	printf 'low_gm_size: %sMB\nhigh_gm_size: %sMB\nfence: 4\nresolution: %s\nweight: %s\n' "$@"
}

# What a uevent of the GPU says, with the types as they were at that moment.
cat >/run/lab/on-uevent <<'END'
[ "$MDEV_STATE" = registered ] && ls /sys$DEVPATH/mdev_supported_types >/run/lab/at-uevent
END
/run/lab/busybox uevent sh /run/lab/on-uevent &
listener=$!
sleep 1

check "without kvmgt there are no types" absent "$TYPES"
modprobe kvmgt
check "kvmgt attaches" attached
case $MIB in
256) wanted="V5_4=1 V5_8=2 " ;;
512) wanted="V5_2=1 V5_4=3 V5_8=6 " ;;
1024) wanted="V5_1=1 V5_2=2 V5_4=5 V5_8=7 " ;;
esac
check "types and instances of an aperture of $MIB MiB" is "$(types)" "$wanted"
check "a uevent came when they were there" within 20 eval \
	'[ "$(cat /run/lab/at-uevent)" = "$(ls $TYPES)" ]'
kill $listener
check "the GPU is a parent of mdev" test -e /sys/class/mdev_bus/$BDF
news
check "no error so far" silent

check "name" is "$(cat $TYPES/i915-GVTg_V5_8/name)" GVTg_V5_8
check "device_api" is "$(cat $TYPES/i915-GVTg_V5_8/device_api)" vfio-pci
check "description of the smallest" is "$(cat $TYPES/i915-GVTg_V5_8/description)" \
	"$(description 64 384 1024x768 2)"
check "description of the next" is "$(cat $TYPES/i915-GVTg_V5_4/description)" \
	"$(description 128 512 1920x1200 4)"

# By hand.
check "create" create 8 $A
check "one less is available" is "$(cat $TYPES/i915-GVTg_V5_8/available_instances)" \
	$(($(echo "$wanted" | sed 's/.*V5_8=//') - 1))
check "it is an mdev" is "$(readlink -f $MDEV/$A/..)" "$(readlink -f $GPU)"
check "of its type" is "$(readlink -f $MDEV/$A/mdev_type)" "$(readlink -f $TYPES/i915-GVTg_V5_8)"
check "its number" is "$(cat $MDEV/$A/intel_vgpu/vgpu_id)" 1
check "its monitor prefers what the type has" is "$(cat $MDEV/$A/intel_vgpu/resolution)" 1024x768
check "its screen is a region" is "$(cat $MDEV/$A/intel_vgpu/display)" region
check "VFIO has it" test -e "/dev/vfio/$(basename "$(readlink $MDEV/$A/iommu_group)")"
check "nobody has it open" is "$(cat $CARD/gvt/vgpu1/status)" 0x0
check "nothing is pinned" absent $CARD/gvt/vgpu1/kvmgt_nr_cache_entries
news
check "that was silent" silent
check "the same UUID again" fails 'File exists' create 8 $A
check "no UUID" fails 'Invalid argument' create 8 11111111
check "half a UUID" fails 'Invalid argument' create 8 11111111-aaaa-4000-8000-00000000000g
check "nothing was made of them" is "$(ls $MDEV)" $A
for size in 800x600 640x480 1024x768 800x600; do
	set_attribute $A resolution $size
	check "a monitor of $size" is "$(cat $MDEV/$A/intel_vgpu/resolution)" $size
done
for size in '' x 800 800x 800x600x1 '800x600 1' -800x600 0x600 800x0 1025x768 1024x769 1920x1200 \
	99999999999x600 4294968096x600 800X600; do
	check "no monitor of '$size'" fails 'Invalid argument' set_attribute $A resolution "$size"
done
check "it is still the last" is "$(cat $MDEV/$A/intel_vgpu/resolution)" 800x600
for way in dmabuf region dmabuf; do
	set_attribute $A display $way
	check "a screen as $way" is "$(cat $MDEV/$A/intel_vgpu/display)" $way
done
for way in '' none Region regions 'region dmabuf' "$(head -c 5000 /dev/zero | tr '\0' r)"; do
	check "no screen as '$(echo "$way" | head -c 20)'" fails 'Invalid argument' set_attribute $A display "$way"
done
check "it is still that one" is "$(cat $MDEV/$A/intel_vgpu/display)" dmabuf
news
check "mdev refuses those by itself" silent
check "remove" remove $A
check "it is gone" absent $MDEV/$A
check "its folder too" absent $CARD/gvt/vgpu1
check "all is available again" is "$(types)" "$wanted"

# As many as there can be, and one more.
fill() {
	made=0
	while create 8 "33333333-cccc-4000-8000-0000000000$(printf %02d $made)" 2>/run/lab/refused; do
		made=$((made + 1))
	done
	echo $made
}
news
check "as many as are available can be made" is "$(fill) " "${wanted##*V5_8=}"
check "one more: no space" grep -q 'No space left on device' /run/lab/refused
news
case $MIB in
1024) lacks='vGPUs: 0, and 1 needed|fences: 0, and 4 needed|GGTT behind the aperture: 0 MiB, and 384 MiB needed' ;;
*) lacks='aperture: 0 MiB, and 64 MiB needed' ;;
esac
check "one line says of what" said \
	"^<3>.*kvmgt i915.gvt.0: no vGPU of type GVTg_V5_8: too little is left of ($lacks)"
check "numbers from 1 on" is "$(cat $MDEV/*/intel_vgpu/vgpu_id | sort | tr '\n' ' ')" \
	"$(seq -s ' ' "$(ls $MDEV | wc -l)") "
for uuid in $(ls $MDEV); do
	remove "$uuid"
done
check "all is available again after that" is "$(types)" "$wanted"

if [ "$CYCLES" != 0 ]; then
	# By the tool.
	check "mdevctl shows the types" is "$(mdevctl types | grep -c 'i915-GVTg_V5_[48]$')" 2
	check "and what is available of them" is \
		"$(mdevctl types | sed -nE 's/ *Available instances: //p' | tr '\n' ' ')" "1 2 "
	check "mdevctl defines one" mdevctl define --auto --uuid $B --parent $BDF --type i915-GVTg_V5_4
	check "mdevctl starts it" mdevctl start --uuid $B
	check "mdevctl shows it" is "$(mdevctl list)" "$B $BDF i915-GVTg_V5_4 auto (defined)"
	check "it is there" test -e $MDEV/$B
	check "the other type has less now" is "$(types)" "V5_4=0 V5_8=0 "
	# It looks at what is available, and does not try.
	check "mdevctl starts no second one" refuses mdevctl start --uuid $A --parent $BDF --type i915-GVTg_V5_8
	check "mdevctl stops it" mdevctl stop --uuid $B
	check "it is gone again" absent $MDEV/$B
	check "mdevctl keeps a resolution" mdevctl modify --uuid $B \
		--addattr intel_vgpu/resolution --value 1600x900
	check "and a way to the screen" mdevctl modify --uuid $B \
		--addattr intel_vgpu/display --value dmabuf
	check "mdevctl starts it with these" mdevctl start --uuid $B
	check "its monitor prefers that" is "$(cat $MDEV/$B/intel_vgpu/resolution)" 1600x900
	check "its screen is had that way" is "$(cat $MDEV/$B/intel_vgpu/display)" dmabuf
	check "mdevctl stops that too" mdevctl stop --uuid $B

	# The uevent starts what is defined to: the rule of mdevctl runs this when it comes.
	check "the rule waits for the uevent" grep -q 'ENV{MDEV_STATE}=="registered".*start-parent-mdevs' \
		/usr/lib/udev/rules.d/60-mdevctl.rules
	rmmod kvmgt
	check "without kvmgt there are no types any more" absent "$TYPES"
	cat >/run/lab/on-uevent <<-'END'
		[ "$MDEV_STATE" = registered ] && mdevctl start-parent-mdevs "${DEVPATH##*/}"
	END
	/run/lab/busybox uevent sh /run/lab/on-uevent &
	listener=$!
	sleep 1
	modprobe kvmgt
	check "at the uevent the defined one is started" within 100 test -e $MDEV/$B
	kill $listener

	# What exists and is not open goes with the module.
	check "kvmgt is not held by it" is "$(cat /sys/module/kvmgt/refcnt)" 0
	check "rmmod kvmgt" rmmod kvmgt
	check "the vGPU is gone with it" absent $MDEV/$B
	modprobe kvmgt
	create 8 $A
	unbind
	check "i915 unbound: the vGPU is gone with it" absent $MDEV/$A
	bind
	check "i915 bound again: the types are back" is "$(types)" "$wanted"
	create 8 $A
	echo i915.gvt.0 >$AUX/drivers/kvmgt/unbind
	check "kvmgt unbound: the vGPU is gone with it" absent $MDEV/$A
	echo i915.gvt.0 >$AUX/drivers/kvmgt/bind
	create 8 $A
	echo $A >/sys/bus/mdev/drivers/intel_vgpu_mdev/unbind
	check "the mdev unbound: its part is given back" is "$(types)" "$wanted"
	remove $A

	# Readers while vGPUs come and go.
	while [ ! -e /run/lab/stop ]; do
		cat $TYPES/*/available_instances $MDEV/*/intel_vgpu/vgpu_id $CARD/gvt/vgpu*/* \
			>/dev/null 2>&1
	done &
	cycle() {
		for n in $(seq "$1"); do
			create 8 $A && remove $A || echo "FAILED: cycle $n"
		done
	}
	cycle 20
	: >/run/lab/stop
	wait
	live_objects >/run/lab/slab-before
	vmalloc=$(awk '/^VmallocUsed/ { print $2 }' /proc/meminfo)
	cycle $((CYCLES / 2))
	live_objects >/run/lab/slab-half
	cycle $((CYCLES / 2))
	live_objects >/run/lab/slab-after
	check "$CYCLES cycles: slab counts are back at the start" growth
	check "$CYCLES cycles: vmalloc too" at_most \
		"$(awk '/^VmallocUsed/ { print $2 }' /proc/meminfo)" $((vmalloc + 64))
	check "all is available after them" is "$(types)" "$wanted"
	check "kvmgt has no users" is "$(cat /sys/module/kvmgt/refcnt)" 0
	check "work on the GPU after them" work
fi
rmmod kvmgt
calm 'no vGPU of type|intel_vgpu_mdev .*: probe with driver intel_vgpu_mdev failed with error -28'
