//! From rules to sockets: each (transport, address, port) is opened once, however many rules name it, and what cannot
//! be opened is told in plain words. Knows no protocol that runs on them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use nix::errno::Errno;
use socket2::{Domain, Socket, Type};

use super::{Bound, NotBound, Ports, ServeRule, udp};
use crate::model::{PortSet, Service, Transport};

/// Connections that may wait to be taken, for each TCP port.
const BACKLOG: i32 = 128;

/// How often another free port is looked for, when one is not free on all addresses of a rule.
const FREE_TRIES: usize = 32;

/// A TCP port that is open, and the rules (by place) that it is open for.
pub(super) struct TcpPort {
    pub(super) listener: TcpListener,
    pub(super) local: SocketAddr,
    pub(super) rules: Vec<usize>,
}

/// All sockets of a responder.
#[derive(Default)]
pub(super) struct Opened {
    pub(super) udp: Vec<udp::Socket>,
    pub(super) tcp: Vec<TcpPort>,
    pub(super) bound: Vec<Bound>,
    pub(super) not_bound: Vec<NotBound>,
}

/// How many sockets the rules need at most.
pub(super) fn sockets_needed(rules: &[ServeRule]) -> u64 {
    let (mut exact, mut free) = (HashSet::new(), 0);
    for rule in rules.iter().filter(|r| not_served(r).is_none()) {
        match rule.ports {
            Ports::Free => free += rule.bind.len() as u64,
            Ports::Exact(ports) => {
                exact.extend(rule.bind.iter().flat_map(|ip| ports.iter().map(|p| (rule.transport, *ip, p))));
            }
        }
    }
    exact.len() as u64 + free
}

/// Opens all that can be opened.
pub(super) fn open(rules: &[ServeRule]) -> Opened {
    let mut opening = Opening::default();
    let mut results: Vec<Vec<Attempt>> = rules.iter().map(|_| Vec::new()).collect();
    // Wildcards first, because they cover single addresses; the kernel's choice last, so that it takes no port that a
    // rule names.
    for wildcard in [true, false] {
        for (place, (rule, result)) in rules.iter().zip(&mut results).enumerate() {
            if let (Ports::Exact(ports), None) = (rule.ports, not_served(rule)) {
                let addresses = rule.bind.iter().filter(|ip| ip.is_unspecified() == wildcard);
                let sockets = addresses.flat_map(|ip| ports.iter().map(|p| SocketAddr::new(*ip, p)));
                result.extend(sockets.map(|at| Attempt { at, failed: opening.exact(rule.transport, at, place).err() }));
            }
        }
    }
    for (place, (rule, result)) in rules.iter().zip(&mut results).enumerate() {
        if let (Ports::Free, None) = (rule.ports, not_served(rule)) {
            *result = opening.free(rule, place);
        }
    }
    let mut opened = opening.opened;
    for (rule, attempts) in rules.iter().zip(&results) {
        report(rule, attempts, &mut opened);
    }
    opened
}

/// This machine's own addresses on all its interfaces, loopback included; none where the system does not tell.
pub fn machine_addresses() -> Vec<IpAddr> {
    let interfaces = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let address = |i: nix::ifaddrs::InterfaceAddress| {
        let a = i.address?;
        let v4 = a.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
        v4.or_else(|| a.as_sockaddr_in6().map(|a| IpAddr::V6(a.ip())))
    };
    interfaces.filter_map(address).collect()
}

/// Whether this machine can send from `address`.
pub fn is_own_address(address: IpAddr) -> bool {
    !address.is_unspecified() && std::net::UdpSocket::bind((address, 0)).is_ok()
}

/// One socket that a rule asks for, and why it is not there.
struct Attempt {
    at: SocketAddr,
    failed: Option<String>,
}

#[derive(Default)]
struct Opening {
    opened: Opened,
    /// What was tried: the place in `opened.tcp` (0 for UDP) or why it failed.
    tried: HashMap<(Transport, SocketAddr), Result<usize, String>>,
}

impl Opening {
    /// Opens `at`, or joins the socket that is there already, on this address or on all of its family.
    fn exact(&mut self, transport: Transport, at: SocketAddr, rule: usize) -> Result<(), String> {
        let wildcard: IpAddr = if at.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let everywhere = self.tried.get(&(transport, SocketAddr::new(wildcard, at.port())));
        let known = everywhere.filter(|r| r.is_ok()).or_else(|| self.tried.get(&(transport, at)));
        let result = match known {
            Some(result) => result.clone(),
            None => {
                let result = self.new_socket(transport, at).map(|(place, _)| place).map_err(|e| words(&e, at));
                self.tried.insert((transport, at), result.clone());
                result
            }
        };
        let place = result?;
        if let (Transport::Tcp, Some(port)) = (transport, self.opened.tcp.get_mut(place)) {
            port.rules.push(rule);
        }
        Ok(())
    }

