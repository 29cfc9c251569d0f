# SPDX-License-Identifier: GPL-2.0 OR MIT
# Prints what a vGPU of kvmgt answers, ours or the C driver's, that has taken the golden state from
# a file. i915 is loaded, kvmgt is not. In front of this stands FILE; where there is none yet it is
# printed first, as kvmgt shows it.
id=00000000-0000-4000-8000-000000000001
gpu=/sys/bus/pci/devices/0000:00:02.0

modprobe -a kvm_amd vfio_iommu_type1 kvmgt
if [ ! -e $FILE ]; then
	mkdir -p ${FILE%/*}
	cat $gpu/gvt_firmware >$FILE
	cat $FILE
	rmmod kvmgt
	modprobe kvmgt
	dmesg | grep 'kvmgt.*the golden state is that of' >&2
elif [ -e $gpu/gvt_firmware ]; then
	# The C driver shows a state only if it has loaded none.
	echo 'kvmgt took no file' >&2
	exit 1
fi
echo $id >$gpu/mdev_supported_types/i915-GVTg_V5_8/create
# The C driver warns, with a backtrace, of many a write.
dmesg -n 1
synthetic-guest dump --mdev $id
