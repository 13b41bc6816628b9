//! SSH's identification, and the algorithms that it offers.

use crate::model::{Facts, Seen, SshOffer, Status, Step, metric};

pub fn status(seen: &Seen) -> Status {
    let facts = &seen.observation.facts;
    match (banner(facts), offer(facts)) {
        (None, _) => Status::Unknown,
        (Some(banner), _) if is_old(&banner) => Status::Warn,
        _ if not_offered(seen).is_some() => Status::Warn,
        (_, None) => Status::Unknown,
        (_, Some(offer)) if lacking(&offer).is_some() || !outdated(offer.clone()).is_empty() => Status::Warn,
        _ => Status::Pass,
    }
}

pub fn words(seen: &Seen) -> String {
    let facts = &seen.observation.facts;
    let Some(banner) = banner(facts) else {
        return "was reached, and its identification was not recorded: nothing is known of it".to_owned();
    };
    if is_old(&banner) {
        return format!("answered {banner}, a version that current clients refuse: update the server");
    }
    if let Some(why) = not_offered(seen) {
        return format!(
            "identified itself as {banner} and began no key exchange ({why}): it may have banned this address (fail2ban), be full (MaxStartups) or be a tarpit; look at the server's log"
        );
    }
    let Some(offer) = offer(facts) else {
        return format!("identified itself as {banner}, and what algorithms it offers was not recorded");
    };
    if let Some(what) = lacking(&offer) {
        return format!(
            "identified itself as {banner} and offers no {what}, so nobody can log in there: look at its configuration and host keys"
        );
    }
    match outdated(offer).as_slice() {
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
    seen.observation.trouble_at(Step::KeyExchange)
}

fn offer(facts: &Facts) -> Option<SshOffer> {
    let mut offer: SshOffer = facts.get(&metric::SSH_OFFER)?;
    offer.kex.retain(|name| !is_signal(name));
    Some(offer)
}

/// What every session needs and the server has none of (RFC 4253 section 7.1).
fn lacking(offer: &SshOffer) -> Option<&'static str> {
    match offer {
        SshOffer { kex, .. } if kex.is_empty() => Some("key exchange"),
        SshOffer { host_keys, .. } if host_keys.is_empty() => Some("host key"),
        SshOffer { ciphers, .. } if ciphers.is_empty() => Some("cipher"),
        _ => None,
    }
}

/// Kinds of algorithms of which the server has none that current clients take (RFC 9142, RFC 8332), with their names.
fn outdated(offer: SshOffer) -> Vec<String> {
    let sha1 = |name: &str| name.ends_with("-sha1");
    let rsa_dss = |name: &str| matches!(name, "ssh-rsa" | "ssh-dss");
    let weak = |name: &str| name.ends_with("-cbc") || name.contains("-cbc@") || name.starts_with("arcfour");
    [
        all("key exchanges with SHA-1", &offer.kex, sha1),
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
    use std::time::Duration;

    use super::*;
    use crate::model::{Failure, FailureKind, Observation, Planned, ProbeKind};

    fn of(kex: &[&str], host_keys: &[&str], ciphers: &[&str]) -> SshOffer {
        let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        SshOffer { kex: names(kex), host_keys: names(host_keys), ciphers: names(ciphers), macs: Vec::new() }
    }

    fn seen(banner: Option<&str>, offer: Option<SshOffer>, trouble: bool) -> Seen {
        let mut observation = Observation::new(ProbeKind::Ssh);
        if let Some(banner) = banner {
            observation.facts.set(&metric::BANNER, banner);
        }
        if let Some(offer) = offer {
            observation.facts.set(&metric::SSH_OFFER, offer);
        }
        if trouble {
            observation.step_noted(&Failure::new(Step::KeyExchange, FailureKind::Closed, "closed"), Duration::ZERO);
        }
        Seen { of: Planned::Item(0), address: None, observation, started_ms: 0, duration_ms: 0 }
    }

    #[test]
    fn one_current_algorithm_of_each_kind_is_enough() {
        let old = ["diffie-hellman-group14-sha1"];
        let good = of(&["curve25519-sha256", old[0]], &["ssh-rsa", "ssh-ed25519"], &["aes128-cbc", "aes128-ctr"]);
        assert_eq!(outdated(good), [""; 0]);
        let told = outdated(of(&old, &["ssh-rsa", "ssh-dss"], &["3des-cbc", "rijndael-cbc@lysator.liu.se"]));
        assert_eq!(told.len(), 3);
        assert_eq!(told[0], "key exchanges with SHA-1 (diffie-hellman-group14-sha1)");
    }

    #[test]
    fn only_a_current_offer_passes() {
        let good = || Some(of(&["curve25519-sha256"], &["ssh-ed25519"], &["aes128-ctr"]));
        for (banner, offer, trouble, worth, part) in [
            (Some("SSH-2.0-x"), good(), false, Status::Pass, "answered SSH-2.0-x"),
            (Some("SSH-1.5-x"), None, false, Status::Warn, "current clients refuse"),
            (Some("SSH-2.0-x"), None, true, Status::Warn, "began no key exchange (closed: closed)"),
            (Some("SSH-2.0-x"), Some(SshOffer::default()), false, Status::Warn, "offers no key exchange"),
            (Some("SSH-2.0-x"), Some(of(&["ext-info-s"], &["a"], &["b"])), false, Status::Warn, "no key exchange"),
            (Some("SSH-2.0-x"), Some(of(&["a"], &[], &["b"])), false, Status::Warn, "offers no host key"),
            (Some("SSH-2.0-x"), Some(of(&["a"], &["b"], &[])), false, Status::Warn, "offers no cipher"),
            (Some("SSH-2.0-x"), None, false, Status::Unknown, "was not recorded"),
            (None, good(), false, Status::Unknown, "was not recorded"),
        ] {
            let seen = seen(banner, offer, trouble);
            assert!(status(&seen) == worth && words(&seen).contains(part), "{}", words(&seen));
        }
    }
}
