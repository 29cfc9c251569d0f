# SPDX-License-Identifier: GPL-2.0 OR MIT
# The host half keeps the contract: the conformance checks, and reservations that survive. The
# display is fused off, so that i915 lets the GPU sleep at run time.

asleep() {
	[ "$(cat $GPU/power/runtime_status)" = suspended ]
}
objects() {
	sed -nE 's/^([0-9]+) shrinkable .*/\1/p' $CARD/i915_gem_objects
}
no_more_objects() {
	[ "$(objects)" -le "$1" ] || { cat $CARD/i915_gem_objects; return 1; }
}
keep_in_memory

check "kvmgt is not loaded" absent /sys/module/kvmgt
echo 200 >$GPU/power/autosuspend_delay_ms
echo auto >$GPU/power/control
check "the GPU falls asleep" within 60 asleep
news

# The checks; the module's probe fails so that it lets go.
modprobe gvt_conformance
news
sed -nE 's/^<[0-9]+>\[[^]]*\] gvt_conformance: (ok|FAILED): /\1: contract: /p' $NEWS
check "all checks of the contract ran" said 'gvt_conformance: i915.gvt.0: 0 failed'
check "the GPU really slept" refuses grep 'does not sleep here' $NEWS
modprobe -r gvt_conformance

# Again, while somebody else has work for all engines.
check "the GPU falls asleep after the checks" within 60 asleep
before=$(objects)
touch /run/lab/busy
(
	while [ -e /run/lab/busy ]; do
		gem-work engines >/run/lab/work.log 2>&1 || cp /run/lab/work.log /run/lab/work.failed
	done
) &
modprobe gvt_conformance beside=1
news
sed -nE 's/^<[0-9]+>\[[^]]*\] gvt_conformance: (ok|FAILED): /\1: contract beside other work: /p' $NEWS
check "all checks ran beside other work" said 'gvt_conformance: i915.gvt.0: 0 failed'
modprobe -r gvt_conformance
rm /run/lab/busy
wait
check "the other work was done" absent /run/lab/work.failed
check "the GPU falls asleep after that" within 60 asleep
check "no object of i915 is left over" within 30 no_more_objects "$before"
PATH=$MEMORY

verify() {
	echo 1 >/sys/module/gvt_conformance/parameters/verify
}
/sbin/modprobe gvt_conformance hold=1
check "reservations are held" test -e $OFFERED/driver
check "they have the contents that were written" verify

check "work" work
reset_gpu
check "after a reset of the engines" verify
news
reset_gpu 1
check "after a reset of the GPU" verify
news
check "the whole GPU really was reset" said 'Resetting chip for Manually reset'
check "work after it" work

check "the GPU falls asleep with them" within 60 asleep
check "after it was asleep" verify
suspended=$(cat $GPU/power/runtime_suspended_time)
check "and again" within 60 asleep
check "time asleep goes on" test "$(cat $GPU/power/runtime_suspended_time)" -ge "$suspended"

for level in devices platform; do
	check "suspend with pm_test=$level" suspend $level
	check "after a suspend with pm_test=$level" verify
done
echo none >/sys/power/pm_test
check "work after suspend" work
check "after that too" verify
news
check "no check failed" refuses grep 'gvt_conformance: FAILED' $WHOLE
rmmod gvt_conformance
news
check "given back, all is scratch" said 'gvt_conformance: ok: release'
calm
