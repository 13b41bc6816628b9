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
    if dead.is_empty() {
        return Vec::new();
    }
    if working.is_empty() {
        return alone(checks, &dead);
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
        detail: format!(
            "{list} is {}in this machine's list of resolvers and {}. {effect}",
            position(&all, &dead),
            does(&dead)
        ),
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

/// No listed resolver is of use. Silence alone may be a machine that needs none; a refusal was said aloud: a note where the
/// names were found all the same, else a failure.
fn alone(checks: &[Check], dead: &[&Asked<'_>]) -> Vec<Finding> {
    let refusing: Vec<&Asked<'_>> = dead.iter().copied().filter(|a| refuses(a)).collect();
    let names = look_ups(checks);
    if refusing.is_empty() || names.is_empty() {
        return Vec::new();
    }
    let list = refusing.iter().map(|a| place(a.seen.server)).collect::<Vec<_>>().join(", ");
    let lost: Vec<&str> = names.iter().filter(|(_, (_, found))| !found).map(|(name, _)| *name).collect();
    let note = Finding {
        id: "dns.unanswered".to_owned(),
        status: Status::Pass,
        title: "A configured resolver does not answer".to_owned(),
        detail: format!(
            "{list} is in this machine's list of resolvers and {}. The names of this run were found without it, in this machine's hosts file or cache; any other name is not found.",
            does(dead)
        ),
        evidence: dead.iter().map(|a| told(a)).collect(),
        checks: ids(dead.iter().map(|a| a.check)),
        ..Finding::default()
    };
    vec![match lost.is_empty() {
        true => note,
        false => Finding {
            status: Status::Fail,
            detail: format!(
                "{list} is in this machine's list of resolvers and {}; no other resolver answers. Names did not resolve: {}.",
                does(dead),
                lost.join(", ")
            ),
            remedy: format!("Start the resolver at {list}, or give this machine one that answers."),
            who: Some(Who::Resolver),
            ask: refusing
                .iter()
                .map(|a| format!("make {} answer, or name another resolver", place(a.seen.server)))
                .collect(),
            ..note
        },
    }]
}

/// It said so aloud: REFUSED, or a closed port.
fn refuses(asked: &Asked<'_>) -> bool {
    asked.seen.refuses() || asked.seen.questions.iter().any(|q| q.answer.error == Some(FailureKind::Refused))
}

/// What the first of them does.
fn does(dead: &[&Asked<'_>]) -> &'static str {
    match dead.first() {
        Some(first) if refuses(first) => "refuses every question",
        _ => "does not answer",
    }
}

/// `the first`, as the system asks them in their order.
fn position(all: &[Asked<'_>], dead: &[&Asked<'_>]) -> String {
    let configured = || all.iter().filter(|a| a.seen.configured);
    let at = configured().position(|a| dead.first().is_some_and(|d| std::ptr::eq(a, *d)));
    at.map_or_else(String::new, |at| format!("number {} of {} ", at + 1, configured().count()))
}

fn told(asked: &Asked<'_>) -> String {
    let server = place(asked.seen.server);
    let n = asked.seen.questions.len();
    let refused = asked.seen.questions.iter().any(|q| q.answer.error == Some(FailureKind::Refused));
    match (asked.seen.refuses(), refused) {
        (true, _) => format!("{server} answers REFUSED to every question."),
        (false, true) => format!("{server} has its port closed: {n} questions over UDP and TCP were refused."),
        (false, false) => format!("{server} left all {n} questions over UDP and TCP without an answer."),
    }
}

#[cfg(test)]
mod tests {
    use super::super::resolvers::fixture::{check, named, resolver};
    use super::super::tests::plan;
    use super::*;

    #[test]
    fn a_lone_resolver_that_refuses_is_told_and_does_no_harm_where_the_names_are_known_otherwise() {
        let mut refusing = resolver("192.0.2.53", None, None, &[]);
        let mut seen: crate::model::resolver::ResolverSeen =
            refusing.observed.get(&crate::model::metric::RESOLVER).unwrap();
        seen.questions.iter_mut().for_each(|q| q.answer.error = Some(FailureKind::Refused));
        refusing.observed.set(&crate::model::metric::RESOLVER, seen);
        let of = |address: Option<&str>| named(check("a/rtc.example", "rtc.example", address, Status::Pass), 1.0, &[]);
        let found = find(&plan(), &[refusing.clone(), of(Some("203.0.113.10"))]);
        assert_eq!((found.len(), found[0].status, found[0].who), (1, Status::Pass, None));
        assert!(found[0].detail.contains("hosts file"), "{:?}", found[0]);
        let found = find(&plan(), &[refusing, of(None)]);
        assert_eq!((found[0].status, found[0].who), (Status::Fail, Some(Who::Resolver)));
        let silent = resolver("192.0.2.53", None, None, &[]);
        assert!(find(&plan(), &[silent, of(None)]).is_empty(), "silence alone concludes nothing");
    }

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
