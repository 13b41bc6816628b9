//! The table of scenarios: what was expected, what came, and how long the check took.

use std::time::Duration;

use crate::case::Case;
use crate::compare::{findings, text};
use crate::harness::Report;
use crate::runner::Outcome;

/// The widest that a column gets.
const WIDEST: usize = 60;

/// What a report says: exit code, verdict, and the findings that are not notes.
pub fn got(exit: Option<i32>, report: &Report) -> String {
    let ids = findings(report).iter().filter(|f| text(f, "status") != "pass").map(|f| text(f, "id").to_owned());
    told(exit.unwrap_or(-1), report.verdict(), ids.collect())
}

fn told(exit: i32, verdict: &str, mut ids: Vec<String>) -> String {
    ids.sort();
    ids.dedup();
    let ids = if ids.is_empty() { String::new() } else { format!(": {}", ids.join(", ")) };
    format!("{exit} {verdict}{ids}")
}

fn expected(case: &Case) -> String {
    let truth = &case.truth;
    let is_note = |status: &Option<String>| status.as_deref() == Some("pass");
    let ids = truth.findings.iter().map(|f| if is_note(&f.status) { format!("({})", f.id) } else { f.id.clone() });
    told(truth.exit, &truth.verdict, ids.collect())
}

/// A line while it runs.
pub fn line(outcome: &Outcome) -> String {
    let mark = mark(std::slice::from_ref(&outcome));
    format!(
        "{mark} {} ({:.1} s) {}",
        outcome.name,
        outcome.took.as_secs_f64(),
        outcome.not_run.as_deref().unwrap_or(&outcome.got)
    )
}

fn mark(outcomes: &[&Outcome]) -> &'static str {
    match outcomes {
        o if o.iter().any(|o| !o.wrong.is_empty()) => "✗",
        o if o.iter().any(|o| o.not_run.is_some()) => "–",
        _ => "✓",
    }
}

/// Prints it all, with cargo's closing line; whether all is as it must be.
pub fn print(cases: &[Case], outcomes: &[Outcome], took: Duration) -> bool {
    let mut rows = vec![["scenario", "expected", "got", "", "s"].map(str::to_owned)];
    for case in cases {
        let runs: Vec<&Outcome> = outcomes.iter().filter(|o| o.name == case.name).collect();
        let mut got: Vec<&str> = runs.iter().map(|o| o.got.as_str()).collect();
        got.sort_unstable();
        got.dedup();
        let right = runs.iter().filter(|o| o.wrong.is_empty() && o.not_run.is_none()).count();
        let count = if runs.len() > 1 { format!(" {right}/{}", runs.len()) } else { String::new() };
        let longest = runs.iter().map(|o| o.took).max().unwrap_or_default();
        let mark = format!("{}{count}", mark(&runs));
        rows.push([case.name.clone(), expected(case), got.join(" / "), mark, format!("{:.1}", longest.as_secs_f64())]);
    }
    println!();
    draw(&rows);
    for outcome in outcomes {
        if !outcome.drawn.is_empty() {
            println!("\n===== {}\n{}", outcome.name, outcome.drawn);
        }
        if !outcome.wrong.is_empty() {
            println!("\n✗ {}\n  - {}", outcome.name, outcome.wrong.join("\n  - "));
        }
        if let Some(why) = &outcome.not_run {
            println!("NOT RUN: {}: {why}", outcome.name);
        }
    }
    closing(outcomes, took)
}

fn draw(rows: &[[String; 5]]) {
    let widths = [0, 1, 2, 3, 4].map(|n| rows.iter().map(|r| r[n].chars().count().min(WIDEST)).max().unwrap_or(0));
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        println!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

fn closing(outcomes: &[Outcome], took: Duration) -> bool {
    let failed = outcomes.iter().filter(|o| !o.wrong.is_empty()).count();
    let not_run = outcomes.iter().filter(|o| o.not_run.is_some()).count();
    let passed = outcomes.len() - failed - not_run;
    let is_good = failed == 0 && (not_run == 0 || std::env::var_os("CI").is_none_or(|v| v != "true"));
    let word = if is_good { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; {not_run} ignored; 0 measured; 0 filtered out; finished in {:.1}s\n",
        took.as_secs_f64()
    );
    is_good
}
