//! A request as PowerShell: rules of the Windows firewall, in a group of their own.

use super::comment;
use crate::model::firewall::{Flow, Protocol, Request};

/// The longest description that is written; Windows takes more.
const DESCRIPTION: usize = 1000;
const NAME: usize = 200;

const USAGE: [&str; 6] = [
    "Load:    powershell -ExecutionPolicy Bypass -File FILE.ps1   (as administrator; it may be loaded again)",
    "Look:    Get-NetFirewallRule -Group rtc-check",
    "Remove:  Remove-NetFirewallRule -Group rtc-check",
    "",
    "Windows lets out everything that no rule blocks; these rules matter where outbound traffic is blocked by default:",
    "Set-NetFirewallProfile -All -DefaultOutboundAction Block. Answers come back without a rule.",
];

/// Draws it.
pub(super) fn draw(request: &Request) -> String {
    let flows = request.flows();
    if flows.is_empty() {
        return comment::nothing(request);
    }
    let mut out = comment::head(request, &USAGE);
    out += "\n$ErrorActionPreference = 'Stop'\n";
    out += "Remove-NetFirewallRule -Group 'rtc-check' -ErrorAction SilentlyContinue\n";
    let mut before = None;
    for flow in &flows {
        out += &rule(flow, before);
        before = Some(flow);
    }
    out
}

/// One command. Only signs that end no single-quoted string are in a [`comment::plain`] text.
fn rule(flow: &Flow<'_>, before: Option<&Flow<'_>>) -> String {
    let mut out = format!("\n{}", comment::reasons(flow, before, ""));
    let addresses: Vec<String> = flow.addresses.iter().map(|a| format!("'{a}'")).collect();
    let reasons: Vec<String> = flow.reasons.iter().map(|r| comment::why(r)).collect();
    let (label, reasons) = (comment::label(flow, NAME), comment::plain(&reasons.join(". "), DESCRIPTION));
    let protocol = match flow.protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
        Protocol::Gre => "47",
    };
    let ports = flow.ports.map_or_else(String::new, |p| format!(" -RemotePort '{p}'"));
    out += &format!(
        "New-NetFirewallRule -Group 'rtc-check' -DisplayName 'rtc-check: {label}' -Description '{reasons}' -Direction \
         Outbound -Action Allow -Protocol {protocol} -RemoteAddress @({}){ports} | Out-Null\n",
        addresses.join(", ")
    );
    out
}
