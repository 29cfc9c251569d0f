# SPDX-License-Identifier: GPL-2.0 OR MIT
# kvmgt and i915 in any order and at the same time. i915 is not loaded when this begins.

modprobe kvmgt
check "kvmgt before i915 loads" is $? 0
news
check "it says in one line that it waits" said '^<6>.*kvmgt: no GPU is bound to i915: waiting for one'
load_i915
news
check "i915 behind it is attached to" attached
check "one line says so" said '^<6>.*kvmgt i915.gvt.0: attached to kbl 8086:5916 rev 02: interface 1.0'
golden=$(golden)

unbind
check "i915 is unbound with kvmgt loaded: nothing is left" detached
check "the device is gone" absent $OFFERED
bind
check "i915 bound again is attached to" attached
check "the golden state is the same" is "$(golden)" "$golden"
news
check "no error so far" silent

# The driver core's own unbind and bind.
echo i915.gvt.0 >$AUX/drivers/kvmgt/unbind
check "kvmgt unbound from one GPU" detached
echo i915.gvt.0 >$AUX/drivers/kvmgt/bind
check "kvmgt bound to it again" attached

# Reads until the file stays away; a read that the removal cuts short is no error of ours.
readers() {
	for n in 1 2 3 4; do
		while [ ! -e /run/lab/stop ]; do
			cat $GPU/gvt_firmware >/dev/null 2>&1
		done &
	done
}
readers
for n in 1 2 3 4 5 6 7 8; do
	rmmod kvmgt || echo "FAILED: rmmod while the golden state is read"
	modprobe kvmgt
done
check "kvmgt removed while readers read" attached
rmmod kvmgt
check "and gone in the end" detached
: >/run/lab/stop
wait
rm /run/lab/stop

for n in 1 2 3 4 5 6; do
	unbind &
	modprobe kvmgt
	wait
	bind
	attached || echo "FAILED: unbind races load: not attached in round $n"
	rmmod kvmgt
	detached || echo "FAILED: unbind races load: not detached in round $n"
done
check "i915 unbound while kvmgt is loaded" detached
modprobe kvmgt
for n in 1 2 3 4 5 6; do
	unbind &
	rmmod kvmgt
	wait
	bind
	modprobe kvmgt
	attached || echo "FAILED: unbind races removal: not attached in round $n"
done
check "i915 unbound while kvmgt is removed" attached

# Removal while the GPU is reset, and while the host half tells kvmgt of the host's own contexts.
news
reset_gpu 1
news
check "the whole GPU really is reset" said 'Resetting chip for Manually reset'
check "kvmgt takes no notice" silent
check "the engines work after it" work
while [ ! -e /run/lab/stop ]; do
	reset_gpu 1
	work >/dev/null 2>&1 || echo "FAILED: work between resets"
done &
for n in 1 2 3 4 5 6 7 8; do
	rmmod kvmgt || echo "FAILED: rmmod while the GPU is reset and works"
	modprobe kvmgt
done
: >/run/lab/stop
wait
check "kvmgt removed while the GPU is reset and works" attached
check "the golden state is still the same" is "$(golden)" "$golden"
rmmod kvmgt
news
check "no error so far" silent

cycle() {
	for n in $(seq "$1"); do
		modprobe kvmgt && attached || echo "FAILED: load $n"
		rmmod kvmgt && detached || echo "FAILED: unload $n"
	done
}
users=$(cat /sys/module/i915/refcnt)
cycle 20
live_objects >/run/lab/slab-before
vmalloc=$(awk '/^VmallocUsed/ { print $2 }' /proc/meminfo)
cycle 50
live_objects >/run/lab/slab-half
cycle 50
live_objects >/run/lab/slab-after
check "100 cycles: slab counts are back at the start" growth
check "100 cycles: vmalloc too" at_most \
	"$(awk '/^VmallocUsed/ { print $2 }' /proc/meminfo)" $((vmalloc + 64))
check "i915 has as many users as before" is "$(cat /sys/module/i915/refcnt)" "$users"
modprobe kvmgt
check "kvmgt has none" is "$(cat /sys/module/kvmgt/refcnt)" 0
check "the golden state is the same after them" is "$(golden)" "$golden"
calm
