# SPDX-License-Identifier: GPL-2.0 OR MIT
# A nested guest on a vGPU of the C GVT-g. /nested has its kernel; its initramfs is made here, of
# busybox, gem-work and the modules that i915 needs.
B=/run/lab/busybox
type=i915-GVTg_V5_8
id=00000000-0000-4000-8000-000000000001
gpu=/sys/bus/pci/devices/0000:00:02.0

modprobe -a kvm_amd vfio_iommu_type1 kvmgt
echo $id >$gpu/mdev_supported_types/$type/create

tree=/tmp/nested
mkdir -p $tree/bin $tree/dev $tree/proc $tree/sys $tree/modules
cp $B /usr/local/bin/gem-work $tree/bin/
place=100
modprobe --show-depends i915 | while read -r word file rest; do
	[ "$word" = insmod ] || continue
	case $file in
	*.xz) $B xz -dc "$file" ;;
	*) cat "$file" ;;
	esac >$tree/modules/$place.ko
	place=$((place + 1))
done
cat >$tree/init <<'INIT'
#!/bin/busybox sh
B=/bin/busybox
$B mount -t proc proc /proc
$B mount -t sysfs sysfs /sys
$B mount -t devtmpfs dev /dev
for module in /modules/*.ko; do
	$B insmod $module || echo "nested: cannot load $module"
done
tries=600
until [ -e /dev/dri/renderD128 ] || [ $tries = 0 ]; do
	$B sleep 1
	tries=$((tries - 1))
done
/bin/gem-work engines && /bin/gem-work blit && echo "nested: all done"
$B poweroff -f
INIT
chmod +x $tree/init $tree/bin/*
ln -sf busybox $tree/bin/sh
(cd $tree && $B find . | $B cpio -o -H newc) >/tmp/nested.cpio 2>/dev/null

# The CPU model: with more of the CPU's features the nested kernel panics on the size of XSAVE.
qemu-system-x86_64 -machine pc -accel kvm -cpu qemu64 -m 1G -nodefaults -no-reboot \
	-vga none -display none -serial file:/tmp/nested.log \
	-kernel /nested/vmlinuz -initrd /tmp/nested.cpio -append 'console=ttyS0 panic=-1' \
	-device vfio-pci,sysfsdev=/sys/bus/mdev/devices/$id,addr=02.0,display=off >&2
tail -n 60 /tmp/nested.log >&2
cat /tmp/nested.log
