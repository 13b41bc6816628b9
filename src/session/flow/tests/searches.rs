//! The search for what a line carries.

use super::*;

fn search(up: bool, ceiling_kbps: f64) -> Work {
    Work::Search { up, ceiling_kbps, bytes: 1 << 40, most: 9 * S }
}

/// Both directions of a line, the search's own result by direction.
fn searched(up: Way, down: Way, ceiling: f64) -> [crate::session::flow::search::Found; 2] {
    let line = Line::new(up, down, grant(ceiling as u32, 60));
    let (parts, ending, _) = measured(line, vec![search(true, ceiling), search(false, ceiling)]);
    assert_eq!(ending, Ending::Done);
    let [up, down] = &parts[..] else { panic!("{} parts", parts.len()) };
    [found(&up.up, up.search.as_ref().unwrap()).unwrap(), found(&down.down, down.search.as_ref().unwrap()).unwrap()]
}

#[test]
fn the_search_finds_a_rate_within_five_percent_whatever_the_queue() {
    for kbps in [500.0, 2000.0, 20_000.0] {
        for queue_ms in [20.0, 100.0, 600.0] {
            let queue = (kbps * queue_ms / 8.0) as u64;
            for delay in [MS, 40 * MS] {
                let way = || Way::new(kbps, queue.max(3000), delay);
                for f in searched(way(), way(), 1e6) {
                    let error = f.kbps / kbps - 1.0;
                    assert!(error.abs() < 0.05, "{kbps} {queue_ms} ms {delay}: {f:?}");
                    assert!(!f.at_least, "{kbps} {queue_ms} {delay}: {f:?}");
                }
            }
        }
    }
}

#[test]
fn random_loss_is_not_taken_for_a_full_line() {
    let way = || {
        let mut way = Way::new(10_000.0, 60_000, 10 * MS);
        way.lose = 50;
        way
    };
    for f in searched(way(), way(), 1e6) {
        assert!((f.kbps / 10_000.0 - 1.0).abs() < 0.05, "{f:?}");
    }
}

#[test]
fn a_line_wider_than_the_search_is_at_least_as_wide() {
    for f in searched(wide(5 * MS), wide(5 * MS), 5000.0) {
        assert!(f.at_least && (f.kbps / 5000.0 - 1.0).abs() < 0.05, "{f:?}");
        assert!(f.loss_pct == 0.0 && f.delay_rise_ms < 1.0, "{f:?}");
    }
}

#[test]
fn a_search_keeps_within_its_bytes() {
    let line = Line::new(wide(MS), wide(MS), grant(1_000_000, 60));
    let work = |up| Work::Search { up, ceiling_kbps: 1e5, bytes: 2_000_000, most: 8 * S };
    let (parts, _, line) = measured(line, vec![work(true), work(false)]);
    for count in [parts[0].went_up, parts[1].went_down] {
        assert!((1_900_000..2_700_000).contains(&count.bytes), "{count:?}");
    }
    assert!(line.data < 2_700_000);
}
