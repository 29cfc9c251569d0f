# SPDX-License-Identifier: GPL-2.0 OR MIT
# The host's part of a nested guest's desktop: it hands on the Debian tree that it was given, and takes what
# the guest writes into the folder `out`. Behind nested_screen.sh.
mkdir -p /desktop /tmp/out
/run/lab/busybox mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=512000,cache=loose share /desktop
share() {
	echo "-fsdev local,id=$1,path=$2,security_model=none$3 -device virtio-9p-pci,fsdev=$1,mount_tag=$1"
}
MORE="$MORE $(share root /desktop ,readonly=on,multidevs=remap) $(share out /tmp/out)"

afterwards() {
	file desktop $PICTURES/desktop
	file xwd /tmp/out/xwd
}
