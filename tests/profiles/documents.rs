//! The documents' rows, written down once more and apart from the profiles: what each must have become.

use std::collections::BTreeSet;

use super::{built_in, rule};
use rtc_check::profile::{BUILT_IN, Expected, Profile, Spec};

/// `id | from -> to | transport ports service | need group | condition | the row's own words`, `-` for none.
const USER: &str = "
rtc.http | client -> rtc | tcp 80 http-redirect | required - | - | TCP | 80 | HTTP - Web Access (Forwarded)
rtc.https | client -> rtc | tcp 443 https | required - | - | TCP | 443 | HTTPS - Secure Web Access
rtc.gateway | client -> rtc | tcp 8989 wss | recommended rtc.signalling | - | TCP | 8989 | Websocket - Video Gateway (Recommended)
rtc.api | client -> rtc | tcp 8089 https | alternative rtc.signalling | - | TCP | 8089 | HTTPS-API - Video Gateway (Alternative)
rtc.media | client -> rtc | udp 19099-20099 rtp | required media | - | UDP | 19099 … 20099 | RTP Media (Audio & Video) (3)
ice.turn-udp-80 | client -> ice | udp 80 turn | alternative media | - | TCP UDP | 80 | STUN/TURN
ice.turn-tcp-80 | client -> ice | tcp 80 turn | alternative media | - | TCP UDP | 80 | STUN/TURN
ice.turns-udp-443 | client -> ice | udp 443 turns | alternative media | - | TCP UDP | 443 | STUN/TURN (TLS)
ice.turns-tcp-443 | client -> ice | tcp 443 turns | alternative media | - | TCP UDP | 443 | STUN/TURN (TLS)
ice.media | client -> ice | udp 19099-20099 rtp | optional - | - | UDP | 19099 … 20099 | RTP Media
";
const ACD: &str = "
acd.http | client -> acd | tcp 80 http-redirect | required - | - | TCP | 80 | HTTP - Web Access (Forwarded)
acd.https | client -> acd | tcp 443 https | required - | - | TCP | 443 | HTTPS - Secure Web Access
acd.websocket | client -> acd | tcp 8089 wss | required - | - | TCP | 8089 | Websocket - VoIP
acd.media | client -> acd | udp 10000-20000 rtp | required media | - | UDP | 10000 … 20000 | RTP Media (Audio) (2)
";
const RTC_SERVER: &str = "
rtc.media | client -> rtc | udp 19099-20099 rtp | required - | - | UDP | 19099 ... 20099 | RTP media (Audio & Video)
rtc.sip | client -> rtc | udp 5099 sip | optional - | - | UDP | 5099 | SIP Signalling - Only open it from the IPs that interest you
rtc.http | client -> rtc | tcp 80 http | required - | - | TCP | 80 | HTTP - Website platform
rtc.https | client -> rtc | tcp 443 https | required - | - | TCP | 443 | HTTPS - Website secure platform
rtc.gateway | client -> rtc | tcp 8989 wss | required - | - | TCP | 8989 | WSS - API VideoGateway
rtc.api | client -> rtc | tcp 8089 https | required - | - | TCP | 8089 | HTTPS - API VideoGateway
rtc.admin | client -> rtc | tcp 7889 https | required - | admin-panel=true | TCP | 7889 | HTTPS - Admin API - Only if you want the WebPanel
rtc.ssh | client -> rtc | tcp 22 ssh | optional - | ssh=true | TCP | 22 | SSH (optional)
export.s3 | client -> export-s3 | tcp 443 https | required - | - | You can select S3 exportation to a specific repository or external SSH / FTP server
export.ssh | client -> export-ssh | tcp 22 ssh | required - | - | You can select S3 exportation to a specific repository or external SSH / FTP server
export.ftp | client -> export-ftp | tcp 21 ftp | required - | - | You can select S3 exportation to a specific repository or external SSH / FTP server
sip-connect.tls | client -> sip-connect | tcp 5061 sip | required - | - | Video RTC supports TLS connections and client-side port definition, to provide secured connections — specifically, to SIP Connect Server.
";
const VALT: &str = "
application.http | client -> application | tcp 80 http | required - | ssl=false | 🔓 TCP 80 HTTP Web Application Client Application Server
application.ws | client -> application | tcp 1935 ws | required - | ssl=false | 🔓 TCP 1935 WS Video Streaming Client Application & Media Server
media.ws | client -> media | tcp 1935 ws | required - | ssl=false | 🔓 TCP 1935 WS Video Streaming Client Application & Media Server
application.https | client -> application | tcp 443 https | required - | ssl=true | 🔒 TCP 443 HTTPS Web Application Client Application Server
application.wss | client -> application | tcp 444 wss | required - | ssl=true | 🔒 TCP 444 WSS Video Streaming Client Application & Media Server
media.wss | client -> media | tcp 444 wss | required - | ssl=true | 🔒 TCP 444 WSS Video Streaming Client Application & Media Server
application.downloads | client -> application | tcp 8000 http | required - | - | TCP 8000 HTTP/HTTPS* Downloads/Wowza webserver Client Application & Media Server
media.downloads | client -> media | tcp 8000 http | required - | - | TCP 8000 HTTP/HTTPS* Downloads/Wowza webserver Client Application & Media Server
application.ssh | admin -> application | tcp 22 ssh | required - | - | 🔧 TCP 22 SSH SSH Client Application & Media Server
media.ssh | admin -> media | tcp 22 ssh | required - | - | 🔧 TCP 22 SSH SSH Client Application & Media Server
application.wowza-admin | admin -> application | tcp 8088 http | required - | - | 🔧 TCP 8088 HTTP Wowza admin Client Application & Media Server
media.wowza-admin | admin -> media | tcp 8088 http | required - | - | 🔧 TCP 8088 HTTP Wowza admin Client Application & Media Server
camera.http | media-server -> camera | tcp 80 http | required - | - | TCP 80 HTTP Web Application/API Media Server Camera
camera.rtsp | media-server -> camera | tcp 554 rtsp | required - | - | TCP 554 RTSP Video Stream Media Server Camera
beam.http | beam -> media | tcp 80 http | required - | ssl=false | 🔓 TCP 80 HTTP BEAM API/HTTP Upload BEAM Device Media Server
beam.rtmp | beam -> media | tcp 1935 rtmp | required - | ssl=false | 🔓 TCP 1935 RTMP Video Streaming BEAM Device Media Server
beam.https | beam -> media | tcp 443 https | required - | ssl=true | 🔒 TCP 443 HTTPS BEAM API/HTTPS Upload BEAM Device Media Server
beam.rtmps | beam -> media | tcp 444 rtmps | required - | ssl=true | 🔒 TCP 444 RTMP Video Streaming BEAM Device Media Server
updates.names | application-server,media-server -> updates | dns - dns | required - | updates=true | Valid DNS servers are required to download updates.
updates.ubuntu-archive | application-server,media-server -> updates | tcp 80 http | required - | updates=true | TCP 80 HTTP Ubuntu Application & Media Server http://us.archive.ubuntu.com
updates.ubuntu-security | application-server,media-server -> updates | tcp 80 http | required - | updates=true | TCP 80 HTTP Ubuntu Application & Media Server http://security.ubuntu.com
updates.ivs | application-server,media-server -> updates | tcp 443 https | required - | updates=true | TCP 443 HTTPS IVS Application & Media Server https://apt.ipivs.com
updates.ubuntu-changelogs | application-server,media-server -> updates | tcp 443 https | required - | updates=true | TCP 443 HTTPS Ubuntu Changelogs Application & Media Server https://changelogs.ubuntu.com
updates.docker | application-server,media-server -> updates | tcp 443 https | required - | updates=true | TCP 443 HTTPS Docker Application & Media Server https://download.docker.com
updates.docker-ivs | application-server,media-server -> updates | tcp 443 https | required - | updates=true | TCP 443 HTTPS Docker Application & Media Server https://docker.ipivs.com
app-to-media.ssh | application-server -> media | tcp 22 ssh | required - | - | TCP 22 SSH OS Application Server Media Server
app-to-media.https | application-server -> media | tcp 444 https | required - | ssl=true | 🔒 TCP 444 HTTPS Wowza Streaming Engine Application Server Media Server
app-to-media.http | application-server -> media | tcp 1935 http | required - | ssl=false | 🔓 TCP 1935 HTTP Wowza Streaming Engine Application Server Media Server
app-to-media.wowza-8000 | application-server -> media | tcp 8000 http | required - | - | TCP 8000 HTTP/HTTPS Wowza Streaming Engine Application Server Media Server
app-to-media.wowza-8086 | application-server -> media | tcp 8086 http | required - | - | TCP 8086 HTTP/HTTPS Wowza Streaming Engine Application Server Media Server
app-to-media.wowza-8087 | application-server -> media | tcp 8087 http | required - | - | TCP 8087 HTTP Wowza Streaming Engine Application Server Media Server
media-to-app.ssh | media-server -> application | tcp 22 ssh | required - | - | TCP 22 SSH OS Media Server Application Server
media-to-app.http | media-server -> application | tcp 80 http | required - | ssl=false | 🔓 TCP 80 HTTP Wowza Streaming API Media Server Application Server
media-to-app.https | media-server -> application | tcp 443 https | required - | ssl=true | 🔒 TCP 443 HTTPS Wowza Streaming API Media Server Application Server
media-to-app.wowza-8086 | media-server -> application | tcp 8086 http | required - | - | TCP 8086 HTTP/HTTPS Wowza Streaming Engine Media Server Application Server
media-to-app.wowza-8087 | media-server -> application | tcp 8087 http | required - | - | TCP 8087 HTTP Wowza Streaming Engine Media Server Application Server
wowza-license.all | media-server -> wowza-license | tcp 80 http | required - | wowza-license=true | TCP 80 HTTP Media Server wowzalicense-all.wowzamedia.com
wowza-license.1 | media-server -> wowza-license | tcp 80 http | required - | wowza-license=true | TCP 80 HTTP Media Server wowzalicense1.wowzamedia.com
wowza-license.2 | media-server -> wowza-license | tcp 80 http | required - | wowza-license=true | TCP 80 HTTP Media Server wowzalicense2.wowzamedia.com
wowza-license.3 | media-server -> wowza-license | tcp 80 http | required - | wowza-license=true | TCP 80 HTTP Media Server wowzalicense3.wowzamedia.com
wowza-license.4 | media-server -> wowza-license | tcp 80 http | required - | wowza-license=true | TCP 80 HTTP Media Server wowzalicense4.wowzamedia.com
cloud.ike | media-server -> cloud | udp 500 ike | required - | cloud=true | UDP 500 On-Premise Media Server Cloud Application Server
cloud.ike-nat | media-server -> cloud | udp 4500 ike | required - | cloud=true | UDP 4500 On-Premise Media Server Cloud Application Server
cloud.gre | media-server -> cloud | gre - gre | required - | cloud=true | GRE On-Premise Media Server Cloud Application Server
lets-encrypt.acme | media-server -> lets-encrypt | tcp 443 https | required - | cloud=true | TCP 443 HTTPS On Premise Media Server https://acme-v02.api.letsencrypt.org
lets-encrypt.route53 | media-server -> lets-encrypt | tcp 443 https | required - | cloud=true | TCP 443 HTTPS On Premise Media Server https://route53.amazonaws.com
";
const DLEGATE: &str = "
dlegate.https | client -> dlegate | tcp 443 https | required - | - | HTTPS control and session setup: TCP 443
dlegate.wss | client -> dlegate | tcp 443 wss | required - | - | Secure control and signaling: HTTPS and secure WebSockets over standard HTTPS port (TCP 443)
dlegate.stun | client -> dlegate | udp 3478 stun | required media | - | Media transport (UDP): UDP 3478 and higher ephemeral UDP ports
dlegate.fallback | client -> dlegate | tcp 443 turns | alternative media | - | Fallback: When direct UDP media transport is blocked, encrypted transport over TCP (TLS) should be permitted
dlegate.media | client -> dlegate | udp 49152-65535 rtp | optional - | - | Media transport (UDP): UDP 3478 and higher ephemeral UDP ports
dlegate.names | client -> dlegate | dns - dns | required - | - | Domains used by the communication backend must be reachable without restrictions in DNS and firewall settings
";

