# SPDX-License-Identifier: GPL-2.0 OR MIT
# The device cannot be published, as its name is taken: i915 works all the same, and the GPU is
# offered when the cause is gone. i915 is not loaded when this begins. The driver core traces a
# name that is taken, so the kernel's log is no measure here.

modprobe gvt_fixture id=0
load_i915
news
check "error: the status says so" is "$(cat $GPU/gvt_status)" error
check "error: one line says why" said '^<3>.*i915 .*GVT-g: not offered \(-(EEXIST|17)\)'
check "error: the device of that name is still the other one" is \
	"$(readlink -f $OFFERED/..)" /sys/devices/faux/gvt-fixture
check "error: every engine has executed a batch" work
rmmod gvt_fixture
unbind
bind
check "error gone: the status is ready" is "$(cat $GPU/gvt_status)" ready
modprobe kvmgt
check "error gone: the GPU is attached to" attached
check "kvmgt unloads" rmmod kvmgt
check "i915 unloads" rmmod i915
news
check "no bug" refuses grep -E 'WARNING:|BUG:|Oops|general protection|suspicious RCU' $WHOLE
cat $WHOLE >&2
echo finished
