//! `path.mtu`: large datagrams vanish on the way and nobody says so, or what media need is too big for it. `path.mtu-small`: the
//! way takes less than Ethernet does, and says so. `path.tunnel`: packets leave by a tunnel.

use std::net::IpAddr;

use crate::judge::opening;
use crate::judge::path::MEDIA;
use crate::model::machine::{Link, LinkKind};
use crate::model::path::{Mtu, MtuAnswerer, MtuSize, PathHop, SizeFate};
use crate::model::{Check, Failure, FailureKind, Finding, ProbeKind, Status, Step, WayTaken, Who, metric};
use crate::plan::Plan;

/// One finding an address for what is lost, one note for all that is small, and one for all tunnels.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let paths: Vec<(&Check, Mtu)> = of_paths(checks).filter_map(|c| Some((c, c.observed.get(&metric::MTU)?))).collect();
    let mut findings: Vec<Finding> = paths.iter().filter_map(|(c, mtu)| lost(checks, c, mtu)).collect();
    let small: Vec<&(&Check, Mtu)> =
        paths.iter().filter(|(c, mtu)| lost(checks, c, mtu).is_none() && is_small(mtu)).collect();
    findings.extend(smaller(&small));
    findings.extend(tunnel(checks));
    findings
}

fn of_paths(checks: &[Check]) -> impl Iterator<Item = &Check> {
    checks.iter().filter(|c| c.probe == ProbeKind::Path && c.waived.is_none())
}

/// This machine's own address towards `to`, for a line to ask for.
pub fn source(checks: &[Check], to: Option<IpAddr>) -> String {
    let own = to.and_then(|to| opening::source(checks, to));
    own.map_or_else(|| "this machine".to_owned(), |own| own.to_string())
}

/// Whether packets leave by a tunnel, and by which.
pub fn tunnels(checks: &[Check]) -> Vec<(&Check, Link)> {
    let links = of_paths(checks).filter_map(|c| Some((c, c.observed.get::<Link>(&metric::WAY_OUT)?)));
    links.filter(|(_, link)| link.kind == LinkKind::Tunnel).collect()
}

/// The smallest size that is silent in a direction, where no larger one passed and some smaller one, or the small ones around
/// it, did.
fn silent(mtu: &Mtu, fate: fn(&MtuSize) -> SizeFate) -> Option<&MtuSize> {
    let at = mtu.sizes.iter().position(|s| fate(s) == SizeFate::Silent)?;
    let larger = mtu.sizes.get(at..)?;
    (mtu.control && larger.iter().all(|s| fate(s) != SizeFate::Passed)).then(|| mtu.sizes.get(at)).flatten()
}

/// Checks of the same address whose TLS stopped answering behind a connection: the server's first answer is large.
fn hung(checks: &[Check], address: Option<IpAddr>) -> Vec<&Check> {
    let hangs = |c: &&Check| {
        // A tunnel that hangs says nothing of this way.
        let failure: Option<Failure> = match c.observed.get::<WayTaken>(&metric::DIRECT) {
            Some(direct) => direct.failure,
            None => c.observed.get(&metric::FAILURE),
        };
        c.address == address && failure.is_some_and(|f| f.step == Step::Tls && f.kind == FailureKind::TimedOut)
    };
    checks.iter().filter(hangs).collect()
}

