//! A responder with two addresses and two ports (RFC 5780): who answers a request, and where to. Never to another address
//! than the one that asked, to no port that a request from there could not have come from, and to a port that did not ask
//! only where there are two addresses or the request is signed.

use std::net::{IpAddr, SocketAddr};

use super::{FIRST_CLIENT_PORT, OwnSockets, Refusal};
use crate::wire::stun::discovery::{Change, Servers};
use crate::wire::stun::{Message, OTHER_ADDRESS_V4, OTHER_ADDRESS_V6};

/// Ends of an answer that does not go back the way its request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Of the responder's own sockets.
    pub from: SocketAddr,
    pub to: SocketAddr,
}

/// The addresses and ports of a responder that takes part in behaviour discovery. Empty: it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alternate {
    /// The second address, one a family.
    pub second: Vec<IpAddr>,
    /// Addresses that clients ask first; where there is not exactly one of a family, the second one names no other.
    pub first: Vec<IpAddr>,
    /// Ports that clients ask first; the other one is the next.
    pub ports: Vec<u16>,
}

/// What is asked of an answer beyond a Binding's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Aside {
    pub ends: Option<Ends>,
    pub servers: Servers,
}

impl Alternate {
    /// Both ports of every pair.
    pub fn all_ports(&self) -> impl Iterator<Item = u16> {
        self.ports.iter().flat_map(|p| [Some(*p), p.checked_add(1)]).flatten()
    }

    fn other_port(&self, port: u16) -> Option<u16> {
        let first = |p: u16| self.ports.contains(&p);
        match first(port) {
            true => port.checked_add(1),
            false => port.checked_sub(1).filter(|p| first(*p)),
        }
    }

    fn other_address(&self, ip: IpAddr) -> Option<IpAddr> {
        let of_family = |all: &[IpAddr]| {
            let mut all = all.iter().copied().filter(|a| a.is_ipv4() == ip.is_ipv4());
            (all.next(), all.next())
        };
        match (self.second.contains(&ip), of_family(&self.first)) {
            (false, _) => of_family(&self.second).0,
            (true, (Some(only), None)) => Some(only),
            (true, _) => None,
        }
    }

    /// The other address and port, as seen from `here`; only where all four sockets are there, because a server that names
    /// another address and is not there makes every client's findings wrong.
    fn other(&self, here: SocketAddr, own: &OwnSockets) -> Option<SocketAddr> {
        let (ip, port) = (self.other_address(here.ip())?, self.other_port(here.port())?);
        let other = SocketAddr::new(ip, port);
        let all = [other, SocketAddr::new(ip, here.port()), SocketAddr::new(here.ip(), port)];
        all.iter().all(|s| own.contains(*s)).then_some(other)
    }

    /// What `request`, from `from` to `here`, asks for. An answer to another port (RESPONSE-PORT) has it where there are two
    /// addresses, or where it is `signed`; elsewhere anybody could have datagrams sent to ports that asked for none.
    ///
    /// # Errors
    /// It asks for what is not there, or for an answer to where none may go.
    pub(super) fn asked(
        &self,
        request: &Message<'_>,
        from: SocketAddr,
        here: SocketAddr,
        own: &OwnSockets,
        signed: bool,
    ) -> Result<Aside, Refusal> {
        let here = SocketAddr::new(here.ip().to_canonical(), here.port());
        let other = self.other(here, own);
        let change = request.change_request().unwrap_or_default();
        let source = match (change, other) {
            (Change { ip: false, port: false }, _) => here,
            (_, None) => return Err(Refusal::UnknownAttribute),
            (Change { ip, port }, Some(other)) => {
                SocketAddr::new(if ip { other.ip() } else { here.ip() }, if port { other.port() } else { here.port() })
            }
        };
        let response_port = request.response_port();
        if response_port.is_some() && other.is_none() && !signed {
            return Err(Refusal::UnknownAttribute);
        }
        let to = SocketAddr::new(from.ip(), response_port.unwrap_or(from.port()));
        if to.port() < FIRST_CLIENT_PORT {
            return Err(Refusal::SourcePort);
        }
        if own.contains(to) {
            return Err(Refusal::OwnSocket);
        }
        let ends = Some(Ends { from: source, to }).filter(|e| (e.from, e.to) != (here, from));
        Ok(Aside { ends, servers: Servers { other, origin: Some(source) } })
    }
}

