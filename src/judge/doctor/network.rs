//! How the machine stands to the network, and what is to be known of that when a report is read.

use super::{Line, Standing, line, listed};
use crate::model::doctor::{Clock, Environment, Family, Firewall, Proxies, Resolvers, Roots, System};
use crate::model::machine::LinkKind;

/// The link of most networks; less is a tunnel's or a provider's.
const USUAL_MTU: u32 = 1500;

/// One line a family.
pub(super) fn ways_out(seen: &Environment) -> [Line; 2] {
    [Family::V4, Family::V6].map(|family| way_out(seen, family))
}

fn way_out(seen: &Environment, family: Family) -> Line {
    let name = family.as_str();
    let (id, title) = (format!("way-out-{}", name.to_ascii_lowercase()), format!("way out, {name}"));
    let of = |status, found: String, meaning: &str| line(&id, &title, status, found, meaning);
    let Some(way) = seen.ways_out.iter().find(|way| way.family == family) else {
        let meaning = format!("{name} addresses are skipped, and fail where a target has no other");
        return of(Standing::Missing, format!("no {name} route to the Internet"), &meaning);
    };
    let by = way.interface.as_deref().unwrap_or("an interface that the system does not name");
    let interface = seen.interfaces.iter().find(|i| Some(&i.interface) == way.interface.as_ref());
    let mtu = interface.and_then(|i| i.mtu).map(|mtu| format!(", MTU {mtu}")).unwrap_or_default();
    let routes = seen.routes.iter().filter(|r| r.is_default() && Some(&r.interface) == way.interface.as_ref());
    let gateway = routes.filter(|r| r.to.contains(':') == (family == Family::V6)).find_map(|r| r.gateway.as_deref());
    let gateway = gateway.map(|gateway| format!(" by way of {gateway}")).unwrap_or_default();
    let found = format!("leaves by {by} ({}) from {}{gateway}{mtu}", told(way.kind), way.source);
    let short = interface.and_then(|i| i.mtu).is_some_and(|mtu| mtu < USUAL_MTU);
    match way.kind {
        LinkKind::Wifi => of(Standing::Limited, found, "loss, jitter and delay of the air are part of every figure")
            .with("measure over a cable as well, to tell the air from the network behind it"),
        LinkKind::Mobile => of(
            Standing::Limited,
            found,
            "figures are those of the mobile network, and change with the cell and the hour",
        ),
        LinkKind::Tunnel => of(
            Standing::Limited,
            found,
            "everything is measured through the tunnel, at whose other end the network begins",
        ),
        _ if short => {
            let meaning = "longer packets are cut or lost on this link itself: `path` checks say what still passes";
            of(Standing::Ok, found, meaning)
        }
        LinkKind::Virtual => {
            of(Standing::Ok, found, "what carries it beyond this virtual link cannot be seen from inside")
        }
        _ => of(Standing::Ok, found, "targets in this family are tested"),
    }
}

fn told(kind: LinkKind) -> &'static str {
    match kind {
        LinkKind::Loopback => "loopback",
        LinkKind::Wired => "a cable",
        LinkKind::Virtual => "a virtual link",
        LinkKind::Unknown => "of unknown kind",
        LinkKind::Tunnel => "a tunnel",
        LinkKind::Wifi => "Wi-Fi",
        LinkKind::Mobile => "a mobile network",
    }
}

