//! What an interface is: a wire, Wi-Fi, a mobile network, a tunnel, or one that exists in the kernel alone; looked through
//! bridges, bonds and VLANs to what lies below. Reads `/sys/class/net` and knows no route.

use super::Root;
use crate::model::machine::{Link, LinkKind};
use crate::net::classify::clean;

/// A bond of bridges of VLANs has three storeys.
const DEEPEST: usize = 5;
/// Interfaces below one that are looked at.
const MOST_BELOW: usize = 64;

/// Drivers of modems, and of telephones on a USB cable.
const MODEMS: [&str; 8] =
    ["qmi_wwan", "cdc_mbim", "sierra_net", "huawei_cdc_ncm", "hso", "ipheth", "rndis_host", "mhi_net"];
/// Cards that a hypervisor makes up.
const GUESTS: [&str; 8] = ["virtio_net", "vmxnet3", "hv_netvsc", "netvsc", "xen_netfront", "vif", "ena", "gve"];
/// Types of `include/uapi/linux/if_arp.h`: none (tun, WireGuard, IPsec), IPIP, IPv6 in IPv6, SIT, GRE over IPv4 and IPv6.
const TUNNELS: [u32; 6] = [65_534, 768, 769, 776, 778, 823];
const PPP: u32 = 512;
const ETHERNET: u32 = 1;
const LOOPBACK: u32 = 772;

/// What `interface` is. On a guest of a hypervisor a card is none of a wire's own.
pub fn link(root: &Root, interface: &str, is_guest: bool) -> Link {
    let (kind, through, driver) = look(root, interface, is_guest, DEEPEST);
    Link { interface: clean(interface, 32), kind, through: through.iter().map(|n| clean(n, 32)).collect(), driver }
}

type Seen = (LinkKind, Vec<String>, Option<String>);

fn look(root: &Root, interface: &str, is_guest: bool, storeys: usize) -> Seen {
    let base = format!("sys/class/net/{interface}");
    if interface.is_empty() || interface.contains('/') || interface.starts_with('.') || !root.has(&base) {
        return (LinkKind::Unknown, Vec::new(), None);
    }
    let driver = root.link(&format!("{base}/device/driver"));
    if let Some(kind) = itself(root, &base, driver.as_deref(), is_guest) {
        return (kind, Vec::new(), driver);
    }
    let below = below(root, &base);
    if below.is_empty() || storeys == 0 {
        // A bridge without a port, a pair of virtual Ethernet, a dummy: no card is at its end.
        return (LinkKind::Virtual, Vec::new(), None);
    }
    let all = below.into_iter().map(|name| (look(root, &name, is_guest, storeys - 1), name));
    // Ports of a bridge to containers and guests lead inside; of the ways out, the weakest link says what it is.
    let leads_out = |kind: LinkKind| u8::from(!matches!(kind, LinkKind::Virtual | LinkKind::Tunnel));
    let best = all.max_by_key(|((kind, _, _), _)| (leads_out(*kind), *kind));
    let Some(((kind, through, driver), name)) = best else { return (LinkKind::Virtual, Vec::new(), None) };
    (kind, std::iter::once(name).chain(through).collect(), driver)
}

/// What an interface is that carries packets itself; `None` for one that hands them to others below it.
fn itself(root: &Root, base: &str, driver: Option<&str>, is_guest: bool) -> Option<LinkKind> {
    let has = |name: &str| root.has(&format!("{base}/{name}"));
    let uevent = root.value(&format!("{base}/uevent")).unwrap_or_default();
    let devtype = uevent.lines().find_map(|l| l.strip_prefix("DEVTYPE=")).unwrap_or_default();
    let kind: Option<u32> = root.value(&format!("{base}/type")).and_then(|t| t.parse().ok());
    let is_modem = driver.is_some_and(|d| MODEMS.contains(&d));
    let is_guests = is_guest || driver.is_some_and(|d| GUESTS.contains(&d));
    Some(match (devtype, kind) {
        (_, Some(LOOPBACK)) => LinkKind::Loopback,
        ("wlan", _) => LinkKind::Wifi,
        _ if has("wireless") || has("phy80211") => LinkKind::Wifi,
        ("wwan", _) => LinkKind::Mobile,
        _ if is_modem => LinkKind::Mobile,
        ("wireguard" | "vxlan" | "geneve" | "gretap" | "ip6gretap", _) => LinkKind::Tunnel,
        _ if has("tun_flags") => LinkKind::Tunnel,
        ("ppp", _) | (_, Some(PPP)) => LinkKind::Unknown,
        (_, Some(kind)) if TUNNELS.contains(&kind) => LinkKind::Tunnel,
        _ if has("bridge") || has("bonding") => return None,
        ("bridge" | "bond" | "vlan" | "macvlan" | "team", _) => return None,
        _ if !has("device") => return None,
        (_, Some(ETHERNET)) if is_guests => LinkKind::Virtual,
        (_, Some(ETHERNET)) => LinkKind::Wired,
        _ => LinkKind::Unknown,
    })
}