/// A rule in the notation of the tables above.
fn told(profile: &Profile, id: &str) -> String {
    let rule = rule(profile, id);
    let ports = rule.ports.map_or("-".to_owned(), |p| p.to_string());
    let when: Vec<_> = rule.when.iter().map(|(option, value)| format!("{option}={value}")).collect();
    let when = if when.is_empty() { "-".to_owned() } else { when.join(",") };
    let group = rule.group.as_deref().unwrap_or("-");
    let (from, to) = (rule.from.join(","), &rule.to);
    let (transport, service, need) = (rule.transport, rule.service, rule.need);
    format!("{from} -> {to} | {transport} {ports} {service} | {need} {group} | {when}")
}

/// Holds `name` against every line of `rows`, and lets it hold nothing else.
fn covers(name: &str, rows: &[&str]) {
    let profile = built_in(name).unwrap();
    let lines: Vec<&str> = rows.iter().flat_map(|r| r.lines()).filter(|l| !l.is_empty()).collect();
    for line in &lines {
        let mut parts = line.splitn(6, " | ");
        let id = parts.next().unwrap();
        let [way, port, need, when, row] = std::array::from_fn(|_| parts.next().unwrap());
        assert_eq!(told(&profile, id), [way, port, need, when].join(" | "), "{name} {id}");
        let source = &rule(&profile, id).source;
        assert!(source.row == row || source.row.ends_with(&format!("| {row}")), "{name} {id}: {}", source.row);
    }
    let expected: BTreeSet<&str> = lines.iter().map(|l| l.split(" | ").next().unwrap()).collect();
    let found: BTreeSet<&str> = profile.rules.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(found, expected, "{name}");
}

