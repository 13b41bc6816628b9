//! `clock.wrong`: this machine's clock is so far off that certificates and logins that expire are refused.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use crate::model::{Check, ClockError, Failure, FailureKind, Finding, Status, Who, metric};
use crate::plan::Plan;

use super::resolvers::ids;

/// A larger error is wrong, in seconds; rtc-check's own limit. Kerberos allows five minutes, tokens (JWT) usually as many, and
/// logins to relays by the REST scheme live for minutes to hours.
const WRONG_S: f64 = 300.0;
/// Servers whose clocks differ by no more agree, in seconds.
const AGREE_S: f64 = 60.0;

/// A server's word on the time.
struct Word<'a> {
    check: &'a Check,
    error: ClockError,
}

/// One a run, where two servers agree, or one and a certificate that is valid at its time.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let words = words(checks);
    let Some(first) = words.first() else { return Vec::new() };
    let is_wrong = |w: &Word<'_>| w.error.error_s.abs() - w.error.within_s > WRONG_S;
    let agrees = |w: &Word<'_>| (w.error.error_s - first.error.error_s).abs() <= AGREE_S + w.error.within_s;
    // A server that contradicts leaves it open whose clock is wrong.
    if !words.iter().all(|w| is_wrong(w) && agrees(w)) {
        return Vec::new();
    }
    let refused: Vec<&Check> = checks.iter().filter(|c| would_be_valid(c, &first.error.server_time)).collect();
    if words.len() < 2 && refused.is_empty() {
        return Vec::new();
    }
    vec![finding(&words, &refused, &first.error)]
}

/// One word a server: names and addresses of one machine are not two.
fn words(checks: &[Check]) -> Vec<Word<'_>> {
    let mut hosts: BTreeMap<&str, Word<'_>> = BTreeMap::new();
    let mut addresses: Vec<IpAddr> = Vec::new();
    // A proxy that was asked for a page may date its answer itself.
    let by_server = |c: &&Check| !c.observed.has(&metric::PROXY) || c.observed.has(&metric::CERT_CHAIN);
    for check in checks.iter().filter(by_server) {
        let Some(error) = check.observed.get::<ClockError>(&metric::CLOCK_ERROR) else { continue };
        let is_new = check.address.is_none_or(|a| !addresses.contains(&a));
        addresses.extend(check.address);
        if is_new {
            hosts.entry(&check.target).or_insert(Word { check, error });
        }
    }
    hosts.into_values().collect()
}

/// A certificate was refused for its dates, and at `time` (RFC 3339 in UTC, which sorts as it stands) it is valid.
fn would_be_valid(check: &Check, time: &str) -> bool {
    let failure: Option<Failure> = check.observed.get(&metric::FAILURE);
    let chain: Value = check.observed.get(&metric::CERT_CHAIN).unwrap_or_default();
    let date = |key: &str| chain.get(0).and_then(|leaf| leaf.get(key)).and_then(Value::as_str).unwrap_or_default();
    failure.is_some_and(|f| matches!(f.kind, FailureKind::CertExpired | FailureKind::CertNotYetValid))
        && date("not_before") <= time
        && time <= date("not_after")
}

fn finding(words: &[Word<'_>], refused: &[&Check], first: &ClockError) -> Finding {
    let ahead = first.error_s > 0.0;
    let off = format!("{} {}", span(first.error_s.abs()), if ahead { "ahead" } else { "behind" });
    let certificates = match (refused.is_empty(), ahead) {
        (false, _) => format!("{} of the TLS checks failed for that alone: the certificates are valid.", refused.len()),
        (true, true) => "Certificates that end within that time are refused as expired.".to_owned(),
        (true, false) => "Certificates that were issued within that time are refused as not yet valid.".to_owned(),
    };
    let told = |w: &Word<'_>| {
        let address = w.check.address.map(|a| a.to_string()).filter(|a| *a != w.check.target);
        let (at, error) = (address.map(|a| format!(" ({a})")).unwrap_or_default(), &w.error);
        format!(
            "The HTTP answer of {}{at} was dated {}: this machine is {:.0} s {} it, within {:.1} s.",
            w.check.target,
            error.server_time,
            error.error_s.abs(),
            if ahead { "ahead of" } else { "behind" },
            error.within_s
        )
    };
    let failed =
        |c: &&Check| format!("{}: the certificate is refused for its dates, and valid at the servers' time.", c.id);
    Finding {
        id: "clock.wrong".to_owned(),
        status: if refused.is_empty() { Status::Warn } else { Status::Fail },
        title: format!("This machine's clock is {off}"),
        detail: format!(
            "{certificates} Tokens (JWT) and logins to relays that hold for a time (TURN REST) are made and checked against the right time, and are refused as well."
        ),
        remedy: format!(
            "{}Set the clock and have it kept by NTP (chrony, systemd-timesyncd, w32time), for which UDP 123 to its time server has to pass; in a virtual machine also by its host. The times in this report are this machine's own.",
            whole_hours(first).unwrap_or_default()
        ),
        who: Some(Who::ThisMachine),
        ask: vec![format!("set this machine's clock, which is {off}, and keep it by NTP")],
        evidence: words.iter().map(told).chain(refused.iter().map(failed)).collect(),
        checks: ids(words.iter().map(|w| w.check).chain(refused.iter().copied())),
        ..Finding::default()
    }
}

