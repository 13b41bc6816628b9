//! A request as iptables rules: a shell script that gives both families a chain of their own, all at once each.

use super::comment;
use super::{Hook, Layout};
use crate::model::firewall::{Flow, Protocol, Request};

/// The longest comment of a rule, in bytes (XT_MAX_COMMENT_LEN, its end included).
const COMMENT: usize = 255;

const USAGE: [&str; 6] = [
    "Load:    sh FILE           (as root; replaces the chain RTC_CHECK alone, so it may be loaded again)",
    "Look:    iptables -nvL RTC_CHECK; ip6tables -nvL RTC_CHECK",
    "Remove:  sh FILE remove",
    "",
    "All that is not listed here is dropped, new connections of every other program and the renewal of DHCP leases",
    "included. Answers to what other machines begin still leave.",
];

const USAGE_OF_RULES: [&str; 4] = [
    "Load:    sh FILE           (as root; replaces the chain RTC_CHECK alone, so it may be loaded again)",
    "Look:    iptables -nvL RTC_CHECK; ip6tables -nvL RTC_CHECK",
    "Remove:  sh FILE remove",
    "Only what is to be let through, before all other rules, which still decide on everything else.",
];

/// Takes the chain away from wherever it was put.
const REMOVE: &str = "\
if [ \"${1-}\" = remove ]; then
\tfor tables in iptables ip6tables; do
\t\tfor chain in OUTPUT FORWARD; do
\t\t\twhile $tables -w -D $chain -j RTC_CHECK 2>/dev/null; do :; done
\t\tdone
\t\t$tables -w -F RTC_CHECK 2>/dev/null && $tables -w -X RTC_CHECK || :
\tdone
\texit 0
fi

";

/// Draws it.
pub(super) fn draw(request: &Request, layout: Layout) -> String {
    let flows = request.flows_by_address();
    if flows.is_empty() {
        return format!("#!/bin/sh\n{}", comment::nothing(request));
    }
    let usage: &[&str] = if layout.rules_only { &USAGE_OF_RULES } else { &USAGE };
    let mut out = format!("#!/bin/sh\n{}set -eu\n\n", comment::head(request, usage));
    let (hook, other) = match layout.hook {
        Hook::Output => ("OUTPUT", "FORWARD"),
        Hook::Forward => ("FORWARD", "OUTPUT"),
    };
    out += REMOVE;
    for (program, ipv4) in [("iptables", true), ("ip6tables", false)] {
        let of_family: Vec<&Flow<'_>> = flows.iter().filter(|f| f.is_ipv4() == ipv4).collect();
        out += &format!("{program}-restore -w --noflush <<'END'\n*filter\n:RTC_CHECK - [0:0]\n");
        out += &always(layout, ipv4);
        let mut before = None;
        for flow in of_family {
            out += &rules(flow, before);
            before = Some(flow);
        }
        if !layout.rules_only {
            out += "# All else is dropped, and counted here.\n-A RTC_CHECK -j DROP\n";
        }
        out += "COMMIT\nEND\n\n";
    }
    out += &format!(
        "for tables in iptables ip6tables; do\n\
         \t$tables -w -D {other} -j RTC_CHECK 2>/dev/null || :\n\
         \t$tables -w -C {hook} -j RTC_CHECK 2>/dev/null || $tables -w -I {hook} 1 -j RTC_CHECK\n\
         done\n"
    );
    out
}

/// What no row asks for and nothing works without.
fn always(layout: Layout, ipv4: bool) -> String {
    let mut out = String::new();
    if layout.rules_only {
        return out;
    }
    if layout.hook == Hook::Output {
        out += "-A RTC_CHECK -o lo -j ACCEPT\n";
    }
    out += "# Further packets of what is open, and ICMP errors about it (path MTU, port unreachable).\n";
    out += "-A RTC_CHECK -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n";
    if layout.hook == Hook::Output && !ipv4 {
        out += "# IPv6 finds its neighbours and routers by ICMPv6 (RFC 4861), and switches its listeners (RFC 3810).\n";
        for kind in [133, 135, 136] {
            out += &format!("-A RTC_CHECK -p 58 -m icmp6 --icmpv6-type {kind} -j ACCEPT\n");
        }
        out += "-A RTC_CHECK -d ff02::16/128 -p 58 -m icmp6 --icmpv6-type 143 -j ACCEPT\n";
    }
    out
}

/// A flow's rules: one an address.
fn rules(flow: &Flow<'_>, before: Option<&Flow<'_>>) -> String {
    let mut out = comment::reasons(flow, before, "");
    let (length, label) = (if flow.is_ipv4() { 32 } else { 128 }, comment::label(flow, COMMENT));
    for address in &flow.addresses {
        let flow = carried(flow);
        out += &format!("-A RTC_CHECK -d {address}/{length} {flow} -m comment --comment \"{label}\" -j ACCEPT\n");
    }
    out
}

fn carried(flow: &Flow<'_>) -> String {
    let (name, number) = match flow.protocol {
        Protocol::Tcp => ("tcp", 6),
        Protocol::Udp => ("udp", 17),
        Protocol::Gre => ("gre", 47),
    };
    match flow.ports {
        Some(ports) => format!("-p {name} -m {name} --dport {}", ports.to_string().replace('-', ":")),
        None => format!("-p {number}"),
    }
}
