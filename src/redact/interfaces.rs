//! Names of interfaces: those that a system gives stay, those that an administrator made up go. Knows no report.

/// What systems and their tools begin such names with, before nothing but numbers; words of every network among them.
const GIVEN: [&str; 38] = [
    "lo",
    "eth",
    "en",
    "wlan",
    "wl",
    "ww",
    "wwan",
    "usb",
    "ppp",
    "tun",
    "tap",
    "wg",
    "utun",
    "ipsec",
    "vti",
    "gre",
    "sit",
    "ip6tnl",
    "tailscale",
    "nordlynx",
    "br",
    "virbr",
    "docker",
    "veth",
    "bond",
    "team",
    "dummy",
    "ifb",
    "if",
    "vlan",
    "macvlan",
    "rmnet",
    "vpn",
    "lan",
    "wan",
    "mgmt",
    "uplink",
    "vmbr",
];

/// Whether the name tells nothing of its owner: `eth0.100`, `enp0s31f6`, `wg0`.
pub(super) fn is_given(name: &str) -> bool {
    let name = name.split('@').next().unwrap_or_default();
    let numbers = |rest: &str| rest.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let by_place = |rest: &str| {
        // A place is letters with a number each; `x` and a hardware address is none.
        let ends = rest.ends_with(|c: char| c.is_ascii_digit());
        let double = rest.as_bytes().windows(2).any(|w| w.iter().all(u8::is_ascii_lowercase) && w != b"np");
        ends && !double && rest.bytes().all(|b| b.is_ascii_digit() || b"Ppsfduonic.".contains(&b))
    };
    GIVEN.iter().any(|given| name.strip_prefix(given).is_some_and(numbers))
        || ["en", "wl", "ww"].iter().any(|kind| name.strip_prefix(kind).is_some_and(by_place))
}

/// Names of interfaces in running text: in sentences of this program, and zones of addresses (RFC 4007).
pub(super) fn in_text(text: &str) -> impl Iterator<Item = &str> {
    let in_sentences = text.split("leaves by ").skip(1).map(begin).filter(|name| !ARTICLES.contains(name));
    let zone = |(n, _): (usize, &str)| {
        let (before, after) = (text.get(..n)?, text.get(n + 1..)?);
        let address = before.rsplit(|c: char| !c.is_ascii_hexdigit() && c != ':' && c != '.').next()?;
        (address.matches(':').count() > 1 && after.starts_with(char::is_alphabetic)).then(|| begin(after))
    };
    in_sentences.chain(text.match_indices('%').filter_map(zone))
}

const ARTICLES: [&str; 5] = ["a", "an", "the", "this", "another"];

fn begin(rest: &str) -> &str {
    rest.split([' ', ',', ';', ':', ')', ']', '"', '`', '/', '\n']).next().unwrap_or_default().trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_systems_give_stay() {
        for name in
            ["lo", "eth0", "eth0.100", "enp0s31f6", "wlp2s0", "eno1np0", "wg0", "tun0", "if0", "ens5", "veth1@if5"]
        {
            assert!(is_given(name), "{name}");
        }
        for name in ["wg-acme", "acme0", "enx00005e005301", "acme", "eth-acme", "vpn_acme", "tunacme0", "enosco"] {
            assert!(!is_given(name), "{name}");
        }
    }

    #[test]
    fn sentences_name_interfaces() {
        let text = "The way: leaves by wg-acme; then. the route to 192.0.2.1 leaves by acme0, a tunnel";
        assert_eq!(in_text(text).collect::<Vec<_>>(), ["wg-acme", "acme0"]);
        assert_eq!(in_text("from [fe80::1%br-acme]:443, 50%off").collect::<Vec<_>>(), ["br-acme"]);
    }
}
