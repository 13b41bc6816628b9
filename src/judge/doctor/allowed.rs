//! What the system lets the process do, and which checks need it.

use super::{Line, Standing, line};
use crate::model::doctor::{Allowed, Descriptors, LowPorts, ReceiveBuffer, Tried};

/// As many checks as run side by side, with a few sockets each.
const RUN_NEEDS: u64 = 512;

/// The responder's largest built-in range, of `dlegate` (16,384 ports), and what it has open beside.
const RESPONDER_NEEDS: u64 = 17_000;

/// What a sweep asks for: the answers of a second at its fastest pace.
const SWEEP_BUFFER: u64 = 4 << 20;

/// The lowest port that a profile's responder stands in for (FTP).
const LOWEST_PORT: u32 = 21;

const GRANT: &str = "run rtc-check as root, or grant it once with `sudo setcap cap_net_raw+ep PATH/rtc-check`";

fn why(tried: &Tried) -> &str {
    tried.why.as_deref().unwrap_or("the system does not say why")
}

pub(super) fn raw(may: &Allowed) -> Line {
    let of = |status, found: &str, meaning: &str| line("raw-sockets", "raw sockets", status, found, meaning);
    match (may.raw_ipv4.works, may.raw_ipv6.works) {
        (true, true) => of(Standing::Ok, "raw sockets can be opened in both families", "GRE rules can be checked"),
        (true, false) => {
            let found = format!("a raw socket can be opened in IPv4, in IPv6 not: {}", why(&may.raw_ipv6));
            of(Standing::Limited, &found, "GRE rules can be checked in IPv4 only")
        }
        (false, _) => {
            let found = format!("no raw socket can be opened: {}", why(&may.raw_ipv4));
            let meaning = "rules of GRE stay unknown; every other check works without";
            of(Standing::Missing, &found, meaning).with(GRANT)
        }
    }
}

pub(super) fn capture(may: &Allowed) -> Line {
    let of = |status, found: String, meaning: &str| line("packet-capture", "packet capture", status, found, meaning);
    match may.capture.works {
        true => of(Standing::Ok, "packet sockets can be opened".to_owned(), "`rtc-check bundle --pcap` can be used"),
        false => {
            let found = format!("no packet socket can be opened: {}", why(&may.capture));
            of(Standing::Missing, found, "`rtc-check bundle --pcap` is refused; checks need no such socket").with(GRANT)
        }
    }
}

pub(super) fn error_queue(may: &Allowed, has_network: bool) -> Line {
    let of = |status, found: String, meaning: &str| line("error-queue", "UDP error queue", status, found, meaning);
    let blind =
        "UDP that is refused or prohibited looks like silence, so ranges of servers that are no responder stay unknown";
    match (may.error_queue_ipv4.works, may.error_queue_ipv6.works) {
        (true, true) => of(
            Standing::Ok,
            "a refused datagram on loopback was told in both families".to_owned(),
            "refused and prohibited UDP ports are told from silent ones, and routers on the way are seen",
        ),
        (true, false) => of(
            Standing::Limited,
            format!("refused datagrams are told in IPv4, in IPv6 not: {}", why(&may.error_queue_ipv6)),
            if has_network { "in IPv6 refused UDP ports look like silent ones" } else { "IPv6 cannot be used here" },
        ),
        (false, true) => of(
            Standing::Limited,
            format!("refused datagrams are told in IPv6, in IPv4 not: {}", why(&may.error_queue_ipv4)),
            blind,
        ),
        (false, false) => {
            of(Standing::Missing, format!("refused datagrams are not told: {}", why(&may.error_queue_ipv4)), blind)
                .with("run it on a Linux kernel itself, not in a sandbox that stands in for one (gVisor and its like)")
        }
    }
}

pub(super) fn timestamps(may: &Allowed) -> Line {
    let of = |status, found: String, meaning: &str| line("timestamps", "kernel timestamps", status, found, meaning);
    match may.timestamps.works {
        true => of(
            Standing::Ok,
            "a datagram on loopback bore the kernel's time of its arrival".to_owned(),
            "RTT and jitter are those of the network, not of a busy machine",
        ),
        false => of(
            Standing::Limited,
            format!("the kernel's times of arrival are not had: {}", why(&may.timestamps)),
            "RTT and jitter include the time until this program came to read: measure while the machine is idle",
        ),
    }
}

