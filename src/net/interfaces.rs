//! This machine's own addresses: the one that it would send from, and the interface that has it. Asks the routing table and
//! sends nothing.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;

use super::several::any;

/// The way out towards a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The address that datagrams leave from.
    pub source: IpAddr,
    /// The interface that has it; `None` where the system does not tell.
    pub interface: Option<Interface>,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    pub name: String,
    /// It has one neighbour only, as tunnels have.
    pub point_to_point: bool,
}

/// How VPN software and the kernel name tunnels.
const TUNNELS: [&str; 14] = [
    "tun",
    "tap",
    "wg",
    "ppp",
    "utun",
    "tailscale",
    "zt",
    "ipsec",
    "vpn",
    "gpd",
    "cscotun",
    "nordlynx",
    "proton",
    "xfrm",
];

impl Interface {
    /// Whether it looks like a tunnel, by its name or its flags.
    pub fn is_tunnel(&self) -> bool {
        self.point_to_point || TUNNELS.iter().any(|prefix| self.name.starts_with(prefix))
    }
}

/// How this machine would send to `to`; `None` where it has no route.
pub fn route(to: IpAddr) -> Option<Route> {
    // Port 9 is "discard"; connecting sends nothing.
    let socket = UdpSocket::bind(SocketAddr::new(any(to), 0)).ok()?;
    socket.connect((to, 9)).ok()?;
    let source = socket.local_addr().ok()?.ip();
    let has = |i: &InterfaceAddress| address(i) == Some(source);
    let interface = getifaddrs().into_iter().flatten().find(has);
    let interface = interface.map(|i| Interface {
        point_to_point: i.flags.contains(InterfaceFlags::IFF_POINTOPOINT),
        // A name is shown, so nothing that a terminal obeys stays in it.
        name: i.interface_name.chars().filter(|c| !c.is_control()).take(32).collect(),
    });
    Some(Route { source, interface })
}

fn address(interface: &InterfaceAddress) -> Option<IpAddr> {
    let a = interface.address?;
    let v4 = a.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
    v4.or_else(|| a.as_sockaddr_in6().map(|a| IpAddr::V6(a.ip())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_reached_from_itself_and_is_no_tunnel() {
        let route = route([127, 0, 0, 1].into()).unwrap();
        assert_eq!(route.source, IpAddr::from([127, 0, 0, 1]));
        assert!(!route.interface.unwrap().is_tunnel());
    }

    #[test]
    fn tunnels_are_known_by_name_or_flag() {
        let of = |name: &str, point_to_point| Interface { name: name.to_owned(), point_to_point }.is_tunnel();
        for name in ["tun0", "tap1", "wg0", "ppp0", "utun3", "tailscale0", "ztabc"] {
            assert!(of(name, false), "{name}");
        }
        assert!(of("he-ipv6", true));
        assert!(!of("eth0", false) && !of("wlan0", false) && !of("enp3s0", false) && !of("lo", false));
    }
}
