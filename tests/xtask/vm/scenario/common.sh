# SPDX-License-Identifier: GPL-2.0 OR MIT
# What all scenarios' scripts begin with. A check prints one line, `ok: NAME` or
# `FAILED: NAME: WHY`, which the lab counts; the kernel's log is read piece by piece, and
# `calm` at the end looks at all of it.
BDF=0000:00:02.0
GPU=/sys/bus/pci/devices/$BDF
AUX=/sys/bus/auxiliary
OFFERED=$AUX/devices/i915.gvt.0
CARD=/sys/kernel/debug/dri/0
NEWS=/run/lab/news
WHOLE=/run/lab/whole
# What the kernel says when something went wrong in it.
SPLATS='WARNING:|BUG:|Oops|Call Trace|INFO: task|INFO: possible|general protection|lockdep is turned off|suspicious RCU'
seen=0

# check NAME COMMAND...: the command must succeed; what it prints says why it did not.
check() {
	name=$1
	shift
	if why=$("$@" 2>&1); then
		echo "ok: $name"
	else
		# What has failed in there, and its end.
		why=$(echo "$why" | grep FAILED | head -n 12; echo "$why" | tail -n 12)
		echo "FAILED: $name: $* $(echo "$why" | tr '\n' '|')"
	fi
}

# is FOUND WANTED
is() {
	[ "$1" = "$2" ] || { echo "is '$1', not '$2'"; return 1; }
}

# at_most FOUND LIMIT
at_most() {
	[ "$1" -le "$2" ] || { echo "is $1, more than $2"; return 1; }
}

absent() {
	[ ! -e "$1" ]
}

refuses() {
	! "$@"
}

# fails ERROR COMMAND...: it fails, and says so.
fails() {
	error=$1
	shift
	said=$("$@" 2>&1) && return 1
	echo "$said" | grep -qE "$error" || { echo "$said"; return 1; }
}

# Takes what the kernel has said since the last call, with the level of each line.
news() {
	dmesg -r >$WHOLE
	tail -n +$((seen + 1)) $WHOLE >$NEWS
	seen=$(wc -l <$WHOLE)
}

# said ERE: exactly one line of the news matches.
said() {
	[ "$(grep -cE -- "$1" $NEWS)" = 1 ] || { cat $NEWS; return 1; }
}

# silent [ERE]: no line of the news is at error level but those that match.
silent() {
	! grep -E '^<[0-3]>' $NEWS | grep -vE -- "${1:-^\$}"
}

# within SECONDS COMMAND...: the command succeeds before the time is over.
within() {
	tries=$(($1 * 10))
	shift
	until "$@"; do
		[ $tries -gt 0 ] || return 1
		tries=$((tries - 1))
		sleep 0.1
	done
}

load_i915() {
	modprobe i915 "$@" && within 200 test -e /dev/dri/card0
}

bind() {
	echo $BDF >/sys/bus/pci/drivers/i915/bind && within 200 test -e /dev/dri/card0
}

unbind() {
	echo $BDF >/sys/bus/pci/drivers/i915/unbind
}

# The golden state that kvmgt shows.
golden() {
	sha256sum <$GPU/gvt_firmware
}

attached() {
	[ -e $OFFERED/driver ] && [ -e $GPU/gvt_firmware ]
}

detached() {
	[ ! -e $GPU/gvt_firmware ] && [ ! -e $OFFERED/driver ]
}

# Resets the engines one by one, or with 1 the whole GPU.
reset_gpu() {
	echo "${1:-2}" >$CARD/i915_params/reset
	echo 15 >$CARD/gt0/reset
}

# Every engine executes batches, and what they did is looked at.
work() {
	gem-work engines
}

# The files of the root come over virtio-9p, which does not survive a suspend: from there on only
# what is in memory can be used. What is run is in $MEMORY then; PATH is for the script to set.
MEMORY=/run/lab/bin
keep_in_memory() {
	mkdir -p $MEMORY
	cp /usr/local/bin/gem-work $MEMORY
	/run/lab/busybox --install -s $MEMORY
	cat /bin/sh /lib/x86_64-linux-gnu/libc.so.6 /lib64/ld-linux-x86-64.so.2 >/dev/null
	trap power_off EXIT
}
# poweroff looks for files of the root, and would wait for ever.
power_off() {
	(
		sleep 5
		echo o >/proc/sysrq-trigger
	) </dev/null >/dev/null 2>&1 &
}
# Suspends to idle, but wakes after a second at that level of pm_test.
suspend() {
	echo 1 >/sys/module/suspend/parameters/pm_test_delay
	echo "$1" >/sys/power/pm_test
	echo freeze >/sys/power/state
}

