# SPDX-License-Identifier: GPL-2.0 OR MIT
# Runs a batch on every engine of i915's card that stores a word, waits for it, and reads the
# word back. Prints the number of engines that did; perl is in every Debian.
use strict;
use warnings;

# include/uapi/drm/i915_drm.h: ioctls with the sizes of their structures, and flags.
my $CREATE = 0xc010645b;
my $PREAD = 0x4020645c;
my $PWRITE = 0x4020645d;
my $EXECBUFFER2 = 0x40406469;
my $WAIT = 0xc010646c;
my ($OBJECT_WRITE, $OBJECT_48B, $OBJECT_PINNED) = (1 << 2, 1 << 3, 1 << 4);
my $EXEC_NO_RELOC = 1 << 11;
my %engines = (render => 1, video => 2, blitter => 3, enhancement => 4);

# Commands (PRM Vol 2a).
my $MI_STORE_DWORD_IMM = 0x20 << 23 | 2;
my $MI_BATCH_BUFFER_END = 0x0a << 23;

my $PLACE = 0x100000;
my $RESULT = 2048;
my $WORD = 0x600d0000;

open my $card, "+<", "/dev/dri/card0" or die "no card: $!\n";

sub address { return unpack 'Q', pack 'P', $_[0] }

my $count = 0;
for my $name (sort keys %engines) {
	my $engine = $engines{$name};
	my $create = pack 'Q L L', 4096, 0, 0;
	ioctl $card, $CREATE, $create or die "create: $!\n";
	my (undef, $handle) = unpack 'Q L L', $create;

	my $batch = pack 'L6', $MI_STORE_DWORD_IMM, $PLACE + $RESULT, 0, $WORD + $engine,
		$MI_BATCH_BUFFER_END, 0;
	my $write = pack 'L L Q Q Q', $handle, 0, 0, length $batch, address($batch);
	ioctl $card, $PWRITE, $write or die "pwrite: $!\n";

	my $object = pack 'L L Q Q Q Q Q Q', $handle, 0, 0, 0, $PLACE,
		$OBJECT_WRITE | $OBJECT_48B | $OBJECT_PINNED, 0, 0;
	my $exec = pack 'Q L L L L L L Q Q Q Q', address($object), 1, 0, length $batch, 0, 0, 0, 0,
		$engine | $EXEC_NO_RELOC, 0, 0;
	ioctl $card, $EXECBUFFER2, $exec or die "execbuffer2 on $name: $!\n";

	my $wait = pack 'L L q', $handle, 0, 20_000_000_000;
	ioctl $card, $WAIT, $wait or die "wait for $name: $!\n";

	my $result = pack 'L', 0;
	my $read = pack 'L L Q Q Q', $handle, 0, $RESULT, length $result, address($result);
	ioctl $card, $PREAD, $read or die "pread: $!\n";
	my $found = unpack 'L', $result;
	die sprintf "%s stored %#x\n", $name, $found unless $found == $WORD + $engine;
	$count++;
}
print "$count\n";
