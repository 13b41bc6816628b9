//! Losses in time: how many, in what runs, and the stretch of a train that lost most. Knows no direction.

use super::interval::share_interval;
use super::train::{Loss, Window};

const SHORT_NS: i128 = 200_000_000;
const LONG_NS: i128 = 15_000_000_000;

/// What became of the packets of a direction.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fate {
    pub(super) lost: u32,
    pub(super) of: u32,
    /// When each was sent, since the train's start in nanoseconds, and whether it was lost, in order of sending; `None`
    /// where it is not known which ones were.
    pub(super) each: Option<Vec<(i64, bool)>>,
}

impl Fate {
    pub(super) fn known(each: Vec<(i64, bool)>) -> Self {
        let count = |packets: usize| u32::try_from(packets).unwrap_or(u32::MAX);
        let lost = each.iter().filter(|(_, lost)| *lost).count();
        Self { lost: count(lost), of: count(each.len()), each: Some(each) }
    }
}

/// `None` where there was no packet.
pub(super) fn loss(fate: &Fate, z: f64) -> Option<Loss> {
    let share = share_interval(fate.lost, fate.of, z)?;
    let each = fate.each.as_deref();
    Some(Loss {
        lost: fate.lost,
        of: fate.of,
        share,
        longest_burst: each.map(longest_run),
        worst_200ms: each.and_then(|each| worst(each, SHORT_NS)),
        worst_15s: each.and_then(|each| worst(each, LONG_NS)),
    })
}

fn longest_run(each: &[(i64, bool)]) -> u32 {
    let runs = each.split(|(_, lost)| !lost).map(<[_]>::len);
    runs.max().and_then(|run| u32::try_from(run).ok()).unwrap_or(0)
}

/// The window of this length, by time of sending, that lost most packets, the first of several. `None` where the train
/// is shorter; it lasts until the packet after its last would have left.
fn worst(each: &[(i64, bool)], length: i128) -> Option<Window> {
    let mut packets: Vec<(i128, bool)> = each.iter().map(|(at, lost)| (i128::from(*at), *lost)).collect();
    packets.sort_by_key(|(at, _)| *at);
    let span = packets.last()?.0 - packets.first()?.0;
    let gap = span / i128::try_from(packets.len().checked_sub(1).filter(|gaps| *gaps > 0)?).ok()?;
    if span + gap < length {
        return None;
    }
    let mut worst: Option<Window> = None;
    let (mut end, mut lost) = (0, 0u32);
    for (begin, (at, first_lost)) in packets.iter().enumerate() {
        while let Some((_, next_lost)) = packets.get(end).filter(|(next, _)| next - at < length) {
            lost += u32::from(*next_lost);
            end += 1;
        }
        if worst.is_none_or(|worst| lost > worst.lost) {
            let of = u32::try_from(end - begin).unwrap_or(u32::MAX);
            worst = Some(Window { at_ms: *at as f64 / 1e6, lost, of });
        }
        lost -= u32::from(*first_lost);
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_20_ms(lost: &[usize], of: usize) -> Fate {
        Fate::known((0..of).map(|n| (n as i64 * 20_000_000, lost.contains(&n))).collect())
    }

    #[test]
    fn no_packet_one_and_two() {
        assert_eq!(loss(&every_20_ms(&[], 0), 1.96), None);
        let one = loss(&every_20_ms(&[0], 1), 1.96).unwrap();
        assert_eq!((one.share.value, one.longest_burst, one.worst_200ms, one.worst_15s), (100.0, Some(1), None, None));
        let two = loss(&every_20_ms(&[], 2), 1.96).unwrap();
        assert_eq!((two.share.value, two.longest_burst, two.worst_200ms), (0.0, Some(0), None));
    }

    #[test]
    fn runs_and_windows_are_found() {
        let seen = loss(&every_20_ms(&[3, 100, 101, 102, 106, 400], 750), 1.96).unwrap();
        assert_eq!((seen.lost, seen.of, seen.longest_burst), (6, 750, Some(3)));
        assert_eq!(seen.worst_200ms, Some(Window { at_ms: 97.0 * 20.0, lost: 4, of: 10 }));
        assert_eq!(seen.worst_15s, Some(Window { at_ms: 0.0, lost: 6, of: 750 }));
    }

    #[test]
    fn a_train_shorter_than_the_window_has_none() {
        assert_eq!(loss(&every_20_ms(&[3], 749), 1.96).unwrap().worst_15s, None);
        assert_eq!(
            loss(&every_20_ms(&[3], 10), 1.96).unwrap().worst_200ms,
            Some(Window { at_ms: 0.0, lost: 1, of: 10 })
        );
    }

    #[test]
    fn which_were_lost_may_be_unknown() {
        let seen = loss(&Fate { lost: 3, of: 100, each: None }, 1.96).unwrap();
        assert_eq!((seen.longest_burst, seen.worst_200ms), (None, None));
    }

    #[test]
    fn the_ends_of_time_are_times() {
        let ends = Fate::known(vec![(i64::MAX, true), (i64::MIN, true), (0, false)]);
        assert_eq!(loss(&ends, 1.96).unwrap().worst_15s.unwrap().lost, 1);
    }
}
