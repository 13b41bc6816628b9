//! Rules about names themselves.

use std::net::IpAddr;

use crate::model::{Facts, Status, metric};

pub fn status(facts: &Facts) -> Status {
    if addresses(facts).is_empty() { Status::Unknown } else { Status::Pass }
}

pub fn words(facts: &Facts) -> String {
    let addresses = addresses(facts);
    if addresses.is_empty() {
        return "gave no address that could be read, so nothing is known of the name".to_owned();
    }
    let differ = facts.get(&metric::DNS_DIFFER) == Some(true);
    let note = if differ { ", though its resolvers do not agree (see observed.dns_servers)" } else { "" };
    let list: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    format!("resolved to {}{note}", list.join(", "))
}

fn addresses(facts: &Facts) -> Vec<IpAddr> {
    facts.get(&metric::ADDRESSES).unwrap_or_default()
}
