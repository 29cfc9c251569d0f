# SPDX-License-Identifier: GPL-2.0 OR MIT
# Seven synthetic guests, which is as many as a GPU has vGPUs, let all engines work at the same time,
# $ROUNDS rounds each. i915 is loaded, kvmgt is not.
TYPE=$GPU/mdev_supported_types/i915-GVTg_V5_8
MDEV=/sys/bus/mdev/devices
GUESTS='1 2 3 4 5 6 7'

uuid() {
	echo "$1$1$1$1$1$1$1$1-aaaa-4000-8000-00000000000$1"
}
uptime() {
	cut -d' ' -f1 /proc/uptime
}
# How guest $1 opens its vGPU.
way() {
	case $1 in
	1 | 2 | 3) echo ;;
	4 | 5) echo --no-kvm ;;
	*) echo --iommufd ;;
	esac
}
# The distinct entries that the GPU's own GGTT has for the apertures of all vGPUs.
entries() {
	echo on >$GPU/power/control
	for n in $GUESTS; do
		synthetic-guest host-ggtt $GPU/resource0 $(cat /run/lab/part-$n) | sed 's/ .*//'
	done | sort -u
	echo auto >$GPU/power/control
}
closed() {
	for n in $GUESTS; do
		[ "$(cat $CARD/gvt/vgpu$n/status)" = 0x0 ] && absent $CARD/gvt/vgpu$n/kvmgt_nr_cache_entries || return
	done
}
# One guest works; when it began, and when it ended, go to files.
works() {
	uptime >/run/lab/begin-$1
	synthetic-guest work --rounds "$2" --mdev "$(uuid $1)" $(way $1) >/run/lab/work-$1 2>&1
	uptime >/run/lab/end-$1
}
# All of them work, $1 rounds each; what is wrong is said.
all_work() {
	for n in $GUESTS; do
		works $n "$1" &
	done
	wait
	for n in $GUESTS; do
		is "$(cat /run/lab/work-$n)" "ok: $(($1 * 4)) submissions, $(($1 * 8)) values compared" || return
	done
	within 100 closed
}
# The last of them began before the first one ended.
at_once() {
	cat /run/lab/begin-* | sort -n | tail -n 1 >/run/lab/last
	cat /run/lab/end-* | sort -n | head -n 1 >/run/lab/first
	sort -n /run/lab/last /run/lab/first | head -n 1 | cmp -s - /run/lab/last
}

modprobe -a kvm_amd vfio_iommu_type1 iommufd kvmgt
check "kvmgt attaches" within 20 attached
types=$(cat $GPU/mdev_supported_types/*/available_instances)
for n in $GUESTS; do
	check "vGPU $n" eval "echo $(uuid $n) >$TYPE/create"
	synthetic-guest parts --mdev "$(uuid $n)" | head -n 1 >/run/lab/part-$n
done
check "there is room for no more" is "$(cat $TYPE/available_instances)" 0
new=$(entries)
check "all addresses of new ones lead to one page" is "$(echo "$new" | grep -c 0x)" 1
# What is made once and kept is made before anything is counted.
check "each works, and all is there that it stored" all_work 10

live_objects >/run/lab/slab-before
check "all seven work, and all is there that they stored" all_work "$ROUNDS"
check "they worked at the same time" at_once
for n in $GUESTS; do
	echo "guest $n: $(cat /run/lab/begin-$n) to $(cat /run/lab/end-$n): $(cat /run/lab/work-$n)" >&2
done
live_objects >/run/lab/slab-half
check "and once more" all_work "$ROUNDS"
live_objects >/run/lab/slab-after
check "slab counts are back at the start" growth
check "all addresses lead to the scratch page" is "$(entries)" "$new"
news
check "nothing at error level, so no page stays pinned" silent
check "kvmgt complains of nothing" refuses grep -E ' vgpu[1-7]: ' $WHOLE

for n in $GUESTS; do
	check "vGPU $n is removed" eval "echo 1 >$MDEV/$(uuid $n)/remove"
done
check "all is available again" is "$(cat $GPU/mdev_supported_types/*/available_instances)" "$types"
check "the host's engines work" work
check "kvmgt goes" rmmod kvmgt
# With it go its caches, in which nothing may be left.
check "i915 goes" eval "unbind && rmmod i915"
calm
