//! `media.fallback`: direct media do not work and a relay does. `media.range-open`: they work, and their range is not
//! proven. `media.no-way`: nothing was shown to carry media.

use crate::judge::ways::{self, Choice, Row, Ways};
use crate::judge::{figures, groups, opening};
use crate::model::{Check, Failure, Finding, PortSet, Status, WayRow, Who, metric};
use crate::plan::Plan;
use crate::profile::OnlyAlternative;

/// What remains to be done where the cause of the direct way's failure is told elsewhere.
pub const OR_GIVE_A_RELAY: &str = "Or give a relay that media may take instead, with --turn.";

/// One finding a target and address.
pub fn find(plan: &Plan, checks: &[Check]) -> Vec<Finding> {
    let ways = ways::of(plan, checks);
    let told = |choice: &Choice| {
        let direct = ways.rows.get(choice.direct?)?;
        let finding = of_choice(plan, checks, &ways, choice)?;
        Some(addressed(finding, direct.check, checks))
    };
    ways.choices.iter().filter_map(told).collect()
}

/// Who can open the direct way, and the rule to ask for.
fn addressed(finding: Finding, direct: &Check, checks: &[Check]) -> Finding {
    if finding.status == Status::Pass {
        return finding;
    }
    let ask: Vec<String> = opening::ask(direct, checks).into_iter().collect();
    let who = if ask.is_empty() { Who::Server } else { Who::Firewall };
    Finding { who: Some(who), ask, ..finding }
}

fn of_choice(plan: &Plan, checks: &[Check], ways: &Ways<'_>, choice: &Choice) -> Option<Finding> {
    let direct = ways.rows.get(choice.direct?)?;
    if direct.check.waived.is_some() {
        return None;
    }
    let relays: Vec<&Row<'_>> = choice.relays.iter().filter_map(|n| ways.rows.get(*n)).collect();
    let used = choice.used.and_then(|n| ways.rows.get(n));
    // A STUN answer satisfies its rule without showing that media flow: the table says so, and nothing is found amiss.
    if direct.check.status.holds() && !direct.works() {
        return None;
    }
    match used {
        Some(row) if row.shown.way == direct.shown.way => {
            (!direct.check.status.holds()).then(|| range_open(direct, status(plan, checks, direct)))
        }
        Some(relay) => Some(fallback(direct, relay, &relays, status(plan, checks, direct))),
        // Said of the relay that asks for credentials.
        // One that asks for credentials may carry media: that is told of the group.
        None if relays.iter().any(|r| r.check.status.holds() || r.check.observed.has(&metric::FALLBACK)) => None,
        None if relays.is_empty() && direct.shown.status != Status::Fail => None,
        None if is_partly_open(direct.check) => Some(partly(direct, status(plan, checks, direct))),
        None => Some(no_way(direct, &relays, status(plan, checks, direct))),
    }
}

/// What the finding is worth: as much as its group, or as the rule alone where there is none.
fn status(plan: &Plan, checks: &[Check], direct: &Row<'_>) -> Status {
    let group = |check| groups::unit_of(plan, checks, check);
    let here = |c: &&Check| c.role == direct.check.role && c.target == direct.check.target;
    let same = |c: &&Check| c.address == direct.check.address && ways::is_direct(plan, c);
    // An optional range stands in no group itself; the rule beside it does.
    let found = group(direct.check).or_else(|| checks.iter().filter(here).filter(same).find_map(group));
    match found {
        None => direct.check.status,
        Some((unit, only)) if unit.broken().is_empty() => match only {
            OnlyAlternative::Warn => Status::Warn,
            OnlyAlternative::Pass => Status::Pass,
        },
        Some((unit, only)) => unit.status(only).unwrap_or(Status::Pass),
    }
}

