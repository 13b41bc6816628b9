//! `--alt-bind`: the second address of a responder, and the four sockets that every STUN port then needs.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::cli::Unusable;
use crate::model::{PortRange, Service, Transport};
use crate::serve::{self, Ports, STAMP_RULE, ServeRule};
use crate::session::reflector::Alternate;

/// The second addresses that were named, at most one a family.
///
/// # Errors
/// Words for what is no address, not this machine's, or named twice.
pub fn addresses(texts: &[String]) -> Result<Vec<IpAddr>, Unusable> {
    let mut all: Vec<IpAddr> = Vec::new();
    for text in texts {
        let bare = text.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(text);
        let address: IpAddr =
            bare.parse().map_err(|_| Unusable(format!("--alt-bind {text}: `{text}` is not an address")))?;
        if all.iter().any(|a| a.is_ipv4() == address.is_ipv4()) {
            return Err(Unusable(format!("--alt-bind {text}: one second address a family is enough")));
        }
        if !serve::is_own_address(address) {
            return Err(Unusable(format!("--alt-bind {text}: this machine has no such address to send from")));
        }
        all.push(address);
    }
    Ok(all)
}

/// What answers discovery, and the services beside `services` that open its sockets.
///
/// # Errors
/// Words for a second address that is the first one, or has no STUN port to stand beside.
pub fn services(second: Vec<IpAddr>, services: &[ServeRule]) -> Result<(Alternate, Vec<ServeRule>), Unusable> {
    let of_family = |ip: &IpAddr| second.iter().find(|s| s.is_ipv4() == ip.is_ipv4()).copied();
    let mut alternate = Alternate { second: second.clone(), ..Alternate::default() };
    let (mut beside, mut first, mut ports) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for rule in services.iter().filter(|r| is_stun(r)) {
        let Ports::Exact(range) = rule.ports else { continue };
        let Some(next) = range.last().checked_add(1).and_then(PortRange::single) else { continue };
        let here: Vec<IpAddr> = rule.bind.iter().copied().filter(|ip| of_family(ip).is_some()).collect();
        if let Some(same) = here.iter().find(|ip| second.contains(ip)) {
            return Err(Unusable(format!(
                "--alt-bind {same}: that is where {} is already; give another one",
                rule.role
            )));
        }
        if here.is_empty() {
            continue;
        }
        ports.insert(range.first());
        first.extend(here.iter().filter(|ip| !ip.is_unspecified()));
        let there: BTreeSet<IpAddr> = here.iter().filter_map(of_family).collect();
        let on = |name: &str, bind: Vec<IpAddr>, ports: PortRange| ServeRule {
            id: format!("{}.{name}", rule.id).as_str().into(),
            bind,
            ports: Ports::Exact(ports),
            service: Service::Stun,
            ..rule.clone()
        };
        beside.push(on("other-port", here, next));
        beside.push(on("other-address", there.iter().copied().collect(), range));
        beside.push(on("other-address-and-port", there.into_iter().collect(), next));
    }
    if beside.is_empty() && !second.is_empty() {
        return Err(Unusable("--alt-bind: nothing that is served here answers STUN in its family".to_owned()));
    }
    alternate.first = first.into_iter().collect();
    alternate.ports = ports.into_iter().collect();
    Ok((alternate, beside))
}

/// A STUN port of its own, and not STAMP's.
fn is_stun(rule: &ServeRule) -> bool {
    let single = matches!(rule.ports, Ports::Exact(range) if range.count() == 1);
    let stamp = rule.id.as_str().ends_with(STAMP_RULE);
    rule.transport == Transport::Udp && rule.service == Service::Stun && single && !stamp
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stun(bind: &[&str]) -> ServeRule {
        ServeRule {
            id: "rtc.stun".into(),
            role: "rtc".into(),
            bind: bind.iter().map(|a| a.parse().unwrap()).collect(),
            ports: Ports::Exact(PortRange::single(3478).unwrap()),
            service: Service::Stun,
            transport: Transport::Udp,
            subprotocol: None,
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_second_address_opens_three_sockets_more_in_its_family() {
        let (alternate, beside) = services(vec![ip("127.0.0.2")], &[stun(&["127.0.0.1", "::1"])]).unwrap();
        assert_eq!((alternate.first, alternate.ports), (vec![ip("127.0.0.1")], vec![3478]));
        let told = |r: &ServeRule| match r.ports {
            Ports::Exact(range) => format!("{} {:?} {}", r.id.as_str(), r.bind, range.first()),
            Ports::Free => panic!("free"),
        };
        let told: Vec<String> = beside.iter().map(told).collect();
        assert_eq!(
            told,
            [
                "rtc.stun.other-port [127.0.0.1] 3479",
                "rtc.stun.other-address [127.0.0.2] 3478",
                "rtc.stun.other-address-and-port [127.0.0.2] 3479"
            ]
        );
    }

    #[test]
    fn what_cannot_be_a_second_address_says_why() {
        let texts = |all: &[&str]| all.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let why = |all: &[&str]| addresses(&texts(all)).unwrap_err().0;
        assert!(why(&["here"]).ends_with("is not an address"));
        assert!(why(&["192.0.2.1"]).contains("no such address"));
        assert!(why(&["0.0.0.0"]).contains("no such address"));
        assert!(why(&["127.0.0.1", "127.0.0.2"]).contains("a family"));
        assert_eq!(addresses(&texts(&["127.0.0.9"])).unwrap(), [ip("127.0.0.9")]);
        let same = services(vec![ip("127.0.0.1")], &[stun(&["127.0.0.1"])]).unwrap_err().0;
        assert!(same.contains("already"), "{same}");
        assert!(services(vec![ip("127.0.0.1")], &[]).is_err());
        assert!(services(vec![], &[]).is_ok());
    }
}