    /// One port of the kernel's choice, the same on all addresses of the rule.
    fn free(&mut self, rule: &ServeRule, place: usize) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        for try_number in 1..=FREE_TRIES {
            let before = (self.opened.udp.len(), self.opened.tcp.len());
            let mut port = 0;
            attempts.clear();
            let mut taken = false;
            for ip in &rule.bind {
                match self.new_socket(rule.transport, SocketAddr::new(*ip, port)) {
                    Ok((socket, at)) => {
                        port = at.port();
                        attempts.push(Attempt { at, failed: None });
                        if let (Transport::Tcp, Some(port)) = (rule.transport, self.opened.tcp.get_mut(socket)) {
                            port.rules.push(place);
                        }
                    }
                    Err(e) => {
                        taken |= e.kind() == io::ErrorKind::AddrInUse;
                        let at = SocketAddr::new(*ip, port);
                        attempts.push(Attempt { at, failed: Some(words(&e, at)) });
                    }
                }
            }
            if !taken || try_number == FREE_TRIES {
                break;
            }
            self.opened.udp.truncate(before.0);
            self.opened.tcp.truncate(before.1);
        }
        attempts
    }

    /// Opens `at`; gives its place in `opened.tcp` (0 for UDP) and where it really is.
    fn new_socket(&mut self, transport: Transport, at: SocketAddr) -> io::Result<(usize, SocketAddr)> {
        if transport == Transport::Tcp {
            let listener = tcp_listener(at)?;
            let local = listener.local_addr()?;
            self.opened.tcp.push(TcpPort { listener, local, rules: Vec::new() });
            return Ok((self.opened.tcp.len() - 1, local));
        }
        let socket = udp::Socket::open(at)?;
        let local = socket.local;
        self.opened.udp.push(socket);
        Ok((0, local))
    }
}

fn tcp_listener(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM.nonblocking(), None)?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // For TCP this lets a restarted responder listen while old connections wait out their time; two cannot listen.
    socket.set_reuse_address(true)?;
    socket.bind(&at.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Why the responder does not stand in for a rule at all.
fn not_served(rule: &ServeRule) -> Option<&'static str> {
    match (rule.transport, rule.service) {
        (Transport::Gre, _) | (_, Service::Gre) => Some("GRE is a protocol without ports, and needs the real far end"),
        (Transport::Dns, _) | (_, Service::Dns) => Some("names are asked of the real name servers"),
        _ => None,
    }
}

/// Folds what became of a rule into ranges.
fn report(rule: &ServeRule, attempts: &[Attempt], opened: &mut Opened) {
    for address in &rule.bind {
        let mut ports: BTreeMap<Option<&str>, Vec<u16>> = BTreeMap::new();
        for attempt in attempts.iter().filter(|a| a.at.ip() == *address) {
            ports.entry(attempt.failed.as_deref()).or_default().push(attempt.at.port());
        }
        if let Some(why) = not_served(rule) {
            ports.insert(Some(why), Vec::new());
        }
        for (failed, ports) in ports {
            let ports: PortSet = ports.into_iter().collect();
            let (address, rule_id) = (*address, rule.id.clone());
            match failed {
                Some(why) => opened.not_bound.push(NotBound { rule: rule_id, address, ports, why: why.to_owned() }),
                None => opened.bound.push(Bound {
                    rule: rule_id,
                    role: rule.role.clone(),
                    address,
                    ports,
                    service: rule.service,
                    transport: rule.transport,
                }),
            }
        }
    }
}

