//! Whether a name belongs to a host: for redirects and certificates that come from somebody else. Draws no conclusion.

/// The host of an absolute URL, in lower case, without its port.
pub fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// Two names of one domain: the same, or with the same last two labels, which is as near as one comes without a list of
/// registries. Addresses are kin to themselves alone.
pub fn is_kin(one: &str, other: &str) -> bool {
    let tail = |name: &str| {
        let labels: Vec<&str> = name.trim_end_matches('.').rsplit('.').take(2).collect();
        labels.join(".").to_ascii_lowercase()
    };
    let is_address = |name: &str| name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    match is_address(one) || is_address(other) {
        true => one.trim_matches(['[', ']']) == other.trim_matches(['[', ']']),
        false => tail(one) == tail(other),
    }
}

/// A certificate's name is for this host (RFC 6125 section 6.4): exactly, or with one label in the place of `*`.
pub fn covers(name: &str, host: &str) -> bool {
    let (name, host) = (name.to_ascii_lowercase(), host.trim_matches(['[', ']']).to_ascii_lowercase());
    match name.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
        None => name == host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_kin_and_certificates_names() {
        assert_eq!(host_of("http://Login.Hotel.test:8080/a?b").as_deref(), Some("login.hotel.test"));
        assert_eq!(host_of("https://[2001:db8::1]/").as_deref(), Some("[2001:db8::1]"));
        assert_eq!((host_of("/login"), host_of("http://")), (None, None));
        assert!(is_kin("www.example.com", "rtc.example.com") && !is_kin("example.net", "example.com"));
        assert!(!is_kin("192.0.2.1", "198.51.2.1") && is_kin("[2001:db8::1]", "2001:db8::1"));
        assert!(covers("*.example.com", "rtc.example.com") && !covers("*.example.com", "a.rtc.example.com"));
        assert!(covers("192.0.2.1", "192.0.2.1") && !covers("login.test", "rtc.example.com"));
    }
}
