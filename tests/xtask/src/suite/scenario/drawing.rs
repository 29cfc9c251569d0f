// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What `kms-draw` shows, computed here, and compared with what the screen shows.

use anyhow::{ensure, Context as _, Result};

use crate::picture::{Picture, Pixel};
use crate::suite::context::Shell;
use crate::suite::Count;

/// Defines `draw NAME ARGUMENT…` in a script: `kms-draw` shows something, of which a picture is kept
/// under that name. `picture` is defined.
pub const SCRIPT: &str = r"
draw() {
	name=$1
	shift
	: >/tmp/shown
	timeout 120 kms-draw show $* >/tmp/shown &
	drawer=$!
	until grep -q '^shown' /tmp/shown; do
		kill -0 $drawer || return
		sleep 0.1
	done
	echo $name=$(sed -n 's/^shown //p' /tmp/shown)
	picture $name
	kill $drawer
	wait $drawer || true
}
";

/// Width and height of the sprite and the cursor.
const SPRITE: (u32, u32) = (200, 120);
/// See [`SPRITE`].
const CURSOR: (u32, u32) = (64, 64);
/// Distance of the cursor's first and last diagonal that are no empty corner from its own corner.
const DIAGONALS: std::ops::RangeInclusive<u32> = 16..=110;

/// Something that `kms-draw` shows.
pub struct Drawing {
    /// What its picture is called.
    name: &'static str,
    tiling: &'static str,
    /// In the smallest mode, instead of the preferred one.
    is_smallest: bool,
    sprite: Option<(i32, i32)>,
    /// Places that the cursor goes to, one after the other.
    cursor: &'static [(i32, i32)],
}

/// Everything that is compared: the tilings, and planes inside and partly outside of the screen.
pub const ALL: &[Drawing] = &[
    Drawing {
        name: "linear",
        tiling: "linear",
        is_smallest: false,
        sprite: None,
        cursor: &[],
    },
    Drawing {
        name: "x-tiled",
        tiling: "x",
        is_smallest: false,
        sprite: None,
        cursor: &[(600, 7), (301, 203)],
    },
    Drawing {
        name: "y-tiled",
        tiling: "y",
        is_smallest: false,
        sprite: Some((40, 30)),
        cursor: &[(5, 6), (-11, -7)],
    },
    Drawing {
        name: "smaller",
        tiling: "x",
        is_smallest: true,
        sprite: Some((100, 200)),
        cursor: &[(90, 190), (610, 450)],
    },
];

impl Drawing {
    fn line(&self) -> String {
        let place = |option: &str, (x, y): (i32, i32)| format!(" {option} {x},{y}");
        let mut line = format!("draw {} --tiling {}", self.name, self.tiling);
        if self.is_smallest {
            line += " --smallest";
        }
        if let Some(sprite) = self.sprite {
            line += &place("--sprite", sprite);
        }
        for cursor in self.cursor {
            line += &place("--cursor", *cursor);
        }
        line
    }

    /// What a screen of that size shows then.
    fn picture(&self, size: &str) -> Result<Picture> {
        let (width, height) = size.split_once('x').context("a mode has two numbers")?;
        let mut picture = Picture::new(width.parse()?, height.parse()?, |x, y| {
            screen(x as u32, y as u32)
        });
        if let Some(place) = self.sprite {
            picture.lay_over(place, SPRITE, |x, y| Some(screen(x, y).map(|part| !part)));
        }
        if let Some(place) = self.cursor.last() {
            picture.lay_over(*place, CURSOR, cursor);
        }
        Ok(picture)
    }
}

/// The lines of a script that show all of them.
pub fn script() -> String {
    let lines = ALL.iter().map(|drawing| drawing.line() + "\n");
    SCRIPT.to_owned() + &lines.collect::<String>()
}

/// All pictures are, pixel by pixel, what was drawn.
///
/// # Errors
///
/// Names the first that is not.
pub fn check(shell: &Shell, preferred: &str) -> Result<Count> {
    check_all(shell, preferred, |name| shell.picture(name))
}

/// The same of pictures that `picture` finds by their names.
///
/// # Errors
///
/// As [`check`].
pub fn check_all(
    shell: &Shell,
    preferred: &str,
    picture: impl Fn(&str) -> Result<Picture>,
) -> Result<Count> {
    for drawing in ALL {
        let size = shell.value(drawing.name)?;
        ensure!(
            drawing.is_smallest || size == preferred,
            "the drawing `{}` has {size}, not {preferred}",
            drawing.name
        );
        let shown = picture(drawing.name)?;
        let wanted = drawing.picture(&size)?;
        shown
            .expect_or_keep(&wanted)
            .with_context(|| format!("the drawing `{}`", drawing.name))?;
    }
    Ok(Count {
        passed: ALL.len() as u32,
        failed: 0,
    })
}

/// A pixel of the screen: it tells its place.
fn screen(x: u32, y: u32) -> Pixel {
    let high = (x >> 8 & 0xf) << 4 | y >> 8 & 0xf;
    [x, y, high].map(|part| part as u8)
}

/// A pixel of the cursor: white and black on the sides of a diagonal, and nothing in two corners.
fn cursor(x: u32, y: u32) -> Option<Pixel> {
    match x > y {
        _ if !DIAGONALS.contains(&(x + y)) => None,
        true => Some([0; 3]),
        false => Some([0xff; 3]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_when_all_is_there_then_in_order() {
        let drawing = &ALL[3];
        assert_eq!(
            drawing.line(),
            "draw smaller --tiling x --smallest --sprite 100,200 --cursor 90,190 --cursor 610,450"
        );
    }

    #[test]
    fn picture_when_planes_overlap_then_the_cursor_is_above() {
        let picture = ALL[3].picture("640x480").unwrap();

        assert_eq!(picture.size(), "640x480");
        assert_eq!(picture.pixel(0, 1), Some([0, 1, 0]));
        assert_eq!(picture.pixel(299, 257), Some([!199, !57, 0xff]));
        assert_eq!(picture.pixel(639, 460), Some([0; 3]));
        assert_eq!(picture.pixel(615, 479), Some([0xff; 3]));
    }
}
