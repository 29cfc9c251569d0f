# SPDX-License-Identifier: GPL-2.0 OR MIT
# The host suspends while the engines of a nested guest work. In front of nested_guest.sh.
LEVELS='devices platform devices platform'
# The guest hears by its second serial line that there are no more suspends.
MORE='-serial pipe:/tmp/tell -L /tmp/qemu'
mkfifo /tmp/tell.in /tmp/tell.out
: >/tmp/all-suspends
keep_in_memory
PATH=$MEMORY:$PATH

# QEMU, with all that it opens: even to close a file of the root it would wait for ever.
mkdir -p /tmp/qemu
cp -rL /usr/share/seabios/* /usr/share/qemu/*.bin /usr/share/qemu/*.rom /tmp/qemu/ 2>/dev/null
qemu=$(command -v qemu-system-x86_64)
cp -L "$qemu" /lib64/ld-linux-x86-64.so.2 /tmp/qemu/
LD_TRACE_LOADED_OBJECTS=1 /lib64/ld-linux-x86-64.so.2 "$qemu" | awk '$3 ~ "^/" { print $3 }' |
	xargs -I FILE cp -L FILE /tmp/qemu/
QEMU="/tmp/qemu/ld-linux-x86-64.so.2 --library-path /tmp/qemu /tmp/qemu/${qemu##*/}"

# How often the guest has said that its engines have worked for a while.
works() {
	cat /tmp/nested.log 2>/dev/null | grep -c '^load: '
}
# It says so once more than $1 times.
works_again() {
	until [ "$(works)" -gt "$1" ]; do
		running || return
		sleep 0.5
	done
}

meanwhile() {
	: >/tmp/suspends
	works_again 0 || return
	for level in $LEVELS; do
		begin=$(cut -d. -f1 /proc/uptime)
		echo $level >>/tmp/all-suspends
		suspend $level || return
		slept=$(($(cut -d. -f1 /proc/uptime) - begin))
		works_again "$(($(works) + 1))" || return
		echo "$level: $slept s, and the guest works" >>/tmp/suspends
	done
	echo enough >/tmp/tell.in
}

afterwards() {
	cat /tmp/suspends >&2
	echo none >/sys/power/pm_test
	check "the host has suspended, and the guest's engines worked again" \
		is "$(wc -l </tmp/suspends)" "$(echo $LEVELS | wc -w)"
	all=$(wc -l </tmp/all-suspends)
	check "kvmgt was told of suspends" is "$(cat $CARD/gvt/host_suspend)" "$all"
	check "and of resumes" is "$(cat $CARD/gvt/host_resume)" "$all"
	check "the host's engines work" work
}
