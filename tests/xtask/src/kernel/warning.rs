// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Finding the warnings about our own objects in the output of a kernel build.

/// How many lines below a warning of rustc its place may stand.
const REACH: usize = 3;

/// Collects warnings line by line.
pub struct Finder {
    ours: Vec<String>,
    open: Option<(String, usize)>,
    found: Vec<String>,
}

impl Finder {
    /// A finder for warnings that name one of some path fragments; with none, for all.
    pub fn new(ours: &[&str]) -> Self {
        Self {
            ours: ours.iter().map(|s| (*s).to_owned()).collect(),
            open: None,
            found: Vec::new(),
        }
    }

    /// Looks at the next line of the build's output.
    pub fn line(&mut self, line: &str) {
        if is_warning(line) {
            if self.is_ours(line) {
                self.found.push(line.to_owned());
                self.open = None;
            } else {
                self.open = Some((line.to_owned(), REACH));
            }
        } else if let Some((warning, left)) = self.open.take() {
            if line.trim_start().starts_with("-->") && self.is_ours(line) {
                self.found.push(format!("{warning} {}", line.trim()));
            } else if left > 1 {
                self.open = Some((warning, left - 1));
            }
        }
    }

    /// The warnings found.
    pub fn found(self) -> Vec<String> {
        self.found
    }

    fn is_ours(&self, line: &str) -> bool {
        self.ours.is_empty() || self.ours.iter().any(|name| line.contains(name))
    }
}

/// Says whether a line is a warning of gcc, rustc, bindgen, Kbuild, modpost or objtool.
fn is_warning(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    lower.contains("warning:") || lower.starts_with("warning[") || lower.contains("objtool:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(ours: &[&str], text: &str) -> Vec<String> {
        let mut finder = Finder::new(ours);
        text.lines().for_each(|line| finder.line(line));
        finder.found()
    }

    #[test]
    fn finder_when_rustc_names_the_place_below_then_found_with_it() {
        let text = "warning: unused variable: `x`\n   --> drivers/gvt_host/src/a.rs:3:9\n";
        let found = find(&["gvt_host"], text);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("a.rs:3:9"));
    }

    #[test]
    fn finder_when_warning_is_anothers_then_ignored() {
        let text = "drivers/foo/bar.c:1:2: warning: odd\nvmlinux.o: warning: objtool: foo\n";
        assert!(find(&["gvt_host"], text).is_empty());
    }

    #[test]
    fn finder_when_modpost_or_objtool_complains_about_ours_then_found() {
        let text = "WARNING: modpost: gvt_host/x.o: section mismatch\n\
                    gvt_host/y.o: objtool: f+0x1: unreachable\n";
        assert_eq!(find(&["gvt_host"], text).len(), 2);
    }

    #[test]
    fn finder_when_no_names_given_then_every_warning_counts() {
        assert_eq!(find(&[], "warning: anything\n").len(), 1);
    }
}
