# SPDX-License-Identifier: GPL-2.0 OR MIT
# The monitor goes, and one that prefers $OTHER comes. Nobody here asks i915 to look: `status` and
# `modes` only tell what it has found.
for connector in /sys/class/drm/card0-*; do
	[ $(cat $connector/status) = connected ] && break
done

# monitor ACT: the machine outside does that to the monitor.
monitor() {
	echo "monitor $1" >&3
	read -r answer <&3
	[ "$answer" = go ] || { echo "no monitor $1: $answer" >&2; return 1; }
}
# settles STATUS MODE: waits until i915 knows of a monitor with that first mode, or of none.
settles() {
	for _ in $(seq 240); do
		[ "$(cat $connector/status) $(head -n1 $connector/modes)" = "$1 $2" ] && return
		sleep 0.25
	done
	echo "i915 does not find what is $1" >&2
}
# step NAME: what it knows, and why. The messages of the next step begin here.
step() {
	echo $1-status=$(cat $connector/status)
	echo $1-modes=$(cat $connector/modes)
	echo $1-pulses=$(dmesg | grep -c 'hotplug event received')
	echo $1-events=$(dmesg | grep -c 'generating.* hotplug event')
	messages
	dmesg -c >/dev/null
}

# Messages of the driver (2) and of mode setting (4).
echo 6 >/sys/module/drm/parameters/debug
step before
monitor nonsense
sleep 2
step nonsense
monitor unplug
settles disconnected ''
step gone
monitor $OTHER
settles connected $OTHER
for _ in $(seq 20); do
	picture other && break
	sleep 0.5
done
step other
echo 0 >/sys/module/drm/parameters/debug
