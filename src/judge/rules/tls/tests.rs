use std::net::IpAddr;

use super::*;
use crate::judge::judge;
use crate::judge::tests::meta;
use crate::model::{CertRoot, Certificate, FailureKind, Host, Inspection, Observation, Planned, Seen};
use crate::plan::{Pin, Request};

const A: &str = "192.0.2.1";
const PROFILE: &str = r#"
name = "p"
title = "P"
vantages = ["client"]
[inspection]
source = { document = "D", section = "S", row = "inspection is allowed" }
[roles.rtc]
description = "the platform"
[roles.updates]
description = "a public host"
hosts = ["updates.vendor.test"]
[https.page]
to = "rtc"
port = 443
need = "required"
source = { document = "D", section = "S", row = "R" }
[wss.gateway]
to = "rtc"
port = 8989
need = "required"
source = { document = "D", section = "S", row = "R" }
[https.updates]
to = "updates"
port = 443
need = "required"
source = { document = "D", section = "S", row = "R" }
"#;

fn root(standing: RootStanding, name: &str) -> CertRoot {
    let (name, key_sha256) = (format!("CN={name}"), Some(name.to_owned()));
    CertRoot { standing, name, key_sha256, key_id: None, inspection: None }
}

fn public() -> CertRoot {
    root(RootStanding::Public, "Public Root")
}

fn private() -> CertRoot {
    root(RootStanding::Private, "Corp Root")
}

fn inspected(standing: RootStanding, local: bool) -> CertRoot {
    let product = if local { "Avast" } else { "Zscaler" };
    let issuer = format!("CN={product} Root");
    let inspection = Some(Inspection { product: product.to_owned(), issuer, local });
    CertRoot { inspection, ..root(standing, product) }
}

/// What a handshake showed.
fn shown(probe: ProbeKind, root: &CertRoot) -> Observation {
    let mut seen = Observation::new(probe);
    seen.facts.set(&metric::CERT_ROOT, root);
    let leaf = Certificate { issuer: root.name.clone(), ..Certificate::default() };
    seen.facts.set(&metric::CERT_CHAIN, [leaf]);
    seen
}

/// A plan of the profile and what was seen of it.
struct Bench {
    request: Request,
    seen: Vec<(&'static str, Observation)>,
}

impl Bench {
    fn new() -> Self {
        let host: Host = "rtc.platform.test".parse().unwrap();
        let request = Request { targets: [("rtc".into(), vec![host])].into(), ..Request::default() };
        Self { request, seen: Vec::new() }
    }

    fn pinned(mut self, issuer: &str) -> Self {
        self.request.pins.push(Pin { role: None, issuer: issuer.parse().unwrap() });
        self
    }

    fn control(mut self, host: &str, root: &CertRoot) -> Self {
        self.request.controls.push((host.parse().unwrap(), 443));
        self.seen.push(("control", shown(ProbeKind::Tls, root)));
        self
    }

    fn saw(mut self, rule: &'static str, seen: Observation) -> Self {
        self.seen.push((rule, seen));
        self
    }

    fn https(self, root: &CertRoot) -> Self {
        self.saw("page", shown(ProbeKind::Http, root))
    }

    fn wss(self, root: &CertRoot) -> Self {
        self.saw("gateway", shown(ProbeKind::Ws, root))
    }

    fn findings(self) -> Vec<Finding> {
        let profile = crate::profile::load("p.toml", PROFILE).unwrap_or_else(|e| panic!("{e}"));
        let plan = Plan::new(&profile, &self.request).unwrap();
        let seen: Vec<Seen> = self
            .seen
            .into_iter()
            .map(|(what, observation)| {
                let trial = plan.trials.iter().position(|t| t.role.as_str() == what).map(Planned::Trial);
                let item = plan.items.iter().position(|i| i.rule.id.as_str() == what).map(Planned::Item);
                let of = trial.or(item).unwrap();
                Seen { of, address: Some(A.parse::<IpAddr>().unwrap()), observation, started_ms: 0, duration_ms: 0 }
            })
            .collect();
        let mut found = judge(&plan, &seen, &meta(false)).findings;
        found.retain(|f| f.id.starts_with("tls."));
        found
    }

