//! Every network interface: what it is, whether it is up, how long its packets may be, and its addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Root, link};
use crate::model::doctor::Interface;
use crate::model::machine::LinkKind;
use crate::net::classify::clean;

/// A host of containers has hundreds; those with an address are told first.
const MOST: usize = 256;
const MOST_ADDRESSES: usize = 32;

/// The interfaces below `root` with `addresses` by their names: up first, and those with addresses first.
pub fn interfaces(root: &Root, is_guest: bool, addresses: &BTreeMap<String, Vec<String>>) -> Vec<Interface> {
    let names = root.names("sys/class/net", 4 * MOST);
    let mut all: Vec<Interface> = names.iter().map(|name| one(root, name, is_guest, addresses)).collect();
    // Where there is no /sys, what has an address is still known.
    let known = |name: &String| !names.contains(name);
    all.extend(addresses.keys().filter(|n| known(n)).map(|name| one(root, name, is_guest, addresses)));
    all.sort_by_key(|i| (!i.is_up(), i.addresses.is_empty(), i.kind == LinkKind::Loopback));
    all.truncate(MOST);
    all
}

fn one(root: &Root, name: &str, is_guest: bool, addresses: &BTreeMap<String, Vec<String>>) -> Interface {
    let link = link::link(root, name, is_guest);
    let value = |file: &str| root.value(&format!("sys/class/net/{name}/{file}"));
    let addresses = addresses.get(name).map(Vec::as_slice).unwrap_or_default();
    Interface {
        interface: link.interface,
        kind: link.kind,
        through: link.through,
        state: value("operstate").map_or_else(|| "unknown".to_owned(), |state| clean(&state, 16)),
        mtu: value("mtu").and_then(|mtu| mtu.parse().ok()),
        addresses: addresses.iter().take(MOST_ADDRESSES).cloned().collect(),
    }
}

/// The addresses that interfaces have now, with the length of their prefix.
pub fn addresses() -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for interface in nix::ifaddrs::getifaddrs().into_iter().flatten() {
        let ip = |a: &nix::sys::socket::SockaddrStorage| {
            let v4 = a.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
            v4.or_else(|| a.as_sockaddr_in6().map(|a| IpAddr::V6(a.ip())))
        };
        let Some(address) = interface.address.as_ref().and_then(ip) else { continue };
        let length = interface.netmask.as_ref().and_then(ip).map(|mask| match mask {
            IpAddr::V4(mask) => mask.to_bits().leading_ones(),
            IpAddr::V6(mask) => mask.to_bits().leading_ones(),
        });
        let text = length.map_or_else(|| address.to_string(), |length| format!("{address}/{length}"));
        found.entry(interface.interface_name).or_default().push(text);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    #[test]
    fn interfaces_are_told_with_what_they_are_the_useful_ones_first() {
        let (_dir, root) = tree::of(&[
            ("sys/class/net/lo/type", "772"),
            ("sys/class/net/lo/operstate", "unknown"),
            ("sys/class/net/eth0/type", "1"),
            ("sys/class/net/eth0/operstate", "down"),
            ("sys/class/net/eth0/device/driver", "-> x/e1000e"),
            ("sys/class/net/wg0/type", "65534"),
            ("sys/class/net/wg0/mtu", "1420\n"),
            ("sys/class/net/wg0/operstate", "unknown"),
        ]);
        let addresses = [("lo", "127.0.0.1/8"), ("wg0", "10.9.0.2/32"), ("gone0", "192.0.2.9/24")];
        let addresses = addresses.map(|(name, a)| (name.to_owned(), vec![a.to_owned()])).into();
        let found = interfaces(&root, false, &addresses);
        let names: Vec<&str> = found.iter().map(|i| i.interface.as_str()).collect();
        assert_eq!(names, ["wg0", "gone0", "lo", "eth0"]);
        assert_eq!((found[0].kind, found[0].mtu, found[0].is_up()), (LinkKind::Tunnel, Some(1420), true));
        assert_eq!(found[0].addresses, ["10.9.0.2/32"]);
        assert!(!found[3].is_up());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn loopback_of_this_machine_has_its_address() {
        let found = interfaces(&Root::default(), false, &addresses());
        let lo = found.iter().find(|i| i.kind == LinkKind::Loopback).unwrap();
        assert!(lo.addresses.contains(&"127.0.0.1/8".to_owned()), "{lo:?}");
    }
}
