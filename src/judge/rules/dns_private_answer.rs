//! `dns.private-answer`: a resolver gives an address inside a network, at which nothing of the target works, for a name for
//! which another gives a public one; or the address of nobody, with which filters answer for what they block.

use std::net::IpAddr;

use crate::model::resolver::ServerAnswer;
use crate::model::{Check, Finding, ProbeKind, Status, Who};
use crate::plan::Plan;

use super::resolvers::{self, ids, is_nowhere, is_private, place, told};

/// One a name.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let all: Vec<&Check> = checks.iter().collect();
    resolvers::names(checks).into_iter().filter_map(|(name, (answers, _))| of_name(name, &answers, &all)).collect()
}

/// Whether there is one of this name.
pub fn is_found(name: &str, answers: &[ServerAnswer], checks: &[&Check]) -> bool {
    of_name(name, answers, checks).is_some()
}

fn of_name(name: &str, answers: &[ServerAnswer], checks: &[&Check]) -> Option<Finding> {
    let has_public = answers.iter().flat_map(|a| &a.addresses).any(|a| !is_private(*a));
    let checks: Vec<&Check> = checks.iter().copied().filter(|c| c.target == name).collect();
    let suspect = |a: &IpAddr| is_nowhere(*a) || (has_public && is_private(*a));
    let mut wrong: Vec<(&ServerAnswer, IpAddr)> = Vec::new();
    for answer in answers {
        wrong.extend(answer.addresses.iter().filter(|a| suspect(a) && is_dead(&checks, **a)).map(|a| (answer, *a)));
    }
    let (first, address) = wrong.first()?;
    let liar = place(first.server);
    let at: Vec<&Check> = checks.iter().copied().filter(|c| c.address == Some(*address)).collect();
    let other = elsewhere(&at, answers);
    let what = if is_nowhere(*address) { "the address of nobody" } else { "an address inside a network" };
    let mut evidence = told(answers);
    evidence.push(format!(
        "None of {} checks at {address} went through.",
        at.iter().filter(|c| is_rule_at(c, *address)).count()
    ));
    Some(Finding {
        id: "dns.private-answer".to_owned(),
        status: Status::Fail,
        title: format!("{name} resolves to {what}, where it does not answer"),
        detail: format!("{liar} gives {address} for {name}, {what}, and nothing of the target works there.{other}"),
        remedy: format!(
            "Have {liar} give the address under which {name} is reached from here: remove the wrong record, filter or split zone; if {address} is meant, make it reachable."
        ),
        who: Some(Who::Resolver),
        ask: vec![format!(
            "resolver {liar}: resolve {name} to the platform's address as it is reached from this network, not to {address}"
        )],
        evidence,
        checks: ids(at),
        ..Finding::default()
    })
}

/// What other resolvers give, and how to try it; this run did not.
fn elsewhere(at: &[&Check], answers: &[ServerAnswer]) -> String {
    let given = answers.iter().flat_map(|a| a.addresses.iter().map(move |address| (a.server, *address)));
    let public: Vec<(std::net::SocketAddr, IpAddr)> = given.filter(|(_, a)| !is_private(*a)).collect();
    let Some((_, first)) = public.first() else { return String::new() };
    let all: Vec<String> = public.iter().map(|(server, a)| format!("{} gives {a}", place(*server))).collect();
    let role = at.first().map_or("ROLE", |c| c.role.as_str());
    format!(
        " {}. That was not tried: --target {role}={first} shows whether the platform answers there.",
        all.join(", ")
    )
}

fn is_rule_at(check: &Check, address: IpAddr) -> bool {
    check.address == Some(address) && check.probe != ProbeKind::Path
}

/// Something was tried there, something of it failed, and nothing went through.
fn is_dead(checks: &[&Check], address: IpAddr) -> bool {
    let tried: Vec<Status> =
        checks.iter().filter(|c| is_rule_at(c, address) && c.status != Status::Skip).map(|c| c.status).collect();
    tried.contains(&Status::Fail) && !tried.iter().any(|s| s.holds())
}

#[cfg(test)]
mod tests {
    use super::super::resolvers::fixture::{answer, check, named};
    use super::super::tests::plan;
    use super::*;

    fn at(address: &str, status: Status, answers: &[ServerAnswer]) -> Check {
        let check = check(&format!("a/rtc.example/{address}"), "rtc.example", Some(address), status);
        named(Check { rule: Some("rtc.https".into()), ..check }, 5.0, answers)
    }

    #[test]
    fn an_inside_answer_is_a_problem_only_where_another_differs_and_nothing_works_there() {
        let inside = answer("192.0.2.53", Some(4.0), &["10.0.0.5"]);
        let outside = answer("192.0.2.54", Some(4.0), &["203.0.113.10"]);
        let both = [inside.clone(), outside];
        let found = find(&plan(), &[at("10.0.0.5", Status::Fail, &both)]);
        assert_eq!((found.len(), found[0].status), (1, Status::Fail));
        assert!(
            found[0].detail.contains("192.0.2.54 gives 203.0.113.10. That was not tried: --target rtc=203.0.113.10"),
            "{:?}",
            found[0]
        );
        assert!(find(&plan(), &[at("10.0.0.5", Status::Pass, &both)]).is_empty(), "inside and outside are normal");
        assert!(find(&plan(), &[at("10.0.0.5", Status::Fail, &[inside])]).is_empty(), "a platform may be inside");
        let nobody = answer("192.0.2.53", Some(4.0), &["0.0.0.0"]);
        assert_eq!(
            find(&plan(), &[at("0.0.0.0", Status::Fail, &[nobody])]).len(),
            1,
            "a filter needs no second opinion"
        );
    }
}
