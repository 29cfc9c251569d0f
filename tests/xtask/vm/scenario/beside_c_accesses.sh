# SPDX-License-Identifier: GPL-2.0 OR MIT
# What single accesses to a vGPU cost: those in /trace.
A=11111111-aaaa-4000-8000-000000000001
EXPECTED=
CLOCK=/sys/devices/system/clocksource/clocksource0/current_clocksource

# It counts instructions.
check "the clock is the CPU's counter" is "$(cat $CLOCK)" tsc

measure() {
	synthetic-guest replay /trace --mdev $A
}
