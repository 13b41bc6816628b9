//! `range.as-tcp`: a media range that is silent over UDP lets TCP through, which ports beside it do not: it was opened for the
//! wrong protocol.

use super::path::source;
use crate::model::path::AsTcp;
use crate::model::{Check, Finding, Status, Who, metric};
use crate::plan::Plan;

/// Ports of the range that TCP has to reach at least.
const FEWEST: u32 = 2;

/// One finding a range.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let open = |c: &&Check| !c.status.holds() && c.waived.is_none();
    checks.iter().filter(open).filter_map(|c| finding(checks, c)).collect()
}

fn finding(checks: &[Check], check: &Check) -> Option<Finding> {
    let seen: AsTcp = check.observed.get(&metric::AS_TCP)?;
    let reached = seen.connected.count() + seen.refused.count();
    let beside_is_shut = !seen.outside_silent.is_empty() && seen.outside_reached.is_empty();
    if reached < FEWEST || !seen.silent.is_empty() || !beside_is_shut {
        return None;
    }
    let (ports, to) = (check.ports?, check.address.map_or_else(|| check.target.clone(), |a| a.to_string()));
    let from = source(checks, check.address);
    let how = [(&seen.refused, "the host itself refused"), (&seen.connected, "connected")];
    let how = how.iter().filter(|(set, _)| !set.is_empty()).map(|(set, words)| format!("{words} TCP {set}"));
    Some(Finding {
        id: "range.as-tcp".to_owned(),
        status: Status::Fail,
        title: "The media range was opened for TCP in place of UDP".to_owned(),
        detail: format!(
            "UDP {ports} to {to} is silent, while TCP comes through to the same ports and not to those beside them: the firewall's rule names the wrong protocol."
        ),
        remedy: "Change the rule for the media ports from TCP to UDP.".to_owned(),
        who: Some(Who::Firewall),
        ask: vec![format!("allow UDP, not TCP, {ports} from {from} to {to}, and replies")],
        evidence: vec![
            format!("{}: no port answered over UDP", check.id),
            format!("over TCP {to} was reached in the range: {}", how.collect::<Vec<_>>().join(", ")),
            format!("beside the range TCP {} got no answer", seen.outside_silent),
        ],
        checks: vec![check.id.clone()],
        ..Finding::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::rules::path::tests::{check, plan};
    use crate::model::ProbeKind;

    fn range(status: Status, seen: AsTcp) -> Check {
        let mut range = check(ProbeKind::UdpRange, "rtc.media");
        (range.status, range.ports) = (status, Some("19099-20099".parse().unwrap()));
        range.observed.set(&metric::AS_TCP, seen);
        range
    }

    #[test]
    fn tcp_that_reaches_the_range_alone_shows_the_wrong_protocol() {
        let set = |ports: &[u16]| ports.iter().copied().collect();
        let seen =
            AsTcp { refused: set(&[19_099, 19_432, 20_099]), outside_silent: set(&[19_088]), ..AsTcp::default() };
        let found = find(&plan(), &[range(Status::Fail, seen.clone())]).remove(0);
        assert_eq!(found.ask, ["allow UDP, not TCP, 19099-20099 from this machine to 198.51.100.10, and replies"]);
        assert!(found.evidence[1].contains("the host itself refused TCP 19099, 19432, 20099"), "{:?}", found.evidence);
        let all_open = AsTcp { outside_reached: set(&[20_110]), ..seen.clone() };
        let all_shut = AsTcp { silent: seen.refused.clone(), refused: set(&[]), ..seen.clone() };
        let nothing_beside = AsTcp { outside_silent: set(&[]), ..seen.clone() };
        for other in [all_open, all_shut, nothing_beside] {
            assert!(find(&plan(), &[range(Status::Fail, other)]).is_empty());
        }
        assert!(find(&plan(), &[range(Status::Pass, seen)]).is_empty());
    }
}
