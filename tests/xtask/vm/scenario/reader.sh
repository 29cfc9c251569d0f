# SPDX-License-Identifier: GPL-2.0 OR MIT
# The client of docs/abi/README.md reads the snapshot, and shares the GPU with kvmgt as two drivers share
# a device: one at a time. i915 is loaded, kvmgt is not. /run/lab/registers has the lines that the
# client must print.
NAME=i915.gvt.0
# What stands before the registers in gvt_firmware.
HEADER=48
CONFIG=4096
READER=$AUX/drivers/gvt_reader.gvt_reader

# Which driver has the device, if any has.
driver() {
	[ ! -e $OFFERED/driver ] || basename "$(readlink $OFFERED/driver)"
}
# What the reader has printed of late.
printed() {
	sed -nE "s/^<6>\[[^]]*\] gvt_reader.gvt_reader $NAME: //p" $NEWS
}
# it_reads WHEN: the reader has the device, and has just printed what it should.
it_reads() {
	news
	check "$1: the reader has the device" is "$(driver)" gvt_reader.gvt_reader
	check "$1: it prints what the GPU came up with" is "$(printed)" "$(cat /run/lab/registers)"
	check "$1: nothing at error level" silent
}
quiet() {
	refuses grep -E 'kvmgt|gvt_reader' $NEWS
}
# The same registers as kvmgt shows them: its file has them behind a header and configuration space.
of_kvmgt() {
	sed 's/ .*//' /run/lab/registers | while read -r offset; do
		value=$(od -An -v -tx4 -j$((HEADER + CONFIG + offset)) -N4 $GPU/gvt_firmware | tr -d ' ')
		echo "$offset = 0x$value"
	done
}
# busy DRIVER: the device can't be given to that driver too.
busy() {
	fails 'Device or resource busy' /bin/sh -c "/bin/echo $NAME >$1/bind"
}

check "kvmgt is not loaded" absent /sys/module/kvmgt
check "three registers are known" is "$(wc -l </run/lab/registers)" 3
news
check "the reader loads" modprobe gvt_reader
it_reads "loaded"
unbind
check "the device goes" absent $OFFERED
bind
it_reads "i915 bound again"

# kvmgt comes while the reader has the device.
check "kvmgt loads beside it" modprobe kvmgt
news
check "nothing is said of that" quiet
check "the reader keeps the device" is "$(driver)" gvt_reader.gvt_reader
check "kvmgt does not get it by hand either" busy $AUX/drivers/kvmgt
check "kvmgt offers nothing" absent $GPU/mdev_supported_types
rmmod kvmgt
check "the reader unloads" rmmod gvt_reader
check "nobody has the device then" is "$(driver)" ""

# The reader comes while kvmgt has it.
modprobe kvmgt
check "kvmgt attaches" attached
check "kvmgt has the same values" is "$(of_kvmgt)" "$(cat /run/lab/registers)"
news
check "the reader loads beside kvmgt" modprobe gvt_reader
news
check "nothing is said of that either" quiet
check "kvmgt keeps the device" is "$(driver)" kvmgt
check "the reader does not get it by hand" busy $READER
check "kvmgt is still attached" attached

# The device goes from hand to hand.
for n in 1 2 3; do
	echo $NAME >$AUX/drivers/kvmgt/unbind
	check "$n: kvmgt lets go" detached
	news
	echo $NAME >$READER/bind
	it_reads "$n: handed over"
	echo $NAME >$READER/unbind
	echo $NAME >$AUX/drivers/kvmgt/bind
	check "$n: kvmgt has it again" attached
done
check "kvmgt has the same values in the end" is "$(of_kvmgt)" "$(cat /run/lab/registers)"
rmmod gvt_reader
check "kvmgt stays when the reader is unloaded" attached
rmmod kvmgt
calm
