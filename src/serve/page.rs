//! The text at `/.well-known/rtc-check`, by which a client learns that it speaks to a responder and what that serves.
//! It is a hint, fetched without verification: nothing in it is to be trusted.

use std::net::IpAddr;

use serde::Serialize;

use super::Bound;
use crate::model::{PortRange, RoleName, RuleId, Service, Transport};

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
pub(super) fn render(bound: &[Bound], key_required: bool, version: &str) -> String {
    let serves = bound.iter().flat_map(|b| b.ports.ranges().iter().map(|ports| entry(b, *ports))).collect();
    let page = Page { about: About { version, key_required, serves } };
    serde_json::to_string_pretty(&page).unwrap_or_default()
}

fn entry(bound: &Bound, ports: PortRange) -> Serves<'_> {
    let Bound { rule, role, address, service, transport, .. } = bound;
    Serves { rule, role, address: *address, transport: *transport, service: *service, ports }
}
