//! The rate that arrived: what was offered, less what was lost.

use super::train::{Interval, Loss, Sent, Train};

/// Payload that arrived in the direction that `loss` is of, in kbit/s, its interval from the loss's. `None` for fewer
/// than two packets, or where they took no time.
pub(super) fn carried(train: &Train, loss: Option<&Loss>) -> Option<Interval> {
    let (offered, share) = (offered_kbps(train)?, loss?.share);
    let rest = |lost_pct: f64| offered * (1.0 - lost_pct / 100.0);
    Some(Interval { value: rest(share.value), low: rest(share.high), high: rest(share.low) })
}

/// Times are those at which packets were to leave: one that was sent late is no slower rate, and one that was left out
/// leaves its gap. A packet counts for the time until the next one, so the last does not count at all. Where packets leave in bursts,
/// that overstates the rate unless the last packet begins a burst: of the packets in the train's last tenth that one is
/// taken as last that makes the rate least.
fn offered_kbps(train: &Train) -> Option<f64> {
    let all: f64 = train.sent.iter().map(|packet| f64::from(packet.len)).sum();
    let planned = |packet: &Sent| i128::from(packet.at) - i128::from(packet.late);
    let start = planned(train.sent.first()?);
    let mut before = 0.0;
    let mut least: Option<f64> = None;
    for (index, packet) in train.sent.iter().enumerate() {
        let elapsed_ms = (planned(packet) - start) as f64 / 1e6;
        if (index + 1) * 10 > train.sent.len() * 9 && elapsed_ms > 0.0 && all > 0.0 {
            let rate = before / all * train.payload_bytes as f64 * 8.0 / elapsed_ms;
            least = Some(least.map_or(rate, |least| least.min(rate)));
        }
        before += f64::from(packet.len);
    }
    least
}

#[cfg(test)]
mod tests {
    use super::super::burst::{Fate, loss};
    use super::*;

    const MS: i64 = 1_000_000;

    fn train(at_ms: impl Iterator<Item = i64>, payload: u64) -> Train {
        let sent: Vec<Sent> = at_ms.map(|at| Sent { at: at * MS, late: 0, len: 112 }).collect();
        Train { payload_bytes: payload * sent.len() as u64, sent, ..Train::default() }
    }

    fn lost(lost: u32, of: u32) -> Option<Loss> {
        loss(&Fate { lost, of, each: None }, 1.96)
    }

    #[test]
    fn nothing_one_packet_and_two_at_once_have_no_rate() {
        for times in [vec![], vec![0], vec![5, 5]] {
            assert_eq!(carried(&train(times.into_iter(), 100), lost(0, 1).as_ref()), None);
        }
        assert_eq!(carried(&train([0, 20].into_iter(), 100), None), None);
        let two = carried(&train([0, 20].into_iter(), 100), lost(0, 2).as_ref()).unwrap();
        assert!((two.value - 40.0).abs() < 1e-9, "{two:?}");
    }

    #[test]
    fn a_packet_sent_late_is_no_slower_rate() {
        let mut train = train((0..200).map(|n| n * 20), 100);
        for late in [0, 191, 199] {
            train.sent[late].at += 15 * MS;
            train.sent[late].late = 15 * MS;
        }
        let rate = carried(&train, lost(0, 200).as_ref()).unwrap();
        assert!((rate.value - 40.0).abs() < 1e-9, "{rate:?}");
    }

    #[test]
    fn a_hundred_bytes_every_20_ms_are_40_kbps() {
        let offered = train((0..500).map(|n| n * 20), 100);
        let whole = carried(&offered, lost(0, 500).as_ref()).unwrap();
        assert!((whole.value - 40.0).abs() < 1e-9 && (whole.high - 40.0).abs() < 1e-9);
        assert!(whole.low > 39.6 && whole.low < 39.8, "{whole:?}");
        let half = carried(&offered, lost(250, 500).as_ref()).unwrap();
        assert!((half.value - 20.0).abs() < 1e-9);
    }

    #[test]
    fn bursts_do_not_add_to_the_rate() {
        let frames = train((0..300).map(|n| n / 5 * 33), 1000);
        let true_kbps = 5.0 * 1000.0 * 8.0 / 33.0;
        let seen = carried(&frames, lost(0, 300).as_ref()).unwrap().value;
        assert!((seen / true_kbps - 1.0).abs() < 1e-9, "{seen} for {true_kbps}");
    }

    #[test]
    fn packets_of_no_size_have_no_rate() {
        let mut empty = train((0..50).map(|n| n * 20), 0);
        empty.sent.iter_mut().for_each(|packet| packet.len = 0);
        assert_eq!(carried(&empty, lost(0, 50).as_ref()), None);
    }
}
