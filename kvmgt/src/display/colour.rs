// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Colours: how they come out of YUV, and how one covers another.
//!
//! Pixels are `0xAARRGGBB` here. Those of the picture have no alpha: it is zero.

/// What of a pixel is its colour.
const RGB: u32 = 0x00ff_ffff;
/// What of a channel counts.
const CHANNEL: u32 = 0xff;
/// Places of the channels.
const RED: u32 = 16;
const GREEN: u32 = 8;
const BLUE: u32 = 0;
const ALPHA: u32 = 24;

/// Black that nothing shines through.
pub(super) const BLACK: u32 = CHANNEL << ALPHA;

/// A pixel of three channels that nothing shines through; only 8 bits of each count.
pub(super) fn opaque(red: u32, green: u32, blue: u32) -> u32 {
    BLACK | (red & CHANNEL) << RED | (green & CHANNEL) << GREEN | (blue & CHANNEL) << BLUE
}

/// How what is below a plane shines through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blend {
    /// Not at all.
    Opaque,
    /// By alpha, which the colours are multiplied by already.
    Premultiplied,
    /// By alpha.
    Coverage,
}

/// A pixel that covers what is below.
pub(super) fn cover(above: u32, _below: u32) -> u32 {
    above & RGB
}

/// A pixel that was multiplied by its alpha, above one of the picture.
pub(super) fn add(above: u32, below: u32) -> u32 {
    let rest = CHANNEL.wrapping_sub(above >> ALPHA);
    channels(|at| {
        let (above, below) = (above >> at & CHANNEL, below >> at & CHANNEL);
        above.wrapping_add(share(below, rest)).min(CHANNEL)
    })
}

/// A pixel that was not, above one of the picture.
pub(super) fn mix(above: u32, below: u32) -> u32 {
    let alpha = above >> ALPHA;
    let rest = CHANNEL.wrapping_sub(alpha);
    channels(|at| {
        let (above, below) = (above >> at & CHANNEL, below >> at & CHANNEL);
        share(above, alpha)
            .wrapping_add(share(below, rest))
            .min(CHANNEL)
    })
}

/// A colour of the picture, channel by channel.
fn channels(channel: impl Fn(u32) -> u32) -> u32 {
    channel(RED) << RED | channel(GREEN) << GREEN | channel(BLUE) << BLUE
}

/// `of_255` of 255 parts of a channel, rounded.
fn share(channel: u32, of_255: u32) -> u32 {
    // Products are below 2^16: this is their exact division by 255.
    let product = channel.wrapping_mul(of_255).wrapping_add(0x80);
    product.wrapping_add(product >> 8) >> 8
}

/// How YUV becomes RGB: the standard, and whether black and white are 16 and 235 or 0 and 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// ITU-R BT.601, limited range.
    Bt601,
    /// ITU-R BT.601, full range.
    Bt601Full,
    /// ITU-R BT.709, limited range.
    Bt709,
    /// ITU-R BT.709, full range.
    Bt709Full,
}

/// Two pixels that share a colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Yuv {
    /// How light each is.
    pub(super) y: [u8; 2],
    /// Their blue, less how light.
    pub(super) u: u8,
    /// Their red, likewise.
    pub(super) v: u8,
}

/// By how much channels change with Y, U and V, in 256ths.
struct Matrix {
    /// The Y of black.
    black: i32,
    /// All of them, with Y.
    light: i32,
    /// Red, with V.
    red_v: i32,
    /// Green, with U; less.
    green_u: i32,
    /// Green, with V; less.
    green_v: i32,
    /// Blue, with U.
    blue_u: i32,
}

/// U and V of grey.
const GREY: i32 = 128;

impl Encoding {
    /// The numbers of ITU-R BT.601-7 and BT.709-6, section 3 of each, inverted.
    fn matrix(self) -> Matrix {
        let numbers = |black, light, red_v, green_u, green_v, blue_u| Matrix {
            black,
            light,
            red_v,
            green_u,
            green_v,
            blue_u,
        };
        match self {
            Self::Bt601 => numbers(16, 298, 409, 100, 208, 516),
            Self::Bt601Full => numbers(0, 256, 359, 88, 183, 454),
            Self::Bt709 => numbers(16, 298, 459, 55, 136, 541),
            Self::Bt709Full => numbers(0, 256, 403, 48, 120, 475),
        }
    }

    /// The pixels of a pair.
    pub(super) fn pixels(self, pair: Yuv) -> [u32; 2] {
        let matrix = self.matrix();
        let u = i32::from(pair.u).wrapping_sub(GREY);
        let v = i32::from(pair.v).wrapping_sub(GREY);
        let red = matrix.red_v.wrapping_mul(v);
        let blue = matrix.blue_u.wrapping_mul(u);
        let green = matrix.green_u.wrapping_mul(u);
        let green = green.wrapping_add(matrix.green_v.wrapping_mul(v));
        pair.y.map(|y| {
            let light = i32::from(y).wrapping_sub(matrix.black);
            let light = light.wrapping_mul(matrix.light).wrapping_add(0x80);
            let channel = |more: i32| {
                let value = light.wrapping_add(more) >> 8;
                value.clamp(0, 255).unsigned_abs()
            };
            opaque(channel(red), channel(green.wrapping_neg()), channel(blue))
        })
    }
}