/// The operating system's error as one clause; without the port, so that equal ones can be folded.
fn words(error: &io::Error, at: SocketAddr) -> String {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EADDRINUSE) => "in use by another program".to_owned(),
        Some(Errno::EACCES) if at.port() < 1024 => {
            "ports this low need root, CAP_NET_BIND_SERVICE (`setcap cap_net_bind_service=+ep`) or a lower \
             net.ipv4.ip_unprivileged_port_start"
                .to_owned()
        }
        Some(Errno::EADDRNOTAVAIL) => format!("{} is not an address of this machine", at.ip()),
        Some(Errno::EAFNOSUPPORT) => {
            format!("this machine has no {}", if at.is_ipv4() { "IPv4" } else { "IPv6" })
        }
        Some(Errno::EMFILE | Errno::ENFILE) => "no file descriptor is left".to_owned(),
        Some(errno) => format!("the system refuses it: {}", errno.desc()),
        None => format!("the system refuses it: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PortRange;

    fn rule(id: &str, bind: &[&str], ports: Ports, transport: Transport) -> ServeRule {
        ServeRule {
            id: id.into(),
            role: "rtc".into(),
            bind: bind.iter().map(|a| a.parse().unwrap()).collect(),
            ports,
            service: if transport == Transport::Gre { Service::Gre } else { Service::Stun },
            transport,
            subprotocol: None,
        }
    }

    fn exact(first: u16, last: u16) -> Ports {
        Ports::Exact(PortRange::new(first, last).unwrap())
    }

    /// `count` ports in a row that are free on 127.0.5.1.
    fn free_run(count: u16) -> u16 {
        (0..50u16)
            .map(|i| 21_000 + i * 100)
            .find(|first| {
                (0..count).all(|i| udp::Socket::open(format!("127.0.5.1:{}", first + i).parse().unwrap()).is_ok())
            })
            .unwrap()
    }

    #[test]
    fn overlapping_ranges_are_opened_once() {
        let first = free_run(20);
        let rules = [
            rule("a", &["127.0.5.1"], exact(first, first + 14), Transport::Udp),
            rule("b", &["127.0.5.1"], exact(first + 5, first + 19), Transport::Udp),
        ];
        assert_eq!(sockets_needed(&rules), 20);
        let opened = open(&rules);
        assert_eq!((opened.udp.len(), opened.not_bound), (20, vec![]));
        assert_eq!(opened.bound.iter().map(|b| b.ports.count()).collect::<Vec<_>>(), [15, 15]);
    }

    #[test]
    fn a_single_address_is_covered_by_a_wildcard() {
        let first = free_run(3);
        let rules = [
            rule("one", &["127.0.5.1"], exact(first, first + 1), Transport::Udp),
            rule("all", &["0.0.0.0"], exact(first, first + 2), Transport::Udp),
        ];
        let opened = open(&rules);
        assert_eq!((opened.udp.len(), opened.bound.len(), opened.not_bound), (3, 2, vec![]));
    }

    #[test]
    fn a_port_in_use_is_reported_and_the_rest_served() {
        let first = free_run(5);
        let _taken = udp::Socket::open(format!("127.0.5.1:{}", first + 2).parse().unwrap()).unwrap();
        let opened = open(&[rule("media", &["127.0.5.1"], exact(first, first + 4), Transport::Udp)]);
        let [bound] = &opened.bound[..] else { panic!("{:?}", opened.bound) };
        assert_eq!(bound.ports.to_string(), format!("{}-{}, {}-{}", first, first + 1, first + 3, first + 4));
        let [missing] = &opened.not_bound[..] else { panic!("{:?}", opened.not_bound) };
        assert_eq!((missing.ports.to_string(), &*missing.why), ((first + 2).to_string(), "in use by another program"));
    }

    #[test]
    fn a_free_port_is_the_same_on_all_addresses() {
        for transport in [Transport::Udp, Transport::Tcp] {
            let opened = open(&[rule("x", &["127.0.5.1", "127.0.5.2", "::1"], Ports::Free, transport)]);
            let ports: HashSet<String> = opened.bound.iter().map(|b| b.ports.to_string()).collect();
            assert_eq!((opened.bound.len(), ports.len()), (3, 1), "{:?} {:?}", opened.bound, opened.not_bound);
        }
    }

    #[test]
    fn what_has_no_ports_and_what_is_not_here_say_so() {
        let gre = rule("vpn.gre", &["127.0.5.1"], Ports::Free, Transport::Gre);
        let elsewhere = rule("x", &["192.0.2.1"], Ports::Free, Transport::Udp);
        assert_eq!(sockets_needed(std::slice::from_ref(&gre)), 0);
        let why: Vec<String> = open(&[gre, elsewhere]).not_bound.into_iter().map(|n| n.why).collect();
        assert!(why[0].starts_with("GRE"), "{why:?}");
        assert_eq!(why[1], "192.0.2.1 is not an address of this machine");
    }

    #[test]
    fn errors_name_the_remedy() {
        let low = words(&io::Error::from_raw_os_error(libc::EACCES), "127.0.0.1:80".parse().unwrap());
        assert!(low.contains("CAP_NET_BIND_SERVICE"), "{low}");
        let full = words(&io::Error::from_raw_os_error(libc::EMFILE), "127.0.0.1:80".parse().unwrap());
        assert_eq!(full, "no file descriptor is left");
    }
}
