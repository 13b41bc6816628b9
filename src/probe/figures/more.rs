//! About how many more packets would decide what is undecided. Knows no limit: it asks how the same figures would stand
//! if as much again, and again, had been seen.

use crate::model::{Estimate, Estimates, Standing};

/// Beyond so many times the packets there is no telling.
const MOST: f64 = 1000.0;

/// So many more than `sent`; `None` where none would, or far too many.
pub fn packets(sent: u32, seen: &Estimates, stands: impl Fn(&Estimates) -> Standing) -> Option<u32> {
    let decided = |times: f64| stands(&narrowed(seen, times)) != Standing::Undecided;
    let mut enough = 1.0;
    while !decided(enough) {
        enough *= 2.0;
        if enough > MOST {
            return None;
        }
    }
    let mut few = enough / 2.0;
    for _ in 0..8 {
        let middle = f64::midpoint(few, enough);
        if decided(middle) { enough = middle } else { few = middle }
    }
    let more = ((enough - 1.0) * f64::from(sent)).ceil();
    (more > 0.0 && more <= f64::from(u32::MAX)).then_some(more as u32)
}

/// Intervals of the same values after `times` as many packets: they narrow with the root, but for those of a share of which
/// nothing was seen yet, whose one end is the value: Wilson's other end comes nearer with the packets themselves.
fn narrowed(seen: &Estimates, times: f64) -> Estimates {
    let narrow = |e: &Estimate| {
        let none_yet = e.low == e.value || e.high == e.value;
        let nearer = if none_yet { times } else { times.sqrt() };
        let end = |end: f64| e.value + (end - e.value) / nearer;
        Estimate { value: e.value, low: end(e.low), high: end(e.high) }
    };
    Estimates(seen.0.iter().map(|(name, e)| (name.clone(), narrow(e))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::measure::names::LOSS_PCT;
    use crate::stats::share_interval;

    fn below(limit: f64) -> impl Fn(&Estimates) -> Standing {
        move |all| match all.get(LOSS_PCT) {
            Some(e) if e.high < limit => Standing::Holds,
            Some(e) if e.low >= limit => Standing::Fails,
            _ => Standing::Undecided,
        }
    }

    fn loss(lost: u32, of: u32) -> Estimates {
        let share = share_interval(lost, of, 1.96).unwrap();
        let estimate = Estimate { value: share.value, low: share.low, high: share.high };
        Estimates([(LOSS_PCT.to_owned(), estimate)].into_iter().collect())
    }

    #[test]
    fn so_many_more_of_the_same_are_about_enough() {
        // Wilson's interval of 1 % of n lies below 1.5 % from about n = 2,270 on.
        let more = packets(500, &loss(5, 500), below(1.5)).unwrap();
        assert!((1000..4000).contains(&more), "{more}");
        let at = 500 + more;
        assert_ne!(below(1.6)(&loss(at / 100, at)), Standing::Undecided);
    }

    #[test]
    fn where_nothing_was_lost_few_more_are_enough() {
        let more = packets(50, &loss(0, 50), below(1.5)).unwrap();
        assert!((185..215).contains(&more), "{more}");
    }

    #[test]
    fn at_the_limit_itself_none_are_enough() {
        assert_eq!(packets(1000, &loss(15, 1000), below(1.5)), None);
        assert_eq!(packets(1000, &Estimates::default(), below(1.5)), None);
    }
}
