// SPDX-License-Identifier: GPL-2.0 OR MIT
//! The numbers of the error codes, from the kernel's C headers.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// Where x86 and most others get them from.
const HEADERS: [&str; 3] = [
    "include/uapi/asm-generic/errno-base.h",
    "include/uapi/asm-generic/errno.h",
    "include/linux/errno.h",
];

/// Reads all codes of the kernel source tree `kernel`.
pub fn read(kernel: &Path) -> Result<BTreeMap<String, i64>> {
    let mut numbers = BTreeMap::new();
    for header in HEADERS {
        let file = kernel.join(header);
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("{} is no kernel source tree", kernel.display()))?;
        numbers.extend(text.lines().filter_map(definition));
    }
    Ok(numbers)
}

/// `#define EPERM 1 /* … */`
fn definition(line: &str) -> Option<(String, i64)> {
    let mut words = line.strip_prefix("#define")?.split_whitespace();
    let (name, number) = (words.next()?, words.next()?);
    Some((name.to_owned(), number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::definition;

    #[test]
    fn definition_reads_numbers_and_leaves_aliases() {
        assert_eq!(
            definition("#define\tEPERM\t\t 1\t/* x */"),
            Some(("EPERM".to_owned(), 1))
        );
        assert_eq!(definition("#define EWOULDBLOCK EAGAIN"), None);
        assert_eq!(definition("#endif"), None);
    }
}
