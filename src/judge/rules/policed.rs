//! `udp.policed`: datagrams pass slowly and are dropped when there are more of them a second, though not by a full queue.

use super::path::source;
use crate::model::path::{Policed, PolicedVerdict};
use crate::model::{Check, Finding, Status, Who, metric};
use crate::plan::Plan;

/// What one audio call sends a second each way (20 ms of audio a packet).
const AUDIO: f64 = 50.0;

/// What is asked for: audio and video of one call, each way.
const CALL: u32 = 200;

/// One finding a run.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let policed = |c: &Check| {
        c.observed
            .get::<Policed>(&metric::POLICED)
            .filter(|p| p.verdict == PolicedVerdict::Policed && c.waived.is_none())
    };
    let found: Vec<(&Check, Policed)> = checks.iter().filter_map(|c| Some((c, policed(c)?))).collect();
    let Some(slowest) = found.iter().map(|(_, p)| passed(p)).reduce(f64::min) else { return Vec::new() };
    // What decides no check is no failure either.
    let undecided = found.iter().all(|(c, _)| c.status == Status::Unknown);
    let status = if slowest <= AUDIO && !undecided { Status::Fail } else { Status::Warn };
    let asked_with = found.iter().filter_map(|(c, _)| c.observed.get::<u32>(&metric::PACKETS_SENT)).max();
    let datagrams = asked_with.map(|n| format!("{n} ")).unwrap_or_default();
    let mut ask: Vec<String> = found.iter().map(|(c, p)| asked(checks, c, p)).collect();
    ask.dedup();
    vec![Finding {
        id: "udp.policed".to_owned(),
        status,
        title: format!("UDP is limited to about {slowest:.0} packets a second"),
        detail: format!(
            "Something on the way lets about {slowest:.0} datagrams a second through and drops the others at once; one audio call sends {AUDIO:.0} a second each way, with video about {CALL}. It is why ports of the range stayed silent: the {datagrams}datagrams that asked them came faster than that, so their silence says nothing of single ports."
        ),
        remedy: "Which box it is was not seen: look at the counters of the policer or flood protection of each on the way, your own first. Raise the limit for UDP to the media ports, or exempt them from flood protection.".to_owned(),
        who: Some(Who::Firewall),
        ask,
        evidence: found.iter().map(|(c, p)| told(c, p)).collect(),
        checks: found.iter().map(|(c, _)| c.id.clone()).collect(),
        ..Finding::default()
    }]
}

/// About so many a second came through.
fn passed(policed: &Policed) -> f64 {
    let fast = &policed.fast;
    f64::from(fast.per_second) * f64::from(fast.answered) / f64::from(fast.sent.max(1))
}

fn asked(checks: &[Check], check: &Check, policed: &Policed) -> String {
    let to = check.address.map_or_else(|| check.target.clone(), |a| a.to_string());
    // Of the rule, where the range is known; of a train, its port.
    let range = check.ports.or_else(|| {
        let same = |c: &&Check| c.address == check.address && c.ports.is_some_and(|p| p.contains(policed.port));
        checks.iter().find(same)?.ports
    });
    let ports = range.map_or_else(|| policed.port.to_string(), |r| r.to_string());
    let from = source(checks, check.address);
    format!(
        "raise the policer's limit for UDP {ports} from {from} to {to}, and replies, to {CALL} packets a second for each call or more"
    )
}

fn told(check: &Check, policed: &Policed) -> String {
    let (slow, fast) = (&policed.slow, &policed.fast);
    let to = check.address.map_or_else(|| check.target.clone(), |a| a.to_string());
    format!(
        "UDP {} at {to}: at {} a second {} of {} small datagrams were answered, at {} a second {} of {}, no later than the slow ones",
        policed.port, slow.per_second, slow.answered, slow.sent, fast.per_second, fast.answered, fast.sent
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::rules::path::tests::{check, plan};
    use crate::model::ProbeKind;
    use crate::model::path::AtRate;

    #[test]
    fn a_policer_is_told_with_its_rate_and_what_is_needed() {
        let at = |per_second, sent, answered| AtRate { per_second, sent, answered, rtt_ms: Some(1.0) };
        let with = |verdict, answered| {
            let mut range = check(ProbeKind::UdpRange, "rtc.media");
            range.ports = Some("19099-20099".parse().unwrap());
            let policed =
                Policed { verdict, port: 19_100, why: None, slow: at(10, 8, 8), fast: at(200, 140, answered) };
            range.observed.set(&metric::POLICED, policed);
            range
        };
        assert!(find(&plan(), &[with(PolicedVerdict::CannotTell, 35)]).is_empty());
        let found = find(&plan(), &[with(PolicedVerdict::Policed, 28)]).remove(0);
        assert_eq!((found.id.as_str(), found.status), ("udp.policed", Status::Fail));
        assert!(found.detail.contains("about 40 datagrams a second"), "{}", found.detail);
        assert_eq!(
            found.ask,
            [
                "raise the policer's limit for UDP 19099-20099 from this machine to 198.51.100.10, and replies, to 200 packets a second for each call or more"
            ]
        );
        assert_eq!(find(&plan(), &[with(PolicedVerdict::Policed, 70)]).remove(0).status, Status::Warn);
    }
}