# Counts what is allocated. What the caches of CPUs hold counts as live, and is more or less from
# one moment to the next: it is given back, and the least of several counts is taken. Addresses that
# nothing is mapped at any more, and that are given back when there are many of them, are not counted.
live_objects() {
	sleep 1
	for n in 1 2 3 4 5 6; do
		for cache in /sys/kernel/slab/*/shrink; do
			[ -L "${cache%/shrink}" ] || echo 1 >"$cache"
		done
		awk -v unpurged="$(grep -c unpurged /proc/vmallocinfo)" \
			'$1 == "vmap_area" { $2 -= unpurged } { print }' /proc/slabinfo
	done | awk '
		$2 ~ /^[0-9]+$/ && (!($1 in least) || $2 < least[$1]) { least[$1] = $2 }
		END { for (name in least) print name, least[name] }'
}
# What a cycle leaks grows in both halves of many cycles alike; the rest of the machine, which lives
# too, does not. The counts are in /run/lab/slab-before, -half and -after. CPUs hand objects over by the
# sheaf, and a sheaf more or less in each half is no leak.
growth() {
	{
		echo
		grep . /sys/kernel/slab/*/sheaf_capacity | sed 's:^.*/\(.*\)/sheaf_capacity\::\1 :'
	} >/run/lab/sheaves
	awk -v limit=25 '
		FILENAME != last { last = FILENAME; file++ }
		file == 1 { sheaf[$1] = $2; next }
		file == 2 { before[$1] = $2; next }
		file == 3 { half[$1] = $2; next }
		# What a debug kernel notes of the objects of others.
		$1 ~ /^(debug_objects_cache|kmemleak_.*)$/ { next }
		sheaf[$1] && half[$1] - before[$1] == sheaf[$1] && $2 - half[$1] == sheaf[$1] { next }
		half[$1] - before[$1] >= limit && $2 - half[$1] >= limit {
			print $1, half[$1] - before[$1], $2 - half[$1]
			bad = 1
		}
		END { exit bad }' /run/lab/sheaves /run/lab/slab-before /run/lab/slab-half /run/lab/slab-after
}

# What Linux 7.2 itself leaks when i915 is unbound, with kvmgt or without: ttm_pool_mgr_fini leaves the
# lists that ttm_pool_mgr_init made.
KNOWN_LEAKS='ttm_pool_mgr_init'

# The leaks in the memory of i915, kvmgt and our tests' modules, by who allocated: how many, and
# the innermost functions.
leaks() {
	awk -v known="$KNOWN_LEAKS" '
		function flush() {
			if (text ~ /gvt|i915/ && text !~ known) count[frames]++
			text = frames = ""
			depth = 0
		}
		/^unreferenced/ { flush() }
		{ text = text $0 }
		/^    [^ ]*\+0x/ && depth++ < 7 { sub(/\+.*/, "", $1); frames = frames " " $1 }
		END { flush(); for (frames in count) print count[frames] frames }' /sys/kernel/debug/kmemleak
}

# What the synthetic guest leaves out through VFIO's type 1 IOMMU under lockdep. When memory is taken
# back from a driver that has pinned pages, VFIO takes two locks of its own in the wrong order
# (docs/architecture.md); lockdep says so, and stops to watch.
TYPE1=
[ -e /proc/lockdep_stats ] && TYPE1='--without S-10-memory-taken-back
--without S-11-query-plane-race --without S-12-dma-buf'

# Leaves out what takes long, and is not about who else has a vGPU, or had it.
QUICK="--without picture-linear --without picture-x --without S-11-query-plane-race
--without S-12-dma-buf --without S-24-timer-storm --without S-26-planes
--without S-70-close-during-vblank"

# calm [ERE]: nothing went wrong in the kernel, and it said nothing at error level but what
# matches.
calm() {
	if [ -e /sys/kernel/debug/kmemleak ]; then
		# kmemleak believes in a leak when it is five seconds old.
		sleep 6
		echo scan >/sys/kernel/debug/kmemleak
		sleep 1
		echo scan >/sys/kernel/debug/kmemleak
		check "kmemleak has found nothing that is not known" is "$(leaks)" ""
	fi
	if [ -e /proc/lockdep_stats ]; then
		check "lockdep has watched all the time" grep -qE '^ *debug_locks: +1$' /proc/lockdep_stats
	fi
	news
	cp $WHOLE $NEWS
	check "nothing at error level but what was expected" silent "$1"
	check "no warning, bug or trace" refuses grep -E "$SPLATS" $WHOLE
	cat $WHOLE >&2
	echo finished
}
