//! `path.dscp`: marks that packets left with did not arrive.

use crate::model::{Check, Finding, ProbeKind, Status, Who, metric};
use crate::plan::Plan;

/// What became of a check's marks.
struct Marks<'a> {
    check: &'a Check,
    sent: u8,
    up: Option<u8>,
    down: Option<u8>,
}

/// One finding a run.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let found: Vec<Marks<'_>> = checks.iter().filter_map(changed).collect();
    let Some(first) = found.first() else { return Vec::new() };
    let is_bleached = found.iter().flat_map(|m| [m.up, m.down]).flatten().all(|got| got == 0 || got == first.sent);
    let how = if is_bleached { "removed" } else { "rewritten" };
    vec![Finding {
        id: "path.dscp".to_owned(),
        // Marks are sent where they were asked for, and nowhere else.
        status: Status::Warn,
        title: format!("DSCP marks are {how} on the way"),
        detail: format!(
            "Packets left with DSCP {} and arrived otherwise: routers behind that place give media no preference over other traffic.",
            first.sent
        ),
        remedy: "Have the routers trust the marks of media on this way, or mark them again behind the place that removes them; on the open Internet marks never last.".to_owned(),
        who: Some(Who::Firewall),
        ask: found.iter().flat_map(asked).collect(),
        evidence: found.iter().map(told).collect(),
        checks: found.iter().map(|m| m.check.id.clone()).collect(),
        ..Finding::default()
    }]
}

fn changed(check: &Check) -> Option<Marks<'_>> {
    let mark = |m| check.observed.get::<u8>(m);
    let sent = mark(&metric::DSCP_SENT).filter(|sent| *sent != 0 && check.probe == ProbeKind::Quality)?;
    let marks = Marks { check, sent, up: mark(&metric::DSCP_RECEIVED_UP), down: mark(&metric::DSCP_RECEIVED_DOWN) };
    let differs = |got: Option<u8>| got.is_some_and(|got| got != sent);
    (differs(marks.up) || differs(marks.down)).then_some(marks)
}

fn asked(marks: &Marks<'_>) -> Vec<String> {
    let to = marks.check.address.map_or_else(|| marks.check.target.clone(), |a| a.to_string());
    let sent = marks.sent;
    let mut all = Vec::new();
    if marks.up.is_some_and(|got| got != sent) {
        all.push(format!("keep DSCP {sent} of UDP to {to}"));
    }
    if marks.down.is_some_and(|got| got != sent) {
        all.push(format!("keep DSCP {sent} of UDP from {to}"));
    }
    all
}

fn told(marks: &Marks<'_>) -> String {
    let one = |name: &str, got: Option<u8>| match got {
        None => format!("{name} not told"),
        Some(got) if got == marks.sent => format!("{name} kept"),
        Some(got) => format!("{name} arrived as {got}"),
    };
    let (up, down) = (one("towards the target", marks.up), one("from the target", marks.down));
    format!("{}: sent with DSCP {}; {up}, {down}", marks.check.id, marks.sent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::rules::path::tests::check;

    #[test]
    fn a_mark_that_is_gone_is_told_by_direction_and_one_that_was_never_set_is_not() {
        let quality = |sent: u8, up: u8, down: u8| {
            let facts =
                [(&metric::DSCP_SENT, sent), (&metric::DSCP_RECEIVED_UP, up), (&metric::DSCP_RECEIVED_DOWN, down)];
            let mut check = check(ProbeKind::Quality, "quality.rtc");
            facts.into_iter().for_each(|(m, v)| check.observed.set(m, v));
            check
        };
        let plan = crate::judge::rules::path::tests::plan();
        assert!(find(&plan, &[quality(0, 0, 0), quality(46, 46, 46), quality(0, 8, 0)]).is_empty());
        let found = find(&plan, &[quality(46, 0, 46)]).remove(0);
        assert_eq!((found.status, found.title.as_str()), (Status::Warn, "DSCP marks are removed on the way"));
        assert_eq!(found.ask, ["keep DSCP 46 of UDP to 198.51.100.10"]);
        assert!(
            found.evidence[0].contains("towards the target arrived as 0, from the target kept"),
            "{:?}",
            found.evidence
        );
        assert_eq!(find(&plan, &[quality(46, 46, 10)]).remove(0).title, "DSCP marks are rewritten on the way");
    }
}
