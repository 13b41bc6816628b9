//! The text at `/.well-known/rtc-check`, by which a client learns that it speaks to a responder and what that serves.
//! It is a hint, fetched without verification: nothing in it is to be trusted.

use std::net::IpAddr;

use serde::Serialize;

use super::Bound;
use crate::model::{PortRange, RoleName, RuleId, Service, Transport};
use crate::session::granted::GrantLimits;
use crate::wire::{grant, ice};

/// Where the page is.
pub(super) const PATH: &str = "/.well-known/rtc-check";

#[derive(Serialize)]
struct Page<'a> {
    #[serde(rename = "rtc-check")]
    about: About<'a>,
}

#[derive(Serialize)]
struct About<'a> {
    version: &'a str,
    /// UDP requests must be signed.
    key_required: bool,
    serves: Vec<Serves<'a>>,
    sessions: Sessions,
    ice: Ice,
}

/// A lite ICE agent, on every UDP port that is served.
#[derive(Serialize)]
struct Ice {
    /// Where a session is opened.
    path: &'static str,
}

/// Test sessions. STAMP is answered on every UDP port that is served.
#[derive(Serialize)]
struct Sessions {
    /// Where one is opened.
    path: &'static str,
    /// STAMP's own port, where it is served on some address; media ports answer STAMP in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    stamp_port: Option<u16>,
    max_sessions: u32,
    max_session_kbps: u32,
    max_kbps: u32,
    max_session_seconds: u32,
    max_session_bytes: u64,
    max_session_packets: u32,
}

/// One range of one rule on one address; a range with a hole is two of these.
#[derive(Serialize)]
struct Serves<'a> {
    rule: &'a RuleId,
    role: &'a RoleName,
    address: IpAddr,
    transport: Transport,
    service: Service,
    ports: PortRange,
}

/// The page as JSON.
pub(super) fn render(bound: &[Bound], key_required: bool, limits: &GrantLimits, version: &str) -> String {
    let serves = bound.iter().flat_map(|b| b.ports.ranges().iter().map(|ports| entry(b, *ports))).collect();
    let ice = Ice { path: ice::PATH };
    let page = Page { about: About { version, key_required, serves, sessions: sessions(bound, limits), ice } };
    serde_json::to_string_pretty(&page).unwrap_or_default()
}

fn sessions(bound: &[Bound], limits: &GrantLimits) -> Sessions {
    let mut of_stamp = bound.iter().filter(|b| b.rule.as_str().ends_with(super::STAMP_RULE));
    Sessions {
        path: grant::PATH,
        stamp_port: of_stamp.find_map(|b| b.ports.ranges().first()).map(|range| range.first()),
        max_sessions: limits.sessions,
        max_session_kbps: limits.session_kbps,
        max_kbps: limits.kbps,
        max_session_seconds: limits.session_seconds,
        max_session_bytes: limits.session_bytes,
        max_session_packets: limits.packets_per_second,
    }
}

fn entry(bound: &Bound, ports: PortRange) -> Serves<'_> {
    let Bound { rule, role, address, service, transport, .. } = bound;
    Serves { rule, role, address: *address, transport: *transport, service: *service, ports }
}
