# SPDX-License-Identifier: GPL-2.0 OR MIT
# What a guest without a driver finds of its vGPU: what the bus says, and the magic number that a
# driver looks for, read through BAR 0. In front of this stands where busybox is, as B.
gpu=/sys/bus/pci/devices/0000:00:02.0
for name in vendor device class; do echo $name=$(cat $gpu/$name); done
echo config=$(od -An -v -tx1 $gpu/config | tr -d ' \n')
sed 's/^/resource=/' $gpu/resource
echo 1 >$gpu/enable
bar0=$(cut -d' ' -f1 $gpu/resource | head -n1)
for offset in 0x78000 0x78004 0x78010; do
	echo $offset=$($B devmem $((bar0 + offset)) 32)
done
echo 0 >$gpu/enable