pub(super) fn vpn(seen: &Environment) -> Line {
    let of = |status, found: String, meaning: &str| line("vpn", "VPN and tunnels", status, found, meaning);
    let tunnels = seen.interfaces.iter().filter(|i| i.kind == LinkKind::Tunnel && i.is_up() && !i.addresses.is_empty());
    let names: Vec<&str> = tunnels.map(|i| i.interface.as_str()).collect();
    let leads = seen.ways_out.iter().any(|way| way.kind == LinkKind::Tunnel);
    match (names.is_empty(), leads) {
        (_, true) => of(
            Standing::Limited,
            "a tunnel is the way to the Internet".to_owned(),
            "delay, loss and MTU of the tunnel are part of every figure, and its far end's firewall decides",
        )
        .with("run once with the VPN and once without, and compare the two with `rtc-check diff`"),
        (false, false) => of(
            Standing::Ok,
            format!("{} with an address, and not the way to the Internet", listed(&names)),
            "targets inside the tunnel's networks go through it, all others beside it",
        ),
        (true, false) => {
            of(Standing::Ok, "no tunnel is up".to_owned(), "nothing stands between this machine and its link")
        }
    }
}

pub(super) fn resolvers(set: &Resolvers) -> Line {
    let of = |status, found: String, meaning: &str| line("resolvers", "resolvers", status, found, meaning);
    if set.servers.is_empty() {
        return of(
            Standing::Missing,
            "/etc/resolv.conf names no server".to_owned(),
            "names are asked of this machine itself: unless a resolver runs here, give targets as addresses",
        )
        .with("name a resolver in /etc/resolv.conf");
    }
    let search = match set.search.as_slice() {
        [] => String::new(),
        domains => format!("; short names are tried below {}", listed(domains)),
    };
    let servers = listed(&set.servers);
    match &set.behind {
        Some(behind) => of(
            Standing::Ok,
            format!("{servers}, where {} asks {}{search}", behind.software, listed(&behind.servers)),
            "answers may come from this machine's cache; --dns SERVER asks one of the others too",
        ),
        None => {
            of(Standing::Ok, format!("{servers}{search}"), "each is asked by itself beside the system's own look-up")
        }
    }
}

pub(super) fn proxies(set: &Proxies) -> Line {
    let of = |status, found: String, meaning: &str| line("proxies", "proxies", status, found, meaning);
    if let Some(bad) = set.variables.iter().find(|v| v.proxy.is_none()) {
        let why = bad.why.as_deref().unwrap_or("it cannot be used");
        let found = format!("{}: {why}", bad.variable);
        return of(Standing::Missing, found, "a run ends before it begins")
            .with("mend the variable, or give --proxy none");
    }
    if set.variables.is_empty() {
        let meaning =
            "TCP is tried directly; a proxy that only a browser knows (PAC, desktop settings) is given with --proxy";
        return of(Standing::Ok, "the environment names none".to_owned(), meaning);
    }
    let one = |v: &crate::model::doctor::ProxyVariable| {
        let login = if v.has_login { " (with a login, not shown)" } else { "" };
        format!("{} is {}{login}", v.variable, v.proxy.as_deref().unwrap_or_default())
    };
    let exempt = match (set.exempts_all, set.exempt.as_slice()) {
        (true, _) => "; NO_PROXY exempts everything".to_owned(),
        (false, []) => "; NO_PROXY exempts nothing but this machine itself".to_owned(),
        (false, hosts) => format!("; NO_PROXY exempts {}", listed(hosts)),
    };
    let found = listed(&set.variables.iter().map(one).collect::<Vec<_>>()) + &exempt;
    let meaning = match set.exempts_all {
        true => "TCP is tried directly",
        false => {
            "TCP is tried directly and through the proxy, which decides, because a browser asks it too; UDP goes directly"
        }
    };
    of(Standing::Ok, found, meaning)
}

