//! How each cause is told: who can act, what to ask for, what shows it.

use std::net::IpAddr;

use crate::judge::opening;
use crate::judge::place::{self, Traced};
use crate::model::trace::{Carrier, TraceEnd, Ttl};
use crate::model::{Check, Finding, Status, Transport, Who};

use super::Cause;

/// The finding of one cause on one host.
pub fn cause(address: IpAddr, cause: &Cause, of: &[&Traced<'_>]) -> Finding {
    match cause {
        Cause::Local => local(address, of),
        Cause::Rejected(from) => rejected(address, *from, of),
        Cause::Forged(distance) => forged(address, *distance, of),
        Cause::Dropped(_, distance) => dropped(address, *distance, of),
        Cause::Name(name) => by_name(address, name, of),
        Cause::Refused => refused(address, of),
    }
}

/// The parts that all of them have.
fn of_flows(id: &str, of: &[&Traced<'_>]) -> Finding {
    let status = of.iter().map(|t| t.check.status).reduce(Status::worst).unwrap_or_default();
    Finding {
        id: id.to_owned(),
        status,
        evidence: of.iter().map(|t| evidence(t)).collect(),
        checks: of.iter().map(|t| t.check.id.clone()).collect(),
        ..Finding::default()
    }
}

fn evidence(one: &Traced<'_>) -> String {
    let clause = place::clause(&one.check.observed).unwrap_or_else(|| "no place was found".to_owned());
    let control = &one.trace.control;
    let way = match one.trace.host_distance {
        Some(hops) => format!("{} {} reaches the host at hop {hops}", control.carrier.words(), control.port),
        None => format!("{} {} does not reach the host either", control.carrier.words(), control.port),
    };
    format!("{} {} to {}: {clause}; {way}.", one.trace.flow.carrier.words(), one.trace.flow.port, one.address)
}

/// `TCP 443, 8089 and UDP 19099-20099`.
fn ports(of: &[&Traced<'_>]) -> String {
    let all = [Transport::Tcp, Transport::Udp].map(|transport| {
        let mut ports: Vec<String> = of.iter().filter(|t| transport_of(t) == transport).map(|t| port(t)).collect();
        ports.dedup();
        (!ports.is_empty()).then(|| format!("{} {}", transport.as_str().to_uppercase(), ports.join(", ")))
    });
    all.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

fn transport_of(one: &Traced<'_>) -> Transport {
    if one.trace.flow.carrier == Carrier::Udp { Transport::Udp } else { Transport::Tcp }
}

fn port(one: &Traced<'_>) -> String {
    let check = one.check;
    let ports = opening::stopped(check).or(check.port.map(|p| p.to_string()));
    ports.unwrap_or_else(|| one.trace.flow.port.to_string())
}

/// `allow UDP 19099-20099 from 192.0.2.2 to 198.51.100.10, and replies`.
fn ask(of: &[&Traced<'_>]) -> Vec<String> {
    let line = |t: &&Traced<'_>| {
        let from = t.trace.source.map(|s| format!("from {s} ")).unwrap_or_default();
        format!("allow {} {} {from}to {}, and replies", transport_of(t).as_str().to_uppercase(), port(t), t.address)
    };
    let mut all: Vec<String> = of.iter().map(line).collect();
    all.dedup();
    all
}

/// The place of flows that end at one.
fn place_of(of: &[&Traced<'_>]) -> String {
    of.first().and_then(|t| place::between(&t.trace)).unwrap_or_else(|| "on the way".to_owned())
}

fn local(address: IpAddr, of: &[&Traced<'_>]) -> Finding {
    let told = of.iter().any(|t| t.trace.end == TraceEnd::Local);
    Finding {
        title: format!("This machine's own firewall stops {}", ports(of)),
        detail: match told {
            true => format!("The system of this machine does not let {} to {address} out.", ports(of)),
            false => format!(
                "{} to {address} does not even come to the first router, where other packets to the same host do: a filter on this machine stops it, or one on its link to that router.",
                ports(of)
            ),
        },
        remedy: "Allow it in the output rules of this machine's firewall or security software.".to_owned(),
        who: Some(Who::ThisMachine),
        ask: ask(of),
        ..of_flows("blocked.local", of)
    }
}

fn rejected(address: IpAddr, from: IpAddr, of: &[&Traced<'_>]) -> Finding {
    let icmp = of.iter().find_map(|t| t.trace.icmp.clone()).unwrap_or_else(|| "ICMP error".to_owned());
    let by = of.first().map_or_else(|| from.to_string(), |t| place::router(&t.trace, from));
    let base = of_flows("blocked.rejected", of);
    let title = format!("{} to {address} is rejected by {by}", ports(of));
    if of.iter().any(|t| super::is_no_way(t)) {
        return Finding {
            title,
            detail: format!("{by} answers that there is no way to {address} ({icmp})."),
            remedy: format!("Mend the route to {address} on {by}, or bring the host up behind it."),
            who: Some(Who::Firewall),
            ..base
        };
    }
    let own = from == address;
    Finding {
        title,
        detail: match own {
            true => format!(
                "The host itself rejects it ({icmp}): its own firewall, because a closed port would answer otherwise."
            ),
            false => format!("{by} says so itself ({icmp}); it is not the host, so the packets end there."),
        },
        remedy: match own {
            true => "Open the ports in the server's own firewall.".to_owned(),
            false => format!("Allow the flows in the rules of {by}."),
        },
        who: Some(if own { Who::Server } else { Who::Firewall }),
        ask: ask(of),
        ..base
    }
}

fn forged(address: IpAddr, distance: u8, of: &[&Traced<'_>]) -> Finding {
    let at = of.first().and_then(|t| t.trace.before).map_or_else(|| format!("hop {distance}"), place::hop);
    let ttl = of.iter().find_map(|t| t.trace.ttl.filter(|_| t.trace.ends_at_host()));
    let by_ttl = |ttl: Ttl| {
        format!(
            "The reset has the TTL {} and what open ports of the host answer {}: it is not the host's, but that of a firewall on the way.",
            ttl.reset, ttl.host
        )
    };
    Finding {
        title: format!("{} to {address} is reset on the way, in the host's name", ports(of)),
        detail: ttl.map(by_ttl).unwrap_or_else(|| format!(
            "Packets whose time to live ends at {at} are answered with a reset, and the host is farther away: a firewall or inspection device at or before {at} resets the connections."
        )),
        remedy: match ttl {
            Some(_) => format!("Allow the flows in the firewall before {address}."),
            None => format!("Allow the flows in the firewall at or before {at}."),
        },
        who: Some(Who::Firewall),
        ask: ask(of),
        ..of_flows("blocked.rejected", of)
    }
}

fn dropped(address: IpAddr, distance: u8, of: &[&Traced<'_>]) -> Finding {
    let place = place_of(of);
    let at_host = of.iter().any(|t| t.trace.ends_at_host());
    let more = match at_host {
        true => " A firewall on the host itself would look the same.",
        false => "",
    };
    Finding {
        title: format!("{} to {address} is dropped {place}", ports(of)),
        detail: format!(
            "In three rounds nothing came back from hop {distance} on, while other packets to the same host were answered there: a filter drops them {place}.{more}"
        ),
        remedy: match at_host {
            true => format!("Allow the flows in the firewall {place}; if there is none, in the server's own firewall."),
            false => format!("Allow the flows in the firewall {place}."),
        },
        who: Some(Who::Firewall),
        ask: ask(of),
        ..of_flows("blocked.dropped", of)
    }
}

fn by_name(address: IpAddr, name: &str, of: &[&Traced<'_>]) -> Finding {
    let at = of.first().and_then(|t| place::clause(&t.check.observed)).unwrap_or_default();
    let other = of.iter().find_map(|t| t.trace.other_name.clone()).map(|o| o.name).unwrap_or_default();
    let mut ask: Vec<String> = of
        .iter()
        .map(|t| format!("let TLS for {name} to {address} port {} through, without inspection", port(t)))
        .collect();
    ask.dedup();
    let mut finding = Finding {
        title: format!("TLS for {name} is cut by the name in it"),
        detail: format!(
            "At {address}, a ClientHello with the name {name} is cut off or lost in three rounds, and the same one with the name {other} is answered in three ({at}): something filters by the server's name."
        ),
        remedy: format!("Exempt {name} from the filter of names (URL or SNI filter)."),
        who: Some(Who::Firewall),
        ask,
        ..of_flows("blocked.sni", of)
    };
    finding.evidence.push(format!("A ClientHello with the name {other} to the same address and port is answered."));
    finding
}

fn refused(address: IpAddr, of: &[&Traced<'_>]) -> Finding {
    let reset = of.iter().any(|t| t.trace.flow.carrier != Carrier::Udp);
    let same = of.iter().all(|t| t.trace.ttl.is_some_and(|t| !t.differ()));
    let more = match (reset, same) {
        (_, true) => "nothing listens on the port (the reset has the same TTL as the host's other answers)",
        (true, false) => {
            "nothing listens on the port, or a firewall right before the host refuses in its name (the TTL of the reset would tell them apart: root may see it)"
        }
        (false, false) => "nothing listens on the port",
    };
    let sign = if reset { "a reset" } else { "port unreachable" };
    Finding {
        title: match reset && !same {
            true => format!("{} on {address} is refused", ports(of)),
            false => format!("Nothing serves {} on {address}", ports(of)),
        },
        detail: format!("Packets come as far as {address} and are answered with {sign} from there: {more}."),
        remedy: match reset && !same {
            true => "Start the service, or have it listen on this address and port; where it does, ask the administrator of the firewall before it for the rule.".to_owned(),
            false => "Start the service, or have it listen on this address and port.".to_owned(),
        },
        who: Some(Who::Server),
        ask: of
            .iter()
            .map(|t| {
                format!(
                    "have the service listen on {} {} of {address}",
                    transport_of(t).as_str().to_uppercase(),
                    port(t)
                )
            })
            .collect(),
        ..of_flows("service.down", of)
    }
}

/// All UDP is stopped.
pub fn udp(of: &[&Traced<'_>]) -> Finding {
    let mut places: Vec<String> = of.iter().filter_map(|t| place::clause(&t.check.observed)).collect();
    places.sort();
    places.dedup();
    let port = of.iter().find_map(|t| t.trace.other_port.as_ref()).map_or(0, |o| o.port);
    Finding {
        title: "All UDP is stopped, and TCP works".to_owned(),
        detail: format!(
            "No UDP was answered by any host, and a UDP port that no rule names ({port}) is stopped as well: {}.",
            places.join("; ")
        ),
        remedy: "Allow UDP to the ports below, and their replies; media need it. A relay over TLS on port 443 is the second best.".to_owned(),
        who: Some(Who::Firewall),
        ask: ask(of),
        ..of_flows("udp.blocked", of)
    }
}

/// Nothing answers from a host.
pub fn unreachable(address: IpAddr, of: &[&Traced<'_>], checks: &[Check]) -> Finding {
    let no_way = of.iter().find(|t| super::is_no_way(t));
    let last = of.iter().filter_map(|t| t.trace.hops.last()).max_by_key(|h| h.distance);
    let way = match (no_way.and_then(|t| Some((place::router(&t.trace, t.trace.from?), t.trace.icmp.clone()?))), last) {
        (Some((router, icmp)), _) => format!("{router} says: {icmp}"),
        (None, Some(last)) => format!("the last that answers on the way is {}", place::hop(*last)),
        (None, None) => "no router on the way answers either".to_owned(),
    };
    let here = checks.iter().filter(|c| c.address == Some(address) && c.rule.is_some() && !c.status.holds());
    Finding {
        title: format!("{address} is not reached at all"),
        detail: format!(
            "Nothing answers from {address}: no TCP or UDP port of the rules, and no trace; {way}. The host is off, its address is another, or everything to it is dropped on the way."
        ),
        remedy: match no_way {
            Some(_) => "See that the host is up and has this address; else mend the route there.".to_owned(),
            None => "See that the host is up and has this address; then ask for the rules below where the answers end."
                .to_owned(),
        },
        who: Some(Who::Server),
        ask: if no_way.is_some() { Vec::new() } else { ask(of) },
        checks: here.map(|c| c.id.clone()).collect(),
        ..of_flows("host.unreachable", of)
    }
}
