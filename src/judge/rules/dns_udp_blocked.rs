//! `dns.udp-blocked`: a resolver answers over TCP 53 and not over UDP 53, which every program asks first.

use crate::model::resolver::{AskedFor, Over};
use crate::model::{Check, Failure, FailureKind, Finding, Status, Who, metric};
use crate::plan::Plan;

use super::resolvers::{self, Asked, ids, place};

/// One a run: a failure where a name of the run did not resolve.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let all = resolvers::asked(checks);
    let found: Vec<&Asked<'_>> = all.iter().filter(|a| a.seen.is_blocked_over_udp()).collect();
    if found.is_empty() {
        return Vec::new();
    }
    let unresolved: Vec<&str> = silent_look_ups(checks);
    let servers: Vec<String> = found.iter().map(|a| place(a.seen.server)).collect();
    let effect = match unresolved.is_empty() {
        true => helped(&all),
        false => format!(
            "Names did not resolve: {}; this machine asks over UDP and does not turn to TCP.",
            unresolved.join(", ")
        ),
    };
    let mut evidence: Vec<String> = found.iter().map(|a| told(a)).collect();
    evidence.extend(resolvers::slow_look_ups(checks, 1000.0));
    vec![Finding {
        id: "dns.udp-blocked".to_owned(),
        status: if unresolved.is_empty() { Status::Warn } else { Status::Fail },
        title: "DNS over UDP is blocked; over TCP it works".to_owned(),
        detail: format!("{} answers over TCP and not over UDP, which is asked first. {effect}", servers.join(", ")),
        remedy: "Let UDP 53 through to the resolver and its answers back (TCP 53 passes already); if nothing stops it on the way, have the resolver listen on UDP 53 too.".to_owned(),
        who: Some(Who::Firewall),
        ask: found
            .iter()
            .map(|a| {
                let server = a.seen.server;
                let from = super::path::source(checks, Some(server.ip()));
                format!("allow UDP {} from {from} to {}, and replies", server.port(), server.ip())
            })
            .collect(),
        evidence,
        checks: ids(found.iter().map(|a| a.check)),
        ..Finding::default()
    }]
}

/// Names that got no answer; one that is denied was answered.
fn silent_look_ups(checks: &[Check]) -> Vec<&str> {
    let silent = |c: &&Check| {
        let failure: Option<Failure> = c.observed.get(&metric::FAILURE);
        failure.is_some_and(|f| f.kind == FailureKind::ResolverTimeout)
    };
    let mut names: Vec<&str> = checks.iter().filter(silent).map(|c| c.target.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Who answered in its place, as far as that is known.
fn helped(all: &[Asked<'_>]) -> String {
    let others = all.iter().filter(|a| a.seen.configured && a.works() && !a.seen.is_blocked_over_udp());
    let others: Vec<String> = others.map(|a| place(a.seen.server)).collect();
    match others.is_empty() {
        true => "The names of this run were found all the same, and no other resolver helped: this machine asks over TCP, or has them in its hosts file or cache. Whatever asks over UDP finds nothing.".to_owned(),
        false => format!("The names of this run were found all the same: {} answers too.", others.join(", ")),
    }
}

fn told(asked: &Asked<'_>) -> String {
    let by_udp = asked.seen.questions.iter().filter(|q| q.over == Over::Udp);
    let refused = by_udp.clone().any(|q| q.answer.error == Some(FailureKind::Refused));
    let how = if refused { "refused (ICMP)" } else { "left without an answer" };
    let ms = asked.seen.of(AskedFor::Needed, Over::Tcp).find_map(|q| q.answer.ms).unwrap_or_default();
    format!(
        "{}: all {} questions over UDP were {how}, and the one over TCP was answered in {ms:.0} ms.",
        place(asked.seen.server),
        by_udp.count()
    )
}

#[cfg(test)]
mod tests {
    use super::super::resolvers::fixture::{check, named, resolver};
    use super::super::tests::plan;
    use super::*;

    #[test]
    fn only_an_answer_over_tcp_shows_that_udp_is_blocked() {
        let silent = resolver("192.0.2.53", None, None, &[]);
        let both = resolver("192.0.2.54", Some(4.0), Some(4.0), &[]);
        assert!(find(&plan(), &[silent, both]).is_empty());
        let blocked = resolver("192.0.2.53", None, Some(4.0), &[]);
        let found = find(&plan(), std::slice::from_ref(&blocked));
        assert_eq!((found.len(), found[0].status), (1, Status::Warn));
        assert_eq!(found[0].ask, ["allow UDP 53 from this machine to 192.0.2.53, and replies"]);
        let denied = named(check("a/typo.example", "typo.example", None, Status::Fail), 5.0, &[]);
        assert_eq!(find(&plan(), &[blocked.clone(), denied])[0].status, Status::Warn);
        let mut unresolved = named(check("a/rtc.example", "rtc.example", None, Status::Fail), 5000.0, &[]);
        let silence = Failure::new(crate::model::Step::Name, FailureKind::ResolverTimeout, "no answer");
        unresolved.observed.set(&metric::FAILURE, silence);
        let found = find(&plan(), &[blocked, unresolved]);
        assert_eq!(found[0].status, Status::Fail);
        assert!(found[0].detail.contains("rtc.example"), "{:?}", found[0]);
    }
}