/// A server that is not ours may itself take no long request: then another sign is asked for.
fn lost(checks: &[Check], path: &Check, mtu: &Mtu) -> Option<Finding> {
    let (up, down) = (silent(mtu, |s| s.up), silent(mtu, |s| s.down));
    let hung = hung(checks, path.address);
    let proven = mtu.answerer == MtuAnswerer::Responder || !hung.is_empty();
    let Some(first) = [up, down].into_iter().flatten().min_by_key(|s| s.bytes).filter(|_| proven) else {
        return told_small(path, mtu);
    };
    let is_media = first.bytes <= MEDIA;
    let most = mtu.sizes.iter().rev().find(|s| s.bytes < first.bytes && s.up == SizeFate::Passed);
    let most = most.map_or_else(|| "none of the sizes that were tried".to_owned(), |s| format!("{} bytes", s.packet));
    let direction = match (up, down) {
        (Some(_), Some(_)) => "in both directions",
        (Some(_), None) => "towards the target",
        _ => "from the target",
    };
    let to = path.address.map_or_else(|| path.target.clone(), |a| a.to_string());
    let mut checks = vec![path.id.clone()];
    checks.extend(hung.iter().map(|c| c.id.clone()));
    let worth = match (is_media, hung.is_empty()) {
        (true, _) => "media of full size are lost",
        (false, false) => "media of 1200 bytes pass, and large answers over TCP, such as a server's certificates, hang",
        (false, true) => "media of 1200 bytes pass, and no check of this run hung on it; longer messages over TCP may",
    };
    Some(Finding {
        id: "path.mtu".to_owned(),
        status: if is_media || hung.iter().any(|c| c.status == Status::Fail) { Status::Fail } else { Status::Warn },
        title: "Large packets vanish on the way, and nobody says so (MTU black hole)".to_owned(),
        detail: format!(
            "Packets of {} bytes and more are dropped {direction} ({to}) without the ICMP message that would make the sender use smaller ones; packets of {most} pass: {worth}. Sizes are those of IP packets; the limit lies between the two. A link with a small MTU does this where ICMP is filtered, and so does a filter by length.",
            first.packet
        ),
        remedy: format!(
            "Let ICMP \"fragmentation needed\" (IPv6: \"packet too big\") through every firewall on the way, or set the MTU of the narrow link on both ends and clamp the MSS of TCP to it. {}",
            place_by_hand(path, first)
        ),
        who: Some(Who::Firewall),
        ask: asked(path, &to, first, mtu),
        evidence: evidence(path, mtu, first, &hung),
        checks,
        ..Finding::default()
    })
}

/// How to find the place: silence does not tell it.
fn place_by_hand(path: &Check, first: &MtuSize) -> String {
    let hops: Vec<PathHop> = path.observed.get(&metric::HOPS).unwrap_or_default();
    let all: Vec<String> = hops.iter().map(|h| h.address.to_string()).collect();
    let hops = if all.is_empty() { "each router of `traceroute -n`".to_owned() } else { all.join(", then ") };
    format!(
        "Which link it is was not seen: `ping -M do -c 3 -s {} ADDRESS` to {hops} is answered up to there.",
        first.bytes
    )
}

fn asked(path: &Check, to: &str, first: &MtuSize, mtu: &Mtu) -> Vec<String> {
    let own = path.observed.get::<String>(&metric::LOCAL).unwrap_or_else(|| "this machine".to_owned());
    let v6 = path.address.is_some_and(|a| a.is_ipv6());
    let icmp = if v6 { "ICMPv6 type 2 (packet too big)" } else { "ICMP type 3 code 4 (fragmentation needed)" };
    let fits = mtu.sizes.iter().rev().find(|s| s.bytes < first.bytes && s.up == SizeFate::Passed).map(|s| s.packet);
    let mut ask = vec![format!("let {icmp} through, from any router to {own} and to {to}")];
    ask.extend(fits.map(|packet| {
        let mss = packet.saturating_sub(if v6 { 60 } else { 40 });
        format!("or: set the MTU of the narrow link between {own} and {to} to {packet} (the largest that was seen to pass), and clamp the MSS of TCP to {mss}")
    }));
    ask
}

fn evidence(path: &Check, mtu: &Mtu, first: &MtuSize, hung: &[&Check]) -> Vec<String> {
    let who = match mtu.answerer {
        MtuAnswerer::Responder => "the rtc-check responder",
        MtuAnswerer::Stun => "the STUN server",
    };
    let to = path.address.map_or_else(|| path.target.clone(), |a| a.to_string());
    let mut all = vec![format!(
        "{who} at {to} UDP {} answered small datagrams before, between and after, and none of 3 in packets of {} bytes (a payload of {}, DF set); no ICMP error came",
        mtu.port, first.packet, first.bytes
    )];
    let passed = mtu.sizes.iter().rfind(|s| s.up == SizeFate::Passed && s.down != SizeFate::Silent);
    all.extend(passed.map(|s| format!("packets of {} bytes (a payload of {}) passed", s.packet, s.bytes)));
    all.extend(hung.iter().map(|c| {
        let mss = c.observed.get::<u32>(&metric::MSS).map(|m| format!(" (MSS {m})")).unwrap_or_default();
        format!("{}: TCP connected{mss}, and TLS got no answer", c.id)
    }));
    all
}

