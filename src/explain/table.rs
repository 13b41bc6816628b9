//! Every text, its kind and the words that lead to it, in the order in which `rtc-check explain` lists them.

use super::{Kind, Topic};

macro_rules! topics {
    ($($kind:ident $dir:literal { $($name:literal $([$($also:literal),+])?),+ $(,)? })+) => {
        /// Every topic there is.
        pub const TOPICS: &[Topic] = &[$($(Topic {
            kind: Kind::$kind,
            name: $name,
            also: &[$($($also),+)?],
            source: include_str!(concat!($dir, "/", $name, ".md")),
        }),+),+];
    };
}

topics! {
    Finding "findings" {
        // This machine, and the network that lets it in.
        "portal.captive" ["portal"],
        "clock.wrong",
        "blocked.local",
        "host.container",
        // Names.
        "dns.udp-blocked",
        "dns.unanswered",
        "dns.hijack",
        "dns.private-answer",
        "dns.slow",
        "dns.many-addresses",
        "dns.differ",
        // Proxies.
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
        // The way.
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
        // Certificates and servers.
        "tls.interception" ["tls.interception-transparent"],
        "tls.issuer",
        "tls.private-root",
        "service.down",
        "media.cameras",
        // Media.
        "media.no-way",
        "quality.udp-silent",
        "range.lossy",
        "media.fallback",
        "media.range-open",
        "group.only-alternative",
        "group.alternative-unproven",
        // What was tested.
        "responder.found",
        "range.sampled",
        "quality.without-responder",
        "rules.not-given",
    }
    Check "checks" {
        "dns" ["resolver", "dns.resolver"],
        "tcp",
        "tls" ["control"],
        "http" ["https", "http-redirect"],
        "ws" ["wss", "websocket"],
        "stun",
        "udp-range" ["rtp", "range"],
        "turn" ["turns", "relay"],
        "nat",
        "ice",
        "janus",
        "janus-call" ["call"],
        "sip",
        "rtsp",
        "rtmp" ["rtmps"],
        "ssh",
        "ftp",
        "ike",
        "gre",
        "quality",
        "bandwidth" ["capacity"],
        "path",
        "trace" ["hops"],
        "proxy",
        "host",
    }
    Limit "limits" {
        "rtt_ms" ["rtt", "delay", "latency"],
        "jitter_ms" ["jitter", "jitter_up_ms", "jitter_down_ms", "rtt_variation_ms"],
        "loss_pct" ["loss", "loss_up_pct", "loss_down_pct", "round_trip_loss_pct"],
        "up_kbps" ["down_kbps", "kbps", "recommended_up_kbps", "recommended_down_kbps"],
        "delay_rise_up_ms" ["delay_rise_down_ms", "delay_rise", "rtt_rise_ms"],
        "mos",
        "cert_days_left" ["cert-days", "certificate"],
        "nat_lifetime" ["nat-lifetime"],
        "mtu" ["mss"],
        "dscp" ["dscp_received_up", "dscp_received_down"],
        "coverage_pct" ["coverage"],
        "cores",
        "memory_bytes" ["memory"],
    }
    Status "words" {
        "pass",
        "warn" ["warning"],
        "fail" ["failure"],
        "unknown",
        "skip" ["skipped"],
        "exit-codes" ["exit", "verdict", "0", "1", "2", "3", "130"],
        "need" ["required", "recommended", "alternative", "optional"],
    }
}
