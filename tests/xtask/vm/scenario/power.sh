# SPDX-License-Identifier: GPL-2.0 OR MIT
# What sysfs says of a GPU, and kvmgt where there is nothing for it. i915 is not loaded when this
# begins.

check "kvmgt has no alias" is "$(modinfo -F alias kvmgt)" ""
check "without i915 there is no status" absent $GPU/gvt_status

load_i915
check "turned on: the status is ready" is "$(cat $GPU/gvt_status)" ready
check "kvmgt is not loaded by itself" absent /sys/module/kvmgt
check "the device is the GPU's" is "$(readlink -f $OFFERED/..)" "$(readlink -f $GPU)"
check "attribute interface" is "$(cat $OFFERED/interface)" 1.0
check "attribute features is hexadecimal" grep -qxE '0x[0-9a-f]+' $OFFERED/features
check "attribute snapshot_pristine" is "$(cat $OFFERED/snapshot_pristine)" 1
now=$(($(cut -d. -f1 /proc/uptime) * 1000000000))
check "attribute snapshot_time is before now" test "$(cat $OFFERED/snapshot_time)" -le $((now + 1000000000))
time=$(cat $OFFERED/snapshot_time)
unbind
check "unbound: there is no status" absent $GPU/gvt_status
bind
check "bound again: the snapshot is the first one" is "$(cat $OFFERED/snapshot_time)" "$time"
modprobe kvmgt
news
check "one line says that kvmgt is attached" said '^<6>.*kvmgt i915.gvt.0: attached to kbl 8086:5916 rev 02'
check "debugfs counts the tracked registers" test "$(cat $CARD/gvt/num_tracked_mmio)" -gt 1000

# The GPU sleeps with kvmgt there, and kvmgt is told of the host's suspend.
echo 0 >$GPU/power/autosuspend_delay_ms
echo auto >$GPU/power/control
asleep() {
	[ "$(cat $GPU/power/runtime_status)" = suspended ]
}
check "the GPU sleeps with kvmgt attached" within 60 asleep
check "its golden state is read without waking it" eval 'cat $GPU/gvt_firmware >/dev/null && asleep'

rmmod kvmgt
check "i915 can be removed" rmmod i915
load_i915 enable_gvt=0
news
check "turned off: the status says so" is "$(cat $GPU/gvt_status)" disabled
check "turned off: i915 says so in one line" said '^<6>.*i915 .*GVT-g: disabled by i915.enable_gvt=0'
check "turned off: there is no device" absent $OFFERED
modprobe kvmgt
check "turned off: kvmgt loads" is $? 0
news
check "turned off: one line names the status file" said \
	"^<6>.*kvmgt: i915 offers no GVT-g on $BDF: /sys/bus/pci/devices/$BDF/gvt_status says why"
check "turned off: nothing is attached to" absent $GPU/gvt_firmware

rmmod kvmgt
rmmod i915

load_i915
check "a driver was there before: the snapshot says so" is "$(cat $OFFERED/snapshot_pristine)" 0
calm