#[test]
fn every_row_of_a_port_table_is_a_rule() {
    covers("user", &[USER]);
    covers("acd", &[ACD]);
    let of_agents = USER.replace("(Audio & Video) (3)", "(Video) (1)");
    covers("agent", &[&of_agents, ACD]);
    covers("rtc-server", &[RTC_SERVER]);
    covers("valt", &[VALT]);
    covers("dlegate", &[DLEGATE]);
}

/// The product that each HTTP rule expects, and the path that shows it, where the document names one.
const EXPECTED: &[(&str, &str, &str, Expected)] = &[
    ("user", "rtc.api", "/janus/info", Expected::Janus),
    ("agent", "rtc.api", "/janus/info", Expected::Janus),
    ("rtc-server", "rtc.api", "/janus/info", Expected::Janus),
    ("rtc-server", "rtc.admin", "/admin/info", Expected::JanusAdmin),
    ("valt", "application.wowza-admin", "/enginemanager/", Expected::Wowza),
    ("valt", "media.wowza-admin", "/enginemanager/", Expected::Wowza),
    ("valt", "updates.ubuntu-archive", "/ubuntu/", Expected::Repository),
    ("valt", "updates.ubuntu-security", "/ubuntu/", Expected::Repository),
    ("valt", "updates.ivs", "/", Expected::Host),
    ("valt", "updates.ubuntu-changelogs", "/meta-release-lts", Expected::Repository),
    ("valt", "updates.docker", "/linux/ubuntu/", Expected::Repository),
    ("valt", "updates.docker-ivs", "/v2/", Expected::Repository),
    ("valt", "app-to-media.https", "/", Expected::Wowza),
    ("valt", "app-to-media.http", "/", Expected::Wowza),
    ("valt", "app-to-media.wowza-8086", "/", Expected::Wowza),
    ("valt", "app-to-media.wowza-8087", "/v2/servers", Expected::Wowza),
    ("valt", "media-to-app.wowza-8086", "/", Expected::Wowza),
    ("valt", "media-to-app.wowza-8087", "/v2/servers", Expected::Wowza),
    ("valt", "wowza-license.all", "/", Expected::Host),
    ("valt", "wowza-license.1", "/", Expected::Host),
    ("valt", "wowza-license.2", "/", Expected::Host),
    ("valt", "wowza-license.3", "/", Expected::Host),
    ("valt", "wowza-license.4", "/", Expected::Host),
    ("valt", "lets-encrypt.acme", "/directory", Expected::Acme),
    ("valt", "lets-encrypt.route53", "/2013-04-01/hostedzone", Expected::Host),
];

