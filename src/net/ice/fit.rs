//! Which of this machine's addresses may be candidates.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Host candidates; a machine with more has them of containers and tunnels.
const MOST_HOSTS: usize = 8;

/// Why an address is no candidate where the far agent is at `target`; `None`: it is one.
fn unfit(address: IpAddr, target: IpAddr) -> Option<&'static str> {
    if target.is_loopback() {
        return (!address.is_loopback()).then_some("the target is on this machine's loopback interface");
    }
    if address.is_loopback() {
        return Some("loopback: nobody but this machine reaches it");
    }
    let link_local = match address {
        IpAddr::V4(a) => a.is_link_local(),
        IpAddr::V6(a) => is_link_local(a),
    };
    link_local.then_some("link-local: nobody beyond the next router reaches it")
}

/// fe80::/10.
fn is_link_local(address: Ipv6Addr) -> bool {
    address.segments().first().is_some_and(|s| s & 0xFFC0 == 0xFE80)
}

/// Keeps what was left out.
#[derive(Clone, Default)]
pub struct Sieve(Arc<Mutex<Sieved>>);

#[derive(Default)]
struct Sieved {
    hosts: usize,
    left_out: Vec<(IpAddr, &'static str)>,
}

impl Sieve {
    /// Whether an address is a candidate.
    pub fn passes(&self, address: IpAddr, target: IpAddr) -> bool {
        let mut sieved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let many = || (sieved.hosts >= MOST_HOSTS).then_some("this machine has more addresses than are tried");
        let why = unfit(address, target).or_else(many);
        match why {
            None => sieved.hosts += 1,
            Some(why) if !sieved.left_out.contains(&(address, why)) => sieved.left_out.push((address, why)),
            Some(_) => {}
        }
        why.is_none()
    }

    /// What was left out so far, in order of address.
    pub fn left_out(&self) -> Vec<(IpAddr, &'static str)> {
        let mut left_out = self.0.lock().unwrap_or_else(PoisonError::into_inner).left_out.clone();
        left_out.sort();
        left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_far_agent_could_not_reach_is_left_out_and_said_why() {
        let at = |text: &str| -> IpAddr { text.parse().unwrap() };
        let far = at("198.51.100.1");
        for (address, word) in [("127.0.0.1", "loopback"), ("169.254.3.4", "link-local"), ("fe80::1", "link-local")] {
            assert!(unfit(at(address), far).unwrap().starts_with(word), "{address}");
        }
        for address in ["192.168.1.2", "100.64.0.1", "2001:db8::1", "fd00::1"] {
            assert_eq!(unfit(at(address), far), None, "{address}");
        }
        assert_eq!((unfit(at("::1"), at("::1")), unfit(at("192.0.2.1"), at("127.0.0.1")).is_some()), (None, true));
    }

    #[test]
    fn no_more_than_so_many_hosts_pass() {
        let sieve = Sieve::default();
        let far = IpAddr::from([198, 51, 100, 1]);
        let passed = (1..=20).filter(|n| sieve.passes([192, 0, 2, *n].into(), far)).count();
        assert_eq!((passed, sieve.left_out().len()), (MOST_HOSTS, 12));
    }
}