/// An error of whole hours is a matter of time zones rather than of a clock that runs wrong.
fn whole_hours(error: &ClockError) -> Option<String> {
    let hours = (error.error_s.abs() / 3600.0).round();
    let is_whole = hours >= 1.0 && (error.error_s.abs() - hours * 3600.0).abs() <= AGREE_S.min(5.0 + error.within_s);
    (is_whole && hours <= 14.0).then(|| {
        format!(
            "It is {hours:.0} h to the second, as a wrong time zone or summer time makes it, or a hardware clock that is read as local time and holds UTC or the other way round: look there first (timedatectl), because NTP alone may not last. "
        )
    })
}

/// `3 days 4 h`, `2 h 5 min`, `7 min`.
fn span(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        (1, _) => format!("1 day {hours} h"),
        _ => format!("{days} days {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::resolvers::fixture::check;
    use super::super::tests::plan;
    use super::*;
    use crate::model::Step;

    fn dated(target: &str, address: &str, error_s: f64) -> Check {
        let mut check = check(&format!("http/{target}/{address}"), target, Some(address), Status::Pass);
        let error = ClockError { error_s, within_s: 0.6, server_time: "2026-11-21T20:00:00Z".to_owned() };
        check.observed.set(&metric::CLOCK_ERROR, error);
        check
    }

    fn refused(not_before: &str, not_after: &str) -> Check {
        let mut check = check("wss/b.example", "b.example", Some("192.0.2.2"), Status::Fail);
        check.observed.set(&metric::FAILURE, Failure::new(Step::Tls, FailureKind::CertExpired, "expired"));
        check.observed.set(&metric::CERT_CHAIN, json!([{ "not_before": not_before, "not_after": not_after }]));
        check
    }

    #[test]
    fn two_servers_that_agree_show_it_and_one_does_not() {
        let (a, b) = (dated("a.example", "192.0.2.1", 7200.0), dated("b.example", "192.0.2.2", 7201.0));
        let found = find(&plan(), &[a.clone(), b]);
        assert_eq!((found.len(), found[0].status), (1, Status::Warn));
        assert!(found[0].title.contains("2 h 0 min ahead"), "{:?}", found[0]);
        for alone in [
            vec![a.clone()],
            vec![a.clone(), dated("a.example", "2001:db8::1", 7200.0)],
            vec![a.clone(), dated("alias.example", "192.0.2.1", 7200.0)],
            vec![a.clone(), dated("b.example", "192.0.2.2", 0.0)],
            vec![dated("a.example", "192.0.2.1", 200.0), dated("b.example", "192.0.2.2", 200.0)],
        ] {
            assert!(find(&plan(), &alone).is_empty(), "{alone:?}");
        }
    }

    #[test]
    fn one_server_and_a_certificate_that_is_valid_at_its_time_show_it_too() {
        let server = dated("a.example", "192.0.2.1", 90.0 * 86_400.0);
        let good = refused("2026-10-01T00:00:00Z", "2026-12-01T00:00:00Z");
        let found = find(&plan(), &[server.clone(), good]);
        assert_eq!((found.len(), found[0].status), (1, Status::Fail));
        assert_eq!(found[0].checks.len(), 2);
        let old = refused("2025-10-01T00:00:00Z", "2026-01-01T00:00:00Z");
        assert!(find(&plan(), &[server, old]).is_empty(), "expired at any time");
    }
}