/// The interfaces that packets go to from here: the one that a bond uses now, or all that lie below.
fn below(root: &Root, base: &str) -> Vec<String> {
    let active = root.value(&format!("{base}/bonding/active_slave")).filter(|name| !name.is_empty());
    if let Some(name) = active {
        return vec![name];
    }
    let names = root.names(base, 4096);
    names.iter().filter_map(|n| n.strip_prefix("lower_")).take(MOST_BELOW).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    /// Files of `/sys/class/net`, by interface.
    fn sys(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let files: Vec<(String, &str)> = files.iter().map(|(f, t)| (format!("sys/class/net/{f}"), *t)).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(f, t)| (f.as_str(), *t)).collect();
        tree::of(&files)
    }

    const CARD: [(&str, &str); 2] = [("eth0/type", "1\n"), ("eth0/device/driver", "-> ../../drivers/e1000e")];
    const WIFI: [(&str, &str); 3] =
        [("wlan0/type", "1\n"), ("wlan0/uevent", "DEVTYPE=wlan\nINTERFACE=wlan0\n"), ("wlan0/phy80211", "-> ../phy0")];

    #[test]
    fn cards_modems_and_tunnels_are_told_apart() {
        for (files, name, kind) in [
            (&CARD[..], "eth0", LinkKind::Wired),
            (&WIFI[..], "wlan0", LinkKind::Wifi),
            (&[("w/type", "1"), ("w/wireless/x", "")], "w", LinkKind::Wifi),
            (&[("wwan0/type", "65534"), ("wwan0/uevent", "DEVTYPE=wwan")], "wwan0", LinkKind::Mobile),
            (&[("usb0/type", "1"), ("usb0/device/driver", "-> x/rndis_host")], "usb0", LinkKind::Mobile),
            (&[("tun0/type", "65534"), ("tun0/tun_flags", "0x1001")], "tun0", LinkKind::Tunnel),
            (&[("tap0/type", "1"), ("tap0/tun_flags", "0x1002")], "tap0", LinkKind::Tunnel),
            (&[("wg0/type", "65534"), ("wg0/uevent", "DEVTYPE=wireguard")], "wg0", LinkKind::Tunnel),
            (&[("he/type", "776")], "he", LinkKind::Tunnel),
            (&[("ppp0/type", "512"), ("ppp0/uevent", "DEVTYPE=ppp")], "ppp0", LinkKind::Unknown),
            (&[("lo/type", "772")], "lo", LinkKind::Loopback),
            (&[("veth1/type", "1")], "veth1", LinkKind::Virtual),
            (&[("ens3/type", "1"), ("ens3/device/driver", "-> x/virtio_net")], "ens3", LinkKind::Virtual),
            (&[], "none", LinkKind::Unknown),
        ] {
            let (_dir, root) = sys(files);
            assert_eq!(link(&root, name, false).kind, kind, "{name}");
        }
        let (_dir, root) = sys(&CARD);
        assert_eq!(link(&root, "eth0", true).kind, LinkKind::Virtual, "a guest's card");
        assert_eq!(link(&root, "../../etc", false).kind, LinkKind::Unknown);
    }

    #[test]
    fn bridges_bonds_and_vlans_are_looked_through() {
        let vlan = [
            CARD[0],
            CARD[1],
            ("eth0.7/type", "1"),
            ("eth0.7/uevent", "DEVTYPE=vlan"),
            ("eth0.7/lower_eth0", "-> ../eth0"),
        ];
        let (_dir, root) = sys(&vlan);
        let seen = link(&root, "eth0.7", false);
        assert_eq!(
            (seen.kind, seen.through, seen.driver.as_deref()),
            (LinkKind::Wired, vec!["eth0".to_owned()], Some("e1000e"))
        );
        let bridge = [
            &CARD[..],
            &[
                ("br0/type", "1"),
                ("br0/bridge/x", ""),
                ("br0/lower_eth0", "-> ../eth0"),
                ("br0/lower_tap7", "-> ../tap7"),
            ],
            &[("tap7/type", "1"), ("tap7/tun_flags", "0x1002")],
        ];
        let (_dir, root) = sys(&bridge.concat());
        assert_eq!(link(&root, "br0", false).kind, LinkKind::Wired, "the guest's tap leads inside");
        let (_dir, root) = sys(&[("docker0/type", "1"), ("docker0/bridge/x", "")]);
        assert_eq!(link(&root, "docker0", false).kind, LinkKind::Virtual);
    }

    #[test]
    fn of_a_bond_the_active_line_counts_and_else_the_weakest() {
        let bond = [("bond0/type", "1"), ("bond0/lower_eth0", "-> ../eth0"), ("bond0/lower_wlan0", "-> ../wlan0")];
        let both = [&CARD[..], &WIFI, &bond].concat();
        let with = |active: &'static str| [&both[..], &[("bond0/bonding/active_slave", active)]].concat();
        for (active, kind) in [("eth0\n", LinkKind::Wired), ("wlan0\n", LinkKind::Wifi), ("\n", LinkKind::Wifi)] {
            let (_dir, root) = sys(&with(active));
            assert_eq!(link(&root, "bond0", false).kind, kind, "{active:?}");
        }
    }

    #[test]
    fn a_circle_ends() {
        let (_dir, root) =
            sys(&[("a/bridge/x", ""), ("a/lower_b", "-> ../b"), ("b/bridge/x", ""), ("b/lower_a", "-> ../a")]);
        assert_eq!(link(&root, "a", false).kind, LinkKind::Virtual);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn loopback_of_this_machine_is_seen() {
        assert_eq!(link(&Root::default(), "lo", false).kind, LinkKind::Loopback);
    }
}
