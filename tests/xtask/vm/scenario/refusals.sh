# SPDX-License-Identifier: GPL-2.0 OR MIT
# kvmgt refuses each of the fixture's broken tables with one line, and the GPU beside it works on.
# /run/lab/cases has lines `NAME:ERE`, and the ERE is that of the line. /run/lab/said has what both
# halves say of the interface: lines `MODULE ATTRIBUTE VALUE`.

FIXTURE=$AUX/devices/i915.gvt.9
modprobe kvmgt
check "the real GPU is attached to" attached
golden=$(golden)
news
check "no error so far" silent

says() {
	case $1 in
	i915) cat "$OFFERED/$2" ;;
	kvmgt) cat "$AUX/drivers/kvmgt/$2" ;;
	esac
}
while read -r module attribute value; do
	check "modinfo $module: $attribute" is "$(modinfo -F "gvt_$attribute" "$module")" "$value"
	check "sysfs, $module: $attribute" is "$(says "$module" "$attribute")" "$value"
done </run/lab/said

refused() {
	[ -e $FIXTURE ] && [ ! -e $FIXTURE/driver ]
}
one_line() {
	[ "$(grep -cE '^<[0-3]>' $NEWS)" = 1 ] && said "^<3>.*kvmgt i915.gvt.9: $1" && [ "$(grep -c 'kvmgt' $NEWS)" = 1 ]
}
accepted() {
	[ "$(readlink -f $FIXTURE/driver)" = "$(readlink -f $AUX/drivers/kvmgt)" ] && silent &&
		said '^<6>.*kvmgt i915.gvt.9: attached to kbl 8086:5916 rev 02: interface 1.0'
}
try() {
	modprobe gvt_fixture table="$1" || echo "FAILED: the fixture $1 does not load"
	news
}

while IFS=: read -r case line; do
	try "$case"
	check "$case: nothing is bound" refused
	check "$case: one line says what to do" one_line "$line"
	rmmod gvt_fixture || echo "FAILED: the fixture $case does not unload"
	try right
	check "$case: the right table attaches afterwards" accepted
	rmmod gvt_fixture
	news
done </run/lab/cases

# Not every difference is one: a host may have grown.
try newer-minor
check "newer-minor: a longer table of a newer minor version is attached to" said \
	'^<6>.*kvmgt i915.gvt.9: attached to kbl 8086:5916 rev 02: interface 1.7'
rmmod gvt_fixture
news

# The same with the table there first.
rmmod kvmgt
try wrong-magic
modprobe kvmgt
news
check "kvmgt loads although a table is bad" is $? 0
check "bad table first: nothing is bound" refused
check "bad table first: the real GPU is attached to" attached
check "bad table first: one error" is "$(grep -cE '^<[0-3]>' $NEWS)" 1
rmmod gvt_fixture

check "the real GPU is attached to all the time" attached
check "its golden state is the same" is "$(golden)" "$golden"
check "kvmgt is not held" is "$(cat /sys/module/kvmgt/refcnt)" 0
rmmod kvmgt
calm 'kvmgt i915.gvt.9: '
