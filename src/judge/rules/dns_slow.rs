//! `dns.slow`: a resolver takes so long for each answer that calls begin late.

use crate::judge::resolver::SLOW_MS;
use crate::model::{Check, Finding, Status, Who};
use crate::plan::Plan;

use super::resolvers::{self, Asked, ids, place};

/// One a run.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let all = resolvers::asked(checks);
    let slow = |a: &&Asked<'_>| a.seen.median_ms().is_some_and(|(ms, _)| ms > SLOW_MS);
    let found: Vec<&Asked<'_>> = all.iter().filter(slow).collect();
    if found.is_empty() {
        return Vec::new();
    }
    let sentence = |a: &&Asked<'_>| {
        let (ms, n) = a.seen.median_ms()?;
        Some(format!(
            "{} takes {ms:.0} ms for an answer (median of {n} answers to one name{}).",
            place(a.seen.server),
            a.seen.spread_ms().map(|(least, most)| format!(", {least:.0} to {most:.0} ms")).unwrap_or_default()
        ))
    };
    let mut evidence: Vec<String> = found.iter().filter_map(sentence).collect();
    evidence.extend(resolvers::slow_look_ups(checks, SLOW_MS));
    let servers: Vec<String> = found.iter().map(|a| place(a.seen.server)).collect();
    vec![Finding {
        id: "dns.slow".to_owned(),
        status: Status::Warn,
        title: "Names are looked up slowly".to_owned(),
        detail: format!(
            "{} takes longer than {SLOW_MS:.0} ms for an answer. A call looks up two to four names before it rings, so it starts late each time.",
            servers.join(", ")
        ),
        remedy: "Give this network a resolver that is near and caches, or mend the way to this one: a ping to it tells how much of the time is the way's.".to_owned(),
        who: Some(Who::Resolver),
        ask: servers
            .iter()
            .map(|s| format!("resolver {s}: answer a name that was just asked for well within {SLOW_MS:.0} ms (one that is near and caches needs a few)"))
            .collect(),
        evidence,
        checks: ids(found.iter().map(|a| a.check)),
        ..Finding::default()
    }]
}

#[cfg(test)]
mod tests {
    use super::super::resolvers::fixture::resolver;
    use super::super::tests::plan;
    use super::*;

    #[test]
    fn the_usual_answer_decides() {
        assert!(find(&plan(), &[resolver("192.0.2.53", Some(400.0), None, &[])]).is_empty());
        let found = find(&plan(), &[resolver("192.0.2.53", Some(800.0), Some(800.0), &[])]);
        assert_eq!((found.len(), found[0].status), (1, Status::Warn));
        assert!(found[0].evidence[0].contains("800 ms"), "{:?}", found[0]);
    }
}
