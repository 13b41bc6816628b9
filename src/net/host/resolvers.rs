//! Who is asked for names: resolv.conf(5), the servers behind a resolver on this machine, and the order of sources
//! (nsswitch.conf(5)). Asks nobody.

use std::net::IpAddr;

use super::{Root, Unreadable};
use crate::model::doctor::{Behind, Resolvers};
use crate::net::classify::clean;

const MOST: u64 = 64 * 1024;

/// Values of one kind; the C library reads three servers and six domains.
const MOST_VALUES: usize = 16;

/// Where resolvers on this machine leave the servers that they ask.
const BEHIND: [(&str, &str); 3] = [
    ("systemd-resolved", "run/systemd/resolve/resolv.conf"),
    ("NetworkManager", "run/NetworkManager/no-stub-resolv.conf"),
    ("NetworkManager", "run/NetworkManager/resolv.conf"),
];

/// What this machine is set to ask.
///
/// # Errors
/// `/etc/resolv.conf` is there and cannot be read; without one the C library asks this machine itself.
pub fn resolvers(root: &Root) -> Result<Resolvers, Unreadable> {
    let text = root.read_if_there("etc/resolv.conf", MOST)?.map(|t| t.text).unwrap_or_default();
    let read = resolv_conf(&text);
    let is_local = |server: &String| server.parse::<IpAddr>().is_ok_and(|a| a.is_loopback());
    let sources = root.read("etc/nsswitch.conf", MOST).map(|t| hosts_of(&t.text)).unwrap_or_default();
    let asked_here = read.servers.is_empty() || read.servers.iter().any(is_local);
    let behind = asked_here.then(|| behind(root)).flatten();
    Ok(Resolvers { behind, sources, ..read })
}

fn behind(root: &Root) -> Option<Behind> {
    let told = |(software, path): (&str, &str)| {
        let read = resolv_conf(&root.read(path, MOST).ok()?.text);
        let found = Behind { software: software.to_owned(), servers: read.servers, search: read.search };
        found.servers.iter().any(|s| s.parse::<IpAddr>().is_ok_and(|a| !a.is_loopback())).then_some(found)
    };
    BEHIND.into_iter().find_map(told)
}

/// Reads resolv.conf; what is no line of it is passed over. The last of `domain` and `search` counts, as in the C library.
pub fn resolv_conf(text: &str) -> Resolvers {
    let mut read = Resolvers::default();
    for line in text.lines().filter(|line| !line.starts_with(['#', ';'])) {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("nameserver") => {
                // A zone stays: fe80::1%eth0.
                let server = words.next().filter(|w| is_address(w)).map(|w| clean(w, 64));
                read.servers.extend(server.filter(|s| !read.servers.contains(s)));
            }
            Some("search" | "domain") => read.search = words.take(MOST_VALUES).map(|w| clean(w, 253)).collect(),
            Some("options") => read.settings.extend(words.map(|w| clean(w, 64))),
            _ => {}
        }
    }
    read.servers.truncate(MOST_VALUES);
    read.settings.truncate(MOST_VALUES);
    read
}

fn is_address(word: &str) -> bool {
    word.split('%').next().unwrap_or_default().parse::<IpAddr>().is_ok()
}

/// The sources of `hosts:`, without what is done about their answers (`[NOTFOUND=return]`).
pub fn hosts_of(nsswitch: &str) -> Vec<String> {
    let line = nsswitch.lines().find_map(|line| line.trim_start().strip_prefix("hosts:")).unwrap_or_default();
    let line = line.split('#').next().unwrap_or_default();
    let words = line.split_ascii_whitespace().filter(|word| !word.contains(['[', ']', '=']));
    words.take(MOST_VALUES).map(|word| clean(word, 32)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tree;
    use super::*;

    #[test]
    fn the_servers_behind_a_resolver_of_this_machine_are_read() {
        let stub = "# stub\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch corp.example\n";
        let real = "nameserver 192.0.2.53\nnameserver fe80::1%eth0\nsearch corp.example lab.example\n";
        let (_dir, root) = tree::of(&[
            ("etc/resolv.conf", stub),
            ("run/systemd/resolve/resolv.conf", real),
            ("etc/nsswitch.conf", "passwd: files\nhosts: files mdns4_minimal [NOTFOUND=return] dns # as shipped\n"),
        ]);
        let read = resolvers(&root).unwrap();
        assert_eq!(
            (read.servers.as_slice(), read.search.as_slice()),
            (&["127.0.0.53".into()][..], &["corp.example".into()][..])
        );
        assert_eq!(read.settings, ["edns0", "trust-ad"]);
        assert_eq!(read.sources, ["files", "mdns4_minimal", "dns"]);
        let behind = read.behind.unwrap();
        assert_eq!((behind.software.as_str(), behind.servers.len()), ("systemd-resolved", 2));
        assert_eq!(behind.servers[1], "fe80::1%eth0");
    }

    #[test]
    fn what_asks_others_itself_has_nothing_behind_it() {
        let files = [
            ("etc/resolv.conf", "nameserver 192.0.2.53\n"),
            ("run/systemd/resolve/resolv.conf", "nameserver 192.0.2.1"),
        ];
        let (_dir, root) = tree::of(&files);
        assert_eq!(resolvers(&root).unwrap().behind, None);
        // dnsmasq that is told its servers elsewhere.
        let files =
            [("etc/resolv.conf", "nameserver 127.0.0.1\n"), ("run/NetworkManager/resolv.conf", "nameserver 127.0.0.1")];
        let (_dir, root) = tree::of(&files);
        assert_eq!(resolvers(&root).unwrap().behind, None);
        let (_dir, root) = tree::of(&[]);
        assert_eq!(resolvers(&root), Ok(Resolvers::default()));
        let (_dir, root) = tree::of(&[("etc/resolv.conf/none", "")]);
        assert!(resolvers(&root).is_err());
    }

    #[test]
    fn damaged_lines_and_too_many_are_passed_over() {
        let many: String = (1..100).map(|n| format!("nameserver 192.0.2.{n}\nnameserver 192.0.2.{n}\n")).collect();
        let read = resolv_conf(&format!("nameserver\nnameserver x\n nameserver \u{1b}[2J\nsearch a\ndomain b\n{many}"));
        assert_eq!((read.servers.len(), read.search.as_slice()), (MOST_VALUES, &["b".to_owned()][..]));
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in any::<String>()) {
            let read = resolv_conf(&text);
            prop_assert!(read.servers.len() <= MOST_VALUES && hosts_of(&text).len() <= MOST_VALUES);
        }
    }
}
