//! How each cause is told: who can act, what to ask for, what shows it.

use std::net::IpAddr;

use crate::judge::opening;
use crate::judge::place::{self, Traced};
use crate::model::trace::{Carrier, Flow, TraceEnd, Ttl};
use crate::model::{Finding, Status, Transport, Who};

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
pub(super) fn of_flows(id: &str, of: &[&Traced<'_>]) -> Finding {
    let status = of.iter().map(|t| t.check.status).reduce(Status::worst).unwrap_or_default();
    Finding {
        id: id.to_owned(),
        status,
        evidence: evidence(of),
        checks: of.iter().map(|t| t.check.id.clone()).collect(),
        ..Finding::default()
    }
}

/// One line for all flows that ended alike.
pub(super) fn evidence(of: &[&Traced<'_>]) -> Vec<String> {
    let mut lines: Vec<((String, String), Vec<Flow>)> = Vec::new();
    for one in of {
        let clause = place::clause(&one.check.observed).unwrap_or_else(|| "no place was found".to_owned());
        let control = &one.trace.control;
        let control = format!("{} {}", control.carrier.words(), control.port);
        let way = match one.trace.host_distance {
            Some(hops) => format!("{control} reaches {} at hop {hops}", one.address),
            None => format!("{control} does not reach {} either", one.address),
        };
        let flow = one.trace.flow.clone();
        match lines.iter_mut().find(|(told, _)| *told == (clause.clone(), way.clone())) {
            Some((_, flows)) => flows.push(flow),
            None => lines.push(((clause, way), vec![flow])),
        }
    }
    lines.into_iter().map(|((clause, way), flows)| format!("{}: {clause}; {way}.", listed(&flows))).collect()
}

/// `TCP 80, 443 and UDP 19500`.
fn listed(flows: &[Flow]) -> String {
    let all = [Carrier::Tcp, Carrier::Tls, Carrier::Udp].map(|carrier| {
        let of = flows.iter().filter(|f| f.carrier == carrier).map(|f| f.port.to_string());
        let mut ports: Vec<String> = of.collect();
        ports.dedup();
        (!ports.is_empty()).then(|| format!("{} {}", carrier.words(), ports.join(", ")))
    });
    all.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

/// `TCP 443, 8089 and UDP 19099-20099`.
pub(super) fn ports(of: &[&Traced<'_>]) -> String {
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
pub(super) fn ask(of: &[&Traced<'_>]) -> Vec<String> {
    let line = |t: &&Traced<'_>| {
        let from = t.source().map(|s| format!("from {s} ")).unwrap_or_default();
        format!("allow {} {} {from}to {}, and replies", transport_of(t).as_str().to_uppercase(), port(t), t.address)
    };
    let mut all: Vec<String> = of.iter().map(line).collect();
    all.dedup();
    all
}

/// What shows on the server whether packets come there.
fn capture(of: &[&Traced<'_>]) -> String {
    let Some(one) = of.first() else { return String::new() };
    let client = one.mapped.or(one.trace.source).map(|a| format!("host {a} and ")).unwrap_or_default();
    let transport = transport_of(one).as_str();
    format!("`tcpdump -ni any '{client}{transport} port {}'`", one.trace.flow.port)
}

/// The place of flows that end at one.
fn place_of(of: &[&Traced<'_>]) -> String {
    of.first().and_then(|t| place::between(&t.trace)).unwrap_or_else(|| "on the way".to_owned())
}

fn local(address: IpAddr, of: &[&Traced<'_>]) -> Finding {
    let told = of.iter().any(|t| t.trace.end == TraceEnd::Local);
    Finding {
        title: match told {
            true => format!("This machine's own firewall stops {}", ports(of)),
            false => format!("{} is stopped before the first router, most likely on this machine", ports(of)),
        },
        detail: match told {
            true => format!("The system of this machine does not let {} to {address} out.", ports(of)),
            false => format!(
                "{} to {address} does not even come to the first router, where other packets to the same host do: a filter on this machine stops it, or one on its link to that router.",
                ports(of)
            ),
        },
        remedy: "Allow it in the output rules of this machine's firewall or security software (`nft list ruleset`, `iptables -nvL OUTPUT`).".to_owned(),
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
    if of.iter().any(|t| place::is_no_way(&t.trace)) {
        return Finding {
            title: format!("{by} has no way for {} to {address}", ports(of)),
            detail: format!("{by} answers \"{icmp}\", which a firewall can answer too where it hides that it rejects."),
            remedy: format!(
                "Mend the route to {address} on {by}, or bring the host up behind it; else allow the flows there."
            ),
            who: Some(Who::Firewall),
            ask: ask(of),
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
        title: format!("{} to {address} is reset on the way, and not by the host", ports(of)),
        detail: ttl.map(by_ttl).unwrap_or_else(|| format!(
            "Packets whose time to live ends at {at} are answered with a reset that bears the host's address, and the host is farther away: a firewall or inspection device at or before {at} resets the connections."
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
    let after = of.first().and_then(|t| t.trace.after).map(place::hop);
    let seen = after.as_ref().map(|hop| format!("came as far as {hop} and ")).unwrap_or_default();
    let end = if at_host { format!("the host (hop {distance})") } else { format!("hop {distance}") };
    let mute = of.iter().all(|t| t.trace.hops.is_empty());
    let blind = match mute {
        true => {
            " No router before the host says where a packet ends (ICMP time exceeded is filtered), so the place cannot be told from here."
        }
        false => "",
    };
    let remedy = match (&after, at_host) {
        (Some(hop), true) => format!("Ask first whoever runs {hop}; where that lets it through, the server's operator. A capture on the server decides whose it is."),
        (Some(hop), false) => format!("Allow it in the rules of {hop}, or of what stands between that and hop {distance}."),
        (None, true) => "Ask in this order: the firewall of your own network, the provider, the server's operator. A capture on the server decides whether it is the way or the server.".to_owned(),
        (None, false) => format!("Allow it in the firewall {place}."),
    };
    let mut ask = ask(of);
    if at_host {
        let command = capture(of);
        ask.push(format!("of the server's operator: run {command} on the server during a test; if packets come, allow the same in the server's own firewall, and if none do, they are dropped before it"));
    }
    Finding {
        title: format!("{} to {address} is dropped {place}", ports(of)),
        detail: format!(
            "In three rounds these packets {seen}were not answered at {end}, while other packets to the same host were: a filter drops them.{blind}"
        ),
        remedy,
        who: Some(Who::Firewall),
        ask,
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
    let fate = if of.iter().all(|t| t.trace.end == TraceEnd::Cut) { "cut off" } else { "lost" };
    let mut finding = Finding {
        title: format!("TLS for {name} on {} is stopped because of that name", ports(of)),
        detail: format!(
            "At {address}, a ClientHello with the name {name} is {fate} in three rounds, and the same one with the name {other} is answered in three ({at}): something filters by the name, on the way or right before the server; the port itself is open."
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
            "nothing listens on the port, or a firewall right before the host refuses in its name (the TTL of the reset tells them apart: run the same command as root, and with a rule whose TCP port of this host answers)"
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
