//! A night with ten causes at once, as the judge hands them on: sorted, with evidence and what to ask for.

use rtc_check::model::{Finding, Report, Status, Who};

use super::night::agent;
use super::{RTC4, empty, finish};

struct Cause(&'static str, Status, &'static str, &'static str, &'static str, Option<Who>);

const CAUSES: [Cause; 11] = [
    Cause(
        "blocked.dropped",
        Status::Fail,
        "TCP 8989 is dropped after hop 2",
        "Packets to 203.0.113.10:8989 end after hop 2 (192.0.2.1), before hop 3; those to port 443 pass.",
        "Let TCP 8989 out to this server.",
        Some(Who::Firewall),
    ),
    Cause(
        "tls.interception",
        Status::Fail,
        "TLS is opened on the way",
        "`Example Corp Inspection CA` signs rtc.example.com and acd.example.com.",
        "Exempt both hosts from inspection.",
        Some(Who::Proxy),
    ),
    Cause(
        "service.down",
        Status::Fail,
        "The host itself refuses TCP 8089",
        "The reset came from 203.0.113.20 itself, at the same distance as its port 443.",
        "Start the gateway's WebSocket.",
        Some(Who::Server),
    ),
    Cause(
        "media.no-way",
        Status::Fail,
        "No way for media to 203.0.113.10",
        "Direct UDP and 2 relays were tried; none was shown to carry media.",
        "Allow UDP 19099-20099 outbound to 203.0.113.10. Or make one of the relays work: each check of them says how.",
        Some(Who::Firewall),
    ),
    Cause(
        "dns.slow",
        Status::Warn,
        "The resolver 192.0.2.53 takes 1.2 s",
        "Each name costs more than a second.",
        "Use a nearer resolver.",
        Some(Who::Resolver),
    ),
    Cause(
        "proxy.no-udp",
        Status::Warn,
        "The proxy carries no UDP",
        "Media go directly, which is closed.",
        "Let UDP out beside the proxy.",
        Some(Who::Proxy),
    ),
    Cause(
        "path.mtu",
        Status::Warn,
        "Datagrams above 1,200 bytes vanish",
        "1,200 bytes came back 3 times of 3, 1280 never.",
        "Let ICMP `packet too big` pass.",
        Some(Who::Firewall),
    ),
    Cause(
        "nat.short-lifetime",
        Status::Warn,
        "The NAT forgets idle UDP before a keepalive renews it",
        "An idle mapping was gone after 12 s.",
        "Raise the UDP timeout to 30 s or more.",
        Some(Who::Firewall),
    ),
    Cause(
        "path.dscp",
        Status::Warn,
        "DSCP 46 arrives as 0",
        "The mark is cleared on the way up.",
        "Keep the mark.",
        Some(Who::Provider),
    ),
    Cause(
        "range.lossy",
        Status::Warn,
        "The path to the media ports loses datagrams",
        "4.0 % of the first requests were lost.",
        "Look for a full link.",
        Some(Who::ThisMachine),
    ),
    Cause(
        "path.tunnel",
        Status::Pass,
        "The way leads through a tunnel",
        "The route to 203.0.113.10 leaves by wg0 (WireGuard).",
        "",
        None,
    ),
];

/// The agent's bad night with all of them.
pub fn diagnosed() -> Report {
    let mut report = empty();
    report.checks = agent().checks;
    report.findings = CAUSES.iter().map(finding).collect();
    finish(report, Status::Fail)
}

fn finding(Cause(id, status, title, detail, remedy, who): &Cause) -> Finding {
    let told = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    let (ask, evidence) = match *id {
        "blocked.dropped" => (
            told(&["allow TCP 8989 from 192.0.2.2 to 203.0.113.10, and replies"]),
            told(&[
                "rtc.gateway: hops 192.168.1.1, 192.0.2.1, then nothing in 3 rounds of 3",
                "rtc.https: hops 192.168.1.1, 192.0.2.1, 198.51.100.7, 203.0.113.10 in 3 rounds of 3",
            ]),
        ),
        "media.no-way" => (
            told(&[
                "allow UDP 19099-20099 from 192.0.2.2 to 203.0.113.10, and replies",
                "allow UDP 10000-20000 from 2001:db8:aaaa:bbbb:cccc:dddd:eeee:1 to 2001:db8:85a3:8d3:1319:8a2e:370:7350, and replies",
            ]),
            (1..=8).map(|n| format!("TURN/TLS at 203.0.113.3{n}:443 (fail): the host refused it")).collect(),
        ),
        _ => Default::default(),
    };
    let checks = match *id {
        "blocked.dropped" => vec![format!("rtc.gateway/rtc.example.com/{RTC4}")],
        "media.no-way" => (1..9).map(|n| format!("ice.turns-{n}/ice.example.com/203.0.113.30")).collect(),
        _ => Vec::new(),
    };
    Finding {
        id: (*id).to_owned(),
        status: *status,
        title: (*title).to_owned(),
        detail: (*detail).to_owned(),
        remedy: (*remedy).to_owned(),
        who: *who,
        ask,
        evidence,
        checks,
        ..Finding::default()
    }
}
