//! The one table of everything that a probe may put into `observed`: name, unit and help. The table's headers, the
//! JSON keys, the keys of limits and the documentation are read from here, so a new probe touches no renderer.

/// One named quantity or fact.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// The key in `observed`; a quantity ends in its unit (`_ms`, `_pct`, `_kbps`, `_bytes`).
    pub name: &'static str,
    /// What it is, in one clause.
    pub help: &'static str,
}

macro_rules! table {
    ($($id:ident = $name:literal: $help:literal;)+) => {
        $(#[doc = $help] pub const $id: Metric = Metric { name: $name, help: $help };)+
        /// Every metric and fact there is.
        pub const TABLE: &[&Metric] = &[$(&$id),+];
    };
}

table! {
    STEPS = "steps": "layers the probe climbed, with their times";
    FAILURE = "failure": "step, kind and words of the failure";
    FALLBACK = "fallback": "the plainer probe that stood in for the service's own, and what it leaves open";
    RESPONDER = "responder": "an rtc-check responder answered over UDP (its version)";
    RESPONDER_PAGE = "responder_page": "whether a responder's well-known page at this address says that it serves these UDP ports";
    // Names
    DNS_SERVERS = "dns_servers": "each resolver's own answer: server, type, rcode, addresses, ttl_s, ms";
    DNS_DIFFER = "dns_differ": "resolvers gave different addresses";
    ADDRESSES_LEFT_OUT = "addresses_left_out": "addresses of the name that were not tested, beyond the first eight of each family";
    ADDRESSES = "addresses": "addresses that the name has";
    // TCP
    RTT_CONNECT_MS = "connect_ms": "time of the TCP handshake";
    // TLS
    TLS_VERSION = "tls_version": "negotiated TLS version";
    TLS_CIPHER = "tls_cipher": "negotiated cipher suite";
    TLS_ALPN = "tls_alpn": "protocol that the server chose by ALPN";
    CERT_CHAIN = "cert_chain": "the certificates the server sent: subject, issuer, names, validity, key, sha256";
    CERT_DAYS_LEFT = "cert_days_left": "days until the server's certificate expires";
    // HTTP and WebSocket
    HTTP_STATUS = "http_status": "status of the HTTP answer";
    HTTP_SERVER = "http_server": "Server header of the HTTP answer";
    HTTP_HEADERS = "http_headers": "headers of a refused upgrade, the first 20, shortened";
    REDIRECT = "redirect": "Location of a redirect";
    FIRST_BYTE_MS = "first_byte_ms": "time from the request to the first byte of its answer";
    SUBPROTOCOL = "subprotocol": "WebSocket subprotocol that the server selected";
    PING_RTT_MS = "ping_rtt_ms": "WebSocket ping to pong";
    HELD_S = "held_s": "seconds for which the WebSocket stayed open in silence";
    // SSH
    BANNER = "banner": "identification line of the server";
    // STUN
    MAPPED = "mapped": "this machine's address as the STUN server saw it";
    STUN_SOFTWARE = "stun_software": "SOFTWARE of the STUN answer";
    STUN_RTT_MS = "stun_rtt_ms": "round trip of a STUN request that was not retransmitted";
    STUN_SENT = "stun_sent": "STUN requests sent";
    ICMP = "icmp": "ICMP error received: type, code, from";
    ICMP_MEANING = "icmp_meaning": "what the ICMP error is evidence of: refused, prohibited, unreachable, too-big, time-exceeded, other";
    ICMP_FROM = "icmp_from": "address that sent the ICMP error";
    // Range sweep
    ANSWERED = "answered": "ports that answered";
    REFUSED = "refused": "ports that the target itself refused by ICMP port unreachable: the path is open";
    SILENT = "silent": "ports from which nothing came back";
    PROHIBITED = "prohibited": "ports stopped on the way, with a word: ICMP prohibited or unreachable, any refusal from another address, or this machine's own firewall";
    PROBED = "probed": "how many ports were asked";
    TOTAL = "total": "how many ports the range has";
    COVERAGE_PCT = "coverage_pct": "share of the range that was asked";
    SAMPLED = "sampled": "the range was sampled, not swept";
    PACKETS_SENT = "packets_sent": "datagrams sent, repetitions included";
    ROUND_TRIP_LOSS_PCT = "round_trip_loss_pct": "loss of the first round among ports that answered in the end";
    EXPECTED_MISSED = "expected_missed": "open ports that loss alone can be expected to have left silent";
    STRAY_ANSWERS = "stray_answers": "answers that came from another address or port than was asked: how many";
    STRAY_FROM = "stray_from": "address and port that the first such answer came from";
    SEED = "seed": "seed of the sample's choice";
}

#[cfg(test)]
mod tests {
    use super::TABLE;

    #[test]
    fn names_are_unique_and_snake_case() {
        let mut names: Vec<_> = TABLE.iter().map(|m| m.name).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(before, names.len());
        assert!(names.iter().all(|n| n.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')));
    }
}
