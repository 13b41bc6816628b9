//! The main routing table of both families, as `/proc/net` has it. Sees no other table: what the kernel would really
//! do is asked by `interfaces::route`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Root, Unreadable};
use crate::model::doctor::Route;
use crate::net::classify::clean;

/// A line has 130 bytes at the most, so that is tens of thousands of routes; a router of the Internet is told in part.
const MOST: u64 = 4 * 1024 * 1024;

/// `RTF_UP`, `RTF_GATEWAY`, `RTF_REJECT`, `RTF_CACHE` and `RTF_LOCAL` (Linux, `include/uapi/linux/route.h`, `ipv6_route.h`).
const UP: u32 = 0x0001;
const GATEWAY: u32 = 0x0002;
const REJECT: u32 = 0x0200;
const CACHE: u32 = 0x0100_0000;
const LOCAL: u32 = 0x8000_0000;

/// Every route of both families, IPv4's first, each family's defaults first.
///
/// # Errors
/// A table cannot be read; a machine without IPv6 has none of it.
pub fn routes(root: &Root) -> Result<Vec<Route>, Unreadable> {
    let four = root.read_if_there("proc/net/route", MOST)?;
    let six = root.read_if_there("proc/net/ipv6_route", MOST)?;
    let mut found: Vec<Route> = four.iter().flat_map(|t| t.text.lines()).filter_map(of_ipv4).collect();
    found.sort_by_key(|route| (!route.is_default(), route.metric));
    let mut six: Vec<Route> = six.iter().flat_map(|t| t.text.lines()).filter_map(of_ipv6).collect();
    six.sort_by_key(|route| (!route.is_default(), route.metric));
    found.extend(six);
    Ok(found)
}

/// A line of `/proc/net/route`; `None` for the heading, what is damaged, and what leads nowhere.
pub fn of_ipv4(line: &str) -> Option<Route> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [interface, to, gateway, flags, _, _, metric, mask, ..] = fields.as_slice() else { return None };
    let address = |hex: &str| Some(Ipv4Addr::from(u32::from_str_radix(hex, 16).ok()?.to_ne_bytes()));
    let flags = u32::from_str_radix(flags, 16).ok()?;
    if flags & UP == 0 || flags & REJECT != 0 {
        return None;
    }
    let gateway = (flags & GATEWAY != 0).then(|| address(gateway)).flatten();
    Some(Route {
        to: format!("{}/{}", address(to)?, address(mask)?.to_bits().leading_ones()),
        gateway: gateway.map(|g| g.to_string()),
        interface: clean(interface, 32),
        metric: metric.parse().ok()?,
    })
}

/// A line of `/proc/net/ipv6_route`; `None` for what is damaged, this machine's own addresses, and what leads nowhere.
pub fn of_ipv6(line: &str) -> Option<Route> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [to, length, _, _, gateway, metric, _, _, flags, interface] = fields.as_slice() else { return None };
    let address =
        |hex: &str| (hex.len() == 32).then(|| u128::from_str_radix(hex, 16).ok().map(Ipv6Addr::from)).flatten();
    let flags = u32::from_str_radix(flags, 16).ok()?;
    let (to, length) = (address(to)?, u8::from_str_radix(length, 16).ok().filter(|n| *n <= 128)?);
    if flags & UP == 0 || flags & (REJECT | CACHE | LOCAL) != 0 || *interface == "lo" || to.is_multicast() {
        return None;
    }
    let gateway = (flags & GATEWAY != 0).then(|| address(gateway)).flatten();
    Some(Route {
        to: format!("{to}/{length}"),
        gateway: gateway.map(|g| g.to_string()),
        interface: clean(interface, 32),
        metric: u32::from_str_radix(metric, 16).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tree;
    use super::*;

    const FOUR: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
        eth0\t000200C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n\
        eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
        wg0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0\n\
        *\t0000000A\t00000000\t0201\t0\t0\t0\t000000FF\t0\t0\t0\n";
    const SIX: &str = "fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth0\n\
        00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n\
        00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200 lo\n\
        fd000000000000000000000000000002 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001 eth0\n\
        ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001 eth0\n";

    #[test]
    #[cfg(target_endian = "little")]
    fn both_tables_are_read_defaults_first() {
        let (_dir, root) = tree::of(&[("proc/net/route", FOUR), ("proc/net/ipv6_route", SIX)]);
        let found = routes(&root).unwrap();
        let told: Vec<String> = found
            .iter()
            .map(|r| format!("{} {} {} {}", r.to, r.gateway.as_deref().unwrap_or("-"), r.interface, r.metric))
            .collect();
        assert_eq!(
            told,
            [
                "0.0.0.0/0 - wg0 50",
                "0.0.0.0/0 192.0.2.1 eth0 100",
                "192.0.2.0/24 - eth0 100",
                "::/0 fd00::1 eth0 1024",
                "fd00::/64 - eth0 256",
            ]
        );
    }

    #[test]
    fn a_machine_without_tables_has_no_routes() {
        let (_dir, root) = tree::of(&[]);
        assert_eq!(routes(&root), Ok(Vec::new()));
        let (_dir, root) = tree::of(&[("proc/net/route/none", "")]);
        assert!(routes(&root).is_err());
    }

    proptest! {
        #[test]
        fn no_line_breaks_it(line in any::<String>(), fields in proptest::collection::vec("[0-9a-f]{1,33}", 0..12)) {
            let _ = (of_ipv4(&line), of_ipv6(&line));
            let line = fields.join(" ");
            let _ = (of_ipv4(&line), of_ipv6(&line));
        }
    }
}
