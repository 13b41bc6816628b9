//! What the command line asks for. `cargo test` passes arguments of its own test runner, which are taken and ignored.

use crate::case::Case;

pub const USAGE: &str = "usage: tests/lab/run [SCENARIO…] [--repeat N] [--jobs N] [--list] [--show]";

/// How the scenarios are run.
#[derive(Debug, Default)]
pub struct Arguments {
    /// Names of scenarios, or parts of them; all where there are none.
    names: Vec<String>,
    /// A name that is none is an error: not so under `cargo test NAME`, which gives it to every test program.
    named: bool,
    /// How many times each.
    pub repeat: u32,
    /// How many side by side.
    pub jobs: usize,
    /// Only lists them.
    pub list: bool,
    /// Draws each report.
    pub show: bool,
}

impl Arguments {
    pub fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        // A lab mostly waits.
        let cpus = std::thread::available_parallelism().map_or(2, usize::from);
        let mut read = Self { repeat: 1, jobs: (2 * cpus).min(4), ..Self::default() };
        while let Some(word) = words.next() {
            let number = |words: &mut dyn Iterator<Item = String>| {
                let value = words.next().and_then(|n| n.parse().ok()).filter(|n| (1..=1000).contains(n));
                value.ok_or_else(|| format!("{word} takes a number from 1 to 1000"))
            };
            match word.as_str() {
                "--repeat" => read.repeat = number(&mut words)?,
                "--jobs" => read.jobs = number(&mut words)? as usize,
                "--list" => read.list = true,
                "--show" => read.show = true,
                "--named" => read.named = true,
                "--test-threads" | "--skip" | "--format" | "--color" | "--report-time" => drop(words.next()),
                _ if word.starts_with('-') && !read.named => {}
                _ if word.starts_with('-') => return Err(format!("unknown argument {word}")),
                _ => read.names.push(word),
            }
        }
        Ok(read)
    }

    /// Whether a scenario of this name is to be run.
    pub fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|n| name.contains(n.as_str()))
    }

    /// A name that fits no scenario.
    pub fn unknown(&self, cases: &[Case]) -> Option<&str> {
        let fits = |n: &String| cases.iter().any(|case| case.name.contains(n.as_str()));
        self.names.iter().find(|n| self.named && !fits(n)).map(String::as_str)
    }
}
