//! The ways that media can take, side by side, and which of them a call from here would use: the first that is shown to
//! work, direct UDP before any relay.

use serde_json::Value;

use crate::model::{Check, Need, ProbeKind, RelayTransport, Status, TurnUri, Way, WayRow, metric};
use crate::plan::{Item, Plan, TrialKind};
use crate::profile::Spec;

use super::figures;
use super::pair::Pair;
use super::turn::Relay;

/// Every way, in the order in which a call prefers them.
pub struct Ways<'a> {
    pub rows: Vec<Row<'a>>,
    pub choices: Vec<Choice>,
}

/// One way.
pub struct Row<'a> {
    /// As a report shows it.
    pub shown: WayRow,
    /// The rule's check, or the relay's; what there is to open.
    pub check: &'a Check,
    works: bool,
}

impl Row<'_> {
    /// It was shown to carry media, or the contract takes it so.
    pub fn works(&self) -> bool {
        self.works
    }
}

/// What a call to one target has to choose from, as places in the list of rows.
pub struct Choice {
    /// The target's own media ports; `None` where only relays were tried.
    pub direct: Option<usize>,
    /// Relays that serve it.
    pub relays: Vec<usize>,
    /// The one that it would take.
    pub used: Option<usize>,
}

/// Finds the ways among the checks of a run.
pub fn of<'a>(plan: &Plan, checks: &'a [Check]) -> Ways<'a> {
    let tried: Vec<&Check> = checks.iter().filter(|c| c.status != Status::Skip).collect();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for check in tried.iter().filter(|c| is_direct(plan, c)) {
        if !rows.iter().any(|row| same_place(row.check, check)) {
            rows.push(direct(plan, &tried, check));
        }
    }
    let directs = rows.len();
    let mut relays: Vec<Row<'_>> = tried.iter().filter_map(|check| relay(plan, check)).collect();
    relays.sort_by_key(|row| row.shown.way);
    rows.append(&mut relays);
    let choices: Vec<Choice> = match directs {
        0 if rows.is_empty() => Vec::new(),
        0 => vec![choice(&rows, None)],
        n => (0..n).map(|d| choice(&rows, Some(d))).collect(),
    };
    for used in choices.iter().filter_map(|c| c.used) {
        if let Some(row) = rows.get_mut(used) {
            row.shown.used = true;
        }
    }
    Ways { rows, choices }
}

/// The check is of the target's own media ports: a range that counts, or what its group prefers over UDP.
pub fn is_direct(plan: &Plan, check: &Check) -> bool {
    item_of(plan, check).is_some_and(|item| match item.rule.spec {
        Spec::Range => matches!(item.rule.need, Need::Required | Need::Recommended),
        Spec::Stun => item.rule.group.is_some() && item.rule.need != Need::Alternative,
        _ => false,
    })
}

fn item_of<'a>(plan: &'a Plan, check: &Check) -> Option<&'a Item> {
    let rule = check.rule.as_ref()?;
    plan.items.iter().find(|i| i.rule.id == *rule && i.host.to_string() == check.target)
}

/// A relay's transport and port, where the check is of one.
fn relay_of(plan: &Plan, check: &Check) -> Option<(RelayTransport, Option<u16>)> {
    if let Some(item) = item_of(plan, check) {
        let Spec::Turn(transport) = item.rule.spec else { return None };
        return Some((transport, check.port));
    }
    let named = |kind: &TrialKind| if let TrialKind::Turn(uri) = kind { Some(uri.clone()) } else { None };
    let mut trials = plan.trials.iter().filter(|t| t.check_id(check.address) == check.id);
    let uri: TurnUri = trials.find_map(|t| named(&t.kind))?;
    Some((uri.transport, Some(uri.port)))
}

fn same_place(a: &Check, b: &Check) -> bool {
    a.role == b.role && a.target == b.target && a.address == b.address
}

/// The direct way to the place of `first`, by all that is known of it.
fn direct<'a>(plan: &Plan, tried: &[&'a Check], first: &'a Check) -> Row<'a> {
    let here = || tried.iter().copied().filter(|c| same_place(c, first));
    let check = weakest(plan, here()).unwrap_or(first);
    let connected = || here().find(|c| went_direct(plan, c).is_some());
    let trained = || here().find(|c| is_direct_train(c));
    let is_range = |c: &&Check| item_of(plan, c).is_some_and(|i| i.rule.spec == Spec::Range);
    let proof = connected().or_else(|| here().filter(is_range).find(|c| c.status.holds()));
    let came_back = || trained().filter(|c| c.observed.get::<u64>(&metric::RECEIVED).is_some_and(|n| n > 0));
    let (status, evidence) = match (check.status, proof) {
        // Silence left it open, and media went that way.
        (Status::Unknown, _) => connected().map_or((check.status, check), |c| (c.status, c)),
        // A STUN answer satisfies the rule and its group, and shows one port and no media: the way is taken for open only
        // when packets of a call or a train went there, or the ports that a relay gave answered.
        (holds, None) if holds.holds() && !is_range(&check) => match came_back() {
            Some(train) => (holds, train),
            None => (Status::Unknown, check),
        },
        (holds, Some(proof)) if holds.holds() && !is_range(&check) => (holds.worst(proof.status), proof),
        (status, _) => (status, check),
    };
    let mut shown = row(first, Way::DirectUdp, status, evidence);
    shown.connect_ms = here().find_map(|c| went_direct(plan, c)).flatten();
    shown.seen_as = here().find_map(mapped).or_else(|| {
        let family = |c: &&&Check| c.address.map(|a| a.is_ipv4()) == first.address.map(|a| a.is_ipv4());
        tried.iter().filter(|c| c.probe == ProbeKind::Nat).filter(family).find_map(|c| mapped(c))
    });
    if let Some(figures) = trained().or_else(connected) {
        fill(&mut shown, figures);
    }
    Row { shown, check, works: status.holds() }
}

