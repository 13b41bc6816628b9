//! `dns.unanswered`: a resolver that this machine is configured to ask does not answer, while another one does. Every look-up
//! that comes to it waits.

use crate::model::{Check, FailureKind, Finding, Status, Who};
use crate::plan::Plan;

use super::resolvers::{self, Asked, ids, look_ups, place};

/// A look-up that takes longer waited for somebody, in milliseconds: the usual libraries ask the next after 1 to 5 s.
const WAITED_MS: f64 = 900.0;

/// One a run: a failure where a name of the run did not resolve for it.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let all = resolvers::asked(checks);
    let configured = || all.iter().filter(|a| a.seen.configured);
    let working: Vec<String> = configured().filter(|a| a.works()).map(|a| place(a.seen.server)).collect();
    let dead: Vec<&Asked<'_>> = configured().filter(|a| a.is_dead() || a.seen.refuses()).collect();
    if dead.is_empty() || working.is_empty() {
        return Vec::new();
    }
    let servers: Vec<String> = dead.iter().map(|a| place(a.seen.server)).collect();
    let delayed = resolvers::slow_look_ups(checks, WAITED_MS);
    let failed = look_ups(checks).values().any(|(ms, found)| !found && *ms > WAITED_MS);
    let effect = match (failed, delayed.is_empty()) {
        (true, _) => "Names did not resolve in time, because it is asked first.",
        (false, false) => "Each look-up waits for it before another is asked.",
        (false, true) => "Look-ups were not delayed in this run; they are as soon as it comes to be asked.",
    };
    let mut evidence: Vec<String> = dead.iter().map(|a| told(a)).collect();
    evidence.push(format!("{} answers.", working.join(", ")));
    evidence.extend(delayed);
    let list = servers.join(", ");
    vec![Finding {
        id: "dns.unanswered".to_owned(),
        status: if failed { Status::Fail } else { Status::Warn },
        title: "A configured resolver does not answer".to_owned(),
        detail: format!("{list} is in this machine's list of resolvers and gives no usable answer. {effect}"),
        remedy: format!(
            "Take {list} out of the list of resolvers (resolv.conf, network settings, DHCP option 6), or mend it."
        ),
        who: Some(Who::ThisMachine),
        ask: servers
            .iter()
            .map(|s| format!("remove {s} from the resolvers of this machine, or make it answer"))
            .collect(),
        evidence,
        checks: ids(dead.iter().map(|a| a.check)),
        ..Finding::default()
    }]
}

fn told(asked: &Asked<'_>) -> String {
    let server = place(asked.seen.server);
    let n = asked.seen.questions.len();
    let refused = asked.seen.questions.iter().any(|q| q.answer.error == Some(FailureKind::Refused));
    match (asked.seen.refuses(), refused) {
        (true, _) => format!("{server} answers REFUSED to every question."),
        (false, true) => format!("{server} has its port closed: {n} questions over UDP and TCP were refused."),
        (false, false) => format!("{server} left {n} questions over UDP and TCP without an answer."),
    }
}

#[cfg(test)]
mod tests {
    use super::super::resolvers::fixture::{check, named, resolver};
    use super::super::tests::plan;
    use super::*;

    #[test]
    fn silence_is_told_only_beside_a_resolver_that_answers() {
        let dead = resolver("192.0.2.53", None, None, &[]);
        assert!(find(&plan(), std::slice::from_ref(&dead)).is_empty());
        let works = resolver("192.0.2.54", Some(4.0), Some(4.0), &[]);
        assert!(find(&plan(), std::slice::from_ref(&works)).is_empty());
        let waited =
            named(check("a/rtc.example/203.0.113.10", "rtc.example", Some("203.0.113.10"), Status::Pass), 5004.0, &[]);
        let found = find(&plan(), &[dead.clone(), works.clone(), waited]);
        assert_eq!((found.len(), found[0].status), (1, Status::Warn));
        assert!(found[0].evidence.iter().any(|e| e.contains("5.0 s")), "{:?}", found[0]);
        let unresolved = named(check("a/rtc.example", "rtc.example", None, Status::Fail), 6000.0, &[]);
        assert_eq!(find(&plan(), &[dead, works, unresolved])[0].status, Status::Fail);
    }
}
