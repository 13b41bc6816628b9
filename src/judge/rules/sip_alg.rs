//! `sip.alg`: a router in between rewrites SIP.

use crate::judge::services::sip;
use crate::model::{Check, Finding, Status, Transport, Who};
use crate::plan::Plan;

/// One a run.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let found: Vec<&Check> = checks.iter().filter(|c| sip::rewritten(&c.observed).is_some()).collect();
    let Some(why) = found.first().and_then(|c| sip::rewritten(&c.observed)) else { return Vec::new() };
    vec![Finding {
        id: "sip.alg".to_owned(),
        status: Status::Warn,
        title: "A SIP ALG rewrites messages on the way".to_owned(),
        detail: format!(
            "Something between here and the SIP server changes addresses in SIP messages, and restores them in the answers: {why}. That breaks registrations, incoming calls and one direction of audio, often only now and then."
        ),
        remedy: "Switch it off on the router: SIP ALG, SIP helper, SIP transformations or session-helper, as vendors call it; or use SIP over TLS or WSS, which it cannot read.".to_owned(),
        who: Some(Who::Firewall),
        ask: ask(&found),
        evidence: found.iter().filter_map(|c| Some(format!("{}: {}", c.id, sip::rewritten(&c.observed)?))).collect(),
        checks: found.iter().map(|c| c.id.clone()).collect(), ..Finding::default() }]
}

/// One line a host and port: an ALG is switched on for ports, and other ones than 5060 too.
fn ask(found: &[&Check]) -> Vec<String> {
    let line = |c: &&Check| {
        let host = c.address.map_or_else(|| c.target.clone(), |a| a.to_string());
        let transport = c.transport.map_or("UDP", |t| if t == Transport::Udp { "UDP" } else { "TCP" });
        let port = c.port.map(|p| format!(" {p}")).unwrap_or_default();
        format!("switch off SIP ALG (SIP helper, session-helper, SIP inspection) for {transport}{port} to {host}")
    };
    let mut lines: Vec<String> = found.iter().map(line).collect();
    lines.dedup();
    lines
}
