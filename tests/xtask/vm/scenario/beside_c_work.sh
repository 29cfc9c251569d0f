# SPDX-License-Identifier: GPL-2.0 OR MIT
# How long a nested guest's work takes on a vGPU, and its start: it says at its second serial port when
# its i915 is ready.
PORT=/tmp/port
MORE="-serial file:$PORT"
# The nested kernel writes a performance counter that its CPU model lacks, and KVM says so.
EXPECTED='Unhandled WRMSR'

now() {
	date +%s%N
}

# start: runs a guest, and prints how long each took, in nanoseconds, until its end or until it came to none.
start() {
	rm -f $PORT /tmp/ready
	mkfifo $PORT
	# A line ends as those of terminals do.
	(read -r word rest <$PORT && [ "$word" = ready ] && now >/tmp/ready) &
	listener=$!
	begun=$(now)
	run_qemu >&2
	status=$?
	if [ -e /tmp/ready ]; then
		echo "start=$(($(cat /tmp/ready) - begun))"
	else
		kill $listener
	fi
	tr -d '\r' </tmp/nested.log | grep '^[a-z]*=[0-9]*$'
	return $status
}

# A guest that comes to no end is counted, and so is what it has done.
measure() {
	for guest in 1 2 3; do
		start || echo lost=$guest
		tail -n 60 /tmp/nested.log >&2
	done
}
