//! Rules about names themselves.

use std::net::IpAddr;

use crate::model::{Facts, metric};

pub fn words(facts: &Facts) -> String {
    let Some(addresses) = facts.get::<Vec<IpAddr>>(&metric::ADDRESSES) else { return "resolved".to_owned() };
    let differ = facts.get(&metric::DNS_DIFFER) == Some(true);
    let note = if differ { ", though its resolvers do not agree (see observed.dns_servers)" } else { "" };
    let list: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    format!("resolved to {}{note}", list.join(", "))
}
