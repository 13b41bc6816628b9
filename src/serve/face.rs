//! What a TCP port speaks, from the rules that it is open for. Several rules on one port (HTTPS and WSS on 443) make
//! one listener that does both. Knows no bytes.

use std::net::{IpAddr, SocketAddr, TcpListener};

use super::bind::TcpPort;
use super::{Bound, ServeRule};
use crate::model::{RoleName, Service, Transport};

/// A TCP port with all that its listener has to know.
pub(super) struct Port {
    pub(super) listener: TcpListener,
    pub(super) local: SocketAddr,
    pub(super) face: Face,
}

/// What a TCP port speaks, in plain text and inside TLS. Where both are there, the client's first byte decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Face {
    /// Nothing: the connection is taken and ended.
    pub(super) plain: Vec<Words>,
    /// `None`: no TLS; nothing inside: a TLS handshake, then the end.
    pub(super) secure: Option<Vec<Words>>,
}

/// A service as a port speaks it. Those that the client begins are told apart by how it begins; one that the server
/// begins keeps all others from its port, because it cannot wait to hear what the client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// SSH, as far as its offer of algorithms.
    Ssh,
    /// FTP's greeting.
    Ftp,
    /// HTTP and the WebSockets of it.
    Http(Site),
    /// RTMP, as far as a `connect`.
    Rtmp,
    /// RTSP's OPTIONS.
    Rtsp,
    /// SIP's OPTIONS.
    Sip,
}

/// What an HTTP server answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Site {
    /// Everything moves to HTTPS on this port.
    pub(super) redirect: Option<u16>,
    /// The well-known page is here.
    pub(super) page: bool,
    /// Other paths are answered with 200.
    pub(super) hello: bool,
    /// WebSocket upgrades are taken.
    pub(super) websocket: bool,
    /// Subprotocols that are selected when they are offered; none: the first that is offered.
    pub(super) subprotocols: Vec<String>,
}

/// Gives every open TCP port its face.
pub(super) fn assign(ports: Vec<TcpPort>, rules: &[ServeRule], bound: &[Bound]) -> Vec<Port> {
    let face = |port: &TcpPort| {
        let mut face = Face::default();
        let of_port = port.rules.iter().filter_map(|place| rules.get(*place));
        of_port.for_each(|rule| face.add(rule, https_port(&rule.role, port.local.ip(), bound)));
        face
    };
    ports.into_iter().map(|p| Port { face: face(&p), local: p.local, listener: p.listener }).collect()
}

/// Where the role's HTTPS is served: on the same address if it is, else on another, else where it usually is.
fn https_port(role: &RoleName, address: IpAddr, bound: &[Bound]) -> u16 {
    let https = |b: &&Bound| b.role == *role && b.service == Service::Https && b.transport == Transport::Tcp;
    let here = bound.iter().filter(https).find(|b| b.address == address);
    let found = here.or_else(|| bound.iter().find(https));
    found.and_then(|b| b.ports.ranges().first()).map_or(443, |r| r.first())
}

impl Face {
    fn add(&mut self, rule: &ServeRule, https_port: u16) {
        match rule.service {
            Service::HttpRedirect => site(&mut self.plain, |s| s.redirect = Some(https_port)),
            Service::Http => site(&mut self.plain, |s| s.hello = true),
            Service::Ws => site(&mut self.plain, |s| s.add_websocket(rule)),
            Service::Https => site(self.inside(), |s| (s.page, s.hello) = (true, true)),
            Service::Wss => site(self.inside(), |s| s.add_websocket(rule)),
            Service::Ssh => add(&mut self.plain, Words::Ssh),
            Service::Ftp => add(&mut self.plain, Words::Ftp),
            Service::Rtsp => add(&mut self.plain, Words::Rtsp),
            Service::Rtmp => add(&mut self.plain, Words::Rtmp),
            Service::Rtmps => add(self.inside(), Words::Rtmp),
            // Its transport does not say whether TLS comes first: the client does.
            Service::Sip => {
                add(&mut self.plain, Words::Sip);
                add(self.inside(), Words::Sip);
            }
            Service::Turns => drop(self.inside()),
            _ => {}
        }
    }

    /// What is spoken inside TLS, of which there is some from now on.
    fn inside(&mut self) -> &mut Vec<Words> {
        self.secure.get_or_insert_default()
    }
}

