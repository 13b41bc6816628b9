//! Round trips over time, from least to most with their mean, and below them what was lost on which way.

use maud::{Markup, html};

use super::picture::{frame, share, short, step, time};
use crate::model::{Check, Timeline, metric};
use crate::report::evidence;

/// What stands in a file may be longer than what is ever written.
const MOST_SLOTS: usize = 1000;
/// Height of the round trips, and of one way's losses.
const PLOT: f64 = 130.0;
const LANE: f64 = 30.0;
/// The picture ends above so many times the most of nearly all slots: a lone peak does not press all else flat.
const PEAK: f64 = 4.0;
/// Rows of the table below.
const ROWS: usize = 10;

/// Nothing for a check that has no train in time.
pub(super) fn figure(id: &str, check: &Check) -> Markup {
    let Some(seen) = Series::read(check) else { return Markup::default() };
    html! {
        figure {
            figcaption { "Round trip over time" @if seen.lost() > 0 { ", with what was lost" } }
            (frame(id, "Round trip over time", &seen.told(), seen.height(), &seen.drawn()))
            p.legend {
                span.key.mean {} " mean " span.key.band {} " least to most of " (evidence::ms(seen.slot_ms))
                @if seen.lost() > 0 { " " span.key.lost {} " packets lost" }
            }
            (seen.table())
        }
    }
}

/// A train in time, as far as it can be drawn.
struct Series {
    slot_ms: f64,
    rtt: Vec<Option<[f64; 3]>>,
    /// Names of ways, and what was lost on each.
    lanes: Vec<(&'static str, Vec<u32>)>,
    /// The highest value of the axis.
    top: f64,
}

impl Series {
    fn read(check: &Check) -> Option<Self> {
        let seen: Timeline = check.observed.get(&metric::TIMELINE)?;
        let at = |list: &[Option<f64>], n: usize| list.get(n).copied().flatten().filter(|v| v.is_finite() && *v >= 0.0);
        let slot = |n: usize| Some([at(&seen.rtt_min_ms, n)?, at(&seen.rtt_mean_ms, n)?, at(&seen.rtt_max_ms, n)?]);
        let rtt: Vec<Option<[f64; 3]>> = (0..seen.rtt_mean_ms.len().min(MOST_SLOTS)).map(slot).collect();
        let ways = [
            ("towards the target", seen.lost_up),
            ("from the target", seen.lost_down),
            ("on either way", seen.lost_unknown),
        ];
        let lost = |list: &Vec<u32>| list.iter().take(rtt.len()).any(|n| *n > 0);
        let lanes = ways.into_iter().filter(|(_, list)| lost(list)).collect();
        let slot_ms = Some(seen.slot_ms).filter(|ms| ms.is_finite() && *ms > 0.0)?;
        let top = top(&rtt);
        (!rtt.is_empty()).then_some(Self { slot_ms, rtt, lanes, top })
    }

    fn lost(&self) -> u64 {
        self.lanes.iter().flat_map(|(_, list)| list).map(|n| u64::from(*n)).sum()
    }

    fn whole_ms(&self) -> f64 {
        self.rtt.len() as f64 * self.slot_ms
    }

    fn height(&self) -> f64 {
        PLOT + 16.0 + LANE * self.lanes.len() as f64 + 4.0
    }

    /// Least and most of all.
    fn range(&self) -> Option<(f64, f64)> {
        let all = || self.rtt.iter().flatten();
        let least = all().map(|[min, ..]| *min).reduce(f64::min)?;
        Some((least, all().map(|[.., max]| *max).reduce(f64::max)?))
    }

    /// The picture in words.
    fn told(&self) -> String {
        let whole = time(self.whole_ms(), self.whole_ms());
        let range = match self.range() {
            Some((least, most)) => {
                format!("Between {} and {} within {whole}.", evidence::ms(least), evidence::ms(most))
            }
            None => format!("Nothing was answered within {whole}."),
        };
        let lost = self.lanes.iter().map(|(way, list)| {
            let count: u64 = list.iter().map(|n| u64::from(*n)).sum();
            format!(" {count} lost {way}.")
        });
        let lost: String = lost.collect();
        range + if lost.is_empty() { " No loss is shown." } else { &lost }
    }

