//! `dns.differ`: resolvers do not agree on a name, and that is no problem: an inside and an outside answer are normal. Where
//! the target fails at the one that is used, `dns.private-answer` says so.

use crate::model::{Check, Finding, Status, metric};
use crate::plan::Plan;

use super::{dns_private_answer, resolvers};

/// One note a name.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let mut notes = Vec::new();
    for (name, (answers, of)) in resolvers::names(checks) {
        let differ = of.iter().any(|c| c.observed.get(&metric::DNS_DIFFER) == Some(true));
        if !differ || dns_private_answer::is_found(name, &answers, &checks.iter().collect::<Vec<_>>()) {
            continue;
        }
        notes.push(Finding {
            id: "dns.differ".to_owned(),
            status: Status::Pass,
            title: format!("Resolvers disagree on {name}"),
            detail: format!(
                "The resolvers of this machine, asked one by one, do not give {name} the same addresses. An inside and an outside answer are normal."
            ),
            evidence: resolvers::told(&answers),
            checks: resolvers::ids(of),
            ..Finding::default()
        });
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::super::resolvers::fixture::{answer, check, named};
    use super::super::tests::plan;
    use super::*;

    #[test]
    fn a_split_horizon_is_shown_and_not_blamed() {
        let answers =
            [answer("192.0.2.53", Some(4.0), &["10.0.0.5"]), answer("192.0.2.54", Some(4.0), &["203.0.113.10"])];
        let of = check("a/rtc.example/10.0.0.5", "rtc.example", Some("10.0.0.5"), Status::Pass);
        let mut of = named(of, 5.0, &answers);
        of.observed.set(&metric::DNS_DIFFER, true);
        let found = find(&plan(), &[of]);
        assert_eq!((found.len(), found[0].status), (1, Status::Pass));
        assert_eq!(found[0].evidence, ["192.0.2.53 gives 10.0.0.5.", "192.0.2.54 gives 203.0.113.10."]);
    }
}
