#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
# Second stage, in the Debian root: loads i915 if asked for, says on port `lab.control`
# that the VM is up, runs /run/lab/command with its output on ports of its own, says how
# it ended, and powers off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LC_ALL=C
B=/run/lab/busybox
cd /

mkdir -p /dev/pts /dev/shm /tmp
$B mount -t devpts devpts /dev/pts
$B mount -t tmpfs tmpfs /dev/shm
$B mount -t tmpfs tmpfs /tmp
$B mount -t debugfs debugfs /sys/kernel/debug
$B mount -t tracefs tracefs /sys/kernel/tracing
$B mount -t configfs configfs /sys/kernel/config 2>/dev/null
ln -sf /proc/self/fd /dev/fd
$B ip link set lo up 2>/dev/null
$B hostname lab 2>/dev/null

# There is no udev to name the ports.
port() {
	for folder in /sys/class/virtio-ports/*; do
		[ "$(cat "$folder/name" 2>/dev/null)" = "$1" ] && echo "/dev/${folder##*/}" && return
	done
	echo /dev/null
}
exec 3<>"$(port lab.control)"

# The machine outside answers when it has seen what it wants of the screen. A command that wants it to
# look earlier writes `picture NAME` and a newline to descriptor 3, and reads a line: `go`, or why there
# is none. `monitor ACT` has it do that to the monitor of a vGPU, in the words of `synthetic-guest
# monitor`, and is answered in the same way. Writes to the GPU are posted: reading from it before lets none be on the way when it looks.
bye() {
	$B grep -q lab.screenshot /proc/cmdline && $B cat /sys/bus/pci/devices/0000:00:02.0/config >/dev/null
	echo "$*" >&3
	read -r _ <&3
	$B poweroff -f
}

word() {
	sed -n "s/.*$1=\([^ ]*\).*/\1/p" /proc/cmdline
}

if grep -q lab.i915 /proc/cmdline; then
	modprobe i915 || bye "down i915 does not load"
	deadline=$(($(cut -d. -f1 /proc/uptime) + $(word lab.i915)))
	until [ -e /dev/dri/card0 ]; do
		[ "$(cut -d. -f1 /proc/uptime)" -lt $deadline ] || bye "down i915 gave no /dev/dri/card0"
		sleep 0.1
	done
fi

echo up >&3
if [ -e /run/lab/command ]; then
	sh /run/lab/command >"$(port lab.stdout)" 2>"$(port lab.stderr)" </dev/null
	bye "exit $?"
fi
setsid -c sh -i </dev/hvc0 >/dev/hvc0 2>&1 3>&-
bye "exit $?"
