//! What the documents ask for: every rule that a plan has selected, on every host.

use std::net::SocketAddr;

use crate::model::firewall::{Protocol, Reason, Request};
use crate::model::{Host, Need, PortRange, RelayTransport, RoleName, Transport};
use crate::plan::{Item, Plan, Trial, TrialKind};
use crate::profile::Profile;

use super::openings::{Aim, Openings};
use super::words;

/// What is known beside plan and profile.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// The DNS servers that this machine asks.
    pub resolvers: Vec<SocketAddr>,
    /// Ask for the way to them although no row does.
    pub look_ups: bool,
    /// STUN servers that the operator names.
    pub stun: Vec<(Host, u16)>,
}

impl Around {
    /// Resolvers on other machines: the way to one on this machine is never closed.
    fn resolvers(&self) -> impl Iterator<Item = &SocketAddr> {
        self.resolvers.iter().filter(|r| !r.ip().is_loopback())
    }

    fn resolver_list(&self) -> String {
        self.resolvers().map(|r| r.ip().to_string()).collect::<Vec<_>>().join(", ")
    }
}

/// The request for what `plan` selects of `profile`.
pub fn from_plan(plan: &Plan, profile: &Profile, around: &Around) -> Request {
    let mut openings = Openings::default();
    let mut notes = Vec::new();
    for item in plan.items.iter().filter(|i| i.is_selected()) {
        match Protocol::of(item.rule.transport) {
            Some(protocol) => {
                let (host, ports) = (&item.host, item.rule.ports);
                openings.add(&Aim { host, address: None, protocol, ports }, reason(item, profile));
            }
            None => {
                let why = format!("DNS: names of {} are looked up at this server", item.rule.to);
                resolvers(&mut openings, around, &Reason { why, ..reason(item, profile) });
            }
        }
    }
    plan.trials.iter().for_each(|trial| tried(&mut openings, trial, around));
    let by_row = plan.items.iter().any(|i| i.is_selected() && i.rule.transport == Transport::Dns);
    if around.look_ups && !by_row {
        resolvers(&mut openings, around, &look_up());
    }
    let opened = openings.finish();
    let has_names = opened.iter().any(|o| matches!(o.host, Host::Name(_)));
    notes.extend(note_of_resolvers(around, has_names, by_row));
    if opened.iter().any(|o| o.reasons.iter().any(|r| r.group.is_some())) {
        notes.push(
            "Rules of one group are alternatives to each other: the required or recommended one is the better, and the \
             others stand in for it."
                .to_owned(),
        );
    }
    let title = format!("profile {}, from {}", plan.profile, plan.from.join(", "));
    Request { title, about: about(plan), opened, notes }
}

fn about(plan: &Plan) -> Vec<String> {
    let hosts = |hosts: &[Host]| hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut about: Vec<String> = plan.targets.iter().map(|(role, list)| format!("{role}: {}", hosts(list))).collect();
    if !plan.options.is_empty() {
        let options: Vec<String> = plan.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
        about.push(format!("options: {}", options.join(", ")));
    }
    about
}

fn reason(item: &Item, profile: &Profile) -> Reason {
    let rule = &item.rule;
    let service = words::service(rule.service);
    Reason {
        rule: Some(rule.id.clone()),
        role: rule.to.clone(),
        service: service.to_owned(),
        why: words::why(service, &rule.to, Some(profile)),
        need: rule.need,
        group: rule.group.clone(),
        source: Some(rule.source.clone()),
    }
}

/// What no document asks for.
fn own(role: &str, service: &str, why: String, need: Need, group: Option<String>) -> Reason {
    Reason { rule: None, role: RoleName::from(role), service: service.to_owned(), why, need, group, source: None }
}

fn look_up() -> Reason {
    own("resolver", words::DNS, "DNS: names are looked up at this server".to_owned(), Need::Required, None)
}

/// Look-ups go over UDP, and over TCP where an answer is long (RFC 7766).
fn resolvers(openings: &mut Openings, around: &Around, reason: &Reason) {
    for resolver in around.resolvers() {
        let host = Host::Address(resolver.ip());
        for protocol in [Protocol::Udp, Protocol::Tcp] {
            let ports = PortRange::single(resolver.port());
            openings.add(&Aim { host: &host, address: None, protocol, ports }, reason.clone());
        }
    }
}

/// Relays and STUN servers that the operator names. What else is tried goes to ports that rules open.
fn tried(openings: &mut Openings, trial: &Trial, around: &Around) {
    match &trial.kind {
        TrialKind::Turn(uri) => {
            let service = match uri.transport {
                RelayTransport::Udp => "TURN relay over UDP",
                RelayTransport::Dtls => "TURN relay over DTLS",
                RelayTransport::Tcp => "TURN relay over TCP",
                RelayTransport::Tls => "TURN relay over TLS",
            };
            let why = format!("{service}: carries media where direct ports are blocked (--turn)");
            let protocol = if uri.transport.is_udp() { Protocol::Udp } else { Protocol::Tcp };
            let aim = Aim { host: &uri.host, address: None, protocol, ports: PortRange::single(uri.port) };
            openings.add(&aim, own("turn", service, why, trial.need, trial.group.clone()));
        }
        TrialKind::Nat { servers } => {
            for (host, port) in servers.iter().filter(|server| around.stun.contains(server)) {
                if !openings.covers(host, Protocol::Udp, *port) {
                    let aim = Aim { host, address: None, protocol: Protocol::Udp, ports: PortRange::single(*port) };
                    let why = "STUN: tells what NAT there is (--stun)".to_owned();
                    openings.add(&aim, own("stun", "STUN", why, trial.need, None));
                }
            }
        }
        // Look-ups are named by `resolvers`, and a page over plain HTTP is no part of any service.
        TrialKind::Resolver { .. } | TrialKind::Portal(_) => {}
        TrialKind::Ice | TrialKind::Call | TrialKind::Control(_) | TrialKind::Path { .. } => {}
    }
}

/// What becomes of look-ups; `None` where there is nothing to say.
fn note_of_resolvers(around: &Around, has_names: bool, by_row: bool) -> Option<String> {
    let nearby = around.resolvers().next().is_none();
    match () {
        () if by_row && nearby => Some(
            "A row asks for valid DNS servers; this machine asks none but its own, whose way to further servers (UDP and \
             TCP 53) is to be open."
                .to_owned(),
        ),
        () if by_row || around.look_ups || !has_names || nearby => None,
        () => Some(format!(
            "Names are looked up at {} over UDP and TCP 53, which no row asks for and which is not in this request: \
             --resolvers adds it.",
            around.resolver_list()
        )),
    }
}

#[cfg(test)]
mod tests;
