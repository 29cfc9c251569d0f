# SPDX-License-Identifier: GPL-2.0 OR MIT
# An administrator's golden state is used if it is one of this GPU, and ignored with one line if
# it is anything else.

NAME=i915/gvt/vid_0x8086_did_0x5916_rid_0x02.golden_hw_state
FILE=/lib/firmware/$NAME
SIZE=2101296
modprobe kvmgt
golden=$(golden)
cat $GPU/gvt_firmware >/run/lab/own
rmmod kvmgt
news
check "without a file nothing is said about one" refuses grep 'kvmgt.*golden_hw_state' $NEWS
check "without a file there is no error" silent
mkdir -p ${FILE%/*}

ignored() {
	said "^<3>.*kvmgt i915.gvt.0: $NAME is ignored: $1.*; the snapshot is used" && silent "$NAME is ignored"
}
try() {
	modprobe kvmgt
	news
}
# refused NAME ERE
refused() {
	try
	check "$1: one line says what is wrong" ignored "$2"
	check "$1: the snapshot is used" is "$(golden)" "$golden"
	rmmod kvmgt
}
# patch OFFSET OCTAL: changes a byte.
patch() {
	printf "\\$2" | dd of=$FILE bs=1 seek="$1" conv=notrunc status=none
}

cp /run/lab/own $FILE
try
check "the GPU's own file is accepted" said "^<6>.*kvmgt i915.gvt.0: the golden state is that of $NAME"
check "and changes nothing" is "$(golden)" "$golden"
check "without an error" silent
rmmod kvmgt

: >$FILE
# The kernel does not hand out an empty file at all.
try
check "empty: the snapshot is used" is "$(golden)" "$golden"
check "empty: kvmgt is attached" attached
rmmod kvmgt

for size in 1 47 48 4144 $((SIZE - 1)); do
	head -c $size /run/lab/own >$FILE
	refused "cut to $size bytes" "it is damaged, it has $size bytes instead of $SIZE"
done
{ cat /run/lab/own; printf x; } >$FILE
refused "one byte too long" "it is damaged, it has $((SIZE + 1)) bytes instead of $SIZE"
cat /run/lab/own /run/lab/own >$FILE
refused "twice as long" "it is damaged, it has $((2 * SIZE)) bytes"

cp /run/lab/own $FILE
patch 0 000
refused "another magic" "it is not a golden state"
cp /run/lab/own $FILE
patch 8 "$(printf %o $((1 + $(od -An -tu1 -j8 -N1 $FILE) % 255)))"
refused "another checksum" "it is damaged, its checksum is"
cp /run/lab/own $FILE
patch $((SIZE - 1)) 125
refused "the last byte changed" "it is damaged, its checksum is"
head -c $SIZE /dev/urandom >$FILE
refused "noise" "it is not a golden state"
head -c $SIZE /dev/zero >$FILE
refused "zeros" "it is not a golden state"

# The file has the kernel's crc32_le, which inverts nothing; gzip's inverts start and end. They
# differ by gzip's of as many zeros.
gzip_crc() {
	tail -c +13 "$1" | gzip -1 | tail -c 8 | od -An -tu4 -N4 | tr -d ' '
}
head -c $SIZE /dev/zero >/run/lab/zeros
sign() {
	crc=$(($(gzip_crc $FILE) ^ $(gzip_crc /run/lab/zeros)))
	for n in 0 1 2 3; do
		patch $((8 + n)) "$(printf %o $((crc >> (8 * n) & 255)))"
	done
}
cp /run/lab/own $FILE
sign
check "the checksum is understood" cmp $FILE /run/lab/own

# The device id of the configuration space, which starts behind a header of 48 bytes.
cp /run/lab/own $FILE
patch 50 022
patch 51 031
sign
refused "another GPU's" "it is of"

# GEN6_RC_STATE and the like are zeros; a fuse (0x9120) is taken from hardware.
cp /run/lab/own $FILE
patch $((4144 + 0x9120)) "$(printf %o $(($(od -An -tu1 -j$((4144 + 0x9120)) -N1 $FILE) ^ 1)))"
sign
try
check "another state of the same GPU is accepted" said "the golden state is that of $NAME"
check "it is what kvmgt shows" cmp $FILE $GPU/gvt_firmware
rmmod kvmgt

rm $FILE
try
check "without the file it is the snapshot again" is "$(golden)" "$golden"
calm "$NAME is ignored"
