# SPDX-License-Identifier: GPL-2.0 OR MIT
# What `cargo xtask demo --kernel` runs in the host VM: tells what happens on stderr, and prints
# what the table shows as name=value.
set -e
pci=/sys/bus/pci/devices/0000:00:02.0
auxiliary=/sys/bus/auxiliary/devices/i915.gvt.0

tell() {
	printf '[%9.2f] %s\n' "$(cut -d' ' -f1 /proc/uptime)" "$*" >&2
}
golden() {
	sha256sum $pci/gvt_firmware | cut -c1-16
}

tell "Linux $(uname -r), i915 up; gvt_status: $(cat $pci/gvt_status)"
dmesg | grep 'GVT-g:' | sed 's/^.*GVT-g/            i915: GVT-g/' >&2
echo "gpu=$(cat $pci/vendor | cut -c3-):$(cat $pci/device | cut -c3-) revision $(cat $pci/revision | cut -c3-)"
echo "snapshot=$(dmesg | sed -n 's/^.*GVT-g: snapshot of //p' | head -n 1)"

tell "modprobe kvmgt"
modprobe kvmgt
dmesg | grep 'kvmgt i915.gvt.0: attached' | sed 's/^.*kvmgt i915/            kvmgt i915/' >&2
test "$(basename "$(readlink $auxiliary/driver)")" = kvmgt
before=$(golden)
echo "interface=$(cat $auxiliary/interface), features $(cat $auxiliary/features)"
echo "later=$(awk '{ printf "%.1f", $1 }' /proc/uptime) $(awk '{ printf "%.1f", $1 / 1e9 }' $auxiliary/snapshot_time)"
echo "firmware=$(wc -c <$pci/gvt_firmware) bytes, SHA-256 $before…"

for round in 1 2; do
	echo 0000:00:02.0 >/sys/bus/pci/drivers/i915/unbind
	tell "i915 unbound"
	echo 0000:00:02.0 >/sys/bus/pci/drivers/i915/bind
	tell "i915 bound again; kvmgt attached again"
	test "$(golden)" = "$before"
done
echo "rebinds=$round, golden state the same"
tell "rmmod kvmgt"
rmmod kvmgt
