// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Why tests do not pass, where that is known.

use super::report::Column;

/// How the cause begins of what is not understood yet, although something is known of it.
const OPEN: &str = "open:";
/// Lines of a column, how names of tests begin, and the cause, with tabs between.
const CAUSES: &str = include_str!("causes.tsv");

/// Whether it is understood why a test does not pass there.
pub fn is_understood(column: Column, test: &str) -> bool {
    known(column, test).is_some_and(|cause| !cause.starts_with(OPEN))
}

/// What is known of a test's not passing there.
pub fn known(column: Column, test: &str) -> Option<&'static str> {
    find(CAUSES, column, test)
}

/// The cause of the line that fits with the longest beginning.
fn find<'a>(causes: &'a str, column: Column, test: &str) -> Option<&'a str> {
    let fitting = causes.lines().filter_map(|line| {
        let mut words = line.split('\t');
        let (place, start, cause) = (words.next()?, words.next()?, words.next()?);
        let here = place == "both" || place == column.name();
        (here && test.starts_with(start)).then_some((start.len(), cause))
    });
    fitting
        .max_by_key(|(length, _)| *length)
        .map(|(_, cause)| cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn find_when_two_lines_fit_then_the_longer() {
        let causes = "both\tgem_a\tone\nvGPU\tgem_a@x\ttwo\n";
        assert_eq!(find(causes, Column::Vgpu, "gem_a@x"), Some("two"));
        assert_eq!(find(causes, Column::Native, "gem_a@x"), Some("one"));
        assert_eq!(find(causes, Column::Native, "gem_b@x"), None);
    }

    #[test]
    fn causes_then_each_line_has_a_column_a_name_and_a_cause() {
        for line in CAUSES.lines() {
            let words: Vec<&str> = line.split('\t').collect();
            assert_eq!(words.len(), 3, "{line}");
            assert!(["both", "native", "vGPU"].contains(&words[0]), "{line}");
        }
    }
}
