//! Which findings only follow from others: what is told of a way, a group or a range is no job of its own where other
//! findings tell the cause of all that fails in it. Looks at findings when every rule has spoken.

use crate::model::{Check, Failure, Finding, ProbeKind, Status, Step, Transport, metric};

use super::media_way;

/// Findings that tell why checks fail.
const CAUSES: &[&str] = &[
    "portal.captive",
    "clock.wrong",
    "blocked.local",
    "dns.udp-blocked",
    "dns.unanswered",
    "dns.hijack",
    "dns.private-answer",
    "proxy.unreachable",
    "proxy.login",
    "proxy.refused",
    "proxy.answers-itself",
    "proxy.port-policy",
    "proxy.upgrade-stripped",
    "proxy.idle-cut",
    "host.unreachable",
    "udp.blocked",
    "range.as-tcp",
    "blocked.rejected",
    "blocked.dropped",
    "blocked.sni",
    "ipv6.broken",
    "path.mtu",
    "udp.policed",
    "tls.interception",
    "service.down",
];

/// Findings that tell what becomes of calls: they follow from any cause.
const EFFECTS: &[&str] = &[
    "media.no-way",
    "media.fallback",
    "media.range-open",
    "quality.udp-silent",
    "range.lossy",
    "group.only-alternative",
    "group.alternative-unproven",
];

/// Causes that hide others.
const WIDER: &[&str] = &["portal.captive", "dns.private-answer", "range.as-tcp"];

/// Causes that a wider one can look like.
const NARROWER: &[&str] = &["host.unreachable", "udp.blocked", "blocked.rejected", "blocked.dropped", "service.down"];

/// Says of each finding what it follows from, takes from it what its cause asks for, and leaves out what a finding refutes.
pub fn apply(findings: &mut Vec<Finding>, checks: &[Check]) {
    subordinate(findings, checks, NARROWER, WIDER);
    subordinate(findings, checks, EFFECTS, CAUSES);
    weakened(findings);
    let is_intercepted = findings.iter().any(|f| f.id == "tls.interception");
    findings.retain(|f| !(is_intercepted && f.id == "tls.private-root"));
}

/// The finding that tells why a check fails.
pub fn cause_of<'a>(check: &Check, findings: &'a [Finding]) -> Option<&'a Finding> {
    let mut causes = findings.iter().filter(|f| is_cause(f, CAUSES));
    causes.clone().find(|f| f.checks.contains(&check.id)).or_else(|| causes.find(|f| covers(f, check)))
}

fn is_cause(finding: &Finding, among: &[&str]) -> bool {
    among.contains(&finding.id.as_str()) && finding.status != Status::Pass && finding.follows.is_empty()
}

fn subordinate(findings: &mut [Finding], checks: &[Check], effects: &[&str], among: &[&str]) {
    let causes: Vec<Finding> = findings.iter().filter(|f| is_cause(f, among)).cloned().collect();
    for finding in findings.iter_mut().filter(|f| effects.contains(&f.id.as_str())) {
        let left: Vec<&Finding> = causes.iter().filter(|c| c.id != finding.id).collect();
        match behind(&failing(finding, checks), &left) {
            Some(follows) => follow(finding, follows),
            None => finding.ask.retain(|line| !left.iter().any(|c| c.ask.contains(line))),
        }
    }
}

/// The checks of a finding that do not hold; all where each does.
fn failing<'a>(finding: &Finding, checks: &'a [Check]) -> Vec<&'a Check> {
    let of: Vec<&Check> = checks.iter().filter(|c| c.waived.is_none() && finding.checks.contains(&c.id)).collect();
    let broken = of.iter().copied().filter(|c| !c.status.holds() && c.status != Status::Skip).collect::<Vec<_>>();
    if broken.is_empty() { of } else { broken }
}

/// The causes that explain every check; `None` where one stays unexplained.
fn behind(checks: &[&Check], causes: &[&Finding]) -> Option<Vec<String>> {
    let mut left = checks.to_vec();
    let mut ids: Vec<String> = Vec::new();
    for cause in causes {
        let before = left.len();
        left.retain(|check| !covers(cause, check));
        if left.len() < before && !ids.contains(&cause.id) {
            ids.push(cause.id.clone());
        }
    }
    (left.is_empty() && !ids.is_empty()).then_some(ids)
}

/// The check is one of the cause's, or fails as all of its kind must while the cause lasts.
fn covers(cause: &Finding, check: &Check) -> bool {
    let udp = check.transport == Some(Transport::Udp);
    let one_of = |word: &str| check.address.is_some_and(|a| word.split('/').any(|part| part == a.to_string()));
    let fails = !check.status.holds() && check.status != Status::Skip;
    let same_address = || cause.checks.iter().any(|id| one_of(id)) && fails;
    let is_session = matches!(check.probe, ProbeKind::Ice | ProbeKind::JanusCall);
    let stops_udp = || cause.ask.iter().any(|line| line.contains("UDP"));
    let failure = || check.observed.get::<Failure>(&metric::FAILURE);
    cause.checks.contains(&check.id)
        || match cause.id.as_str() {
            "portal.captive" => fails,
            "udp.blocked" => (udp || is_session) && fails,
            "blocked.dropped" | "blocked.rejected" | "blocked.local" | "range.as-tcp" => {
                is_session && stops_udp() && same_address()
            }
            "host.unreachable" | "ipv6.broken" => same_address(),
            "udp.policed" => udp && same_address(),
            "dns.udp-blocked" | "dns.unanswered" => failure().is_some_and(|f| f.step == Step::Name),
            _ => false,
        }
}