pub(super) fn filters(may: &Allowed) -> Line {
    let of = |status, found: String, meaning: &str| line("socket-filters", "socket filters", status, found, meaning);
    match may.socket_filters.works {
        true => of(
            Standing::Ok,
            "a filter can be put on a socket".to_owned(),
            "the TTL of a TCP reset is seen, so that a firewall that resets in a host's name can be told",
        ),
        false => of(
            Standing::Limited,
            format!("no filter can be put on a socket: {}", why(&may.socket_filters)),
            "a firewall that resets TCP connections in a host's name cannot be told by its TTL",
        ),
    }
}

pub(super) fn receive_buffer(buffer: ReceiveBuffer) -> Line {
    let of = |status, found: String, meaning: &str| line("receive-buffer", "receive buffers", status, found, meaning);
    let most = buffer.most_bytes;
    match (buffer.is_exempt, most >= SWEEP_BUFFER) {
        (true, _) => of(
            Standing::Ok,
            format!("net.core.rmem_max is {most} bytes, and this process may pass over it"),
            "no answer of a fast sweep is lost here",
        ),
        (false, true) => {
            of(Standing::Ok, format!("net.core.rmem_max is {most} bytes"), "no answer of a fast sweep is lost here")
        }
        (false, false) => of(
            Standing::Limited,
            format!("net.core.rmem_max is {most} bytes"),
            "at the pace of 4000 datagrams a second that is enough; a sweep with a higher --pace may lose answers here, and asks again",
        )
        .with(format!("sysctl -w net.core.rmem_max={SWEEP_BUFFER}, or leave --pace as it is")),
    }
}

pub(super) fn descriptors(limit: Descriptors) -> Line {
    let Descriptors { soft, hard } = limit;
    let of = |status, meaning: String| {
        line(
            "descriptors",
            "descriptor limit",
            status,
            format!("{soft} open files, which may be raised to {hard}"),
            meaning,
        )
    };
    if soft < RUN_NEEDS {
        let meaning = format!("a run of many targets may need {RUN_NEEDS}; checks that get no socket are unknown");
        return of(Standing::Limited, meaning).with(format!("`ulimit -n {RUN_NEEDS}` before the run"));
    }
    if hard < RESPONDER_NEEDS {
        let meaning = "enough for every run; `rtc-check serve` needs one for each port of a media range and address \
             (1,001 for agent, 10,001 for acd, 16,384 for dlegate) and raises its limit itself as far as it may";
        return of(Standing::Limited, meaning.to_owned())
            .with("for a responder of a large range: `ulimit -Hn` of 17000 or more (LimitNOFILE= of a service)");
    }
    of(
        Standing::Ok,
        "enough for every run, and for a responder of the largest range, which raises its limit itself".to_owned(),
    )
}

pub(super) fn low_ports(ports: LowPorts) -> Line {
    let first = ports.first_free;
    let of = |status, found: String, meaning: &str| line("low-ports", "ports below 1024", status, found, meaning);
    match (ports.is_exempt, first <= LOWEST_PORT) {
        (true, _) => of(
            Standing::Ok,
            "this process may listen on every port".to_owned(),
            "`rtc-check serve` can stand in for HTTP, HTTPS, SSH and the like",
        ),
        (false, true) => of(
            Standing::Ok,
            format!("everybody may listen on ports from {first}"),
            "`rtc-check serve` can stand in for HTTP, HTTPS, SSH and the like",
        ),
        (false, false) => of(
            Standing::Limited,
            format!("only the privileged may listen below {first}"),
            "only `rtc-check serve` listens; its rules on such ports (80, 443, 22) are left out unless they are moved",
        )
        .with(
            "for a responder: `sudo setcap cap_net_bind_service+ep PATH/rtc-check`, AmbientCapabilities= of a service, or --port RULE=PORT at both ends",
        ),
    }
}
