//! Headers of HTTP: which may be told with their values, and which of the others name the machines on the way. Knows no
//! report.

/// Headers whose values are of the protocol's own words, numbers and dates.
const TOLD: [&str; 24] = [
    "accept",
    "accept-encoding",
    "accept-ranges",
    "age",
    "allow",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-length",
    "content-type",
    "date",
    "expires",
    "keep-alive",
    "last-modified",
    "pragma",
    "proxy-connection",
    "retry-after",
    "sec-websocket-accept",
    "sec-websocket-version",
    "strict-transport-security",
    "transfer-encoding",
    "upgrade",
    "vary",
];
/// Headers in which machines on the way name themselves.
const ON_THE_WAY: [&str; 11] = [
    "via",
    "x-cache",
    "x-cache-lookup",
    "x-served-by",
    "x-forwarded-host",
    "x-forwarded-server",
    "x-backend",
    "x-backend-server",
    "x-proxy",
    "x-host",
    "proxy-status",
];
/// Headers that are told without their values.
const NAMED: [&str; 6] =
    ["location", "proxy-authenticate", "set-cookie", "www-authenticate", "x-squid-error", "server"];
const KEPT_BACK: &str = "(not shown)";

/// `name: value` as it may be told; `None` where not even the name may be.
pub(super) fn told(line: &str) -> Option<String> {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    let (name, value) = (name.trim().to_lowercase(), value.trim());
    let is = |list: &[&str]| list.contains(&name.as_str());
    match () {
        () if is(&TOLD) => Some(line.to_owned()),
        // A product with its version; anything else may be a host's own name.
        () if name == "server" && is_product(value) => Some(line.to_owned()),
        () if is(&ON_THE_WAY) || is(&NAMED) => Some(format!("{name}: {KEPT_BACK}")),
        () => None,
    }
}

fn is_product(value: &str) -> bool {
    let is_one = |word: &str| {
        word.split_once('/').is_some_and(|(name, version)| {
            !name.contains(|c: char| c.is_ascii_digit()) && version.starts_with(|c: char| c.is_ascii_digit())
        })
    };
    value.chars().all(char::is_alphabetic)
        || value.split_whitespace().next().is_some_and(is_one) && !value.contains('(')
}

/// Names by which machines on the way call themselves: `fw01-acme` of `via: 1.1 fw01-acme (squid)`.
pub(super) fn machines(line: &str) -> Vec<&str> {
    let Some((name, value)) = line.split_once(':') else { return Vec::new() };
    if !ON_THE_WAY.contains(&name.trim().to_lowercase().as_str()) {
        return Vec::new();
    }
    let words = value.split(|c: char| !super::names::in_word(c)).map(|w| w.trim_matches(['.', '-', '_']));
    let particular = |w: &&str| w.contains(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.'));
    let is_name = |w: &&str| w.len() > 3 && w.starts_with(char::is_alphabetic) && particular(w);
    words.filter(is_name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_headers_of_the_protocol_keep_their_values() {
        for line in ["content-type: text/html", "server: nginx/1.18.0", "Server: nginx"] {
            assert_eq!(told(line).as_deref(), Some(line));
        }
        for line in ["via: 1.1 fw01-acme", "X-Cache: MISS from proxy01-acme", "server: fw01-acme", "server: a/1 (acme)"]
        {
            assert!(told(line).is_some_and(|told| told.ends_with(": (not shown)")), "{line}");
        }
        assert_eq!(told("x-acme-node: 7"), None);
        let told_once = told("via: 1.1 fw01").unwrap();
        assert_eq!(told(&told_once), Some(told_once), "it stays as it is");
    }

    #[test]
    fn machines_on_the_way_are_learned() {
        assert_eq!(machines("via: 1.1 fw01-acme (squid), HTTP/2.0 edge.acme:3128"), ["fw01-acme", "edge.acme"]);
        assert_eq!(machines("x-cache: MISS from proxy01-acme:3128"), ["proxy01-acme"]);
        assert!(machines("cache-control: no-cache").is_empty());
    }
}