fn fallback(direct: &Row<'_>, relay: &Row<'_>, relays: &[&Row<'_>], status: Status) -> Finding {
    let others: Vec<String> = relays.iter().filter(|r| r.check.id != relay.check.id).map(|r| short(&r.shown)).collect();
    let others = if others.is_empty() { String::new() } else { format!(" The others: {}.", others.join(", ")) };
    let by = relay.shown.way.words();
    let (title, seen, call) = match direct.check.status {
        Status::Fail if is_partly_open(direct.check) => (
            format!("Media fall back to {by} where their port is blocked"),
            "works on a part of its ports",
            "A call that gets another one",
        ),
        Status::Fail => (format!("Media fall back to {by}"), "does not work", "A call from here"),
        _ => (format!("Media fall back to {by}"), "was not shown to work", "A call from here"),
    };
    let ways = [direct, relay].into_iter().chain(relays.iter().copied().filter(|r| r.check.id != relay.check.id));
    Finding {
        id: "media.fallback".to_owned(),
        status,
        title,
        detail: format!(
            "Direct UDP to {} {seen} ({}). {call} would take {by} at {}{}.{others}",
            place(&direct.shown),
            direct.check.id,
            place(&relay.shown),
            measured(&relay.shown),
        ),
        remedy: match direct.check.status {
            Status::Fail => format!("For direct UDP: {}", lower(&groups::open(direct.check))),
            _ => format!(
                "For direct UDP: {} Where it is open already, `rtc-check serve` at the far end proves it.",
                lower(&groups::open(direct.check))
            ),
        },
        evidence: vec![format!("{}: {}", direct.check.id, why(direct.check))],
        checks: ways.map(|r| r.check.id.clone()).collect(),
        ..Finding::default()
    }
}

/// Some of the range's ports were reached.
fn is_partly_open(check: &Check) -> bool {
    let reached = |m| check.observed.get::<PortSet>(m).is_some_and(|set| !set.is_empty());
    reached(&metric::ANSWERED) || reached(&metric::REFUSED)
}

fn range_open(direct: &Row<'_>, status: Status) -> Finding {
    Finding {
        id: "media.range-open".to_owned(),
        status,
        title: "Direct media work, and their whole range is not proven".to_owned(),
        detail: format!(
            "{} went to {} by direct UDP{}, while {} is {}: a call that gets another port of the range may fare otherwise.",
            direct.shown.check,
            place(&direct.shown),
            measured(&direct.shown),
            direct.check.id,
            direct.check.status
        ),
        remedy: format!(
            "{} Where it is open already, `rtc-check serve` at the far end proves it.",
            groups::open(direct.check)
        ),
        checks: vec![direct.check.id.clone(), direct.shown.check.clone()],
        ..Finding::default()
    }
}

/// Some ports were reached and others are stopped: calls fail now and then.
fn partly(direct: &Row<'_>, status: Status) -> Finding {
    let count = |m| direct.check.observed.get::<PortSet>(m).map_or(0, |set| set.count());
    let reached = count(&metric::ANSWERED) + count(&metric::REFUSED);
    let lost = count(&metric::SILENT) + count(&metric::PROHIBITED);
    let asked = direct.check.observed.get::<u32>(&metric::PROBED).unwrap_or_default().max(reached + lost);
    let stopped = opening::stopped(direct.check).unwrap_or_default();
    Finding {
        id: "media.range-open".to_owned(),
        status,
        title: format!("Media reach only a part of the range to {}", place(&direct.shown)),
        detail: format!(
            "{reached} of the {asked} ports that were asked were reached: a call that gets another one has no media by direct UDP."
        ),
        remedy: groups::open(direct.check),
        evidence: vec![format!("{}: UDP {stopped} is not reached", direct.check.id)],
        checks: vec![direct.check.id.clone()],
        ..Finding::default()
    }
}

fn no_way(direct: &Row<'_>, relays: &[&Row<'_>], status: Status) -> Finding {
    let all: Vec<&Row<'_>> = std::iter::once(direct).chain(relays.iter().copied()).collect();
    let evidence: Vec<String> = all.iter().map(|row| format!("{}: {}", short(&row.shown), why(row.check))).collect();
    let title = match status {
        Status::Fail => format!("No way for media to {}", place(&direct.shown)),
        _ => format!("No way for media to {} was shown to work", place(&direct.shown)),
    };
    let relay = match relays.is_empty() {
        true => OR_GIVE_A_RELAY,
        false => "Or make one of the relays work: each check of them says how.",
    };
    Finding {
        id: "media.no-way".to_owned(),
        status,
        title,
        detail: match relays.len() {
            0 if direct.check.address.is_none() => {
                "The name has no address, so nothing was sent, and no relay was given.".to_owned()
            }
            0 => "Direct UDP was tried, and no relay was given.".to_owned(),
            1 => "Direct UDP and a relay were tried; neither was shown to carry media.".to_owned(),
            n => format!("Direct UDP and {n} relays were tried; none was shown to carry media."),
        },
        remedy: format!("{} {relay}", groups::open(direct.check)),
        evidence,
        checks: all.iter().map(|r| r.check.id.clone()).collect(),
        ..Finding::default()
    }
}

/// What was seen, without what to change.
fn why(check: &Check) -> String {
    let seen = check.observed.get::<Failure>(&metric::FAILURE).map(|f| f.detail);
    let reason = || check.reason.split("; ").next().unwrap_or_default().to_owned();
    seen.unwrap_or_else(reason).trim_end_matches('.').to_owned()
}

/// `TURN/UDP at 203.0.113.30:3478 (unknown)`.
fn short(row: &WayRow) -> String {
    format!("{} at {} ({})", row.way.words(), place(row), row.status)
}

/// The host as given, its port, and its address where they differ.
fn place(row: &WayRow) -> String {
    let port = row.port.map(|p| format!(":{p}")).unwrap_or_default();
    let bracketed = if row.target.contains(':') && row.port.is_some() && !row.target.starts_with('[') {
        format!("[{}]", row.target)
    } else {
        row.target.clone()
    };
    match row.address.map(|a| a.to_string()).filter(|a| *a != row.target.trim_matches(['[', ']'])) {
        Some(address) => format!("{bracketed}{port} ({address})"),
        None => format!("{bracketed}{port}"),
    }
}

/// `: ready in 52 ms, round trip 40.1 ms, loss 0 %, MOS 4.4`; empty where nothing was measured.
fn measured(row: &WayRow) -> String {
    let clause =
        |what: &str, value: Option<f64>, unit: &str| value.map(|v| format!("{what} {}{unit}", figures::number(v)));
    let clauses = [
        clause("ready in", row.connect_ms, " ms"),
        clause("round trip", row.rtt_ms, " ms"),
        clause("jitter", row.jitter_ms, " ms"),
        clause("loss", row.loss_pct, " %"),
        clause("MOS", row.mos, ""),
    ];
    let clauses: Vec<String> = clauses.into_iter().flatten().collect();
    if clauses.is_empty() { String::new() } else { format!(": {}", clauses.join(", ")) }
}

fn lower(sentence: &str) -> String {
    sentence.replacen("Allow", "allow", 1)
}
