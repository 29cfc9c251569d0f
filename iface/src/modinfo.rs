// SPDX-License-Identifier: GPL-2.0 OR MIT
//! What a table's header says, for people to read before anything is loaded: lines of `modinfo`.

/// Puts lines `gvt_*` with what a header says into the information of the module that is compiled.
///
/// `$prefix` is a text that stands in front of each, and `$header` a constant. Since 1.0.
#[macro_export]
macro_rules! modinfo {
    ($prefix:expr, $header:expr) => {
        $crate::modinfo! {
            $prefix;
            "gvt_interface=#.#", 10, [$header.major as u64, $header.minor as u64];
            "gvt_features=0x#", 16, [$header.features];
            "gvt_layout=0x################", 16, [$crate::layout::hash($header.minor)];
            "gvt_needs_interface=#.#", 10, [$header.major as u64, $header.needs_minor as u64];
            "gvt_needs_features=0x#", 16, [$header.needs_features];
            "gvt_needs_layout=0x################", 16, [$crate::layout::hash($header.needs_minor)];
        }
    };
    ($prefix:expr; $($text:literal, $radix:literal, $numbers:expr;)*) => {$(
        const _: () = {
            const LENGTH: usize = $crate::modinfo::length($prefix, $text, $radix, &$numbers);
            #[used(compiler)]
            #[link_section = ".modinfo"]
            static LINE: [u8; LENGTH] = $crate::modinfo::line($prefix, $text, $radix, &$numbers);
        };
    )*};
}

/// How long a [`line()`] is.
pub const fn length(prefix: &str, text: &str, radix: u64, numbers: &[u64]) -> usize {
    let mut length = prefix.len() + text.len() + 1;
    let mut at = 0;
    let mut number = 0;
    while at < text.len() {
        let run = run(text.as_bytes(), at);
        if run == 0 {
            at += 1;
            continue;
        }
        let digits = digits(numbers[number], radix);
        if digits > run {
            length += digits - run;
        }
        number += 1;
        at += run;
    }
    length
}

/// A line, ended by a zero byte. In its text each run of `#` stands for a number that has at least so
/// many digits.
///
/// # Panics
///
/// There are more or fewer numbers than runs, or `N` is not the [`length`]: then what is constant does not
/// compile.
pub const fn line<const N: usize>(
    prefix: &str,
    text: &str,
    radix: u64,
    numbers: &[u64],
) -> [u8; N] {
    assert!(N == length(prefix, text, radix, numbers));
    let (prefix, text) = (prefix.as_bytes(), text.as_bytes());
    let mut line = [0; N];
    let mut end = 0;
    while end < prefix.len() {
        line[end] = prefix[end];
        end += 1;
    }
    let mut at = 0;
    let mut next = 0;
    while at < text.len() {
        let run = run(text, at);
        if run == 0 {
            line[end] = text[at];
            end += 1;
            at += 1;
            continue;
        }
        let mut number = numbers[next];
        let digits = digits(number, radix);
        let start = end;
        end += if digits > run { digits } else { run };
        let mut place = end;
        while place > start {
            place -= 1;
            line[place] = b"0123456789abcdef"[(number % radix) as usize];
            number /= radix;
        }
        next += 1;
        at += run;
    }
    assert!(next == numbers.len(), "there are more numbers than places");
    line
}

/// How many `#` there are from a place on.
const fn run(text: &[u8], at: usize) -> usize {
    let mut end = at;
    while end < text.len() && text[end] == b'#' {
        end += 1;
    }
    end - at
}

/// How many digits a number has.
const fn digits(number: u64, radix: u64) -> usize {
    let mut digits = 1;
    let mut rest = number / radix;
    while rest != 0 {
        digits += 1;
        rest /= radix;
    }
    digits
}

#[cfg(test)]
mod tests;