/// What media need is refused aloud.
fn told_small(path: &Check, mtu: &Mtu) -> Option<Finding> {
    let media = mtu.sizes.iter().find(|s| s.bytes == MEDIA)?;
    let local = media.up == SizeFate::Local;
    if !local && media.up != SizeFate::TooBig {
        return None;
    }
    let to = path.address.map_or_else(|| path.target.clone(), |a| a.to_string());
    let by = told_by(mtu).unwrap_or_else(|| "this machine's own link takes no such packet".to_owned());
    Some(Finding {
        id: "path.mtu".to_owned(),
        status: Status::Warn,
        title: "The way is too narrow for media".to_owned(),
        detail: format!(
            "Datagrams with {MEDIA} bytes, which media use (packets of {}), do not pass to {to} unfragmented: {by}.",
            media.packet
        ),
        remedy: format!("Raise the MTU of the narrow link on the way to {} or more.", media.packet),
        who: Some(if local { Who::ThisMachine } else { Who::Firewall }),
        ask: vec![format!("raise the MTU on the way to {to} to {} bytes or more", media.packet)],
        evidence: vec![by],
        checks: vec![path.id.clone()],
        ..Finding::default()
    })
}

fn told_by(mtu: &Mtu) -> Option<String> {
    let told = mtu.too_big?;
    let from = told.from.map_or_else(|| "a router".to_owned(), |a| a.to_string());
    Some(match told.mtu {
        Some(mtu) => format!("{from} says that its next link takes packets of {mtu} bytes"),
        None => format!("{from} says that packets are too big for its next link"),
    })
}

fn is_small(mtu: &Mtu) -> bool {
    let passes = mtu.sizes.iter().any(|s| s.bytes >= MEDIA && s.up == SizeFate::Passed);
    passes && mtu.sizes.iter().any(|s| matches!(s.up, SizeFate::TooBig | SizeFate::Local))
}

fn smaller(paths: &[&(&Check, Mtu)]) -> Option<Finding> {
    let (_, first) = paths.first()?;
    let most = first.sizes.iter().rev().find(|s| s.up == SizeFate::Passed)?;
    let one = |(path, mtu): &&(&Check, Mtu)| {
        let most = mtu.sizes.iter().rev().find(|s| s.up == SizeFate::Passed).map_or(0, |s| s.packet);
        let by = told_by(mtu).unwrap_or_else(|| "this machine's own link takes no larger ones".to_owned());
        format!("{}: of the sizes that were tried, packets of up to {most} bytes pass; {by}", path.id)
    };
    Some(Finding {
        id: "path.mtu-small".to_owned(),
        status: Status::Pass,
        title: "The way takes smaller packets than Ethernet, and says so".to_owned(),
        detail: format!(
            "Packets of up to {} bytes pass, and of larger ones ICMP tells the sender, as behind DSL or a VPN: media of {MEDIA} bytes are not touched, and TCP adapts. There is nothing to do.",
            first.too_big.and_then(|t| t.mtu).unwrap_or_else(|| most.packet.into())
        ),
        evidence: paths.iter().map(one).collect(),
        checks: paths.iter().map(|(c, _)| c.id.clone()).collect(),
        ..Finding::default()
    })
}

fn tunnel(checks: &[Check]) -> Option<Finding> {
    let found = tunnels(checks);
    let (_, first) = found.first()?;
    let one = |(c, link): &(&Check, Link)| {
        let to = c.address.map_or_else(|| c.target.clone(), |a| a.to_string());
        format!("the route to {to} leaves by {}, a tunnel", link.interface)
    };
    Some(Finding {
        id: "path.tunnel".to_owned(),
        status: Status::Pass,
        title: "Packets to the target leave by a tunnel or VPN".to_owned(),
        detail: format!(
            "The route leads through {}: calls take the way around by the VPN's far end, with its delay, its MTU and its firewall. There is nothing to do while calls are good.",
            first.interface
        ),
        remedy: "Only where calls suffer: have the administrator of the VPN take the target's addresses out of it (split tunnelling)."
            .to_owned(),
        evidence: found.iter().map(one).collect(),
        checks: found.iter().map(|(c, _)| c.id.clone()).collect(),
        ..Finding::default()
    })
}

#[cfg(test)]
pub(super) mod tests;
