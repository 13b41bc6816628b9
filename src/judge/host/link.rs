//! The way out: by wire, Wi-Fi, a mobile network or a tunnel, and whether the document recommends a wire.

use super::Judged;
use crate::model::machine::{Link, LinkKind};
use crate::model::{Facts, Status, metric};
use crate::profile::PlatformNeed;

/// Judges the interface that packets leave by. A document that recommends a wire is met by one; behind a virtual card
/// nobody can see.
pub fn judge(wired: Option<&PlatformNeed>, link: &Link, facts: &Facts) -> Judged {
    let words = words(link, facts);
    if wired.is_none() {
        return Judged::new(Status::Pass, words);
    }
    let (status, reason) = match link.kind {
        LinkKind::Wired => (Status::Pass, format!("{words}, as the document recommends")),
        LinkKind::Wifi => (Status::Warn, format!("{words}: the document recommends a wire; plug a cable in")),
        LinkKind::Mobile => (
            Status::Warn,
            format!("{words}: the document recommends a wire; take a network with a cable where there is one"),
        ),
        LinkKind::Tunnel => (
            Status::Warn,
            format!(
                "{words}, which adds delay and hides what carries it: the document recommends a wire; leave the platform's traffic out of the tunnel"
            ),
        ),
        LinkKind::Virtual => (
            Status::Unknown,
            format!(
                "{words}: what carries it lies outside; the document recommends a wire, so look at the machine below"
            ),
        ),
        LinkKind::Unknown => {
            (Status::Unknown, format!("{words}: a line, a modem or a tunnel; the document recommends a wire"))
        }
        LinkKind::Loopback => (Status::Pass, format!("{words}: it never leaves this machine")),
    };
    Judged::new(status, reason)
}

/// `by Wi-Fi (wlan0), from 192.0.2.7`.
fn words(link: &Link, facts: &Facts) -> String {
    let kind = match link.kind {
        LinkKind::Loopback => "inside this machine",
        LinkKind::Wired => "by wire",
        LinkKind::Virtual => "by a virtual card",
        LinkKind::Unknown => "by an interface of a kind that the kernel does not tell",
        LinkKind::Tunnel => "through a tunnel",
        LinkKind::Wifi => "by Wi-Fi",
        LinkKind::Mobile => "by a mobile network",
    };
    let interfaces: Vec<&str> = std::iter::once(&link.interface).chain(&link.through).map(String::as_str).collect();
    let source: Option<String> = facts.get(&metric::LOCAL);
    let from = source.map(|s| format!(", from {s}")).unwrap_or_default();
    format!("out {kind} ({}){from}", interfaces.join(" over ")).replace("out inside", "inside")
}
