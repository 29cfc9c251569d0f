# SPDX-License-Identifier: GPL-2.0 OR MIT
# Whenever kvmgt is loaded, the golden state is the same. i915 is not loaded when this begins.

load_i915
modprobe kvmgt
golden=$(golden)
check "loaded at once: attached" attached
check "the file has the size of every golden state" is "$(wc -c <$GPU/gvt_firmware)" 2101296
check "only root may read it" is "$(stat -c %a $GPU/gvt_firmware)" 400
news
check "no register is lacking" refuses grep 'the snapshot lacks' $NEWS
rmmod kvmgt
check "without kvmgt there is no file" absent $GPU/gvt_firmware

check "a pipe is on" within 60 grep -q 'active=yes' $CARD/i915_display_info
check "every engine has executed a batch" work
modprobe kvmgt
check "loaded after modeset and work: the same" is "$(golden)" "$golden"
check "and work goes on with kvmgt there" work

for n in 1 2; do
	unbind
	bind
	check "i915 unbound and bound with kvmgt there, round $n: attached" attached
	check "the same in round $n" is "$(golden)" "$golden"
	work >/dev/null || echo "FAILED: work after round $n"
done
rmmod kvmgt
for n in 1 2; do
	unbind
	bind
	modprobe kvmgt
	check "unbound and bound without kvmgt, round $n: the same" is "$(golden)" "$golden"
	rmmod kvmgt
	work >/dev/null || echo "FAILED: work after rebind $n"
done

modprobe kvmgt
reset_gpu 1
check "after a reset of the GPU: the same" is "$(golden)" "$golden"
# An emulated CPU may be too late for the picture's blanking; what stock i915 says of the display
# is judged elsewhere.
calm 'Atomic update failure'