    /// The only finding.
    fn one(self) -> Finding {
        let mut found = self.findings();
        assert_eq!(found.len(), 1, "{found:#?}");
        found.remove(0)
    }
}

fn says(finding: &Finding, words: &str) {
    assert!(finding.evidence.iter().any(|e| e.contains(words)), "{words:?} is not in {:#?}", finding.evidence);
}

#[test]
fn public_roots_are_no_finding_and_a_private_one_alone_is_a_note() {
    assert_eq!(Bench::new().https(&public()).wss(&public()).findings(), []);
    let note = Bench::new().https(&private()).wss(&private()).one();
    assert_eq!((note.id.as_str(), note.status, note.checks.len()), ("tls.private-root", Status::Pass, 2));
    assert!(note.detail.contains("rtc.platform.test:443, rtc.platform.test:8989"), "{}", note.detail);
    // A page of the operator's own and a gateway with a certificate of its own making.
    let mixed = Bench::new().https(&public()).wss(&private()).one();
    assert_eq!(mixed.id, "tls.private-root");
    // The check says it.
    assert_eq!(Bench::new().https(&root(RootStanding::Untrusted, "Unknown")).findings(), []);
    let own = root(RootStanding::Private, "rtc-check throw-away authority");
    assert_eq!(Bench::new().https(&own).findings(), []);
}

#[test]
fn an_expected_authority_is_no_finding_and_another_one_is_interception() {
    assert_eq!(Bench::new().pinned("corp root").https(&private()).findings(), []);
    let found = Bench::new().pinned("Platform CA").https(&private()).wss(&private()).one();
    assert_eq!((found.id.as_str(), found.status, found.who), ("tls.interception", Status::Warn, Some(Who::Inspection)));
    says(&found, "should be by \"Platform CA\" (by --pin) and is by \"CN=Corp Root\"");
    says(&found, "(transparently)");
    says(&found, "inspection is allowed");
    says(&found, "the WebSocket upgrades; whether it stays open is shown by --hold");
    let ask = "exempt rtc.platform.test:443 (192.0.2.1) from TLS inspection";
    assert_eq!((found.ask.len(), found.ask[0].as_str()), (2, ask));
}

#[test]
fn another_public_authority_than_expected_is_no_interception() {
    let found = Bench::new().pinned("Platform CA").https(&public()).one();
    assert_eq!((found.id.as_str(), found.status), ("tls.issuer", Status::Warn));
}

#[test]
fn one_private_issuer_of_unrelated_hosts_is_interception() {
    let found = Bench::new().https(&private()).control("www.control.test", &private()).one();
    assert_eq!((found.id.as_str(), found.status, found.checks.len()), ("tls.interception", Status::Warn, 2));
    says(&found, "rtc.platform.test:443 (192.0.2.1) and of the control name www.control.test:443 (192.0.2.1)");
    assert_eq!(found.ask.len(), 1, "nobody needs the control name exempted");
    // A host that the document fixes is as good.
    let fixed = Bench::new().https(&private()).saw("updates", shown(ProbeKind::Http, &private())).one();
    assert_eq!(fixed.id, "tls.interception");
    says(&fixed, "public host updates.vendor.test:443");
    // The control name is its own, or of the same domain.
    assert_eq!(Bench::new().https(&private()).control("www.control.test", &public()).one().id, "tls.private-root");
    assert_eq!(Bench::new().https(&private()).control("www.platform.test", &private()).one().id, "tls.private-root");
    // The platform is exempt from what is done to others.
    let others = Bench::new().https(&public());
    let others = others.control("www.control.test", &private()).control("www.other.test", &private());
    assert!(others.findings().iter().all(|f| f.status == Status::Pass));
}

#[test]
fn a_product_by_its_own_name_is_interception_trusted_or_not() {
    let trusted = Bench::new().https(&inspected(RootStanding::Private, false)).one();
    assert_eq!((trusted.id.as_str(), trusted.status), ("tls.interception", Status::Warn));
    says(&trusted, "calls itself \"CN=Zscaler Root\", which is Zscaler");
    let mut refused = shown(ProbeKind::Http, &inspected(RootStanding::Untrusted, false));
    let failure = Failure::new(Step::Tls, FailureKind::CertUnknownIssuer, "the chain ends at an unknown issuer");
    refused.step_failed(failure, std::time::Duration::ZERO);
    let untrusted = Bench::new().saw("page", refused).one();
    assert_eq!(untrusted.status, Status::Fail);
    assert!(untrusted.remedy.contains("install the authority \"Zscaler\""), "{}", untrusted.remedy);
    let local = Bench::new().https(&inspected(RootStanding::Private, true)).one();
    assert_eq!(local.who, Some(Who::ThisMachine));
    assert!(local.title.contains("on this machine"), "{}", local.title);
}

#[test]
fn a_websocket_that_is_cut_makes_it_a_failure() {
    let mut cut = shown(ProbeKind::Ws, &inspected(RootStanding::Private, false));
    let failure = Failure::new(Step::Hold, FailureKind::HoldCut, "the connection was closed after 10 s");
    cut.step_failed(failure, std::time::Duration::ZERO);
    let found = Bench::new().https(&inspected(RootStanding::Private, false)).saw("gateway", cut).one();
    assert_eq!((found.status, found.checks.len()), (Status::Fail, 2));
    says(&found, "does not get through (the connection was closed after 10 s)");
    let mut held = shown(ProbeKind::Ws, &inspected(RootStanding::Private, false));
    held.facts.set(&metric::HELD_S, 30.0);
    let found = Bench::new().saw("gateway", held).one();
    assert_eq!(found.status, Status::Warn);
    says(&found, "still open after 30 s");
}

/// Both ways of a check.
fn ways(direct: Option<&CertRoot>, proxy: &CertRoot) -> Observation {
    let mut seen = shown(ProbeKind::Http, proxy);
    let facts = |root: Option<&CertRoot>| root.map(|r| serde_json::json!({ "cert_root": r })).unwrap_or_default();
    seen.facts.set(&metric::DIRECT, serde_json::json!({ "status": "ok", "facts": facts(direct) }));
    let through = serde_json::json!({ "status": "ok", "via": "http://p.test:3128", "facts": facts(Some(proxy)) });
    seen.facts.set(&metric::PROXY, through);
    seen
}

#[test]
fn ways_that_differ_show_the_proxy_and_ways_that_do_not_show_the_way() {
    let by_proxy = Bench::new().saw("page", ways(Some(&public()), &private())).one();
    assert_eq!(
        (by_proxy.id.as_str(), by_proxy.title.as_str()),
        ("tls.interception", "TLS is intercepted by the proxy")
    );
    says(&by_proxy, "\"CN=Corp Root\" through the proxy http://p.test:3128 and \"CN=Public Root\" directly");
    let transparent = Bench::new().saw("page", ways(Some(&private()), &public())).one();
    assert_eq!(transparent.title, "TLS is intercepted on the way");
    says(&transparent, "the proxy's is not");
    let zscaler = inspected(RootStanding::Private, false);
    let both = Bench::new().saw("page", ways(Some(&zscaler), &zscaler)).one();
    says(&both, "as the one through the proxy http://p.test:3128 is");
    let only = Bench::new().saw("page", ways(None, &zscaler)).one();
    assert_eq!(only.title, "TLS is intercepted behind the proxy");
    assert_eq!(Bench::new().saw("page", ways(Some(&private()), &private())).one().id, "tls.private-root");
}

#[test]
fn https_alone_that_is_private_beside_public_ports_is_interception() {
    let found = Bench::new().https(&private()).wss(&public()).one();
    assert_eq!((found.id.as_str(), found.checks.len()), ("tls.interception", 1));
    says(&found, "rtc.platform.test:8989 of the same host the public root \"CN=Public Root\"");
}
