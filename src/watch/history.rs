//! The last runs, side by side: what each check came to in each of them, in bounded memory.

use std::collections::{HashMap, VecDeque};

use crate::model::{
    Check, Comparison, MatchedBy, Need, ProbeKind, Report, Status, Step, StepTiming, Summary, masked, metric,
};

/// Runs and gaps that are kept.
pub const KEPT: usize = 240;

/// Checks that are kept; those that were seen last.
const ROWS: usize = 2000;

/// A run as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// Since this watching began; absent for one of an earlier watching.
    pub number: Option<u64>,
    /// RFC 3339 in UTC.
    pub started: String,
    pub finished: String,
    pub duration_ms: u64,
    pub complete: bool,
    pub verdict: Status,
    pub summary: Summary,
}

/// A run, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    Run(RunSummary),
    /// The machine slept, the clock was set, nobody watched.
    Gap(String),
}

/// A check in one column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    /// There was no run.
    Gap,
    /// The run had no such check.
    Absent,
    /// What it came to, and the round trip in milliseconds where one was timed.
    Tried(Status, Option<f32>),
}

/// One check over the last columns.
#[derive(Clone, Debug)]
pub struct Row {
    /// The check's id in the last run that had it.
    pub id: String,
    /// The rule, or what else it is known by.
    pub name: String,
    /// Address and port.
    pub place: String,
    pub need: Need,
    pub probe: ProbeKind,
    pub status: Status,
    /// The sentence of the last run that had it.
    pub reason: String,
    /// Newest last; it may be shorter than the history.
    pub cells: VecDeque<Cell>,
    /// Its place in the last report, for the order; the next free one where it is not in it.
    order: usize,
    /// The column that had it last, counted from the first that ever was.
    seen: u64,
    /// It is in the last run.
    pub here: bool,
}

impl Row {
    /// The round trip of each column, newest last; `None` where none was timed.
    pub fn round_trips(&self) -> impl DoubleEndedIterator<Item = Option<f32>> + '_ {
        self.cells.iter().map(|cell| match cell {
            Cell::Tried(_, ms) => *ms,
            Cell::Gap | Cell::Absent => None,
        })
    }
}

/// What the verdict is, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub verdict: Status,
    /// RFC 3339 in UTC: when the first run began that said so.
    pub since: String,
    /// So many runs say so.
    pub runs: u64,
}

/// The last runs.
#[derive(Default)]
pub struct History {
    columns: VecDeque<Column>,
    /// Columns that ever were.
    ever: u64,
    rows: Vec<Row>,
    standing: Option<Standing>,
}

impl History {
    /// Takes a run; a comparison with the one before lets a check that has another address now go on in its row.
    pub fn push(&mut self, number: Option<u64>, report: &Report, comparison: Option<&Comparison>) -> RunSummary {
        self.follow(comparison);
        let run = &report.run;
        let summary = RunSummary {
            number,
            started: run.started.clone(),
            finished: run.finished.clone(),
            duration_ms: run.duration_ms,
            complete: report.complete,
            verdict: report.verdict,
            summary: report.summary,
        };
        self.columns.push_back(Column::Run(summary.clone()));
        self.ever += 1;
        self.stand(report);
        self.rows.iter_mut().for_each(|row| row.here = false);
        let mut at: HashMap<String, usize> = self.rows.iter().enumerate().map(|(n, row)| (row.id.clone(), n)).collect();
        for (order, check) in report.checks.iter().enumerate() {
            let index = *at.entry(check.id.clone()).or_insert_with(|| {
                self.rows.push(row(check));
                self.rows.len() - 1
            });
            if let Some(row) = self.rows.get_mut(index).filter(|row| !row.here) {
                (row.status, row.here, row.order, row.seen) = (check.status, true, order, self.ever);
                row.need = check.need;
                row.reason.clone_from(&check.reason);
                row.cells.push_back(Cell::Tried(check.status, round_trip(check)));
            }
        }
        let absent = self.rows.iter_mut().filter(|row| !row.here);
        absent.for_each(|row| row.cells.push_back(Cell::Absent));
        self.bound();
        summary
    }