    fn drawn(&self) -> Markup {
        let slots = short(self.rtt.len() as f64);
        html! {
            (self.grid())
            svg x="0" y="0" width="100%" height=(PLOT) viewBox={ "0 0 " (slots) " " (PLOT) } preserveAspectRatio="none" {
                path.band d=(self.band()) {}
                path.mean d=(self.mean()) vector-effect="non-scaling-stroke" {}
            }
            (self.labels())
            (self.peaks())
            @for (n, (way, list)) in self.lanes.iter().enumerate() {
                (self.lane(PLOT + 16.0 + LANE * n as f64, way, list))
            }
        }
    }

    fn y(&self, ms: f64) -> f64 {
        PLOT * (1.0 - (ms / self.top).clamp(0.0, 1.0))
    }

    /// Values of the axis, the highest at most the top.
    fn ticks(&self) -> Vec<f64> {
        let step = step(self.top, 3.0);
        (1..=3).map(|n| step * f64::from(n)).filter(|v| *v <= self.top * 1.0001).collect()
    }

    fn grid(&self) -> Markup {
        html! {
            @for value in self.ticks() {
                line.grid x1="0" x2="100%" y1=(short(self.y(value))) y2=(short(self.y(value))) {}
            }
            line.axis x1="0" x2="100%" y1=(PLOT) y2=(PLOT) {}
        }
    }

    fn labels(&self) -> Markup {
        let whole = self.whole_ms();
        let label = |value: f64| (short(self.y(value) - 3.0), evidence::ms(value));
        html! {
            @for (y, words) in self.ticks().into_iter().map(label) { text.label x="2" y=(y) { (words) } }
            text.label x="0" y=(PLOT + 13.0) { "0" }
            text.label.middle x="50%" y=(PLOT + 13.0) { (time(whole / 2.0, whole)) }
            text.label.end x="100%" y=(PLOT + 13.0) { (time(whole, whole)) }
        }
    }

    /// From the least to the most of each slot; slots that follow each other are one shape.
    fn band(&self) -> String {
        let mut path = String::new();
        for (begin, run) in runs(&self.rtt) {
            let upper = run.iter().enumerate().map(|(n, [.., max])| (begin + n, *max));
            let lower = run.iter().enumerate().rev().map(|(n, [min, ..])| (begin + n, *min));
            path.push_str(&format!("M{begin} {}", short(self.y(run.first().map_or(0.0, |[.., max]| *max)))));
            upper.for_each(|(n, value)| path.push_str(&format!("V{}H{}", short(self.y(value)), n + 1)));
            // A band of no height would not be seen.
            lower.for_each(|(n, value)| path.push_str(&format!("V{}H{n}", short(self.y(value) + 0.6))));
            path.push('Z');
        }
        path
    }

    fn mean(&self) -> String {
        let mut path = String::new();
        for (begin, run) in runs(&self.rtt) {
            let each = run.iter().enumerate().map(|(n, [_, mean, _])| (begin + n, short(self.y(*mean))));
            for (n, (place, y)) in each.enumerate() {
                path.push_str(&if n == 0 {
                    format!("M{place} {y}H{}", place + 1)
                } else {
                    format!("V{y}H{}", place + 1)
                });
            }
        }
        path
    }

    /// Slots that reach beyond the picture.
    fn peaks(&self) -> Markup {
        let beyond: Vec<usize> = (0..self.rtt.len()).filter(|n| self.most(*n) > self.top).collect();
        let most = beyond.iter().map(|n| self.most(*n)).fold(0.0, f64::max);
        let all = self.rtt.len() as f64;
        html! {
            @for n in &beyond {
                rect.peak x=(share(*n as f64 / all)) y="0" width=(share(1.0 / all)) height="4" {}
            }
            @if !beyond.is_empty() { text.label.end x="100%" y="15" { "up to " (evidence::ms(most)) } }
        }
    }

    fn most(&self, n: usize) -> f64 {
        self.rtt.get(n).copied().flatten().map_or(0.0, |[.., max]| max)
    }

