# SPDX-License-Identifier: GPL-2.0 OR MIT
# Makes a nested guest, and runs it on the vGPU $A. /nested has its kernel, its modules, and what it runs; its
# initramfs is made here, and it may take PATIENCE seconds.
#
# A scenario that has more to do defines in front: `beforehand`, which is called before QEMU starts,
# `meanwhile`, which is called when it has, and may return at any time, MORE arguments for it, QEMU itself,
# and SCREEN=on for a QEMU that looks at the vGPU's screen.
LAB=/run/lab/busybox
A=11111111-aaaa-4000-8000-000000000001

type beforehand >/dev/null 2>&1 || beforehand() { :; }
type meanwhile >/dev/null 2>&1 || meanwhile() { :; }

tree=/tmp/nested
mkdir -p $tree/bin $tree/dev $tree/proc $tree/sys $tree/tmp
cp $LAB $tree/bin/busybox
cp /usr/local/bin/* $tree/bin/
cp -r /nested/modules /nested/script $tree/
cp /nested/vmlinuz $tree.vmlinuz
cat >$tree/init <<'INIT'
#!/bin/busybox sh
B=/bin/busybox
$B --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t debugfs debugfs /sys/kernel/debug
sh /script
echo nested=$?
# At power-off i915, in Linux 6.1 to 7.3, turns its interrupts off, and only then waits for the GPU to be
# idle: for ever if an engine tells of its last switch in between.
GPU=/sys/kernel/debug/dri/0/i915_runtime_pm_status
for try in $(seq 300); do
	grep -qs 'GPU idle: no' $GPU || break
	sleep 0.1
done
poweroff -f
INIT
chmod +x $tree/init $tree/bin/*
(cd $tree && $LAB find . | $LAB cpio -o -H newc) >$tree.cpio 2>/dev/null

# QEMU runs. It stays, stopped, after an error of KVM's.
running() {
	kill -0 $qemu 2>/dev/null && ! grep -qs '^KVM internal error' /tmp/qemu.log
}
# The CPU model: with more of the CPU's features the nested kernel panics on the size of XSAVE.
nested_qemu() {
	rm -f /tmp/nested.log /tmp/qemu.log
	beforehand
	timeout $PATIENCE ${QEMU:-qemu-system-x86_64} \
		-machine pc -accel kvm -cpu qemu64 -m 1G -nodefaults -no-reboot \
		-vga none -display none -serial file:/tmp/nested.log \
		-kernel $tree.vmlinuz -initrd $tree.cpio -append "console=ttyS0 earlyprintk=ttyS0 quiet panic=-1$PATIENT" \
		-device vfio-pci,sysfsdev=/sys/bus/mdev/devices/$A,addr=02.0,display=${SCREEN:-off},x-igd-opregion=on $MORE \
		>/tmp/qemu.log 2>&1 &
	qemu=$!
	meanwhile
	while running; do sleep 1; done
	kill $qemu 2>/dev/null
	wait $qemu
}
# Seen in some runs of many: KVM on the CPU that QEMU emulates can't go on at a plain read of a register,
# before i915 or kvmgt hear of it. Likely QEMU leaves the type of an exception that was delivered in
# EXITINTINFO, and KVM takes the read for a part of its delivery. Then the guest starts again.
# So it does if it was reset before its kernel had a console, which was seen once, with no line of KVM's.
# Why stands in $AGAIN, a line each time.
AGAIN=/tmp/again
run_qemu() {
	: >$AGAIN
	for try in 1 2 3; do
		nested_qemu
		status=$?
		if why=$(grep '^KVM internal error' /tmp/qemu.log); then :
		elif [ $status = 0 ] && [ ! -s /tmp/nested.log ]; then why='it ended without a word'
		else break; fi
		echo "again=$why" >>$AGAIN
	done
	# Why it stopped stands before the registers that it shows then.
	head -n 4 /tmp/qemu.log
	return $status
}