    /// A column without a run; a second one in a row adds its words to the first.
    pub fn gap(&mut self, words: &str) {
        if let Some(Column::Gap(said)) = self.columns.back_mut() {
            // A clock that is set again and again must not fill the memory.
            if said.len() + words.len() < 200 {
                said.push_str("; ");
                said.push_str(words);
            }
            return;
        }
        self.columns.push_back(Column::Gap(words.to_owned()));
        self.ever += 1;
        self.rows.iter_mut().for_each(|row| row.cells.push_back(Cell::Gap));
        self.bound();
    }

    /// Oldest first.
    pub fn columns(&self) -> impl DoubleEndedIterator<Item = &Column> + ExactSizeIterator {
        self.columns.iter()
    }

    /// In the order of the last report; what it does not have comes last.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub fn standing(&self) -> Option<&Standing> {
        self.standing.as_ref()
    }

    /// The last run.
    pub fn last(&self) -> Option<&RunSummary> {
        self.columns.iter().rev().find_map(|column| match column {
            Column::Run(run) => Some(run),
            Column::Gap(_) => None,
        })
    }

    fn follow(&mut self, comparison: Option<&Comparison>) {
        for change in comparison.into_iter().flat_map(|c| &c.checks) {
            let moved = matches!(change.matched, Some(MatchedBy::Target | MatchedBy::Rule));
            if let (true, Some(before), Some(after)) = (moved, &change.before, &change.after)
                && !self.rows.iter().any(|row| row.id == after.id)
                && let Some(row) = self.rows.iter_mut().find(|row| row.id == before.id)
            {
                row.id.clone_from(&after.id);
                row.place = place(after.address.map_or_else(|| after.target.clone(), masked::shown), &after.port);
            }
        }
    }

    fn stand(&mut self, report: &Report) {
        match &mut self.standing {
            Some(standing) if standing.verdict == report.verdict => standing.runs += 1,
            standing => {
                let (verdict, since) = (report.verdict, report.run.started.clone());
                *standing = Some(Standing { verdict, since, runs: 1 });
            }
        }
    }

    /// Forgets the oldest columns, and checks that no column has any more.
    fn bound(&mut self) {
        while self.columns.len() > KEPT {
            self.columns.pop_front();
        }
        for row in &mut self.rows {
            while row.cells.len() > self.columns.len() {
                row.cells.pop_front();
            }
        }
        let oldest = self.ever - self.columns.len() as u64;
        self.rows.retain(|row| row.seen > oldest);
        self.rows.sort_by_key(|row| (std::cmp::Reverse(row.seen), row.order));
        self.rows.truncate(ROWS);
    }
}

fn row(check: &Check) -> Row {
    let host = check.address.map_or_else(|| check.target.clone(), masked::shown);
    Row {
        id: check.id.clone(),
        name: check.name().to_owned(),
        place: place(host, &check.port_words()),
        need: check.need,
        probe: check.probe,
        status: check.status,
        reason: String::new(),
        cells: VecDeque::new(),
        order: 0,
        seen: 0,
        here: false,
    }
}

fn place(host: String, port: &str) -> String {
    if port.is_empty() { host } else { format!("{host} {port}") }
}

/// The round trip that a check timed, in milliseconds: of a train its median, else the fastest that a single exchange was:
/// a STUN answer, a TCP handshake.
pub fn round_trip(check: &Check) -> Option<f32> {
    let train = || check.observed.get::<serde_json::Value>(&metric::RTT_MS)?.get("p50")?.as_f64();
    let stun = || check.observed.get::<f64>(&metric::STUN_RTT_MS);
    let connect = || {
        let steps = check.observed.get::<Vec<StepTiming>>(&metric::STEPS)?;
        steps.iter().find(|s| s.step == Step::Connect && s.result == "ok").map(|s| s.ms)
    };
    #[expect(clippy::cast_possible_truncation, reason = "a picture needs no more")]
    let short = |ms: f64| ms as f32;
    train().or_else(stun).or_else(connect).filter(|ms| ms.is_finite() && *ms >= 0.0).map(short)
}
