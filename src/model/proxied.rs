//! The two ways of a TCP rule where a proxy is configured, as `observed.direct` and `observed.proxy` show them, and what a
//! proxy answers. Judges nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::failure::{Failure, FailureKind, Step};
use super::metric::{self, Metric};
use super::observation::{Facts, Observation, Outcome, StepTiming};

/// One of the ways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WayTaken {
    pub status: WayStatus,
    /// The proxy that it leads through, `http://HOST:PORT` without any login; absent for the direct way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// Present where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Its layers.
    #[serde(default)]
    pub steps: Vec<StepTiming>,
    /// Facts in which the ways can differ.
    #[serde(default)]
    pub facts: Facts,
}

/// How one of the ways ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WayStatus {
    Ok,
    Failed,
    Skipped,
}

/// Facts of one way that can differ from the other's.
const TOLD: &[&Metric] = &[
    &metric::RTT_CONNECT_MS,
    &metric::TLS_VERSION,
    &metric::CERT_CHAIN,
    &metric::CERT_ROOT,
    &metric::HTTP_STATUS,
    &metric::HTTP_SERVER,
    &metric::REDIRECT,
    &metric::SUBPROTOCOL,
    &metric::HELD_S,
    &metric::BANNER,
    &metric::MET,
    &metric::ICMP,
    &metric::ICMP_FROM,
    &metric::ICMP_MEANING,
    &metric::PROXY_STATUS,
    &metric::PROXY_ANSWER,
    &metric::TURN_ERROR,
    &metric::FALLBACK,
];

impl WayTaken {
    /// What `seen` says of a way; `via` is the proxy that it led through.
    pub fn of(seen: &Observation, via: Option<String>) -> Self {
        let status = match seen.outcome {
            Outcome::Measured => WayStatus::Ok,
            Outcome::Failed(_) => WayStatus::Failed,
            Outcome::Skipped(_) => WayStatus::Skipped,
        };
        let mut facts = Facts::new();
        for metric in TOLD {
            if let Some(value) = seen.facts.get::<serde_json::Value>(metric) {
                facts.set(metric, value);
            }
        }
        Self { status, via, failure: seen.failure().cloned(), steps: seen.steps.clone(), facts }
    }

    /// It went through.
    pub fn is_ok(&self) -> bool {
        self.status == WayStatus::Ok
    }

    /// It failed, and so.
    pub fn failed_by(&self, kind: FailureKind) -> bool {
        self.failure.as_ref().is_some_and(|f| f.kind == kind)
    }

    /// The proxy let it through, whatever came after.
    pub fn tunnelled(&self) -> bool {
        self.steps.iter().any(|s| s.step == Step::Proxy && s.result == "ok")
    }
}

/// What a proxy that was reached answered. Nothing at all is an answer too: it hung up, or was silent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProxyAnswer {
    /// HTTP's status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// SOCKS5's reply (RFC 1928 section 6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<u8>,
    /// Schemes of login that it offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schemes: Vec<String>,
    /// A login was sent.
    #[serde(default)]
    pub login: bool,
    /// The error as a header of the proxy's own names it: Squid's `X-Squid-Error`, `Proxy-Status` (RFC 9209).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