/// The check that decides whether media may go directly. Further ports that a document names without number inform only,
/// but a proven block of them is a block.
fn weakest<'a>(plan: &Plan, here: impl Iterator<Item = &'a Check> + Clone) -> Option<&'a Check> {
    let is_range = |c: &&Check| item_of(plan, c).is_some_and(|i| i.rule.spec == Spec::Range);
    let blocked = here.clone().filter(is_range).find(|c| c.status == Status::Fail);
    let worst = || here.filter(|c| is_direct(plan, c)).reduce(|a, b| if b.status > a.status { b } else { a });
    blocked.or_else(worst)
}

/// This machine's address as the far end saw it.
fn mapped(check: &Check) -> Option<String> {
    check.observed.get(&metric::MAPPED)
}

/// ICE or a call that found a direct pair to a port that the documents name, and how long that took where it is known.
fn went_direct(plan: &Plan, check: &Check) -> Option<Option<f64>> {
    let (fact, steps): (_, &[&str]) = match check.probe {
        ProbeKind::Ice => (&metric::ICE, &["connected_ms"]),
        ProbeKind::JanusCall => (&metric::CALL, &["ice_ms", "dtls_ms"]),
        _ => return None,
    };
    let facts: Value = check.observed.get(fact)?;
    let pair = Pair::read(&facts).filter(Pair::is_direct).filter(|_| check.status.holds())?;
    named_port(plan, check, pair.remote_port()).then_some(())?;
    Some(steps.iter().map(|key| facts.get(key).and_then(Value::as_f64)).sum())
}

/// The port lies in a media range of the same host; where the documents name none, every port does.
fn named_port(plan: &Plan, check: &Check, port: Option<u16>) -> bool {
    let of_host = plan.items.iter().filter(|i| i.rule.to == check.role && i.host.to_string() == check.target);
    let ranges: Vec<_> = of_host.filter(|i| i.rule.spec == Spec::Range).filter_map(|i| i.rule.ports).collect();
    ranges.is_empty() || port.is_some_and(|port| ranges.iter().any(|range| range.contains(port)))
}

/// A quality check whose packets went over UDP to the target itself.
fn is_direct_train(check: &Check) -> bool {
    let via: Value = check.observed.get(&metric::VIA).unwrap_or_default();
    let text = |key: &str| via.get(key).and_then(Value::as_str);
    check.probe == ProbeKind::Quality && text("method") != Some("turn") && text("transport") == Some("udp")
}

fn relay<'a>(plan: &Plan, check: &'a Check) -> Option<Row<'a>> {
    let (transport, port) = relay_of(plan, check)?;
    let relay = Relay::read(&check.observed);
    let mut shown = row(check, Way::from(transport), check.status, check);
    shown.port = port;
    shown.connect_ms = check.observed.get(&metric::READY_MS);
    shown.seen_as = relay.mapped.or_else(|| check.observed.get(&metric::MAPPED));
    fill(&mut shown, check);
    let works = check.status.holds() && !check.observed.has(&metric::FALLBACK);
    Some(Row { shown, check, works })
}

fn row(place: &Check, way: Way, status: Status, evidence: &Check) -> WayRow {
    WayRow {
        role: place.role.clone(),
        target: place.target.clone(),
        address: place.address,
        port: None,
        way,
        status,
        used: false,
        connect_ms: None,
        rtt_ms: None,
        jitter_ms: None,
        loss_pct: None,
        mos: None,
        seen_as: None,
        check: evidence.id.clone(),
    }
}

fn fill(row: &mut WayRow, figures: &Check) {
    let facts = &figures.observed;
    row.rtt_ms = figures::rtt_mean(facts);
    row.jitter_ms = facts.get(&metric::JITTER_MS);
    row.loss_pct = facts.get(&metric::LOSS_PCT);
    row.mos = facts.get(&metric::MOS);
}

/// What a call to the target of `direct` would take: the first way that works, of the target's own family if there is one.
fn choice(rows: &[Row<'_>], direct: Option<usize>) -> Choice {
    let target = direct.and_then(|d| rows.get(d));
    let serves = |row: &Row<'_>| {
        row.shown.way != Way::DirectUdp
            && target.is_none_or(|t| t.check.role != row.check.role || same_place(t.check, row.check))
    };
    let relays: Vec<usize> = rows.iter().enumerate().filter(|(_, r)| serves(r)).map(|(n, _)| n).collect();
    let family = |row: &Row<'_>| row.shown.address.map(|a| a.is_ipv4());
    let other_family = |row: &Row<'_>| target.is_some_and(|t| family(t) != family(row));
    let all = direct.iter().chain(&relays).filter_map(|n| Some((*n, rows.get(*n)?)));
    let used = all.filter(|(_, row)| row.works).min_by_key(|(n, row)| (other_family(row), row.shown.way, *n));
    Choice { direct, used: used.map(|(n, _)| n), relays }
}

#[cfg(test)]
mod tests;
