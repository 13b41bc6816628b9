//! `portal.captive`: a log-in page stands in the place of servers. One known page that came back as another shows it, or
//! status 511; what the run's own checks show does where two signs of different kinds agree.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use crate::model::web::{Product, ProductKind};
use crate::model::{Check, Finding, PageAnswer, ProbeKind, Status, Who, metric};
use crate::plan::Plan;

use super::resolvers::{self, Asked, ids, is_private};
use super::{dns_hijack, foreign};

/// What points to a portal.
struct Sign<'a> {
    /// It needs no other.
    is_enough: bool,
    words: String,
    /// Where to log in, as far as it is told.
    login: Option<String>,
    checks: Vec<&'a Check>,
}

/// One a run.
pub fn find(_: &Plan, checks: &[Check]) -> Vec<Finding> {
    let signs: Vec<Vec<Sign<'_>>> =
        vec![tampered(checks), announced(checks), redirected(checks), one_certificate(checks), one_address(checks)];
    let kinds = signs.iter().filter(|kind| !kind.is_empty()).count();
    let signs: Vec<Sign<'_>> = signs.into_iter().flatten().collect();
    if kinds < 2 && !signs.iter().any(|s| s.is_enough) {
        return Vec::new();
    }
    let login = signs.iter().find_map(|s| s.login.clone());
    let place = login.as_ref().map_or_else(|| "its log-in page".to_owned(), |to| format!("its log-in page {to}"));
    vec![Finding {
        id: "portal.captive".to_owned(),
        status: Status::Fail,
        title: "A captive portal answers in the place of servers".to_owned(),
        detail: format!(
            "This network answers for others until somebody logs in at {place}; calls, WebSockets and media do not get through before. What else this run shows of those servers is the portal's doing, and nothing for their operators."
        ),
        remedy: format!(
            "Log in at {place} with a browser on this machine, then run the check again; a machine without a browser has to be exempted by the network's administrator."
        ),
        who: Some(Who::ThisMachine),
        ask: vec![
            format!("log in at {place}, then run this check again"),
            "or exempt this machine (its MAC address) from the captive portal".to_owned(),
        ],
        evidence: signs.iter().map(|s| s.words.clone()).collect(),
        checks: ids(signs.iter().flat_map(|s| s.checks.iter().copied())),
        ..Finding::default()
    }]
}

/// A known page came back as another. An error of the page's own server is no portal's doing by itself.
fn tampered(checks: &[Check]) -> Vec<Sign<'_>> {
    let sign = |check| -> Option<Sign<'_>> {
        let page: PageAnswer = check_portal(check)?;
        let is_enough = page.status < 400 || page.status == 511;
        let words = format!("{} ({})", check.reason.trim_end_matches('.'), check.id);
        Some(Sign { is_enough, words: format!("{words}."), login: page.location, checks: vec![check] })
    };
    checks.iter().filter_map(sign).collect()
}

fn check_portal(check: &Check) -> Option<PageAnswer> {
    check.observed.get::<PageAnswer>(&metric::PORTAL).filter(|page| !page.same)
}

/// Something says itself that it is one: status 511 (RFC 6585), or the page of an access gateway.
fn announced(checks: &[Check]) -> Vec<Sign<'_>> {
    let sign = |check: &'_ Check| -> Option<String> {
        let product: Product = check.observed.get(&metric::SERVICE)?;
        let is_portal = product.kind == ProductKind::Portal && product.name.starts_with("a captive portal");
        is_portal.then(|| format!("{} was answered by {} ({}).", check.id, product.name, product.by))
    };
    let found = checks.iter().filter_map(|c| Some((c, sign(c)?)));
    let sign = |(check, words)| Sign { is_enough: true, words, login: location(check), checks: vec![check] };
    found.map(sign).collect()
}

fn location(check: &Check) -> Option<String> {
    check.observed.get(&metric::REDIRECT)
}

/// Several addresses send HTTP to one and the same host that is none of theirs.
fn redirected(checks: &[Check]) -> Vec<Sign<'_>> {
    let mut to: BTreeMap<String, Vec<&Check>> = BTreeMap::new();
    for check in checks.iter().filter(|c| c.probe == ProbeKind::Http && !c.observed.has(&metric::PORTAL)) {
        let Some(host) = location(check).as_deref().and_then(foreign::host_of) else { continue };
        // Whoever tests by addresses does not say whose names are the platform's.
        let unnamed = is_literal(&check.target) && !is_inside(&host);
        let own = |c: &Check| foreign::is_kin(&host, &c.target) || c.address.is_some_and(|a| a.to_string() == host);
        if !unnamed && !checks.iter().any(own) {
            to.entry(host).or_default().push(check);
        }
    }
    fn sign<'a>((host, of): (String, Vec<&'a Check>)) -> Option<Sign<'a>> {
        let inside = is_inside(&host);
        let enough =
            addresses(&of).len() >= 2 || (inside && of.iter().any(|c| c.address.is_some_and(|a| !is_private(a))));
        let places: Vec<String> = of.iter().map(|c| c.id.clone()).collect();
        let words = format!("HTTP of {} is redirected to {host}, which is no host of this run.", places.join(", "));
        let login = of.first().and_then(|c| location(c));
        enough.then_some(Sign { is_enough: false, words, login, checks: of })
    }
    to.into_iter().filter_map(sign).collect()
}

