//! `nat.symmetric`: the mapping depends on the destination and no relay was shown to work. `nat.short-lifetime`: idle
//! media would be cut. `nat.carrier-grade`, `nat.double`, `nat.vpn`: signs of what lies between here and the network.

use crate::judge::{nat, ways};
use crate::model::{Check, Finding, ProbeKind, Status, Who, metric};
use crate::plan::Plan;

/// At most one finding of each.
pub fn find(plan: &Plan, checks: &[Check]) -> Vec<Finding> {
    let nats: Vec<&Check> = checks.iter().filter(|c| c.probe == ProbeKind::Nat && c.status != Status::Skip).collect();
    let mut findings: Vec<Finding> = symmetric(plan, checks, &nats).into_iter().collect();
    findings.extend(short_lifetime(&nats));
    findings.extend(SIGNS.iter().filter_map(|(sign, title)| noticed(sign, title, &nats)));
    findings
}

/// Signs and the titles of their notes.
const SIGNS: [(&str, &str); 3] = [
    ("carrier-grade", "A carrier-grade NAT lies between here and the network"),
    ("double", "Two NATs lie behind one another"),
    ("vpn", "A VPN may carry the media"),
];

fn ids(checks: &[&Check]) -> Vec<String> {
    checks.iter().map(|c| c.id.clone()).collect()
}

fn symmetric(plan: &Plan, checks: &[Check], nats: &[&Check]) -> Option<Finding> {
    let depends = |c: &&Check| {
        c.observed.get::<String>(&metric::MAPPING).is_some_and(|m| nat::is_dependent(&m)) || nat::varies(&c.observed)
    };
    let found: Vec<&Check> = nats.iter().copied().filter(depends).collect();
    let ways = ways::of(plan, checks);
    let has_relay = ways.choices.iter().flat_map(|c| &c.relays).filter_map(|n| ways.rows.get(*n)).any(ways::Row::works);
    (!found.is_empty() && !has_relay).then(|| Finding {
        id: "nat.symmetric".to_owned(),
        status: Status::Warn,
        title: "A symmetric NAT, and no relay was shown to work".to_owned(),
        detail: "The NAT gives each destination another port: calls through a public media server work directly, and calls between two clients behind NATs need a relay.".to_owned(),
        remedy: "Have a TURN relay given to the clients, and check it here with --turn; or have the NAT map endpoint-independently (RFC 4787).".to_owned(),
        who: Some(Who::Firewall),
        ask: vec!["map UDP endpoint-independently (RFC 4787 REQ-1), or allow the clients to a TURN relay".to_owned()],
        evidence: found.iter().map(|c| format!("{}: {}", c.id, c.reason)).collect(),
        checks: ids(&found), ..Finding::default() })
}

fn short_lifetime(nats: &[&Check]) -> Option<Finding> {
    let short = |c: &Check| nat::Lifetime::read(&c.observed).filter(nat::Lifetime::is_too_short)?.gone_s;
    let found: Vec<&Check> = nats.iter().copied().filter(|c| short(c).is_some()).collect();
    let gone = found.iter().filter_map(|c| short(c)).reduce(f64::min)?;
    Some(Finding {
        id: "nat.short-lifetime".to_owned(),
        status: Status::Warn,
        title: "The NAT forgets idle UDP before a keepalive renews it".to_owned(),
        detail: format!(
            "An idle UDP mapping was gone after {gone} s; media are kept alive every {} s at the latest (RFC 8445), so what is on hold or muted is cut off.",
            nat::KEEPALIVE_S
        ),
        remedy: "Raise the UDP timeout of the NAT or firewall to 30 s or more; RFC 4787 asks for two minutes."
            .to_owned(),
        who: Some(Who::Firewall),
        ask: vec![format!("raise the timeout of idle UDP mappings to 30 s or more; now they are gone after {gone} s")],
        evidence: found.iter().filter_map(|c| Some(idle(c, short(c)?))).collect(),
        checks: ids(&found),
        ..Finding::default()
    })
}

fn idle(check: &Check, gone: f64) -> String {
    let alive = nat::Lifetime::read(&check.observed).and_then(|l| l.alive_s);
    let alive = alive.map(|s| format!("outlived {s} s of silence and ")).unwrap_or_default();
    format!("{}: an idle mapping {alive}was gone after {gone} s", check.id)
}

/// A note of what addresses and routes show.
fn noticed(sign: &str, title: &str, nats: &[&Check]) -> Option<Finding> {
    let details = |c: &Check| {
        let signs = nat::signs(&c.observed).into_iter();
        signs.filter(|(name, _)| name == sign).map(|(_, detail)| detail).collect::<Vec<_>>()
    };
    let found: Vec<&Check> = nats.iter().copied().filter(|c| !details(c).is_empty()).collect();
    let mut sentences: Vec<String> = found.iter().flat_map(|c| details(c)).collect();
    sentences.sort();
    sentences.dedup();
    let ended = |s: &String| format!("{}.", s.trim_end_matches('.'));
    (!found.is_empty()).then(|| Finding {
        id: format!("nat.{sign}"),
        status: Status::Pass,
        title: title.to_owned(),
        detail: sentences.iter().map(ended).collect::<Vec<_>>().join(" "),
        remedy: String::new(),
        checks: ids(&found),
        ..Finding::default()
    })
}
