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

/// What a TCP port speaks. Where several are there, the first byte decides between TLS and plain text, HTTP goes
/// before what is only closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Face {
    /// HTTP in plain text.
    pub(super) plain: Option<Site>,
    /// HTTP over TLS.
    pub(super) secure: Option<Site>,
    /// SSH, as far as its offer of algorithms.
    pub(super) ssh: bool,
    /// RTMP in plain text, for clients that begin with its version.
    pub(super) rtmp: bool,
    /// RTMP over TLS, likewise.
    pub(super) secure_rtmp: bool,
    /// RTSP's OPTIONS.
    pub(super) rtsp: bool,
    /// FTP's greeting.
    pub(super) ftp: bool,
    /// SIP, over TLS where the client begins with it.
    pub(super) sip: bool,
    /// A TLS handshake, then the end.
    pub(super) secure_close: bool,
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
    /// HTTP goes before SIP, which no rule of ours has on one port.
    pub(super) fn has_http(&self) -> bool {
        self.plain.is_some() || self.secure.is_some()
    }

    fn add(&mut self, rule: &ServeRule, https_port: u16) {
        match rule.service {
            Service::HttpRedirect => self.plain.get_or_insert_default().redirect = Some(https_port),
            Service::Http => self.plain.get_or_insert_default().hello = true,
            Service::Ws => self.plain.get_or_insert_default().add_websocket(rule),
            Service::Https => {
                let site = self.secure.get_or_insert_default();
                (site.page, site.hello) = (true, true);
            }
            Service::Wss => self.secure.get_or_insert_default().add_websocket(rule),
            Service::Ssh => self.ssh = true,
            Service::Rtmp => self.rtmp = true,
            Service::Rtmps => (self.secure_close, self.secure_rtmp) = (true, true),
            Service::Turns => self.secure_close = true,
            Service::Rtsp => self.rtsp = true,
            Service::Ftp => self.ftp = true,
            Service::Sip => self.sip = true,
            _ => {}
        }
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
        let site = face.secure.unwrap();
        assert!(site.page && site.hello && site.websocket && face.plain.is_none());
        assert_eq!(site.select(["sip", "janus-protocol"].into_iter()), Some("janus-protocol"));
        assert_eq!(site.select(["sip"].into_iter()), None);
    }

    #[test]
    fn without_a_subprotocol_the_first_offered_is_selected() {
        let mut face = Face::default();
        face.add(&rule(Service::Ws, None), 443);
        assert_eq!(face.plain.as_ref().unwrap().select(["a", "b"].into_iter()), Some("a"));
        assert_eq!(face.plain.unwrap().select([].into_iter()), None);
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