    /// One way's losses: the more of a slot was lost, the higher.
    fn lane(&self, y: f64, way: &str, list: &[u32]) -> Markup {
        let all = self.rtt.len() as f64;
        let most = list.iter().take(self.rtt.len()).max().copied().unwrap_or(1).max(1);
        let count: u64 = list.iter().map(|n| u64::from(*n)).sum();
        let lost = list.iter().take(self.rtt.len()).enumerate().filter(|(_, n)| **n > 0);
        html! {
            text.label x="0" y=(short(y + 11.0)) { (count) " lost " (way) }
            line.axis x1="0" x2="100%" y1=(short(y + LANE - 2.0)) y2=(short(y + LANE - 2.0)) {}
            @for (n, lost) in lost {
                @let height = 5.0 + 8.0 * f64::from(*lost) / f64::from(most);
                rect.lost x=(share(n as f64 / all)) y=(short(y + LANE - 2.0 - height)) width=(share((1.0 / all).max(0.003))) height=(short(height)) {}
            }
        }
    }

    /// The same in a few numbers.
    fn table(&self) -> Markup {
        let rows = self.rtt.len().div_ceil(self.rtt.len().div_ceil(ROWS));
        let per = self.rtt.len().div_ceil(rows);
        let whole = self.whole_ms();
        let at = |slots: usize| time((slots as f64 * self.slot_ms).min(whole), whole);
        html! {
            details {
                summary { "The same in numbers" }
                div.scroll tabindex="0" role="region" aria-label="Round trip over time in numbers" {
                    table {
                        thead { tr {
                            th scope="col" { "Time" } th scope="col" { "Least" } th scope="col" { "Mean" } th scope="col" { "Most" }
                            @for (way, _) in &self.lanes { th scope="col" { "Lost " (way) } }
                        } }
                        tbody {
                            @for (n, slots) in self.rtt.chunks(per).enumerate() {
                                tr {
                                    th scope="row" { (at(n * per)) " – " (at(n * per + per)) }
                                    @for value in summed(slots) { td { (value) } }
                                    @for (_, list) in &self.lanes {
                                        td { (list.iter().skip(n * per).take(per).map(|n| u64::from(*n)).sum::<u64>()) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Least, mean and most of several slots.
fn summed(slots: &[Option<[f64; 3]>]) -> [String; 3] {
    let known: Vec<[f64; 3]> = slots.iter().flatten().copied().collect();
    let least = known.iter().map(|[min, ..]| *min).reduce(f64::min);
    let most = known.iter().map(|[.., max]| *max).reduce(f64::max);
    let mean = known.iter().map(|[_, mean, _]| *mean).sum::<f64>() / known.len() as f64;
    let told = |value: Option<f64>| value.map_or("–".to_owned(), evidence::ms);
    [told(least), told(Some(mean).filter(|m| m.is_finite())), told(most)]
}

/// What the axis reaches to: nearly all slots have their most below it.
fn top(rtt: &[Option<[f64; 3]>]) -> f64 {
    let mut most: Vec<f64> = rtt.iter().flatten().map(|[.., max]| *max).collect();
    most.sort_by(f64::total_cmp);
    let nearly_all = most.get(most.len() * 95 / 100).or(most.last()).copied().unwrap_or(1.0);
    let all = most.last().copied().unwrap_or(1.0);
    let reaches = if all > nearly_all * PEAK { nearly_all * 1.5 } else { all * 1.1 };
    if reaches > 0.0 { reaches } else { 1.0 }
}

/// Stretches of slots with a round trip, and where they begin.
fn runs(rtt: &[Option<[f64; 3]>]) -> Vec<(usize, Vec<[f64; 3]>)> {
    let mut runs: Vec<(usize, Vec<[f64; 3]>)> = Vec::new();
    let mut open = false;
    for (n, slot) in rtt.iter().enumerate() {
        match (slot, runs.last_mut().filter(|_| open)) {
            (Some(value), Some((_, run))) => run.push(*value),
            (Some(value), None) => runs.push((n, vec![*value])),
            (None, _) => {}
        }
        open = slot.is_some();
    }
    runs
}