#[test]
fn a_product_is_expected_where_a_row_names_one_and_nowhere_else() {
    for (name, _) in BUILT_IN {
        let profile = built_in(name).unwrap();
        let found = profile.rules.iter().filter_map(|rule| match &rule.spec {
            Spec::Http(http) => http.expect.map(|expect| (*name, rule.id.as_str(), http.path.as_str(), expect)),
            _ => None,
        });
        let found: Vec<_> = found.collect();
        let expected: Vec<_> = EXPECTED.iter().filter(|e| e.0 == *name).copied().collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn each_rule_names_its_own_document_and_section() {
    let sections = |name: &str, prefix: &str| -> BTreeSet<(String, String)> {
        let profile = built_in(name).unwrap();
        let rules = profile.rules.iter().filter(|r| r.id.as_str().starts_with(prefix));
        rules.map(|r| (r.source.document.clone(), r.source.section.clone())).collect()
    };
    let one = |document: &str, section: &str| BTreeSet::from([(document.to_owned(), section.to_owned())]);
    let network = "Interactive Powers, Network Connectivity Requirements (2020-11-17)";
    let revised = "Interactive Powers, Network Connectivity Requirements (2020-11-17, revised June 2022)";
    let (agent, user) = ("Agent Connectivity", "User Connectivity");
    assert_eq!(sections("user", "rtc."), one(network, &format!("{user} / RTC Firewall Rules (Audio & Video Streams)")));
    assert_eq!(sections("user", "ice."), one(revised, &format!("{user} / ICE Firewall Rules (STUN/TURN Servers)")));
    assert_eq!(sections("agent", "rtc."), one(network, &format!("{agent} / RTC Firewall Rules (Video Streams)")));
    assert_eq!(sections("agent", "acd."), one(network, &format!("{agent} / ACD Firewall Rules (Audio Streams)")));
    assert_eq!(sections("agent", "ice."), one(revised, &format!("{agent} / ICE Firewall Rules (STUN/TURN Servers)")));
    let system = "Interactive Powers, Video RTC: System Requirements (2020-01-11)";
    assert_eq!(sections("rtc-server", "rtc."), one(system, "Ports configuration"));
    let export = "What are the Video & Audio Recording requirements? / Secure Export";
    assert_eq!(sections("rtc-server", "export."), one(system, export));
    let tls = "Security Requirements / Transport Layer Security (TLS)";
    assert_eq!(sections("rtc-server", "sip-connect."), one(system, tls));
    assert!(sections("valt", "").iter().all(|(document, _)| document == "IVS Wiki, VALT: Network Requirements"));
    assert!(sections("dlegate", "").iter().all(|(document, _)| document == "DLEGATE, Network Requirements"));
}

#[test]
fn every_limit_is_there_and_none_is_invented() {
    for (name, _) in BUILT_IN {
        let profile = built_in(name).unwrap();
        let limits: Vec<_> = profile.limits.iter().map(|l| (l.metric.as_str(), l.op.as_str(), l.value)).collect();
        let rows: Vec<_> = profile.limits.iter().map(|l| l.source.row.as_str()).collect();
        if ["agent", "user", "acd"].contains(name) {
            assert_eq!(limits, [("rtt_ms", "<", 300.0), ("jitter_ms", "<", 50.0), ("loss_pct", "<", 1.5)]);
            assert_eq!(rows, ["Latency (RTT) | < 300ms", "Jitter | < 50ms", "Packet Loss | < 1,5 %"]);
        } else {
            assert!(limits.is_empty(), "{name}");
        }
    }
}

/// Required and recommended kbit/s, the same both ways in every document; 0 for none; condition; the row's own words.
type Amount = (u32, u32, &'static str, &'static str);

const CALLS: &[Amount] =
    &[(40, 0, "", "40 kbps / 40 kbps (Opus) (4)"), (80, 0, "", "80 kbps / 80 kbps (Opus/VP8*) (5)")];
const SERVER: &[Amount] = &[
    (0, 128, "", "We recommend a minimum dedicated 128kb/s down"),
    (80, 0, "", "Low | <80 kbps | 320x240 @ 30 fps | Acceptable"),
    (0, 128, "", "Medium | 128 kbps | 640x480 @ 30 fps | Excellent"),
    (0, 256, "", "High | >256 kbps | 640x480 @ 30 fps | Excellent"),
    (0, 512, "", "Ultra | 512 kbps | 1280x870 @ 30 fps | Outstanding"),
    (0, 80, "", "Excellent | 80 kbps | Opus"),
    (0, 64, "", "Excellent | 64 kbps | Opus"),
    (48, 0, "", "Acceptable | 48 kbps | Opus"),
    (80, 0, "", "Acceptable | >80 kbps | VP8 / Opus | 320x240 @ 30 fps"),
    (0, 128, "", "Acceptable | 128 | VP8 / Opus | 640x480 @ 30 fps"),
    (0, 256, "", "Excellent | <256 | VP8 / Opus | 640x480 @ 30 fps"),
    (0, 512, "", "Outstanding | 512 | VP8 / Opus | 1280x870 @ 30 fps"),
];
const MEETINGS: &[Amount] = &[
    (50, 60, "", "One-to-one audio session: approx. 50–60 kbps"),
    (600, 700, "", "Standard video (1:1): approx. 600–700 kbps"),
    (1400, 0, "hd", "High-definition video (if enabled): up to 1.4 Mbps"),
    (1200, 0, "screen-sharing", "High-quality screen sharing: up to 1.2 Mbps"),
    (300, 0, "screen-sharing", "Adaptive or reduced-quality sharing: from 300 kbps"),
];

#[test]
fn every_row_of_bandwidth_is_there() {
    let expected = [
        ("agent", CALLS),
        ("user", CALLS),
        ("acd", CALLS),
        ("rtc-server", SERVER),
        ("valt", &[]),
        ("dlegate", MEETINGS),
    ];
    for (name, amounts) in expected {
        let profile = built_in(name).unwrap();
        assert_eq!(profile.bandwidth.len(), amounts.len(), "{name}");
        for (row, (required, recommended, option, words)) in profile.bandwidth.iter().zip(amounts) {
            let kbps = |n: &u32| (*n > 0).then(|| f64::from(*n));
            assert_eq!((row.up_kbps, row.down_kbps), (kbps(required), kbps(required)), "{words}");
            let best = (row.recommended_up_kbps, row.recommended_down_kbps);
            assert_eq!(best, (kbps(recommended), kbps(recommended)), "{words}");
            assert_eq!(
                row.when.keys().collect::<Vec<_>>(),
                option.split_terminator(' ').collect::<Vec<_>>(),
                "{words}"
            );
            assert!(row.when.values().all(|v| *v) && row.source.row.contains(words), "{words}");
        }
    }
}

#[test]
fn hosts_that_documents_fix_are_reached_on_their_own_ports() {
    let valt = built_in("valt").unwrap();
    for rule in valt.rules.iter().filter(|r| !valt.roles[&r.to].hosts.is_empty() && r.ports.is_some()) {
        assert_eq!(rule.hosts.len(), 1, "{}", rule.id);
        assert!(rule.source.row.ends_with(&rule.hosts[0]), "{}", rule.id);
    }
    for (role, fixed) in valt.roles.iter().map(|(name, role)| (name, &role.hosts)) {
        let named: BTreeSet<&String> = valt.rules.iter().filter(|r| r.to == *role).flat_map(|r| &r.hosts).collect();
        assert_eq!(named, fixed.iter().collect(), "{role}");
    }
    assert!(rule(&valt, "updates.names").hosts.is_empty());
}
