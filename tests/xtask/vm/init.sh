#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
# First stage of every VM of the lab. Lays a tmpfs over the Debian tree that the machine
# outside shares read-only, adds the kernel's modules, and goes there.
B=/bin/busybox
$B mkdir -p /proc /sys /dev
$B mount -t proc proc /proc
$B mount -t sysfs sysfs /sys
$B mount -t devtmpfs dev /dev

fail() {
	echo "lab: $*" >/dev/console
	$B poweroff -f
}

for module in /modules/*.ko; do
	[ -e "$module" ] && { $B insmod "$module" || fail "cannot load $module"; }
done

# msize is the largest that virtio's 9p takes; the trees never change while mounted.
options=trans=virtio,version=9p2000.L,ro,msize=512000,cache=loose
$B mount -t 9p -o $options root /lower || fail "cannot mount the root"
layers=/lower
if $B grep -q lab.overlay /proc/cmdline; then
	$B mount -t 9p -o $options overlay /over || fail "cannot mount the overlay"
	layers=/over:/lower
fi
$B mount -t tmpfs tmpfs /base
$B mkdir /base/upper /base/work
$B mount -t overlay -o lowerdir=$layers,upperdir=/base/upper,workdir=/base/work root /new ||
	fail "cannot lay the tmpfs over the root"
release=$($B uname -r)
$B mkdir -p /new/lib/modules/"$release" /new/proc /new/sys /new/dev /new/run
$B mount -t 9p -o $options modules /new/lib/modules/"$release" || fail "cannot mount the modules"
$B mount -t tmpfs -o mode=755 tmpfs /new/run
$B mkdir /new/run/lab
$B cp /bin/busybox /stage /new/run/lab/
[ -e /command ] && $B cp /command /new/run/lab/
for folder in proc sys dev; do
	$B mount --move /$folder /new/$folder
done
exec $B switch_root /new /bin/sh /run/lab/stage
fail "cannot start the second stage"
