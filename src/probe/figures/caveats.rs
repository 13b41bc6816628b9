//! What makes the figures of a train less certain than their intervals say, in plain sentences. Knows no figure's limit.

use std::time::Duration;

use crate::net::classify::seconds;
use crate::session::SendError;
use crate::session::train::{Ending, Misbehaviour, Outcome};
use crate::stats::Summary;

/// A sender whose latest hundredth is later than this disturbs the shape of its train.
const LATE_MS: f64 = 1.0;

/// So many packets lost one after the other are no chance at the losses that limits are about.
const BURST: u32 = 4;

/// One sentence each.
pub fn of_train(outcome: &Outcome, summary: &Summary) -> Vec<String> {
    let mut all = Vec::new();
    let mut say = |words: Option<String>| all.extend(words);
    say(sender(summary));
    say(gaps(outcome));
    say(outcome
        .not_sent
        .map(|(why, count)| format!("this machine would not send {}: {}", packets(count), reason(why))));
    let overflow = (far_overflow(outcome), outcome.own_overflow);
    say((overflow.0 > 0)
        .then(|| format!("the far end's socket had no room for {}: they are no loss of the way", packets(overflow.0))));
    say((overflow.1 > 0).then(|| {
        format!("this machine's socket had no room for {}: they are no loss of the way", packets(overflow.1))
    }));
    say(clock(summary));
    say(misbehaved(&outcome.misbehaviour));
    say((outcome.shorter > 0).then(|| {
        format!(
            "{} of the far end were shorter than what they answer, so the rate from it is not known",
            replies(outcome.shorter)
        )
    }));
    say(by_direction(summary));
    say(in_bursts(summary));
    say(outcome.stun_errors.map(|(code, count)| format!("{} were STUN errors, the last one {code}", replies(count))));
    say(outcome.icmp.as_ref().map(|(error, count)| format!("ICMP errors came back ({count}), the last one: {error}")));
    say((outcome.ending == Ending::Stopped)
        .then(|| format!("stopped before its end, after {}", seconds(outcome.sent_for))));
    all
}

/// Lost by the far end's socket.
pub fn far_overflow(outcome: &Outcome) -> u32 {
    outcome.record.far.as_ref().map_or(0, |far| far.overflow)
}

fn sender(summary: &Summary) -> Option<String> {
    let late = summary.late.filter(|late| late.p99_ms > LATE_MS)?;
    Some(format!(
        "this machine sent late: one packet in a hundred by more than {:.1} ms, the latest by {:.1} ms",
        late.p99_ms, late.max_ms
    ))
}

fn gaps(outcome: &Outcome) -> Option<String> {
    let gaps = outcome.gaps;
    let times = if gaps.count == 1 { "once".to_owned() } else { format!("{} times", gaps.count) };
    (gaps.count > 0).then(|| {
        format!(
            "this process was suspended or starved of the processor {times}, for {} at the longest, and left out {}",
            seconds(gaps.longest),
            packets(gaps.skipped)
        )
    })
}

fn clock(summary: &Summary) -> Option<String> {
    let jumps = summary.far_clock_jumps;
    (jumps > 0).then(|| {
        format!("the far end's clock jumped or ran backwards in {}: no delay is taken from them", replies(jumps))
    })
}

fn by_direction(summary: &Summary) -> Option<String> {
    let silent = summary.loss.is_some() && (summary.loss_up.is_none() || summary.loss_down.is_none());
    let lossy = summary.loss.is_some_and(|loss| loss.lost > 0);
    let limits = if lossy { ", and a server that limits how often it answers looks like loss" } else { "" };
    silent.then(|| format!("the far end tells nothing by direction: loss is of the round trip{limits}"))
}

/// An interval takes packets to be lost one by one, by chance; a burst is one chance.
fn in_bursts(summary: &Summary) -> Option<String> {
    let losses = [summary.loss_up, summary.loss_down, summary.loss].into_iter().flatten();
    let longest = losses.filter_map(|loss| loss.longest_burst).max().filter(|longest| *longest >= BURST)?;
    Some(format!(
        "{longest} packets were lost in a row: where loss comes in bursts, another train may see far more or less of it"
    ))
}

/// What, and how many, of the replies that did not do what a reflector does.
fn misbehaved(seen: &Misbehaviour) -> Option<String> {
    let parts = [
        (seen.other_source, "from another address or port"),
        (seen.unreadable, "not readable"),
        (seen.longer, "longer than what they answer"),
        (seen.wrong_hmac, "with a wrong HMAC"),
        (seen.wrong_session, "of another session"),
        (seen.never_sent, "to packets that were never sent"),
        (seen.wrong_number, "with a number that cannot be"),
        (seen.wrong_times, "with times that cannot be"),
        (seen.wrong_report, "with a report that cannot be true"),
        (seen.flood, "beyond four to one packet"),
    ];
    let told: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    (!told.is_empty()).then(|| format!("replies misbehaved: {}", told.join(", ")))
}

/// Nothing came back any more, long before the end.
/// `refused`: the target itself said that nobody has the port.
pub fn died(after: Duration, of: Duration, refused: bool) -> String {
    let why = match refused {
        true => "the target refuses the port since then, so what answered there has ended",
        false => "whether the way or the far end died is not known",
    };
    format!("nothing came back after {} of {}: {why}; neither loss nor rate is judged", seconds(after), seconds(of))
}

fn reason(why: SendError) -> String {
    match why {
        SendError::Prohibited => "a firewall on it prohibits them".to_owned(),
        SendError::NoRoute => "it has no route or address in the family".to_owned(),
        SendError::Unreachable => "its route leads nowhere".to_owned(),
        SendError::TooBig => "they are longer than the path takes".to_owned(),
        SendError::Other(errno) => format!("error {errno}"),
    }
}

fn packets(count: u32) -> String {
    if count == 1 { "1 packet".to_owned() } else { format!("{count} packets") }
}

fn replies(count: u32) -> String {
    if count == 1 { "1 reply".to_owned() } else { format!("{count} replies") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Late;

    #[test]
    fn a_sender_is_told_of_where_it_was_late_for_more_than_a_millisecond() {
        let late = |p99_ms| Summary { late: Some(Late { p50_ms: 0.0, p99_ms, max_ms: 7.25 }), ..Summary::default() };
        assert_eq!(sender(&late(0.9)), None);
        let words = sender(&late(3.12)).unwrap();
        assert_eq!(words, "this machine sent late: one packet in a hundred by more than 3.1 ms, the latest by 7.2 ms");
    }

    #[test]
    fn what_misbehaved_is_told_with_how_many() {
        assert_eq!(misbehaved(&Misbehaviour::default()), None);
        let seen = Misbehaviour { never_sent: 3, wrong_times: 1, ..Misbehaviour::default() };
        let words = misbehaved(&seen).unwrap();
        assert_eq!(words, "replies misbehaved: 3 to packets that were never sent, 1 with times that cannot be");
    }

    #[test]
    fn loss_that_no_direction_is_known_of_is_told_as_such() {
        let share = crate::stats::share_interval(1, 100, 1.96).unwrap();
        let loss =
            crate::stats::Loss { lost: 1, of: 100, share, longest_burst: None, worst_200ms: None, worst_15s: None };
        assert!(by_direction(&Summary { loss: Some(loss), ..Summary::default() }).is_some());
        assert_eq!(
            by_direction(&Summary {
                loss: Some(loss),
                loss_up: Some(loss),
                loss_down: Some(loss),
                ..Summary::default()
            }),
            None
        );
        assert_eq!(by_direction(&Summary::default()), None);
    }
}
