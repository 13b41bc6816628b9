//! Each resolver, and pages whose answer is known: tried beside everything else, and only to inform.

use std::net::IpAddr;

use crate::model::{Host, KnownPage, Need, is_local_name};
use crate::plan::{Item, Request};

use super::{PORTAL, RESOLVER, Trial, TrialKind, bare};

/// What the table calls the check of a resolver.
pub(super) const RESOLVER_CHECK: &str = "dns.resolver";
/// The port that a resolver's id leaves out.
pub(super) const DNS_PORT: u16 = 53;
/// Resolvers that are asked.
const RESOLVERS: usize = 8;
/// Pages that are fetched.
const PAGES: usize = 8;

/// One trial a resolver, where a name is to be looked up at all.
pub(super) fn resolvers(request: &Request, items: &[Item]) -> Vec<Trial> {
    let Some(name) = name_needed(request, items) else { return Vec::new() };
    let configured = request.resolvers.iter().map(|server| (*server, true));
    let mut all: Vec<Trial> = Vec::new();
    for (server, configured) in configured.chain(request.dns.iter().map(|server| (*server, false))) {
        let kind = TrialKind::Resolver { server, name: name.clone(), configured };
        let is_new =
            !all.iter().any(|t| matches!(&t.kind, TrialKind::Resolver { server: other, .. } if *other == server));
        // A link-local address without its zone leads nowhere.
        if all.len() < RESOLVERS && is_new && !is_link_local(server.ip()) {
            all.push(bare(kind, RESOLVER.into(), Host::Address(server.ip()), Need::Optional));
        }
    }
    all
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// The first name that a DNS server is asked for.
fn name_needed(request: &Request, items: &[Item]) -> Option<String> {
    let of_rules = items.iter().filter(|i| i.is_selected()).map(|i| &i.host);
    let given = request.turn.iter().map(|uri| &uri.host).chain(request.stun.iter().map(|(host, _)| host));
    of_rules.chain(given).find_map(|host| match host {
        Host::Name(name) if !is_local_name(name) => Some(name.clone()),
        _ => None,
    })
}

/// One trial a page; two pages of one host and port would have one name, and show no more.
pub(super) fn portals(request: &Request) -> Vec<Trial> {
    let mut all: Vec<Trial> = Vec::new();
    for page in &request.portals {
        let place = |page: &KnownPage| (page.host.clone(), page.port);
        let is_new = !all.iter().any(|t| matches!(&t.kind, TrialKind::Portal(other) if place(other) == place(page)));
        if all.len() < PAGES && is_new {
            all.push(bare(TrialKind::Portal(page.clone()), PORTAL.into(), page.host.clone(), Need::Optional));
        }
    }
    all
}

/// What the table calls them, for waivers and selections.
pub(super) fn names(request: &Request) -> Vec<String> {
    let pages = portals(request).into_iter().map(|trial| trial.name());
    pages.chain([RESOLVER_CHECK.to_owned()]).collect()
}

/// A resolver's address, with its port where that is not DNS's own.
pub(super) fn place(kind: &TrialKind) -> Option<String> {
    match kind {
        TrialKind::Resolver { server, .. } if server.port() == DNS_PORT => Some(server.ip().to_string()),
        TrialKind::Resolver { server, .. } => Some(server.to_string()),
        _ => None,
    }
}
