# SPDX-License-Identifier: GPL-2.0 OR MIT
# A debug kernel sees what modules do wrong: each fault on purpose gives its report. The order is
# not free: a report of KASAN ends lockdep's work, as does one of its own.

fault() {
	echo "$1" >/sys/module/gvt_fault/parameters/fault
	news
}
leaked() {
	echo scan >/sys/kernel/debug/kmemleak
	grep -q gvt_fault /sys/kernel/debug/kmemleak
}
check "KASAN is there" eval 'dmesg | grep -q "KernelAddressSanitizer initialized"'
check "lockdep is there and at work" grep -qE '^ *debug_locks: +1$' /proc/lockdep_stats
check "kmemleak is there" test -e /sys/kernel/debug/kmemleak
news
check "i915 is up without a report" refuses grep -E "$SPLATS" $WHOLE

modprobe gvt_fault
news
fault sleep
check "sleeping in atomic context is seen" said 'BUG: sleeping function called from invalid context'
fault lock-order
check "locks taken in both orders are seen" said 'WARNING: possible circular locking dependency detected'
check "lockdep says that it has stopped" grep -qE '^ *debug_locks: +0$' /proc/lockdep_stats
fault use-after-free
check "a use after free is seen" said 'BUG: KASAN: slab-use-after-free in use_after_free'
fault rust-use-after-free
check "one in Rust is seen" said 'BUG: KASAN: slab-use-after-free in gvt_fault_rust_use_after_free'
fault leak
check "a leak is seen" within 60 leaked
echo finished
