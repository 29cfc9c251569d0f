# SPDX-License-Identifier: GPL-2.0 OR MIT
# A GPU that i915 drives and does not offer; STATUS is the word for the reason. i915 is not loaded
# when this begins.

load_i915
news
if [ $STATUS = guest ]; then
	check "guest: i915 takes the GPU for a virtual one" said 'Virtual GPU for Intel GVT-g detected'
fi
check "$STATUS: the status says so" is "$(cat $GPU/gvt_status)" $STATUS
check "$STATUS: there is no device" absent $OFFERED
check "$STATUS: i915 does not trouble anybody with that" refuses grep 'GVT-g: ' $NEWS
check "$STATUS: every engine has executed a batch" work
modprobe kvmgt
check "$STATUS: kvmgt loads" is $? 0
news
check "$STATUS: one line names the status file" said \
	"^<6>.*kvmgt: i915 offers no GVT-g on $BDF: /sys/bus/pci/devices/$BDF/gvt_status says why"
check "$STATUS: nothing is attached to" absent $GPU/gvt_firmware
check "$STATUS: kvmgt unloads" rmmod kvmgt
check "$STATUS: i915 unloads" rmmod i915
calm
