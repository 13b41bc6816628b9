//! Every finding, check and limit has its text, and every text its form.

use std::collections::BTreeSet;

use super::*;
use crate::model::{Need, ProbeKind, Service, Status};

/// What a line that is to be typed may begin with: common tools, and this one.
const TOOLS: &[&str] = &[
    "acl",
    "cat",
    "chronyc",
    "curl",
    "date",
    "df",
    "dig",
    "env",
    "ffprobe",
    "free",
    "getent",
    "ip",
    "iperf3",
    "lscpu",
    "mtr",
    "nc",
    "nmap",
    "nproc",
    "openssl",
    "ping",
    "resolvectl",
    "rtc-check",
    "sipsak",
    "ss",
    "ssh-keyscan",
    "stunclient",
    "sudo",
    "sysctl",
    "systemctl",
    "timedatectl",
    "tracepath",
    "traceroute",
    "turnutils_natdiscovery",
    "turnutils_stunclient",
    "turnutils_uclient",
    "websocat",
];

fn of(kind: Kind) -> BTreeSet<&'static str> {
    TOPICS.iter().filter(|t| t.kind == kind).map(|t| t.name).collect()
}

#[test]
fn every_finding_has_a_text() {
    let findings: BTreeSet<&str> = crate::judge::finding_ids().collect();
    assert_eq!(of(Kind::Finding), findings);
}

#[test]
fn findings_are_listed_in_the_order_of_mending() {
    let listed: Vec<&str> = TOPICS.iter().filter(|t| t.kind == Kind::Finding).map(|t| t.name).collect();
    assert_eq!(listed, crate::judge::finding_ids().collect::<Vec<_>>());
}

#[test]
fn every_probe_service_status_and_need_leads_to_a_text() {
    let words = ProbeKind::ALL.iter().map(|p| p.as_str());
    let words = words.chain(Service::ALL.iter().map(|s| s.as_str())).chain(["resolver", "portal", "call", "capacity"]);
    for word in words {
        let found = topic(word).unwrap_or_else(|| panic!("{word} has no text"));
        assert!(found.kind == Kind::Check || word == "portal", "{word} leads to {}", found.name);
    }
    for status in [Status::Pass, Status::Warn, Status::Fail, Status::Unknown, Status::Skip] {
        assert_eq!(topic(status.as_str()).unwrap().kind, Kind::Status);
    }
    for word in Need::ALL.iter().map(|n| n.as_str()).chain(["0", "1", "2", "3", "130"]) {
        assert_eq!(topic(word).unwrap().kind, Kind::Status, "{word}");
    }
}

#[test]
fn every_limit_has_a_text() {
    let of_profiles = crate::profile::BUILT_IN.iter().filter_map(|(name, _)| crate::profile::built_in(name));
    let mut metrics: BTreeSet<String> = of_profiles.flat_map(|p| p.limits).map(|l| l.metric.clone()).collect();
    for own in [
        "up_kbps",
        "down_kbps",
        "recommended_up_kbps",
        "recommended_down_kbps",
        "delay_rise_up_ms",
        "delay_rise_down_ms",
        "loss_up_pct",
        "loss_down_pct",
        "mos",
        "cert_days_left",
        "nat_lifetime",
        "mtu",
        "mss",
        "cores",
        "memory_bytes",
        "coverage_pct",
    ] {
        metrics.insert(own.to_owned());
    }
    for metric in metrics {
        assert_eq!(topic(&metric).map(|t| t.kind), Some(Kind::Limit), "{metric}");
    }
}

#[test]
fn words_lead_to_one_topic_each() {
    let mut seen = BTreeSet::new();
    for word in words() {
        assert!(seen.insert(word), "{word} leads to two topics");
    }
}

#[test]
fn ids_of_reports_lead_to_their_topics() {
    for (id, name) in [
        ("nat.stun/stun.example.com", Some("nat")),
        ("bandwidth.rtc.audio/rtc.example.com/203.0.113.10", Some("bandwidth")),
        ("turn.tls-443/turn.example.com", Some("turn")),
        ("host.cores/here", Some("host")),
        ("dns.resolver/192.0.2.53", Some("dns")),
        ("control.tls-443/198.51.100.99", Some("tls")),
        ("portal.80/198.51.100.10", Some("portal.captive")),
        ("1.2.3.4", None),
        ("PATH.MTU", Some("path.mtu")),
        ("rtc.media/rtc.example.com", None),
        ("", None),
    ] {
        assert_eq!(topic_of_id(id).map(|t| t.name), name, "{id}");
    }
}

#[test]
fn every_text_has_its_form() {
    for topic in TOPICS {
        let (name, text) = (topic.name, topic.text());
        let lines = topic.markdown().lines().count();
        assert!(!text.title.is_empty() && text.title.len() <= 76, "{name}: {}", text.title);
        assert!((8..=45).contains(&lines), "{name} has {lines} lines");
        assert!(matches!(text.blocks.first(), Some(Block::Paragraph(_) | Block::Item(_))), "{name}: what is it?");
        let headings: Vec<&str> = text
            .blocks
            .iter()
            .filter_map(|b| if let Block::Heading(h) = b { Some(h.as_str()) } else { None })
            .collect();
        let expected: &[&str] = match topic.kind {
            Kind::Finding => &["For a call", "How it was seen", "Confirm it by hand", "What to change"],
            Kind::Check => &["For a call", "By hand", "What to change"],
            Kind::Limit => &["For a call", "How it is measured", "By hand", "What to change"],
            Kind::Status => &[],
        };
        assert!(expected.iter().all(|e| headings.contains(e)), "{name}: {headings:?}");
        assert!(!topic.markdown().lines().any(|l| l.chars().count() > 100), "{name} has a line that is too wide");
        assert!(topic.markdown().is_ascii() || topic.markdown().contains('…'), "{name}");
    }
}

#[test]
fn commands_fit_the_narrowest_usual_terminal_and_name_tools() {
    for topic in TOPICS {
        let text = topic.text();
        let commands: Vec<&str> = text.commands().collect();
        assert!(!commands.is_empty() || topic.name == "warn", "{} has nothing to type", topic.name);
        for line in commands {
            assert!(line.len() <= 76, "{}: {} columns: {line}", topic.name, line.len());
            let goes_on = line.starts_with(' ');
            let tool = line.split_whitespace().next().unwrap();
            assert!(goes_on || TOOLS.contains(&tool), "{}: {tool} is no known tool", topic.name);
        }
    }
}

/// Nothing real is named: hosts and addresses are those set apart for documents (RFC 2606, RFC 5737).
#[test]
fn texts_name_no_real_host() {
    for topic in TOPICS {
        for word in topic.markdown().split(|c: char| c.is_whitespace() || "`()[]<>,;'\"@/".contains(c)) {
            let word = word.trim_matches(|c: char| ".:".contains(c));
            let host = word
                .rsplit_once(':')
                .map_or(word, |(host, port)| if port.chars().all(|c| c.is_ascii_digit()) { host } else { word });
            if let Ok(address) = host.parse::<std::net::Ipv4Addr>() {
                let known = ["192.0.2.", "198.51.100.", "203.0.113.", "127.0.0.1", "10.0.0.0", "172.16.0.0"];
                let known = [&known[..], &["192.168.0.0", "100.64.0.0"]].concat();
                assert!(known.iter().any(|k| host.starts_with(k)), "{}: {address}", topic.name);
            }
            let real = [".com", ".net", ".org", ".io"].iter().any(|end| host.ends_with(end));
            assert!(!real || host.contains("example."), "{}: {host}", topic.name);
        }
    }
}
