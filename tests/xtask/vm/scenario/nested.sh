# SPDX-License-Identifier: GPL-2.0 OR MIT
# A nested guest on a vGPU of the kernel's. /nested has its kernel, and what it runs; its initramfs
# is made here. i915 is loaded, kvmgt is not.
LAB=/run/lab/busybox
A=11111111-aaaa-4000-8000-000000000001

modprobe -a kvm_amd vfio_iommu_type1 kvmgt
check "kvmgt attaches" within 20 attached
check "a vGPU" eval "echo $A >$GPU/mdev_supported_types/i915-GVTg_V5_8/create"

tree=/tmp/nested
mkdir -p $tree/bin $tree/dev $tree/proc $tree/sys
cp $LAB $tree/bin/busybox
cat >$tree/init <<'INIT'
#!/bin/busybox sh
B=/bin/busybox
$B --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
INIT
cat /nested/script >>$tree/init
echo 'echo nested=done; poweroff -f' >>$tree/init
chmod +x $tree/init $tree/bin/busybox
(cd $tree && $LAB find . | $LAB cpio -o -H newc) >/tmp/nested.cpio 2>/dev/null

# The CPU model: with more of the CPU's features the nested kernel panics on the size of XSAVE.
check "QEMU runs a guest on it" qemu-system-x86_64 \
	-machine pc -accel kvm -cpu qemu64 -m 1G -nodefaults -no-reboot \
	-vga none -display none -serial file:/tmp/nested.log \
	-kernel /nested/vmlinuz -initrd /tmp/nested.cpio -append 'console=ttyS0 quiet panic=-1' \
	-device vfio-pci,sysfsdev=/sys/bus/mdev/devices/$A,addr=02.0,display=off
tail -n 60 /tmp/nested.log >&2
tr -d '\r' </tmp/nested.log

check "removed" eval "echo 1 >/sys/bus/mdev/devices/$A/remove"
rmmod kvmgt
# The nested kernel writes a performance counter that its CPU model lacks, and KVM says so.
calm 'Unhandled WRMSR'