fn add(all: &mut Vec<Words>, words: Words) {
    if !all.contains(&words) {
        all.push(words);
    }
}

/// Changes the one site among `all`, which several rules may have to do with.
fn site(all: &mut Vec<Words>, change: impl FnOnce(&mut Site)) {
    let known = all.iter_mut().find_map(|words| match words {
        Words::Http(site) => Some(site),
        _ => None,
    });
    match known {
        Some(site) => change(site),
        None => {
            let mut site = Site::default();
            change(&mut site);
            all.push(Words::Http(site));
        }
    }
}

impl Words {
    /// Whether the server says the first word.
    pub(super) fn server_begins(&self) -> bool {
        matches!(self, Words::Ssh | Words::Ftp)
    }
}

impl Site {
    fn add_websocket(&mut self, rule: &ServeRule) {
        self.websocket = true;
        self.subprotocols.extend(rule.subprotocol.clone());
    }

    /// The subprotocol to select of those that a client offers, in its order.
    pub(super) fn select<'a>(&self, offered: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let mut offered = offered;
        offered.find(|o| self.subprotocols.is_empty() || self.subprotocols.iter().any(|s| s == o))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PortRange;
    use crate::serve::Ports;

    fn rule(service: Service, subprotocol: Option<&str>) -> ServeRule {
        ServeRule {
            id: service.as_str().into(),
            role: "dlegate".into(),
            bind: Vec::new(),
            ports: Ports::Exact(PortRange::single(443).unwrap()),
            service,
            transport: Transport::Tcp,
            subprotocol: subprotocol.map(str::to_owned),
        }
    }

    fn bound(role: &str, address: &str, port: u16) -> Bound {
        Bound {
            rule: "x".into(),
            role: role.into(),
            address: address.parse().unwrap(),
            ports: [port].into_iter().collect(),
            service: Service::Https,
            transport: Transport::Tcp,
        }
    }

    #[test]
    fn two_rules_on_one_port_make_one_face_that_does_both() {
        let mut face = Face::default();
        face.add(&rule(Service::Https, None), 443);
        face.add(&rule(Service::Wss, Some("janus-protocol")), 443);
        let [Words::Http(site)] = &face.secure.unwrap()[..] else { panic!("one site") };
        assert!(site.page && site.hello && site.websocket && face.plain.is_empty());
        assert_eq!(site.select(["sip", "janus-protocol"].into_iter()), Some("janus-protocol"));
        assert_eq!(site.select(["sip"].into_iter()), None);
    }

    #[test]
    fn without_a_subprotocol_the_first_offered_is_selected() {
        let mut face = Face::default();
        face.add(&rule(Service::Ws, None), 443);
        let [Words::Http(site)] = &face.plain[..] else { panic!("one site") };
        assert_eq!(site.select(["a", "b"].into_iter()), Some("a"));
        assert_eq!(site.select([].into_iter()), None);
    }

    #[test]
    fn each_service_is_spoken_where_it_belongs_and_once() {
        let mut face = Face::default();
        for service in [Service::Ws, Service::Rtmp, Service::Http, Service::Rtmp, Service::Sip, Service::Turns] {
            face.add(&rule(service, None), 443);
        }
        let names =
            |all: &[Words]| all.iter().map(|w| format!("{w:?}").chars().take(4).collect()).collect::<Vec<String>>();
        assert_eq!(names(&face.plain), ["Http", "Rtmp", "Sip"]);
        assert_eq!(face.secure, Some(vec![Words::Sip]));
        let mut relay = Face::default();
        relay.add(&rule(Service::Turns, None), 443);
        assert_eq!(relay, Face { plain: vec![], secure: Some(vec![]) }, "a handshake, and nothing inside");
    }

    #[test]
    fn a_redirect_leads_to_the_roles_own_https_port() {
        let here = "127.0.0.2".parse().unwrap();
        let role = "rtc".into();
        let others = [bound("acd", "127.0.0.2", 1), bound("rtc", "127.0.0.3", 2), bound("rtc", "127.0.0.2", 3)];
        assert_eq!(https_port(&role, here, &others), 3);
        assert_eq!(https_port(&role, here, &others[..2]), 2);
        assert_eq!(https_port(&role, here, &others[..1]), 443);
    }
}
