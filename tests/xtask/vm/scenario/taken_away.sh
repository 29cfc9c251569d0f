# SPDX-License-Identifier: GPL-2.0 OR MIT
# The GPU is taken away from those who hold a vGPU. i915 is loaded, kvmgt is not.
TYPES=$GPU/mdev_supported_types
MDEV=/sys/bus/mdev/devices
A=11111111-aaaa-4000-8000-000000000001
B=22222222-bbbb-4000-8000-000000000002

create() {
	echo "$2" >"$TYPES/i915-GVTg_V5_$1/create"
}
holder() {
	pidof synthetic-guest
}
# Opens the vGPU and holds it until its input ends, which somebody keeps open who sleeps. `check`
# waits until nobody has its output open.
hold() {
	rm -f /run/lab/input
	mkfifo /run/lab/input
	: >/run/lab/held
	sleep 86400 2>/dev/null >/run/lab/input &
	echo $! >/run/lab/sleeper
	synthetic-guest hold --mdev $A "$@" </run/lab/input >/run/lab/held 2>&1 &
	within 30 grep -q open /run/lab/held
}
let_go() {
	kill "$(cat /run/lab/sleeper)"
}
# Runs in the background, and says when it is done.
start() {
	rm -f /run/lab/done
	("$@"; : >/run/lab/done) &
}
is_done() {
	[ -e /run/lab/done ]
}
heard() {
	news
	grep -cE "^<4>.*intel_vgpu_mdev $A: vgpu1: shall go, but is held by synthetic-guest \($1\)" $NEWS
}
asked() {
	grep -qE "^asked" /run/lab/held
}
# Reading and writing of three regions, reset and mapping fail with ENODEV.
refused() {
	[ "$(grep -c ': Os { code: 19, ' /run/lab/held)" = 8 ] || { cat /run/lab/held; return 1; }
}
gone() {
	[ ! -e $MDEV/$A ] && ! holder
}
unbind_kvmgt() {
	echo i915.gvt.0 >$AUX/drivers/kvmgt/unbind
}
bind_kvmgt() {
	echo i915.gvt.0 >$AUX/drivers/kvmgt/bind
}
# in_use COMMAND...: it fails at once, for that reason.
in_use() {
	now=$(cut -d. -f1 /proc/uptime)
	said=$("$@" 2>&1) && return 1
	at_most $(($(cut -d. -f1 /proc/uptime) - now)) 5 && echo "$said" | grep -q 'in use'
}

modprobe kvm_amd
modprobe vfio_iommu_type1
modprobe kvmgt
check "kvmgt attaches" within 20 attached
users=$(cat /sys/module/i915/refcnt)
types=$(cat $TYPES/*/available_instances)
create 8 $A
check "it is held" hold
check "the GPU is kept awake" is "$(cat $GPU/power/runtime_status)" active
check "debugfs says that it is open" is "$(cat $CARD/gvt/vgpu1/status)" 0x3
check "and what is pinned" grep -qxE '[0-9]+' $CARD/gvt/vgpu1/kvmgt_nr_cache_entries
check "rmmod kvmgt: in use" in_use rmmod kvmgt
check "rmmod i915: in use" in_use rmmod i915
let_go
check "its holder closes it" within 60 refuses holder
check "kvmgt has no users any more" is "$(cat /sys/module/kvmgt/refcnt)" 0
check "i915 has those it had" is "$(cat /sys/module/i915/refcnt)" "$users"
check "debugfs says that it is closed" is "$(cat $CARD/gvt/vgpu1/status)" 0x0
check "nothing is pinned" absent $CARD/gvt/vgpu1/kvmgt_nr_cache_entries
news

# taken NAME END TAKE RETURN: TAKE waits for the holder, who is ended by END; then it is over at
# once, long before the ten seconds for the next line are.
taken() {
	check "$1: held" hold $5
	pid=$(holder)
	news
	start $3
	check "$1: the holder is named" within 50 eval '[ "$(heard $pid)" = 1 ]'
	check "$1: it is asked to let go" within 50 asked
	check "$1: whatever it does is refused" within 50 refused
	check "$1: it is waited for" refuses is_done
	check "$1: nobody opens it now" refuses synthetic-guest run config-ids --mdev $A
	$2 $pid
	check "$1: over as soon as it is closed" within 30 is_done
	check "$1: nothing is left" within 30 gone
	check "$1: and back again" $4
	check "$1: all is available" is "$(cat $TYPES/*/available_instances)" "$types"
	create 8 $A
	check "$1: a new vGPU works" synthetic-guest run config-ids pvinfo-discovery --mdev $A
}
kill_it() {
	kill -9 $1
}
stop_and_kill_it() {
	kill -STOP $1
	sleep 1
	kill -9 $1
}
taken "i915 unbound, closed" let_go unbind bind
taken "i915 unbound, killed" kill_it unbind bind
taken "i915 unbound, stopped and killed" stop_and_kill_it unbind bind
taken "i915 unbound, killed without KVM" kill_it unbind bind --no-kvm
taken "kvmgt unbound, killed" kill_it unbind_kvmgt bind_kvmgt
taken "kvmgt unbound, closed" let_go unbind_kvmgt bind_kvmgt

# What it has mapped is taken from it: touching that ends it.
check "held by one that touches its mapping" hold --touch
start unbind
check "over as soon as it has touched it" within 100 is_done
check "it has touched it" grep -q '^touching' /run/lab/held
check "and found nothing there" refuses grep '^touched' /run/lab/held
bind
create 8 $A

# It is named again every ten seconds.
check "held for long" hold
pid=$(holder)
start unbind
sleep 25
check "named at once, after ten seconds and after twenty" is "$(heard $pid)" 3
kill_it "$pid"
check "over when it is killed" within 30 is_done
bind
check "i915 has the users it had" is "$(cat /sys/module/i915/refcnt)" "$users"
check "work on the GPU after all that" work
rmmod kvmgt
calm