impl Aside {
    /// Without what does not fit into `room` bytes, OTHER-ADDRESS first.
    pub(super) fn within(self, room: usize) -> Servers {
        let bytes = |a: SocketAddr| if a.is_ipv4() { OTHER_ADDRESS_V4 } else { OTHER_ADDRESS_V6 };
        let other = self.servers.other.filter(|a| bytes(*a) <= room);
        let left = room - other.map_or(0, bytes);
        // Without another address where it came from says nothing.
        let origin = self.servers.origin.filter(|a| other.is_some() && bytes(*a) <= left);
        Servers { other, origin }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::super::{Incoming, LONGEST, Reflector};
    use super::*;
    use crate::session::limits::AnswerLimits;
    use crate::wire::stun::discovery::{Wanted, discovery_len, write_discovery_request};
    use crate::wire::stun::{MAX_WRITTEN, key_id};

    const HERE: [&str; 4] = ["198.51.100.1:3478", "198.51.100.1:3479", "198.51.100.2:3478", "198.51.100.2:3479"];
    const CLIENT: &str = "192.0.2.7:40000";

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "any instant will do as the start")]
    fn start() -> Instant {
        Instant::now()
    }

    fn reflector(sockets: &[&str], key: Option<&[u8]>) -> Reflector {
        let mut own = OwnSockets::default();
        sockets.iter().for_each(|s| own.insert(at(s)));
        let ip = |text: &str| text.parse().unwrap();
        let alternate = Alternate {
            second: vec![ip("198.51.100.2"), ip("2001:db8::2")],
            first: vec![ip("198.51.100.1"), ip("2001:db8::1")],
            ports: vec![3478],
        };
        Reflector::new(AnswerLimits::default(), own, key, 42, start()).with_alternate(alternate)
    }

    fn request(len: usize, wanted: Wanted, key: Option<&[u8]>) -> Vec<u8> {
        let (name, mut buf) = (key.map(key_id).unwrap_or_default(), [0; MAX_WRITTEN]);
        let auth = key.map(|key| crate::wire::stun::Auth { key_id: &name, key });
        let n = write_discovery_request(&mut buf, [3; 12], auth, len, wanted).unwrap();
        buf[..n].to_vec()
    }

    /// Length of the answer, its ends, and what it says.
    type Told = (usize, Option<Ends>, Servers);

    fn told(r: &mut Reflector, to: &str, bytes: &[u8]) -> Result<Told, Refusal> {
        let mut answer = [0; LONGEST];
        let from = if to.starts_with('[') { "[2001:db8:7::7]:40000" } else { CLIENT };
        let written = r.handle(&Incoming::plain(r.start, at(from), at(to), bytes), &mut answer)?;
        let m = Message::read(&answer[..written.len]).unwrap();
        Ok((written.len, written.ends, Servers { other: m.other_address(), origin: m.response_origin() }))
    }

    fn changed(change: Change) -> Wanted {
        Wanted { change: Some(change), response_port: None }
    }

    #[test]
    fn each_of_the_four_sockets_names_its_opposite_and_answers_from_where_it_is_asked_to() {
        let r = &mut reflector(&HERE, None);
        for (here, other) in [(0, 3), (1, 2), (2, 1), (3, 0)] {
            for (ip, port) in [(false, false), (false, true), (true, false), (true, true)] {
                let bytes = request(discovery_len(false), changed(Change { ip, port }), None);
                let (len, ends, servers) = told(r, HERE[here], &bytes).unwrap();
                let from = at(HERE[here ^ usize::from(port) ^ usize::from(ip) << 1]);
                assert_eq!((servers.other, servers.origin), (Some(at(HERE[other])), Some(from)));
                let elsewhere = (ip || port).then_some(Ends { from, to: at(CLIENT) });
                assert_eq!((ends, len <= bytes.len()), (elsewhere, true));
            }
        }
    }

    #[test]
    fn without_all_four_sockets_there_is_no_other_address_and_no_change() {
        for missing in 1..4 {
            let sockets: Vec<&str> = HERE.iter().enumerate().filter(|(i, _)| *i != missing).map(|(_, s)| *s).collect();
            let r = &mut reflector(&sockets, None);
            let plain = request(discovery_len(false), Wanted::default(), None);
            assert_eq!(told(r, HERE[0], &plain), Ok((48, None, Servers::default())));
            let change = request(discovery_len(false), changed(Change::BOTH), None);
            assert_eq!(told(r, HERE[0], &change), Err(Refusal::UnknownAttribute));
        }
    }

    fn response_port(port: u16, key: Option<&[u8]>) -> Vec<u8> {
        let wanted = Wanted { change: None, response_port: Some(port) };
        request(discovery_len(key.is_some()), wanted, key)
    }

    #[test]
    fn another_port_of_the_same_client_is_answered_and_none_where_no_client_is() {
        let r = &mut reflector(&[&HERE[..], &["192.0.2.7:4000"]].concat(), None);
        let long = |port| response_port(port, None);
        let ends = Ends { from: at(HERE[0]), to: at("192.0.2.7:41000") };
        assert_eq!(told(r, HERE[0], &long(41_000)).unwrap().1, Some(ends));
        assert_eq!(told(r, HERE[0], &long(40_000)).unwrap().1, None, "the port that asks");
        for (port, refusal) in [(0, Refusal::SourcePort), (1023, Refusal::SourcePort), (4000, Refusal::OwnSocket)] {
            assert_eq!(told(r, HERE[0], &long(port)), Err(refusal));
        }
        // 28 bytes of request without our marker, for an answer of 32.
        let short = [&[0, 1, 0, 8], &long(41_000)[4..20], &[0, 0x27, 0, 2, 0xA0, 0x28, 0, 0]].concat();
        assert_eq!(told(r, HERE[0], &short), Err(Refusal::TooShort));
    }

    #[test]
    fn without_a_second_address_only_the_holder_of_the_key_is_answered_at_another_port() {
        for port in [40_000, 41_000] {
            let asked = response_port(port, None);
            assert_eq!(told(&mut reflector(&HERE[..1], None), HERE[0], &asked), Err(Refusal::UnknownAttribute));
        }
        let key = Some(&b"a shared key"[..]);
        let r = &mut reflector(&HERE[..1], key);
        let ends = Ends { from: at(HERE[0]), to: at("192.0.2.7:41000") };
        assert_eq!(told(r, HERE[0], &response_port(41_000, key)).unwrap().1, Some(ends));
        assert_eq!(told(r, HERE[0], &response_port(41_000, None)), Err(Refusal::Unsigned));
        let signed = response_port(41_000, key);
        assert_eq!(told(&mut reflector(&HERE[..1], None), HERE[0], &signed), Err(Refusal::UnknownAttribute), "no key");
    }

    #[test]
    fn a_bare_request_is_told_of_the_other_address_within_the_bare_budget() {
        let r = &mut reflector(&HERE, None);
        let bare = [&[0, 1, 0, 0], &request(0, Wanted::default(), None)[4..20]].concat();
        let all: Vec<_> = (0..5).map(|_| told(r, HERE[0], &bare)).collect();
        let first = Servers { other: Some(at(HERE[3])), origin: None };
        assert!(all[..4].iter().all(|t| *t == Ok((44, None, first))), "{all:?}");
        assert_eq!(all[4], Err(Refusal::BareBudget));
    }

    #[test]
    fn a_bare_request_over_ipv6_is_told_of_none() {
        let sockets = ["[2001:db8::1]:3478", "[2001:db8::1]:3479", "[2001:db8::2]:3478", "[2001:db8::2]:3479"];
        let bare = [&[0, 1, 0, 0], &request(0, Wanted::default(), None)[4..20]].concat();
        assert_eq!(told(&mut reflector(&sockets, None), sockets[0], &bare), Ok((44, None, Servers::default())));
    }

    #[test]
    fn ipv6_and_a_key_change_nothing() {
        let sockets = ["[2001:db8::1]:3478", "[2001:db8::1]:3479", "[2001:db8::2]:3478", "[2001:db8::2]:3479"];
        let key = Some(&b"a shared key"[..]);
        let r = &mut reflector(&sockets, key);
        let bytes = request(discovery_len(true), changed(Change::BOTH), key);
        let (len, ends, servers) = told(r, sockets[0], &bytes).unwrap();
        assert_eq!((len, ends.unwrap().from), (144, at(sockets[3])));
        assert_eq!(servers, Servers { other: Some(at(sockets[3])), origin: Some(at(sockets[3])) });
        let unsigned = request(discovery_len(true), changed(Change::BOTH), None);
        assert_eq!(told(r, sockets[0], &unsigned), Err(Refusal::Unsigned));
    }

    proptest! {
        #[test]
        fn an_answer_goes_to_nobody_else_and_is_never_longer_than_a_request_of_its_length(
            len in 0usize..200, ip: bool, port: bool, asks: bool, response_port in proptest::option::of(0u16..),
            here in 0usize..4,
        ) {
            let r = &mut reflector(&HERE, None);
            let wanted = Wanted { change: asks.then_some(Change { ip, port }), response_port };
            let bytes = request(len, wanted, None);
            if let Ok((n, ends, _)) = told(r, HERE[here], &bytes) {
                prop_assert!(n <= bytes.len());
                if let Some(Ends { from, to }) = ends {
                    prop_assert!(HERE.iter().any(|h| at(h) == from));
                    prop_assert!(to.ip() == at(CLIENT).ip() && to.port() >= 1024);
                }
            }
        }
    }
}