fn is_literal(target: &str) -> bool {
    target.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// An address inside a network, in place of a name.
fn is_inside(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(is_private)
}

/// Several names show one certificate that is for none of them; certificates seldom name addresses.
fn one_certificate(checks: &[Check]) -> Vec<Sign<'_>> {
    let mut by_leaf: BTreeMap<String, Vec<&Check>> = BTreeMap::new();
    for check in checks.iter().filter(|c| c.status == Status::Fail && !is_literal(&c.target)) {
        let chain: Value = check.observed.get(&metric::CERT_CHAIN).unwrap_or_default();
        let Some(leaf) = chain.get(0) else { continue };
        let names: Vec<&str> =
            leaf.get("names").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let sha256 = leaf.get("sha256").and_then(Value::as_str).unwrap_or_default();
        if !names.iter().any(|name| foreign::covers(name, &check.target)) {
            let subject = leaf.get("subject").and_then(Value::as_str).unwrap_or_default();
            by_leaf
                .entry(format!("{subject} (SHA-256 {}…)", sha256.get(..16).unwrap_or(sha256)))
                .or_default()
                .push(check);
        }
    }
    fn sign<'a>((leaf, of): (String, Vec<&'a Check>)) -> Option<Sign<'a>> {
        let targets: std::collections::BTreeSet<&str> = of.iter().map(|c| c.target.as_str()).collect();
        let several = targets.len() >= 2 && addresses(&of).len() >= 2;
        let targets: Vec<&str> = targets.into_iter().collect();
        let words =
            format!("TLS to {} is answered with one certificate that names none of them: {leaf}.", targets.join(", "));
        several.then_some(Sign { is_enough: false, words, login: None, checks: of })
    }
    by_leaf.into_iter().filter_map(sign).collect()
}

/// All names lead to the address that a resolver gives for names that cannot exist.
fn one_address(checks: &[Check]) -> Vec<Sign<'_>> {
    let asked = resolvers::asked(checks);
    let liars: Vec<&Asked<'_>> = asked.iter().filter(|a| !a.seen.lies().is_empty()).collect();
    let lies: Vec<IpAddr> = dns_hijack::addresses(&liars).into_iter().filter(|a| is_private(*a)).collect();
    let named: Vec<&Check> = checks.iter().filter(|c| c.observed.has(&metric::DNS_SERVERS)).collect();
    let led: Vec<&Check> = named.iter().copied().filter(|c| dns_hijack::is_led(c, &lies)).collect();
    if led.is_empty() || led.len() < named.len() {
        return Vec::new();
    }
    let list: Vec<String> = lies.iter().map(ToString::to_string).collect();
    let words = format!("Every name of the run resolves to {}, as do names that cannot exist.", list.join(", "));
    vec![Sign { is_enough: false, words, login: None, checks: led }]
}

fn addresses(checks: &[&Check]) -> std::collections::BTreeSet<IpAddr> {
    checks.iter().filter_map(|c| c.address).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::resolvers::fixture::check;
    use super::super::tests::plan;
    use super::*;

    fn redirected_to(target: &str, address: &str, to: &str) -> Check {
        let mut check = check(&format!("http/{target}"), target, Some(address), Status::Pass);
        check.probe = ProbeKind::Http;
        check.observed.set(&metric::REDIRECT, to);
        check
    }

    fn certified(target: &str, address: &str, name: &str) -> Check {
        let mut check = check(&format!("wss/{target}"), target, Some(address), Status::Fail);
        let leaf = json!([{ "subject": format!("CN={name}"), "names": [name], "sha256": "00112233445566778899" }]);
        check.observed.set(&metric::CERT_CHAIN, leaf);
        check
    }

    #[test]
    fn two_kinds_of_signs_show_it_and_one_does_not() {
        let http = [
            redirected_to("a.example", "192.0.2.1", "http://login.hotel.test/"),
            redirected_to("b.example.net", "192.0.2.2", "http://login.hotel.test/?u=2"),
        ];
        let tls = [
            certified("a.example", "192.0.2.1", "login.hotel.test"),
            certified("b.example.net", "192.0.2.2", "login.hotel.test"),
        ];
        assert!(find(&plan(), &http).is_empty(), "one log-in for several servers is usual");
        assert!(find(&plan(), &tls).is_empty(), "so is one certificate too few");
        let found = find(&plan(), &[&http[..], &tls].concat());
        assert_eq!(found.len(), 1);
        assert!(found[0].ask[0].contains("http://login.hotel.test/"), "{:?}", found[0]);
        assert_eq!(found[0].checks.len(), 4);
    }

    #[test]
    fn redirects_to_kin_and_certificates_of_one_host_are_no_sign() {
        let http = [
            redirected_to("a.example.com", "192.0.2.1", "https://login.example.com/"),
            redirected_to("b.example.com", "192.0.2.2", "https://login.example.com/"),
        ];
        let tls = [
            certified("a.example.com", "192.0.2.1", "other.test"),
            certified("a.example.com", "192.0.2.2", "other.test"),
        ];
        assert!(find(&plan(), &[&http[..], &tls].concat()).is_empty());
    }

    #[test]
    fn a_known_page_that_comes_back_as_another_is_enough_and_an_error_is_not() {
        let portal = |status, location: Option<&str>| {
            let mut check = check("portal.80/ok.example/192.0.2.9", "ok.example", Some("192.0.2.9"), Status::Warn);
            let location = location.map(str::to_owned);
            check
                .observed
                .set(&metric::PORTAL, PageAnswer { status, same: false, bytes: 0, begins: String::new(), location });
            check
        };
        assert_eq!(find(&plan(), &[portal(302, Some("http://login.hotel.test/"))]).len(), 1);
        assert_eq!(find(&plan(), &[portal(200, None)]).len(), 1);
        assert!(find(&plan(), &[portal(503, None)]).is_empty());
    }
}
