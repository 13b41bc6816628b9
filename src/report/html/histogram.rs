//! How often each round trip was seen.

use maud::{Markup, html};

use super::picture::{frame, share, short};
use crate::model::{Check, RttHistogram, metric};
use crate::report::evidence;

const HEIGHT: f64 = 110.0;
/// What stands in a file may be longer than what is ever written.
const MOST_BARS: usize = 200;
/// So many bars before it are as wide together as the last at the least, where that has all beyond them.
const BEYOND: f64 = 3.0;

/// Nothing for a check that has none, or only one bar.
pub(super) fn figure(id: &str, check: &Check) -> Markup {
    let bars = bars(check);
    let (Some(first), Some(last), true) = (bars.first(), bars.last(), bars.len() > 1) else { return Markup::default() };
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(1).max(1);
    let told = format!("From {} to {}; {}", evidence::ms(first.from), evidence::ms(last.to), words(&bars));
    html! {
        figure {
            figcaption { "How often each round trip was seen" }
            (frame(id, "How often each round trip was seen", &told, HEIGHT + 18.0, &drawn(&bars, most)))
            (table(&bars))
        }
    }
}

struct Bar {
    from: f64,
    to: f64,
    count: u32,
}

fn bars(check: &Check) -> Vec<Bar> {
    let seen: RttHistogram = check.observed.get(&metric::RTT_HISTOGRAM).unwrap_or_default();
    let edges = seen.bounds_ms.iter().zip(seen.bounds_ms.iter().skip(1));
    let bars = edges.zip(&seen.counts).map(|((from, to), count)| Bar { from: *from, to: *to, count: *count });
    bars.filter(|bar| bar.from.is_finite() && bar.to.is_finite() && bar.from <= bar.to).take(MOST_BARS).collect()
}

/// The highest bar in words.
fn words(bars: &[Bar]) -> String {
    let all: u64 = bars.iter().map(|bar| u64::from(bar.count)).sum();
    let highest = bars.iter().max_by_key(|bar| bar.count);
    highest.map_or(String::new(), |bar| {
        format!("most often from {} to {}: {} of {all}.", evidence::ms(bar.from), evidence::ms(bar.to), bar.count)
    })
}

/// The last bar has all beyond the others, far away.
fn reaches_far(bars: &[Bar]) -> bool {
    let width = |bar: &Bar| bar.to - bar.from;
    match bars {
        [first, .., last] => width(last) > width(first) * BEYOND,
        _ => false,
    }
}

fn drawn(bars: &[Bar], most: u32) -> Markup {
    let far = reaches_far(bars);
    let wide = bars.len() as f64 + if far { 1.0 } else { 0.0 };
    let x = |n: usize| n as f64 + if far && n + 1 == bars.len() { 1.0 } else { 0.0 };
    let last = bars.len() - 1;
    let inner = if far { last } else { bars.len() };
    let label = |n: usize| {
        bars.get(n).map(|bar| bar.from).or(bars.last().map(|bar| bar.to)).map_or(String::new(), evidence::ms)
    };
    html! {
        line.grid x1="0" x2="100%" y1="14" y2="14" {}
        text.label x="2" y="11" { (most) " packets" }
        @for (n, bar) in bars.iter().enumerate().filter(|(_, bar)| bar.count > 0) {
            @let height = ((HEIGHT - 14.0) * f64::from(bar.count) / f64::from(most)).max(1.5);
            rect class=(if far && n == last { "bar beyond" } else { "bar" }) x=(share((x(n) + 0.04) / wide))
                y=(short(HEIGHT - height)) width=(share(0.92 / wide)) height=(short(height)) {}
        }
        line.axis x1="0" x2=(share(inner as f64 / wide)) y1=(HEIGHT) y2=(HEIGHT) {}
        text.label x="0" y=(HEIGHT + 13.0) { (label(0)) }
        text.label.middle x=(share(inner as f64 / 2.0 / wide)) y=(HEIGHT + 13.0) { (label(inner / 2)) }
        @if far {
            line.axis x1=(share((wide - 1.0) / wide)) x2="100%" y1=(HEIGHT) y2=(HEIGHT) {}
            text.label.end x="100%" y=(HEIGHT + 13.0) { "up to " (bars.last().map_or(String::new(), |bar| evidence::ms(bar.to))) }
        } @else {
            text.label.end x="100%" y=(HEIGHT + 13.0) { (label(bars.len())) }
        }
    }
}

fn table(bars: &[Bar]) -> Markup {
    html! {
        details {
            summary { "The same in numbers" }
            div.scroll tabindex="0" role="region" aria-label="How often each round trip was seen, in numbers" {
                table {
                    thead { tr { th scope="col" { "Round trip" } th scope="col" { "Packets" } } }
                    tbody {
                        @for bar in bars.iter().filter(|bar| bar.count > 0) {
                            tr { th scope="row" { (short(bar.from)) " – " (evidence::ms(bar.to)) } td { (bar.count) } }
                        }
                    }
                }
            }
        }
    }
}
