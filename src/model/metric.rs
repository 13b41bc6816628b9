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
    DOCUMENTED_PORTS = "documented_ports": "port or ports that the document has for the rule, where the check is of others";
    FAILURE = "failure": "step, kind and words of the failure";
    FALLBACK = "fallback": "why a relay that was reached was not tried to the end, and what that leaves open";
    RESPONDER = "responder": "an rtc-check responder answered over UDP (its version)";
    RESPONDER_PAGE = "responder_page": "whether a responder's well-known page at this address says that it serves these UDP ports";
    // Names
    DNS_SERVERS = "dns_servers": "each resolver's own answer: server, type, rcode, addresses, ttl_s, ms";
    DNS_DIFFER = "dns_differ": "resolvers gave different addresses";
    RESOLVER = "resolver": "one resolver by itself: server, and each question: name, asked_for (needed, nowhere), over (udp, tcp), rcode, addresses, ms, error";
    ADDRESSES_LEFT_OUT = "addresses_left_out": "addresses of the name that were not tested, beyond the first eight of each family";
    ADDRESSES = "addresses": "addresses that the name has";
    // TCP
    RTT_CONNECT_MS = "connect_ms": "time of the TCP handshake";
    // TLS
    TLS_VERSION = "tls_version": "negotiated TLS version";
    TLS_CIPHER = "tls_cipher": "negotiated cipher suite";
    TLS_ALPN = "tls_alpn": "protocol that the server chose by ALPN";
    CERT_CHAIN = "cert_chain": "the certificates the server sent: subject, issuer, names, validity, key, sha256, key_sha256";
    CERT_ROOT = "cert_root": "where that chain leads: standing (public: among the roots of browsers; private: trusted on this machine alone; untrusted), name and key_sha256 of the root, or of the last issuer with its key_id; inspection: product that an issuer calls itself, issuer, local";
    CERT_DAYS_LEFT = "cert_days_left": "days until the server's certificate expires";
    // HTTP and WebSocket
    HTTP_STATUS = "http_status": "status of the HTTP answer";
    HTTP_SERVER = "http_server": "Server header of the HTTP answer";
    HTTP_HEADERS = "http_headers": "headers of a refused upgrade, the first 20, shortened";
    REDIRECT = "redirect": "Location of a redirect";
    REDIRECTS = "redirects": "redirects on the same port: followed (paths), and left: why the last was not (circle, too-many, another-host, another-port, unusable, broken)";
    FIRST_BYTE_MS = "first_byte_ms": "time from the request to the first byte of its answer";
    CLOCK_ERROR = "clock_error": "this machine's clock against the Date header: error_s (ours minus theirs), within_s, server_time";
    PORTAL = "portal": "what came back in place of a known page: status, same, bytes, begins, location";
    SUBPROTOCOL = "subprotocol": "WebSocket subprotocol that the server selected";
    OPAQUE = "opaque": "a server answered, and the browser does not show a page what another site answers";
    ECHO_MS = "echo_ms": "a message over the WebSocket to its echo, as a page in a browser saw it";
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
    // Where it is blocked
    TRACE = "trace": "where a flow that failed ends, beside a control flow to the same host: flow, control, hops, end (silent, rejected, refused, cut, local, answered, unknown), after, before, rounds";
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
    // Quality
    VIA = "via": "what the figures were measured with: method, transport, address and port";
    ESTIMATES = "estimates": "each figure that may be held against a limit, with the interval that holds the truth";
    LOAD = "load": "the rate that was offered: media, codec payload, RTP payload and IP level, packets a second, sessions, streams";
    LOADS = "loads": "every load that was tried, from the highest, each with its own figures";
    SENT = "sent": "packets of the train that were sent";
    RECEIVED = "received": "packets of the train that were answered, duplicates apart";
    DURATION_S = "duration_s": "how long the train lasted, in seconds";
    LOSS_PCT = "loss_pct": "packets without an answer, of the round trip";
    LOSS_UP_PCT = "loss_up_pct": "loss towards the target; null where the far end cannot tell it apart";
    LOSS_DOWN_PCT = "loss_down_pct": "loss from the target; null where the far end cannot tell it apart";
    LOSS_DETAIL = "loss_detail": "by direction: lost, of, longest burst, worst 200 ms, worst 15 s";
    RTT_MS = "rtt_ms": "round trip without the far end's own time: min, mean, p50, p95, p99, max";
    RTT_HISTOGRAM = "rtt_histogram": "how often each round trip of the train was seen: bounds_ms, and counts between them";
    TIMELINE = "timeline": "the train in at most 240 slots of slot_ms: rtt_min_ms, rtt_mean_ms and rtt_max_ms, and packets lost_up, lost_down or lost_unknown of each slot, by when they were sent";
    JITTER_MS = "jitter_ms": "mean of RFC 3550's |D| over the train, of the worse direction; null where one way cannot be seen";
    JITTER_DETAIL = "jitter_detail": "by direction: mean, RFC 3550's last and highest J, percentiles of |D|";
    RTT_VARIATION_MS = "rtt_variation_ms": "mean variation of the round trip from packet to packet";
    REORDERED = "reordered": "packets that came after a later one (RFC 4737), both directions; null where it cannot be seen";
    REORDERED_UP = "reordered_up": "of them, towards the target";
    REORDERED_DOWN = "reordered_down": "of them, from the target";
    DUPLICATED = "duplicated": "packets that came more than once, both directions; null where it cannot be seen";
    DUPLICATED_UP = "duplicated_up": "of them, towards the target";
    DUPLICATED_DOWN = "duplicated_down": "of them, from the target";
    MOS = "mos": "estimated quality of a call from 1 to 4.5";
    MOS_DETAIL = "mos_detail": "R factor, the delay, loss and codec parameters it was computed from, and the basis of the formula";
    SEND_LATE_MS = "send_late_ms": "how much later than planned this machine sent: p50, p99, max";
    DELAY_RISE_UP_MS = "delay_rise_up_ms": "how much the delay towards the target rose while the load was on";
    DELAY_RISE_DOWN_MS = "delay_rise_down_ms": "how much the delay from the target rose while the load was on";
    DSCP_SENT = "dscp_sent": "code point that the packets left with";
    DSCP_RECEIVED_UP = "dscp_received_up": "code point that came to the target";
    DSCP_RECEIVED_DOWN = "dscp_received_down": "code point that came back";
    CAVEATS = "caveats": "what makes the figures less certain than their intervals say";
    PACKETS_TO_DECIDE = "packets_to_decide": "about how many more packets would decide what is undecided";
    RESPONDER_REFUSED = "responder_refused": "why the responder granted no test session";
    RECEIVER_OVERFLOW = "receiver_overflow": "packets lost by a receiving socket for want of room, by end: no loss of the path";
    // A page in a browser
    BROWSER = "browser": "the browser that looked, as it says itself: agent, webrtc, secure_context, codecs, devices";
    MEDIA_LOOP = "media_loop": "audio that the responder sent back, as the browser's statistics have it: sent, received, lost, jitter_ms, rtt_ms";
    // Bandwidth
    REQUIRED = "required": "what the row asks for: up_kbps, down_kbps of codec payload, and the same at the IP level";
    CARRIED = "carried": "codec payload that arrived: up_kbps, down_kbps";
    IMPLIED_BY = "implied_by": "the higher load that was carried, which shows that this one is";
    UP_ALONE = "up_alone": "the load towards the target alone: carried_kbps, loss_pct, delay_rise_ms";
    DOWN_ALONE = "down_alone": "the load from the target alone: carried_kbps, loss_pct, delay_rise_ms";
    CAPACITY = "capacity": "what the line carries, by direction, in kbit/s at the IP level, and how sure that is";
    LOADED_LATENCY = "loaded_latency": "round trip idle and under load, and responsiveness in round trips a minute (RPM)";
    MODES = "modes": "which modes and uses of the documents the line carries, and how many sessions side by side";
    BYTES_USED = "bytes_used": "bytes that the search sent and received";
    // Relays
    RELAY = "relay": "the way through a relay: way, server, relayed and mapped address, lifetime_s, software, realm, peer, login (long-term, rest, none), proxy";
    READY_MS = "ready_ms": "from the first packet until media could flow: connect, TLS, allocation, permission, channel; or ICE and DTLS";
    TURN_ERROR = "turn_error": "a relay's error response: code, reason, and the request it answered";
    PROXY_STATUS = "proxy_status": "HTTP status of the proxy's answer to CONNECT";
    PROXY_ANSWER = "proxy_answer": "what a proxy that was reached answered: status (HTTP) or reply (SOCKS5), schemes of login that it offers, login (whether one was sent), error (as its own header names it)";
    DIRECT = "direct": "where a proxy is configured, the way without it: status (ok, failed, skipped), failure, steps, facts";
    PROXY = "proxy": "where a proxy is configured, the way through it, which decides: status (ok, failed, skipped), via, failure, steps, facts";
    RELAYED_PORTS = "relayed_ports": "ports that a relay gave and that were asked over UDP directly: asked, answered, silent, and their share of 49152-65535";
    // NAT
    MAPPING = "mapping": "NAT mapping (RFC 5780): none, endpoint-independent, address-dependent, address-and-port-dependent or unknown";
    FILTERING = "filtering": "NAT filtering (RFC 5780): none, endpoint-independent, address-dependent, address-and-port-dependent or unknown";
    NAT_WHY_UNKNOWN = "nat_why_unknown": "why mapping or filtering could not be told";
    LOCAL = "local": "this machine's own address and port that packets left from";
    HAIRPIN = "hairpin": "whether the NAT brings back what is sent to an own mapped address; null where it could not be told";
    NAT_LIFETIME = "nat_lifetime": "idle UDP mapping: alive_s (longest silence that it outlived), gone_s (shortest that it did not), and each one tested";
    NAT_SIGNS = "nat_signs": "carrier-grade or double NAT and VPN, as addresses and routes show them: sign, detail";
    // ICE and calls
    ICE = "ice": "ICE with every candidate: pair, connected_ms, candidates, left_out with reasons";
    ICE_RELAY_ONLY = "ice_relay_only": "ICE once more with relay candidates alone, as where direct UDP is forbidden";
    JANUS = "janus": "what the Janus Gateway says of itself: version, plugins, and over which API it was asked";
    CALL = "call": "the call: setup_ms and its parts, ICE pair, remote port, codecs, bit rates each way";
    CALL_VIDEO = "call_video": "figures of the call's video, as those of its audio";
    RTCP_RTT_MS = "rtcp_rtt_ms": "round trip as RTCP reports tell it";
    SIP_STATUS = "sip_status": "code of the answer to SIP OPTIONS";
    SIP_SERVER = "sip_server": "Server or User-Agent of that answer";
    MET = "met": "the protocol that answered in place of the service's own";
    SERVICE = "service": "the product that the answer shows to be there, and by what: kind, name, by";
    SIP_RECEIVED = "sip_received": "address in the answer's Via `received`, by which a SIP server tells what it saw";
    SIP_ALG = "sip_alg": "whether the request was rewritten on the way: verdict (none, rewritten, cannot-tell), why";
    RTSP_STATUS = "rtsp_status": "status of the answer to RTSP OPTIONS";
    RTSP_SERVER = "rtsp_server": "Server header of that answer";
    RTSP_METHODS = "rtsp_methods": "methods that its Public header names";
    RTSP_DESCRIBE = "rtsp_describe": "DESCRIBE of the path: path, status, login (none, asked, digest, basic, refused, sent, spared, unsupported), scheme, realm, media";
    RTSP_RTT_MS = "rtsp_rtt_ms": "time from RTSP OPTIONS to its answer";
    RTMP = "rtmp": "what the RTMP server says: version, echoed (S2 repeats C1), and its answer to connect: accepted, code, description, server, capabilities";
    SSH_OFFER = "ssh_offer": "algorithms that the SSH server offers: kex, host_keys, ciphers, macs";
    IKE = "ike": "the answer to IKE_SA_INIT: kind (sa, notify, cookie, invalid-ke, version-1, empty), notify, vendor_ids, wants_group";
    IKE_NAT = "ike_nat": "what IKE's NAT detection tells: here, there (true: behind a NAT), null where the answer has none";
    IKE_RTT_MS = "ike_rtt_ms": "round trip of an IKE_SA_INIT that was not retransmitted";
    GRE = "gre": "what came back for GRE packets: answer (keepalive; packet, which is GRE of the peer's own and no proof of the way there; no-tunnel), from, ms";
    SIP_RTT_MS = "sip_rtt_ms": "time from SIP OPTIONS to its answer";
    // The way to a target
    HOPS = "hops": "routers on the way to the target that answered, the nearest first: distance, address";
    MTU = "mtu": "what the way lets through with DF set: answerer, port, control, and for each size of a UDP payload: bytes, packet, up, down (passed, too-big, local, silent, untried); too_big: from, mtu";
    MSS = "mss": "bytes of a TCP segment on the open connection, as both ends and all between agreed (TCP_MAXSEG)";
    POLICED = "policed": "the same datagrams slowly and fast to one port: verdict (policed, not-policed, cannot-tell), why, slow and fast: per_second, sent, answered, rtt_ms";
    AS_TCP = "as_tcp": "TCP connections to ports of a media range that is silent over UDP: connected, refused, silent ports, and the same of ports outside";
    // This machine itself
    CONTAINER = "container": "kind of container that the program runs in; absent outside of one";
    DISTRIBUTION = "distribution": "distribution as os-release names it: id, version, version_words, name, based_on";
    ARCHITECTURE = "architecture": "architecture as uname names it";
    CORES = "cores": "processors that programs may use at once, hardware threads counted";
    CORES_DETAIL = "cores_detail": "logical and physical processors, a container's quota, and whether it is a guest of a hypervisor";
    MEMORY_BYTES = "memory_bytes": "memory that programs can have at most";
    MEMORY_DETAIL = "memory_detail": "memory: total_bytes, available_bytes, swap_bytes, limit_bytes of a container";
    DISK = "disk": "room where recordings may lie: path, total_bytes, free_bytes";
    CLOCK = "clock": "the kernel's clock: is_synchronised, max_error_ms, estimated_error_ms";
    HELD_BY = "held_by": "who holds ports of the rule: process (its name alone), pid, uid, addresses, ports, is_open";
    PORTS_HELD = "ports_held": "ports of the rule that something holds";
    PORTS_FREE = "ports_free": "how many ports of the rule nothing holds";
    WAY_OUT = "way_out": "the interface that packets leave by: interface, kind, through, driver";
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
