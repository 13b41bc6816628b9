//! Medians over the runs, drawn as Markdown.

use std::collections::BTreeMap;
use std::process::Command;

use crate::tool::Errors;

/// Rows in the order in which they are drawn: figure and unit.
const ROWS: &[&str] = &[
    "truth: RTT mean, ms",
    "truth: variation up, ms",
    "truth: variation down, ms",
    "truth: lost up",
    "truth: lost down",
    "truth: duplicated up",
    "truth: duplicated down",
    "truth: reordered up",
    "truth: reordered down",
    "packets sent",
    "RTT mean, ms",
    "RTT median, ms",
    "RTT min, ms",
    "variation up, mean, ms",
    "variation up, p95, ms",
    "variation down, mean, ms",
    "variation down, p95, ms",
    "RFC 3550 jitter against mean variation, ms",
    "lost, round trip",
    "lost up",
    "lost down",
    "duplicated",
    "duplicated up",
    "duplicated down",
    "reordered up",
    "reordered down",
    "send lateness p50, ms",
    "send lateness p99, ms",
    "CPU, % of a core",
    "whole run, s",
    "train, s",
    "verdict passed",
];

/// Every run of every tool.
#[derive(Default)]
pub struct Table {
    tools: Vec<&'static str>,
    cells: BTreeMap<(&'static str, &'static str), Vec<f64>>,
}

impl Table {
    pub fn add(&mut self, tool: &'static str, errors: Errors) {
        if !self.tools.contains(&tool) {
            self.tools.push(tool);
        }
        for (figure, error) in errors {
            assert!(ROWS.contains(&figure), "no row for {figure}");
            self.cells.entry((figure, tool)).or_default().push(error);
        }
    }

    pub fn drawn(&self, title: &str, subtitle: &str) -> String {
        let mut text = format!("\n## {title}\n\n{subtitle}\n\n| figure | {} |\n|", self.tools.join(" | "));
        text += &"---|".repeat(self.tools.len() + 1);
        for figure in ROWS {
            let cells: Vec<String> = self.tools.iter().map(|tool| self.cell(figure, tool)).collect();
            if cells.iter().any(|c| !c.is_empty()) {
                text += &format!("\n| {figure} | {} |", cells.join(" | "));
            }
        }
        text + "\n" + &self.ratios()
    }

    /// The median of the runs.
    pub fn median(&self, figure: &'static str, tool: &'static str) -> Option<f64> {
        let mut values = self.cells.get(&(figure, tool))?.clone();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }

    /// The error farthest from nothing of any run.
    pub fn worst(&self, figure: &'static str, tool: &'static str) -> Option<f64> {
        self.cells.get(&(figure, tool))?.iter().map(|error| error.abs()).reduce(f64::max)
    }

    /// How large the first tool's errors are against those of the others in the same runs.
    fn ratios(&self) -> String {
        let Some((own, others)) = self.tools.split_first() else { return String::new() };
        let mut text = String::new();
        for figure in
            ["RTT mean, ms", "RTT median, ms", "RTT min, ms", "variation up, mean, ms", "variation down, mean, ms"]
        {
            let error = |tool| self.median(figure, tool).map(f64::abs).filter(|e| *e > 0.0);
            let ratio = |tool: &&'static str| Some(format!("{:.2} of {tool}'s", error(own)? / error(tool)?));
            let ratios: Vec<String> = others.iter().filter_map(ratio).collect();
            if !ratios.is_empty() {
                text += &format!("\n- {figure}: {own}'s error is {}", ratios.join(", "));
            }
        }
        if text.is_empty() { text } else { format!("{text}\n") }
    }

    /// Median, and the least and most of the runs.
    fn cell(&self, figure: &'static str, tool: &'static str) -> String {
        let Some(values) = self.cells.get(&(figure, tool)) else { return String::new() };
        let mut values = values.clone();
        values.sort_by(f64::total_cmp);
        let (least, most, median) = (values[0], values[values.len() - 1], values[values.len() / 2]);
        let counted = values.iter().all(|v| v.fract() == 0.0);
        let own = ["truth", "packets", "send", "CPU", "whole", "train", "verdict"];
        let sign = !own.iter().any(|word| figure.starts_with(word));
        let number = |v: f64| match (counted, sign) {
            _ if v.abs() > 1e9 => format!("{v:+.1e}"),
            (true, true) => format!("{v:+.0}"),
            (true, false) => format!("{v:.0}"),
            (false, true) => format!("{v:+.3}"),
            (false, false) => format!("{v:.3}"),
        };
        if least == most { number(median) } else { format!("{} [{}..{}]", number(median), number(least), number(most)) }
    }
}

/// What the figures were taken with.
pub fn head(arguments: &str) -> String {
    let said = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output();
        output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default()
    };
    let date = said("date", &["-u", "+%F"]);
    let machine = format!("{} CPUs, Linux {} {}", said("nproc", &[]), said("uname", &["-r"]), said("uname", &["-m"]));
    let first = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let versions =
        [first(said("ping", &["-V"])), first(said("irtt", &["version"])), first(said("iperf3", &["--version"]))];
    let versions: Vec<_> = versions.into_iter().filter(|v| !v.is_empty()).collect();
    format!(
        "# Accuracy against the emulator's log\n\n\
         {date}; {machine}; {}. By `cargo bench --bench accuracy -- {arguments}`.\n\n\
         Every figure is what the tool said minus what the emulator did to the same packets (milliseconds, or packets); \
         rows of truth, sending, CPU and time stand for themselves. Median of the seeds, [least..most]. All tools run \
         at once, 50 packets a second each.\n",
        versions.join("; ")
    )
}
