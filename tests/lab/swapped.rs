//! Ports swapped between services: every probe asks every real server, its own and all others, in one run. A probe
//! passes on its own server, never on another's, never hangs, and says what it met where that can be seen.

use std::collections::BTreeSet;

use crate::harness::{Check, Report};
use crate::ike;
use crate::namespaces::{ACD4, ICE4, Lab, RTC4};
use crate::relay::{LOGIN, relay};
use crate::rtmp::{RTMP_MODULE, STREAM_MODULE, nginx_rtmp};
use crate::rtsp::{CAMERA, camera};
use crate::servers::{janus, nginx, sshd, written};
use crate::sip::sip_server;

/// A probe: its name here, the service of its rule, and the rule's further fields.
type Probe = (&'static str, &'static str, &'static str);
/// A server: its name here, its role, its port.
type Server = (&'static str, &'static str, u16);

const TCP_PROBES: &[Probe] = &[
    ("http", "http", ""),
    ("https", "https", ""),
    ("janus-api", "https", "path = \"/janus/info\"\nexpect = \"janus\""),
    ("wss", "wss", "subprotocol = \"janus-protocol\""),
    ("ws", "ws", ""),
    ("rtmp", "rtmp", ""),
    ("rtmps", "rtmps", ""),
    ("rtsp", "rtsp", ""),
    ("ssh", "ssh", ""),
    ("ftp", "ftp", ""),
    ("sip-tcp", "sip", "transport = \"tcp\""),
    ("sip-tls", "sip", "transport = \"tcp\"\ntls = true"),
    ("turn-tcp", "turn", "transport = \"tcp\""),
    ("turn-tls", "turns", "transport = \"tcp\""),
];

const TCP_SERVERS: &[Server] = &[
    ("nginx-http", "rtc", 80),
    ("nginx-https", "rtc", 443),
    ("janus-wss", "rtc", 8989),
    ("janus-https", "rtc", 8089),
    ("openssh", "rtc", 22),
    ("nginx-rtmp", "rtc", 1935),
    ("nginx-rtmps", "rtc", 444),
    ("camera", "rtc", 554),
    ("kamailio", "rtc", 5099),
    ("kamailio-tls", "rtc", 5061),
    ("coturn", "relays", 3478),
    ("coturn-tls", "relays", 5349),
];

const UDP_PROBES: &[Probe] =
    &[("stun", "stun", ""), ("turn-udp", "turn", ""), ("sip-udp", "sip", ""), ("ike", "ike", "")];

const UDP_SERVERS: &[Server] = &[
    ("coturn-udp", "relays", 3478),
    ("kamailio-udp", "rtc", 5099),
    ("charon", "rtc", 500),
    ("charon-nat", "rtc", 4500),
];

/// Where a probe is right to pass: its own server, and those that are of its kind too.
const AT_HOME: &[(&str, &[&str])] = &[
    ("http", &["nginx-http"]),
    // A gateway's and a proxy's ports are HTTPS servers as well, whatever else they do.
    ("https", &["nginx-https", "janus-https", "janus-wss"]),
    ("janus-api", &["janus-https"]),
    ("wss", &["janus-wss"]),
    ("ssh", &["openssh"]),
    ("rtmp", &["nginx-rtmp"]),
    ("rtmps", &["nginx-rtmps"]),
    ("rtsp", &["camera"]),
    ("sip-tcp", &["kamailio"]),
    ("sip-tls", &["kamailio-tls"]),
    // Both ports of coturn take TURN in plain text and over TLS.
    ("turn-tcp", &["coturn", "coturn-tls"]),
    ("turn-tls", &["coturn", "coturn-tls"]),
    ("stun", &["coturn-udp"]),
    ("turn-udp", &["coturn-udp"]),
    ("sip-udp", &["kamailio-udp"]),
    // On 4500 behind the marker.
    ("ike", &["charon", "charon-nat"]),
];

/// Servers that name themselves to these probes by the first bytes that they send.
const NAMED: &[(&str, &str, &[&str])] = &[
    (
        "openssh",
        "SSH",
        &["http", "https", "ws", "wss", "rtmp", "rtmps", "rtsp", "ftp", "sip-tcp", "sip-tls", "turn-tls"],
    ),
    ("nginx-http", "HTTP", &["https", "rtmp", "rtsp", "ssh", "sip-tcp"]),
    ("camera", "RTSP", &["sip-tcp"]),
];

fn is_at_home(probe: &str, server: &str) -> bool {
    AT_HOME.iter().any(|(p, servers)| *p == probe && servers.contains(&server))
}

/// A profile with a rule for every probe on every server.
fn profile(transport: &str, probes: &[Probe], servers: &[Server]) -> String {
    let mut text =
        format!("name = \"swapped\"\ntitle = \"Every probe on every server, {transport}\"\nvantages = [\"client\"]\n");
    for role in servers.iter().map(|s| s.1).collect::<BTreeSet<_>>() {
        text.push_str(&format!("[roles.{role}]\ndescription = \"servers\"\n"));
    }
    for (probe, service, fields) in probes {
        for (server, role, port) in servers {
            text.push_str(&format!(
                "[{service}.\"{probe}.on.{server}\"]\nto = \"{role}\"\nport = {port}\n{fields}\nneed = \"required\"\n\
                 source = {{ document = \"D\", section = \"S\", row = \"{probe} on {server}\" }}\n"
            ));
        }
    }
    text
}

fn swapped(lab: &Lab, transport: &str, probes: &[Probe], servers: &[Server]) -> Report {
    let file = written(lab, &format!("swapped-{transport}.toml"), &profile(transport, probes, servers));
    let targets = [("rtc", RTC4), ("acd", ACD4), ("relays", ICE4)].map(|(role, host)| format!("{role}={host}"));
    let roles: Vec<_> = servers.iter().map(|s| s.1).collect();
    let mut args = vec!["--profile", &file, "--skip", "nat,call,quality,bandwidth"];
    for target in targets.iter().filter(|t| roles.iter().any(|r| t.starts_with(r))) {
        args.extend(["--target", target]);
    }
    lab.check_with(&LOGIN, &args).exits(1).report()
}

/// Everything that is not as it should be, in one list: a single run shows all pairs.
fn wrong(report: &Report, probes: &[Probe], servers: &[Server], wrong: impl Fn(&Check<'_>, bool) -> Option<String>) {
    let mut found = Vec::new();
    for (probe, _, _) in probes {
        for (server, _, _) in servers {
            let checks = report.of(&format!("{probe}.on.{server}"));
            assert_eq!(checks.len(), 1, "{probe} on {server}");
            let bad = wrong(&checks[0], is_at_home(probe, server));
            found.extend(bad.map(|why| format!("{why}: {}", checks[0])));
        }
    }
    assert!(found.is_empty(), "{} of the pairs:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_tcp_probe_passes_on_its_own_server_and_never_on_anothers() {
    let needs = ["nginx", "janus", "sshd", "turnserver", "kamailio", RTMP_MODULE, STREAM_MODULE];
    let Some(lab) = Lab::with(&[&needs[..], &CAMERA].concat()) else { return };
    let _servers = [nginx(&lab), janus(&lab), sshd(&lab), relay(&lab), nginx_rtmp(&lab, "live"), sip_server(&lab)];
    let _camera = camera(&lab, RTC4, "open");
    let report = swapped(&lab, "tcp", TCP_PROBES, TCP_SERVERS);
    wrong(&report, TCP_PROBES, TCP_SERVERS, |check, at_home| match check.status() {
        "pass" if at_home => None,
        "fail" | "warn" if !at_home => None,
        _ => Some(if at_home { "its own" } else { "another's" }.to_owned()),
    });
    // Nothing waits for longer than the time that one check has.
    wrong(&report, TCP_PROBES, TCP_SERVERS, |check, _| {
        let took = check.value["duration_ms"].as_u64().unwrap_or(u64::MAX);
        (took > 15_000).then(|| format!("took {took} ms"))
    });
    for (server, name, probes) in NAMED {
        for probe in *probes {
            let check = report.of(&format!("{probe}.on.{server}"))[0];
            assert_eq!(check.seen("met"), name, "{check}");
            check.says(&[name]);
        }
    }
}

#[test]
fn every_udp_probe_passes_on_its_own_server_and_never_on_anothers() {
    let Some(lab) = Lab::with(&[&["turnserver", "kamailio"][..], &ike::NEEDED].concat()) else { return };
    let _servers = [relay(&lab), sip_server(&lab), ike::charon(&lab, true)];
    let report = swapped(&lab, "udp", UDP_PROBES, UDP_SERVERS);
    // Silence over UDP decides nothing, and a stranger's answer does not become the service's.
    wrong(&report, UDP_PROBES, UDP_SERVERS, |check, at_home| match check.status() {
        "pass" if at_home => None,
        "fail" | "warn" | "unknown" if !at_home => None,
        _ => Some(if at_home { "its own" } else { "another's" }.to_owned()),
    });
}
