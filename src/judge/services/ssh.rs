//! SSH's identification, and the algorithms that it offers.

use serde::Deserialize;

use crate::model::{Facts, Seen, Status, Step, metric};

/// What the probe recorded of the offer.
#[derive(Deserialize)]
struct Offer {
    kex: Vec<String>,
    host_keys: Vec<String>,
    ciphers: Vec<String>,
}

pub fn status(seen: &Seen) -> Status {
    let facts = &seen.observation.facts;
    let old = banner(facts).is_some_and(|b| is_old(&b)) || !outdated(facts).is_empty();
    if old || not_offered(seen).is_some() { Status::Warn } else { Status::Pass }
}

pub fn words(seen: &Seen) -> String {
    let facts = &seen.observation.facts;
    let Some(banner) = banner(facts) else { return "answered".to_owned() };
    if is_old(&banner) {
        return format!("answered {banner}, a version that current clients refuse: update the server");
    }
    if let Some(why) = not_offered(seen) {
        return format!(
            "identified itself as {banner} and began no key exchange ({why}): it may have banned this address (fail2ban), be full (MaxStartups) or be a tarpit; look at the server's log"
        );
    }
    match outdated(facts).as_slice() {
        [] => format!("answered {banner}"),
        old => format!("answered {banner} and offers only outdated {}: update the server", old.join(", and only ")),
    }
}

fn banner(facts: &Facts) -> Option<String> {
    facts.get(&metric::BANNER)
}

/// Only 2.0 and 1.99, which speaks 2.0 too, are current (RFC 4253 section 5.1).
fn is_old(banner: &str) -> bool {
    !banner.starts_with("SSH-2.0-") && !banner.starts_with("SSH-1.99-")
}

/// What came in place of an offer of algorithms.
fn not_offered(seen: &Seen) -> Option<&str> {
    let steps = &seen.observation.steps;
    steps.iter().find(|s| s.step == Step::KeyExchange && s.result != "ok").map(|s| s.result.as_str())
}

/// Kinds of algorithms of which the server has none that current clients take (RFC 9142, RFC 8332), with their names.
fn outdated(facts: &Facts) -> Vec<String> {
    let Some(offer) = facts.get::<Offer>(&metric::SSH_OFFER) else { return Vec::new() };
    let sha1 = |name: &str| name.ends_with("-sha1");
    let rsa_dss = |name: &str| matches!(name, "ssh-rsa" | "ssh-dss");
    let weak = |name: &str| name.ends_with("-cbc") || name.contains("-cbc@") || name.starts_with("arcfour");
    let kex: Vec<String> = offer.kex.into_iter().filter(|n| !is_signal(n)).collect();
    [
        all("key exchanges with SHA-1", &kex, sha1),
        all("host keys with SHA-1", &offer.host_keys, rsa_dss),
        all("ciphers (CBC, RC4)", &offer.ciphers, weak),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Names among the key exchanges that are none: extensions are announced with them (RFC 8308).
fn is_signal(name: &str) -> bool {
    name.starts_with("ext-info-") || name.starts_with("kex-strict-")
}

fn all(what: &str, names: &[String], old: impl Fn(&str) -> bool) -> Option<String> {
    let shown: Vec<&str> = names.iter().map(String::as_str).take(4).collect();
    (!names.is_empty() && names.iter().all(|n| old(n))).then(|| format!("{what} ({})", shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kex: &[&str], host_keys: &[&str], ciphers: &[&str]) -> Vec<String> {
        let mut facts = Facts::new();
        facts.set(&metric::SSH_OFFER, serde_json::json!({ "kex": kex, "host_keys": host_keys, "ciphers": ciphers }));
        outdated(&facts)
    }

    #[test]
    fn one_current_algorithm_of_each_kind_is_enough() {
        let old = ["diffie-hellman-group14-sha1", "ext-info-s"];
        assert_eq!(
            of(&["curve25519-sha256", old[0]], &["ssh-rsa", "ssh-ed25519"], &["aes128-cbc", "aes128-ctr"]),
            [""; 0]
        );
        let told = of(&old, &["ssh-rsa", "ssh-dss"], &["3des-cbc", "rijndael-cbc@lysator.liu.se"]);
        assert_eq!(told.len(), 3);
        assert_eq!(told[0], "key exchanges with SHA-1 (diffie-hellman-group14-sha1)");
        assert_eq!(of(&["ext-info-s"], &[], &[]), [""; 0], "nothing is offered, so nothing is old");
    }
}
