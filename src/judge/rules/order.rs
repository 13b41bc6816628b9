//! The order of findings: what to mend first. A fault of this machine or of its names hides what lies behind it, so it
//! comes before the way, the way before the service, and the service before how well media fare.

use std::cmp::Reverse;

use crate::model::Finding;

/// Where a cause lies, in the order in which causes are to be mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// This machine, and the network that lets it in.
    Machine,
    /// Names and resolvers.
    Dns,
    /// Proxies.
    Proxy,
    /// Firewalls, routers and NATs on the way.
    Path,
    /// Certificates and who signs them.
    Tls,
    /// The platform's servers.
    Service,
    /// Ways of media, and how well they carry.
    Media,
    /// What was not tested, or not by what was meant.
    Coverage,
}

/// Every finding that there is, in the order in which findings of one status are listed.
const ORDER: &[(Layer, &[&str])] = &[
    (Layer::Machine, &["portal.captive", "clock.wrong", "blocked.local", "host.container"]),
    (
        Layer::Dns,
        &[
            "dns.udp-blocked",
            "dns.unanswered",
            "dns.hijack",
            "dns.private-answer",
            "dns.slow",
            "dns.many-addresses",
            "dns.differ",
        ],
    ),
    (
        Layer::Proxy,
        &[
            "proxy.unreachable",
            "proxy.login",
            "proxy.refused",
            "proxy.answers-itself",
            "proxy.port-policy",
            "proxy.upgrade-stripped",
            "proxy.idle-cut",
            "proxy.no-udp",
            "proxy.dns",
            "proxy.only-way",
        ],
    ),
    (
        Layer::Path,
        &[
            "host.unreachable",
            "udp.blocked",
            "blocked.rejected",
            "range.as-tcp",
            "blocked.dropped",
            "blocked.sni",
            "ipv6.broken",
            "path.mtu",
            "udp.policed",
            "sip.alg",
            "nat.symmetric",
            "nat.short-lifetime",
            "path.dscp",
            "path.mtu-small",
            "path.tunnel",
            "nat.carrier-grade",
            "nat.double",
            "nat.vpn",
            "icmp.filtered",
        ],
    ),
    (Layer::Tls, &["tls.interception", "tls.private-root"]),
    (Layer::Service, &["service.down", "media.cameras"]),
    (
        Layer::Media,
        &[
            "media.no-way",
            "quality.udp-silent",
            "range.lossy",
            "media.fallback",
            "media.range-open",
            "group.only-alternative",
            "group.alternative-unproven",
        ],
    ),
    (Layer::Coverage, &["responder.found", "range.sampled", "quality.without-responder", "rules.not-given"]),
];

/// The id of every finding, in order.
pub fn ids() -> impl Iterator<Item = &'static str> {
    ORDER.iter().flat_map(|(_, ids)| ids.iter().copied())
}

/// The worst first; of one status, what is to be mended first.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|f| (Reverse(f.status), rank(&f.id)));
}

/// Its place; what has none comes last.
fn rank(id: &str) -> usize {
    ids().position(|known| known == id).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::model::Status;

    /// Every `id: "…"` and `"id"`-like literal of the rules and of the judge of machines: words with a dot between.
    fn emitted() -> BTreeSet<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/judge");
        let mut files: Vec<_> = std::fs::read_dir(root.join("rules")).unwrap().map(|e| e.unwrap().path()).collect();
        files.push(root.join("host.rs"));
        let mut found = BTreeSet::new();
        for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "rs") && !f.ends_with("order.rs")) {
            let text = std::fs::read_to_string(file).unwrap();
            let code = text.split("\n#[cfg(test)]").next().unwrap();
            let literals = code
                .lines()
                .filter(|l| !l.trim_start().starts_with("//"))
                .flat_map(|l| l.split('"').skip(1).step_by(2));
            found.extend(literals.filter(|l| is_id(l)).map(str::to_owned));
        }
        found
    }

    /// `path.mtu-small`.
    fn is_id(word: &str) -> bool {
        let begins = ids().filter_map(|id| id.split_once('.')).map(|(family, _)| family).collect::<BTreeSet<_>>();
        let Some((family, rest)) = word.split_once('.') else { return false };
        begins.contains(family)
            && !rest.is_empty()
            && rest.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit())
    }

    #[test]
    fn every_finding_that_a_rule_can_tell_has_its_place() {
        let known: BTreeSet<String> = ids().map(str::to_owned).collect();
        let emitted = emitted();
        assert!(emitted.len() > 12, "{emitted:?}");
        let missing: Vec<&String> = emitted.difference(&known).collect();
        assert!(missing.is_empty(), "not in the order: {missing:?}");
        assert_eq!(ids().count(), known.len(), "an id stands twice");
    }

    #[test]
    fn layers_stand_in_the_order_of_mending() {
        let layers: Vec<Layer> = ORDER.iter().map(|(layer, _)| *layer).collect();
        assert!(layers.windows(2).all(|pair| pair[0] < pair[1]), "{layers:?}");
    }

    #[test]
    fn the_worst_comes_first_and_then_what_hides_the_rest() {
        let finding = |id: &str, status| Finding { id: id.to_owned(), status, ..Finding::default() };
        let mut findings = vec![
            finding("range.sampled", Status::Pass),
            finding("media.no-way", Status::Fail),
            finding("new.one", Status::Fail),
            finding("udp.blocked", Status::Fail),
            finding("dns.slow", Status::Warn),
            finding("portal.captive", Status::Fail),
        ];
        sort(&mut findings);
        let order: Vec<&str> = findings.iter().map(|f| f.id.as_str()).collect();
        assert_eq!(order, ["portal.captive", "udp.blocked", "media.no-way", "new.one", "dns.slow", "range.sampled"]);
    }
}
