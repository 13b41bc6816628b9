//! What the responder's ICE agent offers: UDP ports on the address at which a client asks. Grants nothing; that is decided
//! by the thread that owns the sessions.

use std::net::IpAddr;

use super::Bound;
use crate::model::{PortSet, Service, Transport};
use crate::wire::ice::MOST_PORTS;

/// UDP ports that are served, by address; an unspecified one stands for all of its family.
#[derive(Default)]
pub(super) struct MediaPorts(Vec<(IpAddr, Service, PortSet)>);

impl MediaPorts {
    /// Those of the rules.
    pub(super) fn of(bound: &[Bound]) -> Self {
        let udp = bound.iter().filter(|b| b.transport == Transport::Udp && !b.ports.is_empty());
        Self(udp.map(|b| (b.address, b.service, b.ports.clone())).collect())
    }

    /// Candidates on `address`: of media ports where there are any, the middle one and others by `chance`.
    pub(super) fn candidates(&self, address: IpAddr, chance: u64) -> Vec<u16> {
        let address = address.to_canonical();
        let covers = |at: IpAddr| at == address || (at.is_unspecified() && at.is_ipv4() == address.is_ipv4());
        let here = || self.0.iter().filter(|(at, ..)| covers(*at));
        let media = here().find(|(_, service, _)| *service == Service::Rtp);
        media.or_else(|| here().next()).map_or_else(Vec::new, |(.., ports)| choose(ports, chance))
    }
}

/// The middle one first: its ends are what a rule that is off by one spoils.
fn choose(ports: &PortSet, chance: u64) -> Vec<u16> {
    let nth = |n: u64| ports.ranges().iter().flat_map(|r| r.iter()).nth(usize::try_from(n).ok()?);
    let count = u64::from(ports.count()).max(1);
    let mut chosen: Vec<u16> = nth(count / 2).into_iter().collect();
    // Sixteen bits of chance a port; one that is drawn twice is one less.
    for shift in [0, 16, 32] {
        let Some(drawn) = nth(((chance >> shift & 0xFFFF) * count) >> 16) else { continue };
        if chosen.len() < MOST_PORTS && !chosen.contains(&drawn) {
            chosen.push(drawn);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PortRange;

    fn bound(address: &str, service: Service, transport: Transport, first: u16, last: u16) -> Bound {
        let ports = PortRange::new(first, last).unwrap().iter().collect();
        Bound { rule: "r".into(), role: "rtc".into(), address: address.parse().unwrap(), ports, service, transport }
    }

    #[test]
    fn candidates_are_media_ports_of_the_address_that_was_asked() {
        let ports = MediaPorts::of(&[
            bound("192.0.2.1", Service::Https, Transport::Tcp, 443, 443),
            bound("192.0.2.1", Service::Stun, Transport::Udp, 3478, 3478),
            bound("192.0.2.1", Service::Rtp, Transport::Udp, 19_099, 20_099),
            bound("::", Service::Stun, Transport::Udp, 3478, 3478),
        ]);
        let at = |address: &str, chance| ports.candidates(address.parse().unwrap(), chance);
        assert_eq!(at("192.0.2.1", 0x0000_FFFF_8000_0000), [19_599, 19_099, 20_099]);
        assert_eq!(at("::ffff:192.0.2.1", 0x0000_FFFF_4000_0000).len(), 4);
        assert_eq!((at("2001:db8::1", 0), at("192.0.2.2", 0)), (vec![3478], vec![]));
    }
}
