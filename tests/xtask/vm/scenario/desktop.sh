# SPDX-License-Identifier: GPL-2.0 OR MIT
# A desktop, when i915 is up: Xorg on the kernel's mode setting without OpenGL, a window manager, programs, and a cursor of
# known pixels that is moved. `picture`, `file` and `messages` are defined, and CURSOR is where the cursor
# goes. The file `xwd` is Xorg's own picture of its screen, in which no cursor is.
export DISPLAY=:0

cat >/tmp/xorg.conf <<'XORG'
Section "ServerFlags"
	Option "AutoAddDevices" "false"
	Option "BlankTime" "0"
EndSection
Section "Device"
	Identifier "vGPU"
	Driver "modesetting"
	BusID "PCI:0:2:0"
	Option "kmsdev" "/dev/dri/card0"
	Option "AccelMethod" "none"
EndSection
XORG
Xorg -config /tmp/xorg.conf -logfile /tmp/xorg.log -nolisten tcp -noreset -s 0 -dpms -ac vt2 >/tmp/xorg.out 2>&1 &
xorg=$!
until xset q >/dev/null 2>&1; do
	kill -0 $xorg || { cat /tmp/xorg.out /tmp/xorg.log >&2; exit 1; }
	sleep 0.5
done

# Stripes of four pixels, and nothing in the lowest eight of 32 rows.
bitmap() {
	printf '#define c_width 32\n#define c_height 32\n#define c_x_hot 5\n#define c_y_hot 3\n'
	printf 'static unsigned char c_bits[] = {\n'
	for row in $(seq 24); do printf '%s, %s, %s, %s, ' $1 $1 $1 $1; done
	for row in $(seq 8); do printf '0, 0, 0, 0, '; done
	printf '};\n'
}
bitmap 0x0f >/tmp/cursor.xbm
bitmap 0xff >/tmp/mask.xbm
xsetroot -bitmap /tmp/cursor.xbm -fg gray60 -bg steelblue
xsetroot -cursor /tmp/cursor.xbm /tmp/mask.xbm -fg '#ff2010' -bg '#10ff20'

cat >/tmp/twmrc <<'TWM'
RandomPlacement
NoGrabServer
TWM
twm -f /tmp/twmrc &
xterm -geometry 60x16+40+60 -e sh -c '
	seq 7 | while read -r n; do printf "\033[3%dmA guest on a vGPU, line %d\033[0m\n" "$n" "$n"; done
	exec sleep 9999' &
xclock -geometry 180x180+520+60 &
xlogo -geometry 160x160+520+300 &
xcalc -geometry 200x300+40+400 &
for program in xterm xclock xlogo xcalc; do
	until xdotool search --onlyvisible --class $program >/dev/null; do sleep 0.5; done
done

# It goes there by way of other places.
xdotool mousemove 900 100 mousemove 10 10 mousemove $CURSOR
echo pointer=$(xdotool getmouselocation)

# Programs may still draw, and the clock does now and then: what is on the screen before and after the
# picture must be the same.
same=no
for try in $(seq 30); do
	sleep 2
	xwd -root -silent >/tmp/before
	sleep 1
	picture desktop
	xwd -root -silent >/tmp/after
	cmp -s /tmp/before /tmp/after && same=yes && break
done
echo same=$same
messages
grep '(EE)' /tmp/xorg.log >&2 || true
file xwd /tmp/after
