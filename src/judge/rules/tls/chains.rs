//! The chains of certificates that a run saw, one for each way of each check. Draws no conclusion.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::model::{CertRoot, Certificate, Check, metric};

/// The role of control names.
const CONTROL: &str = "control";

/// What `rtc-check serve` calls the authority that it makes for itself.
const RESPONDER: &str = "rtc-check throw-away authority";

/// How a chain came here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// There is no other.
    Only,
    /// Without the proxy that there is.
    Direct,
    /// Through this proxy.
    Proxy(String),
}

/// What a server, or somebody in its place, sent.
#[derive(Clone, Debug)]
pub(super) struct Chain<'a> {
    pub(super) check: &'a Check,
    pub(super) way: Way,
    pub(super) root: CertRoot,
    pub(super) sent: Vec<Certificate>,
}

/// Facts of one of two ways.
#[derive(Deserialize)]
struct OneWay {
    via: Option<String>,
    facts: Sent,
}

#[derive(Deserialize)]
struct Sent {
    cert_root: CertRoot,
    #[serde(default)]
    cert_chain: Vec<Certificate>,
}

/// Every chain; those of rtc-check's own responders show nothing.
pub(super) fn of(checks: &[Check]) -> Vec<Chain<'_>> {
    checks.iter().flat_map(of_check).filter(|c| !c.root.name.contains(RESPONDER)).collect()
}

fn of_check(check: &Check) -> Vec<Chain<'_>> {
    let one = |way: Way, sent: Sent| Chain { check, way, root: sent.cert_root, sent: sent.cert_chain };
    let direct: Option<OneWay> = check.observed.get(&metric::DIRECT);
    let proxy: Option<OneWay> = check.observed.get(&metric::PROXY);
    let ways = [
        direct.map(|way| one(Way::Direct, way.facts)),
        proxy.map(|way| one(Way::Proxy(way.via.unwrap_or_default()), way.facts)),
    ];
    let ways: Vec<Chain<'_>> = ways.into_iter().flatten().collect();
    let root: Option<CertRoot> = check.observed.get(&metric::CERT_ROOT);
    match root.filter(|_| ways.is_empty()) {
        Some(cert_root) => {
            let cert_chain = check.observed.get(&metric::CERT_CHAIN).unwrap_or_default();
            vec![one(Way::Only, Sent { cert_root, cert_chain })]
        }
        None => ways,
    }
}

impl Chain<'_> {
    /// Of a host that has nothing to do with the platform.
    pub(super) fn is_control(&self) -> bool {
        self.check.rule.is_none() && self.check.role.as_str() == CONTROL
    }

    /// The proxy that it came through.
    pub(super) fn proxy(&self) -> Option<&str> {
        match &self.way {
            Way::Proxy(via) => Some(via),
            _ => None,
        }
    }

    /// The server's port.
    pub(super) fn port(&self) -> Option<u16> {
        let via = || self.check.observed.get::<Map<String, Value>>(&metric::VIA);
        self.check.port.or_else(|| u16::try_from(via()?.get("port")?.as_u64()?).ok())
    }

    /// `rtc.example:443`.
    pub(super) fn place(&self) -> String {
        let host = match self.check.target.contains(':') {
            true => format!("[{}]", self.check.target),
            false => self.check.target.clone(),
        };
        self.port().map_or(host.clone(), |port| format!("{host}:{port}"))
    }

    /// The same with the address where the host is a name.
    pub(super) fn full_place(&self) -> String {
        match self.check.address.map(|a| a.to_string()).filter(|a| *a != self.check.target) {
            Some(address) => format!("{} ({address})", self.place()),
            None => self.place(),
        }
    }
}
