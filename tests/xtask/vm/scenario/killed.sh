# SPDX-License-Identifier: GPL-2.0 OR MIT
# A VMM that is killed, at any point of what it does, leaves nothing. $ROUNDS are killed. i915 is
# loaded, kvmgt is not.
TYPES=$GPU/mdev_supported_types
VGPU=$CARD/gvt/vgpu1
A=11111111-aaaa-4000-8000-000000000001

vmalloc() {
	awk '/^VmallocUsed/ { print $2 }' /proc/meminfo
}
closed() {
	[ "$(cat $VGPU/status)" = 0x0 ] && absent $VGPU/kvmgt_nr_cache_entries
}

# The distinct entries that the GPU's own GGTT has for the vGPU's addresses: with 1 for those in the
# aperture, with 2 for all. A GPU that sleeps would answer with zeros.
all_entries() {
	echo on >$GPU/power/control
	head -n $1 /run/lab/parts | while read -r start end; do
		synthetic-guest host-ggtt $GPU/resource0 $start $end | sed 's/ .*//'
	done | sort -u
	echo auto >$GPU/power/control
}
# They are as they were when the vGPU was new.
scratch() {
	is "$(all_entries $1)" "$SCRATCH"
}

# The checks of round $1. Each round begins with other ones, so that all have their turn.
order() {
	synthetic-guest list | sed 's/: .*//' | awk -v round="$1" -v rounds="$ROUNDS" '
		{ names[NR - 1] = $0 }
		END { for (i = 0; i < NR; i++) print names[(i + int(round * NR / rounds)) % NR] }'
}
# Its moment, in seconds, from before the vGPU is open. It looks like chance, and is the same in each
# run.
moment() {
	awk -v round="$1" 'BEGIN { srand(round); rand(); printf "%.2f", rand() * 4 }'
}

# As many as $2, from round $1 on: each opens the vGPU, uses all that there is of it, and is killed.
kill_some() {
	for round in $(seq "$1" "$2"); do
		case $((round % 3)) in
		0) way="--no-kvm $TYPE1" ;;
		1) way=--iommufd ;;
		*) way=$TYPE1 ;;
		esac
		synthetic-guest run $(order "$round") --mdev $A $way >/run/lab/lines 2>&1 &
		sleep "$(moment "$round")"
		kill -9 $!
		wait $! 2>/dev/null
		at="$(moment "$round") s, with $(grep -c '^ok' /run/lab/lines) checks done from $(order "$round" | head -n 1) on"
		if ! grep -q FAILED /run/lab/lines && within 100 closed && scratch 1; then
			echo "killed after $at" >&2
		else
			echo "FAILED: round $round, killed after $at: $(tail -n 3 /run/lab/lines)"
		fi
	done
}

modprobe kvm_amd
modprobe vfio_iommu_type1
modprobe iommufd
modprobe kvmgt
check "kvmgt attaches" within 20 attached
types=$(cat $TYPES/*/available_instances)
check "a vGPU" eval "echo $A >$TYPES/i915-GVTg_V5_8/create"
synthetic-guest parts --mdev $A >/run/lab/parts
check "it has two parts of the GGTT" is "$(wc -l </run/lab/parts)" 2
SCRATCH=$(all_entries 2)
check "all addresses of a new one lead to one page" is "$(echo "$SCRATCH" | grep -c 0x)" 1
# What is made once and kept is made before anything is counted.
check "checks hold before" synthetic-guest run --mdev $A $TYPE1 $QUICK
check "and by iommufd" synthetic-guest run --mdev $A --iommufd $QUICK
news

sleep 600 | synthetic-guest hold --mdev $A >/run/lab/held &
check "a page that a guest maps is seen there" within 60 refuses scratch 1
kill -9 $!
check "and it goes with its holder" within 100 closed

live_objects >/run/lab/slab-before
before=$(vmalloc)
kill_some 1 $((ROUNDS / 2))
live_objects >/run/lab/slab-half
kill_some $((ROUNDS / 2 + 1)) "$ROUNDS"
live_objects >/run/lab/slab-after
check "$ROUNDS killed: each left a closed vGPU behind" closed
check "all of its addresses lead to the scratch page" scratch 2
check "slab counts are back at the start" growth
check "vmalloc too" at_most "$(vmalloc)" $((before + 64))
news
check "nothing at error level, so no page stays pinned" silent
check "kvmgt has no users" is "$(cat /sys/module/kvmgt/refcnt)" 0
check "the next one finds all as new" synthetic-guest run --mdev $A $TYPE1 $QUICK

echo 1 >/sys/bus/mdev/devices/$A/remove
check "all is available again" is "$(cat $TYPES/*/available_instances)" "$types"
check "work on the GPU after all that" work
rmmod kvmgt
calm
