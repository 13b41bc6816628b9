//! The map of a port range: a lane for each thing that ports did, so that no state is told by colour alone. Thousands of
//! ports are few columns, and columns alike are one rectangle.

use maud::{Markup, html};

use super::picture::{frame, share, short};
use crate::model::metric::Metric;
use crate::model::{Check, PortRange, PortSet, metric};

const LANE: f64 = 34.0;
/// Height of a lane's rectangles, and how many heights there are.
const TALL: f64 = 16.0;
const LEVELS: u32 = 4;
/// As many columns as can be told apart on a phone.
const COLUMNS: u32 = 240;
/// More parts of a set are counted.
const LISTED: usize = 24;

/// State, fact, and class of the rectangles.
const STATES: [(&str, &Metric, &str); 4] = [
    ("answered", &metric::ANSWERED, "good"),
    ("refused by the target itself: the way is open", &metric::REFUSED, "open"),
    ("silent", &metric::SILENT, "bad"),
    ("prohibited on the way", &metric::PROHIBITED, "stopped"),
];

/// Nothing for a check of no range, or of which no port was asked.
pub(super) fn figure(id: &str, check: &Check) -> Markup {
    let Some(range) = check.ports else { return Markup::default() };
    let states = STATES.iter().filter_map(|(name, fact, class)| {
        Some((*name, *class, check.observed.get::<PortSet>(fact).filter(|set| !set.is_empty())?))
    });
    let states: Vec<(&str, &str, PortSet)> = states.collect();
    if states.is_empty() {
        return Markup::default();
    }
    let asked: Option<u32> = check.observed.get(&metric::PROBED);
    let height = LANE * states.len() as f64 + 18.0;
    html! {
        figure {
            figcaption {
                "Ports " (range) @if let Some(asked) = asked { ": " (asked) " of " (range.count()) " asked" }
            }
            (frame(id, "Map of the port range", &told(range, &states), height, &drawn(range, &states, height)))
            (table(&states))
        }
    }
}

fn told(range: PortRange, states: &[(&str, &str, PortSet)]) -> String {
    let each: Vec<String> = states.iter().map(|(name, _, set)| format!("{} {name}", set.count())).collect();
    format!("Of ports {range}: {}.", each.join(", "))
}

fn drawn(range: PortRange, states: &[(&str, &str, PortSet)], height: f64) -> Markup {
    let columns = range.count().min(COLUMNS);
    let part = |place: u32| share(f64::from(place) / f64::from(columns));
    html! {
        @for (n, (name, class, set)) in states.iter().enumerate() {
            @let y = LANE * n as f64;
            text.label x="0" y=(short(y + 11.0)) { (set.count()) " " (name) }
            rect.track x="0" y=(short(y + 15.0)) width="100%" height=(TALL) {}
            @for (from, to, level) in runs(range, set, columns) {
                @let tall = TALL * f64::from(level) / f64::from(LEVELS);
                rect class=(class) x=(part(from)) y=(short(y + 15.0 + TALL - tall)) width=(part(to - from)) height=(short(tall)) {}
            }
        }
        text.label x="0" y=(short(height - 5.0)) { (range.first()) }
        text.label.end x="100%" y=(short(height - 5.0)) { (range.last()) }
    }
}

/// Columns `from..to` of which as much is in the set, by quarters: as few as tell it.
fn runs(range: PortRange, set: &PortSet, columns: u32) -> Vec<(u32, u32, u32)> {
    let count = range.count();
    let place = |port: u16| u32::from(port.saturating_sub(range.first()));
    let begins = |column: u32| (column * count).div_ceil(columns);
    let mut held = vec![0u32; columns as usize];
    for part in set.ranges().iter().filter(|part| part.first() <= range.last() && part.last() >= range.first()) {
        let (first, last) = (place(part.first()), place(part.last().min(range.last())));
        for column in first * columns / count..=last * columns / count {
            let inside = (last + 1).min(begins(column + 1)).saturating_sub(first.max(begins(column)));
            if let Some(held) = held.get_mut(column as usize) {
                *held = held.saturating_add(inside);
            }
        }
    }
    let mut runs: Vec<(u32, u32, u32)> = Vec::new();
    for (column, held) in (0..columns).zip(held) {
        let size = begins(column + 1) - begins(column);
        // To the nearest, lest neighbours of almost the same share differ; whatever is there is seen.
        let nearest = (held.min(size) * LEVELS * 2 + size) / (size * 2).max(1);
        let level = if held > 0 { nearest.max(1) } else { 0 };
        match runs.last_mut().filter(|(_, to, before)| *to == column && *before == level) {
            Some((_, to, _)) => *to = column + 1,
            None if level > 0 => runs.push((column, column + 1, level)),
            None => {}
        }
    }
    runs
}

fn table(states: &[(&str, &str, PortSet)]) -> Markup {
    html! {
        details {
            summary { "The same in numbers" }
            div.scroll tabindex="0" role="region" aria-label="Ports in numbers" {
                table {
                    thead { tr { th scope="col" { "State" } th scope="col" { "Ports" } th scope="col" { "Which" } } }
                    tbody {
                        @for (name, _, set) in states {
                            tr { th scope="row" { (name) } td { (set.count()) } td.which { (listed(set)) } }
                        }
                    }
                }
            }
        }
    }
}

fn listed(set: &PortSet) -> String {
    let shown: Vec<String> = set.ranges().iter().take(LISTED).map(ToString::to_string).collect();
    let more = set.ranges().len().saturating_sub(LISTED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more (the JSON report has them all)") };
    shown.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(text: &str) -> PortRange {
        text.parse().unwrap()
    }

    #[test]
    fn runs_alike_are_one_rectangle() {
        let every_second: PortSet = (10_000..=20_000).step_by(2).collect();
        assert_eq!(runs(range("10000-20000"), &every_second, COLUMNS).len(), 1);
        let whole: PortSet = (19_099..=20_099).collect();
        assert_eq!(runs(range("19099-20099"), &whole, COLUMNS), [(0, COLUMNS, LEVELS)]);
        assert_eq!(runs(range("1-3"), &[2].into_iter().collect(), 3), [(1, 2, LEVELS)]);
    }

    #[test]
    fn a_single_port_of_thousands_is_seen() {
        assert_eq!(runs(range("1-65535"), &[65_535].into_iter().collect(), COLUMNS), [(239, 240, 1)]);
    }

    proptest! {
        #[test]
        fn every_port_of_the_set_has_its_column_and_no_other(
            first in 1u16..60_000, more in 0u16..5000, ports in proptest::collection::vec(1u16.., 0..60),
        ) {
            let range = PortRange::new(first, first.saturating_add(more)).unwrap();
            let set: PortSet = ports.into_iter().collect();
            let columns = range.count().min(COLUMNS);
            let drawn = runs(range, &set, columns);
            for port in range.iter() {
                let column = u32::from(port - first) * columns / range.count();
                let is_drawn = drawn.iter().any(|(from, to, _)| (*from..*to).contains(&column));
                prop_assert!(is_drawn || !set.contains(port), "{port}");
            }
            let held = |column: u32| range.iter().any(|p| set.contains(p) && u32::from(p - first) * columns / range.count() == column);
            prop_assert!(drawn.iter().flat_map(|(from, to, _)| *from..*to).all(held));
            prop_assert!(drawn.iter().all(|(from, to, level)| from < to && *to <= columns && (1..=LEVELS).contains(level)));
        }
    }
}