/// What is to be done is its cause's, but for what the cause does not know.
fn follow(finding: &mut Finding, causes: Vec<String>) {
    let own = media_way::OR_GIVE_A_RELAY;
    let keeps = finding.id == "media.no-way" && finding.remedy.ends_with(own);
    finding.remedy = if keeps { own.to_owned() } else { String::new() };
    (finding.who, finding.ask, finding.follows) = (None, Vec::new(), causes);
}

/// That routers say nothing is told with the places that it makes unsure.
fn weakened(findings: &mut [Finding]) {
    let causes: Vec<Finding> =
        findings.iter().filter(|f| f.id.starts_with("blocked.") && is_cause(f, CAUSES)).cloned().collect();
    for note in findings.iter_mut().filter(|f| f.id == "icmp.filtered") {
        let shares = |c: &&Finding| c.checks.iter().any(|id| note.checks.contains(id));
        let mut ids: Vec<String> = causes.iter().filter(shares).map(|c| c.id.clone()).collect();
        ids.dedup();
        note.follows = ids;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(id: &str, transport: &str, status: &str) -> Check {
        let address = id.rsplit('/').next();
        serde_json::from_value(json!({
            "id": id, "rule": "rtc.media", "probe": "tcp", "role": "rtc", "target": "rtc", "address": address,
            "transport": transport, "need": "required", "status": status, "reason": "", "observed": {}, "limits": [],
            "started_ms": 0, "duration_ms": 1
        }))
        .unwrap()
    }

    fn finding(id: &str, status: Status, checks: &[&str]) -> Finding {
        Finding {
            id: id.to_owned(),
            status,
            remedy: format!("Allow it. {}", media_way::OR_GIVE_A_RELAY),
            ask: vec!["allow UDP".to_owned()],
            checks: checks.iter().map(|c| (*c).to_owned()).collect(),
            ..Finding::default()
        }
    }

    #[test]
    fn what_a_cause_explains_is_no_job_of_its_own() {
        let checks = [check("a/h/192.0.2.1", "udp", "fail"), check("b/h/192.0.2.1", "udp", "pass")];
        let mut findings = vec![
            finding("blocked.dropped", Status::Fail, &["a/h/192.0.2.1"]),
            finding("media.no-way", Status::Fail, &["a/h/192.0.2.1"]),
            finding("group.only-alternative", Status::Warn, &["a/h/192.0.2.1", "b/h/192.0.2.1"]),
        ];
        apply(&mut findings, &checks);
        assert!(findings[0].follows.is_empty() && !findings[0].ask.is_empty());
        assert_eq!(findings[1].follows, ["blocked.dropped"]);
        assert_eq!((findings[1].ask.len(), findings[1].remedy.as_str()), (0, media_way::OR_GIVE_A_RELAY));
        assert_eq!((findings[2].follows.len(), findings[2].remedy.as_str()), (1, ""));
    }

    #[test]
    fn what_no_cause_explains_stays_and_asks_only_for_the_rest() {
        let checks = [check("a/h/192.0.2.1", "udp", "fail"), check("b/h/192.0.2.2", "udp", "fail")];
        let both = ["a/h/192.0.2.1", "b/h/192.0.2.2"];
        let mut findings =
            vec![finding("blocked.dropped", Status::Fail, &both[..1]), finding("media.no-way", Status::Fail, &both)];
        findings[1].ask.push("allow TCP".to_owned());
        apply(&mut findings, &checks);
        assert!(findings[1].follows.is_empty());
        assert_eq!(findings[1].ask, ["allow TCP"]);
        let mut notes =
            vec![finding("blocked.dropped", Status::Pass, &both), finding("media.no-way", Status::Fail, &both)];
        apply(&mut notes, &checks);
        assert!(notes[1].follows.is_empty(), "a note is no cause");
    }

    #[test]
    fn a_wider_cause_takes_the_narrower_and_its_effects() {
        let checks = [check("a/h/192.0.2.1", "udp", "fail"), check("c/h/192.0.2.1", "tcp", "fail")];
        let mut findings = vec![
            finding("portal.captive", Status::Fail, &["c/h/192.0.2.1"]),
            finding("blocked.dropped", Status::Fail, &["a/h/192.0.2.1"]),
            finding("media.no-way", Status::Fail, &["a/h/192.0.2.1"]),
        ];
        apply(&mut findings, &checks);
        assert_eq!(findings[1].follows, ["portal.captive"]);
        assert_eq!(findings[2].follows, ["portal.captive"]);
        assert_eq!(cause_of(&checks[0], &findings).map(|f| f.id.as_str()), Some("portal.captive"));
    }

    #[test]
    fn a_note_that_a_problem_refutes_is_left_out() {
        let mut findings =
            vec![finding("tls.interception", Status::Warn, &[]), finding("tls.private-root", Status::Pass, &[])];
        apply(&mut findings, &[]);
        assert_eq!(findings.len(), 1);
    }
}
