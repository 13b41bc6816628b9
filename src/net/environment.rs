//! This machine and how it stands to the network, read once: what `host` tells of it and what `abilities` tried. Sends
//! nothing to the network; knows no run.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::host::{
    Root, Unreadable, adapters, firewall, limits, link, processors, resolvers, routes, synchronisation, system,
    timekeepers,
};
use super::tls::stores;
use super::{abilities, interfaces};
use crate::model::doctor::{Clock, Environment, Family, Proxies, Resolvers, Route, System, WayOut};
use crate::model::machine::LinkKind;

/// Root servers' addresses (A.root-servers.net): a way to them is a way to the Internet. Nothing is sent there.
const ANYWHERE: [(Family, IpAddr); 2] = [
    (Family::V4, IpAddr::V4(Ipv4Addr::new(198, 41, 0, 4))),
    (Family::V6, IpAddr::V6(Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30))),
];

/// Routes that are told beside the defaults.
const MOST_ROUTES: usize = 64;

/// Reads everything. `proxies` is what the environment says of them, `stores` the variables that name roots.
pub fn environment(root: &Root, proxies: Proxies, stores: &[(String, String)]) -> Environment {
    let mut not_told = Vec::new();
    let is_guest = processors::processors(root).is_ok_and(|p| p.is_guest);
    let routes = told(routes::routes(root), &mut not_told);
    let resolvers: Resolvers = told(resolvers::resolvers(root), &mut not_told);
    let kept = synchronisation::synchronisation().map_err(|Unreadable(why)| not_told.push(why)).ok();
    let defaults = routes.iter().filter(|r| r.is_default()).count();
    let shown: Vec<Route> = first(&routes, defaults);
    Environment {
        system: system_of(root, is_guest, &mut not_told),
        allowed: abilities::allowed(root),
        interfaces: adapters::interfaces(root, is_guest, &adapters::addresses()),
        ways_out: ANYWHERE.iter().filter_map(|(family, to)| way_out(root, is_guest, *family, *to)).collect(),
        more_routes: routes.len() - shown.len(),
        routes: shown,
        resolvers,
        proxies,
        clock: Clock { kept, services: timekeepers::services(root), source: timekeepers::source(root), seen: None },
        roots: stores::roots(root, stores),
        firewall: firewall::firewall(root),
        not_told,
    }
}

/// All defaults, and the first of the others.
fn first(routes: &[Route], defaults: usize) -> Vec<Route> {
    let mut room = MOST_ROUTES;
    let mut keep = |route: &&Route| {
        let is_shown = (route.is_default() && defaults <= MOST_ROUTES) || room > 0;
        room = room.saturating_sub(usize::from(!route.is_default()));
        is_shown
    };
    routes.iter().filter(|route| keep(route)).take(2 * MOST_ROUTES).cloned().collect()
}

fn told<T: Default>(read: Result<T, Unreadable>, not_told: &mut Vec<String>) -> T {
    read.unwrap_or_else(|Unreadable(why)| {
        not_told.push(why);
        T::default()
    })
}

fn system_of(root: &Root, is_guest: bool, not_told: &mut Vec<String>) -> System {
    let distribution = system::distribution(root).map_err(|Unreadable(why)| not_told.push(why)).ok();
    System {
        hostname: system::host_name(root),
        distribution: distribution.map(|d| d.name),
        kernel: system::kernel().ok(),
        architecture: system::architecture().ok(),
        container: system::container(root),
        is_guest,
        is_root: limits::is_root(root),
    }
}

fn way_out(root: &Root, is_guest: bool, family: Family, to: IpAddr) -> Option<WayOut> {
    let route = interfaces::route(to)?;
    let mut kind = LinkKind::Unknown;
    if let Some(interface) = &route.interface {
        kind = link::link(root, &interface.name, is_guest).kind;
        if kind == LinkKind::Unknown && interface.is_tunnel() {
            kind = LinkKind::Tunnel;
        }
    }
    Some(WayOut { family, source: route.source.to_string(), interface: route.interface.map(|i| i.name), kind })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::host::tree;

    #[test]
    fn an_empty_tree_says_what_could_not_be_read_and_breaks_nothing() {
        let (_dir, root) = tree::of(&[]);
        let read = environment(&root, Proxies::default(), &[]);
        assert_eq!(read.system.distribution, None);
        assert!(read.not_told.iter().any(|why| why.contains("/etc/os-release")), "{:?}", read.not_told);
        assert!(read.routes.is_empty() && read.resolvers.servers.is_empty());
    }

    #[test]
    fn a_full_table_of_routes_is_told_in_part() {
        let route = |n: usize, to: &str| Route {
            to: to.to_owned(),
            gateway: None,
            interface: "eth0".to_owned(),
            metric: n as u32,
        };
        let mut all = vec![route(0, "0.0.0.0/0")];
        all.extend((1..1000).map(|n| route(n, "10.0.0.0/8")));
        all.push(route(0, "::/0"));
        let shown = first(&all, 2);
        assert_eq!((shown.len(), shown.iter().filter(|r| r.is_default()).count()), (MOST_ROUTES + 2, 2));
        assert!(first(&vec![route(0, "::/0"); 5000], 5000).len() <= 2 * MOST_ROUTES);
    }
}
