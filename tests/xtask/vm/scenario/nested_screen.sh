# SPDX-License-Identifier: GPL-2.0 OR MIT
# The host's QEMU keeps pictures of the nested guest's screen, which the guest asks for by lines
# `picture NAME`. In front of nested_guest.sh.
SCREEN=on
# The guest hears by its second serial line that one is taken.
MORE='-serial pipe:/tmp/tell -monitor pipe:/tmp/monitor'
PICTURES=/tmp/pictures

beforehand() {
	rm -rf $PICTURES /tmp/tell.* /tmp/monitor.*
	mkdir $PICTURES
	mkfifo /tmp/tell.in /tmp/tell.out /tmp/monitor.in /tmp/monitor.out
}

# The names of those that the guest has asked for until now, a name again for a newer one.
asked() {
	tr -d '\r' </tmp/nested.log 2>/dev/null | sed -n 's/^picture //p'
}
# QEMU writes a file in pieces.
whole() {
	size=$(stat -c %s "$1" 2>/dev/null) || return
	sleep 1
	[ "$size" -gt 0 ] && [ "$(stat -c %s "$1")" = "$size" ]
}
meanwhile() {
	taken=0
	while running; do
		for name in $(asked | tail -n +$((taken + 1))); do
			rm -f $PICTURES/$name
			echo "screendump $PICTURES/$name" >/tmp/monitor.in
			until whole $PICTURES/$name; do running || return; done
			taken=$((taken + 1))
			echo go >/tmp/tell.in
		done
		sleep 0.5
	done
}

afterwards() {
	for name in $(asked | sort -u); do file $name $PICTURES/$name; done
}
