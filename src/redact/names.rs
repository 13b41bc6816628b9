//! What is a name: of a host by its form, in a value that holds one, and in the distinguished names of certificates.

/// Last labels that no identifier of a report has; those of two letters are countries.
const LAST_LABELS: [&str; 24] = [
    "com",
    "net",
    "org",
    "info",
    "biz",
    "edu",
    "gov",
    "mil",
    "int",
    "dev",
    "app",
    "cloud",
    "online",
    "tech",
    "local",
    "lan",
    "internal",
    "corp",
    "home",
    "intranet",
    "private",
    "example",
    "invalid",
    "localdomain",
];
/// Countries whose label is the suffix of files, too.
const SUFFIXES: [&str; 9] = ["rs", "py", "sh", "md", "so", "pl", "cc", "ps", "js"];

/// Public authorities, products that inspect TLS, and this program: their names say what a chain is and whose it is not.
const KNOWN_ISSUERS: [&str; 34] = [
    "let's encrypt",
    "internet security research group",
    "isrg root",
    "digicert",
    "sectigo",
    "comodo",
    "globalsign",
    "godaddy",
    "starfield",
    "google trust services",
    "amazon",
    "entrust",
    "identrust",
    "microsoft",
    "baltimore",
    "usertrust",
    "certum",
    "buypass",
    "zerossl",
    "quovadis",
    "swisssign",
    "zscaler",
    "fortinet",
    "palo alto networks",
    "cisco",
    "sophos",
    "check point",
    "blue coat",
    "symantec",
    "netskope",
    "mcafee",
    "squid",
    "mitmproxy",
    "rtc-check",
];

/// A character of a host's name as text has it.
pub(super) fn in_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '.' | '_')
}

/// Whether a word has the form of a domain name that nothing else in a report has.
pub(super) fn is_domain(word: &str) -> bool {
    let labels: Vec<&str> = word.split('.').collect();
    let [.., last] = labels.as_slice() else { return false };
    let well_formed =
        |l: &&str| !l.is_empty() && l.len() <= 63 && l.chars().all(|c| c.is_alphanumeric() || "-_".contains(c));
    if labels.len() < 2 || !labels.iter().all(well_formed) {
        return false;
    }
    // `ASP.NET` is no host.
    if labels.len() == 2 && word.chars().any(char::is_uppercase) {
        return false;
    }
    let last = last.to_ascii_lowercase();
    let is_country = last.len() == 2 && last.bytes().all(|b| b.is_ascii_lowercase());
    let is_long = labels.len() > 2 && last.len() > 1 && last.bytes().all(|b| b.is_ascii_lowercase());
    let has_name = labels.iter().rev().skip(1).any(|l| l.chars().any(char::is_alphabetic));
    LAST_LABELS.contains(&last.as_str())
        // Nobody can list the last labels that there are: what is no identifier and has three is a host.
        || (is_long && has_name && !is_own(word))
        || (last.starts_with("xn--"))
        || (is_country && (labels.len() > 2 || !SUFFIXES.contains(&last.as_str())))
}

/// Words of protocols and products that look like hosts: of Janus its plugins, of RTMP its codes.
fn is_own(word: &str) -> bool {
    let mut labels = word.split('.');
    let begins = (labels.next(), labels.next());
    matches!(begins, (Some("janus"), Some("plugin" | "transport" | "eventhandler")))
        || matches!(begins, (Some("NetConnection" | "NetStream"), Some(_)))
}

/// The host in a value that holds one: out of a URL, without user, port, path, brackets and the star of a certificate.
pub(super) fn host(value: &str) -> &str {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let rest = rest.strip_prefix("*.").unwrap_or(rest);
    if let Some(inner) = rest.strip_prefix('[') {
        return inner.split(']').next().unwrap_or_default();
    }
    match rest.split_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => rest,
    }
    .trim_end_matches('.')
}

/// The hosts of URLs in running text.
pub(super) fn in_urls(text: &str) -> impl Iterator<Item = &str> {
    let after = text.split("://").skip(1);
    let url = |rest: &'_ str| {
        rest.len() - rest.trim_start_matches(|c: char| !c.is_whitespace() && !"\"'`<>,;)".contains(c)).len()
    };
    after.map(move |rest| host(rest.get(..url(rest)).unwrap_or_default().trim_end_matches(['.', ':'])))
}

/// The attributes of a distinguished name, in order: what stands before each value, and the value.
pub(super) fn attributes(name: &str) -> Vec<(&str, &str)> {
    let is_key = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    let mut cuts: Vec<usize> = vec![0];
    for (n, _) in name.match_indices(", ") {
        let rest = name.get(n + 2..).unwrap_or_default();
        if rest.split_once('=').is_some_and(|(key, _)| is_key(key)) {
            cuts.push(n + 2);
        }
    }
    cuts.push(name.len() + 2);
    let part = |pair: &[usize]| match pair {
        [from, to] => name.get(*from..to.saturating_sub(2).max(*from)),
        _ => None,
    };
    let parts = cuts.windows(2).filter_map(part);
    parts.map(|part| part.split_once('=').filter(|(key, _)| is_key(key)).unwrap_or(("", part))).collect()
}

/// A value of a distinguished name that may stay: the country, and names that everybody knows.
pub(super) fn is_public(key: &str, value: &str) -> bool {
    let lower = value.to_lowercase();
    key == "C" || value.is_empty() || KNOWN_ISSUERS.iter().any(|known| lower.starts_with(known))
}

/// Whether a value is so particular that it is looked for everywhere, and not a word that sentences are made of.
pub(super) fn is_particular(value: &str) -> bool {
    value.chars().count() > 2
        && value.chars().any(|c| c.is_ascii_digit() || matches!(c, '.' | ' ' | '_') || c.is_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_told_from_identifiers() {
        for word in [
            "rtc.example.com",
            "a.b.de",
            "acme.io",
            "x.internal",
            "gw1.branch.acme.telecom",
            "5d2c.local",
            "RTC.Example.COM",
        ] {
            assert!(is_domain(word), "{word}");
        }
        for word in
            ["rtc.media", "tls.private-root", "janus.plugin.videoroom", "ASP.NET", "G.107", "0.1.0", "main.rs", "com"]
        {
            assert!(!is_domain(word), "{word}");
        }
    }

    #[test]
    fn hosts_and_attributes_are_taken_out_of_values() {
        for (value, found) in [
            ("https://rtc.example.com:8443/a?b=c", "rtc.example.com"),
            ("turn.example:3478", "turn.example"),
            ("*.example.com", "example.com"),
            ("alice@pbx", "pbx"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(host(value), found, "{value}");
        }
        let urls: Vec<&str> = in_urls("see https://a.example/x, and http://u@b:80.").collect();
        assert_eq!(urls, ["a.example", "b"]);
        assert_eq!(attributes("C=ES, O=Acme, Inc., CN=x"), [("C", "ES"), ("O", "Acme, Inc."), ("CN", "x")]);
        assert_eq!(attributes(""), [("", "")]);
    }
}
