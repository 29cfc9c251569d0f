// SPDX-License-Identifier: GPL-2.0 OR MIT
//! Progress of long steps: a live line each on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// How often a step reports when stderr is not a terminal.
const PLAIN_INTERVAL: Duration = Duration::from_secs(60);
/// How often a live line is redrawn.
const TICK: Duration = Duration::from_millis(200);

fn screen() -> &'static MultiProgress {
    static SCREEN: OnceLock<MultiProgress> = OnceLock::new();
    SCREEN.get_or_init(MultiProgress::new)
}

/// Prints a line on stderr without disturbing the live lines.
pub fn say(line: &str) {
    screen().suspend(|| eprintln!("{line}"));
}

/// A step that is under way.
pub struct Step {
    name: String,
    start: Instant,
    said: Instant,
    count: u64,
    bar: Option<ProgressBar>,
}

impl Step {
    /// Announces a step.
    pub fn start(name: impl Into<String>) -> Self {
        let name = name.into();
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = screen().add(ProgressBar::new_spinner());
            if let Ok(style) =
                ProgressStyle::with_template("{spinner} {prefix} {elapsed} {wide_msg:.dim}")
            {
                bar.set_style(style);
            }
            bar.set_prefix(name.clone());
            bar.enable_steady_tick(TICK);
            bar
        });
        if bar.is_none() {
            say(&format!("{name} …"));
        }
        let now = Instant::now();
        Self {
            name,
            start: now,
            said: now,
            count: 0,
            bar,
        }
    }

    /// Counts one line of the step's output and shows it.
    pub fn line(&mut self, line: &str) {
        self.count += 1;
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} {}", self.count, line.trim()));
        } else if self.said.elapsed() >= PLAIN_INTERVAL {
            self.said = Instant::now();
            let seconds = self.start.elapsed().as_secs();
            say(&format!(
                "{} … {seconds} s, {} lines",
                self.name, self.count
            ));
        }
    }

    /// Says that the step is done and how long it took.
    pub fn done(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        say(&format!(
            "{}: {:.1} s",
            self.name,
            self.start.elapsed().as_secs_f64()
        ));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
