//! A request as nftables rules: a table of its own for `nft -f`, or the bare rules for a chain that is there already.

use super::comment;
use super::{Hook, Layout};
use crate::model::firewall::{Flow, Protocol, Request};

/// The longest comment of a rule, in bytes (NFTNL_UDATA_COMMENT_MAXLEN, its end included).
const COMMENT: usize = 127;

const USAGE: [&str; 6] = [
    "Load:    nft -f FILE      (replaces this table alone, so it may be loaded again)",
    "Look:    nft list table inet rtc_check",
    "Remove:  nft delete table inet rtc_check",
    "",
    "All that is not listed here is dropped, new connections of every other program and the renewal of DHCP leases",
    "included. Answers to what other machines begin still leave. Other tables still apply: each may drop on its own.",
];

const USAGE_OF_RULES: [&str; 2] = [
    "Only what is to be let through: put it into the chain that drops, before what drops there (include \"FILE\"",
    "inside the chain's braces, in a table of family inet that accepts established,related traffic).",
];

/// Draws it.
pub(super) fn draw(request: &Request, layout: Layout) -> String {
    let flows = request.flows();
    if flows.is_empty() {
        return comment::nothing(request);
    }
    if layout.rules_only {
        return comment::head(request, &USAGE_OF_RULES) + &rules(&flows, "");
    }
    let chain = match layout.hook {
        Hook::Output => "output",
        Hook::Forward => "forward",
    };
    let mut out = format!("#!/usr/sbin/nft -f\n{}\n", comment::head(request, &USAGE));
    // Declared first, so that deleting it is no error where it is not there; the whole file is one transaction.
    out += "table inet rtc_check\ndelete table inet rtc_check\n\ntable inet rtc_check {\n";
    out += &format!("\tchain {chain} {{\n\t\ttype filter hook {chain} priority 0; policy drop;\n\n");
    out += &always(layout.hook);
    out += &rules(&flows, "\t\t");
    out += "\n\t\t# All else is dropped, and counted here.\n\t\tcounter drop\n\t}\n}\n";
    out
}

/// What no row asks for and nothing works without.
fn always(hook: Hook) -> String {
    let mut out = String::new();
    if hook == Hook::Output {
        out += "\t\toifname \"lo\" accept comment \"this machine to itself\"\n";
    }
    out += "\t\t# Further packets of what is open, and ICMP errors about it (path MTU, port unreachable).\n";
    out += "\t\tct state established,related accept\n";
    if hook == Hook::Output {
        out += "\t\t# IPv6 finds its neighbours and routers by ICMPv6 (RFC 4861), and switches its listeners (RFC 3810).\n";
        out += "\t\ticmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept\n";
        out += "\t\tip6 daddr ff02::16 icmpv6 type 143 accept\n";
    }
    out
}

fn rules(flows: &[Flow<'_>], indent: &str) -> String {
    let mut out = String::new();
    let mut before = None;
    for flow in flows {
        let reasons = comment::reasons(flow, before, indent);
        out += &if reasons.is_empty() { reasons } else { format!("\n{reasons}") };
        before = Some(flow);
        let label = comment::label(flow, COMMENT);
        out += &format!("{indent}{} {} counter accept comment \"{label}\"\n", to(flow), carried(flow));
    }
    out
}

/// `ip daddr 192.0.2.1`, or a set of addresses.
fn to(flow: &Flow<'_>) -> String {
    let family = if flow.is_ipv4() { "ip" } else { "ip6" };
    let addresses: Vec<String> = flow.addresses.iter().map(ToString::to_string).collect();
    match addresses.as_slice() {
        [one] => format!("{family} daddr {one}"),
        many => format!("{family} daddr {{ {} }}", many.join(", ")),
    }
}

fn carried(flow: &Flow<'_>) -> String {
    match (flow.protocol, flow.ports) {
        (Protocol::Tcp, Some(ports)) => format!("tcp dport {ports}"),
        (Protocol::Udp, Some(ports)) => format!("udp dport {ports}"),
        (Protocol::Tcp, None) => "meta l4proto tcp".to_owned(),
        (Protocol::Udp, None) => "meta l4proto udp".to_owned(),
        // By number: its name is only known where /etc/protocols is.
        (Protocol::Gre, _) => "meta l4proto 47".to_owned(),
    }
}
