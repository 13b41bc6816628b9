//! What a name, a host, a path may look like. Pure; knows nothing of where they stand.

use std::net::IpAddr;

/// `[a-z0-9]+([.-][a-z0-9]+)*`: a rule's id or a group's name.
pub(super) fn is_dotted(name: &str) -> bool {
    name.split(['.', '-']).all(is_word)
}

/// `[a-z0-9]+(-[a-z0-9]+)*`: a profile, role, vantage or option.
pub(super) fn is_name(name: &str) -> bool {
    name.split('-').all(is_word)
}

fn is_word(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// A host name (RFC 1123 section 2.1, without a dot at its end) or an address.
pub(super) fn is_host(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok() || is_host_name(host)
}

fn is_host_name(host: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or("");
    host.len() <= 253 && host.split('.').all(label) && !last.bytes().all(|b| b.is_ascii_digit())
}

/// An absolute path with its query, as it may stand in a request line (RFC 9112 section 3.2.1).
pub(super) fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
}

/// A token (RFC 9110 section 5.6.2), which a WebSocket subprotocol must be (RFC 6455 section 4.1).
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names() {
        assert!(["a", "rtc.media", "app-to-media.wowza-8086", "7"].iter().all(|n| is_dotted(n)));
        assert!(["", ".", "a.", "-a", "a..b", "A", "a_b", "a b", "ä"].iter().all(|n| !is_dotted(n)));
        assert!(is_name("media-server") && !is_name("media.server"));
    }

    #[test]
    fn hosts() {
        assert!(["a", "acme-v02.api.letsencrypt.org", "10.0.0.1", "::1", "1.example"].iter().all(|h| is_host(h)));
        let long = "a".repeat(64);
        let bad = ["", "-a", "a-", "a..b", "a.", "http://a", "a:443", "a/b", "a b", "10.0.0.256", "1.2.3", &long];
        assert!(bad.iter().all(|h| !is_host(h)));
    }

    #[test]
    fn paths_and_tokens() {
        assert!(is_path("/") && is_path("/ws?x=1") && !is_path("ws") && !is_path("/a b") && !is_path("/a\r\nHost: b"));
        assert!(is_token("janus-protocol") && !is_token("") && !is_token("a b") && !is_token("a,b"));
    }
}
