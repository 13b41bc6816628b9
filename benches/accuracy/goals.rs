//! What rtc-check wants to reach, beside what it reached in these runs.

use crate::emulator;
use crate::table::Table;
use crate::tool::Tool;

/// Ends the title of the scenario with load on the machine.
pub const BUSY: &str = ", two busy processes beside it";
/// Title of the runs without `--duration`.
pub const VERDICT: &str = "time to a verdict";

/// Every table by its title.
type Tables = [(String, Table)];

/// A table of the goals that these runs can tell of.
pub fn drawn(tables: &Tables) -> String {
    let busy = format!("{}{BUSY}", emulator::CONST.name);
    let clean = emulator::CONST.name;
    let median = |title: &str, figure| of(tables, title)?.median(figure, Tool::RtcCheck.name());
    let rows = [
        ("RTT at a true 40 ms, error of the median, ms", median(clean, "RTT median, ms"), 0.10),
        ("RTT at a true 40 ms, error of the minimum, ms", median(clean, "RTT min, ms"), 0.05),
        ("the median with two busy processes beside it, ms", median(&busy, "RTT median, ms"), 0.2),
        ("loss by direction, worst error of any run, packets", worst(tables, &["lost up", "lost down"]), 0.0),
        ("duplicates by direction, likewise", worst(tables, &["duplicated up", "duplicated down"]), 0.0),
        ("reordering by direction, likewise", worst(tables, &["reordered up", "reordered down"]), 0.0),
        ("mean variation by direction, worst error less 1 % of the truth, ms", variation(tables), 0.03),
        ("mean variation where there is none, ms", noise(tables, clean), 0.03),
        ("send lateness p99 with no other tool beside it, ms", median(VERDICT, "send lateness p99, ms"), 0.2),
        ("clean path: the whole run until its verdict, s", median(VERDICT, "whole run, s"), 7.0),
        ("one core busy during a train, %", median(clean, "CPU, % of a core"), 12.0),
    ];
    let mut text = String::from("\n## Goals\n\n| figure | goal, at most | reached |\n|---|---|---|\n");
    for (figure, goal, reached) in rows.iter().filter_map(|(figure, reached, goal)| Some((figure, goal, (*reached)?))) {
        let missed = if reached > *goal { " (missed)" } else { "" };
        text += &format!("| {figure} | {goal} | {reached:.3}{missed} |\n");
    }
    text
}

fn of<'a>(tables: &'a Tables, title: &str) -> Option<&'a Table> {
    tables.iter().find(|(name, _)| name == title).map(|(_, table)| table)
}

fn worst(tables: &Tables, figures: &[&'static str]) -> Option<f64> {
    let errors = tables.iter().flat_map(|(_, t)| figures.iter().filter_map(|f| t.worst(f, Tool::RtcCheck.name())));
    errors.reduce(f64::max)
}

/// By direction, as a pair of the figure and its truth.
const VARIATION: [(&str, &str); 2] =
    [("variation up, mean, ms", "truth: variation up, ms"), ("variation down, mean, ms", "truth: variation down, ms")];

fn variation(tables: &Tables) -> Option<f64> {
    let tool = Tool::RtcCheck.name();
    let error =
        |table: &Table, (figure, truth)| Some(table.median(figure, tool)?.abs() - table.median(truth, tool)? / 100.0);
    tables.iter().flat_map(|(_, t)| VARIATION.iter().filter_map(|pair| error(t, *pair))).reduce(f64::max)
}

fn noise(tables: &Tables, title: &str) -> Option<f64> {
    let table = of(tables, title)?;
    VARIATION.iter().filter_map(|(figure, _)| table.median(figure, Tool::RtcCheck.name())).reduce(f64::max)
}
