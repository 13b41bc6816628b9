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
    (Layer::Tls, &["tls.interception", "tls.issuer", "tls.private-root"]),
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

    /// Every literal of the rules, and of the judge of machines, that has the form of an id: `path.mtu-small`.
    fn emitted() -> BTreeSet<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/judge");
        let mut files = vec![root.join("host.rs")];
        let mut dirs = vec![root.join("rules")];
        while let Some(dir) = dirs.pop() {
            for path in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
                let list = if path.is_dir() { &mut dirs } else { &mut files };
                list.push(path);
            }
        }
        files.retain(|f| !f.ends_with("order.rs") && !f.ends_with("tests.rs"));
        files.iter().flat_map(|file| literals(&std::fs::read_to_string(file).unwrap())).collect()
    }

    fn literals(source: &str) -> Vec<String> {
        let code = source.split("\n#[cfg(test)]").next().unwrap();
        let lines = code.lines().filter(|l| !l.trim_start().starts_with("//"));
        let all = lines.flat_map(|l| l.split('"').skip(1).step_by(2));
        all.filter(|l| is_id(l)).map(str::to_owned).collect()
    }

    fn is_id(word: &str) -> bool {
        let families: BTreeSet<&str> = ids().filter_map(|id| Some(id.split_once('.')?.0)).collect();
        let is_letter = |c: char| c.is_ascii_lowercase() || c == '-';
        // The resolver's check, which is no finding.
        let is_check = word == "dns.resolver";
        let rest = word.split_once('.').filter(|(family, _)| families.contains(family)).map(|(_, rest)| rest);
        !is_check && rest.is_some_and(|r| !r.is_empty() && r.chars().all(is_letter))
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