pub(super) fn firewall(seen: &Firewall) -> Line {
    let of = |status, found: String, meaning: &str| line("own-firewall", "own firewall", status, found, meaning);
    let mut parts: Vec<String> = seen.managers.clone();
    parts.extend(seen.modules.iter().map(|name| format!("the kernel's {name}")));
    let tables = seen.tables.as_deref().unwrap_or_default();
    parts.extend((!tables.is_empty()).then(|| format!("iptables with the tables {}", listed(tables))));
    match (parts.is_empty(), &seen.tables) {
        (true, Some(_)) => of(
            Standing::Ok,
            "none is seen: neither its modules nor a manager of it (one that is built into the kernel is not seen)"
                .to_owned(),
            "what is dropped in silence is most likely dropped by the network; `nft list ruleset` as root is certain",
        ),
        (true, None) => of(
            Standing::Limited,
            "whether this machine has a packet filter is not told to this user".to_owned(),
            "what it refuses is told as this machine's own; what it drops in silence looks like the network's doing",
        )
        .with("look at it as root: `nft list ruleset`, `iptables -S`"),
        (false, _) => of(
            Standing::Limited,
            format!("in use: {}; its rules are not read", listed(&parts)),
            "what it refuses is told as this machine's own; what it drops in silence looks like the network's doing",
        )
        .with("look at its rules as root: `nft list ruleset`, `iptables -S`"),
    }
}

pub(super) fn clock(seen: &Clock) -> Line {
    let of = |status, found: String, meaning: &str| line("clock", "clock", status, found, meaning);
    let by = match seen.services.as_slice() {
        [] => "by a service that is not seen from here".to_owned(),
        services => format!("by {}", listed(services)),
    };
    let meaning = "certificates' dates and the report's times are right; figures need no clock that is";
    match &seen.kept {
        Some(kept) if kept.is_synchronised => {
            let off = kept.max_error_ms.min(1e7);
            of(Standing::Ok, format!("kept {by}, at most {off:.0} ms off by the kernel's reckoning"), meaning)
        }
        Some(_) => of(
            Standing::Limited,
            match seen.services.as_slice() {
                [] => "nobody keeps it, as far as the kernel knows".to_owned(),
                services => format!("{} runs, but has not told the kernel that it keeps it", listed(services)),
            },
            "a certificate may be called expired or not yet valid because of it, and times of reports do not match; figures need no clock",
        )
        .with("start a time service: systemd-timesyncd, chrony"),
        None => of(
            Standing::Limited,
            "the kernel does not tell whether anybody keeps it".to_owned(),
            "when a certificate is called expired, look at the clock first",
        ),
    }
}

pub(super) fn roots(seen: &Roots) -> Line {
    let of = |status, found: String, meaning: &str| line("tls-roots", "TLS roots", status, found, meaning);
    let from = match (seen.variables.as_slice(), seen.from.as_slice()) {
        ([], []) => String::new(),
        ([], from) => format!(" from {}", listed(from)),
        (variables, from) => format!(" from {} ({})", listed(from), listed(variables)),
    };
    let noted = seen.notes.first().map(|note| format!("; {note}")).unwrap_or_default();
    match seen.count {
        0 => of(Standing::Missing, format!("none{from}{noted}"), "every certificate counts as untrusted")
            .with("install the package ca-certificates, name a bundle in SSL_CERT_FILE, or give --ca FILE"),
        count => of(
            Standing::Ok,
            format!("{count}{from}{noted}"),
            "certificates of public authorities are trusted; a private one's root is added with --ca FILE",
        ),
    }
}

pub(super) fn system(seen: &System) -> Line {
    let of = |status, found: String, meaning: &str| line("system", "system", status, found, meaning);
    let words = [seen.distribution.as_deref(), seen.kernel.as_deref(), seen.architecture.as_deref()];
    let mut found = words.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if found.is_empty() {
        found = "the system does not say what it is".to_owned();
    }
    match (&seen.container, seen.is_guest) {
        (Some(kind), _) => of(
            Standing::Limited,
            format!("{found}; a container ({kind})"),
            "its bridge and NAT are part of what is tested: a NAT finding may be the container's own",
        )
        .with(
            "for the machine's own way give the container the host's network (`--network host`, `hostNetwork: true`)",
        ),
        (None, true) => of(Standing::Ok, format!("{found}; a virtual machine"), "its host's load shows in jitter"),
        (None, false) => of(Standing::Ok, found, "nothing stands between the program and the machine"),
    }
}
