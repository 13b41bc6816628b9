//! The ways that media can take, side by side: the figures of each with a bar, and which of them a call would take.

use maud::{Markup, html};

use super::mark::badge;
use super::picture::share;
use super::text;
use crate::model::{Report, WayRow};
use crate::report::ways;

/// The highest MOS that the E-model gives a call.
const BEST_MOS: f64 = 4.5;

/// Nothing where no way was tried.
pub(super) fn section(report: &Report) -> Markup {
    let rows = &report.ways;
    let most = |of: fn(&WayRow) -> Option<f64>| rows.iter().filter_map(of).fold(0.0, f64::max);
    let (rtt, loss) = (most(|row| row.rtt_ms), most(|row| row.loss_pct));
    html! {
        @if !rows.is_empty() {
            section #ways aria-labelledby="ways-title" {
                h2 #ways-title { "Ways for media" }
                div.scroll tabindex="0" role="region" aria-labelledby="ways-title" {
                    table.ways {
                        thead { tr {
                            @for name in ["Way", "Status", "Ready in", "Round trip", "Loss", "MOS", "Jitter", "Seen as"] { th scope="col" { (name) } }
                        } }
                        tbody { @for row in rows { (line(row, rtt, loss.max(5.0))) } }
                    }
                }
                @if rows.iter().any(|row| row.used) { p.legend { "→ marks the way that a call from here would take." } }
            }
        }
    }
}

fn line(row: &WayRow, rtt: f64, loss: f64) -> Markup {
    let [way, server, connect, round_trip, jitter, lost, mos, seen_as, _] = ways::cells(row, "–");
    html! {
        tr.used[row.used] {
            th scope="row" {
                @if row.used { span aria-hidden="true" { "→ " } span.visually-hidden { "Used: " } }
                (way) span.server { (text(&server)) }
            }
            td { (badge(row.status)) }
            td { (connect) }
            td { (round_trip) (bar("rtt", row.rtt_ms, rtt)) }
            td { (lost) (bar("loss", row.loss_pct, loss)) }
            td { (mos) (bar("mos", row.mos.map(|mos| mos - 1.0), BEST_MOS - 1.0)) }
            td { (jitter) }
            td { (text(&seen_as)) }
        }
    }
}

/// A bar under a number that says the same.
fn bar(class: &str, value: Option<f64>, most: f64) -> Markup {
    html! {
        @if let Some(value) = value.filter(|v| v.is_finite() && most > 0.0) {
            svg.bar aria-hidden="true" width="100%" height="6" {
                rect.track x="0" y="0" width="100%" height="6" rx="1" {}
                rect class=(class) x="0" y="0" width=(share((value / most).clamp(0.0, 1.0))) height="6" rx="1" {}
            }
        }
    }
}
